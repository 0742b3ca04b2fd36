"""Shapes of lists of operands, and the start of each operand in their concatenation."""

from collections.abc import Callable
from itertools import accumulate
from math import prod
from typing import Any


class Shapes(list[Any]):
    """Shapes of a list of operands.

    A concatenation of n arrays has n rules, each of which needs the start of its operand. The
    starts are computed once for all, so that the rules together take time proportional to n.
    """

    __slots__ = ("_kept",)

    def __init__(self, shapes: Any) -> None:
        super().__init__(shapes)
        self._kept: dict[Any, Any] = {}

    def starts(self, axis: int | None) -> list[int]:
        """Return the start of each operand along an axis of the concatenation, and the end.

        For None, operands are flattened.
        """
        if axis not in self._kept:
            lengths = (prod(s) if axis is None else s[axis] for s in self)
            self._kept[axis] = list(accumulate(lengths, initial=0))
        starts: list[int] = self._kept[axis]
        return starts

    def change_each(self, change: Callable[[Any], Any]) -> "Shapes":
        """Return the shapes after a function that an op applies before it concatenates."""
        if change not in self._kept:
            self._kept[change] = Shapes(map(change, self))
        shapes: Shapes = self._kept[change]
        return shapes
