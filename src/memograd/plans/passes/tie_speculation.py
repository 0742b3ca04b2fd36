"""At a kink, half of the cotangent; but ties are rare, and one look at the mask tells that there are none.

`g * where(tie, 0.5, a > b)` is three arrays; where no element of `tie` holds, it is `g * (a > b)`, to the same bits.
"""

import numpy as np

from ...program.steps import Operand
from ..ir import Graph, GraphBuilder, Instruction, count_uses
from ..kernels import unless


def speculate_no_ties(graph: Graph) -> Graph:
    """The slice with `unless` for `where`, if only products read it: they take booleans as they take numbers."""
    if all(step.op is not np.where for step in graph.steps.values()):
        return graph
    factors = _used_by_products_only(graph)
    draft = GraphBuilder(graph)
    for n, step in draft:
        draft.keep(n, step._replace(op=unless) if n in factors and _is_mask(draft, step) else step)
    return draft.build()


def _is_mask(draft: GraphBuilder, step: Instruction) -> bool:
    """Whether a step is `where(a == b, number, booleans)`, all of one shape."""
    if step.op is not np.where or len(step.args) != 3 or type(step.args[0]) is not Operand or type(step.args[2]) is not Operand:
        return False
    tie, other = draft.steps[step.args[0]], draft.steps[step.args[2]]
    return tie.op is np.equal and tie.shape == other.shape == step.shape != () and other.dtype == bool and type(step.args[1]) is float


def _used_by_products_only(graph: Graph) -> set[int]:
    """The steps that are read as a factor of a float array of their own dtype, itself no `where`, and not otherwise."""
    steps, counts = graph.steps, count_uses(graph)
    good = dict.fromkeys(steps, 0)
    for step in steps.values():
        if step.op is np.multiply and not step.kwargs and all(type(a) is Operand for a in step.args):
            a, b = step.args
            for one, other in ((a, b), (b, a)):
                good[one] += steps[other].dtype == steps[one].dtype == step.dtype and steps[other].op is not np.where
    return {n for n, count in counts.items() if count and good[n] == count}
