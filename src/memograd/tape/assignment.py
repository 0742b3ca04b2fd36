"""Values that leaves are assigned: checked, and brought into the form that the leaf keeps."""

from typing import Any

import numpy as np

from ..arrays.axis_labels import labels_of
from ..arrays.kinds import KindShape, kind_of, lazy_kind
from ..arrays.values import as_input, find_out_of_range, frozen_copy
from ..errors import AssignError, IntegerRangeError
from ..memory.memory import Memory
from ..text import describe, printable
from .node import Node


def value_for_leaf(memory: Memory, n: int, value: Any) -> Any:
    """Return a value as leaf n keeps it; raise unless its shape, kind and labels are the leaf's."""
    step, nodes = memory.steps[n], memory.nodes  # only an error makes the dict of a node
    if step.op is not None:
        raise AssignError(
            f"{describe(nodes[n])} is computed; only leaves can be assigned. Assign to the "
            f"leaves it comes from."
        )
    if isinstance(value, Node):
        raise AssignError(
            f"{describe(nodes[n])} was assigned a node. Give its value: "
            f"{printable(value.name)}.value."
        )
    _check_labels(memory, n, value)
    y = as_input(value)
    if y.shape != step.shape:
        raise AssignError(
            f"{describe(nodes[n])} was assigned a value of shape {y.shape}. The shape is "
            f"part of the program: give a value of shape {step.shape}, or record anew."
        )
    return _fit_array_kind(memory, n, _cast_to_leaf(memory, n, y))


def _check_labels(memory: Memory, n: int, value: Any) -> None:
    """Raise if a value's labels are not those that the leaf was given with."""
    mine, others = memory.nodes.labels.get(n), labels_of(value)
    if mine is not None and others is not None and not mine.match(others):
        raise AssignError(
            f"{describe(memory.nodes[n])} was assigned {printable(repr(value))}, "
            f"whose labels are not those that it came with, "
            f"{printable(str(mine))}. Bring them into line with reindex first; or assign "
            f"the numbers alone, value.to_numpy()."
        )


def _cast_to_leaf(memory: Memory, n: int, y: Any) -> Any:
    """Return a copy in the dtype of a leaf; raise if that is of another kind or too narrow."""
    dtype = memory.steps[n].dtype
    if not np.can_cast(y.dtype, dtype, "same_kind"):
        raise AssignError(
            f"{describe(memory.nodes[n])} was assigned {y.dtype}, another kind of dtype. Convert "
            f"it first: np.astype(value, np.{dtype})."
        )
    if (beyond := find_out_of_range(y, dtype)) is not None:
        raise IntegerRangeError(
            f"{describe(memory.nodes[n])} was assigned {beyond}, which {dtype} does not hold. Give "
            f"integers that fit, or make the leaf anew of a wider dtype."
        )
    return frozen_copy(y if y.dtype == dtype else y.astype(dtype))


def _fit_array_kind(memory: Memory, n: int, y: Any) -> Any:
    """Return a value in the layout of its leaf; raise if it is of another kind of array."""
    shape, kind = memory.steps[n].shape, kind_of(y)
    if type(shape) is KindShape:
        fitted, mine = shape.kind.fit(shape, y), shape.kind.held_name(shape)
    else:
        fitted, mine = (y if kind is None else None), "numpy.ndarray"
    if fitted is None:
        other = "numpy.ndarray" if kind is None else kind.class_name(type(y))
        advice = "Convert it first" if lazy_kind(y) is None else "Give .compute() of it"
        raise AssignError(
            f"{describe(memory.nodes[n])} was assigned a {other}, but holds a {mine}. {advice}."
        )
    return fitted
