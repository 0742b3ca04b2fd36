"""Pytrees: nodes or arrays in lists, tuples, named tuples, dicts and dataclasses, one in another;
None is an empty one.

What is none of these is a leaf. Fields of a dataclass that are no parts of its nest, such as the
name of an activation, are declared with ``dataclasses.field(metadata={"static": True})``, as JAX
has it.
"""

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from ..errors import RefusedError
from ..text import printable

LEAVES: set[type] = {np.ndarray, np.float64, np.float32, float, complex, int, bool, str}
"""Types that are leaves at a glance.

The module of nodes adds theirs: a set look-up is faster than isinstance.
"""


def children(nest: Any) -> dict[Any, Any] | None:
    """Return the parts of a pytree by their keys; None for a leaf.

    >>> parts([3.0, None]), parts(None), parts(3.0)
    ({0: 3.0, 1: None}, {}, None)
    """
    if type(nest) in LEAVES:
        return None
    if isinstance(nest, dict):
        return nest
    if isinstance(nest, list | tuple):
        return dict(enumerate(nest))
    if is_dataclass(nest) and not isinstance(nest, type):
        return _fields(nest, static=False)
    return {} if nest is None else None


def constants(nest: Any) -> dict[str, Any]:
    """Return the static fields of a dataclass; other pytrees have none."""
    return _fields(nest, static=True) if is_dataclass(nest) else {}


def _fields(nest: Any, static: bool) -> dict[str, Any]:
    """Return the fields that the constructor takes; what it computes from them is not theirs to
    give.
    """
    named = [
        field.name
        for field in fields(nest)
        if field.init and bool(field.metadata.get("static")) is static
    ]
    return {name: getattr(nest, name) for name in named}


def rebuilt(nest: Any, new: dict[Any, Any]) -> Any:
    """Return a pytree of the same kind with other parts; a dataclass is made anew by its
    constructor.

    >>> rebuilt((1.0, 2.0), {0: 3.0, 1: 4.0})
    (3.0, 4.0)
    """
    if isinstance(nest, dict):
        return new if type(nest) is dict else _replace_items(copy(nest), new)
    if isinstance(nest, tuple):
        return type(nest)(*new.values()) if hasattr(nest, "_fields") else tuple(new.values())
    if isinstance(nest, list):
        return list(new.values())
    return None if nest is None else replace(nest, **new)


def _replace_items(nest: dict[Any, Any], new: dict[Any, Any]) -> dict[Any, Any]:
    nest.update(new)
    return nest


def tree_map(f: Callable[[Any], Any], nest: Any) -> Any:
    """`f` of each leaf of a pytree, in the same nest.

    >>> mapped(abs, {"a": -1.0, "b": [-2.0, None]})
    {'a': 1.0, 'b': [2.0, None]}
    """
    if type(nest) in LEAVES:
        return f(nest)
    if type(nest) is list:  # the nest that most requests come in
        return [tree_map(f, part) for part in nest]
    inner = children(nest)
    return (
        f(nest)
        if inner is None
        else rebuilt(nest, {key: tree_map(f, part) for key, part in inner.items()})
    )


def tree_unflatten(nest: Any, items: Iterable[Any]) -> Any:
    """Return the items in the places of a pytree's leaves, in order.

    >>> filled({"a": 0, "b": [0, None]}, [1.0, 2.0])
    {'a': 1.0, 'b': [2.0, None]}
    """
    following = iter(items)
    return tree_map(lambda _: next(following), nest)


def tree_leaves(nest: Any) -> list[Any]:
    """Return the leaves of a pytree, in order.

    >>> leaves({"a": 1.0, "b": [2.0, None]})
    [1.0, 2.0]
    """
    inner = None if type(nest) in LEAVES else children(nest)
    return (
        [nest] if inner is None else [leaf for part in inner.values() for leaf in tree_leaves(part)]
    )


def leaves_with_paths(nest: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Yield each leaf of a pytree, and where it is, written as Python has it.

    >>> list(placed({"a": 1.0, "b": [2.0, None]}, "args[0]"))
    [("args[0]['a']", 1.0), ("args[0]['b'][0]", 2.0)]
    """
    inner = children(nest)
    if inner is None:
        yield where, nest
    else:
        for key, part in inner.items():
            yield from leaves_with_paths(part, where + _path_step(nest, key))


def zip_with_paths(nest: Any, other: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield each leaf of a pytree with what stands in its place in another, and where that is;
    `where` is the other.

    Raises
    ------
    RefusedError
        The other is not of the same kinds, with the same keys.

    Examples
    --------
    >>> list(paired({"a": 1.0, "b": 2.0}, {"b": 20.0, "a": 10.0}, "tangents"))
    [("tangents['a']", 1.0, 10.0), ("tangents['b']", 2.0, 20.0)]
    """
    inner, beside = children(nest), children(other)
    if inner is None:
        yield where, nest, other
    elif beside is None or type(other) is not type(nest) or beside.keys() != inner.keys():
        raise RefusedError(
            f"{where} is {describe_tree(other)}, but stands for {describe_tree(nest)}. Give the "
            f"same nest."
        )
    else:
        for key, part in inner.items():
            yield from zip_with_paths(part, beside[key], where + _path_step(nest, key))


def _path_step(nest: Any, key: Any) -> str:
    return f".{key}" if is_dataclass(nest) else f"[{key!r}]"


def describe_tree(nest: Any) -> str:
    """Return a pytree in a few words, for messages.

    >>> outlined([1.0, 2.0]), outlined({"a": 1.0}), outlined(None), outlined(1.0)
    ('a list of 2', "a dict of 1 ['a']", 'None', 'a float')
    """
    inner, kind = children(nest), type(nest).__name__
    if inner is None or nest is None:
        return "None" if nest is None else f"a {kind}"
    keys = "" if isinstance(nest, list | tuple) else f" {printable(repr(list(inner)))}"
    return f"a {kind} of {len(inner)}{keys}"
