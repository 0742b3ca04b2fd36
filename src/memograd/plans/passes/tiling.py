"""Elementwise steps on large arrays, run block by block, so that what passes from one to the next stays in the cache.

Only results that somebody else reads are arrays as a whole. Exact: a ufunc gives the same bits on a part as on the whole.
Steps may be run together if no path leads from one to another through a step that is not among them: each step has a level,
that of its operands, and one more where it is of another kind than they are; steps of one kind and level are such a set.
"""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from ...rules.cost_model import bytes_of
from ..ir import Slice, Step, operands, scheduled
from ..op_traits import ELEMENTWISE, in_order

LEAST = 1 << 18
"""Bytes of an array from which blocks pay."""

BLOCK = 1 << 16
"""Bytes of a block."""

FEWEST = 3
"""Steps from which blocks pay: each costs a call for every block."""


def blocked(slice: Slice) -> Slice:
    """The slice with its blocks, each in one piece."""
    kinds = kinds_of(slice) if any(map(is_large, slice.steps.values())) else {}
    if not kinds:
        return slice
    blocks = [block for block in components(slice, kinds) if len(block) >= FEWEST]
    return replace(slice, steps=scheduled(slice.steps, blocks), blocks=tuple(map(tuple, blocks)))


def kinds_of(slice: Slice) -> dict[int, tuple[Any, int]]:
    """The steps that can be run by blocks: their shape and their level."""
    steps, ordered = slice.steps, in_order(slice)
    shapes = {n: step.shape for n, step in steps.items() if n in ordered and is_large(step) and is_cut(steps, ordered, step)}
    levels: dict[int, int] = {}
    for n, step in steps.items():
        below = (levels[a] + (steps[a].op is not None and shapes.get(a) != shapes.get(n)) for a in operands(step))
        levels[n] = max(below, default=0)
    return {n: (shape, levels[n]) for n, shape in shapes.items()}


def is_large(step: Step) -> bool:
    """Whether a step is elementwise, on arrays that are large enough, and of rows that are small enough."""
    if step.op not in ELEMENTWISE or step.kwargs or not step.shape:
        return False
    return bytes_of(step.shape, step.dtype) >= LEAST and rows_of(step) > 0


def is_cut(steps: dict[int, Step], ordered: set[int], step: Step) -> bool:
    """Whether each operand has the step's shape, and is cut as it is, or is the same for all rows."""
    return all(
        (steps[a].shape == step.shape and a in ordered) or len(steps[a].shape) < len(step.shape) or steps[a].shape[0] == 1
        for a in operands(step)
    )


def rows_of(step: Step) -> int:
    """How many rows a block has."""
    return int(BLOCK // max(1, bytes_of(step.shape[1:], step.dtype)))


def components(slice: Slice, kinds: dict[int, tuple[Any, int]]) -> list[list[int]]:
    """The sets of steps of one kind that feed each other."""
    above = {n: n for n in kinds}

    def root(n: int) -> int:
        while above[n] != n:
            above[n] = n = above[above[n]]
        return n

    for n, kind in kinds.items():
        for a in operands(slice.steps[n]):
            if kinds.get(a) == kind:
                above[root(a)] = root(n)
    found: dict[int, list[int]] = defaultdict(list)
    for n in kinds:
        found[root(n)].append(n)
    return list(found.values())
