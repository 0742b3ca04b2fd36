"""Common subexpressions: equal steps are run once.

Not under `matmul`, `A.T @ A` on one buffer takes another path through BLAS than on two, to other bits.
"""

from typing import Any

import numpy as np

from ..facts import is_own
from ..program import Operand
from ..slices import Draft, Slice, Step


def shared(slice: Slice) -> Slice:
    """The slice with one step for all that are equal; those of the user's own ops stay as often as they were recorded."""
    draft, known = Draft(slice), dict[Any, int]()
    for n, step in draft:
        key = None if step.op is None or is_own(step.op) else key_of(step)
        if key is not None and known.setdefault(key, n) != n:
            draft.replace(n, known[key])
        else:
            draft.keep(n, step)
    return draft.finished()


def key_of(step: Step) -> Any:
    """What two steps that give the same bits have in common."""
    kwargs = tuple((name, atom(a)) for name, a in sorted(step.kwargs.items())) if step.kwargs else ()
    return step.op, tuple([a if type(a) is Operand else atom(a) for a in step.args]), kwargs, step.dtype


def atom(a: Any) -> Any:
    """A constant as a part of a key: by its type and bits, or, where it is an array, as the object that it is."""
    if isinstance(a, np.ndarray):
        return "array", id(a)
    if type(a) is tuple:
        return tuple(map(atom, a))
    if type(a) is slice:
        return "slice", atom(a.start), atom(a.stop), atom(a.step)
    return type(a), a.tobytes() if isinstance(a, np.generic) else repr(a) if type(a) is float else a
