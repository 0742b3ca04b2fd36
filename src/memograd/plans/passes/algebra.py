"""Arithmetic that need not be done: a factor of 1, a term of 0, a sign that comes back.

Each rule is exact for every value of the dtype: infinities, NaN, zeros of both signs, subnormals,
the largest numbers. So these are left: `g + 0.0`, which makes 0.0 of −0.0; a constant moved from
one factor to the other, since a product may leave the range; `c*g + c*g` as `2c * g`; factors and
signs of complex products, whose parts are sums; `0*x`, `x - x` and `x / x`. The operand that takes
the result's place has no gaps in memory, as the result had none: sums are taken in the order of
memory.
"""

from typing import Any

import numpy as np

from ...program.steps import Operand
from ..ir import Instruction
from ..op_traits import MOVED, SUM_OF_NEGATIVE_ZEROS
from .rewriter import Rewrite, Rewriter

MAX_SCANNED_ELEMENTS = 4096
"""Elements of a constant that are looked at one by one."""

NEVER_NEGATIVE_ZERO: frozenset[Any] = frozenset({np.ones, np.zeros, np.exp, np.absolute, np.fabs, np.square, np.cosh})
"""Functions of real numbers that never give −0.0."""


def multiply_by_one(sweep: Rewriter, step: Instruction) -> Operand | None:
    """`1 * g` and `g / 1` are g, of real numbers: with the complex 1+0j, infinity has a part
    0·∞.
    """
    a, b = step.args
    if step.dtype.kind == "c":
        return None
    if _is_constant(sweep, b, 1):
        return _operand_as_result(sweep, a, step)
    return _operand_as_result(sweep, b, step) if step.op is np.multiply and _is_constant(sweep, a, 1) else None


def subtract_zero(sweep: Rewriter, step: Instruction) -> Operand | None:
    """`g - 0.0` is g."""
    a, b = step.args
    return _operand_as_result(sweep, a, step) if _is_constant(sweep, b, 0) else None


def add_negative_zero(sweep: Rewriter, step: Instruction) -> Operand | None:
    """`g + -0.0` is g, and so is `g + 0` of integers."""
    if step.dtype.kind == "c":
        return None
    a, b = step.args
    negative = step.dtype.kind == "f"
    if _is_constant(sweep, b, 0, negative):
        return _operand_as_result(sweep, a, step)
    return _operand_as_result(sweep, b, step) if _is_constant(sweep, a, 0, negative) else None


def negate_twice(sweep: Rewriter, step: Instruction) -> Operand | None:
    """`-(-g)` is g."""
    inner = _negation_operand(sweep, step.args[0])
    return inner if type(inner) is Operand else None


def move_sign_out(sweep: Rewriter, step: Instruction) -> Instruction | None:
    """The sign of a real factor, or of what is reshaped, is the result's."""
    if step.op in (np.multiply, np.divide) and step.dtype.kind != "f":
        return None
    for k, a in enumerate(step.args):
        inner = _negation_operand(sweep, a)
        if inner is not None:
            positive = sweep.of(step.op, *step.args[:k], inner, *step.args[k + 1 :], like=step, **step.kwargs)
            return Instruction(np.negative, (positive,), {}, step.shape, step.dtype)
    return None


def sum_negated(sweep: Rewriter, step: Instruction) -> Instruction | None:
    """`sum(-x)` is `0.0 - sum(x)`: no sum is −0.0, and so `0.0 - s` is `-s` but for a sum of
    0.0, which stays as it is.
    """
    if np.signbit(SUM_OF_NEGATIVE_ZEROS) or step.kwargs.keys() - {"axis", "keepdims"} or len(step.args) > 1:
        return None
    inner, above = _negation_operand(sweep, step.args[0]), sweep.step(step.args[0])
    if inner is None or above is None or above.dtype != step.dtype:
        return None
    total = sweep.of(np.sum, inner, like=step, **step.kwargs)
    return Instruction(np.subtract, (0.0, total), {}, step.shape, step.dtype)


def move_zero_minus_out(sweep: Rewriter, step: Instruction) -> Instruction | None:
    """`reshape_rows(0.0 - s)` is `0.0 - reshape(s)`."""
    inner = _subtrahend_from_zero(sweep, step.args[0])
    if inner is None:
        return None
    return Instruction(
        np.subtract,
        (0.0, sweep.of(step.op, inner, like=step, **step.kwargs)),
        {},
        step.shape,
        step.dtype,
    )


