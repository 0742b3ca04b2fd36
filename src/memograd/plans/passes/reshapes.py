"""Simplification of reshapes, transposes and broadcasts.

`RESHAPE_RULES` are exact: what replaces a result lies in memory as the result did, since sums and
products of matrices are taken in the order of memory. `REORDERING_RULES` are not exact: the sum of
n equal terms becomes one product, a matrix times a column becomes one times a vector, and ops on
broadcast arrays run before the broadcast, so that their results may lie otherwise. So do arrays
that a scatter would copy to add axes of length 1.
"""

import math
from typing import Any

import numpy as np

from ...program.steps import Operand
from ...rules.call_binding import NO_KWARGS
from ...rules.indexing import getitem, scatter
from ..ir import Instruction
from ..op_traits import ELEMENTWISE, SUM_OF_NEGATIVE_ZEROS, axes_of, run_instruction_op
from .rewriter import Rewrite, Rewriter


def same_shape(rewriter: Rewriter, instruction: Instruction) -> Operand | None:
    """Remove a reshape or broadcast to the operand's own shape.

    `ravel` stays where it copies an array with gaps.
    """
    a = instruction.args[0]
    if (
        type(a) is not Operand
        or rewriter.instructions[a].shape != instruction.shape
        or not _has_c_order(instruction)
    ):
        return None
    return a if instruction.op is not np.ravel or a in rewriter.layouts.dense else None


