"""What is done to a slice before it is printed: small passes, each a function from slice to slice, in this order.

A pass is exact to the last bit, or says what it changes. Those that do: :mod:`.shapes` (the sum of n equal terms, and of all
products of two arrays), :mod:`.algebra` (`g + 0`), :mod:`.cancelling` (cotangents that cancel), :mod:`.sums` and
:mod:`.products` (the order of sums).
"""

from .algebra import simplified
from .blocking import blocked
from .cancelling import cancelled
from .constants import lifted
from .folding import folded
from .kinks import untied
from .products import stacked
from .shapes import reshaped
from .sharing import shared
from .slicing import side_by_side
from .sums import gathered

PASSES = (
    lifted,
    shared,
    reshaped,
    simplified,
    cancelled,
    gathered,
    stacked,
    folded,
    simplified,
    reshaped,
    side_by_side,
    shared,
    untied,
    blocked,
)

__all__ = [
    "PASSES",
    "blocked",
    "cancelled",
    "folded",
    "gathered",
    "lifted",
    "reshaped",
    "shared",
    "side_by_side",
    "simplified",
    "stacked",
    "untied",
]
