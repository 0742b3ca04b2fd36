"""Constants of a program: read-only copies of what stands beside the nodes in a call."""

import weakref
from typing import Any

import numpy as np

from ..arrays.kinds import KindShape, kind_of
from ..arrays.values import as_input, bitwise_equal, frozen_copy, strip_wrappers
from ..errors import NotDifferentiableError, RefusedError
from ..rules.registration import Rule
from ..text import describe
from .conversions import CONSTANT, converts
from .node import Node

NUMBER_KINDS = "biufc"
"""The kinds of dtype that values have."""

IMMUTABLE_TYPES = frozenset(
    {
        float,
        int,
        bool,
        complex,
        str,
        type(None),
        slice,
        type(Ellipsis),
        np.float64,
        np.float32,
        np.int64,
        KindShape,
    }
)
"""Types of constants that nobody can change."""


class Constants:
    """Copies of the array constants of a tape; equal uses of one array share a copy."""

    __slots__ = ("_copies",)

    def __init__(self) -> None:
        # By the id of the array that was given: weak references to it and to its copy.
        self._copies: dict[int, tuple[weakref.ref[Any], weakref.ref[Any]]] = {}

    def freeze(self, a: Any, k: int = -1, rule: Rule | None = None) -> Any:
        """Return a constant as nobody can change it: operand k of an op, or a keyword."""
        if type(a) is np.ndarray:
            return self._share_copy(a)
        if type(a) in IMMUTABLE_TYPES or isinstance(a, np.generic):
            return a
        if isinstance(a, list | tuple):
            items = tuple(map(self.freeze, a))
            is_array = rule is not None and (rule.kind == "elementwise" or rule.pulls[k,])
            return frozen_copy(items) if is_array else items  # rules do arithmetic on operands
        if isinstance(a, Node):
            return self.freeze(_value_of(a))
        a = a if isinstance(a, np.ndarray) else strip_wrappers(a)
        if kind_of(a) is not None:
            return frozen_copy(a)
        return self._share_copy(a) if hasattr(type(a), "__array__") else a

    def _share_copy(self, given: Any) -> Any:
        """Return the copy made before of an array, if it has the same bits still, or make one."""
        a = given if type(given) is np.ndarray else as_input(given)
        if a.dtype.kind not in NUMBER_KINDS:
            raise NotDifferentiableError(
                f"An array of dtype {a.dtype} met a node, but memograd computes on numbers. "
                f"Convert it first."
            )
        known = self._copies.get(id(given))
        if (
            known is not None
            and known[0]() is given
            and (copy := known[1]()) is not None
            and bitwise_equal(copy, a)
        ):
            return copy
        copy = frozen_copy(a)
        if copy is not a and isinstance(copy, np.ndarray):
            key, copies = id(given), self._copies
            copies[key] = weakref.ref(given, lambda _: copies.pop(key, None)), weakref.ref(copy)
        return copy


def _value_of(node: Node) -> Any:
    """Return the value of a node that stands for a constant; raise if it may not be frozen."""
    if converts(node, CONSTANT):
        return node.value
    mode = node.tape.mode
    advice = "Give its .value, if it may be frozen into the program"
    raise RefusedError(
        f"{describe(node.attributes)} stands where memograd takes constants only (in a keyword, "
        f"such as an axis or a shape). {advice if mode.value_readable else mode.hint.rstrip('.')}."
    )
