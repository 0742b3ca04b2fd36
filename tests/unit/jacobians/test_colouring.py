"""Colours: those of one colour can be told apart, and there are few."""

from itertools import combinations
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memograd.jacobians.colouring import best_colouring, colour_rows, count_colours, star_colouring
from memograd.jacobians.sparsity_pattern import Pattern, pattern_of


def of(matrix: Any) -> Pattern:
    return pattern_of(np.shape(matrix), *np.nonzero(matrix))


def band(n: int, *offsets: int) -> Any:
    return sum(np.eye(n, k=k) for k in offsets)


def stencil(n: int) -> Any:
    """Five points on a square of n x n, which is closed on itself."""
    i = np.arange(n * n).reshape(n, n)
    around = [i, *(np.roll(i, step, axis) for step in (1, -1) for axis in (0, 1))]
    matrix = np.zeros((n * n, n * n))
    for j in around:
        matrix[i.ravel(), j.ravel()] = 1
    return matrix


MATRICES = st.tuples(st.integers(0, 7), st.integers(0, 7)).flatmap(
    lambda shape: st.lists(
        st.booleans(), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]
    ).map(lambda bits: np.reshape(np.array(bits, bool), shape))
)


@given(MATRICES)
def test_rows_of_one_colour_share_no_column(matrix: Any) -> None:
    colours = colour_rows(of(matrix))
    assert colours.shape == matrix.shape[:1]
    for c in range(count_colours(colours)):
        assert np.sum(matrix[colours == c], axis=0).max(initial=0) <= 1


@given(MATRICES)
def test_each_place_stands_alone_in_one_sum(matrix: Any) -> None:
    by_rows, together, alone = best_colouring(of(matrix))
    if not by_rows:
        matrix = matrix.T
    assert (len(together), len(alone)) == matrix.shape
    assert sorted(alone[alone >= 0]) == list(range(count_colours(alone)))
    for c in range(count_colours(together)):
        assert np.sum(matrix[together == c][:, alone < 0], axis=0).max(initial=0) <= 1


@given(MATRICES)
def test_the_side_that_takes_fewer_is_taken(matrix: Any) -> None:
    rows, columns = matrix.shape
    assert best_colouring(of(matrix)).number <= max(1, min(rows, columns))


def ring(*order: int) -> Any:
    """The neighbours along a ring."""
    matrix = np.zeros((len(order), len(order)), bool)
    matrix[order, np.roll(order, 1)] = True
    return matrix


@given(MATRICES)
@example(ring(0, 1, 4, 3, 2, 5))  # 4 comes between 1 and 3, which have their colours by then
def test_every_path_of_four_has_three_colours(matrix: Any) -> None:
    n = min(matrix.shape)
    near = matrix[:n, :n] | matrix[:n, :n].T
    colours = star_colouring(of(near))
    edges = [(i, j) for i, j in combinations(range(n), 2) if near[i, j]]
    assert all(colours[i] != colours[j] for i, j in edges)
    for a, b in [*edges, *((j, i) for i, j in edges)]:
        for c in (c for c in range(n) if near[b, c] and c not in (a, b)):
            for d in (d for d in range(n) if near[c, d] and d not in (a, b, c)):
                assert len({colours[a], colours[b], colours[c], colours[d]}) > 2


@pytest.mark.parametrize(
    ("matrix", "rows", "star"),
    [
        (band(50, 0), 1, 1),
        (band(50, -1, 0, 1), 3, 3),
        (band(50, -2, -1, 0, 1, 2), 5, 5),
        (np.ones((5, 5)), 5, 5),
        (np.zeros((4, 4)), 1, 1),
        (np.zeros((0, 0)), 0, 0),
    ],
)
def test_bands_take_as_many_as_they_are_wide(matrix: Any, rows: int, star: int) -> None:
    assert best_colouring(of(matrix)).number == rows
    assert count_colours(star_colouring(of(matrix))) <= star


def test_one_long_row_is_no_reason_to_take_columns_one_by_one() -> None:
    matrix = np.eye(9)
    matrix[4] = 1
    assert best_colouring(of(matrix)).number == 2


def test_an_arrow_is_a_star() -> None:
    """Its long row and its long column keep all columns and all rows apart: one of them is computed by itself."""
    matrix = np.eye(9)
    matrix[4] = matrix[:, 4] = 1
    assert best_colouring(of(matrix)).number == 3 and count_colours(star_colouring(of(matrix))) == 2


def test_a_stencil_takes_few() -> None:
    assert best_colouring(of(stencil(20))).number <= 10
    assert count_colours(star_colouring(of(stencil(20)))) <= 10


@pytest.mark.parametrize("matrix", [band(40, -3, 0, 1), stencil(12)])
def test_networkx_needs_as_many(matrix: Any) -> None:
    rows = of(matrix)
    meeting = rows @ rows.T
    graph = nx.Graph(
        (i, j)
        for i, j in zip(meeting.rows.tolist(), meeting.columns.tolist(), strict=True)
        if i < j
    )
    assert count_colours(colour_rows(rows)) <= 1 + max(
        nx.greedy_color(graph, "largest_first").values()
    )
