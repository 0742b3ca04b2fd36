"""What an elimination multiplies: who has an edge to whom, without the numbers on them.

Eliminating vertex v gives each p before it and each s after it the product (p → v) · (v → s), added to the edge p → s where there
is one, and takes the edges at v away. **The rule of counting**: one multiplication a product, |before| × |after| a vertex; sums cost
nothing. Where units are free, a product with an edge that is known to be 1 or -1 costs nothing either; the product of two such is known
again, a sum is not.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from .graph import Linearised
from .moves import Back, Front, Step


class Structure:
    """The edges of a DAG while it is taken apart.

    Attributes
    ----------
    before, after : dict of int to set of int
        For each vertex: from where edges come to it, and to where they go.
    units_before, units_after : dict of int to set of int
        Those of them that are known to be 1 or -1; where units are not free, none.
    multiplications, products : int
        How many there were; products are also those that cost nothing, and so the work of taking the DAG apart.
    """

    __slots__ = ("after", "before", "multiplications", "products", "units", "units_after", "units_before")

    def __init__(self, dag: Linearised, units_free: bool) -> None:
        self.before: dict[int, set[int]] = {v: set() for v in dag.inputs}
        self.before |= {v: set(row) for v, row in dag.partials.items()}
        self.after = turned(self.before)
        known = {v: {p for p, d in dag.partials.get(v, {}).items() if units_free and type(d) is int} for v in self.before}
        self.units, self.units_before, self.units_after = any(known.values()), known, turned(known)
        self.multiplications = self.products = 0

    def copy(self) -> "Structure":
        """One of its own, to be taken apart."""
        new = Structure.__new__(Structure)
        new.units, new.multiplications, new.products = self.units, self.multiplications, self.products
        new.before, new.after = copied(self.before), copied(self.after)
        new.units_before = copied(self.units_before) if self.units else self.units_before
        new.units_after = copied(self.units_after) if self.units else self.units_after
        return new

    def price(self, v: int) -> int:
        """The multiplications that eliminating v takes now."""
        return (len(self.before[v]) - len(self.units_before[v])) * (len(self.after[v]) - len(self.units_after[v]))

    def eliminate(self, v: int) -> None:
        """Take the vertex v away."""
        before, after = self.before[v], self.after[v]
        products = len(before) * len(after)
        self.products += products
        if self.units:
            self.multiplications += self.price(v)
            self.spread(v, before, after)
            drop(self.units_after, before, v)
            drop(self.units_before, after, v)
        else:
            self.multiplications += products
        join(self.after, before, after, v)
        join(self.before, after, before, v)
        before.clear()
        after.clear()

    def take(self, edge: Front | Back) -> bool:
        """Take an edge away, if it is there."""
        p, s = edge
        if s not in self.after[p]:
            return False
        v, before, after = (s, {p}, self.after[s]) if type(edge) is Front else (p, self.before[p], {s})
        self.products += len(before) * len(after)
        self.multiplications += len(before - self.units_before[v]) * len(after - self.units_after[v])
        if self.units:
            self.spread(v, before, after)
        for n in before:
            self.after[n] |= after
        for n in after:
            self.before[n] |= before
        for edges, a, b in ((self.after, p, s), (self.units_after, p, s), (self.before, s, p), (self.units_before, s, p)):
            edges[a].discard(b)
        return True

    def spread(self, v: int, before: set[int], after: set[int]) -> None:
        """Which edges are known, once those from `before` to v are multiplied with those from v to `after`."""
        spread(self.units_after, self.units_before[v], self.units_after[v] & after, self.after, before, after)
        spread(self.units_before, self.units_after[v], self.units_before[v] & before, self.before, after, before)


def join(edges: dict[int, set[int]], ends: set[int], others: set[int], v: int) -> None:
    """The edges from each of `ends` to all of `others`, in the place of the one to v."""
    for p in ends:
        row = edges[p]
        row |= others
        row.discard(v)


def drop(edges: dict[int, set[int]], ends: set[int], v: int) -> None:
    """The edges from `ends` to v go."""
    for p in ends:
        edges[p].discard(v)


def spread(
    units: dict[int, set[int]], here: set[int], there: set[int], edges: dict[int, set[int]], ends: set[int], others: set[int]
) -> None:
    """Which edges from `ends` to `others` are known, when those of `ends` that are `here` meet those of `others` that are `there`."""
    for p in ends:
        known = units[p]
        if known:
            known -= others  # what something is added to
        if p in here:
            known |= there - edges[p]


def turned(edges: dict[int, set[int]]) -> dict[int, set[int]]:
    """The same edges, seen from the other end."""
    found: dict[int, set[int]] = {v: set() for v in edges}
    for v, row in edges.items():
        for p in row:
            found[p].add(v)
    return found


def copied(edges: dict[int, set[int]]) -> dict[int, set[int]]:
    """A copy, sets and all."""
    return {v: row.copy() for v, row in edges.items()}


class Counted(NamedTuple):
    """An order, the multiplications that it takes, and its products, those that cost nothing among them."""

    order: Sequence[Step]
    multiplications: int
    products: int


def counted(start: Structure, order: Sequence[Step], most: float = math.inf, work: float = math.inf) -> Counted | None:
    """What eliminating in this order takes; None where it is more than `most` multiplications, or than `work` products.

    An edge that is not there, or not any more, takes nothing.

    >>> from memograd.jacobians.elimination.graph import linear
    >>> dag = linear([0], [3, 4], {1: {0: None}, 2: {1: None}, 3: {2: None}, 4: {2: None}})
    >>> counted(Structure(dag, units_free=True), [1, 2])
    Counted(order=[1, 2], multiplications=3, products=3)
    >>> counted(Structure(dag, units_free=True), [2, 1]).multiplications
    4
    """
    state = start.copy()
    for step in order:
        if isinstance(step, int):
            state.eliminate(step)
        else:
            state.take(step)
        if state.multiplications > most or state.products > work:
            return None
    return Counted(order, state.multiplications, state.products)
