"""Invalidation: which entries an assignment makes perhaps stale. Nothing is computed here.

What a VJP rule reads is known from its parameters, so that exactly those cotangents are marked
whose rules read a changed value, with all that was computed from them.
"""

from collections.abc import Iterable, Mapping

from ..program.graph_view import EdgeAttributes
from ..program.steps import Operand, Steps
from ..rules.registration import RULES
from .tables import MAYBE_STALE, Table, TableIndex

Marks = dict[int, int]
"""From a node to `MAYBE_STALE` or `CERTAINLY_STALE`."""

ConsumersByNode = Mapping[int, dict[int, EdgeAttributes]]


def values_to_mark(leaves: Iterable[int], marks: Marks, consumers: ConsumersByNode) -> Marks:
    """Return new marks of the values that are computed from the leaves, and of the leaves."""
    new = {n: MAYBE_STALE for n in leaves if n not in marks}
    stack = list(new)
    while stack:
        for c in consumers[stack.pop()]:
            if c not in new and c not in marks:
                new[c] = MAYBE_STALE
                stack.append(c)
    return new


def cotangents_to_mark(
    values: Iterable[int], steps: Steps, consumers: ConsumersByNode, index: TableIndex
) -> dict[Table, Marks]:
    """Return, for each table, new marks of the cotangents that were computed from these values."""
    new: dict[Table, Marks] = {}
    for p in values:
        for o, c in rules_reading(p, steps, consumers[p]):
            for table in index.with_both(o, c):
                if o not in table.marks:
                    new.setdefault(table, {})[o] = MAYBE_STALE
    for table, marks in new.items():
        extend_to_operands(marks, table, steps, index)
    return new


def extend_to_operands(new: Marks, table: Table, steps: Steps, index: TableIndex) -> None:
    """Extend new marks of a table to the cotangents that were computed from marked ones."""
    marks, holds = table.marks, index.holds
    stack = list(new)
    while stack:
        step = steps[stack.pop()]
        pulls = RULES[step.op].pulls
        for k, o in enumerate(step.args):
            if (
                type(o) is Operand
                and o not in new
                and o not in marks
                and pulls[k,]
                and holds(table, o)
            ):
                new[o] = MAYBE_STALE
                stack.append(o)


def rules_reading(
    n: int, steps: Steps, consumers: Mapping[int, EdgeAttributes]
) -> list[tuple[int, int]]:
    """Return the uses, as (operand, consumer), whose VJP rules read the value of n.

    A rule may read the output of its op, which is n, or an operand, which n is to its consumers.
    """
    step = steps[n]
    args = step.args
    uses = [(args[j], n) for j in RULES[step.op].readers[None, len(args)]]
    for c, edge in consumers.items():
        step = steps[c]
        args = step.args
        for j in RULES[step.op].readers[edge["argnums"], len(args)]:
            if type(args[j]) is Operand:  # a rule for a list of operands meets constants there
                uses.append((args[j], c))  # faster than a comprehension
    return uses
