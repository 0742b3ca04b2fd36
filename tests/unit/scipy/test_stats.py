"""Distributions: SciPy's values over their parameters, in both tails and where nothing is valid; derivatives by every parameter."""

from typing import Any

import numpy as np
import pytest
import scipy.stats
from scipy_agreement import agree

import memograd as mg
import memograd.functional as F
from memograd.check import check_rule
from memograd.errors import NoRuleError
from memograd.scipy import multivariate, stats

POINTS = np.array([0.15, 0.4, 0.8])
FUNCTIONS = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
SHAPES: dict[str, tuple[float, ...]] = {
    "norm": (),
    "expon": (),
    "t": (3.5,),
    "beta": (2.5, 1.5),
    "gamma": (2.5,),
    "chi2": (5.0,),
}


def pair(name: str, f: str) -> tuple[Any, Any]:
    """A function of ours, and SciPy's."""
    ours, theirs = (getattr(home, name) for home in (stats, scipy.stats))
    return getattr(ours, f), getattr(theirs, f)


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize("name", SHAPES)
def test_by_the_point_loc_and_scale(name: str, f: str) -> None:
    ours, theirs = pair(name, f)
    agree(
        lambda x, loc, scale: ours(x, *SHAPES[name], loc=loc, scale=scale),
        lambda x, loc, scale: theirs(x, *SHAPES[name], loc, scale),
        [POINTS, np.asarray(-0.2), np.asarray(1.7)],
    )


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize("name", [name for name, shapes in SHAPES.items() if shapes])
def test_by_the_shapes(name: str, f: str) -> None:
    ours, theirs = pair(name, f)
    agree(
        lambda *shapes: ours(POINTS, *shapes),
        lambda *shapes: theirs(POINTS, *shapes),
        [np.asarray(s) for s in SHAPES[name]],
    )


@pytest.mark.parametrize("name", SHAPES)
def test_quantiles(name: str) -> None:
    ours, theirs = pair(name, "ppf")
    agree(
        lambda q, loc, scale: ours(q, *SHAPES[name], loc, scale),
        lambda q, loc, scale: theirs(q, *SHAPES[name], loc, scale),
        [POINTS, np.asarray(-0.2), np.asarray(1.7)],
    )


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("wrong", ["scale", "shape", "point"])
def test_what_is_not_valid_gives_nan_as_in_scipy(name: str, f: str, wrong: str) -> None:
    ours, theirs = pair(name, f)
    shapes = tuple(-s for s in SHAPES[name]) if wrong == "shape" else SHAPES[name]
    scale = np.array([-1.0, 1.0]) if wrong == "scale" else 1.0
    x = np.array([0.4, np.nan]) if wrong == "point" else 0.4
    for at in (x, x - 7.0):
        want = theirs(at, *shapes, 0.0, scale)
        for node in ("x", "scale"):
            given = {"x": at, "scale": scale}
            given[node] = mg.Tape().leaf(given[node])
            got = ours(given["x"], *shapes, scale=given["scale"])
            np.testing.assert_allclose(got.value, want, rtol=1e-12)


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize("name", ["expon", "chi2", "gamma", "beta"])
def test_outside_of_the_support(name: str, f: str) -> None:
    ours, theirs = pair(name, f)
    x = mg.Tape().leaf([-3.0, -0.1, 1.5 if name == "beta" else -7.0])
    y = ours(x, *SHAPES[name])
    np.testing.assert_array_equal(y.value, theirs(x.value, *SHAPES[name]))
    finite = np.isfinite(y.value)
    np.testing.assert_array_equal(mg.grad(np.sum(np.where(finite, y, 0)), x), np.zeros(3))


def test_far_tails_of_the_exponential_distribution() -> None:
    x = mg.Tape().leaf([1e-300, 1e-9, 50.0, 800.0])
    y = stats.expon.logcdf(x)
    np.testing.assert_allclose(
        y.value, [-690.775527898213705, -20.7232658374464012, -1.92874984796391782e-22, 0.0]
    )
    np.testing.assert_allclose(
        mg.grad(np.sum(y), x), [1e300, 1e9 - 0.5, 1.92874984796391782e-22, 0.0], rtol=1e-9
    )
    np.testing.assert_array_equal(mg.grad(np.sum(stats.expon.logsf(x)), x), -np.ones(4))


