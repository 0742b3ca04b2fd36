"""The orders of elimination, counted; the cheapest of them is taken."""

from dataclasses import dataclass

from .annealing import annealed, edges_of, taken
from .graph import Linearised
from .markowitz import last_prices, markowitz
from .moves import Step
from .operation_count import Counted, Structure, counted

MOST = {"reverse": 200_000, "forward": 200_000, "Markowitz": 200_000, "relative Markowitz": 2_000, "search": 2_000, "edges": 2_000}
"""The orders that are tried, each on DAGs of at most so many inner vertices."""

PRODUCTS = 5_000_000
"""An order that takes more is not counted to its end."""

EFFORT = 1_000_000
"""Products that the search may count, unless it is told: less than half a second."""


@dataclass(frozen=True)
class Orders:
    """What was found: prints as a table.

    Attributes
    ----------
    order : list of int, Front or Back
        The inner vertices, in the order to eliminate them in, and the edges that go before.
    name : str
        Which of the orders it is.
    counts : dict of str to int
        The multiplications of each that was counted.
    skipped : dict of str to str
        The orders that were not counted, and why.
    units_free : bool
        The rule of counting: whether a product with an edge that is known to be 1 or -1 costs nothing.
    """

    order: list[Step]
    name: str
    counts: dict[str, int]
    skipped: dict[str, str]
    units_free: bool

    @property
    def multiplications(self) -> int | None:
        """Those of the order that is taken; None where none could be counted."""
        return self.counts.get(self.name)

    def __str__(self) -> str:
        rule = "those with 1 and -1 are free" if self.units_free else "every product"
        vertices = sum(isinstance(step, int) for step in self.order)
        lines = [f"{vertices:,} vertices; multiplications, {rule}:"]
        lines += [f"  {name:<20}{n:>12,}{'  taken' if name == self.name else ''}" for name, n in self.counts.items()]
        lines += [f"  {name:<20}{'skipped':>12}  {why}" for name, why in self.skipped.items()]
        return "\n".join(lines)


def ordered(dag: Linearised, *, units_free: bool = True, effort: int = EFFORT, seed: int = 0) -> Orders:
    """The cheapest of reverse, forward, Markowitz, relative Markowitz, and what a search finds from the best of these.

    The search moves vertices; a second one, a quarter as long, also lets single edges go by themselves.

    Parameters
    ----------
    dag : Linearised
        What is to be accumulated.
    units_free : bool
        Whether a product with an edge that is known to be 1 or -1 costs nothing, as is true when the order is carried out; or every
        product counts, |before| × |after| a vertex, as in the literature.
    effort : int
        How many products the search may count, over all its rounds; 0 for no search.
    seed : int
        Of the search. The same DAG, effort and seed give the same order.

    Returns
    -------
    Orders
        Bounded in time on DAGs of any size: what was skipped is named.

    Examples
    --------
    >>> from memograd.jacobians.elimination.graph import linear
    >>> dag = linear([0, 1], [4, 5], {2: {0: None, 1: None}, 3: {2: None}, 4: {3: None}, 5: {3: None}})
    >>> print(ordered(dag))
    2 vertices; multiplications, those with 1 and -1 are free:
      reverse                        6  taken
      forward                        6
      Markowitz                      6
      relative Markowitz             6
      search                         6
      edges                          6
    """
    inner = dag.inner
    tried = [name for name, most in MOST.items() if len(inner) <= most]
    found = attempts(dag, tried, units_free, effort, seed) if tried else {}
    skipped = {
        name: f"more than {PRODUCTS:,} products" if name in tried else f"more than {most:,} vertices"
        for name, most in MOST.items()
        if name not in found
    }
    counts = {name: end.multiplications for name, end in found.items()}
    name = cheapest(found) if found else "reverse"
    return Orders(list(found[name].order if found else inner[::-1]), name, counts, skipped, units_free)


def attempts(dag: Linearised, tried: list[str], units_free: bool, effort: int, seed: int) -> dict[str, Counted]:
    """What those of the orders take that are counted to their end."""
    start, inner, found = Structure(dag, units_free), dag.inner, dict[str, Counted]()
    for name in tried:
        match name:
            case "reverse" | "forward":
                end = counted(start, inner if name == "forward" else inner[::-1], work=PRODUCTS)
            case "Markowitz" | "relative Markowitz":
                end = markowitz(start, inner, last_prices(dag) if name != "Markowitz" else None, PRODUCTS)
            case "search":
                end = annealed(start, found[cheapest(found)], effort, seed) if found else None
            case _:
                end = annealed(start, found[cheapest(found)], effort // 4, seed, edges_of(dag)) if found else None
                end = end and end._replace(order=taken(start, end.order))
        if end is not None:
            found[name] = end
    return found


def cheapest(found: dict[str, Counted]) -> str:
    """The name of the order with the fewest multiplications, the first of several."""
    return min(found, key=lambda name: found[name].multiplications)
