"""Rules of products of vectors, matrices and tensors.

Batches broadcast; the solver sums cotangents over them.
"""

from string import ascii_letters
from typing import Any

import numpy as np

from ..arrays.kinds import as_kind_of
from .broadcasting import unbroadcast
from .indexing import undiagonal
from .pure_registration import linear, multilinear
from .registration import set_traits
from .traits import Batching, Structure


def mT(x: Any) -> Any:
    """Return the matrix transpose."""
    return x.T if len(x.shape) == 2 else np.swapaxes(x, -1, -2)


def cj(x: Any) -> Any:
    """Return the conjugate; a real array is its own."""
    return np.conj(x) if x.dtype.kind == "c" else x


def mH(x: Any) -> Any:
    """Return the conjugate of the matrix transpose."""
    return cj(mT(x))


def outer_in_batches(a: Any, b: Any) -> Any:
    """Return the products of all pairs of elements of two vectors, in batches."""
    return a[..., :, None] * b[..., None, :]


def matmul_a(g: Any, a_shape: Any, b: Any, b_shape: Any) -> Any:
    """Return the cotangent of the left factor of `a @ b`."""
    if len(b_shape) == 1:
        return g[..., None] * b
    return np.squeeze(b @ g[..., None], -1) if len(a_shape) == 1 else g @ mT(b)


def matmul_b(g: Any, a: Any, a_shape: Any, b_shape: Any) -> Any:
    """Return the cotangent of the right factor of `a @ b`."""
    if len(a_shape) == 1:
        return g * a if len(b_shape) == 1 else a[:, None] * g[..., None, :]
    return np.squeeze(mT(a) @ g[..., None], -1) if len(b_shape) == 1 else mT(a) @ g


def dot_a(g: Any, a_shape: Any, b: Any, b_shape: Any) -> Any:
    """Return the cotangent of the left factor of `dot`.

    `g` is contracted with all axes of b except the one that `dot` sums over.
    """
    if not a_shape or not b_shape:
        return g * b
    if len(a_shape) <= 2 and len(b_shape) <= 2:
        return matmul_a(g, a_shape, b, b_shape)
    free, others = len(b_shape) - 1, len(a_shape) - 1
    return np.tensordot(
        g, b, (range(others, others + free), [k for k in range(free + 1) if k != max(free - 1, 0)])
    )


def dot_b(g: Any, a: Any, a_shape: Any, b_shape: Any) -> Any:
    """Return the cotangent of the right factor of `dot`."""
    if not a_shape or not b_shape:
        return g * a
    if len(a_shape) <= 2 and len(b_shape) <= 2:
        return matmul_b(g, a, a_shape, b_shape)
    free = range(len(a_shape) - 1)
    return np.moveaxis(np.tensordot(a, g, (free, free)), 0, max(len(b_shape) - 2, 0))


def inner_a(g: Any, a_shape: Any, b: Any, b_shape: Any) -> Any:
    """Return the cotangent of the left factor of `inner`, which sums over both last axes."""
    if not a_shape or not b_shape:
        return g * b
    free, others = len(b_shape) - 1, len(a_shape) - 1
    return np.tensordot(g, b, (range(others, others + free), range(free)))


def inner_b(g: Any, a: Any, a_shape: Any, b_shape: Any) -> Any:
    """Return the cotangent of the right factor of `inner`."""
    if not a_shape or not b_shape:
        return g * a
    free = range(len(a_shape) - 1)
    return np.tensordot(g, a, (free, free))


def contraction_axes(axes: Any, a_ndim: int, b_ndim: int) -> tuple[list[int], list[int]]:
    """Return the axes of `a` and `b` that `tensordot` sums over, as non-negative integers."""
    if isinstance(axes, int | np.integer):
        return list(range(a_ndim - axes, a_ndim)), list(range(int(axes)))
    a, b = (np.atleast_1d(side) for side in axes)
    return [int(k) % a_ndim for k in a], [int(k) % b_ndim for k in b]


def free_axes(axes: list[int], ndim: int) -> list[int]:
    """Return the axes that are not summed over."""
    return [k for k in range(ndim) if k not in axes]


