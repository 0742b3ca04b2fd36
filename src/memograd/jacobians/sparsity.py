"""Sparse Jacobians and Hessians: which entries there can be, from the program alone; and those entries, a few rows or columns at a time.

Rows that share no column can be pulled together: their sum still shows each entry by itself. So can columns be pushed
that share no row. A colouring says which ones go together, and an array of places where each entry is found again.
"""

from collections.abc import Callable, Iterator
from functools import reduce
from operator import or_
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from ..errors import NotDifferentiableError
from ..memory.memory import Memory, leading_to
from ..program.steps import ARGS, OP, Operand, Step, Steps, uses_in
from ..rules.indexing import replace
from ..rules.registration import RULES
from ..solver.recursion import cast, checked, grad_node, scalar
from ..tape.node import Node
from ..text import describe, library
from ..transforms.batched_products import pulled_rows, pushed_columns
from .colouring import count, fewest, starred
from .sparsity_pattern import Pattern, diagonal, empty
from .sparsity_propagation import link


def pattern(y: Node, x: Node) -> Pattern:
    """Which entries of ∂y/∂x, of shape (y.size, x.size), can be other than zero, whatever values the leaves have.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> pattern(np.diff(x * x), x).dense.astype(int)
    array([[1, 1, 0],
           [0, 1, 1]])
    """
    found = empty((y.size, x.size))
    for n, p in patterns(y, x):
        found = p if n == y.id else found
    return found


def patterns(y: Node, x: Node) -> Iterator[tuple[int, Pattern]]:
    """The nodes between x and y in order, each with the pattern of its Jacobian by x."""
    steps = y.tape._memory.steps
    found = {x.id: diagonal(x.size)}
    yield x.id, found[x.id]
    between = sorted(leading_to(y.tape._memory, y.id, first=x.id + 1))
    last = {o: c for c in between for o in uses_in(steps[c][ARGS])}
    for c in between:
        parts = [_through(steps, c, k, found[o]) for o, k in _counting(steps[c]) if o in found]
        if parts:
            found[c] = reduce(or_, parts)
            yield c, found[c]
        for o in uses_in(steps[c][ARGS]):
            if last[o] == c:
                found.pop(o, None)  # a long program need not hold them all


def hessian_pattern(L: Node, x: Node) -> Pattern:
    """Which entries of ∂²L/∂x² can be other than zero: what the gradient's own program shows in both triangles."""
    with L.tape.scratch():
        p = pattern(grad_node(L, x), x)
    return p & p.T


def _counting(step: Step) -> list[tuple[int, int]]:
    """The operands of a node for which its rule has a line, each with its position."""
    lines = RULES[step[OP]].lines
    return [(a, k) for k, a in enumerate(step[ARGS]) if type(a) is Operand and lines[k,]]


def _through(steps: Steps, c: int, k: int, p: Pattern) -> Pattern:
    """What comes into c through its operand k, whose pattern is p."""
    return reduce(lambda right, left: left @ right, reversed(link(steps, c, k)), p)


# ------------------------------------------------------------------------------------------------- a few rows at a time


class Compression(NamedTuple):
    """Which rows and columns of a Jacobian to compute together, and where its entries are then.

    Attributes
    ----------
    pattern : Pattern
        Of the Jacobian.
    rows, columns : array of bool
        For each sum of rows, to be pulled, and for each sum of columns, to be pushed: which ones are summed.
    places : array of int
        For each place of the pattern, where its entry stands among all numbers of the sums.
    """

    pattern: Pattern
    rows: Any
    columns: Any
    places: Any

    @property
    def sums(self) -> int:
        """How many there are."""
        return len(self.rows) + len(self.columns)


def remembered(make: Callable[[Node, Node], Compression], y: Node, x: Node) -> Compression:
    """`make(y, x)`, which depends on the program alone: made once, however often leaves are assigned to."""
    memory = y.tape._memory
    known = KNOWN.setdefault(memory, {})
    key = (make, y.id, x.id)
    if key not in known:
        for gone in [other for other in known if other[1] not in memory.steps]:
            del known[gone]  # its scratch block has ended
        known[key] = make(y, x)
    return known[key]


Known = dict[tuple[Callable[[Node, Node], Compression], int, int], Compression]

KNOWN: WeakKeyDictionary[Memory, Known] = WeakKeyDictionary()
"""What was made for each tape's programs, as long as somebody holds the tape."""


def of_jacobian(y: Node, x: Node) -> Compression:
    """How to compress ∂y/∂x."""
    return compressed(pattern(y, x))


def of_hessian(L: Node, x: Node) -> Compression:
    """How to compress ∂²L/∂x²."""
    return compressed_symmetric(hessian_pattern(L, x))


def compressed(p: Pattern) -> Compression:
    """By rows or columns that share nothing, and those of the other side that are too long for that."""
    by_rows, together, alone = fewest(p)
    rows, columns = (together, alone) if by_rows else (alone, together)
    pulled = rows[p.rows] * p.shape[1] + p.columns
    pushed = count(rows) * p.shape[1] + columns[p.columns] * p.shape[0] + p.rows
    left_out = alone[p.columns if by_rows else p.rows] >= 0
    return Compression(p, _members(rows), _members(columns), np.where(left_out == by_rows, pushed, pulled))


