"""Kernels: functions that a plan calls in the place of several of NumPy's.

They stand in no program, so they have no rules: only instructions of a plan may call them.
"""

import math
from typing import Any

import numpy as np


def inner(a: Any, b: Any) -> Any:
    """Return `sum(a * b)` of vectors, by BLAS.

    NumPy computes it where BLAS gives a zero, whose sign may differ, infinity or NaN.
    """
    y = a @ b
    return y if 0.0 < abs(y) < math.inf else np.sum(a * b)


def scatter_numbers(places: Any, shape: Any, *xs: Any) -> Any:
    """Return zeros of `shape` with numbers added at these places, counted in C order."""
    total = np.zeros(shape, xs[0].dtype)
    np.add.at(total.reshape(-1), places, xs)
    return total
