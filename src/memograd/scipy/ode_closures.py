"""Right-hand sides that close over nodes: their programs, as functions of these nodes' values.

A solver of differential equations calls a function with arrays, at points of its own choice. The
nodes over which such a function closes are found by tracing it once. After that its program runs,
at other points and with other values of the nodes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..arrays.values import is_inexact
from ..errors import RefusedError
from ..numpy import asarray
from ..program.steps import Operand, Step
from ..program.trace_state import trace_on
from ..tape.mode import Mode
from ..tape.node import Node
from ..tape.recorder import Recorder
from ..text import describe
from ..transforms.batched_array import run_op

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
    with tape.scratch(), mode_of(tape, TRACED), trace_on(tape):
        start = tape.next_id
        entered = [input_node(a, tape) for a in inputs]
        y = asarray(f(*entered))
        steps = steps_between(tape, y, start, {node.id for node in entered})
        own = [node.step.operand for node in entered]
        used = {a for step in steps for a in step.operands() if a < start}
        nodes = [tape.handle(n) for n in sorted(used | ({y.id} if y.id < start else set()))]
        for node in nodes:
            check_number(node)
        fixed = {step.operand: tape.read_value(step.operand) for step in steps if step.op is None}
        keys = [*own, *(node.step.operand for node in nodes)]
        steps, last = [step for step in steps if step.op is not None], y.step.operand

    def run(*values: Any) -> Any:
        """Run the program of `f` on values of its inputs and of the nodes."""
        return replay(steps, fixed | dict(zip(keys, values, strict=True)), last)

    return run, nodes


@contextmanager
def mode_of(tape: Recorder, mode: Mode) -> Iterator[None]:
    """Record in another mode in the block."""
    outer, tape.mode = tape.mode, mode
    try:
        yield
    finally:
        tape.mode = outer


def input_node(a: Any, tape: Recorder) -> Node:
    """Return a new node for an input of the trace."""
    y: Node = tape.leaf(tape.read_value(a.id) if isinstance(a, Node) else a)
    return y


def steps_between(tape: Recorder, y: Node, start: int, inputs: set[int]) -> list[Step]:
    """Return the steps from `start` on that lead to y, without the inputs."""
    reached: set[int] = set()
    stack = [y.id]
    while stack:
        n = stack.pop()
        if n >= start and n not in reached and n not in inputs:
            reached.add(n)
            stack.extend(tape.state.steps[n].operands())
    return [tape.state.steps[n] for n in sorted(reached)]


def check_number(node: Node) -> None:
    """Raise unless a node over which a right-hand side closes has a derivative."""
    if not is_inexact(node.dtype):
        raise RefusedError(
            f"The right-hand side closes over {describe(node.attributes)}, which is not "
            f"differentiable. Take its value before, outside of the function: node.value."
        )


def replay(steps: list[Step], values: dict[Operand, Any], last: Operand) -> Any:
    """Return the value of the last of these steps, given those of the nodes that they use."""
    for step in steps:
        args = tuple(values[a] if type(a) is Operand else a for a in step.args)
        values[step.operand] = run_op(step.op, args, step.kwargs)
    return values[last]
