"""Explanation of a derivative: as text, as an HTML table, and as data."""

import linecache
import os
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ..text import TEXT_WIDTH, derivative_name, printable, table_as_html, text_as_html, wrap_text
from .findings import Elements, Finding
from .kinks import Kink
from .path_contributions import Shares
from .subgraph import arrays_in

MAX_FINDINGS = 6
"""Number of findings, remarks and kinks that are printed; the attributes hold all of them."""


AUTOMATIC_NAME = re.compile(r"v\d+")
"""Names of nodes that the user did not name."""


class Explanation(NamedTuple):
    """Explanation of ∂L/∂x. Prints within 79 columns, except for long file names and code.

    Attributes
    ----------
    output, target : str
        Names of L and x.
    derivative : array or None
        Value of ∂L/∂x; None if no path leads from x to L.
    verdict : str
        ``no path``, ``NaN``, ``infinite``, ``zero``, ``small``, ``large``, ``rounding``, ``value``
        (L itself is no finite number, ∂L/∂x is in order) or ``in order``.
    findings : tuple of Finding
        Causes; empty if the derivative is in order.
    remarks : tuple of Finding
        Causes of zero elements in a derivative that is in order.
    kinks : tuple of Kink
        Nodes between x and L on a kink or a tie, and the convention there.
    shares : Shares
        Largest contributions to the derivative.
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
        """Whether there are no findings."""
        return not self.findings

    def __repr__(self) -> str:
        rows = wrap_text(self.headline)
        rows += report_lines(self.findings, self.remarks, self.kinks)
        return "\n".join(rows + shares_lines("the derivative", self.shares))

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
        """Return a table with a row for each finding, remark and kink."""
        items: list[Finding | Kink] = [*self.findings, *self.remarks, *self.kinks]
        return report_html([self.headline], items, [self.shares])


def report_lines(
    findings: Sequence[Finding],
    remarks: Sequence[Finding],
    kinks: Sequence[Kink],
    targets: Mapping[Finding, str] = MappingProxyType({}),
) -> list[str]:
    """Return findings, remarks and kinks as lines.

    Parameters
    ----------
    findings, remarks, kinks
        As of an :class:`Explanation`.
    targets : mapping from Finding to str
        Names of the targets whose derivative a finding concerns, where it does not concern all.
    """
    rows, advised = list[str](), set[str]()
    for number, finding in enumerate(findings[:MAX_FINDINGS], 1):
        rows += _finding_lines(f"{number}.", finding, finding.cause not in advised)
        rows += wrap_text(f"(in {targets[finding]})", "   ", "   ") if finding in targets else []
        advised.add(finding.cause)
    rows += _omission_lines(findings)
    rows += _remarks_lines("Zeros among the elements:", remarks)
    return rows + _remarks_lines("Kinks and ties:", kinks)


def shares_lines(derivative: str, shares: Shares) -> list[str]:
    """Return the largest contributions to a derivative as lines; nothing if there are none."""
    if not shares.shares:
        return []
    lines = (printable(row, TEXT_WIDTH) for row in str(shares).splitlines())
    return [f"Shares of {derivative}, by the first steps of their paths:", *lines]


def report_html(
    headlines: Sequence[str], items: Sequence[Finding | Kink], shares: Sequence[Shares]
) -> str:
    """Return headlines, a table with a row for each finding or kink, and contributions."""
    heads = "".join(f"<p>{escape(headline)}</p>" for headline in headlines)
    table = table_as_html("", HTML_HEADS, items, _html_cells, paragraphs=True) if items else ""
    texts = "".join(text_as_html(part) for part in shares if part.shares)
    return f'{heads}<div style="overflow-x: auto">{table}</div>{texts}'


HTML_HEADS = ("cause", "node", "operand", "elements", "line", "why")


def _html_cells(item: Finding | Kink) -> tuple[Any, ...]:
    """Return the cells of a finding or a kink, one for each of `HTML_HEADS`."""
    if isinstance(item, Finding):
        advice = "" if "\n" in item.text else f"\n{item.advice}"  # code says what to do
        cause, operand, why = item.cause, item.operand or "", item.text + advice
    else:
        cause, operand, why = "kink", item.formula, item.chosen
    return cause, item.node, operand, item.elements, _format_place(item.line), why


def _finding_lines(mark: str, finding: Finding, with_advice: bool) -> list[str]:
    """Return a finding as lines: its place and cause, its text, its code, and the advice."""
    operand = f", operand {finding.operand}" if finding.operand is not None else ""
    at = "at" if finding.of == "derivative" else "in the value of"
    head = f"{finding.cause} {at} {finding.node}{operand}{_format_elements(finding.elements)}"
    # The no-break space keeps the mark on the line of the place, however long that is.
    head = f"{mark}\N{NO-BREAK SPACE}{_before_text(finding.line)}{head}"
    text, *code = finding.text.splitlines()
    lines = wrap_text(head, "", "   ") + _source_lines(finding)
    lines += wrap_text(text, "   ", "   ")
    if with_advice and not code:
        lines += wrap_text(finding.advice, "   ", "   ")
    return lines + [f"       {line}" for line in code]


def _source_lines(finding: Finding) -> list[str]:
    """Return the user's line that made a node without a name; nothing where it is not known."""
    if finding.line is None or not AUTOMATIC_NAME.fullmatch(finding.node):
        return []
    source = linecache.getline(*finding.line).strip()
    return [f"       {printable(source, TEXT_WIDTH - 7)}"] if source else []


def _remarks_lines(title: str, remarks: Sequence[Finding | Kink]) -> list[str]:
    """Return remarks or kinks as lines below a title; nothing if there are none."""
    if not remarks:
        return []
    lines = [line for remark in remarks[:MAX_FINDINGS] for line in _remark_lines(remark)]
    return [title, *lines, *_omission_lines(remarks)]


def _remark_lines(remark: Finding | Kink) -> list[str]:
    """Return a remark or a kink as lines."""
    if isinstance(remark, Finding):
        text = remark.text
    else:
        text = f"{remark.node} = {remark.formula}: {remark.chosen}"
    elements = _format_elements(remark.elements)
    return wrap_text(f"{_before_text(remark.line)}{text.rstrip('.')}{elements}.", "  ", "    ")


def _format_elements(elements: Elements) -> str:
    """Return a clause that lists elements; nothing if there is only one."""
    shown = str(elements)
    return f", elements {shown}" if shown else ""


def _format_place(line: Any) -> str:
    """Return the file and the number of a line of code."""
    return f"{os.path.basename(line[0])}:{line[1]}" if line else ""


def _before_text(line: Any) -> str:
    """Return the place of a line of code as it stands in front of a text."""
    return f"{_format_place(line)}: " if line else ""


def _format_extent(derivative: Any, bad: Callable[[Any], Any]) -> str:
    """Return a clause that says in how many elements a derivative is bad."""
    arrays = list(arrays_in(derivative)) if derivative is not None else []
    number = sum(int(np.count_nonzero(bad(a))) for a in arrays)
    size = sum(map(np.size, arrays))
    if size == 1:
        return ""
    return f" in {'all' if number == size else number} of its {size} elements"


def _omission_lines(items: Sequence[Any]) -> list[str]:
    """Return a line that says how many items are not printed; nothing if all are."""
    return [f"  … and {len(items) - MAX_FINDINGS} more"] if len(items) > MAX_FINDINGS else []
