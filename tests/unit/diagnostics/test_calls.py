"""Text of the call that made a node."""

import numpy as np
import pytest

import memograd as mg
from memograd.diagnostics.calls import format_step


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (np.log, "np.log(x)"),
        (lambda x: x > 0, "x > 0"),
        (lambda x: x * x, "x * x"),
        (lambda x: x @ x, "x @ x"),
        (lambda x: np.sum(x, axis=0), "np.sum(x, axis=0)"),
        (lambda x: x[1], "x[1]"),
        (lambda x: np.stack([x, x]), "np.stack([x, x])"),
        (lambda x: x * np.array([1.0, 2.5]), "x * [1, 2.5]"),
        (lambda x: np.outer(x, np.ones(9)), "np.outer(x, a constant of shape (9,))"),
        (lambda x: np.ravel(x, order="F"), "np.ravel(x, order='F')"),
    ],
)
def test_calls_are_written_as_python_code(call, text):
    tape = mg.Tape()
    y = call(tape.leaf([1.0, 2.0], name="x"))
    assert format_step(tape.state.steps[y.id], tape.state.nodes.name) == text
