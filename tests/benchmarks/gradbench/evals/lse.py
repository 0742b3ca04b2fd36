"""lse: the logarithm of a sum of exponentials.

Definition: https://github.com/gradbench/gradbench/tree/main/evals/lse
"""

from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator


def prepare(size: int) -> tuple[Inputs, Data]:
    return (generator().random(size),), {}


def objective(np: Any, d: Data, x: Any) -> Any:
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def keepdims(np: Any, d: Data, x: Any) -> Any:
    top = np.max(x, axis=0, keepdims=True)
    return np.squeeze(top + np.log(np.sum(np.exp(x - top), axis=0, keepdims=True)))


def squeeze(np: Any, d: Data, x: Any) -> Any:
    top = np.max(x, keepdims=True)
    return np.squeeze(top) + np.log(np.sum(np.exp(x - top)))


def manual(d: Data, x: numpy.ndarray) -> tuple[numpy.ndarray]:
    p = numpy.exp(x - x.max())
    p /= p.sum()
    return (p,)


EVAL = Eval(
    "lse",
    (2500, 80_000, 1_280_000),
    50,
    prepare,
    {"max": objective, "keepdims": keepdims, "squeeze": squeeze},
    manual,
)
