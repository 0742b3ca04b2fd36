"""What loops and branches refuse, and that a refusal leaves the tape as it was."""

import re

import numpy as np
import pytest
from interrupts import interrupted_at

import memograd as mg
from memograd import functional as F
from memograd.errors import LoopError, NoRuleError, OtherTapeError, RefusedError

LIMIT = 4000
"""More lines than any of these calls has."""


@pytest.fixture
def w(tape):
    return tape.leaf(0.5, name="w")


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(
    "body, message",
    [
        (lambda h, w: (h, h), "takes a.* as its state, but gives a tuple of 2"),
        (lambda h, w: {"h": h}, "as its state, but gives"),
        (lambda h, w: None, "as its state, but gives"),
        (
            lambda h, w: np.stack([h * w, h]),
            r"takes state as float64 \(\), but gives float64 \(2,\)",
        ),
        (lambda h, w: h * w > 1, r"takes state as float64 \(\), but gives bool \(\)"),
        (lambda h, w: h * w * 1j, "gives complex128"),
    ],
    ids=["nest", "dict", "none", "shape", "boolean", "complex"],
)
def test_state_of_another_form(w, body, message, recorded):
    factor, begin = (w, np.float64(1.0)) if recorded else (2.0, np.float64(1.0))
    before = len(w.tape)
    calls = {
        "mg.scan": lambda: mg.scan(lambda h, x: (body(h, factor), None), begin, length=2),
        "mg.while_loop": lambda: mg.while_loop(lambda h: h < 2, lambda h: body(h, factor), begin),
        "mg.fixed_point": lambda: mg.fixed_point(lambda h: body(h, factor), begin),
    }
    for name, call in calls.items():
        with pytest.raises(LoopError, match=f"The body of {name}") as caught:
            call()
        assert re.search(message, str(caught.value)), str(caught.value)
        assert len(w.tape) == before


def test_scan_without_a_pair(w):
    with pytest.raises(LoopError, match="gives a pair"):
        mg.scan(lambda h, x: h * w, 1.0, length=2)


def test_arrays_of_different_lengths(w):
    for xs, length, message in [
        ({"a": np.ones(3), "b": np.ones(2)}, None, r"xs\['a'\] 3, xs\['b'\] 2"),
        (np.ones(3), 2, "length 2, xs 3"),
        (None, None, "got no array"),
        (np.float64(3.0), None, "single number"),
        (None, -1, "length is an integer of at least 0, but got -1"),
        (None, 2.5, "length is an integer of at least 0, but got 2.5"),
    ]:
        with pytest.raises(LoopError, match=message):
            mg.scan(lambda h, x: (h * w, None), 1.0, xs, length)


@pytest.mark.parametrize("recorded", [True, False])
def test_while_loop_without_end(tape, recorded):
    """The error has the state; on a tape, the loop runs when it is recorded."""
    a = tape.leaf(3.0) if recorded else 3.0
    with pytest.raises(
        LoopError, match=r"did not end after 7 steps; its state is .*22\..*max_steps"
    ):
        mg.while_loop(lambda h: h > 0, lambda h: h + a, 1.0, max_steps=7)
    assert len(tape) == recorded


def test_while_loop_without_end_after_an_assignment(tape):
    a = tape.leaf(3.0, name="a")
    y = mg.while_loop(lambda h: h < 10, lambda h: h + a, 1.0, max_steps=7)
    a.value = 0.5
    for _ in range(2):
        with pytest.raises(LoopError, match="did not end after 7 steps"):
            mg.grad(y, a)
    a.value = 4.0
    assert (y.value, mg.grad(y, a)) == (13, 3)


@pytest.mark.parametrize("recorded", [True, False])
def test_condition_that_is_no_single_value(tape, recorded):
    a = tape.leaf(3.0) if recorded else 3.0
    for condition in (lambda h: h < np.ones(2), lambda h: None, lambda h: (h < 1, h < 2)):
        with pytest.raises(LoopError, match=r"condition of mg.while_loop gave .*np.all"):
            mg.while_loop(condition, lambda h: h + a, 1.0)


@pytest.mark.parametrize("recorded", [True, False])
def test_fixed_point_that_is_none(tape, recorded):
    a = tape.leaf(3.0) if recorded else 3.0
    with pytest.raises(LoopError, match=r"not reached after 9 steps; the state is .*tol="):
        mg.fixed_point(lambda x: x + a, 1.0, max_steps=9)


