"""Operation count of an elimination, from the edges alone, without the numbers on them.

Eliminating vertex v gives each p before it and each s after it the product (p → v) · (v → s), which
is added to the edge p → s if there is one, and removes the edges at v. **The rule of counting**:
one multiplication per product, |before| × |after| per vertex; sums cost nothing. If units are free,
a product with an edge that is known to be 1 or -1 costs nothing either. The product of two such
edges is known again; a sum is not.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from .graph import LinearisedDag
from .moves import Back, EliminationStep, Front

Edges = dict[int, set[int]]
"""Edges of a graph: for each vertex the vertices at the other end."""


class EliminationGraph:
    """Edges of a DAG during an elimination.

    Attributes
    ----------
    before, after : dict of int to set of int
        For each vertex, the vertices from which edges come, and those to which edges go.
    units_before, units_after : dict of int to set of int
        Those of them whose edges are known to be 1 or -1; none if units are not free.
    units : bool
        Whether there are such edges.
    multiplications, products : int
        Multiplications so far; and products, which include those that cost nothing and thus measure
        the work of the elimination.
    """

    __slots__ = (
        "after",
        "before",
        "multiplications",
        "products",
        "units",
        "units_after",
        "units_before",
    )

    def __init__(self, dag: LinearisedDag, units_free: bool) -> None:
        self.before: Edges = {v: set() for v in dag.inputs}
        self.before |= {v: set(row) for v, row in dag.partials.items()}
        self.after = transpose_edges(self.before)
        self.units_before: Edges = {
            v: {p for p, d in dag.partials.get(v, {}).items() if units_free and type(d) is int}
            for v in self.before
        }
        self.units_after = transpose_edges(self.units_before)
        self.units = any(self.units_before.values())
        self.multiplications = self.products = 0

    def copy(self) -> "EliminationGraph":
        """Return a copy that can be eliminated by itself."""
        new = EliminationGraph.__new__(EliminationGraph)
        new.units = self.units
        new.multiplications = self.multiplications
        new.products = self.products
        new.before = copy_edges(self.before)
        new.after = copy_edges(self.after)
        new.units_before = copy_edges(self.units_before) if self.units else self.units_before
        new.units_after = copy_edges(self.units_after) if self.units else self.units_after
        return new

    def markowitz_degree(self, v: int) -> int:
        """Return the multiplications that eliminating v takes now."""
        operands = len(self.before[v]) - len(self.units_before[v])
        return operands * (len(self.after[v]) - len(self.units_after[v]))

    def eliminate(self, v: int) -> None:
        """Eliminate the vertex v."""
        before, after = self.before[v], self.after[v]
        products = len(before) * len(after)
        self.products += products
        if self.units:
            self.multiplications += self.markowitz_degree(v)
            self._update_units(v, before, after)
            drop_vertex(self.units_after, before, v)
            drop_vertex(self.units_before, after, v)
        else:
            self.multiplications += products
        connect_neighbours(self.after, before, after, v)
        connect_neighbours(self.before, after, before, v)
        before.clear()
        after.clear()

    def eliminate_edge(self, edge: Front | Back) -> bool:
        """Eliminate an edge if it exists; return whether it does."""
        p, s = edge
        if s not in self.after[p]:
            return False
        if type(edge) is Front:
            v, before, after = s, {p}, self.after[s]
        else:
            v, before, after = p, self.before[p], {s}
        self.products += len(before) * len(after)
        factors = len(before - self.units_before[v])
        self.multiplications += factors * len(after - self.units_after[v])
        if self.units:
            self._update_units(v, before, after)
        for n in before:
            self.after[n] |= after
        for n in after:
            self.before[n] |= before
        for edges in (self.after, self.units_after):
            edges[p].discard(s)
        for edges in (self.before, self.units_before):
            edges[s].discard(p)
        return True

    def _update_units(self, v: int, before: set[int], after: set[int]) -> None:
        """Update the known units for the products of the edges before → v with those v → after."""
        units_before, units_after = self.units_before[v], self.units_after[v]
        propagate_units(
            self.units_after, units_before, units_after & after, self.after, before, after
        )
        propagate_units(
            self.units_before, units_after, units_before & before, self.before, after, before
        )


def connect_neighbours(edges: Edges, ends: set[int], others: set[int], v: int) -> None:
    """Replace the edge from each of `ends` to v by edges to all of `others`."""
    for p in ends:
        row = edges[p]
        row |= others
        row.discard(v)


def drop_vertex(edges: Edges, ends: set[int], v: int) -> None:
    """Remove the edges from `ends` to v."""
    for p in ends:
        edges[p].discard(v)


def propagate_units(
    units: Edges, here: set[int], there: set[int], edges: Edges, ends: set[int], others: set[int]
) -> None:
    """Update which edges from `ends` to `others` are known to be 1 or -1.

    Parameters
    ----------
    units : dict of int to set of int
        The known edges, which are updated.
    here, there : set of int
        Vertices at the ends whose edges to the eliminated vertex are known.
    edges : dict of int to set of int
        All edges, as they were before.
    ends, others : set of int
        Vertices between which products are added.
    """
    for p in ends:
        known = units[p]
        if known:
            known -= others  # a sum is not known
        if p in here:
            known |= there - edges[p]


def transpose_edges(edges: Edges) -> Edges:
    """Return the same edges by their other ends."""
    transposed: Edges = {v: set() for v in edges}
    for v, row in edges.items():
        for p in row:
            transposed[p].add(v)
    return transposed


def copy_edges(edges: Edges) -> Edges:
    """Return a copy with sets of its own."""
    return {v: row.copy() for v, row in edges.items()}


class OrderCost(NamedTuple):
    """Elimination order, its multiplications, and its products, including those that are free."""

    order: Sequence[EliminationStep]
    multiplications: int
    products: int


def count_operations(
    start: EliminationGraph,
    order: Sequence[EliminationStep],
    most: float = math.inf,
    work: float = math.inf,
) -> OrderCost | None:
    """Return the cost of an elimination order.

    Parameters
    ----------
    start : EliminationGraph
        The graph to be eliminated.
    order : sequence of int, Front or Back
        The steps. An edge that does not exist, or no longer, costs nothing.
    most, work : float
        Most multiplications, and most products, that are counted.

    Returns
    -------
    OrderCost or None
        None if the order takes more than `most` multiplications or `work` products.

    Examples
    --------
    >>> from memograd.jacobians.elimination.graph import build_dag
    >>> dag = build_dag([0], [3, 4], {1: {0: None}, 2: {1: None}, 3: {2: None}, 4: {2: None}})
    >>> count_operations(EliminationGraph(dag, units_free=True), [1, 2])
    OrderCost(order=[1, 2], multiplications=3, products=3)
    >>> count_operations(EliminationGraph(dag, units_free=True), [2, 1]).multiplications
    4
    """
    graph = start.copy()
    for step in order:
        if isinstance(step, int):
            graph.eliminate(step)
        else:
            graph.eliminate_edge(step)
        if graph.multiplications > most or graph.products > work:
            return None
    return OrderCost(order, graph.multiplications, graph.products)
