"""Derivatives of the incomplete gamma functions by their shape, and their logarithms.

Let D = xᵃ e⁻ˣ / Γ(a + 1). Each tail is a·D·∫ exp(a·u - (t - x)) du, where t = x·exp(u) runs from x
outwards. The derivative by a multiplies the integrand by log t - ψ(a), which has one zero. The tail
that does not contain that zero is integrated, so that nothing cancels. The moments of this integral
with powers of u and of t - x are closed under differentiation by a and x, which gives derivatives
of all orders.

For 0 ≤ a ≤ 1e6 and all x, derivatives of first and second order are within the error bound of the
accuracy tests.

References
----------
R. J. Moore: Algorithm AS 187: derivatives of the incomplete gamma integral, Appl. Statist. 31
(1982) 330-335.
A. Gil, J. Segura, N. M. Temme: Efficient and accurate algorithms for the computation and inversion
of the incomplete gamma function ratios, SIAM J. Sci. Comput. 34 (2012) A2965-A2981.
NIST Digital Library of Mathematical Functions, 8.2, 8.8.
"""

from typing import Any

import numpy as np
from scipy import special

from .pure_registration import elementwise
from .registration import op
from .special_stable import gamma_density, in_double, log_gamma_term, log_less_digamma
from .tail_quadrature import by_blocks, choose, flat_part, half_line


def lower_moment(n: int, j: int, a: Any, x: Any) -> Any:
    """Return ∫ uⁿ (t - x)ʲ exp(a·u - (t - x)) du over t = x·exp(u) from 0 to x."""

    def integrand(y: Any) -> Any:
        """Return the integrand at u = -y."""
        beyond = x[:, None] * np.expm1(-y)
        return np.exp(-a[:, None] * y - beyond) * (-y) ** n * beyond**j

    scale = 1 / (np.maximum(a - x, 0) + np.sqrt(x))
    return half_line(integrand, scale, np.maximum(24, 60 / (a * scale)))


def upper_moment(n: int, j: int, a: Any, x: Any) -> Any:
    """Return ∫ uⁿ (t - x)ʲ exp(a·u - (t - x)) du over t = x·exp(u) from x to infinity."""
    knee = np.maximum(np.maximum(a, 1), x)
    length = np.log(knee) - np.log(x)

    def before(y: Any) -> Any:
        """Return the integrand at distances `y` before the knee."""
        u = length[:, None] - y
        beyond = knee[:, None] * np.exp(-y) - x[:, None]
        return np.exp(a[:, None] * u - beyond) * u**n * beyond**j

    def after(y: Any) -> Any:
        """Return the integrand after the knee, where t grows linearly in `y`."""
        u = length[:, None] + np.log1p(y)
        beyond = knee[:, None] * y + (knee - x)[:, None]
        return np.exp(a[:, None] * u - beyond) * u**n * beyond**j / (1 + y)

    scale = 1 / (knee - a + np.sqrt(np.maximum(a, 1)))
    return flat_part(before, length) + half_line(after, scale, 100)


@op
@by_blocks(2)
def gamma_tail_moment(n: int, j: int, lower: Any, a: Any, x: Any) -> Any:
    """Return x ∫ uⁿ (t - x)ʲ exp(a·u - (t - x)) du over the lower or the upper tail.

    Here t = x·exp(u); the lower tail is t < x.
    """
    return x * choose(
        lower != 0,
        lambda a, x: lower_moment(n, j, a, x),
        lambda a, x: upper_moment(n, j, a, x),
        a,
        x,
    )


elementwise(
    gamma_tail_moment,
    n=None,
    j=None,
    lower=None,
    a=lambda g, n, j, lower, a, x: g * gamma_tail_moment(n + 1, j, lower, a, x),
    x=lambda g, n, j, lower, a, x, y: g * moment_by_x(n, j, lower, a, x, y),
)


def moment_by_x(n: Any, j: Any, lower: Any, a: Any, x: Any, y: Any) -> Any:
    """Return the derivative of `gamma_tail_moment` by x.

    The integral is differentiated at fixed u left of the mode, at fixed t - x right of it.
    """
    left = np.less(x, np.maximum(a, 1))
    below = (j + 1) * y - gamma_tail_moment(n, j + 1, lower, a, x)
    b = np.where(left, a, a - 1)
    above = (1 - a) * gamma_tail_moment(n, j + 1, lower, b, x)
    if n:
        above = above - n * gamma_tail_moment(n - 1, j + 1, lower, b, x)
    return np.where(left, below, above / x) / x


def is_inside(a: Any, x: Any) -> Any:
    """Return whether a and x are finite and in the domain, and both tails are positive."""
    finite = np.logical_and(np.isfinite(x), np.isfinite(a))
    return np.logical_and(finite, np.logical_and(np.greater(x, 0), np.greater_equal(a, 0)))


def outside(a: Any, x: Any) -> Any:
    """Return the derivative by the shape outside the open domain: 0 at its ends, else NaN."""
    end = np.logical_or(np.equal(x, 0), np.logical_or(np.equal(x, np.inf), np.equal(a, np.inf)))
    return np.where(end, 0.0, np.nan)


def is_lower(a: Any, x: Any) -> Any:
    """Return whether the lower tail is integrated: whether log x < ψ(a)."""
    return np.less(np.log(x), special.psi(a))


