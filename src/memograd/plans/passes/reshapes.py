"""Steps that move elements about, or repeat them: chains of them are one, and those that do nothing
are gone.

The rules of `RESHAPE_RULES` are exact: what takes the place of a result lies in memory as the result did,
since sums and products of matrices are taken in the order of memory. Those of `REORDERING_RULES` are not:
the sum of n equal terms is one product, a matrix times a column is one times a vector, and what is
done to a broadcast array is done before, so that what follows may lie otherwise.
"""

import math
from typing import Any

import numpy as np

from ...program.steps import Operand
from ...rules.call_binding import NOTHING
from ...rules.indexing import getitem, scatter
from ..ir import Instruction
from ..op_traits import ELEMENTWISE, SUM_OF_NEGATIVE_ZEROS, axes_of
from .rewriter import Rewrite, Rewriter


def same_shape(sweep: Rewriter, step: Instruction) -> Operand | None:
    """`reshape_rows(x, x.shape)` is x, and so is a broadcast to its own shape; `ravel` copies what
    has gaps.
    """
    a = step.args[0]
    if type(a) is not Operand or sweep.steps[a].shape != step.shape or not _has_c_order(step):
        return None
    return a if step.op is not np.ravel or a in sweep.layouts.dense else None


def reshape_of_reshape(sweep: Rewriter, step: Instruction) -> Instruction | None:
    """`reshape_rows(reshape(x))` is one; all that only add or drop axes of length 1 are reshapes."""
    inner = sweep.step(step.args[0])
    if not _has_c_order(step) or inner is None or inner.op not in RESHAPES or not _has_c_order(inner):
        return None
    if not sweep.layouts.is_contiguous(inner.args[0]):
        return None
    return Instruction(np.reshape, inner.args[:1], {"shape": step.shape}, step.shape, step.dtype)


def kept_axes(sweep: Rewriter, step: Instruction) -> Instruction | None:
    """A reduction whose axes come back as axes of length 1 keeps them."""
    inner = sweep.step(step.args[0])
    if inner is None or inner.op not in (np.sum, np.max, np.min) or len(inner.args) > 1 or set(inner.kwargs) - {"axis"}:
        return None
    shape = sweep.steps[inner.args[0]].shape if type(inner.args[0]) is Operand else None
    if shape is None or "axis" not in inner.kwargs or inner.args[0] not in sweep.layouts.ordered:
        return None
    axes = axes_of(inner.kwargs["axis"], len(shape))
    if step.shape != tuple(1 if k in axes else n for k, n in enumerate(shape)):
        return None
    return Instruction(inner.op, inner.args, {"axis": inner.kwargs["axis"], "keepdims": True}, step.shape, step.dtype)


def simplify_added_axes(sweep: Rewriter, step: Instruction) -> Instruction | None:
    """`x[..., None]` is a reshape, and so is its transpose, `scatter(g, shape, ..., None)`."""
    a, *key = step.args if step.op is getitem else (step.args[0], *step.args[2:])
    if type(a) is not Operand or not key or not all(map(_adds_axes, key)):
        return None
    if step.op is scatter and not sweep.layouts.is_contiguous(a):
        return None
    return Instruction(np.reshape, (a,), {"shape": step.shape}, step.shape, step.dtype)


def column_product(sweep: Rewriter, step: Instruction) -> Instruction | None:
    """A matrix times a column, as a vector: a matrix times a vector."""
    inner = sweep.step(step.args[0])
    if inner is None or inner.op is not np.matmul or len(step.shape) != 1 or inner.shape != (*step.shape, 1):
        return None
    right = sweep.step(inner.args[1])
    if right is None or right.op not in (np.reshape, np.negative, np.subtract) or len(right.shape) != 2:
        return None
    vector = sweep.of(np.reshape, inner.args[1], like=right._replace(shape=right.shape[:1]), shape=right.shape[:1])
    return Instruction(np.matmul, (inner.args[0], vector), NOTHING, step.shape, step.dtype)


def transpose_of_transpose(sweep: Rewriter, step: Instruction) -> Instruction | Operand | None:
    """Two transposes are one, or none."""
    inner = sweep.step(step.args[0])
    if inner is None or inner.op is not np.transpose:
        return None
    first, second = _permutation(inner), _permutation(step)
    axes = tuple(first[k] for k in second)
    if axes == tuple(range(len(axes))):
        return inner.args[0]  # type: ignore[no-any-return]
    return Instruction(np.transpose, inner.args, {"axes": axes}, step.shape, step.dtype)


def broadcast_of_broadcast(sweep: Rewriter, step: Instruction) -> Instruction | None:
    """Two broadcasts are one."""
    inner = sweep.step(step.args[0])
    return step._replace(args=inner.args) if inner is not None and inner.op is np.broadcast_to else None


