"""Functions during which a tape must not change, found on the stack."""

from sys import _getframe

import pytest

import memograd as mg
from memograd.errors import BusyError
from memograd.tape.busy import BUSY, activity, busy, busy_frame


@pytest.fixture
def work():
    """A function that relies on a tape, which it holds under a name of its own."""

    @busy("a test", tape="mine")
    def work(mine, act):
        with mine.lock:
            return act()

    yield work
    del BUSY[id(work.__code__)]


def test_it_is_found_by_the_variable_that_holds_its_tape(tape, work):
    def found():
        with tape.lock:
            frame = busy_frame(tape, _getframe())
            return frame.f_code, activity(frame)

    assert work(tape, found) == (work.__code__, "a test")


def test_it_is_not_taken_for_one_of_another_tape(tape, work):
    def found():
        with tape.lock, tape.lock:
            return busy_frame(tape, _getframe())

    assert work(mg.Tape(), found) is None


def test_a_tape_does_not_change_while_it_runs(tape, work):
    x = tape.leaf(1.0)
    with pytest.raises(BusyError, match="assign came in the middle of a test on this tape"):
        work(tape, lambda: tape.assign({x: 2.0}))
    tape.assign({x: 2.0})
    assert x.value == 2.0
