"""Sums of cotangents over broadcast axes, as the VJPs of elementwise primitives need them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...rules import broadcasting
from ..conventions import missing

INSTEAD = {
    name: "Use NumPy's functions: cotangents of nodes are nodes, or arrays."
    for name in ("match_complex", "repeat_to_match_shape", "replace_zero", "balanced_eq")
} | {"unbroadcast": "Use unbroadcast_f, which takes the operand itself."}


def __getattr__(name: str) -> Any:
    missing("numpy.numpy_vjps", name, INSTEAD)


def unbroadcast_f(target: Any, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return f with its result summed over the axes along which `target` was broadcast.

    Parameters
    ----------
    target : array_like
        The operand whose cotangent f gives.
    f : callable
        From the cotangent of an elementwise op's result to that of the operand, in the shape of the
        result.

    Examples
    --------
    >>> unbroadcast_f(1.0, lambda g: 2 * g)(np.ones(3))
    np.float64(6.0)
    """
    shape, real = np.shape(target), not np.iscomplexobj(target)

    def pull(g: Any) -> Any:
        """Return the cotangent in the shape of the target."""
        d = f(g)
        d = broadcasting.unbroadcast(d if hasattr(d, "shape") else np.asarray(d), shape)
        return np.real(d) if real and np.iscomplexobj(d) else d

    return pull
