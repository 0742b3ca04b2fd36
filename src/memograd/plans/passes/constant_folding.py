"""Constants are computed once, when the plan is made."""

import numpy as np

from ...arrays.values import canonicalize
from ...program.steps import Operand
from ...rules.cost_model import bytes_of
from ..ir import Graph, GraphBuilder, Instruction, operands
from ..op_traits import is_own, run_instruction_op

LARGE_CONSTANT_BYTES = 1 << 20
"""Bytes from which a constant is not made of smaller ones: a plan should not weigh more than what
it was made of.
"""


def fold_constants(graph: Graph) -> Graph:
    """Return the slice with its constant steps as bound values; those of the user's own ops are run
    each time.
    """
    draft = GraphBuilder(graph)
    for n, step in draft:
        draft.keep(n, step)
        if (
            step.op is not None
            and not is_own(step.op)
            and all(a in draft.bound for a in operands(step))
            and _fits(draft, step)
        ):
            args = [draft.bound[a] if type(a) is Operand else a for a in step.args]
            with np.errstate(all="ignore"):
                draft.bound[n] = canonicalize(run_instruction_op(step.op, args, step.kwargs))
            draft.keep(n, Instruction(None, (), step.kwargs, step.shape, step.dtype))
    return draft.build()


def _fits(draft: GraphBuilder, step: Instruction) -> bool:
    size = bytes_of(step.shape, step.dtype)
    return size <= LARGE_CONSTANT_BYTES or size <= sum(
        bytes_of(draft.steps[a].shape, draft.steps[a].dtype) for a in operands(step)
    )
