"""One canonical form for each op's calls, so that a rule sees one.

The canonical form of a call is its operands, in the order in which the rule names them, and a dict of the other
arguments that differ from their defaults. Lists of operands (`concatenate`, `stack`) are flattened. A `Call` has two
functions: `bind` brings a call into that form when it is recorded, `compute` runs the op on it, now and ever after.
"""

import functools
import inspect
import operator
import string
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .errors import RefusedError, RegistrationError, op_name

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

NOTHING: dict[str, Any] = {}
"""The keywords of a call without keywords: one shared dict, which nobody writes to."""

# What changes how a result is made, but not what its derivative is: the edge casts and reshapes anyway.
HARMLESS = frozenset({"dtype", "casting", "order", "subok", "copy", "device", "optimize", "out", "kind", "stable", "overwrite_input"})

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
    where there are keywords, if that is another function. `keywords` are the names that a rule's lines may read, `defaults`
    the values of parameters that a call may leave out, the operands' under the names that the rule gives them.
    """

    bind: Callable[[tuple[Any, ...], dict[str, Any]], Arguments]
    compute: Callable[..., Any]
    keywords: frozenset[str] = frozenset()
    compute_with: Callable[..., Any] | None = None
    defaults: Mapping[str, Any] = MappingProxyType({})


def call_of(op: Any, operands: tuple[str, ...], over_a_list: bool) -> Call:
    """The way in which `op` is called; `operands` are the names that its rule gives them."""
    if op in SPECIAL:
        return SPECIAL[op](op)
    if isinstance(op, np.ufunc):
        return call_of_ufunc(op)
    return call_of_list(op) if over_a_list else call_of_function(op, operands)


def call_of_ufunc(op: np.ufunc) -> Call:
    """A ufunc's operands are its inputs, by position."""
    return Call(lambda args, kwargs: (args, kwargs), OPERATORS.get(op, op), compute_with=op)


def call_of_function(op: Callable[..., Any], operands: tuple[str, ...]) -> Call:
    """A function's operands are the parameters that its rule names, or, where the rule's names differ, the first ones."""
    if not operands or any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(op).parameters.values()):
        return Call(lambda args, kwargs: (args, kwargs), op)
    order = list(parameters_of(op))
    if len(operands) > len(order):
        raise RegistrationError(
            f"{op_name(op)} has {len(order)} parameters, but {len(operands)} operands were named: {', '.join(operands)}."
        )
    names = tuple(name if name in order else order[k] for k, name in enumerate(operands))
    leading = sum(1 for name, own in zip(names, order, strict=False) if name == own)

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        if not kwargs and 0 < len(args) <= leading:
            return args, NOTHING
        return by_name(op, names, args, kwargs)

    @functools.wraps(op)
    def compute(*xs: Any, **kwargs: Any) -> Any:
        return op(*xs[:leading], **dict(zip(names[leading:], xs[leading:], strict=False)), **kwargs)

    own = parameters_of(op)
    defaults = own | {operand: own[name] for operand, name in zip(operands, names, strict=True)}
    return Call(bind, op if leading == len(names) else compute, frozenset(order).difference(names), defaults=defaults)


