"""Sparse Jacobians and Hessians: the pattern from the program alone, the entries by compression.

Rows that share no column can be pulled together: their sum still shows each entry by itself.
Columns that share no row can be pushed together. A colouring says which ones are summed, and an
array of positions says where each entry is found in the sums.

References
----------
A. R. Curtis, M. J. D. Powell and J. K. Reid, "On the estimation of sparse Jacobian matrices",
IMA Journal of Applied Mathematics 13 (1974). A. H. Gebremedhin, F. Manne and A. Pothen, "What
color is your Jacobian? Graph coloring for computing derivatives", SIAM Review 47 (2005).
"""

from collections.abc import Callable, Iterator
from functools import reduce
from operator import or_
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from ..errors import NotDifferentiableError
from ..memory.memory import Memory
from ..memory.uses import uses_towards
from ..program.steps import Operand, Step, Steps, operand_positions
from ..rules.indexing import replace
from ..rules.registration import RULES
from ..solver.recursion import cast
from ..solver.symbolic import grad_node
from ..solver.targets import check_target, require_scalar
from ..tape.node import Node
from ..text import describe, import_scipy
from ..transforms.batched_products import pull_rows, push_columns
from .colouring import best_colouring, count_colours, star_colouring
from .sparsity_pattern import Pattern, diagonal_pattern, empty_pattern
from .sparsity_propagation import op_pattern


def jacobian_pattern(y: Node, x: Node) -> Pattern:
    """Return the pattern of ∂y/∂x, of shape (y.size, x.size), for all values of the leaves.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> jacobian_pattern(np.diff(x * x), x).dense.astype(int)
    array([[1, 1, 0],
           [0, 1, 1]])
    """
    pattern = empty_pattern((y.size, x.size))
    for n, p in propagate_patterns(y, x):
        if n == y.id:
            pattern = p
    return pattern


def propagate_patterns(y: Node, x: Node) -> Iterator[tuple[int, Pattern]]:
    """Yield the nodes between x and y in order, each with the pattern of its Jacobian by x."""
    memory = y.tape.state
    steps = memory.steps
    patterns = {x.id: diagonal_pattern(x.size)}
    yield x.id, patterns[x.id]
    between = sorted(uses_towards(memory, y.id, first=x.id + 1))
    last_use = {o: c for c in between for o in operand_positions(steps[c].args)}
    for c in between:
        terms = [
            _propagate_through(steps, c, k, patterns[o])
            for o, k in _differentiable_operands(steps[c])
            if o in patterns
        ]
        if terms:
            patterns[c] = reduce(or_, terms)
            yield c, patterns[c]
        for o in operand_positions(steps[c].args):
            if last_use[o] == c:
                patterns.pop(o, None)  # so that a long program does not hold all of them


def hessian_pattern(L: Node, x: Node) -> Pattern:
    """Return the pattern of ∂²L/∂x²: the entries that the gradient's program has on both sides."""
    with L.tape.scratch():
        p = jacobian_pattern(grad_node(L, x), x)
    return p & p.T


def _differentiable_operands(step: Step) -> list[tuple[int, int]]:
    """Return the operands by which a step has a derivative, each with its position."""
    vjps = RULES[step.op].pulls
    return [(a, k) for k, a in enumerate(step.args) if type(a) is Operand and vjps[k,]]


def _propagate_through(steps: Steps, c: int, k: int, p: Pattern) -> Pattern:
    """Return the pattern that operand k, whose own pattern is p, contributes to node c."""
    return reduce(lambda right, left: left @ right, reversed(op_pattern(steps, c, k)), p)


class Compression(NamedTuple):
    """Rows and columns of a Jacobian to be summed, and the positions of its entries in the sums.

    Attributes
    ----------
    pattern : Pattern
        Pattern of the Jacobian.
    rows, columns : array of bool
        Seed matrices: one row for each sum of rows, which is pulled, and for each sum of columns,
        which is pushed, with True for what is summed.
    positions : array of int
        Position of each entry of the pattern among all numbers of the sums.
    """

    pattern: Pattern
    rows: Any
    columns: Any
    positions: Any

    @property
    def sums(self) -> int:
        """Number of sums of rows and columns."""
        return len(self.rows) + len(self.columns)


CompressionCache = dict[tuple[Callable[[Node, Node], Compression], int, int], Compression]

