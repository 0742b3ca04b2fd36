"""The order of accumulation: found from the graph and the shapes alone."""

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import programs

import memograd as mg
from memograd.jacobians.chain_order import (
    DIAGONAL,
    GENERAL,
    MATRIX,
    MAX_FACTORS,
    MAX_FACTORS_ASKED,
    ChainFactor,
    bracket_factor,
    choose_order,
    cut_vertices,
    forward_bracketing,
    jacobian_chain,
    optimal_bracketing,
    path_nodes,
    reverse_bracketing,
    shorten_chain,
)
from memograd.memory.tables import Table
from memograd.memory.uses import uses_towards


def table_of(y):
    return Table(y.id, uses_towards(y.tape.state, y.id), None)


def segments(y, *xs):
    return jacobian_chain(y.tape.state, table_of(y), [x.id for x in xs], MAX_FACTORS)


def chain(*sizes):
    """Matrices from node to node, of these sizes, x first."""
    return [
        ChainFactor((n,), n + 1, columns, rows, rows * columns, MATRIX)
        for n, (columns, rows) in enumerate(pairwise(sizes))
    ]


def matrix_chain(sizes, i, j):
    """The textbook's recursion: multiplications for the product of matrices i, …, j - 1."""
    if j == i + 1:
        return 0
    return min(
        matrix_chain(sizes, i, m) + matrix_chain(sizes, m, j) + sizes[i] * sizes[m] * sizes[j]
        for m in range(i + 1, j)
    )


@pytest.fixture
def bottleneck(tape, rng):
    y = x = tape.leaf(rng.normal(size=100), name="x")
    for k, shape in enumerate([(100, 100), (2, 100), (100, 2), (100, 100)]):
        y = (rng.normal(size=shape) @ y).named(f"h{k}")
    return x, y


class TestSegments:
    @given(programs())
    def test_they_lie_between_the_dominators(self, program):
        leaves, outputs = program.record(mg.Tape())
        for L in outputs:
            table = table_of(L)
            targets = [x.id for x in leaves if x.id in table.uses]
            nodes = path_nodes(table, targets)
            graph = nx.DiGraph([("source", t) for t in targets])
            graph.add_edges_from(
                (n, c)
                for n in nodes
                for c, _ in ([table.uses[n]] if type(table.uses[n]) is tuple else table.uses[n])
            )
            above = nx.immediate_dominators(graph, "source")
            n, dominators = L.id, []
            while n != "source":
                dominators.append(n)
                n = above[n]
            assert cut_vertices(table, targets, nodes) == dominators[::-1]

    def test_forms(self, x):
        h = np.tanh(x) * np.exp(x)
        y = np.ones((3, 2)) @ h
        z = np.sum(y)
        assert [(s.columns, s.rows, s.pull, s.form) for s in segments(z, x)] == [
            (2, 2, 8, DIAGONAL), (2, 3, 6, MATRIX), (3, 1, 0, GENERAL)
        ]  # fmt: skip

    def test_several_targets_begin_one_segment(self, tape, x):
        w = tape.leaf(np.ones((3, 2)))
        h = w @ x
        first, second = segments(np.sin(h), x, w)
        assert (first.start, first.end, first.columns, first.form) == (
            (x.id, w.id),
            h.id,
            8,
            GENERAL,
        )
        assert (second.start, second.form) == ((h.id,), DIAGONAL)

    def test_a_target_may_lie_behind_another(self, x):
        h = np.sin(x)
        assert [s.start for s in segments(np.cos(h), x, h)] == [(x.id, h.id), (h.id,)]

    def test_the_node_itself(self, x):
        assert [(s.start, s.end, s.pull) for s in segments(x, x)] == [((x.id,), x.id, 0)]

    def test_no_segment_ends_where_a_real_function_is_complex(self, x):
        y = np.abs(np.fft.fft(np.sin(x)))
        assert [s.end for s in segments(y, x)] == [y.operands[0].operands[0].id, y.id]

    def test_neighbouring_diagonals_are_one(self, x):
        (only,) = segments(np.sin(np.cos(np.tanh(x)) + 1.0), x)
        assert (only.form, only.pull) == (DIAGONAL, 6)

    def test_of_many_the_widest_seams_are_closed(self, rng):
        sizes = [5, *rng.permutation(np.arange(2, 3 * MAX_FACTORS)).tolist(), 5]
        found = shorten_chain(chain(*sizes), MAX_FACTORS)
        assert len(found) == MAX_FACTORS
        assert sum(s.pull for s in found) == sum(a * b for a, b in pairwise(sizes))
        assert sorted(s.columns for s in found[1:]) == sorted(sizes[1:-1])[: MAX_FACTORS - 1]


