"""Distributions of SciPy whose functions are recorded if a node is among the arguments."""

from collections.abc import Callable
from functools import partial
from textwrap import dedent
from typing import Any

import numpy as np

from ..errors import NoRuleError
from ..rules.node_lists import holds_node, stack_nodes
from ..tape.node import Node
from ..text import import_scipy

_stats = import_scipy("scipy.stats")

Function = Callable[..., Any]


def as_array_operand(a: Any) -> Any:
    """Return a list as an array or a node, which supports arithmetic; other values unchanged."""
    return stack_nodes(a) if isinstance(a, list | tuple) else a


class Distribution:
    """SciPy distribution, some of whose functions are recorded if an argument is a node."""

    def __init__(self, name: str, **functions: Function) -> None:
        self.own = getattr(_stats, name)
        for method, ours in functions.items():
            setattr(self, method, self._either(getattr(self.own, method), ours))

    def describe(self, name: str, example: str) -> str:
        """Describe the distribution by its name and an example; return the description."""
        self.__doc__ = (
            f"SciPy's `{name}`, which takes nodes.\n\nExamples\n--------\n"
            f">>> import memograd as mg\n>>> from memograd.scipy import stats\n"
            f"{dedent(example).strip()}\n"
        )
        return self.__doc__

    @staticmethod
    def _either(own: Function, ours: Function) -> Function:
        def function(*args: Any, **kwargs: Any) -> Any:
            """Call the function for nodes if a node is among the arguments, else SciPy's."""
            if not any(map(holds_node, (*args, *kwargs.values()))):
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
        if any(map(holds_node, (*args, *kwargs.values()))):
            raise NoRuleError(
                "A frozen distribution holds no nodes. Give the parameters to the function: "
                "norm.logpdf(x, loc, scale)."
            )
        return self.own(*args, **kwargs)


def where_valid(a: Any, valid: Any) -> Any:
    """Return a parameter with NaN where it is not valid, as in SciPy's functions."""
    if not isinstance(valid, Node) and np.all(valid):
        return a
    return np.where(valid, a, np.nan)


def where_positive(a: Any) -> Any:
    """Return a parameter with NaN where it is not positive."""
    return where_valid(a, np.greater(a, 0))


class Parameters:
    """Parameters of a call: shapes, `loc` and `scale`, by position or by name."""

    def __init__(self, shapes: tuple[str, ...], args: Any, named: dict[str, Any]) -> None:
        given = dict(zip((*shapes, "loc", "scale"), args, strict=False)) | named
        self.loc, self.scale = given.get("loc", 0), where_positive(given.get("scale", 1))
        self.shapes = [where_positive(given[s]) for s in shapes]


def continuous(
    name: str,
    logpdf: Function,
    cdf: Function,
    sf: Function,
    logcdf: Function,
    logsf: Function,
    ppf: Function,
    shapes: tuple[str, ...] = (),
    pdf: Function | None = None,
    support: tuple[float, float] = (-np.inf, np.inf),
) -> Distribution:
    """Build a distribution with `loc` and `scale` from functions of the standard point.

    Parameters
    ----------
    name : str
        SciPy's name.
    logpdf, cdf, sf, logcdf, logsf, ppf : callable
        Functions of the standard point, or of the probability, and of the shapes.
    shapes : tuple of str
        Names of the shape parameters, which are positive.
    pdf : callable, optional
        The density; by default the exponential of `logpdf`.
    support : (float, float)
        Ends of the standard distribution.

    Returns
    -------
    Distribution
        With the functions of SciPy's distribution.
    """
    extend = partial(standardize, shapes, support)

    def log_density(z: Any, scale: Any, *s: Any) -> Any:
        return logpdf(z, *s) - np.log(scale)

    def density(z: Any, scale: Any, *s: Any) -> Any:
        return pdf(z, *s) / scale if pdf else np.exp(log_density(z, scale, *s))

    return Distribution(
        name,
        logpdf=extend(log_density, -np.inf, -np.inf),
        pdf=extend(density, 0.0, 0.0),
        cdf=extend(without_scale(cdf), 0.0, 1.0),
        logcdf=extend(without_scale(logcdf), -np.inf, 0.0),
        sf=extend(without_scale(sf), 1.0, 0.0),
        logsf=extend(without_scale(logsf), 0.0, -np.inf),
        ppf=quantile(ppf, shapes),
    )


def without_scale(f: Function) -> Function:
    """Return a function of the standard point and the shapes that also accepts the scale."""
    return lambda z, scale, *shapes: f(z, *shapes)


def standardize(
    shapes: tuple[str, ...], support: tuple[float, float], f: Function, below: float, above: float
) -> Function:
    """Return a function of x, the shapes, loc and scale, given one of the standard point.

    Its values outside the support are `below` and `above`. It is NaN at NaN, and where a parameter
    is not valid.
    """
    low, high = support
    unbounded = np.isinf(low) and np.isinf(high)
    middle = 0.5

    def function(x: Any, *args: Any, **named: Any) -> Any:
        """Return the value of the function at x."""
        given = Parameters(shapes, args, named)
        z = (x - given.loc) / given.scale
        if unbounded:
            return f(z, given.scale, *given.shapes)
        upper = np.less if np.isinf(high) else np.less_equal
        inside = np.logical_and(np.greater_equal(z, low), upper(z, high))
        y = f(np.where(inside, z, middle), given.scale, *given.shapes)
        beyond = np.where(np.less(z, low), below, above)
        unknown = np.isnan(sum(given.shapes, z))
        return np.where(inside, y, np.where(unknown, np.nan, beyond))

    return function


def quantile(ppf: Function, shapes: tuple[str, ...]) -> Function:
    """Return the inverse of a distribution function with `loc` and `scale`."""

    def function(q: Any, *args: Any, **named: Any) -> Any:
        """Return the quantile of probability q."""
        given = Parameters(shapes, args, named)
        return ppf(q, *given.shapes) * given.scale + given.loc

    return function
