"""Traces of plain Python functions: runs on nodes, which a tape records.

Each array to differentiate by enters as a node of its own, even where it is a node already, so that
perturbations are not confused: d/dx (x · d/dy (x + y) at y = x) is 1. While one function is traced,
calls inside it record on the same tape and give nodes. Elsewhere arrays start a tape that is thrown
away, and arrays come back; where the function then meets a node of another tape, over which it
closes, it is run again on that one.
"""

from collections.abc import Callable, Sequence
from operator import index
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..arrays.axis_labels import held_node
from ..arrays.pytrees import (
    LEAVES,
    describe_tree,
    leaves_with_paths,
    tree_leaves,
    tree_map,
    tree_unflatten,
)
from ..arrays.values import as_input, canonicalize, export, is_inexact
from ..errors import NotDifferentiableError, OtherTapeError, RefusedError
from ..program.trace_state import current_tape
from ..tape.constants import NUMBER_KINDS
from ..tape.conversions import run_traced
from ..tape.mode import IMMEDIATE
from ..tape.node import Node
from ..tape.recorder import Recorder
from ..tape.tape import Tape
from ..text import op_name, printable

T = TypeVar("T")
Argnums = int | Sequence[int]

SEQUENCES = (tuple, list, range, Sequence)
"""Sequences; `isinstance` finds the usual ones without a call of the abstract class."""


class TracedCall(NamedTuple):
    """Function with its arguments, and the positions by which it is differentiated."""

    f: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    argnums: Argnums
    has_aux: bool

    @property
    def name(self) -> str:
        """Name of the function in messages."""
        return printable(op_name(self.f))

    def positions(self) -> list[int]:
        """Positions to differentiate by, counted from the first argument."""
        count, argnums = len(self.args), self.argnums
        if type(argnums) is int and 0 <= argnums < count:
            return [argnums]
        try:
            positions = [
                index(k) for k in (argnums if isinstance(argnums, SEQUENCES) else [argnums])
            ]
        except TypeError:
            raise RefusedError(
                f"argnums is an int or a sequence of ints, not {printable(repr(argnums))}."
            ) from None
        if beyond := [k for k in positions if not -count <= k < count]:
            raise NotDifferentiableError(
                f"{self.name} is to be differentiated by argument {beyond[0]}, but was called "
                f"with {count} by position. "
                f"Give it by position, or name another in argnums."
            )
        return [k % count for k in positions]


