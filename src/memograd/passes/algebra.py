"""What a step of arithmetic need not compute: a factor of 1, a term of 0, a sign that comes back.

Exact: `1*g`, `g/1`, double negation, `a + (-b)` as `a - b`, signs moved out of products and sums, powers of two into
the smaller factor. Stated: `g + 0` is g, so that −0.0 stays −0.0 where it would be 0.0. Never: `0*x`, `x - x`, `x / x`, which
are not what they seem where x is infinite or NaN.
"""

import math
from typing import Any

import numpy as np

from ..program import Operand
from ..slices import Step
from .rewriting import Rewrite, Sweep

SMALL = 4096
"""Elements of a constant that are looked at one by one."""


def times_one(sweep: Sweep, step: Step) -> Operand | None:
    """`1 * g` and `g / 1` are g."""
    a, b = step.args
    if _is(sweep, b, 1):
        return _itself(sweep, a, step)
    return _itself(sweep, b, step) if step.op is np.multiply and _is(sweep, a, 1) else None


def plus_zero(sweep: Sweep, step: Step) -> Operand | None:
    """`g + 0` and `g - 0` are g."""
    a, b = step.args
    if _is(sweep, b, 0):
        return _itself(sweep, a, step)
    return _itself(sweep, b, step) if step.op is np.add and _is(sweep, a, 0) else None


def doubled(sweep: Sweep, step: Step) -> Step | None:
    """`c*g + c*g` is `2c * g`: a factor of two changes no bit of a product."""
    a, b = step.args
    inner = sweep.step(a)
    if inner is None or type(b) is not Operand or a != b or inner.op is not np.multiply or inner.dtype.kind not in "fc":
        return None
    for c, g in (inner.args, inner.args[::-1]):
        number = sweep.constant(c)
        if type(number) is float or isinstance(number, np.inexact):
            return Step(
                np.multiply, (sweep.bind(2 * number) if type(c) is Operand else 2 * number, g), inner.kwargs, step.shape, step.dtype
            )
    return None


def scaled(sweep: Sweep, step: Step) -> Step | None:
    """`(x * v) * c` is `x * (v * c)` where both are smaller and one is a power of two, which changes no bit of a product."""
    for c, a in (step.args, step.args[::-1]):
        inner = sweep.step(a)
        if inner is None or inner.op is not np.multiply or inner.kwargs or inner[3:] != step[3:]:
            continue
        for v, x in (inner.args, inner.args[::-1]):
            factor = _product(sweep, v, c, step) if type(x) is Operand else None
            if factor is not None:
                return step._replace(args=(x, factor))
    return None


def _product(sweep: Sweep, v: Any, c: Any, step: Step) -> Any:
    """The product of two factors of a step, where one is a power of two, and it takes fewer multiplications than the step."""
    if not (_is_power_of_two(sweep.constant(v)) or _is_power_of_two(sweep.constant(c))):
        return None
    steps = [sweep.steps[a] for a in (v, c) if type(a) is Operand]
    shape = np.broadcast_shapes(*(s.shape for s in steps))
    if math.prod(shape) >= math.prod(step.shape) or any(s.dtype != step.dtype for s in steps):
        return None
    return sweep.of(np.multiply, v, c, like=step._replace(shape=shape)) if steps else v * c


def double_negation(sweep: Sweep, step: Step) -> Operand | None:
    """`-(-g)` is g."""
    inner = _negated(sweep, step.args[0])
    return inner if type(inner) is Operand else None


def sign_out(sweep: Sweep, step: Step) -> Step | None:
    """The sign of a factor, or of all terms, is the result's."""
    if step.op is np.sum and step.kwargs.keys() - {"axis", "keepdims"}:
        return None
    for k, a in enumerate(step.args):
        inner = _negated(sweep, a)
        if inner is not None:
            positive = sweep.of(step.op, *step.args[:k], inner, *step.args[k + 1 :], like=step, **step.kwargs)
            return Step(np.negative, (positive,), {}, step.shape, step.dtype)
    return None


def sum_with_sign(sweep: Sweep, step: Step) -> Step | None:
    """`a + (-b)` is `a - b`, `a - (-b)` is `a + b`, `(-a) + b` is `b - a`."""
    a, b = step.args
    right = _negated(sweep, b)
    if right is not None:
        return step._replace(op=np.subtract if step.op is np.add else np.add, args=(a, right))
    left = _negated(sweep, a)
    return step._replace(op=np.subtract, args=(b, left)) if left is not None and step.op is np.add else None


def _is_power_of_two(c: Any) -> bool:
    return isinstance(c, int | float | np.floating) and abs(math.frexp(float(c))[0]) == 0.5


def _is(sweep: Sweep, a: Any, number: float) -> bool:
    """Whether an argument is this constant, in all its elements."""
    step = sweep.step(a)
    if step is not None and step.op in (np.ones, np.zeros):
        return (step.op is np.ones) == number
    value = sweep.constant(a)
    if type(value) in (int, float) or isinstance(value, np.number):
        return bool(value == number)
    if not isinstance(value, np.ndarray) or not value.size or value.flat[0] != number:
        return False
    return not any(value.strides) or (value.size <= SMALL and bool((value == number).all()))


def _itself(sweep: Sweep, a: Any, step: Step) -> Operand | None:
    """An operand, where it has the shape and dtype of the result."""
    same = type(a) is Operand and sweep.steps[a].shape == step.shape and sweep.steps[a].dtype == step.dtype
    return a if same else None


def _negated(sweep: Sweep, a: Any) -> Any:
    """x, where an argument is -x."""
    step = sweep.step(a)
    return step.args[0] if step is not None and step.op is np.negative and not step.kwargs and step.dtype.kind in "fc" else None


RULES: dict[Any, tuple[Rewrite, ...]] = {
    np.multiply: (times_one, sign_out, scaled),
    np.divide: (times_one, sign_out),
    np.add: (plus_zero, sum_with_sign, doubled),
    np.subtract: (plus_zero, sum_with_sign),
    np.negative: (double_negation,),
    np.sum: (sign_out,),
    np.matmul: (sign_out,),
    **dict.fromkeys((np.reshape, np.ravel, np.squeeze, np.expand_dims, np.transpose), (sign_out,)),
}
"""Not `broadcast_to`: a sign is applied before a broadcast, where there is less to negate; the two would undo each other."""
