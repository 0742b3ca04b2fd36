"""Derivatives of the incomplete gamma functions by their shape, against 50-digit numbers of mpmath."""

from typing import Any

import numpy as np
import pytest
from scipy import special

import memograd as mg
from memograd.errors import NoRuleError
from memograd.functional import grad
from memograd.rules.incomplete_gamma import gamma_tail_moment, gammainccln, gammaincln

POINTS = [
    (1e-3, 1e-8), (0.1, 1.0), (2.5, 0.1), (2.5, 20.0), (20.0, 20.0), (20.0, 1e-8), (1e4, 10500.0),
    (1e6, 1e6), (1e6, 997000.0), (2.5, 1e6),
]  # fmt: skip
A, X = (np.array(column) for column in zip(*POINTS, strict=True))
BY_SHAPE = {
    special.gammainc: [
        -17.529499859061197, -0.26256688602375755, -0.0030252729366812103, -3.499890642552943e-07,
        -0.08957920553912253, -8.813016085298294e-178, -2.1678324217162636e-08,
        -0.0003989423136466252, -4.398653224682038e-06, 0.0,
    ],
    gammaincln: [
        -17.845108822122096, -0.269058554244524, -3.4139944835678895, -3.499891165215455e-07,
        -0.16909945135941695, -21.44120473621719, -2.167833348654154e-08, -0.0007976724771073847,
        -0.0032872278049270623, 0.0,
    ],
    gammainccln: [
        991.1500280236348, 10.882544261896694, 0.00302795612605533, 2.3436225209038146,
        0.19048978475381154, 0.0, 0.05069918348829755, 0.0007980968903567098, 4.404546967334157e-06,
        13.11235491731953,
    ],
}  # fmt: skip
TWICE = {
    special.gammainc: [
        311.20234928205355, -0.41322403282717407, 0.010039697343806126, -7.473662059479914e-07,
        1.880542141062385e-05, 1.8894163587134647e-176, -1.0576977932536232e-09,
        3.324519834474222e-17, 1.3215794392405888e-08, 0.0,
    ],
    gammaincln: [
        -1.6425331759288584, -0.49583303360589015, -0.3256462497228879, -7.473664400496599e-07,
        -0.028559125291250154, -0.04877082293304352, -1.0576987154620452e-09,
        -6.362813806681584e-07, -9.293602264894118e-07, 0.0,
    ],
    gammainccln: [
        -999974.3288594258, -101.3029761484962, -0.010057770317935429, -0.48799794818349407,
        -0.03632634774108731, 0.0, -9.676515000383138e-05, -6.369586464635581e-07,
        -1.3252902230831091e-08, -0.4903577560992349,
    ],
}  # fmt: skip
BY_BOTH = {
    special.gammainc: [
        96478446.98663826, 0.40307794599494495, -0.06469727865864369, 3.179382853956077e-07,
        0.0022393856712464495, -1.758492898636251e-168, 1.0333418484872534e-09,
        1.9947115682330928e-10, -1.3233461834252621e-08, 0.0,
    ],
    gammaincln: [
        99999999.00199701, 0.4237050952910734, 9.916575518675923, 3.1793838141259055e-07,
        0.03258447548793359, 99999999.99773243, 1.0333427489934624e-09, 6.366801109262952e-07,
        9.324045162973927e-07, 0.0,
    ],
    gammainccln: [
        49960636.98271314, 0.7353068871220054, 0.06481989351433114, 0.047404723175187416,
        0.031222983359718716, 0.0, 9.19868742281767e-05, 6.365594917921043e-07,
        1.3270622514991612e-08, 9.99998999999e-07,
    ],
}  # fmt: skip


def total(f: Any) -> Any:
    """Return the sum of f over all elements."""
    return lambda *xs: np.sum(f(*xs))


@pytest.mark.parametrize("f", BY_SHAPE)
def test_the_derivative_by_the_shape(f: Any) -> None:
    np.testing.assert_allclose(grad(total(f))(A, X), BY_SHAPE[f], rtol=1e-12, atol=1e-170)


@pytest.mark.parametrize("f", BY_SHAPE)
def test_the_second_derivatives(f: Any) -> None:
    slope = lambda k: lambda a, x: np.sum(grad(total(f), argnums=k)(a, x))  # noqa: E731
    scale = np.abs(TWICE[f]) + 1e-3 * np.abs(BY_SHAPE[f]) + 1e-160
    error = np.abs(grad(slope(0))(A, X) - TWICE[f]) / scale
    np.testing.assert_array_less(error, 1e-12)
    np.testing.assert_allclose(grad(slope(0), argnums=1)(A, X), BY_BOTH[f], rtol=1e-10, atol=1e-160)
    np.testing.assert_allclose(grad(slope(1))(A, X), BY_BOTH[f], rtol=1e-10, atol=1e-160)


