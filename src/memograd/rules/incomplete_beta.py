"""Derivatives of the incomplete beta functions and of their distributions by their shapes.

As in `incomplete_gamma`, the smaller tail is integrated outwards, here in u, where the odds are
r·exp(u). Let X = r / (1 + r) and D = Xᵃ (1 - X)ᵇ / B(a, b). The lower tail is D·∫ exp(a·v + b·w) du
over t < X, where v = log(t / X) ≤ 0 and w = log((1 - t) / (1 - X)) ≥ 0. The upper tail is the lower
tail with the shapes exchanged and odds 1 / r. Moments with powers of v, w and X - t are closed
under differentiation.

The F and Student distributions have limits for large degrees of freedom, where the derivative by
these is small compared with its terms. `f_shape_derivative` therefore uses a weight function that
does not cancel.

For shapes from 1e-3 to 1e6, derivatives of first and second order are within the error bound of the
accuracy tests.

References
----------
R. J. Boik, J. F. Robison-Cox: Derivatives of the incomplete beta function, J. Stat. Softw. 3 (1998)
1-20 (the same derivatives, by a continued fraction).
NIST Digital Library of Mathematical Functions, 8.17.
"""

from math import comb
from typing import Any

import numpy as np
from scipy import special

from ..errors import NoRuleError
from .pure_registration import elementwise
from .registration import op
from .special_stable import (
    beta_density,
    beta_prime_density,
    beta_prime_slope,
    in_double,
    log1p_less,
    polygamma_difference,
    polygamma_remainder,
    remainder_difference,
    t_density,
    t_excess,
)
from .tail_quadrature import by_blocks, choose, flat_part, half_line


def logarithms(r: Any, y: Any) -> tuple[Any, Any]:
    """Return log(t / X) and log((1 - t) / (1 - X)).

    The odds of X are r, those of t are r·exp(-y).
    """
    rest = 1 / (1 + r)
    near = y < 1
    small, beyond = np.where(near, y, 0), y - np.log1p(r)
    growth = np.exp(np.minimum(beyond, 300)) - rest
    far = np.where(beyond < 300, np.log1p(np.where(near, 0, growth)), beyond)
    v = np.where(near, np.log1p(rest * np.expm1(small)), far)
    further = np.log1p(r) - np.log1p(r * np.exp(-y))
    return -v, np.where(near, -np.log1p(r * rest * np.expm1(-small)), further)


def lower_tail(a: Any, b: Any, r: Any, weight: Any) -> Any:
    """Return ∫ exp(a·v + b·w)·weight(v, w) du over odds r·exp(u) from 0 to r, for vectors."""
    knee = np.minimum(r, np.maximum(a, 1) / np.maximum(b, 1))
    length = np.log(r) - np.log(knee)
    at = knee / (1 + knee)
    rate = np.maximum(a * (1 - at) - b * at, 0)
    scale = np.minimum(1 / (rate + np.sqrt((a + b) * at * (1 - at))), 2)
    large = a > 10
    fall = np.where(large, (1 + knee) * np.expm1(60 / np.maximum(a, 10)), 60 / a)
    a, b, r, length, large = (x[:, None] for x in (a, b, r, length, large))

    def integrand(y: Any) -> Any:
        """Return the integrand at distances `y` below log r."""
        v, w = logarithms(r, y)
        return np.exp(a * v + b * w) * weight(v, w)

    def beyond(z: Any) -> Any:
        # for a large a the exponent depends on 1 - t, which grows as exp(y), linear in z
        """Return the integrand beyond the knee."""
        y = np.where(large, np.log1p(z), z)
        return integrand(length + y) / np.where(large, 1 + z, 1)

    total = half_line(beyond, scale, np.maximum(24, fall / scale))
    return total + flat_part(lambda y: integrand(length - y), length[:, 0])


