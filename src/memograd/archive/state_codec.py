"""What is remembered of a program, as columns, and back: values, cotangents, marks, and why each was computed."""

from typing import Any

from ..arrays.values import dtype_of, inexact, shape_of
from ..errors import ArchiveError
from ..memory.memory import Memory
from ..memory.snapshot import State, fill
from ..memory.tables import DIRTY, MAYBE, Act, Table, consumers
from ..program.steps import ARGS, DTYPE, LINE, OP, SHAPE, Steps, uses_in
from .array_packing import Packer
from .program_codec import Numbered, known, unsaved
from .validation import LARGEST, MOST_ENTRIES, Sheet, check_moderate, damaged, differences, whole

KEYS = "values marks pending causes assigned tables acts counts budget"
OF_TABLE = "output nodes acts items marks program causes"

# ------------------------------------------------------------------------------------------------------ to write


def session_of(memory: Memory, packer: Packer) -> dict[str, Any]:
    """All that is remembered, as JSON."""
    acts = Numbered()
    check_moderate(sum(len(table.up) for table in memory.tables.values()), "nodes that lead to outputs, each for each output")
    return {
        "values": _entries(memory.values, memory, packer),
        "marks": _column(memory.marks),
        "pending": _entries(memory.pending, memory, packer),
        "causes": _column(memory.causes),
        "assigned": _column(memory.assigned),
        "tables": [_table(table, memory, packer, acts) for table in memory.tables.values()],
        "acts": list(acts),
        "counts": [memory.requests, memory.assignments, int(memory.whole)],
        "budget": memory.budget and memory.budget.limit,
    }


def _table(table: Table, memory: Memory, packer: Packer, acts: Numbered) -> dict[str, Any]:
    """A table without ∂L/∂L, which is 1, and without what leads to L, which is found again. What was let go is item 0."""
    cotangents = table.cotangents
    return {
        "output": table.output,
        "nodes": differences(table.acts),
        "acts": [acts[act] for act in table.acts.values()],
        "items": differences(_put(n, cotangents[n], memory, packer) if n in cotangents else 0 for n in table.acts),
        "marks": _column(table.marks),
        "program": _column(table.program),
        "causes": _column(table.causes),
    }


def _entries(arrays: dict[int, Any], memory: Memory, packer: Packer) -> dict[str, Any]:
    return {"nodes": differences(arrays), "items": differences(_put(n, array, memory, packer) for n, array in arrays.items())}


def _put(n: int, array: Any, memory: Memory, packer: Packer) -> int:
    try:
        return packer.put(array)
    except ArchiveError as error:
        raise unsaved(memory, n, error) from None


def _column(numbers: dict[int, int]) -> dict[str, Any]:
    return {"nodes": differences(numbers), "numbers": list(numbers.values())}


# ------------------------------------------------------------------------------------------------------- to read


def remembered(sheet: Sheet, steps: Steps, items: list[Any]) -> State:
    """What a file says of a memory, as :func:`memograd.memory.snapshot.restore` takes it."""
    values, pending = (_read_entries(sheet, key, steps, items) for key in ("values", "pending"))
    marks = _read_column(sheet, "marks", steps, DIRTY + 1, MAYBE)
    leaves = {n for n, step in steps.items() if step[OP] is None}
    if not values.keys() >= leaves or not leaves & marks.keys() >= pending.keys():
        damaged("a leaf has no value, or one was assigned to what is no leaf, or is not marked")
    if any(marks.get(n) == DIRTY for n in leaves):
        damaged("a leaf is to be computed")
    acts = [Act(*_numbers(act, 3, "an act", -1)) for act in sheet.items("acts")]
    requests, assignments, complete = _numbers(sheet.content["counts"], 3, "counts")
    causes, assigned = _read_column(sheet, "causes", steps), _read_column(sheet, "assigned", steps)
    if not assigned.keys() <= leaves or not all(cause in uses_in(steps[n][ARGS]) for n, cause in causes.items()):
        damaged("an assignment is told of what is no leaf, or a cause of what was not computed from it")
    return {
        "values": values,
        "marks": marks,
        "pending": pending,
        "causes": causes,
        "assigned": assigned,
        "tables": dict(_read_table(table, steps, items, acts) for table in sheet.sheets("tables", OF_TABLE)),
        "counts": (requests, assignments, bool(complete)),
        "budget": None if sheet.content["budget"] is None else sheet.number("budget"),
    }


