"""Sparse arrays: what was taken from one goes back to its coordinates, and no zero is stored."""

from collections.abc import Iterator
from sys import modules
from typing import Any

import numpy as np

from ..errors import SparseError
from .index_expansion import spelt_out


def is_sparse(a: Any) -> bool:
    """Return whether an array stores its elements that are not zero alone."""
    return hasattr(type(a), "nnz")


def scatter_sparse(like: Any, shape: tuple[int, ...], g: Any, key: tuple[Any, ...]) -> Any:
    """Return a sparse array of a shape, of the library of `like`, with `g` added at `key`: slices
    and integers, or slices and one list.
    """
    parts = spelt_out(key, len(shape))
    if parts is None or any(part is None for part in parts):
        raise SparseError(
            f"What was taken from a sparse array by the index {key} cannot be put back "
            f"sparsely. Take slices and "
            f"integers, or slices and one list of integers."
        )
    coords, data = _coordinates(g)
    own = iter(coords)
    axes = [_positions_along(part, n, own, len(data)) for part, n in zip(parts, shape, strict=True)]
    return _build_sparse(like, np.array(axes).reshape(len(shape), len(data)), data, shape)


def _positions_along(part: Any, n: int, own: Iterator[Any], count: int) -> Any:
    """Return where along an axis of n the stored elements belong, by what the index took there; an
    integer left no axis of their own.
    """
    return np.full(count, part % n) if type(part) is int else np.arange(n)[part][next(own)]


def _coordinates(g: Any) -> tuple[Any, Any]:
    """Return the coordinates of what is stored in `g`, axis by axis, and the numbers there; of a
    dense array, of what is not zero.
    """
    g = g.tocoo() if hasattr(g, "tocoo") else g
    if hasattr(g, "coords"):
        return g.coords, g.data
    return (coords := np.nonzero(g)), g[coords]


def _build_sparse(like: Any, coords: Any, data: Any, shape: tuple[int, ...]) -> Any:
    """Return a sparse array of the library of `like`; what stands at one coordinate adds up."""
    if hasattr(like, "from_coordinates"):
        return like.from_coordinates(coords, data, shape)
    return modules["sparse"].COO(coords, data, shape=tuple(shape))
