"""Chunks of Dask arrays: lazy fills, broadcasts and scatters in the chunks of a shape.

Dask is imported by the caller that passes one of its arrays, never here. The chunks are the layout
of a :class:`.kinds.KindShape`, so that what is built from a shape alone has the same chunks.
"""

from importlib import import_module
from itertools import accumulate
from math import isnan
from sys import modules
from typing import Any

import numpy as np

from ..errors import ChunksError
from .index_expansion import expand_index
from .kinds import KindShape

DASK = "dask.array"


def is_dask_array(a: Any) -> bool:
    """Return whether `a` is a Dask array."""
    return DASK in modules and isinstance(a, getattr(modules[DASK], "Array", ()))


def dask_array() -> Any:
    """Return the module `dask.array`.

    Callers hold one of its arrays, or were pickled with one, so Dask is installed.
    """
    return import_module(DASK)


def full_chunks(shape: KindShape, number: Any, dtype: Any) -> Any:
    """Return a lazy array of a shape, in its chunks, filled with `number`."""
    return dask_array().full(tuple(shape), number, dtype=dtype, chunks=shape.layout)


def rechunk(shape: KindShape, a: Any) -> Any:
    """Return a Dask array in the chunks of a shape; anything else as it is."""
    return a if not is_dask_array(a) or a.chunks == shape.layout else a.rechunk(shape.layout)


def to_chunks(shape: KindShape, a: Any) -> Any:
    """Return a NumPy or Dask array as a Dask array in the chunks of a shape."""
    return rechunk(shape, a) if is_dask_array(a) else dask_array().from_array(a, shape.layout)


def broadcast_chunks(g: Any, shape: KindShape) -> Any:
    """Broadcast `g` to a shape, in its chunks.

    The broadcast is a blockwise op against lazy ones, which Dask fuses with the consumers.
    Dask's own `broadcast_to` makes a single chunk of each axis that it broadcasts.
    """
    if not is_dask_array(g) or g.shape == shape:
        return np.broadcast_to(g, shape)
    axes, lead, chunks = tuple(range(len(shape))), len(shape) - g.ndim, shape.layout
    g = g.rechunk({k: chunks[lead + k] for k, n in enumerate(g.shape) if n == shape[lead + k]})
    like = full_chunks(shape, 1, g.dtype)
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


def scatter_chunks(g: Any, shape: KindShape, key: tuple[Any, ...]) -> Any:
    """Return lazy zeros of a shape, in its chunks, with `g` added at an index.

    Parameters
    ----------
    g : dask.array.Array
        The elements to add.
    shape : KindShape
        The shape and chunks of the result.
    key : tuple
        The index: slices and integers, or slices and one list of integers.

    Raises
    ------
    ChunksError
        The index has several lists, or a list and an integer.
    """
    parts = expand_index(key, len(shape))
    if parts is None:
        raise _scatter_error(key)
    kept = [part for part in parts if not isinstance(part, int)]
    g = g[tuple(0 if part is None else slice(None) for part in kept)]  # drop the new axes
    parts = [part for part in parts if part is not None]
    for k, part in enumerate(parts):
        if isinstance(part, np.ndarray):
            g = _sum_at(g, k, part, shape.layout[k])
            parts[k] = slice(None)
    total = full_chunks(shape, 0, g.dtype)
    total[tuple(parts)] = g
    return total


def has_unknown_length(shape: Any) -> bool:
    """Return whether a shape has an axis of unknown length."""
    return any(isinstance(n, float) and isnan(n) for n in shape)


def as_shape_tuple(shape: Any) -> tuple[int, ...]:
    """Return a shape as a tuple; a single length is a shape with one axis."""
    return (int(shape),) if isinstance(shape, int | np.integer) else tuple(shape)


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
