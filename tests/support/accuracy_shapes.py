"""Distribution functions, Bessel functions and zeta by their shapes, orders and exponents, in the sweep of accuracy.

The references are power series and continued fractions of positive terms in mpmath's numbers, of the smaller tail: mpmath's own
functions lose it in the difference from 1.
"""

from collections.abc import Callable
from typing import Any

import mpmath as m
from accuracy_points import Case
from accuracy_special import inverse
from scipy import special

from memograd.rules.incomplete_beta import betaincln
from memograd.rules.incomplete_gamma import gammainccln, gammaincln

CASES: list[Case] = []


def case(name: str, op: Any, columns: Any, value: Any, **others: Any) -> None:
    """Add a case of a function by its shapes."""
    CASES.append(Case(f"special.{name}, by the shape", op, columns, value, **others))


def continued_fraction(
    numerator: Callable[[int], Any], denominator: Callable[[int], Any], first: Any
) -> Any:
    """Return first + n(1) / (d(1) + n(2) / (d(2) + ...)), by Lentz's method."""
    tiny, eps = m.mpf(10) ** (-4 * m.mp.dps), m.mpf(10) ** (-m.mp.dps - 3)
    value = c = first or tiny
    d = m.mpf(0)
    for i in range(1, 200_000):
        n, b = numerator(i), denominator(i)
        d = 1 / (b + n * d or tiny)
        c = b + n / c or tiny
        value *= c * d
        if abs(c * d - 1) < eps:
            return value
    raise ArithmeticError


# gamma


def gamma_power(a: Any, x: Any) -> Any:
    return m.exp(a * m.log(x) - x - m.loggamma(a + 1))


def lower_gamma(a: Any, x: Any) -> Any:
    """P(a, x) by DLMF 8.7.1."""
    term = total = m.mpf(1)
    k = a
    while term > total * m.mpf(10) ** (-m.mp.dps - 3):
        k += 1
        term *= x / k
        total += term
    return gamma_power(a, x) * total


def upper_gamma(a: Any, x: Any) -> Any:
    """Q(a, x) by DLMF 8.9.2."""
    fraction = continued_fraction(lambda i: -i * (i - a), lambda i: x - a + 1 + 2 * i, x - a + 1)
    return a * gamma_power(a, x) / fraction


def is_far(a: Any, x: Any) -> bool:
    return float(x) > float(a) + 3 * float(a) ** 0.5 + 5


def gammainc(a: Any, x: Any) -> Any:
    return 1 - upper_gamma(a, x) if is_far(a, x) else lower_gamma(a, x)


def gammainc_up_to_a_constant(a: Any, x: Any) -> Any:
    """The smaller tail, in whose derivatives nothing cancels."""
    return -upper_gamma(a, x) if is_far(a, x) else lower_gamma(a, x)


def gamma_density(a: Any, x: Any) -> Any:
    return a * gamma_power(a, x) / x


A = [1e-3, 0.1, 0.5, 1.0, 2.5, 20.0, 1e4, 1e6]
X = [1e-100, 1e-8, 0.1, 1.0, 3.0, 20.0, 50.0, 300.0, 9700.0, 1e4, 10030.5, 10500.0, 997000.0, 1e6, 1000700.0, 1004000.0]  # fmt: skip
case("gammainc", special.gammainc, [A, X], gammainc_up_to_a_constant)
case("gammaincc", special.gammaincc, [A, X], lambda a, x: -gammainc_up_to_a_constant(a, x))
case(
    "gammaincln",
    gammaincln,
    [A, X],
    lambda a, x: m.log1p(-upper_gamma(a, x)) if is_far(a, x) else m.log(lower_gamma(a, x)),
)
case(
    "gammainccln",
    gammainccln,
    [A, X],
    lambda a, x: m.log(upper_gamma(a, x)) if is_far(a, x) else m.log1p(-lower_gamma(a, x)),
)
SHAPES = [0.1, 0.5, 1.0, 2.5, 20.0, 1e4]
PROBABILITIES = [1e-8, 0.1, 0.5, 0.99]
case(
    "gammaincinv",
    special.gammaincinv,
    [SHAPES, PROBABILITIES],
    inverse(gammainc, gamma_density, special.gammaincinv),
)
case(
    "gammainccinv",
    special.gammainccinv,
    [SHAPES, PROBABILITIES],
    inverse(
        lambda a, x: 1 - gammainc(a, x), lambda a, x: -gamma_density(a, x), special.gammainccinv
    ),
)
case(
    "chdtr",
    special.chdtr,
    [[0.01, 1.0, 5.0, 40.0], [1e-8, 1.0, 20.0, 300.0]],
    lambda v, x: gammainc_up_to_a_constant(v / 2, x / 2),
)
case(
    "gdtr",
    special.gdtr,
    [[0.3, 40.0], [0.5, 20.0], [1e-8, 1.0, 20.0]],
    lambda a, b, x: gammainc_up_to_a_constant(b, a * x),
)


