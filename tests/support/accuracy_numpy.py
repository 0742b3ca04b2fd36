"""NumPy's elementwise ops in the sweep of accuracy."""

from typing import Any

import mpmath as m
import numpy as np
from accuracy_points import FEW, FEW_FAR, FEWS, INNER, MID, NEAR, P0, Case, P, R, rounded

PI = lambda: m.pi  # noqa: E731


def softplus(a: Any, b: Any, base: Any) -> Any:
    """Return log(base**a + base**b) by the base, where one may be far below the other."""
    top, low = max(a, b), min(a, b)
    return top + m.log1p(m.power(base, low - top)) / m.log(base)


def case(op: Any, columns: Any, value: Any = None, **others: Any) -> Case:
    """A case of one of NumPy's ops."""
    return Case(f"np.{op.__name__}", op, columns, value, **others)


SIGNED = [*FEW_FAR, *(-x for x in FEW)]
RATIO = rounded(0.3, 1.7, 9.3, 1e-8, 1e5)
CASES = [
    case(np.multiply, [SIGNED, FEW], lambda a, b: a * b),
    case(np.divide, [SIGNED, FEW], lambda a, b: a / b),
    case(np.remainder, [[*RATIO, *(-x for x in RATIO), 1.0, 3.0], [0.1, *rounded(0.7, 2.3, 1e-3)]],
         slopes={0: lambda a, b: m.mpf(1), 1: lambda a, b: -m.floor(a / b)}),
    case(np.fmod, [[*RATIO, *(-x for x in RATIO), 1.0, 3.0, 10.0], [0.1, *rounded(0.7, 2.3, 1e-3)]],
         slopes={0: lambda a, b: m.mpf(1), 1: lambda a, b: -(m.floor(a / b) if a / b > 0 else m.ceil(a / b))}),
    case(np.power, [P, [0.5, 1.5, 2.0, -1.0, -2.5, 0.0, 7.0]], lambda a, b: a**b),
    case(np.float_power, [FEW, [0.5, 1.5, 2.0, -1.0, -2.5, 0.0]], lambda a, b: a**b),
    case(np.reciprocal, [[x for x in R if x]], lambda a: 1 / a),
    case(np.square, [R], lambda a: a * a),
    case(np.sqrt, [P], m.sqrt),
    case(np.cbrt, [P], m.cbrt),
    case(np.exp, [R], m.exp),
    case(np.exp2, [R], lambda a: m.mpf(2) ** a),
    case(np.expm1, [R], m.exp),
    case(np.log, [P], m.log),
    case(np.log2, [P], lambda a: m.log(a) / m.log(2)),
    case(np.log10, [P], m.log10),
    case(np.log1p, [[*P0, -1e-8, -0.5, -0.999]], m.log1p),
    case(np.logaddexp, [[*FEWS, *rounded(1e10, 1e15, 40.25, -1e15)]] * 2, lambda a, b: softplus(a, b, m.e)),
    case(np.logaddexp2, [[*FEWS, *rounded(1e10, 1e15, 40.25, -1e15)]] * 2, lambda a, b: softplus(a, b, 2)),
    case(np.sin, [R], m.sin),
    case(np.cos, [R], m.cos),
    case(np.tan, [NEAR], m.tan),
    case(np.arcsin, [INNER], m.asin),
    case(np.arccos, [INNER], m.acos),
    case(np.arctan, [R], m.atan),
    case(np.arctan2, [[x for x in FEWS if x], [x for x in FEWS if x]], m.atan2),
    case(np.arctan2, [[0.0], FEW], m.atan2),
    case(np.hypot, [FEWS, [x for x in FEWS if x]], lambda a, b: m.sqrt(a * a + b * b)),
    case(np.sinh, [R], m.sinh),
    case(np.cosh, [R], m.cosh),
    case(np.tanh, [R], slopes={0: lambda a: 4 * m.exp(-2 * abs(a)) / (1 + m.exp(-2 * abs(a))) ** 2}),
    case(np.arcsinh, [R], m.asinh),
    case(np.arccosh, [[1 + 2.0**-20, *(x for x in P if x > 1)]], m.acosh),
    case(np.arctanh, [INNER], m.atanh),
    case(np.sinc, [MID], slopes={0: lambda a: m.mpf(0) if a == 0 else (m.cos(m.pi * a) - m.sinc(m.pi * a)) / a}),
    case(np.i0, [NEAR], lambda a: m.besseli(0, a)),
    case(np.deg2rad, [FEWS], lambda a: a * m.pi / 180),
    case(np.radians, [FEWS], lambda a: a * m.pi / 180),
    case(np.rad2deg, [FEWS], lambda a: a / (m.pi / 180)),
    case(np.degrees, [FEWS], lambda a: a / (m.pi / 180)),
    case(np.absolute, [[x for x in R if x]], abs),
    case(np.fabs, [[x for x in R if x]], abs),
]  # fmt: skip
LINEAR = {
    "linear, or a selection of an operand: exact": (
        np.add, np.subtract, np.negative, np.positive, np.ldexp, np.nextafter, np.divmod, np.maximum, np.minimum, np.fmax, np.fmin, np.copysign,
        np.heaviside, np.clip, np.where, np.nan_to_num, np.conjugate, np.real, np.imag, np.choose, np.select, np.piecewise,
    ),
    "of complex numbers": (np.angle,),
}  # fmt: skip
assert FEW
