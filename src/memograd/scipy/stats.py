"""scipy.stats: densities and distribution functions of common distributions, for nodes.

Everything else is SciPy's own. A distribution here is SciPy's, but its functions `pdf logpdf cdf
logcdf sf logsf ppf` (`pmf logpmf` if it is discrete) are recorded if a node is among the arguments.
They are compositions of special functions, differentiable by the point, by `loc`, `scale` and the
shape parameters. Logarithms of distribution functions do not underflow in the tails, where SciPy's
give -inf. They are NaN where SciPy's are, such as for a scale that is not positive;
`multivariate_normal` and `dirichlet` raise SciPy's errors.

Examples
--------
>>> import numpy as np, memograd as mg
>>> from memograd.scipy import stats
>>> rate = mg.Tape().leaf(2.0)
>>> L = np.sum(stats.expon.logpdf([0.5, 1.5], scale=1 / rate))
>>> float(mg.grad(L, rate))
-1.0
"""

from math import log
from typing import Any

import numpy as np

from ..text import import_scipy

_stats = import_scipy("scipy.stats")

from ..rules.special_stable import beta_density, gamma_density  # noqa: E402  (SciPy is there)
from . import special  # noqa: E402
from .distributions import Distribution, continuous, where_valid  # noqa: E402
from .multivariate import (  # noqa: E402
    LOG_2PI,
    dirichlet_logpdf,
    dirichlet_pdf,
    multivariate_normal_entropy,
    multivariate_normal_logpdf,
    multivariate_normal_pdf,
    refuse_multivariate_cdf,
)

__all__ = [
    "beta",
    "chi2",
    "dirichlet",
    "expon",
    "gamma",
    "multivariate_normal",
    "norm",
    "poisson",
    "t",
]


def __getattr__(name: str) -> Any:
    return getattr(_stats, name)


def __dir__() -> list[str]:
    return sorted({*dir(_stats), *__all__})


norm = continuous(
    "norm",
    logpdf=lambda z: -0.5 * z * z - LOG_2PI / 2,
    cdf=special.ndtr,
    sf=lambda z: special.ndtr(-z),
    logcdf=special.log_ndtr,
    logsf=lambda z: special.log_ndtr(-z),
    ppf=special.ndtri,
)


def t_logcdf(z: Any, df: Any) -> Any:
    """Return the logarithm of the distribution function of `t`.

    Where it is tiny, it is computed from that of a beta distribution: for z < 0 the t distribution
    function is half of the beta distribution function at df / (df + z²), with the shapes df / 2 and
    1 / 2 (M. Abramowitz, I. A. Stegun: Handbook of Mathematical Functions, 26.7.1).
    """
    below = np.less(z, 0)
    tail = special.stdtr(df, np.where(below, z, -z))
    far = np.less(tail, 1e-250)
    square = np.square(np.where(far, z, 1.0)) / df
    beyond = special.betaincln(df / 2, 0.5, 1 / (1 + square)) - log(2)
    log_tail = np.where(far, beyond, np.log(np.where(far, 1.0, tail)))
    return np.where(below, log_tail, np.log1p(-tail))


t = continuous(
    "t",
    shapes=("df",),
    logpdf=lambda z, df: (
        -special.betaln(0.5, df / 2) - np.log(df) / 2 - (df + 1) / 2 * np.log1p(z * z / df)
    ),
    cdf=lambda z, df: special.stdtr(df, z),
    sf=lambda z, df: special.stdtr(df, -z),
    logcdf=t_logcdf,
    logsf=lambda z, df: t_logcdf(-z, df),
    ppf=lambda q, df: special.stdtrit(df, q),
)


def beta_logsf(z: Any, a: Any, b: Any) -> Any:
    """Return the logarithm of the survival function of `beta`."""
    cdf = special.betainc(a, b, z)
    small = np.less(cdf, 0.5)
    far = special.betaincln(b, a, 1 - np.where(small, 0.5, z))
    return np.where(small, np.log1p(-np.where(small, cdf, 0.0)), far)


