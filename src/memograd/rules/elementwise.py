"""Rules of elementwise ops. One rule serves both modes: in a JVP, `g` is the tangent.

Conventions
-----------
- At a kink or a tie the derivative is the centre of the subdifferential: 0 for `abs` at 0, one half
  for each operand of `maximum` if they are equal, one half for `clip` at a bound.
- `hypot`, `arctan2` and `angle` have derivative 0 at the origin, `copysign` at 0.
- If the result of `maximum` is NaN because an operand is, both operands get 0. `fmax` ignores a
  NaN.
- `sign`, `floor`, comparisons and the like are constant. `sign` of complex numbers is refused.
- `sqrt` has an infinite derivative at 0, as in NumPy's arithmetic. `x**0` has derivative 0 by x
  everywhere, and `0**b` has derivative 0 by b.
- For real L and complex z, ∂L/∂z is ∂L/∂(Re z) − i ∂L/∂(Im z). So the rule of a holomorphic op is
  written as if it were real. The solver takes the real part where an operand is real.
"""

from math import factorial, log, pi
from typing import Any

import numpy as np

from .pure_registration import constant, elementwise, rule
from .registration import op, set_traits
from .traits import (
    KinkConvention,
    KinkSite,
    Storage,
    Structure,
    above_bound,
    below_overflow,
    nonzero_operand,
    within_one,
)

LN2, LN10, DEGREE = log(2.0), log(10.0), pi / 180.0
SINC = [(-1) ** k * 2 * k / factorial(2 * k + 1) for k in range(10, 0, -1)]
"""Coefficients of the slope of sin(u)/u as a power series, at u**19, ..., u**3, u."""

COSINES = np.cos((np.arange(64) + 0.5) * (pi / 128))
"""Nodes of the integral for the Bessel function I1.

The integrand is periodic, so that the sum converges to double precision.
"""


def above(a: Any, b: Any) -> Any:
    """Return 1 where a > b, 0 where a < b, and one half where they are equal."""
    return np.where(np.equal(a, b), 0.5, np.greater(a, b))


def clip_below(a: Any, lo: Any) -> Any:
    """Return `a` clipped from below; `lo` may be None."""
    return a if lo is None else np.maximum(a, lo)


@op
def logistic(x: Any) -> Any:
    """Return 1 / (1 + exp(-x)), without overflow."""
    left = np.less(np.real(x), 0)
    t = np.exp(np.where(left, x, -x))
    return np.where(left, t, 1) / (1 + t)


def exp_share(a: Any, b: Any, scale: float = 1.0) -> Any:
    """Return exp(a) / (exp(a) + exp(b)); one half at equal infinities.

    For another base, `scale` is the logarithm of the base.
    """
    same = np.logical_and(np.equal(a, b), np.isinf(a))
    difference = np.where(same, 0, a) - np.where(same, 0, b)
    return logistic(difference if scale == 1.0 else scale * difference)


def inside(a: Any, lo: Any, hi: Any) -> Any:
    """Return 1 where lo < a < hi, 0 outside, one half at a bound; None is no bound."""
    low = 1.0 if lo is None else above(a, lo)
    return low if hi is None else low * above(hi, a)


def above_or_nan(a: Any, b: Any) -> Any:
    """Return `above`, or 1 where b is NaN, because `fmax` ignores a NaN."""
    return np.where(np.isnan(b), 1.0, above(a, b))


def unless_zero(y: Any) -> Any:
    """Return `y` with 1 for 0, as a divisor."""
    return np.where(np.equal(y, 0), 1, y)


def power_slope(a: Any, b: Any) -> Any:
    """Return the derivative of a**b by a; 0 at 0**0.

    Elsewhere it is smooth in b, at b = 0 too.
    """
    # a constant exponent of the program, as in x**3, needs no `where`
    if type(b) in (int, float):
        return b * np.power(a, b - 1 if b else 0)
    origin = np.logical_and(np.equal(a, 0), np.equal(b, 0))
    return b * np.power(np.where(origin, 1, a), b - 1)


def direction(a: Any, y: Any, dtype: Any) -> Any:
    """Return the conjugate of a / |a|, where y = |a|; 0 at 0.

    Subnormal numbers are scaled, because NumPy's quotient by one overflows.
    """
    if dtype.kind != "c":
        return np.sign(a)
    small = np.less(y, np.finfo(dtype).tiny)
    a = a * np.where(small, 1 / np.finfo(dtype).tiny, 1)
    return np.conj(a) / unless_zero(np.where(small, np.abs(a), y))


def bearing(a: Any, b: Any) -> Any:
    """Return a / (a² + b²) without overflow; 0 at the origin."""
    r = unless_zero(np.hypot(a, b))
    return a / r / r


