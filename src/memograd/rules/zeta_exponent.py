"""Derivatives of the zeta functions by their exponent.

References
----------
NIST Digital Library of Mathematical Functions, 25.11.5, 25.11.28 (Euler and Maclaurin's formula,
differentiated term by term), 25.4.1 (reflection).
"""

from math import comb, factorial, pi
from typing import Any

import numpy as np
from scipy import special

from .pure_registration import elementwise
from .registration import op
from .special_stable import BERNOULLI, in_double

TERMS = 16
"""Number of terms that are summed directly; the rest is computed by the formula."""


def rest_jet(n: int, s: Any, q: Any) -> list[Any]:
    """Return the derivatives of q^s Σ (q + k)^-s over k ≥ 0 by s, of orders 0 to n, for large q."""
    jet = [(-1) ** k * factorial(k) * q / (s - 1) ** (k + 1) for k in range(n + 1)]
    jet[0] = jet[0] + 0.5
    rising = [s / q, 1 / q, *(0.0 for _ in range(n - 1))][: n + 1]
    for j, b in enumerate(BERNOULLI, 1):
        jet = [t + b / factorial(2 * j) * r for t, r in zip(jet, rising, strict=True)]
        for i in (2 * j - 1, 2 * j):
            rising = [
                ((s + i) * r + k * (rising[k - 1] if k else 0.0)) / q for k, r in enumerate(rising)
            ]
    return jet


@op
@in_double
def zeta_derivative(n: Any, s: Any, q: Any) -> Any:
    """Return the n-th derivative of the Hurwitz zeta function by its exponent s, for q > 0.

    The exponent is at least 0.
    """
    n = int(n)
    total: Any = 0.0
    for k in range(TERMS):
        total = total + (-np.log(q + k)) ** n * (q + k) ** -s
    far = q + TERMS
    jet = rest_jet(n, s, far)
    rest = sum(comb(n, k) * (-np.log(far)) ** (n - k) * jet[k] for k in range(n + 1))
    return np.where(q > 0, total + far**-s * rest, np.nan)


elementwise(
    zeta_derivative,
    n=None,
    s=lambda g, n, s, q: g * zeta_derivative(n + 1, s, q),
    q=lambda g, n, s, q: -g * zeta_slope_by_q(n, s, q),
)


def zeta_slope_by_q(n: Any, s: Any, q: Any) -> Any:
    """Return minus the derivative of `zeta_derivative` by q."""
    slope = s * zeta_derivative(n, s + 1, q)
    return slope + n * zeta_derivative(n - 1, s + 1, q) if n else slope


def riemann_slope(x: Any) -> Any:
    """Return the derivative of the Riemann zeta function for real x; for x < 0 by reflection."""
    left = np.less(x, 0)
    right, s = zeta_derivative(1, np.where(left, 2.0, x), 1.0), 1 - np.where(left, x, -1.0)
    turn, value = np.fmod(1 - s, 4.0) * (pi / 2), special.zeta(s, 1.0)
    slope = (np.log(2 * pi) - special.psi(s)) * value - zeta_derivative(1, s, 1.0)
    size = 2 * np.exp(-s * np.log(2 * pi)) * special.gamma(s)
    return np.where(left, size * (np.sin(turn) * slope + pi / 2 * np.cos(turn) * value), right)
