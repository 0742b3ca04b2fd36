"""Elimination on linearised DAGs: every order gives one Jacobian, counts by hand, the search, and tapes against reverse."""

import random

import numpy as np
import pytest

import memograd as mg
from memograd.errors import GraphError, NotDifferentiableError, OtherTapeError, RefusedError
from memograd.jacobians.elimination import (
    Back,
    Front,
    accumulate_jacobian,
    build_dag,
    execution,
    find_elimination_order,
    is_scalar_program,
    linearise,
    search,
)
from memograd.jacobians.elimination.annealing import effective_steps, single_edges
from memograd.jacobians.elimination.operation_count import EliminationGraph, count_operations

SEED = 20260


def random_dag(rng, inputs=3, inner=9, outputs=3, units=0.3):
    """Vertices of two or three operands each, numbers on the edges, some of them known to be 1 or -1."""
    n = inputs + inner + outputs
    partials = {}
    for v in range(inputs, n):
        operands = rng.sample(range(min(v, n - outputs)), rng.randint(2, 3))
        partials[v] = {
            p: rng.choice([1, -1]) if rng.random() < units else rng.uniform(-2, 2) for p in operands
        }
    return build_dag(range(inputs), range(n - outputs, n), partials)


def dense(dag):
    """The Jacobian by solving (I - C) V = B: no elimination."""
    at = {v: k for k, v in enumerate([*dag.inputs, *dag.partials])}
    C = np.zeros((len(at), len(at)))
    for v, row in dag.partials.items():
        for p, d in row.items():
            C[at[v], at[p]] = d
    total = np.linalg.inv(np.eye(len(at)) - C)
    return total[np.ix_([at[v] for v in dag.outputs], [at[v] for v in dag.inputs])]


def matrix(dag, steps):
    """The Jacobian that the steps leave."""
    J = np.zeros((len(dag.outputs), len(dag.inputs)))
    for (i, j), d in accumulate_jacobian(dag, steps).items():
        J[i, j] = d
    return J


@pytest.mark.parametrize("k", range(20))
class TestRandom:
    @pytest.fixture
    def dag(self, k):
        print("seed", SEED + k)
        return random_dag(random.Random(SEED + k))

    def test_every_order_gives_the_jacobian(self, dag, k):
        rng, expected = random.Random(k), dense(dag)
        for order in (
            dag.inner,
            dag.inner[::-1],
            find_elimination_order(dag, effort=10_000).order,
            *(shuffled(dag.inner, rng) for _ in range(5)),
        ):
            assert np.allclose(matrix(dag, order), expected, rtol=1e-9, atol=1e-9)

    def test_an_edge_by_itself_changes_nothing(self, dag, k):
        rng = random.Random(k)
        for v in rng.sample(dag.inner, 3):
            before, after = (
                list(dag.partials[v]),
                [s for s, row in dag.partials.items() if v in row],
            )
            for step in (Front(rng.choice(before), v), Back(v, rng.choice(after))):
                assert np.allclose(
                    matrix(dag, [step, *shuffled(dag.inner, rng)]), dense(dag), rtol=1e-9, atol=1e-9
                )
            all_fronts, rest = [Front(p, v) for p in before], [w for w in dag.inner if w != v]
            assert np.allclose(matrix(dag, all_fronts + rest), dense(dag), rtol=1e-9, atol=1e-9)

    def test_what_is_counted_is_what_is_multiplied(self, dag, k, monkeypatch):
        rng, pairs, times = random.Random(k), [], execution.multiply_partials
        order = effective_steps(
            EliminationGraph(dag, units_free=True),
            shuffled([*dag.inner, *rng.sample(single_edges(dag), 6)], rng),
        )
        monkeypatch.setattr(
            execution, "multiply_partials", lambda a, b: pairs.append((a, b)) or times(a, b)
        )
        accumulate_jacobian(dag, order)
        real = [pair for pair in pairs if int not in map(type, pair)]
        assert count_operations(EliminationGraph(dag, units_free=True), order)[1:] == (
            len(real),
            len(pairs),
        )
        assert count_operations(EliminationGraph(dag, units_free=False), order)[1:] == (
            len(pairs),
            len(pairs),
        )

    def test_the_search_is_never_worse(self, dag, k):
        found = find_elimination_order(dag, effort=20_000, seed=k)
        assert found.multiplications == min(found.counts.values()) == found.counts["edges"]
        assert (
            sorted(step for step in found.order if type(step) is int) == dag.inner
            and not found.skipped
        )
        assert found == find_elimination_order(dag, effort=20_000, seed=k)


