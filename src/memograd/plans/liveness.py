"""When an array is read for the last time: then the next result may be written into its memory, or its memory is let go.

A buffer may be overwritten only if a ufunc of the plan allocated it with exactly the result's shape and dtype, and neither it
nor anything that may view it is read later or given out. Nothing is kept between calls.
"""

import math
from collections import defaultdict

import numpy as np

from ..rules.cost_model import bytes_of
from .ir import Graph, Instruction, has_foreign_arrays, operands
from .op_traits import c_ordered_steps, is_new, roots

SMALL_ARRAY_BYTES = 8192
"""Bytes up to which memory is cheaper than what it takes to use it again."""


ROUNDED_DIFFERENTLY_IN_PLACE: frozenset[np.ufunc] = frozenset({np.multiply, np.square})
"""Ufuncs whose results for complex numbers may be rounded otherwise where they lie in the memory of an operand."""


class BufferPlan:
    """What becomes of the arrays of a slice.

    Attributes
    ----------
    roots : dict of int to set of int
        For a step, those whose memory its result may lie in.
    out : dict of int to int
        For a step, the operand whose memory takes its result.
    gone : dict of int to list of int
        After a step, the arrays that nobody reads any more.
    whole : set of int
        The steps of blocks whose results are arrays as a whole.
    """

    def __init__(self, graph: Graph) -> None:
        self.steps = graph.steps
        self.roots, self.ordered = roots(graph), c_ordered_steps(graph)
        self.last = last_reads_of_arrays(graph, self.roots)
        self.block = {n: block for block in graph.blocks for n in block}
        self.whole = self._whole(graph)
        self.out: dict[int, int] = {}
        for n, step in graph.steps.items() if not has_foreign_arrays(graph) else ():
            operand = self._overwritten(n, step)
            if operand is not None:
                self.out[n] = operand
        self.gone = self._gone(graph)

    def _whole(self, graph: Graph) -> set[int]:
        read = {int(a) for n, step in graph.steps.items() for a in operands(step) if self.block.get(a) is not self.block.get(n)}
        return {n for n in self.block if n in read or n in graph.outputs}

    def _overwritten(self, n: int, step: Instruction) -> int | None:
        elementwise = isinstance(step.op, np.ufunc) and step.op.signature is None and step.op.nout == 1
        if n in self.whole or not elementwise or step.kwargs or bytes_of(step.shape, step.dtype) <= SMALL_ARRAY_BYTES or n not in self.ordered:
            return None
        if step.op in ROUNDED_DIFFERENTLY_IN_PLACE and step.dtype.kind == "c":
            return None
        return next((a for a in operands(step) if self._free(a, n, step)), None)

    def _free(self, a: int, n: int, step: Instruction) -> bool:
        """Whether the memory of operand a is the plan's own, fits the result of n, and is read by n for the last time."""
        (root,) = self.roots[a] if len(self.roots[a]) == 1 else (None,)
        own = root == a and is_new(self.steps[a]) and a in self.ordered
        fits = self.steps[a].shape == step.shape and self.steps[a].dtype == step.dtype
        of_block = n not in self.block or (self.block.get(a) is self.block[n] and a not in self.whole)
        return own and fits and of_block and self.last[a] == n

    def _gone(self, graph: Graph) -> dict[int, list[int]]:
        """After each step, the variables to let go: those of large arrays at their last read, views with them."""
        found: dict[int, list[int]] = defaultdict(list)
        read: dict[int, int] = {}
        for n, step in graph.steps.items():
            read.update(dict.fromkeys(operands(step), self.block[n][-1] if n in self.block else n))
        for a, step in graph.steps.items():
            kept = step.op is None or a in graph.outputs or (a in self.block and a not in self.whole)
            if a in read and not kept and bytes_of(step.shape, step.dtype) > SMALL_ARRAY_BYTES:
                found[read[a]].append(a)
        return found


def last_reads_of_arrays(graph: Graph, roots: dict[int, frozenset[int]]) -> dict[int, float]:
    """For each array, the last step that reads it or anything that may view it; infinity where it is given out."""
    last: dict[int, float] = dict.fromkeys(graph.steps, -1)
    for n, step in graph.steps.items():
        for a in operands(step):
            for root in roots[a]:
                last[root] = n
    for n in graph.outputs:
        for root in roots[n]:
            last[root] = math.inf
    return last
