"""Snapshots: a memory with its program as plain data, for copies and pickles of tapes.

Arrays are shared, because they are read-only. What leads to an output is left out, because it
follows from the program.
"""

import pickle
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import RefusedError
from ..text import op_name
from .eviction import Budget
from .memory import Memory
from .tables import Table

MEMORY_FIELDS = ("values", "marks", "pending", "invalidated_by")
TABLE_FIELDS = ("cotangents", "marks", "program", "provenance", "invalidated_by")

Snapshot = dict[str, Any]


def snapshot_of(memory: Memory) -> Snapshot:
    """Return all that a memory knows, in dicts of its own."""
    history = memory.history
    return {
        "program": [dict(part) for part in _program(memory)],
        "tables": {
            L: {part: dict(getattr(table, part)) for part in TABLE_FIELDS}
            for L, table in memory.tables.items()
        },
        "assigned": dict(history.assigned),
        "counts": (history.requests, history.assignments, memory.nothing_evicted),
        "budget": memory.budget and memory.budget.limit,
        **{part: dict(getattr(memory, part)) for part in MEMORY_FIELDS},
    }


def restore_snapshot(memory: Memory, state: Snapshot) -> None:
    """Fill an empty memory and its graph from a snapshot."""
    for mine, known in zip(_program(memory), state["program"], strict=True):
        mine.update(known)
    for part in MEMORY_FIELDS:
        getattr(memory, part).update(state[part])
    history = memory.history
    history.assigned.update(state["assigned"])
    history.requests, history.assignments, memory.nothing_evicted = state["counts"]
    for L, parts in state["tables"].items():
        fill_table(memory.table(L), parts, memory)
    if state["budget"] is not None:
        memory.limit(Budget(memory, state["budget"]))


def _program(memory: Memory) -> tuple[dict[int, Any], ...]:
    return memory.steps, memory.nodes.names, memory.nodes.of, memory.nodes.labels


def fill_table(table: Table, parts: Snapshot, memory: Memory) -> None:
    """Fill an empty table from a snapshot."""
    for part in TABLE_FIELDS:
        getattr(table, part).update(parts[part])
    for n in table.provenance:  # an evicted entry is known too: marks spread through it
        memory.index.add(table, n)


def check_picklable(memory: Memory) -> None:
    """Raise if another process could not find one of the ops by its name."""
    for op, error in unpicklable_ops(dict.fromkeys(step.op for step in memory.steps.values())):
        raise RefusedError(
            f"A tape with the op {op_name(op)} cannot be pickled, because no other process "
            f"finds that function by its name. "
            f"Define it at the top of a module, or ask for tape.copy()."
        ) from error


def unpicklable_ops(ops: Iterable[Any]) -> Iterator[tuple[Any, Exception]]:
    """Yield the ops that cannot be imported by their names, each with the error of pickle."""
    for op in ops:
        try:
            pickle.dumps(op)
        except Exception as error:
            yield op, error