def test_the_upper_tail_is_the_negative() -> None:
    np.testing.assert_array_equal(
        grad(total(special.gammaincc))(A, X), -grad(total(special.gammainc))(A, X)
    )


def test_the_third_order() -> None:
    """∂³Q/∂a³ at a = 0.5, x = 1 (mpmath, 40 digits)."""
    f = special.gammaincc
    third = grad(lambda a: grad(lambda a: grad(lambda a: f(a, 1.0))(a))(a))(0.5)
    np.testing.assert_allclose(third, THIRD, rtol=1e-12)


THIRD = -0.5462369278782954


@pytest.mark.parametrize(
    ("a", "x", "want"),
    [(2.0, 0.0, 0.0), (2.0, np.inf, 0.0), (0.0, 1.0, -0.21938393439552026), (np.nan, 1.0, np.nan),
     (1.0, np.nan, np.nan), (-1.0, 1.0, np.nan)],
)  # fmt: skip
def test_ends_of_the_domain(a: float, x: float, want: float) -> None:
    """At a = 0 the derivative is -E₁(x)."""
    np.testing.assert_allclose(grad(special.gammainc)(a, x), want, rtol=1e-13)


@pytest.mark.parametrize("f", [special.gammaincinv, special.gammainccinv])
@pytest.mark.parametrize("p", [1e-30, 1e-8, 0.3, 0.999999])
def test_the_quantile_by_the_shape(f: Any, p: float) -> None:
    """A quantile keeps its probability when the shape changes."""
    of = special.gammainc if f is special.gammaincinv else special.gammaincc
    for a in (0.3, 2.5, 40.0):
        back = grad(lambda a: of(a, f(a, p)) / p)(a)
        assert abs(back * a) < 1e-10 * (1 - np.log(p)) * max(1, special.gammaincinv(a, 0.5))


DISTRIBUTIONS = {
    "chdtr": (lambda s: special.chdtr(2 * s, 3.0), lambda s: special.gammainc(s, 1.5)),
    "chdtrc": (lambda s: special.chdtrc(2 * s, 3.0), lambda s: special.gammaincc(s, 1.5)),
    "chdtri": (lambda s: special.chdtri(2 * s, 0.2), lambda s: 2 * special.gammainccinv(s, 0.2)),
    "gdtr": (lambda s: special.gdtr(0.5, s, 3.0), lambda s: special.gammainc(s, 1.5)),
    "gdtrc": (lambda s: special.gdtrc(0.5, s, 3.0), lambda s: special.gammaincc(s, 1.5)),
    "gdtria": (lambda s: special.gdtria(0.2, s, 3.0), lambda s: special.gammaincinv(s, 0.2) / 3),
    "gdtrix": (lambda s: special.gdtrix(3.0, s, 0.2), lambda s: special.gammaincinv(s, 0.2) / 3),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions_by_the_shape(name: str) -> None:
    f, same = DISTRIBUTIONS[name]
    for s in (0.4, 1.5, 30.0):
        np.testing.assert_allclose(grad(f)(s), grad(same)(s), rtol=1e-11)


def test_logarithms_do_not_underflow() -> None:
    np.testing.assert_allclose(gammaincln(700.0, 1.0), -3890.9494047296365, rtol=1e-14)
    np.testing.assert_allclose(gammainccln(2.0, 1e4), -1e4 + np.log1p(1e4), rtol=1e-15)
    np.testing.assert_allclose(
        gammaincln(A[:3], X[:3]), np.log(special.gammainc(A[:3], X[:3])), rtol=1e-13
    )


def test_single_precision_is_kept() -> None:
    tape = mg.Tape()
    a, x = tape.leaf(np.float32(2.5)), tape.leaf(np.float32(3.0))
    assert mg.grad(special.gammainc(a, x), a).dtype == np.float32
    assert gammaincln(np.float32(2.5), np.float32(3.0)).dtype == np.float32


def test_other_arrays_are_refused() -> None:
    sparse = pytest.importorskip("sparse")
    with pytest.raises(NoRuleError, match="NumPy's and Dask's arrays only"):
        gamma_tail_moment(0, 0, 1.0, sparse.COO(np.array([1.5, 2.5])), 1.0)
