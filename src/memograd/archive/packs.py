"""Arrays as a few long ones, and back: scalars of one dtype are one array, small arrays follow each other in another.

What is kept is buffers, not arrays: two arrays that share one, `A` and `A.T`, share it again when they come back, because bits
depend on it, and so does what a budget counts. Of a buffer that is seen in part, that part is kept. An *item* is a scalar, an
array on a buffer, or a tuple of items; a *layout* says which, and many items have the same.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays import owners_of
from ..errors import ArchiveError
from .checks import LARGEST, Sheet, damaged, differences, one, one_of, whole
from .names import DTYPES, NAMES, RESULTS

LARGE = 2**20
"""Bytes from which on a buffer is a member of its own, and as many as share one member, about."""

AXES = 64
"""As many as an array of NumPy's may have."""

Strides = tuple[int, ...] | None
"""In bytes; None where an array is in C order."""


class Buffer:
    """Some bytes of which values see those from `start` to `stop`; `flat` are its numbers, in the order of memory."""

    __slots__ = ("flat", "number", "start", "stop")

    def __init__(self, number: int, flat: np.ndarray) -> None:
        self.number, self.flat = number, flat
        self.start, self.stop = flat.nbytes, 0

    def seen(self) -> np.ndarray:
        """The numbers that values see."""
        size = self.flat.itemsize
        return self.flat[self.first() : -(-self.stop // size)]

    def first(self) -> int:
        """The first number that values see."""
        return min(self.start, self.stop) // self.flat.itemsize


class Packer:
    """Collects items, and says of what members they will be made."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}  # id of a value -> its item; the values are held, so that ids stay theirs
        self._held: list[Any] = []
        self._layouts: dict[Any, int] = {}
        self._column: list[int] = []
        self._views: list[tuple[Buffer, int]] = []  # of each array among the items: its buffer, and where it begins there
        self._owners: dict[int, Buffer] = {}
        self._scalars: dict[str, list[Any]] = {}

    def put(self, value: Any) -> int:
        """The number, from 1, of the item that a value is; one that was put before is the same item."""
        number = self._numbers.get(id(value))
        if number is None:
            layout = self._layout(value)
            self._held.append(value)
            self._column.append(self._layouts.setdefault(layout, len(self._layouts)))
            number = self._numbers[id(value)] = len(self._column)
        return number

    def _layout(self, value: Any) -> Any:
        if type(value) is np.ndarray:
            return self._array(value)
        if isinstance(value, np.generic):
            name = NAMES[value.dtype]
            self._scalars.setdefault(name, []).append(value)
            return name
        kind = type(value)
        if kind is not tuple and RESULTS.get(kind.__name__) is not kind:
            raise ArchiveError(
                f"A value is a {kind.__name__}, but an archive holds NumPy's arrays, and plain tuples of them. Let ops give these."
            )
        return kind.__name__, *map(self.put, value)

    def _array(self, array: np.ndarray) -> Any:
        """The layout of an array, as much of whose buffer is kept from now on."""
        owner = array if array.base is None else owners_of(array)[0]
        buffer = self._owners.get(id(owner)) or self._buffer(owner)
        if buffer is None:  # memory of another kind: the array's own numbers are kept
            return self._array(np.array(array, order="C"))
        strides = None if array.flags.c_contiguous else array.strides
        begin = 0 if array is owner else _address(array) - _address(buffer.flat)
        low, high = (0, array.nbytes) if strides is None else extent(array.shape, strides, array.itemsize)
        buffer.start, buffer.stop = min(buffer.start, begin + low), max(buffer.stop, begin + high)
        self._views.append((buffer, begin))
        return NAMES[array.dtype], array.shape, strides

    def _buffer(self, owner: Any) -> Buffer | None:
        """The buffer of an array that has not been met yet, if an archive can hold it."""
        flat = flattened(owner)
        if flat is None:
            return None
        self._held.append(owner)
        self._owners[id(owner)] = buffer = Buffer(len(self._owners), flat)
        return buffer

    def index(self) -> tuple[dict[str, Any], list[list[np.ndarray]]]:
        """What the JSON says of the items, and the arrays that each member is made of, one after the other."""
        scalars = [(name, np.array(found, DTYPES[name])) for name, found in self._scalars.items()]
        buffers = [*(buffer.seen() for buffer in self._owners.values()), *(array for _, array in scalars)]
        members, member_of = _members(buffers)
        return {
            "layouts": [_written(layout) for layout in self._layouts],
            "items": self._column,
            "buffers": differences(buffer.number for buffer, _ in self._views),
            "offsets": differences(begin - buffer.first() * buffer.flat.itemsize for buffer, begin in self._views),
            "members": member_of,
            "sizes": [array.size for array in buffers],
            "scalars": {name: len(self._owners) + k for k, (name, _) in enumerate(scalars)},
        }, members


def _members(buffers: list[np.ndarray]) -> tuple[list[list[np.ndarray]], list[int]]:
    """Buffers shared out among members: those of one dtype follow each other, as many as are not large together."""
    members: list[list[np.ndarray]] = []
    member_of: list[int] = []
    open_members: dict[Any, list[int]] = {}  # dtype -> the member that takes the next one, and its bytes
    for buffer in buffers:
        latest = open_members.get(buffer.dtype)
        if latest is None or latest[1] + buffer.nbytes > LARGE:
            latest = open_members[buffer.dtype] = [len(members), 0]
            members.append([])
        members[latest[0]].append(buffer)
        latest[1] += buffer.nbytes
        member_of.append(latest[0])
    return members, member_of


def _written(layout: Any) -> Any:
    """A layout as JSON: a dtype; a dtype, shape and strides; or a kind of tuple and its items."""
    if isinstance(layout, str):
        return {"scalar": layout}
    if len(layout) == 3 and isinstance(layout[1], tuple):
        return {"array": layout}
    return {"tuple": layout}


def flattened(owner: Any) -> np.ndarray | None:
    """The numbers of the array that owns a buffer, in the order of memory; None where they are no numbers, or not side by side."""
    if not isinstance(owner, np.ndarray) or owner.dtype not in NAMES:
        return None
    if owner.flags.c_contiguous:
        return owner.reshape(-1)
    downwards = owner.transpose(sorted(range(owner.ndim), key=lambda k: -owner.strides[k]))
    return downwards.reshape(-1) if downwards.flags.c_contiguous else None


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def extent(shape: tuple[int, ...], strides: Strides, itemsize: int) -> tuple[int, int]:
    """Where the lowest byte of an array stands, and the end of the highest, counted from where its first element does."""
    if 0 in shape:
        return 0, 0
    if strides is None:
        return 0, math.prod(shape) * itemsize
    steps = [stride * (length - 1) for stride, length in zip(strides, shape, strict=True)]
    return sum(step for step in steps if step < 0), sum(step for step in steps if step > 0) + itemsize


# ------------------------------------------------------------------------------------------------------------- back

KEYS = "layouts items buffers offsets members sizes scalars"


class Unpacker:
    """Makes the items of what the JSON says and of the members' arrays."""

    def __init__(self, index: Sheet, lengths: list[int]) -> None:
        """`lengths` are those of the members' arrays."""
        self._items = index.numbers("items", below=len(index.items("layouts")))
        self._layouts = [_read(layout) for layout in index.items("layouts")]
        views = sum(1 for k in self._items if self._layouts[k][0] == "array")
        self._sizes = index.numbers("sizes")
        self._members = index.numbers("members", len(self._sizes), len(lengths))
        self._buffers = index.sums("buffers", views, len(self._sizes))
        self._offsets = index.sums("offsets", views)
        self._scalars = {name: whole(at, "a buffer", len(self._sizes)) for name, at in _pairs(index.content["scalars"])}
        held = [0] * len(lengths)
        for member, size in zip(self._members, self._sizes, strict=True):
            held[member] += size
        if held != lengths:
            damaged("the buffers are not as long as the arrays that hold them")

    def items(self, arrays: list[np.ndarray]) -> list[Any]:
        """Every item, in order, from number 1; number 0 is none."""
        self._owners = self._apart(arrays)
        self._scalar = {name: iter(self._taken(name, at)) for name, at in self._scalars.items()}
        self._view = iter(zip(self._buffers, self._offsets, strict=True))
        made: list[Any] = [None]
        tuples: dict[int, Any] = {}  # each is made once, however often it is told of
        for k in self._items:
            kind, layout = self._layouts[k]
            if kind == "tuple":
                if k not in tuples:
                    tuples[k] = self._tuple(layout, made)
                made.append(tuples[k])
            else:
                made.append(self._made(kind, layout))
        if any(True for left in self._scalar.values() for _ in left):
            damaged("there are more scalars than items")
        return made

    def _made(self, kind: str, layout: Any) -> Any:
        if kind == "scalar":
            return self._next_scalar(layout)
        buffer, offset = next(self._view)
        return _array(self._owners[buffer], offset, *layout)

    def _apart(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """The buffers, each with memory of its own: one that is let go is not held by others."""
        begin, owners = [0] * len(arrays), []
        for member, size in zip(self._members, self._sizes, strict=True):
            whole_array, start = arrays[member], begin[member]
            begin[member] += size
            owner = whole_array if size == whole_array.size else whole_array[start : start + size].copy()
            owner.flags.writeable = False
            owners.append(owner)
        return owners

    def _taken(self, name: str, at: int) -> list[Any]:
        owner = self._owners[at]
        if owner.dtype != DTYPES[name]:
            damaged("scalars are of another dtype than it says")
        return list(owner)

    def _next_scalar(self, name: str) -> Any:
        scalar = next(self._scalar.get(name, iter(())), None)
        if scalar is None:
            damaged("there are fewer scalars than items")
        return scalar

    def _tuple(self, layout: tuple[Any, ...], made: list[Any]) -> Any:
        name, numbers = layout
        items = [made[whole(number, "an item of a tuple", len(made), 1)] for number in numbers]
        kind = RESULTS.get(name)
        if kind is None:
            return tuple(items)
        if len(items) != len(kind._fields):
            damaged(f"{name} has {len(items)} items")
        return kind(*items)


Layout = tuple[str, Any]


def _pairs(content: Any) -> Iterator[tuple[str, Any]]:
    if type(content) is not dict or not content.keys() <= DTYPES.keys():
        damaged("the scalars are not told by dtype")
    return iter(content.items())


def _read(layout: Any) -> Layout:
    """A kind of item, and what it needs to be made."""
    tag, content = one(layout, ("scalar", "array", "tuple"))
    if tag == "scalar":
        one_of(DTYPES, content, "dtype")
        return tag, content
    if type(content) is not list or len(content) < 1 or (tag == "array" and len(content) != 3):
        damaged("a layout has not its parts")
    if tag == "tuple":
        if content[0] != "tuple":
            one_of(RESULTS, content[0], "tuple")
        return tag, (content[0], content[1:])
    shape = axes(content[1])
    return tag, (one_of(DTYPES, content[0], "dtype"), shape, _strides(content[2], len(shape)))


def axes(shape: Any) -> tuple[int, ...]:
    """A shape that an array may have."""
    if type(shape) is not list or len(shape) > AXES:
        damaged("a shape is no list of lengths")
    lengths = tuple(whole(length, "a length") for length in shape)
    if math.prod(length for length in lengths if length) >= LARGEST:
        damaged(f"an array has the shape {lengths}")
    return lengths


def _strides(strides: Any, count: int) -> Strides:
    if strides is None:
        return None
    if type(strides) is not list or len(strides) != count:
        damaged("an array has not as many strides as axes")
    return tuple(whole(stride, "a stride", LARGEST, -LARGEST) for stride in strides)


def _array(owner: np.ndarray, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...], strides: Strides) -> np.ndarray:
    """An array on a buffer, if the buffer has all its bytes."""
    low, high = extent(shape, strides, dtype.itemsize)
    if offset + low < 0 or offset + high > owner.nbytes:
        damaged(f"an array of shape {shape} does not fit the bytes that are there for it")
    if offset == 0 and strides is None and dtype == owner.dtype and high == owner.nbytes:
        return owner if shape == owner.shape else owner.reshape(shape)
    return np.ndarray(shape, dtype, owner, offset, None if 0 in shape else strides)
