"""Conventions of autograd's in which :mod:`memograd.functional` differs.

They are those of what comes in, what goes out and what is refused.
"""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from ..arrays.pytrees import LEAVES, children, tree_leaves, tree_map, tree_unflatten
from ..errors import RefusedError
from ..tape.node import Node
from ..text import printable

Argnum = int | tuple[int, ...] | list[int]

READY = frozenset({float, complex, np.float64, np.float32, np.complex128, Node})
"""Types of arguments that are differentiated as they are."""


def as_inexact(x: Any) -> Any:
    """Return an argument with its arrays of integers and booleans as floats.

    >>> as_inexact([np.array([1, 2]), 3.0])
    [array([1., 2.]), 3.0]
    """
    if type(x) in READY:
        return x
    if type(x) is np.ndarray:
        return x.astype(float) if x.dtype.kind in "iub" else x
    return x if children(x) is None else tree_map(as_inexact, x)


def with_inexact(args: tuple[Any, ...], argnum: Any) -> tuple[Any, ...]:
    """Return arguments, ready to be differentiated by those at `argnum`."""
    if type(argnum) is int and 0 <= argnum < len(args) and type(args[argnum]) in READY:
        return args
    positions = {argnum} if type(argnum) is int else set(argnum)
    count = len(args)
    return tuple(
        as_inexact(a) if k in positions or k - count in positions else a for k, a in enumerate(args)
    )


def check_argnum(argnum: Any) -> None:
    """Raise unless `argnum` is an int, or a tuple or list of them."""
    if type(argnum) is not int and not (
        type(argnum) in (tuple, list) and all(type(k) is int for k in argnum)
    ):
        raise RefusedError(
            f"argnum is an int, or a tuple or list of ints, not {printable(repr(argnum))}. For the "
            f"name of an argument, use grad_named."
        )


def writeable(nest: Any) -> Any:
    """Return a result with arrays of its own, which the caller may write to."""
    if type(nest) is np.ndarray:
        return nest.copy()
    return nest if type(nest) in READY else tree_map(_own, nest)


def _own(a: Any) -> Any:
    return a.copy() if type(a) is np.ndarray else a


def like(y: Any, g: Any) -> Any:
    """Return a cotangent or tangent in the pytree of y, broadcast to the shapes of its leaves."""
    if type(y) in LEAVES and type(g) in LEAVES:
        return _like_leaf(y, g)
    leaves, parts = tree_leaves(y), tree_leaves(g)
    if len(leaves) != len(parts):
        return g
    return tree_unflatten(y, map(_like_leaf, leaves, parts))


def _like_leaf(a: Any, b: Any) -> Any:
    shape = shape_of(a)
    return b if shape_of(b) == shape else np.broadcast_to(b, shape)


def shape_of(a: Any) -> Any:
    """Return the shape of an array, a number or a node; `np.shape` of a node takes 5 µs."""
    return a.shape if hasattr(a, "shape") else np.shape(a)


def call_named(operator: str, f: Any, argnum: Any, answer: Callable[..., Any]) -> Any:
    """Give the function that an operator returns its name and its docstring."""
    name = getattr(f, "__name__", "function")
    answer.__name__ = f"{operator}_of_{name}_wrt_argnum_{argnum}"
    answer.__doc__ = f"Return {operator} of {name} by argument {argnum}; call it as {name}."
    return answer


def missing(module: str, name: str, instead: Mapping[str, str]) -> NoReturn:
    """Raise for a name of autograd's that there is not here, with what to use."""
    if name in instead:
        raise AttributeError(
            f"memograd.autograd.{module} has no {name}: memograd records nodes of a tape, and has "
            f"none of autograd's own. {instead[name]}"
        )
    raise AttributeError(f"module 'memograd.autograd.{module}' has no attribute {name!r}")
