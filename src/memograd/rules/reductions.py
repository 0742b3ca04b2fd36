"""Rules of reductions and scans: the cotangent is broadcast along the reduced axes.

Conventions
-----------
`max`, `min` and `ptp` give equal shares to ties, `initial` included; if the result is NaN because
an operand is, all shares are 0. `std` of equal numbers has derivative 0. The `nan` functions give 0
to a NaN. `prod` and `cumprod` are right at zeros, to all orders: their rules multiply the other
factors and never divide.
"""

import inspect
import math
from typing import Any

import numpy as np

from ..arrays.kinds import full_as
from .broadcasting import broadcast_cotangent_to
from .control import stop_gradient
from .pure_registration import constant, linear, rule
from .registration import set_traits
from .traits import Batching, KinkConvention, KinkSite, Storage, Structure

NO_VALUE: Any = inspect.signature(np.sum).parameters["where"].default
"""NumPy's default of arguments such as `where`, which means that none was given."""


def or_default(x: Any, default: Any) -> Any:
    """Return `x`, or the default if `x` is NumPy's marker for an absent argument."""
    return default if x is NO_VALUE else x


def apply_where(x: Any, where: Any, other: Any = 0) -> Any:
    """Return `x` where the mask of a reduction holds, `other` elsewhere."""
    return x if where is NO_VALUE else np.where(where, x, other)


def restore_axes(g: Any, axis: Any, keepdims: Any) -> Any:
    """Return `g`, the result of a reduction, in a shape that broadcasts against the operand."""
    return g if axis is None or (keepdims and keepdims is not NO_VALUE) else np.expand_dims(g, axis)


