"""Products of vectors, matrices and tensors. Batches broadcast; the solver sums back over them."""

from typing import Any

import numpy as np

from ..registry import linear, multilinear


def mT(x: Any) -> Any:
    """The matrix transpose."""
    return np.swapaxes(x, -1, -2)


def matmul_a(g: Any, a_shape: Any, b: Any) -> Any:
    """The cotangent of the left factor of `a @ b`."""
    if len(np.shape(b)) == 1:
        return g[..., None] * b
    return np.squeeze(b @ g[..., None], -1) if len(a_shape) == 1 else g @ mT(b)


def matmul_b(g: Any, a: Any, b_shape: Any) -> Any:
    """The cotangent of the right factor of `a @ b`."""
    if len(np.shape(a)) == 1:
        return g * a if len(b_shape) == 1 else a[:, None] * g[..., None, :]
    return np.squeeze(mT(a) @ g[..., None], -1) if len(b_shape) == 1 else mT(a) @ g


def dot_a(g: Any, a_shape: Any, b: Any) -> Any:
    """The cotangent of the left factor of `dot`: g is contracted with all axes of b but the one that was summed."""
    free, others = max(len(np.shape(b)) - 1, 0), len(a_shape) - 1
    if not a_shape or not np.shape(b):
        return np.sum(g * b) if not a_shape else g * b
    return np.tensordot(g, b, (range(others, others + free), [k for k in range(free + 1) if k != max(free - 1, 0)]))


def dot_b(g: Any, a: Any, b_shape: Any) -> Any:
    """The cotangent of the right factor of `dot`."""
    if not b_shape or not np.shape(a):
        return np.sum(g * a) if not b_shape else g * a
    free = range(len(np.shape(a)) - 1)
    return np.moveaxis(np.tensordot(a, g, (free, free)), 0, max(len(b_shape) - 2, 0))


def inner_a(g: Any, a_shape: Any, b: Any) -> Any:
    """The cotangent of the left factor of `inner`, which sums over both last axes."""
    if not a_shape or not np.shape(b):
        return np.sum(g * b) if not a_shape else g * b
    free, others = len(np.shape(b)) - 1, len(a_shape) - 1
    return np.tensordot(g, b, (range(others, others + free), range(free)))


def inner_b(g: Any, a: Any, b_shape: Any) -> Any:
    """The cotangent of the right factor of `inner`."""
    if not b_shape or not np.shape(a):
        return np.sum(g * a) if not b_shape else g * a
    free = range(len(np.shape(a)) - 1)
    return np.tensordot(g, a, (free, free))


def summed(axes: Any, a_ndim: int, b_ndim: int) -> tuple[list[int], list[int]]:
    """The axes of `a` and of `b` that `tensordot` sums over, as lists of non-negative ints."""
    if isinstance(axes, int | np.integer):
        return list(range(a_ndim - axes, a_ndim)), list(range(int(axes)))
    a, b = (np.atleast_1d(side) for side in axes)
    return [int(k) % a_ndim for k in a], [int(k) % b_ndim for k in b]


def rest(axes: list[int], ndim: int) -> list[int]:
    """The axes that are not summed over."""
    return [k for k in range(ndim) if k not in axes]


def tensordot_a(g: Any, a_shape: Any, b: Any, axes: Any) -> Any:
    """The cotangent of the left factor of `tensordot`."""
    m, n = len(a_shape), len(np.shape(b))
    of_a, of_b = summed(axes, m, n)
    moved = np.tensordot(g, b, (range(m - len(of_a), m + n - 2 * len(of_a)), rest(of_b, n)))
    order = [of_a[k] for k in np.argsort(of_b)]
    return np.moveaxis(moved, range(m), rest(of_a, m) + order)


