"""Loops over views: the fewest nested loops, and the axes of a reduction."""

from typing import Any

import numpy as np

from ..op_traits import axes_of
from .address_space import NUMBER_BYTES

Loop = tuple[int, ...]
"""Length of a loop, and the stride of each view in it."""


def collapse(*views: np.ndarray) -> list[Loop]:
    """Return the fewest nested loops over views of one shape, the innermost last."""
    loops: list[Loop] = []
    for axis, length in enumerate(views[0].shape):
        if length == 1:
            continue
        strides = [view.strides[axis] // NUMBER_BYTES for view in views]
        if loops and list(loops[-1][1:]) == [length * s for s in strides]:
            loops[-1] = (loops[-1][0] * length, *strides)
        else:
            loops.append((length, *strides))
    return loops


def loops_over(target: np.ndarray, source: np.ndarray) -> tuple[list[Loop], Loop, Loop]:
    """Return all but two loops of a copy, its outer and its inner loop.

    The inner one is the longer of the two, if it is much longer: a loop costs 10 ns to begin.
    """
    loops = collapse(target, source)
    *rest, outer, inner = [(1, 0, 0)] * (2 - len(loops)) + loops
    if outer[0] > 4 * inner[0]:
        outer, inner = inner, outer
    return rest, outer, inner


def split_axes(view: np.ndarray, axis: Any) -> tuple[list[Loop], list[Loop]]:
    """Return the loops over the kept axes and over the reduced axes of a reduction."""
    axes = axes_of(axis, view.ndim)
    others = [k for k in range(view.ndim) if k not in axes]
    kept = np.moveaxis(view, axes, range(len(axes)))[(0,) * len(axes)]
    reduced = np.moveaxis(view, others, range(len(others)))[(0,) * len(others)]
    return collapse(kept[..., None]), collapse(reduced[..., None])
