"""Sparsity propagation: the pattern of each op's Jacobian by each operand, from its call alone.

A pattern is given as factors whose product, read from right to left, covers the Jacobian: a sum
over all elements that goes to each of n results has two factors of one row and one column, not n²
entries. Patterns are structural: they hold for all values of the leaves, while constants of the
program are taken as they are. An op of unknown structure gets a full pattern.

See Also
--------
memograd.jacobians.sparsity : Composition of these patterns along a program.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...program.steps import Operand, Steps
from ...rules import indexing
from ...rules.registration import traits_of
from ...rules.traits import Structure
from .axes import (
    convolution_pattern,
    cumulative_pattern,
    diff_pattern,
    gradient_pattern,
    matrixwise_pattern,
    reduction_pattern,
    trace_pattern,
    whole_axis_pattern,
)
from .elements import (
    elementwise_pattern,
    moving_pattern,
    multiplication_pattern,
    output_pattern,
    scatter_pattern,
    where_pattern,
)
from .products import (
    batch_spelling,
    contraction_pattern,
    cross_spelling,
    dot_spelling,
    einsum_spelling,
    inner_spelling,
    matmul_spelling,
    pair_pattern,
    solve_spelling,
    tensordot_spelling,
    vecdot_spelling,
)
from .uses import OperandUse, PatternFactors, full_pattern


def op_pattern(steps: Steps, c: int, k: int) -> PatternFactors:
    """Return the pattern of the Jacobian of node c by its operand k, as factors."""
    step = steps[c]
    shapes = [steps[a].shape if type(a) is Operand else np.shape(a) for a in step.args]
    use = OperandUse(step.op, k, step.args, step.kwargs, shapes, step.shape)
    rule = PATTERN_RULES.get(use.op) or STRUCTURE_RULES.get(traits_of(use.op).structure)
    return full_pattern(use) if rule is None else rule(use)


def has_own_pattern(op: Any) -> bool:
    """Return whether an op has a pattern rule, or its structure says that the pattern is full."""
    structure = traits_of(op).structure
    return op in PATTERN_RULES or structure in STRUCTURE_RULES or structure is Structure.DENSE


PatternRule = Callable[[OperandUse], PatternFactors]

STRUCTURE_RULES: dict[Structure | None, PatternRule] = {
    Structure.ELEMENTWISE: elementwise_pattern,
    Structure.SAME_PLACE: elementwise_pattern,
    Structure.MOVEMENT: moving_pattern,
    Structure.REDUCTION: reduction_pattern,
    Structure.SCAN: cumulative_pattern,
    Structure.ALONG_AXIS: whole_axis_pattern,
    Structure.MATRIXWISE: matrixwise_pattern,
}
"""Patterns that follow from the structure of an op; the other structures have full ones."""

PATTERN_RULES: dict[Any, PatternRule] = {
    np.multiply: multiplication_pattern,
    np.where: where_pattern,
    np.interp: lambda use: full_pattern(use) if use.k else elementwise_pattern(use),
    np.diff: diff_pattern,
    np.gradient: gradient_pattern,
    np.convolve: convolution_pattern,
    indexing.scatter: scatter_pattern,
    indexing.output: output_pattern,
    np.trace: trace_pattern,
    np.linalg.trace: trace_pattern,
    np.einsum: contraction_pattern(einsum_spelling),
    np.matmul: contraction_pattern(matmul_spelling),
    np.linalg.matmul: contraction_pattern(matmul_spelling),
    np.matvec: contraction_pattern(batch_spelling("ik", "k", "i")),
    np.vecmat: contraction_pattern(batch_spelling("k", "kj", "j")),
    np.vecdot: contraction_pattern(batch_spelling("k", "k", "")),
    np.dot: contraction_pattern(dot_spelling),
    np.inner: contraction_pattern(inner_spelling),
    np.tensordot: contraction_pattern(tensordot_spelling),
    np.linalg.tensordot: contraction_pattern(tensordot_spelling),
    np.outer: pair_pattern,
    np.linalg.outer: pair_pattern,
    np.kron: pair_pattern,
    np.cross: contraction_pattern(cross_spelling),
    np.linalg.cross: contraction_pattern(cross_spelling),
    np.linalg.vecdot: contraction_pattern(vecdot_spelling),
    np.linalg.solve: contraction_pattern(solve_spelling),
}
"""Narrower patterns than the structure gives."""
