"""Rules of scipy.special, imported when one of its functions first meets a node.

Conventions
-----------
- `entr`, `rel_entr`, `kl_div` and `xlogy` at 0: the derivative by the factor is that of the
  arithmetic, infinite where the logarithm is, and the derivative by the argument of the logarithm
  is 0. If both operands of `rel_entr` or `kl_div` are 0, the logarithm of their ratio is taken as
  0.
- `huber` is differentiable everywhere.
- `i0e`, `ive` and the other scaled functions have a kink at 0. The derivative there is the mean of
  the derivatives on both sides.
- `voigt_profile` at σ = 0 is the Lorentz profile, and is smooth in σ.
- `poch(z, m)` is discontinuous in m where z and z + m are both poles of Γ. Its derivative by m is
  infinite or NaN there.
- `ker`, `kerp`, `keip` and `kelvin` have infinite or NaN derivatives at 0, because Kelvin functions
  of the second kind are infinite there. Use `ber` and `bei` at 0.
- Functions of complex numbers are holomorphic, so that one rule serves real and complex numbers.
  The exceptions are `jve`, `yve` and `ive`, whose scale depends on the real or the imaginary part
  alone.

No rule overflows, cancels or gives NaN where the derivative is finite. Where the usual formula
divides zero by zero, the rule uses `hyp1f1` or `hyp2f1`; where it subtracts nearly equal numbers,
the rule uses the leading terms of the difference.

Derivatives by shapes, orders and exponents are computed by quadrature and series. There are those
of the gamma, beta, χ², F and Student distribution functions and their inverses (`incomplete_gamma`,
`incomplete_beta`), of Bessel functions of real arguments (`bessel_orders`), and of zeta functions
of real exponents (`zeta_exponent`). Outside the ranges that those modules state, they are NaN.

Other derivatives have no closed form, and asking for one raises (`unknown`): by the order of Struve
functions, of parabolic cylinder functions and of polynomials; by the parameters of hypergeometric
functions; by the modulus of `ellipj`. These operands may be constants or nodes of integers.
"""

from math import factorial as whole_factorial
from math import log, pi, sqrt
from typing import Any

import numpy as np
from scipy import special
from scipy.special import _ufuncs

from ..arrays.kinds import lazy_kind
from ..errors import ChunksError
from .bessel_orders import ive_by_order, jv_by_order, kve_by_order, yv_by_order
from .broadcasting import unbroadcast
from .elementwise import parallel, power_slope, sech_squared, unit
from .incomplete_beta import (
    betainc_by_shape,
    f_density,
    f_shape_derivative,
    odds,
    quantile_odds,
    t_shape_derivative,
)
from .incomplete_beta import (
    quantile_by_shape as beta_quantile_by_shape,
)
from .incomplete_gamma import gammainc_by_shape, quantile_by_shape
from .indexing import output
from .pure_registration import constant, elementwise, rule
from .reductions import restore_axes
from .registration import op, ops_of_module, refuse_ops, set_traits
from .special_stable import (
    beta_density,
    dawsn_derivative,
    erfcx_derivative,
    gamma_density,
    ive_derivative,
    kve_derivative,
    moment,
    polygamma_difference,
    sine_integral,
    t_density,
    unknown,
)
from .special_stable import (
    polygamma as polygamma,
)
from .traits import Structure, above_bound, below_overflow, within_unit_interval
from .ufunc_methods import log_of_sum
from .zeta_exponent import riemann_slope, zeta_derivative

ROOT_PI, ROOT_2PI, ROOT_2 = sqrt(pi), sqrt(2 * pi), sqrt(2)
LN2, LN10, DEGREE = log(2.0), log(10.0), pi / 180.0


def wide(x: Any) -> Any:
    """Return x in double precision, for formulas that lose too many digits in single precision."""
    return x * np.float64(1.0)


def ratio(a: Any, b: Any) -> Any:
    """Return a / b; 0 where both are 0."""
    return a / np.where(np.logical_and(np.equal(a, 0), np.equal(b, 0)), 1, b)


def log_ratio(a: Any, b: Any) -> Any:
    """Return log(a / b), also where a / b would overflow; 0 where both are 0."""
    origin = np.logical_and(np.equal(a, 0), np.equal(b, 0))
    return np.log(np.where(origin, 1, a)) - np.log(np.where(origin, 1, b))


def tail(t: Any) -> Any:
    """Return Σ (2n-1)!! tⁿ for n = 1 to 6 and small t.

    These are the terms of the asymptotic series of 2z·w(z) after the leading one.
    """
    return t * (1 + 3 * t * (1 + 5 * t * (1 + 7 * t * (1 + 9 * t * (1 + 11 * t)))))


def asymptotic_or_near(far: Any, z: Any, near: Any, series: Any) -> Any:
    """Return `series(1 / 2z²)` where `far` holds, and `near(z)` elsewhere."""
    return np.where(far, series(0.5 / np.square(np.where(far, z, 1))), near(np.where(far, 0, z)))


def erfcx_slope(z: Any) -> Any:
    """Return 2z·erfcx(z) - 2/√π for complex z, by an asymptotic series where Re z is large."""
    far = np.greater(np.real(z), 50)
    return asymptotic_or_near(
        far, z, lambda z: 2 * z * special.erfcx(z) - 2 / ROOT_PI, lambda t: 2 / ROOT_PI * tail(-t)
    )


def wofz_slope(z: Any) -> Any:
    """Return 2i/√π - 2z·w(z), by an asymptotic series far from 0 in the upper half-plane."""
    far = np.logical_and(np.greater(np.abs(z), 50), np.greater_equal(np.imag(z), 0))
    return asymptotic_or_near(
        far, z, lambda z: 2j / ROOT_PI - 2 * z * special.wofz(z), lambda t: -2j / ROOT_PI * tail(t)
    )


def dawsn_slope(z: Any) -> Any:
    """Return 1 - 2z·dawsn(z) for complex z, by an asymptotic series far from the imaginary axis."""
    far = np.greater(np.abs(np.real(z)), 50 + np.abs(np.imag(z)))
    return asymptotic_or_near(far, z, lambda z: 1 - 2 * z * special.dawsn(z), lambda t: -tail(t))


def normal(x: Any) -> Any:
    """Return the density of the standard normal distribution."""
    return np.exp(-0.5 * x * x) / ROOT_2PI


def log_ndtr_slope(x: Any, y: Any) -> Any:
    """Return the normal density divided by the distribution function, whose logarithm is y."""
    left = np.less(np.real(x), 0)
    below = 2 / ROOT_2PI / special.erfcx(np.where(left, x, 0) / -ROOT_2)
    x = np.where(left, 0, x)
    return np.where(left, below, np.exp(-0.5 * x * x - np.where(left, 0, y)) / ROOT_2PI)


def rgamma_slope(x: Any) -> Any:
    """Return the derivative of 1/Γ.

    For Re x < 1/2 it is computed by reflection, because ψ has poles there where 1/Γ has zeros.
    """
    left = np.less(np.real(x), 0.5)
    s, x = 1 - np.where(left, x, 0), np.where(left, 1, x)
    reflected = special.gamma(s) * (
        np.cos(pi * (1 - s)) - np.sin(pi * (1 - s)) * special.psi(s) / pi
    )
    return np.where(left, reflected, -special.rgamma(x) * special.psi(x))


def beta_quantile_density(a: Any, b: Any, p: Any, x: Any, other: Any) -> Any:
    """Return the density of the beta distribution at the quantile x of p.

    Near 1 it is computed from 1 - x, which `other`, the inverse of the upper tail, gives without
    cancellation.
    """
    low = np.less(x, 0.5)
    rest = other(b, a, np.where(low, 0.5, p))
    return np.where(low, beta_density(a, b, np.where(low, x, 0.5)), beta_density(b, a, rest))


def rest_odds(x: Any) -> Any:
    """Return (1 - x) / x."""
    zero = np.equal(x, 0)
    return np.where(zero, np.inf, (1 - x) / np.where(zero, 1.0, x))


def beta_quantile_by_a(a: Any, b: Any, p: Any, x: Any, other: Any) -> Any:
    """Return -∂x/∂a of a quantile of the beta distribution; `other` gives 1 - x."""
    a, b = wide(a), wide(b)
    return beta_quantile_by_shape(a, b, quantile_odds(a, b, wide(p), wide(x), other))


def beta_quantile_by_b(a: Any, b: Any, p: Any, x: Any, other: Any) -> Any:
    """Return ∂x/∂b of a quantile of the beta distribution; `other` gives 1 - x."""
    a, b = wide(a), wide(b)
    return beta_quantile_by_shape(b, a, 1 / quantile_odds(a, b, wide(p), wide(x), other))


def f_quantile_slope(n: int, m: int, a: Any, b: Any, x: Any) -> Any:
    """Return the derivative of the F distribution function by a shape, divided by the density."""
    return f_shape_derivative(n, m, a, b, x) / f_density(a, b, x)


def lower_degree(n: Any) -> Any:
    """Return n - 1, the degree of a polynomial's derivative; 0 for the constant polynomial."""
    return np.where(np.equal(n, 0), 0, n - 1)


def unless_constant(n: Any, slope: Any) -> Any:
    """Return `slope`, or 0 for the constant polynomial."""
    return np.where(np.equal(n, 0), 0, slope)


