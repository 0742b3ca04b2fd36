"""Links of ops that work along axes: sums, running sums, whole lines, neighbours."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ...rules.reductions import ABSENT, expand, lined
from ..sparsity_pattern import any_of, grouped, pattern_of, picked
from .uses import Link, Use, everything, numbers, over_outputs, several, size_of


def reduced(default: Any) -> Callable[[Use], Link]:
    """A result depends on what it is taken over; `default` is the axis where none is given."""

    def link(use: Use) -> Link:
        if use.k or several(use.y_shape):
            return everything(use)
        axis, keepdims = use.keyword("axis", default), use.keyword("keepdims", False)
        return (grouped(expand(numbers(use.y_shape), use.shape, axis, keepdims), prod(use.y_shape)),)

    return link


def traced(use: Use) -> Link:
    """The diagonals, each summed."""
    axis1, axis2 = (-2, -1) if use.op is np.linalg.trace else (use.keyword("axis1", 0), use.keyword("axis2", 1))
    spots = np.diagonal(numbers(use.shape), use.keyword("offset", 0), axis1, axis2)
    sums = np.broadcast_to(numbers(use.y_shape)[..., None], spots.shape)
    return grouped(sums, prod(use.y_shape)), picked(spots, use.size)


def so_far(default: Any) -> Callable[[Use], Link]:
    """A result depends on what stands before it along an axis, and on what stands there."""

    def link(use: Use) -> Link:
        axis, late = use.keyword("axis", default), int(use.keyword("include_initial", False))
        before, after = (lined(numbers(shape), shape, axis) for shape in (use.shape, use.y_shape))
        i, j = np.tril_indices(after.shape[-1], -late, before.shape[-1])
        return (pattern_of((after.size, before.size), after[..., i], before[..., j]),)

    return link


def along(use: Use) -> Link:
    """A result depends on all that stands on its line along an axis, however long the lines are."""
    axis = use.keyword("axis", -1)
    if axis is None or use.k:
        return everything(use)

    def line(shape: Any) -> Any:
        rest = tuple(n for j, n in enumerate(shape) if j != axis % len(shape))
        return np.broadcast_to(np.expand_dims(numbers(rest), axis), shape)

    lines = size_of(use.shape) // max(use.shape[axis], 1)
    return picked(line(use.y_shape), lines), grouped(line(use.shape), lines)


def matrixwise(use: Use) -> Link:
    """A result depends on all of the matrix that it is of, and on none of the others in the batch."""
    batch = use.shape[:-2]

    def matrix(shape: Any) -> Any:
        return np.broadcast_to(np.expand_dims(numbers(batch), tuple(range(len(batch), len(shape)))), shape)

    return picked(over_outputs(use.y_shape, matrix), prod(batch)), grouped(matrix(use.shape), prod(batch))


# -------------------------------------------------------------------------------------------------------- neighbours


def differences(use: Use) -> Link:
    """An n-th difference is taken of n + 1 neighbours."""
    n, axis = use.keyword("n", 1), use.keyword("axis", -1)
    if use.k:
        return everything(use)
    if n == 0:
        return ()  # nothing is put around it, either
    ends = tuple(_length(use, j, axis) for j in (1, 2))
    row = np.pad(1 + numbers(use.shape), [ends if j == axis % len(use.shape) else (0, 0) for j in range(len(use.shape))]) - 1
    m = row.shape[axis]
    windows = [np.take(row, range(s, m - min(n, m) + s), axis) for s in range(min(n, m) + 1)]
    return (any_of(windows, use.size),)


def _length(use: Use, j: int, axis: int) -> int:
    """How many elements the operand at position j adds along the axis: what is put before a difference, or after."""
    absent = j >= len(use.args) or use.args[j] is ABSENT
    return 0 if absent else (use.shapes[j] or {axis: 1})[axis]


def slopes(use: Use) -> Link:
    """`gradient` takes an element and those beside it; at the ends, where it is to be of second order, one more."""
    if use.k:
        return everything(use)
    axes, most = use.keyword("axis"), use.keyword("edge_order", 1) - 1
    windows = [_neighbours(use.shape, int(j), most) for j in (range(len(use.shape)) if axes is None else np.atleast_1d(axes))]
    return (any_of([np.concatenate(same) for same in zip(*windows, strict=True)], use.size),)


def _neighbours(shape: Any, axis: int, inwards: int) -> list[Any]:
    """For each element those around it: their numbers, in three arrays. At the ends they lie `inwards` by so many more."""
    n = shape[axis]
    middle = np.clip(np.arange(n), inwards, n - 1 - inwards)
    return [np.ravel(np.take(numbers(shape), np.clip(middle + s, 0, n - 1), axis)) for s in (-1, 0, 1)]


def convolved(use: Use) -> Link:
    """A convolution with a constant takes the neighbours at which the constant is not zero."""
    (n,), (m,) = use.shape, use.shapes[1 - use.k]
    if not use.constant(1 - use.k):
        return everything(use)
    kernel, (size,) = use.args[1 - use.k], use.y_shape
    short = min(n, m) - 1
    start = {"f": 0, "2": 0, "s": short // 2, "1": short // 2, "v": short, "0": short}[str(use.keyword("mode", "full"))[0]]
    labels = start + np.arange(size) - np.flatnonzero(kernel)[:, None]
    return (any_of([np.full(size, -1), *np.where(labels < n, labels, -1)], n),)
