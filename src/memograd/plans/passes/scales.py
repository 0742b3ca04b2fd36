"""Signs and powers of two that leave large products.

* `(0.5 * a) * (2 * b)` is `a * b`, also where the scaled arrays are transposed or reshaped, or one
  of them is missing: squares and halves leave such pairs in each derivative. A power of two changes
  the exponent alone, so this is exact, unless a scaled number leaves the range or is subnormal.
* `(2 * a) @ b` is `2 * (a @ b)`: the smallest of the three arrays is scaled.
* `(-a) @ b` is `0.0 - a @ b`, where the product is no larger than the negated factor. It has the
  same bits: no sum of BLAS is −0.0.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ...program.steps import Operand
from ..ir import Instruction
from .algebra import negation_operand
from .reshapes import RESHAPES
from .rewriter import Rewrite, Rewriter

VIEWS = (*RESHAPES, np.transpose)


class Scaled(NamedTuple):
    """Views, from the last to the first one, of an array times a power of two."""

    scale: float
    views: tuple[Instruction, ...]
    array: Operand


def cancel_scales(rewriter: Rewriter, instruction: Instruction) -> Instruction | Operand | None:
    """Remove two powers of two from a product, if theirs is 1."""
    if instruction.dtype.kind != "f" or instruction.kwargs:
        return None
    for a, b in (instruction.args, instruction.args[::-1]):
        left, scale = _find_scaled(rewriter, a), _scale_of(rewriter, b)
        if left is not None and scale is not None and left.scale * scale == 1:
            x = _without_scale(rewriter, left)
            return x if rewriter.instructions[x].shape == instruction.shape else None
    left, right = (_find_scaled(rewriter, a) for a in instruction.args)
    if left is None or right is None or left.scale * right.scale != 1:
        return None
    return instruction._replace(
        args=(_without_scale(rewriter, left), _without_scale(rewriter, right))
    )


def _find_scaled(rewriter: Rewriter, a: Any) -> Scaled | None:
    """Return an operand as views of an array times a power of two; None if it is no such array."""
    views: list[Instruction] = []
    instruction = rewriter.instruction_of(a)
    while instruction is not None and instruction.op in VIEWS:
        views.append(instruction)
        instruction = rewriter.instruction_of(instruction.args[0])
    if instruction is None or instruction.op is not np.multiply or instruction.kwargs:
        return None
    for x, c in (instruction.args, instruction.args[::-1]):
        scale, array = _scale_of(rewriter, c), rewriter.instruction_of(x)
        if scale is not None and array is not None and _is_alike(array, instruction):
            return Scaled(scale, tuple(views), x)
    return None


def _is_alike(a: Instruction, b: Instruction) -> bool:
    """Return whether two results have the same shape and dtype."""
    return bool(a.shape == b.shape and a.dtype == b.dtype)


def _scale_of(rewriter: Rewriter, a: Any) -> float | None:
    """Return a constant number that is a positive power of two; None for anything else."""
    value = rewriter.constant(a)
    if not isinstance(value, int | float | np.floating) or not 0 < value < math.inf:
        return None
    return float(value) if math.frexp(float(value))[0] == 0.5 else None


def _without_scale(rewriter: Rewriter, scaled: Scaled) -> Operand:
    """Return the views of the array itself."""
    x = scaled.array
    for view in reversed(scaled.views):
        x = rewriter.apply(view.op, x, like=view, **view.kwargs)
    return x


def scale_smaller_array(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Move a power of two from a factor of a matrix product to the product, if that is smaller."""
    if not _is_plain_matmul(instruction):
        return None
    for k, a in enumerate(instruction.args):
        scaled = _find_scaled(rewriter, a)
        if scaled is None or _size(instruction) >= _size(rewriter.instructions[a]):
            continue
        args = (*instruction.args[:k], _without_scale(rewriter, scaled), *instruction.args[k + 1 :])
        product = rewriter.apply(np.matmul, *args, like=instruction)
        return instruction._replace(op=np.multiply, args=(product, scaled.scale))
    return None


def scale_smaller_factor(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Move a power of two from a matrix product to a factor, if that is smaller."""
    for a, b in (instruction.args, instruction.args[::-1]):
        product, scale = rewriter.instruction_of(a), _scale_of(rewriter, b)
        if (
            product is None
            or scale is None
            or not _is_plain_matmul(product)
            or not _is_alike(product, instruction)
        ):
            continue
        factors = [rewriter.instruction_of(x) for x in product.args]
        sizes = [math.inf if x is None or x.dtype != product.dtype else _size(x) for x in factors]
        k = sizes.index(min(sizes))
        factor = factors[k]
        if factor is None or sizes[k] >= _size(instruction):
            continue
        args = list(product.args)
        args[k] = rewriter.apply(np.multiply, args[k], scale, like=factor)
        return product._replace(args=tuple(args))
    return None


def _is_plain_matmul(instruction: Instruction) -> bool:
    """Return whether an instruction is a product of real matrices that BLAS computes."""
    return instruction.op is np.matmul and instruction.dtype.char in "fd" and not instruction.kwargs


def _size(instruction: Instruction) -> int:
    return math.prod(instruction.shape)


def multiply_negated(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Replace a matrix product with a negated factor by a negated product."""
    if instruction.dtype.char not in "fd" or instruction.kwargs:
        return None
    for k, a in enumerate(instruction.args):
        inner = negation_operand(rewriter, a)
        if inner is None or math.prod(instruction.shape) > math.prod(
            rewriter.instructions[a].shape
        ):
            continue
        args = (*instruction.args[:k], inner, *instruction.args[k + 1 :])
        product = rewriter.apply(np.matmul, *args, like=instruction)
        return instruction._replace(op=np.subtract, args=(0.0, product))
    return None


SCALE_RULES: dict[Any, tuple[Rewrite, ...]] = {
    np.multiply: (cancel_scales, scale_smaller_factor),
    np.matmul: (multiply_negated, scale_smaller_array),
}
"""Rules that are exact within the range of normal numbers."""
