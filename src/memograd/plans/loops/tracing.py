"""What loops and branches have in common when they are recorded.

A loop is recorded on the tape of its nodes: those given to it, those over which its functions
close, or that of the trace around it. Without any, it runs on arrays.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import index
from typing import Any, NamedTuple

import numpy as np

from ...arrays.kinds import kind_of
from ...arrays.pytrees import (
    children,
    describe_tree,
    leaves_with_paths,
    tree_leaves,
    tree_unflatten,
    zip_with_paths,
)
from ...arrays.values import as_input
from ...errors import LoopError, RefusedError
from ...program.trace_state import SEARCHES, current_tape, note_use
from ...tape.node import Node
from ...tape.weak_nodes import PYTHON_NUMBERS, WeakNode, strong
from ...text import printable
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
    if isinstance(a, Node):
        if SEARCHES:
            note_use(a.tape)
        return strong(a)
    y = as_input(a)
    if kind_of(y) is not None:
        raise LoopError(
            f"Loops and branches run on NumPy arrays, but got a {type(y).__name__}. Convert it "
            f"first: np.asarray(a)."
        )
    return y


def facts_of(nodes: Sequence[Any]) -> list[Facts]:
    """Return shape and dtype of nodes or arrays."""
    return [(tuple(a.shape), a.dtype) for a in nodes]


@contextmanager
def all_or_nothing(tape: Any) -> Iterator[None]:
    """Cut off what was recorded in the block, if it raises."""
    with tape.lock:
        start = tape.next_id
        try:
            yield
        except BaseException:
            tape.truncate(start)
            raise


def record_loop(tape: Any, loop: Loop, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Record a loop, and return its outputs; without a node, run it."""
    found = (
        tape.record(loop.op, tuple(operands), {"loop": loop})
        if any(isinstance(a, Node) for a in operands)
        else loop.run(operands)
    )
    return found


def leaf_pairs(nest: Any, other: Any, where: str) -> list[tuple[str, Any, Any]] | None:
    """Return path and leaf of two pytrees for each leaf; None if they differ in structure."""
    try:
        pairs = list(zip_with_paths(nest, other, where))
    except RefusedError:
        return None
    return pairs if all(children(b) is None for _, _, b in pairs) else None


def check_state(what: str, taken: Any, given: Any) -> None:
    """Raise unless a state that a body gives has the form of the state that it takes.

    Parameters
    ----------
    what : str
        The function, for the message.
    taken, given : pytree of arrays
        The two states.
    """
    pairs = leaf_pairs(taken, given, "state")
    if pairs is None:
        raise LoopError(
            f"The body of {what} takes {describe_tree(taken)} as its state, but gives "
            f"{describe_tree(given)}. Let it give the same nest."
        )
    for where, a, b in pairs:
        x, y = as_operand(a), as_operand(b)
        promoted = is_weak(a) and y.shape == () and np.can_cast(x.dtype, y.dtype, "same_kind")
        if (x.shape, x.dtype) != (y.shape, y.dtype) and not promoted:
            raise LoopError(
                f"The body of {what} takes {where} as {x.dtype} {x.shape}, but gives {y.dtype} "
                f"{y.shape}. A state keeps its shape and dtype: give an initial state of that "
                f"form, or convert what the body gives."
            )


def is_weak(a: Any) -> bool:
    """Return whether a value takes the precision of the arrays that it meets."""
    return type(a) in PYTHON_NUMBERS or isinstance(a, WeakNode)


def as_begin(a: Any) -> Any:
    """Return a leaf of an initial state as an array; a Python number as it is."""
    return a if is_weak(a) else as_operand(a)


def as_weak(a: Any, node: Node) -> Any:
    """Return what stands in a trace for a Python number `a` whose node is given."""
    return WeakNode(node.tape, node.id) if type(a) in (float, complex, WeakNode) else a


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
    step: Callable[[Any, Any], tuple[Any, Any]],
    carry: Any,
    row: Any,
    tape: Any,
    what: str,
    *,
    hoists: bool = False,
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
    hoists : bool
        Whether what the step computes from those nodes alone is recorded before the loop.
    """
    leaves, rows = tree_leaves(carry), list(map(as_operand, tree_leaves(row)))
    begin, results = list(map(as_operand, leaves)), list[Any]()
    count = len(begin)

    def run(nodes: Sequence[Any], check: bool) -> list[Any]:
        """Return the step's results as a list."""
        state = tree_unflatten(carry, nodes[:count])
        following, y = step(state, tree_unflatten(row, nodes[count:]))
        if check:
            check_state(what, state, following)
        results[:] = [y]
        return [*tree_leaves(following), *tree_leaves(y)]

    def run_weak(*nodes: Any) -> list[Any]:
        """Return the same, with Python numbers in the state."""
        pairs = zip([*leaves, *rows], nodes, strict=True)
        return run([as_weak(a, x) if is_weak(a) else x for a, x in pairs], False)

    if any(map(is_weak, leaves)):
        weak, _ = trace_body(run_weak, [*begin, *rows], tape)
        begin = promote(leaves, begin, weak.outputs)
    body, nodes = trace_body(lambda *nodes: run(nodes, True), [*begin, *rows], tape, hoists=hoists)
    return TracedStep(body, nodes, begin, results[0])


def promote(leaves: list[Any], begin: list[Any], following: list[Node]) -> list[Any]:
    """Return an initial state whose Python numbers are of the dtypes that the body gives for them.

    As in NumPy, a Python number takes the precision of the arrays that it meets.
    """
    return [
        x.astype(y.dtype) if is_weak(a) and np.can_cast(x.dtype, y.dtype, "same_kind") else x
        for a, x, y in zip(leaves, begin, following, strict=False)
    ]


def check_count(name: str, value: Any, least: int) -> int:
    """Return an argument that counts; raise unless it is an integer of at least this size."""
    try:
        count = index(value)
    except TypeError:
        count = least - 1
    if count < least:
        raise LoopError(
            f"{name} is an integer of at least {least}, but got {printable(repr(value))}. Give the "
            f"number of steps, or of states to keep."
        )
    return count


def common_length(xs: Any, length: int | None) -> int:
    """Return the number of steps of a scan; raise if the arrays do not agree on it."""
    lengths = {} if length is None else {check_count("length", length, 0): "length"}
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