def shuffled(items, rng):
    """The items in another order."""
    return rng.sample(items, len(items))


def counts(inputs, outputs, rows, units_free=False):
    """What each order takes on a DAG given by who is computed from whom."""
    return find_elimination_order(
        build_dag(inputs, outputs, {v: dict.fromkeys(row) for v, row in rows.items()}),
        units_free=units_free,
    ).counts


class TestByHand:
    def test_a_chain_takes_one_a_vertex(self):
        assert set(counts([0], [4], {1: [0], 2: [1], 3: [2], 4: [3]}).values()) == {3}

    def test_a_bottleneck_is_met_from_both_sides(self):
        """Three inputs and three outputs through chains of two that meet in one vertex: 6 for the chains, 9 for the meeting."""
        rows = {
            3: [0],
            4: [1],
            5: [2],
            6: [3, 4, 5],
            7: [6],
            8: [6],
            9: [6],
            10: [7],
            11: [8],
            12: [9],
        }
        assert counts([0, 1, 2], [10, 11, 12], rows) == {
            "reverse": 3 + 9 + 9, "forward": 3 + 9 + 9, "Markowitz": 6 + 9, "relative Markowitz": 6 + 9, "search": 6 + 9, "edges": 6 + 9,
        }  # fmt: skip

    def test_a_diamond(self):
        assert counts([0], [4], {1: [0], 2: [1], 3: [1], 4: [2, 3]}) == dict.fromkeys(
            ("reverse", "Markowitz", "relative Markowitz", "search", "edges"), 3
        ) | {"forward": 4}

    def test_an_edge_by_itself_may_be_cheaper(self):
        """Both vertices have something in common with 0 before, and with 5 after, which an edge meets without the other two."""
        rows = {3: [0, 1, 2], 4: [0, 3], 5: [3, 4], 6: [4], 7: [4]}
        dag = build_dag(
            [0, 1, 2], [5, 6, 7], {v: {p: float(v + p) for p in row} for v, row in rows.items()}
        )
        found = find_elimination_order(dag)
        assert (found.counts["search"], found.counts["edges"], found.name) == (15, 14, "edges")
        assert accumulate_jacobian(dag, found.order) == accumulate_jacobian(dag, dag.inner)

    def test_known_units_are_free_until_something_is_added(self):
        dag = build_dag([0], [4], {1: {0: 2.0}, 2: {1: 1}, 3: {1: -1}, 4: {2: 3.0, 3: 5.0}})
        assert (
            count_operations(EliminationGraph(dag, units_free=True), [2, 3, 1]).multiplications == 1
        )
        dag = build_dag([0], [4], {1: {0: 2.0}, 2: {1: 1}, 3: {1: -1}, 4: {2: 1, 3: 1}})
        assert count_operations(EliminationGraph(dag, units_free=True), [2, 3, 1]) == (
            [2, 3, 1],
            1,
            3,
        )  # 1 - 1 is 0, but not known to be
        assert accumulate_jacobian(dag, [2, 3, 1]) == {(0, 0): 0.0}


