"""Each pass by itself: what it takes away, what it must leave, and that the numbers stay."""

import pickle
from copy import copy

import numpy as np
import pytest

import memograd as mg
from memograd.plans import passes
from memograd.plans.ir import eliminate_dead_code, extract_graph, topological_order
from memograd.plans.passes import algebra, matmul_batching, reshapes, scales
from memograd.plans.passes.rewriter import rewrite_graph
from memograd.text import op_name

reshaped = passes.Pass(
    "reshaped",
    lambda graph: rewrite_graph(
        graph, passes.merge_rule_tables(reshapes.RESHAPE_RULES, reshapes.REORDERING_RULES)
    ),
)
"""The rules on shapes alone."""

simplified = passes.Pass("simplified", lambda graph: rewrite_graph(graph, algebra.ALGEBRA_RULES))
"""The rules of arithmetic alone."""


def sliced(outputs, inputs):
    """The graph of some nodes."""
    return eliminate_dead_code(
        extract_graph(
            outputs[0].tape.state, tuple(n.id for n in outputs), tuple(n.id for n in inputs)
        )
    )


def ops(graph):
    """The names of the ops that are left, in order."""
    return [
        op_name(step.op).removeprefix("np.")
        for step in graph.instructions.values()
        if step.op is not None
    ]


@pytest.fixture
def through():
    """The ops that are left after some passes, once a plan made with them alone has given the values of the tape."""

    def run(outputs, inputs, *only, rtol=0.0):
        plan = mg.plan(list(outputs), list(inputs), passes=only)
        for got, node in zip(plan(*(x.value for x in inputs)), outputs, strict=True):
            np.testing.assert_allclose(got, node.value, rtol=rtol, atol=rtol)
        return ops(plan.graph)

    return run


@pytest.fixture
def X(tape):
    return tape.leaf(np.arange(12.0).reshape(3, 4) + 0.5, name="X")


def test_dead_code(x):
    np.exp(x)
    assert ops(sliced([np.sin(x)], [x])) == ["sin"]


class TestShared:
    def test_equal_steps_are_one(self, x, through):
        assert through([np.sin(x) + np.sin(x)], [x], passes.ELIMINATE_COMMON_SUBEXPRESSIONS) == [
            "sin",
            "add",
        ]
        assert through(
            [np.sum(x, axis=0) * np.sum(x, axis=0)], [x], passes.ELIMINATE_COMMON_SUBEXPRESSIONS
        ) == ["sum", "multiply"]

    def test_and_so_are_those_of_equal_operands(self, x, through):
        assert through(
            [np.exp(np.sin(x)) + np.exp(np.sin(x))], [x], passes.ELIMINATE_COMMON_SUBEXPRESSIONS
        ) == ["sin", "exp", "add"]

    def test_a_product_of_two_arrays_is_none_of_an_array_with_itself(self, rng, through):
        X = mg.Tape().leaf(rng.normal(size=(37, 29)), name="X")
        again = [
            np.sin(X).T @ np.sin(X),
            np.dot(np.cos(X).T, np.cos(X)),
            np.inner(np.exp(X), np.exp(X)),
            np.linalg.matmul(np.tan(X).T, np.tan(X)),
            np.linalg.tensordot(np.tanh(X), np.tanh(X), axes=((0, 1), (0, 1))),
            np.linalg.vecdot(np.cosh(X), np.cosh(X)),
        ]
        assert through(again, [X], passes.ELIMINATE_COMMON_SUBEXPRESSIONS).count("copy") == 6
        y = np.sin(X)
        assert through([y.T @ y], [X], passes.ELIMINATE_COMMON_SUBEXPRESSIONS) == [
            "sin",
            "transpose",
            "matmul",
        ]

    @pytest.mark.parametrize("other", [2, np.float64(2.0), np.float32(2.0), -0.0, 0.0])
    def test_constants_are_alike_if_their_type_and_bits_are(self, x, through, other):
        kinds = [2.0, 2, np.float64(2.0), np.float32(2.0), -0.0, 0.0]
        steps = through(
            [x + c for c in kinds] + [x + other], [x], passes.ELIMINATE_COMMON_SUBEXPRESSIONS
        )
        assert steps.count("add") == len(kinds)

    def test_keywords_count(self, X, through):
        assert through(
            [np.sum(X, axis=0), np.sum(X, axis=1)], [X], passes.ELIMINATE_COMMON_SUBEXPRESSIONS
        ) == ["sum", "sum"]

    @pytest.mark.parametrize("keepdims", [False, True])
    def test_one_reduction_serves_both_shapes(self, X, through, keepdims):
        outputs = [np.max(X, axis=0, keepdims=k) for k in (keepdims, not keepdims)]
        assert through(outputs, [X], passes.ELIMINATE_COMMON_SUBEXPRESSIONS) == ["max", "reshape"]
        outputs = [np.sum(X, keepdims=k) for k in (keepdims, not keepdims)]
        assert through(outputs, [X], passes.ELIMINATE_COMMON_SUBEXPRESSIONS) == ["sum", "reshape"]

    def test_a_factor_on_one_buffer_is_not_on_two(self, X, through):
        """The transposes of one array are one array, but no product becomes another: its operands decide its bits."""
        assert through([X.T @ X, X.T @ X], [X], passes.ELIMINATE_COMMON_SUBEXPRESSIONS) == [
            "transpose",
            "matmul",
        ]

    def test_the_name_stays(self, x):
        y = np.sin(x)
        plan = mg.plan(
            [y, np.sin(x).named("s")], inputs=[x], passes=[passes.ELIMINATE_COMMON_SUBEXPRESSIONS]
        )
        assert "s = np.sin(x)" in plan.source


