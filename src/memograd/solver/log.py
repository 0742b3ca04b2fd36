"""Log of requests: every visit, local derivative, store, read and drop."""

import weakref
from copy import copy
from typing import TYPE_CHECKING, Any

from ..errors import OtherTapeError
from ..memory.verdict import Verdict
from ..program.graph_view import inner_dicts
from ..text import text_as_html
from .events import Event, EventRecord, transcript
from .log_diff import Comparison, compare_records

if TYPE_CHECKING:
    import networkx as nx

READ, STORE, ANEW = ("read",), ("store",), ("drop", "store")
EVENT_KINDS = {Verdict.VALID: READ, Verdict.MISSING: STORE, Verdict.STALE: ANEW}
"""Kinds of the events with which a visit ends."""


class Log:
    """Log of the events of every request to which it is given.

    It can be copied and pickled. An unpickled log belongs to the first tape with which it is used
    and on which its nodes have the same ids and names.

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
        self.node_names: dict[int, str] = {}
        self._open: list[int] = []
        self._output = -1
        self._below = 0  # number of open visits of the requests that this one interrupts
        self.request_starts: set[int] = set()  # numbers of the events with which a request began
        self.graph_ref: weakref.ref[nx.DiGraph] | None = None

    def __copy__(self) -> "Log":
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> "Log":
        """Return a log with events of its own, of the same tape."""
        other = Log()
        vars(other).update(self.__getstate__(), graph_ref=self.graph_ref)
        return other

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the tape, to which a log only refers, and a request that runs."""
        state = {name: copy(value) for name, value in vars(self).items()}
        return state | {"graph_ref": None, "_open": [], "_output": -1, "_below": 0}

    def __repr__(self) -> str:
        return f"<memograd.Log of {len(self.events)} events>"

    def __str__(self) -> str:
        return "\n".join(transcript(self.events, self.node_names, self.request_starts))

    _repr_html_ = text_as_html

    @property
    def visited(self) -> list[str]:
        """Names of the visited nodes, in order."""
        return self._names_of("visit")

    @property
    def stored(self) -> list[str]:
        """Names of the nodes whose cotangents were computed and stored, in order."""
        return self._names_of("store")

    @property
    def read(self) -> list[str]:
        """Names of the nodes whose cotangents were read from the table, in order."""
        return self._names_of("read")

    @property
    def dropped(self) -> list[str]:
        """Names of the nodes whose cotangents were dropped, in order."""
        return self._names_of("drop")

    def _names_of(self, kind: str) -> list[str]:
        return [self.node_names[e.node] for e in self.events if e.kind == kind]

    def compare(self, other: "Log") -> Comparison:
        """Compare what was computed with what another log computed, and say why.

        Parameters
        ----------
        other : Log
            Nodes are compared by their names, so that it may be the log of another tape.

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
        return compare_records(self.record, other.record)

    @property
    def record(self) -> EventRecord:
        """Events with the names of their nodes."""
        return EventRecord(self.events, self.node_names, self.assigned)

    # The recursion calls these. They copy names, because nodes may be renamed or cut off later.

    def begin(self, graph: "nx.DiGraph", output: int) -> tuple[int, int, list[int]]:
        """Begin a request for derivatives of `output`; return what it interrupts, for `end`."""
        self.check(graph)
        self.graph_ref = weakref.ref(graph)
        outer = self._output, self._below, self._open
        self._output, self._below, self._open = output, self._below + len(self._open), []
        self.node_names[output] = inner_dicts(graph)[0].name(output)
        self.request_starts.add(len(self.events))
        return outer

    def check(self, graph: "nx.DiGraph") -> None:
        """Raise if the events are those of another tape."""
        nodes = inner_dicts(graph)[0]
        if self.graph_ref is None:
            fits = all(n in nodes and nodes.name(n) == name for n, name in self.node_names.items())
        else:
            fits = self.graph_ref() is graph
        if not fits:
            raise OtherTapeError(
                "This log holds the events of another tape, whose ids mean other nodes. Give "
                "a new memograd.Log()."
            )

    def end(self, outer: tuple[int, int, list[int]]) -> None:
        """End a request, or one that failed; go on with the one that it interrupted."""
        self._output, self._below, self._open = outer

    def on_visit(self, graph: "nx.DiGraph", n: int, known: bool) -> None:
        """Note that the visit opened last asks for the cotangent of n, which is known or not."""
        if n == self._output:
            return  # ∂L/∂L = 1 ends the recursion, and is not printed
        self.node_names[n] = inner_dicts(graph)[0].name(n)
        if self._open:
            asker = self._open[-1]
            self._write("local", asker, n, inner_dicts(graph)[1][asker][n]["argnums"][0])
        self._write("read" if known else "visit", n)
        if not known:
            self._open.append(n)

    def close(self, verdict: Verdict) -> None:
        """Note that the visit of the node opened last ends, as the verdict says."""
        n = self._open.pop()
        for kind in EVENT_KINDS[verdict]:
            self._write(kind, n)

    def _write(
        self, kind: str, n: int, consumer: int | None = None, argnum: int | None = None
    ) -> None:
        self.events.append(
            Event(kind, self._output, n, consumer, argnum, self._below + len(self._open))
        )