def reshape_of_reshape(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Merge two reshapes of an array without gaps, or that only add or drop axes of length 1."""
    inner = rewriter.instruction_of(instruction.args[0])
    if (
        not _has_c_order(instruction)
        or inner is None
        or inner.op not in RESHAPES
        or not _has_c_order(inner)
    ):
        return None
    shapes = (argument_shape(rewriter, inner.args[0]), inner.shape, instruction.shape)
    always_view = len({tuple(n for n in shape if n != 1) for shape in shapes}) == 1
    if not always_view and not rewriter.layouts.is_contiguous(inner.args[0]):
        return None
    return Instruction(
        np.reshape,
        inner.args[:1],
        {"shape": instruction.shape},
        instruction.shape,
        instruction.dtype,
    )


def kept_axes(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Replace a reduction followed by a reshape by one with `keepdims`."""
    inner = rewriter.instruction_of(instruction.args[0])
    if (
        inner is None
        or inner.op not in (np.sum, np.max, np.min)
        or len(inner.args) > 1
        or set(inner.kwargs) - {"axis"}
    ):
        return None
    shape = rewriter.instructions[inner.args[0]].shape if type(inner.args[0]) is Operand else None
    if shape is None or "axis" not in inner.kwargs or inner.args[0] not in rewriter.layouts.ordered:
        return None
    axes = axes_of(inner.kwargs["axis"], len(shape))
    if instruction.shape != tuple(1 if k in axes else n for k, n in enumerate(shape)):
        return None
    return Instruction(
        inner.op,
        inner.args,
        {"axis": inner.kwargs["axis"], "keepdims": True},
        instruction.shape,
        instruction.dtype,
    )


def view_unit_axes(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Replace an index that only adds or drops axes of length 1, and its transpose, by a reshape.

    Among them `x[..., None]`, `x[:, 0]` of a column, and `scatter(g, shape, ..., None)`.
    """
    a, *key = (
        instruction.args
        if instruction.op is getitem
        else (instruction.args[0], *instruction.args[2:])
    )
    if type(a) is not Operand or not key:
        return None
    whole = rewriter.instructions[a].shape if instruction.op is getitem else instruction.args[1]
    if not _moves_unit_axes(key, whole):
        return None
    return Instruction(
        np.reshape, (a,), {"shape": instruction.shape}, instruction.shape, instruction.dtype
    )


def simplify_unit_axes(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Replace such an index by a reshape, and its transpose where its operand has no gaps."""
    if instruction.op is scatter and not rewriter.layouts.is_contiguous(instruction.args[0]):
        return None
    return view_unit_axes(rewriter, instruction)


def column_product(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Replace a matrix times a column, taken as a vector, by a matrix times a vector."""
    inner = rewriter.instruction_of(instruction.args[0])
    if (
        inner is None
        or inner.op is not np.matmul
        or len(instruction.shape) != 1
        or inner.shape != (*instruction.shape, 1)
    ):
        return None
    right = rewriter.instruction_of(inner.args[1])
    if (
        right is None
        or right.op not in (np.reshape, np.negative, np.subtract)
        or len(right.shape) != 2
    ):
        return None
    vector = rewriter.apply(
        np.reshape, inner.args[1], like=right._replace(shape=right.shape[:1]), shape=right.shape[:1]
    )
    return Instruction(
        np.matmul, (inner.args[0], vector), NO_KWARGS, instruction.shape, instruction.dtype
    )


def transpose_of_transpose(
    rewriter: Rewriter, instruction: Instruction
) -> Instruction | Operand | None:
    """Merge two transposes into one, or into none."""
    inner = rewriter.instruction_of(instruction.args[0])
    if inner is None or inner.op is not np.transpose:
        return None
    first, second = permutation_of(inner), permutation_of(instruction)
    axes = tuple(first[k] for k in second)
    if axes == tuple(range(len(axes))):
        return inner.args[0]  # type: ignore[no-any-return]
    return instruction._replace(args=inner.args, kwargs={"axes": axes})


def broadcast_of_broadcast(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Merge two broadcasts into one."""
    inner = rewriter.instruction_of(instruction.args[0])
    return (
        instruction._replace(args=inner.args)
        if inner is not None and inner.op is np.broadcast_to
        else None
    )


def broadcast_operand(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Replace `broadcast_to(g, s) * x` by `g * x`: an elementwise op broadcasts by itself."""
    args = _before_broadcast(rewriter, instruction)
    if (
        args is None
        or np.broadcast_shapes(*(argument_shape(rewriter, a) for a in args)) != instruction.shape
    ):
        return None
    return instruction._replace(args=args)


def broadcast_result(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Apply the op before the broadcast, if every operand was broadcast."""
    args = _before_broadcast(rewriter, instruction)
    shape = (
        instruction.shape
        if args is None
        else np.broadcast_shapes(*(argument_shape(rewriter, a) for a in args))
    )
    if args is None or shape == instruction.shape:
        return None
    small = rewriter.apply(instruction.op, *args, like=instruction._replace(shape=shape))
    return Instruction(
        np.broadcast_to,
        (small,),
        {"shape": instruction.shape},
        instruction.shape,
        instruction.dtype,
    )


def _before_broadcast(rewriter: Rewriter, instruction: Instruction) -> tuple[Any, ...] | None:
    """Return the operands of an elementwise op before their broadcast; None without one."""
    if instruction.shape == () or instruction.kwargs:
        return None
    for a in instruction.args:
        if type(a) is Operand and rewriter.instructions[a].op is np.broadcast_to:
            break
    else:
        return None
    inner = [rewriter.instruction_of(a) for a in instruction.args]
    return tuple(
        s.args[0] if s is not None and s.op is np.broadcast_to else a
        for a, s in zip(instruction.args, inner, strict=True)
    )


def sum_of_broadcast(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Replace the sum of n equal terms by n times one, for real numbers.

    A complex infinity times n has a part 0·∞.
    """
    inner = rewriter.instruction_of(instruction.args[0])
    if (
        inner is None
        or inner.op is not np.broadcast_to
        or len(instruction.args) > 1
        or set(instruction.kwargs) - {"axis", "keepdims"}
    ):
        return None
    g, full = inner.args[0], inner.shape
    if instruction.dtype.kind != "f" or instruction.dtype != inner.dtype:
        return None
    axes = axes_of(instruction.kwargs.get("axis"), len(full))
    before = (1,) * (len(full) - len(argument_shape(rewriter, g))) + argument_shape(rewriter, g)
    if (
        any(before[k] != 1 for k in axes) or 0 in full
    ):  # no terms at all are 0, where none times infinity is NaN
        return None
    kept = tuple(1 if k in axes else n for k, n in enumerate(before))
    like = Instruction(None, (), NO_KWARGS, argument_shape(rewriter, g), instruction.dtype)
    total = rewriter.apply(np.multiply, g, float(math.prod(full[k] for k in axes)), like=like)
    # a sum of −0.0 is 0.0
    total = rewriter.apply(np.add, total, float(SUM_OF_NEGATIVE_ZEROS), like=like)
    rest = (
        kept
        if instruction.kwargs.get("keepdims")
        else tuple(n for k, n in enumerate(kept) if k not in axes)
    )
    lined = rewriter.apply(np.reshape, total, like=instruction._replace(shape=rest), shape=rest)
    return Instruction(
        np.broadcast_to,
        (lined,),
        {"shape": instruction.shape},
        instruction.shape,
        instruction.dtype,
    )


def argument_shape(rewriter: Rewriter, a: Any) -> tuple[int, ...]:
    """Return the shape of an argument."""
    return tuple(rewriter.instructions[a].shape if type(a) is Operand else np.shape(a))


def _moves_unit_axes(key: list[Any], shape: tuple[int, ...]) -> bool:
    """Return whether the parts of an index are full slices, or add or drop an axis of length 1."""
    if not all(part is None or part is Ellipsis or type(part) in (int, slice) for part in key):
        return False
    axes = [part for part in key if part is not None]
    rest = len(shape) - sum(part is not Ellipsis for part in axes)
    full = [slice(None)] * rest
    at = axes.index(Ellipsis) if Ellipsis in axes else len(axes)
    parts = [*axes[:at], *full, *axes[at + 1 :]]
    return all(
        n == 1 if type(part) is int else part.indices(n) == (0, n, 1)
        for part, n in zip(parts, shape, strict=True)
    )


def as_transpose(rewriter: Rewriter, instruction: Instruction) -> Instruction | Operand | None:
    """Replace other functions that permute axes by `transpose`; remove those that do not."""
    if len(instruction.args) > 1 or type(instruction.args[0]) is not Operand:
        return None
    # The axes have the lengths 0, 1, 2, ...: the result's shape is their new order.
    numbered = np.empty(range(len(instruction.shape)), bool)
    order = run_instruction_op(instruction.op, [numbered], instruction.kwargs).shape
    if order == tuple(range(len(order))):
        return instruction.args[0]
    kwargs = NO_KWARGS if order == tuple(range(len(order)))[::-1] else {"axes": order}
    return instruction._replace(op=np.transpose, kwargs=kwargs)


def _has_c_order(instruction: Instruction) -> bool:
    return bool(instruction.kwargs.get("order", "C") == "C")


def permutation_of(instruction: Instruction) -> tuple[int, ...]:
    """Return the order in which a transpose takes the axes."""
    axes, ndim = instruction.kwargs.get("axes"), len(instruction.shape)
    return tuple(range(ndim))[::-1] if axes is None else tuple(int(k) % ndim for k in axes)


RESHAPES = (np.reshape, np.ravel, np.squeeze, np.expand_dims)

PERMUTATIONS = (
    np.swapaxes,
    np.moveaxis,
    np.matrix_transpose,
    np.linalg.matrix_transpose,
)
"""Functions that permute axes, beside `transpose`."""

RESHAPE_RULES: dict[Any, tuple[Rewrite, ...]] = {
    **dict.fromkeys(RESHAPES, (same_shape, reshape_of_reshape, kept_axes)),
    **dict.fromkeys((getitem, scatter), (simplify_unit_axes,)),
    **dict.fromkeys(PERMUTATIONS, (as_transpose,)),
    np.transpose: (transpose_of_transpose,),
    np.broadcast_to: (same_shape, broadcast_of_broadcast),
    **dict.fromkeys(ELEMENTWISE, (broadcast_operand,)),
}
"""Exact rules on shapes."""

REORDERING_RULES: dict[Any, tuple[Rewrite, ...]] = {
    **dict.fromkeys(RESHAPES, (column_product,)),
    scatter: (view_unit_axes,),
    np.sum: (sum_of_broadcast,),
    **dict.fromkeys(ELEMENTWISE, (broadcast_result,)),
}
"""Rules that may take sums in another order; not for half precision, whose sums depend on it too
much.
"""
