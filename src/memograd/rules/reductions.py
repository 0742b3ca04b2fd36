"""Reductions. The cotangent is laid out again along the axes that were reduced.

Conventions. `max` and `min` share evenly among ties; `std` of equal numbers has slope 0.
"""

import math
from typing import Any

import numpy as np

from ..registry import constant, linear, rule


def kept(g: Any, axis: Any, keepdims: Any) -> Any:
    """`g`, the result of a reduction over `axis`, such that it broadcasts against what was reduced."""
    return g if axis is None or keepdims else np.expand_dims(g, axis)


def expand(g: Any, shape: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """`g`, the result of a reduction over `axis`, broadcast back to the `shape` that was reduced."""
    return np.broadcast_to(kept(g, axis, keepdims), shape)


def count(shape: Any, axis: Any = None) -> int:
    """How many elements a reduction over `axis` takes together."""
    axes = range(len(shape)) if axis is None else np.atleast_1d(axis)
    return math.prod(shape[k] for k in axes)


def shared(g: Any, a: Any, y: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """`g` given to the elements of `a` that equal `y`, an even share each."""
    ties = np.equal(a, kept(y, axis, keepdims))
    number = np.count_nonzero(ties) if axis is None else np.sum(ties, axis=axis, keepdims=True)
    return ties * (kept(g, axis, keepdims) / number)


def others(a: Any, axis: Any = None) -> Any:
    """The product of the other elements along `axis`, for each element, zeros among them or not."""
    zero = np.equal(a, 0)
    rest = np.where(zero, 1, a)
    product, zeros = np.prod(rest, axis=axis, keepdims=True), np.sum(zero, axis=axis, keepdims=True)
    return np.where(np.equal(zeros, zero), product / rest, 0)


def centred(a: Any, axis: Any = None) -> Any:
    """The conjugate of `a` less its mean."""
    return np.conj(a - np.mean(a, axis=axis, keepdims=True))


def undiff(g: Any, n: int, axis: int) -> Any:
    """The transpose of `n` differences along `axis`."""
    for _ in range(n):
        edge = np.zeros([1 if k == axis % len(g.shape) else m for k, m in enumerate(g.shape)], g.dtype)
        g = np.concatenate([edge, g], axis) - np.concatenate([g, edge], axis)
    return g


linear(np.sum,  a=lambda g, a_shape, axis=None, keepdims=False: expand(g, a_shape, axis, keepdims))
linear(np.mean, a=lambda g, a_shape, axis=None, keepdims=False: expand(g / count(a_shape, axis), a_shape, axis, keepdims))
rule(np.prod,   a=lambda g, a, a_shape, axis=None, keepdims=False: expand(g, a_shape, axis, keepdims) * others(a, axis))
rule(np.max,    a=lambda g, a, y, axis=None, keepdims=False: shared(g, a, y, axis, keepdims))
rule(np.min,    a=lambda g, a, y, axis=None, keepdims=False: shared(g, a, y, axis, keepdims))
rule(np.amax,   a=lambda g, a, y, axis=None, keepdims=False: shared(g, a, y, axis, keepdims))
rule(np.amin,   a=lambda g, a, y, axis=None, keepdims=False: shared(g, a, y, axis, keepdims))
rule(np.var,    a=lambda g, a, a_shape, axis=None, ddof=0, keepdims=False:
                expand(2 * g / (count(a_shape, axis) - ddof), a_shape, axis, keepdims) * centred(a, axis))
rule(np.std,    a=lambda g, a, a_shape, y, axis=None, ddof=0, keepdims=False:
                expand(g / (np.where(np.equal(y, 0), 1, y) * (count(a_shape, axis) - ddof)), a_shape, axis, keepdims) * centred(a, axis))

linear(np.cumsum, a=lambda g, a_shape, axis=None: np.reshape(np.flip(np.cumsum(np.flip(g, axis), axis), axis), a_shape))
linear(np.diff,   a=lambda g, n=1, axis=-1: undiff(g, n, axis))

constant(np.argmax, np.argmin, np.argsort, np.searchsorted, np.nonzero, np.any, np.all, np.count_nonzero, np.array_equal, np.allclose)
