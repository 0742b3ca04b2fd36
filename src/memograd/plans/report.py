"""Report of a plan: its instructions, what derivatives keep, and the effect of each pass."""

from collections.abc import Iterable

from ..rules.cost_model import bytes_of
from ..text import op_name, printable, table_lines, wrap_text
from .codegen import variable_names
from .ir import Graph, operands
from .machine.array_regions import misses_numba
from .machine.machine import on_machine

MAX_STEP_ROWS = 40
"""Longest table; of a longer plan it shows the first and the last rows."""

MISSING_NUMBA = "runs without Numba, several times slower: pip install 'memograd[fast]'"


def format_plan(
    graph: Graph, keys: tuple[str, ...], counts: list[tuple[str, int]], arena_bytes: int
) -> str:
    """Return the table of a plan, with its heading."""
    names = variable_names(graph)
    kept = residuals(graph)
    run = [n for n, instruction in graph.instructions.items() if instruction.op is not None]
    bytes_kept = sum(
        bytes_of(graph.instructions[n].shape, graph.instructions[n].dtype) for n in kept
    )
    rows = table_lines(
        "  <16 <20 <18 >13  <", [instruction_cells(graph, n, names, kept) for n in run]
    )
    if len(rows) > MAX_STEP_ROWS:
        rows[MAX_STEP_ROWS // 2 : -MAX_STEP_ROWS // 2] = [
            f"  … {len(rows) - MAX_STEP_ROWS} more steps"
        ]
    unused = (
        set(graph.inputs)
        .difference(a for instruction in graph.instructions.values() for a in operands(instruction))
        .difference(graph.outputs)
    )
    return "\n".join([
        f"<memograd.Plan: {len(run)} steps, {len(kept)} residuals of {bytes_kept:,} bytes>",
        *wrap_items("ops", (f"{name} {count}" for name, count in counts)),
        *wrap_items("inputs", map(printable, keys or ("none",))),
        *([f"arena: {arena_bytes:,} bytes, kept between calls"] if arena_bytes else []),
        *[
            f"no output depends on {printable(key)}"
            for n, key in zip(graph.inputs, keys, strict=True)
            if n in unused
        ],
        *machine_lines(graph),
        *rows,
    ])  # fmt: skip


def machine_lines(graph: Graph) -> list[str]:
    """Return a line on the size of the machines of a plan, and one if Numba is missing."""
    programs = [i.args[0].program for i in graph.instructions.values() if i.op is on_machine]
    rows, size = sum(p.rows for p in programs), 8 * sum(p.size for p in programs)
    sizes = f"machine: {rows:,} instructions, {size:,} bytes, kept between calls"
    return [*([sizes] if programs else []), *([MISSING_NUMBA] if misses_numba(graph) else [])]


def instruction_cells(
    graph: Graph, n: int, names: dict[int, str], kept: set[int]
) -> tuple[str, ...]:
    """Return the cells: variable, op, shape, bytes, and a mark if a derivative keeps the value."""
    instruction = graph.instructions[n]
    name, op = printable(names[n], 16), printable(op_name(instruction.op), 20)
    shape = printable(str(instruction.shape), 18)
    size = f"{bytes_of(instruction.shape, instruction.dtype):,}"
    return name, op, shape, size, "kept" if n in kept else ""


def residuals(graph: Graph) -> set[int]:
    """Return the values that derivatives read, without inputs and constants."""
    derivatives, instructions = graph.derivatives, graph.instructions
    return {
        a
        for n, instruction in instructions.items()
        if n in derivatives
        for a in operands(instruction)
        if a not in derivatives and instructions[a].op is not None
    }


def wrap_items(title: str, items: Iterable[str]) -> list[str]:
    """Return a line of the heading, which is broken only between its items."""
    kept_whole = (item.replace(" ", "\N{NO-BREAK SPACE}") for item in items)
    return wrap_text(f"{title}:\N{NO-BREAK SPACE}{', '.join(kept_whole)}", following="  ")