def legendre_slope(n: Any, x: Any) -> Any:
    """Return the derivative of a Legendre polynomial.

    Degrees n and -n-1 are the same polynomial.
    """
    n = np.where(np.less(n, -0.5), -n - 1, n)
    return unless_constant(n, (n + 1) / 2 * special.eval_jacobi(lower_degree(n), 1, 1, x))


def chebyt_slope(n: Any, x: Any) -> Any:
    """Return the derivative of a Chebyshev polynomial of the first kind.

    Degrees n and -n are the same polynomial.
    """
    n = np.abs(n)
    return n * special.eval_chebyu(lower_degree(n), x)


def chebyu_slope(n: Any, x: Any) -> Any:
    """Return the derivative of a Chebyshev polynomial of the second kind.

    Degree -n-2 is the negative of degree n, and degree -1 is 0.
    """
    low = np.less(n, -1)
    n, sign = np.where(low, -n - 2, n), np.where(low, -1, 1)
    none = np.logical_or(np.equal(n, 0), np.equal(n, -1))
    return np.where(none, 0, 2 * sign * special.eval_gegenbauer(np.where(none, 0, n - 1), 2, x))


def jacobi_slope(n: Any, a: Any, b: Any, x: Any) -> Any:
    """Return the derivative of a Jacobi polynomial."""
    slope = (n + a + b + 1) / 2 * special.eval_jacobi(lower_degree(n), a + 1, b + 1, x)
    return unless_constant(n, slope)


def expn_slope(n: Any, x: Any) -> Any:
    """Return the derivative of the exponential integral Eₙ by x, which is -Eₙ₋₁.

    SciPy has no order -1, which is needed for n = 0.
    """
    return np.where(
        np.equal(n, 0),
        -np.exp(-x) * (1 + 1 / x) / x,
        -special.expn(np.where(np.equal(n, 0), 1, n) - 1, x),
    )


def ellipk_slope(m: Any) -> Any:
    """Return the derivative of K(m), accurate at m = 0 and near m = 1.

    For m < -1 it is computed from E and K, because SciPy's hypergeometric function is inaccurate
    there.
    """
    left = np.less(m, -1)
    k = np.where(left, m, -1)
    closed = (special.ellipe(k) / (1 - k) - special.ellipk(k)) / (2 * k)
    return np.where(
        left, closed, pi / 8 / (1 - m) * special.hyp2f1(0.5, 0.5, 2.0, np.where(left, 0, m))
    )


def elliptic_factor(p: Any) -> Any:
    """Return hyp2f1(1/2, 1/2, 2, 1 - p).

    Near p = 0, where its slope is infinite, it is computed from the leading terms in p.
    """
    tiny = np.less(p, 1e-8)
    q = np.where(tiny, p, 1)
    leading_terms = 4 / pi * (1 + q * (0.75 - LN2) + special.xlogy(q, q) / 4)
    return np.where(tiny, leading_terms, special.hyp2f1(0.5, 0.5, 2.0, 1 - np.where(tiny, 0.5, p)))


def sine_series(phi: Any, m: Any, p: float) -> Any:
    """Return ∫ sin²θ (1 - m sin²θ)ᵖ dθ from 0 to φ, for small m."""
    s, c, term, total, power = np.sin(phi), np.cos(phi), phi, 0.0, 1.0
    for k in range(1, 13):
        term = ((2 * k - 1) * term - c * np.power(s, 2 * k - 1)) / (2 * k)
        total, power = total + power * term, power * (k - 1 - p) / k * m
    return total


def incomplete_k_slope(phi: Any, m: Any) -> Any:
    """Return the derivative of F(φ, m) by m.

    The closed form divides by m and cancels at small φ, so that other formulas are used there.
    """
    near, small = sine_integral_ranges(phi, m)
    k, angle = np.where(small, 0.5, m), np.where(near, 1, phi)
    edge = np.sin(2 * angle) / (4 * (1 - k) * np.sqrt(1 - k * np.square(np.sin(angle))))
    closed = (special.ellipeinc(angle, k) - (1 - k) * special.ellipkinc(angle, k)) / (
        2 * k * (1 - k)
    ) - edge
    by_m = np.where(small, sine_series(angle, np.where(small, m, 0), -1.5) / 2, closed)
    return np.where(
        near, sine_integral(1, np.where(near, phi, 0), np.where(near, m, 0), -1.5) / 2, by_m
    )


def incomplete_e_slope(phi: Any, m: Any) -> Any:
    """Return the derivative of E(φ, m) by m.

    The closed form divides by m and cancels at small φ, so that other formulas are used there.
    """
    near, small = sine_integral_ranges(phi, m)
    k, angle = np.where(small, 0.5, m), np.where(near, 1, phi)
    closed = (special.ellipeinc(angle, k) - special.ellipkinc(angle, k)) / (2 * k)
    by_m = np.where(small, sine_series(angle, np.where(small, m, 0), -0.5) / -2, closed)
    return np.where(
        near, sine_integral(1, np.where(near, phi, 0), np.where(near, m, 0), -0.5) / -2, by_m
    )


def sine_integral_ranges(phi: Any, m: Any) -> tuple[Any, Any]:
    """Return where `sine_integral` is accurate, and where φ or m is too small for closed forms."""
    near = np.less(np.square(phi) * np.maximum(np.abs(m), 1), 0.25)
    return near, np.logical_or(near, np.less(np.abs(m), 0.02))


def agm_slope(a: Any, b: Any) -> Any:
    """Return the derivative of the arithmetic-geometric mean by a.

    Let M(r) = agm(1, r), where r is the ratio of the smaller argument to the larger one. The
    derivative by the smaller argument is M'(r), and that by the larger one is M(r) - r·M'(r).
    """
    low = np.less_equal(np.abs(a), np.abs(b))
    r = np.where(low, a, b) / np.where(low, b, a)
    mean = special.agm(1.0, r)
    slope = mean * mean * elliptic_factor(r * r) / 2
    return np.where(low, slope / np.where(low, r, 1), mean - slope)


def inverse_boxcox_log(x: Any, lmbda: Any) -> Any:
    """Return log(1 + λx) / λ, smooth at λ = 0."""
    u = lmbda * x
    near = np.less(np.abs(u), 0.5)
    series = x * special.hyp2f1(1.0, 1.0, 2.0, -np.where(near, u, 0))
    return np.where(near, series, np.log1p(np.where(near, 0, u)) / np.where(near, 1, lmbda))


def inverse_boxcox_slope(x: Any, lmbda: Any) -> Any:
    """Return the derivative of the inverse Box-Cox transform y by x: y to the power of 1 - λ."""
    return np.exp((1 - lmbda) * inverse_boxcox_log(x, lmbda))


def inverse_boxcox_by_lmbda(x: Any, lmbda: Any) -> Any:
    """Return minus the derivative of the inverse Box-Cox transform by λ."""
    return inverse_boxcox_slope(x, lmbda) * moment(1, inverse_boxcox_log(x, lmbda), lmbda)


def pseudo_huber_slope(delta: Any, r: Any) -> Any:
    """Return the derivative of the pseudo-Huber loss by δ."""
    h = np.hypot(delta, r)
    t = ratio(r, h + delta)
    return r * t * t * unit(r, delta)


def voigt_parts(x: Any, sigma: Any, gamma: Any) -> tuple[Any, Any, Any, Any]:
    """Return the parts of the Voigt profile: u = x + iγ, where it is far, σ²/u² and i/(πu).

    A point is far if |u| is large compared with σ. The last two are those of far points; i/(πu) is
    the complex Lorentz profile.
    """
    u = x + 1j * gamma
    far = np.greater(np.abs(u), 50 * ROOT_2 * sigma)
    v = np.where(far, u, 1)
    return u, far, np.square(np.where(far, sigma, 0) / v), 1j / (pi * v)


def voigt_slope(x: Any, sigma: Any, gamma: Any) -> Any:
    """Return the derivative of the complex Voigt profile by u = x + iγ.

    Where |u| is large it is computed by a series in σ, which may be 0.
    """
    u, far, t, lorentz = voigt_parts(x, sigma, gamma)
    s = np.where(far, 1, sigma)
    near = wofz_slope(np.where(far, 0, u) / (s * ROOT_2)) / (2 * s * s * ROOT_PI)
    return np.where(
        far, -lorentz / np.where(far, u, 1) * (1 + t * (3 + t * (15 + t * (105 + 945 * t)))), near
    )


def voigt_sigma(x: Any, sigma: Any, gamma: Any) -> Any:
    """Return the derivative of the Voigt profile by σ.

    Where |u| is large it is computed by a series, because the closed form cancels.
    """
    u, far, t, lorentz = voigt_parts(x, sigma, gamma)
    series = (
        lorentz
        * 2
        * sigma
        / np.square(np.where(far, u, 1))
        * (1 + t * (6 + t * (45 + t * (420 + 4725 * t))))
    )
    profile = special.voigt_profile(x, np.where(far, 1, sigma), gamma)
    closed = -(
        np.where(far, 0, profile) + np.real(np.where(far, 0, u) * voigt_slope(x, sigma, gamma))
    ) / np.where(far, 1, sigma)
    return np.where(far, np.real(series), closed)


def modfresnel_pull(f: Any, g: Any, x: Any, turn: complex) -> Any:
    """Return the cotangent through a modified Fresnel integral and its scaled form."""
    scaled = -np.exp(-turn * (x * x + pi / 4)) / ROOT_PI
    return (-g[0] + g[1] * scaled) * np.exp(turn * x * x) - g[1] * 2 * turn * x * f(x)[1]


