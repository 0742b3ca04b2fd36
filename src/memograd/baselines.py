"""Baselines to compare with: full backpropagation, sums over single paths, finite differences.

None of them leaves a node or a table behind.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .arrays.values import canonicalize, export, inexact
from .errors import NotDifferentiableError
from .memory.memory import Memory
from .memory.tables import Table, use_pairs
from .program.steps import Operand
from .rules.registration import RULES
from .solver.recursion import check_target, conform_to_operand, require_scalar, sum_contributions
from .solver.table_view import Cotangents
from .tape.node import Node
from .text import describe

PathUse = tuple[int, int]
"""Use of a node as an operand: (consumer, argnum)."""


def backprop(L: Node) -> Cotangents:
    """Compute ∂L/∂n for every node n that leads to L, in one reverse pass, as most frameworks do.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.

    Returns
    -------
    Mapping
        From node (handle, id or name) to ∂L/∂node, bit for bit as :func:`memograd.grad` gives it.

    Raises
    ------
    NotScalarError, NotDifferentiableError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.baselines import backprop
    >>> tape = mg.Tape()
    >>> x, y = tape.leaf(2.0, name="x"), tape.leaf(3.0, name="y")
    >>> backprop((x * y).named("L"))
    ∂L/∂x  float64    3
    ∂L/∂y  float64    2
    ∂L/∂L  float64    1
    """
    tape = require_scalar(L).tape
    with tape.lock:
        memory = tape.state
        table = memory.empty_table(L.id)
        cotangents, read = table.cotangents, memory.value
        for n in sorted(table.uses, reverse=True)[
            1:
        ]:  # creation order is a topological order, and L is the last
            cotangents[n] = sum_contributions(memory, table, n, read)
    return Cotangents(tape, L.id, cotangents, cotangents.__getitem__)


def paths(L: Node, x: Node) -> Iterator[tuple[PathUse, ...]]:
    """Yield every path from x to L as its uses ``(consumer, argnum)``, from x's consumer to L.

    There may be exponentially many paths; only one is held at a time. `x*x` has two paths, one
    through each operand.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.
    x : Node
        The node at which the paths begin. The only path from L to itself has no uses.

    Returns
    -------
    iterator over tuples of (int, int)
        Ids of consumers, each with the position of the previous node among its operands.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.baselines import paths
    >>> tape = mg.Tape()
    >>> x = tape.leaf(2.0)
    >>> s = np.sin(x)
    >>> list(paths(s * x, x))
    [((1, 0), (2, 0)), ((2, 1),)]
    """
    _check_target(L, x)
    memory = L.tape.state
    with L.tape.lock:
        return _walk_paths(memory, memory.empty_table(L.id), x.id)


def _walk_paths(memory: Memory, table: Table, start: int) -> Iterator[tuple[PathUse, ...]]:
    """Yield the paths from `start` to the table's output, depth first."""
    path: list[PathUse] = []
    stack = [iter([(start, -1)])] if start in table.uses else []
    while stack:
        use = next(stack[-1], None)
        if use is None:
            stack.pop()
            del path[-1:]
            continue
        path.append(use)
        if use[0] == table.output:
            yield tuple(path[1:])
        stack.append(iter(sorted(use_pairs(table, use[0]))))


def path_sum(L: Node, x: Node) -> Any:
    """Compute ∂L/∂x as the sum over all paths from x to L of the product of derivatives along each.

    This is the tutorial's "stupid way" (sections 6 and 7): nothing is shared, so that the work
    grows with the number of paths.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.
    x : Node
        The node by which to differentiate; a leaf or any other node.

    Returns
    -------
    array
        ∂L/∂x in x's shape and dtype; zeros if no path leads from x to L.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.baselines import path_sum
    >>> x = mg.Tape().leaf(3.0)
    >>> float(path_sum(x * x, x))
    6.0
    """
    _check_target(L, x)
    memory, result = L.tape.state, np.zeros(x.shape, x.dtype)
    with L.tape.lock:
        for path in paths(L, x):
            result += _path_product(memory, (x.id, *(c for c, _ in path)), [k for _, k in path])
    return export(canonicalize(result))


def _path_product(memory: Memory, through: tuple[int, ...], argnums: list[int]) -> Any:
    """Return the product of derivatives along a path: a chain of VJPs from L to x."""
    steps, g = memory.steps, memory.seed_of(through[-1])
    for n, c, k in reversed(list(zip(through[:-1], through[1:], argnums, strict=True))):
        ((_, vjp),) = RULES[steps[c].op].lines[k,]
        g = vjp.pull(g, c, k, steps, memory.value)
        if type(g) is not tuple:
            g = conform_to_operand(g, memory, c, k, n)
    return g


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
    _check_target(L, x)
    with L.tape.lock:
        memory = L.tape.state
        between, value = _dependent_nodes(memory, x.id, L.id), widen(memory.value(x.id))

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
    return max((float(np.finfo(dtype).eps) for dtype in dtypes if inexact(dtype)), default=0.0)


def _shift_element(x: Any, i: tuple[int, ...], by: Any) -> Any:
    """Return x with `by` added to element i."""
    moved = np.array(x)
    moved[i] += by
    return canonicalize(moved)


def _dependent_nodes(memory: Memory, x: int, L: int) -> list[int]:
    """Return the nodes after x up to L that depend on x by uses of any kind, in creation order."""
    pred = memory.pred
    ancestors, stack = {L}, [L]
    while stack:
        for o in pred[stack.pop()]:
            if o > x and o not in ancestors:
                ancestors.add(o)
                stack.append(o)
    reached = {x}
    for n in sorted(ancestors):
        if not reached.isdisjoint(pred[n]):
            reached.add(n)
    return sorted(reached - {x})


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


def _check_target(L: Node, x: Node) -> None:
    """Raise unless x is one array by which L can be differentiated."""
    check_target(require_scalar(L), x)
    if type(x.dtype) is tuple:
        raise NotDifferentiableError(
            f"{describe(x.attributes)} has several outputs. Differentiate by the one you mean."
        )
