"""Links of ops that take their operands element by element, and of ops that move elements about."""

from math import prod

import numpy as np

from ...program.steps import Operand
from ...rules.registration import RULES
from ..sparsity_pattern import grouped, picked
from .uses import Link, Use, everything, numbers, over_outputs


def each(use: Use) -> Link:
    """An element of the result depends on the one that stands there, when the operand is broadcast."""
    if use.shape == use.y_shape:
        return ()
    return (picked(over_outputs(use.y_shape, lambda shape: np.broadcast_to(numbers(use.shape), shape)), use.size),)


def multiplied(use: Use) -> Link:
    """As `each`; a constant factor that is zero leaves nothing."""
    other = 1 - use.k
    if not use.constant(other) or np.all(use.args[other]):
        return each(use)
    kept = np.broadcast_to(np.not_equal(use.args[other], 0), use.y_shape)
    return (picked(np.where(kept, np.broadcast_to(numbers(use.shape), use.y_shape), -1), use.size),)


def chosen(use: Use) -> Link:
    """As `each`; where the condition is a constant, only what it chooses."""
    return moved(use) if use.constant(0) else each(use)


# ---------------------------------------------------------------------------------------------- elements that are moved


def moved(use: Use) -> Link:
    """The op itself shows where each element comes from, when it is applied to their numbers, counted from 1."""
    lines = RULES[use.op].lines
    if any(type(a) is Operand and not lines[j,] for j, a in enumerate(use.args)):
        return everything(use)  # an index that depends on values
    run = [np.zeros(shape, int) if lines[j,] else a for j, (a, shape) in enumerate(zip(use.args, use.shapes, strict=True))]
    run[use.k] = 1 + numbers(use.shape)
    y = RULES[use.op].run(run, {name: value for name, value in use.kwargs.items() if name not in ("dtype", "casting")})
    return (picked(np.concatenate([np.ravel(part) for part in (y if isinstance(y, tuple | list) else (y,))]) - 1, use.size),)


def scattered(use: Use) -> Link:
    """Each element goes to where the index says, where several may meet."""
    key = use.args[2:]
    if any(type(a) is Operand for a in key):
        return everything(use)
    return (grouped(np.broadcast_to(numbers(use.y_shape)[key], use.shape), prod(use.y_shape)),)


def output(use: Use) -> Link:
    """One output of several."""
    k = use.args[1]
    return (picked(sum(map(prod, use.shape[:k])) + numbers(use.shape[k]), use.size),)