def poch_slope(z: Any, m: Any, y: Any) -> Any:
    """Return the derivative of Pochhammer's symbol y by z.

    At a pole of Γ(z) it is computed from the derivative of 1/Γ; where z + m is a pole as well, by
    reflection.
    """
    end, pole = z + m, is_pole(z)
    both = np.logical_and(pole, is_pole(end))
    reflected = special.psi(np.where(both, 1 - end, 1)) - special.psi(np.where(both, 1 - z, 1))
    once = np.where(np.logical_and(pole, np.logical_not(both)), end, 1)
    crossing = y * special.psi(once) + special.gamma(once) * rgamma_slope(np.where(pole, z, 0))
    plain = y * polygamma_difference(0, np.where(pole, 1, z), np.where(pole, 0, m))
    return np.where(both, y * reflected, np.where(pole, crossing, plain))


def binom_slope_by_n(n: Any, k: Any, y: Any) -> Any:
    """Return the derivative of a binomial coefficient y by n.

    Where y is 0 it is computed from the derivative of 1/Γ(n - k + 1).
    """
    zero = np.logical_or(np.equal(y, 0), is_pole(n - k + 1))
    plain = y * polygamma_difference(0, np.where(zero, 1, n + (1 - k)), np.where(zero, 1, k))
    n, k = np.where(zero, n, 1), np.where(zero, k, 1)
    return np.where(
        zero, y * special.psi(n + 1) + special.poch(k + 1, n - k) * rgamma_slope(n - k + 1), plain
    )


def binom_slope_by_k(n: Any, k: Any, y: Any) -> Any:
    """Return the derivative of a binomial coefficient y by k.

    Where y is 0 it is computed from the derivatives of 1/Γ(k + 1) and 1/Γ(n - k + 1).
    """
    zero = np.logical_or(np.equal(y, 0), is_pole(n - k + 1))
    plain = y * polygamma_difference(0, np.where(zero, 1, k + 1), np.where(zero, 0, n - 2 * k))
    n, k = np.where(zero, n, 1), np.where(zero, k, 1)
    low, high = (
        special.poch(n - k + 1, k) * rgamma_slope(k + 1),
        special.poch(k + 1, n - k) * rgamma_slope(n - k + 1),
    )
    return np.where(zero, low - high, plain)


def is_pole(z: Any) -> Any:
    """Return whether Γ has a pole at z."""
    return np.logical_and(np.less_equal(z, 0), np.equal(z, np.floor(z)))


def quotient(y: Any, x: Any, limit: Any = 0.0) -> Any:
    """Return y / x, or its limit where x is 0."""
    zero = np.equal(x, 0)
    return np.where(zero, limit, y / np.where(zero, 1, x))


def struve_slope(f: Any, v: Any, x: Any, sign: int) -> Any:
    """Return the derivative of a Struve function by x, from the functions of neighbouring orders.

    For order 0 it is computed from order 1 alone. The sign is 1 for modified Struve functions, else
    -1.
    """
    zero = np.equal(v, 0)
    order = np.where(zero, 1, v)
    term = np.power(x / 2, order) * special.rgamma(order + 1.5) / ROOT_PI
    return np.where(
        zero, 2 / pi + sign * f(1, x), (f(order - 1, x) + sign * f(order + 1, x) + term) / 2
    )


def modulate_cotangent(g: Any, y: Any, part: Any, turn: Any) -> Any:
    """Return the cotangent through the factor exp(-|part|).

    `turn` is 1 if `part` is the real part, and -i if it is the imaginary part.
    """
    return -np.real(g * y) * np.sign(part) * turn


def ive_pull(g: Any, v: Any, z: Any, y: Any) -> Any:
    """Return the cotangent through exp(-|Re z|)·I(v, z) for complex z."""
    return g / 2 * (special.ive(v - 1, z) + special.ive(v + 1, z)) + modulate_cotangent(
        g, y, np.real(z), 1
    )


def ive_push(t: Any, v: Any, z: Any, y: Any) -> Any:
    """Return the tangent through exp(-|Re z|)·I(v, z) for complex z."""
    return t / 2 * (special.ive(v - 1, z) + special.ive(v + 1, z)) - y * np.sign(
        np.real(z)
    ) * np.real(t)


def ive_slope(v: Any, x: Any) -> Any:
    """Return the derivative of exp(-|x|)·I(v, x) by real x.

    At 0 it is the mean of the derivatives on both sides. For x < 0 the parity of I is that of its
    order.
    """
    zero = np.equal(x, 0)
    turn = np.where(np.less(x, 0), -np.cos(pi * v), 1)
    order = np.where(zero, v, 2.0)  # the derivative by the order is infinite at order 0
    centre = (special.ive(np.abs(order - 1), 0) + special.ive(order + 1, 0)) / 2
    return np.where(zero, centre, turn * ive_derivative(1, v, np.where(zero, 1, np.abs(x))))


def hankel_slope(f: Any, v: Any, z: Any, turn: complex, dtype: Any) -> Any:
    """Return the derivative of a Hankel function J ± i·Y.

    For real numbers it is computed from J and Y: SciPy's Hankel functions lose the smaller of the
    two.
    """
    if dtype.kind == "c":
        return (f(v - 1, z) - f(v + 1, z)) / 2
    z = wide(z)
    return (special.jv(v - 1, z) - special.jv(v + 1, z)) / 2 + turn / 2 * (
        special.yv(v - 1, z) - special.yv(v + 1, z)
    )


BY_ORDER = {
    special.jv: lambda v, z: jv_by_order(1, v, z),
    special.yv: lambda v, z: yv_by_order(1, v, z),
    special.iv: lambda v, z: np.exp(z) * ive_by_order(1, 0, v, z),
    special.kv: lambda v, z: np.exp(-z) * kve_by_order(1, 0, v, z),
    special.jve: lambda v, z: jv_by_order(1, v, z),
    special.yve: lambda v, z: yv_by_order(1, v, z),
    special.ive: lambda v, z: ive_by_order(1, 0, v, z),
    special.kve: lambda v, z: kve_by_order(1, 0, v, z),
    special.hankel1: lambda v, z: jv_by_order(1, v, z) + 1j * yv_by_order(1, v, z),
    special.hankel2: lambda v, z: jv_by_order(1, v, z) - 1j * yv_by_order(1, v, z),
    special.hankel1e: lambda v, z: np.exp(-1j * z)
    * (jv_by_order(1, v, z) + 1j * yv_by_order(1, v, z)),
    special.hankel2e: lambda v, z: np.exp(1j * z)
    * (jv_by_order(1, v, z) - 1j * yv_by_order(1, v, z)),
}
"""Derivatives of Bessel functions by the order, for real arguments."""


def slope_by_order(f: Any, v: Any, z: Any, dtype: Any) -> Any:
    """Return the derivative of a Bessel function by its order; raise for complex arguments."""
    if dtype.kind == "c":
        unknown(f, "v", " at complex arguments")(None)
    return BY_ORDER[f](wide(v), wide(z))


def zeta_slope(x: Any, q: Any, dtype: Any) -> Any:
    """Return the derivative of a zeta function by its exponent; raise for complex exponents."""
    if dtype.kind == "c":
        unknown(special.zeta, "x", " of complex numbers")(None)
    return riemann_slope(wide(x)) if q is None else zeta_derivative(1, wide(x), wide(q))


def kve_slope(v: Any, z: Any, y: Any, dtype: Any) -> Any:
    """Return the derivative of exp(z)·K(v, z)."""
    return (
        y - (special.kve(v - 1, z) + special.kve(v + 1, z)) / 2
        if dtype.kind == "c"
        else kve_derivative(1, v, z)
    )


def sinc_like(f: Any, x: Any, sign: int) -> Any:
    """Return sin(x) / x for sign -1, sinh(x) / x for sign 1; smooth at 0."""
    small = np.less(np.abs(x), 1)
    return np.where(
        small,
        special.hyp0f1(1.5, sign * np.square(np.where(small, x, 0)) / 4),
        f(x) / np.where(small, 1, x),
    )


def from_one(f: Any, x: Any, sign: int) -> Any:
    """Return sign·(f(x) - 1) / x, where f is J0 for sign -1 and I0 for sign 1.

    Near 0, where f is near 1, it is computed by a series.
    """
    small = np.less(np.abs(x), 1)
    z = np.square(np.where(small, x, 0)) / 4
    series: Any = 0.0
    for k in range(10, 0, -1):
        series = sign ** (k + 1) / whole_factorial(k) ** 2 + z * series
    return np.where(small, x / 4 * series, sign * (f(x) - 1) / np.where(small, 1, x))


def odds_share(y: Any) -> Any:
    """Return y / (1 + y), in a form whose own derivative does not cancel where y is large."""
    large = np.greater(np.abs(y), 1)
    return np.where(large, 1 / (1 + 1 / np.where(large, y, 1)), y / (1 + np.where(large, 0, y)))


def spence_slope(z: Any) -> Any:
    """Return log(z) / (1 - z), smooth at 1."""
    near = np.less(np.abs(1 - z), 0.5)
    return np.where(
        near,
        -special.hyp2f1(1.0, 1.0, 2.0, np.where(near, 1 - z, 0)),
        np.log(z) / np.where(near, 1, 1 - z),
    )


def wave_pull(g: Any, y: Any, q: Any) -> Any:
    """Return the cotangent through f and f', where f'' = q·f."""
    return g[0] * output(y, 1) + g[1] * q * output(y, 0)


