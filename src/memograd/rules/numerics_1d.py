"""Rules of differences, integrals, interpolation, convolution, polynomials and even spacing.

Conventions
-----------
At a knot, the derivatives of `interp` by `x` and by the knots are the mean of the slopes on both
sides; outside the knots the slope is 0. The jumps that `unwrap` removes are constant.
"""

from math import log, prod
from typing import Any

import numpy as np

from ..arrays.kinds import full_as
from .broadcasting import unbroadcast
from .elementwise import inside
from .indexing import getitem, scatter
from .pure_registration import linear, multilinear, rule
from .reductions import NO_VALUE
from .registration import set_traits
from .traits import Batching, Structure


def one_along(axis: int, shape: Any) -> tuple[int, ...]:
    """Return a shape with length 1 along an axis."""
    return tuple(1 if k == axis % len(shape) else n for k, n in enumerate(shape))


def undiff(g: Any, n: int, axis: int) -> Any:
    """Return the transpose of `n` differences along `axis`."""
    for _ in range(n):
        edge = full_as(g, one_along(axis, g.shape), 0)
        g = np.concatenate([edge, g], axis) - np.concatenate([g, edge], axis)
    return g


def length_of_ends(x: Any, axis: int) -> int:
    """Return the number of elements that `prepend` or `append` adds along `axis`."""
    return 0 if x is NO_VALUE else (np.shape(x) or {axis: 1})[axis]


def slice_axis(g: Any, axis: int, start: int, stop: int) -> Any:
    """Return `g` from start to stop along `axis`."""
    return g[(slice(None),) * (axis % len(g.shape)) + (slice(start, stop),)]


def undiff_all(g: Any, shape: Any, n: int, axis: int, prepend: Any, append: Any) -> Any:
    """Return the cotangent of prepended elements, `a` and appended elements together.

    The number of differences is at most the number of elements.
    """
    elements = shape[axis] + length_of_ends(prepend, axis) + length_of_ends(append, axis)
    return undiff(g, min(n, elements), axis)


def cotangent_of_ends(g: Any, shape: Any, n: int, axis: int, x: Any, end: bool) -> Any:
    """Return the cotangent of prepended or appended elements, given that of all.

    For n = 0 NumPy adds no elements.
    """
    whole, m = g.shape[axis], length_of_ends(x, axis)
    part = slice_axis(g, axis, whole - m, whole) if end else slice_axis(g, axis, 0, m)
    return np.zeros(shape, g.dtype) if n == 0 else part if shape else np.sum(part)


def undiff_a(g: Any, shape: Any, n: int, axis: int, prepend: Any, append: Any) -> Any:
    """Return the cotangent of `a`, without the prepended or appended elements."""
    g = undiff_all(g, shape, n, axis, prepend, append)
    if n == 0:
        return g
    start, stop = length_of_ends(prepend, axis), g.shape[axis] - length_of_ends(append, axis)
    return slice_axis(g, axis, start, stop)


def ungradient(g: Any, spacing: Any, edge_order: Any) -> Any:
    """Return the transpose of `gradient` along the last axis.

    Each result is a weighted sum of three neighbours. The weights are found by applying `gradient`
    to three arrays that are 1 at every third element.
    """
    n = g.shape[-1]
    index = np.clip(np.arange(n) - 1, 0, max(n - 3, 0)) + np.arange(min(n, 3))[:, None]
    combs = np.equal(np.arange(n) % 3, np.arange(3)[:, None]).astype(float)
    weights = np.take_along_axis(
        np.gradient(combs, *spacing, axis=1, edge_order=edge_order), index % 3, 0
    )
    return scatter(g[..., None, :] * weights, g.shape, Ellipsis, index)


def ungradients(g: Any, shape: Any, spacing: Any, axis: Any, edge_order: int) -> Any:
    """Return the sum of the transposes of `gradient` along each of the axes."""
    axes = range(len(shape)) if axis is None else [int(k) for k in np.atleast_1d(axis)]
    parts, steps = (
        g if isinstance(g, tuple) else (g,),
        spacing * len(axes) if len(spacing) == 1 else spacing or ((),) * len(axes),
    )
    terms = [
        np.moveaxis(
            ungradient(np.moveaxis(part, k, -1), () if np.shape(h) == (0,) else (h,), edge_order),
            -1,
            k,
        )
        for part, k, h in zip(parts, axes, steps, strict=True)
    ]
    return sum(terms[1:], terms[0])


