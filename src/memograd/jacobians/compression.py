"""Dense Jacobians of which most is zero: a few sums of rows and columns, as colours say, and each entry put into its place."""

from typing import Any

from ..errors import RefusedError
from ..memory.memory import Memory, Table, leading_to
from ..program.steps import OP
from ..rules.registration import RULES
from ..tape.node import Node
from ..text import describe
from .chain_execution import Answer, block, leading
from .chain_order import MOST_NODES, ordered
from .report import Entry, Tally, quotient
from .sparsity import jacobian_entries, of_jacobian, patterns, remembered, spread

COLOURS = "colours"

LEAST = 64
"""Rows and columns that a Jacobian must have for its colours to be looked for unasked."""

FEW = 8
"""Entries a row or column, on the average, that it may have then, and the Jacobian of each node between."""


def by_colours(y: Node, xs: list[Node], record: bool) -> Answer:
    """∂y/∂x for each x, in the shape and dtype in which it is handed out; and what it took."""
    memory = y.tape._memory
    table = memory.empty_table(y.id, first=min((x.id for x in xs), default=0))
    near = leading(table, y, xs)
    _check_real([y, *near] if near else [])
    entries = tuple(_entry(memory, table, y, x) for x in near)
    totals = ordered(memory, table, [x.id for x in near], "reverse").totals if near else {}
    found = {x.id: _matrix(y, x, record) for x in near}
    blocks = [block(y, x, found.get(x.id)) for x in xs]
    derivative = quotient(memory, [y.id], [x.id for x in xs])
    total = {COLOURS: sum(entry.multiplications for entry in entries)} if totals else {}
    return blocks, Tally(derivative, COLOURS, entries, total | totals, "rows or columns that share nothing are summed")


def _check_real(nodes: list[Node]) -> None:
    """Raise unless the nodes are real: the sums are pulled and pushed as real numbers."""
    for n in nodes:
        if n.dtype.kind == "c":
            raise RefusedError(f"Colours are for real numbers, but {describe(n._attributes)} is complex. Take another order.")


def _entry(memory: Memory, table: Table, y: Node, x: Node) -> Entry:
    """What the sums of ∂y/∂x take."""
    pull = sum(segment.pull for segment in ordered(memory, table, [x.id], "reverse").segments)
    return Entry(quotient(memory, [y.id], [x.id]), (y.size, x.size), COLOURS, remembered(of_jacobian, y, x).sums * pull)


def _matrix(y: Node, x: Node, record: bool) -> Any:
    matrix = spread(*jacobian_entries(y, x))
    return matrix if record else matrix.value


def are_fewer(y: Node, x: Node) -> bool:
    """Whether the entries are few, and sums of them take fewer multiplications than any other order; in doubt it is not so.

    The patterns on the way are looked at as long as each has few places; products of arrays have many.
    """
    if min(y.size, x.size) < LEAST or "c" in (y.dtype.kind, x.dtype.kind) or y.id - x.id > MOST_NODES or not _is_sparse(y, x):
        return False
    memory = y.tape._memory
    table = memory.empty_table(y.id, first=x.id)
    return x.id in table.up and _entry(memory, table, y, x).multiplications < ordered(memory, table, [x.id], "auto").product.cost


def _is_sparse(y: Node, x: Node) -> bool:
    steps = y.tape._memory.steps
    kinds = {RULES[steps[n][OP]].kind for n in leading_to(y.tape._memory, y.id, first=x.id + 1)}
    return kinds.isdisjoint({"multilinear", "rule"}) and all(p.columns.size <= FEW * max(p.shape) for _, p in patterns(y, x))
