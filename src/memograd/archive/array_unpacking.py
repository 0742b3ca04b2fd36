"""Unpacking of the items of an archive from its long arrays.

See Also
--------
memograd.archive.array_packing : What items, layouts and buffers are.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .array_packing import Strides, extent
from .op_names import DTYPES, RESULTS
from .validation import LARGEST_INTEGER, Sheet, check_integer, one, one_of, raise_damaged

AXES = 64
"""Maximal number of axes of an array in NumPy."""

ItemLayout = tuple[str, Any]
"""Kind of an item, and the data to build it from."""

PACK_KEYS = "layouts items buffers offsets members sizes scalars"


class Unpacker:
    """Builder of items from their JSON and the members' arrays."""

    def __init__(self, index: Sheet, lengths: list[int]) -> None:
        """Prepare to read the packs; `lengths` are those of the members' arrays."""
        self._items = index.numbers("items", below=len(index.items("layouts")))
        self._layouts = [_read_layout(layout) for layout in index.items("layouts")]
        views = sum(1 for k in self._items if self._layouts[k][0] == "array")
        self._sizes = index.numbers("sizes")
        self._members = index.numbers("members", len(self._sizes), len(lengths))
        self._buffers = index.sums("buffers", views, len(self._sizes))
        self._offsets = index.sums("offsets", views)
        self._scalars = {
            name: check_integer(at, "a buffer", len(self._sizes))
            for name, at in _pairs(index.content["scalars"])
        }
        held = [0] * len(lengths)
        for member, size in zip(self._members, self._sizes, strict=True):
            held[member] += size
        if held != lengths:
            raise_damaged("the buffers are not as long as the arrays that hold them")

    def items(self, arrays: list[np.ndarray]) -> list[Any]:
        """Return every item in order, from number 1; number 0 stands for none."""
        self._owners = self._split_members(arrays)
        self._scalar = {name: iter(self._next_of(name, at)) for name, at in self._scalars.items()}
        self._view = iter(zip(self._buffers, self._offsets, strict=True))
        made: list[Any] = [None]
        tuples: dict[int, Any] = {}  # each is made once
        for k in self._items:
            kind, layout = self._layouts[k]
            if kind == "tuple":
                if k not in tuples:
                    tuples[k] = self._tuple(layout, made)
                made.append(tuples[k])
            else:
                made.append(self._build_item(kind, layout))
        if any(True for left in self._scalar.values() for _ in left):
            raise_damaged("there are more scalars than items")
        return made

    def _build_item(self, kind: str, layout: Any) -> Any:
        if kind == "scalar":
            return self._next_scalar(layout)
        buffer, offset = next(self._view)
        return _array_on_buffer(self._owners[buffer], offset, *layout)

    def _split_members(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """Return the buffers, each with memory of its own.

        So no other buffer keeps the memory of an evicted one alive.
        """
        begin, owners = [0] * len(arrays), []
        for member, size in zip(self._members, self._sizes, strict=True):
            whole_array, start = arrays[member], begin[member]
            begin[member] += size
            owner = (
                whole_array
                if size == whole_array.size
                else whole_array[start : start + size].copy()
            )
            owner.flags.writeable = False
            owners.append(owner)
        return owners

    def _next_of(self, name: str, at: int) -> list[Any]:
        owner = self._owners[at]
        if owner.dtype != DTYPES[name]:
            raise_damaged("scalars are of another dtype than it says")
        return list(owner)

    def _next_scalar(self, name: str) -> Any:
        scalar = next(self._scalar.get(name, iter(())), None)
        if scalar is None:
            raise_damaged("there are fewer scalars than items")
        return scalar

    def _tuple(self, layout: tuple[Any, ...], made: list[Any]) -> Any:
        name, numbers = layout
        items = [
            made[check_integer(number, "an item of a tuple", len(made), 1)] for number in numbers
        ]
        kind = RESULTS.get(name)
        if kind is None:
            return tuple(items)
        if len(items) != len(kind._fields):
            raise_damaged(f"{name} has {len(items)} items")
        return kind(*items)


def _pairs(content: Any) -> Iterator[tuple[str, Any]]:
    if type(content) is not dict or not content.keys() <= DTYPES.keys():
        raise_damaged("the scalars are not grouped by dtype")
    return iter(content.items())


def _read_layout(layout: Any) -> ItemLayout:
    """Decode a layout: the kind of the item, and the data to build it from."""
    tag, content = one(layout, ("scalar", "array", "tuple"))
    if tag == "scalar":
        one_of(DTYPES, content, "dtype")
        return tag, content
    if type(content) is not list or len(content) < 1 or (tag == "array" and len(content) != 3):
        raise_damaged("a layout has not its parts")
    if tag == "tuple":
        if content[0] != "tuple":
            one_of(RESULTS, content[0], "tuple")
        return tag, (content[0], content[1:])
    shape = read_shape(content[1])
    return tag, (one_of(DTYPES, content[0], "dtype"), shape, _strides(content[2], len(shape)))


def read_shape(shape: Any) -> tuple[int, ...]:
    """Return a shape, checked to be one that an array may have."""
    if type(shape) is not list or len(shape) > AXES:
        raise_damaged("a shape is no list of lengths")
    lengths = tuple(check_integer(length, "a length") for length in shape)
    if math.prod(length for length in lengths if length) >= LARGEST_INTEGER:
        raise_damaged(f"an array has the shape {lengths}")
    return lengths


def _strides(strides: Any, count: int) -> Strides:
    if strides is None:
        return None
    if type(strides) is not list or len(strides) != count:
        raise_damaged("an array has not as many strides as axes")
    return tuple(
        check_integer(stride, "a stride", LARGEST_INTEGER, -LARGEST_INTEGER) for stride in strides
    )


def _array_on_buffer(
    owner: np.ndarray, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...], strides: Strides
) -> np.ndarray:
    """Return an array on a buffer; raise unless the buffer holds all its bytes."""
    low, high = extent(shape, strides, dtype.itemsize)
    if offset + low < 0 or offset + high > owner.nbytes:
        raise_damaged(f"an array of shape {shape} does not fit the bytes that are there for it")
    if offset == 0 and strides is None and dtype == owner.dtype and high == owner.nbytes:
        return owner if shape == owner.shape else owner.reshape(shape)
    return np.ndarray(shape, dtype, owner, offset, None if 0 in shape else strides)