class TestEnds:
    """∂y/∂h at h = x: the change of h itself; at x: all of it."""

    rows = {1: {0: 2.0}, 2: {1: 3.0}, 3: {2: 5.0, 1: 1.0}}

    @pytest.mark.parametrize("units_free", [True, False])
    def test_an_input_that_was_computed_and_an_output_that_is_used(self, units_free):
        dag = build_dag([0, 1], [1, 2, 3], self.rows)
        expected = {(0, 0): 2, (0, 1): 1, (1, 0): 6, (1, 1): 3, (2, 0): 32, (2, 1): 16}
        for order in (
            dag.inner,
            dag.inner[::-1],
            find_elimination_order(dag, units_free=units_free).order,
        ):
            assert accumulate_jacobian(dag, order) == expected

    def test_what_is_asked_for_twice(self):
        dag = build_dag([0, 0], [2, 2, 0], {2: {0: 7.0}})
        assert accumulate_jacobian(dag, dag.inner) == {
            (0, 0): 7,
            (0, 1): 7,
            (1, 0): 7,
            (1, 1): 7,
            (2, 0): 1,
            (2, 1): 1,
        }

    def test_what_lies_on_no_path_is_left_out(self):
        dag = build_dag([0], [2], {1: {0: 2.0, -5: 1.0}, 2: {1: 1.0, -4: 3.0}, 3: {1: 1.0}})
        assert dag.partials == {1: {0: 2.0}, 2: {1: 1.0}}
        assert accumulate_jacobian(build_dag([0], [2], {2: {1: 1.0}}), []) == {}

    def test_bad_numbering_and_unfinished_work_are_errors(self):
        with pytest.raises(GraphError, match="Vertex 1 is computed from 2"):
            build_dag([0], [1], {1: {2: 1.0}})
        dag = build_dag([0], [3], self.rows)
        with pytest.raises(GraphError, match=r"leave the vertices \[1\]"):
            accumulate_jacobian(dag, [2])
        with pytest.raises(GraphError, match="no edge from 0 to 2"):
            accumulate_jacobian(dag, [Front(0, 2)])

    def test_arrays_on_the_edges(self):
        a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
        assert np.array_equal(
            accumulate_jacobian(build_dag([0], [2], {1: {0: a}, 2: {1: b, 0: -1}}), [1])[0, 0],
            a * b - 1,
        )


class TestBounded:
    def test_a_large_dag_is_counted_but_not_searched(self):
        rng, n = random.Random(SEED), 100_000
        rows = {v: rng.sample(range(v - 5, v), 2) for v in range(5, n)}
        found = find_elimination_order(
            build_dag(range(5), [n - 1], {v: dict.fromkeys(row) for v, row in rows.items()})
        )
        assert list(found.skipped) == ["relative Markowitz", "search", "edges"]
        assert "search                   skipped  more than 2,000 vertices" in str(found)
        assert found.multiplications == min(found.counts.values())

    def test_of_a_larger_one_nothing_is_counted(self):
        dag = build_dag([0], [300_000], {v: {v - 1: None} for v in range(1, 300_001)})
        found = find_elimination_order(dag)
        assert found.order == dag.inner[::-1] and found.multiplications is None
        assert list(found.skipped) == [
            "reverse",
            "forward",
            "Markowitz",
            "relative Markowitz",
            "search",
            "edges",
        ]

    def test_nothing_is_counted_to_its_end_that_takes_too_long(self, monkeypatch):
        monkeypatch.setattr(search, "MAX_PRODUCTS", 2)
        dag = random_dag(random.Random(SEED))
        found = find_elimination_order(dag)
        assert (
            found.counts == {} and found.multiplications is None and found.order == dag.inner[::-1]
        )
        assert len(found.skipped) == 6 and "more than 2 products" in str(found)
        assert np.allclose(matrix(dag, found.order), dense(dag))


def numbers(tape):
    """Four outputs by three inputs, with equal subexpressions, a choice, a constant, and an output that is used."""
    x, w, b = tape.leaf(0.7, name="x"), tape.leaf(1.3, name="w"), tape.leaf(-0.4, name="b")
    h = np.tanh(x * w + b)
    return [h, np.exp(x * w) * h, np.where(h > 0, h * h, b) - b, np.arctan2(h, 2.0)], [x, w, b]