class TestReshaped:
    def test_a_broadcast_factor_is_a_factor(self, X, through):
        g = np.sum(X)
        assert through([np.broadcast_to(g, (3, 4)) * X], [X], reshaped) == ["sum", "multiply"]

    def test_what_is_done_to_a_broadcast_is_done_before(self, X, through):
        y = np.exp(-np.broadcast_to(np.sum(X, axis=0), (3, 4)))
        assert through([y], [X], reshaped) == ["sum", "negative", "exp", "broadcast_to"]

    def test_a_sum_of_no_terms_is_zero(self, x, tape):
        y = np.sum(np.broadcast_to(x, (0, 2)), axis=0)
        assert mg.plan(y, inputs=[x])([np.inf, np.nan]).tolist() == [0.0, 0.0]

    def test_a_sum_of_equal_terms_is_a_product(self, x, through):
        y = np.sum(np.broadcast_to(x, (3, 2)), axis=0)
        assert through([y], [x], reshaped, rtol=1e-15) == ["multiply", "add"]
        y = np.sum(np.broadcast_to(x, (3, 2)), axis=0, keepdims=True)
        assert through([y], [x], reshaped, rtol=1e-15) == ["multiply", "add", "reshape"]

    def test_a_sum_over_other_axes_is_left(self, x, through):
        assert through([np.sum(np.broadcast_to(x, (3, 2)), axis=1)], [x], reshaped) == [
            "broadcast_to",
            "sum",
        ]

    def test_reshapes_and_transposes(self, X, through):
        assert through([np.reshape(np.ravel(X), (3, 4))], [X], reshaped) == []
        assert through([np.reshape(X[None], (4, 3))], [X], reshaped) == ["reshape"]
        assert through([np.transpose(X.T)], [X], reshaped) == []
        assert through([np.reshape(np.ravel(X, order="F"), (3, 4))], [X], reshaped) == [
            "ravel",
            "reshape",
        ]
        cube = np.reshape(X, (3, 2, 2))
        assert through([np.transpose(np.transpose(cube, (1, 2, 0)), (1, 2, 0))], [X], reshaped) == [
            "reshape",
            "transpose",
        ]

    def test_a_sum_keeps_the_axes_that_come_back(self, X, through):
        assert through([np.reshape(np.sum(X, axis=1), (3, 1))], [X], reshaped) == ["sum"]
        assert through([np.reshape(np.sum(X, axis=1), (1, 3))], [X], reshaped) == ["sum", "reshape"]

    def test_functions_that_permute_axes_are_transposes(self, X, through):
        cube = np.reshape(X, (3, 2, 2))
        outputs = [
            np.moveaxis(cube, 0, -1),
            np.swapaxes(cube, 1, -1),
            np.matrix_transpose(cube),
            np.linalg.matrix_transpose(cube),
            np.moveaxis(np.moveaxis(cube, 0, -1), -1, 0),
        ]
        assert through(outputs, [X], reshaped) == ["reshape"] + 4 * ["transpose"]

    def test_axes_that_stay_where_they_are_vanish(self, X, through):
        same = [np.moveaxis(X, -1, 1), np.swapaxes(X, 0, 0), np.transpose(X, (0, 1))]
        assert through([np.sin(y) for y in same[:2]], [X], reshaped) == ["sin", "sin"]

    @pytest.mark.parametrize(
        "key", [(slice(None), 0), (..., 0), (slice(None), None, -1), (slice(0, 3), 0)]
    )
    def test_an_index_that_drops_an_axis_of_one_element_is_a_reshape(self, X, through, key):
        column = np.max(X, axis=1, keepdims=True)
        g = mg.grad_node(np.sum(np.sin(column[key])), column)
        left = through([np.exp(column[key]), g], [column], reshaped)
        assert "getitem" not in left and "scatter" not in left

    @pytest.mark.parametrize("key", [(0,), (slice(None), 0), (slice(0, 2),), ([0, 1, 2],)])
    def test_other_indices_are_left(self, X, through, key):
        assert "getitem" in through([np.exp(X[key])], [X], reshaped)

    def test_reshapes_of_unit_axes_are_one_wherever_the_array_lies(self, X, through):
        assert through([np.reshape(X.T[None], (4, 1, 3))], [X], reshaped) == [
            "transpose",
            "reshape",
        ]

    def test_a_column_is_a_vector(self, X, x, through):
        v = np.sum(X, axis=0)
        assert through([np.squeeze(X @ v[..., None], -1)], [X], reshaped, rtol=1e-14) == [
            "sum",
            "matmul",
        ]


