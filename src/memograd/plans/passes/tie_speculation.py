"""Speculation that no elements tie at a kink.

`g * where(tie, 0.5, a > b)` takes three arrays. If no element of `tie` holds, as one look at the
mask tells, it is `g * (a > b)`, to the same bits.
"""

import numpy as np

from ...program.steps import Operand
from ..ir import Graph, GraphBuilder, Instruction, count_uses
from ..kernels import unless


def speculate_no_ties(graph: Graph) -> Graph:
    """Replace `where` by `unless`, if only products read it: they take booleans as numbers."""
    if all(instruction.op is not np.where for instruction in graph.instructions.values()):
        return graph
    factors = _find_product_factors(graph)
    builder = GraphBuilder(graph)
    for n, instruction in builder:
        builder.emit(
            n,
            instruction._replace(op=unless)
            if n in factors and _is_mask(builder, instruction)
            else instruction,
        )
    return builder.build()


def _is_mask(builder: GraphBuilder, instruction: Instruction) -> bool:
    """Return whether an instruction is `where(a == b, number, booleans)`, all of one shape."""
    if (
        instruction.op is not np.where
        or len(instruction.args) != 3
        or type(instruction.args[0]) is not Operand
        or type(instruction.args[2]) is not Operand
    ):
        return False
    tie, other = (
        builder.instructions[instruction.args[0]],
        builder.instructions[instruction.args[2]],
    )
    return (
        tie.op is np.equal
        and tie.shape == other.shape == instruction.shape != ()
        and other.dtype == bool
        and type(instruction.args[1]) is float
    )


def _find_product_factors(graph: Graph) -> set[int]:
    """Return the values that are read only as factors of float arrays of their own dtype.

    The other factor is no `where` itself.
    """
    instructions, counts = graph.instructions, count_uses(graph)
    good = dict.fromkeys(instructions, 0)
    for instruction in instructions.values():
        if (
            instruction.op is np.multiply
            and not instruction.kwargs
            and all(type(a) is Operand for a in instruction.args)
        ):
            a, b = instruction.args
            for one, other in ((a, b), (b, a)):
                good[one] += (
                    instructions[other].dtype == instructions[one].dtype == instruction.dtype
                    and instructions[other].op is not np.where
                )
    return {n for n, count in counts.items() if count and good[n] == count}
