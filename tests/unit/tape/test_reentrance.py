"""What a signal handler, a finalizer, the collector, an op or a callback may do in the middle of what the tape does."""

import gc
import os
import subprocess
import sys

import numpy as np
import pytest
from interrupts import called_at
from laws import law_of_marks

import memograd as mg
from memograd.arrays.values import bitwise_equal
from memograd.errors import BusyError, EndedError, NamingError
from memograd.program.steps import Operand

STRIDE = 13
"""Each 13th line is tried, or the test would take half an hour."""

OLD, NEW = (0.7, -1.2, 0.4), (0.1, 0.9, -0.3)


def program(tape, values=OLD):
    x, w, b = (tape.leaf(v, name=n) for v, n in zip(values, "xwb", strict=True))
    h = np.tanh(x * w + b)
    first = np.sum(h * h * w)
    return [x, w, b], [first, first * np.exp(h) + b]


def answers(outputs, leaves):
    return [v for L in outputs for v in (L.value, *mg.grad(L, leaves))]


def scratch(tape, leaves, outputs):
    with tape.scratch():
        mg.grad(np.sin(outputs[0]) * leaves[0], leaves)


ACTS = {
    "record": lambda tape, leaves, outputs: outputs[0] * leaves[0] + leaves[2],
    "record a derivative": lambda tape, leaves, outputs: mg.grad_node(outputs[1], leaves),
    "assign": lambda tape, leaves, outputs: tape.assign(dict(zip(leaves, NEW, strict=True))),
    "ask": lambda tape, leaves, outputs: answers(outputs, leaves),
    "forget": lambda tape, leaves, outputs: tape.forget(),
    "forget one": lambda tape, leaves, outputs: tape.forget(outputs[1]),
    "scratch": scratch,
}

MEDDLING = {
    "record": lambda tape, leaves, outputs: [
        outputs[1] * leaves[1],
        outputs[0] * np.sin(leaves[0]),
    ],
    "ask": lambda tape, leaves, outputs: answers(outputs, leaves) and [],
    "record and ask": lambda tape, leaves, outputs: [
        y := outputs[1] * leaves[1],
        mg.grad(y, leaves),
    ][:1],
    "assign": lambda tape, leaves, outputs: (
        tape.assign(dict(zip(leaves[:2], (2.5, 3.5), strict=True))) or []
    ),
    "forget": lambda tape, leaves, outputs: tape.forget() or [],
}