def add_zero_minus(sweep: Rewriter, step: Instruction) -> Instruction | None:
    """`a + (0.0 - s)` is `a - s`, where a is not −0.0."""
    for a, b in (step.args, step.args[::-1]):
        inner = _subtrahend_from_zero(sweep, b)
        if inner is not None and _has_no_negative_zero(sweep, a):
            return step._replace(op=np.subtract, args=(a, inner))
    return None


def add_negated(sweep: Rewriter, step: Instruction) -> Instruction | None:
    """`a + (-b)` is `a - b`, `a - (-b)` is `a + b`, `(-a) + b` is `b - a`."""
    a, b = step.args
    right = _negation_operand(sweep, b)
    if right is not None:
        return step._replace(op=np.subtract if step.op is np.add else np.add, args=(a, right))
    left = _negation_operand(sweep, a)
    return step._replace(op=np.subtract, args=(b, left)) if left is not None and step.op is np.add else None


def _subtrahend_from_zero(sweep: Rewriter, a: Any) -> Any:
    """s, where an argument is 0.0 - s."""
    step = sweep.step(a)
    if step is None or step.op is not np.subtract or type(step.args[0]) is not float or step.args[0] != 0.0:
        return None
    s = step.args[1]
    same = s in sweep.layouts.dense and sweep.steps[s].shape == step.shape and sweep.steps[s].dtype == step.dtype
    return s if same and not np.signbit(step.args[0]) else None


def _has_no_negative_zero(sweep: Rewriter, a: Any) -> bool:
    """Whether no element of an argument can be −0.0."""
    step = sweep.step(a)
    if step is not None and step.op in NEVER_NEGATIVE_ZERO and step.dtype.kind == "f":
        return True
    value = sweep.constant(a)
    return type(value) in (int, float) and bool(value != 0)


def _is_constant(sweep: Rewriter, a: Any, number: float, negative: bool = False) -> bool:
    """Whether an argument is this constant, and of this sign, in all its elements."""
    step = sweep.step(a)
    if step is not None and step.op in (np.ones, np.zeros):
        return (step.op is np.ones) == number and not negative
    value = sweep.constant(a)
    if type(value) in (int, float, complex) or isinstance(value, np.number):
        return _equals(value, number, negative)
    if not isinstance(value, np.ndarray) or not value.size or not _equals(value.flat[0], number, negative):
        return False
    return not any(value.strides) or (value.size <= MAX_SCANNED_ELEMENTS and all(_equals(x, number, negative) for x in value.flat))


def _equals(x: Any, number: float, negative: bool) -> bool:
    """Whether a number is this one; each part of it, where it is complex, is of this sign."""
    parts = (x.real, x.imag) if np.iscomplexobj(x) else (x,)
    return bool(x == number) and all(bool(np.signbit(float(part))) == negative for part in parts)


def _operand_as_result(sweep: Rewriter, a: Any, step: Instruction) -> Operand | None:
    """An operand, where it has the shape, dtype and layout of the result."""
    same = type(a) is Operand and sweep.steps[a].shape == step.shape and sweep.steps[a].dtype == step.dtype
    return a if same and a in sweep.layouts.dense else None


def _negation_operand(sweep: Rewriter, a: Any) -> Any:
    """x, where an argument is -x."""
    step = sweep.step(a)
    if step is None or step.op is not np.negative or step.kwargs or step.dtype.kind not in "fc":
        return None
    return step.args[0] if step.args[0] in sweep.layouts.dense else None


ALGEBRA_RULES: dict[Any, tuple[Rewrite, ...]] = {
    np.multiply: (multiply_by_one, move_sign_out),
    np.divide: (multiply_by_one, move_sign_out),
    np.add: (add_negative_zero, add_negated, add_zero_minus),
    np.subtract: (subtract_zero, add_negated),
    np.negative: (negate_twice,),
    np.sum: (sum_negated,),
    **dict.fromkeys(MOVED, (move_sign_out, move_zero_minus_out)),
}
"""Not `broadcast_to`: a sign is applied before a broadcast, where there is less to negate; the two
would undo each other.

Not `matmul`: BLAS decides the sign of a zero.
"""
