"""Folding of constants: they are computed once, when the plan is made."""

import numpy as np

from ...arrays.values import canonicalize
from ...program.steps import Operand
from ...rules.cost_model import bytes_of
from ..ir import Graph, GraphBuilder, Instruction, operands
from ..op_traits import is_own, run_instruction_op

LARGE_CONSTANT_BYTES = 1 << 20
"""Bytes from which no constant is folded from smaller ones, so that plans stay small."""


def fold_constants(graph: Graph) -> Graph:
    """Compute instructions whose operands are constants, except ops of the user's own."""
    builder = GraphBuilder(graph)
    for n, instruction in builder:
        builder.emit(n, instruction)
        if instruction.op is None or _reads_a_variable(builder, instruction):
            continue
        if not is_own(instruction.op) and _fits(builder, instruction):
            args = [builder.bound[a] if type(a) is Operand else a for a in instruction.args]
            with np.errstate(all="ignore"):
                builder.bound[n] = canonicalize(
                    run_instruction_op(instruction.op, args, instruction.kwargs)
                )
            builder.emit(
                n, Instruction(None, (), instruction.kwargs, instruction.shape, instruction.dtype)
            )
    return builder.build()


def _reads_a_variable(builder: GraphBuilder, instruction: Instruction) -> bool:
    for a in instruction.args:
        if type(a) is Operand and a not in builder.bound:
            return True
    return False


def _fits(builder: GraphBuilder, instruction: Instruction) -> bool:
    size = bytes_of(instruction.shape, instruction.dtype)
    return size <= LARGE_CONSTANT_BYTES or size <= sum(
        bytes_of(builder.instructions[a].shape, builder.instructions[a].dtype)
        for a in operands(instruction)
    )
