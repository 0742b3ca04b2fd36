"""The formula sheets: what the derivative of each op is, one line a derivative."""

from . import (
    elementwise,
    factorizations,
    fft,
    indexing,
    layouts,
    linalg,
    methods,
    reductions,
    refusals,
    sequences,
    shaping,
    sorting,
    statistics,
    stopping,
)

__all__ = [
    "elementwise",
    "factorizations",
    "fft",
    "indexing",
    "layouts",
    "linalg",
    "methods",
    "reductions",
    "refusals",
    "sequences",
    "shaping",
    "sorting",
    "statistics",
    "stopping",
]
