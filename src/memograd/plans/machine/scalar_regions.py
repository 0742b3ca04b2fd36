"""Scalar regions: many scalar instructions in double precision become one machine program.

The pass is not exact: functions of the machine may differ from NumPy's in the last places, and the
sum of an array of numbers is taken from left to right.
"""

import math
from typing import Any

import numpy as np

from ...program.steps import Operand
from ...rules.indexing import getitem
from ..ir import Graph, Instruction, operands
from ..kernels import scatter_numbers
from ..op_traits import traits_in_plan
from .layers import RegionLayers
from .numbers import NUMBER_TYPES, is_double
from .opcodes import LOGICAL, REAL
from .scalar_lowering import ScalarLowering

MIN_REGION_SIZE = 32
"""Least number of formulas in a region: a call of the machine costs as much as twenty."""

MAX_ELEMENTS_PER_OPERAND = 16
"""Largest array inside a region, per operand; a larger one is mostly constants."""

NUMBER_ARGUMENTS = {getitem: (0, 1), scatter_numbers: (2, None)}
"""Range of the arguments that are numbers, for moving ops that have other arguments too."""

POSITION_KEYWORDS = {"axis", "axes", "shape", "order"}
"""Keywords that only choose positions."""


def lower_scalar_regions(graph: Graph) -> Graph:
    """Replace each region of scalar instructions by one call of a machine."""
    inside = RegionMembers(graph).instructions
    if len(inside) < MIN_REGION_SIZE:
        return graph
    layers = ScalarLayers(graph, inside)
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
                instruction.dtype in NUMBER_TYPES or is_double(self.graph.bound.get(a))
            )
        return is_double(a)

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


class ScalarLayers(RegionLayers):
    """Layers of instructions on numbers."""

    def pays(self, k: int) -> bool:
        """Return whether the region of a layer has enough formulas."""
        return (
            sum(is_formula(self.graph.instructions[n]) for n in self.members[k]) >= MIN_REGION_SIZE
        )

    def lowering(self, members: list[int]) -> ScalarLowering:
        """Return an empty program on numbers."""
        return ScalarLowering(self.graph, self.counts)
