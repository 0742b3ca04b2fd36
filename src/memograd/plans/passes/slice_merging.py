"""Elementwise steps on slices of one array that lie side by side: one step on all of it.

The gates of an LSTM are such slices: `tanh(z[:, :n])` and `tanh(z[:, n:2*n])` are the slices of `tanh(z[:, :2*n])`. Going back, a
concatenation of products is the product of concatenations. A ufunc gives the same bits on a part as on the whole; but parts of
a whole may lie with gaps, so that sums of them are taken in another order. Half precision is left: its sums depend on it too much.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ...program.steps import Operand
from ...rules.call_binding import NOTHING
from ...rules.cost_model import bytes_of
from ...rules.indexing import getitem
from ..ir import Graph, GraphBuilder, Instruction, count_uses
from ..op_traits import ELEMENTWISE, has_halves
from .common_subexpressions import atom

SMALL_PART_BYTES = 1 << 15
"""Bytes of a slice up to which a call costs more than what is lost by reading with gaps."""


class PartPlace(NamedTuple):
    """Which part of an array a step is: from start to stop along one axis, all along the others.

    The array is a step's, or one that does not exist yet: the result of an op on whole arrays. Either has a number.
    """

    array: int
    axis: int
    start: int
    stop: int


def region(shape: tuple[int, ...], key: tuple[Any, ...]) -> list[tuple[int, int]] | None:
    """From where to where an index goes along each axis of an array; None where it skips elements or goes beyond ints and slices."""
    if any(type(part) not in (int, slice) for part in key):
        return None
    found = []
    for n, part in zip(shape, (*key, *(slice(None),) * (len(shape) - len(key))), strict=True):
        start, stop, stride = part.indices(n) if isinstance(part, slice) else (part % n, part % n + 1, 1)
        if stride != 1 or stop < start:
            return None
        found.append((start, stop))
    return found


def span(steps: dict[int, Instruction], step: Instruction) -> tuple[int, int, int] | None:
    """The axis along which a step takes a part of an array, from where, and to where; None where it takes another kind of part."""
    whole = step.args[0] if step.op is getitem else None
    if type(whole) is not Operand or len(step.shape) != len(steps[whole].shape):
        return None
    shape = steps[whole].shape
    bounds = region(shape, step.args[1:])
    axes = [k for k, n in enumerate(shape) if bounds is not None and bounds[k] != (0, n)]
    return (axes[0], *bounds[axes[0]]) if bounds is not None and len(axes) == 1 else None


def merge_adjacent_slices(graph: Graph) -> Graph:
    """The slice with one step for equal ones on neighbouring parts of an array."""
    if has_halves(graph):
        return graph
    return _merge_joins(_merge_run(graph))


# ------------------------------------------------------------------------------------------ from the slices onwards


class Places:
    """The steps that are parts of arrays, real ones and those that would be if all their parts were computed at once."""

    def __init__(self, graph: Graph) -> None:
        self.steps, self.bound = graph.steps, graph.bound
        self.place: dict[int, PartPlace] = {}
        self.parts: dict[int, list[int]] = defaultdict(list)  # an array that is not real -> the steps that are parts of it
        self._numbers: dict[Any, int] = {}
        for n, step in graph.steps.items():
            found = self._of(n, step)
            if found is not None:
                self.place[n] = found

    def _of(self, n: int, step: Instruction) -> PartPlace | None:
        if step.op is getitem:
            found = span(self.steps, step)
            return PartPlace(self._number(("step", int(step.args[0]))), *found) if found is not None else None
        if step.op not in ELEMENTWISE or step.kwargs or not step.shape or bytes_of(step.shape, step.dtype) > SMALL_PART_BYTES:
            return None
        places = [self.place.get(a) if type(a) is Operand else None for a in step.args]
        known = [p for p in places if p is not None]
        if not known or len({p[1:] for p in known}) > 1:
            return None
        key = [p.array if p is not None else self._alike(step, known[0].axis, a) for p, a in zip(places, step.args, strict=True)]
        if None in key:
            return None
        place = known[0]._replace(array=self._number((step.op, known[0].axis, *key)))
        self.parts[place.array].append(n)
        return place

    def _alike(self, step: Instruction, axis: int, a: Any) -> Any:
        """What an operand that is no part has in common for all parts: one that is the same along the axis is itself.

        Constants of the parts' own shape have in common that they are constants: they can be one.
        """
        if type(a) is not Operand:
            return ("same", atom(a))
        shape = self.steps[a].shape
        if a in self.bound and shape == step.shape:
            return ("constant", self.steps[a].dtype)
        k = len(shape) - (len(step.shape) - axis)
        return ("same", Operand, a) if k < 0 or shape[k] == 1 else None

    def _number(self, key: Any) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def run_of(self) -> dict[int, list[int]]:
        """For each step of a run, the run; only of those runs whose operands are runs, too, or parts of real arrays."""
        run_of = {n: run for run in self.runs() for n in run}
        checked: set[int] = set()
        for n in self.steps:  # what an operand belongs to is decided before
            if n in run_of and n not in checked:
                checked.update(run_of[n])
                if not all(self._goes_along(run_of, n, k) for k in range(len(self.steps[n].args))):
                    for m in run_of[n].copy():
                        del run_of[m]
        return run_of

    def _goes_along(self, run_of: dict[int, list[int]], n: int, k: int) -> bool:
        """Whether operand k of all of a run is one run, a part of a real array, or no part at all."""
        a = self.steps[n].args[k]
        place = self.place.get(a) if type(a) is Operand else None
        if place is None or place[1:] != self.place[n][1:] or self.steps[a].op is getitem:
            return True
        run = run_of.get(a)
        return run is not None and all(run_of.get(self.steps[m].args[k]) is run for m in run_of[n])

    def runs(self) -> Iterator[list[int]]:
        """The parts of one array that lie one after the other without a gap, two or more."""
        for parts in self.parts.values():
            run: list[int] = []
            for n in sorted(parts, key=lambda n: self.place[n].start):
                if run and self.place[n].start == self.place[run[-1]].stop:
                    run.append(n)
                else:
                    if len(run) > 1:
                        yield run
                    run = [n]
            if len(run) > 1:
                yield run


def _merge_run(graph: Graph) -> Graph:
    places, draft = Places(graph), GraphBuilder(graph)
    run_of = places.run_of()
    wholes: dict[tuple[int, int], Operand] = {}
    for n, step in draft:
        if n not in run_of:
            draft.keep(n, step)
            continue
        place, run = places.place[n], run_of[n]
        lo, hi = places.place[run[0]].start, places.place[run[-1]].stop
        if (place.array, lo) not in wholes:
            args = [_widen_operand(draft, places, run, n, k) for k in range(len(step.args))]
            shape = (*step.shape[: place.axis], hi - lo, *step.shape[place.axis + 1 :])
            wholes[place.array, lo] = draft.make(step._replace(args=tuple(args), shape=shape))
        draft.keep(n, _take_part(wholes[place.array, lo], step, place.axis, place.start - lo, place.stop - lo))
    return draft.build()


def _widen_operand(draft: GraphBuilder, places: Places, run: list[int], n: int, k: int) -> Any:
    """Operand k of part n of a run, for all of the run."""
    a, own = places.steps[n].args[k], places.place[n]
    if type(a) is Operand and a in places.bound and places.steps[a].shape == places.steps[n].shape:
        return draft.bind(np.concatenate([places.bound[places.steps[m].args[k]] for m in run], own.axis))
    place = places.place.get(a) if type(a) is Operand else None
    if place is None or place[1:] != own[1:]:  # not a part, or one of another kind that is the same for all of the run
        return draft.instead.get(a, a) if type(a) is Operand else a
    step = draft.steps[a]  # a slice of what is larger, by now
    _, start, _ = span(draft.steps, step) or (own.axis, 0, 0)
    lo, hi = places.place[run[0]].start, places.place[run[-1]].stop
    return _take_slice(draft, step.args[0], step, own.axis, start + lo - own.start, hi - lo)


def _take_slice(draft: GraphBuilder, whole: Operand, like: Instruction, axis: int, start: int, length: int) -> Operand:
    """A part of an array; all of it, where the part is."""
    if length == draft.steps[whole].shape[axis]:
        return whole
    shape = (*like.shape[:axis], length, *like.shape[axis + 1 :])
    return draft.make(_take_part(whole, like._replace(shape=shape), axis, start, start + length))


def _take_part(whole: Operand, like: Instruction, axis: int, start: int, stop: int) -> Instruction:
    """The step that takes a part of an array."""
    return Instruction(getitem, (whole, *(slice(None),) * axis, slice(start, stop)), NOTHING, like.shape, like.dtype)


# ------------------------------------------------------------------------------------- from concatenations backwards


def _merge_joins(graph: Graph) -> Graph:
    counts, draft = count_uses(graph), GraphBuilder(graph)
    for n, step in draft:
        if step.op is np.concatenate and step.kwargs.get("axis", 0) is not None and all(type(a) is Operand for a in step.args):
            found = SliceJoiner(draft, counts, step).join_parts(list(step.args))
            if found is not None:
                draft.replace(n, found)
                continue
        draft.keep(n, step)
    return draft.build()


class SliceJoiner:
    """The parts of one concatenation, and what they are made of."""

    def __init__(self, draft: GraphBuilder, counts: Any, step: Instruction) -> None:
        self.draft, self.counts, self.like = draft, counts, step
        self.axis = step.kwargs.get("axis", 0) % len(step.shape)

    def join_parts(self, parts: list[Any]) -> Operand | None:
        """The parts as one array, with fewer steps than one for each; None where there is no such way."""
        groups = self._join_groups(parts)
        if len(groups) == len(parts):
            return None
        found = [self._one(group) for group in groups]
        return found[0] if len(found) == 1 else self._concatenate_parts(found)

    def _join_groups(self, parts: list[Operand]) -> list[list[Operand]]:
        groups, bonds = [parts[:1]], set[Any]()
        for a in parts[1:]:
            found = self._bonds(groups[-1][-1], a)
            kept = found & bonds if len(groups[-1]) > 1 else found
            if self._hold(kept, a):
                groups[-1].append(a)
            else:
                groups.append([a])
            bonds = kept
        return groups

    def _one(self, group: list[Operand]) -> Operand:
        if len(group) == 1:
            return group[0]
        whole = self._whole(group)
        if whole is not None:
            return whole
        steps = [self.draft.steps[a] for a in group]
        args = []
        for column in zip(*(step.args for step in steps), strict=True):
            args.append(column[0] if self._same(column) else self._one_or_concatenated(list(column)))
        return self.draft.make(steps[0]._replace(args=tuple(args), shape=self._shape(group)))

    def _one_or_concatenated(self, parts: list[Operand]) -> Operand:
        whole = self._whole(parts)
        if whole is not None:
            return whole
        found = self.join_parts(parts)
        return found if found is not None else self._concatenate_parts(parts)

    def _bonds(self, a: Operand, b: Operand) -> set[Any]:
        """What two neighbours have in common: slices side by side, or equal ops, and of each operand, what kind it is in both."""
        one, other = self.draft.steps[a], self.draft.steps[b]
        if self._whole([a, b], make=False) is not None:
            return {"slices"}
        if one.op not in ELEMENTWISE or one.op is not other.op or one.dtype != other.dtype or one.kwargs or other.kwargs:
            return set()
        if self.counts[a] > 1 or self.counts[b] > 1 or bytes_of(one.shape, one.dtype) > SMALL_PART_BYTES:
            return set()
        found: set[Any] = {"equal"}
        for k, (c, d) in enumerate(zip(one.args, other.args, strict=True)):
            if self._same((c, d)):
                found.add(("same", k))
            elif type(c) is type(d) is Operand and self._full(c, one) and self._full(d, other):
                found.add(("array", k))
                found.update([("slices", k)] if self._whole([c, d], make=False) is not None else [])
        return found

    def _hold(self, bonds: set[Any], a: Operand) -> bool:
        """Whether all are slices side by side, or equal ops on such slices, on one number, and on one other array each."""
        if "equal" not in bonds:
            return "slices" in bonds
        columns = [k for k in range(len(self.draft.steps[a].args)) if ("same", k) not in bonds]
        return all(("array", k) in bonds for k in columns) and sum(("slices", k) not in bonds for k in columns) <= 1

    def _full(self, a: Operand, step: Instruction) -> bool:
        return bool(self.draft.steps[a].shape == step.shape and self.draft.steps[a].dtype == step.dtype)

    def _same(self, column: Any) -> bool:
        a = column[0]
        scalar = self.draft.steps[a].shape == () if type(a) is Operand else isinstance(a, int | float | np.number)
        return bool(scalar and all(atom(b) == atom(a) for b in column))

    def _whole(self, parts: list[Operand], make: bool = True) -> Operand | None:
        """The array, or the slice of it, of which these are the parts in order."""
        steps = [self.draft.steps[a] for a in parts]
        spans = [span(self.draft.steps, step) for step in steps]
        first = spans[0]
        if first is None or first[0] != self.axis:
            return None
        for before, after, step in zip(spans, spans[1:], steps[1:], strict=False):
            if before is None or after is None or after[:2] != (self.axis, before[2]) or step.args[0] != steps[0].args[0]:
                return None
        length = sum(step.shape[self.axis] for step in steps)
        return _take_slice(self.draft, steps[0].args[0], steps[0], self.axis, first[1], length) if make else parts[0]

    def _shape(self, parts: list[Operand]) -> tuple[int, ...]:
        n = sum(self.draft.steps[a].shape[self.axis] for a in parts)
        return (*self.like.shape[: self.axis], n, *self.like.shape[self.axis + 1 :])

    def _concatenate_parts(self, parts: list[Operand]) -> Operand:
        return self.draft.make(Instruction(np.concatenate, tuple(parts), {"axis": self.axis}, self._shape(parts), self.like.dtype))
