"""Algebraic simplification: factors of 1, terms of 0, signs that cancel.

Each rule is exact for every value of the dtype: infinities, NaN, zeros of both signs, subnormals,
the largest numbers. So the rules leave: `g + 0.0`, which turns −0.0 into 0.0; constant factors,
which cannot move from one factor to another, since a product may leave the range; `c*g + c*g`,
which is not `2c * g`; factors and signs of complex products, whose parts are sums; `0*x`, `x - x`
and `x / x`. The operand that replaces a result has no gaps in memory, as the result had none:
NumPy takes sums in the order of memory.
"""

from typing import Any

import numpy as np

from ...program.steps import Operand
from ...rules.registration import ops_with
from ..ir import Instruction
from ..op_traits import SUM_OF_NEGATIVE_ZEROS, traits_in_plan
from .rewriter import Rewrite, Rewriter

MAX_SCANNED_ELEMENTS = 4096
"""Largest constant whose elements are compared one by one."""


def multiply_by_one(rewriter: Rewriter, instruction: Instruction) -> Operand | None:
    """Replace `1 * g` and `g / 1` by g, for real numbers.

    With the complex 1+0j, infinity has a part 0·∞.
    """
    a, b = instruction.args
    if instruction.dtype.kind == "c":
        return None
    if is_constant(rewriter, b, 1):
        return _operand_as_result(rewriter, a, instruction)
    return (
        _operand_as_result(rewriter, b, instruction)
        if instruction.op is np.multiply and is_constant(rewriter, a, 1)
        else None
    )


def drop_plus(rewriter: Rewriter, instruction: Instruction) -> Operand | None:
    """Replace `+g` by g: it marks the input of a function that is differentiated.

    No result is an input's memory: what a plan returns of it is a copy.
    """
    if instruction.kwargs:
        return None
    return _operand_as_result(rewriter, instruction.args[0], instruction)


def subtract_zero(rewriter: Rewriter, instruction: Instruction) -> Operand | None:
    """Replace `g - 0.0` by g."""
    a, b = instruction.args
    return _operand_as_result(rewriter, a, instruction) if is_constant(rewriter, b, 0) else None


def add_negative_zero(rewriter: Rewriter, instruction: Instruction) -> Operand | None:
    """Replace `g + -0.0` by g, and `g + 0` of integers too."""
    if instruction.dtype.kind == "c":
        return None
    a, b = instruction.args
    negative = instruction.dtype.kind == "f"
    if is_constant(rewriter, b, 0, negative):
        return _operand_as_result(rewriter, a, instruction)
    return (
        _operand_as_result(rewriter, b, instruction)
        if is_constant(rewriter, a, 0, negative)
        else None
    )


def conjugate_real(rewriter: Rewriter, instruction: Instruction) -> Operand | None:
    """Replace the conjugate of a real array by the array."""
    if instruction.dtype.kind == "c" or instruction.kwargs:
        return None
    return _operand_as_result(rewriter, instruction.args[0], instruction)


def negate_twice(rewriter: Rewriter, instruction: Instruction) -> Operand | None:
    """Replace `-(-g)` by g."""
    inner = negation_operand(rewriter, instruction.args[0])
    return inner if type(inner) is Operand else None


