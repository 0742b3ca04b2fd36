"""Call binding: one canonical form for the calls of each op, so that a rule sees one form.

The canonical form of a call is its operands, in the order in which the rule names them, and a dict
of the other arguments that differ from their defaults. Lists of operands (`concatenate`, `stack`)
are flattened. A `Call` has two functions: `bind` brings a recorded call into that form, and
`compute` runs the op on it.
"""

import functools
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ..errors import RegistrationError
from ..text import op_name
from .parameters import NO_DEFAULT, OTHERS, REST, parameters, signature

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

NO_KWARGS: dict[str, Any] = {}
"""Keywords of a call without keywords: one shared dict, which must not be changed."""

# Keywords that change how a result is computed but not its derivative: the solver casts and
# reshapes cotangents in any case.
IGNORED_KEYWORDS = frozenset(
    {
        "dtype",
        "casting",
        "order",
        "subok",
        "copy",
        "device",
        "optimize",
        "out",
        "kind",
        "stable",
        "overwrite_input",
    }
)

# Operators of NumPy's scalars are ten times faster than these ufuncs, and give the same bits.
# Not `power`: scalar `**` and `np.power` differ in bits.
OPERATORS: dict[Any, Callable[..., Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.divide: operator.truediv,
    np.negative: operator.neg,
}


class Call(NamedTuple):
    """Call binding of an op.

    Attributes
    ----------
    bind : callable
        From the arguments and keywords of a call to its canonical form.
    compute : callable
        Runs the op on operands.
    keywords : frozenset of str
        Keywords that rules may read.
    compute_with : callable or None
        Runs the op on operands and keywords, if that is not `compute`.
    defaults : mapping of str to Any
        Values of arguments that a call leaves out; operands have the names that the rule gives.
    """

    bind: Callable[[tuple[Any, ...], dict[str, Any]], Arguments]
    compute: Callable[..., Any]
    keywords: frozenset[str] = frozenset()
    compute_with: Callable[..., Any] | None = None
    defaults: Mapping[str, Any] = MappingProxyType({})


def call_of_ufunc(op: np.ufunc) -> Call:
    """Return the binding of a ufunc, whose operands are its inputs by position."""
    return Call(lambda args, kwargs: (args, kwargs), OPERATORS.get(op, op), compute_with=op)


def call_of_function(op: Callable[..., Any], operands: tuple[str, ...]) -> Call:
    """Return the binding of a function, whose operands are parameters.

    They are those that its rule names, or the first ones if the names of the rule differ.
    """
    if not operands or any(p.kind is REST for p in parameters(op)):
        return Call(lambda args, kwargs: (args, kwargs), op)
    order = list(parameters_of(op))
    if len(operands) > len(order):
        raise RegistrationError(
            f"{op_name(op)} has {len(order)} parameters, but {len(operands)} operands were "
            f"named: {', '.join(operands)}."
        )
    names = tuple(name if name in order else order[k] for k, name in enumerate(operands))
    leading = sum(1 for name, own in zip(names, order, strict=False) if name == own)

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        if not kwargs and 0 < len(args) <= leading:
            return args, NO_KWARGS
        return bind_by_name(op, names, args, kwargs)

    own = parameters_of(op)
    defaults = own | {operand: own[name] for operand, name in zip(operands, names, strict=True)}
    compute = op if leading == len(names) else _partly_by_name(op, names, leading)
    return Call(bind, compute, frozenset(order).difference(names), defaults=defaults)


def _partly_by_name(
    op: Callable[..., Any], names: tuple[str, ...], leading: int
) -> Callable[..., Any]:
    """Return `op` of operands alone; those after the first `leading` ones are given by name."""

    @functools.wraps(op)
    def compute(*xs: Any, **kwargs: Any) -> Any:
        """Run `op` with the last operands by name."""
        if len(xs) <= leading:
            return op(*xs, **kwargs)
        return op(*xs[:leading], **dict(zip(names[leading:], xs[leading:], strict=False)), **kwargs)

    return compute


def bind_by_name(
    op: Callable[..., Any], names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Arguments:
    """Return the canonical form of a call.

    That is the arguments called `names`, then the others that differ from their defaults.
    """
    defaults = parameters_of(op)
    given = dict(zip(defaults, args, strict=False)) | kwargs
    if (
        len(given) != len(args) + len(kwargs)
        or not given.keys() <= defaults.keys()
        or not mandatory_parameters(op) <= given.keys()
    ):
        signature(op).bind(*args, **kwargs)  # raises Python's own TypeError
    last = max(k for k, name in enumerate(names) if name in given)
    operands = tuple(given.pop(name, defaults[name]) for name in names[: last + 1])
    return operands, {
        k: v for k, v in given.items() if not _equal_default(v, defaults[k])
    } or NO_KWARGS


@functools.cache
def parameters_of(op: Callable[..., Any]) -> dict[str, Any]:
    """Return the parameters of a function in order, each with its default."""
    return {p.name: p.default for p in parameters(op)}


@functools.cache
def mandatory_parameters(op: Callable[..., Any]) -> frozenset[str]:
    """Return the parameters of a function without a default."""
    return frozenset(
        p.name for p in parameters(op) if p.default is NO_DEFAULT and p.kind not in (REST, OTHERS)
    )


def _equal_default(value: Any, default: Any) -> bool:
    plain = isinstance(value, int | float | str) and type(value) is type(default)
    return value is default or (plain and repr(value) == repr(default))  # -0.0 is not 0.0


def call_of_list(op: Callable[..., Any]) -> Call:
    """Return the binding of an op over a list of operands.

    The list is its first argument, as for `concatenate`, or all of them, as for `meshgrid`.
    """
    first, *others = parameters_of(op)
    if parameters(op)[0].kind is REST:
        return Call(lambda args, kwargs: (args, kwargs), op, frozenset(others))

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        (xs,), keywords = bind_by_name(op, (first,), args, kwargs)
        return tuple(xs), keywords

    @functools.wraps(op)
    def compute(*xs: Any, **kwargs: Any) -> Any:
        """Run `op` on the list of the operands."""
        return op(xs, **kwargs)

    return Call(bind, compute, frozenset(others))