def test_fixed_point_of_numbers_that_are_none(tape):
    """NaN is close to nothing, and no fixed point."""
    a = tape.leaf(np.nan)
    with pytest.raises(LoopError, match="not reached"):
        mg.fixed_point(lambda x: x * a, 1.0, max_steps=9)


@pytest.mark.parametrize("options", [{"max_steps": 0}, {"max_steps": 1.5}])
def test_limits_that_are_none(w, options):
    with pytest.raises(LoopError, match="max_steps is an integer of at least 1"):
        mg.while_loop(lambda h: h < 0, lambda h: h * w, 1.0, **options)
    with pytest.raises(LoopError, match="max_steps is an integer of at least 1"):
        mg.fixed_point(lambda h: h * w, 1.0, **options)


def test_branches_of_different_forms(w):
    for f, g, message in [
        (np.sin, lambda x: (x, x), "Let both give the same nest"),
        (np.sin, lambda x: np.stack([x, x]), r"float64 \(\) and as float64 \(2,\)"),
        (np.sin, lambda x: x > 1, r"float64 \(\) and as bool \(\)"),
        (lambda x: None, lambda x: None, "give no array"),
    ]:
        with pytest.raises(LoopError, match=message):
            mg.cond(w > 0, f, g, w)
    with pytest.raises(LoopError, match=r"single value, but got shape \(2,\).*np.all"):
        mg.cond(np.array([True, False]), np.sin, np.cos, w)


def scan_of(f):
    return lambda w: mg.scan(lambda h, x: (f(h * w), None), 1.0, length=2)


def while_of(f):
    return lambda w: mg.while_loop(lambda h: h < 1, lambda h: f(h * w), 0.5)


def fixed_point_of(f):
    return lambda w: mg.fixed_point(lambda h: f(h * w), 0.5)


def cond_of(f):
    return lambda w: mg.cond(True, lambda x: f(x * w), lambda x: x, w)


@pytest.mark.parametrize("loop", [scan_of, while_of, fixed_point_of, cond_of])
@pytest.mark.parametrize(
    "read",
    [
        lambda h: h if h > 0 else -h,
        lambda h: h * int(h),
        lambda h: h * float(h),
        lambda h: h * h.value,
        lambda h: h * h.item(),
        lambda h: np.asarray(h) * h,
    ],
    ids=["branch", "int", "float", "value", "item", "asarray"],
)
def test_values_are_not_read_in_bodies(w, loop, read):
    """A body is traced once; a branch on its values is refused with the hint, on tapes and in plans."""
    before = len(w.tape)
    with pytest.raises(RefusedError, match="(?s)body of a loop is traced once.*memograd.cond"):
        loop(read)(w)
    assert len(w.tape) == before
    with pytest.raises(RefusedError, match="memograd.cond"):
        F.compiled(loop(read))(0.5)


def test_the_refusal_names_the_users_line(w):
    with pytest.raises(RefusedError, match=r"test_errors\.py"):
        scan_of(lambda h: h if h > 0 else -h)(w)


def test_nodes_of_two_tapes(w):
    """Given, closed over, or mixed; both tapes stay as they were."""
    other = mg.Tape().leaf(2.0, name="other")
    for call in (
        lambda: mg.scan(lambda h, x: (h * x, None), w, mg.Tape().leaf([1.0, 2.0])),
        lambda: mg.scan(lambda h, x: (h * other, None), w, length=2),
        lambda: mg.while_loop(lambda h: h < 1, lambda h: h + other, w),
        lambda: mg.cond(True, lambda x: x * other, lambda x: x, w),
        lambda: mg.cond(other, lambda x: x, lambda x: x, w),
        lambda: mg.fixed_point(lambda h: h * w * other, 1.0),
    ):
        before = len(w.tape), len(other.tape)
        with pytest.raises(OtherTapeError):
            call()
        assert (len(w.tape), len(other.tape)) == before


def test_nodes_of_the_trace_around(w):
    """A body does not leak its own nodes: they have ended."""
    leaked = []
    mg.scan(lambda h, x: (h * w, leaked.append(h)), 1.0, length=2)
    with pytest.raises(mg.errors.EndedError):
        leaked[0] * w


