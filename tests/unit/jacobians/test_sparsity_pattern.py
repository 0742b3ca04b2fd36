"""Patterns: what they say is what matrices of numbers would."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memograd.jacobians.sparsity_pattern import (
    Pattern,
    diagonal_pattern,
    empty_pattern,
    grouping_pattern,
    pattern_of,
    selection_pattern,
    selection_union,
)


def of(matrix: Any) -> Pattern:
    return pattern_of(np.shape(matrix), *np.nonzero(matrix))


@given(st.integers(0, 2**32 - 1), *[st.integers(0, 5)] * 3)
def test_sums_and_products_are_those_of_matrices(seed: int, m: int, k: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, c = (rng.uniform(size=shape) < 0.4 for shape in ((m, k), (k, n), (m, k)))
    for got, want in (
        (of(a), a),
        (of(a).T, a.T),
        (of(a) @ of(b), (a.astype(int) @ b.astype(int)) > 0),
        (of(a) | of(c), a | c),
        (of(a) & of(c), a & c),
    ):
        assert got.shape == want.shape
        np.testing.assert_array_equal(got.dense, want)
        np.testing.assert_array_equal((got.rows, got.columns), np.nonzero(want))


def test_places_may_come_twice_and_in_any_order() -> None:
    p = pattern_of((2, 3), [1, 0, 1], [2, 0, 2])
    assert (p.rows.tolist(), p.columns.tolist(), p.starts.tolist()) == ([0, 1], [0, 2], [0, 1, 2])


def test_kinds() -> None:
    np.testing.assert_array_equal(diagonal_pattern(3).dense, np.eye(3))
    np.testing.assert_array_equal(empty_pattern((2, 3)).dense, np.zeros((2, 3)))
    np.testing.assert_array_equal(
        selection_pattern([1, -1, 0, 1], 2).dense, [[0, 1], [0, 0], [1, 0], [0, 1]]
    )
    np.testing.assert_array_equal(
        grouping_pattern([1, -1, 0, 1], 2).dense, [[0, 0, 1, 0], [1, 0, 0, 1]]
    )
    np.testing.assert_array_equal(
        selection_union([[1, -1], [0, -1], [1, 2]], 3).dense, [[1, 1, 0], [0, 0, 1]]
    )
