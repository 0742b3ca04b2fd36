"""Storage of a program on arrays: where each array lies in the machine's memory.

While a region is lowered, the address of an array is a storage and an offset in it. An array is
shown by a NumPy array of the same shape and strides over memory that nobody reads: NumPy's own
indexing, reshaping and broadcasting give the strides and the offset of a view.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

ITEM = 8
"""Bytes of a number."""


class Address(NamedTuple):
    """Place of a number: a storage, and an offset in it."""

    storage: int
    offset: int


class Number(Address):
    """Address of a single number that is read in the place of an array."""

    __slots__ = ()


class Place(NamedTuple):
    """Place of an array: its storage, and a view of the map of addresses that shows where."""

    storage: int
    view: np.ndarray


@dataclass
class Storage:
    """Consecutive numbers that belong together, and the rows between which they are needed."""

    size: int
    kind: str
    """One of "constant", "given", "register" and "array"."""
    first: int = 0
    last: int = 0
    inside: Address | None = None
    """Place in another storage, such as that of a concatenation, in which it lies."""
    values: np.ndarray | None = None


class Memory:
    """Storages of a program under construction."""

    def __init__(self, largest: int) -> None:
        self.storages: list[Storage] = []
        self.map = np.empty(max(largest, 1))
        """Memory that is never read; its pages are never mapped."""
        self.start = _data_address(self.map)

    def add(self, size: int, kind: str, at: int = 0) -> int:
        """Return a new storage."""
        self.storages.append(Storage(size, kind, at, at))
        return len(self.storages) - 1

    def place(self, storage: int, shape: tuple[int, ...]) -> Place:
        """Return the place of an array that fills a storage in C order."""
        return Place(storage, self.map[: self.storages[storage].size].reshape(shape))

    def place_at(self, address: Address, shape: tuple[int, ...]) -> Place:
        """Return the place of an array in C order that begins at an address."""
        count = number_of_elements(shape)
        part = self.map[address.offset : address.offset + count]
        return Place(address.storage, part.reshape(shape))

    def offset(self, view: np.ndarray) -> int | None:
        """Return the offset of a view in its storage; None for a copy of the map."""
        offset = (_data_address(view) - self.start) // ITEM
        return offset if 0 <= offset < self.map.size else None

    def address(self, place: Place) -> Address:
        """Return the address of the first number of an array."""
        return Address(place.storage, (_data_address(place.view) - self.start) // ITEM)

    def root(self, storage: int) -> Address:
        """Return the storage that contains this one and lies in no other, and the offset there."""
        offset, at = 0, self.storages[storage].inside
        while at is not None:
            storage, offset = at.storage, offset + at.offset
            at = self.storages[storage].inside
        return Address(storage, offset)

    def read(self, storage: int, row: int) -> None:
        """Note that a row reads a storage."""
        storages = self.storages
        root = self.root(storage).storage
        storages[root].last = max(storages[root].last, row)

    def put(self, storage: int, place: Place) -> bool:
        """Let a storage lie inside another one, if it can; return whether it does."""
        inner = self.storages[storage]
        whole = self.storages[self.root(place.storage).storage]
        if inner.kind != "array" or inner.inside is not None or not place.view.flags.c_contiguous:
            return False
        inner.inside = self.address(place)
        whole.first, whole.last = min(whole.first, inner.first), max(whole.last, inner.last)
        return True


def _data_address(a: np.ndarray) -> int:
    address: int = a.__array_interface__["data"][0]
    return address


def allocate(storages: list[Storage], starts: list[int], end: int) -> int:
    """Set the start of each array that lies in no other; return the size of the memory.

    A storage is used again after the last row that reads it, by one of the same size.

    References
    ----------
    M. Poletto, V. Sarkar: Linear scan register allocation. ACM TOPLAS 21 (1999).
    """
    free: dict[int, list[int]] = defaultdict(list)
    active: list[tuple[int, int, int]] = []
    order = [k for k, s in enumerate(storages) if s.kind == "array" and s.inside is None]
    for k in sorted(order, key=lambda k: storages[k].first):
        size = storages[k].size
        while active and active[0][0] < storages[k].first:
            _, freed, place = heappop(active)
            free[freed].append(place)
        if free[size]:
            starts[k] = free[size].pop()
        else:
            starts[k], end = end, end + size
        heappush(active, (storages[k].last, size, starts[k]))
    return end


def number_of_elements(shape: tuple[int, ...]) -> int:
    """Return the number of elements of an array of this shape."""
    return math.prod(shape)