# Rows, columns and multiplications of a pull, by the least cost: github.com/un110076/ADMission (2020),
# GDJCPB/p_3_3.1, whose README has the 56, and ex_sec_4/p_10_10.1.
ADMISSION = {
    56: [(3, 3, 29), (1, 3, 14), (2, 1, 7)],
    1_344: [(2, 6, 19), (3, 2, 18), (7, 3, 62), (10, 7, 156), (2, 10, 73), (2, 2, 14), (9, 2, 30),
            (3, 9, 132), (2, 3, 12), (9, 2, 102)],
}  # fmt: skip


def general_chain(sizes):
    """A chain of general factors of these rows, columns and multiplications of a pull."""
    return [
        ChainFactor((k,), k + 1, columns, rows, pull, GENERAL)
        for k, (rows, columns, pull) in enumerate(sizes)
    ]


def cheapest(factors, i, j):
    """The least cost of a subchain, by the recurrence as it is written."""
    if j == i + 1:
        return min(bracket_factor(factors, i, how).cost for how in ("rows", "columns"))
    rows, columns = factors[j - 1].rows, factors[i].columns
    diagonal = [f.form == DIAGONAL for f in factors]

    def inner(m):
        ends = (m == i + 1 and diagonal[i]) or (m == j - 1 and diagonal[j - 1])
        return 1 if ends else factors[m].columns

    return min(
        [cheapest(factors, i, m) + cheapest(factors, m, j) + rows * columns * inner(m) for m in range(i + 1, j)]
        + [cheapest(factors, i + 1, j) + rows * factors[i].pull]
        + [cheapest(factors, i, j - 1) + columns * factors[j - 1].pull]
    )  # fmt: skip


