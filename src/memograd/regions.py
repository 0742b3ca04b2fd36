"""Regions of numbers: many scalar steps in double precision become one step, run by a tape machine.

A region must not wait for itself: between two of its steps no path may lead through a step outside. So steps are put into
layers, by how often the way to them changes from outside to inside; the scalar steps of one layer are a region.
"""

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from .calls import NOTHING
from .machine import CODES, Given, Machine, Result
from .program import Operand
from .rules.indexing import getitem, output
from .slices import Slice, Step, live, operands, uses

LEAST = 64
"""Steps from which on a region pays: a call costs as much as some forty scalar steps."""

DOUBLE = np.dtype(np.float64)


def mechanised(slice: Slice) -> Slice:
    """The slice with its regions of at least 64 numbers as one step each."""
    inside = {n for n, step in slice.steps.items() if is_number(step) or is_element(step, slice.steps)}
    layer = layers(slice, inside)
    groups: dict[int, list[int]] = defaultdict(list)
    for n in slice.steps:
        if n in inside:
            groups[layer[n]].append(n)
    large = {k: members for k, members in groups.items() if sum(is_number(slice.steps[n]) for n in members) >= LEAST}
    return Rebuilt(slice, layer, large).slice() if large else slice


def is_number(step: Step) -> bool:
    """Whether the machine knows the step, and all that it reads are numbers."""
    return step.op in CODES and step.shape == () and step.dtype == DOUBLE and not step.kwargs and all(map(is_plain, step.args))


def is_plain(a: Any) -> bool:
    """Whether an argument is a step, or a number that a double holds."""
    return type(a) in (Operand, int, float, np.float64)


def is_element(step: Step, steps: dict[int, Step]) -> bool:
    """Whether the step reads one element of an array of doubles."""
    if step.op is not getitem or step.shape != () or step.dtype != DOUBLE or type(step.args[0]) is not Operand:
        return False
    return len(step.args) - 1 == len(steps[step.args[0]].shape) and all(type(k) is int for k in step.args[1:])


def layers(slice: Slice, inside: set[int]) -> dict[int, int]:
    """How often the way to a step, the longest, goes in: what is outside and reads from a region comes after it."""
    layer: dict[int, int] = {}
    for n, step in slice.steps.items():
        layer[n] = max((layer[a] + (a in inside and n not in inside) for a in operands(step)), default=0)
    return layer


class Rebuilt:
    """A slice, layer by layer, with machines in the places of its large regions."""

    def __init__(self, slice: Slice, layer: dict[int, int], regions: dict[int, list[int]]) -> None:
        self.old, self.layer, self.regions = slice, layer, regions
        self.region_of = {n: k for k, members in regions.items() for n in members}
        self.rows = {n: row for n, step in slice.steps.items() if (row := self._row(step)) is not None}
        self.read = self._read()
        self.fresh = max(slice.steps) + 1
        self.steps: dict[int, Step] = {}

    def slice(self) -> Slice:
        """The new slice."""
        due = sorted(self.regions)
        for n in sorted((n for n in self.old.steps if n not in self.region_of), key=self.layer.__getitem__):
            while due and due[0] < self.layer[n]:
                self._mechanise(due.pop(0))
            if n not in self.rows:
                self.steps[n] = self.old.steps[n]
        for k in due:
            self._mechanise(k)
        return live(replace(self.old, steps=self.steps))

    def _row(self, step: Step) -> dict[int, int] | None:
        """Of an array that puts numbers of one region between constants: position to number."""
        if step.op is not np.concatenate or len(step.shape) != 1 or step.dtype != DOUBLE:
            return None
        found, position = {}, 0
        for a in step.args:
            part = self.old.steps[a] if type(a) is Operand else None
            if part is not None and part.op is np.reshape and part.args[0] in self.region_of:
                found[position] = int(part.args[0])
            elif a not in self.old.bound:
                return None
            position += part.shape[0] if part is not None else 0
        return found if len({self.region_of[n] for n in found.values()}) == 1 else None

    def _read(self) -> set[int]:
        """The members of regions that somebody else reads."""
        steps, region_of = self.old.steps, self.region_of
        counts, in_rows = uses(self.old), Counter(a for n in self.rows for a in operands(steps[n]))
        silent = self.rows.keys() | {a for a, count in in_rows.items() if counts[a] == count}
        read = set(self.old.outputs)
        for n, step in steps.items():
            if n not in silent:
                read.update(a for a in operands(step) if region_of.get(a) != region_of.get(n))
        return read & region_of.keys()

    def _mechanise(self, k: int) -> None:
        """Region k as a machine, and its results as steps of their old ids."""
        members = self.regions[k]
        rows = {n: row for n, row in self.rows.items() if self.region_of[next(iter(row.values()))] == k}
        numbers = [n for n in members if n in self.read]
        exports = list(dict.fromkeys([*numbers, *(m for row in rows.values() for m in row.values())]))
        place = {n: j for j, n in enumerate(exports)}
        results = [Result(place[n]) for n in numbers]
        for n, row in rows.items():
            results.append(Result(np.array([place[m] for m in row.values()]), self._template(n), np.array(list(row))))
        inputs, given, args = self._inputs(members)
        self._emit(Machine(self._region(members, inputs, tuple(exports)), given, tuple(results)), args, [*numbers, *rows])

    def _inputs(self, members: list[int]) -> tuple[tuple[int, ...], tuple[Given, ...], tuple[Operand, ...]]:
        """What a region reads: ids of the numbers, where they come from, and the arguments of its step."""
        steps, inside = self.old.steps, set(members)
        elements: dict[Operand, list[int]] = defaultdict(list)
        for n in members:
            if steps[n].op is getitem:
                elements[steps[n].args[0]].append(n)
        numbers = dict.fromkeys(a for n in members if steps[n].op is not getitem for a in operands(steps[n]) if a not in inside)
        ids, given = [int(a) for a in numbers], [Given(None, k, k + 1) for k in range(len(numbers))]
        for ns in elements.values():
            given.append(Given(np.array([self._flat(steps[n]) for n in ns]), len(ids), len(ids) + len(ns)))
            ids += ns
        return tuple(ids), tuple(given), (*numbers, *elements)

    def _flat(self, step: Step) -> int:
        """The place of an element in its array, in C order."""
        shape = self.old.steps[step.args[0]].shape
        index = tuple(k % size for k, size in zip(step.args[1:], shape, strict=True))
        return int(np.ravel_multi_index(index, shape))

    def _region(self, members: list[int], inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Slice:
        steps = {n: Step(None, (), NOTHING, (), DOUBLE) for n in inputs}
        steps |= {n: self.old.steps[n] for n in members if n not in steps}
        return replace(self.old, inputs=inputs, outputs=outputs, steps=steps, bound={}, derivatives=frozenset())

    def _template(self, n: int) -> np.ndarray:
        """A row's constants, with zeros where numbers are to be set."""
        parts = [self.old.bound.get(a, np.zeros(1)) for a in self.old.steps[n].args]
        return np.concatenate(parts)

    def _emit(self, machine: Machine, args: tuple[Operand, ...], results: list[int]) -> None:
        """The step of a machine, and one for each of its results."""
        n, self.fresh = self.fresh, self.fresh + 1
        old = self.old.steps
        self.steps[n] = Step(machine, args, NOTHING, tuple(old[m].shape for m in results), tuple(old[m].dtype for m in results))
        for j, m in enumerate(results):
            self.steps[m] = Step(output, (Operand(n), j), NOTHING, old[m].shape, old[m].dtype)