COMPRESSIONS: WeakKeyDictionary[Memory, CompressionCache] = WeakKeyDictionary()
"""Compressions of each tape's Jacobians and Hessians, as long as the tape lives."""


def compression_for(make: Callable[[Node, Node], Compression], y: Node, x: Node) -> Compression:
    """Return ``make(y, x)``, computed once: it depends on the program, not on values."""
    memory = y.tape.state
    cache = COMPRESSIONS.setdefault(memory, {})
    key = (make, y.id, x.id)
    if key not in cache:
        for ended in [other for other in cache if other[1] not in memory.steps]:
            del cache[ended]  # its scratch block has ended
        cache[key] = make(y, x)
    return cache[key]


def compress_jacobian(y: Node, x: Node) -> Compression:
    """Return the compression of ∂y/∂x."""
    return compress_pattern(jacobian_pattern(y, x))


def compress_hessian(L: Node, x: Node) -> Compression:
    """Return the compression of ∂²L/∂x²."""
    return compress_symmetric_pattern(hessian_pattern(L, x))


def compress_pattern(p: Pattern) -> Compression:
    """Return the compression by rows or columns that share nothing.

    Columns (rows) that are too long for that are computed by themselves.
    """
    by_rows, together, alone = best_colouring(p)
    rows, columns = (together, alone) if by_rows else (alone, together)
    pulled = rows[p.rows] * p.shape[1] + p.columns
    pushed = count_colours(rows) * p.shape[1] + columns[p.columns] * p.shape[0] + p.rows
    is_alone = alone[p.columns if by_rows else p.rows] >= 0
    positions = np.where(is_alone == by_rows, pushed, pulled)
    return Compression(p, _colour_masks(rows), _colour_masks(columns), positions)


def compress_symmetric_pattern(p: Pattern) -> Compression:
    """Return the compression by the rows of a star colouring.

    If entry (i, j) shares its number in the sums with others, (j, i) does not.
    """
    colours = star_colouring(p)
    rows, columns = p.rows, p.columns
    keys = columns * max(count_colours(colours), 1) + colours[rows]
    _, sums, members = np.unique(keys, return_inverse=True, return_counts=True)
    i, j = np.where(members[sums] == 1, (rows, columns), (columns, rows))
    no_columns = np.zeros((0, p.shape[1]), bool)
    return Compression(p, _colour_masks(colours), no_columns, colours[i] * p.shape[1] + j)


def _colour_masks(colours: Any) -> Any:
    """Return a row for each colour, with True for what has it."""
    return np.equal(np.arange(count_colours(colours))[:, None], colours)


def compute_sums(y: Node, x: Node, rows: Any, columns: Any) -> Any:
    """Return all numbers of the sums of rows and of columns of ∂y/∂x, in x's dtype.

    Parameters
    ----------
    y, x : Node
        Output and input.
    rows, columns : array or Node
        Seeds to be pulled, and tangents to be pushed.

    Returns
    -------
    array or Node
        One axis: the sums of rows, one after the other, then the sums of columns.
    """
    parts = [np.ravel(pull_rows(y, [x], rows)[0])] if len(rows) else []
    parts += [np.ravel(cast(push_columns(y, [x], [columns]), x.dtype))] if len(columns) else []
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def seeds_and_tangents(y: Node, x: Node, how: Compression) -> tuple[Any, Any]:
    """Return the seeds in y's shape and dtype, and the tangents in x's."""
    rows, columns = np.reshape(how.rows, (-1, *y.shape)), np.reshape(how.columns, (-1, *x.shape))
    return rows.astype(y.dtype), columns.astype(x.dtype)


def sparse_jacobian(y: Node, x: Node) -> Any:
    """Compute ∂y/∂x as a SciPy sparse array; the dense one is never built.

    Parameters
    ----------
    y : Node
        A node of any shape and a real dtype.
    x : Node
        The node by which to differentiate, of a real dtype.

    Returns
    -------
    scipy.sparse.csr_array
        Of shape (y.size, x.size); elements are numbered as `ravel` does. It holds all entries that
        may be nonzero.

    Raises
    ------
    MissingLibraryError
        If SciPy is not installed.
    NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`; and if y or x is complex.

    Notes
    -----
    The pattern depends on the program alone and is derived once: after an assignment, only the
    entries are computed again. Structurally orthogonal rows or columns (Curtis, Powell and Reid,
    1974) are computed together: a band of width w takes w pulls, however long it is.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> sparse_jacobian(np.diff(x * x), x).toarray()
    array([[-2.,  4.,  0.],
           [ 0., -4.,  6.]])
    """
    csr_array = import_scipy("scipy.sparse").csr_array
    _check_real_matrix(y, x)
    with y.tape.scratch():
        return _assemble_csr(csr_array, compression_for(compress_jacobian, y, x), y, x)


