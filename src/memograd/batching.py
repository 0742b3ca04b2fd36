"""All rows of a Jacobian in one pull: the one recursion, with a batch of rows for each cotangent.

The table of such a request is kept by nobody. On arrays the rows come out as numbers; on nodes the recursion records a
program that has one more axis and is otherwise like any other: it can be planned, and differentiated again.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import batchforms  # noqa: F401  (the sheet fills the forms)
from .arrays import copied, settle
from .batch import Batch, filled
from .memory import Memory, Table
from .node import Node
from .solver import Store, owned, pull_back
from .tape import Tape


def pulled_rows(y: Node, xs: list[Node], seeds: Any) -> list[Any]:
    """The VJPs of y by each of `xs` for many seeds at once: seed · ∂y/∂x, a row for each.

    Parameters
    ----------
    y : Node
        Of any shape and an inexact dtype.
    xs : list of Node
        By what to differentiate: inexact, too, and of y's tape.
    seeds : array_like or Node
        Of shape ``(m, *y.shape)``: m cotangents of y. A node records the pull, an array runs it.

    Returns
    -------
    list of array, or of Node
        For each x the m cotangents, of shape ``(m, *x.shape)`` and x's dtype; zeros where x does not lead to y.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.batching import pulled_rows
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> pulled_rows(x[1:] * x[:-1], [x], np.eye(2))
    [array([[2., 1., 0.],
           [0., 3., 2.]])]
    """
    if isinstance(seeds, Node):
        return _recorded(y, xs, seeds)
    seeds = copied(np.asarray(seeds, y.dtype))

    def computed(table: Table) -> list[Any]:
        rows = _rows(y.tape, table, xs, seeds, y.tape._memory.value, _keep)
        return [np.zeros((len(seeds), *x.shape), x.dtype) if row is None else settle(row) for x, row in zip(xs, rows, strict=True)]

    return y.tape._ask(y.id, None, computed, Memory.empty_table)


def _recorded(y: Node, xs: list[Node], seeds: Node) -> list[Node]:
    """The same, as nodes of the same tape."""
    tape = y.tape

    def record(table: Table) -> list[Node]:
        start = tape._next
        try:
            rows = _rows(tape, table, xs, seeds, tape._handle, _owning(tape))
            return [_node(tape, x, row, len(seeds)) for x, row in zip(xs, rows, strict=True)]
        except BaseException:
            tape._cut(start)
            raise

    return tape._ask(y.id, None, record, Memory.empty_table)


def _node(tape: Tape, x: Node, row: Any, m: int) -> Node:
    """The rows of x as a node, those too that depend on nothing."""
    if row is None:
        return tape.record(np.zeros, ((m, *x.shape), x.dtype))  # type: ignore[no-any-return]
    return row if isinstance(row, Node) else tape.record(np.copy, (row,))


def _rows(tape: Tape, table: Table, xs: list[Node], seeds: Any, read: Callable[[int], Any], store: Store) -> list[Any]:
    """For each x its rows; None where it does not lead to y, and where there is no seed."""
    table.cotangents[table.output] = Batch(seeds)
    m = len(seeds)
    return [filled(pull_back(tape._memory, table, x.id, read, store), m) if m and x.id in table.up else None for x in xs]


def _keep(table: Table, n: int, d: Any) -> None:
    table.cotangents[n] = d


def _owning(tape: Tape) -> Store:
    """A store that says of each node that was recorded whose derivative it belongs to."""
    start = tape._next

    def store(table: Table, n: int, d: Any) -> None:
        nonlocal start
        table.cotangents[n] = d
        start = owned(tape, start, table.output, n)

    return store
