"""The memory of a program: what is known of its values and of each output's cotangents, and whether it still holds.

An *entry* is the value of a node, or the cotangent of a node in one output's table. It is *known* once it was ever
computed, and *kept* while its array is here. Being absent and being stale are two things: an entry is stale only if it
is *marked*. The law that everything rests on: **if a known entry is marked, every known entry that read it is marked.**

An assignment runs nothing. It marks MAYBE whatever read what changed, directly or through others, as the rules'
reading lists say. Asking then verifies: an entry is raised to DIRTY only when something that it read took other bits;
one that nobody raised is right as it stands, and the wave ends there.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import networkx as nx

from ..arrays.values import DOUBLE, dtype_of, full, inexact, same, sealed, settle, shape_of
from ..errors import DisturbedError, EndedError, ValueChangedError
from ..program.steps import (
    ARGS,
    DTYPE,
    KWARGS,
    OP,
    SHAPE,
    Attributes,
    Consumers,
    Edge,
    Operand,
    Operands,
    Steps,
)
from ..rules.absent_outputs import partial
from ..rules.registration import RULES, Line, Read
from ..solver.log import ANEW, READ, STORE
from ..text import describe

if TYPE_CHECKING:
    from .eviction import Budget

MAYBE, DIRTY = 1, 2

VALUE = -1
"""Stands where an output would for the entries that are values."""

Use = tuple[int, Sequence[tuple[int, Line]]]
"""A consumer, and the positions at which it uses a node, each with its line."""

Up = dict[int, Any]
"""Node -> its use; or a list of them, from the second on. A list for each would keep the garbage collector busy."""


class Act(NamedTuple):
    """Why a cotangent was computed: by which request of the tape, for which target, after how many assignments."""

    request: int
    target: int
    assignments: int


class Table:
    """The cotangents of one output L.

    Attributes
    ----------
    output : int
        L.
    up : dict
        For each node that leads to L: its uses that do, the latest first.
    cotangents : dict
        Node to ∂L/∂node.
    program : dict
        Node to the node that computes ∂L/∂node, where one was recorded.
    marks : dict
        Node to MAYBE or DIRTY; absent where the entry is right.
    acts : dict
        Node to the act that computed the cotangent that is kept.
    causes : dict
        Node to what made it DIRTY the last time, the first of several: the node whose value took other bits, or ~c where c's cotangent did.
    """

    __slots__ = ("acts", "causes", "cotangents", "marks", "output", "program", "up")

    def __init__(self, output: int, up: Up, seed: Any) -> None:
        self.output, self.up = output, up
        self.cotangents: dict[int, Any] = {output: seed}
        self.marks: dict[int, int] = {}
        self.program: dict[int, int] = {}
        self.acts: dict[int, Act] = {}
        self.causes: dict[int, int] = {}


class Memory:
    """Values and tables beside a program's DiGraph."""

    __slots__ = ("__weakref__", "act", "assigned", "assignments", "budget", "causes", "graph", "holders", "marks", "nodes", "pending",
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
        self.holders: dict[int, Table | dict[int, Table]] = {}  # node -> the table(s) that know a cotangent of it
        self.budget: Budget | None = None
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
            for table in self.knowing(o, c):
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

    def knowing(self, o: Any, c: int) -> Iterable[Table]:
        """The tables that know a cotangent of operand o, to which consumer c gave its part: they know one of c, too."""
        of_o, of_c = self.holders.get(o) if type(o) is Operand else None, self.holders.get(c)
        if of_o is None or of_c is None:
            return ()
        if isinstance(of_o, Table):
            return (of_o,) if of_c is of_o or (isinstance(of_c, dict) and of_o.output in of_c) else ()
        if isinstance(of_c, Table):
            return (of_c,) if of_c.output in of_o else ()
        few, many = (of_o, of_c) if len(of_o) < len(of_c) else (of_c, of_o)
        return [table for output, table in few.copy().items() if output in many]

    # ---------------------------------------------------------------------------------------------- cotangents

    def table(self, output: int) -> Table:
        """The table of a scalar L, begun where there is none. What leads to L is found once; operands never change."""
        table = self.tables.get(output)
        if table is None:
            table = self.empty_table(output)
            self.hold(table, output)
            self.tables[output] = table
        return table

    def empty_table(self, output: int, first: int = 0) -> Table:
        """A table that holds ∂L/∂L = 1 alone, and that no assignment knows of; for targets none of which is before `first`."""
        return Table(output, leading_to(self, output, first=first), self.one(output))

    def one(self, output: int) -> Any:
        """∂L/∂L = 1 in L's own dtype, or a float32 program would run in float64."""
        step = self.steps[output]
        return full(step[SHAPE], 1, step[DTYPE])

    def verdict(self, table: Table, n: int) -> tuple[str, ...]:
        """How a visit to a marked cotangent ends, now that its inputs among the cotangents are verified."""
        marks = table.marks
        if n not in table.cotangents:
            return STORE
        if marks.get(n) == MAYBE and self.marks:
            for p in self.primals(table, n):
                self.value(p)  # which raises the mark of n, if p took other bits
        if marks.get(n) == DIRTY:
            return ANEW
        marks.pop(n, None)  # a signal handler may have asked meanwhile
        if self.budget is not None:
            self.budget.closed(table, n)
        return READ

    def store(self, table: Table, n: int, new: Any) -> None:
        """The only writer of cotangents. A table is named as holder first: an assignment must find what it spoils."""
        if n in table.marks:
            self._restore(table, n, new)
        else:
            if self.holders.setdefault(n, table) is not table:
                self.hold(table, n)
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

    def hold(self, table: Table, n: int) -> None:
        """The table knows a cotangent of n."""
        while (held := self.holders.setdefault(n, table)) is not table:
            if isinstance(held, dict):
                held[table.output] = table
                break
            both: dict[int, Table] = {held.output: held, table.output: table}
            if self.holders[n] is held:  # and no signal handler has added a table
                self.holders[n] = both
                break

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
                for table in self.knowing(o, c):
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
        marks, holders, steps = table.marks, self.holders, self.steps
        stack = list(wave)
        while stack:
            n = stack.pop()
            step = steps[n]
            lines = RULES[step[OP]].lines
            for k, o in enumerate(step[ARGS]):
                if type(o) is Operand and o not in wave and o not in marks and lines[k,]:
                    held = holders.get(o)
                    if held is table or (isinstance(held, dict) and table.output in held):
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
            for kept in (self.holders, self.marks, self.causes, self.assigned, self.pending, self.values, self.steps):
                kept.pop(n, None)

    def cut_strays(self) -> None:
        """Forget what a signal handler has looked at while it was being cut off."""
        steps = self.steps
        for filled in (self.succ, self.pred, self.nodes):
            for n in [n for n in list(filled.made) if n not in steps]:
                filled.made.pop(n, None)
        for kept in (self.holders, self.marks, self.causes, self.assigned, self.pending, self.values):
            for n in [n for n in list(kept) if n not in steps]:
                kept.pop(n, None)
        for consumers in self.succ.made.values():
            for c in [c for c in list(consumers) if c not in steps]:
                consumers.pop(c, None)

    def limit(self, budget: "Budget | None") -> None:
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
                self._release(n, table)
        for n in list(table.cotangents):  # those that a signal handler has asked for meanwhile
            self.hold(table, n)

    def _release(self, n: int, table: Table) -> None:
        held = self.holders.get(n)
        if isinstance(held, dict):
            held.pop(table.output, None)
        elif held is table and isinstance(held := self.holders.pop(n), dict):  # a signal handler has added a table
            for other in held.values():
                if other is not table:
                    self.hold(other, n)

    def forget_values(self) -> None:
        """Let go of every value that can be computed."""
        self.whole = False
        for n in list(self.values):
            if self.steps[n][OP] is not None:
                if self.budget is not None:
                    self.budget.forget((VALUE, n))
                self.values.pop(n, None)


def uses(table: Table, n: int) -> Iterable[Use]:
    """The uses of n that lead to L, the latest first."""
    found = table.up[n]
    return (found,) if type(found) is tuple else found


def pairs(table: Table, n: int) -> list[tuple[int, int]]:
    """The same uses as (consumer, argnum)."""
    return [(c, k) for c, lines in uses(table, n) for k, _ in lines]


def consumers(table: Table, n: int) -> list[int]:
    """The consumers from which counting uses lead from n to L, the latest first."""
    return [c for c, _ in uses(table, n)]


def to_visit(table: Table, targets: Iterable[int]) -> set[int]:
    """The nodes whose cotangents are needed and not known to be right."""
    found: set[int] = set()
    stack = [n for n in targets if n in table.up]
    while stack:
        n = stack.pop()
        if n not in found and (n not in table.cotangents or n in table.marks):
            found.add(n)
            stack.extend(consumers(table, n))
    return found


def leading_to(memory: Memory, *outputs: int, first: int = 0) -> Up:
    """For each node that leads to one of `outputs`, none before `first`: the uses through which it does, the latest first.

    A use counts if its rule has a line for it and both ends have an inexact dtype: no path runs through a comparison,
    the condition of `where`, or an index.
    """
    steps, with_several = memory.steps, []
    up: Up = {output: [] for output in outputs}
    stack = list(up)
    while stack:
        c = stack.pop()
        step = steps[c]
        lines = RULES[step[OP]].lines
        for k, o in enumerate(step[ARGS]):
            if type(o) is Operand and (found := lines[k,]):
                if o in up:
                    join(up, o, c, found)
                elif o >= first and ((dtype := steps[o][DTYPE]) is DOUBLE or inexact(dtype)):
                    up[n := int(o)] = (c, found)
                    stack.append(n)
                    if type(dtype) is tuple:
                        with_several.append(n)
    for several in up.values():
        if type(several) is list:
            several.sort(reverse=True)
    for n in with_several:
        leave_out(steps, up, n)
    return up


def leave_out(steps: Steps, up: Up, n: int) -> None:
    """Have the lines of n, an op with several outputs, leave out those that do not lead to an output."""
    unread = frozenset(range(len(steps[n][DTYPE]))).difference(steps[c][ARGS][1] for c, _ in listed(up[n]))
    for o in {int(a) for a in steps[n][ARGS] if type(a) is Operand and a in up} if unread else ():
        own = [(c, tuple((k, partial(line, unread)) for k, line in lines) if c == n else lines) for c, lines in listed(up[o])]
        up[o] = own if len(own) > 1 else own[0]


def listed(above: Any) -> list[Use]:
    """The uses of a node as a list, which it is itself where there are several."""
    return above if type(above) is list else [above]


def join(up: Up, o: int, c: int, lines: Sequence[tuple[int, Line]]) -> None:
    """Add a use of o by c to those that are known; it may be another position of the latest one's."""
    several = listed(up[o])
    if several and several[-1][0] == c:
        known = several[-1][1]
        if type(known) is list:  # a tuple would be copied for each of many positions
            known.extend(lines)
        else:
            several[-1] = (c, [*known, *lines])
    else:
        several.append((c, lines))
    up[o] = several if len(several) > 1 else several[0]