def sparse_hessian(L: Node, x: Node) -> Any:
    """Compute ∂²L/∂x² as a SciPy sparse array; the dense one is never built.

    Parameters
    ----------
    L : Node
        A scalar of a real dtype.
    x : Node
        The node by which to differentiate twice, of a real dtype.

    Returns
    -------
    scipy.sparse.csr_array
        Of shape (x.size, x.size), symmetric.

    Raises
    ------
    MissingLibraryError
        If SciPy is not installed.
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`; and if L or x is complex.

    Notes
    -----
    The gradient's pattern is compressed by a star colouring (Gebremedhin, Manne and Pothen, 2005).

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> sparse_hessian(np.sum(x[1:] * x[:-1] ** 2), x).toarray()
    array([[4., 2., 0.],
           [2., 6., 4.],
           [0., 4., 0.]])
    """
    csr_array = import_scipy("scipy.sparse").csr_array
    _check_real_matrix(require_scalar(L), x)
    with L.tape.scratch():
        return _assemble_csr(csr_array, compression_for(compress_hessian, L, x), grad_node(L, x), x)


def _assemble_csr(csr_array: Any, how: Compression, y: Node, x: Node) -> Any:
    """Compute the entries of ∂y/∂x and return them as a sparse array."""
    p = how.pattern
    data = np.zeros(0, x.dtype)
    if p.columns.size:
        data = compute_sums(y, x, *seeds_and_tangents(y, x, how))[how.positions]
    return csr_array((data, p.columns, p.starts), p.shape)


def _check_real_matrix(y: Node, x: Node) -> None:
    """Raise unless ∂y/∂x is a matrix of real numbers."""
    check_target(y, y)
    check_target(y, x)
    for node in (y, x):
        if node.dtype.kind == "c":
            raise NotDifferentiableError(
                f"{describe(node.attributes)} is complex, and a sparse derivative is a matrix of "
                f"real numbers. Ask for one by np.real and np.imag of it, as leaves of their own."
            )


def jacobian_entries(y: Node, x: Node) -> tuple[Node, Pattern]:
    """Record the entries of ∂y/∂x that may be nonzero as a node; return it and the pattern.

    The entries stand row by row. The node can be compiled into a plan.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> data, pattern = jacobian_entries(np.diff(x * x), x)
    >>> mg.plan(data, inputs=[x])([1.0, 2.0, 4.0]), pattern.columns
    (array([-2.,  4., -4.,  8.]), array([0, 1, 1, 2]))
    """
    _check_real_matrix(y, x)
    return _record_entries(compression_for(compress_jacobian, y, x), y, x)


def hessian_entries(L: Node, x: Node) -> tuple[Node, Pattern]:
    """Record the entries of ∂²L/∂x² that may be nonzero as a node; return it and the pattern.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> data, pattern = hessian_entries(np.sum(x[1:] * x[:-1] ** 2), x)
    >>> data.value, pattern.columns
    (array([4., 2., 2., 6., 4., 4.]), array([0, 1, 0, 1, 2, 1]))
    """
    _check_real_matrix(require_scalar(L), x)
    how = compression_for(compress_hessian, L, x)
    return _record_entries(how, grad_node(L, x), x)


def _record_entries(how: Compression, y: Node, x: Node) -> tuple[Node, Pattern]:
    """Record the entries of ∂y/∂x by compression."""
    if not how.pattern.columns.size:
        return y.tape.record(np.zeros, (0, x.dtype)), how.pattern
    rows, columns = (y.tape.record(np.copy, (seeds,)) for seeds in seeds_and_tangents(y, x, how))
    data: Node = np.take(compute_sums(y, x, rows, columns), how.positions)
    return data, how.pattern


def scatter_entries(data: Node, p: Pattern) -> Node:
    """Return the dense matrix with these entries as a node of shape ``p.shape``."""
    matrix: Node = replace(np.zeros(p.shape, data.dtype), data, p.rows, p.columns)
    return matrix