STATES = {
    "new": lambda tape, leaves, outputs: None,
    "asked": lambda tape, leaves, outputs: answers(outputs, leaves),
    "stale": lambda tape, leaves, outputs: (
        answers(outputs, leaves),
        tape.assign({leaves[0]: -0.5, leaves[2]: 0.25}),
    ),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("meddling", MEDDLING)
@pytest.mark.parametrize("act", ACTS)
def test_a_signal_at_any_line_spoils_nothing(act, meddling, state):
    for count in range(1, 10_000, STRIDE):
        tape, made = mg.Tape(), []
        leaves, outputs = program(tape)
        STATES[state](tape, leaves, outputs)

        def meddle():
            try:
                made.extend(MEDDLING[meddling](tape, leaves, outputs))  # noqa: B023
            except BusyError:
                assert meddling in ("assign", "forget")

        called = called_at(count, lambda: ACTS[act](tape, leaves, outputs), meddle)  # noqa: B023
        check(tape, leaves, outputs, made)
        if not called:
            return
    raise AssertionError("never came to its end")


def check(tape, leaves, outputs, made):
    """Everything is as on a fresh tape, now and after another assignment."""
    for new in (None, (1.5, -0.75, 2.0)):
        if new is not None:
            tape.assign(dict(zip(leaves, new, strict=True)))
        values = [float(leaf.value) for leaf in leaves]
        fresh_leaves, fresh_outputs = program(mg.Tape(), values)
        law_of_marks(tape)
        assert all(
            map(bitwise_equal, answers(outputs, leaves), answers(fresh_outputs, fresh_leaves))
        )
        named = {"x": values[0], "w": values[1], "b": values[2]}
        for y in made:
            try:
                value = y.value
            except EndedError:  # recorded in what was cut off
                continue
            assert np.allclose(value, again(y, named), rtol=1e-13)
            assert len(tape.graph.pred[y.id]) == len(y.operands)
    assert list(tape.graph) == [n.id for n in tape] == sorted(tape.graph)


def again(y, named):
    """The value of a node, computed from those of the leaves."""
    if y.op is None:
        return named[y.name]
    args = [
        again(y.tape[a], named) if type(a) is Operand else a
        for a in y.tape.graph.nodes[y.id]["args"]
    ]
    return y.op(*args, **y.tape.graph.nodes[y.id]["kwargs"])


def test_the_collector_may_record_while_nodes_are_recorded(tape):
    x = tape.leaf(1.0, name="x")
    made, busy = [], [False]

    def callback(phase, info):
        if phase == "start" and not busy[0] and len(made) < 3000:
            busy[0] = True
            made.append(x * 7.0)
            busy[0] = False

    old = gc.get_threshold()
    gc.callbacks.append(callback)
    gc.set_threshold(1, 1, 1)
    try:
        mine = [x * 3.0 for _ in range(500)]
    finally:
        gc.callbacks.remove(callback)
        gc.set_threshold(*old)
    assert made
    assert {float(y.value) for y in mine} == {3.0} and {float(y.value) for y in made} == {7.0}
    assert len({y.id for y in made + mine}) == len(made + mine) == len(tape) - 1
    assert list(tape.graph) == sorted(tape.graph)


class TestInARecording:
    """While an op is recorded, its tape stays as it is, but for what else is recorded."""

    @pytest.fixture
    def acting(self):
        """An op and a list: what stands in it is called when the op is run."""
        acts = []
        op = mg.op(lambda a: [act() for act in acts] and a * 2 or a * 2)
        mg.elementwise(op, a=lambda g: 2 * g)
        return op, acts

    @pytest.mark.parametrize("what", ["assign", "forget", "a budget", "a scratch block"])
    def test_it_is_not_changed(self, tape, acting, what):
        op, acts = acting
        x = tape.leaf(1.0, name="x")
        block = tape.scratch()
        block.__enter__()
        y = np.sin(x)
        acts.append({"assign": lambda: tape.assign({x: 2.0}), "forget": tape.forget, "a budget": lambda: setattr(tape, "budget", 0),
                     "a scratch block": lambda: block.__exit__(None, None, None)}[what])  # fmt: skip
        with pytest.raises(BusyError, match="in the middle of a recording"):
            op(y)
        acts.clear()
        assert len(tape) == 2 and len(tape.graph.edges) == 1
        tape.assign({x: 2.0})
        assert op(y).value == 2 * np.sin(2.0)

    def test_a_block_that_began_and_ends_in_it_is_cut_off(self, tape, acting):
        op, acts = acting
        x = tape.leaf(1.0, name="x")

        def act():
            with tape.scratch():
                mg.grad(x * x, x)

        acts.append(act)
        assert op(x).value == 2.0 and len(tape) == 2

    def test_a_block_does_not_end_in_a_request(self, tape):
        x = tape.leaf(1.0, name="x")
        block = tape.scratch()
        block.__enter__()
        y = np.sin(x)
        with pytest.raises(
            BusyError, match="scratch block ended in the middle of a recording or a request"
        ):
            mg.grad(y, x, progress=lambda done, total: block.__exit__(None, None, None))
        assert mg.grad(y, x) == np.cos(1.0) and len(tape) == 2


def test_a_progress_callback_may_record_and_may_not_assign(tape):
    x = tape.leaf(1.0, name="x")
    y, made = np.sin(x), []
    mg.grad(y, x, progress=lambda done, total: made.append(y * 2.0))
    assert [z.value for z in made] == [2 * np.sin(1.0)] * len(made) and made
    tape.forget()
    with pytest.raises(BusyError, match="assign came in the middle of a request"):
        mg.grad(y, x, progress=lambda done, total: tape.assign({x: 2.0}))
    assert mg.grad(y, x) == np.cos(1.0)


def test_a_name_that_was_given_away_meanwhile_is_refused(tape, monkeypatch):
    record = mg.Tape.record

    def meddling(self, *args):
        monkeypatch.setattr(mg.Tape, "record", record)
        tape.leaf(2.0, name="x")
        return record(self, *args)

    monkeypatch.setattr(mg.Tape, "record", meddling)
    with pytest.raises(NamingError, match="has that name already"):
        tape.leaf(1.0, name="x")
    assert tape["x"].value == 2.0 and [n.name for n in tape].count("x") == 1


FORKS = {
    "a lock of a thread that the child does not have": """
held, go = threading.Event(), threading.Event()

def holder():
    with tape.scratch():
        held.set()
        go.wait()

thread = threading.Thread(target=holder)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(60)  # or a fault would never end
    os._exit(0 if mg.grad(L, x) == 6.0 else 1)
status = os.waitpid(child, 0)[1]
go.set()
thread.join()
assert status == 0
""",
    "a lock of the forking thread": """
with tape.scratch():
    y = x * x
    child = os.fork()
    if child == 0:
        os._exit(0 if tape.lock._is_owned() and mg.grad(y, x) == 6.0 else 1)
    assert os.waitpid(child, 0)[1] == 0
assert len(tape) == 2
""",
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("what", FORKS)
def test_a_forked_child_does_not_wait(what):
    """In a process of its own: other libraries warn of forks."""
    script = (
        "import os, signal, threading\nimport memograd as mg\ntape = mg.Tape()\nx = tape.leaf(3.0)\nL = x * x\n"
        + FORKS[what]
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
