"""Dask arrays: shapes that know their chunks, and lazy broadcasts and scatters.

Dask is imported by the caller that passes one of its arrays, never here. The chunks travel with
the shape, so that zeros and cotangents that are built from a shape alone have the same chunks.
"""

from collections.abc import Iterable
from importlib import import_module
from itertools import accumulate
from math import isnan
from sys import modules
from typing import Any

import numpy as np

from ..errors import ChunksError
from .index_expansion import expand_index

DASK = "dask.array"


def is_dask_array(a: Any) -> bool:
    """Return whether `a` is a Dask array."""
    return DASK in modules and isinstance(a, getattr(modules[DASK], "Array", ()))


def describe_chunks(a: Any) -> str:
    """Return the shape and the number of chunks of a Dask array as text."""
    return f"{a.shape}, {a.npartitions} {'chunk' if a.npartitions == 1 else 'chunks'}"


def dask_array() -> Any:
    """Return the module `dask.array`.

    Callers hold one of its arrays, or were pickled with one, so Dask is installed.
    """
    return import_module(DASK)


class ChunkedShape(tuple[int, ...]):
    """Shape of a Dask array: a tuple with an attribute `chunks`."""

    chunks: tuple[tuple[int, ...], ...]

    def __new__(cls, shape: Iterable[int], chunks: Any) -> "ChunkedShape":
        """Return the shape of an array with these chunks."""
        instance = super().__new__(cls, shape)
        instance.chunks = chunks
        return instance

    def __reduce__(self) -> Any:
        return ChunkedShape, (tuple(self), self.chunks)

    def full(self, number: Any, dtype: Any) -> Any:
        """Return a lazy array of this shape and these chunks, filled with `number`."""
        return dask_array().full(tuple(self), number, dtype=dtype, chunks=self.chunks)

    def conform(self, a: Any) -> Any:
        """Return a Dask array rechunked to these chunks; anything else as it is."""
        return a if not is_dask_array(a) or a.chunks == self.chunks else a.rechunk(self.chunks)

    def cut(self, a: Any) -> Any:
        """Return a NumPy or Dask array as a Dask array in these chunks."""
        return (
            self.conform(a) if is_dask_array(a) else dask_array().from_array(a, chunks=self.chunks)
        )

    def broadcast_cotangent(self, g: Any) -> Any:
        """Broadcast `g` to this shape, in these chunks.

        The broadcast is a blockwise op against lazy ones, which Dask fuses with the consumers.
        Dask's own `broadcast_to` makes a single chunk of each axis that it broadcasts.
        """
        if not is_dask_array(g) or g.shape == self:
            return np.broadcast_to(g, self)
        axes, lead = tuple(range(len(self))), len(self) - g.ndim
        g = g.rechunk(
            {k: self.chunks[lead + k] for k, n in enumerate(g.shape) if n == self[lead + k]}
        )
        like = self.full(1, g.dtype)
        return dask_array().blockwise(
            _broadcast_like,
            axes,
            like,
            axes,
            g,
            axes[lead:],
            dtype=g.dtype,
            meta=like._meta,
            align_arrays=False,
        )

    def scatter_zeros(self, g: Any, key: tuple[Any, ...]) -> Any:
        """Return lazy zeros of this shape with `g` added at an index.

        Parameters
        ----------
        g : dask.array.Array
            The elements to add.
        key : tuple
            The index: slices and integers, or slices and one list of integers.

        Raises
        ------
        ChunksError
            The index has several lists, or a list and an integer.
        """
        parts = expand_index(key, len(self))
        if parts is None:
            raise _scatter_error(key)
        kept = [part for part in parts if not isinstance(part, int)]
        g = g[tuple(0 if part is None else slice(None) for part in kept)]  # drop the new axes
        parts = [part for part in parts if part is not None]
        for k, part in enumerate(parts):
            if isinstance(part, np.ndarray):
                g = _sum_at(g, k, part, self.chunks[k])
                parts[k] = slice(None)
        total = self.full(0, g.dtype)
        total[tuple(parts)] = g
        return total


def has_unknown_length(shape: Any) -> bool:
    """Return whether a shape has an axis of unknown length."""
    return any(isinstance(n, float) and isnan(n) for n in shape)


def as_shape_tuple(shape: Any) -> tuple[int, ...]:
    """Return a shape as a tuple; a single length is a shape with one axis."""
    return (int(shape),) if isinstance(shape, int | np.integer) else tuple(shape)


def scatter_dask(g: Any, shape: Any, key: tuple[Any, ...]) -> Any:
    """Return lazy zeros with the Dask array `g` added at `key`.

    If the shape knows no chunks, Dask chooses them.
    """
    if type(shape) is not ChunkedShape:
        shape = as_shape_tuple(shape)
        chunks = dask_array().core.normalize_chunks("auto", shape, dtype=g.dtype)
        shape = ChunkedShape(shape, chunks)
    return shape.scatter_zeros(g, key)


def _broadcast_like(like: Any, g: Any) -> Any:
    """Broadcast one block to the shape of another."""
    return np.broadcast_to(g, like.shape)


def _scatter_error(key: tuple[Any, ...]) -> ChunksError:
    return ChunksError(
        f"What was taken from a Dask array by the index {key} cannot be put back lazily. Take "
        f"slices and integers, or slices and one list of integers; "
        f"in place of a mask, np.where(mask, x, 0)."
    )


def _sum_at(g: Any, axis: int, indices: np.ndarray, chunks: tuple[int, ...]) -> Any:
    """Return zeros with `g` added at indices along an axis.

    Parameters
    ----------
    g : dask.array.Array
        The elements to add.
    axis : int
        The axis along which the indices count.
    indices : numpy.ndarray
        The position of each slice of `g`; negative ones count from the end.
    chunks : tuple of int
        The chunk lengths of the result along the axis.

    Returns
    -------
    dask.array.Array
        A concatenation of one scatter per chunk.
    """
    da = dask_array()
    indices = np.where(indices < 0, indices + sum(chunks), indices)
    parts = []
    for stop, length in zip(accumulate(chunks), chunks, strict=True):
        start = stop - length
        here = np.flatnonzero((indices >= start) & (indices < stop))
        taken = da.take(g, here, axis=axis).rechunk({axis: -1})
        sizes = (*taken.chunks[:axis], (length,), *taken.chunks[axis + 1 :])
        if len(here):
            local = indices[here] - start
            part = taken.map_blocks(
                _add_along_axis, local, length, axis, chunks=sizes, meta=g._meta
            )
        else:
            part = da.zeros([sum(lengths) for lengths in sizes], dtype=g.dtype, chunks=sizes)
        parts.append(part)
    return da.concatenate(parts, axis=axis)


def _add_along_axis(g: Any, indices: Any, length: int, axis: int) -> Any:
    """Return NumPy zeros with `g` added at indices along an axis of this length."""
    total = np.zeros((*g.shape[:axis], length, *g.shape[axis + 1 :]), g.dtype)
    np.add.at(total, (*(slice(None),) * axis, indices), g)
    return total