def expand(g: Any, shape: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """Broadcast `g`, the result of a reduction over `axis`, to the shape of the operand."""
    axis = axis if shape else None  # NumPy takes axis=-1 for a scalar, and there is none to restore
    return broadcast_cotangent_to(restore_axes(g, axis, keepdims), shape)


def count_elements(shape: Any, axis: Any = None, where: Any = NO_VALUE) -> Any:
    """Return the number of elements that a reduction over `axis` combines.

    With a mask it is an array that broadcasts against the operand.
    """
    if where is not NO_VALUE:
        return np.sum(np.broadcast_to(where, shape), axis=axis, keepdims=True)
    axes = range(len(shape)) if axis is None else np.atleast_1d(axis)
    return math.prod(shape[k] for k in axes)


def split_ties(
    g: Any,
    a: Any,
    y: Any,
    axis: Any = None,
    keepdims: Any = False,
    where: Any = NO_VALUE,
    initial: Any = NO_VALUE,
) -> Any:
    """Return `g` in even shares for the elements of `a` that equal `y`.

    `initial` has a share too.
    """
    return apply_where(np.equal(a, restore_axes(y, axis, keepdims)), where, False) * tie_share(
        g, a, y, axis, keepdims, where, initial
    )


def tie_share(
    g: Any,
    a: Any,
    y: Any,
    axis: Any = None,
    keepdims: Any = False,
    where: Any = NO_VALUE,
    initial: Any = NO_VALUE,
) -> Any:
    """Return the even share of `g` for each element that equals `y`."""
    y = restore_axes(y, axis, keepdims)
    number = np.sum(apply_where(np.equal(a, y), where, False), axis=axis, keepdims=axis is not None)
    return restore_axes(g, axis, keepdims) / np.maximum(
        number if initial is NO_VALUE else number + np.equal(initial, y), 1
    )


def initial_share(
    g: Any,
    a: Any,
    y: Any,
    axis: Any = None,
    keepdims: Any = False,
    where: Any = NO_VALUE,
    initial: Any = NO_VALUE,
) -> Any:
    """Return the share of `initial`, with which every result begins."""
    return np.sum(
        np.equal(initial, restore_axes(y, axis, keepdims))
        * tie_share(g, a, y, axis, keepdims, where, initial)
    )


def broadcast_weights(w: Any, w_shape: Any, shape: Any, axis: Any) -> Any:
    """Return weights in a shape that broadcasts against the operand of a reduction."""
    if w_shape == shape or axis is None:
        return w
    axes = [int(k) % len(shape) for k in np.atleast_1d(axis)]
    return np.reshape(
        np.transpose(w, np.argsort(axes)), [n if k in axes else 1 for k, n in enumerate(shape)]
    )


def order_reduced_last(ndim: int, axis: Any) -> tuple[int, ...]:
    """Return the order of axes that puts the reduced ones last."""
    reduced = range(ndim) if axis is None else [int(k) % ndim for k in np.atleast_1d(axis)]
    return (*(k for k in range(ndim) if k not in reduced), *sorted(reduced))


def flatten_axes(a: Any, shape: Any, axis: Any) -> Any:
    """Return `a` with the reduced axes flattened into the last one."""
    order = order_reduced_last(len(shape), axis)
    rest = [shape[k] for k in order[: len(shape) - (len(shape) if axis is None else np.size(axis))]]
    return np.reshape(np.transpose(a, order), (*rest, count_elements(shape, axis)))


def unflatten_axes(a: Any, shape: Any, axis: Any) -> Any:
    """Return `a` in `shape`, as it was before `flatten_axes`."""
    order = order_reduced_last(len(shape), axis)
    return np.transpose(
        np.reshape(a, [shape[k] for k in order]), tuple(map(int, np.argsort(order)))
    )


def products_of_others(a: Any) -> Any:
    """Return for each element the product of the others along the last axis.

    Pairs are multiplied, then pairs of pairs; there is no division.
    """
    n = a.shape[-1]
    if n <= 1:
        return full_as(a, a.shape, 1)
    if n % 2:
        one = full_as(a, (*a.shape[:-1], 1), 1)
        return products_of_others(np.concatenate([a, one], -1))[..., :n]
    pairs = np.reshape(a, (*a.shape[:-1], n // 2, 2))
    of_other_pairs = products_of_others(pairs[..., 0] * pairs[..., 1])
    return np.reshape(pairs[..., ::-1] * of_other_pairs[..., None], a.shape)


def unprod(
    g: Any,
    a: Any,
    shape: Any,
    axis: Any = None,
    keepdims: Any = False,
    where: Any = NO_VALUE,
    initial: Any = NO_VALUE,
) -> Any:
    """Return the cotangent of the factors of a product."""
    factors = flatten_axes(apply_where(a, where, 1), shape, axis)
    rest = unflatten_axes(products_of_others(factors), shape, axis)
    return apply_where(expand(g * or_default(initial, 1), shape, axis, keepdims) * rest, where)


def widen_half(x: Any) -> Any:
    """Return `x` in single precision, if it is in half precision.

    For N ≥ 65,520, 1/N and N times a number are out of the range of half precision.
    """
    return x.astype(np.float32) if x.dtype == np.float16 else x


def conjugate_deviation(
    a: Any, shape: Any, axis: Any = None, where: Any = NO_VALUE, mean: Any = NO_VALUE
) -> Any:
    """Return `a` minus its mean, conjugated if complex; 0 where the mask does not hold."""
    if mean is NO_VALUE:
        away = subtract_mean(a, shape, axis, where)
    else:
        away = apply_where(a - mean, where)
    return np.conj(away) if a.dtype.kind == "c" else away


def subtract_mean(a: Any, shape: Any, axis: Any, where: Any) -> Any:
    """Return `a` minus its mean; exactly 0 for equal numbers, whose mean may be rounded.

    The greatest element is subtracted first, so that rounding errors are relative to the spread,
    not to the numbers.
    """
    if math.prod(shape):
        a = apply_where(
            a - stop_gradient(np.max(apply_where(a, where, -math.inf), axis=axis, keepdims=True)),
            where,
        )
    return apply_where(
        a
        - np.sum(apply_where(a, where), axis=axis, keepdims=True)
        / count_elements(shape, axis, where),
        where,
    )


def unvar(
    g: Any,
    a: Any,
    shape: Any,
    axis: Any,
    ddof: Any,
    keepdims: Any,
    where: Any,
    mean: Any,
    correction: Any,
) -> Any:
    """Return the cotangent of the operand of `var` as if the mean were constant.

    The contribution of the mean is 0.
    """
    number = count_elements(shape, axis, where) - or_default(correction, ddof)
    return (
        2
        * restore_axes(widen_half(g), axis, keepdims)
        / number
        * conjugate_deviation(widen_half(a), shape, axis, where, mean)
    )


def unvar_mean(
    g: Any,
    a: Any,
    shape: Any,
    mean: Any,
    mean_shape: Any,
    axis: Any,
    ddof: Any,
    keepdims: Any,
    where: Any,
    correction: Any,
) -> Any:
    """Return the cotangent of the argument `mean` of `var`."""
    return np.reshape(
        -np.sum(unvar(g, a, shape, axis, ddof, keepdims, where, mean, correction), axis=axis),
        mean_shape,
    )


def root_cotangent(g: Any, y: Any) -> Any:
    """Return the cotangent of v, given that of y = √v; 0 where y is 0."""
    zero = np.equal(y, 0)
    return np.where(zero, 0, 0.5 * widen_half(g) / np.where(zero, 1, widen_half(y)))


def mean_cotangent(g: Any, shape: Any, axis: Any, keepdims: Any, where: Any) -> Any:
    """Return the cotangent of the operand of `mean`."""
    return apply_where(
        broadcast_cotangent_to(
            restore_axes(widen_half(g), axis, keepdims) / count_elements(shape, axis, where), shape
        ),
        where,
    )


def uncumsum(g: Any, shape: Any, axis: Any) -> Any:
    """Return the transpose of `cumsum`: sums from the other end."""
    return np.reshape(np.flip(np.cumsum(np.flip(g, axis), axis), axis), shape)


def solve_recurrence(a: Any, b: Any) -> Any:
    """Return the solution of y[i] = a[i] y[i-1] + b[i] along the last axis, with y[-1] = 0.

    Pairs of steps are combined, then pairs of pairs.

    References
    ----------
    G. E. Blelloch: Prefix sums and their applications, 1990, section 1.4 (recurrence equations).
    """
    n = b.shape[-1]
    if n <= 1:
        return b
    if n % 2:
        zero = full_as(b, (*b.shape[:-1], 1), 0)
        a, b = np.concatenate([a, zero], -1), np.concatenate([b, zero], -1)
        return solve_recurrence(a, b)[..., :n]
    odd = solve_recurrence(a[..., 1::2] * a[..., ::2], b[..., 1::2] + a[..., 1::2] * b[..., ::2])
    zero = full_as(b, (*b.shape[:-1], 1), 0)
    even = b[..., ::2] + a[..., ::2] * np.concatenate([zero, odd[..., :-1]], -1)
    return np.reshape(np.stack([even, odd], -1), b.shape)


def uncumprod(g: Any, a: Any, y: Any, shape: Any, axis: Any) -> Any:
    """Return the transpose of `cumprod`: s[j] = g[j] + a[j+1] s[j+1], times products before j."""
    a, g, y = (flatten_axes(np.reshape(x, shape), shape, axis) for x in (a, g, y))
    one = full_as(a, (*a.shape[:-1], 1), 1)
    backwards = np.concatenate([one, np.flip(a, -1)], -1)[..., :-1]
    s = np.flip(solve_recurrence(backwards, np.flip(g, -1)), -1)
    return unflatten_axes(s * np.concatenate([one, y], -1)[..., :-1], shape, axis)


def without_initial(g: Any, axis: Any, include_initial: Any) -> Any:
    """Return `g` without its first element along `axis`, if the result includes `initial`."""
    return np.take(g, range(1, g.shape[axis or 0]), axis or 0) if include_initial else g


# sums
linear(np.sum,     a=lambda g, a_shape, axis=None, keepdims=False, where=NO_VALUE: apply_where(expand(g, a_shape, axis, keepdims), where),
                   where=None, initial=lambda g: np.sum(g),
                   push={"initial": lambda t: t})
rule(np.nansum,    a=lambda g, a, a_shape, axis=None, keepdims=False, where=NO_VALUE:
                   np.where(np.isnan(a), 0, apply_where(expand(g, a_shape, axis, keepdims), where)),
                   where=None, initial=lambda g: np.sum(g),
                   push={"initial": lambda t: t})
linear(np.mean,    a=lambda g, a_shape, axis=None, keepdims=False, where=NO_VALUE: mean_cotangent(g, a_shape, axis, keepdims, where), where=None)
rule(np.nanmean,   a=lambda g, a, a_shape, axis=None, keepdims=False, where=NO_VALUE:
                   mean_cotangent(g, a_shape, axis, keepdims,
                   apply_where(~np.isnan(a), where, False)), where=None)

# products
rule(np.prod,      a=lambda g, a, a_shape, axis=None, keepdims=False, where=NO_VALUE, initial=NO_VALUE:
                   unprod(g, a, a_shape, axis, keepdims, where, initial), where=None,
                   initial=lambda g, a, axis=None, keepdims=False, where=NO_VALUE:
                   np.sum(g * np.prod(apply_where(a, where, 1), axis=axis,
                   keepdims=or_default(keepdims, False))))
rule(np.nanprod,   a=lambda g, a, a_shape, axis=None, keepdims=False, where=NO_VALUE, initial=NO_VALUE:
                   unprod(g, np.where(np.isnan(a), 1, a), a_shape, axis, keepdims,
                   apply_where(~np.isnan(a), where, False), initial), where=None,
                   initial=lambda g, a, axis=None, keepdims=False, where=NO_VALUE:
                   np.sum(g * np.nanprod(apply_where(a, where, 1), axis=axis,
                   keepdims=or_default(keepdims, False))))

# extremes
for extreme in (np.max, np.min, np.amax, np.amin, np.nanmax, np.nanmin):
    rule(extreme,  a=lambda g, a, y, axis=None, keepdims=False, where=NO_VALUE, initial=NO_VALUE:
                   split_ties(g, a, y, axis, keepdims, where, initial), where=None,
                   initial=lambda g, a, y, axis=None, keepdims=False, where=NO_VALUE, initial=NO_VALUE:
                   initial_share(g, a, y, axis, keepdims, where, initial))
rule(np.ptp,       a=lambda g, a, axis=None, keepdims=False:
                   split_ties(g, a, np.max(a, axis=axis, keepdims=or_default(keepdims, False)),
                   axis, keepdims)
                   - split_ties(g, a, np.min(a, axis=axis, keepdims=or_default(keepdims, False)),
                   axis, keepdims))

# spreads
rule(np.var,       a=lambda g, a, a_shape, axis=None, ddof=0, keepdims=False, where=NO_VALUE, mean=NO_VALUE, correction=NO_VALUE:
                   unvar(g, a, a_shape, axis, ddof, keepdims, where, mean, correction), where=None,
                   mean=lambda g, a, a_shape, mean, mean_shape, axis=None, ddof=0, keepdims=False, where=NO_VALUE, correction=NO_VALUE:
                   unvar_mean(g, a, a_shape, mean, mean_shape, axis, ddof, keepdims, where,
                   correction))
rule(np.std,       a=lambda g, a, a_shape, y, axis=None, ddof=0, keepdims=False, where=NO_VALUE, mean=NO_VALUE, correction=NO_VALUE:
                   unvar(root_cotangent(g, y), a, a_shape, axis, ddof, keepdims, where, mean,
                   correction), where=None,
                   mean=lambda g, a, a_shape, mean, mean_shape, y, axis=None, ddof=0, keepdims=False, where=NO_VALUE, correction=NO_VALUE:
                   unvar_mean(root_cotangent(g, y), a, a_shape, mean, mean_shape, axis, ddof,
                   keepdims, where, correction))
rule(np.nanvar,    a=lambda g, a, a_shape, axis=None, ddof=0, keepdims=False, where=NO_VALUE, mean=NO_VALUE, correction=NO_VALUE:
                   unvar(g, a, a_shape, axis, ddof, keepdims,
                   apply_where(~np.isnan(a), where, False), mean, correction), where=None)
rule(np.nanstd,    a=lambda g, a, a_shape, y, axis=None, ddof=0, keepdims=False, where=NO_VALUE, mean=NO_VALUE, correction=NO_VALUE:
                   unvar(root_cotangent(g, y), a, a_shape, axis, ddof, keepdims,
                   apply_where(~np.isnan(a), where, False), mean, correction), where=None)

# sums and products so far
linear(np.cumsum,          a=lambda g, a_shape, axis=None: uncumsum(g, a_shape, axis))
rule(np.nancumsum,         a=lambda g, a, a_shape, axis=None: np.where(np.isnan(a), 0, uncumsum(g, a_shape, axis)))
linear(np.cumulative_sum,  x=lambda g, x_shape, axis=None, include_initial=False: uncumsum(without_initial(g, axis, include_initial), x_shape, axis))
rule(np.cumprod,           a=lambda g, a, a_shape, y, axis=None: uncumprod(g, a, y, a_shape, axis))
rule(np.nancumprod,        a=lambda g, a, a_shape, y, axis=None:
                           np.where(np.isnan(a), 0,
                           uncumprod(g, np.where(np.isnan(a), 1, a), y, a_shape, axis)))
rule(np.cumulative_prod,   x=lambda g, x, x_shape, y, axis=None, include_initial=False:
                           uncumprod(without_initial(g, axis, include_initial), x,
                           without_initial(y, axis, include_initial), x_shape, axis))
# reads y, whose length depends on x
linear(np.bincount,        x=None, weights=lambda g, x, y, minlength=0: np.take(g, x))

constant(np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.lexsort, np.searchsorted, np.digitize,
         np.nonzero, np.flatnonzero, np.argwhere, np.any, np.all, np.count_nonzero, np.isin,
         np.array_equal, np.array_equiv, np.allclose)

# traits
set_traits(np.sum, np.nansum, np.mean, np.nanmean, np.prod, np.nanprod, np.max, np.min, np.amax,
           np.amin, np.nanmax, np.nanmin, np.ptp, np.var, np.std, np.nanvar, np.nanstd, np.argmax,
           np.argmin, np.nanargmax, np.nanargmin, np.any, np.all, np.count_nonzero,
           structure=Structure.REDUCTION)
set_traits(np.sum, np.max, np.min, np.mean, np.prod, np.any, np.all, storage=Storage.NEW,
           numpy_scalar=True, is_method=True)
set_traits(np.sum, np.nansum, np.mean, np.nanmean, np.prod, np.nanprod, np.max, np.min, np.amax,
           np.amin, np.nanmax, np.nanmin, np.ptp, np.var, np.std, np.nanvar, np.nanstd, np.any,
           np.all, np.count_nonzero, axes=("axis",), batching=Batching.AXES)
set_traits(np.prod, is_product=True)
set_traits(np.max, np.min, saturates=True)
set_traits(np.max, np.min, np.amax, np.amin, np.nanmax, np.nanmin,
           kink=KinkConvention(KinkSite.SHARED_EXTREME, "each gets an even share"))
set_traits(np.std, np.nanstd, kink=KinkConvention(KinkSite.ZERO_RESULT, "the slope is 0"))
set_traits(np.cumsum, np.nancumsum, np.cumprod, np.nancumprod, np.cumulative_sum,
           np.cumulative_prod, structure=Structure.SCAN)
set_traits(np.cumsum, storage=Storage.NEW)
set_traits(np.cumsum, np.nancumsum, np.cumprod, np.nancumprod, np.cumulative_sum,
           np.cumulative_prod, axes=("axis",), batching=Batching.AXIS_OR_FLAT)
set_traits(np.argsort, np.argpartition, structure=Structure.ALONG_AXIS)
set_traits(np.bincount, np.lexsort, np.searchsorted, np.digitize, np.nonzero, np.flatnonzero,
           np.argwhere, np.isin, np.array_equal, np.array_equiv, np.allclose,
           structure=Structure.DENSE)
set_traits(np.bincount, np.nonzero, np.flatnonzero, np.argwhere, value_dependent=True)
set_traits(np.any, np.all, np.isin, np.array_equal, np.array_equiv, np.allclose, compares=True)
