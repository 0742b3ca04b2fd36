"""Tuples with other items, and what else autograd's `util` has."""

from collections.abc import Callable, Iterable
from typing import Any

from .conventions import missing

INSTEAD = {
    "toposort": "Use networkx.topological_sort of tape.graph.",
    "quick_grad_check": "Use test_util.check_grads.",
}


def __getattr__(name: str) -> Any:
    missing("util", name, INSTEAD)


def subvals(x: Iterable[Any], ivs: Iterable[tuple[int, Any]]) -> tuple[Any, ...]:
    """Return a tuple with other items at some positions.

    >>> subvals((1, 2, 3), [(0, 10), (2, 30)])
    (10, 2, 30)
    """
    items = list(x)
    for k, item in ivs:
        items[k] = item
    return tuple(items)


def subval(x: Iterable[Any], i: int, v: Any) -> tuple[Any, ...]:
    """Return a tuple with another item at one position."""
    return subvals(x, [(i, v)])


def func(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that a method is: since Python 3, itself."""
    return f
