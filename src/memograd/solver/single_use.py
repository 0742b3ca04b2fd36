"""Derivatives of a traced function's results: cotangents are kept for one request, in no table.

A table notes provenance and is listed in the memory's index, so that assignments find what they
spoil. Nothing is assigned to a tape that ends with the request: without the notes, the gradient of
a function of three ops takes half the time.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..arrays.pytrees import tree_leaves, tree_map
from ..arrays.values import canonicalize, export
from ..memory.memory import Memory
from ..memory.tables import Table
from ..memory.uses import uses_towards
from ..rules.registration import Read
from ..tape.busy import busy
from ..tape.node import Node
from ..tape.recorder import Recorder
from .asked_targets import asking
from .recursion import Store, pull_back, zeros_for
from .symbolic import RecordingBlock, SymbolicTable, zeros_node
from .targets import require_scalar

Seeds = Mapping[int, Any]
"""Given cotangents, by the nodes whose they are."""


def compute_grad_once(L: Node, inputs: Any) -> Any:
    """Return ∂L/∂inputs, as arrays.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype, on a tape that nobody asks again.
    inputs : Node, or pytree of them
        Inputs of the traced function, on the same tape.
    """
    tape = require_scalar(L).tape
    return compute_vjp_once(tape, {L.id: tape.state.unit_seed(L.id)}, inputs)


@busy("a request", tape="tape")
def compute_vjp_once(tape: Recorder, seeds: Seeds, inputs: Any) -> Any:
    """Return Σ seed · ∂y/∂inputs over the nodes y that have a seed, as arrays."""
    memory = tape.state
    with tape.lock:
        if memory.marks or memory.budget is not None or not memory.nothing_evicted:
            # The function has assigned, or set a budget.
            return tape.ask_exclusively(lambda: _pull_arrays(memory, seeds, inputs, memory.value))
        return _pull_arrays(memory, seeds, inputs, memory.values.__getitem__)


def _pull_arrays(memory: Memory, seeds: Seeds, inputs: Any, read: Read) -> Any:
    """Return Σ seed · ∂y/∂inputs, given how to read values."""
    table = Table(max(seeds), uses_towards(memory, *seeds), None)
    ends = ends_of(table, seeds)
    table.cotangents = {n: conform_seed(memory, n, g) for n, g in ends.items()}
    store: Store = keep_cotangent
    labels = memory.nodes.labels
    if len(ends) < len(seeds):
        store = add_seeds(seeds, store)

    def cotangent(t: Node) -> Any:
        """Return the cotangent of one input, with the labels of its leaf."""
        if t.id not in table.uses:
            d = export(zeros_for(t.shape, t.dtype))
        else:
            d = export(pull_back(memory, table, t.id, read, store))
        return labels[t.id].on(d) if t.id in labels else d

    if type(inputs) is Node:
        return cotangent(inputs)
    with asking(memory.steps, inputs):
        return tree_map(cotangent, inputs)


def record_vjp_once(tape: Recorder, seeds: Seeds, inputs: Any) -> Any:
    """Return Σ seed · ∂y/∂inputs over the nodes y that have a seed, as nodes.

    No node before the first input is looked at, so that the derivative of a function that is called
    inside another costs what the function costs.
    """
    first = min((t.id for t in tree_leaves(inputs)), default=0)

    def record() -> Any:
        """Record the cotangents of all inputs, or none of them."""
        with RecordingBlock(tape), asking(tape.state.steps, inputs):
            given = {n: as_node(tape, g) for n, g in seeds.items()}
            table = Table(max(seeds), uses_towards(tape.state, *seeds, first=first), None)
            table.program = {n: g.id for n, g in ends_of(table, given).items()}
            symbolic = SymbolicTable(tape, table)
            store = add_seeds(given, symbolic.store)
            return tree_map(lambda t: _pull_node(symbolic, t, store), inputs)

    return tape.ask_exclusively(record)


def _pull_node(symbolic: SymbolicTable, t: Node, store: Store) -> Any:
    """Return the cotangent of one input as a node."""
    if t.id not in symbolic.uses:
        return zeros_node(t)
    return pull_back(symbolic.tape.state, symbolic, t.id, symbolic.tape.handle, store)


def ends_of(table: Table, seeds: Seeds) -> Seeds:
    """Return the seeds that are whole cotangents: those of nodes that lead to no other output."""
    return {n: g for n, g in seeds.items() if not table.uses[n]}


def add_seeds(seeds: Seeds, store: Store) -> Store:
    """Return `store`, with its seed added to the cotangent of an output that leads to another."""
    return lambda table, n, d: store(table, n, canonicalize(d + seeds[n]) if n in seeds else d)


def conform_seed(memory: Memory, n: int, g: Any) -> Any:
    """Return a seed in the form in which memory keeps it, in the kind of array of its node."""
    shape = memory.steps[n].shape
    return canonicalize(g) if type(shape) is tuple else shape.kind.conform(shape, g)


def as_node(tape: Recorder, a: Any) -> Any:
    """Return an array as a node of the tape; a node of it as it is."""
    return a if isinstance(a, Node) and a.tape is tape else tape.record(np.positive, (a,))


def keep_cotangent(table: Table, n: int, d: Any) -> None:
    """Keep a cotangent until the request ends."""
    table.cotangents[n] = d
