"""The explanation as it is read: in lines of text, as a table in a notebook, and as data."""

import os
from collections.abc import Callable
from html import escape
from textwrap import wrap
from typing import Any, NamedTuple

import numpy as np

from ..text import derivative_name
from .findings import Elements, Finding
from .kinks import Kink
from .path_contributions import Shares
from .subgraph import arrays_in

TEXT_WIDTH = 79
MAX_FINDINGS = 6
"""How many findings, remarks and kinks are printed; all of them are data."""


class Explanation(NamedTuple):
    """What makes ∂L/∂x what it is; prints as a text under 80 columns, save for long names of files
    and code.

    Attributes
    ----------
    output, target : str
        The names of L and x.
    derivative : array or None
        ∂L/∂x, as it was computed; None where no path leads from x to L.
    verdict : str
        ``no path``, ``NaN``, ``infinite``, ``zero``, ``small``, ``large``, ``rounding``, ``value``
        (L itself is no finite number, ∂L/∂x is in order) or ``in order``.
    findings : tuple of Finding
        Why; empty where all is in order.
    remarks : tuple of Finding
        Why some elements of a derivative that is in order are zero.
    kinks : tuple of Kink
        Which nodes between x and L sat on a kink or a tie, and what was chosen.
    shares : Shares
        The largest contributions to the derivative.
    """

    output: str
    target: str
    derivative: Any
    verdict: str
    findings: tuple[Finding, ...]
    remarks: tuple[Finding, ...]
    kinks: tuple[Kink, ...]
    shares: Shares

    @property
    def in_order(self) -> bool:
        """Whether nothing was found that one would ask about."""
        return not self.findings

    def __repr__(self) -> str:
        rows, told = wrap(self.headline, TEXT_WIDTH), set[str]()
        for number, found in enumerate(self.findings[:MAX_FINDINGS], 1):
            rows += _finding_lines(f"{number}.", found, found.cause in told)
            told.add(found.cause)
        rows += _omission_lines(self.findings)
        for title, remarks in (
            ("Zeros among the elements:", self.remarks),
            ("Kinks and ties:", self.kinks),
        ):
            rows += (
                [title] * bool(remarks)
                + [line for remark in remarks[:MAX_FINDINGS] for line in _remark_lines(remark)]
                + _omission_lines(remarks)
            )
        if self.shares.shares:
            rows += [
                "Shares of the derivative:",
                *(_shorten(row) for row in str(self.shares).splitlines()),
            ]
        return "\n".join(rows)

    @property
    def headline(self) -> str:
        """Verdict as a sentence."""
        this = derivative_name(self.output, self.target)
        return {
            "no path": f"No derivative: no differentiable path leads from {self.target} to "
            f"{self.output}.",
            "NaN": f"{this} is NaN{_format_extent(self.derivative, np.isnan)}.",
            "infinite": f"{this} is infinite{_format_extent(self.derivative, np.isinf)}.",
            "zero": f"{this} is 0{_format_extent(self.derivative, np.logical_not)}.",
            "value": f"{this} is in order, but {self.output} itself is not a finite number.",
            "rounding": f"{this} is what rounding left of parts that cancel.",
            "in order": f"{this} is in order.",
        }.get(self.verdict, f"{this} is surprisingly {self.verdict}.")

    def _repr_html_(self) -> str:
        """Return a table: a row for each finding, remark and kink."""
        rows = [
            (
                found.cause,
                found.node,
                found.operand or "",
                found.elements,
                found.line,
                f"{found.text}\n{found.advice}",
            )
            for found in (*self.findings, *self.remarks)
        ]
        rows += [
            ("kink", kink.node, kink.formula, kink.elements, kink.line, kink.chosen)
            for kink in self.kinks
        ]
        heads = "".join(
            f"<th>{head}</th>" for head in ("cause", "node", "operand", "elements", "line", "why")
        )
        cells = ((*row[:4], _format_place(row[4]).rstrip(": "), row[5]) for row in rows)
        body = "".join(f"<tr>{''.join(map(_html_cell, row))}</tr>" for row in cells)
        table = (
            f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>" if rows else ""
        )
        shares = f"<pre>{escape(str(self.shares))}</pre>" if self.shares.shares else ""
        return f"<p>{escape(self.headline)}</p>{table}{shares}"


def _finding_lines(mark: str, found: Finding, told: bool) -> list[str]:
    """Return a finding: line and cause, the sentence, code as it stands, the advice, unless it was
    told before.
    """
    operand = f", operand {found.operand}" if found.operand is not None else ""
    at = "at" if found.of == "derivative" else "in the value of"
    head = f"{found.cause} {at} {found.node}{operand}{_format_elements(found.elements)}"
    # No break between the number and the place, however long that is.
    rows = [
        row.replace("\N{NO-BREAK SPACE}", " ")
        for row in _wrap_text(
            f"{mark}\N{NO-BREAK SPACE}{_format_place(found.line)}{head}", "", "   "
        )
    ]
    text, *code = found.text.splitlines()
    for paragraph in (text,) if code or told else (text, found.advice):
        rows += _wrap_text(paragraph, "   ", "   ")
    return rows + [f"       {line}" for line in code]


def _remark_lines(remark: Finding | Kink) -> list[str]:
    what = (
        remark.text
        if isinstance(remark, Finding)
        else f"{remark.node} = {remark.formula}: {remark.chosen}"
    )
    return _wrap_text(
        f"{_format_place(remark.line)}{what.rstrip('.')}{_format_elements(remark.elements)}.",
        "  ",
        "    ",
    )


def _wrap_text(text: str, first: str, following: str) -> list[str]:
    """Return a text in lines; a long word, such as the name of a file, is longer than a line rather
    than cut.
    """
    return wrap(
        text,
        TEXT_WIDTH,
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _format_elements(elements: Elements) -> str:
    shown = str(elements)
    return f", elements {shown}" if shown else ""


def _format_place(line: Any) -> str:
    """Return the file and the line, in front of what is said of them."""
    return f"{os.path.basename(line[0])}:{line[1]}: " if line else ""


def _format_extent(derivative: Any, bad: Callable[[Any], Any]) -> str:
    """In how many elements something is the case."""
    arrays = list(arrays_in(derivative)) if derivative is not None else []
    number, size = sum(int(np.count_nonzero(bad(a))) for a in arrays), sum(map(np.size, arrays))
    return (
        ""
        if size == 1
        else f" in all of its {size} elements"
        if number == size
        else f" in {number} of its {size} elements"
    )


def _omission_lines(found: tuple[Any, ...]) -> list[str]:
    return [f"  … and {len(found) - MAX_FINDINGS} more"] if len(found) > MAX_FINDINGS else []


def _shorten(row: str) -> str:
    return row if len(row) <= TEXT_WIDTH else f"{row[: TEXT_WIDTH - 1]}…"


def _html_cell(value: Any) -> str:
    return f"<td>{escape(str(value)).replace(chr(10), '<br>')}</td>"
