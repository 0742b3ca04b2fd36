"""Derivatives of Bessel functions by their order, for real orders and positive arguments.

Schläfli's integrals, in which the order appears in the exponent alone, are differentiated under the
integral sign. The contour passes through the real saddle point, if there is one, so that nothing
cancels where the function is exponentially small. Where the integrand oscillates, the number of
panels is proportional to its phase. For large arguments the asymptotic series in 1/z are
differentiated. Negative orders are computed by reflection. Derivatives by the argument are those of
the function itself, from neighbouring orders.

For J and Y the order and the argument may be up to 1000, or the argument is greater than 30 and
than the square of the order. Elsewhere the derivative is NaN.

References
----------
NIST Digital Library of Mathematical Functions, 10.9.6, 10.9.7, 10.9.17, 10.32.4, 10.32.9, 10.32.12
(integrals), 10.17, 10.40 (asymptotic series), 10.2, 10.4, 10.27 (reflection).
"""

from collections.abc import Callable
from functools import partial
from math import comb, pi
from typing import Any

import numpy as np
from scipy import special

from .pure_registration import elementwise
from .registration import op
from .special_stable import differences, ive_derivative, kve_derivative
from .tail_quadrature import NODES, WEIGHTS, by_blocks, choose, flat_part, half_line

RANGE = 5000.0
"""Phase in radians beyond which an oscillating integral is not computed."""

NEGLIGIBLE = 42.0
"""Decrease of the logarithm of an integrand beyond which the rest is negligible."""


def rotation(n: int, v: Any, t: Any) -> Any:
    """Return the n-th derivative of exp(iπv - vt) by v, divided by exp(-vt)."""
    return (1j * pi - t) ** n * np.exp(1j * pi * np.fmod(v, 2.0))


def arc(integrand: Callable[..., Any], end: Any, phase: Any) -> Any:
    """Return ∫ integrand(θ) dθ from 0 to `end`, by a number of panels proportional to the phase."""
    panels = 3 + int(np.max(phase) / 10)
    half = end[:, None] / (2 * panels)
    total = np.zeros(end.shape)
    for k in range(panels):
        total += integrand(half * (2 * k + 1 + NODES)) @ WEIGHTS
    return total * half[:, 0]


def ray(integrand: Callable[..., Any], start: Any, knee: Any, scale: Any) -> Any:
    """Return ∫ integrand(t) dt from `start` to infinity.

    Beyond the knee the exponent grows as exp(t). There t is the knee plus log(1 + y), and the
    exponent is linear in y.
    """
    k = knee[:, None]
    beyond = half_line(lambda y: integrand(k + np.log1p(y)) / (1 + y), scale, 300)
    return beyond + flat_part(lambda y: integrand(k - y), knee - start, np.minimum(scale, 1))


# J and I: an arc through the saddle point, and a ray


def j_derivative(n: int, v: Any, z: Any) -> Any:
    """Return the n-th derivative of J(v, z) by v, for v ≥ 0 and z > 0."""
    saddle = v > z
    alpha = np.arccosh(np.where(saddle, v / z, 1))
    fall = np.sqrt(np.where(saddle, (v - z) * (v + z), 0))
    end = np.where(fall > NEGLIGIBLE / 2, np.arccos(np.maximum(1 - NEGLIGIBLE / fall, -1)), pi)
    phase = np.where(saddle, v * (end - np.sin(end)), 2 * z + pi * v)
    wave = np.where(saddle, v, z)
    own = contour(n, v, alpha, fall, end, np.minimum(phase, RANGE), wave)
    knee = np.maximum(alpha, np.arcsinh(1 / z))
    knee = np.where(z > 1, alpha, knee)
    out = tail(n, v, lambda t: z[:, None] * np.sinh(t), alpha, knee, z * np.cosh(knee) + v)
    return np.where(phase < RANGE, np.exp(fall - v * alpha) * own - out, np.nan)


