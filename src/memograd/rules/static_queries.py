"""Queries about nodes that the program answers, without a value and without a record."""

import numpy as np

STATIC_QUERIES = frozenset(
    {
        np.shape,
        np.ndim,
        np.size,
        np.iscomplexobj,
        np.isrealobj,
        np.isscalar,
        np.iterable,
        np.result_type,
        np.can_cast,
        np.common_type,
        np.einsum_path,
    }
)
"""Functions of NumPy whose result follows from shapes and dtypes of their arguments."""