@op
@by_blocks(3)
def beta_tail_moment(n: int, m: int, j: int, a: Any, b: Any, r: Any) -> Any:
    """Return ∫ vⁿ wᵐ (X - t)ʲ exp(a·v + b·w) du over the odds r·exp(u) from 0 to r."""
    at = (r / (1 + r))[:, None]
    return lower_tail(a, b, r, lambda v, w: v**n * w**m * (-at * np.expm1(v)) ** j)


def beta_moment_by_r(n: Any, m: Any, j: Any, a: Any, b: Any, r: Any, y: Any) -> Any:
    """Return the derivative of `beta_tail_moment` by the odds r."""
    slope = (a + b + j) * beta_tail_moment(n, m, j + 1, a, b, r)
    if j:
        slope = slope + j * (1 - r) / (1 + r) * y
    if n:
        slope = slope + n * beta_tail_moment(n - 1, m, j + 1, a, b, r)
    if m:
        slope = slope + m * beta_tail_moment(n, m - 1, j + 1, a, b, r)
    return slope / r


elementwise(
    beta_tail_moment,
    n=None,
    m=None,
    j=None,
    a=lambda g, n, m, j, a, b, r: g * beta_tail_moment(n + 1, m, j, a, b, r),
    b=lambda g, n, m, j, a, b, r: g * beta_tail_moment(n, m + 1, j, a, b, r),
    r=lambda g, n, m, j, a, b, r, y: g * beta_moment_by_r(n, m, j, a, b, r, y),
)


def odds(x: Any) -> Any:
    """Return x / (1 - x)."""
    one = np.equal(x, 1)
    return np.where(one, np.inf, x / np.where(one, 1.0, 1 - x))


def quantile_odds(a: Any, b: Any, p: Any, x: Any, other: Any) -> Any:
    """Return the odds of the quantile x of p.

    Near 1 they are computed from 1 - x, which `other`, the inverse of the upper tail, gives without
    cancellation.
    """
    low = np.less(x, 0.5)
    small, rest = np.where(low, x, 0.5), other(b, a, np.where(low, 0.5, p))
    return np.where(low, small / (1 - small), 1 / odds(np.where(low, 0.5, rest)))


def is_inside(a: Any, b: Any, r: Any) -> Any:
    """Return whether the shapes and the odds are positive and finite."""
    positive = [np.logical_and(np.greater(z, 0), np.isfinite(z)) for z in (a, b, r)]
    return np.logical_and(np.logical_and(*positive[:2]), positive[2])


def outside(r: Any) -> Any:
    """Return the derivative by a shape outside the open domain: 0 at its ends, else NaN."""
    return np.where(np.logical_or(np.equal(r, 0), np.equal(r, np.inf)), 0.0, np.nan)


def log_share(r: Any) -> Any:
    """Return log X, where r = X / (1 - X)."""
    small = np.less(r, 1)
    low, high = np.where(small, r, 1.0), np.where(small, 1.0, r)
    return np.where(small, np.log(low) - np.log1p(low), -np.log1p(1 / high))


def power_over_beta(a: Any, b: Any, r: Any) -> Any:
    """Return Xᵃ (1 - X)ᵇ / (a·B(a, b)), where r = X / (1 - X); it is finite at a = 0."""
    small = np.less(r, 1)
    low, high = np.where(small, r, 1.0), 1 / np.where(small, 1.0, r)
    below = beta_prime_density(a + 1, b, low) * (1 + low)
    above = beta_prime_density(b, a + 1, high) * (1 + high) * high
    return np.where(small, below, above) / (a + b)


def score(a: Any, b: Any, r: Any) -> Any:
    """Return a·(log X - ψ(a) + ψ(a + b)), which is finite at a = 0."""
    small = np.less(a, 1)
    low, high = np.where(small, a, 1.0), np.where(small, 1.0, a)
    near = low * (log_share(r) + polygamma_difference(0, low + 1, b - 1)) + 1
    return np.where(small, near, high * (log_share(r) + polygamma_difference(0, high, b)))


