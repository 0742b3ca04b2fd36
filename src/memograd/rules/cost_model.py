"""Cost model of rematerialisation: what it would cost to run a step again.

The unit is one element read, written or multiplied. Times are not measured, so that the logs are
the same on every machine.
"""

from math import prod, sqrt
from typing import Any

from ..program.steps import Operand, Steps
from .registration import RULES


def size_of(shape: Any) -> int:
    """Return the number of elements of a shape, or of several shapes together."""
    return sum(map(size_of, shape)) if shape and isinstance(shape[0], tuple) else prod(shape)


def bytes_of(shape: Any, dtype: Any) -> int:
    """Return the bytes of an array, or of several arrays together."""
    return (
        sum(map(bytes_of, shape, dtype))
        if type(dtype) is tuple
        else prod(shape) * int(dtype.itemsize)
    )


def constant_size(a: Any) -> int:
    """Return the number of elements of a constant; 1 for a type, whose `size` is no number."""
    return 1 if isinstance(a, type) else getattr(a, "size", 1)


def cost_of(steps: Steps, n: int) -> float:
    """Return the number of elements that node n reads and writes, plus its multiplications.

    Only products of arrays have multiplications to count.
    """
    step = steps[n]
    sizes = [size_of(steps[a].shape) if type(a) is Operand else constant_size(a) for a in step.args]
    sizes.append(size_of(step.shape))
    # (m, k) @ (k, n) multiplies m·k·n times, the root of the product of the three sizes
    products = sqrt(prod(sizes)) if RULES[step.op].kind == "multilinear" else 0.0
    return sum(sizes) + products


def cost_of_cotangent(steps: Steps, consumers: Any) -> float:
    """Return the cost of a cotangent, estimated as that of its consumers.

    Their rules read and write arrays of the same sizes.
    """
    return sum(cost_of(steps, c) for c in consumers)
