"""Worked derivation as HTML, with its own style and without references to other files."""

from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from importlib.resources import files

from ..drawing.player_steps import format_sum
from ..text import derivative_name, printable
from .derivation_steps import Equation, Rows, Value, is_direct, terms_of

DIRECT = '<span class="note">(direct)</span>'


def html_page_part(output: str, values: Iterable[Value], equations: Iterable[Equation]) -> str:
    """Return a derivation of L as an element of HTML, given the name of L."""
    forward = "".join(map(html_value, values))
    backward = "".join(html_equation(output, e) for e in equations)
    return (
        f'<section class="memograd-derivation"><style>{derivation_style()}</style>'
        f"<h4>Forward</h4><ul>{forward}</ul><h4>Backward</h4><ol>{backward}</ol></section>"
    )


@cache
def derivation_style() -> str:
    """Return the style of a derivation."""
    return (files(__package__) / "derivation.css").read_text(encoding="utf-8")


def html_value(v: Value) -> str:
    """Return a line of the forward phase."""
    sides = [code(v.formula)] if v.formula else []
    return f"<li>{html_line(name_cell(v.name), [*sides, html_number(v.value, v.rows)])}</li>"


def html_equation(output: str, e: Equation) -> str:
    """Return an equation, a line for each of its right sides, and its local derivatives."""
    left = html_derivative(output, e.name)
    lines = "".join(
        f'<div class="side"><span class="left">{left if k == 0 else ""}</span>'
        f"<span>= {side}</span></div>"
        for k, side in enumerate(equation_sides(output, e))
    )
    return f"<li>{lines}{html_locals(output, e)}</li>"


def equation_sides(output: str, e: Equation) -> Iterator[str]:
    """Yield the right sides of an equation: in symbols, as the rules state them, in numbers."""
    value = html_number(e.value, e.rows)
    if not e.consumers:
        yield f'{value} <span class="note">already known</span>'
        return
    if is_direct(e, output):
        if e.formula:
            yield f"{code(e.formula)} {DIRECT}"
        yield value if e.formula else f"{value} {DIRECT}"
        return
    own = html_derivative(output, e.name)
    terms = terms_of(e, output, html_derivative, " · ")
    known = ", ".join(html_derivative(output, c) for c in e.known)
    note = f' <span class="note">{known} already known</span>' if known else ""
    chain = [f"{term} {DIRECT}" if term == own else term for term in terms]
    yield format_sum(chain, len(e.consumers)) + note
    if e.formula:
        yield code(e.formula)
    if e.numbers:
        yield escape(e.numbers)
    yield value


def html_locals(output: str, e: Equation) -> str:
    """Return the local derivatives of an equation; nothing without any."""
    texts = []
    for local in e.locals:
        direct = f" {DIRECT}" if local.consumer == output else ""
        sides = [code(local.formula)] if local.formula else []
        left = html_derivative(local.consumer, e.name) + direct
        texts.append(f"<div>{html_line(left, [*sides, escape(local.value)])}</div>")
    return f'<div class="local">{"".join(texts)}</div>' if texts else ""


def html_line(left: str, sides: Iterable[str]) -> str:
    """Return a left side and right sides on a line."""
    return " = ".join(f"<span>{side}</span>" for side in [left, *sides])


def html_derivative(y: str, x: str) -> str:
    """Return ∂y/∂x."""
    return f"<i>{escape(printable(derivative_name(y, x)))}</i>"


def name_cell(name: str) -> str:
    """Return a name."""
    return f"<b>{escape(printable(name))}</b>"


def code(formula: str) -> str:
    """Return a formula in Python."""
    return f"<code>{escape(printable(formula, 200))}</code>"


def html_number(value: str, rows: Rows) -> str:
    """Return a value: a matrix in brackets, else its text."""
    if not rows:
        return escape(value)
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{cells}</table>"
