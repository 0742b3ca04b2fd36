"""What became of each node in the requests that a log tells of."""

from collections.abc import Iterable

from ..memory.tables import Table
from ..solver.events import Event

OUTPUT, ASKED, DROPPED, READ, VISITED = "output", "asked for", "dropped", "read", "visited"
EARLIER, UNTOUCHED = "stored earlier", "never touched"

STATES = (OUTPUT, ASKED, DROPPED, READ, VISITED, EARLIER, UNTOUCHED)
"""The first that holds of a node gives its shape and its colour."""

MEANINGS = {
    OUTPUT: "∂L/∂L = 1",
    ASKED: "a target of the request",
    DROPPED: "found wrong, computed anew",
    READ: "read from the table",
    VISITED: "computed and stored",
    EARLIER: "in the table, not needed now",
    UNTOUCHED: "not needed",
}

STATE_OF_EVENT = {"visit": VISITED, "read": READ, "drop": DROPPED}


def targets_of_requests(events: Iterable[Event]) -> set[int]:
    """Return the targets: what was asked for while nothing else was waiting."""
    return {e.node for e in events if e.depth == 0 and e.kind in STATE_OF_EVENT}


def states_of(
    output: int, table: Table | None, asked: Iterable[int], events: Iterable[Event]
) -> dict[int, tuple[str, ...]]:
    """Return the states of each node that has any, the first of them its main one; the others are
    never touched.
    """
    found: dict[int, set[str]] = {n: {EARLIER} for n in (table.cotangents if table else ())}
    for e in events:
        if e.kind in STATE_OF_EVENT:
            kept = found.setdefault(e.node, set())
            kept.discard(EARLIER)
            kept.add(STATE_OF_EVENT[e.kind])
    for n in asked:
        found[n] = found.get(n, set()) - {VISITED} | {ASKED}
    found[output] = {OUTPUT}
    return {n: tuple(state for state in STATES if state in held) for n, held in found.items()}