def airy_pull(g: Any, z: Any, y: Any) -> Any:
    """Return the cotangent through Ai, Ai', Bi and Bi', where f'' = z·f."""
    return (
        g[0] * output(y, 1)
        + g[1] * z * output(y, 0)
        + g[2] * output(y, 3)
        + g[3] * z * output(y, 2)
    )


def kelvin_pull(g: Any, x: Any, y: Any) -> Any:
    """Return the cotangent through Be, Ke, Be' and Ke', where f'' = i·f - f'/x."""
    be, ke = output(y, 2), output(y, 3)
    return (
        g[0] * be
        + g[1] * ke
        + g[2] * (1j * output(y, 0) - quotient(be, x, 0.5j))
        + g[3] * (1j * output(y, 1) - ke / x)
    )


def ellipj_pull(g: Any, m: Any, y: Any) -> Any:
    """Return the cotangent through sn, cn, dn and the amplitude."""
    sn, cn, dn = output(y, 0), output(y, 1), output(y, 2)
    return (g[0] * cn - g[1] * sn + g[3]) * dn - g[2] * m * sn * cn


def apply_by_block(f: Any, a: Any, *args: Any) -> Any:
    """Return f of an array; of a Dask array lazily, block by block."""
    return a.map_blocks(f, *args) if lazy_kind(a) else f(a, *args)


@op
def multigammaln(a: Any, d: Any) -> Any:
    """Compute ``scipy.special.multigammaln``, lazily on Dask arrays.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.scipy import special
    >>> a = mg.Tape().leaf(3.0)
    >>> float(mg.grad(special.multigammaln(a, 2), a).round(6))
    1.625941
    """
    return apply_by_block(special.multigammaln, a, d)


@op
def factorial(n: Any, exact: Any = False, extend: Any = "zero") -> Any:
    """Compute ``scipy.special.factorial``, lazily on Dask arrays.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.scipy import special
    >>> n = mg.Tape().leaf(3.0)
    >>> y = special.factorial(n)
    >>> float(y.value), float(mg.grad(y, n).round(6))
    (6.0, 7.536706)
    """
    if np.iscomplexobj(n) and extend != "complex":
        raise TypeError(
            'The factorial of complex numbers is that of special.gamma(n + 1). Give '
            'extend="complex".'
        )
    return apply_by_block(special.factorial, n, exact, extend)


@op
def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: Any = False, return_sign: Any = False
) -> Any:
    """Compute ``scipy.special.logsumexp``, lazily on Dask arrays.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.scipy import special
    >>> a = mg.Tape().leaf([1000.0, 1000.0])
    >>> mg.grad(special.logsumexp(a), a)
    array([0.5, 0.5])
    """
    if lazy_kind(a):
        if return_sign:
            raise ChunksError(
                "logsumexp of a Dask array has no sign. Leave out return_sign, or "
                "take the parts of one sign by themselves."
            )
        return log_of_sum(a, axis, keepdims, b=1 if b is None else b)
    return special.logsumexp(a, axis, b, keepdims, return_sign)


@op
def softmax(x: Any, axis: Any = None) -> Any:
    """Compute ``scipy.special.softmax``, lazily on Dask arrays.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.scipy import special
    >>> x = mg.Tape().leaf([0.0, 0.0])
    >>> mg.grad(special.softmax(x)[0], x)
    array([ 0.25, -0.25])
    """
    return np.exp(x - log_of_sum(x, axis, True)) if lazy_kind(x) else special.softmax(x, axis)


@op
def log_softmax(x: Any, axis: Any = None) -> Any:
    """Compute ``scipy.special.log_softmax``, lazily on Dask arrays.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.scipy import special
    >>> x = mg.Tape().leaf([0.0, 0.0])
    >>> mg.grad(special.log_softmax(x)[0], x)
    array([ 0.5, -0.5])
    """
    return x - log_of_sum(x, axis, True) if lazy_kind(x) else special.log_softmax(x, axis)


@op
def spherical_jn(n: Any, z: Any, derivative: Any = False) -> Any:
    """Compute ``scipy.special.spherical_jn``.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.scipy import special
    >>> z = mg.Tape().leaf(1.0)
    >>> float(mg.grad(special.spherical_jn(1, z), z).round(6))
    0.239134
    """
    return special.spherical_jn(n, z, derivative)


@op
def spherical_yn(n: Any, z: Any, derivative: Any = False) -> Any:
    """Compute ``scipy.special.spherical_yn``.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.scipy import special
    >>> z = mg.Tape().leaf(1.0)
    >>> float(mg.grad(special.spherical_yn(1, z), z).round(6))
    2.223244
    """
    return special.spherical_yn(n, z, derivative)


@op
def spherical_in(n: Any, z: Any, derivative: Any = False) -> Any:
    """Compute ``scipy.special.spherical_in``.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.scipy import special
    >>> z = mg.Tape().leaf(1.0)
    >>> float(mg.grad(special.spherical_in(1, z), z).round(6))
    0.439442
    """
    return special.spherical_in(n, z, derivative)


@op
def spherical_kn(n: Any, z: Any, derivative: Any = False) -> Any:
    """Compute ``scipy.special.spherical_kn``.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.scipy import special
    >>> z = mg.Tape().leaf(1.0)
    >>> float(mg.grad(special.spherical_kn(1, z), z).round(6))
    -2.889318
    """
    return special.spherical_kn(n, z, derivative)


def neighbours(f: Any, n: Any, z: Any, sign: int) -> Any:
    """Return the derivative of a spherical Bessel function by its argument, up to its sign.

    It is computed from the functions of neighbouring orders.
    """
    return (n * f(lower_degree(n), z) + sign * (n + 1) * f(n + 1, z)) / (2 * n + 1)


def factorial_slope(n: Any, y: Any, extend: str) -> Any:
    """Return the derivative of y = Γ(n + 1) by n.

    SciPy's factorial is constant for n < 0, unless it is extended.
    """
    inside = np.greater_equal(n, 0) if extend == "zero" else np.isfinite(y)
    return np.where(inside, y * special.psi(np.where(inside, n, 0) + 1), 0)


def apply_weight(a: Any, b: Any) -> Any:
    """Return `a`, with -∞ where its weight b is 0."""
    return a if b is None else np.where(np.equal(b, 0), -np.inf, a)


def logsumexp_shares(a: Any, b: Any, y: Any, axis: Any, keepdims: Any, real: bool) -> Any:
    """Return exp(a) / Σ b·exp(a), where y is the logarithm of the sum.

    Where y is infinite, the infinite elements have equal shares.
    """
    y = restore_axes(y, axis, keepdims)
    singular = np.isinf(y)
    infinite = np.logical_and(np.equal(a, y), singular)
    a = np.where(singular, 0, a)
    part = (
        softmax(a, axis)
        if b is None and real
        else logsumexp_weight_shares(a, 1 if b is None else b, axis, singular)
    )
    return np.where(
        singular, infinite / np.maximum(np.sum(infinite, axis=axis, keepdims=True), 1), part
    )


def logsumexp_weight_shares(a: Any, b: Any, axis: Any, singular: Any) -> Any:
    """Return exp(a) / Σ b·exp(a), which has no meaning where `singular` holds."""
    top = np.max(np.real(np.where(np.equal(b, 0), -np.inf, a)), axis=axis, keepdims=True)
    part = np.exp(a - np.where(np.isinf(top), 0, top))
    return part / np.where(singular, 1, np.sum(b * part, axis=axis, keepdims=True))


def leading(p: Any) -> Any:
    """Return where an element of p is more than half of their sum, 1."""
    return np.greater(p, 0.5)


def softmax_pull(g: Any, y: Any, axis: Any) -> Any:
    """Return the VJP of softmax, which is also its JVP, because the Jacobian is symmetric.

    The cotangent of the leading element is subtracted from all, so that nothing cancels.
    """
    g = g - np.sum(np.where(leading(y), g, 0), axis=axis, keepdims=True)
    return y * (g - np.sum(g * y, axis=axis, keepdims=True))


def log_softmax_pull(g: Any, x: Any, axis: Any) -> Any:
    """Return g - p·Σg, where p is the softmax.

    For the leading element it is computed from the sums over the others, so that nothing cancels.
    """
    p = softmax(x, axis)
    first = leading(p)
    others = np.sum(np.where(first, 0, p), axis=axis, keepdims=True)
    rest = np.sum(np.where(first, 0, g), axis=axis, keepdims=True)
    return np.where(first, g * others - p * rest, g - p * np.sum(g, axis=axis, keepdims=True))


def log_softmax_push(t: Any, x: Any, axis: Any) -> Any:
    """Return t - Σ p·t, where p is the softmax.

    The tangent of the leading element is subtracted from all, so that nothing cancels.
    """
    p = softmax(x, axis)
    t = t - np.sum(np.where(leading(p), t, 0), axis=axis, keepdims=True)
    return t - np.sum(t * p, axis=axis, keepdims=True)


def logsumexp_slope(
    g: Any, a: Any, b: Any, y: Any, axis: Any, keepdims: Any, return_sign: Any, dtype: Any
) -> Any:
    """Return the cotangent of b, not yet summed over broadcast axes; b times it is that of a.

    With `return_sign`, `g` and `y` are tuples.
    """
    if not return_sign:
        return restore_axes(g, axis, keepdims) * logsumexp_shares(
            a, b, y, axis, keepdims, dtype.kind != "c"
        )
    turn = 1j * np.imag(g[1] * output(y, 1)) if g[1].dtype.kind == "c" else 0
    return restore_axes(g[0] + turn, axis, keepdims) * logsumexp_shares(
        a, b, output(y, 0), axis, keepdims, dtype.kind != "c"
    )


