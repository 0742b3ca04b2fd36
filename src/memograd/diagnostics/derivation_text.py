"""Worked derivation as plain text."""

from collections.abc import Iterable, Iterator

from ..drawing.player_steps import format_sum
from ..text import derivative_name
from .derivation_steps import Equation, Rows, Value, is_direct, terms_of

INDENT = "    "


def text_lines(output: str, values: Iterable[Value], equations: Iterable[Equation]) -> list[str]:
    """Return a derivation of L as lines of plain text, given the name of L."""
    forward = [INDENT + line for value in values for line in value_lines(value)]
    backward = [INDENT + line for e in equations for line in equation_lines(output, e)]
    return ["Forward:", *forward, "", "Backward:", *backward]


def value_lines(v: Value) -> Iterator[str]:
    """Yield a line of the forward phase, with a row for each row of a matrix."""
    left = " = ".join(part for part in (v.name, v.formula) if part)
    yield from side_lines(left, v.value, v.rows)


def equation_lines(output: str, e: Equation) -> Iterator[str]:
    """Yield an equation as lines with aligned equality signs, and its local derivatives."""
    left = derivative_name(output, e.name)
    blank = len(left) * " "
    if not e.consumers:
        *before, last = side_lines(left, e.value, e.rows)
        yield from (*before, f"{last}, already known")
        return
    sides = [*symbolic_sides(output, e), e.numbers]
    for side in filter(None, sides):
        yield f"{left} = {side}"
        left = blank
    yield from side_lines(left, e.value + closing_note(output, e), e.rows)
    for local in e.locals:
        known = " = ".join(part for part in (local.formula, local.value) if part)
        direct = " (direct)" if local.consumer == output else ""
        yield f"{blank}   {derivative_name(local.consumer, e.name)}{direct} = {known}"


def symbolic_sides(output: str, e: Equation) -> Iterator[str]:
    """Yield the right sides in symbols: the chain rule, and what the rules state."""
    if is_direct(e, output):
        yield e.formula and f"{e.formula} (direct)"
        return
    terms = terms_of(e, output, derivative_name, " · ")
    direct = derivative_name(output, e.name)
    terms = [f"{term} (direct)" if term == direct else term for term in terms]
    known = [derivative_name(output, c) for c in e.known]
    note = f"{INDENT}({', '.join(known)} already known)" if known else ""
    yield format_sum(terms, len(e.consumers)) + note
    yield e.formula


def closing_note(output: str, e: Equation) -> str:
    """Return what follows the value: that it is direct, unless a formula above says so."""
    return " (direct)" if is_direct(e, output) and not e.formula else ""


def side_lines(left: str, value: str, rows: Rows) -> Iterator[str]:
    """Yield `left = value` as a line, or as several for a matrix."""
    if not rows:
        yield f"{left} = {value}"
        return
    width = max(len(cell) for row in rows for cell in row)
    lines = [f"[{', '.join(cell.rjust(width) for cell in row)}]" for row in rows]
    yield f"{left} = [{lines[0]}" + ("," if lines[1:] else "]")
    for k, line in enumerate(lines[1:], 2):
        yield f"{'':{len(left)}}    {line}" + ("]" if k == len(lines) else ",")
