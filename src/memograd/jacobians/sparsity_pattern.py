"""Patterns: which entries of a matrix may be other than zero, as index arrays, row by row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """The places of a matrix that may hold something, in the form of compressed rows.

    Attributes
    ----------
    shape : tuple of int
        Of the matrix.
    starts : array of int
        Where each row begins in `columns`; and, as the last, where the last row ends.
    columns : array of int
        The columns of the places, row by row, each row in rising order.

    Examples
    --------
    >>> a = pattern_of((2, 3), [0, 1, 1], [2, 0, 2])
    >>> a.rows, a.columns
    (array([0, 1, 1]), array([2, 0, 2]))
    >>> (a @ a.T).dense.astype(int)
    array([[1, 1],
           [1, 1]])
    """

    shape: tuple[int, int]
    starts: Any
    columns: Any

    @property
    def lengths(self) -> Any:
        """How many places each row has."""
        return np.diff(self.starts)

    @property
    def rows(self) -> Any:
        """The row of each place."""
        return np.repeat(np.arange(self.shape[0]), self.lengths)

    @property
    def dense(self) -> Any:
        """The matrix, with True at the places: to look at, where it is small."""
        full = np.zeros(self.shape, bool)
        full[self.rows, self.columns] = True
        return full

    @property
    def T(self) -> "Pattern":
        """The pattern of the transpose."""
        order = np.argsort(self.columns, kind="stable")
        return Pattern(self.shape[::-1], _starts(np.bincount(self.columns, minlength=self.shape[1])), self.rows[order])

    def __matmul__(self, other: "Pattern") -> "Pattern":
        """The pattern of a product, where nothing cancels."""
        begins, lengths = other.starts[self.columns], other.lengths[self.columns]
        ends = _starts(lengths)
        columns = other.columns[np.arange(ends[-1]) + np.repeat(begins - ends[:-1], lengths)]
        shape = (self.shape[0], other.shape[1])
        if np.all(self.lengths <= 1):  # no two rows meet, so that nothing is there twice
            return Pattern(shape, ends[self.starts], columns)
        return pattern_of(shape, np.repeat(self.rows, lengths), columns)

    def __or__(self, other: "Pattern") -> "Pattern":
        """The places of both: the pattern of a sum."""
        return self if other is self else _pattern(self.shape, np.concatenate([self._keys, other._keys]))

    def __and__(self, other: "Pattern") -> "Pattern":
        """The places that both have."""
        return _pattern(self.shape, np.intersect1d(self._keys, other._keys, assume_unique=True))

    def without(self, rows: Any) -> "Pattern":
        """The same with no place in some rows, which a mask names."""
        return Pattern(self.shape, _starts(np.where(rows, 0, self.lengths)), self.columns[~rows[self.rows]])

    def same_as(self, other: "Pattern") -> bool:
        """Whether both have the same places."""
        return self.shape == other.shape and np.array_equal(self.starts, other.starts) and np.array_equal(self.columns, other.columns)

    @property
    def _keys(self) -> Any:
        """A number for each place, in rising order."""
        return self.rows * max(self.shape[1], 1) + self.columns


def pattern_of(shape: tuple[int, int], rows: Any, columns: Any) -> Pattern:
    """The pattern with these places, in any order, some of them twice."""
    rows, columns = np.broadcast_arrays(rows, columns)
    return _pattern(shape, np.ravel(rows) * max(shape[1], 1) + np.ravel(columns))


def _pattern(shape: tuple[int, int], keys: Any) -> Pattern:
    keys = np.sort(keys, kind="stable")  # a merge where the keys are rising runs, as they mostly are
    keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if keys.size else keys
    rows, columns = np.divmod(keys, max(shape[1], 1))
    return Pattern(shape, _starts(np.bincount(rows, minlength=shape[0])), columns)


def _starts(lengths: Any) -> Any:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.intp)])


# ----------------------------------------------------------------------------------------------- patterns of a kind


def diagonal(size: int) -> Pattern:
    """One place in each row, on the diagonal."""
    return Pattern((size, size), np.arange(size + 1), np.arange(size))


def empty(shape: tuple[int, int]) -> Pattern:
    """No place at all."""
    return Pattern(shape, np.zeros(shape[0] + 1, np.intp), np.zeros(0, np.intp))


def picked(labels: Any, size: int) -> Pattern:
    """For each label a row, with its place in the column of that number; a row without a place where the label is negative."""
    labels = np.ravel(labels)
    there = labels >= 0
    return Pattern((labels.size, size), _starts(there), labels[there])


def grouped(labels: Any, size: int) -> Pattern:
    """For each of `size` groups a row, with a place for each element that bears its number: the transpose of `picked`."""
    return picked(labels, size).T


def any_of(choices: Sequence[Any], size: int) -> Pattern:
    """`picked` for several arrays of labels at once: row i has a place for each one's label i."""
    labels = np.stack([np.ravel(labels) for labels in choices], axis=-1)
    rows, _ = np.nonzero(labels >= 0)
    return pattern_of((labels.shape[0], size), rows, labels[labels >= 0])
