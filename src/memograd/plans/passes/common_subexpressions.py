"""Elimination of common subexpressions: equal instructions run once.

The pass is exact: a product of two arrays that have become one reads a copy of it, because BLAS
computes `A.T @ A` on one buffer by another path than on two, to other bits.

References
----------
A. V. Aho, M. S. Lam, R. Sethi, J. D. Ullman: Compilers (2nd ed.), section 8.5.2 (local common
subexpressions by value numbering).
"""

import math
from hashlib import blake2b
from typing import Any

import numpy as np

from ...program.steps import Operand
from ...rules.call_binding import NO_KWARGS
from ...rules.registration import traits_of
from ..ir import Graph, GraphBuilder, Instruction
from ..op_traits import is_own, roots


def eliminate_common_subexpressions(graph: Graph) -> Graph:
    """Keep one of all equal instructions. Ops of the user's own run as often as recorded."""
    builder, known = GraphBuilder(graph), dict[Any, int]()
    memory = (
        roots(graph)
        if any(traits_of(instruction.op).uses_blas for instruction in graph.instructions.values())
        else {}
    )
    for n, instruction in builder:
        key = _key_in(graph, n, instruction)
        first = n if key is None else known.setdefault(key, n)
        if first != n:
            builder.replace(n, builder.reshape_to(Operand(first), instruction.shape))
        else:
            builder.emit(
                n,
                _copy_operands(builder, memory, n, instruction)
                if traits_of(instruction.op).uses_blas
                else instruction,
            )
    return builder.build()


def _without_keepdims(instruction: Instruction) -> Instruction:
    """Return an instruction without `keepdims`: a reshape of its result serves both forms."""
    if "keepdims" not in instruction.kwargs:
        return instruction
    kwargs = {name: a for name, a in instruction.kwargs.items() if name != "keepdims"}
    return instruction._replace(kwargs=kwargs)


def _key_in(graph: Graph, n: int, instruction: Instruction) -> Any:
    """Return the key of an instruction; of a bound leaf, that of its value; else None."""
    if instruction.op is None:
        return atom(graph.bound[n]) if n in graph.bound else None
    return None if is_own(instruction.op) else key_of(_without_keepdims(instruction))


def _copy_operands(
    builder: GraphBuilder, memory: dict[int, frozenset[int]], n: int, instruction: Instruction
) -> Instruction:
    """Copy each operand that shares its memory with another one only since the pass.

    Without the copy, BLAS may take another path, to other bits.
    """
    args, others = list(instruction.args), list[tuple[frozenset[int], set[int]]]()
    for k, a in enumerate(builder.graph.instructions[n].args):
        if type(a) is Operand:
            before, now = (
                memory[a],
                {int(builder.replacements.get(root, root)) for root in memory[a]},
            )
            if any(before.isdisjoint(b) and not now.isdisjoint(c) for b, c in others):
                args[k] = builder.add(
                    builder.instructions[args[k]]._replace(
                        op=np.copy, args=(args[k],), kwargs=NO_KWARGS
                    )
                )
            others.append((before, now))
    return instruction._replace(args=tuple(args)) if args != list(instruction.args) else instruction


def key_of(instruction: Instruction) -> Any:
    """Return a key that two instructions share if they give the same bits."""
    kwargs = (
        tuple(
            (name, atom(a)) for name, a in sorted(instruction.kwargs.items()) if name != "keepdims"
        )
        if instruction.kwargs
        else ()
    )
    return (
        instruction.op,
        tuple([a if type(a) is Operand else atom(a) for a in instruction.args]),
        kwargs,
        instruction.dtype,
    )


DIGESTED_BYTES = 1024
"""Bytes from which the digest of an array stands in keys, so that they keep no copy of it."""

ATOMS = frozenset({int, bool, str, bytes, type(None), type(Ellipsis), type})
"""Types whose equal values are interchangeable."""


def atom(a: Any) -> Any:
    """Return the key of a constant: its type and bits if they say all, else the object itself.

    Zeros of two signs are equal, and so are frozensets of 1 and of True; but they are different
    constants.
    """
    if type(a) is tuple:
        return tuple, tuple(map(atom, a))
    if type(a) is slice:
        return slice, atom(a.start), atom(a.stop), atom(a.step)
    if isinstance(a, np.generic):
        return type(a), a.dtype, a.tobytes()
    if type(a) is float:
        return float, a, math.copysign(1.0, a)
    if type(a) is complex:
        return complex, repr(a)
    if type(a) is np.ndarray:
        return _array_key(a)
    if type(a) is frozenset:
        return frozenset, frozenset(map(atom, a))
    if isinstance(a, np.dtype):
        return np.dtype, a
    return (type(a), a) if type(a) in ATOMS else Itself(a)


def _array_key(a: Any) -> Any:
    """Return the key of a constant array: dtype, shape, layout and bytes, or their digest.

    Sums are taken in the order of memory, and so arrays of different strides differ.
    """
    once = a[tuple([slice(None) if stride else slice(1) for stride in a.strides])]
    held = np.ascontiguousarray(once)
    data = held.tobytes() if held.nbytes <= DIGESTED_BYTES else blake2b(held.data).digest()
    return np.ndarray, a.dtype, a.shape, a.strides, data


class Itself:
    """Object as a part of a key, equal to itself alone.

    The key holds it, so that no other object takes its id.
    """

    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held

    def __eq__(self, other: Any) -> bool:
        return type(other) is Itself and other.held is self.held

    def __hash__(self) -> int:
        return id(self.held)
