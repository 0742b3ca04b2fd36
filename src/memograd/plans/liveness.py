"""Liveness analysis: which buffers a result may reuse, and when arrays are deleted.

A result may overwrite a buffer only if a ufunc of the plan allocated it with exactly the result's
shape and dtype, and if no later instruction or output reads it or a view of it. What survives a
call lies in the plan's arena; see :mod:`memograd.plans.arena`.

References
----------
A. V. Aho, M. S. Lam, R. Sethi, J. D. Ullman: Compilers (2nd ed.), section 9.2.5 (live variables).
"""

import math
from collections import defaultdict

import numpy as np

from ..program.steps import Operand
from ..rules.cost_model import bytes_of
from .ir import Graph, Instruction, has_foreign_arrays, operands
from .op_traits import c_ordered_steps, is_new, roots

SMALL_ARRAY_BYTES = 8192
"""Bytes up to which allocating an array costs less than reusing one."""

TINY_ARRAY_BYTES = 256
"""Bytes up to which deleting an array costs more than it saves in any plan."""

MAX_KEPT_BYTES = 1 << 20
"""Bytes of small arrays that a call may keep: they stay in the second-level cache.

With more, small arrays are reused and deleted like large ones. An ODE of 100 steps on 1,000 numbers
keeps 6,500 arrays of 8 KB otherwise, and takes 1.3 to 1.9 times as long.
"""


ROUNDED_DIFFERENTLY_IN_PLACE: frozenset[np.ufunc] = frozenset({np.multiply, np.square})
"""Ufuncs that may round complex results otherwise when they write into an operand."""


class BufferPlan:
    """Liveness of the arrays of a graph, and which buffers their successors reuse.

    Code generation reads it; passes and tests can ask for it alone.

    Attributes
    ----------
    roots : dict of int to set of int
        For an instruction, those whose memory its result may lie in.
    reuses : dict of int to int
        For an instruction, the operand whose buffer takes its result.
    dead_after : dict of int to list of int
        After an instruction, the large arrays that nothing reads any more.
    """

    def __init__(self, graph: Graph) -> None:
        self.instructions = graph.instructions
        self.largest_kept = largest_kept(graph)
        self.roots, self.c_ordered = roots(graph), c_ordered_steps(graph)
        self.last_reads = last_reads_of_arrays(graph, self.roots)
        self.reuses: dict[int, int] = {}
        for n, instruction in graph.instructions.items() if not has_foreign_arrays(graph) else ():
            operand = self._find_reusable(n, instruction)
            if operand is not None:
                self.reuses[n] = operand
        self.dead_after = self._find_dead(graph)

    def _find_reusable(self, n: int, instruction: Instruction) -> int | None:
        elementwise = (
            isinstance(instruction.op, np.ufunc)
            and instruction.op.signature is None
            and instruction.op.nout == 1
        )
        if (
            not elementwise
            or instruction.kwargs.keys() - {"order"}
            or bytes_of(instruction.shape, instruction.dtype) <= self.largest_kept
            or n not in self.c_ordered
        ):
            return None
        if instruction.op in ROUNDED_DIFFERENTLY_IN_PLACE and instruction.dtype.kind == "c":
            return None
        return next((a for a in operands(instruction) if self._free(a, n, instruction)), None)

    def _free(self, a: int, n: int, instruction: Instruction) -> bool:
        """Return whether the result of n may overwrite operand a.

        The plan allocated a's memory, it fits, and n reads it for the last time.
        """
        (root,) = self.roots[a] if len(self.roots[a]) == 1 else (None,)
        own = root == a and is_new(self.instructions[a]) and a in self.c_ordered
        fits = (
            self.instructions[a].shape == instruction.shape
            and self.instructions[a].dtype == instruction.dtype
        )
        return own and fits and self.last_reads[a] == n

    def _find_dead(self, graph: Graph) -> dict[int, list[int]]:
        """Return the large arrays that are dead after each instruction, with their views."""
        result: dict[int, list[int]] = defaultdict(list)
        read: dict[int, int] = {}
        outputs = set(graph.outputs)
        for n, instruction in graph.instructions.items():
            for a in instruction.args:
                if type(a) is Operand:
                    read[a] = n
        for a, instruction in graph.instructions.items():
            kept = instruction.op is None or a in outputs
            if (
                a in read
                and not kept
                and bytes_of(instruction.shape, instruction.dtype) > self.largest_kept
            ):
                result[read[a]].append(a)
        return result


def largest_kept(graph: Graph) -> int:
    """Return the bytes up to which an array of this graph is neither reused nor deleted."""
    sizes = (
        bytes_of(instruction.shape, instruction.dtype)
        for instruction in graph.instructions.values()
        if instruction.op is not None and is_new(instruction)
    )
    kept = sum(size for size in sizes if size <= SMALL_ARRAY_BYTES)
    return SMALL_ARRAY_BYTES if kept <= MAX_KEPT_BYTES else min(SMALL_ARRAY_BYTES, TINY_ARRAY_BYTES)


def last_reads_of_arrays(graph: Graph, roots: dict[int, frozenset[int]]) -> dict[int, float]:
    """Return for each array the last instruction that reads it or a view; infinity for outputs."""
    last: dict[int, float] = dict.fromkeys(graph.instructions, -1)
    for n, instruction in graph.instructions.items():
        for a in operands(instruction):
            for root in roots[a]:
                last[root] = n
    for n in graph.outputs:
        for root in roots[n]:
            last[root] = math.inf
    return last