def align_points(x: Any, ndim: int, axis: int) -> Any:
    """Return the sample points of `trapezoid` in a shape that broadcasts along `axis`."""
    return (
        np.reshape(x, [-1 if k == axis % ndim else 1 for k in range(ndim)])
        if len(x.shape) == 1
        else x
    )


def untrapezoid(g: Any, shape: Any, x: Any, dx: Any, axis: int) -> Any:
    """Return the cotangent of the heights: half of each interval's for both of its ends."""
    half = (
        np.expand_dims(g, axis)
        * (dx if x is None else np.diff(align_points(x, len(shape), axis), axis=axis))
        / 2
    )
    steps = [n - (k == axis % len(shape)) for k, n in enumerate(shape)]
    half = np.broadcast_to(half, np.broadcast_shapes(half.shape, tuple(steps)))
    edge = full_as(half, one_along(axis, half.shape), 0)
    return unbroadcast(
        np.concatenate([half, edge], axis) + np.concatenate([edge, half], axis), shape
    )


def untrapezoid_x(g: Any, a: Any, shape: Any, axis: int) -> Any:
    """Return the cotangent of the sample points."""
    ndim = len(a.shape)
    middle = slice_axis(a, axis, 1, a.shape[axis]) + slice_axis(a, axis, 0, a.shape[axis] - 1)
    d = undiff(np.expand_dims(g, axis) * middle / 2, 1, axis)
    return (
        unbroadcast(d, shape)
        if len(shape) > 1
        else np.sum(d, axis=tuple(k for k in range(ndim) if k != axis % ndim))
    )


def interp_segments(x: Any, xp: Any) -> Any:
    """Yield, for both sides of x, the neighbouring knots, the relative position and the distance.

    The position is that of x between the knots, as a fraction of their distance.
    """
    for side in ("right", "left"):
        i = np.clip(np.searchsorted(xp, x, side) - 1, 0, max(xp.shape[0] - 2, 0))
        j = np.minimum(i + 1, xp.shape[0] - 1)
        x0, x1 = getitem(xp, i), getitem(xp, j)
        yield i, j, (x - x0) / np.where(np.equal(x0, x1), 1, x1 - x0), x1 - x0


def is_inside(x: Any, xp: Any) -> Any:
    """Return 1 inside the knots, 0 outside, one half at the ends."""
    return inside(x, xp[0], xp[-1])


def interp_slope(x: Any, xp: Any, fp: Any) -> Any:
    """Return the derivative of `interp` by x."""
    return is_inside(x, xp) * sum(
        (getitem(fp, j) - getitem(fp, i)) / w / 2 for i, j, _, w in interp_segments(x, xp)
    )


def uninterp_xp(g: Any, x: Any, xp: Any, fp: Any) -> Any:
    """Return the cotangent of the knots.

    If a knot moves, the line through it turns about the neighbouring knot.
    """
    n, total, g = xp.shape, 0, g * is_inside(x, xp) / 2
    for i, j, t, w in interp_segments(x, xp):
        s = g * (getitem(fp, j) - getitem(fp, i)) / w
        total = total - scatter(s * (1 - t), n, i) - scatter(s * t, n, j)
    return total


def uninterp_fp(g: Any, x: Any, xp: Any, left: Any, right: Any) -> Any:
    """Return the cotangent of the values at the knots.

    Beyond the ends the outermost values count, unless `left` or `right` is given.
    """
    g = g if left is None else np.where(np.less(x, xp[0]), 0, g)
    g = g if right is None else np.where(np.greater(x, xp[-1]), 0, g)
    i, j, t, _ = next(interp_segments(x, xp))
    t = np.clip(t, 0, 1)
    return scatter(g * (1 - t), xp.shape, i) + scatter(g * t, xp.shape, j)