def contour(n: int, v: Any, alpha: Any, fall: Any, end: Any, phase: Any, wave: Any) -> Any:
    """Return the integral for J(v, z) and I(v, z) along an arc through the saddle point.

    It is 1/π ∫ Re[(-α - iθ)ⁿ exp(fall·(cos θ - 1) + i(wave·sin θ - vθ))] dθ from 0 to `end`, where
    α is the saddle point.
    """
    v, alpha, fall, wave = v[:, None], alpha[:, None], fall[:, None], wave[:, None]

    def integrand(theta: Any) -> Any:
        """Return the integrand at angles `theta`."""
        turn = np.exp(1j * (wave * np.sin(theta) - v * theta))
        size = np.exp(-2 * fall * np.square(np.sin(theta / 2)))
        return np.real((-alpha - 1j * theta) ** n * turn) * size

    return arc(integrand, end, phase) / pi


def tail(n: int, v: Any, fall: Any, start: Any, knee: Any, rate: Any) -> Any:
    """Return 1/π ∫ Im[(iπ - t)ⁿ exp(iπv)] exp(-fall(t) - vt) dt from `start` to infinity."""
    order = v[:, None]

    def integrand(t: Any) -> Any:
        """Return the integrand at points `t` of the ray."""
        return np.imag(rotation(n, order, t)) * np.exp(-fall(t) - order * t)

    return ray(integrand, start, knee, 1 / rate) / pi


def i_derivative(n: int, v: Any, z: Any) -> Any:
    """Return the n-th derivative of exp(-z)·I(v, z) by v, for v ≥ 0 and z > 0."""
    alpha = np.arcsinh(v / z)
    fall = np.hypot(v, z)
    end = np.where(fall > NEGLIGIBLE / 2, np.arccos(np.maximum(1 - NEGLIGIBLE / fall, -1)), pi)
    own = contour(n, v, alpha, fall, end, v * (end - np.sin(end)), v)
    knee = np.where(z > 1, alpha, np.maximum(alpha, np.arcsinh(1 / z)))
    rate = z * np.cosh(knee) + v
    out = tail(n, v, lambda t: z[:, None] * (np.cosh(t) + 1), alpha, knee, rate)
    return np.exp(v * v / (fall + z) - v * alpha) * own - out


# K and Y: rays


def k_derivative(n: int, v: Any, z: Any) -> Any:
    """Return the n-th derivative of exp(z)·K(v, z) by v, for v ≥ 0 and z > 0."""
    peak = np.arcsinh(np.maximum(v, np.where(z < 1, 1, 0)) / z)
    scale = 1 / np.sqrt(z * np.cosh(peak) + v)
    order, x = v[:, None], z[:, None]

    def integrand(t: Any) -> Any:
        """Return the integrand at points `t` of the ray."""
        both = -np.expm1(-2 * order * t) if n % 2 else 1 + np.exp(-2 * order * t)
        return t**n * both * np.exp(order * t - 2 * x * np.square(np.sinh(t / 2)))

    return ray(integrand, np.zeros(v.shape), peak, scale) / 2


def y_derivative(n: int, v: Any, z: Any) -> Any:
    """Return the n-th derivative of Y(v, z) by v, for v ≥ 0 and z > 0."""
    phase = 2 * z + pi * v
    order, x = v[:, None], z[:, None]

    def wave(theta: Any) -> Any:
        """Return the oscillating integrand at angles `theta`."""
        return np.imag((-1j * theta) ** n * np.exp(1j * (x * np.sin(theta) - order * theta)))

    def growth(t: Any) -> Any:
        """Return the integrand at points `t` of the ray, where Y grows."""
        both = t**n + np.real(rotation(n, order, t)) * np.exp(-2 * order * t)
        return both * np.exp(order * t - x * np.sinh(t))

    own = arc(wave, np.full(v.shape, pi), np.minimum(phase, RANGE))
    peak = np.arccosh(np.maximum(np.maximum(v, 1) / z, 1))
    scale = 1 / (np.maximum(z - v, 0) + np.sqrt(z * np.cosh(peak)))
    out = ray(growth, np.zeros(v.shape), peak, scale)
    return np.where(phase < RANGE, own - out, np.nan) / pi


