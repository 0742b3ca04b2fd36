"""Log of requests: every visit, local derivative, store, read and drop, and what was computed."""

import weakref
from copy import copy
from typing import Any, NamedTuple

from ..errors import EndedError, OtherTapeError
from ..memory.memory import Memory
from ..memory.tables import Table
from ..memory.verdict import Verdict
from ..text import text_as_html
from .events import Event, EventRecord, transcript
from .log_diff import Comparison, compare_records
from .work import (
    Clock,
    Computation,
    Savings,
    Work,
    estimate_seconds,
    measure_cotangent,
    measure_value,
    totals_of,
    work_anew,
)

READ, STORE, ANEW = ("read",), ("store",), ("drop", "store")
EVENT_KINDS = {Verdict.VALID: READ, Verdict.MISSING: STORE, Verdict.STALE: ANEW}
"""Kinds of the events with which a visit ends."""


class RunningRequest(NamedTuple):
    """Request that runs, as its log sees it.

    Attributes
    ----------
    memory, table : Memory, Table
        Those of L.
    interrupted : int
        Number of open visits of the requests that this one interrupts.
    open : list of int
        Nodes whose visits have not ended.
    targets : list of int
        Nodes that were asked for.
    """

    memory: Memory
    table: Table
    interrupted: int
    open: list[int]
    targets: list[int]


