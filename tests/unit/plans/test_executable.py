"""Plans: how they are called, what they refuse, what they say of themselves."""

import copy
import pickle
import threading
import traceback

import numpy as np
import pytest

import memograd as mg
from memograd.errors import NotDifferentiableError, OtherTapeError, PlanError
from memograd.plans import codegen
from memograd.plans.passes import LOWER_ARRAY_REGIONS, PASSES


@pytest.fixture
def L(x):
    """A number made of the leaf x and of a leaf w that is no input."""
    w = x.tape.leaf([3.0, 4.0], name="w")
    return np.sum(np.sin(x) * w).named("L")


@pytest.fixture
def plan(x, L):
    return mg.plan([L, mg.grad_node(L, x)], inputs=[x])


@mg.op
def picky(x):
    if np.any(x < 0):
        raise ArithmeticError("less than nothing")
    return x * 1.0


mg.elementwise(picky, x=lambda g: g)


def test_a_replay_computes_what_was_recorded(plan):
    value, gradient = plan([0.5, -1.0])
    np.testing.assert_allclose(value, 3 * np.sin(0.5) + 4 * np.sin(-1.0), rtol=1e-14)
    np.testing.assert_allclose(gradient, [3 * np.cos(0.5), 4 * np.cos(-1.0)], rtol=1e-14)


def test_no_table_and_no_node_is_touched(plan, x, L):
    before, table = len(x.tape), dict(x.tape.state.tables[L.id].cotangents)
    plan([7.0, 8.0])
    assert len(x.tape) == before and x.tape.state.tables[L.id].cotangents == table
    assert x.value.tolist() == [1.0, 2.0]


def test_the_nest_comes_back(x, L):
    g = mg.grad_node(L, {"x": x})
    got = mg.plan({"L": L, "all": (g, [L])}, inputs=[x])([1.0, 2.0])
    assert got["L"] == got["all"][1][0] == pytest.approx(L.value, rel=1e-14)
    np.testing.assert_allclose(got["all"][0]["x"], mg.grad(L, x), rtol=1e-14)
    assert mg.plan(L, inputs=[x])([1.0, 2.0]) == pytest.approx(L.value, rel=1e-14)


def test_a_named_tuple_comes_back(x):
    result = np.linalg.slogdet(np.outer(x, x) + np.eye(2))
    got = mg.plan(result, inputs=[x])(x.value)
    assert type(got) is type(result) and got.logabsdet == pytest.approx(
        result.logabsdet.value, rel=1e-12
    )


def test_inputs_by_name(x, L):
    plan = mg.plan(L, inputs={"weights": L.tape["w"], "point": x})
    assert (
        plan([1.0, 1.0], point=[0.5, 0.5])
        == plan(point=[0.5, 0.5], weights=[1.0, 1.0])
        == plan([1.0, 1.0], [0.5, 0.5])
    )


def test_an_inner_node_may_be_an_input(x, L):
    inner = L.tape[2]
    assert inner.op is np.sin
    plan = mg.plan([L, mg.grad_node(L, inner)], inputs=[inner])
    value, gradient = plan([1.0, 2.0])
    assert value == 11.0 and gradient.tolist() == [3.0, 4.0]


def test_inputs_are_cast_within_their_kind(plan):
    np.testing.assert_array_equal(plan(np.array([1, 2]))[1], plan([1.0, 2.0])[1])
    np.testing.assert_array_equal(plan(np.array([1, 2], np.float32))[1], plan([1.0, 2.0])[1])
    np.testing.assert_array_equal(plan(np.array([1.0, 9.0, 2.0])[::2])[1], plan([1.0, 2.0])[1])


def test_a_scalar_comes_in_any_form(tape):
    x = tape.leaf(2.0, name="x")
    plan = mg.plan(x * x, inputs=[x])
    for three in (3.0, 3, np.float64(3), np.array(3.0), np.float32(3)):
        assert plan(three) == 9.0 and type(plan(three)) is np.float64


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "says"),
    [
        ((), {}, PlanError, "1 inputs was called with 0 arrays"),
        (([1.0, 2.0], [1.0, 2.0]), {}, PlanError, "Give one for each"),
        (
            ([1.0, 2.0, 3.0],),
            {},
            PlanError,
            r"has shape \(3,\), but the plan is for float64 \(2,\)",
        ),
        (([1j, 2.0],), {}, PlanError, "another kind than float64"),
        ((), {"y": [1.0, 2.0]}, PlanError, "each input once"),
        (([1.0, 2.0],), {"x": [1.0, 2.0]}, PlanError, "each input once"),
    ],
)
def test_wrong_inputs_are_refused(plan, args, kwargs, error, says):
    with pytest.raises(error, match=says):
        plan(*args, **kwargs)


