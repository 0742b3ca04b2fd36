"""What a Jacobian took: the steps in the order in which they were taken, and how other orders would have compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..memory.memory import Memory
from ..text import as_text, printable
from .chain_order import Choice, Product, Segment

HOW = {
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


class Entry(NamedTuple):
    """One step: the derivative that it gives, how, of which shape as a matrix, and the multiplications it takes."""

    derivative: str
    shape: tuple[int, int]
    how: str
    multiplications: int


@dataclass(frozen=True, repr=False)
class Tally:
    """How a Jacobian was multiplied together, and why so; prints as a table.

    Attributes
    ----------
    derivative : str
        ``∂y/∂x``.
    order : str
        The order that was taken.
    entries : tuple of Entry
        The steps, each after those that it uses.
    totals : dict
        The multiplications that each order takes; empty where the program was too large to count them. Additions and moves
        are none; an op that is no product takes one an element.
    why : str
        Why this order.
    """

    derivative: str
    order: str
    entries: tuple[Entry, ...]
    totals: Mapping[str, int]
    why: str

    @property
    def multiplications(self) -> int:
        """What the order that was taken takes."""
        return sum(entry.multiplications for entry in self.entries)

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    _repr_html_ = as_text

    def _lines(self) -> Iterator[str]:
        yield f"{'derivative':<22}{'elements':>15}  {'how':<25}{'multiplications':>15}"
        for what, (rows, columns), how, count in self.entries:
            yield f"{what:<22}{f'{rows} × {columns}':>15}  {HOW[how]:<25}{f'{count:,}' if self.totals else 'not counted':>15}"
        for order, total in sorted(self.totals.items(), key=lambda item: item[0] != self.order):
            yield f"{'in all' if order == self.order else 'instead':<39}{order:<25}{total:>15,}"
        yield f"{self.order}: {self.why}"


def tally_of(memory: Memory, choice: Choice) -> Tally:
    """The tally of an order that was chosen."""
    entries = tuple(_entries(memory, choice.segments, choice.product))
    return Tally(entries[-1].derivative, choice.order, entries, choice.totals, choice.why)


def _entries(memory: Memory, segments: list[Segment], product: Product) -> Iterator[Entry]:
    """The steps of a product, those of its parts first."""
    for part in product.parts:
        yield from _entries(memory, segments, part)
    start, end = segments[product.first], segments[product.last - 1]
    yield Entry(quotient(memory, [end.end], start.start), (end.rows, start.columns), product.how, product.own)


def quotient(memory: Memory, ys: Sequence[int], xs: Sequence[int]) -> str:
    """``∂y/∂x``; of several nodes the first, and of none an ellipsis."""

    def shown(nodes: Sequence[int]) -> str:
        if not nodes:
            return "…"
        first = printable(memory.nodes.name(nodes[0]), 8)
        return first if len(nodes) == 1 else f"({first}, …)"

    return printable(f"∂{shown(ys)}/∂{shown(xs)}", 21)
