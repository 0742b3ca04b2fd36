"""Regions with arrays: many instructions on short arrays become one program of the machine.

A line of NumPy on 14 numbers takes 0.1 to 1.6 µs, a row of the machine 10 to 60 ns. For an LSTM of
256 steps of 14 numbers, value and gradient take a 30th of the time of NumPy's lines; for an ODE of
10 steps, an 11th with 1,000 numbers and a 30th with 30.

Kernels that are printed for each region and compiled by Numba were measured too. They run in 0.53
to 0.78 of the machine's time, but take 0.1 s of compilation for each row: 3 s for 32 rows, 17 s for
140, of which an LSTM of 1,024 steps has 90,000.

The pass is not exact: exponentials and other functions differ from NumPy's in the last places, sums
of products are taken in the order of the rows, and sums along several axes in that of the numbers.
Sums along the last axis are pairwise, as in NumPy.
"""

import math
from typing import Any

import networkx as nx
import numpy as np

from ...program.steps import Operand
from ...rules.indexing import getitem, scatter
from ..ir import Graph, Instruction, operands
from ..kernels import inner
from .array_lowering import BASIC_INDEX, ArrayLowering
from .costs import CALL, LOAD, RESULT, WORTHWHILE, time_saved
from .interpreter import array_interpreter, find_njit
from .layers import RegionLayers
from .machine import on_machine
from .numbers import NUMBER_TYPES, is_double
from .opcodes import LOGICAL, REAL
from .schedule import in_order_of_death

MAX_ELEMENTS = 1 << 14
"""Size of the largest array in a region: 128 KB, a quarter of a core's second-level cache."""

WORST_LOSS = 4000.0
"""Nanoseconds that an instruction in a region may lose, since a second region costs more."""

REDUCTIONS = frozenset({np.sum, np.max, np.min})

VIEW_OPS = frozenset(
    {np.reshape, np.ravel, np.squeeze, np.expand_dims, np.transpose, np.swapaxes, np.moveaxis,
     np.broadcast_to}
)  # fmt: skip

JOINS = frozenset({np.concatenate, np.stack})


def lower_array_regions(graph: Graph) -> Graph:
    """Replace each region with arrays that pays by one call of a machine."""
    layers = find_array_regions(graph)
    return graph if layers is None or array_interpreter() is None else layers.rebuilt()


def misses_numba(graph: Graph) -> bool:
    """Return whether a plan would run on compiled code, if Numba could be imported."""
    has_machine = any(i.op is on_machine for i in graph.instructions.values())
    return (has_machine or find_array_regions(graph) is not None) and find_njit() is None


def find_array_regions(graph: Graph) -> "ArrayLayers | None":
    """Return the layers of a graph with regions that pay; None if there are none."""
    inside = {n for n, instruction in graph.instructions.items() if belongs(graph, instruction)}
    if not any(is_array_formula(graph.instructions[n]) for n in inside):
        return None
    layers = ArrayLayers(graph, inside)
    return layers if any(map(layers.pays, layers.members)) else None


def is_array_formula(instruction: Instruction) -> bool:
    """Return whether an instruction computes an array, even if that has one number."""
    computes = instruction.op in REAL or instruction.op in LOGICAL or instruction.op is np.matmul
    return computes and instruction.shape != ()


def belongs(graph: Graph, instruction: Instruction) -> bool:
    """Return whether the machine knows an instruction, and does not lose much by it."""
    if instruction.op is None or not _is_short(instruction):
        return False
    known = ARGUMENT_TESTS.get(instruction.op)
    return (
        known is not None
        and all(_is_readable(graph, a) for a in operands(instruction))
        and known(graph, instruction)
        and time_saved(graph, instruction) > -WORST_LOSS
    )


def _is_short(instruction: Instruction) -> bool:
    """Return whether a result is a short array, not empty, that double precision holds."""
    shape, dtype = instruction.shape, instruction.dtype
    return (
        type(shape) is tuple
        and type(dtype) is not tuple
        and dtype in NUMBER_TYPES
        and 0 < math.prod(shape) <= MAX_ELEMENTS
    )


def _is_readable(graph: Graph, a: Operand) -> bool:
    """Return whether the machine can load an operand, or has it as a constant."""
    value = graph.bound.get(a)
    if value is None:
        return _is_short(graph.instructions[a])
    if np.ndim(value) == 0:
        return is_double(value)
    return _is_integer_array(value) or (
        type(value) is np.ndarray and _is_short(graph.instructions[a])
    )


def _knows_formula(graph: Graph, instruction: Instruction) -> bool:
    dtype = NUMBER_TYPES[instruction.op in LOGICAL]
    return (
        not instruction.kwargs
        and instruction.dtype == dtype
        and all(_is_operand_of_formula(graph, a) for a in instruction.args)
    )


def _is_operand_of_formula(graph: Graph, a: Any) -> bool:
    if type(a) is not Operand:
        return is_double(a)
    return graph.instructions[a].dtype in NUMBER_TYPES or (
        a in graph.bound and np.ndim(graph.bound[a]) == 0
    )


def _knows_reduction(graph: Graph, instruction: Instruction) -> bool:
    return (
        len(instruction.args) == 1
        and instruction.kwargs.keys() <= {"axis", "keepdims"}
        and _are_double(graph, instruction)
    )


