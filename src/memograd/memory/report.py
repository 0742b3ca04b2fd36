"""Report of what a memory keeps, entry by entry: bytes, readers, cost of recomputing it."""

from collections.abc import Iterator
from typing import NamedTuple

from ..arrays.values import owners_of
from ..program.steps import operand_positions
from ..rules.cost_model import cost_of, cost_of_cotangent
from ..rules.registration import RULES
from ..text import derivative_name, printable, table_lines, text_as_html
from .memory import Memory
from .tables import Table

MAX_ENTRY_ROWS = 40
"""How many rows are printed."""


class EntryRow(NamedTuple):
    """Kept value or cotangent.

    Attributes
    ----------
    what : str
        A node's name, or ``∂L/∂name``.
    bytes : int
        Of the buffers that no earlier row has counted: a view costs nothing.
    cost : float or None
        Elements to read, write and multiply to compute it again from what it reads; None for what
        cannot be computed.
    readers : tuple of str
        The values and cotangents that would read it.
    """

    what: str
    bytes: int
    cost: float | None
    readers: tuple[str, ...]


class MemoryReport:
    """Kept entries of a tape at one moment; prints as a table, the largest first.

    Attributes
    ----------
    rows : list of Row
    bytes : int
        Of all rows; a shared buffer is counted once.
    """

    def __init__(self, memory: Memory) -> None:
        self._counted: set[int] = set()
        self.rows = [
            *self._values(memory),
            *(row for table in memory.tables.values() for row in self._cotangents(memory, table)),
        ]
        self.bytes = sum(row.bytes for row in self.rows)

    def _values(self, memory: Memory) -> Iterator[EntryRow]:
        """Yield a row for each kept value."""
        steps, name = memory.steps, memory.nodes.name
        for n, value in memory.values.items():
            cost = None if steps[n].op is None else cost_of(steps, n)
            pulls = {
                _entry_label(memory, table.output, o)
                for o, c in memory.rules_reading(n)
                for table in memory.index.with_both(o, c)
            }
            yield EntryRow(
                name(n), self._bytes(value), cost, (*map(name, memory.succ[n]), *sorted(pulls))
            )

    def _cotangents(self, memory: Memory, table: Table) -> Iterator[EntryRow]:
        """Yield a row for each kept cotangent of a table."""
        steps, L = memory.steps, table.output
        for n, g in table.cotangents.items():
            pulls = RULES[steps[n].op].pulls
            readers = [
                _entry_label(memory, L, o)
                for o, argnums in operand_positions(steps[n].args).items()
                if o in table.uses and pulls[argnums]
            ]
            cost = None if n == L else cost_of_cotangent(steps, table.consumers(n))
            yield EntryRow(_entry_label(memory, L, n), self._bytes(g), cost, tuple(readers))

    def _bytes(self, array: object) -> int:
        """Return the bytes that an entry adds to those counted already."""
        new = {
            id(owner): owner.nbytes for owner in owners_of(array) if id(owner) not in self._counted
        }
        self._counted.update(new)
        return sum(new.values())

    def __repr__(self) -> str:
        """Long names and long lists of readers are cut."""
        rows = sorted(self.rows, key=lambda row: -row.bytes)
        cells = [("what", "bytes", "cost", "read by"), *map(_entry_cells, rows[:MAX_ENTRY_ROWS])]
        if rest := rows[MAX_ENTRY_ROWS:]:
            cells.append((f"… and {len(rest)} more", sum(row.bytes for row in rest), "", ""))
        table = table_lines("<20 >11 >9  <", cells)
        return "\n".join([*table, f"{len(rows)} entries, {self.bytes} bytes"])

    _repr_html_ = text_as_html


def _entry_label(memory: Memory, output: int, n: int) -> str:
    return derivative_name(memory.nodes.name(output), memory.nodes.name(n))


def _entry_cells(row: EntryRow) -> tuple[str, int, str, str]:
    """Return the cells of an entry."""
    cost = "given" if row.cost is None else f"{row.cost:.4g}"
    few = ", ".join(printable(name, 10) for name in row.readers[:2]) or "nobody"
    more = f" and {len(row.readers) - 2} more" if len(row.readers) > 2 else ""
    return printable(row.what, 20), row.bytes, cost, few + more
