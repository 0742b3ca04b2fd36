"""Closure conversion: a function that closes over nodes, as a program of these nodes' values.

The nodes over which a Python function closes are found by running it once on a tape. After that its
program runs at other points, with other values of the nodes, on arrays or on another tape.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..program.steps import Operand, Step
from ..program.trace_state import trace_on
from ..rules.registration import rule_of
from ..tape.conversions import raise_refusals
from ..tape.mode import Mode
from ..tape.node import Node
from ..tape.recorder import Recorder
from .batched_array import run_op


@dataclass(eq=False)
class ClosedProgram:
    """Program of a function, with the nodes over which the function closes as further inputs.

    Attributes
    ----------
    steps : list of Step
        The ops, each after its operands.
    constants : dict of Operand to array
        Leaves that the function records itself.
    inputs : list of Operand
        Inputs of the function, and then the nodes.
    outputs : list of Operand
        Results.
    nodes : list of Node
        The nodes over which it closes.
    """

    steps: list[Step]
    constants: dict[Operand, Any]
    inputs: list[Operand]
    outputs: list[Operand]
    nodes: list[Node]

    def run(
        self, values: list[Any], at_step: Callable[[Step], None] = lambda step: None
    ) -> list[Any]:
        """Return the results for values of all inputs: arrays, or nodes of one tape.

        `at_step` is called before each op.
        """
        known = self.constants | dict(zip(self.inputs, values, strict=True))
        for step in self.steps:
            at_step(step)
            args = tuple(known[a] if type(a) is Operand else a for a in step.args)
            known[step.operand] = as_recorded(run_op(step.op, args, step.kwargs))
        return [known[a] for a in self.outputs]

    def hoist(self, tape: Recorder) -> "ClosedProgram":
        """Return the program without what it computes from the nodes alone, which is recorded."""
        known: dict[Operand, Any] = {node.step.operand: node for node in self.nodes}
        varying = []
        for step in self.steps:
            operands = step.operands()
            if operands and rule_of(step.op).pure and all(a in known for a in operands):
                args = tuple(known[a] if type(a) is Operand else a for a in step.args)
                with at_location(tape, step):
                    known[step.operand] = as_recorded(run_op(step.op, args, step.kwargs))
            else:
                varying.append(step)
        read: set[int] = set(self.outputs).union(*(step.operands() for step in varying))
        entered = self.inputs[: len(self.inputs) - len(self.nodes)]
        kept = [a for a in known if a in read]
        return ClosedProgram(
            varying, self.constants, [*entered, *kept], self.outputs, [known[a] for a in kept]
        )


@contextmanager
def at_location(tape: Recorder, step: Step) -> Iterator[None]:
    """Give what is recorded in the block the location of a step."""
    outer = tape.location
    try:
        tape.location = step.location
        yield
    finally:
        tape.location = outer


def as_recorded(y: Any) -> Any:
    """Return a result as later steps read it: several outputs on a tape are one node."""
    first = y[0] if isinstance(y, tuple | list) else None
    return first.tape.handle(first.step.args[0]) if isinstance(first, Node) else y


def convert_closure(
    f: Callable[..., list[Any]], inputs: list[Any], tape: Recorder, mode: Mode
) -> ClosedProgram:
    """Run a function once and return its program; the tape is left as it was.

    Parameters
    ----------
    f : callable
        Function of the inputs; it gives a list of nodes or arrays.
    inputs : list of array or Node
        Values for the run.
    tape : Recorder
        Tape of the nodes over which `f` closes.
    mode : Mode
        What may be read of nodes meanwhile.
    """
    with tape.scratch(), mode_of(tape, mode), trace_on(tape), raise_refusals(tape):
        start = tape.next_id
        entered = [input_node(a, tape) for a in inputs]
        given = f(*entered)
        results = [y if isinstance(y, Node) else tape.leaf(y) for y in given]
        steps = steps_between(tape, results, start, {node.id for node in entered})
        outer: set[int] = {a for step in steps for a in step.operands() if a < start}
        outer.update(y.id for y in results if y.id < start)
        nodes = [tape.handle(n) for n in sorted(outer)]
        return ClosedProgram(
            [step for step in steps if step.op is not None],
            {step.operand: tape.read_value(step.operand) for step in steps if step.op is None},
            [node.step.operand for node in [*entered, *nodes]],
            [y.step.operand for y in results],
            nodes,
        )


@contextmanager
def mode_of(tape: Recorder, mode: Mode) -> Iterator[None]:
    """Record in another mode in the block."""
    outer = tape.mode
    try:  # an interrupt may come after any line
        tape.mode = mode
        yield
    finally:
        tape.mode = outer


def input_node(a: Any, tape: Recorder) -> Node:
    """Return a new node for an input of the run."""
    y: Node = tape.leaf(tape.read_value(a.id) if isinstance(a, Node) else a)
    return y


def steps_between(tape: Recorder, results: list[Node], start: int, inputs: set[int]) -> list[Step]:
    """Return the steps from `start` on that lead to the results, without the inputs."""
    reached: set[int] = set()
    stack = [y.id for y in results]
    while stack:
        n = stack.pop()
        if n >= start and n not in reached and n not in inputs:
            reached.add(n)
            stack.extend(tape.state.steps[n].operands())
    return [tape.state.steps[n] for n in sorted(reached)]
