"""Layered layout in plain Python: order of the nodes in each row, then their columns.

A long edge passes each row that it crosses at a place of its own, so that no arrow runs through a
box.

References
----------
K. Sugiyama, S. Tagawa, M. Toda: Methods for visual understanding of hierarchical system structures.
IEEE Transactions on Systems, Man, and Cybernetics 11 (1981): dummy nodes, order by barycentre.
R. E. Barlow, D. J. Bartholomew, J. M. Bremner, H. D. Brunk: Statistical Inference under Order
Restrictions (1972): pool-adjacent-violators algorithm, which places a row.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from itertools import pairwise

Rows = list[list[int]]
Neighbours = dict[int, list[int]]

SWEEPS = 12
"""Number of passes over the rows, for the order as for the columns."""

BEND_WEIGHT = 4.0
"""Weight of a bend beside a box's 1: long edges are rather straight than their ends centred."""

GAPS = (1.0, 0.65, 0.3)
"""Least distance of neighbours in a row, in columns, by how many of the two are bends."""


class LayeredGraph:
    """Rows of nodes and of bends; all its edges lead from a row to the next one.

    Attributes
    ----------
    rows : list of list of int
        Nodes and bends from left to right. Bends have negative numbers.
    chains : dict
        Edge that crosses rows to its bends.
    above, below : dict
        Node or bend to its neighbours in the row before and in the row after.
    """

    def __init__(self, layer: dict[int, int], edges: Iterable[tuple[int, int]]) -> None:
        self.rows: Rows = [[] for _ in range(max(layer.values()) + 1)]
        self.chains: dict[tuple[int, int], list[int]] = {}
        for n in sorted(layer):
            self.rows[layer[n]].append(n)
        self.above: Neighbours = {n: [] for n in layer}
        self.below: Neighbours = {n: [] for n in layer}
        following = -1
        for o, c in edges:
            bends = list(range(following, following - (layer[c] - layer[o] - 1), -1))
            following -= len(bends)
            for row, bend in enumerate(bends, layer[o] + 1):
                self.rows[row].append(bend)
                self.above[bend], self.below[bend] = [], []
            if bends:
                self.chains[o, c] = bends
            for upper, lower in zip([o, *bends], [*bends, c], strict=True):
                self.below[upper].append(lower)
                self.above[lower].append(upper)

    def order_rows(self) -> None:
        """Order each row by the barycentres of its neighbours; keep the order that crosses least.

        Rows are ordered downwards and upwards in turn.
        """
        best, fewest = [row[:] for row in self.rows], self.crossings()
        for sweep in range(SWEEPS):
            if not fewest:
                break
            down = sweep % 2 == 0
            rows = self.rows if down else self.rows[::-1]
            side = self.above if down else self.below
            for fixed, row in pairwise(rows):
                at = {n: k for k, n in enumerate(fixed)}
                here = {n: k for k, n in enumerate(row)}
                centre = {n: mean([at[m] for m in side[n]], here[n]) for n in row}
                row.sort(key=centre.__getitem__)
            if (count := self.crossings()) < fewest:
                best, fewest = [row[:] for row in self.rows], count
        self.rows = best

    def crossings(self) -> int:
        """Return how many pairs of edges cross."""
        count = 0
        for upper, lower in pairwise(self.rows):
            at = {n: k for k, n in enumerate(lower)}
            passed: list[int] = []
            for n in upper:
                ends = sorted(at[m] for m in self.below[n])
                count += sum(len(passed) - bisect_right(passed, end) for end in ends)
                for end in ends:
                    insort(passed, end)
        return count

    def place_columns(self) -> dict[int, float]:
        """Return the column of each node and bend: near its neighbours, in the order of its row.

        Rows are placed below the ones above them and above the ones below them in turn.
        """
        column = {n: float(k) for row in self.rows for k, n in enumerate(row)}
        for sweep in range(SWEEPS):
            down = sweep % 2 == 0
            side = self.above if down else self.below
            for row in self.rows if down else self.rows[::-1]:
                wanted = [mean([column[m] for m in side[n]], column[n]) for n in row]
                weights = [BEND_WEIGHT if n < 0 else 1.0 for n in row]
                column |= zip(row, spread(wanted, weights, offsets(row)), strict=True)
        left = min(column.values())
        return {n: round(x - left, 4) for n, x in column.items()}


def mean(places: Sequence[float], default: float) -> float:
    """Return the mean of places, or the default if there are none."""
    return sum(places) / len(places) if places else default


def offsets(row: Sequence[int]) -> list[float]:
    """Return the least distance of each node of a row from the first one."""
    least = [0.0]
    for n, m in pairwise(row):
        least.append(least[-1] + GAPS[(n < 0) + (m < 0)])
    return least


def spread(
    wanted: Sequence[float], weights: Sequence[float], least: Sequence[float]
) -> list[float]:
    """Return the places nearest to the wanted ones that are as far apart as they must be.

    Without the distances `least`, the places must not decrease: neighbours that would are pooled at
    their weighted mean, which is the solution of least squares.
    """
    pools: list[tuple[float, float, int]] = []
    for place, weight, distance in zip(wanted, weights, least, strict=True):
        pool = (place - distance, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            (x, v, count), (y, w, more) = pools.pop(), pool
            pool = ((v * x + w * y) / (v + w), v + w, count + more)
        pools.append(pool)
    level = [x for x, _, count in pools for _ in range(count)]
    return [x + distance for x, distance in zip(level, least, strict=True)]
