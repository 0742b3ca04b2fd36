"""What loops and branches have in common when they are recorded.

A loop is recorded on the tape of its nodes: those given to it, those over which its functions
close, or that of the trace around it. Without any, it runs on arrays.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arrays.pytrees import (
    describe_tree,
    leaves_with_paths,
    tree_leaves,
    tree_unflatten,
    zip_with_paths,
)
from ..arrays.values import as_input
from ..errors import LoopError, RefusedError
from ..program.trace_state import current_tape, trace_on
from ..tape.node import Node
from ..tape.weak_nodes import PYTHON_NUMBERS, WeakNode, strong
from .bodies import Body, trace_body
from .ops import Facts, Loop


def tape_of_nodes(*nests: Any) -> Any:
    """Return the tape of the first node in pytrees, else that of the trace around; or None."""
    for nest in nests:
        for a in tree_leaves(nest):
            if isinstance(a, Node):
                return a.tape
    return current_tape()


def as_operand(a: Any) -> Any:
    """Return a leaf of a pytree as a node or an array."""
    return strong(a) if isinstance(a, Node) else as_input(a)


def facts_of(nodes: Sequence[Any]) -> list[Facts]:
    """Return shape and dtype of nodes or arrays."""
    return [(tuple(a.shape), a.dtype) for a in nodes]


def run_once(f: Callable[..., Any], *args: Any) -> tuple[Any, Any]:
    """Return f of arrays, and the tape of a node in the result: f closes over it; or None."""
    with trace_on(None):
        y = f(*args)
    return y, tape_of_nodes(y)


def record_loop(tape: Any, loop: Loop, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Record a loop, and return its outputs; without a node, run it."""
    found = (
        tape.record(loop.op, tuple(operands), {"loop": loop})
        if any(isinstance(a, Node) for a in operands)
        else loop.run(operands)
    )
    return found  # type: ignore[no-any-return]


def check_state(what: str, taken: Any, given: Any) -> None:
    """Raise unless a state that a body gives has the form of the state that it takes.

    Parameters
    ----------
    what : str
        The function, for the message.
    taken, given : pytree of arrays
        The two states.
    """
    try:
        pairs = list(zip_with_paths(taken, given, "state"))
    except RefusedError:
        raise LoopError(
            f"The body of {what} takes {describe_tree(taken)} as its state, but gives "
            f"{describe_tree(given)}. Let it give the same nest."
        ) from None
    for where, a, b in pairs:
        b = as_operand(b)
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            raise LoopError(
                f"The body of {what} takes {where} as {a.dtype} {a.shape}, but gives {b.dtype} "
                f"{b.shape}. A state keeps its shape and dtype: give an initial state of that "
                f"form, or convert what the body gives."
            )


def promoted_dtypes(carry: Any, begin: list[Any], given: Any) -> list[Any]:
    """Return the dtypes of an initial state whose Python numbers take those that the body gives.

    As in NumPy, a Python number takes the precision of the arrays that it meets.
    """
    wanted, leaves = tree_leaves(given), tree_leaves(carry)
    if len(wanted) != len(leaves):
        return [x.dtype for x in begin]
    dtypes = []
    for a, x, b in zip(leaves, begin, map(as_operand, wanted), strict=True):
        weak = type(a) in PYTHON_NUMBERS or isinstance(a, WeakNode)
        takes_other = weak and np.can_cast(x.dtype, b.dtype, "same_kind")
        dtypes.append(b.dtype if takes_other else x.dtype)
    return dtypes


class TracedStep(NamedTuple):
    """Step of a loop, traced.

    Attributes
    ----------
    body : Body
        Its inputs are the state, further inputs, and what the step closes over; its outputs are
        the next state and results.
    nodes : list of Node
        What the step closes over.
    begin : list of Node or array
        Initial state, flat, in the dtypes of the states that follow.
    results : pytree
        Structure of the results.
    """

    body: Body
    nodes: list[Node]
    begin: list[Any]
    results: Any


def trace_step(
    step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, row: Any, tape: Any, what: str
) -> TracedStep:
    """Trace a step of a loop.

    Parameters
    ----------
    step : callable
        ``step(carry, row)`` gives the next state, and a pytree of results.
    carry, row : pytree
        Initial state, and values for the further inputs.
    tape : Recorder
        Tape of the nodes over which it closes.
    what : str
        The function that the user called, for messages.
    """
    begin, rows = list(map(as_operand, tree_leaves(carry))), list(map(as_operand, tree_leaves(row)))
    seen: list[Any] = []

    def flat(*nodes: Any) -> list[Any]:
        """Return the step's results as a list."""
        state = tree_unflatten(carry, nodes[: len(begin)])
        following, y = step(state, tree_unflatten(row, nodes[len(begin) :]))
        dtypes = promoted_dtypes(carry, begin, following)
        if dtypes == [x.dtype for x in begin]:
            check_state(what, state, following)
        seen[:] = dtypes, y
        return [*tree_leaves(following), *tree_leaves(y)]

    while True:
        body, nodes = trace_body(flat, [*begin, *rows], tape)
        dtypes, y = seen
        if dtypes == [x.dtype for x in begin]:
            return TracedStep(body, nodes, begin, y)
        begin[:] = [x.astype(dtype) for x, dtype in zip(begin, dtypes, strict=True)]


def common_length(xs: Any, length: int | None) -> int:
    """Return the number of steps of a scan; raise if the arrays do not agree on it."""
    lengths: dict[int, str] = {} if length is None else {length: "length"}
    for where, x in leaves_with_paths(xs, "xs"):
        shape = np.shape(x)
        if not shape:
            raise LoopError(f"A scan goes along the rows of {where}, but that is a single number.")
        lengths.setdefault(shape[0], where)
    if len(lengths) != 1:
        told = ", ".join(f"{where} {n}" for n, where in lengths.items())
        raise LoopError(
            f"A scan needs one number of steps, but got {told or 'no array'}. Give arrays of one "
            f"length, or length= alone."
        )
    return next(iter(lengths))
