"""The recursion: what it visits, dtypes and realness of what flows, several outputs, and depth."""

import sys
import weakref

import numpy as np
import pytest
from reference import naive

import memograd as mg
from memograd.arrays.values import bitwise_equal


@pytest.fixture
def y(tape):
    return tape.leaf(3.0, name="y")


@pytest.fixture
def L(x, y):
    return np.sum(x * x * y).named("L")


class TestMinimal:
    def test_only_what_lies_between_target_and_output_is_visited(self, tape, x, y):
        dead = np.exp(x)
        f = np.cos(y).named("f")
        g = np.sum(np.sin(x).named("s") * f).named("g")
        np.sum(dead * dead)
        log = mg.Log()
        mg.grad(np.square(g).named("L"), x, log=log)
        assert log.visited == ["x", "s", "v5", "g"]

    def test_a_second_target_reads_what_the_first_one_stored(self, L, x, y):
        log = mg.Log()
        mg.grad(L, x, log=log)
        mg.grad(L, y, log=log)
        assert log.stored == ["v3", "v2", "x", "y"] and log.read == ["v3"]

    def test_each_output_has_a_table_of_its_own(self, L, x):
        M = np.square(L)
        mg.grad(L, x)
        log = mg.Log()
        mg.grad(M, x, log=log)
        assert "x" in log.stored and L.name in log.stored


class TestWhatFlows:
    def test_single_precision_stays_single(self, tape):
        x = tape.leaf(np.float32([0.1, 0.2]), name="x")
        L = np.sum(np.sin(x) * 2.0)
        assert L.dtype == np.float32 and mg.grad(L, x).dtype == np.float32
        assert {g.dtype for g in mg.table(L).values()} == {np.dtype(np.float32)}

    def test_a_single_leaf_in_a_double_program_gets_a_single_derivative(self, tape):
        x = tape.leaf(np.float32(0.5))
        L = np.sin(x) * np.float64(2.0)
        assert L.dtype == np.float64 and type(mg.grad(L, x)) is np.float32

    def test_half_precision(self, tape):
        x = tape.leaf(np.float16([0.5, 2.0]))
        assert bitwise_equal(mg.grad(np.sum(x * x), x), np.float16([1.0, 4.0]))

    def test_a_cast_is_undone(self, tape):
        x = tape.leaf(np.float32([1.0, 2.0]))
        L = np.sum(x.astype(np.float64) ** 2)
        assert bitwise_equal(mg.grad(L, x), np.float32([2.0, 4.0]))

    def test_broadcast_operands_get_their_shape_back(self, tape, rng):
        a, b, c = (
            tape.leaf(rng.normal(size=(2, 3))),
            tape.leaf(rng.normal(size=(3,))),
            tape.leaf(rng.normal(size=(2, 1))),
        )
        d = tape.leaf(2.0)
        grads = mg.grad(np.sum(a * b * c * d), [a, b, c, d])
        assert [g.shape for g in grads] == [(2, 3), (3,), (2, 1), ()]
        np.testing.assert_allclose(grads[2], np.sum(a.value * b.value * 2.0, axis=1, keepdims=True))

    def test_an_empty_array(self, tape):
        x = tape.leaf(np.zeros((0, 3)))
        assert mg.grad(np.sum(x * x), x).shape == (0, 3)

    def test_a_real_operand_of_a_complex_program_gets_a_real_derivative(self, tape):
        x, z = tape.leaf(3.0), tape.leaf(1.0 + 2.0j)
        L = np.real(x * z * z)
        dx, dz = mg.grad(L, [x, z])
        assert bitwise_equal(dx, np.float64(-3.0)) and bitwise_equal(dz, np.complex128(6.0 + 12.0j))

    def test_the_convention_for_complex_numbers(self, tape):
        z = tape.leaf(1.0 + 2.0j)
        L = np.real(z) * 3.0 + np.imag(z) * 5.0
        assert mg.grad(L, z) == 3.0 - 5.0j

    def test_a_modulus(self, tape):
        z = tape.leaf(3.0 + 4.0j)
        assert mg.grad(np.abs(z), z) == pytest.approx(0.6 - 0.8j)

    def test_single_complex_stays_single(self, tape):
        z = tape.leaf(np.complex64(1.0 + 2.0j))
        assert type(mg.grad(np.real(z * z), z)) is np.complex64

    def test_a_complex_output_has_the_seed_one(self, tape):
        z = tape.leaf(1.0 + 2.0j)
        L = z * z
        assert bitwise_equal(mg.grad(L, L), np.complex128(1.0)) and mg.grad(L, z) == 2.0 + 4.0j

    def test_integer_operands_are_constants(self, tape, x):
        k = tape.leaf([2, 3])
        assert mg.grad(np.sum(x * k), x).tolist() == [2.0, 3.0]


