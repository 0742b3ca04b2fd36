"""Sparsity patterns: the entries of a matrix that may be nonzero, in compressed sparse row form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Sparsity pattern in CSR form.

    Attributes
    ----------
    shape : tuple of int
        Shape of the matrix.
    starts : array of int
        Index in `columns` at which each row begins, and at which the last row ends.
    columns : array of int
        Columns of the entries, row by row, in ascending order in each row.

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
        """Number of entries in each row."""
        return np.diff(self.starts)

    @property
    def rows(self) -> Any:
        """Row of each entry."""
        return np.repeat(np.arange(self.shape[0]), self.lengths)

    @property
    def dense(self) -> Any:
        """Pattern as a dense matrix of bool, to look at small ones."""
        full = np.zeros(self.shape, bool)
        full[self.rows, self.columns] = True
        return full

    @property
    def T(self) -> "Pattern":
        """Pattern of the transpose."""
        order = np.argsort(self.columns, kind="stable")
        return Pattern(
            self.shape[::-1],
            _row_starts(np.bincount(self.columns, minlength=self.shape[1])),
            self.rows[order],
        )

    def __matmul__(self, other: "Pattern") -> "Pattern":
        """Return the pattern of a product, if nothing cancels."""
        begins, lengths = other.starts[self.columns], other.lengths[self.columns]
        ends = _row_starts(lengths)
        columns = other.columns[np.arange(ends[-1]) + np.repeat(begins - ends[:-1], lengths)]
        shape = (self.shape[0], other.shape[1])
        if np.all(self.lengths <= 1):  # no entry occurs twice: nothing to sort
            return Pattern(shape, ends[self.starts], columns)
        return pattern_of(shape, np.repeat(self.rows, lengths), columns)

    def __or__(self, other: "Pattern") -> "Pattern":
        """Return the entries of either: the pattern of a sum."""
        return (
            self
            if other is self
            else _pattern_from_keys(self.shape, np.concatenate([self._keys, other._keys]))
        )

    def __and__(self, other: "Pattern") -> "Pattern":
        """Return the entries that both have."""
        return _pattern_from_keys(
            self.shape, np.intersect1d(self._keys, other._keys, assume_unique=True)
        )

    def without(self, rows: Any) -> "Pattern":
        """Return the pattern without the entries of the rows that a mask names."""
        return Pattern(
            self.shape, _row_starts(np.where(rows, 0, self.lengths)), self.columns[~rows[self.rows]]
        )

    def same_as(self, other: "Pattern") -> bool:
        """Return whether both have the same entries."""
        return (
            self.shape == other.shape
            and np.array_equal(self.starts, other.starts)
            and np.array_equal(self.columns, other.columns)
        )

    @property
    def _keys(self) -> Any:
        """Row-major index of each entry, in ascending order."""
        return self.rows * max(self.shape[1], 1) + self.columns


def pattern_of(shape: tuple[int, int], rows: Any, columns: Any) -> Pattern:
    """Return the pattern with these entries, in any order; an entry may occur several times."""
    rows, columns = np.broadcast_arrays(rows, columns)
    return _pattern_from_keys(shape, np.ravel(rows) * max(shape[1], 1) + np.ravel(columns))


def _pattern_from_keys(shape: tuple[int, int], keys: Any) -> Pattern:
    """Return the pattern whose entries have these row-major indices, in any order."""
    keys = np.sort(keys, kind="stable")  # a merge sort: the keys mostly consist of ascending runs
    if keys.size:
        keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    rows, columns = np.divmod(keys, max(shape[1], 1))
    return Pattern(shape, _row_starts(np.bincount(rows, minlength=shape[0])), columns)


def _row_starts(lengths: Any) -> Any:
    """Return the `starts` of a pattern, given the lengths of its rows."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.intp)])


def diagonal_pattern(size: int) -> Pattern:
    """Return the pattern of a diagonal matrix."""
    return Pattern((size, size), np.arange(size + 1), np.arange(size))


def empty_pattern(shape: tuple[int, int]) -> Pattern:
    """Return the pattern of a zero matrix."""
    return Pattern(shape, np.zeros(shape[0] + 1, np.intp), np.zeros(0, np.intp))


def selection_pattern(labels: Any, size: int) -> Pattern:
    """Return the pattern in which row i has one entry, in column ``labels[i]``.

    A row with a negative label is empty.
    """
    labels = np.ravel(labels)
    is_valid = labels >= 0
    return Pattern((labels.size, size), _row_starts(is_valid), labels[is_valid])


def grouping_pattern(labels: Any, size: int) -> Pattern:
    """Return the pattern in which row g, of `size`, has an entry for each element labelled g.

    It is the transpose of `selection_pattern`.
    """
    return selection_pattern(labels, size).T


def selection_union(choices: Sequence[Any], size: int) -> Pattern:
    """Return the union of the selection patterns of several arrays of labels of one size."""
    labels = np.stack([np.ravel(labels) for labels in choices], axis=-1)
    is_valid = labels >= 0
    rows, _ = np.nonzero(is_valid)
    return pattern_of((labels.shape[0], size), rows, labels[is_valid])