def _knows_reshape(graph: Graph, instruction: Instruction) -> bool:
    return (
        len(operands(instruction)) == 1
        and instruction.kwargs.get("order", "C") == "C"
        and _are_double(graph, instruction)
    )


def _knows_index(graph: Graph, instruction: Instruction) -> bool:
    key = instruction.args[2 if instruction.op is scatter else 1 :]
    constants = [graph.bound.get(a) if type(a) is Operand else a for a in key]
    known = all(type(part) in BASIC_INDEX or _is_integer_array(part) for part in constants)
    source = graph.instructions[instruction.args[0]]
    return known and _is_double(instruction) and _is_double(source)


def _is_integer_array(a: Any) -> bool:
    return type(a) is np.ndarray and a.dtype.kind in "iu" and a.ndim > 0


def _knows_join(graph: Graph, instruction: Instruction) -> bool:
    return (
        len(operands(instruction)) == len(instruction.args)
        and instruction.kwargs.keys() <= {"axis"}
        and type(instruction.kwargs.get("axis", 0)) is int
        and _are_double(graph, instruction)
    )


def _knows_roll(graph: Graph, instruction: Instruction) -> bool:
    axis = instruction.kwargs.get("axis")
    return (
        isinstance(instruction.kwargs.get("shift"), int | np.integer)
        and (type(axis) is int or (axis is None and len(instruction.shape) == 1))
        and _are_double(graph, instruction)
    )


def _knows_product(graph: Graph, instruction: Instruction) -> bool:
    shapes = [graph.instructions[a].shape for a in operands(instruction)]
    return (
        len(shapes) == len(instruction.args) == 2
        and not instruction.kwargs
        and all(1 <= len(shape) <= 2 for shape in shapes)
        and _are_double(graph, instruction)
    )


def _are_double(graph: Graph, instruction: Instruction) -> bool:
    """Return whether operands and result are in double precision, not truth values."""
    return _is_double(instruction) and all(
        _is_double(graph.instructions[a]) for a in operands(instruction)
    )


def _is_double(instruction: Instruction) -> bool:
    return bool(instruction.dtype == NUMBER_TYPES[0])


ARGUMENT_TESTS = {
    **dict.fromkeys([*REAL, *LOGICAL], _knows_formula),
    **dict.fromkeys(REDUCTIONS, _knows_reduction),
    **dict.fromkeys(VIEW_OPS, _knows_reshape),
    **dict.fromkeys(JOINS, _knows_join),
    np.roll: _knows_roll,
    getitem: _knows_index,
    scatter: _knows_index,
    np.matmul: _knows_product,
    inner: _knows_product,
}
"""For each op of the machine on arrays, a test of its arguments."""


class ArrayLayers(RegionLayers):
    """Layers of instructions on arrays and numbers.

    A part of a region that no path connects with the rest belongs to it only if it pays for its
    operands and results.
    """

    def __init__(self, graph: Graph, inside: set[int]) -> None:
        super().__init__(graph, inside)
        self.read = self.read_elsewhere()
        self.order = {n: k for k, n in enumerate(graph.instructions)}
        self.saved = {k: self._drop_losses(k) for k in list(self.members)}

    def pays(self, k: int) -> bool:
        """Return whether the region of a layer is worth a call."""
        return self.saved.get(k, 0.0) > CALL + WORTHWHILE

    def _drop_losses(self, k: int) -> float:
        """Drop the parts of a region that do not pay; return how much the others save."""
        parts = self._connected_parts(k)
        gains = [self._gain(part) for part in parts]
        lost = [n for part, gain in zip(parts, gains, strict=True) if gain <= 0 for n in part]
        for n in lost:
            del self.region[n]
        self.outside[k] += lost
        self.members[k] = in_order_of_death(
            self.graph, [n for n in self.members[k] if n in self.region]
        )
        return sum(gain for part, gain in zip(parts, gains, strict=True) if gain > 0)

    def _connected_parts(self, k: int) -> list[list[int]]:
        """Return the members of a region in connected parts, each in topological order."""
        edges = nx.Graph()
        edges.add_nodes_from(self.members[k])
        for n in self.members[k]:
            edges.add_edges_from(
                (n, int(a)) for a in operands(self.graph.instructions[n]) if a in edges
            )
        return [sorted(part, key=self.order.__getitem__) for part in nx.connected_components(edges)]

    def _gain(self, part: list[int]) -> float:
        """Return the nanoseconds that the machine saves; 0 without computations on arrays."""
        graph, inside = self.graph, set(part)
        if not any(is_array_formula(graph.instructions[n]) for n in part):
            return 0.0
        given = {a for n in part for a in operands(graph.instructions[n])} - inside
        given -= graph.bound.keys()
        return (
            sum(time_saved(graph, graph.instructions[n]) for n in part)
            - sum(LOAD.of(self._size(a)) for a in given)
            - sum(RESULT.of(self._size(n)) for n in part if n in self.read)
        )

    def _size(self, n: int) -> int:
        return math.prod(self.graph.instructions[n].shape)

    def lowering(self, members: list[int]) -> Any:
        """Return the lowering of a region."""
        sizes = (self._size(a) for n in members for a in (n, *operands(self.graph.instructions[n])))
        return ArrayLowering(self.graph, self.counts, max(sizes))
