"""Tiling: elementwise ops on large arrays run tile by tile, so that intermediates stay in cache.

Only results that other instructions read become whole arrays. The pass is exact: a ufunc gives the
same bits on a part as on the whole.

Instructions may run in one loop if no path leads from one to another through an instruction outside
the loop. Each instruction has a level: that of its operands, and one more if it is of another kind
than they are. Instructions of one kind and level are such a set.

References
----------
M. Wolfe: More iteration space tiling, Supercomputing 1989.
"""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from ...rules.cost_model import bytes_of
from ..ir import Graph, Instruction, operands, topological_order
from ..op_traits import ELEMENTWISE, c_ordered_steps

MIN_TILED_BYTES = 1 << 18
"""Bytes of an array from which tiling pays."""

TILE_BYTES = 1 << 16
"""Bytes of a tile."""

MIN_TILED_INSTRUCTIONS = 3
"""Number of instructions from which tiling pays: each costs a call per tile."""


def tile_elementwise(graph: Graph) -> Graph:
    """Group elementwise instructions on large arrays into blocks that run tile by tile."""
    kinds = tiling_kinds(graph) if any(map(is_tileable, graph.instructions.values())) else {}
    if not kinds:
        return graph
    blocks = [block for block in components(graph, kinds) if len(block) >= MIN_TILED_INSTRUCTIONS]
    return replace(
        graph,
        instructions=topological_order(graph.instructions, blocks),
        blocks=tuple(map(tuple, blocks)),
    )


def tiling_kinds(graph: Graph) -> dict[int, tuple[Any, int]]:
    """Return shape and level of the instructions that can be tiled."""
    instructions, ordered = graph.instructions, c_ordered_steps(graph)
    shapes = {
        n: instruction.shape
        for n, instruction in instructions.items()
        if n in ordered
        and is_tileable(instruction)
        and can_tile_operands(instructions, ordered, instruction)
    }
    levels: dict[int, int] = {}
    for n, instruction in instructions.items():
        operand_levels = (
            levels[a] + (instructions[a].op is not None and shapes.get(a) != shapes.get(n))
            for a in operands(instruction)
        )
        levels[n] = max(operand_levels, default=0)
    return {n: (shape, levels[n]) for n, shape in shapes.items()}


def is_tileable(instruction: Instruction) -> bool:
    """Return whether an instruction is elementwise, on large arrays of small enough rows."""
    if instruction.op not in ELEMENTWISE or instruction.kwargs or not instruction.shape:
        return False
    return (
        bytes_of(instruction.shape, instruction.dtype) >= MIN_TILED_BYTES
        and tile_rows(instruction) > 0
    )


def can_tile_operands(
    instructions: dict[int, Instruction], ordered: set[int], instruction: Instruction
) -> bool:
    """Return whether each operand is tiled along with the result, or is the same for all rows."""
    return all(
        (instructions[a].shape == instruction.shape and a in ordered)
        or len(instructions[a].shape) < len(instruction.shape)
        or instructions[a].shape[0] == 1
        for a in operands(instruction)
    )


def tile_rows(instruction: Instruction) -> int:
    """Return the number of rows of a tile."""
    return int(TILE_BYTES // max(1, bytes_of(instruction.shape[1:], instruction.dtype)))


def components(graph: Graph, kinds: dict[int, tuple[Any, int]]) -> list[list[int]]:
    """Return the connected sets of instructions of one kind."""
    parent = {n: n for n in kinds}

    def root(n: int) -> int:
        """Return the representative of n's set; shorten the path to it."""
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]
        return n

    for n, kind in kinds.items():
        for a in operands(graph.instructions[n]):
            if kinds.get(a) == kind:
                parent[root(a)] = root(n)
    result: dict[int, list[int]] = defaultdict(list)
    for n in kinds:
        result[root(n)].append(n)
    return list(result.values())