def full_convolution(g: Any, a_shape: Any, v_shape: Any, mode: Any, back: bool = False) -> Any:
    """Return the cotangent of the full convolution, given that of one in any mode."""
    (n,), (m,) = a_shape, v_shape
    mode = {"v": "valid", "s": "same", "f": "full", 0: "valid", 1: "same", 2: "full"}.get(
        mode, mode
    )
    full, most, least = n + m - 1, max(n, m), min(n, m)
    start = {"valid": least - 1, "same": (least - 1) // 2, "full": 0}[mode]
    start = full - start - most if back and mode == "same" else start
    return g if mode == "full" else scatter(g, (full,), slice(start, start + g.shape[0]))


def unconvolve(g: Any, v: Any, n: int) -> Any:
    """Return the cotangent of a factor of n elements, given that of its full convolution with v."""
    return np.correlate(g, np.conj(v), "valid")[:n]


def exponents(n: int, increasing: bool = False) -> Any:
    """Return the exponents of a polynomial's n terms."""
    return np.arange(n) if increasing else np.arange(n)[::-1]


def trailing_coefficients(g: Any, shape: Any) -> Any:
    """Return the cotangent of a polynomial of `shape`: the last coefficients of g.

    g is zero-padded if it is shorter, because the sum omits leading zeros.
    """
    n = prod(shape)
    return np.reshape(
        np.concatenate([np.zeros(max(n - g.shape[0], 0), g.dtype), g[max(g.shape[0] - n, 0) :]]),
        shape,
    )


def unpolymul(g: Any, a_shape: Any, v: Any) -> Any:
    """Return the cotangent of a factor of a product of polynomials."""
    n, v = prod(a_shape), np.atleast_1d(v)
    return np.reshape(unconvolve(trailing_coefficients(g, (n + v.shape[0] - 1,)), v, n), a_shape)


def falling_factorials(n: int, m: int) -> Any:
    """Return k(k-1)...(k-m+1) for the exponents k of the first n of n + m terms."""
    return np.prod([exponents(n + m)[:n] - j for j in range(m)], axis=0)


def unpolyder(g: Any, shape: Any, m: int) -> Any:
    """Return the cotangent of a polynomial, given that of its m-th derivative.

    The last m coefficients have cotangent 0.
    """
    n = g.shape[0]
    return np.concatenate([g * falling_factorials(n, m), np.zeros(shape[0] - n, g.dtype)])


def derivative_coefficients(p: Any) -> Any:
    """Return the coefficients of the derivative of a polynomial."""
    return p[:-1] * exponents(p.shape[0])[:-1]


def unvander(g: Any, x: Any, increasing: bool) -> Any:
    """Return the cotangent of x, whose powers are along the last axis."""
    k = exponents(g.shape[-1], increasing)
    return np.sum(g * k * x[:, None] ** np.maximum(k - 1, 0), axis=-1)


def linspace_end_cotangent(
    g: Any, shape: Any, num: int, endpoint: bool, axis: int, rising: bool
) -> Any:
    """Return the cotangent of one end of `linspace`: a weighted sum over all numbers."""
    t = np.arange(num) / max(num - 1 if endpoint else num, 1)
    return unbroadcast(np.tensordot(t if rising else 1 - t, np.moveaxis(g, axis, 0), 1), shape)


# differences and integrals
linear(np.diff,       a=lambda g, a_shape, n=1, axis=-1, prepend=NO_VALUE, append=NO_VALUE: undiff_a(g, a_shape, n, axis, prepend, append),
                      prepend=lambda g, a_shape, prepend, prepend_shape, n=1, axis=-1, append=NO_VALUE:
                      cotangent_of_ends(undiff_all(g, a_shape, n, axis, prepend, append),
                      prepend_shape, n, axis, prepend, False),
                      append=lambda g, a_shape, append, append_shape, n=1, axis=-1, prepend=NO_VALUE:
                      cotangent_of_ends(undiff_all(g, a_shape, n, axis, prepend, append),
                      append_shape, n, axis, append, True))
linear(np.ediff1d,    ary=lambda g, ary_shape, to_begin=None, to_end=None: np.reshape(
                      undiff(slice_axis(g, 0, np.size(to_begin) if to_begin is not None else 0,
                                 g.shape[0] - (np.size(to_end) if to_end is not None else 0)), 1,
                                 0)[: prod(ary_shape)], ary_shape),
                      to_end=lambda g, to_end_shape: np.reshape(slice_axis(g, 0, g.shape[0] - prod(to_end_shape), g.shape[0]), to_end_shape),
                      to_begin=lambda g, to_begin_shape: np.reshape(slice_axis(g, 0, 0, prod(to_begin_shape)), to_begin_shape))
linear(np.gradient,   f=lambda g, f_shape, spacing=(), axis=None, edge_order=1: ungradients(g, f_shape, spacing, axis, edge_order))
rule(np.trapezoid,    a=lambda g, a_shape, x=None, dx=1.0, axis=-1: untrapezoid(g, a_shape, x, dx, axis),
                      x=lambda g, a, x_shape, axis=-1: untrapezoid_x(g, a, x_shape, axis),
                      dx=lambda g, a, x=None, axis=-1: np.sum(g * np.trapezoid(a, axis=axis)) * (x is None),
                      push={"a": lambda t, x=None, dx=1.0, axis=-1: np.trapezoid(t, x, dx, axis)})
rule(np.unwrap,       a=lambda g, discont=None, axis=-1, period=0.0: g, push={"a": lambda t: t})

# interpolation
rule(np.interp,       x=lambda g, x, xp, fp: g * interp_slope(x, xp, fp),
                      xp=lambda g, x, xp, fp: uninterp_xp(g, x, xp, fp),
                      fp=lambda g, x, xp, left=None, right=None: uninterp_fp(g, x, xp, left, right),
                      left=lambda g, x, xp: np.sum(np.where(np.less(x, xp[0]), g, 0)),
                      right=lambda g, x, xp: np.sum(np.where(np.greater(x, xp[-1]), g, 0)))

# convolutions, polynomials
multilinear(np.convolve,  a=lambda g, a_shape, v, v_shape, mode="full": unconvolve(full_convolution(g, a_shape, v_shape, mode), v, a_shape[0]),
                          v=lambda g, a, a_shape, v_shape, mode="full": unconvolve(full_convolution(g, a_shape, v_shape, mode), a, v_shape[0]))
multilinear(np.correlate, a=lambda g, a_shape, v, v_shape, mode="valid":
                          unconvolve(full_convolution(g, a_shape, v_shape, mode, a_shape < v_shape),
                          np.conj(v)[::-1], a_shape[0]),
                          v=lambda g, a, a_shape, v_shape, mode="valid":
                          np.conj(unconvolve(full_convolution(g, a_shape, v_shape, mode,
                          a_shape < v_shape), a, v_shape[0]))[::-1])
rule(np.polyval,      p=lambda g, x, p_shape: np.sum(np.ravel(g)[:, None] * np.ravel(x)[:, None] ** exponents(*p_shape), axis=0),
                      x=lambda g, p, x: g * np.polyval(derivative_coefficients(p), x),
                      push={"p": lambda t, x: np.polyval(t, x), "x": lambda t, p, x: t * np.polyval(derivative_coefficients(p), x)})
linear(np.polyadd,    a1=lambda g, a1_shape: trailing_coefficients(g, a1_shape),   a2=lambda g, a2_shape: trailing_coefficients(g, a2_shape))
linear(np.polysub,    a1=lambda g, a1_shape: trailing_coefficients(g, a1_shape),   a2=lambda g, a2_shape: -trailing_coefficients(g, a2_shape))
rule(np.polymul,      a1=lambda g, a1_shape, a2, y: unpolymul(g, a1_shape, a2),
                      a2=lambda g, a1, a2_shape, y: unpolymul(g, a2_shape, a1))
linear(np.polyder,    p=lambda g, p_shape, m=1: unpolyder(g, p_shape, m))
rule(np.polyint,      p=lambda g, p_shape, m=1, k=None: g[: p_shape[0]] / falling_factorials(p_shape[0], m))
rule(np.vander,       x=lambda g, x, N=None, increasing=False: unvander(g, x, increasing))

# evenly spaced
linear(np.linspace,   start=lambda g, start_shape, num=50, endpoint=True, axis=0: linspace_end_cotangent(g, start_shape, num, endpoint, axis, False),
                      stop=lambda g, stop_shape, num=50, endpoint=True, axis=0: linspace_end_cotangent(g, stop_shape, num, endpoint, axis, True))
rule(np.logspace,     start=lambda g, y, start_shape, num=50, endpoint=True, base=10.0, axis=0:
                      linspace_end_cotangent(g * y * log(base), start_shape, num, endpoint, axis,
                      False),
                      stop=lambda g, y, stop_shape, num=50, endpoint=True, base=10.0, axis=0:
                      linspace_end_cotangent(g * y * log(base), stop_shape, num, endpoint, axis,
                      True))
rule(np.geomspace,    start=lambda g, y, start, start_shape, num=50, endpoint=True, axis=0:
                      linspace_end_cotangent(g * y, start_shape, num, endpoint, axis,
                      False) / start,
                      stop=lambda g, y, stop, stop_shape, num=50, endpoint=True, axis=0:
                      linspace_end_cotangent(g * y, stop_shape, num, endpoint, axis, True) / stop)

# traits
set_traits(np.diff, np.gradient, np.ediff1d, np.convolve, np.correlate, structure=Structure.STENCIL)
set_traits(np.trapezoid, structure=Structure.REDUCTION)
set_traits(np.unwrap, structure=Structure.SAME_PLACE)
set_traits(np.interp, np.polyval, np.polyadd, np.polysub, np.polymul, np.polyder, np.polyint,
           np.vander, np.linspace, np.logspace, np.geomspace, structure=Structure.DENSE)
set_traits(np.diff, axes=("axis",), batching=Batching.AXES, dask_computes_others=True)
set_traits(np.ediff1d, np.linspace, dask_computes=True)
