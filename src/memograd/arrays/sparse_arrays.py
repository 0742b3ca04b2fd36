"""Sparse arrays, which store their nonzero elements only: full of zeros, and scattered into."""

from collections.abc import Iterator
from sys import modules
from typing import Any

import numpy as np

from ..errors import SparseError
from .index_expansion import expand_index
from .kinds import ArrayKind, KindShape, register_kind


class SparseKind(ArrayKind):
    """Kind of arrays that store their nonzero elements only, such as those of `sparse`."""

    def recognises(self, cls: type) -> bool:
        """Return whether a class is one of arrays that count their nonzero elements."""
        return hasattr(cls, "nnz") and super().recognises(cls)

    def full(self, shape: KindShape, number: Any, dtype: Any) -> Any:
        """Return a sparse array of zeros; a dense one of another number."""
        if number:
            return np.full(tuple(shape), number, dtype)[()]
        return super().full(shape, number, dtype)

    def from_numpy(self, a: np.ndarray, like: Any) -> Any:
        """Return a NumPy array as it is: the ops of sparse arrays take both."""
        return a

    def scatter(self, g: Any, shape: Any, key: tuple[Any, ...]) -> Any:
        """Return sparse zeros of a shape with `g` added at an index."""
        like = shape.layout if type(shape) is KindShape else g
        return scatter_sparse(like, tuple(shape), g, key)


register_kind(SparseKind())


def scatter_sparse(like: Any, shape: tuple[int, ...], g: Any, key: tuple[Any, ...]) -> Any:
    """Return sparse zeros with `g` added at an index.

    Parameters
    ----------
    like : sparse array
        An array of the library of which the result is.
    shape : tuple of int
        The shape of the result.
    g : array
        The elements to add.
    key : tuple
        The index: slices and integers, or slices and one list of integers.

    Raises
    ------
    SparseError
        The index has new axes, or several lists.
    """
    parts = expand_index(key, len(shape))
    if parts is None or any(part is None for part in parts):
        raise SparseError(
            f"What was taken from a sparse array by the index {key} cannot be put back "
            f"sparsely. Take slices and integers, or slices and one list of integers."
        )
    coords, data = _coordinates(g)
    own = iter(coords)
    axes = [_positions_along(part, n, own, len(data)) for part, n in zip(parts, shape, strict=True)]
    return _build_sparse(like, np.array(axes).reshape(len(shape), len(data)), data, shape)


def _positions_along(part: Any, n: int, own: Iterator[Any], count: int) -> Any:
    """Return the coordinates of the stored elements along an axis of length n.

    Parameters
    ----------
    part : int, slice or array
        The part of the index for this axis.
    n : int
        The length of the axis.
    own : iterator
        The coordinates of the elements in `g`, axis by axis. An integer removes its axis from `g`,
        so nothing is taken from the iterator for it.
    count : int
        The number of stored elements.
    """
    return np.full(count, part % n) if type(part) is int else np.arange(n)[part][next(own)]


def _coordinates(g: Any) -> tuple[Any, Any]:
    """Return the coordinates of the nonzero elements of `g`, axis by axis, and their values."""
    g = g.tocoo() if hasattr(g, "tocoo") else g
    if hasattr(g, "coords"):
        return g.coords, g.data
    coords = np.nonzero(g)
    return coords, g[coords]


def _build_sparse(like: Any, coords: Any, data: Any, shape: tuple[int, ...]) -> Any:
    """Return a sparse array of the library of `like`; duplicates of a coordinate are summed."""
    if hasattr(like, "from_coordinates"):
        return like.from_coordinates(coords, data, shape)
    return modules["sparse"].COO(coords, data, shape=tuple(shape))
