"""Explanations: a verdict on a derivative, and the findings of the modules beside this one."""

import warnings
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from ..arrays.pytrees import leaves_with_paths, tree_unflatten
from ..arrays.values import export
from ..solver.targets import check_targets, require_scalar
from ..tape.node import Node
from ..transforms.function_tracing import Trace, TracedCall, trace_call
from .dead_ends import find_dead_ends
from .findings import Finding
from .joint_report import Explanations
from .kinks import find_kinks
from .magnitudes import size_findings, size_verdict
from .nonfinite_origins import adjoint_origins, forward_origins
from .path_contributions import path_shares
from .report import Explanation
from .subgraph import Subgraph, arrays_in, is_finite, vanishes
from .zero_causes import zero_findings


@overload
def explain(L: Node, x: Node) -> Explanation: ...
@overload
def explain(
    L: Node | Callable[[Any], Any], x: list[Any] | tuple[Any, ...] | dict[Any, Any]
) -> Explanations: ...
@overload
def explain(L: Node | Callable[[Any], Any], x: Any) -> Any: ...


def explain(L: Any, x: Any) -> Any:
    """Explain a derivative that is zero, absent, NaN, infinite, or of a surprising size.

    All causes are reported at once: each op where a NaN or an infinity originates, among the values
    or among the derivatives; each use that makes zero of a cotangent; each end of a path.

    Parameters
    ----------
    L : Node or callable
        Scalar of an inexact dtype; or a function of one argument that gives one, as for
        :func:`memograd.functional.grad`.
    x : Node, or pytree of them
        Leaves or other nodes of an inexact dtype; arrays, if L is a function.

    Returns
    -------
    Explanation, or Explanations of a pytree
        Prints as text, shows as a table in a notebook; its `findings` name cause, node, operand,
        elements and line. Those of a pytree print each cause once; ``explanations[key]`` is the
        explanation of one target.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Notes
    -----
    The derivatives between x and L are computed in a private table. L's table, the program, the
    names and the log stay as they are. As by ``grad``, values that are maybe stale are verified,
    and evicted values are rematerialised. To find which elements depend on which, ops are run again
    with a NaN in an operand.

    See Also
    --------
    why : Say which request or assignment made an entry of the table what it is.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> tape = mg.Tape()
    >>> x = tape.leaf([4.0, 0.0], name="x")
    >>> L = np.sum(np.where(x > 0, np.sqrt(x).named("root"), 0.0).named("y")).named("L")
    >>> with np.errstate(invalid="ignore"):
    ...     found = mg.explain(L, x).findings[0]
    >>> found.cause, found.node, found.operand, found.elements.first
    ('masked branch', 'root', 'x', ((1,),))
    >>> print(found.text.partition("Safe is")[2])
    <BLANKLINE>
    safe = np.where(x > 0, x, 1.0)
    root = np.sqrt(safe)
    y = np.where(x > 0, root, 0.0)

    Of a function:

    >>> print(mg.explain(lambda p: p["a"] * np.floor(p["b"]), {"a": 2.0, "b": 1.5})["b"].headline)
    No derivative: no differentiable path leads from x['b'] to v3.
    """
    if callable(L):
        return trace_call(TracedCall(L, (x,), {}, 0, False), _explain_trace)
    require_scalar(L)
    nodes = check_targets(L, x)
    each = tuple(_explain_one(L, node) for node in nodes)
    return each[0] if isinstance(x, Node) else Explanations(tree_unflatten(x, each), each)


def _explain_trace(run: Trace) -> Any:
    """Return the explanation of the gradient of a traced function."""
    if not run.as_nodes:  # the names are free: the tape is that of this trace
        for path, node in leaves_with_paths(run.inputs, "x"):
            node.named(path)
    return explain(run.y, run.inputs)


def _explain_one(L: Node, x: Node) -> Explanation:
    """Return the explanation of ∂L/∂x for one node x."""
    tape = L.tape
    with tape.lock, np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy warns of what this looks for.
        region = Subgraph(tape.state, L.id, x.id)
        verdict, findings = _judge(region)
        return Explanation(
            region.name(L.id),
            region.name(x.id),
            export(region.cotangents[x.id]) if region.nodes else None,
            verdict,
            tuple(dict.fromkeys(findings)),
            tuple(dict.fromkeys(_zeros_among(region))) if verdict == "in order" else (),
            find_kinks(region),
            path_shares(region),
        )


def _judge(region: Subgraph) -> tuple[str, list[Finding]]:
    """Return the verdict on the derivative, and the findings behind it."""
    if not region.nodes:
        return "no path", list(find_dead_ends(region))
    g, L = region.cotangents[region.target], region.output
    if not is_finite(g):
        backward, carriers = adjoint_origins(region)
        kind = "NaN" if any(np.any(np.isnan(part)) for part in arrays_in(g)) else "infinite"
        return kind, forward_origins(region, [L, *carriers]) + backward
    if not is_finite(region.read(L)):
        return "value", forward_origins(region, [L])
    if vanishes(g) and np.size(g):
        zeros = zero_findings(region, region.target, _whole_mask(g))
        return "zero", [*zeros, *find_dead_ends(region)]
    return _judge_size(region) if np.size(g) else ("in order", [])


def _judge_size(region: Subgraph) -> tuple[str, list[Finding]]:
    """Return the verdict on the size of a derivative that is finite and not zero."""
    findings = size_findings(region)
    if not findings:
        return "in order", []
    if findings[0].cause == "cancellation":
        return "rounding", findings
    return "small" if size_verdict(region) < 0 else "large", findings


def _whole_mask(g: Any) -> Any:
    """Return the mask of all elements."""
    return True if isinstance(g, tuple) else np.ones(np.shape(g), bool)


def _zeros_among(region: Subgraph) -> list[Finding]:
    """Return why some elements of the derivative are zero while others are not."""
    g = region.cotangents[region.target]
    some = not isinstance(g, tuple) and np.size(g) and not np.all(g)
    return zero_findings(region, region.target, g == 0) if some else []