def by_elimination(ys, xs):
    """The Jacobian of scalars by scalars, in the cheapest order that was found, and what was found."""
    dag = linearise(ys, xs)
    found = find_elimination_order(dag)
    J = np.zeros((len(ys), len(xs)), np.result_type(*(x.dtype for x in xs)))
    for place, d in accumulate_jacobian(dag, found.order).items():
        J[place] = d
    return J, found


class TestTapes:
    def test_it_agrees_with_reverse(self, tape):
        ys, xs = numbers(tape)
        J, found = by_elimination(ys, xs)
        assert np.allclose(J, [mg.grad(y, xs) for y in ys], rtol=1e-12)
        assert found.multiplications == found.counts[found.name] == min(found.counts.values())

    def test_between_nodes_in_the_middle(self, tape):
        ys, (x, w, b) = numbers(tape)
        targets = [ys[0], x, ys[0]]
        J, _ = by_elimination(ys, targets)
        assert np.allclose(J, [mg.grad(y, targets) for y in ys], rtol=1e-12)

    def test_a_target_is_not_taken_for_its_equal(self, tape):
        x = tape.leaf(2.0)
        h, twin = np.sin(x), np.sin(x)
        assert by_elimination([h * twin], [h])[0] == mg.grad(h * twin, h)

    def test_equal_subexpressions_are_one_vertex(self, tape):
        x, w = tape.leaf(2.0), tape.leaf(3.0)
        apart = linearise([np.sin(x * w) + np.exp(w * x)], [x, w])
        equal = linearise([np.sin(x * w) + np.exp(x * w)], [x, w])
        assert len(apart.inner) == len(equal.inner) + 1

    def test_known_units_come_from_lines_that_read_nothing(self, tape):
        x = tape.leaf(0.0)
        dag = linearise([np.cos(x) - (np.sin(x) + 1.0) * 1.0], [x])
        units = sorted(d for row in dag.partials.values() for d in row.values() if type(d) is int)
        assert units == [
            -1,
            1,
            1,
            1,
        ]  # of the difference two, of the sum, of the product with 1: not cos 0

    def test_the_entries_may_be_nodes(self, tape):
        ys, xs = numbers(tape)
        dag = linearise(ys, xs, record=True)
        entries = accumulate_jacobian(dag, find_elimination_order(dag).order)
        second = mg.grad(entries[1, 0], xs[0])
        assert np.isclose(second, mg.grad(mg.grad_node(ys[1], xs[0]), xs[0]), rtol=1e-12)

    def test_a_deep_program(self, tape):
        x = y = tape.leaf(0.5)
        for _ in range(20_000):
            y = np.sin(y)
        J, found = by_elimination([y], [x])
        assert np.isclose(J[0, 0], mg.grad(y, x), rtol=1e-9) and "search" in found.skipped

    def test_dtypes_are_those_of_the_inputs(self, tape):
        x = tape.leaf(np.float32(0.5))
        J, _ = by_elimination([np.sin(x) * 2.0], [x])
        assert J.dtype == np.float32 and np.isclose(J[0, 0], 2 * np.cos(0.5))

    def test_what_is_no_real_number_is_refused(self, tape):
        x, v = tape.leaf(0.5, name="x"), tape.leaf([1.0, 2.0], name="v")
        assert is_scalar_program([np.sin(x)], [x]) and not is_scalar_program([np.sum(x * v)], [x])
        with pytest.raises(
            RefusedError, match=r"but between y and x is v\d+ \(np.multiply, float64 \(2,\)"
        ):
            linearise([np.sum(x * v)], [x])
        with pytest.raises(RefusedError, match="complex128"):
            linearise([np.real(np.exp(1j * x))], [x])
        with pytest.raises(OtherTapeError):
            linearise([np.sin(x)], [mg.Tape().leaf(1.0)])
        with pytest.raises(NotDifferentiableError):
            linearise([np.sin(x)], [tape.leaf(3)])
