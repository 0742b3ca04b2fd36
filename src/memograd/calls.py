"""One canonical form for each op's calls, so that a rule sees one.

The canonical form of a call is its operands, in the order in which the rule names them, and a dict of the other
arguments that differ from their defaults. Lists of operands (`concatenate`, `stack`) are flattened. A `Call` has two
functions: `bind` brings a call into that form when it is recorded, `compute` runs the op on it, now and ever after.
"""

import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

NOTHING: dict[str, Any] = {}
"""The keywords of a call without keywords: one shared dict, which nobody writes to."""

# What changes how a result is made, but not what its derivative is: the edge casts and reshapes anyway.
HARMLESS = frozenset({"dtype", "casting", "order", "subok", "copy", "device", "optimize", "out"})

# NumPy's scalars compute these as Python operators ten times faster than the ufunc does, to the same bits.
# Not `power`: scalar `**` and `np.power` differ in bits.
OPERATORS: dict[Any, Callable[..., Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.divide: operator.truediv,
    np.negative: operator.neg,
}


class Call(NamedTuple):
    """How an op is called.

    `bind(args, kwargs)` gives the canonical form, `compute(*operands)` runs it; `compute_with(*operands, **keywords)` does
    where there are keywords, if that is another function. `keywords` are the names that a rule's lines may read.
    """

    bind: Callable[[tuple[Any, ...], dict[str, Any]], Arguments]
    compute: Callable[..., Any]
    keywords: frozenset[str] = frozenset()
    compute_with: Callable[..., Any] | None = None


def call_of(op: Any, operands: tuple[str, ...], over_a_list: bool) -> Call:
    """The way in which `op` is called; `operands` are the names that its rule gives them."""
    if isinstance(op, np.ufunc):
        return call_of_ufunc(op)
    if op in SPECIAL:
        return SPECIAL[op](op)
    return call_of_list(op) if over_a_list else call_of_function(op, operands)


def call_of_ufunc(op: np.ufunc) -> Call:
    """A ufunc's operands are its inputs, by position."""
    return Call(lambda args, kwargs: (args, kwargs), OPERATORS.get(op, op), compute_with=op)


def call_of_function(op: Callable[..., Any], operands: tuple[str, ...]) -> Call:
    """A function's operands are the parameters that its rule names, or, where the rule's names differ, the first ones."""
    if not operands or any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(op).parameters.values()):
        return Call(lambda args, kwargs: (args, kwargs), op)
    order = list(parameters_of(op))
    names = tuple(name if name in order else order[k] for k, name in enumerate(operands))
    leading = sum(1 for name, own in zip(names, order, strict=False) if name == own)

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        if not kwargs and len(args) == leading == len(names):
            return args, NOTHING
        return by_name(op, names, args, kwargs)

    @functools.wraps(op)
    def compute(*xs: Any, **kwargs: Any) -> Any:
        return op(*xs[:leading], **dict(zip(names[leading:], xs[leading:], strict=False)), **kwargs)

    return Call(bind, op if leading == len(names) else compute, frozenset(order).difference(names))


def by_name(op: Callable[..., Any], names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """The canonical form of a call: the arguments called `names`, then those of the others that are no defaults."""
    defaults = parameters_of(op)
    given = dict(zip(defaults, args, strict=False)) | kwargs
    if len(given) != len(args) + len(kwargs) or not given.keys() <= defaults.keys() or names[0] not in given:
        inspect.signature(op).bind(*args, **kwargs)  # raises, in Python's own words
    last = max(k for k, name in enumerate(names) if name in given)
    operands = tuple(given.pop(name, defaults[name]) for name in names[: last + 1])
    return operands, {k: v for k, v in given.items() if not _equal(v, defaults[k])} or NOTHING


@functools.cache
def parameters_of(op: Callable[..., Any]) -> dict[str, Any]:
    """The parameters of a function, in order, with their defaults."""
    return {p.name: p.default for p in inspect.signature(op).parameters.values()}


def _equal(value: Any, default: Any) -> bool:
    plain = isinstance(value, int | float | str) and type(value) is type(default)
    return value is default or (plain and bool(value == default))


def call_of_list(op: Callable[..., Any]) -> Call:
    """An op whose first argument is a list of operands, such as `concatenate`: the list is flattened."""
    first, *others = parameters_of(op)

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        (xs,), keywords = by_name(op, (first,), args, kwargs)
        return tuple(xs), keywords

    @functools.wraps(op)
    def compute(*xs: Any, **kwargs: Any) -> Any:
        return op(xs, **kwargs)

    return Call(bind, compute, frozenset(others))


def call_of_einsum(op: Callable[..., Any]) -> Call:
    """`einsum(subscripts, *operands)`: the subscripts are a keyword of the canonical form."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        if not args or not isinstance(args[0], str):
            raise TypeError("np.einsum over nodes takes its subscripts first, as a string: np.einsum('ij,jk->ik', a, b).")
        return args[1:], {"subscripts": args[0], **kwargs}

    def compute(*xs: Any, subscripts: str, **kwargs: Any) -> Any:
        return op(subscripts, *xs, **kwargs)

    return Call(bind, compute, frozenset({"subscripts"}))  # optimize= changes the order of the sum alone


def call_of_clip(op: Callable[..., Any]) -> Call:
    """`clip` has two names for each bound; a bound that is not given is None."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        own = {"min": "a_min", "max": "a_max"}
        given = {own.get(name, name): value for name, value in kwargs.items()}
        given = {"a_min": None, "a_max": None, **given} if len(args) == 1 else given
        return by_name(op, ("a", "a_min", "a_max"), args, given)

    return Call(bind, op)


SPECIAL: dict[Any, Callable[[Any], Call]] = {np.einsum: call_of_einsum, np.clip: call_of_clip}