def relative_slope(a: Any, b: Any, r: Any) -> Any:
    """Return the derivative of the incomplete beta ratio by a, divided by `power_over_beta`."""
    rise = score(a, b, r)
    lower = np.less(rise, 0)
    c, d = np.where(lower, a, b), np.where(lower, b, a)
    s = np.where(lower, r, 1 / r)
    first = np.where(lower, beta_tail_moment(1, 0, 0, c, d, s), beta_tail_moment(0, 1, 0, c, d, s))
    slope = rise * beta_tail_moment(0, 0, 0, c, d, s) + a * first
    return np.where(lower, slope, -slope)


def betainc_by_shape(a: Any, b: Any, r: Any) -> Any:
    """Return the derivative of the incomplete beta ratio by a, where the odds of x are r.

    The derivative by b is minus that by a with b, a and 1 / r in place of a, b and r.
    """
    inside = is_inside(a, b, r)
    a, b, s = (np.where(inside, z, 1.0) for z in (a, b, r))
    return np.where(inside, power_over_beta(a, b, s) * relative_slope(a, b, s), outside(r))


def quantile_by_shape(a: Any, b: Any, r: Any) -> Any:
    """Return -∂x/∂a at a fixed probability, for the quantile x whose odds are r."""
    inside = is_inside(a, b, r)
    a, b, s = (np.where(inside, z, 1.0) for z in (a, b, r))
    width = s / np.square(1 + s) / a
    return np.where(inside, width * relative_slope(a, b, s), outside(r))


# F and Student distributions


def f_log_derivative(n: int, m: int, a: Any, b: Any, tau: Any, logs: Any) -> Any:
    """Return the derivative of the logarithm of the F density by a and b, of orders n and m.

    Parameters
    ----------
    n, m : int
        Orders, 1 to 3 together.
    a, b : array or Node
        Half the degrees of freedom.
    tau : array or Node
        t·(a + b) / a - 1, for the share t of the odds x·a / b.
    logs : tuple of two
        log(1 + tau), and the same of 1 - t and b.
    """
    if n < m:
        return f_log_derivative(m, n, b, a, -tau * a / b, logs[::-1])
    size = a + b
    square = np.square(tau)
    if n + m > 3:
        raise NoRuleError(
            "Derivatives of the F and Student distributions by their degrees of freedom are known "
            "up to the third order. Write them by special.betainc for higher ones."
        )
    if n == 1 and m == 0:
        near = np.less(np.abs(tau), 0.5)
        small = log1p_less(np.where(near, tau, 0.0))
        return np.where(near, small, logs[0] - tau) - remainder_difference(0, a, b)
    if n == 1:
        return polygamma_remainder(1, size) - square * a / (b * size)
    if n == 2 and m == 0:
        return square / size + remainder_difference(1, a, b)
    if n == 3:
        return -square * (3 + 2 * tau) / np.square(size) - remainder_difference(2, a, b)
    slope = square * (2 * (1 + tau) * a / b - 1) / np.square(size)
    return slope - polygamma_remainder(2, size)


def f_weight(n: int, m: int, a: Any, b: Any, tau: Any, logs: Any) -> Any:
    """Return the derivative of the F density of orders n and m by a and b, over the density."""
    if n == 0 and m == 0:
        return 1.0
    if n == 0:
        return f_weight(m, n, b, a, -tau * a / b, logs[::-1])
    return sum(
        comb(n - 1, i)
        * comb(m, j)
        * f_log_derivative(n - i, m - j, a, b, tau, logs)
        * f_weight(i, j, a, b, tau, logs)
        for i in range(n)
        for j in range(m + 1)
    )


