"""Baselines to compare with: full backpropagation, sums over single paths, finite differences.

None of them leaves a node or a table behind.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .arrays.values import canonicalize, export
from .memory.memory import Memory
from .memory.tables import Table
from .rules.registration import RULES
from .solver.recursion import conform_to_operand, sum_contributions
from .solver.table_view import Cotangents
from .solver.targets import require_scalar
from .tape.node import Node
from .transforms.finite_differences import finite_difference as finite_difference
from .transforms.finite_differences import require_array_target

__all__ = ["backprop", "finite_difference", "path_sum", "paths"]

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
    require_array_target(L, x)
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
        stack.append(iter(sorted(table.use_pairs(use[0]))))


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
    require_array_target(L, x)
    memory, result = L.tape.state, np.zeros(x.shape, x.dtype)
    with L.tape.lock:
        for path in paths(L, x):
            result += _path_product(memory, (x.id, *(c for c, _ in path)), [k for _, k in path])
    return export(canonicalize(result))


def _path_product(memory: Memory, through: tuple[int, ...], argnums: list[int]) -> Any:
    """Return the product of derivatives along a path: a chain of VJPs from L to x."""
    steps, g = memory.steps, memory.unit_seed(through[-1])
    for n, c, k in reversed(list(zip(through[:-1], through[1:], argnums, strict=True))):
        ((_, vjp),) = RULES[steps[c].op].pulls[k,]
        g = vjp.pull(g, c, k, steps, memory.value)
        if type(g) is not tuple:
            g = conform_to_operand(g, memory, c, k, n)
    return g
