"""The memory of a program: what is known of its values and of each output's cotangents, and whether it still holds.

An *entry* is the value of a node, or the cotangent of a node in one output's table. It is *known* once it was ever
computed, and *kept* while its array is here. Being absent and being stale are two things: an entry is stale only if it
is *marked*. The law that everything rests on: **if a known entry is marked, every known entry that read it is marked.**

An assignment runs nothing. It marks MAYBE whatever read what changed, directly or through others, as the rules'
reading lists say. Asking then verifies: an entry is raised to DIRTY only when something that it read took other bits;
one that nobody raised is right as it stands, and the wave ends there.
"""

from collections.abc import Iterator
from typing import Any

import networkx as nx

from ..arrays.values import dtype_of, full, same, sealed, settle, shape_of
from ..errors import DisturbedError, EndedError, ValueChangedError
from ..program.steps import ARGS, DTYPE, KWARGS, OP, SHAPE, Attributes, Consumers, Edge, Operand, Operands, Steps
from ..rules.registration import RULES, Read
from ..text import describe
from .keeper import VALUE as VALUE
from .keeper import Keeper
from .tables import DIRTY as DIRTY
from .tables import MAYBE as MAYBE
from .tables import Act as Act
from .tables import Table as Table
from .tables import TableIndex
from .tables import consumers as consumers
from .tables import leading_to as leading_to
from .tables import pairs as pairs
from .tables import to_visit as to_visit
from .tables import uses as uses
from .verdict import Verdict

VALID, MISSING, STALE = Verdict.VALID, Verdict.MISSING, Verdict.STALE


