"""Traces of functions that become plans: equal applications of an op are recorded once."""

import functools

import numpy as np
import pytest

import memograd as mg
from memograd.functional import compiled, grad, jacobian, value_and_grad
from memograd.plans.traced_tape import CompiledTape


@pytest.fixture
def traced():
    return CompiledTape()


def value_of(node):
    """Return the value of a node, which a traced function may not read."""
    return node.tape.state.value(node.id)


def recorded(f, *args):
    """Return how many nodes a trace of f has, and check that its plan gives what f gives."""
    sizes = []

    def measured(*nodes):
        y = f(*nodes)
        sizes.append(len(nodes[0].tape))
        return y

    result = compiled(measured)(*args)
    np.testing.assert_array_equal(result, f(*args))
    return sizes[0]


class TestSharing:
    def test_equal_ops_are_one_node(self, traced):
        x = traced.leaf([1.0, 2.0, 3.0])
        assert np.sin(x).id == np.sin(x).id
        assert (x * 2.0).id == (x * 2.0).id
        assert x[1:].id == x[1:].id
        assert np.sum(x, axis=0).id == np.sum(x, axis=0).id
        assert (x * np.array([1.0, 2.0, 3.0])).id == (x * np.array([1.0, 2.0, 3.0])).id

    def test_other_constants_are_other_nodes(self, traced):
        x = traced.leaf([[1.0, 2.0], [3.0, 4.0]])
        assert (x[0] * 1).id != (x[0] * 1.0).id
        assert (x[0] * 0.0).id != (x[0] * -0.0).id
        assert (x[0] * np.float32(2)).id != (x[0] * np.float64(2)).id
        assert (x[0] * np.array([1.0, 2.0])).id != (x[0] * np.array([1.0, 3.0])).id
        assert x[0].id != x[1].id
        assert x[0, 1].id != x[1, 0].id
        assert np.sum(x, axis=0).id != np.sum(x, axis=1).id
        assert np.subtract(x[0], x[1]).id != np.subtract(x[1], x[0]).id

    def test_array_that_changes_is_another_constant(self, traced):
        x, a = traced.leaf([1.0, 2.0]), np.array([1.0, 2.0])
        before = x * a
        a[0] = 5.0
        after = x * a
        assert value_of(before).tolist() == [1.0, 4.0]
        assert value_of(after).tolist() == [5.0, 4.0]

    def test_id_of_a_node_is_not_taken_for_a_number(self, traced):
        x = traced.leaf(1.0)
        y = traced.leaf(1.0)
        assert value_of(x + y) == 2.0
        assert y.id == 1
        assert (x + 1).id != (x + y).id

    def test_tape_that_a_user_fills_is_not_shared(self):
        x = mg.Tape().leaf(2.0)
        assert (x * x).id != (x * x).id

    def test_matrices_are_left_to_the_passes(self, traced):
        x = traced.leaf(np.ones((2, 2)))
        assert np.sin(x).id != np.sin(x).id

    def test_own_ops_run_as_often_as_they_are_called(self):
        calls = []

        @mg.op
        def noted(x):
            calls.append(1)
            return x * 1.0

        mg.elementwise(noted, x=lambda g: g)
        f = compiled(lambda x: noted(x) + noted(x))
        f(1.0)
        calls.clear()
        f(1.0)
        assert len(calls) == 2

    def test_node_that_a_failed_block_cut_off_is_recorded_again(self, traced):
        x = traced.leaf(2.0)
        with traced.scratch():
            inner = np.sin(x).id
        assert inner not in traced
        assert value_of(np.sin(x)) == np.sin(2.0)

    def test_node_of_another_tape_is_refused(self, traced):
        x, other = traced.leaf(2.0), CompiledTape().leaf(3.0)
        assert (x * x).id == (x * x).id
        assert x.id == other.id
        with pytest.raises(mg.errors.OtherTapeError):
            x * other

    def test_several_outputs_are_right(self):
        def f(x):
            return sum(np.sum(part) * k for k, part in enumerate(np.split(x, 3) + np.split(x, 3)))

        np.testing.assert_array_equal(compiled(grad(f))(np.arange(6.0)), grad(f)(np.arange(6.0)))


