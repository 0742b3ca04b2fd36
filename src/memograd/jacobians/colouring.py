"""Colouring of the rows or columns of a sparse matrix; one colour is computed together.

Both kinds of colouring are greedy: each row in turn gets the first colour that it may have, those
with most neighbours first. networkx's greedy colouring needs as many colours, but writing 100,000
rows of 18 neighbours into a graph for it takes seconds, and this takes a third of one. Its
saturation order (DSATUR) saves one colour in twelve on a stencil, at a thousand times the cost.

References
----------
A. H. Gebremedhin, F. Manne and A. Pothen, "What color is your Jacobian? Graph coloring for
computing derivatives", SIAM Review 47 (2005).
"""

from collections.abc import Callable
from itertools import count as count_from
from typing import Any, NamedTuple

import numpy as np

from .sparsity_pattern import Pattern

NeighbourLists = list[list[int]]
"""Neighbours of each row."""

ForbiddenColours = Callable[[NeighbourLists, int, list[int], list[int]], set[int]]
"""``forbidden(neighbours, v, colours, sizes)``: the colours that row v must not have.

`colours` are those of all rows, -1 for none yet; `sizes` says how many rows have each colour.
"""


def colour_rows(p: Pattern) -> Any:
    """Return a colour for each row, such that rows of one colour have no column in common.

    This is a distance-1 colouring of the graph in which rows with a common column are neighbours.

    Examples
    --------
    >>> from memograd.jacobians.sparsity_pattern import pattern_of
    >>> colour_rows(pattern_of((4, 4), [0, 1, 1, 2, 2, 3], [0, 0, 1, 1, 2, 3]))
    array([1, 0, 1, 0])
    """
    rows = p.shape[0]
    if rows <= np.max(p.T.lengths, initial=0):  # one column has all rows: all are neighbours
        return np.arange(rows)
    return _colour_greedily(p @ p.T, _neighbour_colours)


class Colouring(NamedTuple):
    """Partition of the rows or columns of a matrix into groups to be computed together.

    Attributes
    ----------
    by_rows : bool
        Whether rows are grouped, or columns.
    together : array of int
        Colour of each row (column).
    alone : array of int
        Colour of each column (row) that is computed by itself; -1 for the others.
    """

    by_rows: bool
    together: Any
    alone: Any

    @property
    def number(self) -> int:
        """Number of colours on both sides."""
        return count_colours(self.together) + count_colours(self.alone)


def best_colouring(p: Pattern) -> Colouring:
    """Colour rows that share no column, or columns that share no row, whichever needs fewer.

    A long column would force all its rows apart. Such columns (rows) are left out and computed by
    themselves.

    References
    ----------
    T. F. Coleman and A. Verma, "The efficient computation of sparse Jacobian matrices using
    automatic differentiation", SIAM Journal on Scientific Computing 19 (1998).

    Examples
    --------
    >>> from memograd.jacobians.sparsity_pattern import pattern_of
    >>> arrow = pattern_of((4, 4), [0, 0, 0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 2, 3, 0, 1, 0, 2, 0, 3])
    >>> best_colouring(arrow)
    Colouring(by_rows=True, together=array([0, 1, 1, 1]), alone=array([ 0, -1, -1, -1]))
    """
    sides = {True: p, False: p.T}
    bounds = {True: _colour_bound(sides[False]), False: _colour_bound(sides[True])}
    by_rows = bounds[True] <= bounds[False]
    first = _colour_side(by_rows, sides[by_rows])
    if first.number <= bounds[not by_rows] or p.same_as(p.T):
        return first
    second = _colour_side(not by_rows, sides[not by_rows])
    return min(first, second, key=lambda colouring: colouring.number)


def _colour_side(by_rows: bool, p: Pattern) -> Colouring:
    """Colour the rows of p; `by_rows` says whether those are rows or columns of the matrix."""
    across = p.T
    is_alone = across.lengths > _max_kept_length(across)
    together = colour_rows(across.without(is_alone).T)
    return Colouring(by_rows, together, np.where(is_alone, np.cumsum(is_alone) - 1, -1))


def _max_kept_length(p: Pattern) -> int:
    """Return the length of the longest row that is kept.

    It minimises the number of rows that are longer, each computed by itself, plus the length, which
    bounds the colours of the rest.
    """
    lengths = np.sort(np.append(p.lengths, 0))[::-1]
    return int(lengths[np.argmin(np.arange(lengths.size) + lengths)])


def _colour_bound(p: Pattern) -> int:
    """Return the least possible number of colours if the columns of p are coloured."""
    longest = _max_kept_length(p)
    return longest + int(np.sum(p.lengths > longest))


def star_colouring(p: Pattern) -> Any:
    """Colour the rows of a symmetric pattern so that two colours never join more than stars.

    Neighbours differ, and every path of four rows has three colours at least. Then one of the equal
    entries (i, j) and (j, i) is the only one in its column of the sum of its colour.

    References
    ----------
    The greedy method of Gebremedhin, Manne and Pothen (2005), rows with most neighbours first.

    Examples
    --------
    >>> from memograd.jacobians.sparsity_pattern import pattern_of
    >>> star_colouring(pattern_of((4, 4), [0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]))  # a band
    array([1, 0, 1, 2])
    """
    return _colour_greedily(p, _star_forbidden_colours)


def _colour_greedily(adjacency: Pattern, forbidden: ForbiddenColours) -> Any:
    """Return a colour for each row of a symmetric pattern whose entries join neighbours."""
    columns, starts = adjacency.columns.tolist(), adjacency.starts.tolist()
    count = adjacency.shape[0]
    neighbours = [[j for j in columns[starts[i] : starts[i + 1]] if j != i] for i in range(count)]
    colours, sizes = [-1] * count, [0] * count
    for v in sorted(range(count), key=lambda i: -len(neighbours[i])):
        excluded = forbidden(neighbours, v, colours, sizes)
        colours[v] = next(c for c in count_from(0) if c not in excluded)
        sizes[colours[v]] += 1
    return np.array(colours, int)


def _neighbour_colours(
    neighbours: NeighbourLists, v: int, colours: list[int], sizes: list[int]
) -> set[int]:
    """Return the colours of v's neighbours."""
    return {colours[w] for w in neighbours[v]}


def _star_forbidden_colours(
    neighbours: NeighbourLists, v: int, colours: list[int], sizes: list[int]
) -> set[int]:
    """Return the colours of v's neighbours, and those that would end a path of two colours at v."""
    excluded: set[int] = set()
    for w in neighbours[v]:
        own = colours[w]
        if own < 0:
            # whatever colour w gets, v and x must differ
            excluded.update(colours[x] for x in neighbours[w])
            continue
        excluded.add(own)
        # If no other row has w's colour, no path has it twice. Without this test a row that is
        # everybody's neighbour makes the colouring quadratic.
        if sizes[own] > 1:
            excluded.update(
                colours[x]
                for x in neighbours[w]
                if x != v and any(colours[u] == own for u in neighbours[x] if u != w)
            )
    return excluded


def count_colours(colours: Any) -> int:
    """Return the number of colours."""
    return int(np.max(colours, initial=-1)) + 1
