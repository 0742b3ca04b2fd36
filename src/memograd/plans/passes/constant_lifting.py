"""Lifting of constants: every array of a graph becomes a bound value."""

import numpy as np

from ...arrays.kinds import kind_of
from ...program.steps import Operand
from ..ir import Graph, GraphBuilder


def lift_constants(graph: Graph) -> Graph:
    """Turn each array among the arguments into a bound value."""
    builder, known = GraphBuilder(graph), dict[int, Operand]()
    for n, instruction in builder:
        arrays = {
            id(a): a for a in instruction.args if type(a) is np.ndarray or kind_of(a) is not None
        }
        if arrays:
            known.update({key: builder.bind(a) for key, a in arrays.items() if key not in known})
            instruction = instruction._replace(
                args=tuple(known.get(id(a), a) if id(a) in arrays else a for a in instruction.args)
            )
        builder.emit(n, instruction)
    return builder.build()