class TestSimplified:
    def test_a_factor_stays_where_it_is(self, X, through):
        """Moved, it could make a product overflow or underflow that did not."""
        v = np.exp(X[0])
        assert through([(X * v) * 2, 4 * (v * X)], [X], simplified) == ["getitem", "exp"] + 4 * [
            "multiply"
        ]

    def test_ones_and_zeros(self, x, through):
        ones = x.tape.record(np.ones, ((), np.dtype(float)))
        assert (
            through(
                [ones * x, x * 1.0, x / 1, x + -0.0, -0.0 + x, x - 0, x - np.zeros(2)],
                [x],
                simplified,
            )
            == []
        )

    def test_a_zero_that_makes_zeros_positive_is_added(self, x, through):
        assert through([x + 0.0, 0 + x, x - -0.0, x + np.zeros(2)], [x], simplified) == [
            "add",
            "add",
            "subtract",
            "add",
        ]

    def test_the_conjugate_of_a_real_array_is_the_array(self, x, tape, through):
        z = tape.leaf(np.array([1 + 2j]), name="z")
        assert through([np.exp(np.conjugate(x)), np.conjugate(z)], [x, z], simplified) == [
            "exp",
            "conjugate",
        ]

    def test_a_doubled_negative_is_one_product(self, tape, through):
        x = tape.leaf([1.5, 0.0, -0.0, np.inf, np.nan], name="x")
        y = (-x) - x
        assert through([y], [x], simplified) == ["multiply"]
        got = mg.plan(y, inputs=[x])(x.value)
        assert np.signbit(got)[:4].tolist() == np.signbit(y.value)[:4].tolist()

    def test_complex_ones_and_zeros(self, tape, through):
        z = tape.leaf(np.array([1 + 2j]), name="z")
        assert through([z * 1.0, z / 1, z + -0.0, z + 0j, z - complex(0, -0.0)], [z], simplified) == [
            "multiply", "divide", "add", "add", "subtract",
        ]  # fmt: skip
        assert through([z - 0.0, z - 0j, z - 0], [z], simplified) == []

    def test_what_lies_with_gaps_is_not_what_lies_without(self, X, through):
        """The sum of an array with gaps is taken in another order."""
        part = X[:, :3]
        assert through([part * 1.0, np.negative(-part)], [X], simplified) == [
            "getitem",
            "multiply",
            "negative",
            "negative",
        ]

    def test_a_one_of_another_dtype_or_shape_is_a_cast_or_a_broadcast(self, x, through):
        kinds = [np.float32(1) * np.astype(x, np.float16), np.ones((3, 2)) * x]
        assert through(kinds, [x], simplified) == ["astype", "multiply", "multiply"]

    def test_signs(self, x, through):
        y = np.exp(x)
        assert through([np.negative(-x)], [x], simplified) == []
        assert through([x + -y, x - -y, -x + y], [x], simplified) == [
            "exp",
            "subtract",
            "add",
            "subtract",
        ]
        assert through([(-x) * y - x], [x], simplified) == [
            "exp",
            "multiply",
            "negative",
            "subtract",
        ]
        assert through([x + (-y) * x], [x], simplified) == ["exp", "multiply", "subtract"]
        assert through([np.sum(-x)], [x], simplified) == ["sum", "subtract"]

    def test_the_sign_of_a_complex_factor_stays(self, tape, through):
        z = tape.leaf(np.array([1 + 2j]), name="z")
        assert through([(-z) * z], [z], simplified) == ["negative", "multiply"]

    def test_a_negated_real_term_of_a_complex_sum_stays(self, tape, through):
        """Its imaginary part is 0.0, and what is subtracted would have −0.0."""
        z, x = tape.leaf(np.array([complex(1, -0.0)]), name="z"), tape.leaf([2.0], name="x")
        y = z + -x
        assert through([y], [z, x], simplified) == ["negative", "add"]
        assert not np.signbit(mg.plan(y, [z, x])(z.value, x.value).imag)

    def test_what_is_not_what_it_seems(self, tape, through):
        x = tape.leaf([np.inf, np.nan, 1.0], name="x")
        with np.errstate(invalid="ignore"):
            assert through([0.0 * x, x - x, x / x], [x], simplified) == [
                "multiply",
                "subtract",
                "divide",
            ]


