"""Encoding of the state of a memory as columns: values, cotangents, marks and provenance."""

from typing import Any

from ..arrays.values import dtype_of, is_inexact, shape_of
from ..errors import ArchiveError
from ..memory.memory import Memory
from ..memory.provenance import Provenance
from ..memory.snapshot import Snapshot, fill_table
from ..memory.tables import CERTAINLY_STALE, MAYBE_STALE, Table
from ..program.steps import Steps, operand_positions
from .array_packing import Packer
from .program_codec import Numbered, decode_nodes, saving_error
from .validation import (
    LARGEST_INTEGER,
    MOST_ENTRIES,
    Sheet,
    check_integer,
    check_moderate,
    encode_differences,
    raise_damaged,
)

STATE_KEYS = "values marks pending causes assigned tables acts counts budget"
TABLE_KEYS = "output nodes acts items marks program causes"

# to write


def encode_session(memory: Memory, packer: Packer) -> dict[str, Any]:
    """Encode the state of the memory as JSON."""
    acts, history = Numbered(), memory.history
    check_moderate(
        sum(len(table.uses) for table in memory.tables.values()),
        "nodes that lead to outputs, each for each output",
    )
    return {
        "values": _entries(memory.values, memory, packer),
        "marks": _encode_column(memory.marks),
        "pending": _entries(memory.pending, memory, packer),
        "causes": _encode_column(memory.invalidated_by),
        "assigned": _encode_column(history.assigned),
        "tables": [_encode_table(table, memory, packer, acts) for table in memory.tables.values()],
        "acts": list(acts),
        "counts": [history.requests, history.assignments, int(memory.nothing_evicted)],
        "budget": memory.budget and memory.budget.limit,
    }


def _encode_table(table: Table, memory: Memory, packer: Packer, acts: Numbered) -> dict[str, Any]:
    """Encode a table; evicted cotangents are item 0.

    Leave out ∂L/∂L, which is 1, and what leads to L, which is computed again.
    """
    cotangents = table.cotangents
    return {
        "output": table.output,
        "nodes": encode_differences(table.provenance),
        "acts": [acts[act] for act in table.provenance.values()],
        "items": encode_differences(
            _put(n, cotangents[n], memory, packer) if n in cotangents else 0
            for n in table.provenance
        ),
        "marks": _encode_column(table.marks),
        "program": _encode_column(table.program),
        "causes": _encode_column(table.invalidated_by),
    }


def _entries(arrays: dict[int, Any], memory: Memory, packer: Packer) -> dict[str, Any]:
    return {
        "nodes": encode_differences(arrays),
        "items": encode_differences(_put(n, array, memory, packer) for n, array in arrays.items()),
    }


def _put(n: int, array: Any, memory: Memory, packer: Packer) -> int:
    try:
        return packer.put(array)
    except ArchiveError as error:
        raise saving_error(memory, n, error) from None


def _encode_column(numbers: dict[int, int]) -> dict[str, Any]:
    return {"nodes": encode_differences(numbers), "numbers": list(numbers.values())}


# to read


def decode_snapshot(sheet: Sheet, steps: Steps, items: list[Any]) -> Snapshot:
    """Decode the state of a memory, for :func:`memograd.memory.snapshot.restore_snapshot`."""
    values, pending = (_read_entries(sheet, key, steps, items) for key in ("values", "pending"))
    marks = _read_column(sheet, "marks", steps, CERTAINLY_STALE + 1, MAYBE_STALE)
    leaves = {n for n, step in steps.items() if step.op is None}
    if not values.keys() >= leaves or not leaves & marks.keys() >= pending.keys():
        raise_damaged(
            "a leaf has no value, or one was assigned to what is no leaf, or is not marked"
        )
    if any(marks.get(n) == CERTAINLY_STALE for n in leaves):
        raise_damaged("a leaf is to be computed")
    acts = [Provenance(*_read_numbers(act, 3, "an act", -1)) for act in sheet.items("acts")]
    requests, assignments, complete = _read_numbers(sheet.content["counts"], 3, "counts")
    causes, assigned = _read_column(sheet, "causes", steps), _read_column(sheet, "assigned", steps)
    if not assigned.keys() <= leaves or not all(
        cause in operand_positions(steps[n].args) for n, cause in causes.items()
    ):
        raise_damaged(
            "an assigned node is not a leaf, or the cause of a node is not one of its operands"
        )
    return {
        "values": values,
        "marks": marks,
        "pending": pending,
        "invalidated_by": causes,
        "assigned": assigned,
        "tables": dict(
            _read_table(table, steps, items, acts) for table in sheet.sheets("tables", TABLE_KEYS)
        ),
        "counts": (requests, assignments, bool(complete)),
        "budget": None if sheet.content["budget"] is None else sheet.number("budget"),
    }


