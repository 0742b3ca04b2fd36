"""Layers of a graph: in each, a region that becomes one program, and what must run before it.

No path between two instructions of a region may lead outside of it, or the region would wait for
itself. So instructions are put into layers, by how often the paths to them leave a region; the
members of one layer are a region.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import replace
from typing import Any

from ...program.steps import Operand
from ...rules.call_binding import NO_KWARGS
from ..ir import Graph, Instruction, count_uses, eliminate_dead_code, operands
from .machine import machine_result, on_machine


class RegionLayers(ABC):
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

    @abstractmethod
    def pays(self, k: int) -> bool:
        """Return whether the region of a layer is worth a call."""

    @abstractmethod
    def lowering(self, members: list[int]) -> Any:
        """Return an empty program for a region."""

    def rebuilt(self) -> Graph:
        """Return the graph with one instruction for each region that pays."""
        instructions, read = self.graph.instructions, self.read_elsewhere()
        result: dict[int, Instruction] = {}
        for k in sorted(self.members.keys() | self.outside.keys()):
            result.update((n, instructions[n]) for n in self.outside[k])
            if self.pays(k):
                result.update(self._lower_region(self.members[k], read))
            else:
                result.update((n, instructions[n]) for n in self.members[k])
        return eliminate_dead_code(replace(self.graph, instructions=result))

    def read_elsewhere(self) -> set[int]:
        """Return the values that are read outside of their region."""
        read = set(self.graph.outputs)
        for n, instruction in self.graph.instructions.items():
            mine = self.region.get(n)
            read.update(a for a in operands(instruction) if self.region.get(a) != mine)
        return read

    def _lower_region(self, members: list[int], read: set[int]) -> dict[int, Instruction]:
        """Return a region as one instruction, and its results under their old ids."""
        instructions, lowering = self.graph.instructions, self.lowering(members)
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
            result[n] = Instruction(machine_result, (together, k), NO_KWARGS, shapes[k], dtypes[k])
        return result