class TestScaled:
    """Powers of two that cancel, and signs of matrix products."""

    scaled = passes.Pass(
        "scaled",
        lambda graph: rewrite_graph(
            graph, passes.merge_rule_tables(reshapes.RESHAPE_RULES, scales.SCALE_RULES)
        ),
    )

    def test_a_half_and_a_double_cancel(self, X, through):
        y = np.exp(X)
        assert through([(0.5 * X) * (2 * y), 0.25 * (4.0 * y)], [X], self.scaled) == [
            "exp",
            "multiply",
        ]
        assert (
            through([(y * 0.5)[:, None].T * (X.T * 2.0)[:, None]], [X], self.scaled).count(
                "multiply"
            )
            == 1
        )

    @pytest.mark.parametrize(("c", "d"), [(0.5, 4), (0.1, 10.0), (-0.5, -2), (np.inf, 0.0)])
    def test_other_factors_stay(self, x, through, c, d):
        with np.errstate(invalid="ignore"):
            assert through([(c * x) * (d * x), c * (d * x)], [x], self.scaled).count("multiply") > 3

    def test_a_broadcast_or_a_cast_stays(self, tape, through):
        x = tape.leaf(np.ones(3, np.float32), name="x")
        assert through([(x * np.full((2, 1), 0.5)) * 2.0], [x], self.scaled).count("multiply") == 2
        assert through([(x * np.float64(0.5)) * 2.0], [x], self.scaled).count("multiply") == 2

    def test_the_sign_of_a_large_factor_leaves_the_product(self, tape, rng, through):
        A, B = (
            tape.leaf(rng.normal(size=s), name=name) for s, name in (((4, 9), "A"), ((9, 3), "B"))
        )
        assert through([-A @ B], [A, B], self.scaled) == ["matmul", "subtract"]
        assert through([A.T @ -(A @ B)], [A, B], self.scaled)[-1] == "matmul"

    def test_a_power_of_two_scales_the_smallest_of_three_arrays(self, tape, rng, through):
        A, B = (
            tape.leaf(rng.normal(size=s), name=name) for s, name in (((9, 4), "A"), ((4, 8), "B"))
        )
        assert through([2.0 * (A @ B)], [A, B], self.scaled) == ["multiply", "matmul"]
        assert through([(A.T * 0.5) @ (A @ B)], [A, B], self.scaled)[-1] == "multiply"
        assert through([0.5 * (A.T @ A)], [A, B], self.scaled)[-1] == "multiply"
        for c in (3.0, -2.0, 0.0):
            assert through([c * (A @ B)], [A, B], self.scaled) == ["matmul", "multiply"]

    def test_no_zero_becomes_negative(self, tape):
        A = tape.leaf(np.zeros((4, 9)), name="A")
        got = mg.plan(-A @ np.ones((9, 3)), inputs=[A])(np.zeros((4, 9)))
        assert not np.signbit(got).any()


class TestPowers:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("n", [-8, -3, -2, -1, 3, 4, 5, 7, 8.0, -4.0])
    def test_a_small_power_is_a_product(self, tape, rng, n, dtype):
        values = np.concatenate([
            rng.uniform(0.5, 2.0, 100) * rng.choice([-1, 1], 100),
            [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0],
            np.finfo(dtype).max ** np.array([0.9 / abs(n), -0.9 / abs(n)]),
            [np.finfo(dtype).max, -np.finfo(dtype).tiny],
        ]).astype(dtype)  # fmt: skip
        x = tape.leaf(np.ones(len(values), dtype), name="x")
        plan = mg.plan(np.power(x, n), inputs=[x])
        assert "power" not in plan.source and list(plan.bounds) == ["simplification"]
        with np.errstate(all="ignore"):
            got, expected = plan(values), np.power(values, n)
        np.testing.assert_allclose(got, expected, rtol=8 * np.finfo(dtype).eps, atol=0)
        numbers = ~np.isnan(expected)
        assert np.array_equal(np.signbit(got)[numbers], np.signbit(expected)[numbers])

    @pytest.mark.parametrize("n", [0, 1, 2, 9, 0.5, -1.5, np.inf, np.nan, [3.0], True])
    def test_other_exponents_stay(self, x, n):
        y = np.power(np.exp(x), n)
        assert "power" in mg.plan(y, inputs=[x]).source

    def test_other_numbers_stay(self, tape):
        for value, n in (([1, 2], 3), ([1 + 2j, 1.0], 3), (2.0, 3), ([1.0], np.full((2, 1), 3.0))):
            x = tape.leaf(value)
            assert "power" in mg.plan(np.power(x, n), inputs=[x], passes=[passes.SIMPLIFY]).source


