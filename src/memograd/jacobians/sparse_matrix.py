"""Sparse derivatives inside a trace: the entries are a node, the pattern is fixed."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..text import import_scipy
from .sparsity_pattern import Pattern

STATIC = {"static": True}


@dataclass(frozen=True, eq=False)
class SparseMatrix:
    """Sparse matrix whose entries are a node; with an array in its place, it is one of SciPy's.

    It is a pytree with one leaf. So a compiled function that gives one returns a
    ``scipy.sparse.csr_array``, because a plan puts arrays in the place of nodes.

    Attributes
    ----------
    data : Node
        The entries, row by row.
    columns, starts : array of int
        Column of each entry, and where each row begins.
    shape : tuple of int
        Rows and columns.
    """

    data: Any
    columns: Any = field(metadata=STATIC)
    starts: Any = field(metadata=STATIC)
    shape: tuple[int, int] = field(metadata=STATIC)

    def __new__(cls, data: Any, columns: Any, starts: Any, shape: tuple[int, int]) -> Any:
        """Return a sparse array of SciPy's for entries that are an array."""
        if isinstance(data, np.ndarray):
            csr_array = import_scipy("scipy.sparse").csr_array
            # SciPy may sort and sum entries in place: the pattern is shared by all calls.
            return csr_array((data, columns.copy(), starts.copy()), shape)
        return super().__new__(cls)


def with_entries(data: Any, pattern: Pattern) -> Any:
    """Return the matrix with these entries: one of SciPy's, if they are an array."""
    return SparseMatrix(data, pattern.columns, pattern.starts, pattern.shape)