# far out


def asymptotic(n: int, d: int, v: Any, z: Any, turn: complex) -> Any:
    """Return a derivative of Σ turnᵏ aₖ(v) z^(-k-1/2), n times by v and d times by z.

    The aₖ are the coefficients of Hankel's expansion. Their derivatives follow from the recurrence.
    """
    jet = [np.ones(v.shape), *(np.zeros(v.shape) for _ in range(n))]
    power, total = z ** (-0.5 - d), 0.0
    for k in range(34):
        rising = (-1) ** d * np.prod([k + 0.5 + i for i in range(d)])
        total = total + turn**k * rising * power * jet[n]
        factor = [4 * v * v - (2 * k + 1) ** 2, 8 * v, 8.0]
        jet = [
            sum(comb(m, i) * factor[i] * jet[m - i] for i in range(min(m, 2) + 1)) / (8 * (k + 1))
            for m in range(n + 1)
        ]
        power = power / z
    return total


def hankel_far(n: int, v: Any, z: Any) -> Any:
    """Return the n-th derivative of the Hankel function J + iY by v, by the asymptotic series."""
    wave = np.exp(1j * (z - pi / 4)) * np.exp(-1j * (pi / 2) * np.fmod(v, 4.0))
    series = sum(
        comb(n, k) * (-1j * pi / 2) ** (n - k) * asymptotic(k, 0, v, z, 1j) for k in range(n + 1)
    )
    return np.sqrt(2 / pi) * wave * series


def is_far(v: Any, z: Any) -> Any:
    """Return whether the asymptotic series are as accurate as the integrals."""
    return np.logical_and(z > 30, z > v * v)


# all orders


def over_orders(
    n: int, v: Any, z: Any, positive: Callable[..., Any], negative: Callable[..., Any]
) -> Any:
    """Return derivatives by the order for z > 0; `negative` is called with the absolute order."""
    y = np.full(v.shape, np.nan)
    inside = np.isfinite(v) & (z > 0) & (z < np.inf)
    for mask, f in ((inside & (v >= 0), positive), (inside & (v < 0), negative)):
        if mask.any():
            y[mask] = f(n, np.abs(v[mask]), z[mask])
    return y


