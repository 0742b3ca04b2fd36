"""scipy.stats: densities and distribution functions of common distributions; everything else is
SciPy's own.

A distribution here is SciPy's, whose `pdf logpdf cdf logcdf sf logsf ppf` (`pmf logpmf` where it is
discrete) are recorded where a node is among the arguments: compositions of special functions,
differentiable by the point, by `loc`, `scale` and the shape parameters.
"""

from collections.abc import Callable
from functools import partial
from math import log, pi
from typing import Any

import numpy as np

from ..arrays.values import as_input
from ..errors import NoRuleError
from ..tape.node import Node
from ..text import import_scipy

_stats = import_scipy("scipy.stats")
_special = import_scipy("scipy.special")

__all__ = ["beta", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t"]

from ..rules.special_stable import beta_density, gamma_density  # noqa: E402  (SciPy is there)

LOG_2PI = log(2 * pi)


def __getattr__(name: str) -> Any:
    return getattr(_stats, name)


def __dir__() -> list[str]:
    return sorted({*dir(_stats), *__all__})


def as_array_operand(a: Any) -> Any:
    """Return a list as an array, so that arithmetic can be done with it."""
    return as_input(a) if isinstance(a, list | tuple) else a


class Distribution:
    """SciPy distribution, some of whose functions are recorded if an argument is a node."""

    def __init__(self, name: str, **functions: Callable[..., Any]) -> None:
        self.own = getattr(_stats, name)
        for method, ours in functions.items():
            setattr(self, method, self._either(getattr(self.own, method), ours))

    @staticmethod
    def _either(own: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
        def function(*args: Any, **kwargs: Any) -> Any:
            """Return the function of the distribution."""
            if not any(isinstance(a, Node) for a in (*args, *kwargs.values())):
                return own(*args, **kwargs)
            return ours(
                *map(as_array_operand, args), **{k: as_array_operand(a) for k, a in kwargs.items()}
            )

        function.__name__, function.__doc__ = own.__name__, own.__doc__
        return function

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return SciPy's frozen distribution; raise if a parameter is a node."""
        if any(isinstance(a, Node) for a in (*args, *kwargs.values())):
            raise NoRuleError(
                "A frozen distribution holds no nodes. Give the parameters to the function: "
                "norm.logpdf(x, loc, scale)."
            )
        return self.own(*args, **kwargs)


def continuous(
    name: str, logpdf: Any, cdf: Any, shapes: tuple[str, ...] = (), sf: Any = None,
    logcdf: Any = None, ppf: Any = None, support: tuple[float, float] = (-np.inf, np.inf),
    pdf: Any = None,
) -> Distribution:  # fmt: skip
    """Build a distribution with `loc` and `scale` from functions of the standard point."""
    low, high = support
    middle = 0.5 if np.isfinite(low) else 0.0

    def standard(
        f: Any, at_low: float, at_high: float, per_scale: bool = False,
        log_of: bool = False, density: bool = False,
    ) -> Callable[..., Any]:  # fmt: skip
        """Return a function of x, the shapes, loc and scale, from one of the standard point."""

        def function(x: Any, *args: Any, loc: Any = 0, scale: Any = 1, **named: Any) -> Any:
            """Return the function of the distribution."""
            given = dict(zip((*shapes, "loc", "scale"), args, strict=False)) | named
            loc, scale = given.pop("loc", loc), given.pop("scale", scale)
            z = (x - loc) / scale
            inside = np.logical_and(np.greater_equal(z, low), np.less_equal(z, high))
            y = f(np.where(inside, z, middle), *(given[s] for s in shapes)) - (
                np.log(scale) if per_scale else 0
            )
            y = np.where(inside, y, np.where(np.less(z, low), at_low, at_high))
            return np.exp(y) if log_of else y / scale if density else y

        return function

    sf = sf or (lambda z, *s: 1 - cdf(z, *s))
    logcdf = logcdf or (lambda z, *s: np.log(cdf(z, *s)))
    density = partial(standard, logpdf, -np.inf, -np.inf, per_scale=True)
    functions = {
        "logpdf": density(),
        "pdf": standard(pdf, 0, 0, density=True) if pdf else density(log_of=True),
        "cdf": standard(cdf, 0, 1),
        "logcdf": standard(logcdf, -np.inf, 0),
        "sf": standard(sf, 1, 0),
        "logsf": standard(lambda z, *s: np.log(sf(z, *s)), 0, -np.inf),
    }
    if name == "norm":
        functions["logsf"] = standard(lambda z: _special.log_ndtr(-z), 0, -np.inf)
    return Distribution(name, **functions, ppf=quantile(ppf, shapes))


def quantile(ppf: Any, shapes: tuple[str, ...]) -> Callable[..., Any]:
    """Return the inverse of a distribution function with `loc` and `scale`."""

    def function(q: Any, *args: Any, **named: Any) -> Any:
        """Return the function of the distribution."""
        given = dict(zip((*shapes, "loc", "scale"), args, strict=False)) | named
        return ppf(q, *(given[s] for s in shapes)) * given.get("scale", 1) + given.get("loc", 0)

    return function


norm = continuous(
    "norm",
    lambda z: -0.5 * z * z - LOG_2PI / 2,
    cdf=_special.ndtr,
    sf=lambda z: _special.ndtr(-z),
    logcdf=_special.log_ndtr,
    ppf=_special.ndtri,
)
t = continuous(
    "t",
    lambda z, df: (
        -_special.betaln(0.5, df / 2) - np.log(df) / 2 - (df + 1) / 2 * np.log1p(z * z / df)
    ),
    cdf=lambda z, df: _special.stdtr(df, z),
    sf=lambda z, df: _special.stdtr(df, -z),
    ppf=lambda q, df: _special.stdtrit(df, q),
    shapes=("df",),
)
beta = continuous(
    "beta",
    lambda z, a, b: _special.xlogy(a - 1, z) + _special.xlog1py(b - 1, -z) - _special.betaln(a, b),
    cdf=lambda z, a, b: _special.betainc(a, b, z),
    sf=lambda z, a, b: _special.betaincc(a, b, z),
    ppf=lambda q, a, b: _special.betaincinv(a, b, q),
    shapes=("a", "b"),
    support=(0.0, 1.0),
    pdf=lambda z, a, b: beta_density(a, b, z),
)
gamma = continuous(
    "gamma",
    lambda z, a: _special.xlogy(a - 1, z) - z - _special.gammaln(a),
    cdf=lambda z, a: _special.gammainc(a, z),
    sf=lambda z, a: _special.gammaincc(a, z),
    ppf=lambda q, a: _special.gammaincinv(a, q),
    shapes=("a",),
    support=(0.0, np.inf),
    pdf=lambda z, a: gamma_density(a, z),
)

# discrete


def poisson_logpmf(k: Any, mu: Any, loc: Any = 0) -> Any:
    """Return the logarithm of the probability of k events."""
    k = k - loc
    inside = np.logical_and(np.greater_equal(k, 0), np.equal(np.floor(k), k))
    k = np.where(inside, k, 0)
    return np.where(inside, _special.xlogy(k, mu) - _special.gammaln(k + 1) - mu, -np.inf)


def poisson_cdf(k: Any, mu: Any, loc: Any = 0) -> Any:
    """Return the probability of k events or fewer."""
    k = np.floor(k - loc)
    below = np.less(k, 0)
    return np.where(below, 0, _special.pdtr(np.where(below, 0, k), mu))


poisson = Distribution("poisson", logpmf=poisson_logpmf, cdf=poisson_cdf,
                       pmf=lambda k, mu, loc=0: np.exp(poisson_logpmf(k, mu, loc)),
                       logcdf=lambda k, mu, loc=0: np.log(poisson_cdf(k, mu, loc)))  # fmt: skip

# multivariate


def multivariate_normal_logpdf(
    x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False
) -> Any:
    """Return the log density of normal vectors; `cov` is not symmetrised."""
    x, mean, cov = (
        a if isinstance(a, Node) or a is None else np.asarray(as_input(a), float)
        for a in (x, mean, cov)
    )
    n = max(mean.size if mean is not None else 1, cov.shape[-1] if cov.shape else 1)
    cov = cov * np.eye(n) if len(cov.shape) < 2 else cov
    x = x if mean is None else (x[..., None] if n == 1 and len(x.shape) < 2 else x) - mean
    z = np.reshape(x, (-1, n))
    distance = np.sum(z * np.linalg.solve(cov, z.T).T, axis=-1)
    y = -0.5 * (n * LOG_2PI + np.linalg.slogdet(cov)[1] + distance)
    return np.reshape(y, x.shape if n == 1 and len(x.shape) < 2 else x.shape[:-1])


def no_cdf(*args: Any, **kwargs: Any) -> Any:
    """Raise: the distribution function of vectors has no closed form."""
    raise NoRuleError(
        "multivariate_normal.cdf is an integral that SciPy estimates, so that it has no "
        "derivative here. Use logpdf."
    )


multivariate_normal = Distribution(
    "multivariate_normal", logpdf=multivariate_normal_logpdf, cdf=no_cdf, logcdf=no_cdf,
    pdf=lambda *args, **kwargs: np.exp(multivariate_normal_logpdf(*args, **kwargs)))  # fmt: skip


def dirichlet_logpdf(x: Any, alpha: Any) -> Any:
    """Return the log density of Dirichlet's law at x, whose last component may be left out."""
    x, alpha = (a if isinstance(a, Node) else np.asarray(as_input(a), float) for a in (x, alpha))
    if x.shape[0] == alpha.shape[0] - 1:
        x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)], 0)
    powers = _special.xlogy(alpha - 1, x.T)
    return (
        np.sum(powers, axis=-1) + _special.gammaln(np.sum(alpha)) - np.sum(_special.gammaln(alpha))
    )


dirichlet = Distribution(
    "dirichlet", logpdf=dirichlet_logpdf, pdf=lambda x, alpha: np.exp(dirichlet_logpdf(x, alpha))
)
