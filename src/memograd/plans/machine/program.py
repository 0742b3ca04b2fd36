"""Programs of the machine, with the places of their operands and results."""

from typing import NamedTuple

import numpy as np


class Program(NamedTuple):
    """Instructions on numbered registers: those of constants, of loaded numbers, of results."""

    constants: np.ndarray
    given: int
    code: np.ndarray
    """Table with a row for each instruction: its opcode, and the registers for a, b and c.

    With rows on arrays, which differ in length, the words of all rows in one array.
    """
    wanted: np.ndarray
    """Registers of the results."""
    size: int
    """Number of registers."""
    rows: int
    """Number of instructions."""

    @property
    def has_arrays(self) -> bool:
        """True if some rows are on arrays."""
        return self.code.ndim == 1


class Load(NamedTuple):
    """Places of a number, or of elements of an array, among the loaded numbers.

    `places` are those of the elements in the array, and None for the whole array.
    """

    at: int | slice
    places: np.ndarray | None
    shape: tuple[int, ...] = ()
    """Shape of an array that is loaded as a whole."""

    def numbers_in(self, xs: np.ndarray) -> np.ndarray:
        """Return the numbers to load for many calls, a row for each."""
        rows = xs.reshape(len(xs), -1)
        rows = rows if self.places is None else rows[:, self.places]
        return rows[:, 0] if type(self.at) is int else rows


class Result(NamedTuple):
    """Places of a result among the wanted numbers, whether it is logical, and its shape."""

    at: int | slice | np.ndarray
    logical: bool
    shape: tuple[int, ...]

    def stacked(self, wanted: np.ndarray) -> np.ndarray:
        """Return the results of many calls among a row of wanted numbers for each."""
        y = wanted[:, self.at].reshape(len(wanted), *self.shape)
        return y != 0.0 if self.logical else y
