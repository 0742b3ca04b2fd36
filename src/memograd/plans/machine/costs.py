"""Cost model of regions with arrays: nanoseconds of NumPy's lines and of the machine's rows.

Measured on one core of an AMD EPYC with AVX2, NumPy 2.4 and Numba 0.68, on arrays of 14 to 4,000
numbers. A line of NumPy costs 0.1 to 1.6 µs before it computes anything, a row 10 to 60 ns. For
functions, the times of NumPy lie between those with AVX2 and with AVX-512, which differ by 5 to 9.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ...rules.elementwise import sech_squared
from ...rules.indexing import getitem, scatter
from ..ir import Graph, Instruction, operands
from ..kernels import inner
from .array_opcodes import FLAT_FORMULAS
from .opcodes import LOGICAL, REAL


class Cost(NamedTuple):
    """Nanoseconds of a call, and of each number."""

    call: float
    number: float

    def of(self, size: int) -> float:
        """Return the time for so many numbers."""
        return self.call + self.number * size


NUMPY_NUMBER = Cost(100, 0)
NUMPY_UFUNC = Cost(450, 0.3)
NUMPY_FUNCTION = Cost(500, 4)
NUMPY_GATHER = Cost(1500, 2)
NUMPY_VIEW = Cost(140, 0)
NUMPY_COSTS: dict[Any, Cost] = {
    np.exp: Cost(500, 2.5),
    sech_squared: Cost(2000, 5),
    np.where: Cost(1000, 0.6),
    np.power: Cost(600, 8),
    np.sum: Cost(1250, 0.3),
    np.max: Cost(1400, 0.3),
    np.min: Cost(1400, 0.3),
    np.concatenate: Cost(800, 0.3),
    np.stack: Cost(2500, 0.3),
    np.roll: Cost(6000, 0.5),
    scatter: Cost(1000, 0.3),
    inner: Cost(1100, 0.1),
}

NUMPY_PART = 60.0
"""Nanoseconds of NumPy for each part of a concatenation."""

FLAT_ROW = Cost(12, 0.3)
EXPONENTIAL_ROW = Cost(20, 3)
FUNCTION_ROW = Cost(12, 12)
COPY_ROW = Cost(25, 0.3)
GATHER_ROW = Cost(25, 1)
EXTREME_ROW = Cost(40, 3)
"""Along the last axis, a maximum takes one number after the other."""

SUM_ROW = Cost(30, 0.35)
REDUCTION_ROWS: dict[Any, Cost] = {
    np.sum: SUM_ROW,
    inner: SUM_ROW,
    np.max: EXTREME_ROW,
    np.min: EXTREME_ROW,
}

NUMPY_PRODUCT = Cost(1250, 0.05)
ROW_OF_PRODUCT = Cost(15, 0.2)
"""Product of a row and a matrix, for each multiplication."""

LOAD = Cost(350, 0.3)
RESULT = Cost(400, 0.4)
CALL = 2500.0
"""Call of a machine, without its operands and results."""

WORTHWHILE = 1500.0
"""Least time that a machine saves in a call: loading Numba takes 100,000 times as long."""

EXPONENTIALS = {np.exp, np.tanh, sech_squared}


def time_saved(graph: Graph, instruction: Instruction) -> float:
    """Return how much faster the machine runs an instruction than NumPy, in nanoseconds."""
    op: Any = instruction.op
    shape: tuple[int, ...] = instruction.shape
    shapes: list[tuple[int, ...]] = [graph.instructions[a].shape for a in operands(instruction)]
    if op is np.matmul:
        count = math.prod(shape) * shapes[0][-1]
        rows = math.prod(shape[:-1])
        return NUMPY_PRODUCT.of(count) - rows * ROW_OF_PRODUCT.call - ROW_OF_PRODUCT.number * count
    if op in REAL or op in LOGICAL:
        return _saved_by_formula(op, shape, shapes)
    if op in REDUCTION_ROWS:
        size = math.prod(shapes[0])
        return NUMPY_COSTS[op].of(size) - REDUCTION_ROWS[op].of(size)
    if op is getitem and len(shapes) > 1:
        return NUMPY_GATHER.of(math.prod(shape)) - GATHER_ROW.of(math.prod(shape))
    copies = len(shapes) * (COPY_ROW.call - NUMPY_PART) + COPY_ROW.number * math.prod(shape)
    return NUMPY_COSTS[op].of(math.prod(shape)) - copies if op in NUMPY_COSTS else NUMPY_VIEW.call


def _saved_by_formula(op: Any, shape: tuple[int, ...], shapes: list[tuple[int, ...]]) -> float:
    """Return how much the machine saves by a formula, whose operands may be broadcast."""
    size = math.prod(shape)
    if shape == ():
        return NUMPY_NUMBER.call
    formula = REAL.get(op) or LOGICAL[op]
    copies = sum(math.prod(shape) not in (1, size) for shape in shapes)
    is_flat = formula in FLAT_FORMULAS
    if op in EXPONENTIALS:
        row = EXPONENTIAL_ROW
    else:
        row = FLAT_ROW if is_flat else FUNCTION_ROW
    simple = op in LOGICAL or (is_flat and op not in EXPONENTIALS)
    numpys = NUMPY_COSTS.get(op, NUMPY_UFUNC if simple else NUMPY_FUNCTION)
    return numpys.of(size) - row.of(size) - copies * COPY_ROW.of(size)
