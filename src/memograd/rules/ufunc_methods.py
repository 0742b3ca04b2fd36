"""Methods of ufuncs, such as `np.add.reduce`: other functions, own ops, or loops over slices.

Conventions
-----------
A running maximum or minimum has the derivative of the latest of equal elements. `logaddexp.reduce`
of infinities gives them equal shares.
"""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.kinds import lazy_kind
from .control import stop_gradient
from .indexing import scatter, untake_along
from .pure_registration import constant, linear, rule
from .reductions import flatten_axes, restore_axes
from .registration import op, set_traits
from .traits import Batching, Structure


def log_of_sum(a: Any, axis: Any, keepdims: bool = False, where: Any = True, b: Any = 1) -> Any:
    """Return the logarithm of the sum of b·exp(a), lazily.

    NumPy has only a method of a ufunc for it, and SciPy's function computes Dask arrays.

    Parameters
    ----------
    a : array
        The exponents.
    axis : int, tuple of int or None
        The axes to sum over.
    keepdims : bool
        Whether the summed axes stay, with length 1.
    where : array of bool or True
        The elements to include.
    b : array
        The factors of the exponentials.

    Returns
    -------
    array
        The logarithm, of the kind of `a`.
    """
    a = a if where is True else np.where(where, a, -np.inf)
    top = np.max(a, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    y = np.log(np.sum(b * np.exp(a - top), axis=axis, keepdims=True)) + top
    return y if keepdims else np.sum(y, axis=axis)


@op
def log_sum(a: Any, axis: Any = 0, keepdims: Any = False, where: Any = True) -> Any:
    """Return ``np.logaddexp.reduce``: the logarithm of a sum of exponentials."""
    if lazy_kind(a) is not None:
        return log_of_sum(a, axis, keepdims, where)
    return np.logaddexp.reduce(a, axis=axis, keepdims=keepdims, where=where)


@op
def log_sum2(a: Any, axis: Any = 0, keepdims: Any = False, where: Any = True) -> Any:
    """Return ``np.logaddexp2.reduce``: the same to the base 2."""
    return np.logaddexp2.reduce(a, axis=axis, keepdims=keepdims, where=where)


@op
def running_maximum(a: Any, axis: int = 0) -> Any:
    """Return ``np.maximum.accumulate``: the largest element so far."""
    return np.maximum.accumulate(a, axis=axis)


@op
def running_minimum(a: Any, axis: int = 0) -> Any:
    """Return ``np.minimum.accumulate``: the smallest element so far."""
    return np.minimum.accumulate(a, axis=axis)


@op
def sum_of_slices(a: Any, indices: Any, axis: int = 0) -> Any:
    """Return ``np.add.reduceat``: sums from each index to the next."""
    return np.add.reduceat(a, indices, axis=axis)


@op
def latest(hit: Any) -> Any:
    """Return the index of the latest True so far along the last axis."""
    return np.maximum.accumulate(np.where(hit, np.arange(hit.shape[-1]), 0), axis=-1)


def weigh_cotangent(g: Any, a: Any, axis: Any, keepdims: bool, where: Any, exp: Any) -> Any:
    """Return `g` times the share of each element of a in Σ exp(a).

    The greatest element is subtracted first, because log Σ exp(a) has a rounding error that is
    relative to its size.
    """
    a = a if where is True else np.where(where, a, -math.inf)
    top = stop_gradient(np.max(a, axis=axis, keepdims=True))
    ends = np.isinf(top)
    lower = np.where(
        ends,
        np.where(np.equal(a, top), 0, -math.inf),
        np.where(ends, 0, a) - np.where(ends, 0, top),
    )
    part = exp(lower) if where is True else np.where(where, exp(lower), 0)
    whole = np.sum(part, axis=axis, keepdims=True)
    return restore_axes(g, axis, keepdims) * part / np.where(np.equal(whole, 0), 1, whole)


def unrunning(g: Any, a: Any, y: Any, axis: int) -> Any:
    """Return the cotangent of the operand of `running_maximum` or `running_minimum`."""
    g, hit = np.moveaxis(g, axis, -1), np.moveaxis(np.equal(a, y), axis, -1)
    return np.moveaxis(untake_along(g, g.shape, latest(hit), -1), -1, axis)


def unslices(g: Any, shape: Any, indices: Any, axis: int) -> Any:
    """Return the cotangent of the operand of `sum_of_slices`.

    NumPy takes one element for a slice that would be empty.
    """
    starts = np.asarray(indices)
    stops = np.maximum(np.append(starts[1:], shape[axis]), starts + 1)
    origin = np.repeat(np.arange(len(starts)), stops - starts)
    places = np.concatenate(
        [np.arange(start, stop) for start, stop in zip(starts, stops, strict=True)]
    )
    return scatter(np.take(g, origin, axis), shape, *(slice(None),) * (axis % len(shape)), places)


rule(log_sum,          a=lambda g, a, axis=0, keepdims=False, where=True: weigh_cotangent(g, a, axis, keepdims, where, np.exp), where=None)
rule(log_sum2,         a=lambda g, a, axis=0, keepdims=False, where=True: weigh_cotangent(g, a, axis, keepdims, where, np.exp2), where=None)
rule(running_maximum,  a=lambda g, a, y, axis=0: unrunning(g, a, y, axis))
rule(running_minimum,  a=lambda g, a, y, axis=0: unrunning(g, a, y, axis))
linear(sum_of_slices,  a=lambda g, a_shape, indices, axis=0: unslices(g, a_shape, indices, axis))
constant(latest)

# traits
set_traits(log_sum, log_sum2, structure=Structure.REDUCTION, saturates=True, axes=("axis",),
           batching=Batching.AXES)
set_traits(running_maximum, running_minimum, structure=Structure.SCAN, axes=("axis",),
           batching=Batching.AXES)
set_traits(sum_of_slices, structure=Structure.DENSE, axes=("axis",), batching=Batching.AXES)
set_traits(latest, structure=Structure.DENSE)

# what a method stands for
REDUCE: dict[Any, Callable[..., Any]] = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
    np.logaddexp: log_sum, np.logaddexp2: log_sum2,
    np.fmax: np.nanmax, np.fmin: np.nanmin, np.logical_and: np.all, np.logical_or: np.any,
}  # fmt: skip
ACCUMULATE: dict[Any, Callable[..., Any]] = {
    np.add: np.cumsum, np.multiply: np.cumprod, np.maximum: running_maximum,
    np.minimum: running_minimum,
}  # fmt: skip