def lower_f_derivative(n: int, m: int, a: Any, b: Any, x: Any) -> Any:
    """Return the derivative of the distribution function by integration of its lower tail."""
    r = a / b * x
    tau = ((x - 1) / (1 + r))[:, None]
    c, d = a[:, None], b[:, None]
    share = (x * (1 + a / b) / (1 + r))[:, None]
    end = np.log1p(a / b)[:, None] - np.log1p(r)[:, None]
    start = np.log(x)[:, None] + end

    def weight(v: Any, w: Any) -> Any:
        """Return the relative derivative of the density at t = X·exp(v)."""
        at = np.expm1(v) * share + tau
        return f_weight(n, m, c, d, at, (v + start, w + end))

    return a * power_over_beta(a, b, r) * lower_tail(a, b, r, weight)


@op
@by_blocks(2)
def f_shape_derivative(n: int, m: int, a: Any, b: Any, x: Any) -> Any:
    """Return the derivative of the F distribution function by half its degrees of freedom.

    The degrees of freedom are 2a and 2b. The orders are n by a and m by b, up to 3 together.
    """
    inside = is_inside(a, b, x)
    y = outside(x)
    a, b, x = a[inside], b[inside], x[inside]
    y[inside] = choose(
        x < 1,
        lambda a, b, x: lower_f_derivative(n, m, a, b, x),
        lambda a, b, x: -lower_f_derivative(m, n, b, a, 1 / x),
        a,
        b,
        x,
    )
    return y


elementwise(
    f_shape_derivative,
    n=None,
    m=None,
    a=lambda g, n, m, a, b, x: g * f_shape_derivative(n + 1, m, a, b, x),
    b=lambda g, n, m, a, b, x: g * f_shape_derivative(n, m + 1, a, b, x),
    x=lambda g, n, m, a, b, x: g * f_slope_by_x(n, m, a, b, x),
)


def f_slope_by_x(n: Any, m: Any, a: Any, b: Any, x: Any) -> Any:
    """Return the derivative of `f_shape_derivative` by x."""
    return f_density(a, b, x) * f_relative_slope(n, m, a, b, x)


def f_relative_slope(n: int, m: int, a: Any, b: Any, x: Any) -> Any:
    """Return the derivative of `f_density` by a and b, of orders n and m, relative to its value."""
    odds = a / b * x
    tau = (x - 1) / (1 + odds)
    first = np.log(x) + np.log1p(a / b) - np.log1p(odds)
    return f_weight(n, m, a, b, tau, (first, np.log1p(a / b) - np.log1p(odds)))


@op
@in_double
def f_density(a: Any, b: Any, x: Any) -> Any:
    """Return the density of the F distribution with 2a and 2b degrees of freedom."""
    return a / b * beta_prime_density(a, b, a / b * x)


elementwise(
    f_density,
    a=lambda g, a, b, x, y: g * y * f_relative_slope(1, 0, a, b, x),
    b=lambda g, a, b, x, y: g * y * f_relative_slope(0, 1, a, b, x),
    x=lambda g, a, b, x, y: g * f_density_slope(a, b, x, y),
)


def f_density_slope(a: Any, b: Any, x: Any, y: Any) -> Any:
    """Return the derivative of `f_density` by x."""
    ratio = a / b
    return ratio * ratio * beta_prime_slope(a, b, ratio * x, y / ratio)


@op
@by_blocks(1)
def t_shape_derivative(n: int, df: Any, t: Any) -> Any:
    """Return the n-th derivative of Student's distribution function by df, for n from 1 to 3."""
    far = np.abs(t) > 1e150
    half = np.full(t.shape, 0.5)
    y = f_shape_derivative(0, n, half, df / 2, np.square(np.where(far, 0, t)))
    return np.where(far, np.where(np.isinf(t), 0, np.nan), np.sign(t) * y / 2 ** (n + 1))


elementwise(
    t_shape_derivative,
    n=None,
    df=lambda g, n, df, t: g * t_shape_derivative(n + 1, df, t),
    t=lambda g, n, df, t: g * t_slope_by_t(n, df, t),
)


