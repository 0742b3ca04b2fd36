"""Rules of sorting and order statistics: the cotangent returns to the original positions.

Conventions
-----------
Equal elements get equal shares of their cotangents. `quantile` is linear in the elements between
which it lies. Its derivative by `q` is the slope between these elements, at an element the mean of
the slopes on both sides, and 0 at the ends. By its `weights`, which select an element, it is
constant. A NaN is equal to nothing.
"""

from math import prod
from typing import Any

import numpy as np

from .indexing import untake_along
from .pure_registration import constant, rule
from .reductions import broadcast_weights, flatten_axes, unflatten_axes
from .registration import op, set_traits
from .traits import KinkConvention, KinkSite, Structure

SURPLUS = {
    "linear": -1.0, "hazen": 0.0, "weibull": 1.0, "median_unbiased": 1 / 3, "normal_unbiased": 0.25,
    "interpolated_inverted_cdf": 0.0,
}  # fmt: skip
"""Move of a quantile's position for each unit of `q`, less the number of elements, by method.

Other methods jump.
"""


@op
def rank(a: Any) -> Any:
    """Return for each element the position of the first equal one in sorted order.

    The order is that along the last axis.
    """
    order = np.argsort(a, axis=-1, kind="stable")
    y = np.take_along_axis(a, order, -1)
    first = np.concatenate([np.ones((*a.shape[:-1], 1), bool), y[..., 1:] != y[..., :-1]], -1)[
        ..., : a.shape[-1]
    ]
    found = np.empty(a.shape, int)
    np.put_along_axis(
        found, order, np.maximum.accumulate(np.where(first, np.arange(a.shape[-1]), 0), axis=-1), -1
    )
    return found


def scatter_ranks(g: Any, before: Any, after: Any) -> Any:
    """Return `g`, given by ranks `after`, for elements of ranks `before`; equal ones share."""
    total = untake_along(g, before.shape, after, -1)
    number = untake_along(np.ones(before.shape, int), before.shape, after, -1)
    return np.take_along_axis(total / np.maximum(number, 1), before, -1)


def unsort(g: Any, a: Any, y: Any, shape: Any, axis: Any) -> Any:
    """Return the cotangent of the operand that was permuted into `y` along `axis`."""
    if axis is None:
        return np.reshape(scatter_ranks(g, rank(np.ravel(a)), rank(y)), shape)
    a, g, y = (np.moveaxis(x, axis, -1) for x in (a, g, y))
    return np.moveaxis(scatter_ranks(g, rank(a), rank(y)), -1, axis)


def quantile_positions(flat: Any, q: Any, method: Any, weights: Any = None) -> Any:
    """Return the positions of quantiles among sorted elements; NaNs do not count.

    Elements are along the last axis.
    """
    ranks = np.where(np.isnan(flat), np.nan, np.argsort(np.argsort(flat)))
    return np.nan_to_num(np.nanquantile(ranks, q, axis=-1, method=method, weights=weights))


def unquantile(
    g: Any, a: Any, shape: Any, q: Any, q_shape: Any, axis: Any, method: str, weights: Any = None
) -> Any:
    """Return the cotangent of the elements between which the quantiles lie."""
    flat = flatten_axes(a, shape, axis)
    n = flat.shape[-1]
    if not n:
        return np.zeros(shape, g.dtype)
    w = (
        None
        if weights is None
        else flatten_axes(
            np.broadcast_to(broadcast_weights(weights, np.shape(weights), shape, axis), shape),
            shape,
            axis,
        )
    )
    at, g = (
        np.moveaxis(np.reshape(x, (prod(q_shape), *flat.shape[:-1])), 0, -1)
        for x in (quantile_positions(flat, q, method, w), g)
    )
    low = np.floor(at)
    low, high = np.astype(low, int), np.astype(np.minimum(low + 1, n - 1), int)
    weighed = untake_along(g * (low + 1 - at), flat.shape, low, -1) + untake_along(
        g * (at - low), flat.shape, high, -1
    )
    ranks = rank(flat)
    return unflatten_axes(scatter_ranks(weighed, ranks, np.sort(ranks)), shape, axis)


def unquantile_q(g: Any, a: Any, shape: Any, q: Any, q_shape: Any, axis: Any, method: str) -> Any:
    """Return the cotangent of `q`.

    It is the difference of the elements around each quantile, times the derivative of its position.
    """
    if method not in SURPLUS:
        return np.zeros(q_shape, g.dtype)
    flat = flatten_axes(a, shape, axis)
    at = np.reshape(quantile_positions(flat, q, method), (prod(q_shape), *flat.shape[:-1]))
    number = np.count_nonzero(~np.isnan(flat), axis=-1)
    low, high = np.ceil(at) - 1, np.floor(at) + 1
    inside = np.logical_and(np.greater_equal(low, 0), np.less(high, number))
    ends = [np.moveaxis(np.astype(np.where(inside, end, 0), int), 0, -1) for end in (low, high)]
    below, above = (np.moveaxis(np.take_along_axis(np.sort(flat), end, -1), -1, 0) for end in ends)
    slopes = np.where(inside, (above - below) / (high - low) * (number + SURPLUS[method]), 0)
    return np.reshape(
        np.sum(np.reshape(g, at.shape) * slopes, axis=tuple(range(1, len(at.shape)))), q_shape
    )


rule(np.sort,          a=lambda g, a, a_shape, y, axis=-1: unsort(g, a, y, a_shape, axis))
rule(np.partition,     a=lambda g, a, a_shape, y, kth, axis=-1: unsort(g, a, y, a_shape, axis))
rule(np.sort_complex,  a=lambda g, a, a_shape, y: unsort(g, a, y, a_shape, -1))
for middle in (np.median, np.nanmedian):
    rule(middle,       a=lambda g, a, a_shape, axis=None, keepdims=False: unquantile(g, a, a_shape, 0.5, (), axis, "linear"))
for quantile in (np.quantile, np.nanquantile):
    rule(quantile,     a=lambda g, a, a_shape, q, q_shape, axis=None, method="linear", keepdims=False, weights=None:
                       unquantile(g, a, a_shape, q, q_shape, axis, method, weights),
                       q=lambda g, a, a_shape, q, q_shape, axis=None, method="linear", keepdims=False:
                       unquantile_q(g, a, a_shape, q, q_shape, axis, method), weights=None)
for percentile in (np.percentile, np.nanpercentile):
    rule(percentile,   a=lambda g, a, a_shape, q, q_shape, axis=None, method="linear", keepdims=False, weights=None:
                       unquantile(g, a, a_shape, np.divide(q, 100), q_shape, axis, method, weights),
                       q=lambda g, a, a_shape, q, q_shape, axis=None, method="linear", keepdims=False:
                       unquantile_q(g, a, a_shape, np.divide(q, 100), q_shape, axis, method) / 100,
                       weights=None)

constant(rank)

# traits
set_traits(np.sort, np.partition, structure=Structure.ALONG_AXIS,
           kink=KinkConvention(KinkSite.REPEAT, "equals get an even split"))
set_traits(np.median, np.nanmedian, structure=Structure.REDUCTION)
set_traits(np.sort_complex, np.quantile, np.nanquantile, np.percentile, np.nanpercentile, rank,
           structure=Structure.DENSE)
set_traits(np.median, np.nanmedian, np.quantile, np.nanquantile, np.percentile, np.nanpercentile,
           dask_computes=True)
