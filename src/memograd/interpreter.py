"""One interpreter over arrays of op codes, compiled once by Numba and kept on disk. Its ops are scalars in double precision.

Instruction k computes slot `first + k` from the slots that it names: op code, a, b, c.
"""

import math
from typing import Any

from numba import njit

ADD, SUBTRACT, MULTIPLY, DIVIDE, NEGATIVE, ADD_PRODUCT, SUBTRACT_PRODUCT, POWER, MAXIMUM, MINIMUM = range(10)
EXP, LOG, SIN, COS, TAN, TANH, SINH, COSH, SQRT, ABSOLUTE, ARCTAN, ARCSIN, ARCCOS, LOG1P, EXPM1, SIGN = range(10, 26)


@njit(cache=True, nogil=True, error_model="numpy")
def interpret(code: Any, v: Any, first: int) -> None:
    """Run all instructions; slots below `first` are filled already."""
    for i in range(len(code)):
        k, x, y = code[i, 0], v[code[i, 1]], v[code[i, 2]]
        if k == ADD:
            r = x + y
        elif k == MULTIPLY:
            r = x * y
        elif k == ADD_PRODUCT:
            r = v[code[i, 3]] + x * y
        elif k == SUBTRACT_PRODUCT:
            r = v[code[i, 3]] - x * y
        elif k == SUBTRACT:
            r = x - y
        elif k == DIVIDE:
            r = x / y
        elif k == NEGATIVE:
            r = -x
        elif k == EXP:
            r = math.exp(x)
        elif k == LOG:
            r = math.log(x)
        elif k == SIN:
            r = math.sin(x)
        elif k == COS:
            r = math.cos(x)
        else:
            r = others(k, x, y)
        v[first + i] = r


@njit(cache=True, nogil=True, error_model="numpy")
def interpret_rows(code: Any, v: Any, first: int, numbers: Any, wanted: Any, found: Any) -> None:
    """Run all instructions for each row of numbers."""
    for row in range(len(numbers)):
        v[: numbers.shape[1]] = numbers[row]
        interpret(code, v, first)
        for k in range(len(wanted)):
            found[row, k] = v[wanted[k]]


@njit(cache=True, nogil=True, error_model="numpy")
def others(k: int, x: float, y: float) -> Any:
    """The ops that are met less often."""
    if k == POWER:
        return x**y
    if k == MAXIMUM:
        return x if x >= y or x != x else y
    if k == MINIMUM:
        return x if x <= y or x != x else y
    if k == TANH:
        return math.tanh(x)
    if k == SQRT:
        return math.sqrt(x) if x >= 0.0 or x != x else math.nan
    if k == ABSOLUTE:
        return abs(x)
    if k == SIGN:
        return 0.0 if x == 0.0 else x if x != x else math.copysign(1.0, x)
    return rare(k, x)


@njit(cache=True, nogil=True, error_model="numpy")
def rare(k: int, x: float) -> Any:
    """The ops that are met least."""
    if k == TAN:
        return math.tan(x)
    if k == SINH:
        return math.sinh(x)
    if k == COSH:
        return math.cosh(x)
    if k == ARCTAN:
        return math.atan(x)
    if k == ARCSIN:
        return math.asin(x)
    if k == ARCCOS:
        return math.acos(x)
    if k == LOG1P:
        return math.log1p(x)
    return math.expm1(x)
