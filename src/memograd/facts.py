"""What is known of an op's results without running it: whose memory they lie in, in which order, of which shape.

A plan trusts these facts, so each errs on the safe side: what is not known to be new memory may be a view of any operand,
what is not known to lie in C order may lie in any, and an op of the user's own is held to what was recorded.
"""

from typing import Any

import numpy as np

from .fused import placed, row, unless
from .machine import on_machine
from .rules.indexing import getitem, masked, replace, scatter
from .slices import Slice, Step, operands

REDUCTIONS: frozenset[Any] = frozenset({np.sum, np.max, np.min, np.mean, np.prod, np.any, np.all})

NEW: frozenset[Any] = REDUCTIONS | {
    np.where,
    np.concatenate,
    np.stack,
    np.zeros,
    np.ones,
    np.copy,
    np.cumsum,
    replace,
    scatter,
    row,
    placed,
    on_machine,
}
"""Functions whose result lies in memory of its own, in C order where their operands do. Ufuncs are of that kind, too."""

SETTLED = REDUCTIONS | {on_machine}
"""Functions that give a NumPy scalar, no array, where the result is 0-d. Ufuncs do, too."""

VARYING: frozenset[Any] = frozenset({
    masked, np.compress, np.extract, np.nonzero, np.flatnonzero, np.argwhere, np.repeat, np.unique, np.bincount, np.trim_zeros,
    np.linalg.eig, np.linalg.eigvals, np.linalg.lstsq, np.real_if_close,
})  # fmt: skip
"""Functions whose result may have another shape or dtype for other values of the same shapes and dtypes."""

ELEMENTWISE: frozenset[Any] = frozenset(f for f in vars(np).values() if isinstance(f, np.ufunc) and f.signature is None and f.nout == 1)
"""Ufuncs that give each element of the result from the elements at its place."""

OURS = ("numpy", f"{__package__}.rules", f"{__package__}.fused", f"{__package__}.machine")


def is_new(step: Step) -> bool:
    """Whether the result lies in memory that nothing else holds."""
    return isinstance(step.op, np.ufunc) or step.op in NEW


def is_own(op: Any) -> bool:
    """Whether an op is the user's, of which nothing is known but what was recorded."""
    return not isinstance(op, np.ufunc) and not (getattr(op, "__module__", None) or "").startswith(OURS)


def is_steady(op: Any) -> bool:
    """Whether shapes and dtypes of the results follow from those of the operands, so that they need no check."""
    return not is_own(op) and op not in VARYING


def is_scalar(step: Step) -> bool:
    """Whether a 0-d result comes as a NumPy scalar."""
    return isinstance(step.op, np.ufunc) or step.op in SETTLED


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes that a reduction takes, as non-negative ints."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(int(k) % ndim for k in (axis if isinstance(axis, tuple) else (axis,)))


def roots(slice: Slice) -> dict[int, frozenset[int]]:
    """For each step, those whose memory its result may lie in: itself, where it is new; its operands', where it may be a view."""
    found: dict[int, frozenset[int]] = {}
    for n, step in slice.steps.items():
        if step.shape == ():
            found[n] = frozenset()
        elif step.op is None or is_new(step):
            found[n] = frozenset({n})
        else:
            found[n] = frozenset().union(*(found[a] for a in operands(step))) or frozenset({n})
    return found


def in_order(slice: Slice) -> set[int]:
    """The steps whose results are known to have their axes in C order, if not without gaps."""
    steps, known = slice.steps, set[int]()
    for n, step in steps.items():
        if not _has_axes(step) or step.op is np.matmul or (step.op is None and _lies_in_order(slice.bound.get(n))):
            known.add(n)
        elif (is_new(step) or _keeps_order(step)) and all(a in known or not _has_axes(steps[a]) for a in operands(step)):
            known.add(n)
    return known


def _lies_in_order(value: Any) -> bool:
    """Whether a bound array has its axes in C order; an input, which has no value yet, comes so."""
    return value is None or hasattr(value, "strides") and list(value.strides) == sorted(value.strides, reverse=True)


def _keeps_order(step: Step) -> bool:
    """Whether a view, of an array in C order, has its axes in the same order."""
    if step.op is getitem:
        return all(type(part) in (int, type(None), type(Ellipsis)) or _is_forward(part) for part in step.args[1:])
    return step.op in (unless, np.broadcast_to) or (step.op in (np.reshape, np.ravel) and step.kwargs.get("order", "C") == "C")


def _is_forward(part: Any) -> bool:
    return isinstance(part, slice) and (part.step is None or part.step > 0)


def _has_axes(step: Step) -> bool:
    """Whether the order of elements in memory can differ: whether there are two axes."""
    return type(step.dtype) is tuple or len(step.shape) > 1