def by_name(op: Callable[..., Any], names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """The canonical form of a call: the arguments called `names`, then those of the others that are no defaults."""
    defaults = parameters_of(op)
    given = dict(zip(defaults, args, strict=False)) | kwargs
    if len(given) != len(args) + len(kwargs) or not given.keys() <= defaults.keys() or not required_of(op) <= given.keys():
        inspect.signature(op).bind(*args, **kwargs)  # raises, in Python's own words
    last = max(k for k, name in enumerate(names) if name in given)
    operands = tuple(given.pop(name, defaults[name]) for name in names[: last + 1])
    return operands, {k: v for k, v in given.items() if not _equal(v, defaults[k])} or NOTHING


@functools.cache
def parameters_of(op: Callable[..., Any]) -> dict[str, Any]:
    """The parameters of a function, in order, with their defaults."""
    return {p.name: p.default for p in inspect.signature(op).parameters.values()}


@functools.cache
def required_of(op: Callable[..., Any]) -> frozenset[str]:
    """The parameters of a function that have no default."""
    various = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return frozenset(p.name for p in inspect.signature(op).parameters.values() if p.default is p.empty and p.kind not in various)


def _equal(value: Any, default: Any) -> bool:
    plain = isinstance(value, int | float | str) and type(value) is type(default)
    return value is default or (plain and bool(value == default))


def call_of_list(op: Callable[..., Any]) -> Call:
    """An op whose first argument is a list of operands, such as `concatenate`, or all of whose arguments are, such as `meshgrid`."""
    first, *others = parameters_of(op)
    if inspect.signature(op).parameters[first].kind is inspect.Parameter.VAR_POSITIONAL:
        return Call(lambda args, kwargs: (args, kwargs), op, frozenset(others))

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
        subscripts, *xs = args if isinstance(args[0], str) else _lettered(args)
        return tuple(xs), {"subscripts": subscripts, **kwargs}

    def compute(*xs: Any, subscripts: str, **kwargs: Any) -> Any:
        return op(subscripts, *xs, **kwargs)

    return Call(bind, compute, frozenset({"subscripts"}))  # optimize= changes the order of the sum alone


def _lettered(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The interleaved form, `einsum(a, [0, 1], b, [1, 2], [0, 2])`, with its subscripts as a string first."""
    pairs = len(args) // 2
    lists = (*args[1 : 2 * pairs : 2], *args[2 * pairs :])
    terms = [
        "".join("..." if k is Ellipsis else (string.ascii_uppercase + string.ascii_lowercase)[operator.index(k)] for k in term)
        for term in lists
    ]
    return ",".join(terms[:pairs]) + ("->" + terms[pairs] if len(args) % 2 else ""), *args[: 2 * pairs : 2]


def call_of_clip(op: Callable[..., Any]) -> Call:
    """`clip` has two names for each bound; a bound that is not given is None."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        own = {"min": "a_min", "max": "a_max"}
        given = {own.get(name, name): value for name, value in kwargs.items()}
        given = {"a_min": None, "a_max": None, **given} if len(args) == 1 else given
        return by_name(op, ("a", "a_min", "a_max"), args, given)

    return Call(bind, op)


def call_of_ordered(op: Callable[..., Any]) -> Call:
    """`reshape` and `ravel` take elements in an order; one that depends on how they lie in memory is no part of a program."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        operands, keywords = by_name(op, ("a",), args, kwargs)
        if keywords.get("order", "C") not in ("C", "F"):
            raise RefusedError(
                f"{op_name(op)} was called with order={keywords['order']!r}, which takes elements as they lie in memory; that is no part "
                f"of a program. Write order='C' or 'F'."
            )
        return operands, keywords

    return Call(bind, op, frozenset(parameters_of(op)).difference({"a"}))


def call_of_sign(op: Callable[..., Any]) -> Call:
    """The sign of real numbers has no derivative that matters; that of complex ones has, and a rule is for all dtypes."""

    def compute(x: Any, **kwargs: Any) -> Any:
        if np.iscomplexobj(x):
            raise RefusedError("np.sign of complex numbers turns with them, so that it is not constant. Write z / np.abs(z).")
        return op(x, **kwargs)

    return Call(lambda args, kwargs: (args, kwargs), compute)


def call_of_choose(op: Callable[..., Any]) -> Call:
    """`choose(a, choices)`: the index and the choices are one list of operands."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        (a, choices), keywords = by_name(op, ("a", "choices"), args, kwargs)
        return (a, *choices), keywords

    def compute(a: Any, *choices: Any, **kwargs: Any) -> Any:
        return op(a, choices, **kwargs)

    return Call(bind, compute, frozenset({"mode"}))


def call_of_select(op: Callable[..., Any]) -> Call:
    """`select(condlist, choicelist, default)`: conditions, choices and default are one list of operands."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        given, _ = by_name(op, ("condlist", "choicelist", "default"), args, kwargs)
        conditions, choices, default = (*given, 0)[:3]
        if len(conditions) != len(choices):
            raise ValueError(f"np.select takes a choice for each condition, but got {len(conditions)} conditions, {len(choices)} choices.")
        return (*conditions, *choices, default), NOTHING

    def compute(*xs: Any) -> Any:
        n = len(xs) // 2
        return op(list(xs[:n]), list(xs[n:-1]), xs[-1])

    return Call(bind, compute)


def call_of_block(op: Callable[..., Any]) -> Call:
    """`block(arrays)`: nested lists are one flat list of operands, and a nest of the same form that holds their numbers."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        (arrays,), _ = by_name(op, ("arrays",), args, kwargs)
        xs: list[Any] = []

        def numbered(part: Any) -> Any:
            if isinstance(part, list):
                return tuple(map(numbered, part))
            xs.append(part)
            return len(xs) - 1

        nest = numbered(arrays)
        return tuple(xs), {"nest": nest}

    def compute(*xs: Any, nest: Any) -> Any:
        return op(filled(nest, xs))

    return Call(bind, compute, frozenset({"nest"}))


def filled(nest: Any, xs: Any) -> Any:
    """A nest of numbers as nested lists of the items of `xs` that they stand for."""
    return [filled(part, xs) for part in nest] if isinstance(nest, tuple) else xs[nest]


PADS = ("constant", "edge", "reflect", "symmetric", "wrap")
"""The modes of `np.pad` that copy elements, or add none."""


def call_of_pad(op: Callable[..., Any]) -> Call:
    """`pad(array, pad_width, mode, ...)`: the widths are one pair an axis, and the mode is one that copies elements."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        own = {name: value for name, value in kwargs.items() if name in ("array", "pad_width", "mode")}
        (array,), keywords = by_name(op, ("array",), args, own)
        others = {name: value for name, value in kwargs.items() if name not in own}
        mode = keywords.get("mode", "constant")
        if mode not in PADS or others.get("reflect_type", "even") != "even":
            raise RefusedError(
                f"np.pad was called with mode={mode!r}{''.join(f', {k}={v!r}' for k, v in others.items())}, which computes new elements. "
                f"Use one of {', '.join(PADS)}, with reflect_type='even', or np.concatenate with the elements you mean."
            )
        return (array,), {**keywords, **others, "pad_width": pairs_of(keywords["pad_width"], np.ndim(array)) or 0}

    return Call(bind, op, frozenset({"pad_width", "mode", "constant_values", "reflect_type"}))


def pairs_of(width: Any, ndim: int) -> Any:
    """A `pad_width`, in any of the forms that NumPy takes, as one pair an axis."""
    if isinstance(width, dict):
        by_axis = {axis % ndim: pair for axis, pair in width.items()}
        width = [np.broadcast_to(by_axis.get(k, 0), 2) for k in range(ndim)]
    return tuple((int(before), int(after)) for before, after in np.broadcast_to(width, (ndim, 2)))


def call_of_gradient(op: Callable[..., Any]) -> Call:
    """`gradient(f, *spacing)`: the spacing is constant."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        f, *spacing = args
        if any(hasattr(type(h), "__memograd_record__") for h in spacing):
            raise RefusedError(
                "np.gradient takes its spacing as constants. Give node.value, or divide differences: np.diff(y) / np.diff(x)."
            )
        return (f,), {"spacing": tuple(spacing), **kwargs}

    def compute(f: Any, spacing: Any, **kwargs: Any) -> Any:
        return op(f, *spacing, **kwargs)

    return Call(bind, compute, frozenset({"spacing", "axis", "edge_order"}))


SPECIAL: dict[Any, Callable[[Any], Call]] = {
    np.einsum: call_of_einsum,
    np.clip: call_of_clip,
    np.reshape: call_of_ordered,
    np.ravel: call_of_ordered,
    np.sign: call_of_sign,
    np.choose: call_of_choose,
    np.select: call_of_select,
    np.block: call_of_block,
    np.pad: call_of_pad,
    np.gradient: call_of_gradient,
}
