"""Ops that move elements about: the cotangent is moved back."""

from typing import Any

import numpy as np

from ..registry import linear
from .indexing import scatter


def unbroadcast(g: Any, shape: Any) -> Any:
    """`g` summed over the axes along which a value of `shape` was broadcast."""
    lead = len(g.shape) - len(shape)
    axes = tuple(k for k, n in enumerate((*(lead * (1,)), *shape)) if k < lead or (n == 1 and g.shape[k] != 1))
    return np.reshape(np.sum(g, axis=axes), shape) if axes else g


def inverse_permutation(axes: Any) -> Any:
    """The axes that undo a transpose; None undoes None."""
    return None if axes is None else tuple(int(k) for k in np.argsort([k % len(axes) for k in axes]))


def part(g: Any, k: int, shapes: Any, axis: Any) -> Any:
    """The part of a concatenation that came from operand k."""
    if axis is None:
        sizes = [int(np.prod(s, dtype=int)) for s in shapes]
        return np.reshape(g[sum(sizes[:k]) : sum(sizes[: k + 1])], shapes[k])
    axis %= len(shapes[k])
    start = sum(s[axis] for s in shapes[:k])
    return g[(slice(None),) * axis + (slice(start, start + shapes[k][axis]),)]


def layer(g: Any, k: int, axis: int) -> Any:
    """The layer of a stack that came from operand k."""
    return g[(slice(None),) * (axis % len(g.shape)) + (k,)]


def unrepeat(g: Any, shape: Any, repeats: Any, axis: Any) -> Any:
    """`g` added up over the repetitions of each element."""
    if axis is None:
        size = int(np.prod(shape, dtype=int))
        return np.reshape(unrepeat(g, (size,), repeats, 0), shape)
    axis %= len(shape)
    origin = np.repeat(np.arange(shape[axis]), repeats)
    return scatter(g, shape, *(slice(None),) * axis, origin)


def untile(g: Any, shape: Any, reps: Any) -> Any:
    """`g` added up over the tiles."""
    reps = tuple(np.atleast_1d(reps))
    most = max(len(reps), len(shape))
    reps, full = (1,) * (most - len(reps)) + reps, (1,) * (most - len(shape)) + tuple(shape)
    tiled = np.reshape(g, [n for pair in zip(reps, full, strict=True) for n in pair])
    return np.reshape(np.sum(tiled, axis=tuple(range(0, 2 * most, 2))), shape)


linear(np.reshape,      a=lambda g, a_shape, shape, order="C": np.reshape(g, a_shape, order=order))
linear(np.ravel,        a=lambda g, a_shape, order="C": np.reshape(g, a_shape, order=order))
linear(np.transpose,    a=lambda g, axes=None: np.transpose(g, inverse_permutation(axes)))
linear(np.swapaxes,     a=lambda g, axis1, axis2: np.swapaxes(g, axis1, axis2))
linear(np.moveaxis,     a=lambda g, source, destination: np.moveaxis(g, destination, source))
linear(np.squeeze,      a=lambda g, a_shape, axis=None: np.reshape(g, a_shape))
linear(np.expand_dims,  a=lambda g, a_shape, axis: np.reshape(g, a_shape))
linear(np.broadcast_to, a=lambda g, a_shape, shape: unbroadcast(g, a_shape))
linear(np.flip,         a=lambda g, axis=None: np.flip(g, axis))
linear(np.astype,       a=lambda g: g, dtype=None)
linear(np.copy,         a=lambda g: g)
linear(np.concatenate,  each=lambda g, k, xs_shape, axis=0: part(g, k, xs_shape, axis))
linear(np.stack,        each=lambda g, k, axis=0: layer(g, k, axis))
linear(np.split,        a=lambda g, indices_or_sections, axis=0: np.concatenate(g, axis))
linear(np.tile,         a=lambda g, a_shape, reps: untile(g, a_shape, reps))
linear(np.repeat,       a=lambda g, a_shape, repeats, axis=None: unrepeat(g, a_shape, repeats, axis))
