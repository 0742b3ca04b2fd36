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

from .arrays import dtype_of, inexact, same, settle, shape_of
from .errors import EndedError, ValueChangedError, describe
from .registry import RULES, Operand, Read

MAYBE, DIRTY = 1, 2


class Table:
    """The cotangents of one output L.

    Attributes
    ----------
    output : int
        L.
    up : dict
        For each node that leads to L: the consumers from which counting uses lead to L, the latest first.
    cotangents : dict
        Node to ∂L/∂node.
    marks : dict
        Node to MAYBE or DIRTY; absent where the entry is right.
    """

    __slots__ = ("cotangents", "marks", "output", "up")

    def __init__(self, output: int, up: dict[int, list[int]], seed: Any) -> None:
        self.output, self.up = output, up
        self.cotangents: dict[int, Any] = {output: seed}
        self.marks: dict[int, int] = {}


class Memory:
    """Values and tables beside a program's DiGraph."""

    __slots__ = ("graph", "holders", "marks", "nodes", "pending", "pred", "succ", "tables", "values")

    def __init__(self, graph: nx.DiGraph) -> None:
        self.graph = graph
        # The inner dicts of networkx, to read: its views cost more than the arithmetic.
        self.nodes, self.succ, self.pred = graph._node, graph._succ, graph._pred
        self.values: dict[int, Any] = {}
        self.marks: dict[int, int] = {}
        self.pending: dict[int, Any] = {}  # leaf -> an assigned value that nobody has asked for yet
        self.tables: dict[int, Table] = {}
        self.holders: dict[int, Table | dict[int, Table]] = {}  # node -> the table(s) that know a cotangent of it

    # ------------------------------------------------------------------------------------------------- to read

    def reader(self) -> Read:
        """What reads a value: the dict itself while nothing is marked, which is the fast way."""
        return self.value if self.marks else self.values.__getitem__

    def value(self, n: int) -> Any:
        """The value of n, verified."""
        if n in self.marks:
            self._verify(n)
        try:
            return self.values[n]
        except KeyError:
            return self._rebuild(n)

    def _verify(self, n: int) -> None:
        marks, pred = self.marks, self.pred
        seen, stack = {n}, [n]
        while stack:
            for o in pred[stack.pop()]:
                if o in marks and o not in seen:
                    seen.add(o)
                    stack.append(o)
        for m in sorted(seen):
            if m in self.pending:
                self._change(m, self.pending[m])
                del self.pending[m]
            elif marks[m] == DIRTY:
                self._change(m, self.run(m))
            del marks[m]

    def _rebuild(self, n: int) -> Any:
        if n not in self.nodes:
            raise EndedError(f"Node {n} was recorded in a scratch block that has ended; record it again, outside.")
        self.values[n] = value = self.run(n)
        return value

    def run(self, n: int) -> Any:
        """Compute the value of n from its operands' values."""
        node = self.nodes[n]
        args = [self.value(a) if type(a) is Operand else a for a in node["args"]]
        y = settle(RULES[node["op"]].compute(*args, **node["kwargs"]))
        if shape_of(y) != node["shape"] or dtype_of(y) != node["dtype"]:
            raise ValueChangedError(
                f"{describe(node)} came back as {dtype_of(y)} {shape_of(y)} after an assignment. Shape and dtype are part of "
                f"the program: record it anew with the new values, or write it with np.where."
            )
        return y

    def _change(self, n: int, new: Any) -> None:
        old = self.values.get(n)
        if old is not None and same(old, new):
            return
        for marks, m in self._readers(n):
            if m in marks:
                marks[m] = DIRTY
        self.values[n] = new

    def _readers(self, n: int) -> Iterator[tuple[dict[int, int], int]]:
        """Every known entry that read the value of n, as (its marks, its key)."""
        for c in self.succ[n]:
            yield self.marks, c
        for table, o in self._cotangents_reading(n):
            yield table.marks, o

    def _cotangents_reading(self, n: int) -> Iterator[tuple[Table, int]]:
        nodes, holders = self.nodes, self.holders
        for c, edge in self.succ[n].items():
            node = nodes[c]
            args, rule = node["args"], RULES[node["op"]]
            for k in edge["argnums"]:
                for j in rule.readers(k, len(args)):
                    yield from self._known(args[j], c)
        node = nodes[n]
        args = node["args"]
        for j in RULES[node["op"]].output_readers(len(args)):
            yield from self._known(args[j], n)

    def _known(self, o: Any, c: int) -> Iterator[tuple[Table, int]]:
        """The tables that know a cotangent of operand o and have c on the way from it."""
        if type(o) is Operand and o in self.holders:
            held = self.holders[o]
            for table in held.values() if type(held) is dict else (held,):
                if c in table.up:
                    yield table, o

    # ---------------------------------------------------------------------------------------------- cotangents

    def table(self, output: int) -> Table:
        """The table of a scalar L, begun where there is none. What leads to L is found once; operands never change."""
        table = self.tables.get(output)
        if table is None:
            one = self.nodes[output]["dtype"].type(1)  # of L's own dtype, or a float32 program would run in float64
            table = self.tables[output] = Table(output, leading_to(self, output), one)
        return table

    def holds(self, table: Table, n: int) -> bool:
        """Verify a marked cotangent whose inputs among the cotangents are verified: is it right as it stands?"""
        marks = table.marks
        if n not in table.cotangents:
            return False
        if marks[n] == MAYBE:
            for p in self._primals(table, n):
                self.value(p)  # which raises the mark of n, if p took other bits
        if marks[n] == MAYBE:
            del marks[n]
            return True
        return False

    def store(self, table: Table, n: int, new: Any) -> None:
        """The only writer of cotangents."""
        if n in table.marks:
            old = table.cotangents.get(n)
            if old is None or not same(old, new):
                for o in self._operands_pulled(n):
                    if o in table.marks:
                        table.marks[o] = DIRTY
                table.cotangents[n] = new
            del table.marks[n]
            return
        held = self.holders.get(n)
        if held is None:
            self.holders[n] = table
        elif type(held) is dict:
            held[table.output] = table
        elif held is not table:
            self.holders[n] = {held.output: held, table.output: table}
        table.cotangents[n] = new

    def _primals(self, table: Table, n: int) -> Iterator[int]:
        """The nodes whose values ∂L/∂n reads."""
        for c in table.up[n]:
            node = self.nodes[c]
            args, rule = node["args"], RULES[node["op"]]
            for k in self.succ[n][c]["argnums"]:
                line = rule.lines.get(k)
                if line is not None:
                    yield from (a for j, a in enumerate(args) if type(a) is Operand and line.reads(j))
                    if line.reads_output:
                        yield c

    def _operands_pulled(self, n: int) -> Iterator[int]:
        """The operands of n to which a rule pulls its cotangent."""
        lines = RULES[self.nodes[n]["op"]].lines
        for o, edge in self.pred[n].items():
            if any(k in lines for k in edge["argnums"]):
                yield o

    # ---------------------------------------------------------------------------------------------- to change

    def assign(self, new: dict[int, Any]) -> None:
        """Give leaves new values. Nothing is run; what read them, directly or through others, is marked MAYBE.

        Marks are written before values, readers before what they read: the law holds wherever an interrupt strikes.
        """
        values = self._downstream(new)
        waves: dict[Table, dict[int, int]] = {}
        for p in values:
            for table, o in self._cotangents_reading(p):
                if o not in table.marks:
                    waves.setdefault(table, {})[o] = MAYBE
        for table, wave in waves.items():
            self._spread(table, wave)
        for table, wave in waves.items():
            table.marks.update(wave)
        self.marks.update(values)
        self.pending.update(new)

    def _downstream(self, leaves: dict[int, Any]) -> dict[int, int]:
        marks, succ = self.marks, self.succ
        wave = {n: MAYBE for n in leaves if n not in marks}
        stack = list(wave)
        while stack:
            for c in succ[stack.pop()]:
                if c not in wave and c not in marks:
                    wave[c] = MAYBE
                    stack.append(c)
        return wave

    def _spread(self, table: Table, wave: dict[int, int]) -> None:
        """Extend a wave of marks to the cotangents below it."""
        stack = list(wave)
        while stack:
            n = stack.pop()
            for o in self._operands_pulled(n):
                if o not in wave and o not in table.marks and self._knows(table, o):
                    wave[o] = MAYBE
                    stack.append(o)

    def _knows(self, table: Table, n: int) -> bool:
        held = self.holders.get(n)
        return held is table or (type(held) is dict and table.output in held)

    def cut(self, start: int, stop: int) -> None:
        """Forget the nodes start, …, stop - 1, the last ones, with their values and tables."""
        for n in range(stop - 1, start - 1, -1):
            table = self.tables.pop(n, None)
            for o in table.up if table is not None else ():
                self._release(o, n)
            for o in self.pred.pop(n, ()):
                self.succ[o].pop(n, None)
            for kept in (self.holders, self.marks, self.pending, self.values, self.succ, self.nodes):
                kept.pop(n, None)  # type: ignore[attr-defined]

    def _release(self, n: int, output: int) -> None:
        held = self.holders.get(n)
        if type(held) is dict:
            held.pop(output, None)
        elif held is not None and held.output == output:  # type: ignore[union-attr]
            del self.holders[n]


def leading_to(memory: Memory, output: int) -> dict[int, list[int]]:
    """For each node that leads to `output`, the consumers through which it does, the latest first.

    A use counts if its rule has a line for it and both ends have an inexact dtype: no path runs through a comparison,
    the condition of `where`, or an index.
    """
    nodes, pred = memory.nodes, memory.pred
    up: dict[int, list[int]] = {output: []}
    stack = [output]
    while stack:
        c = stack.pop()
        lines = RULES[nodes[c]["op"]].lines
        if not lines:
            continue
        for o, edge in pred[c].items():
            for k in edge["argnums"]:
                if k in lines and inexact(nodes[o]["dtype"]):
                    if o in up:
                        up[o].append(c)
                    else:
                        up[o] = [c]
                        stack.append(o)
                    break
    for consumers in up.values():
        if len(consumers) > 1:
            consumers.sort(reverse=True)
    return up

