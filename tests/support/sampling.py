"""Sample calls for every op: what `check_rule` is tried with, and what other tests draw from."""

from typing import Any

import numpy as np
from sampling_linalg import LINALG
from sampling_special import SPECIAL_SAMPLES

import memograd as mg
from memograd.arrays.values import canonicalize, is_inexact
from memograd.check import sample_operands
from memograd.rules.indexing import getitem, masked, output, replace, scatter
from memograd.rules.registration import RULES
from memograd.rules.ufunc_methods import (
    log_sum,
    log_sum2,
    running_maximum,
    running_minimum,
    sum_of_slices,
)

SEED = 20160321


def call(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A sample call, as it is written."""
    return args, kwargs


def array(*shape: int, low: float = 0.2, high: float = 0.8, seed: int = SEED) -> Any:
    """Numbers that no two of which are equal, the same at each call for one shape and seed."""
    return np.random.default_rng([seed, *shape]).uniform(low, high, shape)


def signed(*shape: int) -> Any:
    """Numbers of both signs, none near zero."""
    return array(*shape) * np.random.default_rng(SEED).choice([-1.0, 1.0], shape)


X, Y, V, W, CUBE = array(2, 3), array(2, 3, seed=1), array(3), array(3, seed=2), array(2, 3, 4)
MASK = np.array([[True, False, True], [False, True, True]])
REDUCTIONS = [call(CUBE), call(CUBE, axis=0), call(CUBE, axis=-1, keepdims=True), call(CUBE, axis=(0, 2)),
              call(CUBE, (-1, 0), keepdims=True),
              call(CUBE, keepdims=True), call(V, axis=0), call(0.3), call(signed(2, 3), axis=1)]  # fmt: skip
MASKED = [
    call(CUBE, where=CUBE > 0.4),
    call(CUBE, axis=(0, 2), where=array(4) > 0.4),
    call(CUBE, axis=1, keepdims=True, where=CUBE > 0.4),
]
BEGUN = [
    call(CUBE, initial=0.45),
    call(CUBE, axis=1, initial=0.73),
    call(CUBE, axis=(0, -1), initial=0.5, where=CUBE > 0.4),
]
SPREADS = [
    *REDUCTIONS,
    *MASKED,
    call(CUBE, ddof=1),
    call(CUBE, axis=(1, 2), ddof=2),
    call(CUBE, correction=1),
]
AROUND = [
    call(CUBE, mean=0.4),
    call(CUBE, axis=1, mean=array(2, 1, 4), ddof=1),
    call(CUBE, axis=(0, 2), mean=array(1, 3, 1), where=CUBE > 0.4),
]
PAIRS = [(array(5), V), (V, array(4)), (V, array(2)), (array(2), array(6))]
QUANTILES = [call(CUBE, 0.3), call(CUBE, np.array([0.21, 0.77]), axis=1), call(CUBE, 0.4, axis=(0, 2), keepdims=True),
             call(X, np.array([[0.3], [0.9]]), axis=-1, method="hazen"), call(V, 0.6, method="lower"),
             call(array(7), 0.6, method="weibull"),
             call(array(7), 0.6, method="median_unbiased"), call(array(7), 0.6, method="midpoint"),
             call(array(7), 0.6, method="interpolated_inverted_cdf"), call(array(7), 0.6, method="normal_unbiased")]  # fmt: skip
WHOLE = [
    call(CUBE, q, axis, method="inverted_cdf", weights=CUBE + 1)
    for q, axis in [(0.3, None), (np.array([0.2, 0.7]), -1)]
]
WEIGHED = [*WHOLE, call(CUBE, np.array([0.2, 0.7]), 1, method="inverted_cdf", weights=V),
           call(CUBE, 0.6, (2, 0), weights=array(4, 2), method="inverted_cdf")]  # fmt: skip
"""NumPy's own `nanquantile` takes no weights of fewer axes."""


def percentiles(samples: list[Any]) -> list[Any]:
    """Samples of `quantile` as samples of `percentile`."""
    return [call(a, 100 * np.asarray(q), *others, **kwargs) for (a, q, *others), kwargs in samples]


PRODUCTS = [
    call(V, W),
    call(X, V),
    call(array(2), X),
    call(X, array(3, 4)),
    call(array(2, 2, 3), array(3, 4)),
]
SPLITS = [call(array(6), 3), call(array(4, 6), 2, axis=1), call(array(4, 6), [1, 3], axis=-1), call(array(4, 6), (2, 2, 9)),
          call(array(6), indices_or_sections=2)]  # fmt: skip
JOINED = [array(2, 3, seed=k) for k in range(3)]

SAMPLES: dict[Any, list[Any]] = {
    **LINALG,
    np.arccosh: [call(1 + X)],
    np.absolute: [call(signed(2, 3))],
    np.fabs: [call(signed(2, 3))],
    np.remainder: [call(signed(2, 3) * 9, V)],
    np.fmod: [call(signed(2, 3) * 9, V)],
    np.power: [call(X, signed(3)), call(X, 2.0 + X), call(X, 3), call(signed(2, 3), 3), call(X, np.array([0, 1, 2]))],
    np.arctan2: [call(signed(2, 3), signed(3)), call(-X, -Y)],
    np.copysign: [call(signed(2, 3), signed(3))],
    np.heaviside: [call(np.array([0.0, 1.0, 0.0]), V)],
    np.ldexp: [call(X, np.array([1, -2, 3]))],
    np.nextafter: [call(X, Y)],
    np.divmod: [call(signed(2, 3) * 9, V)],
    np.modf: [call(signed(2, 3) * 9)],
    np.frexp: [call(signed(2, 3) * 9)],
    np.sinc: [call(signed(2, 3)), call(3 * signed(2, 3)), call(0.01 * signed(2, 3))],
    np.i0: [call(signed(2, 3)), call(9 + 9 * X), call(0.3)],
    np.real_if_close: [call(X), call(X + 0.4j)],
    np.clip: [call(signed(2, 3), -0.3, 0.4), call(signed(2, 3), signed(3), 0.4), call(X, None, 0.5), call(X, 0.5, None),
              call(X, max=0.5), call(X, 0.4, Y + 0.4),
              call(X, 0.9, 0.5)],
    np.where: [call(MASK, X, Y), call(MASK, X, V), call(np.array([True, False, True]), X, 0.5), call(MASK, 0.5, Y)],
    np.nan_to_num: [call(X), call(X, nan=1.0)],
    np.angle: [call(X + 1j * Y), call(X - 1j * Y, deg=True)],
    np.arctanh: [call(signed(2, 3))],
    np.sum: [*REDUCTIONS, *MASKED, *BEGUN],
    np.mean: [*REDUCTIONS, *MASKED],
    np.nansum: [*REDUCTIONS, *MASKED, *BEGUN],
    np.nanmean: [*REDUCTIONS, *MASKED],
    np.nanprod: [*REDUCTIONS, *MASKED, *BEGUN],
    np.ptp: REDUCTIONS,
    np.nanvar: SPREADS,
    np.nanstd: SPREADS,
    np.nancumsum: [call(CUBE), call(CUBE, axis=1)],
    np.cumulative_sum: [call(CUBE, axis=1), call(CUBE, axis=-1, include_initial=True), call(V)],
    np.cumprod: [call(CUBE), call(CUBE, axis=1), call(V), call(np.array([0.5, 0.0, 2.0, 0.0, 3.0])), call(array(7), 0)],
    np.nancumprod: [call(CUBE), call(CUBE, axis=1)],
    np.cumulative_prod: [call(CUBE, axis=1), call(CUBE, axis=-1, include_initial=True), call(V)],
    np.bincount: [call(np.array([0, 2, 2]), V), call(np.array([0, 2, 2]), V, 5)],
    np.prod: [*REDUCTIONS, *MASKED, *BEGUN, call([2.0, 0.0, 3.0]), call([0.0, 0.0, 3.0]), call([[2.0, 0.0], [3.0, 4.0]], axis=1)],
    np.max: [*REDUCTIONS, *BEGUN],
    np.min: [*REDUCTIONS, *BEGUN],
    np.amax: [*REDUCTIONS, *BEGUN],
    np.amin: [*REDUCTIONS, *BEGUN],
    np.nanmax: [*REDUCTIONS, *BEGUN],
    np.nanmin: [*REDUCTIONS, *BEGUN],
    np.var: [*SPREADS, *AROUND],
    np.std: [*SPREADS, *AROUND],
    np.cumsum: [call(CUBE), call(CUBE, axis=1), call(CUBE, axis=-1), call(V)],
    np.diff: [call(V), call(CUBE), call(CUBE, axis=0), call(CUBE, 2), call(CUBE, n=2, axis=-2), call(V, 0), call(V, 3),
              call(V, prepend=0.3), call(CUBE, 2, 1, array(2, 2, 4), 0.5), call(X, 1, -1, append=Y), call(X, 1, 0, 0.2)],
    np.ediff1d: [call(V), call(X), call(X, 0.5, np.array([0.1, 0.2])), call(V, to_begin=0.3), call(0.3)],
    np.gradient: [call(array(5)), call(array(4, 5)), call(array(4, 5), 0.5, axis=-1),
                  call(array(4, 5), np.array([0.0, 0.1, 0.4, 1.0]), 2.0),
                  call(array(4, 5), edge_order=2), call(array(2, 3), axis=1, edge_order=2), call(array(2, 3), axis=(0,)),
                  call(array(5), 0.1)],
    np.trapezoid: [call(V), call(CUBE, axis=1), call(X, dx=0.5), call(X, V), call(CUBE, array(2), axis=0), call(CUBE, CUBE + X[..., None])],
    np.unwrap: [call(9 * V), call(9 * X, axis=0), call(9 * V, period=1.0)],
    np.interp: [call(X, np.array([0.1, 0.45, 0.9]), W), call(X, np.array([0.3, 0.5, 0.6]), W),
                call(X, np.array([0.3, 0.5, 0.6]), W, left=0.1, right=0.2), call(0.3, np.array([0.1, 0.45, 0.9]), W),
                call(X, np.array([0.3, 0.5, 0.6]), W, 0.1), call(4 * X, np.array([0.8, 1.4, 0.1]), W, period=1.1)],
    np.convolve: [call(a, v, mode) for a, v in PAIRS
                  for mode in ("full", "same", "valid")],
    np.correlate: [call(a, v, mode) for a, v in [*PAIRS, (array(6), array(4)), (V, W)]
                   for mode in ("full", "same", "valid")],
    np.trim_zeros: [call(V), call(CUBE, "f", axis=1)],
    np.polyadd: [call(V, array(5)), call(array(4), W), call(V, 0.3)],
    np.polysub: [call(V, array(5)), call(array(4), W), call(V, 0.3)],
    np.polymul: [call(V, array(5)), call(array(4), W), call(V, 0.3)],
    np.polyder: [call(array(5)), call(array(5), 2), call(V, m=0), call(V, 3), call(V, 5)],
    np.polyint: [call(array(5)), call(array(5), 2, [0.1, 0.2]), call(V, m=0)],
    np.polyval: [call(V, X), call(V, 0.3), call(array(1), X), call(array(5), V)],
    np.vander: [call(V), call(V, 5), call(V, 2, increasing=True)],
    np.linspace: [call(0.2, 0.7, 4), call(V, W, num=5, axis=-1), call(V, 0.5, 5, False), call(0.2, 0.5, 1)],
    np.logspace: [call(0.2, 0.7, 4), call(V, W, num=5, axis=-1), call(V, 0.5, 5, False, base=2.0)],
    np.geomspace: [call(0.2, 0.7, 4), call(V, W, num=5, axis=-1), call(V, 0.5, 5, False)],
    np.sort: [call(X), call(CUBE, 0), call(CUBE, axis=None), call(V, kind="stable")],
    np.partition: [call(X, 1), call(CUBE, 1, axis=0), call(CUBE, (1, 3), axis=None)],
    np.sort_complex: [call(X), call(X + 1j * Y)],
    np.median: REDUCTIONS,
    np.nanmedian: [*REDUCTIONS, call(CUBE[:, :, 1:], axis=-1)],
    np.quantile: [*QUANTILES, *WEIGHED],
    np.nanquantile: [*QUANTILES, *WHOLE],
    np.percentile: percentiles([*QUANTILES, *WEIGHED]),
    np.nanpercentile: percentiles([*QUANTILES, *WHOLE]),
    np.average: [*REDUCTIONS, call(CUBE, weights=CUBE + 1), call(CUBE, 1, V), call(CUBE, axis=(2, 0), weights=array(4, 2)),
                 call(CUBE, axis=-1, weights=CUBE + 1, keepdims=True), call(CUBE, returned=True), call(CUBE, 1, V, returned=True),
                 call(CUBE, axis=0, weights=CUBE + 1, returned=True, keepdims=True)],
    np.cov: [call(X), call(V), call(X, rowvar=False), call(X, Y, bias=True), call(V, W, ddof=2),
             call(array(4, 2), array(4, 3), rowvar=False), call(array(3, 4), fweights=np.array([1, 2, 3, 1]), aweights=array(4)),
             call(array(4), aweights=array(4, seed=3)), call(array(3, 4), array(4), ddof=0, aweights=array(4, seed=3)),
             call(array(4, 3), rowvar=False, fweights=[1, 2, 3, 1])],
    np.corrcoef: [call(array(3, 5)), call(array(5, 3), rowvar=False), call(array(5), array(2, 5)), call(array(4, 2), array(4, 3), False)],
    np.compress: [call([True, False, True], X, axis=1), call(MASK.ravel(), X), call(np.array([False, True]), CUBE, 0)],
    np.extract: [call(MASK, X), call(X > 0.4, X)],
    np.choose: [call(np.array([0, 2, 1]), [V, W, 0.5]), call(np.array([[0], [3]]), [X, V], mode="wrap"),
                call(np.array([-1, 0, 7]), (V, X), mode="clip"),
                call(np.array([1, 0, 1]), X)],
    np.piecewise: [call(X, [X < 0.5, X > 0.6], [np.sin, np.exp, np.square]), call(X, MASK, [np.exp, 0.3]), call(0.3, [True], [np.sin]),
                   call(X, [X < 0.6, X > 0.4], [lambda x, k, p=1: k * x**p, 0.5], 3.0, p=2)],
    np.select: [call([X > 0.6, X > 0.3], [X, Y]), call([MASK, ~MASK[0]], [V, 0.5 * X], 0.7), call([MASK], [X], default=V)],
    np.diagflat: [call(V), call(X, 1), call(0.3, k=-1)],
    np.pad: [call(X, 1), call(X, ((1, 2), (3, 0)), constant_values=array(2, 2)),
             call(CUBE, ((1, 2), (0, 1), (2, 1)), constant_values=V[:2]),
             call(CUBE, ((0, 1), (2, 1), (1, 1)), constant_values=array(3, 1)),
             call(X, ((1, 0), (2, 1)), "constant", constant_values=0.5), call(X, (1, 2), mode="edge"), call(X, 1, "reflect"),
             call(X, ((0, 1), (2, 2)), mode="symmetric"), call(V, 5, "wrap"), call(X, {-1: (1, 2)}, "reflect"), call(V, 7, "reflect"),
             call(0.3, 0)],
    np.append: [call(X, Y), call(X, Y, axis=0), call(V, 0.3), call(X, array(2, 1), axis=-1)],
    np.delete: [call(X, 1), call(X, [0, 2], axis=1), call(X, slice(None, None, 2), 1), call(V, -1),
                call(X, np.array([True, False, True]), axis=-1)],
    np.insert: [call(V, 1, 0.5), call(V, [0, 2, 2], W), call(X, 1, V, axis=0), call(X, [0, 1], array(2, 2), axis=1),
                call(X, 2, array(2), axis=1),
                call(X, slice(0, 2), 0.5, axis=-1), call(X, [3, 0], np.array([0.1, 0.2])), call(X, [1], array(1, 3), axis=0),
                call(CUBE, 1, array(3, 4), axis=0), call(X, -1, array(2), 1)],
    np.resize: [call(X, (3, 3)), call(X, 4), call(V, (2, 4)), call(X, new_shape=(2, 2))],
    np.rollaxis: [call(CUBE, 2), call(CUBE, 0, 3), call(CUBE, 1, -1), call(CUBE, -1, start=1), call(CUBE, 1, 1)],
    np.dsplit: [call(CUBE, 2), call(CUBE, [1, 3])],
    np.block: [call([X, Y]), call([[X, array(2, 1)], [array(1, 3), 0.5]]), call([[V, W], [array(6)]]), call([[X], [V]]), call(V),
               call([0.3, V])],
    np.dstack: [call(JOINED), call([V, W]), call([X, array(2, 3, 2)]), call((0.3, 0.4))],
    np.broadcast_arrays: [call(X, V), call(V), call(array(2, 1), 0.3, V)],
    np.meshgrid: [call(V, array(2)), call(V, array(2), array(4), indexing="ij"), call(V, array(2), array(4)), call(V),
                  call(V, W, sparse=True)],
    np.ix_: [call(V, array(2)), call(V)],
    np.atleast_1d: [call(X), call(0.3), call(0.3, X)],
    np.atleast_2d: [call(V), call(0.3, V, X)],
    np.atleast_3d: [call(V), call(X, V, CUBE)],
    np.reshape: [call(X, (3, 2)), call(X, -1), call(X, (3, -1), order="F"), call(X, shape=(1, 6)), call(array(1), ())],
    np.ravel: [call(X), call(X, "F"), call(X, order="F"), call(0.3)],
    np.transpose: [call(X), call(CUBE, (1, 2, 0)), call(CUBE, axes=(-1, 0, 1)), call(V), call(CUBE, [2, 0, 1])],
    np.matrix_transpose: [call(X), call(CUBE)],
    np.swapaxes: [call(CUBE, 0, -1), call(CUBE, axis1=1, axis2=2)],
    np.moveaxis: [call(CUBE, 0, -1), call(CUBE, (0, 1), (-1, 0)), call(CUBE, source=-1, destination=0), call(CUBE, [2, 0], [0, 1])],
    np.squeeze: [call(array(1, 3, 1)), call(array(1, 3, 1), 0), call(array(1, 3, 1), axis=(0, -1))],
    np.expand_dims: [call(X, 0), call(X, axis=-1), call(X, (0, -1))],
    np.broadcast_to: [call(V, (2, 3)), call(array(2, 1), shape=(4, 2, 3)), call(0.3, (2, 3)), call(V, 3)],
    np.flip: [call(CUBE), call(CUBE, 1), call(CUBE, axis=(0, -1))],
    np.roll: [call(CUBE, 2), call(CUBE, 1, axis=-1), call(CUBE, (1, -2), axis=(0, 2)), call(CUBE, shift=-1, axis=(0, 1))],
    np.rot90: [call(X), call(X, -1), call(CUBE, k=3, axes=(2, 0))],
    np.astype: [call(X, np.float64), call(X, "float32"), call(X, np.complex128)],
    np.concatenate: [call(JOINED), call((X, Y), 1), call([X, array(4, 3)], axis=0), call([X, V], axis=None),
                     call([X, np.ones((2, 1))], axis=-1)],
    np.stack: [call(JOINED), call([X, Y], 1), call([X, Y], axis=-1), call((0.3, 0.4, 0.5))],
    np.vstack: [call(JOINED), call([V, X]), call([V, W])],
    np.hstack: [call(JOINED), call([V, array(2)]), call([X, array(2, 1)]), call([0.3, V])],
    np.column_stack: [call([V, W]), call([V, array(3, 2)]), call(JOINED)],
    np.split: SPLITS,
    np.array_split: [*SPLITS, call(array(7), 3), call(array(3, 7), 2, -1)],
    np.hsplit: [call(array(4, 6), 2), call(array(6), [2, 3])],
    np.vsplit: [call(array(4, 6), 2), call(array(4, 6), [1, 3])],
    np.unstack: [call(X), call(CUBE, axis=-1)],
    np.tile: [call(V, 2), call(X, (2, 3)), call(X, (2, 1, 2)), call(CUBE, reps=2), call(0.3, 3), call(CUBE, [2, 2])],
    np.repeat: [call(X, 2), call(X, 3, axis=1), call(X, [1, 0, 2], axis=-1), call(V, repeats=np.array([2, 1, 0])),
                call(CUBE, 2, 0), call(X, [2], 0), call(0.3, 2)],
    np.full_like: [call(X, 0.5), call(np.ones((2, 3)), V)],
    np.triu: [call(V), call(array(3, 4)), call(CUBE, 1), call(X, k=-1)],
    np.tril: [call(V), call(array(3, 4)), call(CUBE, 1), call(X, k=-1)],
    np.diag: [call(V), call(V, 1), call(array(3, 4)), call(array(3, 4), k=-1), call(array(3, 2), 1)],
    np.diagonal: [call(array(3, 4)), call(CUBE, 1), call(CUBE, axis1=-1, axis2=0), call(CUBE, offset=-1, axis1=1, axis2=2)],
    np.trace: [call(array(3, 4)), call(CUBE, 1), call(CUBE, axis1=-1, axis2=0), call(CUBE, offset=-1, axis1=1, axis2=2)],
    np.take: [call(X, 1), call(X, [0, 2, 2], axis=1), call(X, np.array([[1, -1], [0, 0]]), axis=0), call(X, [7, -5], mode="wrap"),
              call(X, [7, -5, 1], 1, mode="clip"), call(V, indices=[2, 2, 0]),
              call(CUBE, 1, axis=-2)],
    np.take_along_axis: [call(X, np.array([[0], [2]]), axis=1), call(X, np.array([[2, 2], [0, 1]]), 1),
                         call(X, np.array([[1, 0, 1]]), axis=0), call(V, np.array([2, 0]), axis=-1),
                         call(X, np.array([5, 0, 0]), axis=None)],
    np.matmul: [*PRODUCTS, call(array(3, 2), array(4, 3), axes=[(1, 0), (1, 0), (-2, -1)]),
                call(V, array(2, 3, 4)), call(array(2, 4, 3), V), call(array(5, 2, 3), array(5, 3, 2)),
                call(array(5, 1, 2, 3), array(4, 3, 2)), call(X, array(5, 3, 2))],
    np.dot: [*PRODUCTS, call(X, array(5, 3, 2)), call(CUBE, array(4)), call(CUBE, array(2, 4, 3)), call(V, array(2, 3, 4)),
             call(0.3, X), call(X, 0.3), call(0.2, 0.3)],
    np.inner: [call(V, W), call(X, V), call(V, X), call(X, array(4, 3)), call(CUBE, array(5, 4)), call(0.3, X), call(X, 0.3),
               call(0.2, 0.3)],
    np.vdot: [call(V, W), call(X, Y), call(0.2, 0.3)],
    np.vecdot: [call(array(3, 2), array(3, 2) + 1, axis=0), call(array(3, 2), X, axes=[0, 1]), call(V, W), call(X, V), call(X, Y),
                call(X, array(4, 2, 3))],
    np.outer: [call(V, array(2)), call(X, V), call(0.3, V), call(V, 0.3)],
    np.tensordot: [call(X, array(2, 3, 4)), call(X, array(3, 4), 1), call(X, V, axes=1), call(X, V, axes=0),
                   call(CUBE, array(3, 2, 5), axes=((0, 1), (1, 0))),
                   call(CUBE, array(4, 2, 5), axes=([2, 0], [0, 1])), call(CUBE, array(5, 3), axes=(1, 1)),
                   call(CUBE, array(5, 3), axes=([-2], [-1])), call(X, Y, axes=2)],
    np.einsum: [call("ij,jk->ik", X, array(3, 4)), call("ij,jk", X, array(3, 4)), call("ba,cb", X, array(4, 2)),
                call("ii->i", array(3, 3)), call("ii", array(3, 3)),
                call("iij->j", array(3, 3, 2)), call("iij,j->ij", array(3, 3, 2), array(2)), call("ij->", X), call("ij->j", X),
                call("i,i,i->i", V, W, array(3)),
                call("...ij,...jk->...ik", CUBE, array(2, 4, 5)), call("...i,i", CUBE, array(4)), call("i...->...", CUBE),
                call("...ii->...i", array(2, 3, 3)),
                call("i,j->ij", V, array(2)), call("i,j", V, array(2)), call(" i j , j -> i ", X, V), call("...j,...j->...", X, V),
                call("ij,kj->ik", X, array(1, 1)),
                call("i...j,i...->j...", CUBE, X), call("ij,jk,kl->il", X, array(3, 4), array(4, 2), optimize=True),
                call("...,...", X, V), call("iii->i", array(2, 2, 2)),
                call("i...,...->i...", array(2, 3), array(4, 3)), call("i->i", array(3))],
    getitem: [call(CUBE, 1), call(CUBE, -1, 2), call(CUBE, slice(None), 1), call(CUBE, slice(1, None), slice(None, None, -2)),
              call(CUBE, Ellipsis, 0), call(V, None),
              call(CUBE, slice(None), None, 2, Ellipsis), call(V, 2), call(CUBE), call(V, np.array([0, 2, 2])), call(V, [0, 2, 2]),
              call(CUBE, [1, 1], [0, 0]), call(CUBE, [0, 1, 1], slice(None), 2),
              call(CUBE, slice(None), [2, 2], slice(1, 3)), call(CUBE, np.array([[0, 1], [1, 1]])), call(X, MASK),
              call(CUBE, MASK), call(CUBE, slice(None), np.array([True, False, True])),
              call(CUBE, [True, False]), call(CUBE, [True, False], [2, 2]), call(V, []), call(V, np.int64(1)), call(V, True),
              call(CUBE, 0, Ellipsis, [1, 1])],
    masked: [call(X, X > 0.5), call(CUBE, 1, CUBE[1] > 0.6)],
    replace: [call(X, 0.25, 1), call(X, V, 1), call(CUBE, 2.0, slice(None), [2, 0])],
    scatter: [call(2.0, (3,), 1), call(X, (2, 5), slice(None), [0, 4, 4]), call(X, (4, 3), slice(1, 3)),
              call(V, (2, 3), MASK & False | np.array([[True], [False]])), call(V, (2,), [1, 0, 1])],
    log_sum: [call(X), call(CUBE, axis=(0, 2)), call(CUBE, axis=None), call(X, 1, keepdims=True), call(CUBE, axis=1, where=CUBE > 0.3)],
    log_sum2: [call(X), call(CUBE, axis=(0, 2)), call(X, 1, keepdims=True), call(CUBE, axis=1, where=CUBE > 0.3)],
    running_maximum: [call(CUBE), call(CUBE, axis=-1)],
    running_minimum: [call(CUBE), call(CUBE, axis=-1)],
    sum_of_slices: [call(array(6), [0, 3, 1, 4]), call(CUBE, [1, 3], axis=-1), call(CUBE, np.array([0]), 1)],
    output: [],
}  # fmt: skip
"""For an op that is not here, `check_rule` draws numbers between 0.2 and 0.8."""

SAMPLES |= SPECIAL_SAMPLES

HOMES = ("numpy", "memograd.rules")
SHEETS = {
    op: rule
    for op, rule in RULES.items()
    if isinstance(op, np.ufunc) or getattr(op, "__module__", "").startswith(HOMES)
}
"""The ops of the formula sheets, without those that tests register."""

WITH_LINES = [op for op, rule in SHEETS.items() if rule.kind != "constant" and op is not output]
CONSTANT = [op for op, rule in SHEETS.items() if rule.kind == "constant"]


def calls(op: Any) -> list[Any]:
    """Sample calls of an op, as (args, kwargs); none where the numbers that `check_rule` draws will do."""
    return SAMPLES.get(op, [call()])


def samples(op: Any) -> list[Any]:
    """The op's sample calls in canonical form: operands, keywords, and the positions that are differentiated."""
    rule, found = RULES[op], []
    for args, kwargs in calls(op):
        operands, keywords = rule.bind(args, kwargs) if args else (sample_operands(rule), kwargs)
        xs = [
            canonicalize(np.asarray(x)) if rule.pulls[k,] and not isinstance(x, int | None) else x
            for k, x in enumerate(operands)
        ]
        found.append(
            (
                xs,
                keywords,
                [
                    k
                    for k, x in enumerate(xs)
                    if rule.pulls[k,] and hasattr(x, "dtype") and is_inexact(x.dtype)
                ],
            )
        )
    return [sample for sample in found if sample[2]]


def recorded(op: Any, xs: Any, keywords: Any, ks: Any) -> tuple[Any, Any]:
    """The op on leaves in the places `ks`, and those leaves."""
    tape = mg.Tape()
    leaves = {k: tape.leaf(xs[k]) for k in ks}
    operands = tuple(leaves.get(k, x) for k, x in enumerate(xs))
    return tape.record(op, operands, keywords), list(leaves.values())


def parts(y: Any) -> tuple[Any, ...]:
    """The outputs of an op."""
    return tuple(y) if isinstance(y, tuple | list) else (y,)


def inexact_parts(y: Any) -> list[Any]:
    """The outputs that may have derivatives."""
    return [part for part in parts(y) if is_inexact(part.dtype)]