class Memory:
    """Values and tables beside a program's DiGraph."""

    __slots__ = ("__weakref__", "act", "assigned", "assignments", "budget", "causes", "graph", "index", "marks", "nodes", "pending",
                 "pred", "requests", "steps", "succ", "tables", "turns", "values", "whole")  # fmt: skip

    def __init__(self, steps: Steps, graph: nx.DiGraph) -> None:
        self.steps, self.graph = steps, graph
        # The inner dicts of networkx: its views cost more than the arithmetic.
        self.nodes: Attributes = graph._node
        self.succ: Consumers = graph._succ
        self.pred: Operands = graph._pred
        self.values: dict[int, Any] = {}
        self.marks: dict[int, int] = {}
        self.pending: dict[int, Any] = {}  # leaf -> an assigned value that nobody has asked for yet
        self.tables: dict[int, Table] = {}
        self.index = TableIndex()
        self.budget: Keeper | None = None
        self.whole = True  # whether no value was ever let go
        self.requests = self.assignments = 0  # how many there were
        self.turns = 0  # how often anything was asked that may clear marks or compute
        self.act = Act(0, -1, 0)  # the one that runs, or ran last
        self.assigned: dict[int, int] = {}  # leaf -> the number of its last assignment
        self.causes: dict[int, int] = {}  # node -> the operand whose other bits made its value DIRTY the last time

    # ------------------------------------------------------------------------------------------------- to read

    def value(self, n: int) -> Any:
        """The value of n, verified."""
        if n in self.marks:
            self._verify(n)
        try:
            return self.values[n]
        except KeyError:
            return self._rebuild(n)

    def _verify(self, n: int) -> None:
        marks, steps = self.marks, self.steps
        self.succ.look()  # once for all that will change: a copy's consumers may not have been looked for
        seen, stack = {n}, [n]
        while stack:
            for o in steps[stack.pop()][ARGS]:
                if type(o) is Operand and o in marks and o not in seen:
                    seen.add(o)
                    stack.append(o)
        for m in sorted(seen):
            # A signal handler may ask meanwhile, and find out the same.
            if (new := self.pending.get(m)) is not None:
                self._change(m, new)
                self.pending.pop(m, None)
            elif marks.get(m) == DIRTY:
                self._change(m, self.run(m))
            marks.pop(m, None)

    def _rebuild(self, n: int) -> Any:
        """The value of n, which was let go, by way of those of its operands that were, too."""
        if n not in self.steps:
            raise EndedError(f"Node {n} was recorded in a scratch block that has ended. Record it again, outside.")
        readers = self._gone_above(n)
        made: dict[int, Any] = {}  # by hand, because a budget may let go one while the next is made
        if self.budget is not None:
            self.budget.rebuilding(readers)
        for m in sorted(readers):
            made[m] = self.run(m, lambda a: made[a] if a in made else self.value(a))
            self.keep(m, made[m])
            for o in self.pred[m]:
                if o in made:
                    readers[o] -= 1
                    if not readers[o]:
                        del made[o]
        return made[n]

    def _gone_above(self, n: int) -> dict[int, int]:
        """n and the values above it that are gone, each with how many of them read it."""
        readers, stack = {n: 1}, [n]
        while stack:
            for o in self.pred[stack.pop()]:
                if o in readers:
                    readers[o] += 1
                elif o not in self.values:
                    readers[o] = 1
                    stack.append(o)
        return readers

    def run(self, n: int, read: Read | None = None) -> Any:
        """Compute the value of n from its operands' values."""
        step, read = self.steps[n], read or self.value
        args = [read(a) if type(a) is Operand else a for a in step[ARGS]]
        y = settle(RULES[step[OP]].run(args, step[KWARGS]))
        if shape_of(y) != step[SHAPE] or dtype_of(y) != step[DTYPE]:
            raise ValueChangedError(
                f"{describe(self.nodes[n])} came back as {dtype_of(y)} {shape_of(y)} after an assignment. Shape and dtype are part of "
                f"the program: record it anew with the new values, or write it with np.where."
            )
        return y

    def keep(self, n: int, value: Any) -> None:
        """The value of n is at hand."""
        self.values[n] = value
        if self.budget is not None:
            self.budget.keep((VALUE, n), value)

    def _change(self, n: int, new: Any) -> None:
        """The only one that replaces a value. What read the old one is marked already; here it is raised."""
        old = self.values.get(n)
        if old is not None and same(old, new):
            return
        turns, consumers = self.turns, self.succ.made[n].copy()  # a signal handler may record meanwhile
        for c in consumers:
            if self.marks.get(c) == MAYBE:
                self.marks[c], self.causes[c] = DIRTY, n
        for o, c in self._pulls_reading(n, consumers):
            for table in self.index.with_both(o, c):
                if table.marks.get(o) == MAYBE:
                    table.marks[o], table.causes[o] = DIRTY, n
        self.keep(n, new)
        self._check_undisturbed(turns)

    def _check_undisturbed(self, turns: int) -> None:
        """Raise if a signal handler has asked since: what was raised here may have been right by then, and its readers unmarked."""
        if turns != self.turns:
            self._mark_all()
            raise DisturbedError("A signal handler asked this tape in the middle of an update. Nothing is lost: ask again.")

    def pulls_reading(self, n: int) -> list[tuple[int, int]]:
        """The uses, as (operand, consumer), whose rules read the value of n: what they give to the operand's cotangent."""
        return self._pulls_reading(n, self.succ[n].copy())

    def _pulls_reading(self, n: int, consumers: dict[int, Edge]) -> list[tuple[int, int]]:
        steps = self.steps
        step = steps[n]
        args = step[ARGS]
        found = [(args[j], n) for j in RULES[step[OP]].readers[None, len(args)]]
        for c, edge in consumers.items():
            step = steps[c]
            args = step[ARGS]
            for j in RULES[step[OP]].readers[edge["argnums"], len(args)]:
                found.append((args[j], c))  # noqa: PERF401  (a third faster than a comprehension here)
        return found

    # ---------------------------------------------------------------------------------------------- cotangents

    def table(self, output: int) -> Table:
        """The table of a scalar L, begun where there is none. What leads to L is found once; operands never change."""
        table = self.tables.get(output)
        if table is None:
            table = self.empty_table(output)
            self.index.add(table, output)
            self.tables[output] = table
        return table

    def empty_table(self, output: int, first: int = 0) -> Table:
        """A table that holds ∂L/∂L = 1 alone, and that no assignment knows of; for targets none of which is before `first`."""
        return Table(output, leading_to(self, output, first=first), self.one(output))

    def one(self, output: int) -> Any:
        """∂L/∂L = 1 in L's own dtype, or a float32 program would run in float64."""
        step = self.steps[output]
        return full(step[SHAPE], 1, step[DTYPE])

    def verify_cotangent(self, table: Table, n: int) -> Verdict:
        """Verify a cotangent that may be stale; the cotangents that it was computed from are verified already."""
        marks = table.marks
        if n not in table.cotangents:
            return MISSING
        if marks.get(n) == MAYBE and self.marks:
            for p in self.primals(table, n):
                self.value(p)  # which raises the mark of n, if p took other bits
        if marks.get(n) == DIRTY:
            return STALE
        marks.pop(n, None)  # a signal handler may have asked meanwhile
        if self.budget is not None:
            self.budget.closed(table, n)
        return VALID

    def store(self, table: Table, n: int, new: Any) -> None:
        """The only writer of cotangents. A table is named as holder first: an assignment must find what it spoils."""
        if n in table.marks:
            self._restore(table, n, new)
        else:
            self.index.add(table, n)
            table.cotangents[n], table.acts[n] = new, self.act
            if table.causes:
                table.causes.pop(n, None)  # of one that was let go since
        if self.budget is not None:
            self.budget.keep((table.output, n), table.cotangents[n])
            self.budget.closed(table, n)

    def seal(self, table: Table, n: int) -> Any:
        """The cotangent of n, to be handed out: sealed where it is kept, once. It is the same array, bit for bit."""
        table.cotangents[n] = g = sealed(table.cotangents[n])
        return g

    def _restore(self, table: Table, n: int, new: Any) -> None:
        """Replace a marked cotangent; one that took the old bits again keeps its readers right."""
        old, marks, turns = table.cotangents.get(n), table.marks, self.turns
        if old is None or not same(old, new):
            lines = RULES[self.steps[n][OP]].lines
            for k, o in enumerate(self.steps[n][ARGS]):
                if type(o) is Operand and marks.get(o) == MAYBE and lines[k,]:
                    marks[o], table.causes[o] = DIRTY, ~n
            table.cotangents[n], table.acts[n] = new, self.act
            if old is None:
                table.causes.pop(n, None)  # it was let go, not dropped
        marks.pop(n, None)
        self._check_undisturbed(turns)

    def primals(self, table: Table, n: int) -> Iterator[int]:
        """The nodes whose values ∂L/∂n reads."""
        for c, lines in uses(table, n):
            args = self.steps[c][ARGS]
            for _, line in lines:
                yield from (a for j, a in enumerate(args) if type(a) is Operand and line.reads(j))
                if line.reads_output:
                    yield c

    # ---------------------------------------------------------------------------------------------- to change

    def assign(self, new: dict[int, Any]) -> None:
        """Give leaves new values. Nothing is run; what read them, directly or through others, is marked MAYBE.

        Marks are written before values, readers before what they read: the law holds wherever an interrupt strikes. A signal
        handler may ask and record at any line, which clears marks and adds to what is to be marked: then everything is marked.
        """
        seen = self._events()
        try:
            self._mark(new)
        except RuntimeError:  # what was iterated over grew
            if seen == self._events():
                raise
        while seen != (seen := self._events()):
            self._mark_all()
            self.pending.update(new)
        self.assignments += 1
        self.assigned.update(dict.fromkeys(new, self.assignments))

    def _events(self) -> tuple[int, int]:
        """What differs after anything was asked or recorded."""
        return self.turns, len(self.steps)

    def _mark_all(self) -> None:
        """Mark whatever is known: a request finds out what is right as it stands, and computes nothing for it."""
        for table in list(self.tables.values()):
            for n in list(table.acts):
                table.marks.setdefault(n, MAYBE)
        for n in list(self.steps):
            self.marks.setdefault(n, MAYBE)

    def _mark(self, new: dict[int, Any]) -> None:
        """Mark what read the leaves, and set their new values aside."""
        values, succ = self._downstream(new), self.succ.look()
        waves: dict[Table, dict[int, int]] = {}
        for p in values:
            for o, c in self._pulls_reading(p, succ[p]):
                for table in self.index.with_both(o, c):
                    if o not in table.marks:
                        waves.setdefault(table, {})[o] = MAYBE
        for table, wave in waves.items():
            self._spread(table, wave)
        for table, wave in waves.items():
            table.marks.update(wave)
        self.marks.update(values)
        self.pending.update(new)

    def _downstream(self, leaves: dict[int, Any]) -> dict[int, int]:
        """The unmarked values that come from the leaves, with them."""
        marks, succ = self.marks, self.succ.look()
        wave = {n: MAYBE for n in leaves if n not in marks}
        stack = list(wave)
        while stack:
            for c in succ[stack.pop()]:
                if c not in wave and c not in marks:
                    wave[c] = MAYBE
                    stack.append(c)
        return wave

    def _spread(self, table: Table, wave: dict[int, int]) -> None:
        """Extend a wave of marks to the known cotangents below it."""
        marks, holds, steps = table.marks, self.index.holds, self.steps
        stack = list(wave)
        while stack:
            n = stack.pop()
            step = steps[n]
            lines = RULES[step[OP]].lines
            for k, o in enumerate(step[ARGS]):
                if type(o) is Operand and o not in wave and o not in marks and lines[k,] and holds(table, o):
                    wave[o] = MAYBE
                    stack.append(o)

    def cut(self, start: int, stop: int) -> None:
        """Forget the nodes start, …, stop - 1, the last ones, with their values and tables."""
        for n in range(stop - 1, start - 1, -1):
            if self.budget is not None:
                self.budget.forget((VALUE, n))
            if n in self.tables:
                self.forget(self.tables[n])
                del self.tables[n]
            for filled in (self.succ, self.pred, self.nodes):
                filled.cut(n)
            for kept in (self.index.of, self.marks, self.causes, self.assigned, self.pending, self.values, self.steps):
                kept.pop(n, None)

    def cut_strays(self) -> None:
        """Forget what a signal handler has looked at while it was being cut off."""
        steps = self.steps
        for filled in (self.succ, self.pred, self.nodes):
            for n in [n for n in list(filled.made) if n not in steps]:
                filled.made.pop(n, None)
        for kept in (self.index.of, self.marks, self.causes, self.assigned, self.pending, self.values):
            for n in [n for n in list(kept) if n not in steps]:
                kept.pop(n, None)
        for uses_of_n in self.succ.made.values():
            for c in [c for c in list(uses_of_n) if c not in steps]:
                uses_of_n.pop(c, None)

    def limit(self, budget: Keeper | None) -> None:
        """From now on arrays are kept within a budget, or, with None, all of them."""
        self.budget = budget
        if budget is not None:
            self.whole = False
            budget.keep_all()

    def forget(self, table: Table) -> None:
        """Let go of a table's cotangents as if nobody had asked, save ∂L/∂L = 1; arrays first, then the holders' names."""
        for n in list(table.cotangents):
            if n != table.output:
                if self.budget is not None:
                    self.budget.forget((table.output, n))
                table.cotangents.pop(n, None)
        for kept in (table.marks, table.acts, table.causes):
            kept.clear()
        for n in table.up:
            if n != table.output:
                self.index.discard(table, n)
        for n in list(table.cotangents):  # those that a signal handler has asked for meanwhile
            self.index.add(table, n)

    def forget_values(self) -> None:
        """Let go of every value that can be computed."""
        self.whole = False
        for n in list(self.values):
            if self.steps[n][OP] is not None:
                if self.budget is not None:
                    self.budget.forget((VALUE, n))
                self.values.pop(n, None)
