"""States of nodes in a picture: what the requests of a log did at each of them."""

from collections.abc import Collection, Iterable

from ..memory.tables import Table
from ..solver.events import Event

OUTPUT, ASKED, DROPPED, READ, VISITED = "output", "asked for", "dropped", "read", "visited"
EARLIER, UNTOUCHED = "stored earlier", "never touched"

STATES = (OUTPUT, ASKED, DROPPED, READ, VISITED, EARLIER, UNTOUCHED)
"""All states. The first that applies to a node gives its shape and colour."""

MEANINGS = {
    OUTPUT: "∂L/∂L = 1",
    ASKED: "a target of the request",
    DROPPED: "found wrong, computed anew",
    READ: "read from the table",
    VISITED: "computed and stored",
    EARLIER: "in the table, not needed now",
    UNTOUCHED: "not needed",
}
"""Explanation of each state in the legend."""

STATE_OF_EVENT = {"visit": VISITED, "read": READ, "drop": DROPPED}
"""State after an event, by the kind of the event."""


def targets_of_requests(events: Iterable[Event]) -> set[int]:
    """Return the targets of the requests: the nodes of the outermost events."""
    return {e.node for e in events if e.depth == 0 and e.kind in STATE_OF_EVENT}


def states_of(
    output: int, table: Table | None, asked: Iterable[int], events: Iterable[Event]
) -> dict[int, tuple[str, ...]]:
    """Return the states of each node that has any, the main one first.

    Parameters
    ----------
    output : int
        L.
    table : Table or None
        Table of L.
    asked : iterable of int
        Targets of the requests.
    events : iterable of Event
        Events of the requests.

    Returns
    -------
    dict
        Node to its states. Nodes without any are never touched.
    """
    states: dict[int, set[str]] = {n: {EARLIER} for n in (table.cotangents if table else ())}
    for e in events:
        if e.kind in STATE_OF_EVENT:
            states_of_node = states.setdefault(e.node, set())
            states_of_node.discard(EARLIER)
            states_of_node.add(STATE_OF_EVENT[e.kind])
    for n in asked:
        states[n] = states.get(n, set()) - {VISITED} | {ASKED}
    states[output] = {OUTPUT}
    return {n: in_order(states_of_node) for n, states_of_node in states.items()}


def in_order(states: Collection[str]) -> tuple[str, ...]:
    """Return the states in the order of `STATES`."""
    return tuple(state for state in STATES if state in states)
