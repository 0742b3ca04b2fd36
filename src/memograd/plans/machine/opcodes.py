"""Opcodes of the machine: for each op a formula on numbers in double precision.

A formula reads a, b and c. Numba, Python on floats with the functions of `math`, and NumPy on its
scalars all run the same text. Truth values are 1.0 and 0.0. Logic and `where` test `!= 0.0`, so
that a NaN counts as true, as in NumPy. NumPy's own results at import decide what a formula gives
for zeros of two signs, and for powers of -inf and -0.0.
"""

import math
from typing import Any

import numpy as np

from ...rules.elementwise import sech_squared, unit
from ...rules.registration import traits_of

EXTREMES = {
    (False, True): "a if a {0}= b or a != a else b",
    (True, False): "a if a {0} b or a != a else b",
    (False, False): "a if a {0} b or a != a else b if b {0} a or b != b or a != 0.0 else a + b",
    (True, True): "a if a {0} b or a != a else b if b {0} a or b != b or a != 0.0 else -(-a - b)",
}
"""The greater or lesser of two numbers, by the signs that NumPy gives the zeros of (0.0, -0.0)
and of (-0.0, 0.0).
"""


def _extreme_formula(op: Any, order: str) -> str:
    """Return the formula of `maximum` or `minimum`."""
    zeros = np.array([0.0, -0.0])
    return EXTREMES[bool(np.signbit(op(*zeros))), bool(np.signbit(op(*zeros[::-1])))].format(order)


def _power_formula(a: Any, b: Any) -> str:
    """Return the formula of `power` for operands like these: -inf and 0.5.

    Some versions of NumPy take square roots for the exponent 0.5, and sqrt(-inf) is NaN.
    """
    with np.errstate(invalid="ignore"):
        takes_root = np.all(np.isnan(np.power(a, b)))
    return "sqrt(a) if b == 0.5 else pow(a, b)" if takes_root else "pow(a, b)"


_MINUS_INFINITY, _HALF = np.float64(-np.inf), np.float64(0.5)

POWER_OF_NUMBERS = _power_formula(_MINUS_INFINITY, _HALF)
POWER_WITH_NUMBER = _power_formula(np.full(2, _MINUS_INFINITY), _HALF)
POWER_OF_ARRAYS = _power_formula(np.full(2, _MINUS_INFINITY), np.full(2, _HALF))
"""Formulas of `power` for two numbers, for an array and a number, and for two arrays."""


SCALAR_FORMULAS: dict[Any, str] = {
    np.add: "a + b",
    np.subtract: "a - b",
    np.multiply: "a * b",
    np.divide: "a / b",
    np.negative: "-a",
    np.square: "a * a",
    np.reciprocal: "1.0 / a",
    np.absolute: "abs(a)",
    np.fabs: "abs(a)",
    np.power: POWER_OF_NUMBERS,
    np.float_power: "pow(a, b)",
    np.maximum: _extreme_formula(np.maximum, ">"),
    np.minimum: _extreme_formula(np.minimum, "<"),
    np.sign: "a if a != a else true if a > 0.0 else -true if a < 0.0 else false",
    np.where: "b if a != 0.0 else c",
    np.arctan2: "atan2(a, b)",
    np.hypot: "hypot(a, b)",
    np.sqrt: "sqrt(a)",
    np.exp: "exp(a)",
    np.expm1: "expm1(a)",
    np.log: "log(a)",
    np.log1p: "log1p(a)",
    np.log2: "log2(a)",
    np.log10: "log10(a)",
    np.sin: "sin(a)",
    np.cos: "cos(a)",
    np.tan: "tan(a)",
    np.arcsin: "asin(a)",
    np.arccos: "acos(a)",
    np.arctan: "atan(a)",
    np.sinh: "sinh(a)",
    np.cosh: "cosh(a)",
    np.tanh: "tanh(a)",
    np.arcsinh: "asinh(a)",
    np.arccosh: "acosh(a)",
    np.arctanh: "atanh(a)",
    sech_squared: "1.0 / cosh(a) / cosh(a)",
    unit: "a / hypot(a, b) if a != 0.0 or b != 0.0 else a",
    np.equal: "true if a == b else false",
    np.not_equal: "true if a != b else false",
    np.less: "true if a < b else false",
    np.less_equal: "true if a <= b else false",
    np.greater: "true if a > b else false",
    np.greater_equal: "true if a >= b else false",
    np.logical_not: "true if a == 0.0 else false",
    np.logical_and: "true if a != 0.0 and b != 0.0 else false",
    np.logical_or: "true if a != 0.0 or b != 0.0 else false",
    np.isnan: "true if a != a else false",
}
"""Formulas of ops."""

REAL = {op: formula for op, formula in SCALAR_FORMULAS.items() if not traits_of(op).compares}
"""Formulas whose result is a double."""

POWERS: dict[float | None, str] = {-1.0: "1.0 / a", 1.0: "a", 2.0: "a * a"}
"""Formulas of powers with these exponents, as in NumPy."""

if REAL[np.power] != "pow(a, b)":
    POWERS[0.5] = "sqrt(a)"

LOGICAL = {op: formula for op, formula in SCALAR_FORMULAS.items() if traits_of(op).compares}
"""Formulas whose result is true or false."""

FUSED: dict[tuple[str, str, int], str] = {
    ("a * b", "a + b", 0): "a * b + c",
    ("a * b", "a + b", 1): "a * b + c",
    ("a * b", "a - b", 0): "a * b - c",
    ("a * b", "a - b", 1): "c - a * b",
    ("a * b", "a * b", 0): "a * b * c",
    ("a * b", "a * b", 1): "a * b * c",
    ("a + b", "a + b", 0): "a + b + c",
    ("a + b", "a + b", 1): "a + b + c",
    ("a + b", "a * b", 0): "(a + b) * c",
    ("a + b", "a * b", 1): "(a + b) * c",
    ("a + b", "a / b", 0): "(a + b) / c",
    ("a * b", "-a", 0): "-(a * b)",
}
"""Fused formulas, by inner formula, outer formula, and the operand of the outer one that it is.
Each is still rounded twice.
"""

FORMULAS = tuple(
    dict.fromkeys(
        [
            *REAL.values(),
            POWER_WITH_NUMBER,
            POWER_OF_ARRAYS,
            "sqrt(a)",
            *POWERS.values(),
            *LOGICAL.values(),
            *FUSED.values(),
        ]
    )
)
"""Formulas in the order of their opcodes."""

CODES = {formula: code for code, formula in enumerate(FORMULAS)}

OPCODE_NAMES = (
    "atan2", "hypot", "sqrt", "exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos",
    "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "pow",
)  # fmt: skip

ON_FLOATS: dict[str, Any] = {name: getattr(math, name) for name in OPCODE_NAMES} | {
    "true": 1.0,
    "false": 0.0,
}
"""Meaning of the names in formulas for Python and Numba."""

ON_NUMPY: dict[str, Any] = {name: getattr(np, name) for name in OPCODE_NAMES} | {
    "pow": np.float_power,  # as in C for all exponents, which `power` is not
    "true": np.float64(1.0),
    "false": np.float64(0.0),
}
"""Meaning of the names for NumPy scalars, which give infinity and NaN without raising."""
