"""Report of a plan: its instructions, what derivatives keep, and the effect of each pass."""

from ..rules.cost_model import bytes_of
from ..text import op_name, printable
from .codegen import variable_names
from .ir import Graph, operands

MAX_STEP_ROWS = 40
"""Longest table; of a longer plan it shows the first and the last rows."""


def format_plan(graph: Graph, keys: tuple[str, ...], counts: list[tuple[str, int]]) -> str:
    """Return the table of a plan, with its heading."""
    names = variable_names(graph)
    kept = residuals(graph)
    run = [n for n, instruction in graph.instructions.items() if instruction.op is not None]
    bytes_kept = sum(
        bytes_of(graph.instructions[n].shape, graph.instructions[n].dtype) for n in kept
    )
    rows = [format_instruction(graph, n, names, kept) for n in run]
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
        *wrap_items(f"ops: {', '.join(f'{name} {count}' for name, count in counts)}"),
        *wrap_items(f"inputs: {', '.join(map(printable, keys)) or 'none'}"),
        *[
            f"no output depends on {printable(key)}"
            for n, key in zip(graph.inputs, keys, strict=True)
            if n in unused
        ],
        *rows,
    ])  # fmt: skip


def format_instruction(graph: Graph, n: int, names: dict[int, str], kept: set[int]) -> str:
    """Return a row: variable, op, shape, bytes, and a mark if a derivative keeps the value."""
    instruction = graph.instructions[n]
    shape, size = (
        printable(str(instruction.shape), 18),
        f"{bytes_of(instruction.shape, instruction.dtype):,}",
    )
    name, op = printable(names[n], 16), printable(op_name(instruction.op), 20)
    mark = "  kept" if n in kept else ""
    return f"  {name:<16} {op:<20} {shape:<18} {size:>13}{mark}"


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


def wrap_items(text: str, width: int = 76) -> list[str]:
    """Break a line of the heading between its items."""
    lines, line = [], ""
    for item in text.split(", "):
        if line and len(line) + len(item) > width:
            lines.append(f"{line},")
            line = " "
        line += f" {item}" if line == " " else f", {item}" if line else item
    return [*lines, line]
