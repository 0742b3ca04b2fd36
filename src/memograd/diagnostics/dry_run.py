"""What a request would do, before it does it: what EXPLAIN is to a database, where the log is
ANALYZE.

The recursion is gone through as `solver.pull_back` goes, on the same stack, but on paper: no rule
and no op is run, no mark is cleared. Only one thing cannot be known without computing: whether an
entry that is computed anew comes out with other bits. So of each entry it is noted whether its bits
would be the same, perhaps others, or others for certain; an entry that read several is as bad as
the worst of them.
"""

from collections.abc import Iterable
from operator import add
from typing import Any, NamedTuple

from ..arrays.values import bitwise_equal
from ..memory.memory import Memory
from ..memory.tables import CERTAINLY_STALE, Table, consumers, uses_of
from ..program.steps import operand_positions
from ..rules.cost_model import bytes_of, cost_of, cost_of_cotangent
from ..solver.log import ANEW, READ, STORE
from ..solver.recursion import check_targets, require_scalar
from ..tape.node import Node
from ..text import printable, text_as_html

SAME, PERHAPS, OTHER = 0, 1, 2

EITHER = (*READ, *ANEW)
"""How the visit to a marked entry ends that perhaps read other bits: read as it stood, or dropped
and stored anew.
"""

VISIT_ENDINGS = {SAME: READ, PERHAPS: EITHER, OTHER: ANEW}

MAX_WIDTH = 79


class RequestCost(NamedTuple):
    """What a request costs, in measures that are the same on every machine.

    Attributes
    ----------
    derivatives : int
        Rules applied, one a use of a node.
    elements : int
        Elements that these rules, and the ops of values that are computed again, read, write and
        multiply: an estimate.
    bytes : int
        Of the cotangents that are stored.
    """

    derivatives: int
    elements: int
    bytes: int


