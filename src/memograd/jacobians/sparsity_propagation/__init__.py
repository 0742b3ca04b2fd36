"""Sparsity propagation: the pattern of each op's Jacobian by each operand, from its call alone.

A pattern is given as factors whose product, read from right to left, covers the Jacobian: a sum
over all elements that goes to each of n results has two factors of one row and one column, not n²
entries. Patterns are structural: they hold for all values of the leaves, while constants of the
program are taken as they are. An op that is not in the table below and does not act element by
element gets a full pattern.

See Also
--------
memograd.jacobians.sparsity : Composition of these patterns along a program.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...program.steps import Operand, Steps
from ...rules import indexing, ufunc_methods
from ...rules.registration import RULES
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
    dot_spelling,
    einsum_spelling,
    inner_spelling,
    matmul_spelling,
    of_cross,
    of_pairs,
    of_solve,
    of_vecdot,
    tensordot_spelling,
)
from .uses import OperandUse, PatternFactors, full_pattern


def op_pattern(steps: Steps, c: int, k: int) -> PatternFactors:
    """Return the pattern of the Jacobian of node c by its operand k, as factors."""
    step = steps[c]
    shapes = [steps[a].shape if type(a) is Operand else np.shape(a) for a in step.args]
    use = OperandUse(step.op, k, step.args, step.kwargs, shapes, step.shape)
    return PATTERN_RULES.get(
        use.op, elementwise_pattern if is_elementwise_op(use.op) else full_pattern
    )(use)


def is_elementwise_op(op: Any) -> bool:
    """Return whether an op acts element by element."""
    return RULES[op].kind == "elementwise" or (isinstance(op, np.ufunc) and op.signature is None)


OpTuple = tuple[Any, ...]
"""Ops with one kind of pattern."""

PATTERN_RULES: dict[Any, Callable[[OperandUse], PatternFactors]] = {
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
    np.trapezoid: reduction_pattern(-1),
    ufunc_methods.log_sum: reduction_pattern(0),
    ufunc_methods.log_sum2: reduction_pattern(0),
    ufunc_methods.running_maximum: cumulative_pattern(0),
    ufunc_methods.running_minimum: cumulative_pattern(0),
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
    np.outer: of_pairs,
    np.linalg.outer: of_pairs,
    np.kron: of_pairs,
    np.cross: contraction_pattern(of_cross),
    np.linalg.cross: contraction_pattern(of_cross),
    np.linalg.vecdot: contraction_pattern(of_vecdot),
    np.linalg.solve: contraction_pattern(of_solve),
}
SAME_PLACE_OPS: OpTuple = (
    np.copy, np.astype, np.full_like, np.choose, np.select, np.piecewise, np.unwrap,
    np.real_if_close,
)  # fmt: skip
MOVING_OPS: OpTuple = (
    np.reshape, np.ravel, np.transpose, np.matrix_transpose, np.linalg.matrix_transpose,
    np.swapaxes, np.moveaxis, np.rollaxis, np.squeeze, np.expand_dims, np.flip, np.fliplr,
    np.flipud, np.roll, np.rot90, np.fft.fftshift, np.fft.ifftshift, np.triu, np.tril, np.diag,
    np.diagonal, np.linalg.diagonal, np.diagflat, np.take, np.take_along_axis, np.delete,
    np.broadcast_to, np.tile, np.repeat, np.resize, np.pad, np.broadcast_arrays, np.meshgrid,
    np.ix_, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.split, np.array_split, np.vsplit,
    np.hsplit, np.dsplit, np.unstack, np.concatenate, np.stack, np.vstack, np.hstack, np.dstack,
    np.column_stack, np.block, np.append, np.insert, indexing.getitem, indexing.replace,
)  # fmt: skip
AXIS_REDUCTIONS: OpTuple = (
    np.sum, np.nansum, np.mean, np.nanmean, np.prod, np.nanprod, np.max, np.min, np.amax, np.amin,
    np.nanmax, np.nanmin, np.ptp, np.var, np.std, np.nanvar, np.nanstd, np.median, np.nanmedian,
    np.average, np.linalg.norm, np.linalg.vector_norm,
)  # fmt: skip
CUMULATIVE_OPS: OpTuple = (
    np.cumsum, np.nancumsum, np.cumprod, np.nancumprod, np.cumulative_sum, np.cumulative_prod,
)  # fmt: skip
WHOLE_AXIS_OPS: OpTuple = (
    np.sort, np.partition, np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft,
    np.fft.ihfft,
)  # fmt: skip
MATRIXWISE_OPS: OpTuple = (
    np.linalg.inv, np.linalg.pinv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky,
    np.linalg.matrix_power, np.linalg.eigh, np.linalg.eigvalsh, np.linalg.eigvals, np.linalg.svd,
    np.linalg.svdvals, np.linalg.qr,
)  # fmt: skip

PATTERN_RULES |= dict.fromkeys(SAME_PLACE_OPS, elementwise_pattern) | dict.fromkeys(
    MOVING_OPS, moving_pattern
)
PATTERN_RULES |= dict.fromkeys(AXIS_REDUCTIONS, reduction_pattern(None)) | dict.fromkeys(
    CUMULATIVE_OPS, cumulative_pattern(None)
)
PATTERN_RULES |= dict.fromkeys(WHOLE_AXIS_OPS, whole_axis_pattern) | dict.fromkeys(
    MATRIXWISE_OPS, matrixwise_pattern
)
