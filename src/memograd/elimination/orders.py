"""The orders of elimination, counted; the cheapest of them is taken."""

from dataclasses import dataclass

from .annealing import annealed
from .counting import Counted, Structure, counted
from .graph import Linearised
from .greedy import last_prices, markowitz

PRODUCTS = 5_000_000
"""An order that takes more is not counted to its end."""

SEARCHED = 2_000
"""Among the orders of more vertices nothing is searched."""

QUICK = ("reverse", "forward", "Markowitz")
"""The orders that are tried on DAGs of any size."""

EFFORT = 1_000_000
"""Products that the search may count, unless it is told: less than half a second."""


@dataclass(frozen=True)
class Orders:
    """What was found: prints as a table.

    Attributes
    ----------
    order : list of int
        The inner vertices, in the order to eliminate them in.
    name : str
        Which of the orders it is.
    counts : dict of str to int
        The multiplications of each that was counted.
    skipped : dict of str to str
        The orders that were not counted, and why.
    units_free : bool
        The rule of counting: whether a product with an edge that is known to be 1 or -1 costs nothing.
    """

    order: list[int]
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
        lines = [f"{len(self.order):,} vertices; multiplications, {rule}:"]
        lines += [f"  {name:<20}{n:>12,}{'  taken' if name == self.name else ''}" for name, n in self.counts.items()]
        lines += [f"  {name:<20}{'skipped':>12}  {why}" for name, why in self.skipped.items()]
        return "\n".join(lines)


def ordered(dag: Linearised, *, units_free: bool = True, effort: int = EFFORT, seed: int = 0) -> Orders:
    """The cheapest of reverse, forward, Markowitz, relative Markowitz, and what a search finds from the best of these.

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
    >>> from memograd.elimination.graph import linear
    >>> dag = linear([0, 1], [4, 5], {2: {0: None, 1: None}, 3: {2: None}, 4: {3: None}, 5: {3: None}})
    >>> print(ordered(dag))
    2 vertices; multiplications, those with 1 and -1 are free:
      reverse                        6  taken
      forward                        6
      Markowitz                      6
      relative Markowitz             6
      search                         6
    """
    start, inner = Structure(dag, units_free), dag.inner
    few = len(inner) <= SEARCHED
    tried = {
        "reverse": counted(start, inner[::-1], work=PRODUCTS),
        "forward": counted(start, inner, work=PRODUCTS),
        "Markowitz": markowitz(start, inner, work=PRODUCTS),
        "relative Markowitz": markowitz(start, inner, last_prices(dag), PRODUCTS) if few else None,
    }
    found = {name: end for name, end in tried.items() if end is not None}
    if few and found:
        found["search"] = annealed(start, found[cheapest(found)], effort, seed)
    many, long = f"more than {SEARCHED:,} vertices", f"more than {PRODUCTS:,} products"
    skipped = {name: long if few or name in QUICK else many for name in (*tried, "search") if name not in found}
    name = cheapest(found) if found else "reverse"
    counts = {name: end.multiplications for name, end in found.items()}
    return Orders(found[name].order if found else inner[::-1], name, counts, skipped, units_free)


def cheapest(found: dict[str, Counted]) -> str:
    """The name of the order with the fewest multiplications, the first of several."""
    return min(found, key=lambda name: found[name].multiplications)
