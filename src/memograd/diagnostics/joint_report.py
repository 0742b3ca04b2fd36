"""Explanation of several derivatives of one output: each cause once, with those it concerns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..text import derivative_name, wrap_text
from .findings import Finding
from .report import Explanation, report_html, report_lines, shares_lines


@dataclass(frozen=True, repr=False)
class Explanations:
    """Explanations of ∂L/∂x for the nodes of a pytree.

    Attributes
    ----------
    parts : pytree of Explanation
        As the pytree of targets; ``explanations[key]`` is ``explanations.parts[key]``.
    each : tuple of Explanation
        The same, in order.
    """

    parts: Any
    each: tuple[Explanation, ...]

    def __getitem__(self, key: Any) -> Any:
        return self.parts[key]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Causes of all, each once."""
        return _distinct(e.findings for e in self.each)

    @property
    def in_order(self) -> bool:
        """Whether there are no findings."""
        return not self.findings

    def __repr__(self) -> str:
        rows = [line for e in self.each for line in wrap_text(e.headline)]
        remarks = _distinct(e.remarks for e in self.each)
        kinks = _distinct(e.kinks for e in self.each)
        rows += report_lines(self.findings, remarks, kinks, self._targets())
        for e in self.each:
            rows += shares_lines(derivative_name(e.output, e.target), e.shares)
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        """Return a table with a row for each finding, remark and kink."""
        items = _distinct((*e.findings, *e.remarks, *e.kinks) for e in self.each)
        return report_html([e.headline for e in self.each], items, [e.shares for e in self.each])

    def _targets(self) -> dict[Finding, str]:
        """Return which derivatives a finding concerns, for each that does not concern all."""
        concerned = {f: [e for e in self.each if f in e.findings] for f in self.findings}
        return {
            finding: ", ".join(derivative_name(e.output, e.target) for e in found)
            for finding, found in concerned.items()
            if len(found) < len(self.each)
        }


def _distinct(groups: Iterable[Sequence[Any]]) -> tuple[Any, ...]:
    """Return the items of all groups, each once, in order."""
    return tuple(dict.fromkeys(item for group in groups for item in group))