class TestFolded:
    def test_constants_are_computed_once(self, x, through):
        w = x.tape.leaf(2.0, name="w")
        assert through([x * np.exp(w + 1.0)], [x], passes.FOLD_CONSTANTS) == ["multiply"]

    def test_a_large_constant_is_not_made_of_a_small_one(self, x, through):
        big = np.exp(np.broadcast_to(x.tape.leaf(1.0, name="w"), (1 << 18,)))
        assert through([np.sum(big) * x], [x], passes.FOLD_CONSTANTS) == [
            "broadcast_to",
            "exp",
            "sum",
            "multiply",
        ]

    def test_the_users_op_is_run_each_time(self, x, through):
        counted = mg.op(lambda w: w * 1.0)
        mg.constant(counted)
        w = x.tape.leaf(2.0, name="w")
        assert "<lambda>" in through([x * counted(w)], [x], passes.FOLD_CONSTANTS)


class TestCancelled:
    def logsumexp(self, a, axis=None):
        m = np.max(a, axis=axis, keepdims=True)
        return np.sum(np.log(np.sum(np.exp(a - m), axis=axis, keepdims=True)) + m)

    @pytest.mark.parametrize("axis", [None, 0, 1])
    def test_nothing_flows_through_the_maximum_of_logsumexp(self, X, through, axis):
        g = mg.grad_node(self.logsumexp(X, axis), X)
        left = through(
            [g],
            [X],
            passes.ELIMINATE_COMMON_SUBEXPRESSIONS,
            passes.SIMPLIFY,
            passes.CANCEL_COTANGENTS,
            passes.SIMPLIFY,
            rtol=1e-12,
        )
        assert "equal" not in left and left.count("sum") == 1

    @pytest.mark.parametrize(
        ("axis", "keepdims", "wide", "narrow"),
        [
            (0, True, lambda m: m, lambda m: np.squeeze(m, 0)),
            (1, True, lambda m: m, lambda m: np.squeeze(m, 1)),
            (-1, True, lambda m: m, lambda m: np.reshape(m, -1)),
            (-1, True, lambda m: m, lambda m: m[:, 0]),
            (0, True, lambda m: m, lambda m: m[0]),
            (1, False, lambda m: m[:, None], lambda m: m),
            (0, False, lambda m: m, lambda m: m),
            (1, False, lambda m: np.expand_dims(m, 1), lambda m: m),
            (1, False, lambda m: np.transpose(m[None]), lambda m: m),
        ],
    )
    def test_nor_in_other_spellings(self, tape, rng, through, axis, keepdims, wide, narrow):
        A = tape.leaf(rng.normal(size=(4, 4)), name="A")
        m = np.max(A, axis=axis, keepdims=keepdims)
        y = narrow(m) + np.log(np.sum(np.exp(A - wide(m)), axis=axis))
        L = np.sum(y * np.arange(4.0))
        left = through([mg.grad_node(L, A)], [A], *passes.PASSES, rtol=1e-12)
        assert "equal" not in left and "where" not in left

    def test_values_at_other_places_do_not_cancel(self, tape, rng, through):
        """The row sums of a square matrix are no column sums."""
        A = tape.leaf(rng.normal(size=(4, 4)), name="A")
        e = np.exp(A)
        for axis, other in ((0, 1), (1, 0)):
            y = np.sum(e / np.expand_dims(np.sum(e, axis=axis), axis), axis=other)
            z = np.sum(e / np.expand_dims(np.sum(e, axis=axis), other), axis=axis)
            through([mg.grad_node(np.sum(np.log(y) * z), A)], [A], *passes.PASSES, rtol=1e-12)

    @pytest.mark.parametrize("c", [0.0, np.inf, np.nan, 1e-200, 1e200])
    def test_a_factor_that_is_not_what_it_seems_is_left(self, tape, c):
        x, w = tape.leaf([1.0, 2.0], name="x"), tape.leaf(3.0, name="w")
        with np.errstate(all="ignore"):
            g = mg.grad_node(np.sum(x * c * c * w / (w * c * c)) + np.sum(x * c * c) * w, [x, w])
            got = mg.plan(g, inputs=[x, w])([np.inf, 1.0], 3.0)
            tape.assign({x: [np.inf, 1.0]})
            np.testing.assert_array_equal(got[1], g[1].value)

    def test_a_number_that_cancels_is_a_number(self, X, tape):
        m = tape.leaf(2.0, name="m")
        plan = mg.plan([mg.grad_node(np.log(np.sum(np.exp(X - m))) + m, m)], inputs=[X, m])
        assert [(type(g), g) for g in plan(X.value, 3.0)] == [(np.float64, 0.0)]

    def test_nor_through_that_of_the_cross_entropy(self, X, through):
        onehot = np.eye(4)[:3]
        s = X - np.max(X, axis=1, keepdims=True)
        L = -np.sum((s - np.log(np.sum(np.exp(s), axis=1, keepdims=True))) * onehot) / 3.0
        left = through([mg.grad_node(L, X)], [X], *passes.PASSES, rtol=1e-12)
        assert "equal" not in left and "where" not in left

    def test_what_does_not_cancel_stays(self, X, through):
        m = np.max(X, axis=1, keepdims=True)
        g = mg.grad_node(np.sum(np.exp(X - m) * X), X)
        assert "equal" in through([g], [X], passes.SIMPLIFY, passes.CANCEL_COTANGENTS, rtol=1e-12)

    def test_values_of_the_user_are_left_as_they_are(self, X, through):
        y = np.sum(X) - np.sum(X)
        assert "subtract" in through(
            [y], [X], passes.ELIMINATE_COMMON_SUBEXPRESSIONS, passes.CANCEL_COTANGENTS
        )


