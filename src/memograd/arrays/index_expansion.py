"""Indices that can be put back part by part: slices and integers, or slices and one list of
integers.
"""

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
"""Types of the parts of an index; arrays of other libraries are none of them."""


def spelt_out(key: tuple[Any, ...], ndim: int) -> list[Any] | None:
    """Return the parts of an index: an int, a slice for each axis that is not named too, what a
    list or mask takes as an array of integers, or None for a new axis; None for an index that is
    not of that kind.

    >>> spelt_out((Ellipsis, -1), 3), spelt_out(([True, False, True],), 1), spelt_out(([0], [1]), 2)
    ([slice(None, None, None), slice(None, None, None), -1], [array([0, 2])], None)
    """
    if not all(isinstance(part, EXPANDED_TYPES) for part in key):
        return None
    parts = [
        part
        if part is None or part is Ellipsis or isinstance(part, slice)
        else _as_indices(np.asarray(part))
        for part in key
    ]
    kinds = [type(part) for part in parts]
    if any(part is NotImplemented for part in parts) or (
        np.ndarray in kinds and (int in kinds or kinds.count(np.ndarray) > 1)
    ):
        return None
    at = next((k for k, part in enumerate(parts) if part is Ellipsis), len(parts))
    named = sum(part is not None and part is not Ellipsis for part in parts)
    return [*parts[:at], *(slice(None),) * (ndim - named), *parts[at + 1 :]]


def _as_indices(part: np.ndarray) -> Any:
    """Return an integer, or an array of integers along one axis."""
    if part.ndim > 1 or (part.ndim == 0 and part.dtype == bool):
        return NotImplemented
    return (
        int(part)
        if part.ndim == 0
        else np.flatnonzero(part)
        if part.dtype == bool
        else part.astype(int)
    )
