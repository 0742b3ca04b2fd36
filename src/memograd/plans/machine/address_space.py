"""Block of a program on arrays: where each array lies in the machine's memory.

While a region is lowered, the address of an array is a block and an offset in it. An array is
shown by a NumPy array of the same shape and strides over memory that nobody reads: NumPy's own
indexing, reshaping and broadcasting give the strides and the offset of a view.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

NUMBER_BYTES = 8
"""Bytes of a number."""


class Address(NamedTuple):
    """Place of a number: a block, and an offset in it."""

    block: int
    offset: int


class Number(Address):
    """Address of a single number that is read in the place of an array."""

    __slots__ = ()


class Place(NamedTuple):
    """Place of an array: its block, and a view of the map of addresses that shows where."""

    block: int
    view: np.ndarray


@dataclass
class Block:
    """Consecutive numbers that belong together, and the rows between which they are needed."""

    size: int
    kind: str
    """One of "constant", "given", "register" and "array"."""
    first: int = 0
    last: int = 0
    inside: Address | None = None
    """Place in another block, such as that of a concatenation, in which it lies."""
    values: np.ndarray | None = None


class AddressSpace:
    """Blocks of a program under construction."""

    def __init__(self, largest: int) -> None:
        self.blocks: list[Block] = []
        self.map = np.empty(max(largest, 1))
        """Memory that is never read; its pages are never mapped."""
        self.start = _data_address(self.map)

    def add(self, size: int, kind: str, at: int = 0) -> int:
        """Return a new block."""
        self.blocks.append(Block(size, kind, at, at))
        return len(self.blocks) - 1

    def place(self, block: int, shape: tuple[int, ...]) -> Place:
        """Return the place of an array that fills a block in C order."""
        return Place(block, self.map[: self.blocks[block].size].reshape(shape))

    def place_at(self, address: Address, shape: tuple[int, ...]) -> Place:
        """Return the place of an array in C order that begins at an address."""
        count = number_of_elements(shape)
        part = self.map[address.offset : address.offset + count]
        return Place(address.block, part.reshape(shape))

    def offset(self, view: np.ndarray) -> int | None:
        """Return the offset of a view in its block; None for a copy of the map."""
        offset = (_data_address(view) - self.start) // NUMBER_BYTES
        return offset if 0 <= offset < self.map.size else None

    def address(self, place: Place) -> Address:
        """Return the address of the first number of an array."""
        return Address(place.block, (_data_address(place.view) - self.start) // NUMBER_BYTES)

    def root(self, block: int) -> Address:
        """Return the block that contains this one and lies in no other, and the offset there."""
        offset, at = 0, self.blocks[block].inside
        while at is not None:
            block, offset = at.block, offset + at.offset
            at = self.blocks[block].inside
        return Address(block, offset)

    def read(self, block: int, row: int) -> None:
        """Note that a row reads a block."""
        blocks = self.blocks
        root = self.root(block).block
        blocks[root].last = max(blocks[root].last, row)

    def put(self, block: int, place: Place) -> bool:
        """Let a block lie inside another one, if it can; return whether it does."""
        inner = self.blocks[block]
        whole = self.blocks[self.root(place.block).block]
        if inner.kind != "array" or inner.inside is not None or not place.view.flags.c_contiguous:
            return False
        inner.inside = self.address(place)
        whole.first, whole.last = min(whole.first, inner.first), max(whole.last, inner.last)
        return True


def _data_address(a: np.ndarray) -> int:
    address: int = a.__array_interface__["data"][0]
    return address


def allocate(blocks: list[Block], starts: list[int], end: int) -> int:
    """Set the start of each array that lies in no other; return the size of the memory.

    A block is used again after the last row that reads it, by one of the same size.

    References
    ----------
    M. Poletto, V. Sarkar: Linear scan register allocation. ACM TOPLAS 21 (1999).
    """
    free: dict[int, list[int]] = defaultdict(list)
    active: list[tuple[int, int, int]] = []
    order = [k for k, s in enumerate(blocks) if s.kind == "array" and s.inside is None]
    for k in sorted(order, key=lambda k: blocks[k].first):
        size = blocks[k].size
        while active and active[0][0] < blocks[k].first:
            _, freed, place = heappop(active)
            free[freed].append(place)
        if free[size]:
            starts[k] = free[size].pop()
        else:
            starts[k], end = end, end + size
        heappush(active, (blocks[k].last, size, starts[k]))
    return end


def number_of_elements(shape: tuple[int, ...]) -> int:
    """Return the number of elements of an array of this shape."""
    return math.prod(shape)
