"""Pipeline of the plan compiler: small passes from graph to graph, in the order of `PASSES`.

A pass is exact, or its `bound` says what it changes. *Exact* means the same bits for every value of
every dtype, with all NaNs counted as one, as long as NumPy itself gives an element the same bits
wherever it lies in memory. The bounds of inexact passes hold if the absolute terms of a sum add up
to less than a quarter of the largest number, and if all numbers in complex matrix products are
finite. No pass moves a factor where a product may leave the range, except that it leaves out powers
of two that cancel. None changes the sign of a zero that NumPy computes (BLAS decides that of a zero
which it computes). Half precision and
integers keep every bit, except where cotangents cancel.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..ir import Graph
from ..machine.array_regions import lower_array_regions
from ..machine.scalar_regions import lower_scalar_regions
from ..op_traits import has_halves
from .algebra import ALGEBRA_RULES
from .cancellation import cancel_cotangents
from .common_subexpressions import eliminate_common_subexpressions
from .constant_folding import fold_constants
from .constant_lifting import lift_constants
from .contractions import lower_einsums
from .matmul_batching import batch_matmuls, fuse_into_inner_products
from .powers import POWER_RULES
from .registered_rewrites import apply_registered_rewrites
from .reshapes import REORDERING_RULES, RESHAPE_RULES
from .rewriter import Rules, rewrite_graph
from .scales import SCALE_RULES
from .slice_merging import merge_adjacent_slices
from .sum_merging import merge_sum_terms
from .sums import lower_sums


class Pass(NamedTuple):
    """Compiler pass: a function from graph to graph, with its error bound."""

    name: str
    """Name in `repr(plan)` and `plan.bounds`."""
    run: Callable[[Graph], Graph]
    bound: str = ""
    """Error bound of an inexact pass."""

    @property
    def exact(self) -> bool:
        """True if the pass keeps every bit."""
        return not self.bound

    def __call__(self, graph: Graph) -> Graph:
        """Run the pass."""
        return self.run(graph)


def merge_rule_tables(*tables: Rules) -> Rules:
    """Merge tables of rules; for one op, the rules of earlier tables come first."""
    return {
        op: tuple(rule for table in tables for rule in table.get(op, ()))
        for table in tables
        for op in table
    }


EXACT_RULES = merge_rule_tables(RESHAPE_RULES, ALGEBRA_RULES)
ALL_RULES = merge_rule_tables(
    RESHAPE_RULES, REORDERING_RULES, SCALE_RULES, POWER_RULES, ALGEBRA_RULES
)


def simplify_graph_exactly(graph: Graph) -> Graph:
    """Remove needless reshapes, transposes, broadcasts and arithmetic, without changing a bit."""
    return rewrite_graph(graph, EXACT_RULES)


def simplify_graph(graph: Graph) -> Graph:
    """Simplify with all rules; with the exact ones alone, if there is half precision."""
    return simplify_graph_exactly(graph) if has_halves(graph) else rewrite_graph(graph, ALL_RULES)


ORDER = "takes sums in another order: off by at most n·eps·Σ|terms| + n·tiny for n terms"

LIFT_CONSTANTS = Pass("constant lifting", lift_constants)
ELIMINATE_COMMON_SUBEXPRESSIONS = Pass("common subexpressions", eliminate_common_subexpressions)
SIMPLIFY = Pass(
    "simplification",
    simplify_graph,
    f"{ORDER}; leaves out powers of two whose product is 1, so that what they scaled may neither "
    "overflow nor lose bits as a subnormal; powers with exponents of up to 8 are off by at most "
    "8 units in the last place; not in half precision",
)
CANCEL_COTANGENTS = Pass(
    "cotangent cancellation",
    cancel_cotangents,
    "gives 0 for cotangents that cancel, where rounding left up to n·eps·Σ|terms|; "
    "assumes that what cancels is finite, and that no divisor is 0",
)
FUSE_INNER_PRODUCTS = Pass("inner products", fuse_into_inner_products, ORDER)
MERGE_SUM_TERMS = Pass("sum merging", merge_sum_terms, f"{ORDER}; not in half precision")
BATCH_MATMULS = Pass("matmul batching", batch_matmuls, ORDER)
LOWER_EINSUMS = Pass("einsum lowering", lower_einsums, ORDER)
LOWER_SUMS = Pass("sum lowering", lower_sums, ORDER)
FOLD_CONSTANTS = Pass("constant folding", fold_constants)
LOWER_SCALAR_REGIONS = Pass(
    "scalar lowering",
    lower_scalar_regions,
    f"{ORDER}; functions such as sin and power are off by at most 4 units in the last place",
)
LOWER_ARRAY_REGIONS = Pass(
    "array lowering",
    lower_array_regions,
    f"{ORDER}; functions such as exp and power are off by at most 4 units in the last place",
)
MERGE_ADJACENT_SLICES = Pass(
    "slice merging",
    merge_adjacent_slices,
    f"leaves gaps in memory, and so {ORDER}; not in half precision",
)
SHARE_LOOPS = Pass(
    "loop sharing", apply_registered_rewrites, f"cuts the bodies of loops in two, and so {ORDER}"
)

PASSES = (
    LIFT_CONSTANTS,
    LOWER_EINSUMS,
    ELIMINATE_COMMON_SUBEXPRESSIONS,
    SIMPLIFY,
    CANCEL_COTANGENTS,
    FUSE_INNER_PRODUCTS,
    MERGE_SUM_TERMS,
    BATCH_MATMULS,
    FOLD_CONSTANTS,
    ELIMINATE_COMMON_SUBEXPRESSIONS,
    SIMPLIFY,
    SHARE_LOOPS,
    LOWER_ARRAY_REGIONS,
    LOWER_SUMS,
    FOLD_CONSTANTS,
    LOWER_SCALAR_REGIONS,
    MERGE_ADJACENT_SLICES,
    ELIMINATE_COMMON_SUBEXPRESSIONS,
)

LAZY_PASSES = (
    LIFT_CONSTANTS,
    ELIMINATE_COMMON_SUBEXPRESSIONS,
    SIMPLIFY,
    ELIMINATE_COMMON_SUBEXPRESSIONS,
)
"""Pipeline for Dask arrays: passes that bind no large constants and write nothing in place."""


def choose_passes(passes: Iterable[Pass] | None, is_lazy: bool) -> tuple[Pass, ...]:
    """Return the default pipeline, or the given passes as far as Dask arrays allow them."""
    if passes is None:
        return LAZY_PASSES if is_lazy else PASSES
    return tuple(each for each in passes if not is_lazy or each in LAZY_PASSES)


__all__ = [
    "BATCH_MATMULS",
    "CANCEL_COTANGENTS",
    "ELIMINATE_COMMON_SUBEXPRESSIONS",
    "FOLD_CONSTANTS",
    "FUSE_INNER_PRODUCTS",
    "LAZY_PASSES",
    "LIFT_CONSTANTS",
    "LOWER_ARRAY_REGIONS",
    "LOWER_EINSUMS",
    "LOWER_SCALAR_REGIONS",
    "LOWER_SUMS",
    "MERGE_ADJACENT_SLICES",
    "MERGE_SUM_TERMS",
    "PASSES",
    "SHARE_LOOPS",
    "SIMPLIFY",
    "Pass",
    "choose_passes",
]
