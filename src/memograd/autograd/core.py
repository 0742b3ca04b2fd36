"""The two products at a point, and what else autograd's `core` holds that can be served."""

import warnings
from collections.abc import Callable
from typing import Any

from .. import functional
from ..tape.node import Node
from .conventions import as_inexact, like, missing, writeable
from .primitives import (
    def_linear,
    defjvp,
    defjvp_argnum,
    defjvp_argnums,
    defvjp,
    defvjp_argnum,
    defvjp_argnums,
    primitive,
    primitive_jvps,
    primitive_vjps,
)
from .tracer import Box, getval, isbox
from .util import func, subval
from .vector_spaces import VSpace, vspace

__all__ = [
    "Box",
    "VSpace",
    "def_linear",
    "defjvp",
    "defjvp_argnum",
    "defjvp_argnums",
    "defvjp",
    "defvjp_argnum",
    "defvjp_argnums",
    "func",
    "getval",
    "isbox",
    "make_jvp",
    "make_vjp",
    "primitive",
    "primitive_jvps",
    "primitive_vjps",
    "subval",
    "vspace",
]

OTHERWISE = "Use make_vjp or make_jvp; mg.Tape records a program that can be looked at."
INSTEAD = {
    "JVPNode": OTHERWISE,
    "VJPNode": OTHERWISE,
    "backward_pass": OTHERWISE,
    "SparseObject": "Return an array of zeros with the entries set, by x.at[i].add(v).",
    "sparse_add": "Use np.add.",
}


def __getattr__(name: str) -> Any:
    missing("core", name, INSTEAD)


def make_vjp(fun: Callable[[Any], Any], x: Any) -> tuple[Callable[[Any], Any], Any]:
    """Return the function from a cotangent of ``fun(x)`` to that of x, and ``fun(x)``.

    Parameters
    ----------
    fun : callable
        Of one array, or pytree of them.
    x : array_like, or pytree of them
        Where to evaluate it.

    Raises
    ------
    NotDifferentiableError, OtherTapeError, RefusedError
        As for :func:`memograd.functional.vjp`.

    Examples
    --------
    >>> import memograd.autograd.numpy as np
    >>> vjp, y = make_vjp(np.square, np.array([1.0, 2.0]))
    >>> y, vjp(np.array([1.0, 10.0]))
    (array([1., 4.]), array([ 2., 40.]))
    """
    y, pullback = functional.vjp(warn_if_constant(fun), as_inexact(x))

    def vjp(g: Any) -> Any:
        return writeable(pullback(like(y, g))[0])

    return vjp, writeable(y)


def make_jvp(fun: Callable[[Any], Any], x: Any) -> Callable[[Any], tuple[Any, Any]]:
    """Return the function from a tangent of x to ``fun(x)`` and its tangent.

    Parameters and errors are those of :func:`make_vjp`. An op with a VJP rule alone is pushed
    through by the transpose of that.

    Examples
    --------
    >>> import memograd.autograd.numpy as np
    >>> make_jvp(np.square, np.array([1.0, 2.0]))(np.array([1.0, 10.0]))
    (array([1., 4.]), array([ 2., 40.]))
    """
    x = as_inexact(x)

    def jvp(v: Any) -> tuple[Any, Any]:
        """Push a tangent forward."""
        y, t = functional.jvp(warn_if_constant(fun), (x,), (like(x, as_inexact(v)),))
        return writeable(y), writeable(t)

    return jvp


def warn_if_constant(fun: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return `fun`, warning as autograd does if its result is no node: a derivative may be lost."""

    def call_and_warn(x: Any) -> Any:
        """Call `fun`, and warn if its result is no node."""
        y = fun(x)
        if not isinstance(y, Node) and not isinstance(y, list | tuple | dict):
            warnings.warn("Output seems independent of input.", stacklevel=5)
        return y

    call_and_warn.__name__ = getattr(fun, "__name__", "function")
    return call_and_warn
