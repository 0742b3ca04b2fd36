"""Merging of the terms of a sum that are of one kind.

* Cotangents of slices of one array are scattered into zeros and added up. They become one
  concatenation, plus 0.0 as in the sum: −0.0 becomes 0.0.
* `Σ Aₜᵀ @ Bₜ`, the cotangent of a matrix that is used many times, becomes one product of the
  stacked Aₜ and Bₜ. So do `Σ sum(Bₜ)`, the cotangent of a bias, and `Σ aₜ @ bₜ`.

The pass is not exact: it takes sums in another order, with the terms of one kind first. Sums in
half precision stay as they are.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...program.steps import Operand
from ...rules.call_binding import NO_KWARGS
from ...rules.cost_model import bytes_of
from ...rules.indexing import scatter
from ..ir import Graph, GraphBuilder, Instruction, count_uses, operands
from ..kernels import inner, scatter_numbers
from ..op_traits import axes_of
from .slice_merging import region

SMALL_TERM_BYTES = 1 << 14
"""Bytes up to which copying an array costs less than a call."""

REORDERABLE_DTYPES = "fdFD"
"""Dtypes, by their characters, whose sums may be taken in another order: single and double
precision.
"""

MANY_TERMS = 4
"""Number of terms from which one large product is faster than their sum."""


def merge_sum_terms(graph: Graph) -> Graph:
    """Merge the terms of one kind in each sum."""
    chains = SumChains(graph)
    builder = GraphBuilder(graph)
    for n, instruction in builder:
        builder.emit(n, instruction)
        terms = chains.terms(n)
        if len(terms) > 1:
            _merge_terms(builder, n, instruction, [builder.replacements.get(a, a) for a in terms])
    return builder.build()


class SumChains:
    """Sums of sums: the additions that only serve another one, and the terms of the outermost."""

    def __init__(self, graph: Graph) -> None:
        self.instructions = graph.instructions
        counts = count_uses(graph)
        self.inner = {
            int(a)
            for instruction in graph.instructions.values()
            if _is_sum(instruction)
            for a in operands(instruction)
            if counts[a] == 1
            and _is_sum(self.instructions[a])
            and self.instructions[a].shape == instruction.shape
            and self.instructions[a].dtype == instruction.dtype
        }

    def terms(self, n: int) -> list[Operand]:
        """Return the terms of an outermost sum, in order; none for other instructions."""
        if n in self.inner or not _is_sum(self.instructions[n]):
            return []
        result, stack = [], [Operand(n)]
        while stack:
            a = stack.pop()
            if a == n or a in self.inner:
                stack += reversed(self.instructions[a].args)
            else:
                result.append(a)
        return result


def _is_sum(instruction: Instruction) -> bool:
    reorders = (
        instruction.op is np.add
        and not instruction.kwargs
        and instruction.dtype.char in REORDERABLE_DTYPES
    )
    return reorders and all(type(a) is Operand for a in instruction.args)


def _merge_terms(
    builder: GraphBuilder, n: int, instruction: Instruction, terms: Sequence[Operand]
) -> None:
    """Define node n as a sum of fewer terms, with those of one kind merged."""
    groups: dict[TermKind, list[Operand]] = defaultdict(list)
    for a in terms:
        groups[_term_kind(builder, a)].append(a)
    result: list[Operand] = []
    for (join, least, _), members in groups.items():
        joined = join(builder, members) if join is not None and len(members) >= least else None
        result += members if joined is None else [joined]
    if len(result) == 1:
        builder.replace(n, result[0])
    elif len(result) < len(terms):
        del builder.instructions[n]  # emitted again below, after its new terms
        total = result[0]
        for a in result[1:-1]:
            total = builder.add(instruction._replace(args=(total, a)))
        builder.emit(n, instruction._replace(args=(total, result[-1])))


MergeTerms = Callable[[GraphBuilder, list[Operand]], Operand | None]
TermKind = tuple[MergeTerms | None, int, Any]
"""Function that merges terms of a kind, their least number, and their common property."""


def _term_kind(builder: GraphBuilder, a: Operand) -> TermKind:
    """Return the kind of a term."""
    instruction = builder.instructions[a]
    if instruction.op is scatter:
        return _concatenate_scatters, 2, instruction.shape
    if (
        instruction.op is np.matmul
        and len(instruction.shape) == 2
        and _merging_pays(builder, *instruction.args)
    ):
        return _merge_products, MANY_TERMS, instruction.shape
    if (
        instruction.op in (np.matmul, inner)
        and instruction.shape == ()
        and _are_small(builder, instruction.args)
    ):
        return _merge_inner_products, MANY_TERMS, instruction.op
    if instruction.op is np.sum and _sums_rows(builder, instruction):
        return _merge_column_sums, MANY_TERMS, instruction.shape
    return None, 0, None


def _concatenate_scatters(builder: GraphBuilder, members: list[Operand]) -> Operand | None:
    """Replace scatters to adjacent places by a concatenation, filled up with zeros."""
    like = builder.instructions[members[0]]
    shape = like.shape
    bounds = [region(shape, builder.instructions[a].args[2:]) for a in members]
    regions = [ends for ends in bounds if ends is not None]
    if len(regions) < len(members):
        return None
    sources = [builder.instructions[a].args[0] for a in members]
    if all(builder.instructions[g].shape == () for g in sources):
        return _scatter_terms(builder, like, members)
    axes = [k for k, n in enumerate(shape) if any(ends[k] != (0, n) for ends in regions)]
    if len(axes) != 1:
        return None
    axis = axes[0]
    places = [(*ends[axis], g) for ends, g in zip(regions, sources, strict=True)]
    pieces = _disjoint_places(builder, sorted(places, key=lambda place: place[:2]))
    return None if pieces is None else _concatenate_pieces(builder, like, axis, pieces)


def _scatter_terms(
    builder: GraphBuilder, like: Instruction, members: list[Operand]
) -> Operand | None:
    """Replace scatters of numbers by one array that is filled with them."""
    instructions = [builder.instructions[a] for a in members]
    numbers = [instruction.args[0] for instruction in instructions]
    places = np.array(
        [
            np.ravel_multi_index(
                [k % n for k, n in zip(instruction.args[2:], like.shape, strict=True)], like.shape
            )
            for instruction in instructions
        ]
    )
    return builder.add(
        Instruction(
            scatter_numbers, (places, like.shape, *numbers), NO_KWARGS, like.shape, like.dtype
        )
    )


def _disjoint_places(
    builder: GraphBuilder, places: list[tuple[int, int, Operand]]
) -> list[tuple[int, int, Operand]] | None:
    """Return the places in order, with those at one place added up; None if some overlap."""
    result: list[tuple[int, int, Operand]] = []
    for start, stop, g in places:
        if result and result[-1][:2] == (start, stop):
            other = result.pop()[2]
            g = builder.add(
                builder.instructions[g]._replace(op=np.add, args=(other, g), kwargs=NO_KWARGS)
            )
        elif result and start < result[-1][1]:
            return None
        result.append((start, stop, g))
    return result


def _concatenate_pieces(
    builder: GraphBuilder, like: Instruction, axis: int, pieces: list[tuple[int, int, Operand]]
) -> Operand:
    """Return the pieces, with zeros between them, as one array."""
    n, at, parts = like.shape[axis], 0, []
    for start, stop, g in (*pieces, (n, n, None)):
        if start > at:
            shape = (*like.shape[:axis], start - at, *like.shape[axis + 1 :])
            parts.append(builder.bind(np.broadcast_to(like.dtype.type(0), shape)))
        if g is not None:
            shape = (*like.shape[:axis], stop - start, *like.shape[axis + 1 :])
            parts.append(builder.reshape_to(g, shape))  # an integer index has dropped the axis
        at = stop
    whole = builder.add(
        Instruction(np.concatenate, tuple(parts), {"axis": axis}, like.shape, like.dtype)
    )
    return builder.add(Instruction(np.add, (whole, 0.0), NO_KWARGS, like.shape, like.dtype))


def _transpose_operand(builder: GraphBuilder, a: Any) -> Operand | None:
    """Return the matrix of which an argument is the transpose; None if it is not known."""
    if type(a) is not Operand:
        return None
    instruction = builder.instructions[a]
    if a in builder.bound:
        return builder.bind(builder.bound[a].T) if len(instruction.shape) == 2 else None
    return (
        instruction.args[0]
        if instruction.op is np.transpose and len(instruction.shape) == 2
        else None
    )


def _merging_pays(builder: GraphBuilder, a: Any, b: Any) -> bool:
    """Return whether copying both factors costs less than adding up the results."""
    if type(a) is not Operand or type(b) is not Operand or len(builder.instructions[b].shape) != 2:
        return False
    (m, k), (_, n) = builder.instructions[a].shape, builder.instructions[b].shape
    return bool(
        k * (m + n) <= m * n
        or k * (m + n) * builder.instructions[b].dtype.itemsize <= SMALL_TERM_BYTES
    )


def _merge_products(builder: GraphBuilder, members: list[Operand]) -> Operand | None:
    """Replace `Σ Aᵀ @ B` by one product."""
    instructions = [builder.instructions[a] for a in members]
    lefts = [_transpose_operand(builder, instruction.args[0]) for instruction in instructions]
    if any(a is None for a in lefts):
        return None
    tall = concatenate_rows(builder, [a for a in lefts if a is not None])
    rows, m = builder.instructions[tall].shape
    left = builder.add(
        Instruction(np.transpose, (tall,), NO_KWARGS, (m, rows), builder.instructions[tall].dtype)
    )
    return builder.add(
        instructions[0]._replace(
            args=(
                left,
                concatenate_rows(builder, [instruction.args[1] for instruction in instructions]),
            )
        )
    )


def _are_small(builder: GraphBuilder, args: tuple[Any, ...]) -> bool:
    """Return whether all arguments are vectors that are small enough to be copied."""
    return all(
        type(a) is Operand
        and bytes_of(builder.instructions[a].shape, builder.instructions[a].dtype)
        <= SMALL_TERM_BYTES
        for a in args
    )


def _merge_inner_products(builder: GraphBuilder, members: list[Operand]) -> Operand:
    """Replace `Σ a @ b` of vectors by one inner product."""
    instructions = [builder.instructions[a] for a in members]
    left, right = (
        concatenate_rows(builder, [instruction.args[k] for instruction in instructions])
        for k in (0, 1)
    )
    return builder.add(instructions[0]._replace(args=(left, right)))


def concatenate_rows(builder: GraphBuilder, parts: list[Operand]) -> Operand:
    """Concatenate matrices along their rows. Constant ones give a constant."""
    first, rows = (
        builder.instructions[parts[0]],
        sum(builder.instructions[a].shape[0] for a in parts),
    )
    if all(a in builder.bound for a in parts):
        return builder.bind(np.concatenate([builder.bound[a] for a in parts]))
    return builder.add(
        Instruction(
            np.concatenate, tuple(parts), {"axis": 0}, (rows, *first.shape[1:]), first.dtype
        )
    )


def _sums_rows(builder: GraphBuilder, instruction: Instruction) -> bool:
    """Return whether an instruction sums the rows of a matrix that is small enough to be copied."""
    if (
        type(instruction.args[0]) is not Operand
        or len(instruction.args) > 1
        or instruction.kwargs.get("keepdims")
    ):
        return False
    a = builder.instructions[instruction.args[0]]
    rows = len(a.shape) == 2 and axes_of(instruction.kwargs.get("axis"), 2) == (0,)
    return rows and bytes_of(a.shape, a.dtype) <= 4 * SMALL_TERM_BYTES


def _merge_column_sums(builder: GraphBuilder, members: list[Operand]) -> Operand:
    """Replace `Σ sum(B)` by one sum."""
    instructions = [builder.instructions[a] for a in members]
    return builder.add(
        instructions[0]._replace(
            args=(concatenate_rows(builder, [instruction.args[0] for instruction in instructions]),)
        )
    )
