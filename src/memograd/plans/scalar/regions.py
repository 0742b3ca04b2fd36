"""Regions of numbers: many scalar steps in double precision are one step, a program of the tape machine.

A region must not wait for itself: no path between two of its steps may lead outside. So steps are put into layers, by how often
the way to them comes out of a region; the scalar steps of one layer are a region.
Not exact: functions of the machine may differ from NumPy's in the last places, and the sum of an array of numbers is taken from
left to right.
"""

import math
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from ...program.steps import Operand
from ...rules.call_binding import NOTHING
from ...rules.indexing import getitem, output
from ..ir import Graph, Instruction, eliminate_dead_code, operands, count_uses
from ..kernels import scatter_numbers
from .lowering import MOVES, Lowering
from .machine import on_machine
from .opcodes import LOGICAL, REAL

MIN_REGION_SIZE = 32
"""Formulas from which on a region pays: to call the machine costs as much as some twenty steps."""

MAX_ELEMENTS_PER_OPERAND = 16
"""Numbers in an array for each operand, up to which it is made inside a region; a larger one is mostly constants."""

NUMBER_ARGUMENTS = {getitem: (0, 1), scatter_numbers: (2, None)}
"""Which arguments are numbers, of ops that move them about, where not all are."""

POSITION_KEYWORDS = {"axis", "axes", "shape", "order"}
"""Keywords that say no more than where a number goes."""

NUMBER_TYPES = (np.dtype(np.float64), np.dtype(np.bool_))


def lower_scalar_regions(graph: Graph) -> Graph:
    """The slice with its regions of numbers as one step each."""
    inside = RegionMembers(graph).steps
    if len(inside) < MIN_REGION_SIZE:
        return graph
    layers = RegionLayers(graph, inside)
    return layers.rebuilt() if any(map(layers.pays, layers.members)) else graph


class RegionMembers:
    """Which steps may be part of a region."""

    def __init__(self, graph: Graph) -> None:
        self.slice = graph
        self.steps: set[int] = set()
        for n, step in graph.steps.items():
            if step.op is not None and type(step.dtype) is not tuple and step.dtype in NUMBER_TYPES and self._belongs(step):
                self.steps.add(n)

    def _belongs(self, step: Instruction) -> bool:
        if is_formula(step):
            return all(map(self._is_number, step.args))
        if step.op is np.sum:
            return len(step.args) == 1 and not step.kwargs and self._is_known(step.args[0])
        if step.op not in MOVES:
            return False
        if step.op is getitem and step.args[0] not in self.steps:
            return self._is_element(step)
        first, last = NUMBER_ARGUMENTS.get(step.op, (0, None))
        sources = operands(step._replace(args=step.args[first:last]))
        plain = len(sources) == len(operands(step)) and step.kwargs.keys() <= POSITION_KEYWORDS  # an index, or a dtype, is no number
        return plain and all(map(self._is_known, sources)) and math.prod(step.shape) <= MAX_ELEMENTS_PER_OPERAND * len(sources)

    def _is_number(self, a: Any) -> bool:
        if type(a) is Operand:
            step = self.slice.steps[a]
            return step.shape == () and (step.dtype in NUMBER_TYPES or _is_double(self.slice.bound.get(a)))
        return _is_double(a)

    def _is_known(self, a: Operand) -> bool:
        """Whether the numbers of an operand have registers, one for each."""
        return a in self.steps or self._is_number(a) or (a in self.slice.bound and self.slice.steps[a].dtype in NUMBER_TYPES)

    def _is_element(self, step: Instruction) -> bool:
        a, *key = step.args
        return type(a) is Operand and len(key) == len(self.slice.steps[a].shape) > 0 and all(type(k) is int for k in key)


def _is_double(a: Any) -> bool:
    """Whether a constant is a number that double precision has, so that arithmetic on doubles is arithmetic on it."""
    if np.ndim(a) != 0 or not isinstance(a, int | float | np.bool | np.integer | np.floating | np.ndarray):
        return False
    try:
        x = float(a)
    except (OverflowError, TypeError):
        return False
    return bool(x == a or x != x)


def is_formula(step: Instruction) -> bool:
    """Whether a step is an op of the machine's on numbers, of the dtype that its formula gives."""
    real, logical = NUMBER_TYPES
    return (
        step.shape == ()
        and not step.kwargs
        and ((step.op in REAL and step.dtype == real) or (step.op in LOGICAL and step.dtype == logical))
    )


class RegionLayers:
    """The steps of a slice, layer by layer: in each, first those that are outside of regions, then its region."""

    def __init__(self, graph: Graph, inside: set[int]) -> None:
        self.slice, self.counts = graph, count_uses(graph)
        self.outside: dict[int, list[int]] = defaultdict(list)
        self.members: dict[int, list[int]] = defaultdict(list)
        layer: dict[int, int] = {}
        for n, step in graph.steps.items():
            layer[n] = k = max((layer[a] + (a in inside and n not in inside) for a in operands(step)), default=0)
            (self.members if n in inside else self.outside)[k].append(n)
        self.region = {n: k for k, members in self.members.items() for n in members}
        self.fresh = max(graph.steps) + 1

    def pays(self, k: int) -> bool:
        """Whether the region of a layer is worth a call."""
        return sum(is_formula(self.slice.steps[n]) for n in self.members[k]) >= MIN_REGION_SIZE

    def rebuilt(self) -> Graph:
        """The slice with a step for each region that pays."""
        steps, read = self.slice.steps, self._read()
        found: dict[int, Instruction] = {}
        for k in sorted(self.members.keys() | self.outside.keys()):
            found.update((n, steps[n]) for n in self.outside[k])
            if self.pays(k):
                found.update(self._lower_region(self.members[k], read))
            else:
                found.update((n, steps[n]) for n in self.members[k])
        return eliminate_dead_code(replace(self.slice, steps=found))

    def _read(self) -> set[int]:
        """The steps that somebody outside of their region reads."""
        read = set(self.slice.outputs)
        for n, step in self.slice.steps.items():
            mine = self.region.get(n)
            read.update(a for a in operands(step) if self.region.get(a) != mine)
        return read

    def _lower_region(self, members: list[int], read: set[int]) -> dict[int, Instruction]:
        """A region as one step, and its results under the ids that they had."""
        steps, lowering = self.slice.steps, Lowering(self.slice, self.counts)
        for n in members:
            lowering.add(n, steps[n])
        wanted = [n for n in members if n in read]
        machine, args = lowering.machine(wanted)
        shapes, dtypes = tuple(steps[n].shape for n in wanted), tuple(steps[n].dtype for n in wanted)
        if len(wanted) == 1:
            return {wanted[0]: Instruction(on_machine, (machine, *args), NOTHING, shapes[0], dtypes[0])}
        together = Operand(self.fresh)
        self.fresh += 1
        found = {int(together): Instruction(on_machine, (machine, *args), NOTHING, shapes, dtypes)}
        for k, n in enumerate(wanted):
            found[n] = Instruction(output, (together, k), NOTHING, shapes[k], dtypes[k])
        return found
