"""Scene of a picture, independent of its format: boxes, arrows, and a note on what is left out."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, NamedTuple

import networkx as nx
import numpy as np

from ..arrays.formatting import format_array
from ..memory.memory import Memory
from ..program.steps import Operand
from ..rules.registration import traits_of
from ..solver.events import Event
from ..solver.log import Log
from ..solver.targets import check_targets, require_scalar
from ..tape.node import Node
from ..text import op_name
from .grouping import Fold, fold_boxes
from .node_states import UNTOUCHED, in_order, states_of, targets_of_requests

MAX_BOXES = 3000
"""Number of boxes in one picture."""


class Box(NamedTuple):
    """Box of a node, or of several nodes.

    Attributes
    ----------
    id : int
        Id of the node, or of the first of several.
    name : str
        Name of the node, or a name for all of them.
    op : str
        Name of the op, or the number of nodes.
    value : str
        Value of the node if it is one number, else its shape; empty for several nodes.
    states : tuple of str
        States of the node or nodes, the main one first.
    """

    id: int
    name: str
    op: str
    value: str
    states: tuple[str, ...]


class Arrow(NamedTuple):
    """Arrow from an operand to its consumer.

    Attributes
    ----------
    operand, consumer : int
        Ids of the boxes.
    argnums : str
        Positions of the operand; empty if the consumer has only one operand.
    pulled : bool
        Whether a derivative went back along the arrow.
    label : str
        The positions, where their order matters: it does not for a sum or a product.
    """

    operand: int
    consumer: int
    argnums: str
    pulled: bool
    label: str


class Scene(NamedTuple):
    """Contents of a picture, in creation order."""

    output: Box
    boxes: list[Box]
    arrows: list[Arrow]
    note: str


def make_scene(
    L: Node, targets: Any, log: Log | None, derivatives: bool, fold: bool = True
) -> Scene:
    """Return the scene of the program around L, and of what the requests of a log did there.

    Parameters
    ----------
    L, targets, log, derivatives
        As for :func:`memograd.draw`.
    fold : bool
        Whether nodes may be folded into boxes if there are too many.
    """
    tape = require_scalar(L).tape
    nodes = None if targets is None else check_targets(L, targets)
    if log is not None:
        log.check(tape.state)
    events = [e for e in log.events if e.output == L.id] if log is not None else []
    with tape.lock:
        memory = tape.state
        asked = targets_of_requests(events) if nodes is None else {t.id for t in nodes}
        states = states_of(L.id, memory.tables.get(L.id), asked, events)
        folds, note = choose_nodes(memory, L.id, {e.node for e in events}, derivatives, fold)
        boxes = [make_box(memory, group, states) for group in folds]
        arrows = make_arrows(memory, folds, edges_with_pulls(memory, L.id, events))
    return Scene(next(b for b in boxes if b.id == L.id), boxes, arrows, note)


def choose_nodes(
    memory: Memory, output: int, touched: set[int], derivatives: bool, fold: bool
) -> tuple[list[Fold], str]:
    """Return the boxes of a picture, and a note if these are not all nodes connected with L.

    Parameters
    ----------
    memory : Memory
        Memory of the tape.
    output : int
        L.
    touched : set of int
        Nodes that the log names; they are drawn first if there are too many.
    derivatives : bool
        Whether nodes that record derivatives are drawn.
    fold : bool
        Whether nodes may be folded into boxes.
    """
    nodes = component_of_output(memory, output, derivatives)
    if len(nodes) <= MAX_BOXES:
        return box_for_each(memory, nodes), ""
    if fold and (boxes := fold_boxes(memory, nodes, output, MAX_BOXES)):
        note = (
            f"{len(nodes):,} nodes in {len(boxes):,} boxes: folded by what their names begin with"
        )
        return boxes, note
    if touched:
        part, what = sorted(touched - {output})[1 - MAX_BOXES :], "the visited part"
    else:
        nearest = nx.bfs_edges(memory.graph, output, reverse=True)
        part, what = [n for _, n in islice(nearest, MAX_BOXES - 1)], "those nearest the output"
    note = f"{len(part) + 1:,} of {len(nodes):,} nodes: {what}"
    return box_for_each(memory, [*part, output]), note


def component_of_output(memory: Memory, output: int, derivatives: bool) -> set[int]:
    """Return the nodes connected with L, in either direction.

    Nodes that record derivatives are left out unless they are wanted or L depends on them.
    """
    graph, derivative_of = memory.graph, memory.nodes.of
    ancestors = nx.ancestors(graph, output)
    wanted = [n for n in graph if derivatives or n in ancestors or derivative_of.get(n) is None]
    undirected = graph.subgraph(wanted).to_undirected(as_view=True)
    return nx.node_connected_component(undirected, output)  # type: ignore[no-any-return]


def box_for_each(memory: Memory, nodes: Iterable[int]) -> list[Fold]:
    """Return a box for each node."""
    return [Fold(memory.nodes.name(n), [n]) for n in sorted(nodes)]


def make_box(memory: Memory, fold: Fold, states: dict[int, tuple[str, ...]]) -> Box:
    """Return the box of one node or of several."""
    n = fold.nodes[0]
    if len(fold.nodes) == 1:
        return describe_box(memory, n, states.get(n, (UNTOUCHED,)))
    held = {state for m in fold.nodes for state in states.get(m, ())} or {UNTOUCHED}
    return Box(n, fold.name, f"{len(fold.nodes):,} nodes", "", in_order(held))


def describe_box(memory: Memory, n: int, states: tuple[str, ...]) -> Box:
    """Return the box of one node; an evicted or stale value is not computed for a picture."""
    node = memory.nodes[n]
    value = memory.pending.get(n, memory.values.get(n) if n not in memory.marks else None)
    text = format_array(value) if isinstance(value, np.generic) else str(node["shape"])
    return Box(n, node["name"], op_name(node["op"]), text, states)


def make_arrows(memory: Memory, folds: list[Fold], pulled: set[tuple[int, int]]) -> list[Arrow]:
    """Return the arrows between the boxes: one for all edges between the same two."""
    box_of = {n: fold.nodes[0] for fold in folds for n in fold.nodes}
    single = {fold.nodes[0] for fold in folds if len(fold.nodes) == 1}
    arrows: dict[tuple[int, int], Arrow] = {}
    for c in sorted(box_of):
        node = memory.nodes[c]
        several = sum(type(a) is Operand for a in node["args"]) > 1
        for o, edge in memory.pred[c].items():
            ends = box_of.get(o, -1), box_of[c]
            if o not in box_of or ends[0] == ends[1]:
                continue
            argnums = ""
            if several and single.issuperset(ends):
                argnums = ", ".join(map(str, edge["argnums"]))
            back = (o, c) in pulled or (ends in arrows and arrows[ends].pulled)
            label = "" if traits_of(node["op"]).commutes else argnums
            arrows[ends] = Arrow(*ends, argnums, back, label)
    return list(arrows.values())


def edges_with_pulls(memory: Memory, output: int, events: list[Event]) -> set[tuple[int, int]]:
    """Return the edges (operand, consumer) along which derivatives went back.

    The log has no events for edges that end in L, so these follow from the visits.
    """
    edges = {(e.node, e.consumer) for e in events if e.kind == "local" and e.consumer is not None}
    table = memory.tables.get(output)
    if table is None:
        return edges
    visited = {e.node for e in events if e.kind == "visit"}
    return edges | {(n, output) for n in visited if output in table.consumers(n)}
