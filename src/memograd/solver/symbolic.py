"""Derivatives as nodes: the recursion runs on handles and records the derivative's own program.

Only the table differs from that of arrays: its cotangents are handles, and what is stored in it
belongs to the tape. References are those of :mod:`memograd.solver.recursion`.
"""

from sys import _getframe
from typing import Any, Literal, TypeVar, overload

import numpy as np

from ..arrays.kinds import kind_of
from ..arrays.pytrees import tree_map
from ..memory.tables import Table
from ..program.source_location import location_of
from ..tape.node import Node
from ..tape.recorder import Recorder
from .asked_targets import asking
from .log import Log
from .recursion import pull_back
from .requests import ask
from .targets import check_targets, no_path_error, require_scalar

Key = TypeVar("Key")


@overload
def grad_node(
    L: Node, target: Node, *, log: Log | None = ..., unconnected: Literal["zero", "raise"] = ...
) -> Node: ...
@overload
def grad_node(
    L: Node,
    target: list[Node],
    *,
    log: Log | None = ...,
    unconnected: Literal["zero", "raise"] = ...,
) -> list[Node]: ...
@overload
def grad_node(
    L: Node,
    target: tuple[Node, ...],
    *,
    log: Log | None = ...,
    unconnected: Literal["zero", "raise"] = ...,
) -> tuple[Node, ...]: ...
@overload
def grad_node(
    L: Node,
    target: dict[Key, Node],
    *,
    log: Log | None = ...,
    unconnected: Literal["zero", "raise"] = ...,
) -> dict[Key, Node]: ...
@overload
def grad_node(L: Node, target: Any, *, log: Log | None = ..., unconnected: str = ...) -> Any: ...


def grad_node(L: Node, target: Any, *, log: Log | None = None, unconnected: str = "zero") -> Any:
    """Return ∂L/∂target as a node, which can itself be differentiated, compiled and saved.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.
    target : Node, or pytree of them
        By what to differentiate.
    log : Log, optional
        Collects the events of this request: what is recorded is stored, what was recorded before is
        read.
    unconnected : {"zero", "none", "raise"}
        What a target that does not lead to L gives: a node of zeros, None, or an error.

    Returns
    -------
    Node, or pytree of them
        Named ``∂L/∂x``, where the node that it is has no name yet. Recorded once: asked again, the
        same nodes come back.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError, NoPathError
        As for :func:`grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf(2.0, name="x")
    >>> L = (x * x * x).named("L")
    >>> g = mg.grad_node(L, x)
    >>> g.name, float(g.value), float(mg.grad(g, x))
    ('∂L/∂x', 12.0, 12.0)
    """
    tape = require_scalar(L).tape
    check_targets(L, target)
    return ask(L, log, lambda request: record_all(tape, request.table, target, log, unconnected))


def grad_node_once(L: Node, target: Any) -> Any:
    """Return ∂L/∂target as a node, keep no table, and look at no node before the first target.

    So the derivative of a function that is called inside another costs what the function costs.
    """
    tape, nodes = require_scalar(L).tape, check_targets(L, target)
    table = tape.state.empty_table(L.id, first=min((t.id for t in nodes), default=0))
    return tape.ask_exclusively(lambda: record_all(tape, table, target, None, "zero"))


def record_all(tape: Recorder, table: Table, target: Any, log: Log | None, unconnected: str) -> Any:
    """Record the derivatives by all targets, or none of them."""
    with RecordingBlock(tape), asking(tape.state.steps, target):
        symbolic = SymbolicTable(tape, table)
        return tree_map(lambda t: record_derivative(symbolic, t, log, unconnected), target)


