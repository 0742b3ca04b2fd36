"""Ops that neither cancel nor overflow, for the rules of special functions.

The same formulas in SciPy's functions would cancel, overflow, or divide 0 by 0. Each of these is an
op with its own derivatives, so that second derivatives are as accurate as first ones. All compute
in double precision, and return the precision of their operands.

References
----------
C. Loader: Fast and accurate computation of binomial probabilities, 2000 (`deviance` and
`stirling_error`).
NIST Digital Library of Mathematical Functions, 5.11, 5.15, 7.12, 10.17, 10.40 (asymptotic series).
"""

from collections.abc import Callable
from functools import wraps
from math import comb, factorial, log, pi, sqrt
from typing import Any

import numpy as np
from scipy import special

from ..arrays.kinds import kind_of, lazy_kind
from ..errors import NoRuleError
from ..text import op_name
from .elementwise import bearing, unit
from .pure_registration import elementwise
from .registration import op, ops_of_module, set_traits

ROOT_PI, ROOT_2PI = sqrt(pi), sqrt(2 * pi)
BERNOULLI = [float(b) for b in special.bernoulli(20)[2::2]]
"""B2, B4, ..., B20."""

SHIFT = 16
"""Asymptotic series are used from this argument on; the recurrence leads there."""


def unknown(f: Any, operand: str, where: str = "") -> Callable[[Any], Any]:
    """Return the rule of an operand whose derivative has no closed form.

    It raises, because a zero would be a wrong answer without a warning.
    """

    def line(g: Any) -> Any:
        """Raise an error that names the operand."""
        raise NoRuleError(
            f"The derivative of {op_name(f)} by its operand {operand}{where} has no closed form, "
            f"and memograd does not guess. Hold that operand constant (give its .value), or "
            f"register an op of your own: memograd.op, memograd.rule."
        )

    return line


def in_double(f: Callable[..., Any]) -> Callable[..., Any]:
    """Make an elementwise function of real numbers compute in double precision, without warnings.

    On Dask arrays it is lazy. Other arrays that dispatch keep their kind and precision.
    """

    @wraps(f)
    def compute(*args: Any) -> Any:
        """Compute the function in double precision; return the precision of its operands."""
        if (lazy := lazy_kind(*args)) is not None:
            return lazy.elementwise(compute, *args)
        if any(kind_of(a) is not None for a in args):
            return f(*args)
        inexact = [
            np.result_type(a)
            for a in args
            if type(a) not in (int, float) and np.result_type(a).kind == "f"
        ]
        with np.errstate(all="ignore"):
            y = f(*(a if type(a) is int else np.asarray(a, np.float64) for a in args))
        return np.asarray(y, np.result_type(*inexact) if inexact else np.float64)[()]

    return compute


# differences of digammas


def power_difference(q: Any, h: Any, p: int) -> Any:
    """Return (q + h)⁻ᵖ - q⁻ᵖ for q > 0, without cancellation."""
    near = np.greater(h, -0.5 * q)
    smooth = np.expm1(-p * np.log1p(np.where(near, h, 0) / q)) * q**-p
    return np.where(near, smooth, (q + h) ** -p - q**-p)


def remainder_series(n: int, power: Callable[[int], Any]) -> Any:
    """Return the asymptotic series of the polygamma function of order n without its leading term.

    It is divided by (-1)ⁿ⁺¹. `power(p)` gives the power -p of the argument.
    """
    total = power(n + 1) * (factorial(n) / 2)
    for j, b in enumerate(BERNOULLI, 1):
        total = total + b / factorial(2 * j) * factorial(n + 2 * j - 1) * power(n + 2 * j)
    return total


def leading_difference(n: int, q: Any, h: Any) -> Any:
    """Return the leading term, which `remainder_series` omits, at q + h minus that at q."""
    return factorial(n - 1) * power_difference(q, h, n) if n else -np.log1p(h / q)


def difference_by_shift(n: int, q: Any, h: Any) -> Any:
    """Return the polygamma function of order n at q + h minus that at q, divided by (-1)ⁿ⁺¹.

    Both q and q + h are at least SHIFT.
    """
    total = remainder_series(n, lambda p: power_difference(q, h, p))
    return total + leading_difference(n, q, h)


