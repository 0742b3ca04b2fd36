"""What a signal handler, a finalizer, the collector, an op or a callback may do in the middle of what the tape does."""

import numpy as np
import pytest
from interrupts import called_at
from laws import law_of_marks

import memograd as mg
from memograd.arrays import same
from memograd.errors import BusyError, EndedError
from memograd.program import Operand

STRIDE = 37
"""Which of the lines are tried: each 37th; all of them take half an hour."""

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
    "look at the graph": lambda tape, leaves, outputs: (list(tape.graph.edges), list(tape.graph.nodes(data=True))),
}

MEDDLING = {
    "record": lambda tape, leaves, outputs: [outputs[1] * leaves[1], outputs[0] * np.sin(leaves[0])],
    "ask": lambda tape, leaves, outputs: answers(outputs, leaves) and [],
    "ask for one": lambda tape, leaves, outputs: [mg.grad(outputs[1], leaves[0])][:0],
    "record and ask": lambda tape, leaves, outputs: [y := outputs[1] * leaves[1], mg.grad(y, leaves)][:1],
    "assign": lambda tape, leaves, outputs: tape.assign(dict(zip(leaves[:2], (2.5, 3.5), strict=True))) or [],
    "forget": lambda tape, leaves, outputs: tape.forget() or [],
}

STATES = {
    "new": lambda tape, leaves, outputs: None,
    "asked": lambda tape, leaves, outputs: answers(outputs, leaves),
    "stale": lambda tape, leaves, outputs: (answers(outputs, leaves), tape.assign({leaves[0]: -0.5, leaves[2]: 0.25})),
    "within a budget": lambda tape, leaves, outputs: (answers(outputs, leaves), setattr(tape, "budget", 40)),
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
        assert all(map(same, answers(outputs, leaves), answers(fresh_outputs, fresh_leaves)))
        named = {"x": values[0], "w": values[1], "b": values[2]}
        for y in made:
            try:
                y.value  # noqa: B018  (raises where it was cut off)
            except EndedError:  # recorded in what was cut off
                continue
            assert np.allclose(y.value, again(y, named), rtol=1e-13)
            assert len(tape.graph.pred[y.id]) == len(y.operands)
    assert list(tape.graph) == [n.id for n in tape] == sorted(tape.graph)


def again(y, named):
    """The value of a node, computed from those of the leaves."""
    if y.op is None:
        return named[y.name]
    args = [again(y.tape[a], named) if type(a) is Operand else a for a in y.tape.graph.nodes[y.id]["args"]]
    return y.op(*args)
