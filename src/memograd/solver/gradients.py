"""Derivatives as arrays: the public `grad`.

References are those of :mod:`memograd.solver.recursion`.
"""

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, overload

from ..tape.conversions import check_leaving
from ..tape.node import Node
from ..text import printable
from .log import Log
from .progress import Report, watch_request
from .requests import Request, ask
from .targets import check_targets, require_scalar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Key = TypeVar("Key")


class AllLeaves(Enum):
    """Default target of a gradient."""

    ALL_LEAVES = "all leaves"


ALL_LEAVES: Final = AllLeaves.ALL_LEAVES


@overload
def grad(
    L: Node,
    *,
    log: Log | None = ...,
    unconnected: Literal["zero", "raise"] = ...,
    progress: bool | Report = ...,
) -> "dict[str, Array]": ...
@overload
def grad(
    L: Node,
    target: Node,
    *,
    log: Log | None = ...,
    unconnected: Literal["zero", "raise"] = ...,
    progress: bool | Report = ...,
) -> "Array": ...
@overload
def grad(
    L: Node,
    target: list[Node],
    *,
    log: Log | None = ...,
    unconnected: Literal["zero", "raise"] = ...,
    progress: bool | Report = ...,
) -> "list[Array]": ...
@overload
def grad(
    L: Node,
    target: tuple[Node, ...],
    *,
    log: Log | None = ...,
    unconnected: Literal["zero", "raise"] = ...,
    progress: bool | Report = ...,
) -> "tuple[Array, ...]": ...
@overload
def grad(
    L: Node,
    target: dict[Key, Node],
    *,
    log: Log | None = ...,
    unconnected: Literal["zero", "raise"] = ...,
    progress: bool | Report = ...,
) -> "dict[Key, Array]": ...
@overload
def grad(
    L: Node,
    target: Any,
    *,
    log: Log | None = ...,
    unconnected: str = ...,
    progress: bool | Report = ...,
) -> Any: ...


def grad(
    L: Node,
    target: Any = ALL_LEAVES,
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
    target : Node, or pytree of them, optional
        By what to differentiate: leaves or any other nodes, in lists, tuples, named tuples, dicts
        and dataclasses; a None in a pytree stays there. Without it: all leaves that lead to L, in
        a dict by their names.
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
    The dynamic programming of M. Tomassoli, "Calculus and Backpropagation" (2016), section 13:
    ∂L/∂n is the sum, over the consumers of n that lead to L, of what each of them gives back
    (section 9). Visited are exactly the descendants of the targets that are ancestors of L.

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
    >>> mg.grad(L)
    {'x': array([ 6., 12.]), 'y': np.float64(5.0)}
    """
    if unconnected not in ("zero", "none", "raise"):
        raise ValueError(
            f"unconnected is 'zero', 'none' or 'raise', not {printable(repr(unconnected))}."
        )
    tape = require_scalar(L).tape
    if tape.differentiated or not tape.mode.value_readable:
        check_leaving(L, "grad")
    if target is ALL_LEAVES:
        target = leaves_towards(L)
    return compute_grad(L, target, log, unconnected, progress)


def leaves_towards(L: Node) -> dict[str, Node]:
    """Return the leaves that lead to L, by their names, in creation order."""
    tape = L.tape
    with tape.lock:
        steps = tape.state.steps
        uses = tape.state.table_or_empty(L.id).uses
        leads = sorted(n for n in uses if steps[n].op is None)
        return {leaf.name: leaf for leaf in map(tape.handle, leads)}


def compute_grad(
    L: Node,
    target: Any,
    log: Log | None = None,
    unconnected: str = "zero",
    progress: bool | Report = False,
) -> Any:
    """Return ∂L/∂target, also while a function that is differentiated runs on the tape."""
    nodes = check_targets(L, target)
    if progress is False:
        return ask(L, log, Request.gradients, target, unconnected)
    return ask(L, log, _report_gradients, target, unconnected, progress, [t.id for t in nodes])


def _report_gradients(
    request: Request, target: Any, unconnected: str, progress: bool | Report, nodes: list[int]
) -> Any:
    """Return the derivatives by a pytree of these nodes, and report each visit."""
    with watch_request(progress, request.table, nodes, request.listener) as listener:
        return Request(request.memory, request.table, listener).gradients(target, unconnected)
