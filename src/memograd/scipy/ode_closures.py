"""Right-hand sides that close over nodes: their programs, as functions of these nodes' values.

A solver of differential equations calls a function with arrays, at points of its own choice. The
nodes over which such a function closes are found by tracing it once.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..arrays.values import is_inexact
from ..errors import RefusedError
from ..numpy import asarray
from ..tape.mode import Mode
from ..tape.node import Node
from ..tape.recorder import Recorder
from ..text import describe
from ..transforms import closure_conversion

TRACED = Mode(
    converts=False,
    value_readable=False,
    loss="the right-hand side closes over nodes, so that it is traced at the first time, and what "
    "it decides there by a value would be wrong at others",
    hint="Choose between values with np.where; or give the nodes as args=, with which it may "
    "branch.",
)
"""The tape of a right-hand side that closes over nodes, while it is traced."""

Function = Callable[..., Any]


def convert_closure(f: Function, inputs: list[Any], tape: Recorder) -> tuple[Function, list[Node]]:
    """Return a function of inputs and of the nodes over which `f` closes, and these nodes.

    Parameters
    ----------
    f : callable
        Function of the inputs; it gives a node, an array, or a list of them.
    inputs : list of array or Node
        Inputs for the trace.
    tape : Recorder
        Tape of the nodes over which `f` closes.

    Returns
    -------
    callable
        Called as ``run(*inputs, *nodes)`` with arrays or nodes.
    list of Node
        The nodes.

    Raises
    ------
    RefusedError
        `f` branches on a value, or closes over a node of integers.
    """
    program = closure_conversion.convert_closure(
        lambda *xs: [asarray(f(*xs))], inputs, tape, TRACED
    )
    for node in program.nodes:
        check_number(node)
    # The tape holds the function, and so the function must not hold the tape's nodes.
    without_nodes = replace(program, nodes=[])
    return lambda *values: without_nodes.run(list(values))[0], program.nodes


def check_number(node: Node) -> None:
    """Raise unless a node over which a right-hand side closes has a derivative."""
    if not is_inexact(node.dtype):
        raise RefusedError(
            f"The right-hand side closes over {describe(node.attributes)}, which is not "
            f"differentiable. Take its value before, outside of the function: node.value."
        )
