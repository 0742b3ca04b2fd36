"""Fourier transforms. They are linear, and the matrix of the complex ones is symmetric: the cotangent is transformed as it is.

A real transform is a complex one of which half is left out, since it is known: its cotangent is filled up with zeros, and a
real operand gets the real part. An inverse real transform counts that half twice, save the first and a middle element.
"""

from typing import Any

import numpy as np

from ..registry import linear


def fit(g: Any, shape: Any) -> Any:
    """`g` cut off, or filled up with zeros, to `shape`."""
    for k, n in enumerate(shape):
        if g.shape[k] > n:
            g = g[(slice(None),) * k + (slice(n),)]
        elif g.shape[k] < n:
            g = np.concatenate([g, np.zeros((*g.shape[:k], n - g.shape[k], *g.shape[k + 1 :]), g.dtype)], k)
    return g


def over(a_shape: Any, s: Any, axes: Any) -> tuple[int, ...]:
    """The axes of a transform: those given, or the last ones for which `s` gives a length, or all."""
    n = len(a_shape)
    return tuple(range(n if s is None else len(s)))[::1] if axes is None and s is None else tuple(
        k % n for k in (range(n - len(s), n) if axes is None else axes)
    )


def whole(g: Any, a_shape: Any, s: Any, axes: Any, transform: Any, norm: Any) -> Any:
    """The complex transform of `g`, which lacks half of its last axis, filled up to the length that was transformed."""
    axes = over(a_shape, s, axes)
    n = a_shape[axes[-1]] if s is None or s[-1] in (None, -1) else int(s[-1])
    return fit(transform(g, [*(g.shape[k] for k in axes[:-1]), n], axes, norm), a_shape)


def halved(g: Any, a_shape: Any, axis: int, n: int) -> Any:
    """The first half of `g` along `axis`, with what stands for two elements of the `n` doubled, and fitted to the operand."""
    axis %= len(a_shape)
    counts = np.full(n // 2 + 1, 2.0, np.real(g).dtype)
    counts[0] = 1
    if n % 2 == 0:
        counts[-1] = 1
    kept = g[(slice(None),) * axis + (slice(n // 2 + 1),)]
    return fit(kept * np.reshape(counts, (-1,) + (1,) * (len(a_shape) - 1 - axis)), a_shape)
