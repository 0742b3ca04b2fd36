"""Arguments of compiled functions: their arrays, and the signature of everything else.

A signature compares its parts more strictly than ``==``: 1, 1.0 and True differ, as do 0.0 and
-0.0, ``frozenset({1})`` and ``frozenset({True})``, ``Decimal("1")`` and ``Decimal("1.0")``.
Instances of plain classes are pytrees of their attributes, read at each call. So a method follows
its object, and no signature keeps an object alive.
"""

import weakref
from collections.abc import Iterable, Iterator
from copy import copy
from enum import Enum
from functools import partial
from types import MethodType, ModuleType
from typing import Any

import numpy as np

from ..arrays.pytrees import children, constants, with_children
from ..errors import RefusedError
from ..tape.node import Node
from ..text import printable

INPUT_TYPES: tuple[Any, ...] = (np.ndarray, Node, float, complex, np.inexact)
"""Types of the arguments that are inputs of a plan."""

EXACT_TYPES = frozenset({int, bool, str, bytes, type(None), type(Ellipsis), type(NotImplemented)})
"""Types whose equal objects are interchangeable."""


def attributes_of(a: Any) -> dict[str, Any] | None:
    """Return the attributes of an instance of a plain class; None for anything else.

    Numbers and arrays that its classes hold count as attributes.
    """
    kind: Any = type(a)
    if (
        kind.__eq__ is not object.__eq__
        or not hasattr(a, "__dict__")
        or _is_known_by_identity(a)
        or hasattr(kind, "__array__")
    ):
        return None
    shared: dict[str, Any] = {}
    for base in reversed(kind.__mro__[:-1]):
        shared |= vars(base)
    numbers = {
        name: value
        for name, value in shared.items()
        if isinstance(value, (*INPUT_TYPES, int, str)) and not name.startswith("__")
    }
    own: dict[str, Any] = vars(a)
    return numbers | own


def _is_known_by_identity(a: Any) -> bool:
    """Return whether identity tells an object apart: a function, class, module or enum member."""
    named = hasattr(a, "__name__") and (callable(a) or isinstance(a, ModuleType))
    return named or isinstance(a, Enum | partial) or type(a) is object


def inner_items(a: Any) -> dict[Any, Any] | None:
    """Return the children of a pytree or of an instance; None for a leaf."""
    if isinstance(a, INPUT_TYPES):
        return None
    result = children(a)
    return attributes_of(a) if result is None else result


def leaves_of(arguments: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each leaf of the arguments of a call, with its path written as Python has it."""
    for key, a in arguments.items():
        yield from _argument_leaves(a, f"argument_{key}")


def _argument_leaves(a: Any, where: str) -> Iterator[tuple[str, Any]]:
    result = inner_items(a)
    if result is None:
        yield where, a
        return
    for key, part in result.items():
        yield from _argument_leaves(
            part, f"{where}[{key!r}]" if isinstance(a, dict | list | tuple) else f"{where}.{key}"
        )


def replace_leaves(arguments: dict[Any, Any], leaves: Iterable[Any]) -> dict[Any, Any]:
    """Return the arguments of a call with other leaves, in order; instances become copies."""
    following = iter(leaves)
    return {key: _refill(a, following) for key, a in arguments.items()}


def _refill(a: Any, leaves: Iterator[Any]) -> Any:
    result = inner_items(a)
    if result is None:
        return next(leaves)
    new = {key: _refill(part, leaves) for key, part in result.items()}
    if children(a) is not None:
        return with_children(a, new)
    other = copy(a)
    vars(other).update(new)
    return other


def signature_of(arguments: dict[Any, Any], inputs: list[Any]) -> list[Any]:
    """Return what calls that one plan serves have in common. Append the arrays to `inputs`.

    Raises
    ------
    RefusedError
        An argument is neither an array nor tells whether it is the same as another time.
    """
    try:
        return [_signature_part(a, inputs) for a in arguments.values()]
    except StaticArgumentError as error:
        places = (where for where, leaf in leaves_of(arguments) if leaf is error.part)
        raise RefusedError(
            "An argument of a compiled function, "
            f"{printable(next(places, 'or a part of one'))}, {error}"
        ) from None
    except RecursionError:
        raise RefusedError(
            "An argument of a compiled function is an object or a list that is inside itself. "
            "Give a tree of them."
        ) from None


class StaticArgumentError(Exception):
    """Part of an argument that no signature can hold, and the reason, as the end of a sentence."""

    def __init__(self, part: Any, why: str) -> None:
        super().__init__(why)
        self.part = part


def _signature_part(a: Any, inputs: list[Any]) -> Any:
    if isinstance(a, INPUT_TYPES):
        inputs.append(a)
        return (
            (a.shape, a.dtype)
            if hasattr(a, "dtype")
            else complex
            if isinstance(a, complex)
            else float
        )
    result = inner_items(a)
    if result is None:
        return static_key(a)
    fixed = tuple([static_key(value) for value in constants(a).values()])
    return (
        type(a),
        fixed,
        tuple([(static_key(key), _signature_part(part, inputs)) for key, part in result.items()]),
    )


def static_key(a: Any) -> Any:
    """Return the part of a signature that stands for a static argument."""
    kind = type(a)
    if kind in EXACT_TYPES:
        return kind, a
    if isinstance(a, tuple | frozenset):
        return kind, (frozenset if isinstance(a, frozenset) else tuple)(map(static_key, a))
    if isinstance(a, np.generic):
        return kind, a.dtype.str, a.tobytes()
    if isinstance(a, slice):
        return kind, static_key((a.start, a.stop, a.step))
    if isinstance(a, MethodType):
        return kind, static_key(a.__func__), _reference(a.__self__)
    return _reference(a) if _is_known_by_identity(a) else _by_value(a)


def _by_value(a: Any) -> Any:
    """Return the key of an argument that compares by value, with its repr: ``1 == True``."""
    kind: Any = type(a)
    if kind.__eq__ is object.__eq__ or hasattr(kind, "__array__") or not _is_hashable(a):
        raise StaticArgumentError(
            a,
            f"is {printable(repr(a))}, neither an array nor hashable by its value, "
            "so that a plan could not tell whether it has changed. "
            "Give arrays and floats, in lists, dicts, dataclasses or attributes of objects, "
            "and what is static as integers, strings or "
            f"other hashable values; or let the function close over what never changes.",
        )
    text = "" if kind.__repr__ is object.__repr__ else repr(a)
    return (kind, text) if a != a else (kind, text, a)


def _is_hashable(a: Any) -> bool:
    try:
        hash(a)
    except TypeError:
        return False
    return True


def _reference(a: Any) -> Any:
    """Return a weak reference if possible, so that no signature keeps the object alive."""
    try:
        return weakref.ref(a)
    except TypeError:
        return type(a), a


def is_dead(signature: Any) -> bool:
    """Return whether an object of a signature was freed, so that no later call can pass it."""
    if isinstance(signature, weakref.ref):
        return signature() is None
    return isinstance(signature, tuple | frozenset) and any(map(is_dead, signature))
