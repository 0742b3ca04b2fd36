"""Exponentials without branches or calls, which LLVM turns into SIMD code.

They take a number apart as k·ln 2 + r with |r| ≤ 0.35. The exponential of r is its Taylor
polynomial of degree 13, and 2**k is put together from bits. Against numbers of 80 bits, `exp` is
off by at most 1.1 units in the last place, `tanh` by 2.6 and `sech_squared` by 4.

On 1,000 numbers with AVX2, `exp` takes half the time of NumPy's and `tanh` a fifth.

References
----------
P. T. P. Tang: Table-driven implementation of the exponential function in IEEE floating-point
arithmetic. ACM TOMS 15 (1989), for the reduction of the argument.
"""

import math
from importlib import import_module
from typing import Any

import numpy as np

ROUND_TO_INTEGER = 1.5 * 2.0**52
"""A number plus this, minus this, is rounded to an integer."""

LN2_HIGH = float(np.float32(math.log(2.0)))
"""First 24 bits of ln 2: products with integers below 2**29 are exact."""

SIMD_CONSTANTS = {
    "ROUND_TO_INTEGER": ROUND_TO_INTEGER,
    "EXPONENT_BIAS": ROUND_TO_INTEGER + 1023.0,
    "LOG2_E": 1.0 / math.log(2.0),
    "LN2_HIGH": LN2_HIGH,
    "LN2_LOW": float(np.log(np.longdouble(2.0)) - LN2_HIGH),
    **{f"C{k}": 1.0 / math.factorial(k) for k in range(2, 14)},
}
"""Meaning of the names in the sources; C2 to C13 are the coefficients of the polynomial."""

SIMD_SOURCES = {
    "power_of_two": """(k):
    return double_of(bits_of(k + EXPONENT_BIAS) << U52)
""",
    "expm1_of_rest": """(r):
    s = r * r
    even = C2 + s * (C4 + s * (C6 + s * (C8 + s * (C10 + s * C12))))
    odd = C3 + s * (C5 + s * (C7 + s * (C9 + s * (C11 + s * C13))))
    return r + s * (even + r * odd)
""",
    "simd_exp": """(x):
    x = 710.0 if x > 710.0 else x
    x = -746.0 if x < -746.0 else x
    k = (x * LOG2_E + ROUND_TO_INTEGER) - ROUND_TO_INTEGER
    half = (k * 0.5 + ROUND_TO_INTEGER) - ROUND_TO_INTEGER
    y = 1.0 + expm1_of_rest((x - k * LN2_HIGH) - k * LN2_LOW)
    return y * power_of_two(half) * power_of_two(k - half)
""",
    "simd_tanh": """(x):
    z = -2.0 * abs(x)
    z = -44.0 if z < -44.0 else z
    k = (z * LOG2_E + ROUND_TO_INTEGER) - ROUND_TO_INTEGER
    scale = power_of_two(k)
    t = scale * expm1_of_rest((z - k * LN2_HIGH) - k * LN2_LOW) + (scale - 1.0)
    return copysign(t / (t + 2.0), x)
""",
    "simd_sech_squared": """(x):
    e = simd_exp(-2.0 * abs(x))
    s = 1.0 + e
    return 4.0 * e / (s * s)
""",
}
"""Sources of the functions, each after those that it calls.

`simd_exp` multiplies by two powers of two, because results above 2**1023 and below 2**-1022 need
exponents that one double does not have.
"""


def bit_casts() -> dict[str, Any]:
    """Return Numba's functions from a double to its bits and back."""
    types = import_module("numba").types
    intrinsic = import_module("numba.extending").intrinsic

    def cast(source: Any, target: Any) -> Any:
        """Return the function that reads the bits of one type as another type."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], context.get_value_type(target))

        def typed(typing: Any, x: Any) -> Any:
            return target(source), generate

        return intrinsic(typed)

    return {
        "bits_of": cast(types.float64, types.uint64),
        "double_of": cast(types.uint64, types.float64),
    }