@op
@in_double
def polygamma_difference(n: Any, a: Any, h: Any) -> Any:
    """Return the polygamma function of order n at a + h minus that at a.

    There is no cancellation where both arguments are positive: the recurrence leads to large
    arguments, where the asymptotic series are subtracted term by term.
    """
    n = int(n)
    plain = special.polygamma(n, a + h) - special.polygamma(n, a)
    good = np.logical_and(a > 0, a + h > 0)
    x, d = np.where(good, a, 1.0), np.where(good, h, 0.0)
    few = np.where(np.minimum(x, x + d) < SHIFT, 1.0, 0.0)
    total = difference_by_shift(n, x + few * SHIFT, d)
    for j in range(SHIFT):
        total = total + few * factorial(n) * power_difference(x + few * j, d, n + 1)
    return np.where(good, (-1) ** (n + 1) * total, plain)


@op
@in_double
def polygamma_remainder(n: Any, q: Any) -> Any:
    """Return the polygamma function of order n minus its leading term at infinity.

    It is divided by (-1)ⁿ⁺¹: log q - ψ(q) for n = 0, ψ'(q) - 1/q for n = 1, and so on.
    """
    n = int(n)
    few = np.less(q, SHIFT)
    small, large = np.where(few, q, 1), np.where(few, SHIFT, q)
    leading = factorial(n - 1) * small**-n if n else -np.log(small)
    direct = (-1) ** (n + 1) * special.polygamma(n, small) - leading
    return np.where(few, direct, remainder_series(n, lambda p: large**-p))


@op
@in_double
def remainder_difference(n: Any, q: Any, h: Any) -> Any:
    """Return `polygamma_remainder` at q + h minus that at q, for positive q and h.

    Nothing cancels.
    """
    n = int(n)
    few = np.less(q, SHIFT)
    small, large = np.where(few, q, 1), np.where(few, SHIFT, q)
    direct = (-1) ** (n + 1) * polygamma_difference(n, small, h) - leading_difference(n, small, h)
    series = remainder_series(n, lambda p: power_difference(large, h, p))
    return np.where(few, direct, series)


elementwise(polygamma_remainder,  n=None, q=lambda g, n, q: -g * polygamma_remainder(n + 1, q))
elementwise(remainder_difference, n=None, q=lambda g, n, q, h: -g * remainder_difference(n + 1, q, h),
                                  h=lambda g, n, q, h: -g * polygamma_remainder(n + 1, q + h))


@op
def polygamma(n: Any, x: Any) -> Any:
    """Compute ``scipy.special.polygamma``, for complex numbers too.

    SciPy's takes real numbers only. For complex ones, the Euler-Maclaurin formula is used; the
    derivative of `digamma` needs it.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.scipy import special
    >>> x = mg.Tape().leaf(1.0)
    >>> float(mg.grad(special.polygamma(0, x), x).round(6))
    1.644934
    """
    if (lazy := lazy_kind(x)) is not None:
        return lazy.elementwise(polygamma, n, x)
    if not np.iscomplexobj(x):
        return special.polygamma(n, x)
    far = 25 + max(0, int(-np.min(np.real(x), initial=0)))
    s, q = np.where(np.equal(n, 0), 2, np.add(n, 1)), x + far
    total = sum((x + k) ** -s for k in range(far)) + q ** (1 - s) / (s - 1) + q**-s / 2
    for j, b in enumerate(BERNOULLI, 1):
        total = total + b / special.factorial(2 * j) * special.poch(s, 2 * j - 1) * q ** (
            1 - s - 2 * j
        )
    return np.where(np.equal(n, 0), special.psi(x), (-1.0) ** s * special.gamma(s) * total)


elementwise(polygamma_difference, n=None, a=lambda g, n, a, h: g * polygamma_difference(n + 1, a, h),
                                  h=lambda g, n, a, h: g * polygamma(n + 1, a + h))
elementwise(polygamma,            n=None, x=lambda g, n, x: g * polygamma(n + 1, x))