def tensordot_a(g: Any, a_shape: Any, b: Any, b_shape: Any, axes: Any = 2) -> Any:
    """Return the cotangent of the left factor of `tensordot`."""
    m, n = len(a_shape), len(b_shape)
    of_a, of_b = contraction_axes(axes, m, n)
    moved = np.tensordot(g, b, (range(m - len(of_a), m + n - 2 * len(of_a)), free_axes(of_b, n)))
    return np.moveaxis(moved, range(m), free_axes(of_a, m) + [of_a[k] for k in np.argsort(of_b)])


def tensordot_b(g: Any, a: Any, a_shape: Any, b_shape: Any, axes: Any = 2) -> Any:
    """Return the cotangent of the right factor of `tensordot`."""
    m, n = len(a_shape), len(b_shape)
    of_a, of_b = contraction_axes(axes, m, n)
    moved = np.tensordot(a, g, (free_axes(of_a, m), range(m - len(of_a))))
    return np.moveaxis(moved, range(n), [of_b[k] for k in np.argsort(of_a)] + free_axes(of_b, n))


def align_vectors(g: Any, other: Any, shape: Any, axes: tuple[int, int], pull: Any) -> Any:
    """Apply a pull on vectors along the last axis to vectors along `axes`.

    `axes` has the axis of the operand, whose shape is `shape`, and the axis of the other factor.
    """
    mine, its = axes
    moved = [*shape]
    moved.append(moved.pop(mine))
    return np.moveaxis(unbroadcast(pull(g, np.moveaxis(other, its, -1)), tuple(moved)), -1, mine)


def as_3d_vectors(x: Any, plane: bool) -> Any:
    """Return vectors along the last axis with three components; a missing third one is 0."""
    return np.concatenate([x, np.zeros((*x.shape[:-1], 1), x.dtype)], -1) if plane else x


def cross_pull(g: Any, other: Any, shape: Any, axes: tuple[int, int, int], pull: Any) -> Any:
    """Return the cotangent of a factor of `cross`.

    `shape` is that of the factor. `axes` are those of its vectors, of the other factor's and of the
    result's.
    """
    mine, its, result = axes
    flat, plane = shape[mine] == 2, other.shape[its] == 2
    # of two vectors in the plane there is the third component of the result alone
    if flat and plane:
        g = np.concatenate([np.zeros((*g.shape, 2), g.dtype), g[..., None]], -1)
    else:
        g = np.moveaxis(g, result, -1)
    whole = [*shape]
    whole[mine] = 3
    d = align_vectors(g, other, tuple(whole), (mine, its), lambda g, x: pull(g, as_3d_vectors(x, plane)))
    return d[(slice(None),) * (mine % len(shape)) + (slice(2),)] if flat else d


def cross_a(
    g: Any,
    a_shape: Any,
    b: Any,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: Any = None,
) -> Any:
    """Return the cotangent of the left factor of `cross`."""
    axes = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    return cross_pull(g, b, a_shape, axes, lambda g, b: np.linalg.cross(b, g))


def cross_b(
    g: Any,
    a: Any,
    b_shape: Any,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: Any = None,
) -> Any:
    """Return the cotangent of the right factor of `cross`."""
    axes = (axisb, axisa, axisc) if axis is None else (axis, axis, axis)
    return cross_pull(g, a, b_shape, axes, lambda g, a: np.linalg.cross(g, a))


def matrix_chain(xs: Any) -> Any:
    """Return the product of one or more matrices."""
    return xs[0] if len(xs) == 1 else np.linalg.multi_dot(xs)


def multi_dot_k(g: Any, k: int, xs: Any, xs_shape: Any) -> Any:
    """Return the cotangent of factor k of `multi_dot`.

    `g` is multiplied by the product of the factors before k and by that of the factors after it.
    """
    shapes = [(1, *s) if len(s) == 1 and j == 0 else (*s, 1)[:2] for j, s in enumerate(xs_shape)]
    xs = [np.reshape(x, s) for x, s in zip(xs, shapes, strict=True)]
    g = np.reshape(g, (shapes[0][0], shapes[-1][1]))
    g = mT(matrix_chain(xs[:k])) @ g if k else g
    return np.reshape(g @ mT(matrix_chain(xs[k + 1 :])) if k + 1 < len(xs) else g, xs_shape[k])