elementwise(multigammaln,       a=lambda g, a, d: g * sum(special.psi(a - j / 2) for j in range(d)), d=None)
elementwise(factorial,          n=lambda g, n, y, extend="zero": g * factorial_slope(n, y, extend))
elementwise(spherical_jn,       n=None, z=lambda g, n, z: g * neighbours(spherical_jn, n, z, -1))
elementwise(spherical_yn,       n=None, z=lambda g, n, z: g * neighbours(spherical_yn, n, z, -1))
elementwise(spherical_in,       n=None, z=lambda g, n, z: g * neighbours(spherical_in, n, z, 1))
elementwise(spherical_kn,       n=None, z=lambda g, n, z: -g * neighbours(spherical_kn, n, z, 1))
rule(logsumexp,                 a=lambda g, a, a_dtype, y, b=None, axis=None, keepdims=False, return_sign=False:
                                (1 if b is None else b) * logsumexp_slope(g, apply_weight(a, b), b,
                                y, axis, keepdims, return_sign, a_dtype),
                                b=lambda g, a, a_dtype, b, b_shape, y, axis=None, keepdims=False, return_sign=False:
                                unbroadcast(logsumexp_slope(g, a, b, y, axis, keepdims, return_sign,
                                a_dtype), b_shape))
rule(softmax,                   x=lambda g, y, axis=None: softmax_pull(g, y, axis),
                                push={"x": lambda t, y, axis=None: softmax_pull(t, y, axis)})
rule(log_softmax,               x=lambda g, x, axis=None: log_softmax_pull(g, x, axis),
                                push={"x": lambda t, x, axis=None: log_softmax_push(t, x, axis)})

# gamma and beta
elementwise(special.gamma,      z=lambda g, z, y: g * y * special.psi(z))
elementwise(special.gammaln,    x=lambda g, x: g * special.psi(x))
elementwise(special.loggamma,   z=lambda g, z: g * special.psi(z))
elementwise(special.rgamma,     z=lambda g, z: g * rgamma_slope(z))
elementwise(special.psi,        z=lambda g, z: g * polygamma(1, z))
elementwise(special.beta,       a=lambda g, a, b, y: -g * y * polygamma_difference(0, a, b),
                                b=lambda g, a, b, y: -g * y * polygamma_difference(0, b, a))
elementwise(special.betaln,     a=lambda g, a, b: -g * polygamma_difference(0, a, b),
                                b=lambda g, a, b: -g * polygamma_difference(0, b, a))
elementwise(special.poch,       z=lambda g, z, m, y: g * poch_slope(z, m, y),
                                m=lambda g, z, m, y: g * y * special.psi(z + m))
elementwise(special.binom,      n=lambda g, n, k, y: g * binom_slope_by_n(n, k, y),
                                k=lambda g, n, k, y: g * binom_slope_by_k(n, k, y))
elementwise(_ufuncs._zeta, x=lambda g, x, q, x_dtype: g * zeta_slope(x, q, x_dtype), q=lambda g, x, q: -g * x * special.zeta(x + 1, q))
elementwise(_ufuncs._riemann_zeta, z=lambda g, z, z_dtype: g * zeta_slope(z, None, z_dtype))
elementwise(special.zetac,        x=lambda g, x: g * riemann_slope(wide(x)))

# distribution functions
elementwise(special.gammainc,     a=lambda g, a, x: g * gammainc_by_shape(wide(a), wide(x)), x=lambda g, a, x: g * gamma_density(a, x))
elementwise(special.gammaincc,    a=lambda g, a, x: -g * gammainc_by_shape(wide(a), wide(x)), x=lambda g, a, x: -g * gamma_density(a, x))
elementwise(special.gammaincinv,  a=lambda g, a, y: -g * quantile_by_shape(wide(a), wide(y)), p=lambda g, a, y: g / gamma_density(a, y))
elementwise(special.gammainccinv, a=lambda g, a, y: -g * quantile_by_shape(wide(a), wide(y)), p=lambda g, a, y: -g / gamma_density(a, y))
elementwise(special.betainc,      a=lambda g, a, b, x: g * betainc_by_shape(wide(a), wide(b), odds(wide(x))),
                                  b=lambda g, a, b, x: -g * betainc_by_shape(wide(b), wide(a), rest_odds(wide(x))),
                                  x=lambda g, a, b, x: g * beta_density(a, b, x))
elementwise(special.betaincc,     a=lambda g, a, b, x: -g * betainc_by_shape(wide(a), wide(b), odds(wide(x))),
                                  b=lambda g, a, b, x: g * betainc_by_shape(wide(b), wide(a), rest_odds(wide(x))),
                                  x=lambda g, a, b, x: -g * beta_density(a, b, x))
elementwise(special.betaincinv,   a=lambda g, a, b, p, y: -g * beta_quantile_by_a(a, b, p, y, special.betainccinv),
                                  b=lambda g, a, b, p, y: g * beta_quantile_by_b(a, b, p, y, special.betainccinv),
                                  p=lambda g, a, b, p, y: g / beta_quantile_density(a, b, p, y, special.betainccinv))
elementwise(special.betainccinv,  a=lambda g, a, b, p, y: -g * beta_quantile_by_a(a, b, p, y, special.betaincinv),
                                  b=lambda g, a, b, p, y: g * beta_quantile_by_b(a, b, p, y, special.betaincinv),
                                  p=lambda g, a, b, p, y: -g / beta_quantile_density(a, b, p, y, special.betaincinv))
elementwise(special.chdtr,        v=lambda g, v, x: g / 2 * gammainc_by_shape(wide(v) / 2, wide(x) / 2), x=lambda g, v, x: g / 2 * gamma_density(v / 2, x / 2))
elementwise(special.chdtrc,       v=lambda g, v, x: -g / 2 * gammainc_by_shape(wide(v) / 2, wide(x) / 2), x=lambda g, v, x: -g / 2 * gamma_density(v / 2, x / 2))
elementwise(special.chdtri,       v=lambda g, v, y: -g * quantile_by_shape(wide(v) / 2, wide(y) / 2), p=lambda g, v, y: -2 * g / gamma_density(v / 2, y / 2))
elementwise(special.gdtr,         a=lambda g, a, b, x: g * x * gamma_density(b, wide(a) * x), b=lambda g, a, b, x: g * gammainc_by_shape(wide(b), wide(a) * x),
                                  x=lambda g, a, b, x: g * a * gamma_density(b, wide(a) * x))
elementwise(special.gdtrc,        a=lambda g, a, b, x: -g * x * gamma_density(b, wide(a) * x), b=lambda g, a, b, x: -g * gammainc_by_shape(wide(b), wide(a) * x),
                                  x=lambda g, a, b, x: -g * a * gamma_density(b, wide(a) * x))
elementwise(special.gdtria,       p=lambda g, b, x, y: g / (x * gamma_density(b, y * x)), b=lambda g, b, x, y: -g * quantile_by_shape(wide(b), wide(y) * x) / x,
                                  x=lambda g, x, y: -g * y / x)
elementwise(special.gdtrix,       a=lambda g, a, y: -g * y / a, b=lambda g, a, b, y: -g * quantile_by_shape(wide(b), wide(a) * y) / a,
                                  p=lambda g, a, b, y: g / (a * gamma_density(b, a * y)))
elementwise(special.pdtr,         k=None, m=lambda g, k, m: -g * gamma_density(np.floor(k) + 1, m))
elementwise(special.pdtrc,        k=None, m=lambda g, k, m: g * gamma_density(np.floor(k) + 1, m))
elementwise(special.pdtri,        k=None, p=lambda g, k, y: -g / gamma_density(k + 1, y))
elementwise(special.nbdtr,        k=None, n=None, p=lambda g, k, n, p: g * beta_density(n, k + 1, p))
elementwise(special.nbdtrc,       k=None, n=None, p=lambda g, k, n, p: -g * beta_density(n, k + 1, p))
elementwise(special.nbdtri,       k=None, n=None, p=lambda g, k, n, y: g / beta_density(n, k + 1, y))
elementwise(special.fdtr,         dfn=lambda g, dfn, dfd, x: g / 2 * f_shape_derivative(1, 0, wide(dfn) / 2, wide(dfd) / 2, wide(x)),
                                  dfd=lambda g, dfn, dfd, x: g / 2 * f_shape_derivative(0, 1, wide(dfn) / 2, wide(dfd) / 2, wide(x)),
                                  x=lambda g, dfn, dfd, x: g * f_density(dfn / 2, dfd / 2, x))
elementwise(special.fdtrc,        dfn=lambda g, dfn, dfd, x: -g / 2 * f_shape_derivative(1, 0, wide(dfn) / 2, wide(dfd) / 2, wide(x)),
                                  dfd=lambda g, dfn, dfd, x: -g / 2 * f_shape_derivative(0, 1, wide(dfn) / 2, wide(dfd) / 2, wide(x)),
                                  x=lambda g, dfn, dfd, x: -g * f_density(dfn / 2, dfd / 2, x))
elementwise(special.fdtri,        dfn=lambda g, dfn, dfd, y: -g / 2 * f_quantile_slope(1, 0, wide(dfn) / 2, wide(dfd) / 2, wide(y)),
                                  dfd=lambda g, dfn, dfd, y: -g / 2 * f_quantile_slope(0, 1, wide(dfn) / 2, wide(dfd) / 2, wide(y)),
                                  p=lambda g, dfn, dfd, y: g / f_density(dfn / 2, dfd / 2, y))
