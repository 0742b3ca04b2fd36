"""Cotangent tables: what leads to an output, and which cotangents of it are known.

An entry of a table is *known* once it was computed, and *kept* while its array is here. It may be
evicted and still be known; it is stale only if it is marked so.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from ..arrays.values import DOUBLE, is_inexact
from ..program.steps import Operand, Steps
from ..rules.absent_outputs import partial
from ..rules.registration import RULES, VJPRule

MAYBE_STALE, CERTAINLY_STALE = 1, 2

DifferentiableUse = tuple[int, Sequence[tuple[int, VJPRule]]]
"""A consumer, and the positions at which it uses a node, each with its VJP rule."""

UsesByNode = dict[int, Any]
"""From a node to its use; to a list of uses if there are several.

A list for each node would be a third of the objects that the garbage collector visits.
"""


class Provenance(NamedTuple):
    """Provenance of a cotangent: the request that computed it, its target, and the assignments
    before it.
    """

    request: int
    target: int
    assignments: int


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
        First cause of the last invalidation of a node's cotangent: p if the value of p changed, ~c
        if the cotangent of c did.
    """

    __slots__ = ("provenance", "invalidated_by", "cotangents", "marks", "output", "program", "uses")

    def __init__(self, output: int, uses: UsesByNode, seed: Any) -> None:
        self.output, self.uses = output, uses
        self.cotangents: dict[int, Any] = {output: seed}
        self.marks: dict[int, int] = {}
        self.program: dict[int, int] = {}
        self.provenance: dict[int, Provenance] = {}
        self.invalidated_by: dict[int, int] = {}


class HasSteps(Protocol):
    """Object that holds a program."""

    steps: Steps


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
            for other in held.values():  # a signal handler has added a table
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


def uses_of(table: Table, n: int) -> Iterable[DifferentiableUse]:
    """Return the uses of n that lead to L, the latest first."""
    found = table.uses[n]
    return (found,) if type(found) is tuple else found


def use_pairs(table: Table, n: int) -> list[tuple[int, int]]:
    """Return the uses of n that lead to L as pairs of a consumer and a position."""
    return [(c, k) for c, lines in uses_of(table, n) for k, _ in lines]


def consumers(table: Table, n: int) -> list[int]:
    """Return the consumers through which n leads to L, the latest first."""
    return [c for c, _ in uses_of(table, n)]


def nodes_to_visit(table: Table, targets: Iterable[int]) -> set[int]:
    """Return the nodes whose cotangents the targets need and that are not known to be right."""
    found: set[int] = set()
    stack = [n for n in targets if n in table.uses]
    while stack:
        n = stack.pop()
        if n not in found and (n not in table.cotangents or n in table.marks):
            found.add(n)
            stack.extend(consumers(table, n))
    return found


def uses_towards(memory: HasSteps, *outputs: int, first: int = 0) -> UsesByNode:
    """Return the differentiable uses of each node from `first` on that leads to one of `outputs`.

    A use is differentiable if the op has a VJP rule for it and both ends have an inexact dtype: no
    path runs through a comparison, the condition of `where`, or an index. The latest use is first.
    """
    steps, with_several = memory.steps, []
    up: UsesByNode = {output: [] for output in outputs}
    stack = list(up)
    while stack:
        c = stack.pop()
        step = steps[c]
        lines = RULES[step.op].pulls
        for k, o in enumerate(step.args):
            if type(o) is Operand and (found := lines[k,]):
                if o in up:
                    add_use(up, o, c, found)
                elif o >= first and ((dtype := steps[o].dtype) is DOUBLE or is_inexact(dtype)):
                    up[n := int(o)] = (c, found)
                    stack.append(n)
                    if type(dtype) is tuple:
                        with_several.append(n)
    for several in up.values():
        if type(several) is list:
            several.sort(reverse=True)
    for n in with_several:
        skip_unread_outputs(steps, up, n)
    return up


def skip_unread_outputs(steps: Steps, up: UsesByNode, n: int) -> None:
    """Let the rules of n, an op with several outputs, leave out those that lead to no output."""
    unread = frozenset(range(len(steps[n].dtype))).difference(
        steps[c].args[1] for c, _ in as_list(up[n])
    )
    for o in {int(a) for a in steps[n].args if type(a) is Operand and a in up} if unread else ():
        own = [
            (c, tuple((k, partial(line, unread)) for k, line in lines) if c == n else lines)
            for c, lines in as_list(up[o])
        ]
        up[o] = own if len(own) > 1 else own[0]


def as_list(above: Any) -> list[DifferentiableUse]:
    """Return the uses of a node as a list: the list itself, if there are several."""
    return above if type(above) is list else [above]


def add_use(up: UsesByNode, o: int, c: int, lines: Sequence[tuple[int, VJPRule]]) -> None:
    """Add a use of o by c; it may be another position of the latest use."""
    several = as_list(up[o])
    if several and several[-1][0] == c:
        known = several[-1][1]
        if type(known) is list:  # a tuple would be copied for each of many positions
            known.extend(lines)
        else:
            several[-1] = (c, [*known, *lines])
    else:
        several.append((c, lines))
    up[o] = several if len(several) > 1 else several[0]
