"""Derivatives of the beta, F and Student distributions by their shapes, against mpmath's in 40 digits."""

from typing import Any

import numpy as np
import pytest
from scipy import special

from memograd.errors import NoRuleError
from memograd.functional import grad
from memograd.rules.incomplete_beta import betaincln

BETA = {
    (0.5, 2.5, 0.25): (-0.50829967058345302, 0.10397785248454218, 0.10181409180053789, 0.13613228717685742,
                       -0.052039492950831525, 1.6539866862653761, -0.075040690101123049),
    (2.5, 0.5, 0.75): (-0.10397785248454218, 0.50829967058345302, 0.052039492950831525, -0.13613228717685742,
                       -0.10181409180053789, -0.075040690101123049, 1.6539866862653761),
    (40.0, 20.0, 0.5): (-0.0014076910200887684, 0.0019942162874237692, 0.0004289534689591543, -0.00058323448903113335,
                        0.00077683956431766486, -0.054971361499861277, 0.081892215830117152),
    (0.001, 2.0, 1e-8): (-17.120801961449124, 0.00063359735992867622, 297.29236176372935, 0.62236062401640968,
                         -0.00039648357606557016, 96560887.9355103, 63.358753611965107),
    (300.0, 1000.0, 0.25): (-0.0052644646136811162, 0.0016645112795946454, -0.00041741541464535681,
                            0.00013472969835186637, -4.3423552398171807e-5, 0.71259668580703374, -0.22082998793410129),
}  # fmt: skip
"""By shapes and point: ∂a, ∂b, ∂aa, ∂ab, ∂bb, ∂ax, ∂bx."""


@pytest.mark.parametrize("point", BETA)
def test_betainc_by_its_shapes(point: Any) -> None:
    f, want = special.betainc, BETA[point]
    by_a, by_b = (grad(f, argnums=k) for k in range(2))
    got = [*grad(f, argnums=(0, 1))(*point), *grad(by_a, argnums=(0, 1))(*point)]
    got += [grad(by_b, argnums=1)(*point), grad(by_a, argnums=2)(*point), grad(by_b, argnums=2)(*point)]  # fmt: skip
    np.testing.assert_allclose(got, want, rtol=1e-12)
    by_x = grad(f, argnums=2)
    np.testing.assert_allclose(grad(by_x, argnums=(0, 1))(*point), want[-2:], rtol=1e-12)


def test_the_upper_tail_is_the_negative() -> None:
    for point in BETA:
        for k in range(2):
            upper = grad(special.betaincc, argnums=k)(*point)
            np.testing.assert_allclose(upper, -BETA[point][k], rtol=1e-12)


def test_large_shapes_against_the_gamma_distribution() -> None:
    """I_x(a, b) approaches P(a, b·x) for large b."""
    a, b = 2.5, 1e6
    want = grad(special.gammainc)(a, 3.0)
    np.testing.assert_allclose(grad(special.betainc)(a, b, 3.0 / b), want, rtol=1e-5)


@pytest.mark.parametrize(
    ("a", "b", "x", "want"),
    [(2.0, 3.0, 0.0, 0.0), (2.0, 3.0, 1.0, 0.0), (np.nan, 3.0, 0.5, np.nan),
     (2.0, 3.0, np.nan, np.nan), (-1.0, 3.0, 0.5, np.nan)],
)  # fmt: skip
def test_ends_of_the_domain(a: float, b: float, x: float, want: float) -> None:
    np.testing.assert_array_equal(grad(special.betainc)(a, b, x), want)
    np.testing.assert_array_equal(grad(special.betainc, argnums=1)(b, a, x), want)


@pytest.mark.parametrize(
    ("f", "of"),
    [(special.betaincinv, special.betainc), (special.betainccinv, special.betaincc)],
)
@pytest.mark.parametrize("p", [1e-3, 0.3, 0.999])
def test_the_quantile_by_the_shapes(f: Any, of: Any, p: float) -> None:
    """A quantile keeps its probability when a shape changes."""
    for a, b in [(0.5, 2.5), (2.5, 0.5), (20.0, 30.0)]:
        back = grad(lambda a, b: of(a, b, f(a, b, p)) / p, argnums=(0, 1))(a, b)
        np.testing.assert_allclose(back, 0.0, atol=1e-9)