class TestGathered:
    def test_cotangents_of_slices_are_concatenated(self, X, through):
        L = np.sum(np.sin(X[:, 0:2])) + np.sum(np.cos(X[:, 2:4]))
        left = through([mg.grad_node(L, X)], [X], passes.MERGE_SUM_TERMS, rtol=1e-15)
        assert "concatenate" in left and "scatter" not in left

    def test_an_ellipsis_is_the_slices_that_it_stands_for(self, tape, rng, through):
        x = tape.leaf(rng.normal(size=(2, 3, 4)), name="x")
        L = np.sum(np.sin(x[..., :1])) + np.sum(np.cos(x[..., 1:]))
        left = through([mg.grad_node(L, x)], [x], passes.MERGE_SUM_TERMS, rtol=1e-15)
        assert "concatenate" in left and "scatter" not in left
        L = np.sum(np.sin(x[0, ...])) + np.sum(np.cos(x[1, ..., :]))
        left = through([mg.grad_node(L, x)], [x], passes.MERGE_SUM_TERMS, rtol=1e-15)
        assert "concatenate" in left and "scatter" not in left

    def test_zeros_fill_what_is_left(self, X, through):
        L = np.sum(np.sin(X[0])) + np.sum(np.cos(X[2])) + np.sum(np.sin(X[0]) * X[2])
        left = through([mg.grad_node(L, X)], [X], passes.MERGE_SUM_TERMS, rtol=1e-15)
        assert "concatenate" in left and "scatter" not in left

    @pytest.mark.parametrize(
        "parts",
        [
            (slice(0, 2), slice(1, 3)),
            (slice(0, 3, 2), slice(1, 2)),
            (np.array([0, 0]), slice(1, 2)),
        ],
    )
    def test_overlaps_gaps_and_arrays_are_left(self, X, through, parts):
        L = sum(np.sum(np.sin(X[part])) for part in parts)
        assert (
            through([mg.grad_node(L, X)], [X], passes.MERGE_SUM_TERMS, rtol=1e-15).count("scatter")
            == 2
        )

    def test_a_matrix_that_is_used_again_and_again(self, tape, through, rng):
        W, h = (
            tape.leaf(0.3 * rng.normal(size=(4, 4)), name="W"),
            tape.leaf(rng.normal(size=(1, 4)), name="h"),
        )
        b, y = tape.leaf(rng.normal(size=4), name="b"), h
        for _ in range(6):
            y = np.tanh(y @ W + b)
        L = np.sum(y * y)
        outputs = [L, *mg.grad_node(L, [W, b])]
        left = through(
            outputs,
            [W, h, b],
            passes.MERGE_SUM_TERMS,
            passes.ELIMINATE_COMMON_SUBEXPRESSIONS,
            rtol=1e-12,
        )
        assert (
            left.count("matmul") == 6 + 5 + 1
            and left.count("concatenate") == 2
            and left.count("sum") == 2
        )

    def test_a_large_matrix_is_not_copied(self, tape, through, rng):
        W, y = (
            tape.leaf(rng.normal(size=(2, 2)), name="W"),
            tape.leaf(rng.normal(size=(5000, 2)), name="y"),
        )
        for _ in range(6):
            y = np.tanh(y @ W)
        L = np.sum(y)
        assert "concatenate" not in through(
            [mg.grad_node(L, W)], [W], passes.MERGE_SUM_TERMS, rtol=1e-12
        )


class TestContracted:
    def test_a_sum_of_products_is_an_inner_product(self, X, x, through):
        assert through([np.sum(X * X)], [X], passes.FUSE_INNER_PRODUCTS, rtol=1e-15) == [
            "reshape",
            "reshape",
            "matmul",
        ]
        assert through([np.sum(x * np.sin(x))], [x], passes.FUSE_INNER_PRODUCTS, rtol=1e-15) == [
            "sin",
            "inner",
        ]

    def test_a_product_that_is_read_elsewhere_is_left(self, X, through):
        y = X * X
        assert through([np.sum(y), y], [X], passes.FUSE_INNER_PRODUCTS) == ["multiply", "sum"]

    def test_so_are_other_sums(self, X, through):
        assert through([np.sum(X * X, axis=0)], [X], passes.FUSE_INNER_PRODUCTS) == [
            "multiply",
            "sum",
        ]
        assert (
            through(
                [np.sum(np.astype(X, np.float32) * np.astype(X, np.float32))],
                [X],
                passes.FUSE_INNER_PRODUCTS,
            )[-1]
            == "sum"
        )
        assert through([np.sum(X * np.sum(X))], [X], passes.FUSE_INNER_PRODUCTS)[-1] == "sum"