# densities


def stirling_error(n: Any) -> Any:
    """Return log Γ(n + 1) minus Stirling's formula, for n > 0."""
    few = np.less(n, 15)
    small, large = np.where(few, n, 1), np.where(few, 15, n)
    direct = special.gammaln(small + 1) - (small + 0.5) * np.log(small) + small - log(2 * pi) / 2
    t = 1 / np.square(large)
    series: Any = 0.0
    for j in range(9, 0, -1):
        series = series * t + BERNOULLI[j - 1] / (2 * j * (2 * j - 1))
    return np.where(few, direct, series / large)


@op
@in_double
def log1p_less(d: Any) -> Any:
    """Return log(1 + d) - d, without cancellation where d is small."""
    near = np.less(np.abs(d), 0.5)
    small = np.where(near, d, 0)
    r = small / (2 + small)
    series = 0.0
    for k in range(17, -1, -1):
        series = series * r * r + 1 / (2 * k + 3)
    return np.where(near, 2 * r**3 * series - r * small, np.log1p(np.where(near, 0, d)) - d)


elementwise(log1p_less,           d=lambda g, d: -g * d / (1 + d))


def deviance(x: Any, mean: Any) -> Any:
    """Return x·log(x / mean) + mean - x without cancellation, also where x is near the mean."""
    d = (mean - x) / x
    return x * np.where(np.less(np.abs(d), 0.5), -log1p_less(d), d - np.log(mean / x))


@op
@in_double
def log_less_digamma(a: Any, x: Any) -> Any:
    """Return log x - ψ(a + 1), without cancellation where a is large and x is near it."""
    few = np.less(a, SHIFT)
    large = np.where(few, SHIFT, a)
    near = np.log(np.where(few, 1, x) / large) + polygamma_remainder(0, large) - 1 / large
    return np.where(few, np.log(x) - special.psi(np.where(few, a, 0) + 1), near)


elementwise(log_less_digamma,     a=lambda g, a: -g * polygamma(1, a + 1), x=lambda g, x: g / x)


@op
@in_double
def log_gamma_term(a: Any, x: Any) -> Any:
    """Return log(xᵃ e⁻ˣ / Γ(a + 1)) for a ≥ 0."""
    few = np.less(a, 15)
    large, small = np.where(few, 15, a), np.where(few, a, 1)
    series = -stirling_error(large) - deviance(large, x) - np.log(2 * pi * large) / 2
    return np.where(few, special.xlogy(small, x) - x - special.gammaln(small + 1), series)


elementwise(log_gamma_term,       a=lambda g, a, x: g * log_less_digamma(a, x), x=lambda g, a, x: g * (a / x - 1))


@op
@in_double
def gamma_density(a: Any, x: Any) -> Any:
    """Return xᵃ⁻¹ exp(-x) / Γ(a) for any real a.

    For large a it is computed as a Poisson probability.
    """
    x = np.where(np.isinf(x), 1e300, x)
    few = np.less(a, 15)
    m = np.where(few, 15, a) - 1
    large = np.exp(-stirling_error(m) - np.where(x == 0, np.inf, deviance(m, x))) / np.sqrt(
        2 * pi * m
    )
    a = np.where(few, a, 1)
    power = np.where((x == 0) & (a <= 0) & (a == np.floor(a)), 0, x ** (a - 1))
    return np.where(few, power * np.exp(-x) * special.rgamma(a), large)


def gamma_density_by_shape(a: Any, x: Any, y: Any) -> Any:
    """Return the derivative of `gamma_density` by a: y·(log x - ψ(a))."""
    few = np.less(a, SHIFT)
    small, z = np.where(few, a, 1.0), np.where(np.logical_or(few, np.equal(x, 0)), 1.0, x)
    near = y * log_less_digamma(np.where(few, SHIFT, a) - 1, z)
    return np.where(few, special.xlogy(y, x) - y * special.psi(small), near)


elementwise(gamma_density,        a=lambda g, a, x, y: g * gamma_density_by_shape(a, x, y),
                                  x=lambda g, a, x, y: g * (gamma_density(a - 1, x) - y))