@op
def unit(a: Any, b: Any) -> Any:
    """Return a / hypot(a, b); 0 at the origin."""
    return a / unless_zero(np.hypot(a, b))


@op
def parallel(a: Any, b: Any) -> Any:
    """Return a·b / hypot(a, b), without overflow; 0 at the origin."""
    return a * (b / unless_zero(np.hypot(a, b)))


def cube(x: Any) -> Any:
    """Return x³."""
    return x * x * x


cosh_without_warning = np.errstate(over="ignore")(np.cosh)
"""np.cosh without overflow warnings; a `with` block would take 0.6 µs more, as long as the cosh."""


@op
def sech_squared(a: Any) -> Any:
    """Return 1 - tanh(a)², without the cancellation of that formula where tanh(a) is near 1."""
    if a.dtype.kind == "c":
        t = np.exp(np.where(np.real(a) < 0, 2, -2) * a)
        return 4 * t / np.square(1 + t)
    c = cosh_without_warning(a)
    return 1 / c / c


def by_parts(g: Any, x: Any, dtype: Any) -> Any:
    """Return the cotangent through `nan_to_num`.

    The real and the imaginary part of a complex number are replaced independently.
    """
    if dtype.kind != "c":
        return np.where(np.isfinite(x), g, 0)
    return np.where(np.isfinite(np.real(x)), np.real(g), 0) + 1j * np.where(
        np.isfinite(np.imag(x)), np.imag(g), 0
    )


def sinc_slope(x: Any) -> Any:
    """Return the derivative of sin(πx) / (πx).

    Near 0 it is computed by a series, because the closed form cancels there.
    """
    u, far = pi * x, np.greater_equal(np.absolute(x), 0.3)
    near, series = np.where(far, 0, u), 0.0
    for c in SINC:
        series = series * near * near + c
    u = np.where(far, u, 1)
    return pi * np.where(far, (np.cos(u) - np.sin(u) / u) / u, series * near)


# arithmetic
elementwise(np.add,         a=lambda g: g,                        b=lambda g: g)
elementwise(np.subtract,    a=lambda g: g,                        b=lambda g: -g)
elementwise(np.multiply,    a=lambda g, b: g * b,                 b=lambda g, a: g * a)
elementwise(np.divide,      a=lambda g, b: g / b,                 b=lambda g, b, y: -(g / b) * y)
elementwise(np.remainder,   a=lambda g: g,                        b=lambda g, a, b: -g * np.floor_divide(a, b))
elementwise(np.fmod,        a=lambda g: g,                        b=lambda g, a, b, y: -g * np.rint((a - y) / b))
elementwise(np.power,       a=lambda g, a, b: g * power_slope(a, b),
                            b=lambda g, a, y: g * y * np.log(np.where(np.equal(a, 0), 1, a)))
elementwise(np.float_power, a=lambda g, a, b: g * power_slope(a, b),
                            b=lambda g, a, y: g * y * np.log(np.where(np.equal(a, 0), 1, a)))
elementwise(np.divmod,      a=lambda g: g[1],                     b=lambda g, a, b: -g[1] * np.floor_divide(a, b))
elementwise(np.negative,    a=lambda g: -g)
elementwise(np.positive,    a=lambda g: g)
elementwise(np.reciprocal,  a=lambda g, y: -g * y * y)
elementwise(np.square,      a=lambda g, a: g * (2 * a))
elementwise(np.sqrt,        a=lambda g, y: g / (2 * y))
elementwise(np.cbrt,        a=lambda g, y: g / (3 * y * y))
elementwise(np.ldexp,       a=lambda g, b: np.ldexp(g, b),        b=None)
elementwise(np.nextafter,   a=lambda g: g,                        b=None)
rule(np.frexp,              a=lambda g, a: np.ldexp(g[0], -np.frexp(a)[1]))
rule(np.modf,               a=lambda g: g[0],                     push={"a": lambda t: (t, None)})

# exponentials and logarithms
elementwise(np.exp,         a=lambda g, y: g * y)
elementwise(np.exp2,        a=lambda g, y: g * y * LN2)
elementwise(np.expm1,       a=lambda g, a: g * np.exp(a))
elementwise(np.log,         a=lambda g, a: g / a)
elementwise(np.log2,        a=lambda g, a: g / (a * LN2))
elementwise(np.log10,       a=lambda g, a: g / (a * LN10))
elementwise(np.log1p,       a=lambda g, a: g / (1 + a))
elementwise(np.logaddexp,   a=lambda g, a, b: g * exp_share(a, b),       b=lambda g, a, b: g * exp_share(b, a))
elementwise(np.logaddexp2,  a=lambda g, a, b: g * exp_share(a, b, LN2),  b=lambda g, a, b: g * exp_share(b, a, LN2))
elementwise(logistic,       x=lambda g, x, y: g * y * logistic(-x))

