"""Products with a Jacobian for many seeds or many tangents at once.

Each cotangent or tangent is a batch. On arrays the rows are computed. On nodes the recursion
records a program with one more axis, which can be planned and differentiated again.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.kinds import lazy_kind
from ..arrays.values import as_input, canonicalize
from ..memory.tables import Table
from ..memory.uses import uses_towards
from ..rules.registration import Read
from ..solver.recursion import Store, pull_back
from ..solver.symbolic import RecordingBlock, tag_derivative_nodes
from ..tape.node import Node
from ..tape.recorder import Recorder
from . import batching_rules  # noqa: F401  (the sheet fills the forms)
from .batched_array import BatchedArray, rows_in, rows_of_batch
from .forward_mode import push_forward, store_privately


def pull_rows(y: Node, xs: list[Node], seeds: Any) -> list[Any]:
    """Return the VJPs of y by each of `xs` for many seeds at once: seed · ∂y/∂x, a row for each.

    Parameters
    ----------
    y : Node
        Of any shape and an inexact dtype.
    xs : list of Node
        By what to differentiate: inexact, too, and of y's tape.
    seeds : array_like or Node
        Of shape ``(m, *y.shape)``: m cotangents of y. Arrays are computed with, nodes recorded.

    Returns
    -------
    list of array, or of Node
        For each x the m cotangents, of shape ``(m, *x.shape)`` and x's dtype; zeros where x does
        not lead to y.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.transforms.batched_products import pull_rows
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> pull_rows(x[1:] * x[:-1], [x], np.eye(2))
    [array([[2., 1., 0.],
           [0., 3., 2.]])]
    """
    memory, batch = y.tape.state, BatchedArray(_freeze_rows(y, seeds))

    def pull(read: Read, store: Store) -> list[Any]:
        """Return the contribution of a consumer to the cotangent of an operand."""
        table = Table(
            y.id, uses_towards(memory, y.id, first=min((x.id for x in xs), default=0)), batch
        )
        return [
            pull_back(memory, table, x.id, read, store) if x.id in table.uses else None for x in xs
        ]

    return _stack_rows(y, xs, len(batch.values), isinstance(seeds, Node), pull)


def push_columns(y: Node, xs: list[Node], tangents: list[Any]) -> Any:
    """Return the JVP of y for many tangents at once: Σ ∂y/∂x · tangent, a row for each.

    Parameters
    ----------
    y : Node
        Of any shape and an inexact dtype.
    xs : list of Node
        By what to differentiate: inexact, too, and of y's tape; each once.
    tangents : list of array_like, or of Node
        For each x m tangents, of shape ``(m, *x.shape)``. Arrays are computed with, nodes recorded.

    Returns
    -------
    array or Node
        The m tangents of y, of shape ``(m, *y.shape)`` and y's dtype: the transpose of the
        Jacobian's columns.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.transforms.batched_products import push_columns
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> push_columns(x[1:] * x[:-1], [x], [np.eye(3)])
    array([[2., 0.],
           [1., 3.],
           [0., 2.]])
    """
    memory, batches = (
        y.tape.state,
        {x.id: BatchedArray(_freeze_rows(x, t)) for x, t in zip(xs, tangents, strict=True)},
    )

    def push(read: Read, store: Store) -> list[Any]:
        return [push_forward(memory, batches, y.id, read)]

    recording = any(isinstance(t, Node) for t in tangents)
    return _stack_rows(y, [y], rows_in(batches.values()), recording, push)[0]


def _freeze_rows(node: Node, rows: Any) -> Any:
    """Return seeds or tangents of a node as a read-only array; the caller does not write to them.

    They are not copied: of the Hessian of a function of 20,000 numbers by 12 that took a tenth.
    """
    if isinstance(rows, Node) or lazy_kind(rows) is not None:
        return rows
    return canonicalize(np.asarray(as_input(rows), node.dtype).view())


BatchWork = Callable[[Read, Store], list[Any]]


def _stack_rows(y: Node, nodes: list[Node], m: int, recording: bool, work: BatchWork) -> list[Any]:
    """Return the m rows that `work` computes for each of `nodes`; zeros where it gives None."""
    work = work if m else lambda read, store: [None] * len(nodes)
    if recording:
        return _record_rows(y, nodes, m, work)
    found = y.tape.ask_exclusively(lambda: work(y.tape.state.value, store_privately))
    return [
        np.zeros((m, *n.shape), n.dtype) if rows is None else canonicalize(rows_of_batch(rows, m))
        for n, rows in zip(nodes, found, strict=True)
    ]


def _record_rows(y: Node, nodes: list[Node], m: int, work: BatchWork) -> list[Any]:
    """Record the m rows for each of `nodes` as derivatives of y: all of them, or none."""
    tape = y.tape
    with tape.lock, RecordingBlock(tape) as block:
        found = tape.ask_exclusively(lambda: work(tape.handle, _owning(tape)))
        rows = [_rows_as_node(tape, n, m, rows) for n, rows in zip(nodes, found, strict=True)]
    tag_derivative_nodes(tape, block.start, y.id, y.id)
    return rows


def _rows_as_node(tape: Recorder, n: Node, m: int, rows: Any) -> Any:
    """Return rows as a node, also those that depend on nothing."""
    if rows is None:
        return tape.record(np.zeros, ((m, *n.shape), n.dtype))
    rows = rows_of_batch(rows, m)
    return rows if isinstance(rows, Node) else tape.record(np.copy, (rows,))


def _owning(tape: Recorder) -> Store:
    """Return a store that notes for each recorded node whose derivative it belongs to."""
    start = tape.next_id

    def store(table: Table, n: int, d: Any) -> None:
        """Store a cotangent whose nodes belong to the derivative."""
        nonlocal start
        store_privately(table, n, d)
        start = tag_derivative_nodes(tape, start, table.output, n)

    return store