def test_a_node_is_no_input_to_a_call(plan, x):
    with pytest.raises(PlanError, match="x.value"):
        plan(x)


def test_what_no_plan_can_be_made_of(x, L):
    with pytest.raises(PlanError, match="twice"):
        mg.plan(L, inputs=[x, x])
    with pytest.raises(PlanError, match="twice"):
        mg.plan(L, inputs={"a": x, "b": x})
    with pytest.raises(PlanError, match="needs outputs"):
        mg.plan([], inputs=[])
    with pytest.raises(NotDifferentiableError, match="made of nodes"):
        mg.plan([L, 3.0], inputs=[x])
    with pytest.raises(OtherTapeError, match="another tape"):
        mg.plan(L, inputs=[mg.Tape().leaf(1.0)])


def test_outputs_are_the_callers_own(x, L):
    plan = mg.plan([x, x, np.transpose(x), L.tape["w"], mg.grad_node(np.sum(x), x)], inputs=[x])
    value = np.array([1.0, 2.0])
    outputs = plan(value)
    for a in outputs:
        a += 1
    assert value.tolist() == [1.0, 2.0] and L.tape["w"].value.tolist() == [3.0, 4.0]
    assert [a.tolist() for a in plan(value)] == [[1.0, 2.0]] * 3 + [[3.0, 4.0], [1.0, 1.0]]


def test_an_output_that_is_asked_for_twice_comes_twice(x):
    y = np.exp(x)
    a, b, c = mg.plan([y, y, y[:1]], inputs=[x])([0.0, 1.0])
    a += 1.0
    assert a.tolist() == (b + 1.0).tolist() and c.tolist() == [1.0]
    np.testing.assert_allclose(b, [1.0, np.e], rtol=1e-14)


def test_an_output_may_not_depend_on_an_input(x, L):
    y = x.tape.leaf(1.0, name="y")
    plan = mg.plan([L, mg.grad_node(L, y)], inputs=[x, y])
    assert "no output depends on y" in repr(plan)
    assert plan([1.0, 2.0], 5.0)[1] == 0.0


# --------------------------------------------------------------------------------------------------- what it says


def test_the_source_is_readable(plan):
    assert plan.source.splitlines() == [
        "# w: float64 (2,)",
        "def plan(x):",
        "    v2 = np.sin(x)  # (2,)",
        "    L = inner(v2, w)  # ()",
        "    v8 = np.cos(x)  # (2,)",
        "    v9 = w * v8  # (2,)  ∂L/∂x",
        "    return [L, v9]",
    ]


@pytest.mark.parametrize(
    "take",
    [
        lambda x: x[[2, 0, 0]],
        lambda x: x[[1, 0, 1, 0], [2, 0, 0, 1]],
        lambda x: x[:, [True, False, True]],
        lambda x: x[[]],
        lambda x: x[1:, [[0, 1], [2, 2]]],
        lambda x: np.take(x, [1, 0, 1], axis=1),
    ],
)
def test_lists_of_indices_become_arrays_once(tape, take):
    x = tape.leaf(np.arange(9.0).reshape(3, 3), name="x")
    y = take(x)
    plan = mg.plan([y, mg.grad_node(np.sum(np.square(y)), x)], inputs=[x])
    assert "(1, 0" not in plan.source and "[(" not in plan.source and "c0" in plan.source
    value, gradient = plan(x.value)
    np.testing.assert_array_equal(value, take(x.value))
    np.testing.assert_array_equal(gradient, mg.grad(np.sum(np.square(y)), x))


def test_facts(plan, x):
    assert plan.inputs == (("x", (2,), np.float64),)
    assert plan.outputs == (("L", (), np.float64), ("∂L/∂x", (2,), np.float64))
    assert list(plan.bound) == ["w"] and plan.bound["w"].tolist() == [3.0, 4.0]


def test_a_plan_is_stale_once_a_bound_leaf_was_assigned(plan, x):
    x.value = [5.0, 6.0]
    assert not plan.stale
    x.tape["w"].value = [5.0, 6.0]
    assert plan.stale and plan([0.0, 0.0])[1].tolist() == [3.0, 4.0]


def test_a_pending_assignment_is_bound(x, L):
    L.tape["w"].value = [5.0, 6.0]
    assert mg.plan(L, inputs=[x]).bound["w"].tolist() == [5.0, 6.0]


def test_the_repr_is_a_table(plan):
    text = repr(plan)
    assert text.startswith("<memograd.Plan: 4 steps, 0 residuals of 0 bytes>\nops: recorded 8")
    assert "\n  v9               np.multiply          (2,)                          16" in text
    assert max(map(len, text.splitlines())) < 80