def broadcast_operand(sweep: Rewriter, step: Instruction) -> Instruction | None:
    """An elementwise op broadcasts by itself: `broadcast_to(g, s) * x` is `g * x`."""
    args = _before_broadcast(sweep, step)
    if args is None or np.broadcast_shapes(*(argument_shape(sweep, a) for a in args)) != step.shape:
        return None
    return step._replace(args=args)


def broadcast_result(sweep: Rewriter, step: Instruction) -> Instruction | None:
    """Where every operand was broadcast, the op is applied to what was there before, and its
    result broadcast.
    """
    args = _before_broadcast(sweep, step)
    shape = step.shape if args is None else np.broadcast_shapes(*(argument_shape(sweep, a) for a in args))
    if args is None or shape == step.shape:
        return None
    small = sweep.of(step.op, *args, like=step._replace(shape=shape))
    return Instruction(np.broadcast_to, (small,), {"shape": step.shape}, step.shape, step.dtype)


def _before_broadcast(sweep: Rewriter, step: Instruction) -> tuple[Any, ...] | None:
    """The operands of an elementwise step before they were broadcast; None where none was."""
    if step.shape == () or step.kwargs:
        return None
    inner = [sweep.step(a) for a in step.args]
    if not any(s is not None and s.op is np.broadcast_to for s in inner):
        return None
    return tuple(s.args[0] if s is not None and s.op is np.broadcast_to else a for a, s in zip(step.args, inner, strict=True))


def sum_of_broadcast(sweep: Rewriter, step: Instruction) -> Instruction | None:
    """The sum of n equal terms is n times one: of real numbers, since a complex infinity times n
    has a part 0·∞.
    """
    inner = sweep.step(step.args[0])
    if inner is None or inner.op is not np.broadcast_to or len(step.args) > 1 or set(step.kwargs) - {"axis", "keepdims"}:
        return None
    g, full = inner.args[0], inner.shape
    if step.dtype.kind != "f" or step.dtype != inner.dtype:
        return None
    axes = axes_of(step.kwargs.get("axis"), len(full))
    before = (1,) * (len(full) - len(argument_shape(sweep, g))) + argument_shape(sweep, g)
    if any(before[k] != 1 for k in axes) or 0 in full:  # no terms at all are 0, where none times infinity is NaN
        return None
    kept = tuple(1 if k in axes else n for k, n in enumerate(before))
    like = Instruction(None, (), NOTHING, argument_shape(sweep, g), step.dtype)
    total = sweep.of(np.multiply, g, float(math.prod(full[k] for k in axes)), like=like)
    total = sweep.of(np.add, total, float(SUM_OF_NEGATIVE_ZEROS), like=like)  # a sum of −0.0 is 0.0
    rest = kept if step.kwargs.get("keepdims") else tuple(n for k, n in enumerate(kept) if k not in axes)
    lined = sweep.of(np.reshape, total, like=step._replace(shape=rest), shape=rest)
    return Instruction(np.broadcast_to, (lined,), {"shape": step.shape}, step.shape, step.dtype)


def argument_shape(sweep: Rewriter, a: Any) -> tuple[int, ...]:
    """The shape of an argument."""
    return tuple(sweep.steps[a].shape if type(a) is Operand else np.shape(a))


def _adds_axes(part: Any) -> bool:
    """Whether a part of an index takes all there is, or adds an axis."""
    return part is None or part is Ellipsis or (type(part) is slice and part == slice(None))


def _has_c_order(step: Instruction) -> bool:
    return bool(step.kwargs.get("order", "C") == "C")


def _permutation(step: Instruction) -> tuple[int, ...]:
    axes, ndim = step.kwargs.get("axes"), len(step.shape)
    return tuple(range(ndim))[::-1] if axes is None else tuple(int(k) % ndim for k in axes)


RESHAPES = (np.reshape, np.ravel, np.squeeze, np.expand_dims)

RESHAPE_RULES: dict[Any, tuple[Rewrite, ...]] = {
    **dict.fromkeys(RESHAPES, (same_shape, reshape_of_reshape, kept_axes)),
    **dict.fromkeys((getitem, scatter), (simplify_added_axes,)),
    np.transpose: (transpose_of_transpose,),
    np.broadcast_to: (same_shape, broadcast_of_broadcast),
    **dict.fromkeys(ELEMENTWISE, (broadcast_operand,)),
}
"""Exact rules."""

REORDERING_RULES: dict[Any, tuple[Rewrite, ...]] = {
    **dict.fromkeys(RESHAPES, (column_product,)),
    np.sum: (sum_of_broadcast,),
    **dict.fromkeys(ELEMENTWISE, (broadcast_result,)),
}
"""Rules that may take sums in another order; not for half precision, whose sums depend on it too
much.
"""
