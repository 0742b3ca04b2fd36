"""Central differences of nodes and of plain functions, which use no rule."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..arrays.values import canonicalize, export, is_inexact
from ..errors import NotDifferentiableError
from ..memory.memory import Memory
from ..program.steps import Operand
from ..program.walks import nodes_on_paths
from ..rules.registration import RULES
from ..solver.targets import check_target, require_scalar
from ..tape.node import Node
from ..text import describe


def require_array_target(L: Node, x: Node) -> None:
    """Raise unless x is one array by which L can be differentiated."""
    check_target(require_scalar(L), x)
    if isinstance(x.step.dtype, tuple):
        raise NotDifferentiableError(
            f"{describe(x.attributes)} has several outputs. Differentiate by the one you mean."
        )


def finite_difference(L: Node, x: Node, step: float | None = None) -> Any:
    """Compute ∂L/∂x by central differences, element by element, without any rule.

    Only the nodes between x and L are computed again, outside the tape, with x in double precision
    at least.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.
    x : Node
        The node by which to differentiate; a leaf or any other node.
    step : float, optional
        Distance by which each element is moved. By default the cube root of the coarsest precision
        of the nodes between, times the element's size if that is above 1.

    Returns
    -------
    array
        ∂L/∂x in x's shape and dtype. For complex x, ∂L/∂(Re x) − i ∂L/∂(Im x).

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.baselines import finite_difference
    >>> x = mg.Tape().leaf([1.0, 2.0])
    >>> np.round(finite_difference(np.sum(x**3), x), 6)
    array([ 3., 12.])
    """
    require_array_target(L, x)
    with L.tape.lock:
        memory = L.tape.state
        between = nodes_on_paths(memory.pred.__getitem__, [x.id], [L.id])[1:]
        value = widen(memory.value(x.id))

        def run(moved: Any) -> dict[int, Any]:
            return _recompute(memory, between, {x.id: moved})

        steps = step_sizes(value, run(value).values()) if step is None else step
        d = central_differences(lambda moved: run(moved).get(L.id, 0.0), value, steps)
    return export(canonicalize(d.astype(x.dtype)))


def central_differences(f: Callable[[Any], Any], x: Any, steps: Any) -> Any:
    """Return ∂(Re f)/∂x by central differences; for complex x, ∂/∂(Re x) − i ∂/∂(Im x).

    See Also
    --------
    step_sizes : Steps for which the error is about least.
    """
    d, h = np.zeros(x.shape, x.dtype), np.broadcast_to(steps, x.shape)
    for i in np.ndindex(x.shape):
        for turn in (1, 1j) if d.dtype.kind == "c" else (1,):
            after = np.real(f(_shift_element(x, i, h[i] * turn)))
            before = np.real(f(_shift_element(x, i, -h[i] * turn)))
            d[i] += (after - before) / (2 * h[i]) / turn
    return d


def step_sizes(x: Any, values: Iterable[Any]) -> Any:
    """Return steps at which the errors of truncation and of rounding in `values` are about equal.

    References
    ----------
    W. H. Press et al., "Numerical Recipes", 3rd edition (2007), section 5.7: the cube root of the
    precision times the scale of x.
    """
    return coarsest_precision(values) ** (1 / 3) * np.maximum(1.0, np.abs(x))


def widen(x: Any) -> Any:
    """Return a value in double precision at least, in which differences lose less."""
    return x.astype(np.result_type(x.dtype, np.float64))


def coarsest_precision(values: Iterable[Any]) -> float:
    """Return the relative precision of the coarsest of some values; 0 if none is inexact."""
    dtypes = [y.dtype for y in values if not isinstance(y, tuple)]
    return max((float(np.finfo(dtype).eps) for dtype in dtypes if is_inexact(dtype)), default=0.0)


def _shift_element(x: Any, i: tuple[int, ...], by: Any) -> Any:
    """Return x with `by` added to element i."""
    moved = np.array(x)
    moved[i] += by
    return canonicalize(moved)


def _recompute(memory: Memory, between: list[int], values: dict[int, Any]) -> dict[int, Any]:
    """Compute the nodes `between` from the values in `values` and, for others, in memory.

    The values are added to `values`, which is returned.
    """
    for n in between:
        step = memory.steps[n]
        args = [
            (values[a] if a in values else memory.value(a)) if type(a) is Operand else a
            for a in step.args
        ]
        values[n] = canonicalize(RULES[step.op].run(args, step.kwargs))
    return values