def test_a_long_table_is_cut(tape):
    y = x = tape.leaf(np.array([0.5, 0.7], np.float32), name="x")  # which stays NumPy's
    for _ in range(100):
        y = np.sin(y)
    text = repr(mg.plan([y, mg.grad_node(np.sum(y), x)], inputs=[x]))
    assert "more steps" in text and len(text.splitlines()) < 60
    assert "  kept" in text


# ------------------------------------------------------------------------------------------------------ bad weather


def test_an_error_names_the_line_the_node_and_the_users_line(x):
    y = picky(x).named("y")
    line = y.attributes["line"][1]
    plan = mg.plan(y, inputs=[x])
    with pytest.raises(ArithmeticError) as info:
        plan([1.0, -1.0])
    text = "".join(traceback.format_exception(info.value))
    assert "y = fixed(picky(x)" in text
    assert f"In a plan, at y (picky, float64 (2,)), recorded at {__file__}:{line}." in text


def test_a_result_of_another_shape_is_an_error(x):
    plan = mg.plan(x[x > 1.5], inputs=[x])
    assert plan([7.0, 1.0]).tolist() == [7.0]
    with pytest.raises(ValueError, match="gave float64 .2,.") as info:
        plan([7.0, 8.0])
    assert "In a plan, at v2" in info.value.__notes__[0]


def test_the_users_op_cannot_write_to_the_callers_array(x):
    @mg.op
    def greedy(x):
        x += 1.0
        return x

    mg.constant(greedy)
    with pytest.raises(ValueError, match="read-only"):
        mg.plan(x.tape.record(greedy, (x,), y=np.zeros(2)), inputs=[x])(np.array([1.0, 2.0]))


def test_the_users_op_is_run_as_often_as_it_was_recorded(x):
    calls = []

    @mg.op
    def noted(x):
        calls.append(1)
        return x * 1.0

    mg.elementwise(noted, x=lambda g: g)
    plan = mg.plan([noted(x), noted(x)], inputs=[x])
    calls.clear()
    plan([1.0, 2.0])
    assert len(calls) == 2


# --------------------------------------------------------------------------------------- pickles, threads, long ones


def test_a_pickle_is_data(plan):
    again = pickle.loads(pickle.dumps(plan))
    assert again.source == plan.source and not again.stale
    assert [np.asarray(a).tolist() for a in again([0.5, 1.0])] == [
        np.asarray(a).tolist() for a in plan([0.5, 1.0])
    ]
    assert b"def plan" not in pickle.dumps(plan)


def test_an_op_that_cannot_be_imported_cannot_be_pickled(x):
    local = mg.op(lambda x: 3 * x)
    mg.elementwise(local, x=lambda g: 3 * g)
    with pytest.raises(PlanError, match="imported"):
        pickle.dumps(mg.plan(local(x), inputs=[x]))


