"""Requests for derivatives as arrays: the public `grad`, and what answers a request from a table.

References are those of :mod:`memograd.solver.recursion`.
"""

from contextlib import nullcontext
from typing import Any

from ..arrays.pytrees import tree_map
from ..arrays.values import export, readonly_view
from ..memory.memory import Memory
from ..memory.tables import Provenance, Table
from ..tape.conversions import check_leaving
from ..tape.node import Node
from ..text import printable
from .events import Listener
from .log import Log
from .progress import Report, watch_request
from .recursion import pull_back, zeros_for
from .targets import check_targets, no_path_error, require_scalar


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
    n that lead to L, of what each of them gives back (its section 9). Visited are exactly the
    descendants of the targets that are ancestors of L.

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
