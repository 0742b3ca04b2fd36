"""Rows of a program on arrays, before and after their addresses are fixed."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .address_space import Address
from .array_opcodes import FLAT_CODES, STRIDED_CODES
from .opcodes import CODES

NO_STRIDES = (1, 1, 1, 0, 0, 0)
"""Strides of a row on arrays without gaps."""

UNDECIDED = Address(-1, 0)
"""Address of the result of a row that has no block yet."""


class Row(NamedTuple):
    """Row of a program whose addresses are not fixed yet."""

    name: str
    """Formula, or name of a strided row."""
    reads: tuple[Address, ...]
    source: int
    """The plan's instruction that it computes."""
    length: int = 0
    """Length of the inner loop; 0 for a row on numbers."""
    number: bool = False
    """Whether b is one number, in a flat row."""
    strides: tuple[int, int, int, int, int, int] | None = None
    """For a strided row, the strides of a, b and the result in the inner and in the outer loop."""
    repeats: int = 1
    size: int = 0
    table: np.ndarray | None = None
    """Offsets of the elements that a gather reads or to which a scatter adds."""
    writes: Address = UNDECIDED


def encode_rows(rows: Sequence[Row], starts: Sequence[int]) -> np.ndarray:
    """Return the words of rows, for these starts of the blocks."""
    words: list[int] = []
    for row in rows:
        reads = [starts[block] + offset for block, offset in row.reads]
        reads += reads[:1] * (3 - len(reads))
        out = starts[row.writes.block] + row.writes.offset
        if row.length == 0:
            words += CODES[row.name], *reads
        elif row.strides is None:
            words += FLAT_CODES[row.name, row.number], *reads, out, row.length
        else:
            words += STRIDED_CODES[row.name], *reads, out, row.length, row.repeats
            words += *row.strides, row.size
            words += [] if row.table is None else row.table.tolist()
    return np.array(words, np.int64).astype(np.uint32)