class Trace:
    """Trace of a function on a tape.

    Attributes
    ----------
    inputs : Node, or nest of them
        What stands for the arguments to differentiate by: for one, or for a tuple of them.
    nodes : list of Node
        The same, flat.
    y, aux
        What the function gave; `aux` is passed on, and not differentiated.
    """

    def __init__(
        self, tape: Recorder, as_nodes: bool, call: TracedCall, positions: list[int]
    ) -> None:
        self.tape, self.as_nodes, self._call = tape, as_nodes, call
        self._args = [*call.args]
        for k in positions:
            self._args[k] = self._enter_tree(call.args[k], f"argument {k}")
        entered = [self._args[k] for k in positions]
        self.inputs = tuple(entered) if isinstance(call.argnums, SEQUENCES) else entered[0]
        self.nodes: list[Node] = tree_leaves(self.inputs)

    @property
    def name(self) -> str:
        """Name of the function in messages."""
        return self._call.name

    def call(self) -> None:
        """Call the function on the nodes."""
        given = self._call.f(*self._args, **self._call.kwargs)
        y, self.aux = _split_aux(self._call, given)
        self.y = y if isinstance(y, Node) else tree_map(held_node, y)
        self._check(self.y)

    def _enter_tree(self, nest: Any, where: str) -> Any:
        """Return a pytree of nodes for a pytree of arrays."""
        if type(nest) in LEAVES:
            return self._as_node(nest, where)
        return tree_unflatten(
            nest, [self._as_node(a, at) for at, a in leaves_with_paths(nest, where)]
        )

    def _as_node(self, a: Any, where: str) -> Any:
        if is_node := isinstance(a, Node):
            if a.tape is not self.tape:
                raise self.tape.other_tape_error(self.name, a)
            y = a
        else:
            y = as_input(a)
        dtype = y.dtype
        if not is_inexact(dtype):
            raise NotDifferentiableError(
                f"{self.name} has no derivative by {where}, {printable(repr(a))} of dtype {dtype}. "
                f"Make it an array of floats; or leave it out of argnums, or out of a "
                f"dataclass's nest with "
                f"dataclasses.field(metadata={{'static': True}})."
            )
        if is_node:
            return self.tape.record(np.positive, (a,))
        return self.tape.leaf(y if type(a) in LEAVES else a)  # those have no labels

    def _check(self, y: Any) -> None:
        """Raise unless the result is a pytree of arrays, its nodes of this tape."""
        if type(y) is Node and y.tape is self.tape:
            return
        if y is None:
            raise NotDifferentiableError(
                f"{self.name} gave None. Let it return what is to be differentiated."
            )
        for where, a in leaves_with_paths(y, "result"):
            if isinstance(a, Node):
                if a.tape is not self.tape:
                    raise self.tape.other_tape_error(self.name, a)
            elif as_input(a).dtype.kind not in NUMBER_KINDS:
                raise NotDifferentiableError(
                    f"{self.name} gave {printable(repr(a))} as {where}, which is no array of "
                    f"numbers. "
                    f"Return it beside the result, as result, aux, with has_aux=True."
                )

    # answers

    def out(self, nest: Any) -> Any:
        """Return nodes, or their values if the tape is thrown away."""
        return (
            nest
            if self.as_nodes
            else tree_map(
                lambda a: a.value if isinstance(a, Node) and a.tape is self.tape else a, nest
            )
        )

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Return zeros, as a node or as an array."""
        return (
            self.tape.record(np.zeros, (shape, dtype))
            if self.as_nodes
            else export(canonicalize(np.zeros(shape, dtype)))
        )


def trace_call(call: TracedCall, answer: Callable[[Trace], T], beside: Sequence[Any] = ()) -> T:
    """Trace a call, and return `answer` of the trace.

    The tape is that of the nodes among the arguments and in the pytrees `beside`; else that of the
    trace around it; else a temporary one.
    """
    positions = call.positions()
    given = [call.args[k] for k in positions]
    around = _tape_among([*given, *beside] if beside else given, call.args)
    if around is not None:
        return _answer(around, True, call, positions, answer)
    tape = Tape()
    tape.mode = IMMEDIATE
    try:
        return _answer(tape, False, call, positions, answer)
    except OtherTapeError as met:
        others = [other for other in met.tapes if other is not tape]
        if tape not in met.tapes or len(others) != 1 or others[0].mode is IMMEDIATE:
            raise
    return _answer(others[0], True, call, positions, answer)


def _tape_among(given: list[Any], args: tuple[Any, ...]) -> Recorder | None:
    """Return the tape of the first node in pytrees or among arguments, else the current one."""
    for nest in given:
        for a in (nest,) if type(nest) in LEAVES else tree_leaves(nest):
            if isinstance(a, Node):
                return a.tape
    for a in args:
        if isinstance(a, Node):
            return a.tape
    return current_tape()  # type: ignore[no-any-return]


def _answer(
    tape: Recorder,
    as_nodes: bool,
    call: TracedCall,
    positions: list[int],
    answer: Callable[[Trace], T],
) -> T:
    """Return `answer` of a trace; meanwhile no value that depends on the inputs is converted."""
    run = Trace(tape, as_nodes, call, positions)
    inputs = {node.id for node in run.nodes}
    tape.differentiated.update(inputs)  # one set for all threads: each run has nodes of its own
    try:
        with run_traced(tape):
            run.call()
        return answer(run)
    finally:
        tape.differentiated.difference_update(inputs)


def _split_aux(call: TracedCall, given: Any) -> tuple[Any, Any]:
    """Split what the function returned into its result and the auxiliary output."""
    if not call.has_aux:
        return given, None
    if isinstance(given, tuple | list) and len(given) == 2:
        return given[0], given[1]
    raise RefusedError(
        f"With has_aux=True a function gives a pair, the result and what comes beside it, but "
        f"{call.name} gave "
        f"{describe_tree(given)}. Return result, aux."
    )
