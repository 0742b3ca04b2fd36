"""Patterns of elementwise ops, and of ops that move elements."""

from math import prod

import numpy as np

from ...program.steps import Operand
from ...rules.registration import RULES
from ..sparsity_pattern import grouping_pattern, selection_pattern
from .uses import OperandUse, PatternFactors, element_numbers, full_pattern, labels_over_outputs


def elementwise_pattern(use: OperandUse) -> PatternFactors:
    """Let an element depend on the one at its position in the operand, which is broadcast."""
    if use.shape == use.y_shape:
        return ()
    labels = labels_over_outputs(
        use.y_shape, lambda shape: np.broadcast_to(element_numbers(use.shape), shape)
    )
    return (selection_pattern(labels, use.size),)


def multiplication_pattern(use: OperandUse) -> PatternFactors:
    """Return the pattern of a product; a constant factor of zero leaves no entry."""
    other = 1 - use.k
    if not use.constant(other) or np.all(use.args[other]):
        return elementwise_pattern(use)
    kept = np.broadcast_to(np.not_equal(use.args[other], 0), use.y_shape)
    labels = np.broadcast_to(element_numbers(use.shape), use.y_shape)
    return (selection_pattern(np.where(kept, labels, -1), use.size),)


def where_pattern(use: OperandUse) -> PatternFactors:
    """Return the pattern of `where`; if the condition is a constant, of what it selects."""
    return moving_pattern(use) if use.constant(0) else elementwise_pattern(use)


def moving_pattern(use: OperandUse) -> PatternFactors:
    """Return the pattern of an op that moves elements.

    The op is applied to the numbers of the elements, counted from 1: the result says where each
    element comes from, or 0 if it is new.
    """
    vjps = RULES[use.op].pulls
    if any(type(a) is Operand and not vjps[j,] for j, a in enumerate(use.args)):
        return full_pattern(use)  # an index that depends on values
    samples = [
        np.zeros(shape, int) if vjps[j,] else a
        for j, (a, shape) in enumerate(zip(use.args, use.shapes, strict=True))
    ]
    samples[use.k] = 1 + element_numbers(use.shape)
    keywords = {k: v for k, v in use.kwargs.items() if k not in ("dtype", "casting")}
    y = RULES[use.op].run(samples, keywords)
    outputs = y if isinstance(y, tuple | list) else (y,)
    labels = np.concatenate([np.ravel(part) for part in outputs])
    return (selection_pattern(labels - 1, use.size),)


def scatter_pattern(use: OperandUse) -> PatternFactors:
    """Let each element go where the index says; several may go to one."""
    key = use.args[2:]
    if any(type(a) is Operand for a in key):
        return full_pattern(use)
    labels = np.broadcast_to(element_numbers(use.y_shape)[key], use.shape)
    return (grouping_pattern(labels, prod(use.y_shape)),)


def output_pattern(use: OperandUse) -> PatternFactors:
    """Return the pattern of one output of several."""
    k = use.args[1]
    return (
        selection_pattern(sum(map(prod, use.shape[:k])) + element_numbers(use.shape[k]), use.size),
    )
