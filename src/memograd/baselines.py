"""Other walks over the same rules, to compare with: all of backprop, every path by itself, and no rules at all.

None of them leaves a node or a table behind.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .arrays.values import handed_out, inexact, settle
from .errors import NotDifferentiableError
from .memory.memory import Memory, Table, pairs
from .program.steps import ARGS, KWARGS, OP, Operand
from .rules.registration import RULES
from .solver.recursion import checked, fitted, scalar, total
from .solver.table_view import Cotangents
from .tape.node import Node
from .text import describe

Use = tuple[int, int]
"""One place where a node is an operand: (consumer, argnum)."""


def backprop(L: Node) -> Cotangents:
    """∂L/∂n for every node n that leads to L, in one reverse pass: what frameworks do, whoever asked for what.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.

    Returns
    -------
    Mapping
        From node (handle, id or name) to ∂L/∂node, bit for bit those of :func:`memograd.grad`.

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
    tape = scalar(L).tape
    with tape._lock:
        memory = tape._memory
        table = memory.empty_table(L.id)
        cotangents, read = table.cotangents, memory.value
        for n in sorted(table.up, reverse=True)[1:]:  # creation order is a topological order, and L is the last
            cotangents[n] = total(memory, table, n, read)
    return Cotangents(tape, L.id, cotangents, cotangents.__getitem__)


def paths(L: Node, x: Node) -> Iterator[tuple[Use, ...]]:
    """Every path from x to L, as the uses that it goes through: ``(consumer, argnum)``, from x's consumer up to L.

    There may be exponentially many; none is held but the one at hand. `x*x` is two paths, one through each operand.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.
    x : Node
        Where the paths begin. The one path from L to itself has no use in it.

    Returns
    -------
    iterator over tuples of (int, int)
        Ids of consumers, with the position at which the node before is their operand.

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
    _check(L, x)
    memory = L.tape._memory
    with L.tape._lock:
        return _walk(memory, memory.empty_table(L.id), x.id)


def _walk(memory: Memory, table: Table, start: int) -> Iterator[tuple[Use, ...]]:
    path: list[Use] = []
    stack = [iter([(start, -1)])] if start in table.up else []
    while stack:
        use = next(stack[-1], None)
        if use is None:
            stack.pop()
            del path[-1:]
            continue
        path.append(use)
        if use[0] == table.output:
            yield tuple(path[1:])
        stack.append(iter(sorted(pairs(table, use[0]))))


def path_sum(L: Node, x: Node) -> Any:
    """∂L/∂x as the sum over all paths from x to L of the product of the derivatives along each.

    The tutorial's "stupid way" (sections 6 and 7): nothing is shared, so that its work grows with the number of paths.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.
    x : Node
        By what to differentiate; a leaf or any other node.

    Returns
    -------
    array
        Of x's shape and dtype; zeros if no path leads from x to L.

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
    _check(L, x)
    memory, result = L.tape._memory, np.zeros(x.shape, x.dtype)
    with L.tape._lock:
        for path in paths(L, x):
            result += _product(memory, (x.id, *(c for c, _ in path)), [k for _, k in path])
    return handed_out(settle(result))


def _product(memory: Memory, through: tuple[int, ...], argnums: list[int]) -> Any:
    """One path's product of derivatives: a chain of VJPs, from L down to x."""
    steps, g = memory.steps, memory.one(through[-1])
    for n, c, k in reversed(list(zip(through[:-1], through[1:], argnums, strict=True))):
        ((_, line),) = RULES[steps[c][OP]].lines[k,]
        g = line.pull(g, c, k, steps, memory.value)
        if type(g) is not tuple:
            g = fitted(g, memory, c, k, n)
    return g


def finite_difference(L: Node, x: Node, step: float | None = None) -> Any:
    """∂L/∂x by central differences, element by element, without any rule.

    Only the nodes between x and L are run again, beside the tape, and x in double precision at least.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.
    x : Node
        By what to differentiate; a leaf or any other node.
    step : float, optional
        How far to move each element. By default the cube root of the coarsest precision on the way, times the
        element's size where that is above 1.

    Returns
    -------
    array
        Of x's shape and dtype. For complex x, ∂L/∂(Re x) − i ∂L/∂(Im x).

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
    _check(L, x)
    with L.tape._lock:
        memory = L.tape._memory
        between, value = _between(memory, x.id, L.id), wide(memory.value(x.id))

        def run(moved: Any) -> dict[int, Any]:
            return _rerun(memory, between, {x.id: moved})

        steps = suited(value, run(value).values()) if step is None else step
        d = differences(lambda moved: run(moved).get(L.id, 0.0), value, steps)
    return handed_out(settle(d.astype(x.dtype)))


def differences(f: Callable[[Any], Any], x: Any, steps: Any) -> Any:
    """∂(Re f)/∂x by central differences; for complex x, ∂/∂(Re x) − i ∂/∂(Im x)."""
    d, h = np.zeros(x.shape, x.dtype), np.broadcast_to(steps, x.shape)
    for i in np.ndindex(x.shape):
        for turn in (1, 1j) if d.dtype.kind == "c" else (1,):
            rise = np.real(f(_moved(x, i, h[i] * turn))) - np.real(f(_moved(x, i, -h[i] * turn)))
            d[i] += rise / (2 * h[i]) / turn
    return d


def suited(x: Any, values: Iterable[Any]) -> Any:
    """Steps from x at which the errors of truncation and of rounding in `values` are about equal."""
    return coarsest(values) ** (1 / 3) * np.maximum(1.0, np.abs(x))


def wide(x: Any) -> Any:
    """A value in double precision at least, in which differences lose less."""
    return x.astype(np.result_type(x.dtype, np.float64))


def coarsest(values: Iterable[Any]) -> float:
    """The relative precision of the coarsest of some values."""
    return max((float(np.finfo(y.dtype).eps) for y in values if not isinstance(y, tuple) and inexact(y.dtype)), default=0.0)


def _moved(x: Any, i: tuple[int, ...], by: Any) -> Any:
    moved = np.array(x)
    moved[i] += by
    return settle(moved)


def _between(memory: Memory, x: int, L: int) -> list[int]:
    """The nodes after x up to L that x reaches by any use, differentiable or not, in creation order."""
    reached, pred = {x}, memory.pred
    below, stack = {L}, [L]
    while stack:
        for o in pred[stack.pop()]:
            if o > x and o not in below:
                below.add(o)
                stack.append(o)
    for n in sorted(below):
        if not reached.isdisjoint(pred[n]):
            reached.add(n)
    return sorted(reached - {x})


def _rerun(memory: Memory, between: list[int], moved: dict[int, Any]) -> dict[int, Any]:
    """The values of the nodes `between`, computed from those in `moved` and, for the others, the memory's."""
    for n in between:
        step = memory.steps[n]
        args = [(moved[a] if a in moved else memory.value(a)) if type(a) is Operand else a for a in step[ARGS]]
        moved[n] = settle(RULES[step[OP]].run(args, step[KWARGS]))
    return moved


def _check(L: Node, x: Node) -> None:
    """Raise unless x is one array by which L can be differentiated."""
    checked(scalar(L), x)
    if type(x.dtype) is tuple:
        raise NotDifferentiableError(f"{describe(x._attributes)} has several outputs. Differentiate by the one you mean.")
