"""Lifting of constants: every array of a graph becomes a bound value."""

from typing import Any

import numpy as np

from ...arrays.kinds import kind_of
from ...program.steps import Operand
from ..ir import Graph, GraphBuilder

NO_ARRAYS = frozenset({Operand, float, int, bool, complex, str, slice, tuple, type(None)})
"""Types of most arguments, of which `kind_of` need not be asked."""


def is_array(a: Any) -> bool:
    """Return whether an argument is an array of any kind."""
    return type(a) is np.ndarray or kind_of(a) is not None


def lift_constants(graph: Graph) -> Graph:
    """Turn each array among the arguments into a bound value."""
    builder, known = GraphBuilder(graph), dict[int, Operand]()
    for n, instruction in builder:
        arrays = {id(a): a for a in instruction.args if type(a) not in NO_ARRAYS and is_array(a)}
        if arrays:
            known.update({key: builder.bind(a) for key, a in arrays.items() if key not in known})
            instruction = instruction._replace(
                args=tuple(known.get(id(a), a) if id(a) in arrays else a for a in instruction.args)
            )
        builder.emit(n, instruction)
    return builder.build()