class Log:
    """Log of the events of every request to which it is given.

    It can be copied and pickled. An unpickled log belongs to the first tape with which it is used
    and on which its nodes have the same ids and names; it has no clock.

    Parameters
    ----------
    clock : callable, optional
        Function without arguments that gives seconds, such as `time.perf_counter`. With it,
        `computed` and `saved` give times. What is computed takes the time since the event before
        it, so that the times of a request add up to its own.

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

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock
        self.events: list[Event] = []
        self.assigned: list[str] = []
        self.node_names: dict[int, str] = {}
        self.request_starts: set[int] = set()  # numbers of the events with which a request began
        self.computations: list[Computation] = []
        self.asked: list[tuple[int, list[int]]] = []  # output and targets of each request
        self.memory_ref: weakref.ref[Memory] | None = None
        self._running: RunningRequest | None = None
        self._last = 0.0  # the clock at the end of the last event

    def __copy__(self) -> "Log":
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> "Log":
        """Return a log with events of its own, of the same tape."""
        other = Log()
        vars(other).update(self.__getstate__(), memory_ref=self.memory_ref, clock=self.clock)
        return other

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the tape, to which a log only refers, the clock, and what runs now."""
        state = {name: copy(value) for name, value in vars(self).items()}
        return state | {"memory_ref": None, "clock": None, "_running": None}

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
    def computed(self) -> Work:
        """Values and derivatives that were computed, with elements, bytes, and seconds if timed.

        Values are computed again after an assignment or an eviction, if a request needs them. What
        was verified and found right is not here.

        Examples
        --------
        >>> import numpy as np, memograd as mg
        >>> tape = mg.Tape()
        >>> x, w = tape.leaf(np.ones(100), name="x"), tape.leaf(3.0, name="w")
        >>> L = np.sum(np.sin(x).named("s") * w).named("L")
        >>> _ = mg.grad(L, w)
        >>> x.value = np.zeros(100)
        >>> log = mg.Log()
        >>> _ = mg.grad(L, w, log=log)
        >>> log.computed
        what                            elements       bytes
        s                                    200         800
        ∂L/∂w                                201           8
        sum of 2                             401         808
        """
        return Work(self.computations, self.node_names)

    @property
    def saved(self) -> Savings:
        """What the requests computed beside what they would have computed without a memory.

        Without a memory, as by hand, each request runs the program that leads to L, and goes back
        from L to its targets.

        Raises
        ------
        EndedError
            The tape, or a node that was asked for, is gone, so that the program is not known.

        Examples
        --------
        >>> import numpy as np, memograd as mg
        >>> tape = mg.Tape()
        >>> x, w = tape.leaf(np.ones(100), name="x"), tape.leaf(3.0, name="w")
        >>> L = np.sum(np.sin(x).named("s") * w).named("L")
        >>> _ = mg.grad(L, [x, w])
        >>> log = mg.Log()
        >>> _ = mg.grad(L, [x, w], log=log)  # asked again
        >>> log.saved
                         computed         anew   saved
        values                  0            3    100%
        derivatives             0            4    100%
        elements                0        1,205    100%
        bytes                   0        4,016    100%
        """
        done = self.computed
        anew = [e for output, targets in self.asked for e in self._anew(output, targets)]
        return Savings(done.totals, totals_of(anew, estimate_seconds(anew, self.computations)))

    def _anew(self, output: int, targets: list[int]) -> list[Computation]:
        """Return what one request computes without a memory."""
        memory = None if self.memory_ref is None else self.memory_ref()
        if memory is None or output not in memory.steps:
            raise EndedError(
                "log.saved walks the program, but the tape of this log is gone, or "
                f"{self.node_names[output]} was cut off. Read it while the tape has the nodes."
            )
        return work_anew(memory, output, targets)

    @property
    def record(self) -> EventRecord:
        """Events with the names of their nodes."""
        return EventRecord(self.events, self.node_names, self.assigned)

    # The recursion calls these. They copy names, because nodes may be renamed or cut off later.

    def begin(self, memory: Memory, table: Table) -> RunningRequest | None:
        """Begin a request for derivatives of an output; return what it interrupts, for `end`."""
        self.check(memory)
        self.memory_ref = weakref.ref(memory)
        outer, output = self._running, table.output
        interrupted = 0 if outer is None else outer.interrupted + len(outer.open)
        self._running = RunningRequest(memory, table, interrupted, [], [])
        self.node_names[output] = memory.nodes.name(output)
        self.request_starts.add(len(self.events))
        self.asked.append((output, self._running.targets))
        self._start_clock()
        return outer

    def check(self, memory: Memory) -> None:
        """Raise if the events are those of another tape."""
        nodes = memory.nodes
        if self.memory_ref is None:
            fits = all(n in nodes and nodes.name(n) == name for n, name in self.node_names.items())
        else:
            fits = self.memory_ref() is memory
        if not fits:
            raise OtherTapeError(
                "This log holds the events of another tape, whose ids mean other nodes. Give "
                "a new memograd.Log()."
            )

    def end(self, outer: RunningRequest | None) -> None:
        """End a request, or one that failed; go on with the one that it interrupted."""
        self._running = outer

    def on_visit(self, memory: Memory, n: int, known: bool) -> None:
        """Note that the visit opened last asks for the cotangent of n, which is known or not."""
        running = self._running
        if running is None or n == running.table.output:
            return  # ∂L/∂L = 1 ends the recursion, and is not printed
        self.node_names[n] = memory.nodes.name(n)
        if running.open:
            asker = running.open[-1]
            self._write(running, "local", asker, n, memory.succ[asker][n]["argnums"][0])
        else:
            running.targets.append(n)
        self._write(running, "read" if known else "visit", n)
        if not known:
            running.open.append(n)
        self._start_clock()

    def close(self, verdict: Verdict) -> None:
        """Note that the visit of the node opened last ends, as the verdict says."""
        if (running := self._running) is not None:
            n = running.open.pop()
            if verdict is not Verdict.VALID:
                self._note(measure_cotangent(running.memory, running.table, n))
            for kind in EVENT_KINDS[verdict]:
                self._write(running, kind, n)
            self._start_clock()

    def on_value(self, n: int) -> None:
        """Note that the value of n was computed."""
        if (running := self._running) is not None:
            self.node_names[n] = running.memory.nodes.name(n)
            self._note(measure_value(running.memory, n))
            self._start_clock()

    def _note(self, done: Computation) -> None:
        """Note what was computed, with the time since the last event."""
        if self.clock is not None:
            done = done._replace(seconds=self.clock() - self._last)
        self.computations.append(done)

    def _start_clock(self) -> None:
        """Note the time at which an event ends."""
        if self.clock is not None:
            self._last = self.clock()

    def _write(
        self,
        running: RunningRequest,
        kind: str,
        n: int,
        consumer: int | None = None,
        argnum: int | None = None,
    ) -> None:
        depth = running.interrupted + len(running.open)
        self.events.append(Event(kind, running.table.output, n, consumer, argnum, depth))