elementwise(special.stdtr,        df=lambda g, df, t: g * t_shape_derivative(1, wide(df), wide(t)), t=lambda g, df, t: g * t_density(df, t))
elementwise(special.stdtrit,      df=lambda g, df, y: -g * t_shape_derivative(1, wide(df), wide(y)) / t_density(wide(df), wide(y)),
                                  p=lambda g, df, y: g / t_density(df, y))
elementwise(special.ndtr,         x=lambda g, x: g * normal(x))
elementwise(special.log_ndtr,     x=lambda g, x, y: g * log_ndtr_slope(x, y))
elementwise(special.ndtri,        p=lambda g, y: g / normal(y))
elementwise(special.ndtri_exp,    x=lambda g, y: g * ROOT_2PI / 2 * special.erfcx(y / -ROOT_2))
elementwise(special.nrdtrimn,     p=lambda g, p, std: -g * std / normal(special.ndtri(p)),
                                  std=lambda g, p: -g * special.ndtri(p), x=lambda g: g)
elementwise(special.nrdtrisd,     mn=lambda g, p: -g / special.ndtri(p),
                                  p=lambda g, p, y: -g * y / (special.ndtri(p) * normal(special.ndtri(p))),
                                  x=lambda g, p: g / special.ndtri(p))
elementwise(special.owens_t,      h=lambda g, h, a: -g * normal(h) / 2 * special.erf(a * h / ROOT_2),
                                  a=lambda g, h, a: g * np.exp(-0.5 * h * h * (1 + a * a)) / (2 * pi * (1 + a * a)))
elementwise(special.expit,        x=lambda g, x: g / 4 * sech_squared(x / 2))
elementwise(special.logit,        x=lambda g, x: g / (x * (1 - x)))
elementwise(special.log_expit,    x=lambda g, x: g * special.expit(-x))

# shapes as functions of the probability
elementwise(special.gdtrib,       a=lambda g, a, x, y: -g * x * gamma_density(y, wide(a) * x) / gammainc_by_shape(wide(y), wide(a) * x),
                                  p=lambda g, a, x, y: g / gammainc_by_shape(wide(y), wide(a) * x),
                                  x=lambda g, a, x, y: -g * a * gamma_density(y, wide(a) * x) / gammainc_by_shape(wide(y), wide(a) * x))
elementwise(special.chdtriv,      p=lambda g, x, y: 2 * g / gammainc_by_shape(wide(y) / 2, wide(x) / 2),
                                  x=lambda g, x, y: -g * gamma_density(y / 2, x / 2) / gammainc_by_shape(wide(y) / 2, wide(x) / 2))
elementwise(special.btdtria,      p=lambda g, b, x, y: g / betainc_by_shape(wide(y), wide(b), odds(wide(x))),
                                  b=lambda g, b, x, y: g * betainc_by_shape(wide(b), wide(y), rest_odds(wide(x)))
                                  / betainc_by_shape(wide(y), wide(b), odds(wide(x))),
                                  x=lambda g, b, x, y: -g * beta_density(y, b, x) / betainc_by_shape(wide(y), wide(b), odds(wide(x))))
elementwise(special.btdtrib,      a=lambda g, a, x, y: g * betainc_by_shape(wide(a), wide(y), odds(wide(x)))
                                  / betainc_by_shape(wide(y), wide(a), rest_odds(wide(x))),
                                  p=lambda g, a, x, y: -g / betainc_by_shape(wide(y), wide(a), rest_odds(wide(x))),
                                  x=lambda g, a, x, y: g * beta_density(a, y, x) / betainc_by_shape(wide(y), wide(a), rest_odds(wide(x))))
elementwise(special.fdtridfd,     dfn=lambda g, dfn, x, y: -g * f_shape_derivative(1, 0, wide(dfn) / 2, wide(y) / 2, wide(x))
                                  / f_shape_derivative(0, 1, wide(dfn) / 2, wide(y) / 2, wide(x)),
                                  p=lambda g, dfn, x, y: 2 * g / f_shape_derivative(0, 1, wide(dfn) / 2, wide(y) / 2, wide(x)),
                                  x=lambda g, dfn, x, y: -2 * g * f_density(dfn / 2, y / 2, x)
                                  / f_shape_derivative(0, 1, wide(dfn) / 2, wide(y) / 2, wide(x)))
elementwise(special.stdtridf,     p=lambda g, t, y: g / t_shape_derivative(1, wide(y), wide(t)),
                                  t=lambda g, t, y: -g * t_density(y, t) / t_shape_derivative(1, wide(y), wide(t)))

# error functions
elementwise(special.erf,          z=lambda g, z: g * (2 / ROOT_PI) * np.exp(-z * z))
elementwise(special.erfc,         z=lambda g, z: g * (-2 / ROOT_PI) * np.exp(-z * z))
elementwise(special.erfcx,        z=lambda g, z, z_dtype: g * (erfcx_slope(z) if z_dtype.kind == "c" else erfcx_derivative(1, z)))
elementwise(special.erfi,         z=lambda g, z: g * (2 / ROOT_PI) * np.exp(z * z))
elementwise(special.erfinv,       p=lambda g, y: g * (ROOT_PI / 2) * np.exp(y * y))
elementwise(special.erfcinv,      p=lambda g, y: g * (-ROOT_PI / 2) * np.exp(y * y))
elementwise(special.dawsn,        z=lambda g, z, z_dtype: g * (dawsn_slope(z) if z_dtype.kind == "c" else dawsn_derivative(1, z)))
elementwise(special.wofz,         z=lambda g, z: g * wofz_slope(wide(z)))
elementwise(special.voigt_profile,
            x=lambda g, x, sigma, gamma: g * np.real(voigt_slope(wide(x), wide(sigma), wide(gamma))),
            sigma=lambda g, x, sigma, gamma: g * voigt_sigma(wide(x), wide(sigma), wide(gamma)),
            gamma=lambda g, x, sigma, gamma: -g * np.imag(voigt_slope(wide(x), wide(sigma), wide(gamma))))
elementwise(special.fresnel,      z=lambda g, z: g[0] * np.sin(pi / 2 * z * z) + g[1] * np.cos(pi / 2 * z * z))
elementwise(special.modfresnelp,  x=lambda g, x: modfresnel_pull(special.modfresnelp, g, wide(x), 1j))
elementwise(special.modfresnelm,  x=lambda g, x: modfresnel_pull(special.modfresnelm, g, wide(x), -1j))

# logarithms and exponentials
elementwise(special.entr,         x=lambda g, x: -g * (1 + np.log(x)))
elementwise(special.rel_entr,     a=lambda g, a, b: g * (1 + log_ratio(a, b)),          b=lambda g, a, b: -g * ratio(a, b))
elementwise(special.kl_div,       a=lambda g, a, b: g * log_ratio(a, b),                b=lambda g, a, b: g * (1 - ratio(a, b)))
elementwise(special.xlogy,        a=lambda g, b: g * np.log(b),                       b=lambda g, a, b: g * ratio(a, b))
elementwise(special.xlog1py,      a=lambda g, b: g * np.log1p(b),                     b=lambda g, a, b: g * ratio(a, 1 + b))
elementwise(special.expm1,        x=lambda g, x: g * np.exp(x))
elementwise(special.log1p,        x=lambda g, x: g / (1 + x))
elementwise(special.cosm1,        x=lambda g, x: -g * np.sin(x))
elementwise(special.cbrt,         x=lambda g, y: g / (3 * y * y))
elementwise(special.exp2,         x=lambda g, y: g * y * LN2)
elementwise(special.exp10,        x=lambda g, y: g * y * LN10)
elementwise(special.exprel,       x=lambda g, x: g / 2 * special.hyp1f1(2.0, 3.0, x))
elementwise(special.powm1,        x=lambda g, x, p: g * power_slope(x, p),
                                  p=lambda g, x, p: g * np.power(x, p) * np.log(np.where(np.equal(x, 0), 1, x)))
elementwise(special.boxcox,       x=lambda g, x, lmbda: g * np.power(x, lmbda - 1),
                                  lmbda=lambda g, x, lmbda: g * moment(1, np.log(x), lmbda))
elementwise(special.boxcox1p,     x=lambda g, x, lmbda: g * np.exp((lmbda - 1) * np.log1p(x)),
                                  lmbda=lambda g, x, lmbda: g * moment(1, np.log1p(x), lmbda))
elementwise(special.inv_boxcox,   x=lambda g, x, lmbda: g * inverse_boxcox_slope(x, lmbda),
                                  lmbda=lambda g, x, lmbda: -g * inverse_boxcox_by_lmbda(x, lmbda))
elementwise(special.inv_boxcox1p, x=lambda g, x, lmbda: g * inverse_boxcox_slope(x, lmbda),
                                  lmbda=lambda g, x, lmbda: -g * inverse_boxcox_by_lmbda(x, lmbda))
elementwise(_ufuncs._lambertw, z=lambda g, y: g * np.exp(-y) / (1 + y), k=None, tol=None)
elementwise(special.wrightomega,  z=lambda g, y: g * odds_share(y))
elementwise(special.huber,        delta=lambda g, delta, r: g * np.maximum(np.abs(r) - delta, 0),
                                  r=lambda g, delta, r: g * np.clip(r, -delta, delta))