def quantile_by_shape(a: Any, x: Any) -> Any:
    """Return -∂x/∂a at a fixed probability, for a quantile x: ∂P/∂a over the density."""
    inside = is_inside(a, x)
    b, z = np.where(inside, a, 1.0), np.where(inside, x, 1.0)
    lower = is_lower(b, z)
    zeroth = (b * log_less_digamma(b, z) + 1) * gamma_tail_moment(0, 0, lower, b, z)
    slope = zeroth / b + gamma_tail_moment(1, 0, lower, b, z)
    return np.where(inside, np.where(lower, slope, -slope), outside(a, x))


def gammainc_by_shape(a: Any, x: Any) -> Any:
    """Return the derivative of the lower incomplete gamma ratio P(a, x) by a, for a ≥ 0."""
    inside = is_inside(a, x)
    b, z = np.where(inside, a, 1.0), np.where(inside, x, 1.0)
    lower = is_lower(b, z)
    zeroth = (b * log_less_digamma(b, z) + 1) * gamma_tail_moment(0, 0, lower, b, z)
    slope = (zeroth + b * gamma_tail_moment(1, 0, lower, b, z)) / z * gamma_density(b + 1, z)
    return np.where(inside, np.where(lower, slope, -slope), outside(a, x))


# logarithms


def has_own_integral(a: Any, x: Any, lower: bool) -> Any:
    """Return whether the logarithm of a tail is computed from its integral.

    Elsewhere it is computed from 1 minus the other tail.
    """
    inside = is_inside(a, x)
    b, z = np.where(inside, a, 1.0), np.where(inside, x, 1.0)
    left = np.less(np.log(z), np.maximum(special.psi(b), 0) if lower else special.psi(b))
    return np.logical_and(inside, np.equal(left, lower))


def log_tail(a: Any, x: Any, lower: bool) -> Any:
    """Return the logarithm of a tail; where the tail is small, from its integral."""
    own = has_own_integral(a, x, lower)
    b, z = np.where(own, a, 1.0), np.where(own, x, 1.0)
    if lower:
        integral, other = np.log1p(gamma_tail_moment(0, 0, 1.0, b + 1, z)), special.gammaincc(a, x)
    else:
        integral = np.log(b * gamma_tail_moment(0, 0, 0.0, b, z) / z)
        other = special.gammainc(a, x)
    return np.where(own, log_gamma_term(b, z) + integral, np.log1p(-np.where(own, 0, other)))


@op
@in_double
def gammaincln(a: Any, x: Any) -> Any:
    """Return log P(a, x) for a > 0, the logarithm of `scipy.special.gammainc`.

    It does not underflow: far out its own series of tails is used.

    Parameters
    ----------
    a, x : array_like or Node
        The shape, and the point.

    Returns
    -------
    array or Node

    References
    ----------
    NIST Digital Library of Mathematical Functions, 8.2.4.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.scipy import special
    >>> a = mg.Tape().leaf(700.0)
    >>> y = special.gammaincln(a, 1.0)
    >>> round(y.value.item(), 4), round(float(mg.grad(y, a)), 4)
    (-3890.9494, -6.5518)
    """
    return log_tail(a, x, True)


@op
@in_double
def gammainccln(a: Any, x: Any) -> Any:
    """Return log Q(a, x) for a > 0, the logarithm of `scipy.special.gammaincc`.

    It does not underflow; see `gammaincln`.

    Parameters
    ----------
    a, x : array_like or Node
        The shape, and the point.

    Returns
    -------
    array or Node

    References
    ----------
    NIST Digital Library of Mathematical Functions, 8.2.4.

    Examples
    --------
    >>> from memograd.scipy import special
    >>> round(float(special.gammainccln(2.0, 1e4)), 4)
    -9990.7896
    """
    return log_tail(a, x, False)


def log_tail_by_shape(a: Any, x: Any, lower: bool) -> Any:
    """Return the derivative of the logarithm of a tail by a."""
    own = has_own_integral(a, x, lower)
    b, z = np.where(own, a, 1.0), np.where(own, x, 1.0)
    zeroth, first = (gamma_tail_moment(n, 0, float(lower), b + lower, z) for n in range(2))
    relative = first / (1 + zeroth) if lower else 1 / b + first / zeroth
    tail = (special.gammainc if lower else special.gammaincc)(a, x)
    slope = gammainc_by_shape(a, np.where(own, np.inf, x)) / np.where(own, 1.0, tail)
    return np.where(own, log_less_digamma(b, z) + relative, slope if lower else -slope)


def log_tail_by_x(a: Any, x: Any, lower: bool) -> Any:
    """Return the derivative of the logarithm of a tail by x, up to its sign."""
    own = has_own_integral(a, x, lower)
    b, z = np.where(own, a, 1.0), np.where(own, x, 1.0)
    zeroth = gamma_tail_moment(0, 0, float(lower), b + lower, z)
    ratio = b / z / (1 + zeroth) if lower else 1 / zeroth
    tail = (special.gammainc if lower else special.gammaincc)(a, x)
    return np.where(own, ratio, gamma_density(a, np.where(own, 1.0, x)) / np.where(own, 1.0, tail))


elementwise(
    gammaincln,
    a=lambda g, a, x: g * log_tail_by_shape(a, x, True),
    x=lambda g, a, x: g * log_tail_by_x(a, x, True),
)
elementwise(
    gammainccln,
    a=lambda g, a, x: g * log_tail_by_shape(a, x, False),
    x=lambda g, a, x: -g * log_tail_by_x(a, x, False),
)
