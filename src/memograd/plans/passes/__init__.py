"""What is done to a slice before it is printed: small passes, each a function from slice to slice,
in this order.

A pass is exact, or says what it changes. *Exact*: the same bits for every value of every dtype, all
NaNs counted as one, as long as NumPy itself gives an element the same bits wherever it lies. What
passes that are not exact do to a sum is bounded, if the sizes of its terms add up to less than a
quarter of the largest number, and if, in complex products of matrices, all numbers are finite. No
pass moves a factor where a product may leave the range, and none changes the sign of a zero that
NumPy computes (that of a zero which BLAS computes is BLAS's). Half precision and integers keep
every bit, but for what cancels.
"""

from collections.abc import Callable
from typing import NamedTuple

from ..ir import Slice
from ..op_traits import has_halves
from ..scalar.regions import mechanised as mechanise
from . import algebra, reshapes
from .cancellation import cancelled as cancel
from .common_subexpressions import shared as share
from .constant_folding import folded as fold
from .constant_lifting import lifted as lift
from .matmul_batching import contracted as contract
from .matmul_batching import stacked as stack
from .rewriter import Rules, swept
from .slice_merging import side_by_side as join
from .sum_merging import gathered as gather
from .tie_speculation import untied as untie
from .tiling import blocked as block


class Pass(NamedTuple):
    """A pass, and what it promises."""

    name: str
    run: Callable[[Slice], Slice]
    bound: str = ""
    """What it changes, and by how much; nothing, where it is exact."""

    @property
    def exact(self) -> bool:
        """Whether it changes no bit."""
        return not self.bound

    def __call__(self, slice: Slice) -> Slice:
        """The slice as the pass rewrites it."""
        return self.run(slice)


def merged(*tables: Rules) -> Rules:
    """Several tables of rules as one; where both have rules for an op, the first table's come
    first.
    """
    return {op: tuple(rule for table in tables for rule in table.get(op, ())) for table in tables for op in table}


EXACT_RULES = merged(reshapes.RULES, algebra.RULES)
ALL_RULES = merged(reshapes.RULES, reshapes.REORDERING, algebra.RULES)


def tidy_exactly(slice: Slice) -> Slice:
    """The slice with fewer reshapes, transposes and broadcasts, and with less arithmetic, to the
    same bits.
    """
    return swept(slice, EXACT_RULES)


def tidy(slice: Slice) -> Slice:
    """The same, where sums may be taken in another order."""
    return tidy_exactly(slice) if has_halves(slice) else swept(slice, ALL_RULES)


ORDER = "takes sums in another order: off by at most n·eps·Σ|terms| + n·tiny for n terms"

lifted = Pass("lifted", lift)
shared = Pass("shared", share)
tidied = Pass("tidied", tidy, f"{ORDER}; not in half precision")
cancelled = Pass(
    "cancelled",
    cancel,
    "gives 0 for cotangents that cancel, where rounding left up to n·eps·Σ|terms|; assumes that what cancels is finite, and that "
    "no divisor is 0",
)
contracted = Pass("contracted", contract, ORDER)
gathered = Pass("gathered", gather, f"{ORDER}; not in half precision")
stacked = Pass("stacked", stack, ORDER)
folded = Pass("folded", fold)
mechanised = Pass(
    "mechanised",
    mechanise,
    f"{ORDER}; functions such as sin and power are off by at most 4 units in the last place",
)
side_by_side = Pass("side_by_side", join, f"leaves gaps in memory, and so {ORDER}; not in half precision")
untied = Pass("untied", untie)
blocked = Pass("blocked", block)

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
"""For Dask arrays: those passes that bind no constants of an array's size, and write nothing in
place.
"""

__all__ = [
    "LAZY_PASSES",
    "PASSES",
    "Pass",
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
