"""Runs of functions: by which arguments, on which tape, and in which dtype seeds and tangents come."""

import numpy as np
import pytest

import memograd as mg
from memograd.functional import grad, value_and_grad
from memograd.program.trace_state import current_tape, trace_on
from memograd.transforms.function_tracing import TracedCall, trace_call


@pytest.mark.parametrize(
    ("argnums", "positions"),
    [(0, [0]), (-2, [1]), ((2, -3), [2, 0]), (range(3), [0, 1, 2]), (np.int64(1), [1]), ((), [])],
)
def test_positions_count_from_either_end(argnums, positions):
    assert TracedCall(print, (1.0, 2.0, 3.0), {}, argnums, False).positions() == positions


def tapes(f, *args):
    """The tape of a run, whether it gives nodes, and the tape of the trace inside."""
    inside = []
    run = trace_call(
        TracedCall(lambda *args: inside.append(current_tape()) or f(*args), args, {}, 0, False),
        lambda run: run,
    )
    return run.tape, run.as_nodes, inside


def test_arrays_start_a_tape_to_throw_away():
    tape, as_nodes, inside = tapes(np.sin, 1.0)
    assert not as_nodes and inside == [tape] and current_tape() is None


def test_nodes_bring_their_tape(x, tape):
    for args in [(x,), ({"x": [x]},), (1.0, x)]:
        assert tapes(lambda *args: 0.0, *args) == (tape, True, [tape])


def test_a_trace_around_is_gone_on_with(tape):
    with trace_on(tape):
        assert tapes(np.sin, 1.0) == (tape, True, [tape]) and current_tape() is tape


def test_a_function_that_meets_another_tape_is_run_again_on_it(x, tape):
    found, as_nodes, inside = tapes(lambda y: y * x, 1.0)
    assert found is tape and as_nodes and len(inside) == 2 and inside[1] is tape


def test_each_argument_is_a_node_of_its_own(x):
    run = trace_call(TracedCall(lambda a, b: a * b, (x, x), {}, (0, 1), False), lambda run: run)
    assert len({x.id, *(node.id for node in run.nodes)}) == 3


def test_an_error_ends_the_trace(x):
    with pytest.raises(ZeroDivisionError):
        grad(lambda y: y / 0 if y is x else 1 / 0)(x)
    assert current_tape() is None


def test_what_an_op_of_the_users_does_inside_is_no_part_of_the_trace():
    seen = []

    @mg.op
    def slope(x):
        seen.append(current_tape())
        return grad(lambda y: y * y * y)(x)

    mg.rule(slope, x=lambda g, x: 6.0 * g * x)
    value, g = value_and_grad(slope)(2.0)
    assert seen == [None] and (type(value), value, g) == (np.float64, 12.0, 12.0)
