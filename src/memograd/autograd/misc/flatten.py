"""Pytrees as one vector."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...arrays.pytrees import children, with_children


def flatten(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return a pytree of arrays as one vector, and the function back.

    Parameters
    ----------
    value : array_like, or pytree of them
        Items of dicts are taken in the order of their keys.

    Examples
    --------
    >>> vector, unflatten = flatten({"b": 3.0, "a": np.ones(2)})
    >>> vector, unflatten(2 * vector)
    (array([1., 1., 3.]), {'b': np.float64(6.0), 'a': array([2., 2.])})
    """
    leaves = _leaves(value)
    vector = np.concatenate([np.ravel(a) for a in leaves]) if leaves else np.array([])

    def unflatten(flat: Any) -> Any:
        """Return the pytree of a vector."""
        ends = np.cumsum([0, *(np.size(a) for a in leaves)])
        parts = [
            np.reshape(flat[start:end], np.shape(a)) if np.shape(a) else flat[start]
            for a, start, end in zip(leaves, ends, ends[1:], strict=False)
        ]
        return _fill_by_keys(value, iter(parts))

    return vector, unflatten


def _child_keys(nest: Any) -> list[Any] | None:
    """Return the keys of the children of a pytree, a dict's sorted; None for a leaf."""
    inner = children(nest)
    if inner is None:
        return None
    return sorted(inner) if isinstance(nest, dict) else list(inner)


def _leaves(nest: Any) -> list[Any]:
    keys = _child_keys(nest)
    if keys is None:
        return [nest]
    inner: Any = children(nest)
    return [leaf for key in keys for leaf in _leaves(inner[key])]


def _fill_by_keys(nest: Any, parts: Any) -> Any:
    keys = _child_keys(nest)
    if keys is None:
        return next(parts)
    inner: Any = children(nest)
    new = {key: _fill_by_keys(inner[key], parts) for key in keys}
    return with_children(nest, {key: new[key] for key in inner})


def flatten_func(func: Callable[..., Any], example: Any) -> tuple[Callable[..., Any], Any, Any]:
    """Return `func` as a function between vectors, the function back, and the example's vector."""
    vector, unflatten = flatten(example)

    def flat(x: Any, *args: Any) -> Any:
        return flatten(func(unflatten(x), *args))[0]

    return flat, unflatten, vector
