"""What is done to a slice before it is printed: small passes, each a function from slice to slice, in this order.

A pass is exact to the last bit, or says what it changes. Those that do: :mod:`.shapes` (the sum of n equal terms),
:mod:`.algebra` (`g + 0`), :mod:`.cancelling` (cotangents that cancel), :mod:`.sums` and :mod:`.products` (the order of sums).
"""

from ..slices import Slice
from . import algebra, shapes
from .blocking import blocked
from .cancelling import cancelled
from .constants import lifted
from .folding import folded
from .kinks import untied
from .products import contracted, stacked
from .regions import mechanised
from .rewriting import swept
from .sharing import shared
from .slicing import side_by_side
from .sums import gathered

RULES = {op: (*shapes.RULES.get(op, ()), *algebra.RULES.get(op, ())) for op in (*shapes.RULES, *algebra.RULES)}


def tidied(slice: Slice) -> Slice:
    """The slice with fewer reshapes, transposes and broadcasts, and with less arithmetic."""
    return swept(slice, RULES)


PASSES = (
    lifted,
    shared,
    tidied,
    cancelled,
    contracted,
    gathered,
    stacked,
    folded,
    tidied,
    mechanised,
    side_by_side,
    shared,
    untied,
    blocked,
)

LAZY_PASSES = (lifted, shared, tidied, shared)
"""For Dask arrays: those passes that bind no constants of an array's size, and write nothing in place."""

__all__ = [
    "LAZY_PASSES",
    "PASSES",
    "blocked",
    "cancelled",
    "contracted",
    "folded",
    "gathered",
    "lifted",
    "mechanised",
    "shared",
    "side_by_side",
    "stacked",
    "tidied",
    "untied",
]