def t_slope_by_t(n: Any, df: Any, t: Any) -> Any:
    """Return the derivative of `t_shape_derivative` by t.

    It is the n-th derivative by df of the density, which follows from that of F with 1 and df
    degrees of freedom at t².
    """
    excess, log = t_excess(df, t)
    return t_density(df, t) * f_weight(n, 0, df / 2, 0.5, excess, (log, log)) / 2**n


# logarithm


@op
@in_double
def betaincln(a: Any, b: Any, x: Any) -> Any:
    """Return the logarithm of `scipy.special.betainc`, for a and b > 0.

    It does not underflow: far out it is computed from the integral over the tail.

    Parameters
    ----------
    a, b, x : array_like or Node
        The shapes, and the point between 0 and 1.

    Returns
    -------
    array or Node

    References
    ----------
    NIST Digital Library of Mathematical Functions, 8.17.1.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.scipy import special
    >>> a = mg.Tape().leaf(700.0)
    >>> y = special.betaincln(a, 2.0, 0.1)
    >>> round(y.value.item(), 4), round(float(mg.grad(y, a)), 4)
    (-1605.3623, -2.3012)
    """
    below, above = special.betainc(a, b, x), special.betaincc(a, b, x)
    small = np.logical_and(below < 1e-280, x > 0)
    c, d, z = (np.where(small, s, 0.5) for s in (a, b, x))
    integral = np.log(beta_tail_moment(0, 0, 0, c, d, odds(z)))
    power = special.xlogy(c, z) + special.xlog1py(d, -z) - special.betaln(c, d)
    return np.where(small, power + integral, np.where(below < 0.5, np.log(below), np.log1p(-above)))


def betaincln_by_a(a: Any, b: Any, x: Any) -> Any:
    """Return the derivative of `betaincln` by a, computed from the smaller tail."""
    r = odds(x)
    inside = is_inside(a, b, r)
    c, d, s = (np.where(inside, z, 1.0) for z in (a, b, r))
    rise = score(c, d, s)
    own = np.logical_and(inside, np.less(rise, 0))
    first = beta_tail_moment(1, 0, 0, c, d, s) / beta_tail_moment(0, 0, 0, c, d, s)
    slope = betainc_by_shape(a, b, np.where(own, np.inf, r))
    return np.where(own, rise / c + first, slope / np.where(own, 1.0, special.betainc(a, b, x)))


def betaincln_by_b(a: Any, b: Any, x: Any) -> Any:
    """Return the derivative of `betaincln` by b, computed from the smaller tail."""
    r = odds(x)
    inside = is_inside(a, b, r)
    c, d, s = (np.where(inside, z, 1.0) for z in (a, b, r))
    rise = score(d, c, 1 / s)
    own = np.logical_and(inside, np.greater(rise, 0))
    first = beta_tail_moment(0, 1, 0, c, d, s) / beta_tail_moment(0, 0, 0, c, d, s)
    slope = betainc_by_shape(b, a, np.where(own, np.inf, 1 / np.where(inside, r, 1.0)))
    return np.where(own, rise / d + first, -slope / np.where(own, 1.0, special.betainc(a, b, x)))


def betaincln_by_x(a: Any, b: Any, x: Any) -> Any:
    """Return the derivative of `betaincln` by x."""
    r = odds(x)
    inside = is_inside(a, b, r)
    c, d, s = (np.where(inside, z, 1.0) for z in (a, b, r))
    own = np.logical_and(inside, np.less(score(c, d, s), 0))
    ratio = np.square(1 + s) / s / beta_tail_moment(0, 0, 0, c, d, s)
    far = beta_density(a, b, np.where(own, 0.5, x)) / np.where(own, 1.0, special.betainc(a, b, x))
    return np.where(own, ratio, far)


elementwise(
    betaincln,
    a=lambda g, a, b, x: g * betaincln_by_a(a, b, x),
    b=lambda g, a, b, x: g * betaincln_by_b(a, b, x),
    x=lambda g, a, b, x: g * betaincln_by_x(a, b, x),
)