def beta_kernel(a: Any, b: Any, p: Any, q: Any) -> Any:
    """Return pᵃ⁻¹ qᵇ⁻¹ / B(a, b) for any real a and b, where p + q = 1.

    Where a and b are large, it is computed as a binomial probability.
    """
    large = np.logical_and(a > 2, b > 2) & (a + b > 20)
    m, n = np.where(large, a, 3) - 1, np.where(large, b, 3) - 1
    gap = stirling_error(m + n) - stirling_error(m) - stirling_error(n)
    distance = deviance(m, (m + n) * p) + deviance(n, (m + n) * q)
    distance = np.where((p == 0) | (q == 0), np.inf, distance)
    binomial = (m + n + 1) * np.exp(gap - distance) * np.sqrt((m + n) / (2 * pi * m * n))
    a, b = np.where(large, 1, a), np.where(large, 1, b)
    return np.where(large, binomial, monomial(p, q, a) * monomial(q, p, b) * inverse_beta(a, b))


def monomial(p: Any, q: Any, a: Any) -> Any:
    """Return pᵃ⁻¹, where p + q = 1, computed from q where p is near 1.

    At p = 0 it is 1 where 1/Γ(a), the factor beside it, is 0.
    """
    near = p > 0.5
    power = np.where(near, np.exp((a - 1) * np.log1p(-np.where(near, q, 0))), p ** (a - 1))
    return np.where((p == 0) & (a <= 0) & (a == np.floor(a)), 1, power)


def inverse_beta(a: Any, b: Any) -> Any:
    """Return 1 / B(a, b), for any real a and b."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    large = np.logical_and(low > 0, high > 15)
    x, n = np.where(large, high, 15), np.where(large, low, 1)
    rising = (
        np.sqrt(x / (x + n))
        * x**n
        * np.exp(deviance(x + n, x) + stirling_error(x + n) - stirling_error(x))
    )
    return special.rgamma(low) * np.where(
        large, rising, special.poch(np.where(large, 1, high), np.where(large, 1, low))
    )


@op
@in_double
def beta_density(a: Any, b: Any, x: Any) -> Any:
    """Return xᵃ⁻¹ (1 - x)ᵇ⁻¹ / B(a, b), for any real a and b."""
    return beta_kernel(a, b, x, 1 - x)


elementwise(beta_density,         a=lambda g, a, b, x, y: g * (special.xlogy(y, x) + y * polygamma_difference(0, a, b)),
                                  b=lambda g, a, b, x, y: g * (special.xlog1py(y, -x) + y * polygamma_difference(0, b, a)),
                                  x=lambda g, a, b, x, y: g * beta_density_slope(a, b, x, y))


def beta_density_slope(a: Any, b: Any, x: Any, y: Any) -> Any:
    """Return the derivative of `beta_density` by x.

    At 0 and 1 it is computed from the densities of neighbouring shapes.
    """
    end = np.logical_or(np.equal(x, 0), np.equal(x, 1))
    z = np.where(end, 0.5, x)
    at = np.where(end, x, 0.5)
    left, right = beta_density(a - 1, b, at), beta_density(a, b - 1, at)
    left = np.where(
        np.logical_and(np.equal(x, 1), np.isinf(left)), 0, left
    )  # at 1 the other one is the larger infinity
    right = np.where(np.logical_and(np.equal(x, 0), np.isinf(right)), 0, right)
    at_end = (a + b - 1) * (left - right)
    return np.where(end, at_end, y * ((a - 1) / z - (b - 1) / (1 - z)))


@op
@in_double
def beta_prime_density(a: Any, b: Any, s: Any) -> Any:
    """Return sᵃ⁻¹ (1 + s)⁻ᵃ⁻ᵇ / B(a, b), the density of the odds s of a beta variable."""
    q = 1 / (1 + s)
    return beta_kernel(a, b, np.where(np.isinf(s), 1, s * q), q) * np.square(q)


elementwise(beta_prime_density,   a=lambda g, a, b, s, y: g * (special.xlogy(y, s) - special.xlog1py(y, s)
                                                               + y * polygamma_difference(0, a, b)),
                                  b=lambda g, a, b, s, y: g * (y * polygamma_difference(0, b, a) - special.xlog1py(y, s)),
                                  s=lambda g, a, b, s, y: g * beta_prime_slope(a, b, s, y))


def beta_prime_slope(a: Any, b: Any, s: Any, y: Any) -> Any:
    """Return the derivative of `beta_prime_density` by s.

    At 0 it is computed from the densities of neighbouring shapes.
    """
    zero = np.equal(s, 0)
    at_zero = b * (
        beta_prime_density(a - 1, b + 1, np.where(zero, s, 1))
        - beta_prime_density(a, b + 1, np.where(zero, s, 1))
    )
    s = np.where(zero, 1, s)
    return np.where(zero, at_zero, y * ((a - 1) / s - (b + 1)) / (1 + s))


@op
@in_double
def t_density(n: Any, t: Any) -> Any:
    """Return the density of Student's distribution with n degrees of freedom."""
    r = np.abs(t) / np.sqrt(n)
    h = np.hypot(1, r)
    decay = np.where(r < 1, np.log1p(np.square(np.where(r < 1, r, 0))) / 2, np.log(h))
    shape = stirling_error((n + 1) / 2) - stirling_error(n / 2) - deviance(n / 2, (n + 1) / 2)
    return np.exp(shape - n * decay) / h / ROOT_2PI


