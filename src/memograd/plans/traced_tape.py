"""Tape of a function that becomes a plan: equal applications of an op are one node.

References
----------
A. V. Aho, M. S. Lam, R. Sethi, J. D. Ullman: Compilers (2nd ed.), section 6.1.2 (the value-number
method for DAGs); J.-C. Filliâtre, S. Conchon: Type-Safe Modular Hash-Consing (2006).
"""

from math import copysign
from typing import Any

import numpy as np

from ..errors import RefusedError
from ..program.steps import Step
from ..rules.call_binding import NO_KWARGS
from ..rules.registration import rule_of
from ..tape.constants import NUMBER_KINDS
from ..tape.guards import Guards
from ..tape.mode import COMPILED
from ..tape.node import Node
from ..tape.tape import Tape
from ..text import printable
from .passes.common_subexpressions import ATOMS, atom

MOST_AXES = 1
"""Most axes of a result that is shared while it is recorded.

BLAS computes `A.T @ A` of one matrix to other bits than of two equal ones. Matrices are left to the
pass that eliminates common subexpressions, which puts a copy there.
"""

LARGEST_KEYED_BYTES = 4096
"""Arrays up to this size are compared by their bytes; larger ones are no part of a key."""


class CompiledTape(Tape):
    """Tape of a function that becomes a plan.

    A determinant of 8 × 8 by its cofactors is recorded with 2,000 nodes, not with 200,000, and its
    derivative visits each once.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        super().__init__()
        self.mode, self.guards = COMPILED, Guards()
        self._known: dict[Any, Step] = {}

    def record(
        self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any] = NO_KWARGS, y: Any = None
    ) -> Any:
        """Record an op, unless the same op of the same arguments was recorded before."""
        key = None if y is not None else self._key(op, args, kwargs)
        if key is None:
            return Tape.record(self, op, args, kwargs, y)
        step, steps = self._known.get(key), self.state.steps
        # A block that failed may have cut it off.
        if step is not None and steps.get(step.operand) is step:
            return Node(self, int(step.operand))
        node = Tape.record(self, op, args, kwargs)
        if type(node) is Node and len(node.shape) <= MOST_AXES:
            self._known[key] = steps[node.id]
        return node

    def _key(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what two applications share if they give the same; None if that is not known.

        `np.positive` makes the inputs of functions that are differentiated: two functions of one
        argument must not share them. Ops of the user's own run as often as they are called.
        """
        if op is None or op is np.positive or not rule_of(op).pure:
            return None
        parts: list[Any] = [op]
        for a in args:
            kind = type(a)
            if kind is Node:
                if a.tape is not self:
                    return None
                parts.append(a.id)
            elif kind is float:  # as `atom` has it, which would take 0.5 µs longer
                parts.append((kind, a, copysign(1.0, a)))
            elif kind in ATOMS:
                parts.append((kind, a))
            elif is_fixed(a):
                parts.append(atom(a))
            else:
                return None
        for name, a in kwargs.items():
            if not is_fixed(a):
                return None
            parts.append((name, atom(a)))
        return tuple(parts)

    def as_result(self, y: Any) -> Node:
        """Return a result as a node. One that depends on no argument becomes a constant."""
        if isinstance(y, Node):
            return y
        if np.asarray(y).dtype.kind not in NUMBER_KINDS:
            raise RefusedError(
                "A function that is compiled gives arrays, or nests of them, "
                f"but one result is {printable(repr(y))}."
            )
        return self.leaf(y)


FIXED_TYPES = ATOMS | {float, complex}


def is_fixed(a: Any) -> bool:
    """Return whether a constant has a key that says all, and nobody can change it.

    A small array can be changed; but then its key is another one.
    """
    kind = type(a)
    if kind in FIXED_TYPES:
        return True
    if kind is tuple:
        return all(map(is_fixed, a))
    if kind is slice:
        return is_fixed(a.start) and is_fixed(a.stop) and is_fixed(a.step)
    if kind is np.ndarray:
        return bool(a.nbytes <= LARGEST_KEYED_BYTES) and a.dtype.kind in NUMBER_KINDS
    return isinstance(a, np.generic | np.dtype)
