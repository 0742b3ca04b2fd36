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

from ...program.steps import ARGS, KWARGS, OP, SHAPE, Operand, Steps
from ...rules import indexing, ufunc_methods
from ...rules.registration import RULES
from .axes import along, convolved, differences, matrixwise, reduced, slopes, so_far, traced
from .elements import chosen, elementwise_pattern, moved, multiplied, output, scattered
from .products import (
    contracted,
    of_batches,
    of_cross,
    of_dot,
    of_einsum,
    of_inner,
    of_matmul,
    of_pairs,
    of_solve,
    of_tensordot,
    of_vecdot,
)
from .uses import Link, Use, everything


def link(steps: Steps, c: int, k: int) -> Link:
    """Return the pattern of the Jacobian of node c by its operand k, as factors."""
    step = steps[c]
    shapes = [steps[a][SHAPE] if type(a) is Operand else np.shape(a) for a in step[ARGS]]
    use = Use(step[OP], k, step[ARGS], step[KWARGS], shapes, step[SHAPE])
    return LINKS.get(use.op, elementwise_pattern if acts_on_each(use.op) else everything)(use)


def acts_on_each(op: Any) -> bool:
    """Return whether an op acts element by element."""
    return RULES[op].kind == "elementwise" or (isinstance(op, np.ufunc) and op.signature is None)


Ops = tuple[Any, ...]
"""Ops with one kind of pattern."""

LINKS: dict[Any, Callable[[Use], Link]] = {
    np.multiply: multiplied,
    np.where: chosen,
    np.interp: lambda use: everything(use) if use.k else elementwise_pattern(use),
    np.diff: differences,
    np.gradient: slopes,
    np.convolve: convolved,
    indexing.scatter: scattered,
    indexing.output: output,
    np.trace: traced,
    np.linalg.trace: traced,
    np.trapezoid: reduced(-1),
    ufunc_methods.log_sum: reduced(0),
    ufunc_methods.log_sum2: reduced(0),
    ufunc_methods.running_maximum: so_far(0),
    ufunc_methods.running_minimum: so_far(0),
    np.einsum: contracted(of_einsum),
    np.matmul: contracted(of_matmul),
    np.linalg.matmul: contracted(of_matmul),
    np.matvec: contracted(of_batches("ik", "k", "i")),
    np.vecmat: contracted(of_batches("k", "kj", "j")),
    np.vecdot: contracted(of_batches("k", "k", "")),
    np.dot: contracted(of_dot),
    np.inner: contracted(of_inner),
    np.tensordot: contracted(of_tensordot),
    np.linalg.tensordot: contracted(of_tensordot),
    np.outer: of_pairs,
    np.linalg.outer: of_pairs,
    np.kron: of_pairs,
    np.cross: contracted(of_cross),
    np.linalg.cross: contracted(of_cross),
    np.linalg.vecdot: contracted(of_vecdot),
    np.linalg.solve: contracted(of_solve),
}
EACH: Ops = (
    np.copy, np.astype, np.full_like, np.choose, np.select, np.piecewise, np.unwrap,
    np.real_if_close,
)  # fmt: skip
MOVED: Ops = (
    np.reshape, np.ravel, np.transpose, np.matrix_transpose, np.linalg.matrix_transpose,
    np.swapaxes, np.moveaxis, np.rollaxis, np.squeeze, np.expand_dims, np.flip, np.fliplr,
    np.flipud, np.roll, np.rot90, np.fft.fftshift, np.fft.ifftshift, np.triu, np.tril, np.diag,
    np.diagonal, np.linalg.diagonal, np.diagflat, np.take, np.take_along_axis, np.delete,
    np.broadcast_to, np.tile, np.repeat, np.resize, np.pad, np.broadcast_arrays, np.meshgrid,
    np.ix_, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.split, np.array_split, np.vsplit,
    np.hsplit, np.dsplit, np.unstack, np.concatenate, np.stack, np.vstack, np.hstack, np.dstack,
    np.column_stack, np.block, np.append, np.insert, indexing.getitem, indexing.replace,
)  # fmt: skip
REDUCED: Ops = (
    np.sum, np.nansum, np.mean, np.nanmean, np.prod, np.nanprod, np.max, np.min, np.amax, np.amin,
    np.nanmax, np.nanmin, np.ptp, np.var, np.std, np.nanvar, np.nanstd, np.median, np.nanmedian,
    np.average, np.linalg.norm, np.linalg.vector_norm,
)  # fmt: skip
SO_FAR: Ops = (
    np.cumsum, np.nancumsum, np.cumprod, np.nancumprod, np.cumulative_sum, np.cumulative_prod,
)  # fmt: skip
ALONG: Ops = (
    np.sort, np.partition, np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft,
    np.fft.ihfft,
)  # fmt: skip
MATRIXWISE: Ops = (
    np.linalg.inv, np.linalg.pinv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky,
    np.linalg.matrix_power, np.linalg.eigh, np.linalg.eigvalsh, np.linalg.eigvals, np.linalg.svd,
    np.linalg.svdvals, np.linalg.qr,
)  # fmt: skip

LINKS |= dict.fromkeys(EACH, elementwise_pattern) | dict.fromkeys(MOVED, moved)
LINKS |= dict.fromkeys(REDUCED, reduced(None)) | dict.fromkeys(SO_FAR, so_far(None))
LINKS |= dict.fromkeys(ALONG, along) | dict.fromkeys(MATRIXWISE, matrixwise)
