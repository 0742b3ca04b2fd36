"""Scalar regions: many scalar instructions in double precision become one machine program.

No path between two instructions of a region may lead outside of it, or the region would wait for
itself. So instructions are put into layers, by how often the paths to them leave a region; the
scalar instructions of one layer are a region.

The pass is not exact: functions of the machine may differ from NumPy's in the last places, and the
sum of an array of numbers is taken from left to right.
"""

import math
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from ...program.steps import Operand
from ...rules.call_binding import NO_KWARGS
from ...rules.indexing import getitem, output
from ..ir import Graph, Instruction, count_uses, eliminate_dead_code, operands
from ..kernels import scatter_numbers
from ..op_traits import traits_in_plan
from .lowering import Lowering
from .machine import on_machine
from .opcodes import LOGICAL, REAL

MIN_REGION_SIZE = 32
"""Least number of formulas in a region: a call of the machine costs as much as twenty."""

MAX_ELEMENTS_PER_OPERAND = 16
"""Largest array inside a region, per operand; a larger one is mostly constants."""

NUMBER_ARGUMENTS = {getitem: (0, 1), scatter_numbers: (2, None)}
"""Range of the arguments that are numbers, for moving ops that have other arguments too."""

POSITION_KEYWORDS = {"axis", "axes", "shape", "order"}
"""Keywords that only choose positions."""

NUMBER_TYPES = (np.dtype(np.float64), np.dtype(np.bool_))


def lower_scalar_regions(graph: Graph) -> Graph:
    """Replace each region of scalar instructions by one call of a machine."""
    inside = RegionMembers(graph).instructions
    if len(inside) < MIN_REGION_SIZE:
        return graph
    layers = RegionLayers(graph, inside)
    return layers.rebuilt() if any(map(layers.pays, layers.members)) else graph


class RegionMembers:
    """Instructions that may be part of a region."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.instructions: set[int] = set()
        for n, instruction in graph.instructions.items():
            if (
                instruction.op is not None
                and type(instruction.dtype) is not tuple
                and instruction.dtype in NUMBER_TYPES
                and self._belongs(instruction)
            ):
                self.instructions.add(n)

    def _belongs(self, instruction: Instruction) -> bool:
        if is_formula(instruction):
            return all(map(self._is_number, instruction.args))
        if instruction.op is np.sum:
            return (
                len(instruction.args) == 1
                and not instruction.kwargs
                and self._is_known(instruction.args[0])
            )
        if not traits_in_plan(instruction.op).copies_numbers:
            return False
        if instruction.op is getitem and instruction.args[0] not in self.instructions:
            return self._is_element(instruction)
        first, last = NUMBER_ARGUMENTS.get(instruction.op, (0, None))
        sources = operands(instruction._replace(args=instruction.args[first:last]))
        # other operands, such as an index, and other keywords, such as a dtype, are no numbers
        plain = (
            len(sources) == len(operands(instruction))
            and instruction.kwargs.keys() <= POSITION_KEYWORDS
        )
        return (
            plain
            and all(map(self._is_known, sources))
            and math.prod(instruction.shape) <= MAX_ELEMENTS_PER_OPERAND * len(sources)
        )

    def _is_number(self, a: Any) -> bool:
        if type(a) is Operand:
            instruction = self.graph.instructions[a]
            return instruction.shape == () and (
                instruction.dtype in NUMBER_TYPES or _is_double(self.graph.bound.get(a))
            )
        return _is_double(a)

    def _is_known(self, a: Operand) -> bool:
        """Return whether each element of an operand has a register."""
        return (
            a in self.instructions
            or self._is_number(a)
            or (a in self.graph.bound and self.graph.instructions[a].dtype in NUMBER_TYPES)
        )

    def _is_element(self, instruction: Instruction) -> bool:
        a, *key = instruction.args
        return (
            type(a) is Operand
            and len(key) == len(self.graph.instructions[a].shape) > 0
            and all(type(k) is int for k in key)
        )


def _is_double(a: Any) -> bool:
    """Return whether a constant is exact in double precision, as arithmetic on doubles needs."""
    if np.ndim(a) != 0 or not isinstance(
        a, int | float | np.bool | np.integer | np.floating | np.ndarray
    ):
        return False
    try:
        x = float(a)
    except (OverflowError, TypeError):
        return False
    return bool(x == a or x != x)


def is_formula(instruction: Instruction) -> bool:
    """Return whether an instruction is one of the machine's ops, with its formula's dtype."""
    real, logical = NUMBER_TYPES
    return (
        instruction.shape == ()
        and not instruction.kwargs
        and (
            (instruction.op in REAL and instruction.dtype == real)
            or (instruction.op in LOGICAL and instruction.dtype == logical)
        )
    )


class RegionLayers:
    """Instructions layer by layer: in each, first those outside of regions, then its region."""

    def __init__(self, graph: Graph, inside: set[int]) -> None:
        self.graph, self.counts = graph, count_uses(graph)
        self.outside: dict[int, list[int]] = defaultdict(list)
        self.members: dict[int, list[int]] = defaultdict(list)
        layer: dict[int, int] = {}
        for n, instruction in graph.instructions.items():
            layer[n] = k = max(
                (layer[a] + (a in inside and n not in inside) for a in operands(instruction)),
                default=0,
            )
            (self.members if n in inside else self.outside)[k].append(n)
        self.region = {n: k for k, members in self.members.items() for n in members}
        self.fresh = max(graph.instructions) + 1

    def pays(self, k: int) -> bool:
        """Return whether the region of a layer is worth a call."""
        return (
            sum(is_formula(self.graph.instructions[n]) for n in self.members[k]) >= MIN_REGION_SIZE
        )

    def rebuilt(self) -> Graph:
        """Return the graph with one instruction for each region that pays."""
        instructions, read = self.graph.instructions, self._read()
        result: dict[int, Instruction] = {}
        for k in sorted(self.members.keys() | self.outside.keys()):
            result.update((n, instructions[n]) for n in self.outside[k])
            if self.pays(k):
                result.update(self._lower_region(self.members[k], read))
            else:
                result.update((n, instructions[n]) for n in self.members[k])
        return eliminate_dead_code(replace(self.graph, instructions=result))

    def _read(self) -> set[int]:
        """Return the values that are read outside of their region."""
        read = set(self.graph.outputs)
        for n, instruction in self.graph.instructions.items():
            mine = self.region.get(n)
            read.update(a for a in operands(instruction) if self.region.get(a) != mine)
        return read

    def _lower_region(self, members: list[int], read: set[int]) -> dict[int, Instruction]:
        """Return a region as one instruction, and its results under their old ids."""
        instructions, lowering = self.graph.instructions, Lowering(self.graph, self.counts)
        for n in members:
            lowering.add(n, instructions[n])
        wanted = [n for n in members if n in read]
        machine, args = lowering.machine(wanted)
        shapes, dtypes = (
            tuple(instructions[n].shape for n in wanted),
            tuple(instructions[n].dtype for n in wanted),
        )
        if len(wanted) == 1:
            return {
                wanted[0]: Instruction(
                    on_machine, (machine, *args), NO_KWARGS, shapes[0], dtypes[0]
                )
            }
        together = Operand(self.fresh)
        self.fresh += 1
        result = {
            int(together): Instruction(on_machine, (machine, *args), NO_KWARGS, shapes, dtypes)
        }
        for k, n in enumerate(wanted):
            result[n] = Instruction(output, (together, k), NO_KWARGS, shapes[k], dtypes[k])
        return result