TAILS: dict[str, tuple[Any, tuple[float, ...], float, dict[int, float]]] = {
    "gamma.logsf": (
        stats.gamma.logsf,
        (900.0, 2.5),
        -890.0794245222952286,
        {0: -0.9983351841546724686, 1: 6.100349848677577379},
    ),
    "chi2.logsf": (
        stats.chi2.logsf,
        (2000.0, 5.0),
        -989.9215503273734509,
        {0: -0.4992507496244400238, 1: 3.102799568294758213},
    ),
    "gamma.logcdf": (
        stats.gamma.logcdf,
        (0.5, 300.0),
        -1623.348341611445123,
        {0: 599.0033277502924031, 1: -6.398600923751967744},
    ),
    "beta.logsf": (
        stats.beta.logsf,
        (0.9375, 2.0, 300.0),
        -826.1338234689045999,
        {0: -4798.937112488928255, 1: 5.221669102067410457},
    ),
    "t.logcdf": (
        stats.t.logcdf,
        (-1000.0, 1000.0),
        -3458.749957078099333,
        {0: 0.9990019960059999542, 1: -2.955376140658728299},
    ),
    "t.logsf": (
        stats.t.logsf,
        (1000.0, 1000.0),
        -3458.749957078099333,
        {0: -0.9990019960059999542, 1: -2.955376140658728299},
    ),
    "poisson.logcdf": (
        stats.poisson.logcdf,
        (3.0, 2000.0),
        -1978.987551715976948,
        {1: -0.9985007503744372197},
    ),
    "poisson.logsf": (
        stats.poisson.logsf,
        (400.0, 0.5),
        -2284.945434263702030,
        {1: 801.0024906446130018},
    ),
}
"""Where SciPy's functions give -inf: function, arguments, value and derivatives by mpmath."""


@pytest.mark.parametrize("what", TAILS)
def test_logarithms_of_far_tails(what: str) -> None:
    f, args, want, slopes = TAILS[what]
    value, g = F.value_and_grad(f, tuple(slopes))(*args)
    np.testing.assert_allclose(value, want, rtol=1e-12)
    np.testing.assert_allclose(g, list(slopes.values()), rtol=1e-9)