class TestUses:
    def test_one_operand_twice(self, tape):
        x = tape.leaf(3.0)
        assert mg.grad(x * x, x) == 6.0 and mg.grad(x / x, x) == 0.0 and mg.grad(x - x, x) == 0.0

    def test_one_operand_many_times_in_a_list(self, x):
        assert mg.grad(np.sum(np.concatenate([x, 2.0 * x, x, x])), x).tolist() == [5.0, 5.0]

    def test_repeated_indices_add_up(self, x):
        assert mg.grad(np.sum(x[[0, 0, 1, 0]]), x).tolist() == [3.0, 1.0]

    def test_several_outputs(self, tape):
        x = tape.leaf(np.arange(6.0), name="x")
        a, b, c = np.split(x, 3)
        L = np.sum(a * b) + np.sum(c * a)
        assert mg.grad(L, x).tolist() == [6.0, 8.0, 0.0, 1.0, 0.0, 1.0]

    def test_several_outputs_twice_over(self, tape):
        x = tape.leaf([1.0, 2.0, 3.0, 4.0])
        half, _ = np.split(x, 2)
        first, second = np.split(half * half, 2)
        assert mg.grad(np.sum(first * second), x).tolist() == [8.0, 4.0, 0.0, 0.0]

    def test_sums_do_not_write_into_what_the_table_holds(self, tape):
        x = tape.leaf([1.0, 2.0])
        y = np.positive(x)
        L = np.sum(y + y) + np.sum(y) + np.sum(y)
        assert mg.grad(L, x).tolist() == [4.0, 4.0]
        assert all(
            g.tolist() == [1.0, 1.0]
            for name, g in mg.table(L).items()
            if name not in ("v1", "v0") and g.shape
        )

    def test_a_diamond_ladder_is_linear(self, tape):
        x = tape.leaf(1.0)
        y = x
        for _ in range(200):
            y = y * 0.5 + y * 0.5
        log = mg.Log()
        assert mg.grad(y, x, log=log) == 1.0
        assert len(log.visited) == 600 and len(log.read) == 200 - 1

    def test_it_agrees_with_the_naive_recursion(self, tape, rng):
        a, W = tape.leaf(rng.normal(size=3), name="a"), tape.leaf(rng.normal(size=(3, 3)), name="W")
        h = np.tanh(W @ a)
        L = np.sum(h * h) * np.sum(W)
        table, lines = naive(L, [a, W])
        log = mg.Log()
        mg.grad(L, [a, W], log=log)
        assert str(log).splitlines() == lines
        assert all(bitwise_equal(mg.table(L)[n], g) for n, g in table.items())


class TestDepth:
    """Graphs are deeper than Python's stack."""

    N = 50_000

    def chain(self, tape, x):
        y = x
        for _ in range(self.N):
            y = np.negative(y)
        return y

    def test_a_chain_is_recorded_asked_assigned_and_asked_again(self, tape):
        assert self.N > 10 * sys.getrecursionlimit()
        x = tape.leaf(2.0)
        L = self.chain(tape, x)
        assert mg.grad(L, x) == 1.0
        x.value = 3.0
        assert L.value == 3.0 and mg.grad(L, x) == 1.0

    def test_a_chain_whose_derivatives_read_values(self, tape):
        x = tape.leaf(1.0)
        y = x
        for _ in range(self.N):
            y = np.multiply(y, x)
        assert mg.grad(y, x) == self.N + 1.0
        x.value = -1.0
        assert mg.grad(y, x) == self.N + 1.0 and y.value == -1.0

    def test_its_log_is_written_and_printed(self, tape):
        x = tape.leaf(2.0)
        y = x
        for _ in range(2000):
            y = np.negative(y)
        log = mg.Log()
        mg.grad(y, x, log=log)
        assert str(log).count("\n") == 2 * 2000 - 2

    def test_a_block_cuts_it_off(self, tape):
        x = tape.leaf(2.0)
        with tape.scratch():
            assert mg.grad(self.chain(tape, x), x) == 1.0
        assert len(tape) == 1

    @pytest.mark.pinned
    def test_it_is_freed(self):
        tape = mg.Tape()
        x = tape.leaf([2.0])
        mg.grad(np.sum(self.chain(tape, x)), x)
        dead = weakref.ref(tape.state.values[self.N])
        del tape, x
        assert dead() is None
