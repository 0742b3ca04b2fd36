"""Tuples with other items, as autograd's `util` has them."""

from collections.abc import Iterable
from typing import Any


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
