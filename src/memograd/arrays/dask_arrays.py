"""Arrays in chunks, Dask's: a value may be one, and then it is a graph that nobody has computed.

Dask is never imported here: who hands in a Dask array has done so. Its chunks are a fact of the
program, as its shape is: they travel with the shape, so that what is made of a shape alone, zeros
or a cotangent laid out again, is in the same chunks.
"""

from collections.abc import Iterable
from importlib import import_module
from itertools import accumulate
from math import isnan
from sys import modules
from typing import Any

import numpy as np

from ..errors import ChunksError
from .index_expansion import spelt_out

DASK = "dask.array"


def is_chunked(a: Any) -> bool:
    """Return whether `a` is a Dask array."""
    return DASK in modules and isinstance(a, getattr(modules[DASK], "Array", ()))


def in_chunks(a: Any) -> str:
    """Return a Dask array in a few words, without its numbers."""
    return f"{a.shape}, {a.npartitions} {'chunk' if a.npartitions == 1 else 'chunks'}"


def dask_array() -> Any:
    """Return the module: it is there, because whoever asks for it holds an array of it, or was
    pickled with one.
    """
    return import_module(DASK)


class Chunked(tuple[int, ...]):
    """Shape of an array in chunks: a tuple like any other that knows the chunks, too."""

    chunks: tuple[tuple[int, ...], ...]

    def __new__(cls, shape: Iterable[int], chunks: Any) -> "Chunked":
        """Return the shape of an array with these chunks."""
        made = super().__new__(cls, shape)
        made.chunks = chunks
        return made

    def __reduce__(self) -> Any:
        return Chunked, (tuple(self), self.chunks)

    def full(self, number: Any, dtype: Any) -> Any:
        """Return an array of this shape, in these chunks, that is `format_number` everywhere; it
        takes no memory.
        """
        return dask_array().full(tuple(self), number, dtype=dtype, chunks=self.chunks)

    def conform(self, a: Any) -> Any:
        """Return a Dask array of this shape, in these chunks; anything else as it is."""
        return a if not is_chunked(a) or a.chunks == self.chunks else a.rechunk(self.chunks)

    def cut(self, a: Any) -> Any:
        """Return an array of NumPy's or Dask's in these chunks."""
        return self.conform(a) if is_chunked(a) else dask_array().from_array(a, chunks=self.chunks)

    def broadcast_cotangent(self, g: Any) -> Any:
        """`g` broadcast to this shape, in these chunks.

        Chunk by chunk, against ones that take no memory: Dask fuses that with what reads it. Its
        own `broadcast_to` would make one chunk of it all.
        """
        if not is_chunked(g) or g.shape == self:
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
        """Return zeros of this shape with `g` added at `key`: slices and integers, or slices and
        one array of integers of NumPy's.
        """
        parts = spelt_out(key, len(self))
        if parts is None:
            raise _scatter_error(key)
        g = g[
            tuple(0 if part is None else slice(None) for part in parts if not isinstance(part, int))
        ]
        parts = [part for part in parts if part is not None]
        listed = [k for k, part in enumerate(parts) if isinstance(part, np.ndarray)]
        for k in listed:
            g = _sum_at(g, k, parts[k], self.chunks[k])
            parts[k] = slice(None)
        total = self.full(0, g.dtype)
        total[tuple(parts)] = g
        return total


def is_unknown(shape: Any) -> bool:
    """Return whether a shape has an axis of unknown length."""
    return any(isinstance(n, float) and isnan(n) for n in shape)


def as_shape(shape: Any) -> tuple[int, ...]:
    """Return a shape as it is written for Dask: one length alone is a tuple, too."""
    return (int(shape),) if isinstance(shape, int | np.integer) else tuple(shape)


def scatter_dask(g: Any, shape: Any, key: tuple[Any, ...]) -> Any:
    """Return zeros with `g`, a Dask array, added at `key`; of a shape that knows no chunks, in
    those that Dask would choose.
    """
    if type(shape) is not Chunked:
        shape = Chunked(
            as_shape(shape),
            dask_array().core.normalize_chunks("auto", as_shape(shape), dtype=g.dtype),
        )
    return shape.scatter_zeros(g, key)


def _broadcast_like(like: Any, g: Any) -> Any:
    return np.broadcast_to(g, like.shape)


def _scatter_error(key: tuple[Any, ...]) -> ChunksError:
    return ChunksError(
        f"What was taken from a Dask array by the index {key} cannot be put back lazily. Take "
        f"slices and integers, or slices and one "
        f"list of integers; in place of a mask, np.where(mask, x, 0)."
    )


def _sum_at(g: Any, axis: int, indices: np.ndarray, chunks: tuple[int, ...]) -> Any:
    """`g` added up along an axis, at these indices into chunks of these lengths."""
    da, n = dask_array(), sum(chunks)
    indices, parts = np.where(indices < 0, indices + n, indices), []
    for stop, length in zip(accumulate(chunks), chunks, strict=True):
        here = np.flatnonzero((indices >= stop - length) & (indices < stop))
        taken = da.take(g, here, axis=axis).rechunk({axis: -1})
        size = {axis: (length,)}
        laid = tuple(size.get(k, sizes) for k, sizes in enumerate(taken.chunks))
        if len(here):
            parts.append(
                taken.map_blocks(
                    _add_along_axis,
                    indices[here] - (stop - length),
                    length,
                    axis,
                    chunks=laid,
                    meta=g._meta,
                )
            )
        else:
            parts.append(da.zeros([sum(sizes) for sizes in laid], dtype=g.dtype, chunks=laid))
    return da.concatenate(parts, axis=axis)


def _add_along_axis(g: Any, indices: Any, length: int, axis: int) -> Any:
    """Return zeros with `g` added at these indices along an axis."""
    total = np.zeros((*g.shape[:axis], length, *g.shape[axis + 1 :]), g.dtype)
    np.add.at(total, (*(slice(None),) * axis, indices), g)
    return total
