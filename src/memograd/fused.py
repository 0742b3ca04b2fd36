"""Functions that a plan calls in the place of several of NumPy's. They branch on values inside, and give the same bits."""

from typing import Any

import numpy as np

from .registry import constant, op


@op
def unless(mask: Any, x: Any, y: Any) -> Any:
    """`where(mask, x, y)`; y itself, where the mask holds nowhere."""
    return np.where(mask, x, y) if np.count_nonzero(mask) else y


constant(unless)


@op
def row(*xs: Any) -> Any:
    """Numbers as one array."""
    return np.array(xs)


constant(row)