class TestOrders:
    @pytest.mark.parametrize("cost", ADMISSION)
    def test_published_chains(self, cost):
        assert optimal_bracketing(general_chain(ADMISSION[cost])).cost == cost

    @given(
        st.lists(
            st.tuples(st.integers(1, 9), st.integers(0, 90), st.booleans()), min_size=2, max_size=7
        )
    )
    def test_the_recurrence(self, drawn):
        factors, columns = [], 4
        for k, (rows, pull, diagonal) in enumerate(drawn):
            rows = columns if diagonal else rows
            form = DIAGONAL if diagonal else GENERAL
            factors.append(ChainFactor((k,), k + 1, columns, rows, pull, form))
            columns = rows
        assert optimal_bracketing(factors).cost == cheapest(factors, 0, len(factors))

    def test_costs_beyond_int64(self):
        size = 10**9
        factors = general_chain([(size, size, size**2)] * 3)
        assert optimal_bracketing(factors).cost == 3 * size**3

    def test_a_long_chain_is_bracketed_if_asked_for(self, rng):
        y = x = mg.Tape().leaf(rng.normal(size=4))
        for _ in range(100):
            y = np.tanh(rng.normal(size=(4, 4)) @ y)
        table, targets = table_of(y), [x.id]
        asked = choose_order(y.tape.state, table, targets, "segments")
        assert len(asked.factors) == 200 <= MAX_FACTORS_ASKED
        assert len(choose_order(y.tape.state, table, targets, "auto").factors) == MAX_FACTORS
        J = mg.jacobian(y, x, order="segments")
        expected = mg.jacobian(y, x, order="reverse")
        np.testing.assert_allclose(J, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())

    def test_the_bottleneck(self, bottleneck):
        x, y = bottleneck
        found = segments(y, x)
        assert [s.form for s in found] == 4 * [MATRIX]
        assert (
            reverse_bracketing(found).cost,
            forward_bracketing(found).cost,
            optimal_bracketing(found).cost,
        ) == (
            1_040_000,
            1_040_000,
            60_000,
        )

    @given(st.lists(st.integers(1, 9), min_size=2, max_size=7))
    def test_matrices_are_multiplied_in_the_textbook_s_order(self, sizes):
        assert optimal_bracketing(chain(*sizes)).cost == matrix_chain(sizes, 0, len(sizes) - 1)

    @given(
        st.lists(
            st.tuples(st.integers(1, 9), st.integers(0, 50), st.sampled_from([MATRIX, GENERAL])),
            min_size=1,
            max_size=8,
        )
    )
    def test_neither_direction_is_better(self, parts):
        sizes = [4, *(rows for rows, _, _ in parts)]
        found = [
            ChainFactor((n,), n + 1, sizes[n], sizes[n + 1], pull, form)
            for n, (_, pull, form) in enumerate(parts)
        ]
        best = optimal_bracketing(found)
        assert best.cost <= min(reverse_bracketing(found).cost, forward_bracketing(found).cost)
        assert best.cost == total(best)

    def test_one_direction_is_one_step(self):
        general = [s._replace(form=GENERAL) for s in chain(3, 4, 5, 6)]
        assert [(p.how, p.first, p.last, p.own, p.parts) for p in (reverse_bracketing(general), forward_bracketing(general))] == [
            ("rows", 0, 3, 6 * 62, ()), ("columns", 0, 3, 3 * 62, ())
        ]  # fmt: skip

    def test_a_diagonal_scales(self):
        best = optimal_bracketing(
            [ChainFactor((0,), 1, 2, 8, 1000, GENERAL), ChainFactor((1,), 2, 8, 8, 800, DIAGONAL)]
        )
        assert (best.how, best.own, [p.how for p in best.parts]) == (
            "product",
            16,
            [DIAGONAL, "columns"],
        )


def total(product):
    return product.own + sum(map(total, product.parts))


class TestChoice:
    @pytest.mark.parametrize(("rows", "columns", "order"), [(3, 50, "reverse"), (50, 3, "forward")])
    def test_one_direction_where_nothing_is_better(self, tape, rng, rows, columns, order):
        x = tape.leaf(rng.normal(size=columns))
        y = rng.normal(size=(rows, 9)) @ np.sin(rng.normal(size=(9, columns)) @ x)
        choice = choose_order(tape.state, table_of(y), [x.id], "auto")
        assert choice.order == order
        assert choice.why == "no order of the 3 segments takes fewer"

    def test_a_large_program_goes_by_size(self, tape, rng, monkeypatch):
        monkeypatch.setattr("memograd.jacobians.chain_order.MAX_CHAIN_NODES", 50)
        x = y = tape.leaf(rng.normal(size=3))
        for _ in range(60):
            y = np.sin(y)
        choice = choose_order(tape.state, table_of(y), [x.id], "auto")
        assert (choice.order, choice.totals, len(choice.factors)) == ("reverse", {}, 1)
        assert choice.why == "by size alone; in 61 nodes no segments are looked for"
        assert choose_order(tape.state, table_of(y), [x.id], "segments").totals["segments"] == 180
        assert (
            choose_order(tape.state, table_of(np.concatenate([y, y])), [x.id], "auto").order
            == "forward"
        )