class Preview(NamedTuple):
    """What a request would do. The lists hold names, in the order of the log's lists; values are in
    creation order.

    Attributes
    ----------
    output : str
        L.
    visited : list of str
        Cotangents that are not known to be right.
    read, stored, dropped : list of str
        Those that would be read from the table, computed and stored, and dropped before that,
        whatever comes out.
    maybe : list of str
        Those among the visited that would be verified: read if all that they read kept its bits,
        else dropped and stored.
    values, maybe_values : list of str
        Values that would be computed again, for certain, or if what they come from took other bits.
    least, most : RequestCost
        What it costs if nothing in `maybe` and `maybe_values` has to be computed, and if all of it
        has to be.
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

    def __repr__(self) -> str:
        """Return a row for each list that is not empty, and for each measure."""
        lists = {what: getattr(self, what) for what in PREVIEW_LABELS}
        rows = [
            f"{PREVIEW_LABELS[what]:<28}{len(names):>6}  {_join_names(names)}"
            for what, names in lists.items()
            if names
        ]
        for what in RequestCost._fields:
            least, most = f"{getattr(self.least, what):,}", f"{getattr(self.most, what):,}"
            rows.append(f"{what:<28}{least:>6}" + (f" to {most}" if most != least else ""))
        return "\n".join([f"∂{printable(self.output, 40)}/∂…, before it is asked for", *rows])

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


class DryRun:
    """One request, gone through on paper.

    Attributes
    ----------
    visited, read : list of int
        Nodes, in order.
    endings : dict
        Node to how its visit ends, in the order of the ends.
    runs : dict
        Node to PERHAPS or OTHER, where its value is computed, perhaps or for certain.
    """

    def __init__(self, memory: Memory, table: Table) -> None:
        self.memory, self.table = memory, table
        self.visited: list[int] = []
        self.read: list[int] = []
        self.endings: dict[int, tuple[str, ...]] = {}
        self.runs: dict[int, int] = {}
        self._cotangents: dict[int, int] = {}  # closed node -> what became of its bits
        self._values: dict[int, int] = {}  # verified node -> what became of its bits
        self._all_here = (
            memory.nothing_evicted and not memory.marks
        )  # so that reading a value is no work

    def ask(self, target: int) -> None:
        """∂L/∂target is asked for."""
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
                stack.extend(consumers(self.table, n))

    def _is_known(self, n: int) -> bool:
        return n in self._cotangents or (n in self.table.cotangents and n not in self.table.marks)

    def _close(self, n: int) -> None:
        looked = len(self._values) < len(
            self.memory.marks
        )  # to verify, at the values too; where none is marked, at none
        primals = [] if self._all_here else list(self.memory.values_read_by(self.table, n))
        ending, bits = self._visit_ending(n, [self._value_change(p) for p in primals])
        self.endings[n], self._cotangents[n] = ending, bits
        if ending is READ:
            self.read.append(n)
        read = OTHER if looked or ending in (STORE, ANEW) else PERHAPS if ending is EITHER else SAME
        for p in primals:
            if p not in self.memory.values:
                self._run(p, read)

    def _visit_ending(self, n: int, values: list[int]) -> tuple[tuple[str, ...], int]:
        """Return how a visit ends, and what becomes of the bits, of an entry that read these values
        and its consumers' cotangents.
        """
        marks = self.table.marks
        if n not in self.table.cotangents:
            return STORE, OTHER if n in marks else SAME  # what read one that is gone cannot compare
        cotangents = [self._cotangents.get(c, SAME) for c in consumers(self.table, n)]
        worst = OTHER if marks[n] == CERTAINLY_STALE else max(cotangents + values)
        return VISIT_ENDINGS[worst], min(worst, PERHAPS)

    def _value_change(self, n: int) -> int:
        """Return what became of the bits of n's value, which is verified where it is marked, with
        what it comes from.
        """
        marks, verified, seen, stack = self.memory.marks, self._values, set(), [n]
        while stack:
            m = stack.pop()
            if m in marks and m not in verified and m not in seen:
                seen.add(m)
                stack.extend(self._operands(m))
        for m in sorted(seen):
            verified[m] = self._verify(m)
        return verified.get(n, SAME)

    def _verify(self, n: int) -> int:
        memory = self.memory
        if n in memory.pending:
            return SAME if bitwise_equal(memory.values[n], memory.pending[n]) else OTHER
        worst = (
            OTHER
            if memory.marks[n] == CERTAINLY_STALE
            else max((self._values.get(o, SAME) for o in self._operands(n)), default=SAME)
        )
        if worst:
            self._run(n, worst)
        return min(worst, PERHAPS) if n in memory.values else worst

    def _run(self, n: int, how: int) -> None:
        """Compute the value of n, and before it the evicted values that its op reads."""
        stack = [n]
        while stack:
            m = stack.pop()
            if self.runs.get(m, SAME) < how:
                self.runs[m] = how
                stack.extend(o for o in self._operands(m) if o not in self.memory.values)

    def _operands(self, n: int) -> Iterable[int]:
        return operand_positions(self.memory.steps[n].args)

    # to report

    def preview(self) -> Preview:
        """Return what has become known, by name."""
        ended = self.endings.items()
        stored = [n for n, ending in ended if ending in (STORE, ANEW)]
        maybe = [n for n, ending in ended if ending is EITHER]
        values = sorted(n for n, how in self.runs.items() if how == OTHER)
        maybe_values = sorted(n for n, how in self.runs.items() if how == PERHAPS)
        least = self._cost(stored, values)
        return Preview(
            output=self.memory.nodes.name(self.table.output),
            visited=self._names_of(self.visited),
            read=self._names_of(self.read),
            stored=self._names_of(stored),
            dropped=self._names_of(n for n, ending in ended if ending is ANEW),
            maybe=self._names_of(maybe),
            values=self._names_of(values),
            maybe_values=self._names_of(maybe_values),
            least=least,
            most=RequestCost(*map(add, least, self._cost(maybe, maybe_values))),
        )

    def _names_of(self, found: Iterable[int]) -> list[str]:
        return list(map(self.memory.nodes.name, found))

    def _cost(self, stored: list[int], runs: list[int]) -> RequestCost:
        table, steps = self.table, self.memory.steps
        ruled = [
            n for n in stored if type(steps[n].dtype) is not tuple
        ]  # the others gather their outputs' cotangents
        return RequestCost(
            sum(len(lines) for n in ruled for _, lines in uses_of(table, n)),
            round(
                sum(cost_of_cotangent(steps, consumers(table, n)) for n in ruled)
                + sum(cost_of(steps, n) for n in runs)
            ),
            sum(bytes_of(steps[n].shape, steps[n].dtype) for n in stored),
        )


def preview(L: Node, targets: Any) -> Preview:
    """Return what ``grad(L, targets)`` would do; nothing is computed, and nothing changed.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.
    targets : Node, or pytree of them
        By what to differentiate. Those that do not lead to L need nothing.

    Returns
    -------
    Preview
        Prints as a table. Where nothing is `maybe`, the log of the request will have the same
        lists; otherwise the log will lie between: all that is certain, and of what is `maybe` some
        read, the rest dropped and stored.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Notes
    -----
    An assigned value is compared with the old one, bit by bit, because that tells what is certain;
    nothing else is
    looked at. What a budget lets go during the request itself is not foreseen.

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
    nodes = check_targets(L, targets)
    memory = tape.state
    with tape.lock:
        course = DryRun(memory, memory.tables.get(L.id) or memory.empty_table(L.id))
        for t in nodes:
            if t.id in course.table.uses:
                course.ask(t.id)
        return course.preview()


def _join_names(names: list[str]) -> str:
    """As many names as find room on the line."""
    shown, room = "", MAX_WIDTH - 36 - len(", …")
    for number, name in enumerate(names):
        more = (", " if number else "") + printable(name, 20)
        if len(shown + more) > room:
            return shown + ", …"
        shown += more
    return shown
