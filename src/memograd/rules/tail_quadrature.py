"""Quadrature of the tails of log-concave densities, for the derivatives by their shapes.

A tail is integrated from its end outwards in a logarithmic variable. The integrand is exp(-φ) with
a convex φ, times a smooth weight. Beyond the knee, where φ grows, it is integrated by the double
exponential rule: u = exp(k - exp(-k)) times the scale on which the integrand falls. Before the
knee, where it is nearly constant over a possibly long interval, it is integrated by Gauss's rule on
three panels. All weights have one sign on a tail, so that nothing cancels.

References
----------
H. Takahasi, M. Mori: Double exponential formulas for numerical integration, Publ. RIMS 9 (1974)
721-741 (the rule for integrands that decay exponentially on a half-line).
"""

from collections.abc import Callable
from functools import wraps
from itertools import pairwise
from typing import Any

import numpy as np

from ..arrays.kinds import kind_of, lazy_kind
from ..errors import NoRuleError

STEP = 0.1
K = np.arange(-3.6, 13.0, STEP)
HALF_LINE = np.exp(K - np.exp(-K))
HALF_LINE_WEIGHTS = STEP * HALF_LINE * (1 + np.exp(-K))
NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)
PANELS = (0.0, 4.0, 10.0, 40.0, np.inf)
"""Ends of panels, as distances from the knee: the integrand bends within the first panel."""

BLOCK = 512
"""Number of elements that are integrated at once; the nodes are another axis."""


def by_blocks(whole: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that calls a function on vectors of float64, block by block.

    The first `whole` operands are orders of derivatives, the same for all elements. On Dask arrays
    the function is lazy; arrays of other libraries are refused.
    """

    def decorate(f: Callable[..., Any]) -> Callable[..., Any]:
        """Return `f` as a function of arrays of any shape."""

        @wraps(f)
        def compute(*args: Any) -> Any:
            """Run the function block by block; on Dask arrays lazily."""
            if (lazy := lazy_kind(*args)) is not None:
                return lazy.elementwise(compute, *args)
            if any(kind_of(a) is not None for a in args):
                raise NoRuleError(
                    "The derivatives of distribution functions and Bessel functions by their "
                    "shapes and orders are computed on NumPy's and Dask's arrays only. Convert "
                    "the array with np.asarray before it becomes a leaf."
                )
            orders, operands = map(int, args[:whole]), args[whole:]
            return in_blocks(f, tuple(orders), operands)

        return compute

    return decorate


def in_blocks(f: Callable[..., Any], orders: tuple[int, ...], operands: tuple[Any, ...]) -> Any:
    """Return f of all elements, in the dtype of the operands that are not Python numbers."""
    inexact = [
        np.result_type(a)
        for a in operands
        if type(a) not in (int, float) and np.result_type(a).kind == "f"
    ]
    wide = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in operands))
    flat = [a.ravel() for a in wide]
    y = np.empty(flat[0].shape)
    with np.errstate(all="ignore"):
        for start in range(0, y.size, BLOCK):
            block = slice(start, start + BLOCK)
            y[block] = f(*orders, *(a[block] for a in flat))
    dtype = np.result_type(*inexact) if inexact else np.float64
    return y.reshape(wide[0].shape).astype(dtype)[()]


def choose(lower: Any, f: Any, g: Any, *operands: Any) -> Any:
    """Return f of the operands where `lower` holds, g elsewhere.

    Each function is called on its own elements alone.
    """
    y = np.empty(lower.shape)
    for mask, function in ((lower, f), (~lower, g)):
        if mask.any():
            y[mask] = function(*(a[mask] for a in operands))
    return y


def half_line(integrand: Callable[..., Any], scale: Any, reach: Any) -> Any:
    """Return ∫ integrand(u) du from 0 to infinity.

    Parameters
    ----------
    integrand : callable
        Function of a matrix of points: a row for each element, a column for each node.
    scale : array
        The lengths on which the integrands fall.
    reach : array or float
        How many of these lengths lie within e⁻⁶⁰ of the maximum.
    """
    count = 1 + np.searchsorted(HALF_LINE, np.max(reach))
    values = integrand(scale[:, None] * HALF_LINE[:count])
    return values @ HALF_LINE_WEIGHTS[:count] * scale


def flat_part(integrand: Callable[..., Any], length: Any, width: Any = 1.0) -> Any:
    """Return ∫ integrand(y) dy from 0, the knee, to `length`.

    `integrand` is a function of a matrix, as in `half_line`. `width` is the length scale on which
    it bends at the knee.
    """
    total = np.zeros(length.shape)
    for start, end in pairwise(PANELS):
        low, high = np.minimum(length, start * width), np.minimum(length, end * width)
        if np.any(high > low):
            half = (high - low) / 2
            y = (low + half)[:, None] + half[:, None] * NODES
            total += integrand(y) @ WEIGHTS * half
    return total