def t_excess(n: Any, t: Any) -> tuple[Any, Any]:
    """Return r = (1 - t²) / (n + t²) and log(1 + r)."""
    s = unit(t, np.sqrt(n))
    return (1 - s * s) / n - s * s, np.log1p(1 / n) - special.log1p(t / n * t)


def t_shape_slope(n: Any, t: Any) -> Any:
    """Return the derivative of the logarithm of `t_density` by n, without cancellation."""
    excess, log = t_excess(n, t)
    near = np.less(np.abs(excess), 0.5)
    slope = np.where(near, log1p_less(np.where(near, excess, 0.0)), log - excess)
    return (slope - remainder_difference(0, n / 2, 0.5)) / 2


elementwise(t_density,            n=lambda g, n, t, y: g * y * t_shape_slope(n, t),
                                  t=lambda g, n, t, y: -g * y * (n + 1) * bearing(t, np.sqrt(n)))

# scaled Bessel's


def hankel_series(v: Any, x: Any, n: int, sign: int) -> Any:
    """Return the n-th derivative of x^(-1/2) Σ signᵏ aₖ(v) x⁻ᵏ.

    This is the asymptotic series of exponentially scaled Bessel functions.
    """
    total, term = 0.0, np.power(x, -0.5 - n)
    for k in range(34):
        rising = np.prod([k + 0.5 + i for i in range(n)])
        total = total + (-1) ** n * rising * term
        term = term * sign * (4 * v * v - (2 * k + 1) ** 2) / (8 * (k + 1) * x)
    return total


def differences(f: Any, n: int, v: Any, x: Any, sign: int) -> Any:
    """Return the n-th derivative of f, where f is exp(-x)·I for sign 1 and exp(x)·K for sign -1.

    The first derivative is sign / 2 times the second difference over orders, f(v + 1) - 2 f(v) +
    f(v - 1); so the n-th is (sign / 2)ⁿ times the difference of order 2n.
    """
    return (sign / 2) ** n * sum(
        (-1) ** j * comb(2 * n, j) * f(v + n - j, x) for j in range(2 * n + 1)
    )


@op
@in_double
def ive_derivative(n: Any, v: Any, x: Any) -> Any:
    """Return the n-th derivative of exp(-x)·I(v, x) for x > 0.

    For large x it is computed by the asymptotic series.
    """
    far = np.logical_and(x > 30, x > v * v)
    series = hankel_series(np.where(far, v, 0), np.where(far, x, 40), n, -1) / ROOT_2PI
    return np.where(far, series, differences(special.ive, n, v, np.where(far, 1, x), 1))


