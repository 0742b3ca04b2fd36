"""Dry run of a request: what it would visit, read, store and drop, and what that would cost.

A dry run is to a request as EXPLAIN is to EXPLAIN ANALYZE in a database. It follows `pull_back`
on the same stack, but runs no rule and no op, and clears no mark. One thing cannot be known without
computing: whether an entry that is computed anew has the same bits. So the dry run keeps for each
entry whether its bits are the same, perhaps others, or others for certain; an entry is as uncertain
as the worst of those that it reads.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..arrays.values import bitwise_equal
from ..memory.keeper import VALUE
from ..memory.memory import Memory
from ..memory.tables import CERTAINLY_STALE, Table
from ..program.steps import operand_positions
from ..program.walks import walk_graph
from ..solver.gradients import ALL_LEAVES, leaves_towards
from ..solver.log import ANEW, READ, STORE, Log
from ..solver.targets import check_targets, require_scalar
from ..solver.work import (
    Computation,
    estimate_seconds,
    format_seconds,
    measure_cotangent,
    measure_value,
)
from ..tape.node import Node
from ..text import TEXT_WIDTH, derivative_name, printable, table_lines, text_as_html

SAME, PERHAPS, OTHER = 0, 1, 2
"""Whether the bits of an entry change: no, perhaps, or certainly."""

EITHER = (*READ, *ANEW)
"""Events that may end the visit to a marked entry if other bits were perhaps read: it is read, or
dropped and stored anew.
"""

VISIT_ENDINGS = {SAME: READ, PERHAPS: EITHER, OTHER: ANEW}
"""Events that end the visit to a marked entry, by whether the bits that it read changed."""


class RequestCost(NamedTuple):
    """Cost of a request, in measures that are the same on every machine.

    Attributes
    ----------
    derivatives : int
        Number of applied rules, one for each use of a node.
    elements : int
        Estimated number of elements that these rules, and the ops of values that are computed
        again, read, write and multiply.
    bytes : int
        Size of the cotangents that are stored.
    """

    derivatives: int
    elements: int
    bytes: int


class Preview(NamedTuple):
    """Preview of a request. Its lists hold names in the order of the log, values in creation order.

    Attributes
    ----------
    output : str
        Name of L.
    visited : list of str
        Cotangents that are not known to be right.
    read, stored, dropped : list of str
        Cotangents that would certainly be read from the table, computed and stored, and dropped
        before that.
    maybe : list of str
        Visited cotangents that would be verified: read if all that they depend on kept its bits,
        else dropped and stored.
    values, maybe_values : list of str
        Values that would be computed again, certainly, or if what they depend on took other bits.
    least, most : RequestCost
        Cost if nothing in `maybe` and `maybe_values` has to be computed, and if all has to be.
    seconds : tuple of two floats, or None
        The same in time, estimated from a log that has measured; None without one.
    """

    output: str
    visited: list[str]
    read: list[str]
    stored: list[str]
    dropped: list[str]
    maybe: list[str]
    values: list[str]
    maybe_values: list[str]
    least: RequestCost
    most: RequestCost
    seconds: tuple[float, float] | None = None

    def compare(self, log: Log) -> "Outcome":
        """Lay the preview beside the log of the request, as EXPLAIN ANALYZE does in a database.

        Parameters
        ----------
        log : Log
            Of this request alone.

        Returns
        -------
        Outcome
            Prints as a table of what was foreseen and what was done.

        Examples
        --------
        >>> import numpy as np, memograd as mg
        >>> tape = mg.Tape()
        >>> x, w = tape.leaf([2.0, 3.0], name="x"), tape.leaf([0.5, -1.0], name="w")
        >>> L = np.sum(np.sin(x).named("s") * w).named("L")
        >>> _ = mg.grad(L, x)
        >>> w.value = [0.5, 1.0]
        >>> preview, log = mg.preview(L, x), mg.Log()
        >>> _ = mg.grad(L, x, log=log)
        >>> preview.compare(log)
        ∂L/∂…                foreseen         done
        visited                     2            2
        read                   1 to 2            1
        stored                 1 to 2            2
        dropped                1 to 2            2
        values                      0            0
        elements              6 to 10           10
        bytes                16 to 32           32
        """
        return Outcome(self, log)

    def __repr__(self) -> str:
        """Return a row for each list that is not empty, and for each measure."""
        rows = [
            (label, str(len(names)), f" {_join_names(names)}")
            for what, label in PREVIEW_LABELS.items()
            if (names := getattr(self, what))
        ]
        for what, least, most in zip(RequestCost._fields, self.least, self.most, strict=True):
            rows.append((what, f"{least:,}", f"to {most:,}" if most != least else ""))
        if self.seconds is not None:
            cells = _range_cells(*map(format_seconds, self.seconds))
            rows.append(("seconds", cells[0], " ".join(cells[1:])))
        title = f"{derivative_name(printable(self.output, 40), '…')}, before it is asked for"
        return "\n".join([title, *table_lines("<28>6 <", rows)])

    def _repr_html_(self) -> str:
        return text_as_html(self)


PREVIEW_LABELS = {
    "visited": "visited",
    "read": "read",
    "stored": "stored",
    "dropped": "dropped before",
    "maybe": "read, or dropped and stored",
    "values": "values computed",
    "maybe_values": "values, if an input changed",
}


class Outcome(NamedTuple):
    """Preview of a request beside its log; prints as a table."""

    preview: Preview
    log: Log

    def __repr__(self) -> str:
        """Return a row for each kind of event, and for each measure."""
        label = derivative_name(printable(self.preview.output, 20), "…")
        rows = [(label, "foreseen", "done"), *self._events(), *self._measures()]
        return "\n".join(table_lines("<12 >16 >12", rows))

    def _repr_html_(self) -> str:
        return text_as_html(self)

    def _events(self) -> Iterator[tuple[str, str, str]]:
        """Yield the rows of what happened."""
        foreseen, log = self.preview, self.log
        maybe = len(foreseen.maybe)
        for what in ("visited", "read", "stored", "dropped"):
            least = len(getattr(foreseen, what))
            most = least if what == "visited" else least + maybe
            yield what, _range_text(least, most), f"{len(getattr(log, what)):,}"
        least = len(foreseen.values)
        most = least + len(foreseen.maybe_values)
        yield "values", _range_text(least, most), f"{len(log.computed.values):,}"

    def _measures(self) -> Iterator[tuple[str, str, str]]:
        """Yield the rows of what it cost."""
        foreseen, work = self.preview, self.log.computed
        least, most, sums = foreseen.least, foreseen.most, work.totals
        stored = sum(e.bytes for e in work if e.output != VALUE)
        yield "elements", _range_text(least.elements, most.elements), f"{sums.elements:,}"
        yield "bytes", _range_text(least.bytes, most.bytes), f"{stored:,}"
        if foreseen.seconds is not None or sums.seconds is not None:
            estimate = map(format_seconds, foreseen.seconds or ())
            yield "seconds", " ".join(_range_cells(*estimate)), format_seconds(sums.seconds)


def _range_text(least: int, most: int) -> str:
    """Return a number, or the least and the most of it."""
    return " ".join(_range_cells(f"{least:,}", f"{most:,}"))


def _range_cells(least: str = "", most: str = "") -> tuple[str, ...]:
    """Return the cells of a number, or of the least and the most of it."""
    return (least,) if least == most else (least, f"to {most}")


class DryRun:
    """Simulation of one request.

    Attributes
    ----------
    visited, read : list of int
        Nodes in the order of the events.
    endings : dict
        Node to the events that end its visit, in the order of these events.
    runs : dict
        Node to PERHAPS or OTHER if its value is computed again, perhaps or certainly.
    """

    def __init__(self, memory: Memory, table: Table) -> None:
        self.memory, self.table = memory, table
        self.visited: list[int] = []
        self.read: list[int] = []
        self.endings: dict[int, tuple[str, ...]] = {}
        self.runs: dict[int, int] = {}
        # Whether the bits of the cotangents whose visit ended, and of verified values, change.
        self._cotangents: dict[int, int] = {}
        self._values: dict[int, int] = {}
        # If so, no value has to be verified or computed again.
        self._all_here = memory.nothing_evicted and not memory.marks

    def ask(self, target: int) -> None:
        """Simulate the request of ∂L/∂target."""
        stack = [target]
        while stack:
            n = stack.pop()
            if n < 0:
                self._close(~n)
            elif self._is_known(n):
                if n != self.table.output:
                    self.read.append(n)
            else:
                self.visited.append(n)
                stack.append(~n)
                stack.extend(self.table.consumers(n))

    def _is_known(self, n: int) -> bool:
        """Return whether ∂L/∂n would be read without a visit."""
        return n in self._cotangents or (n in self.table.cotangents and n not in self.table.marks)

    def _close(self, n: int) -> None:
        """End the visit of n, after those of its consumers."""
        # As long as marks are left, the verification reads the values, too.
        verifies_values = len(self._values) < len(self.memory.marks)
        primals = [] if self._all_here else list(self.memory.values_read_by(self.table, n))
        ending, bits = self._visit_ending(n, [self._value_change(p) for p in primals])
        self.endings[n], self._cotangents[n] = ending, bits
        if ending is READ:
            self.read.append(n)
        read = PERHAPS if ending is EITHER else SAME
        if verifies_values or ending in (STORE, ANEW):
            read = OTHER
        for p in primals:
            if p not in self.memory.values:
                self._run(p, read)

    def _visit_ending(self, n: int, values: list[int]) -> tuple[tuple[str, ...], int]:
        """Return the events that end the visit of n, and whether the bits of ∂L/∂n change.

        `values` says whether the bits of the values that ∂L/∂n depends on change.
        """
        marks = self.table.marks
        if n not in self.table.cotangents:
            # There is no old cotangent to compare with.
            return STORE, OTHER if n in marks else SAME
        cotangents = [self._cotangents.get(c, SAME) for c in self.table.consumers(n)]
        worst = OTHER if marks[n] == CERTAINLY_STALE else max(cotangents + values)
        return VISIT_ENDINGS[worst], min(worst, PERHAPS)

    def _value_change(self, n: int) -> int:
        """Return whether the bits of the value of n change; verify marked values for that."""

        def select_marked(nodes: Iterable[int]) -> list[int]:
            """Return the nodes whose values are marked and not yet verified."""
            return [m for m in nodes if m in self.memory.marks and m not in self._values]

        # Verify in creation order, so that operands come first.
        for m in sorted(walk_graph(select_marked([n]), lambda m: select_marked(self._operands(m)))):
            self._values[m] = self._verify(m)
        return self._values.get(n, SAME)

    def _verify(self, n: int) -> int:
        """Return whether the bits of a marked value change."""
        memory = self.memory
        if n in memory.pending:
            return SAME if bitwise_equal(memory.values[n], memory.pending[n]) else OTHER
        worst = max((self._values.get(o, SAME) for o in self._operands(n)), default=SAME)
        if memory.marks[n] == CERTAINLY_STALE:
            worst = OTHER
        if worst:
            self._run(n, worst)
        return min(worst, PERHAPS) if n in memory.values else worst

    def _run(self, n: int, how: int) -> None:
        """Note that the value of n is computed, and the evicted values that its op reads."""
        stack = [n]
        while stack:
            m = stack.pop()
            if self.runs.get(m, SAME) < how:
                self.runs[m] = how
                stack.extend(o for o in self._operands(m) if o not in self.memory.values)

    def _operands(self, n: int) -> Iterable[int]:
        """Return the operands of n, each once."""
        return operand_positions(self.memory.steps[n].args)

    # Report

    def preview(self, log: Log | None) -> Preview:
        """Return the preview, with the times that a log has measured."""
        ended = self.endings.items()
        stored = [n for n, ending in ended if ending in (STORE, ANEW)]
        maybe = [n for n, ending in ended if ending is EITHER]
        values = sorted(n for n, how in self.runs.items() if how == OTHER)
        maybe_values = sorted(n for n, how in self.runs.items() if how == PERHAPS)
        least = self._computations(stored, values)
        most = [*least, *self._computations(maybe, maybe_values)]
        return Preview(
            output=self.memory.nodes.name(self.table.output),
            visited=self._names_of(self.visited),
            read=self._names_of(self.read),
            stored=self._names_of(stored),
            dropped=self._names_of(n for n, ending in ended if ending is ANEW),
            maybe=self._names_of(maybe),
            values=self._names_of(values),
            maybe_values=self._names_of(maybe_values),
            least=self._cost(least),
            most=self._cost(most),
            seconds=None if log is None else _estimate(least, most, log),
        )

    def _names_of(self, nodes: Iterable[int]) -> list[str]:
        """Return the names of nodes."""
        return list(map(self.memory.nodes.name, nodes))

    def _computations(self, stored: list[int], runs: list[int]) -> list[Computation]:
        """Return what it takes to store these cotangents and to compute these values again."""
        memory, table = self.memory, self.table
        return [
            *(measure_cotangent(memory, table, n) for n in stored),
            *(measure_value(memory, n) for n in runs),
        ]

    def _cost(self, computations: list[Computation]) -> RequestCost:
        """Return the sums over what is computed."""
        table, steps = self.table, self.memory.steps
        stored = [e for e in computations if e.output != VALUE]
        # A node with several outputs collects their cotangents without applying a rule.
        pulled = [e.node for e in stored if type(steps[e.node].dtype) is not tuple]
        return RequestCost(
            derivatives=sum(len(rules) for n in pulled for _, rules in table.uses_of(n)),
            elements=sum(e.elements for e in computations),
            bytes=sum(e.bytes for e in stored),
        )


def _estimate(
    least: list[Computation], most: list[Computation], log: Log
) -> tuple[float, float] | None:
    """Return the least and the most seconds, by what a log has measured."""
    times = [estimate_seconds(computed, log.computations) for computed in (least, most)]
    return None if times[0] is None or times[1] is None else (times[0], times[1])


def preview(L: Node, targets: Any = ALL_LEAVES, *, log: Log | None = None) -> Preview:
    """Return what ``grad(L, targets)`` would do, without computing or changing anything.

    Parameters
    ----------
    L : Node
        Scalar of an inexact dtype.
    targets : Node, or pytree of them, optional
        Targets of the request. Those that do not lead to L need nothing. Without them: all leaves
        that lead to L.
    log : Log, optional
        Log of earlier requests with a clock. The preview then estimates seconds: what was measured
        takes its last time, and time grows with the elements of the rest.

    Returns
    -------
    Preview
        Prints as a table; `compare` lays it beside the log of the request. If `maybe` is empty,
        that log will have the same lists. Otherwise some of `maybe` will be read, and the rest
        dropped and stored.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.
    OtherTapeError
        The log is one of another tape.

    Notes
    -----
    Assigned values are compared with the old ones, bit by bit; no other value is read. What a
    budget evicts during the request itself is not foreseen.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> tape = mg.Tape()
    >>> x, w = tape.leaf([2.0, 3.0], name="x"), tape.leaf([0.5, -1.0], name="w")
    >>> s = np.sin(x).named("s")
    >>> L = np.sum((s * w).named("m")).named("L")
    >>> _ = mg.grad(L, x)
    >>> w.value = [0.5, 1.0]
    >>> mg.preview(L, [x, w])
    ∂L/∂…, before it is asked for
    visited                          3  x, s, w
    read                             2  m, m
    stored                           2  s, w
    dropped before                   1  s
    read, or dropped and stored      1  x
    derivatives                      2 to 3
    elements                        12 to 16
    bytes                           32 to 48
    """
    tape = require_scalar(L).tape
    nodes = check_targets(L, leaves_towards(L) if targets is ALL_LEAVES else targets)
    memory = tape.state
    with tape.lock:
        if log is not None:
            log.check(memory)
        dry_run = DryRun(memory, memory.table_or_empty(L.id))
        for t in nodes:
            if t.id in dry_run.table.uses:
                dry_run.ask(t.id)
        return dry_run.preview(log)


def _join_names(names: list[str]) -> str:
    """Return the first names that fit into a line."""
    shown = ""
    room = TEXT_WIDTH - 36 - len(", …")
    for number, name in enumerate(names):
        more = (", " if number else "") + printable(name, 20)
        if len(shown + more) > room:
            return shown + ", …"
        shown += more
    return shown
