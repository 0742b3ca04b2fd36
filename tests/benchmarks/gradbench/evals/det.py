"""det: a determinant by expansion along the first row, in scalars.

Definition: https://github.com/gradbench/gradbench/tree/main/evals/det.
"""

from collections.abc import Sequence
from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator


def prepare(size: int) -> tuple[Inputs, Data]:
    return (generator().random((size, size)),), {}


def expand(rows: Sequence[Sequence[Any]]) -> Any:
    """Return the determinant of rows of scalars."""
    if len(rows) == 1:
        return rows[0][0]
    total, sign = 0.0, 1.0
    for j, entry in enumerate(rows[0]):
        minor = expand([[*row[:j], *row[j + 1 :]] for row in rows[1:]])
        total = total + sign * entry * minor
        sign = -sign
    return total


def objective(np: Any, d: Data, A: Any) -> Any:
    n = len(A)
    return expand([[A[i, j] for j in range(n)] for i in range(n)])


def manual(d: Data, A: numpy.ndarray) -> tuple[numpy.ndarray]:
    """Return the cofactors, in Python's floats."""
    rows, n = A.tolist(), len(A)
    return (numpy.array([[cofactor(rows, i, j) for j in range(n)] for i in range(n)]),)


def cofactor(rows: list[list[float]], i: int, j: int) -> float:
    minor = [row[:j] + row[j + 1 :] for row in rows[:i] + rows[i + 1 :]]
    return (-1.0) ** (i + j) * expand(minor)


EVAL = Eval(
    "det",
    (4, 5, 6, 7, 8),
    4,
    prepare,
    {"": objective},
    manual,
    without={
        "jax": ((6, 7, 8), "compiles for more than a minute"),
        "torch": ((7, 8), "takes more than a second a call"),
        "autograd": ((7, 8), "takes more than a second a call"),
    },
    group="scalars",
)
