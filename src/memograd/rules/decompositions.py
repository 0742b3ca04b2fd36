"""Inverses, determinants, factorizations and norms of matrices, in batches too.

Conventions
-----------
- `cholesky`, `eigh`, `eigvalsh`, and `svd` and `pinv` with `hermitian=True` read one triangle of
  their operand. The derivative is that of the function that NumPy computes, so it is 0 outside that
  triangle. The derivative of the same function of `(a + a.T) / 2` is symmetric.
- Eigenvectors and singular vectors are determined up to a factor of absolute value 1. For real ones
  this is a sign, which does not change. For complex ones the derivative is that of the choice along
  which `v.conj() * dv` sums to 0; only functions that do not depend on the choice have a meaningful
  derivative.
- Vectors of eigenvalues or singular values that are equal to rounding have no rotation into one
  another. So functions that are smooth there because they depend on the values alone have their
  derivative: sums of values, the nuclear norm, the polar factor `u @ vh`. The columns that
  `full_matrices=True` or `mode="complete"` adds have no rotation into one another either.
- Second derivatives of smooth functions of `eigvalsh` and `svdvals` are right at equal values in
  forward mode (`hvp`): the tangent determines the vectors that vary continuously along it. Two VJPs
  give NaN there if the result depends on the function of the values, which a VJP does not know.
- A singular value of 0 and a norm at 0 are kinks, with derivative 0. Entries, columns, rows or
  singular values that share a maximum get equal shares.
- `det` has its derivatives at singular matrices too. `inv`, `solve` and `slogdet` raise LinAlgError
  there, as NumPy does. `pinv` and `lstsq` are differentiated at constant rank.
- `eig` and `eigvals` give complex numbers. NumPy gives real ones if all eigenvalues of a real
  matrix are real, but that may change with an assignment.

References
----------
M. B. Giles: Collected matrix derivative results for forward and reverse mode algorithmic
differentiation, 2008.
S. F. Walter, L. Lehmann: Algorithmic differentiation of linear algebra functions with application
in optimum experimental design, 2010 (QR and eigenvalue decompositions).
"""

from typing import Any

import numpy as np

from ..arrays.kinds import as_kind_of
from .absent_outputs import ANNIHILATED
from .broadcasting import unbroadcast
from .indexing import output
from .linalg import cj, mH, mT, outer_in_batches
from .pure_registration import constant, rule
from .registration import JOINT_PUSHES, op, set_traits
from .traits import Structure


def diagonal(d: Any) -> Any:
    """Return the diagonal matrix of a vector."""
    return d[..., None] * as_kind_of(d, np.eye(d.shape[-1], dtype=d.dtype))


def diagonal_of(a: Any) -> Any:
    """Return the diagonal of a square matrix."""
    return np.diagonal(a, axis1=-2, axis2=-1)


def reciprocal(d: Any, scale: Any) -> Any:
    """Return 1/d, or 0 where |d| is at most the rounding error of `scale`."""
    nil = np.less_equal(np.abs(d), np.finfo(d.dtype).eps * scale)
    return np.where(nil, 0, 1 / np.where(nil, 1, d))


def magnitude_sum(values: Any) -> Any:
    """Return the sum of absolute values, the scale for rounding errors of their differences."""
    return np.sum(np.abs(values), axis=-1, keepdims=True)


ROUNDING = 8
"""Relative rounding error of equal eigenvalues from LAPACK, in units of machine epsilon."""


def gaps(values: Any) -> Any:
    """Return 1 / (values[j] - values[i]) at [i, j], and 0 where they are equal to rounding."""
    return reciprocal(
        values[..., None, :] - values[..., :, None], ROUNDING * magnitude_sum(values)[..., None]
    )


def triangle_weights(a: Any, upper: bool = False) -> Any:
    """Return ones in a triangle, halves on the diagonal and zeros elsewhere, like `a`."""
    n = a.shape[-1]
    ones = np.tri(n, dtype=a.dtype)
    return as_kind_of(a, (ones.T if upper else ones) - np.eye(n, dtype=a.dtype) / 2)


def fold(g: Any, triangle: str = "L") -> Any:
    """Return the cotangent of the triangle that is read, given that of the Hermitian matrix."""
    return (g + mH(g)) * triangle_weights(g, triangle in "Uu")