class TestStacked:
    def test_the_slice_is_gone_through_once_for_a_matrix(self, tape, monkeypatch):
        walks = []
        monkeypatch.setattr(
            matmul_batching,
            "topological_order",
            lambda steps: walks.append(1) or topological_order(steps),
        )
        W, hs = tape.leaf(np.eye(2), name="W"), [np.ones((1, 2)) * k for k in range(5)]
        for _ in range(20):
            hs = [np.tanh(h @ W) for h in hs]
        mg.plan(hs, inputs=[W])
        assert len(walks) == 1

    @pytest.fixture
    def W(self, tape, rng):
        return tape.leaf(0.3 * rng.normal(size=(3, 3)), name="W")

    def test_products_that_do_not_depend_on_each_other_are_one(self, W, tape, through, rng):
        xs = [tape.leaf(rng.normal(size=(2, 3)), name=f"x{k}") for k in range(5)]
        left = through([np.sin(x @ W) for x in xs], [W, *xs], passes.BATCH_MATMULS, rtol=1e-14)
        assert left.count("matmul") == 1 and left.count("getitem") == 5

    def test_a_chain_is_left(self, W, tape, through, rng):
        y = tape.leaf(rng.normal(size=(2, 3)), name="y")
        z = y
        for _ in range(6):
            z = np.tanh(z @ W)
        assert through([z], [W, y], passes.BATCH_MATMULS).count("matmul") == 6

    def test_two_kinds_of_products_that_need_each_other(self, W, tape, through, rng):
        """Each may be put together, but not both: p1 needs no q, q1 needs p1 and p2, p3 needs q1."""
        V, ys = (
            tape.leaf(rng.normal(size=(3, 3)), name="V"),
            [tape.leaf(rng.normal(size=(1, 3)), name=f"y{k}") for k in range(4)],
        )
        p = [y @ W for y in ys[:2]]
        q = [np.tanh(p[0] + p[1] * k) @ V for k in range(4)]
        p += [np.tanh(q[0] + y) @ W for y in ys[2:]]
        r = [np.tanh(a) @ W for a in (p[2], p[3], q[1], q[2])]
        through([*p, *q, *r], [W, V, *ys], passes.BATCH_MATMULS, rtol=1e-13)

    def test_large_matrices_are_left(self, W, tape, through, rng):
        xs = [tape.leaf(rng.normal(size=(2000, 3)), name=f"x{k}") for k in range(5)]
        assert through([x @ W for x in xs], [W, *xs], passes.BATCH_MATMULS).count("matmul") == 5


def test_an_array_constant_is_a_step(x, through):
    c = np.array([3.0, 4.0])
    assert through([x * c, c - x], [x], passes.LIFT_CONSTANTS) == ["multiply", "subtract"]
    assert (
        len(sliced([x * c + c], [x]).bound) == 0
        and len(passes.LIFT_CONSTANTS(sliced([x * c + c], [x])).bound) == 1
    )


