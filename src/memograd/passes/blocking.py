"""Elementwise steps on large arrays, run block by block, so that what passes from one to the next stays in the cache.

Only results that somebody else reads are arrays as a whole. Exact: a ufunc gives the same bits on a part as on the whole.
Steps may be run together if no path leads from one to another through a step that is not among them: each step has a level,
that of its operands, and one more where it is of another kind than they are; steps of one kind and level are such a set.
"""

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from ..facts import ELEMENTWISE, in_order, size_of
from ..slices import Draft, Slice, Step, operands

LEAST = 1 << 18
"""Bytes of an array from which blocks pay."""

BLOCK = 1 << 16
"""Bytes of a block."""

FEWEST = 3
"""Steps from which blocks pay: each costs a call for every block."""


def blocked(slice: Slice) -> Slice:
    """The slice with its blocks, each in one piece."""
    slice = _bound(slice)
    kinds = kinds_of(slice)
    if not kinds:
        return slice
    blocks = [block for block in components(slice, kinds) if len(block) >= FEWEST]
    return replace(slice, steps=scheduled(slice, blocks), blocks=tuple(map(tuple, blocks)))


def _bound(slice: Slice) -> Slice:
    """The slice with steps for the array constants of large elementwise steps: they are cut, too."""
    draft = Draft(slice)
    for n, step in draft:
        large = step.op in ELEMENTWISE and size_of(step.shape, step.dtype) >= LEAST and any(isinstance(a, np.ndarray) for a in step.args)
        if large:
            step = step._replace(args=tuple(draft.bind(a) if isinstance(a, np.ndarray) else a for a in step.args))
        draft.keep(n, step)
    return draft.finished()


def kinds_of(slice: Slice) -> dict[int, tuple[Any, int]]:
    """The steps that can be run by blocks: their shape and their level."""
    steps, ordered = slice.steps, in_order(slice)
    shapes = {n: step.shape for n, step in steps.items() if n in ordered and is_large(steps, ordered, step)}
    levels: dict[int, int] = {}
    for n, step in steps.items():
        below = (levels[a] + (steps[a].op is not None and shapes.get(a) != shapes.get(n)) for a in operands(step))
        levels[n] = max(below, default=0)
    return {n: (shape, levels[n]) for n, shape in shapes.items()}


def is_large(steps: dict[int, Step], ordered: set[int], step: Step) -> bool:
    """Whether a step is elementwise, on arrays that are large enough, and of rows that are small enough."""
    if step.op not in ELEMENTWISE or step.kwargs or not step.shape or size_of(step.shape, step.dtype) < LEAST:
        return False
    return rows_of(step) > 0 and all(_is_cut_or_whole(steps[a], step, a in ordered) for a in operands(step))


def _is_cut_or_whole(operand: Step, step: Step, ordered: bool) -> bool:
    """Whether an operand has the step's shape, and is cut as it is, or is the same for all rows."""
    return (operand.shape == step.shape and ordered) or len(operand.shape) < len(step.shape) or operand.shape[0] == 1


def rows_of(step: Step) -> int:
    """How many rows a block has."""
    return int(BLOCK // max(1, size_of(step.shape[1:], step.dtype)))


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


def scheduled(slice: Slice, blocks: list[list[int]]) -> dict[int, Step]:
    """The steps in an order in which each block is in one piece, otherwise as they were."""
    block_of = {n: block for block in blocks for n in block}
    done: dict[int, Step] = {}
    for first in slice.steps:
        stack = [first]
        while stack:
            n = stack[-1]
            members = block_of.get(n, [n])
            missing = [a for m in members for a in operands(slice.steps[m]) if a not in done and block_of.get(a) is not members]
            if n in done or not missing:
                done.update((m, slice.steps[m]) for m in members if m not in done)
                stack.pop()
            stack += map(int, missing if n not in done else ())
    return done
