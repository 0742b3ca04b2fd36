"""The log: every visit, local derivative, store, read and drop of the requests that it is handed to, and its transcript.

The transcript is the one of the tutorial's section 13: `∂L/∂c → table[c]` means "compute ∂L/∂c and store it",
`∂L/∂c ← table[c]` means "read it", and what a step asked for stands indented below it.
"""

import weakref
from copy import copy
from typing import Any

import networkx as nx

from ..errors import OtherTapeError
from ..memory.verdict import Verdict
from ..text import as_text
from .events import Event, EventRecord, transcript
from .log_diff import Comparison, compared

READ, STORE, ANEW = ("read",), ("store",), ("drop", "store")
ENDINGS = {Verdict.VALID: READ, Verdict.MISSING: STORE, Verdict.STALE: ANEW}
"""Kinds of the events with which a visit ends."""


class Log:
    """Collects the events of every request that it is handed to.

    It can be copied and pickled. One that was unpickled belongs to the first tape that it is used with on which its nodes have the
    ids and the names that it knows.

    Attributes
    ----------
    events : list of Event
        In the order in which they happened.
    assigned : list of str
        Names of the leaves that were assigned, in order.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> tape = mg.Tape()
    >>> x = tape.leaf(2.0, name="x")
    >>> s = np.sin(x).named("s")
    >>> L = (s * x).named("L")
    >>> log = mg.Log()
    >>> _ = mg.grad(L, x, log=log)
    >>> print(log)
    ∂L/∂x → table[x]
        ∂s/∂x
        ∂L/∂s → table[s]
    >>> log.visited
    ['x', 's']
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.assigned: list[str] = []
        self._names: dict[int, str] = {}
        self._open: list[int] = []
        self._output = -1
        self._below = 0  # how many visits of the requests that this one interrupts are open
        self._begun: set[int] = set()  # numbers of the events with which a request began
        self._graph: weakref.ref[nx.DiGraph] | None = None

    def __copy__(self) -> "Log":
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> "Log":
        """A log with events of its own, of the same tape."""
        other = Log()
        vars(other).update(self.__getstate__(), _graph=self._graph)
        return other

    def __getstate__(self) -> dict[str, Any]:
        """All but the tape, which a log only refers to; a request that runs is no part of it."""
        state = {name: copy(value) for name, value in vars(self).items()}
        return state | {"_graph": None, "_open": [], "_output": -1, "_below": 0}

    def __repr__(self) -> str:
        return f"<memograd.Log of {len(self.events)} events>"

    def __str__(self) -> str:
        return "\n".join(transcript(self.events, self._names, self._begun))

    _repr_html_ = as_text

    @property
    def visited(self) -> list[str]:
        """Names of the visited nodes, in order."""
        return self._named("visit")

    @property
    def stored(self) -> list[str]:
        """Names of the nodes whose cotangents were computed and stored, in order."""
        return self._named("store")

    @property
    def read(self) -> list[str]:
        """Names of the nodes whose cotangents were read from the table, in order."""
        return self._named("read")

    @property
    def dropped(self) -> list[str]:
        """Names of the nodes whose cotangents were dropped, in order."""
        return self._named("drop")

    def _named(self, kind: str) -> list[str]:
        return [self._names[e.node] for e in self.events if e.kind == kind]

    def compare(self, other: "Log") -> Comparison:
        """What was computed this time and not the other time, and the reverse, and why.

        Parameters
        ----------
        other : Log
            The other time's. Nodes are told by their names, so that it may be that of another tape.

        Returns
        -------
        Comparison
            Prints as lines.

        Examples
        --------
        >>> import numpy as np, memograd as mg
        >>> tape = mg.Tape()
        >>> x, w = tape.leaf(2.0, name="x"), tape.leaf(3.0, name="w")
        >>> L = np.exp(np.sin(x).named("s") * w).named("L")
        >>> first, second = mg.Log(), mg.Log()
        >>> _ = mg.grad(L, x, log=first)
        >>> tape.assign({w: 4.0}, log=second)
        >>> _ = mg.grad(L, w, log=second)
        >>> second.compare(first)
        computed now, and not then:
            ∂L/∂w: asked for now, and not then
        computed then, and not now:
            ∂L/∂x: asked for then, and not now
            ∂L/∂s: needed then for ∂L/∂x, and not now
        """
        return compared(self.record, other.record)

    @property
    def record(self) -> EventRecord:
        """The events, with the names of their nodes."""
        return EventRecord(self.events, self._names, self.assigned)

    # What the recursion tells a log. Names are kept as they are now: nodes may be renamed or cut off later.

    def begin(self, graph: nx.DiGraph, output: int) -> tuple[int, int, list[int]]:
        """A request for derivatives of `output` begins; what it interrupts is handed back, for `end`."""
        self.check(graph)
        self._graph = weakref.ref(graph)
        outer = self._output, self._below, self._open
        self._output, self._below, self._open = output, self._below + len(self._open), []
        self._names[output] = graph._node.name(output)
        self._begun.add(len(self.events))
        return outer

    def check(self, graph: nx.DiGraph) -> None:
        """Raise if the events are those of another tape."""
        nodes = graph._node
        if self._graph is None:
            fits = all(n in nodes and nodes.name(n) == name for n, name in self._names.items())
        else:
            fits = self._graph() is graph
        if not fits:
            raise OtherTapeError("This log holds the events of another tape, whose ids mean other nodes. Hand in a new memograd.Log().")

    def end(self, outer: tuple[int, int, list[int]]) -> None:
        """The request is over, or failed; the one that it interrupted, if there is one, goes on."""
        self._output, self._below, self._open = outer

    def taken(self, graph: nx.DiGraph, n: int, known: bool) -> None:
        """Node n comes from the stack, for the node that was opened last; its cotangent is known, or to be found."""
        if n == self._output:
            return  # ∂L/∂L = 1 ends the recursion, and is not printed
        self._names[n] = graph._node.name(n)
        if self._open:
            asker = self._open[-1]
            self._write("local", asker, n, graph._succ[asker][n]["argnums"][0])
        self._write("read" if known else "visit", n)
        if not known:
            self._open.append(n)

    def close(self, verdict: Verdict) -> None:
        """The node opened last is done: read as it stood, or stored, or dropped and stored anew."""
        n = self._open.pop()
        for kind in ENDINGS[verdict]:
            self._write(kind, n)

    def _write(self, kind: str, n: int, consumer: int | None = None, argnum: int | None = None) -> None:
        self.events.append(Event(kind, self._output, n, consumer, argnum, self._below + len(self._open)))
