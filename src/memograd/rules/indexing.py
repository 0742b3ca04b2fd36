"""Indexing: what is taken by an index gives its cotangent back to where it came from; repeated indices add up."""

from typing import Any

import numpy as np

from ..registry import linear, op, rule


@op
def getitem(x: Any, *key: Any) -> Any:
    """``x[key]``; the parts of the index are operands, so that integer and boolean nodes may stand among them."""
    return x[key]


@op
def scatter(g: Any, shape: Any, *key: Any) -> Any:
    """Zeros of `shape` with `g` added at `key`: the transpose of `getitem`."""
    total = np.zeros(shape, g.dtype)
    if any(isinstance(part, np.ndarray | tuple | list) and np.asarray(part).dtype != bool for part in key):
        np.add.at(total, key, g)
    else:
        total[key] = g
    return total


@op
def output(values: Any, k: int) -> Any:
    """Output number k of an op that has several."""
    return values[k]


def only(g: Any, shapes: Any, dtypes: Any, k: int) -> Any:
    """The cotangent of a tuple of outputs of which one has cotangent g."""
    return tuple(g if j == k else np.zeros(s, d)[()] for j, (s, d) in enumerate(zip(shapes, dtypes, strict=True)))


linear(getitem, x=lambda g, x_shape, *key: scatter(g, x_shape, *key))
linear(scatter, h=lambda g, *key: getitem(g, *key), shape=None)
rule(output, values=lambda g, values_shape, values_dtype, k: only(g, values_shape, values_dtype, k), k=None)
