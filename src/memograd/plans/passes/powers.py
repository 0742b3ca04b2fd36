"""Powers with small whole exponents, as products.

NumPy's `power` takes 13 ns a number, a product 0.3 ns. Negative exponents start from the
reciprocal, which leaves the range only where the power does.
"""

from typing import Any

import numpy as np

from ...program.steps import Operand
from ..ir import Instruction
from .rewriter import Rewrite, Rewriter

MAX_EXPONENT = 8
"""Largest exponent: each product may be off by half a unit in the last place."""


def multiply_power(rewriter: Rewriter, instruction: Instruction) -> Instruction | Operand | None:
    """Replace `x ** n` by products for n from -8 to 8, without 0, 1 and 2."""
    a, exponent = instruction.args[0], _whole_number(rewriter.constant(instruction.args[1]))
    if (
        instruction.dtype.char not in "fd"
        or instruction.shape == ()
        or instruction.kwargs
        or type(a) is not Operand
        or rewriter.instructions[a].dtype != instruction.dtype
        or rewriter.instructions[a].shape != instruction.shape
        or exponent is None
        or exponent not in (*range(-MAX_EXPONENT, 0), *range(3, MAX_EXPONENT + 1))
    ):
        return None
    if exponent < 0:
        a = rewriter.apply(np.divide, 1.0, a, like=instruction)
    return _power(rewriter, a, abs(exponent), instruction)


def _whole_number(value: Any) -> int | None:
    """Return a constant number as an integer, if it is one."""
    if not isinstance(value, int | float | np.floating | np.integer):
        return None
    number = float(value)
    return int(number) if number.is_integer() and abs(number) <= MAX_EXPONENT else None


def _power(rewriter: Rewriter, a: Operand, n: int, like: Instruction) -> Operand:
    """Return a power by repeated squaring."""
    if n == 1:
        return a
    half = _power(rewriter, a, n // 2, like)
    square = rewriter.apply(np.multiply, half, half, like=like)
    return rewriter.apply(np.multiply, square, a, like=like) if n % 2 else square


POWER_RULES: dict[Any, tuple[Rewrite, ...]] = {np.power: (multiply_power,)}
"""Rules that may be off by as many units in the last place as the exponent."""