# circular and hyperbolic functions
elementwise(np.sin,         a=lambda g, a: g * np.cos(a))
elementwise(np.cos,         a=lambda g, a: -g * np.sin(a))
elementwise(np.tan,         a=lambda g, y: g * (1 + y * y))
elementwise(np.arcsin,      a=lambda g, a: g / np.sqrt(1 - a * a))
elementwise(np.arccos,      a=lambda g, a: -g / np.sqrt(1 - a * a))
elementwise(np.arctan,      a=lambda g, a: g / (1 + a * a))
elementwise(np.arctan2,     a=lambda g, a, b: g * bearing(b, a),  b=lambda g, a, b: -g * bearing(a, b))
elementwise(np.hypot,       a=lambda g, a, b: g * unit(a, b), b=lambda g, a, b: g * unit(b, a))
elementwise(unit,           a=lambda g, a, b: g * unit(b, a) * bearing(b, a),  b=lambda g, a, b: -g * unit(a, b) * bearing(b, a))
elementwise(parallel,       a=lambda g, a, b: g * cube(unit(b, a)),            b=lambda g, a, b: g * cube(unit(a, b)))
elementwise(np.sinh,        a=lambda g, a: g * np.cosh(a))
elementwise(np.cosh,        a=lambda g, a: g * np.sinh(a))
elementwise(np.tanh,        a=lambda g, a: g * sech_squared(a))
elementwise(sech_squared,   a=lambda g, a, y: -2 * g * y * np.tanh(a))
elementwise(np.arcsinh,     a=lambda g, y: g / np.cosh(y))
elementwise(np.arccosh,     a=lambda g, a: g / (np.sqrt(a - 1) * np.sqrt(a + 1)))
elementwise(np.arctanh,     a=lambda g, a: g / (1 - a * a))
elementwise(np.sinc,        a=lambda g, a: g * sinc_slope(a))
elementwise(np.i0,          a=lambda g, a: g * np.mean(COSINES * np.sinh(a[..., None] * COSINES), axis=-1))
elementwise(np.deg2rad,     a=lambda g: g * DEGREE)
elementwise(np.radians,     a=lambda g: g * DEGREE)
elementwise(np.rad2deg,     a=lambda g: g / DEGREE)
elementwise(np.degrees,     a=lambda g: g / DEGREE)


# kinks
elementwise(np.absolute,    a=lambda g, a, a_dtype, y: g * direction(a, y, a_dtype))
elementwise(np.fabs,        a=lambda g, a: g * np.sign(a))
elementwise(np.maximum,     a=lambda g, a, b: g * above(a, b),    b=lambda g, a, b: g * above(b, a))
elementwise(np.minimum,     a=lambda g, a, b: g * above(b, a),    b=lambda g, a, b: g * above(a, b))
elementwise(np.fmax,        a=lambda g, a, b: g * above_or_nan(a, b),     b=lambda g, a, b: g * above_or_nan(b, a))
elementwise(np.fmin,        a=lambda g, a, b: g * above_or_nan(-a, -b),   b=lambda g, a, b: g * above_or_nan(-b, -a))
elementwise(np.copysign,    a=lambda g, a, b: g * np.sign(a) * np.copysign(1.0, b),  b=None)
elementwise(np.heaviside,   a=None,                               b=lambda g, a: np.where(np.equal(a, 0), g, 0))
elementwise(np.clip,        a=lambda g, a, a_min, a_max: g * inside(a, a_min, a_max),
                            a_min=lambda g, a, a_min, a_max: g * above(a_min, a) * inside(a_min, None, a_max),
                            a_max=lambda g, a, a_min, a_max: g * above(clip_below(a, a_min), a_max))
elementwise(np.where,       condition=None,
                            a=lambda g, condition: np.where(condition, g, 0),
                            b=lambda g, condition: np.where(condition, 0, g))
elementwise(np.nan_to_num,  x=lambda g, x, x_dtype, nan=0.0, posinf=None, neginf=None: by_parts(g, x, x_dtype))

# complex
elementwise(np.conjugate,   a=lambda g: np.conj(g))
elementwise(np.real,        a=lambda g: g)
elementwise(np.imag,        a=lambda g: g * -1j)
rule(np.real_if_close,      a=lambda g, y, tol=100: g,            push={"a": lambda t: t})
elementwise(np.angle,       a=lambda g, a, deg=False: np.where(np.equal(a, 0), 0, g * -1j / unless_zero(a) * (1 / DEGREE if deg else 1)))