@op
@in_double
def kve_derivative(n: Any, v: Any, x: Any) -> Any:
    """Return the n-th derivative of exp(x)·K(v, x) for x > 0.

    For large x it is computed by the asymptotic series.
    """
    far = np.logical_and(x > 30, x > v * v)
    series = hankel_series(np.where(far, v, 0), np.where(far, x, 40), n, 1) * (ROOT_2PI / 2)
    return np.where(far, series, differences(special.kve, n, v, np.where(far, 1, x), -1))



# error functions


def tail_derivative(z: Any, n: int, sign: int) -> Any:
    """Return the n-th derivative of Σ signᵏ (2k-1)!! / (2ᵏ z^(2k+1)).

    This is the asymptotic series of error functions.
    """
    total, term = 0.0, np.power(z, -1.0 - n)
    for k in range(36):
        rising = np.prod([2.0 * k + 1 + i for i in range(n)])
        total = total + (-1) ** n * rising * term
        term = term * sign * (2 * k + 1) / (2 * z * z)
    return total


def derivative_by_recurrence(n: int, z: Any, y: Any, slope: Any, sign: int) -> Any:
    """Return the n-th derivative of y, where y'' = sign·2(z·y' + y)."""
    before, now = y, slope
    for k in range(1, n):
        before, now = now, sign * 2 * (z * now + k * before)
    return now


@op
@in_double
def erfcx_derivative(n: Any, z: Any) -> Any:
    """Return the n-th derivative of erfcx for n ≥ 1 and real z.

    For large z it is computed by the asymptotic series.
    """
    far = z > 6.5
    x, y = np.where(far, 0, z), special.erfcx(np.where(far, 0, z))
    return np.where(
        far,
        tail_derivative(np.where(far, z, 9), n, -1) / ROOT_PI,
        derivative_by_recurrence(n, x, y, 2 * x * y - 2 / ROOT_PI, 1),
    )


@op
@in_double
def dawsn_derivative(n: Any, z: Any) -> Any:
    """Return the n-th derivative of Dawson's integral for n ≥ 1 and real z.

    For large |z| it is computed by the asymptotic series.
    """
    far = np.abs(z) > 7
    x, y = np.where(far, 0, z), special.dawsn(np.where(far, 0, z))
    near = derivative_by_recurrence(n, x, y, 1 - 2 * x * y, -1)
    return np.where(far, tail_derivative(np.where(far, z, 9), n, 1) / 2, near)


elementwise(erfcx_derivative,     n=None, z=lambda g, n, z: g * erfcx_derivative(n + 1, z))
elementwise(dawsn_derivative,     n=None, z=lambda g, n, z: g * dawsn_derivative(n + 1, z))

# integrals


@op
@in_double
def moment(n: Any, upper: Any, rate: Any) -> Any:
    """Return ∫ sⁿ exp(rate·s) ds from 0 to `upper`, for an integer n.

    The derivatives of the Box-Cox transform are such integrals.
    """
    return upper ** (n + 1) / (n + 1) * special.hyp1f1(n + 1, n + 2, rate * upper)


elementwise(moment,               n=None, upper=lambda g, n, upper, rate: g * upper**n * np.exp(rate * upper),
                                  rate=lambda g, n, upper, rate: g * moment(n + 1, upper, rate))

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


@op
@in_double
def sine_integral(n: Any, phi: Any, m: Any, p: Any) -> Any:
    """Return ∫ sin²ⁿθ (1 - m sin²θ)ᵖ dθ from 0 to φ, where φ² and mφ² are below 1/4.

    It is computed by Gaussian quadrature, whose terms all have one sign.
    """
    total: Any = 0.0
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        square = np.square(np.sin(phi * ((1 + node) / 2)))
        total = total + weight / 2 * square**n * (1 - m * square) ** p
    return phi * total


elementwise(sine_integral,        n=None, phi=lambda g, n, phi, m, p: g * np.sin(phi) ** (2 * n) * (1 - m * np.square(np.sin(phi))) ** p,
                                  m=lambda g, n, phi, m, p: -p * g * sine_integral(n + 1, phi, m, p - 1), p=None)

# traits
set_traits(*ops_of_module(__name__), dask_computes=True)
