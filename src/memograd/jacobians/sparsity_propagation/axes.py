"""Patterns of ops along axes: reductions, cumulative sums, transforms, differences."""

from math import prod
from typing import Any

import numpy as np

from ...rules.call_binding import parameters_of
from ...rules.reductions import NO_VALUE, expand, flatten_axes
from ..sparsity_pattern import grouping_pattern, pattern_of, selection_pattern, selection_union
from .uses import (
    OperandUse,
    PatternFactors,
    element_count,
    element_numbers,
    full_pattern,
    has_several_outputs,
    labels_over_outputs,
)


def axis_of(use: OperandUse) -> Any:
    """Return the axis of a call; that of the op's signature, if none is given."""
    return use.keyword("axis", parameters_of(use.op)["axis"])


def reduction_pattern(use: OperandUse) -> PatternFactors:
    """Let a result depend on the elements over which it is taken."""
    if use.k or has_several_outputs(use.y_shape):
        return full_pattern(use)
    keepdims = use.keyword("keepdims", False)
    results = expand(element_numbers(use.y_shape), use.shape, axis_of(use), keepdims)
    return (grouping_pattern(results, prod(use.y_shape)),)


def trace_pattern(use: OperandUse) -> PatternFactors:
    """Return the pattern of `trace`: each diagonal is summed."""
    axis1, axis2 = (
        (-2, -1)
        if use.op is np.linalg.trace
        else (use.keyword("axis1", 0), use.keyword("axis2", 1))
    )
    spots = np.diagonal(element_numbers(use.shape), use.keyword("offset", 0), axis1, axis2)
    sums = np.broadcast_to(element_numbers(use.y_shape)[..., None], spots.shape)
    return grouping_pattern(sums, prod(use.y_shape)), selection_pattern(spots, use.size)


def cumulative_pattern(use: OperandUse) -> PatternFactors:
    """Let a result depend on the elements up to its own along the axis."""
    axis, late = axis_of(use), int(use.keyword("include_initial", False))
    before, after = (
        flatten_axes(element_numbers(shape), shape, axis) for shape in (use.shape, use.y_shape)
    )
    i, j = np.tril_indices(after.shape[-1], -late, before.shape[-1])
    return (pattern_of((after.size, before.size), after[..., i], before[..., j]),)


def whole_axis_pattern(use: OperandUse) -> PatternFactors:
    """Let a result depend on all elements with the same indices along the other axes."""
    axis = axis_of(use)
    if axis is None or use.k:
        return full_pattern(use)

    def fibre_numbers(shape: Any) -> Any:
        """Return the number of the fibre along the axis on which each element lies."""
        rest = tuple(n for j, n in enumerate(shape) if j != axis % len(shape))
        return np.broadcast_to(np.expand_dims(element_numbers(rest), axis), shape)

    fibres = element_count(use.shape) // max(use.shape[axis], 1)
    return (
        selection_pattern(fibre_numbers(use.y_shape), fibres),
        grouping_pattern(fibre_numbers(use.shape), fibres),
    )


def matrixwise_pattern(use: OperandUse) -> PatternFactors:
    """Let a result depend on all elements of its matrix, and on no other matrix of the batch."""
    batch = use.shape[:-2]

    def matrix_numbers(shape: Any) -> Any:
        """Return the number of the matrix to which each element belongs."""
        axes = tuple(range(len(batch), len(shape)))
        return np.broadcast_to(np.expand_dims(element_numbers(batch), axes), shape)

    of_result = selection_pattern(labels_over_outputs(use.y_shape, matrix_numbers), prod(batch))
    return of_result, grouping_pattern(matrix_numbers(use.shape), prod(batch))


def diff_pattern(use: OperandUse) -> PatternFactors:
    """Return the pattern of `diff`: an n-th difference is taken of n + 1 neighbours."""
    n, axis = use.keyword("n", 1), use.keyword("axis", -1)
    if use.k:
        return full_pattern(use)
    if n == 0:
        return ()  # nothing is prepended or appended, either
    ends = tuple(_boundary_length(use, j, axis) for j in (1, 2))
    rank = len(use.shape)
    widths = [ends if j == axis % rank else (0, 0) for j in range(rank)]
    row = np.pad(1 + element_numbers(use.shape), widths) - 1
    m = row.shape[axis]
    windows = [np.take(row, range(s, m - min(n, m) + s), axis) for s in range(min(n, m) + 1)]
    return (selection_union(windows, use.size),)


def _boundary_length(use: OperandUse, j: int, axis: int) -> int:
    """Return the length along the axis of operand j, which is prepended or appended."""
    absent = j >= len(use.args) or use.args[j] is NO_VALUE
    return 0 if absent else (use.shapes[j] or {axis: 1})[axis]


def gradient_pattern(use: OperandUse) -> PatternFactors:
    """Return the pattern of `gradient`: an element and its two neighbours.

    At the ends a gradient of second order takes one more element.
    """
    if use.k:
        return full_pattern(use)
    axes, most = use.keyword("axis"), use.keyword("edge_order", 1) - 1
    axes = range(len(use.shape)) if axes is None else np.atleast_1d(axes)
    windows = [_neighbour_numbers(use.shape, int(j), most) for j in axes]
    choices = [np.concatenate(labels) for labels in zip(*windows, strict=True)]
    return (selection_union(choices, use.size),)


def _neighbour_numbers(shape: Any, axis: int, inwards: int) -> list[Any]:
    """Return three arrays with the numbers of the elements before, at and after each element.

    At the ends they are shifted by `inwards` towards the middle.
    """
    n = shape[axis]
    middle = np.clip(np.arange(n), inwards, n - 1 - inwards)
    return [
        np.ravel(np.take(element_numbers(shape), np.clip(middle + s, 0, n - 1), axis))
        for s in (-1, 0, 1)
    ]


def convolution_pattern(use: OperandUse) -> PatternFactors:
    """Return the pattern of a convolution: neighbours at which a constant kernel is nonzero."""
    (n,), (m,) = use.shape, use.shapes[1 - use.k]
    if not use.constant(1 - use.k):
        return full_pattern(use)
    kernel, (size,) = use.args[1 - use.k], use.y_shape
    short = min(n, m) - 1
    mode = str(use.keyword("mode", "full"))[0]
    start = {"f": 0, "2": 0, "s": short // 2, "1": short // 2, "v": short, "0": short}[mode]
    labels = start + np.arange(size) - np.flatnonzero(kernel)[:, None]
    return (selection_union([np.full(size, -1), *np.where(labels < n, labels, -1)], n),)
