"""Numbers that the machine computes with: doubles, and truth values as 1.0 and 0.0."""

from typing import Any

import numpy as np

NUMBER_TYPES = (np.dtype(np.float64), np.dtype(np.bool_))


def is_double(a: Any) -> bool:
    """Return whether a constant is exact in double precision, as arithmetic on doubles needs."""
    if np.ndim(a) != 0 or not isinstance(
        a, int | float | np.bool | np.integer | np.floating | np.ndarray
    ):
        return False
    try:
        x = float(a)
    except (OverflowError, TypeError):
        return False
    return bool(x == a or x != x)
