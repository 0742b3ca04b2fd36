"""Sums of many terms of one kind: each kind is one term.

* Cotangents of the slices of one array, each put into zeros of its own and added up, are one
  concatenation, to which 0.0 is added as it was in the sum: −0.0 becomes 0.0.
* `Σ Aₜᵀ @ Bₜ`, the cotangent of a matrix that is used again and again, is one product of all Aₜ and
  all Bₜ, one below the other; and so are `Σ sum(Bₜ)`, the cotangent of a bias, and `Σ aₜ @ bₜ`.

Not exact: the sum is taken in another order, with the terms of one kind first. Sums in half
precision are left as they are.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...program.steps import Operand
from ...rules.call_binding import NOTHING
from ...rules.cost_model import bytes_of
from ...rules.indexing import scatter
from ..ir import Graph, GraphBuilder, Instruction, operands, count_uses
from ..kernels import inner_product, scatter_numbers
from ..op_traits import axes_of
from .slice_merging import region

SMALL_TERM_BYTES = 1 << 14
"""Bytes of an array up to which a call costs more than a copy."""

REORDERABLE_DTYPES = "fdFD"
"""Dtypes, by their characters, whose sums may be taken in another order: single and double
precision.
"""

MANY_TERMS = 4
"""Terms from which one large product is better than their sum."""


def merge_sum_terms(graph: Graph) -> Graph:
    """The slice with one term for all terms of one kind in each sum."""
    chains = SumChains(graph)
    draft = GraphBuilder(graph)
    for n, step in draft:
        draft.keep(n, step)
        terms = chains.terms(n)
        if len(terms) > 1:
            _merge_terms(draft, n, step, [draft.instead.get(a, a) for a in terms])
    return draft.build()


class SumChains:
    """Sums of sums: which additions only serve another one, and what the outermost ones add up."""

    def __init__(self, graph: Graph) -> None:
        self.steps = graph.steps
        counts = count_uses(graph)
        self.inner = {
            int(a)
            for step in graph.steps.values() if _is_sum(step)
            for a in operands(step)
            if counts[a] == 1 and _is_sum(self.steps[a]) and self.steps[a].shape == step.shape and self.steps[a].dtype == step.dtype
        }  # fmt: skip

    def terms(self, n: int) -> list[Operand]:
        """The terms of an outermost sum, in order; none for other steps."""
        if n in self.inner or not _is_sum(self.steps[n]):
            return []
        found, stack = [], [Operand(n)]
        while stack:
            a = stack.pop()
            if a == n or a in self.inner:
                stack += reversed(self.steps[a].args)
            else:
                found.append(a)
        return found


def _is_sum(step: Instruction) -> bool:
    reorders = step.op is np.add and not step.kwargs and step.dtype.char in REORDERABLE_DTYPES
    return reorders and all(type(a) is Operand for a in step.args)


def _merge_terms(draft: GraphBuilder, n: int, step: Instruction, terms: Sequence[Operand]) -> None:
    """Step n as the sum of fewer terms, those of one kind put together."""
    groups: dict[TermKind, list[Operand]] = defaultdict(list)
    for a in terms:
        groups[_term_kind(draft, a)].append(a)
    found: list[Operand] = []
    for (join, least, _), members in groups.items():
        joined = join(draft, members) if join is not None and len(members) >= least else None
        found += members if joined is None else [joined]
    if len(found) == 1:
        draft.replace(n, found[0])
    elif len(found) < len(terms):
        del draft.steps[n]  # it comes after its new terms
        total = found[0]
        for a in found[1:-1]:
            total = draft.make(step._replace(args=(total, a)))
        draft.keep(n, step._replace(args=(total, found[-1])))


MergeTerms = Callable[[GraphBuilder, list[Operand]], Operand | None]
TermKind = tuple[MergeTerms | None, int, Any]
"""How terms of a kind are put together, from how many on, and what they have in common."""


def _term_kind(draft: GraphBuilder, a: Operand) -> TermKind:
    """The kind of a term."""
    step = draft.steps[a]
    if step.op is scatter:
        return _concatenate_scatters, 2, step.shape
    if step.op is np.matmul and len(step.shape) == 2 and _merging_pays(draft, *step.args):
        return _merge_products, MANY_TERMS, step.shape
    if step.op in (np.matmul, inner_product) and step.shape == () and _are_small(draft, step.args):
        return _merge_inner_products, MANY_TERMS, step.op
    if step.op is np.sum and _sums_rows(draft, step):
        return _merge_column_sums, MANY_TERMS, step.shape
    return None, 0, None


# ---------------------------------------------------------------------------------------- cotangents of slices


def _concatenate_scatters(draft: GraphBuilder, members: list[Operand]) -> Operand | None:
    """Scatters to places that lie one after the other, as a concatenation; zeros fill what is
    left.
    """
    like = draft.steps[members[0]]
    shape, regions = like.shape, [region(like.shape, draft.steps[a].args[2:]) for a in members]
    if any(region is None for region in regions):
        return None
    if all(draft.steps[draft.steps[a].args[0]].shape == () for a in members):
        return _scatter_terms(draft, like, members)
    axes = [k for k, n in enumerate(shape) if any(region[k] != (0, n) for region in regions)]  # type: ignore[index]
    if len(axes) != 1:
        return None
    axis = axes[0]
    places = [(*region[axis], draft.steps[a].args[0]) for region, a in zip(regions, members, strict=True)]  # type: ignore[index]
    pieces = _disjoint_places(draft, sorted(places, key=lambda place: place[:2]))
    return None if pieces is None else _concatenate_pieces(draft, like, axis, pieces)


def _scatter_terms(draft: GraphBuilder, like: Instruction, members: list[Operand]) -> Operand | None:
    """Scatters of numbers to any places, as one array that is filled with them."""
    steps = [draft.steps[a] for a in members]
    numbers = [step.args[0] for step in steps]
    places = np.array([np.ravel_multi_index([k % n for k, n in zip(step.args[2:], like.shape, strict=True)], like.shape) for step in steps])
    return draft.make(Instruction(scatter_numbers, (places, like.shape, *numbers), NOTHING, like.shape, like.dtype))


def _disjoint_places(draft: GraphBuilder, places: list[tuple[int, int, Operand]]) -> list[tuple[int, int, Operand]] | None:
    """The places in order, those at one place added up; None where some overlap."""
    found: list[tuple[int, int, Operand]] = []
    for start, stop, g in places:
        if found and found[-1][:2] == (start, stop):
            other = found.pop()[2]
            g = draft.make(draft.steps[g]._replace(op=np.add, args=(other, g), kwargs=NOTHING))
        elif found and start < found[-1][1]:
            return None
        found.append((start, stop, g))
    return found


def _concatenate_pieces(draft: GraphBuilder, like: Instruction, axis: int, pieces: list[tuple[int, int, Operand]]) -> Operand:
    """The pieces, with zeros between them, as one array."""
    n, at, parts = like.shape[axis], 0, []
    for start, stop, g in (*pieces, (n, n, None)):
        if start > at:
            shape = (*like.shape[:axis], start - at, *like.shape[axis + 1 :])
            parts.append(draft.bind(np.broadcast_to(like.dtype.type(0), shape)))
        if g is not None:
            parts.append(draft.reshape_to(g, (*like.shape[:axis], stop - start, *like.shape[axis + 1 :])))  # an index takes axes away
        at = stop
    whole = draft.make(Instruction(np.concatenate, tuple(parts), {"axis": axis}, like.shape, like.dtype))
    return draft.make(Instruction(np.add, (whole, 0.0), NOTHING, like.shape, like.dtype))


# --------------------------------------------------------------------------- cotangents of what is used many times


def _transpose_operand(draft: GraphBuilder, a: Any) -> Operand | None:
    """The matrix of which an argument is the transpose; None where it is not known to be one."""
    if type(a) is not Operand:
        return None
    step = draft.steps[a]
    if a in draft.bound:
        return draft.bind(draft.bound[a].T) if len(step.shape) == 2 else None
    return step.args[0] if step.op is np.transpose and len(step.shape) == 2 else None


def _merging_pays(draft: GraphBuilder, a: Any, b: Any) -> bool:
    """Whether copying both factors costs less than adding up the results."""
    if type(a) is not Operand or type(b) is not Operand or len(draft.steps[b].shape) != 2:
        return False
    (m, k), (_, n) = draft.steps[a].shape, draft.steps[b].shape
    return bool(k * (m + n) <= m * n or k * (m + n) * draft.steps[b].dtype.itemsize <= SMALL_TERM_BYTES)


def _merge_products(draft: GraphBuilder, members: list[Operand]) -> Operand | None:
    """`Σ Aᵀ @ B` as one product."""
    steps = [draft.steps[a] for a in members]
    lefts = [_transpose_operand(draft, step.args[0]) for step in steps]
    if any(a is None for a in lefts):
        return None
    tall = stack_rows(draft, [a for a in lefts if a is not None])
    rows, m = draft.steps[tall].shape
    left = draft.make(Instruction(np.transpose, (tall,), NOTHING, (m, rows), draft.steps[tall].dtype))
    return draft.make(steps[0]._replace(args=(left, stack_rows(draft, [step.args[1] for step in steps]))))


def _are_small(draft: GraphBuilder, args: tuple[Any, ...]) -> bool:
    """Whether these are vectors that are small enough to be copied."""
    return all(type(a) is Operand and bytes_of(draft.steps[a].shape, draft.steps[a].dtype) <= SMALL_TERM_BYTES for a in args)


def _merge_inner_products(draft: GraphBuilder, members: list[Operand]) -> Operand:
    """`Σ a @ b` of vectors as one inner product."""
    steps = [draft.steps[a] for a in members]
    left, right = (stack_rows(draft, [step.args[k] for step in steps]) for k in (0, 1))
    return draft.make(steps[0]._replace(args=(left, right)))


def stack_rows(draft: GraphBuilder, parts: list[Operand]) -> Operand:
    """Matrices one below the other; those that are constant are so as one."""
    first, rows = draft.steps[parts[0]], sum(draft.steps[a].shape[0] for a in parts)
    if all(a in draft.bound for a in parts):
        return draft.bind(np.concatenate([draft.bound[a] for a in parts]))
    return draft.make(Instruction(np.concatenate, tuple(parts), {"axis": 0}, (rows, *first.shape[1:]), first.dtype))


def _sums_rows(draft: GraphBuilder, step: Instruction) -> bool:
    """Whether a step sums the rows of a matrix that is small enough to be copied."""
    if type(step.args[0]) is not Operand or len(step.args) > 1 or step.kwargs.get("keepdims"):
        return False
    a = draft.steps[step.args[0]]
    rows = len(a.shape) == 2 and axes_of(step.kwargs.get("axis"), 2) == (0,)
    return rows and bytes_of(a.shape, a.dtype) <= 4 * SMALL_TERM_BYTES


def _merge_column_sums(draft: GraphBuilder, members: list[Operand]) -> Operand:
    """`Σ sum(B)` as one sum."""
    steps = [draft.steps[a] for a in members]
    return draft.make(steps[0]._replace(args=(stack_rows(draft, [step.args[0] for step in steps]),)))
