"""Rules: how each op is called and differentiated, one module for each family of ops."""

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
