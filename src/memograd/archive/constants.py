"""Encoding of the constants of a program as JSON, under a tag where JSON has no such value.

Arrays and NumPy's scalars are written as the numbers of items of the archive's packs. A constant
without a tag cannot be saved.
"""

import math
from collections.abc import Callable
from types import NoneType
from typing import Any

import numpy as np

from ..errors import ArchiveError
from ..text import printable
from .op_names import DTYPES, NAMED_TYPES, TYPES, name_to_save
from .validation import check_integer, one, one_of, raise_damaged

Put = Callable[[Any], int]
"""Function that adds an array or a scalar to the items, and returns its number."""

DEEPEST = 16
"""Maximal depth of nested constants."""

WIDEST = 2**64
"""Bound of integers: NumPy computes with none that is larger."""

WHOLE = {"ellipsis": ..., "default": np._NoValue}
"""Constants that are one object each."""


def encode(a: Any, put: Put, ops: dict[str, Any]) -> Any:
    """Encode a constant as JSON."""
    kind = type(a)
    if (
        kind in (bool, str, NoneType)
        or (kind is int and abs(a) < WIDEST)
        or (kind is float and math.isfinite(a))
    ):
        return a
    if kind in (float, complex):
        return {"number": put(np.dtype(kind).type(a))}
    if isinstance(a, np.ndarray | np.generic) and a.dtype in NAMED_TYPES:
        return {"array": put(a)}
    if kind is tuple or kind is list:
        return {kind.__name__: [encode(item, put, ops) for item in a]}
    if kind is slice or kind is range:
        return {kind.__name__: [encode(end, put, ops) for end in (a.start, a.stop, a.step)]}
    return _encode_named(a, ops)


def _encode_named(a: Any, ops: dict[str, Any]) -> Any:
    """Encode a constant that is known by a name."""
    for tag, only in WHOLE.items():
        if a is only:
            return {tag: None}
    if isinstance(a, np.dtype) and a in NAMED_TYPES:
        return {"dtype": NAMED_TYPES[a]}
    if isinstance(a, type) and a in TYPES.values():
        return {"type": f"{a.__module__}.{a.__name__}"}
    if callable(a):
        return {"op": name_to_save(a, ops)}
    raise ArchiveError(
        f"{printable(repr(a))}, a {type(a).__name__}, cannot be saved. Constants are numbers, "
        f"arrays, strings and the like."
    )


class Decoder:
    """Decoder of constants; `items` are the archive's arrays and scalars, `ops` the ops by name."""

    def __init__(self, items: list[Any], ops: dict[str, Any]) -> None:
        self.items, self.ops = items, ops
        self.tags: dict[str, Callable[[Any, int], Any]] = {
            "number": lambda content, depth: self._number(content),
            "array": lambda content, depth: self._item(content),
            "tuple": lambda content, depth: tuple(self._all(content, depth)),
            "list": lambda content, depth: self._all(content, depth),
            "slice": lambda content, depth: slice(*self._all(content, depth, 3)),
            "range": lambda content, depth: self._range(content),
            "dtype": lambda content, depth: one_of(DTYPES, content, "dtype"),
            "type": lambda content, depth: one_of(TYPES, content, "type of numbers"),
            "op": lambda content, depth: one_of(self.ops, content, "registered op"),
        }

    def decode_constant(self, content: Any, depth: int = 0) -> Any:
        """Decode a constant."""
        kind = type(content)
        if kind in (bool, str, NoneType, float):
            return content
        if kind is int:
            return check_integer(content, "a constant", WIDEST, 1 - WIDEST)
        if depth > DEEPEST:
            raise_damaged(f"a constant is nested deeper than {DEEPEST} levels")
        tag, inner = one(content, (*self.tags, *WHOLE))
        return WHOLE[tag] if tag in WHOLE else self.tags[tag](inner, depth)

    def _all(self, content: Any, depth: int, count: int | None = None) -> list[Any]:
        if type(content) is not list or (count is not None and len(content) != count):
            raise_damaged("a constant of several parts has not as many, or is no list")
        return [self.decode_constant(item, depth + 1) for item in content]

    def _range(self, content: Any) -> range:
        ends = self._all(content, 0, 3)
        if not set(map(type, ends)) <= {int} or not ends[2]:
            raise_damaged("a range has ends that are no whole numbers, or steps by 0")
        return range(*ends)

    def _item(self, content: Any) -> Any:
        item = self.items[check_integer(content, "the number of an array", len(self.items), 1)]
        if isinstance(item, tuple):
            raise_damaged("a constant is said to be what is a result")
        return item

    def _number(self, content: Any) -> Any:
        item = self._item(content)
        if not isinstance(item, np.float64 | np.complex128):
            raise_damaged("a number of Python's is said to be what is none")
        return item.item()
