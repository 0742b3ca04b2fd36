"""What is known of an op's results without running it: whose memory they lie in, in which order, of
which shape.

A plan trusts these facts, so each errs on the safe side: what is not known to be new memory may be
a view of any operand, what is not known to lie in C order may lie in any, and an op of the user's
own is held to what was recorded.
"""

from typing import Any

import numpy as np

from ..rules.indexing import getitem, masked, replace, scatter
from ..rules.registration import rule_of
from .ir import Graph, Instruction, operands
from .kernels import inner, scatter_numbers, unless
from .scalar.machine import on_machine

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
    scatter_numbers,
    on_machine,
}
"""Functions whose result lies in memory of its own, in C order where their operands do.

Ufuncs are of that kind, too.
"""

MOVED: frozenset[Any] = frozenset({np.reshape, np.ravel, np.squeeze, np.expand_dims, np.transpose})
"""Functions whose result has no gaps where their operand has none, be it a view or a copy."""

SETTLED = REDUCTIONS | {inner, on_machine}
"""Functions that give a NumPy scalar, no array, where the result is 0-d. Ufuncs do, too."""

VARYING: frozenset[Any] = frozenset(
    {
        masked,
        np.compress,
        np.extract,
        np.nonzero,
        np.flatnonzero,
        np.argwhere,
        np.repeat,
        np.unique,
        np.bincount,
        np.trim_zeros,
        np.linalg.eig,
        np.linalg.eigvals,
        np.linalg.lstsq,
        np.real_if_close,
    }
)
"""Functions whose result may have another shape or dtype for other values of the same shapes and
dtypes.
"""

ELEMENTWISE: frozenset[Any] = frozenset(
    f for f in vars(np).values() if isinstance(f, np.ufunc) and f.signature is None and f.nout == 1
)
"""Ufuncs that give each element of the result from the elements at its place."""

HALF = np.dtype(np.float16)

SUM_OF_NEGATIVE_ZEROS = np.sum(np.full(2, -0.0))
"""0.0 where NumPy starts a sum at 0.0, as it does; −0.0 where it starts at the first term."""

KERNELS: frozenset[Any] = frozenset({inner, scatter_numbers, unless, on_machine})
"""Functions that only plans call, and that have no rules."""


def is_new(step: Instruction) -> bool:
    """Return whether the result lies in memory that nothing else holds."""
    return isinstance(step.op, np.ufunc) or step.op in NEW


def is_own(op: Any) -> bool:
    """Return whether an op is the user's, of which nothing is known but what was recorded: who
    registered it decides.
    """
    return op not in KERNELS and not rule_of(op).pure


def run_instruction_op(op: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return the result of an op or a kernel for a call in canonical form."""
    return op(*args, **kwargs) if op in KERNELS else rule_of(op).run(args, kwargs)


def is_steady(op: Any) -> bool:
    """Return whether shapes and dtypes of the results follow from those of the operands, so that
    they need no check.
    """
    return not is_own(op) and op not in VARYING


def is_scalar(step: Instruction) -> bool:
    """Return whether a 0-d result comes as a NumPy scalar."""
    return isinstance(step.op, np.ufunc) or step.op in SETTLED


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes that a reduction takes, as non-negative ints."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(int(k) % ndim for k in (axis if isinstance(axis, tuple) else (axis,)))


def has_halves(graph: Graph) -> bool:
    """Return whether there are numbers of half precision, whose sums depend on the memory layout in
    more than the last bits.

    NumPy adds up what lies in a row in single precision, and whole rows in half precision.
    """
    dtypes = (step.dtype for step in graph.steps.values())
    return any(HALF in dtype if type(dtype) is tuple else dtype == HALF for dtype in dtypes)


def roots(graph: Graph) -> dict[int, frozenset[int]]:
    """Return for each step, those whose memory its result may lie in: itself, where it is new; its
    operands', where it may be a view.
    """
    found: dict[int, frozenset[int]] = {}
    for n, step in graph.steps.items():
        if step.shape == ():
            found[n] = frozenset()
        elif step.op is None or is_new(step):
            found[n] = frozenset({n})
        else:
            found[n] = frozenset().union(*(found[a] for a in operands(step))) or frozenset({n})
    return found


class Layouts:
    """How the results of steps lie in memory, as far as that is known.

    Attributes
    ----------
    ordered : set of int
        Those whose axes are in C order, if not without gaps.
    dense : set of int
        Those without gaps and repetitions, if not in C order. A ufunc's result lies as such an
        operand does.
    """

    def __init__(self, steps: dict[int, Instruction], bound: dict[int, Any]) -> None:
        self.steps, self.bound = steps, bound
        self.ordered: set[int] = set()
        self.dense: set[int] = set()

    def add(self, n: int, step: Instruction) -> None:
        """Find the layout of a step from those of its operands."""
        for known, holds in (
            (self.ordered, self._is_in_order(n, step)),
            (self.dense, self._is_dense(n, step)),
        ):
            if holds:
                known.add(n)
            else:
                known.discard(n)

    def is_contiguous(self, n: Any) -> bool:
        """Return whether a step's result lies in C order without gaps."""
        return n in self.ordered and n in self.dense

    def _is_in_order(self, n: int, step: Instruction) -> bool:
        if not _has_axes(step) or type(step.shape) is not tuple or step.op is np.matmul:
            return True
        if step.op is None:
            return _lies_in_order(self.bound.get(n))
        made = is_new(step) or _keeps_order(step)
        return made and all(
            a in self.ordered or not _has_axes(self.steps[a]) for a in operands(step)
        )

    def _is_dense(self, n: int, step: Instruction) -> bool:
        if step.shape == () or type(step.shape) is not tuple:
            return True
        if step.op is None:
            flags = getattr(self.bound.get(n), "flags", None)
            return flags is None or bool(flags.c_contiguous or flags.f_contiguous)
        if step.op in MOVED:
            return step.args[0] in self.dense
        return is_new(step) or step.op is np.matmul


def c_ordered_steps(graph: Graph) -> set[int]:
    """Return the steps whose results are known to have their axes in C order, if not without gaps."""
    layouts = Layouts(graph.steps, graph.bound)
    for n, step in graph.steps.items():
        layouts.add(n, step)
    return layouts.ordered


def _lies_in_order(value: Any) -> bool:
    """Return whether a bound array has its axes in C order; an input, which has no value yet, comes
    so.
    """
    return (
        value is None
        or hasattr(value, "strides")
        and list(value.strides) == sorted(value.strides, reverse=True)
    )


def _keeps_order(step: Instruction) -> bool:
    """Return whether a view, of an array in C order, has its axes in the same order."""
    if step.op is getitem:
        return all(
            type(part) in (int, type(None), type(Ellipsis)) or _is_forward(part)
            for part in step.args[1:]
        )
    return step.op in (unless, np.broadcast_to) or (
        step.op in (np.reshape, np.ravel) and step.kwargs.get("order", "C") == "C"
    )


def _is_forward(part: Any) -> bool:
    return isinstance(part, slice) and (part.step is None or part.step > 0)


def _has_axes(step: Instruction) -> bool:
    """Return whether the order of elements in memory can differ: whether there are two axes."""
    return type(step.dtype) is tuple or len(step.shape) > 1