def reduce(f: Any) -> Callable[..., Any] | None:
    """Return the function on nodes for `f.reduce`; its default axis is the first."""
    g = REDUCE.get(f)
    return (
        (lambda a, axis=0, **others: g(a, axis=axis, **others))
        if g
        else reduce_by_slices(f)
        if is_binary(f)
        else None
    )


def accumulate(f: Any) -> Callable[..., Any] | None:
    """Return the function on nodes for `f.accumulate`."""
    g = ACCUMULATE.get(f)
    return (
        (lambda a, axis=0, **others: g(a, axis=axis, **others))
        if g
        else accumulate_by_slices(f)
        if is_binary(f)
        else None
    )


def is_binary(f: Any) -> bool:
    """Return whether a ufunc maps two numbers to one."""
    return bool(f.nin == 2 and f.nout == 1 and f.signature is None)


def reduce_by_slices(f: Any) -> Callable[..., Any]:
    """Return `f.reduce` as a loop over slices."""

    def reduce(a: Any, axis: Any = 0, keepdims: bool = False) -> Any:
        # raises as NumPy does: several axes where their order matters
        """Reduce slice by slice."""
        f.reduce(np.ones((1,) * len(a.shape)), axis=axis)
        if not a.shape:
            return a
        y = functools.reduce(f, np.moveaxis(flatten_axes(a, a.shape, axis), -1, 0))
        return (
            np.expand_dims(y, tuple(range(len(a.shape))) if axis is None else axis)
            if keepdims
            else y
        )

    return reduce


def accumulate_by_slices(f: Any) -> Callable[..., Any]:
    """Return `f.accumulate` as a loop over slices."""

    def accumulate(a: Any, axis: int = 0) -> Any:
        return np.stack(list(itertools.accumulate(np.moveaxis(a, axis, 0), f)), axis)

    return accumulate


def ufunc_outer(f: Any) -> Callable[..., Any] | None:
    """Return the function on nodes for `f.outer`."""

    def outer(a: Any, b: Any, **others: Any) -> Any:
        return f(np.reshape(a, (*np.shape(a), *(1,) * np.ndim(b))), b, **others)

    return outer if f.nin == 2 and f.signature is None else None


def reduceat(f: Any) -> Callable[..., Any] | None:
    """Return the function on nodes for `f.reduceat`.

    NumPy takes one element for a slice that would be empty.
    """

    def reduceat(a: Any, indices: Any, axis: int = 0) -> Any:
        """Reduce between the indices."""
        moved = np.moveaxis(a, axis, 0)
        ends = zip(indices, [*indices[1:], moved.shape[0]], strict=True)
        return np.stack(
            [f.reduce(moved[start : max(stop, start + 1)]) for start, stop in ends], axis
        )

    return sum_of_slices if f is np.add else reduceat if is_binary(f) else None


UFUNC_METHODS: dict[str, Callable[[Any], Callable[..., Any] | None]] = {
    "reduce": reduce, "accumulate": accumulate, "outer": ufunc_outer, "reduceat": reduceat,
}  # fmt: skip
"""Functions from a ufunc to its method as a function on nodes, or None, by the method's name."""