@pytest.mark.parametrize("f", ["logcdf", "logsf"])
@pytest.mark.parametrize("name", ["t", "beta"])
def test_logarithms_are_those_of_the_functions(name: str, f: str) -> None:
    """On both sides of the middle, and in it."""
    x = np.array([-3.0, -1e-9, 0.0, 1e-9, 2.0] if name == "t" else [1e-9, 0.3, 0.5, 0.7, 0.99])
    log_of, of = (getattr(getattr(stats, name), g) for g in (f, f[3:]))
    got = F.jacobian(lambda x, *s: log_of(x, *s), range(1 + len(SHAPES[name])))(x, *SHAPES[name])
    want = F.jacobian(lambda x, *s: np.log(of(x, *s)), range(1 + len(SHAPES[name])))(
        x, *SHAPES[name]
    )
    for mine, its in zip(got, want, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("f", ["pmf", "logpmf", "cdf", "logcdf", "sf", "logsf"])
def test_poisson_by_its_mean(f: str) -> None:
    ours, theirs = pair("poisson", f)
    k = np.array([0, 1, 4])
    agree(lambda mu: ours(k, mu), lambda mu: theirs(k, mu), [np.asarray(2.5)])
    agree(lambda mu: ours(k + 2, mu, 2), lambda mu: theirs(k, mu), [np.asarray(2.5)])
    mu = mg.Tape().leaf([2.5, -1.0, 0.7])
    with np.errstate(divide="ignore"):
        for at in (-1.0, 0.5, 2.0, np.nan):
            np.testing.assert_allclose(ours(at, mu).value, theirs(at, mu.value), rtol=1e-12)


def test_probabilities_of_a_large_mean_are_exact() -> None:
    """By mpmath: exp(-1e6) 1e6**k / k! for k = 1e6, where the derivative by the mean is 0."""
    y, g = F.value_and_grad(lambda mu: stats.poisson.pmf(1e6, mu))(1e6)
    np.testing.assert_allclose(y, 3.989422471562440297e-4, rtol=1e-13)
    np.testing.assert_allclose(g, 0.0, atol=1e-18)


# vectors

MEAN, X = np.array([0.3, -0.2, 0.5]), np.array([[0.4, 0.1, 0.6], [-0.3, 0.2, 0.1]])
ROOT = np.array([[1.0, 0.2, 0.1], [0.3, 1.5, 0.2], [0.1, 0.4, 0.8]])
FLAT = np.array([[1.0, 0.2], [0.3, 1.5], [0.1, 0.4]])


def of_root(root: Any) -> Any:
    """A positive semidefinite matrix of its rank."""
    return root @ root.T


@pytest.mark.parametrize("f", ["pdf", "logpdf"])
def test_a_normal_distribution_in_a_subspace(f: str) -> None:
    ours, theirs = pair("multivariate_normal", f)
    plane = MEAN + X[:, :2] @ FLAT.T

    agree(
        lambda u, mean, root: ours(mean + u @ root.T, mean, of_root(root), allow_singular=True),
        lambda u, mean, root: theirs(mean + u @ root.T, mean, of_root(root), allow_singular=True),
        [X[:, :2], MEAN, FLAT],
        rtol=1e-8,
    )
    g = F.grad(lambda x, mean: np.sum(ours(x, mean, of_root(FLAT), True)), (0, 1))(plane, MEAN)
    np.testing.assert_allclose(np.sum(g[0], axis=0), -g[1], rtol=1e-9, atol=1e-12)


def test_allow_singular_changes_nothing_for_a_regular_matrix() -> None:
    f = lambda singular: F.value_and_grad(  # noqa: E731
        lambda x, mean, cov: np.sum(stats.multivariate_normal.logpdf(x, mean, cov, singular)),
        (0, 1, 2),
    )(X, MEAN, of_root(ROOT))
    (y, g), (z, h) = f(False), f(True)
    np.testing.assert_allclose(y, z, rtol=1e-12)
    for mine, its in zip(g, h, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-9, atol=1e-12)


def test_the_strangers_example_has_the_derivative_of_the_subspace() -> None:
    x = np.array([0.5, 0.5])
    g = F.grad(
        lambda m: stats.multivariate_normal.logpdf(x, m, np.ones((2, 2)), allow_singular=True)
    )(np.zeros(2))
    np.testing.assert_allclose(g, [0.25, 0.25], rtol=1e-12)


def test_outside_of_the_subspace_the_density_is_zero() -> None:
    mean = mg.Tape().leaf(np.zeros(2))
    y = stats.multivariate_normal.logpdf([0.5, 0.7], mean, np.ones((2, 2)), allow_singular=True)
    assert y.value == -np.inf


@pytest.mark.parametrize(
    ("cov", "error"),
    [
        (np.ones((2, 2)), np.linalg.LinAlgError),
        (np.diag([1.0, -1.0]), ValueError),
        (np.diag([1.0, 0.0]), np.linalg.LinAlgError),
    ],
)
def test_what_is_no_covariance_is_scipys_error(cov: Any, error: type[Exception]) -> None:
    for home, x in ((stats, mg.Tape().leaf(np.zeros(2))), (scipy.stats, np.zeros(2))):
        with pytest.raises(error, match="symmetric positive"):
            home.multivariate_normal.logpdf(x, np.zeros(2), cov)


def test_entropy() -> None:
    ours, theirs = pair("multivariate_normal", "entropy")
    agree(lambda root: ours(MEAN, of_root(root)), lambda root: theirs(MEAN, of_root(root)), [ROOT])
    agree(lambda root: ours(cov=of_root(root)), lambda root: theirs(cov=of_root(root)), [FLAT])
    agree(lambda cov: ours([0, 0], cov), lambda cov: theirs([0, 0], cov), [np.array([0.5, 2.0])])
    agree(lambda cov: ours(0.3, cov), lambda cov: theirs(0.3, cov), [np.asarray(0.5)])


@pytest.mark.parametrize("f", ["cdf", "logcdf"])
def test_distribution_functions_of_vectors_are_refused(f: str) -> None:
    with pytest.raises(NoRuleError, match="not recorded: it is an integral.*Use logpdf"):
        getattr(stats.multivariate_normal, f)(mg.Tape().leaf(MEAN))


def test_dirichlet_refuses_what_scipy_refuses() -> None:
    alpha = mg.Tape().leaf([1.5, 2.5, 0.7])
    for home in (stats.dirichlet, scipy.stats.dirichlet):
        given = alpha if home is stats.dirichlet else alpha.value
        with pytest.raises(ValueError, match="simplex"):
            home.logpdf([0.2, 0.5, 0.4], given)
        with pytest.raises(ValueError, match="greater than 0"):
            home.logpdf([0.2, 0.5, 0.3], -given)


def test_ops_are_checked() -> None:
    check_rule(multivariate.log_pseudo_determinant, of_root(FLAT) + 0.1 * np.eye(3))
    check_rule(multivariate.covariance, of_root(ROOT), allow_singular=False)