elementwise(special.pseudo_huber, delta=lambda g, delta, r: g * pseudo_huber_slope(delta, r), r=lambda g, delta, r: g * parallel(delta, r))
elementwise(special.sindg,        x=lambda g, x: g * DEGREE * special.cosdg(x))
elementwise(special.cosdg,        x=lambda g, x: -g * DEGREE * special.sindg(x))
elementwise(special.tandg,        x=lambda g, y: g * DEGREE * (1 + y * y))
elementwise(special.cotdg,        x=lambda g, x: -g * DEGREE / special.sindg(x) / special.sindg(x))
elementwise(special.radian,       d=lambda g: g * DEGREE, m=lambda g: g * (DEGREE / 60), s=lambda g: g * (DEGREE / 3600))

# exponential integrals
elementwise(special.expi,         x=lambda g, x: g * np.exp(x) / x)
elementwise(special.exp1,         x=lambda g, x: -g * np.exp(-x) / x)
elementwise(special.expn,         n=unknown(special.expn, "n"), x=lambda g, n, x: g * expn_slope(n, x))
elementwise(special.sici,         x=lambda g, x: g[0] * sinc_like(np.sin, x, -1) + g[1] * np.cos(x) / x)
elementwise(special.shichi,       x=lambda g, x: g[0] * sinc_like(np.sinh, x, 1) + g[1] * np.cosh(x) / x)
elementwise(special.spence,       z=lambda g, z: g * spence_slope(z))

# Bessel's
elementwise(special.jv,  v=lambda g, v, z, z_dtype: g * slope_by_order(special.jv, v, z, z_dtype),  z=lambda g, v, z: g / 2 * (special.jv(v - 1, z) - special.jv(v + 1, z)))
elementwise(special.yv,  v=lambda g, v, z, z_dtype: g * slope_by_order(special.yv, v, z, z_dtype),  z=lambda g, v, z: g / 2 * (special.yv(v - 1, z) - special.yv(v + 1, z)))
elementwise(special.iv,  v=lambda g, v, z, z_dtype: g * slope_by_order(special.iv, v, z, z_dtype),  z=lambda g, v, z: g / 2 * (special.iv(v - 1, z) + special.iv(v + 1, z)))
elementwise(special.kv,  v=lambda g, v, z, z_dtype: g * slope_by_order(special.kv, v, z, z_dtype),  z=lambda g, v, z: -g / 2 * (special.kv(v - 1, z) + special.kv(v + 1, z)))
elementwise(special.yn,  n=None,                      x=lambda g, n, x: g / 2 * (special.yv(n - 1, x) - special.yv(n + 1, x)))
elementwise(special.kn,  n=None,                      x=lambda g, n, x: -g / 2 * (special.kv(n - 1, x) + special.kv(n + 1, x)))
elementwise(special.jve, v=lambda g, v, z, z_dtype: g * slope_by_order(special.jve, v, z, z_dtype), z=lambda g, v, z, y: g / 2 * (special.jve(v - 1, z) - special.jve(v + 1, z))
                                                      + modulate_cotangent(g, y, np.imag(z), -1j),
            push={"z": lambda t, v, z, y: t / 2 * (special.jve(v - 1, z) - special.jve(v + 1, z)) - y * np.sign(np.imag(z)) * np.imag(t)})
elementwise(special.yve, v=lambda g, v, z, z_dtype: g * slope_by_order(special.yve, v, z, z_dtype), z=lambda g, v, z, y: g / 2 * (special.yve(v - 1, z) - special.yve(v + 1, z))
                                                      + modulate_cotangent(g, y, np.imag(z), -1j),
            push={"z": lambda t, v, z, y: t / 2 * (special.yve(v - 1, z) - special.yve(v + 1, z)) - y * np.sign(np.imag(z)) * np.imag(t)})
elementwise(special.ive, v=lambda g, v, z, z_dtype: g * slope_by_order(special.ive, v, z, z_dtype),
            z=lambda g, v, z, y, z_dtype: ive_pull(g, v, z, y) if z_dtype.kind == "c" else g * ive_slope(v, z),
            push={"z": lambda t, v, z, y, z_dtype: ive_push(t, v, z, y) if z_dtype.kind == "c" else t * ive_slope(v, z)})
elementwise(special.kve, v=lambda g, v, z, z_dtype: g * slope_by_order(special.kve, v, z, z_dtype), z=lambda g, v, z, y, z_dtype: g * kve_slope(v, z, y, z_dtype))
elementwise(special.hankel1,  v=lambda g, v, z, z_dtype: g * slope_by_order(special.hankel1, v, z, z_dtype),
                              z=lambda g, v, z, z_dtype: g * hankel_slope(special.hankel1, v, z, 1j, z_dtype))
elementwise(special.hankel2,  v=lambda g, v, z, z_dtype: g * slope_by_order(special.hankel2, v, z, z_dtype),
                              z=lambda g, v, z, z_dtype: g * hankel_slope(special.hankel2, v, z, -1j, z_dtype))
elementwise(special.hankel1e, v=lambda g, v, z, z_dtype: g * slope_by_order(special.hankel1e, v, z, z_dtype),
                              z=lambda g, v, z, y: g * ((special.hankel1e(v - 1, z) - special.hankel1e(v + 1, z)) / 2 - 1j * y))
elementwise(special.hankel2e, v=lambda g, v, z, z_dtype: g * slope_by_order(special.hankel2e, v, z, z_dtype),
                              z=lambda g, v, z, y: g * ((special.hankel2e(v - 1, z) - special.hankel2e(v + 1, z)) / 2 + 1j * y))
elementwise(special.j0,  x=lambda g, x: -g * special.j1(x))
elementwise(special.j1,  x=lambda g, x: g / 2 * (special.j0(x) - special.jv(2, x)))
elementwise(special.y0,  x=lambda g, x: -g * special.y1(x))
elementwise(special.y1,  x=lambda g, x: g / 2 * (special.y0(x) - special.yv(2, x)))
elementwise(special.i0,  x=lambda g, x: g * special.i1(x))
elementwise(special.i1,  x=lambda g, x: g / 2 * (special.i0(x) + special.iv(2, x)))
elementwise(special.k0,  x=lambda g, x: -g * special.k1(x))
elementwise(special.k1,  x=lambda g, x: -g / 2 * (special.k0(x) + special.kv(2, x)))
elementwise(special.i0e, x=lambda g, x: g * ive_slope(0, x))
elementwise(special.i1e, x=lambda g, x: g * ive_slope(1, x))
elementwise(special.k0e, x=lambda g, x: g * kve_derivative(1, 0, x))
elementwise(special.k1e, x=lambda g, x: g * kve_derivative(1, 1, x))
elementwise(special.airy,   z=airy_pull)
elementwise(special.kelvin, x=kelvin_pull)
elementwise(special.ber,  x=lambda g, x: g * special.berp(x))
elementwise(special.bei,  x=lambda g, x: g * special.beip(x))
elementwise(special.ker,  x=lambda g, x: g * special.kerp(wide(x)))
elementwise(special.kei,  x=lambda g, x: g * special.keip(wide(x)))
elementwise(special.berp, x=lambda g, x, y: -g * (special.bei(x) + quotient(y, x)))
elementwise(special.beip, x=lambda g, x, y: g * (special.ber(x) - quotient(y, x, 0.5)))
elementwise(special.kerp, x=lambda g, x, y: -g * (special.kei(x) + y / x))
elementwise(special.keip, x=lambda g, x, y: g * (special.ker(x) - quotient(y, x)))
elementwise(special.struve,    v=unknown(special.struve, "v"),
            x=lambda g, v, x: g * struve_slope(special.struve, v, wide(x), -1))
elementwise(special.modstruve, v=unknown(special.modstruve, "v"),
            x=lambda g, v, x: g * struve_slope(special.modstruve, v, wide(x), 1))
elementwise(special.itj0y0,       x=lambda g, x: g[0] * special.j0(x) + g[1] * special.y0(x))
elementwise(special.iti0k0,       x=lambda g, x: g[0] * special.i0(x) + g[1] * special.k0(x))
elementwise(special.it2j0y0,      x=lambda g, x: g[0] * from_one(special.j0, x, -1) - g[1] * special.y0(x) / x)
elementwise(special.it2i0k0,      x=lambda g, x: g[0] * from_one(special.i0, x, 1) - g[1] * special.k0(x) / x)
elementwise(special.itstruve0,    x=lambda g, x: g * special.struve(0, x))
elementwise(special.it2struve0,   x=lambda g, x: -g * quotient(special.struve(0, x), x, 2 / pi))
elementwise(special.itmodstruve0, x=lambda g, x: g * special.modstruve(0, x))
elementwise(special.itairy,       x=lambda g, x: g[0] * special.airy(x)[0] + g[1] * special.airy(x)[2]
                                  + g[2] * special.airy(-x)[0] + g[3] * special.airy(-x)[2])
elementwise(special.pbdv, v=unknown(special.pbdv, "v"), x=lambda g, v, x, y: wave_pull(g, y, x * x / 4 - v - 0.5))
elementwise(special.pbwa, a=unknown(special.pbwa, "a"), x=lambda g, a, x, y: wave_pull(g, y, a - x * x / 4))

# hypergeometric, elliptic
elementwise(special.hyp0f1, v=unknown(special.hyp0f1, "v"), z=lambda g, v, z: g / v * special.hyp0f1(v + 1, z))
elementwise(special.hyp1f1, a=unknown(special.hyp1f1, "a"), b=unknown(special.hyp1f1, "b"),
                            x=lambda g, a, b, x: g * (a / b) * special.hyp1f1(a + 1, b + 1, x))
