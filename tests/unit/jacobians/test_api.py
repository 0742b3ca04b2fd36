"""Jacobians and Hessians in every order: against rows and columns one at a time, NumPy's own matrices, and each other."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from interrupts import interrupted_at
from programs import programs

import memograd as mg
from memograd.arrays.values import bitwise_equal
from memograd.errors import RefusedError
from memograd.jacobians import chain_order
from memograd.jacobians.api import ORDER_NAMES, jacobian_nodes
from memograd.program.steps import Operand

ORDERS = ["auto", "reverse", "forward", "segments"]


@pytest.fixture(params=ORDERS)
def order(request):
    return request.param


@pytest.fixture
def net(tape, rng):
    """A network with a narrow middle, from a matrix and a vector to a matrix."""
    W, x = tape.leaf(rng.normal(size=(4, 5)), name="W"), tape.leaf(rng.normal(size=5), name="x")
    narrow = (rng.normal(size=(2, 4)) @ np.tanh(W @ x)).named("narrow")
    y = np.reshape(np.sin(rng.normal(size=(6, 2)) @ np.exp(0.1 * narrow)), (2, 3)).named("y")
    return W, x, y


def one_row_at_a_time(y, x):
    seeds = np.eye(y.size).reshape(y.size, *y.shape)
    return np.reshape([mg.vjp(y, x, seed) for seed in seeds], y.shape + x.shape)


class TestJacobian:
    def test_every_order_gives_what_single_rows_give(self, net, order):
        W, x, y = net
        J = mg.jacobian(y, {"W": W, "x": x}, order=order)
        for t in (W, x):
            assert J[t.name].shape == y.shape + t.shape
            np.testing.assert_allclose(J[t.name], one_row_at_a_time(y, t), rtol=1e-12)
            np.testing.assert_allclose(mg.jacobian(y, t, order=order), J[t.name], rtol=1e-12)

    def test_columns_are_tangents(self, net):
        _, x, y = net
        J = mg.jacobian(y, x, order="reverse")
        for k, tangent in enumerate(np.eye(5)):
            np.testing.assert_allclose(J[..., k], mg.jvp(y, x, tangent), rtol=1e-12)

    def test_the_bottleneck_s_is_the_product_of_its_matrices(self, tape, rng, order):
        matrices = [rng.normal(size=shape) for shape in [(7, 7), (2, 7), (7, 2), (7, 7)]]
        x = y = tape.leaf(rng.normal(size=7))
        for matrix in matrices:
            y = matrix @ y
        np.testing.assert_allclose(
            mg.jacobian(y, x, order=order), np.linalg.multi_dot(matrices[::-1]), rtol=1e-12
        )

    def test_a_vector_on_the_left_of_a_matrix(self, x, order):
        M = np.arange(6.0).reshape(2, 3)
        J = mg.jacobian(np.sin(x) @ M, x, order=order)
        np.testing.assert_allclose(J, (np.cos(x.value)[:, None] * M).T, rtol=1e-14, atol=1e-15)

    def test_the_matrix_may_be_a_node_too(self, x, order):
        W = x.tape.leaf([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
        assert np.array_equal(mg.jacobian(W @ x, x, order=order), W.value)
        assert mg.jacobian(W @ x, W, order=order).shape == (3, 3, 2)

    def test_nests(self, net, order):
        W, x, y = net
        J = mg.jacobian({"y": y, "more": [W, np.sum(y)]}, (W, x), order=order)
        assert [a.shape for a in J["more"][1]] == [(4, 5), (5,)]
        assert np.array_equal(J["more"][0][0], np.eye(20).reshape(4, 5, 4, 5))
        assert not np.any(J["more"][0][1])
        np.testing.assert_allclose(J["y"][1], mg.jacobian(y, x), rtol=1e-12)

    def test_what_it_gives_is_read_only_and_numbers_are_scalars(self, tape, order):
        x = tape.leaf(3.0)
        assert mg.jacobian(x * x, x, order=order) == np.float64(6.0)
        assert isinstance(mg.jacobian(x * x, x, order=order), np.float64)
        assert not mg.jacobian(np.ones(2) * x, x, order=order).flags.writeable

    def test_unconnected_empty_and_itself(self, x, order):
        lone, empty = x.tape.leaf(np.ones((3, 1))), x.tape.leaf(np.ones((0, 2)))
        assert np.array_equal(mg.jacobian(np.sin(x), lone, order=order), np.zeros((2, 3, 1)))
        assert np.array_equal(mg.jacobian(x, x, order=order), np.eye(2))
        assert np.array_equal(
            mg.jacobian(np.sin(x), [x, lone, x], order=order)[1], np.zeros((2, 3, 1))
        )
        assert mg.jacobian(empty * x, x, order=order).shape == (0, 2, 2)
        assert mg.jacobian(np.sum(empty) * x, empty, order=order).shape == (2, 0, 2)
        assert mg.jacobian([], x, order=order) == []

    def test_a_target_behind_another(self, x, order):
        h = np.sin(x)
        outer, inner = mg.jacobian(np.cumsum(h * x), [x, h], order=order)
        np.testing.assert_allclose(
            outer,
            np.tril(np.ones((2, 1)) * (np.sin(x.value) + x.value * np.cos(x.value))),
            rtol=1e-14,
        )
        np.testing.assert_allclose(inner, np.tril(np.ones((2, 1)) * x.value), rtol=1e-14)

    def test_several_outputs_of_one_op(self, tape, order):
        x = tape.leaf([1.0, 2.0, 3.0, 4.0])
        a, b = np.split(x * x, 2)
        J = mg.jacobian(np.sin(a) * b, x, order=order)
        np.testing.assert_allclose(J, one_row_at_a_time(np.sin(a) * b, x), rtol=1e-14)

    def test_dtypes(self, tape, order):
        x, y = tape.leaf(np.float32([1.0, 2.0])), tape.leaf([1.0, 2.0])
        assert [
            J.dtype for J in mg.jacobian(np.ones((3, 2)) @ np.sin(x * y), [x, y], order=order)
        ] == [np.float32, np.float64]
        assert [J.dtype for J in mg.jacobian(np.sin(x).astype(float), [x, y], order=order)] == [
            np.float32,
            np.float64,
        ]

    def test_it_follows_an_assignment(self, net, order):
        W, x, y = net
        mg.jacobian(y, W, order=order)
        x.value = x.value + 1.0
        np.testing.assert_allclose(
            mg.jacobian(y, W, order=order), one_row_at_a_time(y, W), rtol=1e-12
        )


class TestComplex:
    def test_holomorphic_functions_have_their_complex_derivative(self, tape, rng, order):
        z = tape.leaf(rng.normal(size=3) + 1j * rng.normal(size=3))
        M = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))
        np.testing.assert_allclose(mg.jacobian(np.exp(M @ (z * z)), z, order=order),
                                   np.exp(M @ z.value**2)[:, None] * M * 2 * z.value, rtol=1e-12)  # fmt: skip

    def test_real_functions_through_complex_numbers(self, tape, rng, order):
        x = tape.leaf(rng.normal(size=4))
        power = np.abs(np.fft.fft(np.sin(x)))
        y = rng.normal(size=(2, 4)) @ power
        np.testing.assert_allclose(
            mg.jacobian(y, x, order=order), one_row_at_a_time(y, x), rtol=1e-12
        )

    def test_a_real_function_of_complex_numbers_has_the_rows_of_grad(self, tape, rng, order):
        z = tape.leaf(rng.normal(size=3) + 1j * rng.normal(size=3))
        y = rng.normal(size=(2, 3)) @ np.abs(z * z)
        np.testing.assert_allclose(
            mg.jacobian(y, z, order=order), [mg.grad(y[k], z) for k in range(2)], rtol=1e-12
        )

    def test_a_complex_function_of_real_numbers_has_both_parts(self, tape, rng, order):
        x = tape.leaf(rng.normal(size=3))
        y = np.fft.fft(np.sin(x) * x)
        real, imag = (mg.jacobian(part(y), x) for part in (np.real, np.imag))
        np.testing.assert_allclose(
            mg.jacobian(y, x, order=order), real + 1j * imag, rtol=1e-12, atol=1e-14
        )

    @pytest.mark.parametrize("order", ["auto", "reverse", "segments"])
    def test_rows_are_those_of_grad_even_where_it_is_not_holomorphic(self, tape, rng, order):
        z = tape.leaf(rng.normal(size=6) + 1j * rng.normal(size=6))
        y = rng.normal(size=(6, 1)) @ np.exp(1j * np.abs(rng.normal(size=(1, 6)) @ np.sin(z)))
        np.testing.assert_allclose(
            mg.jacobian(y, z, order=order), [mg.grad(y[k], z) for k in range(6)], rtol=1e-12
        )

    def test_real_and_complex_targets_together(self, tape, rng, order):
        x, z = (
            tape.leaf(rng.normal(size=3)),
            tape.leaf(rng.normal(size=3) + 1j * rng.normal(size=3)),
        )
        y = np.exp(x * z)
        by_x, by_z = mg.jacobian(y, [x, z], order=order)
        np.testing.assert_allclose(by_x, np.diag(z.value * y.value), rtol=1e-12)
        np.testing.assert_allclose(by_z, np.diag(x.value * y.value), rtol=1e-12)


class TestReport:
    def test_it_is_a_table_that_fits_a_terminal(self, net):
        W, x, y = net
        _, tally = mg.jacobian(y, [W, x], report=True)
        assert max(map(len, str(tally).splitlines())) < 80
        assert str(tally) == repr(tally)
        assert tally.multiplications == tally.totals[tally.order] == min(tally.totals.values())

    def test_the_bottleneck(self, tape, rng):
        x = y = tape.leaf(rng.normal(size=100), name="x")
        for k, shape in enumerate([(100, 100), (2, 100), (100, 2), (100, 100)]):
            y = (rng.normal(size=shape) @ y).named(f"h{k}")
        assert str(mg.jacobian(y, x, report=True)[1]).splitlines() == [
            "derivative                   elements  how                      multiplications",
            "∂h3/∂h2                     100 × 100  a matrix of the program                0",
            "∂h2/∂h1                       100 × 2  a matrix of the program                0",
            "∂h3/∂h1                       100 × 2  the product of these two          20,000",
            "∂h1/∂h0                       2 × 100  a matrix of the program                0",
            "∂h0/∂x                      100 × 100  a matrix of the program                0",
            "∂h1/∂x                        2 × 100  the product of these two          20,000",
            "∂h3/∂x                      100 × 100  the product of these two          20,000",
            "in all                                 segments                          60,000",
            "instead                                reverse                        1,040,000",
            "instead                                forward                        1,040,000",
            "segments: every path crosses h1, of size 2",
        ]

    def test_one_for_each_output(self, net):
        W, x, y = net
        _, tallies = mg.jacobian({"y": y, "s": [np.sum(y).named("s")]}, x, report=True)
        assert [tallies["y"].derivative, tallies["s"][0].derivative] == ["∂y/∂x", "∂s/∂x"]

    def test_where_no_path_leads(self, x):
        _, tally = mg.jacobian(x * x, x.tape.leaf(1.0), report=True)
        assert str(tally).endswith("auto: no path leads from x to y")


class TestElimination:
    @pytest.fixture
    def numbers(self, tape):
        x, y, z = (tape.leaf(v, name=name) for name, v in {"x": 0.3, "y": 0.5, "z": 0.7}.items())
        a = np.sin(x * y)
        b = np.exp(a) * z
        c = a + b
        return [a * b + c, b / c, np.cos(c * a)], [x, y, z]

    def test_it_gives_what_the_other_orders_give(self, numbers):
        ys, xs = numbers
        for order in ("auto", "elimination"):
            J, (tally, *_) = mg.jacobian(ys, xs, order=order, report=True)
            np.testing.assert_allclose(J, mg.jacobian(ys, xs, order="reverse"), rtol=1e-12)
            assert tally.order == "elimination"
            assert tally.multiplications == 17 < tally.totals["reverse"] < tally.totals["forward"]
            assert max(map(len, str(tally).splitlines())) < 80

    def test_as_nodes(self, numbers):
        (y, *_), xs = numbers
        nodes = jacobian_nodes(y, xs, order="elimination")
        np.testing.assert_allclose([node.value for node in nodes], mg.jacobian(y, xs), rtol=1e-12)
        np.testing.assert_allclose(mg.grad(nodes[0], xs[1]), mg.hessian(y, xs)[0][1], rtol=1e-12)

    def test_unconnected_and_dtype(self, numbers):
        ys, xs = numbers
        lone = xs[0].tape.leaf(np.float32(1.0))
        J = mg.jacobian([*ys, lone], [*xs, lone], order="elimination")
        assert [row[3] for row in J] == [0, 0, 0, 1]
        assert {row[3].dtype for row in J} == {lone.dtype}

    def test_one_row_is_a_pull(self, numbers):
        ys, xs = numbers
        assert mg.jacobian(ys[0], xs, report=True)[1].order == "reverse"

    def test_a_large_program_is_not_taken_apart_unasked(self, numbers, monkeypatch):
        ys, xs = numbers
        monkeypatch.setattr("memograd.jacobians.api.MAX_CHAIN_NODES", 5)
        assert {tally.order for tally in mg.jacobian(ys, xs, report=True)[1]} != {"elimination"}

    def test_arrays_are_refused(self, x):
        with pytest.raises(mg.MemogradError, match="Elimination multiplies real numbers"):
            mg.jacobian(np.sin(x), x, order="elimination")


class TestSparse:
    def test_it_has_the_entries_of_the_dense_one(self, x):
        y = np.diff(x * x)
        W = x.tape.leaf(np.ones((2, 2)))
        by_x, by_W = mg.jacobian([y, W * x], (x, W), sparse=True)[1]
        assert by_x.format == by_W.format == "csr"
        assert np.array_equal(by_x.toarray().reshape(2, 2, 2), mg.jacobian(W * x, x))
        assert np.array_equal(mg.jacobian(y, x, sparse=True).toarray(), mg.jacobian(y, x))

    def test_hessians(self, x):
        W = x.tape.leaf(np.ones((2, 2)))
        L = np.sum(np.sin(W @ x))
        np.testing.assert_allclose(
            mg.hessian(L, x, sparse=True).toarray(), mg.hessian(L, x), rtol=1e-12
        )
        np.testing.assert_allclose(
            mg.hessian(L, [x, W], sparse=True)[0][1].toarray(),
            mg.hessian(L, [x, W])[0][1].reshape(2, 4),
            rtol=1e-12,
        )

    @pytest.mark.parametrize("given", [{"order": "reverse"}, {"report": True}])
    def test_it_has_no_order(self, x, given):
        with pytest.raises(ValueError, match="in no order. Leave out"):
            mg.jacobian(x, x, sparse=True, **given)


class TestColours:
    @pytest.fixture
    def valley(self, tape, rng):
        """The gradient of Rosenbrock's function, whose Jacobian is a band."""
        x = tape.leaf(rng.normal(size=80), name="x")
        return mg.grad_node(np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2), x), x

    def test_a_band_takes_three_sums(self, valley):
        g, x = valley
        J, tally = mg.jacobian(g, x, report=True)
        np.testing.assert_allclose(J, mg.jacobian(g, x, order="reverse"), rtol=1e-12, atol=1e-12)
        assert tally.order == "colours"
        assert tally.multiplications == tally.totals["colours"] == tally.totals["reverse"] * 3 / 80
        assert max(map(len, str(tally).splitlines())) < 80

    def test_as_nodes(self, valley):
        g, x = valley
        (node,) = jacobian_nodes(g, [x])
        plan = mg.plan(node, inputs=[x])
        x.value = moved = x.value + 0.5
        np.testing.assert_allclose(
            plan(moved), mg.jacobian(g, x, order="reverse"), rtol=1e-12, atol=1e-12
        )

    @pytest.mark.parametrize("order", ["auto", "colours"])
    def test_the_order_is_chosen_once(self, valley, monkeypatch, order):
        g, x = valley
        calls, jacobian_chain = [], chain_order.jacobian_chain
        monkeypatch.setattr(
            chain_order, "jacobian_chain", lambda *args: calls.append(args) or jacobian_chain(*args)
        )
        mg.jacobian(g, x, order=order)
        assert len(calls) == 1

    def test_by_name_for_any_program(self, net):
        W, x, y = net
        lone = x.tape.leaf(1.0)
        J, tally = mg.jacobian(y, [W, lone, x], order="colours", report=True)
        for a, b in zip(J, mg.jacobian(y, [W, lone, x]), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
        assert [entry.derivative for entry in tally.entries] == ["∂y/∂W", "∂y/∂x"]
        assert not np.any(mg.jacobian(y, lone, order="colours"))

    def test_complex_numbers_are_refused(self, x):
        z = x + 0j
        for y, by in ((np.fft.fft(x), x), (np.abs(z), z)):
            with pytest.raises(
                RefusedError,
                match="Colours are for real numbers, but .* is complex. Take another order",
            ):
                mg.jacobian(y, by, order="colours")

    @pytest.mark.parametrize("f", [
        lambda x: np.exp(x) / np.sum(np.exp(x)),  # dense
        lambda x: np.ones((80, 80)) @ x,  # a product
        lambda x: np.sin(x) * np.cos(x),  # a diagonal
        lambda x: np.diff(x[:20]),  # small
        lambda x: np.diff(np.fft.fft(x)),  # complex
    ])  # fmt: skip
    def test_it_is_not_taken_in_vain(self, valley, f):
        _, x = valley
        assert mg.jacobian(f(x), x, report=True)[1].order != "colours"


class TestNodes:
    def test_they_are_the_jacobian_and_are_differentiated_again(self, net, order):
        W, x, y = net
        nodes = jacobian_nodes(y, [W, x], order)
        for node, J in zip(nodes, mg.jacobian(y, [W, x], order=order), strict=True):
            np.testing.assert_allclose(node.value, J, rtol=1e-14)
        rows = [mg.grad(mg.grad_node(y[i, j], x)[k], W) for i, j, k in np.ndindex(2, 3, 5)]
        np.testing.assert_allclose(
            mg.jacobian(nodes[1], W), np.reshape(rows, (2, 3, 5, 4, 5)), rtol=1e-9, atol=1e-14
        )

    def test_they_are_right_at_another_point(self, net, order):
        W, x, y = net
        (node,) = jacobian_nodes(y, [x], order)
        plan = mg.plan(node, inputs=[x])
        x.value = moved = x.value + 0.5
        np.testing.assert_allclose(node.value, mg.jacobian(y, x), rtol=1e-12)
        np.testing.assert_allclose(plan(moved), node.value, rtol=1e-12)

    def test_what_is_recorded_multiplies_as_often_as_was_counted(self, tape, rng):
        x = y = tape.leaf(rng.normal(size=100))
        for shape in [(100, 100), (2, 100), (100, 2), (100, 100)]:
            y = rng.normal(size=shape) @ y
        start = len(tape)
        jacobian_nodes(y, [x])
        made = [tape.graph.nodes[n] for n in range(start, len(tape))]
        assert not any(node["op"] in (np.multiply, np.dot) for node in made)
        products = [node for node in made if node["op"] is np.matmul]
        left = [
            tape[a].shape if type(a) is Operand else a.shape
            for a in (node["args"][0] for node in products)
        ]
        assert (
            sum(
                np.prod(node["shape"]) * shape[-1]
                for node, shape in zip(products, left, strict=True)
            )
            == 60_000
        )

    def test_unconnected(self, x):
        (node,) = jacobian_nodes(np.sin(x), [x.tape.leaf(np.ones(3))])
        assert np.array_equal(node.value, np.zeros((2, 3)))

    def test_an_error_half_way_leaves_the_tape_as_it_was(self, net, monkeypatch):
        _, x, y = net
        before = len(y.tape)
        monkeypatch.setattr("memograd.jacobians.chain_execution.jacobian_block", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            jacobian_nodes(y, [x])
        assert len(y.tape) == before


class TestHessian:
    def test_it_is_the_jacobian_of_the_gradient(self, net):
        W, x, y = net
        L = np.sum(y * y)
        H = mg.hessian(L, {"W": W, "x": x})
        v = np.ones((4, 5)), np.ones(5)
        for t in (W, x):
            product = sum(
                np.tensordot(H[t.name][s.name], w, w.ndim) for s, w in zip((W, x), v, strict=True)
            )
            np.testing.assert_allclose(
                product, mg.hvp(L, [W, x], list(v))[0 if t is W else 1], rtol=1e-10
            )
        np.testing.assert_allclose(H["x"]["x"], H["x"]["x"].T, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(
            H["x"]["W"], np.moveaxis(H["W"]["x"], -1, 0), rtol=1e-10, atol=1e-14
        )

    def test_rosenbrock(self, tape):
        x = tape.leaf([1.0, 2.0, 3.0])
        L = np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
        assert np.allclose(
            mg.hessian(L, x), [[402, -400, 0], [-400, 200 + 4800 - 1200 + 2, -800], [0, -800, 200]]
        )

    def test_of_a_linear_function(self, x):
        assert np.array_equal(mg.hessian(np.sum(x), x), np.zeros((2, 2)))


class TestBadInput:
    @pytest.mark.parametrize(("call", "error", "words"), [
        (lambda y, x: mg.jacobian(y, x, order="sideways"), ValueError, "order is 'auto', .*'elimination', not 'sideways'"),
        (lambda y, x: mg.jacobian(3.0, x), TypeError, "A Jacobian is that of nodes, but y holds 3.0"),
        (lambda y, x: mg.jacobian(None, x), TypeError, "but y holds None"),
        (lambda y, x: mg.jacobian(y, 3.0), TypeError, "A target is a node"),
        (lambda y, x: mg.jacobian(y, None), TypeError, "A target is a node"),
        (lambda y, x: mg.jacobian(y, x.tape.leaf([1, 2])), TypeError, "has no derivative: its dtype"),
        (lambda y, x: mg.jacobian(x > 1.0, x), TypeError, "has no derivative: its dtype"),
        (lambda y, x: mg.jacobian(y, mg.Tape().leaf(1.0)), ValueError, "is a node of another tape"),
        (lambda y, x: mg.jacobian([y, mg.Tape().leaf(1.0)], x), ValueError, "is a node of another tape"),
        (lambda y, x: mg.jacobian(np.split(y, 2)[0].operands[0], x), TypeError, "has several outputs. Take one of them"),
        (lambda y, x: mg.hessian(y, x), ValueError, "The gradient is that of a scalar"),
        (lambda y, x: jacobian_nodes(y, [x], "sideways"), ValueError, "order is"),
    ])  # fmt: skip
    def test_what_was_wrong_is_said(self, x, call, error, words):
        y = np.sin(x)
        with pytest.raises(error, match=words):
            call(y, x)

    def test_an_empty_nest_has_no_blocks(self, x):
        for order in ORDER_NAMES:
            assert (
                mg.jacobian(np.sum(x), [], order=order, report=True)[0]
                == mg.jacobian([], x, order=order)
                == []
            )

    @pytest.mark.parametrize("f", [mg.jacobian, mg.functional.jacobian])
    def test_the_orders_are_all_documented(self, f):
        names = ", ".join(f'"{name}"' for name in ORDER_NAMES)
        assert f"order : {{{names}}}" in f.__doc__

    def test_nothing_stays_on_the_tape(self, net, order):
        W, x, y = net
        L = np.sum(y)
        size, tables = len(y.tape), set(y.tape.state.tables)
        mg.jacobian(y, [W, x], order=order)
        mg.hessian(L, x)
        assert len(y.tape) == size
        assert set(y.tape.state.tables) - tables <= {L.id}

    @pytest.mark.parametrize("nodes", [False, True])
    def test_an_interrupt_leaves_all_or_nothing(self, net, nodes):
        """All, where it strikes at the last line, behind the last node."""
        W, x, y = net
        expected, size = mg.jacobian(y, [W, x]), len(y.tape)

        def act():
            jacobian_nodes(y, [W, x]) if nodes else mg.jacobian(y, [W, x])

        with y.tape.scratch():
            act()
            whole = len(y.tape)
        count, stopped = 1, True
        while stopped:
            with y.tape.scratch():
                stopped, count = interrupted_at(count, act), count + 173
                assert len(y.tape) in (size, whole)
        assert count > 1000
        assert all(map(bitwise_equal, mg.jacobian(y, [W, x]), expected))

    def test_two_threads(self, net):
        W, x, y = net
        expected, found = mg.jacobian(y, x), []
        threads = [
            threading.Thread(target=lambda: found.append(mg.jacobian(y, x))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 4
        assert all(bitwise_equal(J, expected) for J in found)


@given(programs(most=8))
@settings(max_examples=60)
def test_random_programs(program):
    tape = mg.Tape()
    leaves = [tape.leaf(v) for v in program.values()]
    y = program.run(np, leaves)[0][-1]
    expected = [one_row_at_a_time(y, x) for x in leaves]
    for order in [*ORDERS, "colours"]:
        for J, node, rows in zip(
            mg.jacobian(y, leaves, order=order),
            jacobian_nodes(y, leaves, order),
            expected,
            strict=True,
        ):
            np.testing.assert_allclose(J, rows, rtol=1e-9, atol=1e-11)
            np.testing.assert_allclose(node.value, rows, rtol=1e-9, atol=1e-11)