def _read_table(
    sheet: Sheet, steps: Steps, items: list[Any], acts: list[Provenance]
) -> tuple[int, dict[str, Any]]:
    output = sheet.number("output")
    if (
        output not in steps
        or steps[output].shape != ()
        or type(steps[output].dtype) is tuple
        or not is_inexact(steps[output].dtype)
    ):
        raise_damaged("a table is of a node that is no scalar with a derivative, or is not there")
    program = _read_column(sheet, "program", steps)
    if not all(
        m in steps and (steps[m].shape, steps[m].dtype) == (steps[n].shape, steps[n].dtype)
        for n, m in program.items()
    ):
        raise_damaged(
            "a derivative is computed by a node that is not there, or is of another shape"
        )
    nodes = decode_nodes(sheet, steps)
    if output in nodes:
        raise_damaged("a table tells of its output, whose derivative by itself is 1")
    return output, {
        "cotangents": {
            n: g
            for n, g in zip(nodes, _items(sheet, nodes, steps, items), strict=True)
            if g is not None
        },
        "marks": _read_column(sheet, "marks", steps, CERTAINLY_STALE + 1, MAYBE_STALE),
        "program": program,
        "provenance": {
            n: acts[k]
            for n, k in zip(nodes, sheet.numbers("acts", len(nodes), len(acts)), strict=True)
        },
        "invalidated_by": _read_column(sheet, "causes", steps, least=-LARGEST_INTEGER),
    }


def _read_entries(sheet: Sheet, key: str, steps: Steps, items: list[Any]) -> dict[int, Any]:
    """Decode arrays by node, none evicted."""
    entries = sheet.sheet(key, "nodes items")
    nodes = decode_nodes(entries, steps)
    found = _items(entries, nodes, steps, items)
    if any(item is None for item in found):
        raise_damaged(f"{key} tells of a node, but not of what is kept of it")
    return dict(zip(nodes, found, strict=True))


def _items(sheet: Sheet, nodes: list[int], steps: Steps, items: list[Any]) -> list[Any]:
    """Return for each node an item of its shape and dtype, or None."""
    found = [items[k] for k in sheet.sums("items", len(nodes), len(items))]
    for n, item in zip(nodes, found, strict=True):
        step = steps[n]
        if item is not None and (shape_of(item) != step.shape or dtype_of(item) != step.dtype):
            raise_damaged(f"what is kept of node {n} is not of its shape and dtype")
    return found


def _read_column(
    sheet: Sheet, key: str, steps: Steps, below: int = LARGEST_INTEGER, least: int = 0
) -> dict[int, int]:
    """Decode numbers by node."""
    column = sheet.sheet(key, "nodes numbers")
    nodes = decode_nodes(column, steps)
    return dict(zip(nodes, column.numbers("numbers", len(nodes), below, least), strict=True))


def _read_numbers(found: Any, count: int, what: str, least: int = 0) -> list[int]:
    if type(found) is not list or len(found) != count:
        raise_damaged(f"{what} should be {count} numbers")
    return [check_integer(number, what, least=least) for number in found]


def restore_tables(memory: Memory, tables: dict[int, Snapshot]) -> None:
    """Fill the tables one by one, up to the limit of entries that an archive may have."""
    entries = 0
    for output, snapshot in tables.items():
        table = memory.table(output)
        entries += len(table.uses)
        if entries > MOST_ENTRIES:
            raise_damaged(f"more than {MOST_ENTRIES} nodes lead to its tables' outputs")
        _check_table(memory, table, snapshot)
        fill_table(table, snapshot, memory)


def _check_table(memory: Memory, table: Table, snapshot: Snapshot) -> None:
    """Raise if a table lists nodes that do not lead to its output, or impossible causes."""
    if (
        not table.uses.keys()
        >= snapshot["provenance"].keys()
        | snapshot["program"].keys()
        | snapshot["invalidated_by"].keys()
    ):
        raise_damaged("a table tells of a node that does not lead to its output")
    if not snapshot["marks"].keys() <= snapshot["provenance"].keys():
        raise_damaged("a cotangent is marked that was never computed")
    for n, cause in snapshot["invalidated_by"].items():
        if (
            (~cause not in table.consumers(n))
            if cause < 0
            else (cause not in memory.values_read_by(table, n))
        ):
            raise_damaged(
                "a cotangent is said to have changed because of what it was not computed from"
            )
