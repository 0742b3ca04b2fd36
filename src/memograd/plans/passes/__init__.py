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

from ..ir import Graph
from ..op_traits import has_halves
from ..scalar.regions import lower_scalar_regions as mechanise
from . import algebra, reshapes
from .cancellation import cancel_cotangents as cancel
from .common_subexpressions import eliminate_common_subexpressions as share
from .constant_folding import fold_constants as fold
from .constant_lifting import lift_constants as lift
from .matmul_batching import batch_matmuls as stack
from .matmul_batching import fuse_into_inner_products as contract
from .rewriter import Rules, rewrite_graph
from .slice_merging import merge_adjacent_slices as join
from .sum_merging import merge_sum_terms as gather
from .tie_speculation import speculate_no_ties as untie
from .tiling import tile_elementwise as block


class Pass(NamedTuple):
    """A pass, and what it promises."""

    name: str
    run: Callable[[Graph], Graph]
    bound: str = ""
    """What it changes, and by how much; nothing, where it is exact."""

    @property
    def exact(self) -> bool:
        """Whether it changes no bit."""
        return not self.bound

    def __call__(self, graph: Graph) -> Graph:
        """The slice as the pass rewrites it."""
        return self.run(graph)


def merge_rule_tables(*tables: Rules) -> Rules:
    """Several tables of rules as one; where both have rules for an op, the first table's come
    first.
    """
    return {op: tuple(rule for table in tables for rule in table.get(op, ())) for table in tables for op in table}


EXACT_RULES = merge_rule_tables(reshapes.RESHAPE_RULES, algebra.ALGEBRA_RULES)
ALL_RULES = merge_rule_tables(reshapes.RESHAPE_RULES, reshapes.REORDERING_RULES, algebra.ALGEBRA_RULES)


def simplify_graph_exactly(graph: Graph) -> Graph:
    """The slice with fewer reshapes, transposes and broadcasts, and with less arithmetic, to the
    same bits.
    """
    return rewrite_graph(graph, EXACT_RULES)


def simplify_graph(graph: Graph) -> Graph:
    """The same, where sums may be taken in another order."""
    return simplify_graph_exactly(graph) if has_halves(graph) else rewrite_graph(graph, ALL_RULES)


ORDER = "takes sums in another order: off by at most n·eps·Σ|terms| + n·tiny for n terms"

LIFT_CONSTANTS = Pass("constant lifting", lift)
ELIMINATE_COMMON_SUBEXPRESSIONS = Pass("common subexpressions", share)
SIMPLIFY = Pass("simplification", simplify_graph, f"{ORDER}; not in half precision")
CANCEL_COTANGENTS = Pass(
    "cotangent cancellation",
    cancel,
    "gives 0 for cotangents that cancel, where rounding left up to n·eps·Σ|terms|; assumes that what cancels is finite, and that "
    "no divisor is 0",
)
FUSE_INNER_PRODUCTS = Pass("inner products", contract, ORDER)
MERGE_SUM_TERMS = Pass("sum merging", gather, f"{ORDER}; not in half precision")
BATCH_MATMULS = Pass("matmul batching", stack, ORDER)
FOLD_CONSTANTS = Pass("constant folding", fold)
LOWER_SCALAR_REGIONS = Pass(
    "scalar lowering",
    mechanise,
    f"{ORDER}; functions such as sin and power are off by at most 4 units in the last place",
)
MERGE_ADJACENT_SLICES = Pass("slice merging", join, f"leaves gaps in memory, and so {ORDER}; not in half precision")
SPECULATE_NO_TIES = Pass("tie speculation", untie)
TILE_ELEMENTWISE = Pass("tiling", block)

PASSES = (
    LIFT_CONSTANTS,
    ELIMINATE_COMMON_SUBEXPRESSIONS,
    SIMPLIFY,
    CANCEL_COTANGENTS,
    FUSE_INNER_PRODUCTS,
    MERGE_SUM_TERMS,
    BATCH_MATMULS,
    FOLD_CONSTANTS,
    SIMPLIFY,
    LOWER_SCALAR_REGIONS,
    MERGE_ADJACENT_SLICES,
    ELIMINATE_COMMON_SUBEXPRESSIONS,
    SPECULATE_NO_TIES,
    TILE_ELEMENTWISE,
)

LAZY_PASSES = (LIFT_CONSTANTS, ELIMINATE_COMMON_SUBEXPRESSIONS, SIMPLIFY, ELIMINATE_COMMON_SUBEXPRESSIONS)
"""For Dask arrays: those passes that bind no constants of an array's size, and write nothing in
place.
"""

__all__ = [
    "LAZY_PASSES",
    "PASSES",
    "Pass",
    "TILE_ELEMENTWISE",
    "CANCEL_COTANGENTS",
    "FUSE_INNER_PRODUCTS",
    "FOLD_CONSTANTS",
    "MERGE_SUM_TERMS",
    "LIFT_CONSTANTS",
    "LOWER_SCALAR_REGIONS",
    "ELIMINATE_COMMON_SUBEXPRESSIONS",
    "MERGE_ADJACENT_SLICES",
    "BATCH_MATMULS",
    "SIMPLIFY",
    "SPECULATE_NO_TIES",
]
