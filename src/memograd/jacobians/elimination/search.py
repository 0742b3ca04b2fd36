"""Choice of the cheapest among several elimination orders, by counting their multiplications."""

from dataclasses import dataclass

from ...text import table_lines
from .annealing import anneal, effective_steps, single_edges
from .graph import LinearisedDag
from .markowitz import final_degrees, markowitz_order
from .moves import EliminationStep
from .operation_count import EliminationGraph, OrderCost, count_operations

MAX_INNER_VERTICES = {
    "reverse": 200_000,
    "forward": 200_000,
    "Markowitz": 200_000,
    "relative Markowitz": 2_000,
    "search": 2_000,
    "edges": 2_000,
}
"""Orders that are tried, each with the most inner vertices of a DAG on which it is."""

MAX_PRODUCTS = 5_000_000
"""Products after which the count of an order is given up."""

SEARCH_EFFORT = 1_000_000
"""Products that a search counts by default: less than half a second."""


@dataclass(frozen=True)
class EliminationOrders:
    """Result of the search for an elimination order; prints as a table.

    Attributes
    ----------
    order : list of int, Front or Back
        The inner vertices in the order of their elimination, and the edges that are eliminated by
        themselves.
    name : str
        Name of the order.
    counts : dict of str to int
        The multiplications of each order that was counted.
    skipped : dict of str to str
        The orders that were not counted, each with the reason.
    units_free : bool
        The rule of counting: whether a product with an edge that is known to be 1 or -1 costs
        nothing.
    """

    order: list[EliminationStep]
    name: str
    counts: dict[str, int]
    skipped: dict[str, str]
    units_free: bool

    @property
    def multiplications(self) -> int | None:
        """Multiplications of the order that is taken; None if none could be counted."""
        return self.counts.get(self.name)

    def __str__(self) -> str:
        rule = "those with 1 and -1 are free" if self.units_free else "every product"
        vertices = sum(isinstance(step, int) for step in self.order)
        rows = [
            (name, f"{n:,}", "taken" if name == self.name else "")
            for name, n in self.counts.items()
        ]
        rows += [(name, "skipped", why) for name, why in self.skipped.items()]
        title = f"{vertices:,} vertices; multiplications, {rule}:"
        return "\n".join([title, *table_lines("  <20>12  <", rows)])


def find_elimination_order(
    dag: LinearisedDag, *, units_free: bool = True, effort: int = SEARCH_EFFORT, seed: int = 0
) -> EliminationOrders:
    """Return the cheapest of several orders, and of what a search finds from the best of these.

    The orders are reverse, forward, Markowitz and relative Markowitz. One search moves vertices.
    Another, a quarter as long, also eliminates single edges.

    Parameters
    ----------
    dag : LinearisedDag
        The graph to be accumulated.
    units_free : bool
        Whether a product with an edge that is known to be 1 or -1 costs nothing, as it does when
        the order is executed. Otherwise every product counts, |before| × |after| per vertex, as in
        the literature.
    effort : int
        Products that the search may count, over all its rounds; 0 for no search.
    seed : int
        Seed of the search. The same DAG, effort and seed give the same order.

    Returns
    -------
    EliminationOrders
        The order and the costs. Time is bounded on DAGs of any size; orders that were skipped are
        named.

    Examples
    --------
    >>> from memograd.jacobians.elimination.graph import build_dag
    >>> partials = {2: {0: None, 1: None}, 3: {2: None}, 4: {3: None}, 5: {3: None}}
    >>> dag = build_dag([0, 1], [4, 5], partials)
    >>> print(find_elimination_order(dag))
    2 vertices; multiplications, those with 1 and -1 are free:
      reverse                        6  taken
      forward                        6
      Markowitz                      6
      relative Markowitz             6
      search                         6
      edges                          6
    """
    inner = dag.inner
    names = [name for name, most in MAX_INNER_VERTICES.items() if len(inner) <= most]
    costs = try_orders(dag, names, units_free, effort, seed) if names else {}
    skipped = {
        name: (
            f"more than {MAX_PRODUCTS:,} products"
            if name in names
            else f"more than {most:,} vertices"
        )
        for name, most in MAX_INNER_VERTICES.items()
        if name not in costs
    }
    counts = {name: cost.multiplications for name, cost in costs.items()}
    if not costs:
        return EliminationOrders(list(inner[::-1]), "reverse", counts, skipped, units_free)
    name = cheapest_name(costs)
    return EliminationOrders(list(costs[name].order), name, counts, skipped, units_free)


def try_orders(
    dag: LinearisedDag, names: list[str], units_free: bool, effort: int, seed: int
) -> dict[str, OrderCost]:
    """Return the costs of those of the named orders that are counted to their end.

    Parameters
    ----------
    dag : LinearisedDag
        The graph to be accumulated.
    names : list of str
        Names of orders, keys of `MAX_INNER_VERTICES`.
    units_free, effort, seed
        As for :func:`find_elimination_order`.

    Returns
    -------
    dict of str to OrderCost
        In the order of the names.
    """
    start, inner = EliminationGraph(dag, units_free), dag.inner
    costs: dict[str, OrderCost] = {}
    for name in names:
        cost: OrderCost | None = None
        match name:
            case "reverse":
                cost = count_operations(start, inner[::-1], work=MAX_PRODUCTS)
            case "forward":
                cost = count_operations(start, inner, work=MAX_PRODUCTS)
            case "Markowitz":
                cost = markowitz_order(start, inner, work=MAX_PRODUCTS)
            case "relative Markowitz":
                cost = markowitz_order(start, inner, final_degrees(dag), MAX_PRODUCTS)
            case "search" if costs:
                cost = anneal(start, costs[cheapest_name(costs)], effort, seed)
            case "edges" if costs:
                best, edges = costs[cheapest_name(costs)], single_edges(dag)
                cost = anneal(start, best, effort // 4, seed, edges)
                cost = cost._replace(order=effective_steps(start, cost.order))
        if cost is not None:
            costs[name] = cost
    return costs


def cheapest_name(costs: dict[str, OrderCost]) -> str:
    """Return the name of the order with the fewest multiplications, the first of several."""
    return min(costs, key=lambda name: costs[name].multiplications)
