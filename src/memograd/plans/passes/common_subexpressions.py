"""Common subexpressions: equal steps are run once.

Exact, since a product of two arrays that have become one reads a copy of it: `A.T @ A` on one
buffer takes another path through BLAS than on two, to other bits.
"""

from typing import Any

import numpy as np

from ...program.steps import Operand
from ...rules.call_binding import NOTHING
from ..ir import Graph, GraphBuilder, Instruction
from ..op_traits import is_own, roots

PRODUCTS: frozenset[Any] = frozenset(
    {np.matmul, np.dot, np.inner, np.vdot, np.tensordot, np.einsum, np.linalg.multi_dot}
)


def eliminate_common_subexpressions(graph: Graph) -> Graph:
    """Return the slice with one step for all that are equal; those of the user's own ops stay as
    often as they were recorded.
    """
    draft, known = GraphBuilder(graph), dict[Any, int]()
    memory = roots(graph) if any(step.op in PRODUCTS for step in graph.steps.values()) else {}
    for n, step in draft:
        key = None if step.op is None or is_own(step.op) else key_of(step)
        if key is not None and known.setdefault(key, n) != n:
            draft.replace(n, known[key])
        else:
            draft.keep(n, _copy_operands(draft, memory, n, step) if step.op in PRODUCTS else step)
    return draft.build()


def _copy_operands(
    draft: GraphBuilder, memory: dict[int, frozenset[int]], n: int, step: Instruction
) -> Instruction:
    """Return a product with a copy of each operand that lies in the memory of another by now, and
    did not before.
    """
    args, others = list(step.args), list[tuple[frozenset[int], set[int]]]()
    for k, a in enumerate(draft.slice.steps[n].args):
        if type(a) is Operand:
            before, now = memory[a], {int(draft.instead.get(root, root)) for root in memory[a]}
            if any(before.isdisjoint(b) and not now.isdisjoint(c) for b, c in others):
                args[k] = draft.make(
                    draft.steps[args[k]]._replace(op=np.copy, args=(args[k],), kwargs=NOTHING)
                )
            others.append((before, now))
    return step._replace(args=tuple(args)) if args != list(step.args) else step


def key_of(step: Instruction) -> Any:
    """Return what two steps that give the same bits have in common."""
    kwargs = (
        tuple((name, atom(a)) for name, a in sorted(step.kwargs.items())) if step.kwargs else ()
    )
    return (
        step.op,
        tuple([a if type(a) is Operand else atom(a) for a in step.args]),
        kwargs,
        step.dtype,
    )


ATOMS = frozenset({int, bool, str, bytes, type(None), type(Ellipsis), type})
"""Types whose equal values are the same in all respects."""


def atom(a: Any) -> Any:
    """Return a constant as a part of a key: by type and bits where these say all, else as the
    object that it is.

    Zeros of two signs are equal, and so are frozensets of 1 and of True, but they are not the same
    constant.
    """
    if type(a) is tuple:
        return tuple, tuple(map(atom, a))
    if type(a) is slice:
        return slice, atom(a.start), atom(a.stop), atom(a.step)
    if isinstance(a, np.generic):
        return type(a), a.dtype, a.tobytes()
    if type(a) in (float, complex):
        return type(a), repr(a)
    if type(a) is frozenset:
        return frozenset, frozenset(map(atom, a))
    if isinstance(a, np.dtype):
        return np.dtype, a
    return (type(a), a) if type(a) in ATOMS else Itself(a)


class Itself:
    """Object as a part of a key: equal to itself alone. It is held, so that no other takes its
    place in memory.
    """

    __slots__ = ("object",)

    def __init__(self, object: Any) -> None:
        self.object = object

    def __eq__(self, other: Any) -> bool:
        return type(other) is Itself and other.object is self.object

    def __hash__(self) -> int:
        return id(self.object)
