"""Traits of ops: memory, layout and type of their results, known without running them.

Plans trust these facts, so each errs on the safe side. A result may be a view of any operand unless
it is known to be new memory, and may lie in any order unless that is known. An op of the user's own
must give the recorded shape and dtype.
"""

from typing import Any

import numpy as np

from ..rules.indexing import getitem
from ..rules.registration import RULES, rule_of
from ..rules.traits import NO_TRAITS, Storage, Traits
from .ir import Graph, Instruction, operands
from .kernels import inner, scatter_numbers, sum_before_matmul, sum_before_product
from .machine.machine import machine_result, on_machine

ELEMENTWISE: frozenset[Any] = frozenset(
    f for f in vars(np).values() if isinstance(f, np.ufunc) and f.signature is None and f.nout == 1
)
"""Ufuncs that compute each element of the result from the elements at its place."""

HALF = np.dtype(np.float16)

SUM_OF_NEGATIVE_ZEROS = np.sum(np.full(2, -0.0))
"""0.0 where NumPy starts a sum at 0.0, as it does; −0.0 where it starts at the first term."""

KERNELS: dict[Any, Traits] = {
    inner: Traits(numpy_scalar=True),
    sum_before_product: Traits(storage=Storage.NEW, numpy_scalar=True),
    sum_before_matmul: Traits(storage=Storage.NEW, numpy_scalar=True),
    scatter_numbers: Traits(storage=Storage.NEW, copies_numbers=True),
    on_machine: Traits(storage=Storage.NEW, numpy_scalar=True),
    machine_result: Traits(storage=Storage.NEW, numpy_scalar=True),
}
"""Functions without rules, which only plans call, with their traits."""


def traits_in_plan(op: Any) -> Traits:
    """Return the traits of an op or a kernel."""
    rule = RULES.get(op)
    return KERNELS.get(op, NO_TRAITS) if rule is None else rule.traits


def is_new(instruction: Instruction) -> bool:
    """Return whether the result lies in memory that nothing else holds."""
    # Most instructions are ufuncs: without the shortcut, compilation takes 4 % longer.
    op = instruction.op
    return isinstance(op, np.ufunc) or traits_in_plan(op).storage is Storage.NEW


def is_own(op: Any) -> bool:
    """Return whether an op is the user's, of which a plan knows only what was recorded."""
    rule = RULES.get(op)
    return not rule.pure if rule is not None else op not in KERNELS and not rule_of(op).pure


def run_instruction_op(op: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return the result of an op or a kernel for a call in canonical form."""
    return op(*args, **kwargs) if op in KERNELS else rule_of(op).run(args, kwargs)


def is_steady(op: Any) -> bool:
    """Return whether shapes and dtypes of the results follow from those of the operands."""
    return not is_own(op) and not traits_in_plan(op).value_dependent


def is_scalar(instruction: Instruction) -> bool:
    """Return whether a 0-d result comes as a NumPy scalar."""
    return isinstance(instruction.op, np.ufunc) or traits_in_plan(instruction.op).numpy_scalar


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes of a reduction as non-negative integers."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(int(k) % ndim for k in (axis if isinstance(axis, tuple) else (axis,)))


def has_halves(graph: Graph) -> bool:
    """Return whether a graph has numbers of half precision.

    Their sums depend on the memory layout in more than the last bits.

    NumPy adds up what lies in a row in single precision, and whole rows in half precision.
    """
    dtypes = (instruction.dtype for instruction in graph.instructions.values())
    return any(HALF in dtype if type(dtype) is tuple else dtype == HALF for dtype in dtypes)


def roots(graph: Graph) -> dict[int, frozenset[int]]:
    """Return for each instruction those whose memory its result may lie in.

    That is itself, if it allocates, else the roots of its operands.
    """
    result: dict[int, frozenset[int]] = {}
    for n, instruction in graph.instructions.items():
        if instruction.shape == ():
            result[n] = frozenset()
        elif instruction.op is None or is_new(instruction):
            result[n] = frozenset({n})
        else:
            result[n] = frozenset().union(*(result[a] for a in operands(instruction))) or frozenset(
                {n}
            )
    return result


class Layouts:
    """Memory layouts of the results of instructions, as far as they are known.

    Attributes
    ----------
    ordered : set of int
        Those whose axes are in C order, perhaps with gaps.
    dense : set of int
        Those without gaps and repetitions, perhaps not in C order. The result of a ufunc lies as
        such an operand does.
    """

    def __init__(self, instructions: dict[int, Instruction], bound: dict[int, Any]) -> None:
        self.instructions, self.bound = instructions, bound
        self.ordered: set[int] = set()
        self.dense: set[int] = set()

    def add(self, n: int, instruction: Instruction) -> None:
        """Derive the layout of a result from those of its operands."""
        if instruction.shape == ():
            self.ordered.add(n)
            self.dense.add(n)
            return
        for known, holds in (
            (self.ordered, self._is_in_order(n, instruction)),
            (self.dense, self._is_dense(n, instruction)),
        ):
            if holds:
                known.add(n)
            else:
                known.discard(n)

    def is_contiguous(self, n: Any) -> bool:
        """Return whether a result lies in C order without gaps."""
        return n in self.ordered and n in self.dense

    def _is_in_order(self, n: int, instruction: Instruction) -> bool:
        if (
            not _has_axes(instruction)
            or type(instruction.shape) is not tuple
            or instruction.op is np.matmul
            or (isinstance(instruction.op, np.ufunc) and instruction.kwargs == {"order": "C"})
        ):
            return True
        if instruction.op is None:
            return _lies_in_order(self.bound.get(n))
        keeps_order = is_new(instruction) or _keeps_order(instruction)
        return keeps_order and all(
            a in self.ordered or not _has_axes(self.instructions[a]) for a in operands(instruction)
        )

    def _is_dense(self, n: int, instruction: Instruction) -> bool:
        if instruction.shape == () or type(instruction.shape) is not tuple:
            return True
        if instruction.op is None:
            flags = getattr(self.bound.get(n), "flags", None)
            return flags is None or bool(flags.c_contiguous or flags.f_contiguous)
        if is_new(instruction):
            return True
        return traits_in_plan(instruction.op).keeps_density and instruction.args[0] in self.dense


def c_ordered_steps(graph: Graph) -> set[int]:
    """Return the instructions whose results have their axes in C order, perhaps with gaps."""
    layouts = Layouts(graph.instructions, graph.bound)
    for n, instruction in graph.instructions.items():
        layouts.add(n, instruction)
    return layouts.ordered


def _lies_in_order(value: Any) -> bool:
    """Return whether a bound array has its axes in C order, as each input has."""
    if value is None or not hasattr(value, "strides"):
        return value is None
    strides = [stride for stride, n in zip(value.strides, value.shape, strict=True) if n != 1]
    return strides == sorted(strides, reverse=True)


def _keeps_order(instruction: Instruction) -> bool:
    """Return whether a view of an array in C order has its axes in the same order."""
    if instruction.op is getitem:
        return all(
            type(part) in (int, type(None), type(Ellipsis)) or _is_forward(part)
            for part in instruction.args[1:]
        )
    return instruction.op in (np.broadcast_to, np.squeeze, np.expand_dims) or (
        instruction.op in (np.reshape, np.ravel) and instruction.kwargs.get("order", "C") == "C"
    )


def _is_forward(part: Any) -> bool:
    return isinstance(part, slice) and (part.step is None or part.step > 0)


def _has_axes(instruction: Instruction) -> bool:
    """Return whether there are two axes, so that the order in memory can differ."""
    return type(instruction.dtype) is tuple or len(instruction.shape) > 1
