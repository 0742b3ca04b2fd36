"""Merging of elementwise ops on adjacent slices into one op on all of them.

The gates of an LSTM are such slices: `tanh(z[:, :n])` and `tanh(z[:, n:2*n])` are slices of
`tanh(z[:, :2*n])`. In the derivative, a concatenation of products becomes a product of
concatenations. A ufunc gives the same bits on a part as on the whole. But parts of a whole may have
gaps in memory, so that their sums are taken in another order. Half precision stays as it is: its
sums depend on the order too much.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ...program.steps import Operand
from ...rules.call_binding import NO_KWARGS
from ...rules.cost_model import bytes_of
from ...rules.indexing import getitem
from ..ir import Graph, GraphBuilder, Instruction, count_uses
from ..op_traits import has_halves, traits_in_plan
from .common_subexpressions import atom

SMALL_PART_BYTES = 1 << 15
"""Bytes up to which a call costs more than reading an array with gaps."""


class PartPlace(NamedTuple):
    """Part of an array: from start to stop along one axis, all along the others.

    The array is an instruction's, or one that does not exist yet: the result of an op on whole
    arrays. Either has a number.
    """

    array: int
    axis: int
    start: int
    stop: int


def region(shape: tuple[int, ...], key: tuple[Any, ...]) -> list[tuple[int, int]] | None:
    """Return start and stop of an index along each axis.

    None, if it skips elements or has parts other than integers, slices and an ellipsis.
    """
    if sum(part is Ellipsis for part in key) == 1:
        at = key.index(Ellipsis)
        key = (*key[:at], *(slice(None),) * (len(shape) - len(key) + 1), *key[at + 1 :])
    if any(type(part) not in (int, slice) for part in key):
        return None
    result = []
    for n, part in zip(shape, (*key, *(slice(None),) * (len(shape) - len(key))), strict=True):
        start, stop, stride = (
            part.indices(n) if isinstance(part, slice) else (part % n, part % n + 1, 1)
        )
        if stride != 1 or stop < start:
            return None
        result.append((start, stop))
    return result


def span(
    instructions: dict[int, Instruction], instruction: Instruction
) -> tuple[int, int, int] | None:
    """Return axis, start and stop of a part of an array; None for another kind of part."""
    whole = instruction.args[0] if instruction.op is getitem else None
    if type(whole) is not Operand or len(instruction.shape) != len(instructions[whole].shape):
        return None
    shape = instructions[whole].shape
    bounds = region(shape, instruction.args[1:])
    axes = [k for k, n in enumerate(shape) if bounds is not None and bounds[k] != (0, n)]
    return (axes[0], *bounds[axes[0]]) if bounds is not None and len(axes) == 1 else None


def merge_adjacent_slices(graph: Graph) -> Graph:
    """Replace equal ops on neighbouring parts of an array by one op on all of it."""
    if has_halves(graph):
        return graph
    return _merge_joins(_merge_run(graph))


class Places:
    """Instructions that compute parts of arrays.

    The arrays exist, or would exist if all their parts were computed at once.
    """

    def __init__(self, graph: Graph) -> None:
        self.instructions, self.bound = graph.instructions, graph.bound
        self.place: dict[int, PartPlace] = {}
        # From an array that does not exist yet to its parts.
        self.parts: dict[int, list[int]] = defaultdict(list)
        self._numbers: dict[Any, int] = {}
        for n, instruction in graph.instructions.items():
            result = self._of(n, instruction)
            if result is not None:
                self.place[n] = result

    def _of(self, n: int, instruction: Instruction) -> PartPlace | None:
        if instruction.op is getitem:
            result = span(self.instructions, instruction)
            return (
                PartPlace(self._number(("step", int(instruction.args[0]))), *result)
                if result is not None
                else None
            )
        if (
            not traits_in_plan(instruction.op).exact_on_parts
            or instruction.kwargs
            or not instruction.shape
            or bytes_of(instruction.shape, instruction.dtype) > SMALL_PART_BYTES
        ):
            return None
        places = [self.place.get(a) if type(a) is Operand else None for a in instruction.args]
        known = [p for p in places if p is not None]
        if not known or len({p[1:] for p in known}) > 1 or not self._spans(instruction, known[0]):
            return None
        key = [
            p.array if p is not None else self._alike(instruction, known[0].axis, a)
            for p, a in zip(places, instruction.args, strict=True)
        ]
        if None in key:
            return None
        place = known[0]._replace(array=self._number((instruction.op, known[0].axis, *key)))
        self.parts[place.array].append(n)
        return place

    def _spans(self, instruction: Instruction, place: PartPlace) -> bool:
        """Return whether a result is as long as its parts, along the same axis of all of them.

        A part with fewer axes counts them from another end, and one of length 1 is broadcast.
        """
        parts = (a for a in instruction.args if type(a) is Operand and a in self.place)
        return instruction.shape[place.axis] == place.stop - place.start and all(
            len(self.instructions[a].shape) == len(instruction.shape) for a in parts
        )

    def _alike(self, instruction: Instruction, axis: int, a: Any) -> Any:
        """Return the key that an operand has in common for all parts; None if it differs.

        An operand that is the same along the axis is its own key. Constants of the parts' shape
        share one key, since they can be concatenated.
        """
        if type(a) is not Operand:
            return ("same", atom(a))
        shape = self.instructions[a].shape
        if a in self.bound and shape == instruction.shape:
            return ("constant", self.instructions[a].dtype)
        k = len(shape) - (len(instruction.shape) - axis)
        return ("same", Operand, a) if k < 0 or shape[k] == 1 else None

    def _number(self, key: Any) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def run_of(self) -> dict[int, list[int]]:
        """Map each instruction to its run.

        A run counts only if its operands are runs, too, or parts of existing arrays.
        """
        run_of = {n: run for run in self.runs() for n in run}
        checked: set[int] = set()
        for n in self.instructions:  # operands come first
            if n in run_of and n not in checked:
                checked.update(run_of[n])
                if not all(
                    self._goes_along(run_of, n, k) for k in range(len(self.instructions[n].args))
                ):
                    for m in run_of[n].copy():
                        del run_of[m]
        return run_of

    def _goes_along(self, run_of: dict[int, list[int]], n: int, k: int) -> bool:
        """Return whether operand k of a run is one run, a part of an existing array, or no part."""
        a = self.instructions[n].args[k]
        place = self.place.get(a) if type(a) is Operand else None
        if place is None or place[1:] != self.place[n][1:] or self.instructions[a].op is getitem:
            return True
        run = run_of.get(a)
        return run is not None and all(
            run_of.get(self.instructions[m].args[k]) is run for m in run_of[n]
        )

    def runs(self) -> Iterator[list[int]]:
        """Yield two or more parts of one array that follow each other without a gap."""
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
    places, builder = Places(graph), GraphBuilder(graph)
    run_of = places.run_of()
    wholes: dict[tuple[int, int], Operand] = {}
    for n, instruction in builder:
        if n not in run_of:
            builder.emit(n, instruction)
            continue
        place, run = places.place[n], run_of[n]
        lo, hi = places.place[run[0]].start, places.place[run[-1]].stop
        if (place.array, lo) not in wholes:
            args = [
                _widen_operand(builder, places, run, n, k) for k in range(len(instruction.args))
            ]
            shape = (
                *instruction.shape[: place.axis],
                hi - lo,
                *instruction.shape[place.axis + 1 :],
            )
            wholes[place.array, lo] = builder.add(
                instruction._replace(args=tuple(args), shape=shape)
            )
        builder.emit(
            n,
            _take_part(
                wholes[place.array, lo], instruction, place.axis, place.start - lo, place.stop - lo
            ),
        )
    return builder.build()


def _widen_operand(builder: GraphBuilder, places: Places, run: list[int], n: int, k: int) -> Any:
    """Return operand k of part n for the whole run."""
    a, own = places.instructions[n].args[k], places.place[n]
    if (
        type(a) is Operand
        and a in places.bound
        and places.instructions[a].shape == places.instructions[n].shape
    ):
        return builder.bind(
            np.concatenate([places.bound[places.instructions[m].args[k]] for m in run], own.axis)
        )
    place = places.place.get(a) if type(a) is Operand else None
    # not a part, or a part of another kind that is the same for the whole run
    if place is None or place[1:] != own[1:]:
        return builder.replacements.get(a, a) if type(a) is Operand else a
    instruction = builder.instructions[a]  # by now a slice of a larger array
    _, start, _ = span(builder.instructions, instruction) or (own.axis, 0, 0)
    lo, hi = places.place[run[0]].start, places.place[run[-1]].stop
    return _take_slice(
        builder, instruction.args[0], instruction, own.axis, start + lo - own.start, hi - lo
    )


def _take_slice(
    builder: GraphBuilder, whole: Operand, like: Instruction, axis: int, start: int, length: int
) -> Operand:
    """Return a part of an array; the array itself, if the part is all of it."""
    if length == builder.instructions[whole].shape[axis]:
        return whole
    shape = (*like.shape[:axis], length, *like.shape[axis + 1 :])
    return builder.add(_take_part(whole, like._replace(shape=shape), axis, start, start + length))


def _take_part(whole: Operand, like: Instruction, axis: int, start: int, stop: int) -> Instruction:
    """Return the instruction that takes a part of an array."""
    return Instruction(
        getitem,
        (whole, *(slice(None),) * axis, slice(start, stop)),
        NO_KWARGS,
        like.shape,
        like.dtype,
    )


def _merge_joins(graph: Graph) -> Graph:
    counts, builder = count_uses(graph), GraphBuilder(graph)
    for n, instruction in builder:
        if (
            instruction.op is np.concatenate
            and instruction.kwargs.get("axis", 0) is not None
            and all(type(a) is Operand for a in instruction.args)
        ):
            result = SliceJoiner(builder, counts, instruction).join_parts(list(instruction.args))
            if result is not None:
                builder.replace(n, result)
                continue
        builder.emit(n, instruction)
    return builder.build()


class SliceJoiner:
    """Parts of one concatenation, merged where they come from neighbouring slices."""

    def __init__(self, builder: GraphBuilder, counts: Any, instruction: Instruction) -> None:
        self.builder, self.counts, self.like = builder, counts, instruction
        self.axis = instruction.kwargs.get("axis", 0) % len(instruction.shape)

    def join_parts(self, parts: list[Any]) -> Operand | None:
        """Return the parts as one array with fewer instructions; None if that is impossible."""
        groups = self._join_groups(parts)
        if len(groups) == len(parts):
            return None
        result = [self._one(group) for group in groups]
        return result[0] if len(result) == 1 else self._concatenate_parts(result)

    def _join_groups(self, parts: list[Operand]) -> list[list[Operand]]:
        groups, bonds = [parts[:1]], set[Any]()
        for a in parts[1:]:
            result = self._bonds(groups[-1][-1], a)
            kept = result & bonds if len(groups[-1]) > 1 else result
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
        instructions = [self.builder.instructions[a] for a in group]
        args = []
        for column in zip(*(instruction.args for instruction in instructions), strict=True):
            args.append(
                column[0] if self._same(column) else self._one_or_concatenated(list(column))
            )
        return self.builder.add(
            instructions[0]._replace(args=tuple(args), shape=self._shape(group))
        )

    def _one_or_concatenated(self, parts: list[Operand]) -> Operand:
        whole = self._whole(parts)
        if whole is not None:
            return whole
        result = self.join_parts(parts)
        return result if result is not None else self._concatenate_parts(parts)

    def _bonds(self, a: Operand, b: Operand) -> set[Any]:
        """Return what two neighbours have in common.

        They are adjacent slices, or equal ops; then the result tells for each operand what it is in
        both.
        """
        one, other = self.builder.instructions[a], self.builder.instructions[b]
        if self._whole([a, b], make=False) is not None:
            return {"slices"}
        if (
            not traits_in_plan(one.op).exact_on_parts
            or one.op is not other.op
            or one.dtype != other.dtype
            or one.kwargs
            or other.kwargs
        ):
            return set()
        if (
            self.counts[a] > 1
            or self.counts[b] > 1
            or bytes_of(one.shape, one.dtype) > SMALL_PART_BYTES
        ):
            return set()
        result: set[Any] = {"equal"}
        for k, (c, d) in enumerate(zip(one.args, other.args, strict=True)):
            if self._same((c, d)):
                result.add(("same", k))
            elif type(c) is type(d) is Operand and self._full(c, one) and self._full(d, other):
                result.add(("array", k))
                result.update(
                    [("slices", k)] if self._whole([c, d], make=False) is not None else []
                )
        return result

    def _hold(self, bonds: set[Any], a: Operand) -> bool:
        """Return whether parts with these bonds can be merged.

        They are adjacent slices, or equal ops on such slices, on one number, and on one other array
        each.
        """
        if "equal" not in bonds:
            return "slices" in bonds
        columns = [
            k for k in range(len(self.builder.instructions[a].args)) if ("same", k) not in bonds
        ]
        return (
            all(("array", k) in bonds for k in columns)
            and sum(("slices", k) not in bonds for k in columns) <= 1
        )

    def _full(self, a: Operand, instruction: Instruction) -> bool:
        return bool(
            self.builder.instructions[a].shape == instruction.shape
            and self.builder.instructions[a].dtype == instruction.dtype
        )

    def _same(self, column: Any) -> bool:
        a = column[0]
        scalar = (
            self.builder.instructions[a].shape == ()
            if type(a) is Operand
            else isinstance(a, int | float | np.number)
        )
        return bool(scalar and all(atom(b) == atom(a) for b in column))

    def _whole(self, parts: list[Operand], make: bool = True) -> Operand | None:
        """Return the array, or its slice, of which these are the parts in order."""
        instructions = [self.builder.instructions[a] for a in parts]
        spans = [span(self.builder.instructions, instruction) for instruction in instructions]
        first = spans[0]
        if first is None or first[0] != self.axis:
            return None
        for before, after, instruction in zip(spans, spans[1:], instructions[1:], strict=False):
            if (
                before is None
                or after is None
                or after[:2] != (self.axis, before[2])
                or instruction.args[0] != instructions[0].args[0]
            ):
                return None
        length = sum(instruction.shape[self.axis] for instruction in instructions)
        return (
            _take_slice(
                self.builder, instructions[0].args[0], instructions[0], self.axis, first[1], length
            )
            if make
            else parts[0]
        )

    def _shape(self, parts: list[Operand]) -> tuple[int, ...]:
        n = sum(self.builder.instructions[a].shape[self.axis] for a in parts)
        return (*self.like.shape[: self.axis], n, *self.like.shape[self.axis + 1 :])

    def _concatenate_parts(self, parts: list[Operand]) -> Operand:
        return self.builder.add(
            Instruction(
                np.concatenate,
                tuple(parts),
                {"axis": self.axis},
                self._shape(parts),
                self.like.dtype,
            )
        )