elementwise(special.hyp2f1, a=unknown(special.hyp2f1, "a"), b=unknown(special.hyp2f1, "b"), c=unknown(special.hyp2f1, "c"),
                            z=lambda g, a, b, c, z: g * (a * b / c) * special.hyp2f1(a + 1, b + 1, c + 1, z))
elementwise(special.hyperu, a=unknown(special.hyperu, "a"), b=unknown(special.hyperu, "b"),
                            x=lambda g, a, b, x: -g * a * special.hyperu(a + 1, b + 1, x))
elementwise(special.wright_bessel, a=unknown(special.wright_bessel, "a"), b=unknown(special.wright_bessel, "b"),
                            x=lambda g, a, b, x: g * special.wright_bessel(a, a + b, x))
elementwise(special.log_wright_bessel, a=unknown(special.log_wright_bessel, "a"), b=unknown(special.log_wright_bessel, "b"),
                            x=lambda g, a, b, x, y: g * np.exp(special.log_wright_bessel(a, a + b, x) - y))
elementwise(special.ellipk,    m=lambda g, m: g * ellipk_slope(m))
elementwise(special.ellipkm1,  p=lambda g, p: g * (-pi / 8) / p * elliptic_factor(wide(p)))
elementwise(special.ellipe,    m=lambda g, m: g * (-pi / 8) * special.hyp2f1(0.5, 1.5, 2.0, m))
elementwise(special.ellipkinc, phi=lambda g, phi, m: g / np.sqrt(1 - m * np.square(np.sin(phi))),
                               m=lambda g, phi, m: g * incomplete_k_slope(wide(phi), wide(m)))
elementwise(special.ellipeinc, phi=lambda g, phi, m: g * np.sqrt(1 - m * np.square(np.sin(phi))),
                               m=lambda g, phi, m: g * incomplete_e_slope(wide(phi), wide(m)))
elementwise(special.ellipj,    u=ellipj_pull,
                               m=unknown(special.ellipj, "m"))
elementwise(special.agm,       a=lambda g, a, b: g * agm_slope(wide(a), wide(b)),  b=lambda g, a, b: g * agm_slope(wide(b), wide(a)))

# orthogonal polynomials, by the argument
elementwise(special.eval_legendre,    n=unknown(special.eval_legendre, "n"),    x=lambda g, n, x: g * legendre_slope(n, x))
elementwise(special.eval_sh_legendre, n=unknown(special.eval_sh_legendre, "n"), x=lambda g, n, x: 2 * g * legendre_slope(n, 2 * x - 1))
elementwise(special.eval_chebyt,      n=unknown(special.eval_chebyt, "n"),      x=lambda g, n, x: g * chebyt_slope(n, x))
elementwise(special.eval_chebyc,      n=unknown(special.eval_chebyc, "n"),      x=lambda g, n, x: g * chebyt_slope(n, x / 2))
elementwise(special.eval_sh_chebyt,   n=unknown(special.eval_sh_chebyt, "n"),
                                      x=lambda g, n, x: 2 * g * chebyt_slope(n, 2 * x - 1))
elementwise(special.eval_chebyu,      n=unknown(special.eval_chebyu, "n"),      x=lambda g, n, x: g * chebyu_slope(n, x))
elementwise(special.eval_chebys,      n=unknown(special.eval_chebys, "n"),      x=lambda g, n, x: g / 2 * chebyu_slope(n, x / 2))
elementwise(special.eval_sh_chebyu,   n=unknown(special.eval_sh_chebyu, "n"),   x=lambda g, n, x: 2 * g * chebyu_slope(n, 2 * x - 1))
elementwise(special.eval_hermite,     n=None,                       x=lambda g, n, x: 2 * g * n * special.eval_hermite(lower_degree(n), x))
elementwise(special.eval_hermitenorm, n=None,                       x=lambda g, n, x: g * n * special.eval_hermitenorm(lower_degree(n), x))
elementwise(special.eval_laguerre,    n=unknown(special.eval_laguerre, "n"),
                                      x=lambda g, n, x: -g * unless_constant(n, special.eval_genlaguerre(lower_degree(n), 1, x)))
elementwise(special.eval_genlaguerre, n=unknown(special.eval_genlaguerre, "n"), alpha=unknown(special.eval_genlaguerre, "alpha"),
                                      x=lambda g, n, alpha, x: -g * unless_constant(n, special.eval_genlaguerre(lower_degree(n), alpha + 1, x)))
elementwise(special.eval_gegenbauer,  n=unknown(special.eval_gegenbauer, "n"),  alpha=unknown(special.eval_gegenbauer, "alpha"),
                                      x=lambda g, n, alpha, x: 2 * g * alpha * unless_constant(n, special.eval_gegenbauer(lower_degree(n), alpha + 1, x)))
elementwise(special.eval_jacobi,      n=unknown(special.eval_jacobi, "n"),      alpha=unknown(special.eval_jacobi, "alpha"),
                                      beta=unknown(special.eval_jacobi, "beta"),
                                      x=lambda g, n, alpha, beta, x: g * jacobi_slope(n, alpha, beta, x))
elementwise(special.eval_sh_jacobi,   n=unknown(special.eval_sh_jacobi, "n"),   p=unknown(special.eval_sh_jacobi, "p"),
                                      q=unknown(special.eval_sh_jacobi, "q"),
                                      x=lambda g, n, p, q, x: g * 2 * jacobi_slope(n, p - q, q - 1, 2 * x - 1)
                                      / special.binom(2 * n + p - 1, n))

constant(special.gammasgn, special.round)

# refused
refuse_ops("its own derivative is not in closed form. Write it by functions that are (see "
    "memograd.rules.special), or register a rule for it.",
        special.besselpoly, special.bdtrik, special.bdtrin,
        special.chndtr,
        special.chndtridf, special.chndtrinc, special.chndtrix, special.elliprc, special.elliprd,
        special.elliprf, special.elliprg,
        special.elliprj, special.kolmogi, special.kolmogorov,
        special.lpmv, special.nbdtrik,
        special.nbdtrin, special.ncfdtr, special.ncfdtri, special.ncfdtridfd, special.ncfdtridfn,
        special.ncfdtrinc, special.nctdtr,
        special.nctdtridf, special.nctdtrinc, special.nctdtrit, special.pbvv, special.pdtrik,
        special.smirnov, special.smirnovi,
        special.tklmbda,
        _ufuncs._ellip_harm, special.ellip_harm,
        special.ellip_harm_2, special.ellip_normal)
refuse_ops("Mathieu's and spheroidal functions give their own derivative by the argument, and "
    "have none by the others. Register a rule.",
        *(f for name, f in vars(special).items() if name.startswith(("mathieu_", "obl_", "pro_"))))
refuse_ops("its scale is not holomorphic, and it is NaN left of 0. Use special.airy.",
           special.airye)
refuse_ops("SciPy's own takes no float32. Use special.betainc(n - k, k + 1, 1 - p) and the like.",
           special.bdtr, special.bdtrc, special.bdtri)
refuse_ops("it finds zeros, roots, coefficients or integers, which are no function of a node. "
    "Give it the node's .value.",
        *(f for name,
        f in vars(special).items() if callable(f) and name.endswith(("_zeros", "_roots", "_coef",
        "_seq"))),
        *(getattr(special, name) for name in special.__all__ if name.startswith("roots_")),
        special.bernoulli, special.euler, special.stirling2, special.factorial2, special.factorialk,
        special.perm)
refuse_ops("it does not take nodes. Use special.binom(n, k).", special.comb)
refuse_ops("it does not take nodes. Use memograd.scipy.special.factorial, or special.gamma(n + "
    "1).", special.factorial)
refuse_ops("it does not take nodes. Use np.sin(n * x / 2) / (n * np.sin(x / 2)).", special.diric)
refuse_ops("it does not take nodes. Use special.jv, or special.eval_legendre and the like, one "
    "order at a time.", special.lmbda, special.lqmn,
        special.lqn, special.riccati_jn, special.riccati_yn, special.assoc_legendre_p,
        special.assoc_legendre_p_all, special.legendre_p,
        special.legendre_p_all, special.sph_harm_y, special.sph_harm_y_all, special.sph_legendre_p,
        special.sph_legendre_p_all)
refuse_ops("it is a deprecated name. Use special.jv, or special.eval_legendre and the like, one "
    "order at a time.",
        # removed in SciPy 1.17
        *(getattr(special, name) for name in ("clpmn", "lpmn", "lpn",
        "sph_harm") if name in special.__all__))
refuse_ops("it is a setting or a service of SciPy's, not a function of arrays. Call it with "
    "what SciPy expects.", special.geterr,
        special.seterr, special.errstate, special.test)

# traits
set_traits(*ops_of_module(__name__), dask_computes=True)
set_traits(logsumexp, softmax, log_softmax, dask_computes=False)
set_traits(logsumexp, softmax, log_softmax, structure=Structure.DENSE)
set_traits(special.xlogy, domain=above_bound(0, operand=1))
set_traits(special.gammaln, special.gamma, domain=above_bound(0))
set_traits(special.logit, domain=within_unit_interval())
set_traits(special.exp10, domain=below_overflow(), overflows=True)
set_traits(special.expit, special.erf, special.erfc, special.ndtr, special.log_expit,
           special.log_ndtr, softmax, log_softmax, logsumexp, saturates=True)
