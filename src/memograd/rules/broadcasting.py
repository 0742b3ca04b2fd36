"""Broadcasting of cotangents, and its transpose, the sum over the copies."""

from typing import Any

import numpy as np

from ..arrays.kinds import KindShape


def broadcast_cotangent_to(g: Any, shape: Any) -> Any:
    """Broadcast a cotangent to a shape, in the layout that the shape knows."""
    if type(g) is np.float64 and type(shape) is tuple:  # a fifth of the time of `broadcast_to`
        return np.ndarray(shape, np.float64, np.asarray(g), strides=(0,) * len(shape))
    if type(shape) is KindShape:
        return shape.kind.broadcast(g, shape)
    return np.broadcast_to(g, shape)


def unbroadcast(g: Any, shape: Any) -> Any:
    """Sum a cotangent over the axes along which a value of `shape` was broadcast."""
    lead = len(g.shape) - len(shape)
    if lead and g.shape[lead:] == shape:
        return np.sum(g, axis=tuple(range(lead)))
    axes = tuple(
        k
        for k, n in enumerate((*(lead * (1,)), *shape))
        if k < lead or (n == 1 and g.shape[k] != 1)
    )
    return np.reshape(np.sum(g, axis=axes), shape) if axes else g
