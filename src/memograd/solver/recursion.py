"""Recursion that computes derivatives: it visits only the nodes that a request needs, each once.

The central function is :func:`pull_back`. The same recursion serves arrays, which it stores in the
table of an output, and handles of nodes, which record the derivative's own program.

References
----------
"Calculus and Backpropagation", section 13 (dynamic programming) and section 9 (chain rule).
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

from ..arrays.duck_arrays import is_duck_array
from ..arrays.pytrees import tree_leaves, tree_map
from ..arrays.values import DOUBLE, canonicalize, export, full, is_inexact, readonly_view
from ..errors import (
    NoPathError,
    NotDifferentiableError,
    NotScalarError,
    OtherTapeError,
    RuleShapeError,
)
from ..memory.memory import MISSING, VALID, Memory
from ..memory.tables import Provenance, Table, consumers
from ..rules.broadcasting import unbroadcast
from ..rules.registration import RULES, Read
from ..tape.conversions import check_leaving
from ..tape.node import Node
from ..tape.recorder import Recorder
from ..text import describe, op_name, printable
from .log import Log
from .progress import Progress, Report, watch_request

Store = Callable[[Table, int, Any], None]
Listener = Log | Progress
"""Who is told what the recursion does."""


def pull_back(
    memory: Memory, table: Table, target: int, read: Read, store: Store, log: Listener | None = None
) -> Any:
    """Return ∂L/∂target: ∂L/∂L = 1, and ∂L/∂n = Σ VJP(c, k)(∂L/∂c) over the uses (c, k) of n.

    The recursion keeps a stack of its own, so that depth is no limit. On it, n means "visit n", and
    ~n means "all that n needs is known: compute ∂L/∂n and store it".
    """
    up, cotangents, marks = table.uses, table.cotangents, table.marks
    stack = [target]
    while stack:
        n = stack.pop()
        if n < 0:
            verdict = memory.verify_cotangent(table, ~n) if ~n in marks else MISSING
            if verdict is not VALID:
                store(table, ~n, sum_contributions(memory, table, ~n, read))
            if log is not None:
                log.close(verdict)
        else:
            known = n in cotangents and n not in marks
            if log is not None:
                log.on_visit(memory.graph, n, known)
            if not known:
                stack.append(~n)
                above = up[n]
                if type(above) is tuple:
                    stack.append(above[0])
                else:
                    stack += [c for c, _ in above]
    return cotangents[target]


def sum_contributions(memory: Memory, table: Table, n: int, read: Read) -> Any:
    """Return ∂L/∂n: the sum of what the uses of n contribute."""
    steps, cotangents, above = memory.steps, table.cotangents, table.uses[n]
    step = steps[n]
    shape, dtype = step.shape, step.dtype
    if type(dtype) is tuple:
        return collect_outputs(memory, table, n)
    plain = dtype is DOUBLE and not shape
    sum, terms = None, 0
    for c, lines in (above,) if type(above) is tuple else above:
        for k, line in lines:
            d = line.pull(cotangents[c], c, k, steps, read)
            if not (plain and type(d) is np.float64) and (
                getattr(d, "shape", None) != shape or d.dtype is not dtype
            ):
                d = conform_to_operand(d, memory, c, k, n)
            if terms < 2:
                sum = d if terms == 0 else sum + d
            else:
                sum += d  # into an array of our own: two terms were added into it
            terms += 1
    if type(shape) is not tuple:
        return shape.conform(sum)
    return sum if type(sum) is np.float64 else canonicalize(sum)


def collect_outputs(memory: Memory, table: Table, n: int) -> tuple[Any, ...]:
    """Return the cotangents of a node with several outputs, zeros for those without a path to L."""
    step, cotangents = memory.steps[n], table.cotangents
    parts: dict[int, Any] = {}
    for c in consumers(table, n):
        k = memory.steps[c].args[1]
        parts[k] = (
            parts[k] + cotangents[c] if k in parts else cotangents[c]
        )  # a rule may have taken an output once more
    facts = enumerate(zip(step.shape, step.dtype, strict=True))
    return tuple(
        canonicalize(parts[k]) if k in parts else zeros_for(shape, dtype)
        for k, (shape, dtype) in facts
    )


def zeros_for(shape: Any, dtype: Any) -> Any:
    """Return zeros of a shape and dtype; a tuple of them for a node with several outputs."""
    several = isinstance(dtype, tuple)
    return tuple(map(zeros_for, shape, dtype)) if several else full(shape, 0, dtype)


def conform_to_operand(d: Any, memory: Memory, c: int, k: int, n: int) -> Any:
    """Return a contribution of consumer c, by its operand k, in the shape and dtype of that
    operand, n.
    """
    shape, dtype = memory.steps[n].shape, memory.steps[n].dtype
    rule = RULES[memory.steps[c].op]
    if isinstance(d, int | float | complex):
        d = canonicalize(d)
    got = getattr(d, "shape", None)
    if (
        got is not None
        and got != shape
        and rule.broadcasts
        and np.broadcast_shapes(got, shape) == got
    ):
        d, got = unbroadcast(d, shape), shape
    if got != shape:
        what = printable(repr(d)) if got is None else f"a derivative of shape {got}"
        raise RuleShapeError(
            f"The rule of {op_name(rule.op)} for operand {k} gave {what}, but the operand "
            f"{describe(memory.nodes[n])} has shape {shape}. Fix that VJP rule; it was "
            f"applied at {describe(memory.nodes[c])}."
        )
    return cast(d, dtype)


def cast(d: Any, dtype: Any) -> Any:
    """Return a cotangent in the dtype of its node; its real part, if the node is real."""
    if d.dtype == dtype:
        return d
    return (np.real(d) if d.dtype.kind == "c" and dtype.kind != "c" else d).astype(dtype)


# the request


def grad(
    L: Node,
    target: Any,
    *,
    log: Log | None = None,
    unconnected: str = "zero",
    progress: bool | Report = False,
) -> Any:
    """Return ∂L/∂target; compute what is needed and not yet known.

    Each ∂L/∂node that is found on the way is stored in L's table, where later requests find it.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.
    target : Node, or pytree of them
        By what to differentiate: leaves or any other nodes, in lists, tuples, named tuples, dicts
        and dataclasses; a None in a pytree stays there.
    log : Log, optional
        Collects the events of this request.
    unconnected : {"zero", "none", "raise"}
        What a target that does not lead to L gives: zeros, None, or an error.
    progress : bool or callable
        Show a bar over the visits that the request has to make (needs tqdm); or call
        ``progress(done, total)`` at the end of each. An exception that it raises ends the request,
        and loses nothing of what was computed.

    Returns
    -------
    array, or pytree of them
        Of the target's shape and dtype, read-only; a NumPy scalar where the target is 0-d. For
        complex nodes, ∂L/∂(Re z) − i ∂L/∂(Im z). Where Dask arrays lead to L, Dask arrays: nothing
        is computed until you do, and `dask.compute` of several runs what they share once. For a
        leaf that was given as a DataFrame, a Series or a DataArray: the same, with its labels.

    Raises
    ------
    NotScalarError
        L is no scalar.
    NotDifferentiableError
        L or a target is of an integer or boolean dtype, or no node.
    OtherTapeError
        A target is a node of another tape.
    NoPathError
        A target does not lead to L, and `unconnected` is ``"raise"``.

    Notes
    -----
    The dynamic programming of section 13 of the tutorial: ∂L/∂n is the sum, over the consumers of
    n that lead to L, of
    what each of them gives back (its section 9); visited are exactly the descendants of the
    targets that are ancestors
    of L.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> tape = mg.Tape()
    >>> x, y = tape.leaf([1.0, 2.0], name="x"), tape.leaf(3.0, name="y")
    >>> L = np.sum(x * x * y)
    >>> mg.grad(L, x)
    array([ 6., 12.])
    >>> mg.grad(L, {"y": y})
    {'y': np.float64(5.0)}
    """
    if unconnected not in ("zero", "none", "raise"):
        raise ValueError(
            f"unconnected is 'zero', 'none' or 'raise', not {printable(repr(unconnected))}."
        )
    tape = require_scalar(L).tape
    if tape.differentiated or not tape.mode.value_readable:
        check_leaving(L, "grad")
    return compute_grad(L, target, log, unconnected, progress)


def compute_grad(
    L: Node,
    target: Any,
    log: Log | None = None,
    unconnected: str = "zero",
    progress: bool | Report = False,
) -> Any:
    """Return ∂L/∂target, also while a function that is differentiated runs on the tape."""
    nodes, tape = check_targets(L, target), L.tape
    memory = tape.state
    if progress is False:
        if type(target) is Node:  # asked again and again in loops, and no nest to go through
            return tape.ask(
                L.id, log, lambda table: answer_target(memory, table, target, log, unconnected)
            )
        return tape.ask(
            L.id,
            log,
            lambda table: tree_map(
                lambda t: answer_target(memory, table, t, log, unconnected), target
            ),
        )

    def watching(table: Table) -> Any:
        with watch_request(progress, table, [t.id for t in nodes], log) as listener:
            return tree_map(
                lambda t: answer_target(memory, table, t, listener, unconnected), target
            )

    return tape.ask(L.id, log, watching)


def answer_target(
    memory: Memory, table: Table, t: Node, log: Listener | None, unconnected: str
) -> Any:
    """Return the derivative by one target as a read-only array, with the labels of its leaf."""
    if t.id in table.uses:
        cotangent_of(memory, table, t.id, log)
        d = readonly_view(memory.seal(table, t.id))
    elif unconnected == "zero":
        d = export(zeros_for(t.shape, t.dtype))
    elif unconnected == "none":
        return None
    else:
        raise no_path_error(memory, table, t)
    labels = memory.nodes.labels.get(t.id)
    return d if labels is None else labels.on(d)


def cotangent_of(memory: Memory, table: Table, n: int, log: Listener | None = None) -> Any:
    """Return ∂L/∂n from the table, verified, or compute it; note that what is computed is for n."""
    known = n in table.cotangents and n not in table.marks
    if known and log is None:
        return table.cotangents[n]
    outer = memory.current_provenance
    if not known:
        memory.current_provenance = Provenance(memory.requests, n, memory.assignments)
    # the dict itself, while nothing is stale and nothing is gone
    read = (
        memory.values.__getitem__ if memory.nothing_evicted and not memory.marks else memory.value
    )
    try:
        with memory.budget.request(table, n) if memory.budget is not None else nullcontext():
            return pull_back(memory, table, n, read, memory.store, log)
    finally:
        memory.current_provenance = outer


def no_path_error(memory: Memory, table: Table, t: Node) -> NoPathError:
    """Return the error for a target that does not lead to L."""
    ends = (
        ", ".join(printable(name) for name in _path_ends(memory, t.id))
        or "itself: nothing uses it that has a derivative"
    )
    return NoPathError(
        f"No path of differentiable uses leads from {describe(t.attributes)} to "
        f"{describe(memory.nodes[table.output])}; "
        f"the paths from it end in {ends}. Ask for another target, or take unconnected='zero' "
        f"or 'none'."
    )


def _path_ends(memory: Memory, n: int) -> list[str]:
    """Return the names of the nodes where the differentiable paths from n end."""
    nodes, seen, stack, ends = memory.nodes, {n}, [n], []
    while stack:
        o = stack.pop()
        further = [
            c
            for c, edge in memory.succ[o].items()
            if is_inexact(nodes[c]["dtype"]) and RULES[nodes[c]["op"]].pulls[edge["argnums"]]
        ]
        if not further and o != n:
            ends.append(o)
        stack.extend(c for c in further if c not in seen)
        seen.update(further)
    return [nodes[m]["name"] for m in sorted(ends)]


# the same recursion, on handles


class SymbolicTable(Table):
    """Table whose cotangents are handles: the recursion records the derivative in the place of
    computing it.
    """

    __slots__ = ("start", "tape")

    def __init__(self, tape: Recorder, table: Table) -> None:
        self.start = tape.next_id
        self.tape, self.output, self.uses = tape, table.output, table.uses
        self.cotangents, self.marks = (
            HandleCache(tape, table.program),
            {},
        )  # a handle is never stale
        if self.output not in self.cotangents:
            self.store(self, self.output, seed_node(tape, self.output))

    def store(self, table: Table, n: int, d: Any) -> None:
        """Store the handle, or handles, of a derivative, to which the nodes recorded since the last
        belong.
        """
        self.cotangents[n] = (
            d if isinstance(d, Node | tuple) else self.tape.record(np.copy, (d,))
        )  # one that depends on nothing
        self.start = tag_derivative_nodes(self.tape, self.start, self.output, n)


def seed_node(tape: Recorder, output: int) -> Node:
    """Record ∂L/∂L = 1, in L's kind of array: a broadcast NumPy number would be an array of
    NumPy's.
    """
    alike = is_duck_array(tape.state.unit_seed(output))
    one: Node = (
        tape.record(np.ones_like, (tape.handle(output),))
        if alike
        else tape.record(np.ones, ((), tape.state.steps[output].dtype))
    )
    return one


def tag_derivative_nodes(tape: Recorder, start: int, output: int, n: int) -> int:
    """Note that nodes from `start` on belong to the derivative of `output` by n; return the next
    id.
    """
    nodes = tape.state.nodes
    for m in range(start, tape.next_id):
        if m not in nodes.of:
            nodes.set_derivative(m, (output, n))
    return tape.next_id


class HandleCache(dict[int, Any]):
    """Map from a node to the handle of its derivative, made when it is read.

    The program of a table holds ids alone, so that nothing points at a tape. A scratch block may
    have cut some of them off.

    L's program itself knows ids alone, so that nothing points at a tape; a scratch block may have
    cut some of them off.
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