# constant wherever it is differentiable
constant(np.sign, np.floor, np.ceil, np.trunc, np.rint, np.round, np.around, np.fix, np.floor_divide, np.signbit, np.isnan, np.isfinite,
         np.isinf, np.isclose, np.iscomplex, np.isreal, np.equal, np.not_equal, np.less,
         np.less_equal, np.greater,
         np.greater_equal, np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
         np.bitwise_and, np.bitwise_or,
         np.bitwise_xor, np.bitwise_count, np.invert, np.left_shift, np.right_shift, np.gcd, np.lcm,
         np.spacing,
         np.isneginf, np.isposinf, np.zeros_like, np.ones_like)

# creation from Python numbers, never from nodes
constant(np.zeros, np.ones, np.arange, np.eye, np.identity, np.tri, np.indices, np.diag_indices, np.mask_indices, np.tril_indices,
         np.triu_indices, np.bartlett, np.blackman, np.hamming, np.hanning, np.fft.fftfreq,
         np.fft.rfftfreq)

# traits
set_traits(np.real_if_close, structure=Structure.SAME_PLACE, value_dependent=True)
set_traits(np.round, np.around, np.fix, np.isclose, np.iscomplex, np.isreal, np.isneginf,
           np.isposinf, structure=Structure.SAME_PLACE)
set_traits(np.zeros_like, np.ones_like, structure=Structure.SAME_PLACE, reads_shape_only=True)
set_traits(np.zeros, np.ones, np.arange, np.eye, np.identity, np.tri, np.indices, np.diag_indices,
           np.mask_indices, np.tril_indices, np.triu_indices, np.bartlett, np.blackman, np.hamming,
           np.hanning, np.fft.fftfreq, np.fft.rfftfreq, structure=Structure.CREATION)
set_traits(np.where, np.zeros, np.ones, storage=Storage.NEW)
set_traits(np.positive, copies_numbers=True)
set_traits(logistic, unit, parallel, sech_squared, exact_on_parts=True, storage=Storage.NEW)
set_traits(np.ones, np.zeros, np.exp, np.absolute, np.fabs, np.square, np.cosh,
           never_negative_zero=True)
set_traits(np.multiply, np.divide, np.square, np.power, is_product=True)
set_traits(np.add, np.multiply, np.maximum, np.minimum, np.fmax, np.fmin, np.hypot, np.logaddexp,
           np.logaddexp2, np.equal, np.not_equal, np.logical_and, np.logical_or, np.logical_xor,
           commutes=True)
set_traits(np.where, selects=True)
set_traits(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
           np.logical_and, np.logical_or, np.logical_xor, np.logical_not, np.isnan, np.isfinite,
           np.isinf, np.isposinf, np.isneginf, np.isclose, np.signbit, np.isreal, np.iscomplex,
           compares=True)

# operators: scalar `**` and `np.power` differ in bits
for infix, arithmetic in {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide,
                          "<": np.less, "<=": np.less_equal, ">": np.greater,
                          ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal}.items():
    set_traits(arithmetic, symbol=infix, operator=infix)
for infix, bitwise in {"&": np.bitwise_and, "|": np.bitwise_or, "^": np.bitwise_xor}.items():
    set_traits(bitwise, operator=infix)
for infix, inexact in {"**": np.power, "&": np.logical_and, "|": np.logical_or}.items():
    set_traits(inexact, symbol=infix)

# kinks
set_traits(np.absolute, np.fabs, np.angle, np.copysign, np.sign,
           kink=KinkConvention(KinkSite.ZERO, "the slope is 0"))
set_traits(np.hypot, np.arctan2, np.power, kink=KinkConvention(KinkSite.ORIGIN, "the slope is 0"))
set_traits(np.maximum, np.minimum, np.fmax, np.fmin,
           kink=KinkConvention(KinkSite.TIE, "each of the two gets one half"))
set_traits(np.clip, kink=KinkConvention(KinkSite.BOUND, "the slope is one half"))
set_traits(np.greater, np.less, kink=KinkConvention(KinkSite.TIE, "the answer is False"))
set_traits(np.greater_equal, np.less_equal, kink=KinkConvention(KinkSite.TIE, "the answer is True"))

# domains
set_traits(np.log, np.log2, np.log10, np.sqrt, np.power, np.float_power, domain=above_bound(0))
set_traits(np.log1p, domain=above_bound(-1, safe=0.0))
set_traits(np.arccosh, domain=above_bound(1, safe=2.0))
set_traits(np.cbrt, np.reciprocal, domain=nonzero_operand())
set_traits(np.divide, np.remainder, domain=nonzero_operand(1))
set_traits(np.arcsin, np.arccos, np.arctanh, domain=within_one())
set_traits(np.exp, np.exp2, np.expm1, np.sinh, np.cosh, domain=below_overflow(), overflows=True)
set_traits(np.tanh, np.arctan, np.maximum, np.minimum, np.fmax, np.fmin, np.clip, np.logaddexp,
           np.logaddexp2, saturates=True)