class RecordingBlock:
    """Block that records the nodes of a derivative: all or none of them, at one location.

    The lock of the tape is held around it, so that no other thread records at that location.
    The recursion stands a dozen frames above the user's line, and a search of the stack for each
    node would take a tenth of the time.

    Attributes
    ----------
    start : int
        Id of the first node of the block.
    """

    __slots__ = ("outer", "start", "tape")

    def __init__(self, tape: Recorder) -> None:
        self.tape, self.start, self.outer = tape, tape.next_id, tape.location

    def __enter__(self) -> "RecordingBlock":
        self.tape.location = self.outer or location_of(_getframe(1))
        return self

    def __exit__(self, kind: object, *raised: object) -> None:
        self.tape.location = self.outer
        if kind is not None:
            self.tape.truncate(self.start)


def record_derivative(symbolic: "SymbolicTable", t: Node, log: Log | None, unconnected: str) -> Any:
    """Return the derivative by one target as a node; a tuple of them for several outputs."""
    tape, memory = symbolic.tape, symbolic.tape.state
    if t.id in symbolic.uses:
        node = pull_back(memory, symbolic, t.id, tape.handle, symbolic.store, log)
        return node if isinstance(node, tuple) else tape.name_derivative(node, symbolic.output, t)
    if unconnected == "raise":
        raise no_path_error(memory, symbolic, t)
    return zeros_node(t) if unconnected == "zero" else None


class SymbolicTable(Table):
    """Table whose cotangents are handles of the nodes that compute them.

    Attributes
    ----------
    tape : Recorder
        The tape on which they are recorded.
    start : int
        Id of the first node that was recorded since a derivative was last stored.
    """

    __slots__ = ("start", "tape")

    def __init__(self, tape: Recorder, table: Table) -> None:
        super().__init__(table.output, table.uses, None)
        self.start, self.tape, self.program = tape.next_id, tape, table.program
        self.cotangents = HandleCache(tape, table.program)
        if self.output not in self.cotangents:
            self.store(self, self.output, seed_node(tape, self.output))

    def store(self, table: Table, n: int, d: Any) -> None:
        """Store the handle of ∂L/∂n, or a tuple of handles, and tag the nodes recorded for it."""
        # A derivative that depends on no node is an array; it gets a node of its own.
        self.cotangents[n] = d if isinstance(d, Node | tuple) else self.tape.record(np.copy, (d,))
        self.start = tag_derivative_nodes(self.tape, self.start, self.output, n)


class HandleCache(dict[int, Any]):
    """Map from a node to the handle of its derivative, which is made when it is read.

    The program of a table holds ids alone, so that nothing points at a tape. A scratch block may
    have cut some of them off.
    """

    def __init__(self, tape: Recorder, program: dict[int, int]) -> None:
        self.tape, self.program = tape, program

    def __contains__(self, n: object) -> bool:
        program: Any = self.program
        return super().__contains__(n) or program.get(n) in self.tape.state.steps

    def __missing__(self, n: int) -> Node:
        return Node(self.tape, self.program[n])

    def __setitem__(self, n: int, d: Any) -> None:
        if type(d) is Node:
            self.program[n] = d.id
        else:
            super().__setitem__(n, d)


def seed_node(tape: Recorder, output: int) -> Node:
    """Record ∂L/∂L = 1, in L's kind of array: a broadcast of a NumPy number would be NumPy's."""
    if kind_of(tape.state.unit_seed(output)) is not None:
        one: Node = tape.record(np.ones_like, (tape.handle(output),))
    else:
        one = tape.record(np.ones, ((), tape.state.steps[output].dtype))
    return one


def zeros_node(t: Node) -> Node:
    """Record zeros in the shape and the array kind of t."""
    if type(t.shape) is tuple:
        zeros: Node = t.tape.record(np.zeros, (t.shape, t.dtype))
    else:
        zeros = t.tape.record(np.zeros_like, (t,))
    return zeros


def tag_derivative_nodes(tape: Recorder, start: int, output: int, n: int) -> int:
    """Tag the nodes from `start` on with the derivative of `output` by n; return the next id."""
    nodes = tape.state.nodes
    for m in range(start, tape.next_id):
        if m not in nodes.of:
            nodes.set_derivative(m, (output, n))
    return tape.next_id