beta = continuous(
    "beta",
    shapes=("a", "b"),
    support=(0.0, 1.0),
    logpdf=lambda z, a, b: (
        special.xlogy(a - 1, z) + special.xlog1py(b - 1, -z) - special.betaln(a, b)
    ),
    pdf=lambda z, a, b: beta_density(a, b, z),
    cdf=lambda z, a, b: special.betainc(a, b, z),
    sf=lambda z, a, b: special.betaincc(a, b, z),
    logcdf=lambda z, a, b: special.betaincln(a, b, z),
    logsf=beta_logsf,
    ppf=lambda q, a, b: special.betaincinv(a, b, q),
)


def log1mexp(z: Any) -> Any:
    """Return log(1 - exp(-z)) for z ≥ 0, without cancellation.

    References
    ----------
    M. Mächler: Accurately computing log(1 - exp(-|a|)), 2012.
    """
    small = np.less(z, log(2))
    near, far = np.where(small, z, 1.0), np.where(small, 1.0, z)
    return np.where(small, np.log(-np.expm1(-near)), np.log1p(-np.exp(-far)))


expon = continuous(
    "expon",
    support=(0.0, np.inf),
    logpdf=lambda z: -z,
    cdf=lambda z: -np.expm1(-z),
    sf=lambda z: np.exp(-z),
    logcdf=log1mexp,
    logsf=lambda z: -z,
    ppf=lambda q: -np.log1p(-q),
)
gamma = continuous(
    "gamma",
    shapes=("a",),
    support=(0.0, np.inf),
    logpdf=lambda z, a: special.xlogy(a - 1, z) - z - special.gammaln(a),
    pdf=lambda z, a: gamma_density(a, z),
    cdf=lambda z, a: special.gammainc(a, z),
    sf=lambda z, a: special.gammaincc(a, z),
    logcdf=lambda z, a: special.gammaincln(a, z),
    logsf=lambda z, a: special.gammainccln(a, z),
    ppf=lambda q, a: special.gammaincinv(a, q),
)
chi2 = continuous(
    "chi2",
    shapes=("df",),
    support=(0.0, np.inf),
    logpdf=lambda z, df: (
        special.xlogy(df / 2 - 1, z) - z / 2 - special.gammaln(df / 2) - log(2) * df / 2
    ),
    pdf=lambda z, df: gamma_density(df / 2, z / 2) / 2,
    cdf=lambda z, df: special.gammainc(df / 2, z / 2),
    sf=lambda z, df: special.gammaincc(df / 2, z / 2),
    logcdf=lambda z, df: special.gammaincln(df / 2, z / 2),
    logsf=lambda z, df: special.gammainccln(df / 2, z / 2),
    ppf=lambda q, df: 2 * special.gammaincinv(df / 2, q),
)

# discrete


def poisson_mean(mu: Any) -> Any:
    """Return the mean with NaN where it is negative."""
    return where_valid(mu, np.greater_equal(mu, 0))


def poisson_mass(k: Any, mu: Any, loc: Any, mass: Any, outside: float) -> Any:
    """Return `mass` of k events and their mean, and `outside` where k is not a count."""
    k, mu = k - loc, poisson_mean(mu)
    counts = np.logical_and(np.greater_equal(k, 0), np.equal(np.floor(k), k))
    y = mass(np.where(counts, k, 0), mu)
    return np.where(counts, y, np.where(np.isnan(k + mu), np.nan, outside))


def poisson_logpmf(k: Any, mu: Any, loc: Any = 0) -> Any:
    """Return the logarithm of the probability of k events."""
    return poisson_mass(
        k, mu, loc, lambda k, mu: special.xlogy(k, mu) - special.gammaln(k + 1) - mu, -np.inf
    )


def poisson_pmf(k: Any, mu: Any, loc: Any = 0) -> Any:
    """Return the probability of k events."""
    return poisson_mass(k, mu, loc, lambda k, mu: gamma_density(k + 1, mu), 0.0)


