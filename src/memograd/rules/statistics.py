"""Rules of weighted means, covariances and correlations.

Conventions
-----------
`fweights` of `cov` are integer counts without derivative. `corrcoef` is differentiated without
NumPy's final clipping to ±1, which removes rounding errors.
"""

from typing import Any

import numpy as np

from .indexing import output
from .pure_registration import rule
from .reductions import (
    broadcast_weights,
    count_elements,
    expand,
    or_default,
    restore_axes,
    widen_half,
)
from .registration import set_traits
from .traits import Structure


def mean_of(pair: Any) -> Any:
    """Return the mean, or its cotangent; `pair` may hold the sum of weights, too."""
    return pair[0] if isinstance(pair, tuple) else pair


def unaverage(g: Any, shape: Any, axis: Any, keepdims: Any, weights: Any) -> Any:
    """Return the cotangent of the averaged array."""
    if weights is None:
        return expand(widen_half(g) / count_elements(shape, axis), shape, axis, keepdims)
    w = broadcast_weights(widen_half(weights), np.shape(weights), shape, axis)
    return (
        expand(g, shape, axis, keepdims)
        * w
        / np.sum(np.broadcast_to(w, shape), axis=axis, keepdims=True)
    )


def unaverage_weights(
    g: Any, a: Any, y: Any, shape: Any, w: Any, w_shape: Any, axis: Any, keepdims: Any
) -> Any:
    """Return the cotangent of the weights, proportional to each element's deviation from the mean.

    With `returned=True`, the cotangent of the sum of weights is added.
    """
    g = tuple(map(widen_half, g)) if isinstance(g, tuple) else widen_half(g)
    share = np.sum(
        np.broadcast_to(broadcast_weights(widen_half(w), w_shape, shape, axis), shape),
        axis=axis,
        keepdims=True,
    )
    mean = output(y, 0) if isinstance(g, tuple) else y
    d = expand(mean_of(g), shape, axis, keepdims) * (a - restore_axes(mean, axis, keepdims)) / share
    d = d + expand(g[1], shape, axis, keepdims) if isinstance(g, tuple) else d
    if w_shape == shape or axis is None:
        return d
    axes = [int(k) % len(shape) for k in np.atleast_1d(axis)]
    rest = tuple(k for k in range(len(shape)) if k not in axes)
    return np.transpose(np.sum(d, axis=rest), np.argsort(np.argsort(axes)))


def variables_as_rows(m: Any, shape: Any, rowvar: bool) -> Any:
    """Return an operand of `cov` with its variables as rows."""
    m = m if len(shape) == 2 else np.reshape(m, (1, *shape)) if shape else np.reshape(m, (1, 1))
    return m if rowvar or len(shape) < 2 else np.transpose(m)


def concatenate_variables(m: Any, m_shape: Any, other: Any, rowvar: bool) -> Any:
    """Return the rows of both operands."""
    first = variables_as_rows(m, m_shape, rowvar)
    return (
        first
        if other is None
        else np.concatenate([first, variables_as_rows(other, np.shape(other), rowvar)], 0)
    )


def cov_weights(x: Any, bias: bool, ddof: Any, fweights: Any, aweights: Any) -> Any:
    """Return the weights f, a and w = f·a of `cov`, and the numbers computed from them.

    These are the lost degrees of freedom, x minus its mean, and the divisor.
    """
    f, a = (
        np.ones(x.shape[1]) * (1 if weights is None else weights)
        for weights in (fweights, aweights)
    )
    w, freedom = f * a, (0 if bias else 1) if ddof is None else ddof
    centred = x - np.sum(x * w, axis=1, keepdims=True) / np.sum(w)
    return f, a, w, freedom, centred, np.sum(w) - freedom * np.sum(w * a) / np.sum(w)


def uncov(g: Any, x: Any, bias: bool, ddof: Any, fweights: Any, aweights: Any) -> Any:
    """Return the cotangent of the rows of `cov`; the contribution of their means is 0."""
    _, _, w, _, centred, divisor = cov_weights(x, bias, ddof, fweights, aweights)
    g = np.reshape(g, (x.shape[0], x.shape[0]))
    return (g + np.conj(np.transpose(g))) @ np.conj(centred) * w / divisor


def uncov_weights(
    g: Any, x: Any, y: Any, bias: bool, ddof: Any, fweights: Any, aweights: Any
) -> Any:
    """Return the cotangent of `aweights`: through each observation's product, and the divisor."""
    f, a, w, freedom, centred, divisor = cov_weights(x, bias, ddof, fweights, aweights)
    g, total = np.reshape(g, (x.shape[0], x.shape[0])), np.sum(w)
    grown = 1 - freedom * (2 * a - np.sum(w * a) / total) / total
    return f * (np.sum(centred * (g @ np.conj(centred)), axis=0) - np.sum(g * y) * grown) / divisor


def uncorrcoef(g: Any, x: Any) -> Any:
    """Return the cotangent of the rows of `corrcoef`, through covariances and variances."""
    c = np.reshape(np.cov(x), (x.shape[0], x.shape[0]))
    variance = np.real(np.diagonal(c))
    scale, g = np.sqrt(variance[:, None] * variance), np.reshape(g, c.shape)
    both = np.real(g * c / scale)
    own = -(np.sum(both, axis=0) + np.sum(both, axis=1)) / (2 * variance)
    return uncov(g / scale + np.diag(own), x, False, None, None, None)


def operand_part(d: Any, shape: Any, rowvar: bool, last: bool) -> Any:
    """Return the part of the rows' cotangent that belongs to an operand."""
    n = 1 if len(shape) < 2 else shape[0 if rowvar else 1]
    d = d[d.shape[0] - n :] if last else d[:n]
    return np.reshape(np.transpose(d) if len(shape) == 2 and not rowvar else d, shape)


rule(np.average,  a=lambda g, a_shape, axis=None, weights=None, keepdims=False:
                  unaverage(mean_of(g), a_shape, axis, or_default(keepdims, False), weights),
                  weights=lambda g, a, a_shape, y, weights, weights_shape, axis=None, keepdims=False, returned=False:
                  unaverage_weights(g, a, y, a_shape, weights, weights_shape, axis,
                  or_default(keepdims, False)))
rule(np.cov,      m=lambda g, m, m_shape, b=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None:
                  operand_part(
                  uncov(g, concatenate_variables(m, m_shape, b, rowvar), bias, ddof,
                  fweights, aweights), m_shape, rowvar, False),
                  b=lambda g, m, m_shape, b, b_shape, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None:
                  operand_part(
                  uncov(g, concatenate_variables(m, m_shape, b, rowvar), bias, ddof,
                  fweights, aweights), b_shape, rowvar, True),
                  fweights=None,
                  aweights=lambda g, m, m_shape, y, b=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None:
                  uncov_weights(g, concatenate_variables(m, m_shape, b, rowvar), y, bias, ddof,
                  fweights, aweights))
rule(np.corrcoef, x=lambda g, x, x_shape, b=None, rowvar=True: operand_part(uncorrcoef(g, concatenate_variables(x, x_shape, b, rowvar)), x_shape, rowvar, False),
                  b=lambda g, x, x_shape, b, b_shape, rowvar=True: operand_part(uncorrcoef(g, concatenate_variables(x, x_shape, b, rowvar)), b_shape, rowvar, True))

# traits
set_traits(np.average, structure=Structure.REDUCTION)
set_traits(np.cov, np.corrcoef, structure=Structure.DENSE)
set_traits(np.cov, dask_computes=True)
