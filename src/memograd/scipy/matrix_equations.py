"""Matrix equations and systems with structured matrices, with their derivatives.

The derivative of each solution is the solution of an equation of the same kind, so that derivatives
of all orders exist where the equation has one solution.

References
----------
G. H. Golub, C. F. Van Loan: Matrix Computations (4th ed., 2013), sections 4.3 (band matrices), 4.7
(Toeplitz matrices), 4.8 (circulant matrices) and 7.6.3 (the Sylvester equation).
Z. Gajic, M. T. J. Qureshi: Lyapunov Matrix Equation in System Stability and Control, 2008 (bilinear
transformation).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import RefusedError
from ..rules.broadcasting import unbroadcast
from ..rules.linalg import mH, mT
from ..rules.node_lists import holds_node, stack_nodes
from ..rules.pure_registration import rule
from ..rules.registration import op, set_traits
from ..rules.traits import Structure
from ..text import import_scipy
from .stacks import over_stacks

_linalg = import_scipy("scipy.linalg")

# Sylvester's equation


def sylvester_of_matrices(a: Any, b: Any, q: Any) -> Any:
    """Return the solution x of ``a x + x b = q``, by Schur forms."""
    dtype = np.result_type(a, b, q, np.float32)
    a, b, q = (x.astype(dtype) for x in (a, b, q))
    r, u = _linalg.schur(a)
    s, v = _linalg.schur(mH(b))
    (trsyl,) = _linalg.get_lapack_funcs(("trsyl",), (r, s, q))
    y, scale, info = trsyl(r, s, mH(u) @ q @ v, tranb="C")
    if info:
        raise np.linalg.LinAlgError(
            "The equation a x + x b = q has no unique solution: a has an eigenvalue whose negative "
            "is one of b, to rounding."
        )
    return u @ (y / scale) @ mH(v)


@op
def sylvester(a: Any, b: Any, q: Any) -> Any:
    """Compute ``solve_sylvester`` as the recorded op, in stacks too."""
    return over_stacks(sylvester_of_matrices, (2, 2, 2), a, b, q)


rule(
    sylvester,
    a=lambda g, a, a_shape, b, y: unbroadcast(-sylvester(mT(a), mT(b), g) @ mT(y), a_shape),
    b=lambda g, a, b, b_shape, y: unbroadcast(-mT(y) @ sylvester(mT(a), mT(b), g), b_shape),
    q=lambda g, a, b, q_shape: unbroadcast(sylvester(mT(a), mT(b), g), q_shape),
    push={
        "a": lambda t, a, b, y: -sylvester(a, b, t @ y),
        "b": lambda t, a, b, y: -sylvester(a, b, y @ t),
        "q": lambda t, a, b: sylvester(a, b, t),
    },
)


def as_operands(*args: Any) -> list[Any]:
    """Return nodes unchanged, lists that contain nodes as stacks, other values as arrays."""
    return [stack_nodes(a) for a in args]


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """Solve ``a x + x b = q`` as ``scipy.linalg.solve_sylvester`` does.

    The call is recorded if a node is among the arguments.

    Parameters
    ----------
    a, b, q : array_like or Node
        Matrices, real or complex, or stacks of them that broadcast.

    Returns
    -------
    array or Node
        The solution.

    Raises
    ------
    numpy.linalg.LinAlgError
        The solution is not unique.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> q = mg.Tape().leaf(np.eye(2))
    >>> x = linalg.solve_sylvester(np.diag([1.0, 2.0]), np.diag([1.0, 3.0]), q)
    >>> mg.grad(np.sum(x), q)
    array([[0.5       , 0.25      ],
           [0.33333333, 0.2       ]])
    """
    if not holds_node((a, b, q)):
        return _linalg.solve_sylvester(a, b, q)
    return sylvester(*as_operands(a, b, q))


def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """Solve ``a x + x aᴴ = q`` as ``scipy.linalg.solve_continuous_lyapunov`` does.

    The call is recorded if a node is among the arguments. Parameters, returns and errors are those
    of :func:`solve_sylvester`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> a = mg.Tape().leaf([[2.0]])
    >>> mg.grad(linalg.solve_continuous_lyapunov(a, [[8.0]])[0, 0], a)
    array([[-1.]])
    """
    if not holds_node((a, q)):
        return _linalg.solve_continuous_lyapunov(a, q)
    a, q = as_operands(a, q)
    return sylvester(a, mH(a), q)


MAX_DIRECT = 10
"""Size of matrices from which on SciPy prefers the bilinear transformation to one large system."""


def solve_discrete_lyapunov(a: Any, q: Any, method: str | None = None) -> Any:
    """Solve ``a x aᴴ - x + q = 0`` as ``scipy.linalg.solve_discrete_lyapunov`` does.

    The call is recorded if a node is among the arguments.

    Parameters
    ----------
    a, q : array_like or Node
        Matrices, real or complex, or stacks of them that broadcast.
    method : {"direct", "bilinear"}, optional
        As in SciPy: one system for all elements, by default for fewer than ten rows; or a
        transformation to a continuous equation, for which -1 must not be an eigenvalue of a.

    Returns
    -------
    array or Node
        The solution.

    Raises
    ------
    ValueError
        There is no such method.
    numpy.linalg.LinAlgError
        The solution is not unique, or the method does not find it.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> a = mg.Tape().leaf([[0.5]])
    >>> mg.grad(linalg.solve_discrete_lyapunov(a, [[0.75]])[0, 0], a).round(6)
    array([[1.333333]])
    """
    if not holds_node((a, q)):
        return _linalg.solve_discrete_lyapunov(a, q, method)
    a, q = as_operands(a, q)
    n = a.shape[-1]
    chosen = (method or ("direct" if n < MAX_DIRECT else "bilinear")).lower()
    if chosen not in ("direct", "bilinear"):
        raise ValueError(f"Unknown solver {method}")
    eye = np.eye(n)
    if chosen == "direct":
        products = a[..., :, None, :, None] * np.conj(a)[..., None, :, None, :]
        system = np.eye(n * n) - np.reshape(products, (*a.shape[:-2], n * n, n * n))
        x = np.linalg.solve(system, np.reshape(q, (*q.shape[:-2], n * n, 1)))
        return np.reshape(x, (*x.shape[:-2], n, n))
    # Cayley's transform of aᴴ
    inverse = np.linalg.inv(mH(a) + eye)
    b = (mH(a) - eye) @ inverse
    return sylvester(mH(b), b, -2 * np.linalg.inv(a + eye) @ q @ inverse)


# band matrices


def band_indices(below: int, above: int, n: int) -> tuple[Any, Any, Any]:
    """Return the row, the column and whether it is in the matrix, for each element of `ab`."""
    columns = np.broadcast_to(np.arange(n), (below + above + 1, n))
    rows = columns + np.arange(below + above + 1)[:, None] - above
    return np.clip(rows, 0, n - 1), columns, np.logical_and(rows >= 0, rows < n)


def transpose_band(ab: Any, below: int, above: int) -> Any:
    """Return the transpose of a band matrix, in diagonal form too."""
    rows, columns, inside = band_indices(above, below, ab.shape[-1])
    # what is at row i and column j of the transpose is at row j and column i
    diagonals = np.clip(above + columns - rows, 0, below + above)
    return np.where(inside, ab[..., diagonals, rows], 0)


@op
def band_system(ab: Any, b: Any, below: int, above: int, transposed: bool) -> Any:
    """Compute ``solve_banded`` of columns as the recorded op, in stacks too."""
    widths = (above, below) if transposed else (below, above)
    matrices = transpose_band(ab, below, above) if transposed else ab
    return over_stacks(lambda ab, b: _linalg.solve_banded(widths, ab, b), (2, 2), matrices, b)


def band_system_ab(
    g: Any, ab: Any, ab_shape: Any, y: Any, below: int, above: int, transposed: bool
) -> Any:
    """Return the cotangent of the diagonals; it is 0 outside the matrix."""
    h = band_system(ab, g, below, above, not transposed)
    rows, columns, inside = band_indices(below, above, ab_shape[-1])
    left, right = (y, h) if transposed else (h, y)
    d = -np.sum(left[..., rows, :] * right[..., columns, :], axis=-1)
    return unbroadcast(np.where(inside, d, 0), ab_shape)


def band_system_b(g: Any, ab: Any, b_shape: Any, below: int, above: int, transposed: bool) -> Any:
    """Return the cotangent of the right-hand sides."""
    return unbroadcast(band_system(ab, g, below, above, not transposed), b_shape)


rule(band_system, ab=band_system_ab, b=band_system_b)


def solve_columns(solve: Callable[[Any], Any], b: Any) -> Any:
    """Return the solution for columns of right-hand sides, or for a single one."""
    return solve(b[:, None])[..., 0] if len(b.shape) == 1 else solve(b)


def solve_banded(
    l_and_u: tuple[int, int],
    ab: Any,
    b: Any,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """Solve a system with a band matrix as ``scipy.linalg.solve_banded`` does.

    The call is recorded if a node is among the arguments.

    Parameters
    ----------
    l_and_u : (int, int)
        Number of diagonals below and above the main one.
    ab : array_like or Node
        The diagonals, the element of row i and column j at ``[u + i - j, j]``; or a stack of them.
        Elements outside the matrix are not read, and have derivative 0.
    b : array_like or Node
        Right-hand side, or a matrix of them, or a stack of these.
    overwrite_ab, overwrite_b, check_finite : bool
        As in SciPy; ignored if there is a node.

    Returns
    -------
    array or Node
        The solution, of b's shape.

    Raises
    ------
    numpy.linalg.LinAlgError
        The matrix is singular.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> ab = mg.Tape().leaf([[0.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    >>> mg.grad(linalg.solve_banded((0, 1), ab, np.ones(3))[0], ab)
    array([[ 0.    , -0.125 ,  0.125 ],
           [-0.1875,  0.0625, -0.0625]])
    """
    if not holds_node((ab, b)):
        return _linalg.solve_banded(l_and_u, ab, b, overwrite_ab, overwrite_b, check_finite)
    ab, b = as_operands(ab, b)
    below, above = map(int, l_and_u)
    return solve_columns(lambda b: band_system(ab, b, below, above, False), b)


def solveh_banded(
    ab: Any,
    b: Any,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    lower: bool = False,
    check_finite: bool = True,
) -> Any:
    """Solve a system with a Hermitian band matrix as ``scipy.linalg.solveh_banded`` does.

    The call is recorded if a node is among the arguments.

    Parameters
    ----------
    ab : array_like or Node
        The main diagonal of a Hermitian matrix and those on one side of it, in the order of
        :func:`solve_banded`; or a stack of them.
    b : array_like or Node
        Right-hand side, or a matrix of them, or a stack of these.
    overwrite_ab, overwrite_b, check_finite : bool
        As in SciPy; ignored if there is a node.
    lower : bool
        Whether the diagonals are those below the main one.

    Returns
    -------
    array or Node
        The solution, of b's shape.

    Raises
    ------
    numpy.linalg.LinAlgError
        The matrix is singular. Without nodes, also if it is not positive definite.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> ab = mg.Tape().leaf([[0.0, 1.0], [2.0, 2.0]])
    >>> mg.grad(np.sum(linalg.solveh_banded(ab, [3.0, 3.0])), ab).round(6)
    array([[ 0.      , -0.666667],
           [-0.333333, -0.333333]])
    """
    if not holds_node((ab, b)):
        return _linalg.solveh_banded(ab, b, overwrite_ab, overwrite_b, lower, check_finite)
    ab, b = as_operands(ab, b)
    k = ab.shape[-2] - 1
    given = (k, 0) if lower else (0, k)
    mirrored = np.conj(transpose_band(ab, *given))
    parts = [mirrored[..., :k, :], ab] if lower else [ab, mirrored[..., 1:, :]]
    return solve_banded((k, k), np.concatenate(parts, -2), b)


# Toeplitz and circulant matrices


@op
def toeplitz_system(c: Any, r: Any, b: Any) -> Any:
    """Compute ``solve_toeplitz`` of columns as the recorded op, in stacks too."""
    return over_stacks(lambda c, r, b: _linalg.solve_toeplitz((c, r), b), (1, 1, 2), c, r, b)


def toeplitz_transpose_system(c: Any, r: Any, b: Any) -> Any:
    """Return the solution with the transpose; the diagonal is the column's, not the row's."""
    column = np.where(np.arange(c.shape[-1]) == 0, c[..., :1], r)
    return toeplitz_system(column, c, b)


def toeplitz_diagonal_sums(g: Any, c: Any, r: Any, y: Any) -> Any:
    """Return the cotangents of all diagonals of the matrix, from the lowest to the highest."""
    n = c.shape[-1]
    h = toeplitz_transpose_system(c, r, g)
    i, k = np.ogrid[:n, : 2 * n - 1]
    j = i + k - (n - 1)
    products = h[..., i, :] * y[..., np.clip(j, 0, n - 1), :]
    inside = np.logical_and(j >= 0, j < n)
    return -np.sum(np.where(inside, np.sum(products, axis=-1), 0), axis=-2)


def toeplitz_r(g: Any, c: Any, r: Any, r_shape: Any, y: Any) -> Any:
    """Return the cotangent of the first row, whose first element is not read."""
    n = r_shape[-1]
    above = toeplitz_diagonal_sums(g, c, r, y)[..., n:]
    d = np.concatenate([np.zeros((*above.shape[:-1], 1), above.dtype), above], -1)
    return unbroadcast(d, r_shape)


rule(
    toeplitz_system,
    c=lambda g, c, c_shape, r, y: unbroadcast(
        np.flip(toeplitz_diagonal_sums(g, c, r, y)[..., : c_shape[-1]], -1), c_shape
    ),
    r=toeplitz_r,
    b=lambda g, c, r, b_shape: unbroadcast(toeplitz_transpose_system(c, r, g), b_shape),
)


def solve_toeplitz(c_or_cr: Any, b: Any, check_finite: bool = True) -> Any:
    """Solve a system with a Toeplitz matrix as ``scipy.linalg.solve_toeplitz`` does.

    The call is recorded if a node is among the arguments.

    Parameters
    ----------
    c_or_cr : array_like or Node, or a pair of them
        First column of the matrix; or first column and first row, whose first element is not read.
    b : array_like or Node
        Right-hand side, or a matrix of them.
    check_finite : bool
        As in SciPy; ignored if there is a node.

    Returns
    -------
    array or Node
        The solution, of b's shape.

    Raises
    ------
    numpy.linalg.LinAlgError
        A leading minor is singular.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> c = mg.Tape().leaf([2.0, 1.0])
    >>> mg.grad(np.sum(linalg.solve_toeplitz(c, [3.0, 3.0])), c).round(6)
    array([-0.666667, -0.666667])
    """
    pair = isinstance(c_or_cr, tuple)
    if not holds_node((c_or_cr, b)):
        return _linalg.solve_toeplitz(c_or_cr, b, check_finite)
    c, r, b = as_operands(*(c_or_cr if pair else (c_or_cr, c_or_cr)), b)
    r = r if pair else np.conj(r)
    return solve_columns(lambda b: toeplitz_system(c, r, b), b)


@op
def nonsingular_spectrum(f: Any, tol: Any) -> Any:
    """Return the eigenvalues of a circulant matrix; raise if one of them is 0 to rounding."""
    size = np.abs(f)
    if tol is None:
        # that of numpy.linalg.matrix_rank, as in SciPy
        tol = np.max(size, axis=-1, keepdims=True) * f.shape[-1] * np.finfo(np.float64).eps
    if np.any(size <= tol):
        raise np.linalg.LinAlgError("near singular circulant matrix.")
    return f


rule(nonsingular_spectrum, f=lambda g, tol: g, push={"f": lambda t, tol: t})


def solve_circulant(
    c: Any,
    b: Any,
    singular: str = "raise",
    tol: Any = None,
    caxis: int = -1,
    baxis: int = 0,
    outaxis: int = 0,
) -> Any:
    """Solve systems with circulant matrices as ``scipy.linalg.solve_circulant`` does.

    The call is recorded if a node is among the arguments.

    Parameters
    ----------
    c : array_like or Node
        First columns of circulant matrices, along `caxis`.
    b : array_like or Node
        Right-hand sides, along `baxis`.
    singular : {"raise", "lstsq"}
        As in SciPy; least squares are refused if there is a node.
    tol : float, optional
        Absolute value up to which an eigenvalue counts as 0.
    caxis, baxis, outaxis : int
        Axes of the vectors.

    Returns
    -------
    array or Node
        Solutions, along `outaxis`.

    Raises
    ------
    numpy.linalg.LinAlgError
        A matrix is singular to rounding.
    RefusedError
        Least squares are requested; their solution jumps where an eigenvalue passes `tol`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> b = mg.Tape().leaf([1.0, 2.0, 4.0])
    >>> float(mg.grad(linalg.solve_circulant([2.0, 0.0, 0.0], b)[1], b)[1])
    0.5
    """
    if not holds_node((c, b)):
        return _linalg.solve_circulant(c, b, singular, tol, caxis, baxis, outaxis)
    if singular != "raise":
        raise RefusedError(
            f"solve_circulant was called with singular={singular!r} of a node, which has no "
            f"derivative where an eigenvalue passes tol. Leave it out, or use np.linalg.pinv of "
            f"linalg.circulant."
        )
    c, b = (np.atleast_1d(x) for x in as_operands(c, b))
    c, b = np.moveaxis(c, caxis, -1), np.moveaxis(b, baxis, -1)
    x = np.fft.ifft(np.fft.fft(b) / nonsingular_spectrum(np.fft.fft(c), tol))
    is_real = c.dtype.kind != "c" and b.dtype.kind != "c"
    return np.moveaxis(np.real(x) if is_real else x, -1, outaxis)


set_traits(sylvester, band_system, toeplitz_system, structure=Structure.DENSE)
set_traits(nonsingular_spectrum, structure=Structure.SAME_PLACE)
