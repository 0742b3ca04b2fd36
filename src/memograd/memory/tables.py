"""Cotangent tables: what leads to an output, and which cotangents of it are known.

An entry of a table is *known* once it was computed, and *kept* while its array is here. It may be
evicted and still be known; it is stale only if it is marked so.
"""

from collections.abc import Iterable
from typing import Any

from ..program.steps import Operand
from .provenance import Provenance
from .uses import DifferentiableUse, UsesByNode, as_list

MAYBE_STALE, CERTAINLY_STALE = 1, 2


class Table:
    """Cotangents of one output L.

    Attributes
    ----------
    output : int
        L.
    uses : dict
        For each node that leads to L: the uses through which it does, the latest first.
    cotangents : dict
        Node to ∂L/∂node.
    program : dict
        Node to the node that computes ∂L/∂node, where one was recorded.
    marks : dict
        Node to `MAYBE_STALE` or `CERTAINLY_STALE`; absent if the entry is right.
    provenance : dict
        Node to the provenance of its cotangent.
    invalidated_by : dict
        Node to the first cause of the last invalidation of its cotangent: p if the value of p
        changed, ~c if the cotangent of c did.
    """

    __slots__ = ("provenance", "invalidated_by", "cotangents", "marks", "output", "program", "uses")

    def __init__(self, output: int, uses: UsesByNode, seed: Any) -> None:
        self.output, self.uses = output, uses
        self.cotangents: dict[int, Any] = {output: seed}
        self.marks: dict[int, int] = {}
        self.program: dict[int, int] = {}
        self.provenance: dict[int, Provenance] = {}
        self.invalidated_by: dict[int, int] = {}

    def uses_of(self, n: int) -> list[DifferentiableUse]:
        """Return the uses of n that lead to L, the latest first."""
        return as_list(self.uses[n])

    def use_pairs(self, n: int) -> list[tuple[int, int]]:
        """Return the uses of n that lead to L as pairs of a consumer and a position."""
        return [(c, k) for c, pulls in self.uses_of(n) for k, _ in pulls]

    def consumers(self, n: int) -> list[int]:
        """Return the consumers through which n leads to L, the latest first."""
        return [c for c, _ in self.uses_of(n)]

    def nodes_to_visit(self, targets: Iterable[int]) -> set[int]:
        """Return the nodes whose cotangents the targets need and that are not known to be right."""
        unknown: set[int] = set()
        stack = [n for n in targets if n in self.uses]
        while stack:
            n = stack.pop()
            if n not in unknown and (n not in self.cotangents or n in self.marks):
                unknown.add(n)
                stack.extend(self.consumers(n))
        return unknown


class TableIndex:
    """Index from a node to the tables that know a cotangent of it.

    Most nodes are in one table: it is held itself, and a dict of tables only from the second on.

    Attributes
    ----------
    of : dict
        Node to its table, or to a dict from output to table.
    """

    __slots__ = ("of",)

    def __init__(self) -> None:
        self.of: dict[int, Table | dict[int, Table]] = {}

    def add(self, table: Table, n: int) -> None:
        """Note that a table knows a cotangent of n. A signal handler may add another meanwhile."""
        while (held := self.of.setdefault(n, table)) is not table:
            if isinstance(held, dict):
                held[table.output] = table
                break
            both: dict[int, Table] = {held.output: held, table.output: table}
            if self.of[n] is held:
                self.of[n] = both
                break

    def discard(self, table: Table, n: int) -> None:
        """Note that a table knows no cotangent of n any more."""
        held = self.of.get(n)
        if isinstance(held, dict):
            held.pop(table.output, None)
        elif held is table and isinstance(held := self.of.pop(n), dict):
            for other in held.values():  # a signal handler has added a table meanwhile
                if other is not table:
                    self.add(other, n)

    def holds(self, table: Table, n: int) -> bool:
        """Return whether a table knows a cotangent of n."""
        held = self.of.get(n)
        return held is table or (isinstance(held, dict) and table.output in held)

    def with_both(self, o: Any, c: int) -> Iterable[Table]:
        """Return the tables that know a cotangent of operand o and one of its consumer c."""
        of_o, of_c = self.of.get(o) if type(o) is Operand else None, self.of.get(c)
        if of_o is None or of_c is None:
            return ()
        if isinstance(of_o, Table):
            return (of_o,) if self.holds(of_o, c) else ()
        if isinstance(of_c, Table):
            return (of_c,) if of_c.output in of_o else ()
        few, many = (of_o, of_c) if len(of_o) < len(of_c) else (of_c, of_o)
        return [table for output, table in few.copy().items() if output in many]