def near_or_far(near: Callable[..., Any], far: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of n, v ≥ 0 and z: the asymptotic series where accurate, else `near`."""

    def compute(n: int, v: Any, z: Any) -> Any:
        """Compute `far` where the series are accurate, `near` elsewhere."""
        return choose(is_far(v, z), partial(far, n), partial(near, n), v, z)

    return compute


J = near_or_far(j_derivative, lambda n, v, z: np.real(hankel_far(n, v, z)))
Y = near_or_far(y_derivative, lambda n, v, z: np.imag(hankel_far(n, v, z)))


def reflect(n: int, v: Any, z: Any, part: complex) -> Any:
    """Return the n-th derivative by v of Re(c)·J(v, z) + Im(c)·Y(v, z).

    Here c is part·exp(-iπv).
    """
    total = 0.0
    for k in range(n + 1):
        c = part * comb(n, k) * np.conj(rotation(n - k, v, 0.0))
        j = J(k, v, z) if k else special.jv(v, z)
        y = Y(k, v, z) if k else special.yv(v, z)
        total = total + np.real(c) * j + np.imag(c) * y
    return total


def i_reflected(n: int, v: Any, z: Any) -> Any:
    """Return the n-th derivative by v of exp(-z)·I(-v, z).

    I(-v, z) is I(v, z) + 2/π sin(πv)·K(v, z).
    """
    total = i_derivative(n, v, z)
    for k in range(n + 1):
        known = k_derivative(k, v, z) if k else special.kve(v, z)
        c = comb(n, k) * np.imag(rotation(n - k, v, 0.0))
        total = total + 2 / pi * c * np.exp(-2 * z) * known
    return total


@op
@by_blocks(1)
def jv_by_order(n: int, v: Any, z: Any) -> Any:
    """Return the n-th derivative of J(v, z) by v, for n ≥ 1 and real z ≥ 0."""
    y = over_orders(n, v, z, J, lambda n, v, z: (-1) ** n * reflect(n, v, z, 1))
    return np.where((z == 0) & (v > 0), 0, y)


@op
@by_blocks(1)
def yv_by_order(n: int, v: Any, z: Any) -> Any:
    """Return the n-th derivative of Y(v, z) by v, for n ≥ 1 and real z > 0."""
    return over_orders(n, v, z, Y, lambda n, v, z: (-1) ** n * reflect(n, v, z, 1j))


@op
@by_blocks(2)
def ive_by_order(n: int, d: int, v: Any, z: Any) -> Any:
    """Return a derivative of exp(-z)·I(v, z) for real z ≥ 0, n ≥ 1 times by v and d times by z."""

    def of_order(v: Any, z: Any) -> Any:
        return over_orders(n, v, z, i_derivative, lambda n, v, z: (-1) ** n * i_reflected(n, v, z))

    y = choose(
        is_far(v, z),
        lambda v, z: asymptotic(n, d, v, z, -1.0) / np.sqrt(2 * pi),
        lambda v, z: differences(of_order, d, v, z, 1),
        v,
        z,
    )
    return np.where((z == 0) & (v > d), 0, y)


@op
@by_blocks(2)
def kve_by_order(n: int, d: int, v: Any, z: Any) -> Any:
    """Return a derivative of exp(z)·K(v, z) for real z > 0, n ≥ 1 times by v and d times by z."""

    def of_order(v: Any, z: Any) -> Any:
        return over_orders(n, v, z, k_derivative, lambda n, v, z: (-1) ** n * k_derivative(n, v, z))

    return choose(
        is_far(v, z),
        lambda v, z: asymptotic(n, d, v, z, 1.0) * np.sqrt(pi / 2),
        lambda v, z: differences(of_order, d, v, z, -1),
        v,
        z,
    )


elementwise(
    jv_by_order,
    n=None,
    v=lambda g, n, v, z: g * jv_by_order(n + 1, v, z),
    z=lambda g, n, v, z: g / 2 * (jv_by_order(n, v - 1, z) - jv_by_order(n, v + 1, z)),
)
elementwise(
    yv_by_order,
    n=None,
    v=lambda g, n, v, z: g * yv_by_order(n + 1, v, z),
    z=lambda g, n, v, z: g / 2 * (yv_by_order(n, v - 1, z) - yv_by_order(n, v + 1, z)),
)
elementwise(
    ive_by_order,
    n=None,
    d=None,
    v=lambda g, n, d, v, z: g * ive_by_order(n + 1, d, v, z),
    z=lambda g, n, d, v, z: g * ive_by_order(n, d + 1, v, z),
)
elementwise(
    kve_by_order,
    n=None,
    d=None,
    v=lambda g, n, d, v, z: g * kve_by_order(n + 1, d, v, z),
    z=lambda g, n, d, v, z: g * kve_by_order(n, d + 1, v, z),
)
elementwise(
    ive_derivative,
    n=None,
    v=lambda g, n, v, x: g * ive_by_order(1, n, v, x),
    x=lambda g, n, v, x: g * ive_derivative(n + 1, v, x),
)
elementwise(
    kve_derivative,
    n=None,
    v=lambda g, n, v, x: g * kve_by_order(1, n, v, x),
    x=lambda g, n, v, x: g * kve_derivative(n + 1, v, x),
)