def move_sign_out(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Move the sign of a real factor, or of a reshaped array, to the result."""
    if instruction.op in (np.multiply, np.divide) and instruction.dtype.kind != "f":
        return None
    for k, a in enumerate(instruction.args):
        inner = negation_operand(rewriter, a)
        if inner is not None:
            positive = rewriter.apply(
                instruction.op,
                *instruction.args[:k],
                inner,
                *instruction.args[k + 1 :],
                like=instruction,
                **instruction.kwargs,
            )
            return Instruction(np.negative, (positive,), {}, instruction.shape, instruction.dtype)
    return None


def sum_negated(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Replace `sum(-x)` by `0.0 - sum(x)`.

    No sum is −0.0, and so `0.0 - s` is `-s` but for a sum of 0.0, which stays as it is.
    """
    if (
        np.signbit(SUM_OF_NEGATIVE_ZEROS)
        or instruction.kwargs.keys() - {"axis", "keepdims"}
        or len(instruction.args) > 1
    ):
        return None
    inner, negation = (
        negation_operand(rewriter, instruction.args[0]),
        rewriter.instruction_of(instruction.args[0]),
    )
    if inner is None or negation is None or negation.dtype != instruction.dtype:
        return None
    total = rewriter.apply(np.sum, inner, like=instruction, **instruction.kwargs)
    return Instruction(np.subtract, (0.0, total), {}, instruction.shape, instruction.dtype)


def move_zero_minus_out(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Replace `reshape(0.0 - s)` by `0.0 - reshape(s)`."""
    inner = _subtrahend_from_zero(rewriter, instruction.args[0])
    if inner is None:
        return None
    return Instruction(
        np.subtract,
        (0.0, rewriter.apply(instruction.op, inner, like=instruction, **instruction.kwargs)),
        {},
        instruction.shape,
        instruction.dtype,
    )


def add_zero_minus(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Replace `a + (0.0 - s)` by `a - s`, if a is not −0.0."""
    for a, b in (instruction.args, instruction.args[::-1]):
        inner = _subtrahend_from_zero(rewriter, b)
        if inner is not None and _has_no_negative_zero(rewriter, a):
            return instruction._replace(op=np.subtract, args=(a, inner))
    return None


def add_negated(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Replace `a + (-b)` by `a - b`, `a - (-b)` by `a + b`, and `(-a) + b` by `b - a`.

    Not where a real b is added to complex numbers: then the imaginary part is 0.0, not −0.0.
    """
    a, b = instruction.args
    if any(_is_cast_to_complex(rewriter, x, instruction) for x in (a, b)):
        return None
    right = negation_operand(rewriter, b)
    if right is not None:
        return instruction._replace(
            op=np.subtract if instruction.op is np.add else np.add, args=(a, right)
        )
    left = negation_operand(rewriter, a)
    return (
        instruction._replace(op=np.subtract, args=(b, left))
        if left is not None and instruction.op is np.add
        else None
    )


def double_negated(rewriter: Rewriter, instruction: Instruction) -> Instruction | None:
    """Replace `(-a) - a` by `a * -2.0`, for real numbers."""
    left, a = instruction.args
    if instruction.dtype.kind != "f" or type(a) is not Operand:
        return None
    same = (
        negation_operand(rewriter, left) == a
        and rewriter.instructions[a].dtype == instruction.dtype
    )
    return instruction._replace(op=np.multiply, args=(a, -2.0)) if same else None


def _is_cast_to_complex(rewriter: Rewriter, a: Any, instruction: Instruction) -> bool:
    """Return whether an operand is real and the result complex."""
    operand = rewriter.instruction_of(a)
    return operand is not None and operand.dtype.kind != "c" and instruction.dtype.kind == "c"


def _subtrahend_from_zero(rewriter: Rewriter, a: Any) -> Any:
    """Return s, if the argument is `0.0 - s`."""
    instruction = rewriter.instruction_of(a)
    if (
        instruction is None
        or instruction.op is not np.subtract
        or type(instruction.args[0]) is not float
        or instruction.args[0] != 0.0
    ):
        return None
    s = instruction.args[1]
    same = (
        s in rewriter.layouts.dense
        and rewriter.instructions[s].shape == instruction.shape
        and rewriter.instructions[s].dtype == instruction.dtype
    )
    return s if same and not np.signbit(instruction.args[0]) else None


def _has_no_negative_zero(rewriter: Rewriter, a: Any) -> bool:
    """Return whether no element of an argument can be −0.0."""
    instruction = rewriter.instruction_of(a)
    if (
        instruction is not None
        and traits_in_plan(instruction.op).never_negative_zero
        and instruction.dtype.kind == "f"
    ):
        return True
    value = rewriter.constant(a)
    return type(value) in (int, float) and bool(value != 0)


def is_constant(rewriter: Rewriter, a: Any, number: float, negative: bool = False) -> bool:
    """Return whether all elements of an argument are this number with this sign."""
    if type(a) is Operand:
        op = rewriter.instructions[a].op
        if op is np.ones or op is np.zeros:
            return (op is np.ones) == number and not negative
        if op is not None:
            return False
    value = rewriter.constant(a)
    if type(value) in (int, float, complex) or isinstance(value, np.number):
        return _equals(value, number, negative)
    if (
        not isinstance(value, np.ndarray)
        or not value.size
        or not _equals(value.flat[0], number, negative)
    ):
        return False
    return not any(value.strides) or (
        value.size <= MAX_SCANNED_ELEMENTS and all(_equals(x, number, negative) for x in value.flat)
    )


def _equals(x: Any, number: float, negative: bool) -> bool:
    """Return whether x is this number, with this sign in each of its parts."""
    parts = (x.real, x.imag) if np.iscomplexobj(x) else (x,)
    return bool(x == number) and all(bool(np.signbit(float(part))) == negative for part in parts)


def _operand_as_result(rewriter: Rewriter, a: Any, instruction: Instruction) -> Operand | None:
    """Return an operand, if it has the shape, dtype and layout of the result."""
    same = (
        type(a) is Operand
        and rewriter.instructions[a].shape == instruction.shape
        and rewriter.instructions[a].dtype == instruction.dtype
    )
    return a if same and a in rewriter.layouts.dense else None


def negation_operand(rewriter: Rewriter, a: Any) -> Any:
    """Return x, if the argument is -x."""
    if type(a) is not Operand or (instruction := rewriter.instructions[a]).op is not np.negative:
        return None
    if instruction.kwargs or instruction.dtype.kind not in "fc":
        return None
    return instruction.args[0] if instruction.args[0] in rewriter.layouts.dense else None


ALGEBRA_RULES: dict[Any, tuple[Rewrite, ...]] = {
    np.multiply: (multiply_by_one, move_sign_out),
    np.divide: (multiply_by_one, move_sign_out),
    np.add: (add_negative_zero, add_negated, add_zero_minus),
    np.subtract: (subtract_zero, double_negated, add_negated),
    np.negative: (negate_twice,),
    np.conjugate: (conjugate_real,),
    np.positive: (drop_plus,),
    np.sum: (sum_negated,),
    **dict.fromkeys(ops_with("keeps_density"), (move_sign_out, move_zero_minus_out)),
}
"""Not `broadcast_to`: a sign is applied before a broadcast, where there is less to negate; the two
would undo each other.

Not `matmul`: BLAS decides the sign of a zero.
"""