def complete_hermitian(a: Any) -> Any:
    """Return the Hermitian matrix that the lower triangle of `a` defines."""
    lower = a * triangle_weights(a)
    return lower + mH(lower)


# inverses and equations


def inv_pull(g: Any, y: Any) -> Any:
    """Return the cotangent of a, given that of its inverse y."""
    return -(mT(y) @ g @ mT(y))


def pinv_pull(g: Any, a: Any, y: Any) -> Any:
    """Return the cotangent of a, given that of its pseudoinverse y.

    The derivative includes the change of both null spaces of a.
    """
    t, c, h, at = mT(y), cj(y), mH(g), mT(a)
    left, right = h @ c @ t, t @ c @ h
    return left - t @ (at @ left) + right - (right @ at) @ t - t @ g @ t


def solve_b(g: Any, a: Any, b_shape: Any) -> Any:
    """Return the cotangent of the right-hand side of `solve`.

    As in NumPy, a right-hand side is a vector only if it is 1-d.
    """
    if len(b_shape) == 1:
        return unbroadcast(np.linalg.solve(mT(a), g[..., None])[..., 0], b_shape)
    return unbroadcast(np.linalg.solve(mT(a), g), b_shape)


def solve_a(g: Any, a: Any, a_shape: Any, b_shape: Any, y: Any) -> Any:
    """Return the cotangent of the matrix of `solve`."""
    if len(b_shape) == 1:
        g, y = g[..., None], y[..., None]
    return unbroadcast(-(np.linalg.solve(mT(a), g) @ mT(y)), a_shape)


def solve_push(t: Any, a: Any, b_shape: Any, y: Any) -> Any:
    """Return the tangent of the solution of `solve` for that of the matrix."""
    if len(b_shape) == 1:
        return -np.linalg.solve(a, t @ y[..., None])[..., 0]
    return -np.linalg.solve(a, t @ y)


def tensorsolve_matrix(a: Any, b_shape: Any, axes: Any) -> tuple[Any, Any, list[int]]:
    """Return the matrix of `tensorsolve`, its shape as a tensor, and the order of its axes."""
    last = [] if axes is None else [k % len(a.shape) for k in axes]
    order = [k for k in range(len(a.shape)) if k not in last] + last
    moved = np.transpose(a, order)
    n = int(np.prod(b_shape, dtype=int))
    return np.reshape(moved, (n, n)), moved.shape, order


def tensorsolve_b(g: Any, a: Any, b_shape: Any, axes: Any = None) -> Any:
    """Return the cotangent of the right-hand side of `tensorsolve`."""
    return np.reshape(
        np.linalg.solve(mT(tensorsolve_matrix(a, b_shape, axes)[0]), np.ravel(g)), b_shape
    )


def tensorsolve_a(g: Any, a: Any, b_shape: Any, y: Any, axes: Any = None) -> Any:
    """Return the cotangent of the tensor of `tensorsolve`."""
    matrix, shape, order = tensorsolve_matrix(a, b_shape, axes)
    d = -outer_in_batches(np.linalg.solve(mT(matrix), np.ravel(g)), np.ravel(y))
    return np.transpose(np.reshape(d, shape), [int(k) for k in np.argsort(order)])


def tensorinv_a(g: Any, a_shape: Any, y: Any, ind: int = 2) -> Any:
    """Return the cotangent of the tensor that `tensorinv` inverted."""
    n = int(np.prod(a_shape[:ind], dtype=int))
    return np.reshape(inv_pull(np.reshape(g, (n, n)), np.reshape(y, (n, n))), a_shape)


def rank_tolerance(rcond: Any, shape: Any, dtype: Any) -> float:
    """Return the tolerance of `lstsq` for singular values, relative to the largest one."""
    eps = float(np.finfo(dtype).eps)
    return eps * max(shape) if rcond is None else max(float(rcond), eps)


def residue(g: Any, a: Any, b: Any, y: Any) -> Any:
    """Return the cotangent of `b - a @ x`, given that of its sum of squares.

    It is 0 where NumPy returns no sums of squares.
    """
    return 2 * g * cj(b - a @ output(y, 0)) if g.shape != (0,) else 0


def lstsq_b(g: Any, a: Any, a_shape: Any, a_dtype: Any, b: Any, y: Any, rcond: Any = None) -> Any:
    """Return the cotangent of the right-hand side of `lstsq`."""
    inverse = np.linalg.pinv(a, rcond=rank_tolerance(rcond, a_shape, a_dtype))
    return mT(inverse) @ g[0] + residue(g[1], a, b, y)