def tensordot_b(g: Any, a: Any, b_shape: Any, axes: Any) -> Any:
    """The cotangent of the right factor of `tensordot`."""
    m, n = len(np.shape(a)), len(b_shape)
    of_a, of_b = summed(axes, m, n)
    moved = np.tensordot(a, g, (rest(of_a, m), range(m - len(of_a))))
    order = [of_b[k] for k in np.argsort(of_a)]
    return np.moveaxis(moved, range(n), order + rest(of_b, n))


def spelled(subscripts: str) -> tuple[list[str], str]:
    """The inputs and the output of an einsum, its output written out."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    letters = left.replace(",", "").replace("...", "")
    implicit = "...".join(["", ""] if "..." in left else [""]) + "".join(sorted(x for x in set(letters) if letters.count(x) == 1))
    return left.split(","), right if arrow else implicit


def einsum_k(g: Any, k: int, xs: Any, xs_shape: Any, subscripts: str) -> Any:
    """The cotangent of operand k: the same sum with `g` in its place and its own subscripts for the output.

    A subscript that stands twice in it is split by an identity matrix; one that stands nowhere else, by ones.
    """
    inputs, out = spelled(subscripts)
    spare = iter(sorted(set(map(chr, range(65, 123))) - set(subscripts) - set("[]^_`\\\\")))
    mine, extra, seen = "", [], set("".join(inputs[:k] + inputs[k + 1 :]) + out)
    named = inputs[k].replace("...", "")
    tail = len(inputs[k]) - inputs[k].find("...") - 3 if "..." in inputs[k] else 0
    sizes = dict(zip(named[: len(named) - tail], xs_shape[k], strict=False)) | dict(zip(named[::-1][:tail], xs_shape[k][::-1], strict=False))
    for letter in inputs[k].replace("...", "."):
        if letter in mine and letter != ".":
            other = next(spare)
            extra.append((letter + other, np.eye(sizes[letter], dtype=g.dtype)))
            letter = other
        elif letter != "." and letter not in seen:
            extra.append((letter, np.ones(sizes[letter], dtype=g.dtype)))
        mine += letter
    terms = [(out, g), *((inputs[j], x) for j, x in enumerate(xs) if j != k), *extra]
    return np.einsum(",".join(t for t, _ in terms) + "->" + mine.replace(".", "..."), *(x for _, x in terms))


def diagonal_of(g: Any, shape: Any, offset: int, axis1: int, axis2: int) -> Any:
    """`g` along a diagonal of zeros of `shape`."""
    eye = np.eye(shape[axis1], shape[axis2], offset)
    return np.moveaxis(g[..., None, None] * eye, (-2, -1), (axis1, axis2))


multilinear(np.matmul,    a=lambda g, a_shape, b: matmul_a(g, a_shape, b),                b=lambda g, a, b_shape: matmul_b(g, a, b_shape))
multilinear(np.dot,       a=lambda g, a_shape, b: dot_a(g, a_shape, b),                   b=lambda g, a, b_shape: dot_b(g, a, b_shape))
multilinear(np.inner,     a=lambda g, a_shape, b: inner_a(g, a_shape, b),                 b=lambda g, a, b_shape: inner_b(g, a, b_shape))
multilinear(np.vdot,      a=lambda g, a_shape, b: np.reshape(np.conj(g) * np.ravel(b), a_shape),
                          b=lambda g, a, b_shape: np.reshape(g * np.conj(np.ravel(a)), b_shape))
multilinear(np.outer,     a=lambda g, a_shape, b: np.reshape(g @ np.ravel(b), a_shape),   b=lambda g, a, b_shape: np.reshape(np.ravel(a) @ g, b_shape))
multilinear(np.tensordot, a=lambda g, a_shape, b, axes=2: tensordot_a(g, a_shape, b, axes), b=lambda g, a, b_shape, axes=2: tensordot_b(g, a, b_shape, axes))
multilinear(np.einsum,    each=lambda g, k, xs, xs_shape, subscripts: einsum_k(g, k, xs, xs_shape, subscripts))
linear(np.trace,          a=lambda g, a_shape, offset=0, axis1=0, axis2=1: diagonal_of(g, a_shape, offset, axis1, axis2))
