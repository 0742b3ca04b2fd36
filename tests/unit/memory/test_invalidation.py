"""Which entries an assignment makes perhaps stale."""

import numpy as np
import pytest

import memograd as mg
from memograd.memory.invalidation import cotangents_to_mark, rules_reading, values_to_mark
from memograd.memory.tables import MAYBE_STALE


@pytest.fixture
def program(tape):
    """L = sin(x)·w + w: only ∂L/∂s reads w, only ∂L/∂x reads x, and ∂L/∂w reads s."""
    x, w = tape.leaf(0.5, name="x"), tape.leaf(2.0, name="w")
    s = np.sin(x).named("s")
    p = (s * w).named("p")
    L = (p + w).named("L")
    mg.grad(L, [x, w])
    return x, w, s, p, L


def marked(tape, leaf):
    """The names of the values and of the cotangents that an assignment of a leaf marks."""
    memory = tape.state
    consumers, name = memory.succ.sync(), memory.nodes.name
    values = values_to_mark([leaf.id], memory.marks, consumers)
    new = cotangents_to_mark(values, memory.steps, consumers, memory.index)
    assert set(values.values()) == {MAYBE_STALE}
    return {name(n) for n in values}, {name(n) for marks in new.values() for n in marks}


def test_values_downstream_and_the_cotangents_that_read_them_with_what_depends_on_those(
    tape, program
):
    x, w, *_ = program
    assert marked(tape, x) == ({"x", "s", "p", "L"}, {"x", "w"})
    assert marked(tape, w) == ({"w", "p", "L"}, {"s", "x"})


def test_nothing_is_changed_and_what_is_marked_already_is_left_out(tape, program):
    x, w, *_ = program
    marked(tape, x)
    assert tape.state.marks == {}
    tape.assign({x: 0.25})
    assert marked_values(tape, w) == {"w"}


def marked_values(tape, leaf):
    memory = tape.state
    values = values_to_mark([leaf.id], memory.marks, memory.succ.sync())
    return {memory.nodes.name(n) for n in values}


def test_rules_read_operands_and_outputs(tape):
    x = tape.leaf(0.5)
    y = np.exp(x)
    z = y * x
    steps, consumers = tape.state.steps, tape.state.succ.sync()
    assert rules_reading(y.id, steps, consumers[y.id]) == [(x.id, y.id), (x.id, z.id)]
    assert rules_reading(x.id, steps, consumers[x.id]) == [(y.id, z.id)]
