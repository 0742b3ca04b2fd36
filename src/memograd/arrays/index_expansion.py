"""Expansion of indices to one part per axis, for scatters that work axis by axis."""

from typing import Any

import numpy as np

EXPANDED_TYPES = (
    slice,
    int,
    np.generic,
    np.ndarray,
    list,
    tuple,
    range,
    type(None),
    type(Ellipsis),
)
"""Types of the parts of an index that can be expanded; arrays of other libraries cannot."""


def expand_index(key: tuple[Any, ...], ndim: int) -> list[Any] | None:
    """Return an index with one part for each of `ndim` axes, and None for each new axis.

    A part is an int, a slice, or an array of integers in place of a list or mask. Axes that the
    index leaves out get a full slice. Returns None for an index with several lists, or with a list
    and an integer, because such an index does not act on each axis separately.

    >>> expand_index((Ellipsis, -1), 3)
    [slice(None, None, None), slice(None, None, None), -1]
    >>> expand_index(([True, False, True],), 1)
    [array([0, 2])]
    >>> expand_index(([0], [1]), 2)
    """
    if not all(isinstance(part, EXPANDED_TYPES) for part in key):
        return None
    parts = [_as_indices(part) for part in key]
    kinds = [type(part) for part in parts]
    if any(part is NotImplemented for part in parts) or (
        np.ndarray in kinds and (int in kinds or kinds.count(np.ndarray) > 1)
    ):
        return None
    at = next((k for k, part in enumerate(parts) if part is Ellipsis), len(parts))
    named = sum(part is not None and part is not Ellipsis for part in parts)
    return [*parts[:at], *(slice(None),) * (ndim - named), *parts[at + 1 :]]


def _as_indices(part: Any) -> Any:
    """Return an int or an array of integers for a part of an index.

    Slices, None and Ellipsis are returned as they are. The result is NotImplemented for a part
    that acts on several axes, or is a mask without axes.
    """
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    array = np.asarray(part)
    if array.ndim > 1 or (array.ndim == 0 and array.dtype == bool):
        return NotImplemented
    if array.ndim == 0:
        return int(array)
    return np.flatnonzero(array) if array.dtype == bool else array.astype(int)
