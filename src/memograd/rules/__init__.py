"""The formula rule modules: what the derivative of each op is, one line a derivative."""

from . import (  # noqa: F401  (each module registers its rules)
    assembling,
    control,
    decompositions,
    elementwise,
    fft,
    indexing,
    linalg,
    numerics_1d,
    order_statistics,
    reductions,
    shaping,
    statistics,
    ufunc_methods,
    unsupported,
)