class TestDerivatives:
    def test_perturbations_of_two_functions_stay_apart(self):
        def f(y, x):
            return grad(lambda z: y * z)(x)

        def g(x):
            return grad(lambda y: f(y, x))(x)

        for form in (f, g):
            args = (3.0,) if form is g else (3.0, 3.0)
            assert compiled(form)(*args) == form(*args)
        assert compiled(lambda x: grad(lambda y: x * grad(lambda z: y * z)(x))(x))(3.0) == 3.0

    def test_determinant_is_recorded_once_for_each_minor(self, rng):
        def det(a, rows, column):
            if len(rows) == 1:
                return a[rows[0], column]
            total = 0.0
            for k, i in enumerate(rows):
                minor = det(a, rows[:k] + rows[k + 1 :], column + 1)
                total = total + (-1.0) ** k * a[i, column] * minor
            return total

        def f(a):
            return det(a, tuple(range(5)), 0)

        a = rng.normal(size=(5, 5))
        assert recorded(f, a) < 400  # 75 distinct products of entry and minor, with sign and sum
        np.testing.assert_allclose(
            compiled(grad(f))(a), np.linalg.det(a) * np.linalg.inv(a).T, rtol=1e-10
        )

    def test_shared_parts_count_as_often_as_they_are_used(self):
        def f(x):
            return np.sin(x) * np.sin(x) + np.sin(x)

        for form in (grad, value_and_grad, jacobian, lambda f: grad(grad(f))):
            np.testing.assert_allclose(compiled(form(f))(0.7), form(f)(0.7), rtol=1e-15)


class TestCopiesOfArguments:
    """`functional` marks its arguments by copies, which no plan makes."""

    def test_no_copy_is_in_the_plan(self):
        f = compiled(value_and_grad(lambda x: np.sum(np.square(x))))
        f(np.ones(3))
        (plan,) = f.plans.values()
        assert "positive" not in plan.source

    @pytest.mark.parametrize("a", [np.ones(3), np.ones((2, 3)), 2.0, np.ones(3, int)], ids=repr)
    def test_no_result_is_the_memory_of_an_argument(self, a):
        same, plus = compiled(lambda x: (x, +x))(a)
        for y in (same, plus):
            np.testing.assert_array_equal(y, a)
            assert not np.shares_memory(y, a)
        assert not np.shares_memory(same, plus)

    def test_gradient_is_no_memory_of_an_argument(self):
        x, y = np.ones(3), np.full(3, 2.0)
        gx, gy = compiled(grad(lambda x, y: np.sum(x * y), (0, 1)))(x, y)
        gx[:], gy[:] = 7.0, 7.0
        assert (x.tolist(), y.tolist()) == ([1.0] * 3, [2.0] * 3)


class TestEqualConstants:
    """Constants are one if dtype, shape, layout and bytes are."""

    @staticmethod
    def source(a, b):
        x = mg.Tape().leaf(np.arange(6.0).reshape(2, 3))
        plan = mg.plan(np.sum(np.exp(x * a)) + np.sum(np.exp(x * b)), [x])
        given = np.linspace(0.0, 1.0, 6).reshape(2, 3)
        expected = np.sum(np.exp(given * a)) + np.sum(np.exp(given * b))
        np.testing.assert_allclose(plan(given), expected, rtol=1e-14)
        return plan.source

    @pytest.mark.parametrize("size", [1, 4000])
    def test_equal_arrays_are_one(self, size, rng):
        a = rng.normal(size=(size, 2, 3))
        assert self.source(a, a.copy()).count("np.exp") == 1

    @pytest.mark.parametrize(
        "change",
        [
            lambda a: a + 1e-16,
            lambda a: -a,
            lambda a: a.astype(np.float32),
            lambda a: a[None],
        ],
        ids=["value", "sign", "dtype", "shape"],
    )
    def test_other_arrays_are_two(self, change):
        a = np.zeros((2, 3))
        assert self.source(a, change(a)).count("np.exp") == 2

    def test_arrays_in_another_order_are_two(self, rng):
        a = rng.normal(size=(2, 3))
        b = np.asfortranarray(a)
        for array in (a, b):
            array.flags.writeable = False
        assert self.source(a, b).count("np.exp") == 2

    def test_equal_leaves_are_one(self):
        tape = mg.Tape()
        x, a, b = tape.leaf([1.0, 2.0]), tape.leaf([3.0, 4.0]), tape.leaf([3.0, 4.0])
        plan = mg.plan([np.sin(x * a), np.sin(x * b)], [x])
        first, second = plan(np.array([1.0, 2.0]))
        np.testing.assert_array_equal(first, second)
        assert not np.shares_memory(first, second)
        assert plan.source.count("np.sin") == 1

    def test_matrix_times_its_equal_keeps_its_bits(self, rng):
        tape, a = mg.Tape(), rng.normal(size=(40, 30))
        x = tape.leaf(1.0)
        p, q = tape.leaf(a), tape.leaf(a.copy())
        y = (p.T @ q) * x
        np.testing.assert_array_equal(mg.plan(y, [x])(1.0), y.value)


def test_functions_may_keep_nodes_as_keys():
    @functools.cache
    def square(a):
        return a * a

    f = compiled(lambda x: square(x[0]) + square(x[0]))
    assert f(np.array([3.0])) == 18.0
