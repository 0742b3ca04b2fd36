"""Colours for the rows or columns of a sparse matrix: those of one colour are computed together, and told apart afterwards.

Both kinds of colouring are greedy: each row in turn gets the first colour that it may have, those with most neighbours first.
networkx's own greedy colouring gives as many colours; writing 100,000 rows of 18 neighbours into a graph for it takes seconds, and this
a third of one. Its saturation order (DSATUR) saves one colour in twelve on a stencil, at a thousand times the cost.
"""

from collections.abc import Callable
from itertools import count as count_from
from typing import Any

import numpy as np

from .patterns import Pattern

Near = list[list[int]]
"""For each row its neighbours."""

Taken = Callable[[Near, int, list[int], list[int]], set[int]]
"""`taken(near, v, colours, sizes)`: the colours that v cannot have, where `sizes` says how many rows have each; -1 is no colour yet."""


def apart(p: Pattern) -> Any:
    """A colour for each row, such that no two rows of one colour have a place in the same column.

    Examples
    --------
    >>> from memograd.patterns import pattern_of
    >>> apart(pattern_of((4, 4), [0, 1, 1, 2, 2, 3], [0, 0, 1, 1, 2, 3]))
    array([1, 0, 1, 0])
    """
    rows = p.shape[0]
    return np.arange(rows) if rows <= _most(p.T) else _greedy(p @ p.T, _others)  # one column may meet them all


def fewer(p: Pattern) -> tuple[bool, Any]:
    """Whether to take rows together, or columns, and the colours of those: whichever needs fewer.

    The longest row is a bound for the colours of the columns, the longest column for those of the rows, so that often one will do.
    """
    sides = {True: p, False: p.T}
    first = _most(p) >= _most(p.T)
    colours = {first: apart(sides[first])}
    if count(colours[first]) > _most(sides[first]) and not sides[True].same_as(sides[False]):
        colours[not first] = apart(sides[not first])
    best = min(colours, key=lambda by_rows: count(colours[by_rows]))
    return best, colours[best]


def starred(p: Pattern) -> Any:
    """A colour for each row of a symmetric pattern, such that neighbours differ and every path of four has three colours.

    Then of the entries (i, j) and (j, i), which are equal, one stands alone in the sum of its colour: a star colouring.

    Notes
    -----
    The greedy method of Gebremedhin, Manne and Pothen (2005), those with most neighbours first.

    Examples
    --------
    >>> from memograd.patterns import pattern_of
    >>> starred(pattern_of((4, 4), [0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]))  # a band
    array([1, 0, 1, 2])
    """
    return _greedy(p, _ends_of_paths)


def _greedy(meeting: Pattern, taken: Taken) -> Any:
    """A colour for each row of a symmetric pattern, whose places say which rows are neighbours."""
    columns, starts = meeting.columns.tolist(), meeting.starts.tolist()
    near = [[j for j in columns[starts[i] : starts[i + 1]] if j != i] for i in range(meeting.shape[0])]
    colours, sizes = [-1] * len(near), [0] * len(near)
    for v in sorted(range(len(near)), key=lambda i: -len(near[i])):
        never = taken(near, v, colours, sizes)
        colours[v] = next(c for c in count_from(0) if c not in never)
        sizes[colours[v]] += 1
    return np.array(colours, int)


def _others(near: Near, v: int, colours: list[int], sizes: list[int]) -> set[int]:
    """Those of its neighbours."""
    return {colours[w] for w in near[v]}


def _ends_of_paths(near: Near, v: int, colours: list[int], sizes: list[int]) -> set[int]:
    """Those of its neighbours, and those with which v would be the end of a path of two colours."""
    taken: set[int] = set()
    for w in near[v]:
        own = colours[w]
        if own < 0:
            taken.update(colours[x] for x in near[w])  # whatever w will be, v and x must differ
            continue
        taken.add(own)
        if sizes[own] > 1:  # otherwise no other has that colour: one that is everybody's neighbour costs nothing
            taken.update(colours[x] for x in near[w] if x != v and any(colours[u] == own for u in near[x] if u != w))
    return taken


def count(colours: Any) -> int:
    """How many colours there are."""
    return int(np.max(colours, initial=-1)) + 1


def _most(p: Pattern) -> int:
    """The length of the longest row."""
    return int(np.max(p.lengths, initial=0))