def lstsq_a(
    g: Any, a: Any, a_shape: Any, a_dtype: Any, b: Any, b_shape: Any, y: Any, rcond: Any = None
) -> Any:
    """Return the cotangent of the matrix of `lstsq`."""
    inverse = np.linalg.pinv(a, rcond=rank_tolerance(rcond, a_shape, a_dtype))
    product = outer_in_batches if len(b_shape) == 1 else lambda u, v: u @ mT(v)
    d = pinv_pull(product(g[0], b), a, inverse) + singular(g[3], a)
    return d if g[1].shape == (0,) else d - product(residue(g[1], a, b, y), output(y, 0))


def power_pull(g: Any, a: Any, n: int) -> Any:
    """Return the cotangent of a, given that of its n-th power, by repeated halving of n."""
    if n < 0:
        y = np.linalg.inv(a)
        return inv_pull(power_pull(g, y, -n), y)
    if n < 2:
        return g * n
    if n % 2:
        return g @ mT(np.linalg.matrix_power(a, n - 1)) + power_pull(mT(a) @ g, a, n - 1)
    root = mT(np.linalg.matrix_power(a, n // 2))
    return power_pull(root @ g + g @ root, a, n // 2)


# determinants


def without_one(s: Any) -> Any:
    """Return the product of all s except s[i] at [i]."""
    s = np.where(as_kind_of(s, np.eye(s.shape[-1], dtype=bool)), 1, s[..., None, :])
    return np.prod(s, axis=-1)


def without_two(s: Any) -> Any:
    """Return the product of all s except s[i] and s[j] at [i, j], and 0 at [i, i]."""
    n = s.shape[-1]
    i, j, k = np.ogrid[:n, :n, :n]
    return np.prod(np.where((k == i) | (k == j), 1, s[..., None, None, :]), axis=-1) * (
        1 - np.eye(n, dtype=s.dtype)
    )


def of_unitary(u: Any) -> Any:
    """Return the cofactors of a unitary matrix."""
    return np.linalg.det(u)[..., None, None] * cj(u)


@op
def cofactors(a: Any) -> Any:
    """Return the cofactors of a matrix: `det(a) * inv(a).T`, at singular matrices too."""
    u, s, vh = np.linalg.svd(a)
    return (of_unitary(u) * without_one(s)[..., None, :]) @ of_unitary(vh)


def cofactors_a(g: Any, a: Any) -> Any:
    """Return the cotangent of a, given that of its cofactors.

    The cofactors of a product of matrices are the product of their cofactors.
    """
    u, s, vh = np.linalg.svd(a)
    h, pairs = mT(of_unitary(u)) @ g @ mT(of_unitary(vh)), without_two(s)
    middle = diagonal((pairs @ diagonal_of(h)[..., None])[..., 0]) - pairs * mT(h)
    return cj(u) @ middle @ cj(vh)


def slogdet_a(g: Any, a: Any, a_dtype: Any, y: Any) -> Any:
    """Return the cotangent of a, given those of the sign and the logarithm.

    The phase of a complex determinant is the imaginary part of its logarithm.
    """
    slope = g[1] if a_dtype.kind != "c" else g[1] + 1j * np.imag(g[0] * output(y, 0))
    return slope[..., None, None] * mT(np.linalg.inv(a))


# factorizations


def cholesky_pull(g: Any, y: Any) -> Any:
    """Return the cotangent of the Hermitian matrix y @ mH(y), given that of its lower factor y."""
    half_solved = np.linalg.solve(mT(y), triangle_weights(g) * (mT(y) @ g))
    return mT(np.linalg.solve(mH(y), mT(half_solved)))


def cholesky_a(g: Any, y: Any, upper: bool = False) -> Any:
    """Return the cotangent of the triangle that `cholesky` reads."""
    return fold(cholesky_pull(mH(g), mH(y)), "U") if upper else fold(cholesky_pull(g, y))


def eigh_a(g: Any, y: Any, UPLO: Any = "L") -> Any:
    """Return the cotangent of the triangle that `eigh` reads."""
    w, v = output(y, 0), output(y, 1)
    turned = gaps(w) * (mT(v) @ g[1])
    return fold(cj(v) @ (diagonal(g[0]) + turned) @ mT(v), UPLO)


def hermitian(a: Any, triangle: Any) -> Any:
    """Return the Hermitian matrix that one triangle of `a` defines."""
    return complete_hermitian(mH(a) if triangle in "Uu" else a)


@op
def alignment(values: Any, h: Any) -> Any:
    """Return the unitary matrix that diagonalizes h within blocks of equal eigenvalues.

    `values` are the eigenvalues in ascending order; between those that differ by more than
    rounding, the matrix is that of the identity. Eigenvectors of equal eigenvalues are not unique.
    A perturbation h, in the basis of eigenvectors, separates the eigenvalues, and so determines the
    eigenvectors that vary continuously along it.
    """
    label = np.cumsum(
        np.diff(values, prepend=values[..., :1])
        > ROUNDING * np.finfo(values.dtype).eps * magnitude_sum(values),
        axis=-1,
    )
    same = label[..., :, None] == label[..., None, :]
    parted = np.where(same, h + mH(h), 0) / 2
    apart = 2 * np.sum(np.abs(parted), axis=(-2, -1), keepdims=True) + 1
    return np.linalg.eigh(parted + apart * diagonal(label.astype(values.dtype)))[1]


def eigenvalue_tangents(values: Any, h: Any) -> Any:
    """Return the tangents of eigenvalues in ascending order, given that of the matrix.

    The tangent h of the matrix is in the basis of eigenvectors. Equal eigenvalues have as tangents
    the eigenvalues of their block of h.
    """
    r = alignment(values, h)
    return np.real(diagonal_of(mH(r) @ h @ r))


def turning(c: Any, w: Any) -> Any:
    """Return (c[j] - c[i]) / (w[j] - w[i]) at [i, j], or 0 where the w are equal to rounding."""
    return (c[..., None, :] - c[..., :, None]) * gaps(w)


def nan_at_ties(w: Any, n: Any) -> Any:
    """Return NaN where n is not 0 and two nonzero eigenvalues w are equal to rounding, else 0.

    n is multiplied by a quotient of differences. Its limit at equal eigenvalues depends on the
    function that is applied to them, which a VJP does not know.
    """
    tied = (
        np.equal(gaps(w), 0)
        & ~np.eye(w.shape[-1], dtype=bool)
        & (np.abs(w) > np.finfo(w.dtype).eps * magnitude_sum(w))[..., None, :]
    )
    rounding = 8 * np.finfo(w.dtype).eps * np.sum(np.abs(n), axis=(-2, -1), keepdims=True)
    return np.where(np.logical_and(tied, np.greater(np.abs(n), rounding)), np.nan, 0)


def values_pull_c(g: Any, a: Any, UPLO: Any = "L") -> Any:
    """Return the cotangent of c, given that of `values_pull`."""
    v = np.linalg.eigh(a, UPLO)[1]
    return diagonal_of(mH(v) @ g @ v)


def values_pull_a(g: Any, c: Any, w: Any, v: Any) -> Any:
    """Return the cotangent of a Hermitian matrix, given that of `values_pull`."""
    n = mT(v) @ cj(g) @ cj(v)
    return cj(v) @ (turning(c, w) * n + nan_at_ties(w, n)) @ mT(v)


def values_pull_push(tangent: Any, h: Any, c: Any, w: Any, v: Any) -> Any:
    """Return the tangent of `values_pull`, given those of c and of the matrix.

    The tangent h of the matrix is in the basis v. A missing tangent is None.
    """
    if h is None:
        return cj((v * tangent[..., None, :]) @ mH(v))
    r = alignment(w, h)
    inner = turning(c, w) * (mH(r) @ h @ r)
    v = v @ r
    return cj(v @ (inner if tangent is None else inner + diagonal(tangent)) @ mH(v))


@op
def values_pull(c: Any, a: Any, UPLO: Any = "L") -> Any:
    """Return the cotangent of a Hermitian matrix, given that of its eigenvalues, c.

    This is an op because its tangent is not a sum of one term for c and one for a where eigenvalues
    are equal.
    """
    v = np.linalg.eigh(a, UPLO)[1]
    return (cj(v) * real(c)[..., None, :]) @ mT(v)


def real(c: Any) -> Any:
    """Return a cotangent of real numbers; raise if it is complex."""
    if c.dtype.kind == "c":
        raise TypeError("The cotangent of eigenvalues or singular values is real.")
    return c


def values_pull_joint(
    tangents: dict[int, Any], output: Any, c: Any, a: Any, UPLO: Any = "L"
) -> Any:
    """Return the tangent of `values_pull`, given those of its operands by position."""
    w, v = np.linalg.eigh(a, UPLO)
    h = mH(v) @ hermitian(tangents[1], UPLO) @ v if 1 in tangents else None
    return values_pull_push(tangents.get(0), h, c, w, v)


def eigvalsh_push(t: Any, a: Any, UPLO: Any = "L") -> Any:
    """Return the tangent of the eigenvalues."""
    w, v = np.linalg.eigh(a, UPLO)
    return eigenvalue_tangents(w, mH(v) @ hermitian(t, UPLO) @ v)


def dilate(a: Any, lower: Any = None) -> Any:
    """Return the matrix [[0, a], [lower, 0]], where `lower` is aᴴ by default.

    Its eigenvalues are the singular values of a with both signs, and zeros.
    """
    lower = mH(a) if lower is None else lower
    m, n = a.shape[-2:]
    lead = a.shape[:-2]
    top = np.concatenate([np.zeros((*lead, m, m), a.dtype), a], -1)
    return np.concatenate([top, np.concatenate([lower, np.zeros((*lead, n, n), a.dtype)], -1)], -2)


def both_signs(c: Any, m: int, n: int) -> Any:
    """Return numbers for singular values as numbers for the eigenvalues of `dilate`.

    The eigenvalues are in ascending order.
    """
    return np.concatenate([-c, np.zeros((*c.shape[:-1], abs(m - n)), c.dtype), np.flip(c, -1)], -1)


@op
def singular_pull(c: Any, a: Any) -> Any:
    """Return the cotangent of a matrix, given that of its singular values, c.

    Singular values of 0 do not contribute.
    """
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return (cj(u) * nonzero_values(real(c), s)[..., None, :]) @ cj(vh)


def nonzero_values(c: Any, s: Any) -> Any:
    """Return `c`, or 0 where the singular value is 0 to rounding."""
    return c * (s * reciprocal(s, magnitude_sum(s)))


def singular_pull_c(g: Any, a: Any) -> Any:
    """Return the cotangent of c, given that of `singular_pull`."""
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return nonzero_values(diagonal_of(mH(u) @ g @ mH(vh)), s)


def singular_pull_a(g: Any, c: Any, a: Any) -> Any:
    """Return the cotangent of a, given that of `singular_pull`."""
    m, n = a.shape[-2:]
    w, v = np.linalg.eigh(dilate(a))
    c = both_signs(nonzero_values(c, np.linalg.svdvals(a)), m, n)
    d = values_pull_a(dilate(g, np.zeros_like(mT(g))), c, w, v)
    return d[..., :m, m:] + mH(d[..., m:, :m])


def singular_pull_joint(tangents: dict[int, Any], output: Any, c: Any, a: Any) -> Any:
    """Return the tangent of `singular_pull`, given those of its operands by position."""
    m, n = a.shape[-2:]
    w, v = np.linalg.eigh(dilate(a))
    s = np.linalg.svdvals(a)
    h = mH(v) @ dilate(tangents[1]) @ v if 1 in tangents else None
    t = both_signs(nonzero_values(tangents[0], s), m, n) if 0 in tangents else None
    return values_pull_push(t, h, both_signs(nonzero_values(c, s), m, n), w, v)[..., :m, m:]


def svdvals_push(t: Any, x: Any) -> Any:
    """Return the tangent of the singular values; 0 for those that are 0."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return nonzero_values(-eigenvalue_tangents(-s, -(mH(u) @ t @ mH(vh))), s)


def eig_a(g: Any, y: Any) -> Any:
    """Return the cotangent of a, given those of eigenvalues and of eigenvectors of length 1."""
    w, v = output(y, 0), output(y, 1)
    turned = mT(v) @ g[1]
    turned = turned - (mT(v) @ cj(v)) * diagonal_of(turned)[..., None, :]
    return np.linalg.solve(mT(v), (diagonal(g[0]) + gaps(w) * turned) @ mT(v))


@op
def places(pair: Any) -> Any:
    """Return for each number of the second stack the index of the nearest one in the first.

    Each index is used once.
    """
    y, w = pair
    found = np.empty(w.shape, int)
    for i in np.ndindex(w.shape[:-1]):
        apart = np.abs(w[i][:, None] - y[i])
        for j, row in enumerate(apart):
            found[i][j] = k = np.argmin(row)
            apart[:, k] = np.inf
    return found


def eigvals_a(g: Any, a: Any, y: Any) -> Any:
    """Return the cotangent of a, given that of its eigenvalues.

    For large matrices LAPACK's order of the eigenvalues differs between `eigvals` and `eig`.
    """
    w, v = np.linalg.eig(a)
    return np.linalg.solve(
        mT(v), np.take_along_axis(g, places(np.stack([y, w])), -1)[..., None] * mT(v)
    )


def economic(g: Any, u: Any, k: int) -> Any:
    """Return the cotangent of the first k columns of u.

    The other columns are a basis of the orthogonal complement of these.
    """
    if u.shape[-1] == k:
        return g
    return g[..., :k] - cj(u[..., k:]) @ mH(g[..., k:]) @ cj(u[..., :k])


def svd_pull(gu: Any, gs: Any, gv: Any, u: Any, s: Any, v: Any) -> Any:
    """Return the cotangent of `(u * s) @ mH(v)`, given those of the factors.

    u and v have as many columns as there are numbers in s.
    """
    p, q = mT(u) @ gu, mT(v) @ gv
    a, b, scale = p - mH(p), q - mH(q), magnitude_sum(s)
    inverse = reciprocal(s, scale)
    apart, together = gaps(s), reciprocal(s[..., None, :] + s[..., :, None], scale[..., None])
    d = cj(u) @ (diagonal(gs * (s * inverse)) + (apart * (a + b) + together * (a - b)) / 2) @ mT(v)
    if u.shape[-2] > u.shape[-1]:
        d = d + ((gu - cj(u) @ p) * inverse[..., None, :]) @ mT(v)
    if v.shape[-2] > v.shape[-1]:
        d = d + (cj(u) * inverse[..., None, :]) @ mH(gv - cj(v) @ q)
    return d


def svd_a(
    g: Any,
    a: Any,
    y: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    hermitian: bool = False,
) -> Any:
    """Return the cotangent of a, or of the triangle of it that is read."""
    if not compute_uv:
        d = singular(g, complete_hermitian(a) if hermitian else a)
    else:
        u, s, v = output(y, 0), output(y, 1), mH(output(y, 2))
        k = s.shape[-1]
        d = svd_pull(
            economic(g[0], u, k), g[1], economic(mH(g[2]), v, k), u[..., :k], s, v[..., :k]
        )
    return fold(d) if hermitian else d


def singular(g: Any, a: Any) -> Any:
    """Return the cotangent of a, given that of its singular values."""
    return singular_pull(np.broadcast_to(g, (*a.shape[:-2], min(a.shape[-2:]))), a)


def nuclear(g: Any, a: Any) -> Any:
    """Return the cotangent of a, given that of the sum of its singular values.

    The sum is smooth where singular values are equal, too.
    """
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    is_nonzero = s * reciprocal(s, magnitude_sum(s))
    return g[..., None, None] * ((cj(u) * is_nonzero[..., None, :]) @ cj(vh))


def qr_pull(gq: Any, gr: Any, q: Any, r: Any) -> Any:
    """Return the cotangent of q @ r, where r is square, given those of q and r."""
    n = (cj(r) @ mH(gr) - mH(gq) @ cj(q)) * triangle_weights(r)
    return mT(np.linalg.solve(r, mT(gq + cj(q) @ (n + mH(n)))))


def qr_a(g: Any, a: Any, a_shape: Any, y: Any, mode: str = "reduced") -> Any:
    """Return the cotangent of a, given those of its QR factors.

    If a is wide, its last columns are q times the last columns of r.
    """
    k = min(a_shape[-2:])
    q, r = np.linalg.qr(a) if mode == "r" else (output(y, 0), output(y, 1)[..., :k, :])
    gq, gr = (
        (np.zeros(q.shape, q.dtype), g) if mode == "r" else (economic(g[0], q, k), g[1][..., :k, :])
    )
    q = q[..., :k]
    if a_shape[-1] == k:
        return qr_pull(gq, gr, q, r)
    gq = gq + cj(q) @ cj(r[..., k:]) @ mH(gr[..., k:])
    return np.concatenate([qr_pull(gq, gr[..., :k], q, r[..., :k]), cj(q) @ gr[..., k:]], -1)


# norms


def abs_slope(x: Any) -> Any:
    """Return the derivative of the absolute value; 0 at 0."""
    return np.sign(x) if x.dtype.kind != "c" else cj(x) / nonzero(np.abs(x))


def nonzero(x: Any) -> Any:
    """Return `x` with 1 for 0, as a divisor."""
    return np.where(np.equal(x, 0), 1, x)


def extreme_shares(t: Any, y: Any, axis: Any) -> Any:
    """Return equal shares for the elements of `t` that equal the extreme y along `axis`."""
    ties = np.equal(t, y)
    return ties / np.sum(ties, axis=axis, keepdims=True)


def extremes(t: Any, ord: Any) -> Any:
    """Return equal shares for the greatest elements along the last axis.

    For a negative `ord` they are the least elements. Elements are sums or singular values, so those
    that are equal to rounding share.
    """
    y = (np.max if ord > 0 else np.min)(t, axis=-1, keepdims=True)
    ties = np.less_equal(np.abs(t - y), ROUNDING * np.finfo(t.dtype).eps * magnitude_sum(t))
    return ties / np.sum(ties, axis=-1, keepdims=True)


def vector_pull(g: Any, x: Any, y: Any, ord: Any, axis: tuple[int, ...]) -> Any:
    """Return the cotangent of x, given that of its norm y along `axis`.

    g and y have length 1 along `axis`.
    """
    if ord is None or ord == 2:
        return g * cj(x) / nonzero(y)
    if ord == 0:
        return g * np.zeros(x.shape, x.dtype)
    if ord == 1:
        return g * abs_slope(x)
    size = np.abs(x)
    if np.isinf(ord):
        return g * extreme_shares(size, y, axis) * abs_slope(x)
    return g * abs_slope(x) * np.power(nonzero(size) / nonzero(y), ord - 1)


def matrix_pull(g: Any, x: Any, ord: Any) -> Any:
    """Return the cotangent of x, given that of its norm over the last two axes."""
    if ord is None or ord == "fro":
        y = np.linalg.norm(x, axis=(-2, -1))
        return vector_pull(g[..., None, None], x, y[..., None, None], 2, (-2, -1))
    if ord in (1, -1):
        return (g[..., None] * extremes(np.sum(np.abs(x), axis=-2), ord))[..., None, :] * abs_slope(
            x
        )
    if ord in (np.inf, -np.inf):
        return (g[..., None] * extremes(np.sum(np.abs(x), axis=-1), ord))[..., None] * abs_slope(x)
    return (
        nuclear(g, x)
        if ord == "nuc"
        else singular(g[..., None] * extremes(np.linalg.svdvals(x), ord), x)
    )


def norm_axes(x_shape: Any, axis: Any) -> tuple[int, ...]:
    """Return the axes of a norm as a tuple of non-negative integers."""
    n = len(x_shape)
    return tuple(range(n)) if axis is None else tuple(int(k) % n for k in np.atleast_1d(axis))


def vector_norm_x(
    g: Any, x: Any, x_shape: Any, y: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2
) -> Any:
    """Return the cotangent of x, given that of `vector_norm`."""
    axes = norm_axes(x_shape, axis)
    g, y = (g, y) if keepdims else (np.expand_dims(g, axes), np.expand_dims(y, axes))
    return vector_pull(g, x, y, ord, axes)


def norm_x(
    g: Any, x: Any, x_shape: Any, y: Any, ord: Any = None, axis: Any = None, keepdims: bool = False
) -> Any:
    """Return the cotangent of x, given that of `norm`.

    The norm is a vector norm over one axis and a matrix norm over two. Without `ord` it is that of
    all elements.
    """
    axes = norm_axes(x_shape, axis)
    if ord is None or len(axes) == 1:
        return vector_norm_x(g, x, x_shape, y, axes, keepdims, ord)
    g = np.squeeze(g, axes) if keepdims else g
    return np.moveaxis(matrix_pull(g, np.moveaxis(x, axes, (-2, -1)), ord), (-2, -1), axes)


def cond_x(g: Any, x: Any, y: Any, p: Any = None) -> Any:
    """Return the cotangent of x, given that of its condition number."""
    if p is None or p in (2, -2):
        s = np.linalg.svdvals(x)
        share = extremes(s, 2) / s[..., :1] - extremes(s, -2) / s[..., -1:]
        return singular((g * y)[..., None] * (-share if p == -2 else share), x)
    # NumPy before 2.3 gives the real number as a complex one
    g = np.real(g) if np.iscomplexobj(g) else g
    inverse = np.linalg.inv(x)
    mine, its = np.linalg.norm(x, p, (-2, -1)), np.linalg.norm(inverse, p, (-2, -1))
    return matrix_pull(g * its, x, p) + inv_pull(matrix_pull(g * mine, inverse, p), inverse)


# inverses and equations
rule(np.linalg.inv,          a=lambda g, y: inv_pull(g, y),  push={"a": lambda t, y: -y @ t @ y})
rule(np.linalg.pinv,         a=lambda g, a, y, rcond=None, hermitian=False, rtol=None:
                             fold(pinv_pull(g, complete_hermitian(a),
                             y)) if hermitian else pinv_pull(g, a, y))
rule(np.linalg.solve,        a=solve_a,                      b=solve_b,
                             push={"a": solve_push,          "b": lambda t, a: np.linalg.solve(a, t)})
rule(np.linalg.tensorinv,    a=tensorinv_a)
rule(np.linalg.tensorsolve,  a=tensorsolve_a,                b=tensorsolve_b)
rule(np.linalg.lstsq,        a=lstsq_a,                      b=lstsq_b)
rule(np.linalg.matrix_power, a=lambda g, a, n: power_pull(g, a, int(n)))

# determinants and factorizations
rule(np.linalg.det,          a=lambda g, a: g[..., None, None] * cofactors(a),
                             push={"a": lambda t, a: np.sum(t * cofactors(a), axis=(-2, -1))})
rule(cofactors,              a=cofactors_a)
rule(np.linalg.slogdet,      a=slogdet_a)
rule(np.linalg.cholesky,     a=cholesky_a)
rule(np.linalg.eigh,         a=eigh_a)
rule(np.linalg.eigvalsh,     a=lambda g, a, UPLO="L": fold(values_pull(g, a, UPLO), UPLO),  push={"a": eigvalsh_push})
rule(values_pull,            c=values_pull_c,
                             a=lambda g, c, a, UPLO="L": fold(values_pull_a(g, c, *np.linalg.eigh(a, UPLO)), UPLO))
rule(singular_pull,          c=singular_pull_c,              a=singular_pull_a)
rule(np.linalg.eig,          a=eig_a)
rule(np.linalg.eigvals,      a=eigvals_a)
rule(np.linalg.svd,          a=svd_a)
rule(np.linalg.svdvals,      x=lambda g, x: singular(g, x),  push={"x": svdvals_push})
rule(np.linalg.qr,           a=qr_a)

# norms
rule(np.linalg.norm,         x=norm_x)
rule(np.linalg.vector_norm,  x=vector_norm_x)
rule(np.linalg.matrix_norm,  x=lambda g, x, keepdims=False, ord="fro":
                             matrix_pull(np.squeeze(g, (-2, -1)) if keepdims else g, x, ord))
rule(np.linalg.cond,         x=cond_x)

constant(np.linalg.matrix_rank, places, alignment)

ANNIHILATED.update({values_pull: (0,), singular_pull: (0,)})
JOINT_PUSHES.update({values_pull: values_pull_joint, singular_pull: singular_pull_joint})

# traits
set_traits(np.linalg.inv, np.linalg.pinv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky,
           np.linalg.matrix_power, np.linalg.eigh, np.linalg.eigvalsh, np.linalg.eigvals,
           np.linalg.svd, np.linalg.svdvals, np.linalg.qr, np.linalg.matrix_rank,
           structure=Structure.MATRIXWISE)
set_traits(np.linalg.norm, np.linalg.vector_norm, structure=Structure.REDUCTION)
set_traits(np.linalg.solve, structure=Structure.CONTRACTION)
set_traits(np.linalg.tensorinv, np.linalg.tensorsolve, np.linalg.lstsq, np.linalg.eig,
           np.linalg.matrix_norm, np.linalg.cond, cofactors, values_pull, singular_pull, places,
           alignment, structure=Structure.DENSE)
set_traits(np.linalg.eig, np.linalg.eigvals, np.linalg.lstsq, value_dependent=True)