class Refusal(Exception):
    pass


@pytest.mark.parametrize("loop", [scan_of, while_of, fixed_point_of, cond_of])
def test_exceptions_of_a_body(w, loop):
    """A body that raises leaves the program, the values and the tables."""

    def fail(h):
        np.sin(h)
        raise Refusal("of the user's own")

    L = np.sin(w)
    mg.grad(L, w)
    before, known = len(w.tape), dict(mg.table(L))
    with pytest.raises(Refusal, match="of the user's own"):
        loop(fail)(w)
    assert len(w.tape) == before
    assert dict(mg.table(L)) == known
    log = mg.Log()
    mg.grad(L, w, log=log)
    assert "→" not in str(log)
    assert w.tape.leaf(1.0).value == 1 and w.value == 0.5, "the tape is in its mode again"


def test_errors_while_a_loop_runs(w):
    """NumPy's error in a later step names the construct's line and the body's, and nothing is kept."""
    A = w.tape.leaf(np.eye(2), name="A")
    last, _ = mg.scan(lambda h, x: (h + np.linalg.inv(A * x), None), np.zeros((2, 2)), np.ones(3))
    L = np.sum(last)
    mg.grad(L, A)
    A.value = np.zeros((2, 2))
    for _ in range(2):
        with pytest.raises(np.linalg.LinAlgError) as caught:
            mg.grad(L, A)
        assert any(
            "np.linalg.inv" in note and "test_errors.py" in note for note in caught.value.__notes__
        )
    A.value = 2 * np.eye(2)
    np.testing.assert_allclose(
        mg.grad(L, A), -3 / 4 * np.ones((2, 2)) * np.eye(2) @ np.ones((2, 2)) @ np.eye(2)
    )


def test_ops_without_a_rule(w):
    """An op of the user's own is refused where the body calls it; without one rule, where it is pulled."""

    @mg.op
    def halves(x):
        return x / 2

    with pytest.raises(NoRuleError, match="halves"):
        mg.scan(lambda h, x: (halves(h) * w, None), 1.0, length=2)
    assert len(w.tape) == 1


def test_arrays_of_other_libraries(w):
    sparse = pytest.importorskip("scipy.sparse")
    dask = pytest.importorskip("dask.array")
    for foreign in (dask.ones(3), sparse.csr_array(np.eye(3))):
        with pytest.raises(LoopError, match="run on NumPy arrays"):
            mg.scan(lambda h, x: (h * w, None), 1.0, foreign)


@pytest.fixture
def program():
    tape = mg.Tape()
    w, X = tape.leaf(0.5, name="w"), tape.leaf([1.0, 2.0, 3.0], name="X")

    def make():
        last, ys = mg.scan(lambda h, x: (np.sin(w * h) + x, h), 0.0, X, slots=2)
        last = mg.cond(last > 0, lambda a: a * w, lambda a: a, last)
        return (mg.while_loop(lambda a: a < 4, lambda a: a + w, last) + np.sum(ys)).named("L")

    return tape, w, X, make


@pytest.mark.parametrize("act", ["record", "request", "recorded request"])
def test_interrupts_at_any_line(program, act):
    """Ctrl-C anywhere leaves the tape as it was before, or with all that was recorded; answers are right."""
    tape, w, X, make = program
    L = make()
    expected = mg.grad(L, [w, X])
    second = mg.grad(mg.grad_node(L, w), X)
    size = len(tape)
    steps = {
        "record": make,
        "request": lambda: mg.grad(L, [w, X]),
        "recorded request": lambda: mg.grad(mg.grad_node(L, w), X),
    }
    for count in range(1, LIMIT, 17 if act == "request" else 61):
        with tape.scratch():
            w.value, X.value = 0.25, [3.0, 2.0, 1.0]
            w.value, X.value = 0.5, [1.0, 2.0, 3.0]
            w.value = 0.5 + 1e-9
            w.value = 0.5
            more = interrupted_at(count, steps[act])
        for a, b in zip(mg.grad(L, [w, X]), expected, strict=True):
            np.testing.assert_array_equal(a, b)
        if not more:
            break
    assert len(tape) == size
    np.testing.assert_allclose(mg.grad(mg.grad_node(L, w), X), second, rtol=1e-12)