class TestSideBySide:
    def test_equal_steps_on_neighbours_are_one(self, X, through):
        parts = [np.tanh(0.5 * X[:, k : k + 1]) for k in range(4)]
        assert (
            through(
                [parts[0] * parts[1] + parts[2] * parts[3]], [X], passes.MERGE_ADJACENT_SLICES
            ).count("tanh")
            == 1
        )

    def test_so_are_those_counted_from_the_end(self, X, through):
        parts = [np.tanh(X[:, :2]), np.tanh(X[:, -2:])]
        assert through([parts[0] * parts[1]], [X], passes.MERGE_ADJACENT_SLICES).count("tanh") == 1

    def test_with_gaps_or_other_numbers_they_are_not(self, X, through):
        assert (
            through(
                [np.tanh(X[:, :1]) * np.tanh(X[:, 2:3])], [X], passes.MERGE_ADJACENT_SLICES
            ).count("tanh")
            == 2
        )
        assert (
            through(
                [(X[:, :1] + 1.0) * (X[:, 1:2] + 2.0)], [X], passes.MERGE_ADJACENT_SLICES
            ).count("add")
            == 2
        )

    def test_constants_of_the_parts_are_one(self, X, through):
        parts = [np.tanh(X[k : k + 1] - np.arange(4.0)[None] * k) for k in range(3)]
        left = through(
            [parts[0] * parts[1] + parts[2]],
            [X],
            passes.LIFT_CONSTANTS,
            passes.MERGE_ADJACENT_SLICES,
        )
        assert left.count("tanh") == left.count("subtract") == 1

    def test_what_is_the_same_along_the_axis_is_left_as_it_is(self, X, tape, through):
        b = tape.leaf(np.arange(4.0), name="b")
        parts = [np.tanh(X[k : k + 1] - b) for k in (2, 1, 0)]
        assert (
            through([parts[0] * parts[1] + parts[2]], [X, b], passes.MERGE_ADJACENT_SLICES).count(
                "tanh"
            )
            == 1
        )

    @pytest.mark.parametrize("shape", [(2, 1, 1), (4, 3)], ids=["more axes", "broadcast"])
    def test_a_result_of_another_shape_than_its_part_stays(self, tape, shape):
        x, c = tape.leaf(np.arange(16.0).reshape(4, 4)), np.arange(np.prod(shape)).reshape(shape)
        n = 2 if shape[-1] == 1 else 1
        left, right = np.sin(c * x[:, :n]), np.sin(c * x[:, n : 2 * n])
        outputs = [np.sum(np.square(left)) + np.sum(right)]
        assert mg.plan(outputs, [x])(x.value)[0] == pytest.approx(outputs[0].value)

    def test_zeros_of_two_signs_are_two_numbers(self, x, tape):
        parts = [np.multiply(np.abs(x)[:1], 0.0), np.multiply(np.abs(x)[1:], -0.0)]
        for outputs in ([np.concatenate(parts)], [parts[0] * parts[1]]):
            value = mg.plan(outputs, [x])([1.0, 2.0])[0]
            assert np.signbit(value).tolist() == np.signbit(outputs[0].value).tolist()

    def test_a_middle_part_is_enough(self, X, through):
        assert (
            through(
                [np.tanh(X[:, 1:2]) * np.tanh(X[:, 2:3])], [X], passes.MERGE_ADJACENT_SLICES
            ).count("tanh")
            == 1
        )

    def test_a_concatenation_of_products_is_a_product(self, X, through):
        y = np.exp(X)
        parts = [(np.sin(X[:, k : k + 2]) * 0.5) * y[:, k : k + 2] for k in (0, 2)]
        left = through([np.concatenate(parts, axis=1)], [X], passes.MERGE_ADJACENT_SLICES)
        assert left.count("multiply") == 2 and left.count("sin") == 1

    def test_parts_in_another_order_are_not_the_whole(self, X, through):
        parts = [np.sin(X[:, k : k + 2]) * np.cos(X[:, 2 - k : 4 - k]) for k in (2, 0)]
        through([np.concatenate(parts, axis=1)], [X], passes.MERGE_ADJACENT_SLICES)

    def test_a_part_that_is_read_elsewhere(self, X, through):
        a, b = np.exp(X[:, :2]) * 0.5, np.sin(X[:, 2:]) * 0.5
        through(
            [np.concatenate([a, b], axis=1), a, np.concatenate([b, a], axis=1)],
            [X],
            passes.MERGE_ADJACENT_SLICES,
        )

    def test_an_axis_that_an_index_added_is_left(self, x, through):
        s = np.sum(x)
        L = np.sum(s[None] * np.sin(s[None, None]) * s)
        through([mg.grad_node(L, x)], [x], passes.MERGE_SUM_TERMS, rtol=1e-15)


class TestTies:
    def test_with_ties_the_halves_are_there(self, tape):
        x = tape.leaf([1.0, 0.0, -1.0], name="x")
        plan = mg.plan(mg.grad_node(np.sum(np.maximum(x, 0.0) * 3.0), x), inputs=[x])
        assert plan([1.0, 0.0, -1.0]).tolist() == [3.0, 1.5, 0.0]
        assert plan([1.0, 2.0, -1.0]).tolist() == [3.0, 3.0, 0.0]

    def test_a_product_of_two_masks_stays_a_number(self, X, tape):
        Y, Z = tape.leaf(X.value[::-1] + 0.1, name="Y"), tape.leaf(X.value + 0.25, name="Z")
        g = mg.grad_node(np.sum(np.maximum(np.maximum(X, Y), Z)), [X, Z])
        for got, node in zip(
            mg.plan(g, inputs=[X, Y, Z])(X.value, Y.value, Z.value), g, strict=True
        ):
            assert got.dtype == float and np.array_equal(got, node.value)


def test_each_pass_of_the_module_is_in_the_pipeline():
    exported = (getattr(passes, name) for name in passes.__all__)
    assert {p for p in exported if isinstance(p, passes.Pass)} == set(passes.PASSES)


def test_a_plan_runs_the_passes_that_it_is_given(x):
    y = np.sin(x) * 1.0
    assert ops(mg.plan(y, inputs=[x], passes=()).graph) == ["sin", "multiply"]
    plan = mg.plan(y, inputs=[x], passes=[passes.SIMPLIFY])
    assert ops(plan.graph) == ["sin"] and list(plan.bounds) == ["simplification"]
    assert ops(copy(plan).graph) == ops(pickle.loads(pickle.dumps(plan)).graph) == ["sin"]