T = {
    (2.5, 0.75): (0.011514745766063187, -0.0081467190299021075, 0.016376885337249762),
    (40.0, -3.0): (-2.7425994256091915e-5, 1.5327253084056011e-6, -4.4424796658928891e-5),
    (1000.0, 1.5): (1.5778668632553817e-7, -3.155104043643899e-10, 1.4327809499698181e-8),
}
"""By degrees of freedom and point: ∂n, ∂nn, ∂nt."""
F = {
    (3.0, 5.0, 0.5): (-0.049830346574682592, 0.0030395334191701396),
    (5.0, 400.0, 1.5): (0.012380359248759136, 6.6911429549642133e-6),
    (0.5, 0.25, 2.0): (-0.28445223664689677, 0.84325547368215715),
}


@pytest.mark.parametrize("point", T)
def test_student_by_the_degrees_of_freedom(point: Any) -> None:
    f = special.stdtr
    got = [grad(f)(*point), grad(grad(f))(*point), grad(grad(f), argnums=1)(*point)]
    np.testing.assert_allclose(got, T[point], rtol=1e-12)
    np.testing.assert_allclose(grad(grad(f, argnums=1))(*point), T[point][2], rtol=1e-12)


@pytest.mark.parametrize("point", F)
def test_f_by_the_degrees_of_freedom(point: Any) -> None:
    np.testing.assert_allclose(grad(special.fdtr, argnums=(0, 1))(*point), F[point], rtol=1e-12)
    upper = grad(special.fdtrc, argnums=(0, 1))(*point)
    np.testing.assert_allclose(upper, -np.array(F[point]), rtol=1e-12)


def test_student_in_the_middle() -> None:
    """At 0 the distribution function is 1/2 for every n, but its density depends on n."""
    assert grad(special.stdtr)(2.5, 0.0) == 0
    mixed = grad(grad(special.stdtr), argnums=1)(2.5, 0.0)
    np.testing.assert_allclose(mixed, 0.013554437862656152, rtol=1e-12)


def test_quantiles_by_the_degrees_of_freedom() -> None:
    back = grad(lambda n: special.stdtr(n, special.stdtrit(n, 0.9)))(2.5)
    np.testing.assert_allclose(back, 0.0, atol=1e-12)
    back = grad(lambda m, n: special.fdtr(m, n, special.fdtri(m, n, 0.9)), argnums=(0, 1))(2.5, 4.0)
    np.testing.assert_allclose(back, 0.0, atol=1e-12)


def test_higher_orders_are_refused() -> None:
    f = special.stdtr
    for _ in range(3):
        f = grad(f)
    with pytest.raises(NoRuleError, match="up to the third order"):
        grad(f)(2.5, 1.0)


def test_the_logarithm_does_not_underflow() -> None:
    """Log of 1e-8^40 / (40·B(40, 1/2)) and its derivatives, where the tail is a power of x."""
    a, b, x = 40.0, 0.5, 1e-8
    log = a * np.log(x) - np.log(a) - special.betaln(a, b)
    np.testing.assert_allclose(betaincln(a, b, x), log, rtol=1e-9)
    np.testing.assert_allclose(betaincln(400.0, b, x), 10 * a * np.log(x), rtol=1e-3)
    slope = np.log(x) + special.psi(400.5) - special.psi(400.0) - 1 / 400
    np.testing.assert_allclose(grad(betaincln)(400.0, b, x), slope, rtol=1e-9)


@pytest.mark.parametrize("point", BETA)
@pytest.mark.parametrize("k", [0, 1, 2])
def test_the_logarithm(point: Any, k: int) -> None:
    value = special.betainc(*point)
    np.testing.assert_allclose(betaincln(*point), np.log(value), rtol=1e-12)
    want = grad(special.betainc, argnums=k)(*point) / value
    np.testing.assert_allclose(grad(betaincln, argnums=k)(*point), want, rtol=1e-11)
