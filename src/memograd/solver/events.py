"""Events of requests, and the transcript that they print as.

The transcript is that of the tutorial's section 13: `∂L/∂c → table[c]` means "compute ∂L/∂c and
store it", `∂L/∂c ← table[c]` means "read it", and what a step asks for stands indented below it.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from ..memory.memory import Memory
from ..memory.verdict import Verdict
from ..text import derivative_name, printable

ARROWS = {"store": "→", "read": "←"}


class Event(NamedTuple):
    """Event of a request: one thing that the recursion did.

    Attributes
    ----------
    kind : str
        ``visit``: a cotangent that is not known to be right was asked for. ``local``: a consumer's
        local derivative is due. ``store``: a cotangent was computed and stored. ``read``: it was
        read from the table. ``drop``: one that was found to be wrong was removed.
    output, node : int
        L, whose table is meant, and n.
    consumer : int or None
        Of a ``local`` event: the consumer c of ∂c/∂n.
    argnum : int or None
        Of a ``local`` event: the first position of n among the operands of c.
    depth : int
        How many visited nodes were waiting for it.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x, log = mg.Tape().leaf(0.0, name="x"), mg.Log()
    >>> _ = mg.grad(np.sin(x), x, log=log)
    >>> [event.kind for event in log.events]
    ['visit', 'store']
    """

    kind: str
    output: int
    node: int
    consumer: int | None
    argnum: int | None
    depth: int


class Listener(Protocol):
    """Listener to the recursion: a log, or a report of progress."""

    def on_visit(self, memory: Memory, n: int, known: bool) -> None:
        """Note that the cotangent of n is asked for, and whether it is known."""

    def close(self, verdict: Verdict) -> None:
        """Note that the visit of the node that was opened last ends."""


class EventRecord(NamedTuple):
    """Events of requests, with the names of the nodes that they are about.

    Attributes
    ----------
    events : sequence of Event
        In the order in which they happened.
    names : mapping from int to str
        Name of each node, as it was at the time.
    assigned : sequence of str
        Names of the leaves that were assigned.
    """

    events: Sequence[Event]
    names: Mapping[int, str]
    assigned: Sequence[str]


def transcript(
    events: Sequence[Event], names: Mapping[int, str], begun: Container[int]
) -> list[str]:
    """Return the lines of the transcript, each indented under the step that asked for it.

    `begun` holds the numbers of the events with which requests begin.
    """
    return list(dict(write_lines(events, names, begun)).values())


def write_lines(
    events: Sequence[Event], names: Mapping[int, str], begun: Container[int]
) -> Iterator[tuple[int, str]]:
    """Yield for each event the number of a line, and its text; a later text replaces it.

    The line of a visit is completed when the visit ends.
    """
    opened: list[tuple[int, int, str]] = []  # visits that have not ended: (node, line, its text)
    shown = {n: printable(name) for n, name in names.items()}
    following = 0
    for number, e in enumerate(events):
        if number in begun:
            del opened[e.depth :]  # a request that failed has left its visits open
        indent, n, label = (
            4 * e.depth * " ",
            shown[e.node],
            derivative_name(shown[e.output], shown[e.node]),
        )
        closes = (
            e.kind not in ("local", "visit")
            and len(opened) > e.depth
            and opened[e.depth][0] == e.node
        )
        del opened[e.depth + closes :]
        line, text = opened.pop()[1:] if closes else (following, f"{indent}{label}")
        if e.kind == "local" and e.consumer is not None:
            text = indent + derivative_name(shown[e.consumer], n)
        elif e.kind == "drop":
            text = f"{text} ✗ table[{n}]\n{indent}{label}"
        elif e.kind in ARROWS:
            text = f"{text} {ARROWS[e.kind]} table[{n}]"
        if e.kind in ("visit", "drop"):
            opened.append((e.node, line, text))
        following += line == following
        yield line, text
