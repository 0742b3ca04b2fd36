"""tape.forget: nothing is lost but time."""

import numpy as np
import pytest

import memograd as mg
from memograd.arrays.values import bitwise_equal
from memograd.errors import BusyError, OtherTapeError, UnknownNodeError


@pytest.fixture
def program(tape):
    x, w = tape.leaf([0.5, -1.0], name="x"), tape.leaf(2.0, name="w")
    s = np.sin(x * w).named("s")
    return x, w, np.sum(s * x).named("L"), np.sum(np.exp(s)).named("M")


def test_one_output_is_forgotten_and_the_others_are_not(tape, program):
    x, w, L, M = program
    before = mg.grad(L, [x, w]), mg.grad(M, [x, w])
    tape.forget(L)
    assert list(mg.table(L)) == ["L"]
    log = mg.Log()
    again = mg.grad(M, [x, w], log=log), mg.grad(L, [x, w], log=log)
    assert {e.output for e in log.events if e.kind == "store"} == {L.id}
    for theirs, ours in zip(before[::-1], again, strict=True):
        assert all(map(bitwise_equal, map(np.asarray, theirs), map(np.asarray, ours)))


def test_everything_is_forgotten_save_leaves(tape, program):
    x, w, L, _ = program
    before = mg.grad(L, [x, w])
    tape.forget()
    assert tape.state.values.keys() == {x.id, w.id}
    assert all(map(bitwise_equal, map(np.asarray, before), map(np.asarray, mg.grad(L, [x, w]))))


def test_what_is_forgotten_is_not_marked_and_assignments_still_reach_the_rest(tape, program):
    x, w, L, M = program
    mg.grad(L, [x, w])
    mg.grad(M, [x, w])
    w.value = 3.0
    tape.forget(L)
    w.value = 4.0
    fresh = mg.Tape()
    y, v = fresh.leaf([0.5, -1.0]), fresh.leaf(4.0)
    s = np.sin(y * v)
    for ours, theirs in ((L, np.sum(s * y)), (M, np.sum(np.exp(s)))):
        assert all(
            map(
                bitwise_equal,
                map(np.asarray, mg.grad(ours, [x, w])),
                map(np.asarray, mg.grad(theirs, [y, v])),
            )
        )


def test_a_chain_that_was_forgotten_is_rebuilt_without_recursion(tape):
    y = x = tape.leaf(0.1)
    for _ in range(20_000):
        y = np.sin(y)
    tape.forget()
    assert mg.grad(y, x) > 0


def test_by_name_or_id_and_what_was_never_asked_for(tape, program):
    tape.forget("M")
    tape.forget(program[2].id)
    with pytest.raises(UnknownNodeError, match="nearest names"):
        tape.forget("LL")
    with pytest.raises(OtherTapeError):
        tape.forget(mg.Tape().leaf(1.0))


def test_not_in_the_middle_of_a_request(tape):
    x = tape.leaf(1.0)

    @mg.op
    def busy(x):
        return x

    mg.linear(busy, x=lambda g: tape.forget())
    with pytest.raises(BusyError):
        mg.grad(busy(x), x)