def poisson_tail(k: Any, mu: Any, loc: Any, tail: Any, below: float) -> Any:
    """Return `tail` of k and the mean, and `below` where k is negative."""
    k, mu = np.floor(k - loc), poisson_mean(mu)
    counts = np.greater_equal(k, 0)
    y = tail(np.where(counts, k, 0), mu)
    return np.where(counts, y, np.where(np.isnan(k + mu), np.nan, below))


def poisson_cdf(k: Any, mu: Any, loc: Any = 0) -> Any:
    """Return the probability of k events or fewer."""
    return poisson_tail(k, mu, loc, special.pdtr, 0.0)


def poisson_logcdf(k: Any, mu: Any, loc: Any = 0) -> Any:
    """Return the logarithm of the probability of k events or fewer."""
    return poisson_tail(k, mu, loc, lambda k, mu: special.gammainccln(k + 1, mu), -np.inf)


def poisson_logsf(k: Any, mu: Any, loc: Any = 0) -> Any:
    """Return the logarithm of the probability of more than k events."""
    return poisson_tail(k, mu, loc, lambda k, mu: special.gammaincln(k + 1, mu), 0.0)


def poisson_sf(k: Any, mu: Any, loc: Any = 0) -> Any:
    """Return the probability of more than k events."""
    return poisson_tail(k, mu, loc, special.pdtrc, 1.0)


poisson = Distribution(
    "poisson",
    pmf=poisson_pmf,
    logpmf=poisson_logpmf,
    cdf=poisson_cdf,
    logcdf=poisson_logcdf,
    sf=poisson_sf,
    logsf=poisson_logsf,
)

# multivariate

multivariate_normal = Distribution(
    "multivariate_normal",
    pdf=multivariate_normal_pdf,
    logpdf=multivariate_normal_logpdf,
    cdf=refuse_multivariate_cdf,
    logcdf=refuse_multivariate_cdf,
    entropy=multivariate_normal_entropy,
)
dirichlet = Distribution("dirichlet", pdf=dirichlet_pdf, logpdf=dirichlet_logpdf)

EXAMPLES = {
    "beta": """
        >>> x = mg.Tape().leaf(0.5)
        >>> float(mg.grad(stats.beta.logpdf(x, 2.0, 3.0), x).round(6))
        -2.0
    """,
    "chi2": """
        >>> df = mg.Tape().leaf(2.0)
        >>> float(mg.grad(stats.chi2.cdf(1.0, df), df).round(6))
        -0.244729
    """,
    "dirichlet": """
        >>> alpha = mg.Tape().leaf([1.0, 2.0])
        >>> mg.grad(stats.dirichlet.logpdf([0.5, 0.5], alpha), alpha).round(6)
        array([ 0.806853, -0.193147])
    """,
    "expon": """
        >>> scale = mg.Tape().leaf(2.0)
        >>> float(mg.grad(stats.expon.logsf(3.0, scale=scale), scale))
        0.75
    """,
    "gamma": """
        >>> a = mg.Tape().leaf(2.0)
        >>> float(mg.grad(stats.gamma.logcdf(1.0, a), a).round(6))
        -1.045242
    """,
    "multivariate_normal": """
        >>> mean = mg.Tape().leaf([0.0, 0.0])
        >>> mg.grad(stats.multivariate_normal.logpdf([1.0, 2.0], mean), mean)
        array([1., 2.])
    """,
    "norm": """
        >>> loc = mg.Tape().leaf(0.0)
        >>> float(mg.grad(stats.norm.logpdf(1.5, loc), loc))
        1.5
    """,
    "poisson": """
        >>> mu = mg.Tape().leaf(2.0)
        >>> float(mg.grad(stats.poisson.logpmf(3, mu), mu))
        0.5
    """,
    "t": """
        >>> df = mg.Tape().leaf(4.0)
        >>> float(mg.grad(stats.t.logpdf(1.0, df), df).round(6))
        0.028614
    """,
}
"""An example of each distribution."""

__test__ = {name: globals()[name].describe(name, example) for name, example in EXAMPLES.items()}
"""The descriptions, of which :mod:`doctest` runs the examples."""
