"""Report on a Jacobian: the steps that computed it, and what other orders would have cost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..memory.memory import Memory
from ..text import derivative_name, printable, table_lines, text_as_html
from .chain_order import Bracketing, ChainChoice, ChainFactor

METHOD_TEXTS = {
    "diagonal": "a diagonal, from one pull",
    "matrix": "a matrix of the program",
    "rows": "rows, by pulls",
    "columns": "columns, by pushes",
    "pulled": "these rows, pulled on",
    "pushed": "these columns, pushed on",
    "product": "the product of these two",
    "colours": "in sums, by colours",
    "elimination": "eliminated one by one",
}
"""Text of each method of :class:`AccumulationStep` in the printed table."""


class AccumulationStep(NamedTuple):
    """Step of the computation of a Jacobian.

    Attributes
    ----------
    derivative : str
        ``∂y/∂x``.
    shape : tuple of int
        Shape of the derivative as a matrix.
    how : str
        Method, a key of `METHOD_TEXTS`.
    multiplications : int
        Multiplications that the step takes.
    """

    derivative: str
    shape: tuple[int, int]
    how: str
    multiplications: int


@dataclass(frozen=True, repr=False)
class JacobianReport:
    """Report on how a Jacobian was computed and why; prints as a table.

    Attributes
    ----------
    derivative : str
        ``∂y/∂x``.
    order : str
        The order that was taken.
    entries : tuple of AccumulationStep
        The steps, each after those that it uses.
    totals : dict
        The multiplications of each order; empty if the program is too large to count them.
        Additions and moves count nothing; an op that is no product counts one per element.
    why : str
        Why this order was taken.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0], name="x")
    >>> _, report = mg.jacobian(np.array([[1.0, 2.0]]) @ x, x, report=True)
    >>> report.order, report.multiplications  # the product's matrix is the Jacobian
    ('reverse', 0)
    """

    derivative: str
    order: str
    entries: tuple[AccumulationStep, ...]
    totals: Mapping[str, int]
    why: str

    @property
    def multiplications(self) -> int:
        """Multiplications of the order that was taken."""
        return sum(step.multiplications for step in self.entries)

    def __repr__(self) -> str:
        table = table_lines("<22>15  <25>15", self._rows())
        return "\n".join([*table, f"{self.order}: {self.why}"])

    _repr_html_ = text_as_html

    def _rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the rows of the table."""
        yield "derivative", "elements", "how", "multiplications"
        for step in self.entries:
            shape = f"{step.shape[0]} × {step.shape[1]}"
            count = f"{step.multiplications:,}" if self.totals else "not counted"
            yield step.derivative, shape, METHOD_TEXTS[step.how], count
        for order, total in sorted(self.totals.items(), key=lambda item: item[0] != self.order):
            yield "in all" if order == self.order else "instead", "", order, f"{total:,}"


def chain_report(memory: Memory, choice: ChainChoice, label: str) -> JacobianReport:
    """Return the report on a chosen order; `label` names the Jacobian if the chain is empty."""
    steps: tuple[AccumulationStep, ...] = ()
    if choice.bracketing is not None:
        steps = tuple(_bracketing_steps(memory, choice.factors, choice.bracketing))
        label = steps[-1].derivative
    return JacobianReport(label, choice.order, steps, choice.totals, choice.why)


def _bracketing_steps(
    memory: Memory, factors: list[ChainFactor], bracketing: Bracketing
) -> Iterator[AccumulationStep]:
    """Yield the steps of a bracketing, those of its parts first."""
    for part in bracketing.parts:
        yield from _bracketing_steps(memory, factors, part)
    start, end = factors[bracketing.first], factors[bracketing.last - 1]
    label = jacobian_label(memory, [end.end], start.start)
    yield AccumulationStep(label, (end.rows, start.columns), bracketing.how, bracketing.own)


def jacobian_label(memory: Memory, ys: Sequence[int], xs: Sequence[int]) -> str:
    """Return ``∂y/∂x``; of several nodes the first is named, and of none an ellipsis."""

    def name_of(nodes: Sequence[int]) -> str:
        """Return the name of the first node, in parentheses if there are more."""
        if not nodes:
            return "…"
        first = printable(memory.nodes.name(nodes[0]), 8)
        return first if len(nodes) == 1 else f"({first}, …)"

    return printable(derivative_name(name_of(ys), name_of(xs)), 21)