def compressed_symmetric(p: Pattern) -> Compression:
    """By the rows of a star colouring: an entry that is not alone in its sum is so on the other side of the diagonal."""
    colours = starred(p)
    rows, columns = p.rows, p.columns
    _, sums, members = np.unique(columns * max(count(colours), 1) + colours[rows], return_inverse=True, return_counts=True)
    i, j = np.where(members[sums] == 1, (rows, columns), (columns, rows))
    return Compression(p, _members(colours), np.zeros((0, p.shape[1]), bool), colours[i] * p.shape[1] + j)


def _members(colours: Any) -> Any:
    """For each colour a row, with True for what has it."""
    return np.equal(np.arange(count(colours))[:, None], colours)


def sums(y: Node, x: Node, rows: Any, columns: Any) -> Any:
    """All numbers of the sums of rows and columns of ∂y/∂x that seeds and tangents make, in x's dtype; a node where those are nodes."""
    parts = [np.ravel(pulled_rows(y, [x], rows)[0])] if len(rows) else []
    parts += [np.ravel(cast(pushed_columns(y, [x], [columns]), x.dtype))] if len(columns) else []
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def seeds_of(y: Node, x: Node, how: Compression) -> tuple[Any, Any]:
    """The seeds and tangents in the shape and dtype of what they are pulled from, and pushed from."""
    rows, columns = np.reshape(how.rows, (-1, *y.shape)), np.reshape(how.columns, (-1, *x.shape))
    return rows.astype(y.dtype), columns.astype(x.dtype)


# ------------------------------------------------------------------------------------------------------------ to ask


def sparse_jacobian(y: Node, x: Node) -> Any:
    """∂y/∂x as a SciPy sparse array; the dense one is never built.

    Parameters
    ----------
    y : Node
        Of any shape, and of a real dtype.
    x : Node
        By what to differentiate, of a real dtype.

    Returns
    -------
    scipy.sparse.csr_array
        Of shape (y.size, x.size): elements are numbered as `ravel` does. It holds what can be other than zero.

    Raises
    ------
    MissingLibraryError
        SciPy is not installed.
    NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`; and where y or x is complex.

    Notes
    -----
    The places come from the program alone, and are found once: after an assignment only the entries are computed anew.
    Structurally orthogonal rows or columns (Curtis, Powell and Reid, 1974) are computed together: a band of width w takes w
    pulls, however long it is.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> sparse_jacobian(np.diff(x * x), x).toarray()
    array([[-2.,  4.,  0.],
           [ 0., -4.,  6.]])
    """
    csr_array = library("scipy.sparse").csr_array
    _check(y, x)
    with y.tape.scratch():
        return _array(csr_array, remembered(of_jacobian, y, x), y, x)


def sparse_hessian(L: Node, x: Node) -> Any:
    """∂²L/∂x² as a SciPy sparse array; the dense one is never built.

    Parameters
    ----------
    L : Node
        A scalar of a real dtype.
    x : Node
        By what to differentiate twice, of a real dtype.

    Returns
    -------
    scipy.sparse.csr_array
        Of shape (x.size, x.size), symmetric.

    Raises
    ------
    MissingLibraryError
        SciPy is not installed.
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`; and where L or x is complex.

    Notes
    -----
    By a star colouring (Gebremedhin, Manne and Pothen, 2005) of the gradient's pattern.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> sparse_hessian(np.sum(x[1:] * x[:-1] ** 2), x).toarray()
    array([[4., 2., 0.],
           [2., 6., 4.],
           [0., 4., 0.]])
    """
    csr_array = library("scipy.sparse").csr_array
    _check(scalar(L), x)
    with L.tape.scratch():
        return _array(csr_array, remembered(of_hessian, L, x), grad_node(L, x), x)


def _array(csr_array: Any, how: Compression, y: Node, x: Node) -> Any:
    """The entries as they are now, at their places."""
    p = how.pattern
    data = sums(y, x, *seeds_of(y, x, how))[how.places] if p.columns.size else np.zeros(0, x.dtype)
    return csr_array((data, p.columns, p.starts), p.shape)


def _check(y: Node, x: Node) -> None:
    """Raise unless ∂y/∂x is a matrix of real numbers."""
    checked(y, y)
    checked(y, x)
    for node in (y, x):
        if node.dtype.kind == "c":
            raise NotDifferentiableError(
                f"{describe(node._attributes)} is complex, and a sparse derivative is a matrix of real numbers. "
                f"Ask for one by np.real and np.imag of it, as leaves of their own."
            )


# ----------------------------------------------------------------------------------------------------------- as nodes


def jacobian_entries(y: Node, x: Node) -> tuple[Node, Pattern]:
    """The entries of ∂y/∂x that can be other than zero as a node, row by row, and their places: the program, to be planned.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> data, places = jacobian_entries(np.diff(x * x), x)
    >>> mg.plan(data, inputs=[x])([1.0, 2.0, 4.0]), places.columns
    (array([-2.,  4., -4.,  8.]), array([0, 1, 1, 2]))
    """
    _check(y, x)
    how = remembered(of_jacobian, y, x)
    rows, columns = (y.tape.record(np.copy, (seeds,)) for seeds in seeds_of(y, x, how))
    data: Node = np.take(sums(y, x, rows, columns), how.places)
    return data, how.pattern


def spread(data: Node, p: Pattern) -> Node:
    """The dense matrix of some entries, as a node of shape ``p.shape``."""
    matrix: Node = replace(np.zeros(p.shape, data.dtype), data, p.rows, p.columns)
    return matrix
