"""Two logs side by side: what one computed and the other did not, and why."""

import numpy as np
import pytest

import memograd as mg


@pytest.fixture
def product(tape):
    """L = exp(sin(x) * w)."""
    x, w = tape.leaf(2.0, name="x"), tape.leaf(3.0, name="w")
    return x, w, np.exp((np.sin(x).named("s") * w).named("m")).named("L")


def logged(L, targets, new=None):
    """The log of an assignment, if there is one, and of a request after it."""
    log = mg.Log()
    if new is not None:
        L.tape.assign(new, log=log)
    mg.grad(L, targets, log=log)
    return log


def test_what_was_asked_for_now_and_not_then(product):
    x, w, L = product
    then, now = logged(L, w), logged(L, x)
    comparison = now.compare(then)
    assert comparison.computed == ["x", "s"] and comparison.spared == ["w", "m"]
    assert comparison.reasons == {
        "∂L/∂x": "asked for now, and not then",
        "∂L/∂s": "needed now for ∂L/∂x, and not then",
        "∂L/∂w": "asked for then, and not now",
        "∂L/∂m": "read now, because it was stored; not in the table then",
    }


def test_what_was_read_then_and_dropped_now(product):
    x, w, L = product
    mg.grad(L, x)
    then, now = logged(L, x), logged(L, x, {w: 4.0})
    dropped = "dropped now, because what it had read changed (assigned: w)"
    reasons = now.compare(then).reasons
    assert reasons["∂L/∂x"] == f"read then, because it was stored; {dropped}"
    assert reasons["∂L/∂s"] == f"needed now for ∂L/∂x, and not then; {dropped}"


def test_an_assignment_that_was_not_logged_is_not_named(product):
    x, w, L = product
    mg.grad(L, x)
    then = logged(L, x)
    w.value = 4.0
    reason = "read then, because it was stored; dropped now, because what it had read changed"
    assert logged(L, x).compare(then).reasons["∂L/∂x"] == reason


def test_what_was_begun_and_not_finished(tape):
    broken = mg.op(lambda x: 2.0 * x)
    divisor = []
    mg.linear(broken, x=lambda g: g / divisor[0])
    x = tape.leaf(1.0, name="x")
    L = np.sin(broken(x).named("b")).named("L")
    then = mg.Log()
    with pytest.raises(IndexError):
        mg.grad(L, x, log=then)
    divisor.append(0.5)
    assert logged(L, x).compare(then).reasons["∂L/∂x"] == "begun then, and not finished"


def test_logs_of_two_tapes_meet_by_name(product):
    x, w, L = product
    tape = mg.Tape()
    y = tape.leaf(0.5, name="x")
    other = logged(np.sin(y).named("L"), y)
    assert logged(L, x).compare(other).computed == ["s", "m"]


def test_outputs_are_told_apart(product):
    x, w, L = product
    M = np.square(x).named("M")
    comparison = logged(M, x).compare(logged(L, w))
    assert comparison.reasons["∂M/∂x"] == "asked for now, and not then"


def test_a_log_beside_itself_differs_in_nothing(product):
    x, _, L = product
    log = logged(L, x)
    assert str(log.compare(log)) == "the same was computed"
    assert str(mg.Log().compare(mg.Log())) == "the same was computed"


def test_it_prints_one_line_each(tape):
    x = tape.leaf(0.5, name="two\nlines")
    L = np.exp(np.sin(x).named("s" * 1000)).named("L")
    lines = str(logged(L, x).compare(mg.Log())).splitlines()
    assert lines[0] == "computed now, and not then:"
    assert len(lines) == 3 and all(line.isprintable() and len(line) < 200 for line in lines)