# beta


def beta_power(a: Any, b: Any, x: Any, y: Any) -> Any:
    logs = m.loggamma(a + b) - m.loggamma(a) - m.loggamma(b)
    return m.exp(a * m.log(x) + b * m.log(y) + logs)


def lower_beta(a: Any, b: Any, x: Any, y: Any) -> Any:
    """I_x(a, b), where x + y = 1, by DLMF 8.17.22."""

    def numerator(i: int) -> Any:
        k = i // 2
        if i % 2:
            return -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
        return k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k))

    return beta_power(a, b, x, y) / a / continued_fraction(numerator, lambda _: 1, m.mpf(1))


def is_upper(a: Any, b: Any, x: Any, y: Any) -> bool:
    return float(x) * (float(b) + 1) > (float(a) + 1) * float(y)


def betainc(a: Any, b: Any, x: Any, y: Any) -> Any:
    return 1 - lower_beta(b, a, y, x) if is_upper(a, b, x, y) else lower_beta(a, b, x, y)


def smaller_beta(a: Any, b: Any, x: Any, y: Any) -> Any:
    """The smaller tail, in whose derivatives nothing cancels, up to a constant."""
    return -lower_beta(b, a, y, x) if is_upper(a, b, x, y) else lower_beta(a, b, x, y)


def log_beta(a: Any, b: Any, x: Any, y: Any) -> Any:
    if is_upper(a, b, x, y):
        return m.log1p(-lower_beta(b, a, y, x))
    return m.log(lower_beta(a, b, x, y))


def f_tail(dfn: Any, dfd: Any, x: Any) -> Any:
    a, b = dfn / 2, dfd / 2
    return smaller_beta(a, b, a * x / (a * x + b), b / (a * x + b))


def student_tail(df: Any, t: Any) -> Any:
    half = m.mpf(1) / 2
    sign = 1 if t > 0 else -1
    return sign * f_tail(m.mpf(1), df, t * t) / 2 if t else half


def beta_density(a: Any, b: Any, x: Any) -> Any:
    return beta_power(a, b, x, 1 - x) / (x * (1 - x))


B = [1e-3, 0.5, 40.0, 1e6]
BX = [1e-30, 1e-8, 4e-5, 0.3, 0.5003, 0.99996]
case("betainc", special.betainc, [B, B, BX], lambda a, b, x: smaller_beta(a, b, x, 1 - x))
case(
    "betaincc",
    special.betaincc,
    [[0.5, 40.0], [2.5], BX],
    lambda a, b, x: -smaller_beta(a, b, x, 1 - x),
)
case(
    "betaincln",
    betaincln,
    [[0.1, 2.5, 40.0], [0.1, 2.5, 40.0], BX[:5]],
    lambda a, b, x: log_beta(a, b, x, 1 - x),
)
case(
    "betaincinv",
    special.betaincinv,
    [[0.5, 2.5, 20.0], [0.5, 20.0], PROBABILITIES[:3]],
    inverse(
        lambda a, b, x: betainc(a, b, x, 1 - x),
        beta_density,
        special.betaincinv,
    ),
)
case("fdtr", special.fdtr, [[0.01, 1.0, 5.0, 1e6], [0.01, 5.0, 1e6], [1e-8, 0.3, 1.001, 4.0]], f_tail)  # fmt: skip
case(
    "stdtr",
    special.stdtr,
    [[0.01, 1.0, 2.5, 40.0, 1e6], [-40.0, -6.0, -1.0, -1e-8, 1.5, 3.0, 1e8]],
    student_tail,
)


# orders and exponents

V = [-0.75, 0.25, 1.0, 2.5, 20.0, 40.5]
Z = [1e-30, 1e-8, 0.1, 1.0, 3.0, 10.0, 31.0, 60.0, 500.0, 2000.0]
for op, value in {
    special.jv: m.besselj,
    special.yv: m.bessely,
    special.iv: m.besseli,
    special.kv: m.besselk,
    special.ive: lambda v, z: m.exp(-z) * m.besseli(v, z),
    special.kve: lambda v, z: m.exp(z) * m.besselk(v, z),
}.items():
    CASES.append(Case(f"special.{op.__name__}, by the order", op, [V, Z], value))
CASES.append(
    Case(
        "special.zeta, by the exponent",
        special.zeta,
        [[1.001, 1.5, 3.0, 20.0, 200.0], [1e-8, 0.3, 1.0, 5.0, 15.9, 300.0, 1e6]],
        m.zeta,
    )
)
CASES.append(
    Case(
        "special.zeta, Riemann's",
        special.zeta,
        [[-20.5, -4.0, -1.5, 0.0, 0.5, 1.001, 1.5, 3.0, 20.0]],
        m.zeta,
    )
)
