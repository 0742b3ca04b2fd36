"""Pytrees: nested lists, tuples, named tuples, dicts and dataclasses of nodes or arrays.

None is a pytree without leaves. Every other object is a leaf. A field of a dataclass that holds no
child, such as the name of an activation, is declared static:
``dataclasses.field(metadata={"static": True})``, as in JAX.
"""

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from ..errors import RefusedError
from ..text import printable

LEAVES: set[type] = {
    np.ndarray, np.float64, np.float32, np.complex128, np.complex64, np.int64, np.bool_,
    float, complex, int, bool, str,
}  # fmt: skip
"""Types that are known to be leaves: a look-up in a set is faster than `isinstance`.

The module of nodes adds its own type.
"""


def children(nest: Any) -> dict[Any, Any] | None:
    """Return the children of a pytree by their keys; None for a leaf.

    >>> children([3.0, None]), children(None), children(3.0)
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
    """Return the static fields of a dataclass; an empty dict for other pytrees."""
    return _fields(nest, static=True) if is_dataclass(nest) else {}


def _fields(nest: Any, static: bool) -> dict[str, Any]:
    """Return the static or the other fields, of those that the constructor takes."""
    named = [
        field.name
        for field in fields(nest)
        if field.init and bool(field.metadata.get("static")) is static
    ]
    return {name: getattr(nest, name) for name in named}


def with_children(nest: Any, new: dict[Any, Any]) -> Any:
    """Return a pytree of the same type with other children.

    A dataclass is built by its constructor, so that the fields that it computes are right.

    >>> with_children((1.0, 2.0), {0: 3.0, 1: 4.0})
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
    """Replace the items of a dict subclass in place: its constructor is not known."""
    nest.update(new)
    return nest


def tree_map(f: Callable[[Any], Any], nest: Any) -> Any:
    """Apply `f` to each leaf of a pytree and return the results in the same structure.

    >>> tree_map(abs, {"a": -1.0, "b": [-2.0, None]})
    {'a': 1.0, 'b': [2.0, None]}
    """
    kind = type(nest)
    if kind in LEAVES:
        return f(nest)
    if kind is list:  # most pytrees are lists or tuples: without `children`, a third of the time
        return [tree_map(f, part) for part in nest]
    if kind is tuple:
        return tuple([tree_map(f, part) for part in nest])
    inner = children(nest)
    if inner is None:
        return f(nest)
    return with_children(nest, {key: tree_map(f, part) for key, part in inner.items()})


def tree_unflatten(nest: Any, items: Iterable[Any]) -> Any:
    """Return a pytree of the structure of `nest` whose leaves are the items, in order.

    >>> tree_unflatten({"a": 0, "b": [0, None]}, [1.0, 2.0])
    {'a': 1.0, 'b': [2.0, None]}
    """
    iterator = iter(items)
    return tree_map(lambda _: next(iterator), nest)


def tree_leaves(nest: Any) -> list[Any]:
    """Return the leaves of a pytree, in order.

    >>> tree_leaves({"a": 1.0, "b": [2.0, None]})
    [1.0, 2.0]
    """
    kind = type(nest)
    if kind in LEAVES:  # a third faster than the call of `children`
        return [nest]
    if kind is list or kind is tuple:
        parts: Iterable[Any] = nest
    else:
        inner = children(nest)
        if inner is None:
            return [nest]
        parts = inner.values()
    return [leaf for part in parts for leaf in tree_leaves(part)]


def leaves_with_paths(nest: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Yield each leaf of a pytree with its path, a Python expression that begins with `where`.

    >>> list(leaves_with_paths({"a": 1.0, "b": [2.0, None]}, "args[0]"))
    [("args[0]['a']", 1.0), ("args[0]['b'][0]", 2.0)]
    """
    inner = None if type(nest) in LEAVES else children(nest)
    if inner is None:
        yield where, nest
    else:
        for key, part in inner.items():
            yield from leaves_with_paths(part, where + _path_step(nest, key))


def leaves_with_keys(
    nest: Any, keys: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield each leaf of a pytree with the keys that lead to it, after `keys`.

    >>> list(leaves_with_keys({"a": 1.0, "b": [2.0, None]}))
    [(('a',), 1.0), (('b', 0), 2.0)]
    """
    inner = children(nest)
    if inner is None:
        yield keys, nest
    else:
        for key, part in inner.items():
            yield from leaves_with_keys(part, (*keys, key))


def zip_with_paths(nest: Any, other: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the path, the leaf of `nest` and the item of `other` for each leaf of `nest`.

    Parameters
    ----------
    nest : pytree
        The pytree whose leaves are yielded.
    other : pytree
        A pytree of the same structure; its items may be pytrees themselves.
    where : str
        The name of `other`, with which each path begins.

    Raises
    ------
    RefusedError
        The two differ in their types or keys.

    Examples
    --------
    >>> list(zip_with_paths({"a": 1.0, "b": 2.0}, {"b": 20.0, "a": 10.0}, "tangents"))
    [("tangents['a']", 1.0, 10.0), ("tangents['b']", 2.0, 20.0)]
    """
    if type(nest) in LEAVES:  # a third faster than the call of `children`
        yield where, nest, other
        return
    inner, others = children(nest), children(other)
    if inner is None:
        yield where, nest, other
    elif others is None or type(other) is not type(nest) or others.keys() != inner.keys():
        raise RefusedError(
            f"{where} is {describe_tree(other)}, but stands for {describe_tree(nest)}. Give the "
            f"same nest."
        )
    else:
        for key, part in inner.items():
            yield from zip_with_paths(part, others[key], where + _path_step(nest, key))


def _path_step(nest: Any, key: Any) -> str:
    """Return the attribute access or the subscript that leads to a child."""
    return f"[{key!r}]" if isinstance(nest, list | tuple | dict) else f".{key}"


def describe_tree(nest: Any) -> str:
    """Return a short description of a pytree, for messages.

    >>> describe_tree([1.0, 2.0]), describe_tree({"a": 1.0})
    ('a list of 2', "a dict of 1 ['a']")
    >>> describe_tree(None), describe_tree(1.0)
    ('None', 'a float')
    """
    inner, kind = children(nest), type(nest).__name__
    if inner is None or nest is None:
        return "None" if nest is None else f"a {kind}"
    keys = "" if isinstance(nest, list | tuple) else f" {printable(repr(list(inner)))}"
    return f"a {kind} of {len(inner)}{keys}"
