"""Arrays among the arguments become bound steps, so that every array of a slice is a step."""

import numpy as np

from ...arrays.duck_arrays import is_foreign
from ...program.steps import Operand
from ..ir import Graph, GraphBuilder


def lift_constants(graph: Graph) -> Graph:
    """Return the slice with a bound step for each array constant."""
    draft, known = GraphBuilder(graph), dict[int, Operand]()
    for n, step in draft:
        arrays = {id(a): a for a in step.args if type(a) is np.ndarray or is_foreign(a)}
        if arrays:
            known.update({key: draft.bind(a) for key, a in arrays.items() if key not in known})
            step = step._replace(
                args=tuple(known.get(id(a), a) if id(a) in arrays else a for a in step.args)
            )
        draft.keep(n, step)
    return draft.build()