def _read_table(sheet: Sheet, steps: Steps, items: list[Any], acts: list[Act]) -> tuple[int, dict[str, Any]]:
    output = sheet.number("output")
    if output not in steps or steps[output][SHAPE] != () or type(steps[output][DTYPE]) is tuple or not inexact(steps[output][DTYPE]):
        damaged("a table is of a node that is no scalar with a derivative, or is not there")
    program = _read_column(sheet, "program", steps)
    if not all(m in steps and steps[m][SHAPE:LINE] == steps[n][SHAPE:LINE] for n, m in program.items()):
        damaged("a derivative is computed by a node that is not there, or is of another shape")
    nodes = known(sheet, steps)
    if output in nodes:
        damaged("a table tells of its output, whose derivative by itself is 1")
    return output, {
        "cotangents": {n: g for n, g in zip(nodes, _items(sheet, nodes, steps, items), strict=True) if g is not None},
        "marks": _read_column(sheet, "marks", steps, DIRTY + 1, MAYBE),
        "program": program,
        "acts": {n: acts[k] for n, k in zip(nodes, sheet.numbers("acts", len(nodes), len(acts)), strict=True)},
        "causes": _read_column(sheet, "causes", steps, least=-LARGEST),
    }


def _read_entries(sheet: Sheet, key: str, steps: Steps, items: list[Any]) -> dict[int, Any]:
    """Arrays by node, none let go."""
    entries = sheet.sheet(key, "nodes items")
    nodes = known(entries, steps)
    found = _items(entries, nodes, steps, items)
    if any(item is None for item in found):
        damaged(f"{key} tells of a node, but not of what is kept of it")
    return dict(zip(nodes, found, strict=True))


def _items(sheet: Sheet, nodes: list[int], steps: Steps, items: list[Any]) -> list[Any]:
    """For each node an item of its shape and dtype, or None."""
    found = [items[k] for k in sheet.sums("items", len(nodes), len(items))]
    for n, item in zip(nodes, found, strict=True):
        step = steps[n]
        if item is not None and (shape_of(item) != step[SHAPE] or dtype_of(item) != step[DTYPE]):
            damaged(f"what is kept of node {n} is not of its shape and dtype")
    return found


def _read_column(sheet: Sheet, key: str, steps: Steps, below: int = LARGEST, least: int = 0) -> dict[int, int]:
    """Numbers by node."""
    column = sheet.sheet(key, "nodes numbers")
    nodes = known(column, steps)
    return dict(zip(nodes, column.numbers("numbers", len(nodes), below, least), strict=True))


def _numbers(found: Any, count: int, what: str, least: int = 0) -> list[int]:
    if type(found) is not list or len(found) != count:
        damaged(f"{what} should be {count} numbers")
    return [whole(number, what, least=least) for number in found]


def restore_tables(memory: Memory, tables: dict[int, State]) -> None:
    """Fill the tables, one after the other, as long as what leads to their outputs is no more than an archive may tell of."""
    entries = 0
    for output, told in tables.items():
        table = memory.table(output)
        entries += len(table.up)
        if entries > MOST_ENTRIES:
            damaged(f"more than {MOST_ENTRIES} nodes lead to its tables' outputs")
        _check_table(memory, table, told)
        fill(table, told, memory)


def _check_table(memory: Memory, table: Table, told: State) -> None:
    """Raise if it is told of what does not lead to the output, or of causes that can be none."""
    if not table.up.keys() >= told["acts"].keys() | told["program"].keys() | told["causes"].keys():
        damaged("a table tells of a node that does not lead to its output")
    if not told["marks"].keys() <= told["acts"].keys():
        damaged("a cotangent is marked that was never computed")
    for n, cause in told["causes"].items():
        if (~cause not in consumers(table, n)) if cause < 0 else (cause not in memory.primals(table, n)):
            damaged("a cotangent is said to have changed because of what it was not computed from")
