"""Elementwise steps on large arrays, run block by block, so that what passes from one to the next stays in the cache.

Only results that somebody else reads are arrays as a whole. Exact: a ufunc gives the same bits on a part as on the whole.
Steps may be run together if no path leads from one to another through a step that is not among them: each step has a level,
that of its operands, and one more where it is of another kind than they are; steps of one kind and level are such a set.
"""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from ...rules.cost_model import bytes_of
from ..ir import Graph, Instruction, operands, topological_order
from ..op_traits import ELEMENTWISE, c_ordered_steps

MIN_TILED_BYTES = 1 << 18
"""Bytes of an array from which blocks pay."""

TILE_BYTES = 1 << 16
"""Bytes of a block."""

MIN_TILED_INSTRUCTIONS = 3
"""Steps from which blocks pay: each costs a call for every block."""


def tile_elementwise(graph: Graph) -> Graph:
    """The slice with its blocks, each in one piece."""
    kinds = tiling_kinds(graph) if any(map(is_tileable, graph.steps.values())) else {}
    if not kinds:
        return graph
    blocks = [block for block in components(graph, kinds) if len(block) >= MIN_TILED_INSTRUCTIONS]
    return replace(graph, steps=topological_order(graph.steps, blocks), blocks=tuple(map(tuple, blocks)))


def tiling_kinds(graph: Graph) -> dict[int, tuple[Any, int]]:
    """The steps that can be run by blocks: their shape and their level."""
    steps, ordered = graph.steps, c_ordered_steps(graph)
    shapes = {n: step.shape for n, step in steps.items() if n in ordered and is_tileable(step) and can_tile_operands(steps, ordered, step)}
    levels: dict[int, int] = {}
    for n, step in steps.items():
        below = (levels[a] + (steps[a].op is not None and shapes.get(a) != shapes.get(n)) for a in operands(step))
        levels[n] = max(below, default=0)
    return {n: (shape, levels[n]) for n, shape in shapes.items()}


def is_tileable(step: Instruction) -> bool:
    """Whether a step is elementwise, on arrays that are large enough, and of rows that are small enough."""
    if step.op not in ELEMENTWISE or step.kwargs or not step.shape:
        return False
    return bytes_of(step.shape, step.dtype) >= MIN_TILED_BYTES and tile_rows(step) > 0


def can_tile_operands(steps: dict[int, Instruction], ordered: set[int], step: Instruction) -> bool:
    """Whether each operand has the step's shape, and is cut as it is, or is the same for all rows."""
    return all(
        (steps[a].shape == step.shape and a in ordered) or len(steps[a].shape) < len(step.shape) or steps[a].shape[0] == 1
        for a in operands(step)
    )


def tile_rows(step: Instruction) -> int:
    """How many rows a block has."""
    return int(TILE_BYTES // max(1, bytes_of(step.shape[1:], step.dtype)))


def components(graph: Graph, kinds: dict[int, tuple[Any, int]]) -> list[list[int]]:
    """The sets of steps of one kind that feed each other."""
    above = {n: n for n in kinds}

    def root(n: int) -> int:
        while above[n] != n:
            above[n] = n = above[above[n]]
        return n

    for n, kind in kinds.items():
        for a in operands(graph.steps[n]):
            if kinds.get(a) == kind:
                above[root(a)] = root(n)
    found: dict[int, list[int]] = defaultdict(list)
    for n in kinds:
        found[root(n)].append(n)
    return list(found.values())