def test_threads_do_not_meet(tape):
    x = tape.leaf(np.ones(1000), name="x")
    L = np.sum(np.exp(np.sin(x) * x))
    plan = mg.plan([L, mg.grad_node(L, x)], inputs=[x])
    values = [np.full(1000, 0.1 * k) for k in range(8)]
    expected, wrong = [plan(v) for v in values], []

    def replay(k):
        for _ in range(50):
            value, gradient = plan(values[k])
            if value != expected[k][0] or not np.array_equal(gradient, expected[k][1]):
                wrong.append(k)

    threads = [threading.Thread(target=replay, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_long_plan_is_cut_into_parts(tape):
    y = x = tape.leaf(np.array([0.5, 0.6]), name="x")
    for _ in range(9000):
        y = np.sin(y) + 0.1 * x
    L = np.sum(y)
    passes = [each for each in PASSES if each is not LOWER_ARRAY_REGIONS]
    plan = mg.plan([L, mg.grad_node(L, x)], inputs=[x], passes=passes)
    assert plan.source.count("\ndef part_") > 3
    value, gradient = plan(x.value)
    np.testing.assert_allclose(value, L.value, rtol=1e-12)
    np.testing.assert_allclose(gradient, mg.grad(L, x), rtol=1e-12)


@pytest.mark.parametrize("longest", [1, 2, 3, 5, 8])
def test_parts_of_any_length_hand_on_what_later_ones_read(monkeypatch, tape, longest):
    monkeypatch.setattr(codegen, "MAX_INSTRUCTIONS_PER_FUNCTION", longest)
    x = tape.leaf(np.linspace(0.1, 1.0, 50), name="x")
    y = np.tanh(np.sin(x) * x) / np.sum(np.exp(np.cos(x) * x))
    plan = mg.plan([y, mg.grad_node(np.sum(y * y), x)], inputs=[x])
    np.testing.assert_allclose(plan(x.value)[0], y.value, rtol=1e-13)


@pytest.mark.parametrize("name", ["part_0", "fixed", "kept", "i", "np", "plan", "del", "µ"])
def test_any_name_of_a_node_will_do(monkeypatch, tape, name):
    monkeypatch.setattr(codegen, "MAX_INSTRUCTIONS_PER_FUNCTION", 2)
    x, other = (
        tape.leaf([1.0, 2.0], name=name),
        tape.leaf([3.0, 4.0], name="μ"),
    )  # a name that Python reads as it reads µ
    plan = mg.plan([np.sin(x) * np.cos(other) - x, x[x > 0.5]], inputs=[x, other])
    got = plan([0.6, 0.7], [0.8, 0.9])
    np.testing.assert_allclose(
        got[0], np.sin([0.6, 0.7]) * np.cos([0.8, 0.9]) - [0.6, 0.7], rtol=1e-13
    )


class TestCopies:
    @pytest.fixture
    def bound(self, tape):
        x, w = tape.leaf(1.0, name="x"), tape.leaf(2.0, name="w")
        return tape, w, mg.plan(x * w, inputs=[x])

    @pytest.mark.parametrize("way", [copy.copy, copy.deepcopy])
    def test_a_copy_watches_the_tape(self, bound, way):
        tape, w, plan = bound
        other = way(plan)
        assert not other.stale and other(3.0) == 6.0
        w.value = 5.0
        assert other.stale and way(plan).stale

    def test_a_copy_made_along_with_the_tape_watches_the_copy(self, bound):
        tape, w, plan = bound
        w.value = 2.0
        tape2, plan2 = copy.deepcopy((tape, mg.plan(tape["x"] * 1.5 * w, inputs=[tape["x"]])))
        w.value = 7.0
        assert not plan2.stale
        tape2["w"].value = 5.0
        assert plan2.stale

    def test_a_stale_plan_is_loaded_as_stale(self, bound):
        tape, w, plan = bound
        assert not pickle.loads(pickle.dumps(plan)).stale
        w.value = 5.0
        assert pickle.loads(pickle.dumps(plan)).stale

    def test_a_plan_that_was_seen_to_be_stale_stays_so(self):
        tape = mg.Tape()
        x, w = tape.leaf(1.0, name="x"), tape.leaf(2.0, name="w")
        plan = mg.plan(x * w, inputs=[x])
        w.value = 5.0
        assert plan.stale
        del tape, x, w
        assert plan.stale


class TestComplexConstants:
    """`complex * np.float64` is Python's: a Python complex, which has no methods."""

    @pytest.mark.parametrize(
        "f",
        [
            lambda x: np.real(1j * np.sum(x) * 2j),
            lambda x: np.real(np.sum(np.reshape(1j * x[0], 1) * 2j)),
            lambda x: np.imag(np.sum(1j + np.sum(x))),
            lambda x: np.real(1j / np.sum(x) * 1j),
            lambda x: np.where(1j == x[0], x[1], 2.0),
            lambda x: np.real(np.exp(x[0] - 1j)),
        ],
    )
    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_a_scalar_stays_numpys(self, tape, f, dtype):
        x = tape.leaf(np.array([1.0, 2.0], dtype), name="x")
        L = f(x)
        (got,) = mg.plan([L], inputs=[x])(x.value)
        assert (type(got), got) == (type(L.value), L.value)

    def test_constants_that_differ_in_the_sign_of_a_zero_are_two(self, tape):
        z = tape.leaf(complex(-4, -0.0), name="z")
        a, b = np.sqrt(z + complex(0, 0.0)), np.sqrt(z + complex(0, -0.0))
        assert mg.plan([a, b], [z])(complex(-4, -0.0)) == [a.value, b.value] == [2j, -2j]


def test_the_bounds_of_a_plan_are_those_of_the_passes_that_changed_it(tape):
    x = tape.leaf([1.0, 2.0], name="x")
    assert mg.plan(np.sin(x) * 2.0, inputs=[x]).bounds == {}
    assert "n·eps·Σ|terms|" in mg.plan(np.sum(x * x), inputs=[x]).bounds["inner products"]


def test_an_inner_product_keeps_what_blas_would_lose(tape):
    """The sign of a zero, and infinity where NumPy's sum overflows."""
    x, y = tape.leaf([1.0, 2.0], name="x"), tape.leaf([3.0, 4.0], name="y")
    plan = mg.plan(np.sum(x * y), inputs=[x, y])
    assert "inner" in plan.source
    with np.errstate(all="ignore"):
        for a, b in [
            ([0.0, -0.0], [-1.0, 0.0]),
            ([1e308, 1e308], [10.0, -10.0]),
            ([np.inf, 1.0], [1.0, 2.0]),
            ([1e308, 1e308], [1.0, 1.0]),
        ]:
            got, expected = plan(a, b), np.sum(np.multiply(a, b))
            assert np.array_equal(got, expected, equal_nan=True) and np.signbit(got) == np.signbit(
                expected
            )
