"""Use of a node by an op, as the pattern rules read it, and patterns that several of them share."""

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...program.steps import Operand
from ..sparsity_pattern import Pattern, grouping_pattern, selection_pattern

PatternFactors = tuple[Pattern, ...]
"""Patterns whose product, read from right to left, covers the Jacobian of an op by one operand.

The empty tuple is the identity.
"""


class OperandUse(NamedTuple):
    """Use of a node as an operand.

    Attributes
    ----------
    op : callable
        The op that uses the node.
    k : int
        Position of the operand.
    args, kwargs
        Arguments of the call.
    shapes : list of tuple
        Shape of each argument.
    y_shape : tuple
        Shape of the result.
    """

    op: Any
    k: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shapes: list[Any]
    y_shape: Any

    @property
    def shape(self) -> Any:
        """Shape of the operand; a tuple of shapes if it has several outputs."""
        return self.shapes[self.k]

    @property
    def size(self) -> int:
        """Number of elements of the operand."""
        return element_count(self.shape)

    def constant(self, j: int) -> bool:
        """Return whether the argument at position j is a constant."""
        return j < len(self.args) and type(self.args[j]) is not Operand

    def keyword(self, name: str, default: Any = None) -> Any:
        """Return a keyword argument of the call, or its default."""
        return self.kwargs.get(name, default)


def element_count(shape: Any) -> int:
    """Return the number of elements of a value, or of all values of a tuple."""
    return sum(map(element_count, shape)) if has_several_outputs(shape) else prod(shape)


def has_several_outputs(shape: Any) -> bool:
    """Return whether a shape is the tuple of the shapes of several outputs."""
    return bool(shape) and isinstance(shape[0], tuple)


def element_numbers(shape: Any) -> Any:
    """Return the index of each element in C order, as an array of that shape."""
    return np.arange(prod(shape)).reshape(shape)


def labels_over_outputs(y_shape: Any, labels: Callable[[Any], Any]) -> Any:
    """Return the labels of a result, flat; those of several outputs one after the other."""
    return np.concatenate(
        [
            np.ravel(labels(shape))
            for shape in (y_shape if has_several_outputs(y_shape) else (y_shape,))
        ]
    )


def full_pattern(use: OperandUse) -> PatternFactors:
    """Let each element of the result depend on each element of the operand."""
    return selection_pattern(np.zeros(element_count(use.y_shape), int), 1), grouping_pattern(
        np.zeros(use.size, int), 1
    )
