"""Bodies of loops and branches: programs on tapes of their own, with their derivatives.

A body is traced once. Its derivatives are bodies, too: recorded on the same tape, each once.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ...arrays.values import is_inexact
from ...program.steps import Step, Steps
from ...program.trace_state import trace_on
from ...solver.recursion import zeros_for
from ...solver.single_use import record_vjp_once
from ...tape.mode import Mode
from ...tape.node import Node
from ...tape.recorder import Recorder
from ...tape.tape import Tape
from ...transforms.closure_conversion import convert_closure
from ...transforms.products import push_nodes
from ..executable import Plan, plan

BODY = Mode(
    converts=False,
    value_readable=False,
    loss="the body of a loop is traced once and runs many times, so that what it decides by this "
    "value would be wrong at other steps",
    hint="Choose between values with np.where, or between computations with memograd.cond.",
)
"""Mode of the trace of a body."""


class Body:
    """Program with inputs and outputs, on a tape of its own.

    Attributes
    ----------
    tape : Tape
        Its tape, on which nothing else is recorded but its derivatives.
    inputs, outputs : list of Node
        Leaves that stand for its inputs, and its results.
    """

    def __init__(self, tape: Tape, inputs: list[Node], outputs: list[Node]) -> None:
        self.tape, self.inputs, self.outputs = tape, inputs, outputs
        self._derivatives: dict[Any, Body] = {}

    def __repr__(self) -> str:
        return f"<body of {len(self.inputs)} inputs, {len(self.outputs)} outputs>"

    def __reduce__(self) -> Any:
        ids = [node.id for node in self.inputs], [node.id for node in self.outputs]
        return restore_body, (self.tape, *ids)

    @cached_property
    def plan(self) -> Plan:
        """The compiled program."""
        return plan(self.outputs, {f"a{k}": node for k, node in enumerate(self.inputs)})

    @cached_property
    def run(self) -> Callable[[list[Any]], list[Any]]:
        """The function from inputs that fit, see :func:`fit`, to the outputs."""
        return self.plan.replay

    def vjp(self, outputs: tuple[int, ...], wanted: tuple[int, ...]) -> "Body":
        """Return the body of the VJP.

        Its inputs are those of this body, and cotangents of these outputs. Its outputs are the
        cotangents of the inputs that are wanted.
        """
        return self._derivative(("vjp", outputs, wanted), lambda: self._pull(outputs, wanted))

    def jvp(self, moving: tuple[int, ...]) -> "Body":
        """Return the body of the JVP.

        Its inputs are those of this body, and tangents of those that move. Its outputs are those of
        this body, and their tangents, if they are inexact.
        """
        return self._derivative(("jvp", moving), lambda: self._push(moving))

    def with_tangents(
        self, inputs: Sequence[tuple[bool, int]], outputs: Sequence[tuple[bool, int]]
    ) -> "Body":
        """Return the body of the JVP with inputs and outputs in a given order.

        A pair has whether it is a tangent, and the number of an input or output of this body.
        """
        moving = tuple(k for tangent, k in inputs if tangent)
        both, floats = self.jvp(moving), inexact_positions(self.outputs)
        own, ends = both.inputs, both.outputs
        tangents = dict(zip(moving, own[len(self.inputs) :], strict=True))
        pushed = dict(zip(floats, ends[len(self.outputs) :], strict=True))
        return Body(
            self.tape,
            [tangents[k] if tangent else own[k] for tangent, k in inputs],
            [pushed[j] if tangent else ends[j] for tangent, j in outputs],
        )

    def nodes_read_by(self, pull: "Body", state: int, varying: int) -> tuple[int, ...]:
        """Return the nodes of this body that a pull reads, but those that do not vary.

        Parameters
        ----------
        pull : Body
            The VJP.
        state, varying : int
            How many inputs are the state, which counts as read, and how many vary from step to
            step.
        """
        steps, inputs = self.tape.state.steps, [node.id for node in self.inputs]
        own = ancestors_of(steps, self.outputs, set(inputs)) | set(inputs)
        varies = set(inputs[:varying])
        for n in sorted(own):
            if not varies.isdisjoint(steps[n].operands()):
                varies.add(n)
        kept = {n for n in own & varies if type(steps[n].dtype) is not tuple}
        kept -= set(inputs[state:])
        reached = ancestors_of(steps, pull.outputs, kept | set(inputs))
        return tuple(sorted(kept & reached))

    def from_nodes(self, nodes: tuple[int, ...], inputs: list[Node], pull: "Body") -> "Body":
        """Return a pull whose inputs are these nodes of the body, and then further inputs."""
        given = [self.tape.handle(n) for n in nodes]
        return self._derivative(
            ("from nodes", pull, nodes), lambda: Body(self.tape, given + inputs, pull.outputs)
        )

    def _derivative(self, key: Any, make: Callable[[], "Body"]) -> "Body":
        """Return a derivative, recorded at the first call."""
        with self.tape.lock:
            if key not in self._derivatives:
                with trace_on(self.tape), np.errstate(all="ignore"):
                    self._derivatives[key] = make()
            return self._derivatives[key]

    def _pull(self, outputs: tuple[int, ...], wanted: tuple[int, ...]) -> "Body":
        """Record the VJP."""
        cotangents = [zero_leaf(self.tape, self.outputs[j]) for j in outputs]
        seeds: dict[int, Any] = {}
        for j, g in zip(outputs, cotangents, strict=True):
            n = self.outputs[j].id
            seeds[n] = seeds[n] + g if n in seeds else g
        pulled = record_vjp_once(self.tape, seeds, [self.inputs[k] for k in wanted])
        return Body(self.tape, self.inputs + cotangents, pulled)

    def _push(self, moving: tuple[int, ...]) -> "Body":
        """Record the JVP."""
        tangents = [zero_leaf(self.tape, self.inputs[k]) for k in moving]
        pairs = [(self.inputs[k], t) for k, t in zip(moving, tangents, strict=True)]
        ys = [self.outputs[j] for j in inexact_positions(self.outputs)]
        pushed = push_nodes(self.tape, [y.id for y in ys], pairs) if ys else []
        return Body(self.tape, self.inputs + tangents, self.outputs + pushed)


def fit(a: Any) -> Any:
    """Return an array as plans take it: in C order, or as a NumPy scalar."""
    is_fit = type(a) is not np.ndarray or (a.ndim and a.flags.c_contiguous)
    return a if is_fit else np.asarray(a, order="C")[()]


def inexact_positions(nodes: Sequence[Node]) -> list[int]:
    """Return the positions of the nodes that have derivatives."""
    return [k for k, node in enumerate(nodes) if is_inexact(node.dtype)]


def inputs_with_tangents(
    body: Body, state: int, moving: tuple[int, ...]
) -> tuple[list[tuple[bool, int]], int]:
    """Return the inputs of a loop that carries the tangents of its state, and its width.

    Parameters
    ----------
    body : Body
        One step, whose first inputs are the state.
    state : int
        Number of arrays in the state.
    moving : tuple of int
        The inputs that have a tangent.

    Returns
    -------
    list of (bool, int)
        See :meth:`Body.with_tangents`.
    int
        Number of arrays in the new state.
    """
    floats = [k for k in inexact_positions(body.inputs) if k < state]
    inputs = [
        *((False, k) for k in range(state)),
        *((True, k) for k in floats),
        *((False, k) for k in range(state, len(body.inputs))),
        *((True, k) for k in moving if k >= state),
    ]
    return inputs, state + len(floats)


def ancestors_of(steps: Steps, nodes: Sequence[Node], ends: set[int]) -> set[int]:
    """Return the nodes, and those from which they are computed, up to some ends."""
    reached: set[int] = set()
    stack = [node.id for node in nodes]
    while stack:
        n = stack.pop()
        if n not in reached:
            reached.add(n)
            stack.extend([] if n in ends else steps[n].operands())
    return reached


def restore_body(tape: Tape, inputs: list[int], outputs: list[int]) -> Body:
    """Return a body from a pickle."""
    return Body(tape, [tape[n] for n in inputs], [tape[n] for n in outputs])


def zero_leaf(tape: Tape, node: Node) -> Node:
    """Record a leaf of zeros in the shape of a node."""
    return tape.leaf(zeros_for(node.shape, node.dtype))


def trace_body(
    f: Callable[..., list[Any]], inputs: list[Any], tape: Recorder, *, hoists: bool = False
) -> tuple[Body, list[Node]]:
    """Return a function as a body, and the nodes over which it closes, its further inputs.

    Parameters
    ----------
    f : callable
        Function of nodes; it gives a list of nodes or arrays.
    inputs : list of array or Node
        Values for the trace.
    tape : Recorder
        Tape of the nodes over which `f` closes.
    hoists : bool
        Whether what `f` computes from those nodes alone is recorded there, to be computed once.
        Otherwise the tape is left as it was.
    """
    program = convert_closure(f, inputs, tape, BODY)
    if hoists:
        program = program.hoist(tape)
    own = Tape()
    own.mode = BODY

    def at_step(step: Step) -> None:
        """Give what is recorded next the location in the user's code."""
        own.location = step.location

    with np.errstate(all="ignore"):
        entered = [
            own.leaf(tape.read_value(a.id) if isinstance(a, Node) else a)
            for a in [*inputs, *program.nodes]
        ]
        given = program.run(entered, at_step)
    own.location = None
    outputs = [y if isinstance(y, Node) else own.leaf(y) for y in given]
    return Body(own, entered, outputs), program.nodes