def grad_node(L: Node, target: Any, *, log: Log | None = None, unconnected: str = "zero") -> Any:
    """Return ∂L/∂target as a node: record the derivative's own program, which can be differentiated
    again.

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
    return tape.ask(L.id, log, lambda table: record_all(tape, table, target, log, unconnected))


def grad_node_once(L: Node, target: Any) -> Any:
    """Return ∂L/∂target as a node without keeping a table, looking at nothing before the first
    target.

    So the derivative of a function that is called inside another costs what the function costs.

    So the derivative of a function that is called inside another costs what the function itself
    does.
    """
    tape, nodes = require_scalar(L).tape, check_targets(L, target)
    table = tape.state.empty_table(L.id, first=min((t.id for t in nodes), default=0))
    return tape.ask_exclusively(lambda: record_all(tape, table, target, None, "zero"))


def record_all(tape: Recorder, table: Table, target: Any, log: Log | None, unconnected: str) -> Any:
    """Record the derivatives by all targets, or none of them."""
    start, recording = tape.next_id, SymbolicTable(tape, table)
    try:
        return tree_map(lambda t: record_derivative(recording, t, log, unconnected), target)
    except BaseException:
        tape.truncate(start)
        raise


def record_derivative(recording: SymbolicTable, t: Node, log: Log | None, unconnected: str) -> Any:
    """Return the derivative by one target as a node; a tuple of them for several outputs."""
    tape, memory = recording.tape, recording.tape.state
    if t.id in recording.uses:
        node = pull_back(memory, recording, t.id, tape.handle, recording.store, log)
        return node if isinstance(node, tuple) else tape.name_derivative(node, recording.output, t)
    if unconnected == "raise":
        raise no_path_error(memory, recording, t)
    return zeros_node(t) if unconnected == "zero" else None


def zeros_node(t: Node) -> Node:
    """Record zeros in the shape and the array kind of t."""
    zeros: Node = (
        t.tape.record(np.zeros, (t.shape, t.dtype))
        if type(t.shape) is tuple
        else t.tape.record(np.zeros_like, (t,))
    )
    return zeros


def require_scalar(L: Any) -> Node:
    """Return L; raise unless it is a scalar that has a gradient."""
    if type(L) is Node and L.id in L.tape.state.tables:
        return L  # checked when its table was begun
    if not isinstance(L, Node):
        raise NotDifferentiableError(
            f"The gradient is that of a node, but L is {printable(repr(L))}, which depends on "
            f"no leaf. Compute L from leaves of a tape."
        )
    if L.shape != ():
        raise NotScalarError(
            f"The gradient is that of a scalar, but L is {describe(L.attributes)}. Take "
            f"np.sum(L) if you mean the sum, np.sum(seed * L) "
            f"for the VJP of a seed, L[i] for a row of the Jacobian."
        )
    _require_inexact(L)
    return L


def check_target(L: Node, t: Any) -> None:
    """Raise unless t can be a target of L."""
    table = L.tape.state.tables.get(L.id)
    if table is not None and type(t) is Node and t.id in table.uses and t.tape is L.tape:
        return  # it leads to L, so it was checked when L's table was begun
    if not isinstance(t, Node):
        raise NotDifferentiableError(
            f"A target is a node, or a nest of nodes, but got {printable(repr(t))}. Take "
            f"tape[name] or tape[id]."
        )
    if t.tape is not L.tape:
        raise OtherTapeError(
            f"{describe(t.attributes)} is a node of another tape than "
            f"{describe(L.attributes)}. Ask each tape for its own."
        )
    _require_inexact(t)


def check_targets(L: Node, target: Any) -> list[Node]:
    """Return the nodes of a pytree of targets; raise unless each can be a target of L."""
    nodes: list[Any] = [target] if target is None or type(target) is Node else tree_leaves(target)
    for t in nodes:
        check_target(L, t)
    return nodes


def _require_inexact(t: Node) -> None:
    """Raise if the dtype of a node has no derivatives."""
    if not is_inexact(t.dtype):
        raise NotDifferentiableError(
            f"{describe(t.attributes)} has no derivative: its dtype is no float and no complex. "
            f"Make it one: a leaf of floats, or x.astype(float)."
        )
