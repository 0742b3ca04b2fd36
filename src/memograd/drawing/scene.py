"""What there is to draw, before anybody has decided how: boxes, arrows, and a note where nodes were
left out.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any, NamedTuple

import networkx as nx
import numpy as np

from ..memory.memory import Memory
from ..memory.tables import consumers
from ..program.steps import Operand
from ..solver.events import Event
from ..solver.log import Log
from ..solver.recursion import check_targets, require_scalar
from ..tape.node import Node
from ..text import op_name
from .grouping import Fold, fold_boxes
from .node_states import STATES, UNTOUCHED, states_of, targets_of_requests

MAX_BOXES = 3000
"""Nodes in one picture."""


class Box(NamedTuple):
    """Node: its id, its name, its op, its value where that is one number, else its shape, and its
    states.

    Of several nodes in one box it is the first one's id, a name for all of them, how many they are,
    and all their states.
    """

    id: int
    name: str
    op: str
    value: str
    states: tuple[str, ...]


class Arrow(NamedTuple):
    """Edge.

    Attributes
    ----------
    operand, consumer : int
    argnums : str
        The positions that the operand takes; empty where the consumer has one operand.
    pulled : bool
        Whether a derivative went back along it.
    """

    operand: int
    consumer: int
    argnums: str
    pulled: bool


class Scene(NamedTuple):
    """Picture's contents, in creation order."""

    output: Box
    boxes: list[Box]
    arrows: list[Arrow]
    note: str


def make_scene(
    L: Node, targets: Any, log: Log | None, derivatives: bool, fold: bool = True
) -> Scene:
    """Return the program around L, and what the requests of the log did on it.

    Nothing is computed.
    """
    tape = require_scalar(L).tape
    nodes = None if targets is None else check_targets(L, targets)
    if log is not None:
        log.check(tape.graph)
    events = [e for e in log.events if e.output == L.id] if log is not None else []
    with tape.lock:
        memory = tape.state
        asked = targets_of_requests(events) if nodes is None else {t.id for t in nodes}
        states = states_of(L.id, memory.tables.get(L.id), asked, events)
        drawn, note = choose_nodes(memory, L.id, {e.node for e in events}, derivatives, fold)
        boxes = [make_box(memory, part, states) for part in drawn]
        arrows = make_arrows(memory, drawn, pulled_edges(memory, L.id, events))
    return Scene(next(b for b in boxes if b.id == L.id), boxes, arrows, note)


def choose_nodes(
    memory: Memory, output: int, touched: set[int], derivatives: bool, fold: bool
) -> tuple[list[Fold], str]:
    """Return which nodes are drawn: all that hang together with L; too many are folded, or cut to
    what the log names or is nearest L.
    """
    graph = memory.graph
    own = nx.ancestors(graph, output)
    wanted = [n for n in graph if derivatives or n in own or memory.nodes.of.get(n) is None]
    whole = nx.node_connected_component(graph.subgraph(wanted).to_undirected(as_view=True), output)
    if len(whole) <= MAX_BOXES:
        return box_for_each(memory, whole), ""
    if fold and (parts := fold_boxes(memory, whole, output, MAX_BOXES)):
        return (
            parts,
            f"{len(whole):,} nodes in {len(parts):,} boxes: folded by what their names begin with",
        )
    if touched:
        part, what = sorted(touched - {output})[1 - MAX_BOXES :], "the visited part"
    else:
        nearest = nx.bfs_edges(graph, output, reverse=True)
        part, what = [n for _, n in islice(nearest, MAX_BOXES - 1)], "those nearest the output"
    return box_for_each(
        memory, [*part, output]
    ), f"{len(part) + 1:,} of {len(whole):,} nodes: {what}"


def box_for_each(memory: Memory, nodes: Iterable[int]) -> list[Fold]:
    """Return each node in a box of its own."""
    return [Fold(memory.nodes.name(n), [n]) for n in sorted(nodes)]


def make_box(memory: Memory, part: Fold, states: dict[int, tuple[str, ...]]) -> Box:
    """Return a node as it stands, or several."""
    n = part.nodes[0]
    if len(part.nodes) == 1:
        return describe_box(memory, n, states.get(n, (UNTOUCHED,)))
    held = {state for m in part.nodes for state in states.get(m, ())} or {UNTOUCHED}
    return Box(
        n,
        part.name,
        f"{len(part.nodes):,} nodes",
        "",
        tuple(state for state in STATES if state in held),
    )


def describe_box(memory: Memory, n: int, states: tuple[str, ...]) -> Box:
    """Return a node as it stands: no missing or invalid value is computed for a picture."""
    node = memory.nodes[n]
    value = memory.pending.get(n, memory.values.get(n) if n not in memory.marks else None)
    text = (
        str(node["shape"])
        if not isinstance(value, np.generic)
        else f"{value:.4g}"
        if node["dtype"].kind in "fc"
        else str(value)
    )
    return Box(n, node["name"], op_name(node["op"]), text, states)


def make_arrows(memory: Memory, drawn: list[Fold], pulled: set[tuple[int, int]]) -> list[Arrow]:
    """Return the edges among the boxes: one for all that run between the same two."""
    box_of = {n: part.nodes[0] for part in drawn for n in part.nodes}
    single = {part.nodes[0] for part in drawn if len(part.nodes) == 1}
    found: dict[tuple[int, int], Arrow] = {}
    for c in sorted(box_of):
        several = sum(type(a) is Operand for a in memory.nodes[c]["args"]) > 1
        for o, edge in memory.pred[c].items():
            ends = box_of.get(o, -1), box_of[c]
            if o in box_of and ends[0] != ends[1]:
                argnums = (
                    ", ".join(map(str, edge["argnums"]))
                    if several and single.issuperset(ends)
                    else ""
                )
                back = (o, c) in pulled or (ends in found and found[ends].pulled)
                found[ends] = Arrow(*ends, argnums, back)
    return list(found.values())


def pulled_edges(memory: Memory, output: int, events: Iterable[Event]) -> set[tuple[int, int]]:
    """Return the edges, as (operand, consumer), along which the recursion went; it tells of none
    that ends in L, but went there too.
    """
    events, table = list(events), memory.tables.get(output)
    visited = {e.node for e in events if e.kind == "visit"} if table is not None else set()
    last = {(n, output) for n in visited if table is not None and output in consumers(table, n)}
    return last | {
        (e.node, e.consumer) for e in events if e.kind == "local" and e.consumer is not None
    }