def kron_blocks(g: Any, a_shape: Any, b_shape: Any) -> tuple[Any, Any, Any]:
    """Return the cotangent of a Kronecker product with alternating axes of a and b.

    The shapes of both factors are returned, too, padded to the same number of axes.
    """
    n = max(len(a_shape), len(b_shape))
    a, b = ((1,) * (n - len(shape)) + tuple(shape) for shape in (a_shape, b_shape))
    return np.reshape(g, [m for pair in zip(a, b, strict=True) for m in pair]), a, b


def kron_a(g: Any, a_shape: Any, b: Any, b_shape: Any) -> Any:
    """Return the cotangent of the left factor of `kron`."""
    g, _, shape = kron_blocks(g, a_shape, b_shape)
    n = len(shape)
    return np.reshape(
        np.tensordot(g, np.reshape(b, shape), (range(1, 2 * n, 2), range(n))), a_shape
    )


def kron_b(g: Any, a: Any, a_shape: Any, b_shape: Any) -> Any:
    """Return the cotangent of the right factor of `kron`."""
    g, shape, _ = kron_blocks(g, a_shape, b_shape)
    n = len(shape)
    return np.reshape(
        np.tensordot(g, np.reshape(a, shape), (range(0, 2 * n, 2), range(n))), b_shape
    )


def spell_einsum(subscripts: str, ndims: list[int]) -> tuple[list[str], str]:
    """Return the inputs and the output of an einsum in letters.

    Ellipses and an implicit output are written out.
    """
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    inputs = left.split(",")
    dots = [n - len(term.replace("...", "")) for term, n in zip(inputs, ndims, strict=True)]
    spare = "".join(x for x in ascii_letters if x not in subscripts)[: max(dots)]
    out = (
        right
        if arrow
        else "..." + "".join(sorted(x for x in set(left) - set(",.") if left.count(x) == 1))
    )
    written = [
        term.replace("...", spare[len(spare) - n :]) for term, n in zip(inputs, dots, strict=True)
    ]
    return written, out.replace("...", spare)


def einsum_k(g: Any, k: int, xs: Any, xs_shape: Any, subscripts: str) -> Any:
    """Return the cotangent of operand k of `einsum`: an einsum with `g` in its place.

    The output has the subscripts of the operand. A subscript that the operand has twice is split by
    an identity matrix. One that no other operand has gets its length from an array of ones.
    """
    inputs, out = spell_einsum(subscripts, [len(s) for s in xs_shape])
    unused = iter([x for x in ascii_letters if x not in ",".join((out, *inputs))])
    terms = [(out, g), *((inputs[j], x) for j, x in enumerate(xs) if j != k)]
    shapes = [g.shape, *(s for j, s in enumerate(xs_shape) if j != k)]
    lengths = {
        pair
        for (term, _), shape in zip(terms, shapes, strict=True)
        for pair in zip(term, shape, strict=True)
    }
    mine = ""
    for x, n in zip(inputs[k], xs_shape[k], strict=True):
        if x in mine:
            x = x + next(unused)
            terms.append((x, np.eye(n, dtype=g.dtype)))
        elif (x, n) not in lengths:
            terms.append((x, np.ones(n, g.dtype)))
        mine += x[-1]
    return np.einsum(
        ",".join(term for term, _ in terms) + "->" + mine,
        *(x for _, x in terms),
        optimize=len(terms) > 2,
    )


