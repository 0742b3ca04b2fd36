"""One use of a node, as its link reads it: by which op, among which shapes and constants."""

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...program.steps import Operand
from ..sparsity_pattern import Pattern, grouped, picked

Link = tuple[Pattern, ...]
"""Patterns whose product, read from right to left, covers the Jacobian of an op by one operand; none of them: the identity."""


class Use(NamedTuple):
    """One use of a node: by which op, at which position, among what; with the shapes of all."""

    op: Any
    k: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shapes: list[Any]
    y_shape: Any

    @property
    def shape(self) -> Any:
        """Of the operand; a tuple of shapes where it has several outputs."""
        return self.shapes[self.k]

    @property
    def size(self) -> int:
        """How many elements the operand has."""
        return size_of(self.shape)

    def constant(self, j: int) -> bool:
        """Whether there is a constant at position j."""
        return j < len(self.args) and type(self.args[j]) is not Operand

    def keyword(self, name: str, default: Any = None) -> Any:
        """A keyword of the call."""
        return self.kwargs.get(name, default)


def size_of(shape: Any) -> int:
    """How many elements a value of this shape has; all of them, where it is a tuple of values."""
    return sum(map(size_of, shape)) if several(shape) else prod(shape)


def several(shape: Any) -> bool:
    """Whether it is the shapes of several outputs."""
    return bool(shape) and isinstance(shape[0], tuple)


def numbers(shape: Any) -> Any:
    """The number of each element."""
    return np.arange(prod(shape)).reshape(shape)


def over_outputs(y_shape: Any, labels: Callable[[Any], Any]) -> Any:
    """The labels of a result; one output after the other, where there are several."""
    return np.concatenate([np.ravel(labels(shape)) for shape in (y_shape if several(y_shape) else (y_shape,))])


def everything(use: Use) -> Link:
    """Each element of the result depends on each of the operand."""
    return picked(np.zeros(size_of(use.y_shape), int), 1), grouped(np.zeros(use.size, int), 1)
