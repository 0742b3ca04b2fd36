"""Packing of many arrays and scalars into a few long arrays.

Buffers are kept, not arrays: two arrays that share one, such as `A` and `A.T`, share it again when
they are loaded, because the bits of results and the bytes that a budget counts depend on it. If
values see only a part of a buffer, that part is kept. An *item* is a scalar, an array on a buffer,
or a tuple of items. Its *layout* says which; many items have the same layout.
"""

import math
from typing import Any

import numpy as np

from ..arrays.values import owners_of
from ..errors import ArchiveError
from .op_names import DTYPES, NAMED_TYPES, RESULTS
from .validation import encode_differences

LARGE_MEMBER = 2**20
"""Bytes from which on a buffer is a member of its own, and as many as share one member, about."""

Strides = tuple[int, ...] | None
"""In bytes; None where an array is in C order."""


class Buffer:
    """Memory of which values see the bytes from `start` to `stop`; `flat` holds its numbers."""

    __slots__ = ("flat", "number", "start", "stop")

    def __init__(self, number: int, flat: np.ndarray) -> None:
        self.number, self.flat = number, flat
        self.start, self.stop = flat.nbytes, 0

    def visible_numbers(self) -> np.ndarray:
        """Return the numbers that values see."""
        size = self.flat.itemsize
        return self.flat[self.first_index() : -(-self.stop // size)]

    def first_index(self) -> int:
        """Return the index of the first number that values see."""
        return min(self.start, self.stop) // self.flat.itemsize


class Packer:
    """Collector of items, which lays them out in members."""

    def __init__(self) -> None:
        # Item of each value, by id; the values are held, so that no other object gets their ids.
        self._numbers: dict[int, int] = {}
        self._held: list[Any] = []
        self._layouts: dict[Any, int] = {}
        self._column: list[int] = []
        # Buffer of each array among the items, and the offset at which the array begins.
        self._views: list[tuple[Buffer, int]] = []
        self._owners: dict[int, Buffer] = {}
        self._scalars: dict[str, list[Any]] = {}

    def put(self, value: Any) -> int:
        """Return the number, from 1, of a value's item; a value put before keeps its item."""
        number = self._numbers.get(id(value))
        if number is None:
            layout = self._layout(value)
            self._held.append(value)
            self._column.append(self._layouts.setdefault(layout, len(self._layouts)))
            number = self._numbers[id(value)] = len(self._column)
        return number

    def _layout(self, value: Any) -> Any:
        if type(value) is np.ndarray:
            return self._array_layout(value)
        if isinstance(value, np.generic):
            name = NAMED_TYPES[value.dtype]
            self._scalars.setdefault(name, []).append(value)
            return name
        kind = type(value)
        if kind is not tuple and RESULTS.get(kind.__name__) is not kind:
            raise ArchiveError(
                f"A value is a {kind.__name__}, but an archive holds NumPy's arrays, and plain "
                f"tuples of them. Let ops give these."
            )
        return kind.__name__, *map(self.put, value)

    def _array_layout(self, array: np.ndarray) -> Any:
        """Return the layout of an array, and keep the part of its buffer that it sees."""
        owner = array if array.base is None else owners_of(array)[0]
        buffer = self._owners.get(id(owner)) or self._new_buffer(owner)
        if buffer is None:  # memory of another kind: the array's own numbers are kept
            return self._array_layout(np.array(array, order="C"))
        strides = None if array.flags.c_contiguous else array.strides
        begin = 0 if array is owner else _address(array) - _address(buffer.flat)
        low, high = (
            (0, array.nbytes) if strides is None else extent(array.shape, strides, array.itemsize)
        )
        buffer.start, buffer.stop = min(buffer.start, begin + low), max(buffer.stop, begin + high)
        self._views.append((buffer, begin))
        return NAMED_TYPES[array.dtype], array.shape, strides

    def _new_buffer(self, owner: Any) -> Buffer | None:
        """Register the buffer of an array and return it; None if an archive cannot hold it."""
        flat = flat_buffer(owner)
        if flat is None:
            return None
        self._held.append(owner)
        self._owners[id(owner)] = buffer = Buffer(len(self._owners), flat)
        return buffer

    def index(self) -> tuple[dict[str, Any], list[list[np.ndarray]]]:
        """Return the JSON that describes the items, and the arrays of each member."""
        scalars = [(name, np.array(found, DTYPES[name])) for name, found in self._scalars.items()]
        buffers = [
            *(buffer.visible_numbers() for buffer in self._owners.values()),
            *(array for _, array in scalars),
        ]
        members, member_of = _assign_members(buffers)
        return {
            "layouts": [_encode_layout(layout) for layout in self._layouts],
            "items": self._column,
            "buffers": encode_differences(buffer.number for buffer, _ in self._views),
            "offsets": encode_differences(
                begin - buffer.first_index() * buffer.flat.itemsize for buffer, begin in self._views
            ),
            "members": member_of,
            "sizes": [array.size for array in buffers],
            "scalars": {name: len(self._owners) + k for k, (name, _) in enumerate(scalars)},
        }, members


def _assign_members(buffers: list[np.ndarray]) -> tuple[list[list[np.ndarray]], list[int]]:
    """Distribute buffers over members: small ones of one dtype share a member."""
    members: list[list[np.ndarray]] = []
    member_of: list[int] = []
    # For each dtype, the member that takes the next buffer, and the bytes in it.
    open_members: dict[Any, list[int]] = {}
    for buffer in buffers:
        latest = open_members.get(buffer.dtype)
        if latest is None or latest[1] + buffer.nbytes > LARGE_MEMBER:
            latest = open_members[buffer.dtype] = [len(members), 0]
            members.append([])
        members[latest[0]].append(buffer)
        latest[1] += buffer.nbytes
        member_of.append(latest[0])
    return members, member_of


def _encode_layout(layout: Any) -> Any:
    """Encode the layout of a scalar, an array or a tuple as JSON."""
    if isinstance(layout, str):
        return {"scalar": layout}
    if len(layout) == 3 and isinstance(layout[1], tuple):
        return {"array": layout}
    return {"tuple": layout}


def flat_buffer(owner: Any) -> np.ndarray | None:
    """Return the numbers of the array that owns a buffer, in the order of memory.

    Return None if they are no numbers, or not contiguous.
    """
    if not isinstance(owner, np.ndarray) or owner.dtype not in NAMED_TYPES:
        return None
    if owner.flags.c_contiguous:
        return owner.reshape(-1)
    downwards = owner.transpose(sorted(range(owner.ndim), key=lambda k: -owner.strides[k]))
    return downwards.reshape(-1) if downwards.flags.c_contiguous else None


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def extent(shape: tuple[int, ...], strides: Strides, itemsize: int) -> tuple[int, int]:
    """Return the offsets of an array's lowest byte and of its end, from its first element."""
    if 0 in shape:
        return 0, 0
    if strides is None:
        return 0, math.prod(shape) * itemsize
    steps = [stride * (length - 1) for stride, length in zip(strides, shape, strict=True)]
    return sum(step for step in steps if step < 0), sum(
        step for step in steps if step > 0
    ) + itemsize