def trace_a(g: Any, a_shape: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the cotangent of the operand of `trace`: `g` along the diagonal."""
    eye = as_kind_of(g, np.eye(a_shape[axis1], a_shape[axis2], offset, dtype=g.dtype))
    return np.moveaxis(g[..., None, None] * eye, (-2, -1), (axis1, axis2))


# products of two, summed over
multilinear(np.matmul,           a=matmul_a,     b=matmul_b)
multilinear(np.linalg.matmul,    a=matmul_a,     b=matmul_b)
multilinear(np.dot,              a=dot_a,        b=dot_b)
multilinear(np.inner,            a=inner_a,      b=inner_b)
multilinear(np.tensordot,        a=tensordot_a,  b=tensordot_b)
multilinear(np.linalg.tensordot, a=tensordot_a,  b=tensordot_b)
multilinear(np.vdot,             a=lambda g, a_shape, b: np.reshape(np.conj(g * np.ravel(b)), a_shape),
                                 b=lambda g, a, b_shape: np.reshape(g * np.conj(np.ravel(a)), b_shape))
multilinear(np.vecdot,           a=lambda g, b: np.conj(g[..., None] * b),
                                 b=lambda g, a: g[..., None] * np.conj(a))
multilinear(np.linalg.vecdot,    a=lambda g, a_shape, b, axis=-1: align_vectors(g[..., None], b, a_shape, (axis, axis), lambda g, b: cj(g * b)),
                                 b=lambda g, a, b_shape, axis=-1: align_vectors(g[..., None], a, b_shape, (axis, axis), lambda g, a: g * cj(a)))
multilinear(np.matvec,           a=lambda g, b: outer_in_batches(g, b),
                                 b=lambda g, a: np.matvec(mT(a), g))
multilinear(np.vecmat,           a=lambda g, b: cj(np.matvec(b, g)),
                                 b=lambda g, a: outer_in_batches(cj(a), g))

# products of two, and of many
multilinear(np.outer,            a=lambda g, a_shape, b: np.reshape(g @ np.ravel(b), a_shape),
                                 b=lambda g, a, b_shape: np.reshape(np.ravel(a) @ g, b_shape))
multilinear(np.linalg.outer,     a=lambda g, b: g @ b,
                                 b=lambda g, a: a @ g)
multilinear(np.kron,             a=kron_a,       b=kron_b)
multilinear(np.cross,            a=cross_a,      b=cross_b)
multilinear(np.linalg.cross,     a=lambda g, a_shape, b, axis=-1: cross_a(g, a_shape, b, axis=axis),
                                 b=lambda g, a, b_shape, axis=-1: cross_b(g, a, b_shape, axis=axis))
multilinear(np.einsum,           each=einsum_k)
multilinear(np.linalg.multi_dot, each=multi_dot_k)

# one matrix
linear(np.trace,                 a=trace_a)
linear(np.linalg.trace,          a=lambda g, a_shape, offset=0: trace_a(g, a_shape, offset, -2, -1))
linear(np.linalg.diagonal,       a=lambda g, a_shape, offset=0: undiagonal(g, a_shape, offset, -2, -1))
linear(np.linalg.matrix_transpose, a=lambda g: mT(g))

# traits
set_traits(np.matmul, np.linalg.matmul, np.dot, np.inner, np.tensordot, np.linalg.tensordot,
           np.vdot, np.vecdot, np.linalg.vecdot, np.matvec, np.vecmat, np.outer, np.linalg.outer,
           np.kron, np.cross, np.linalg.cross, np.einsum, np.linalg.multi_dot, np.trace,
           np.linalg.trace, structure=Structure.CONTRACTION)
set_traits(np.linalg.diagonal, np.linalg.matrix_transpose, structure=Structure.MOVEMENT)
set_traits(np.matmul, symbol="@", operator="@")
set_traits(np.matmul, np.linalg.matmul, np.dot, np.inner, np.vdot, np.vecdot, np.linalg.vecdot,
           np.matvec, np.vecmat, np.tensordot, np.linalg.tensordot, np.einsum, np.linalg.multi_dot,
           uses_blas=True)
set_traits(np.trace, axes=("axis1", "axis2"), batching=Batching.AXES)
set_traits(np.vecdot, np.linalg.vecdot, np.cross, np.linalg.cross, batching=Batching.VECTORS)
set_traits(np.linalg.matrix_transpose, np.linalg.trace, np.linalg.diagonal,
           batching=Batching.UNCHANGED)
