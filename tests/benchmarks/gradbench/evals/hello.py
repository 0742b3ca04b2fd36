"""hello: the square of a number, and its derivative.

Definition: https://github.com/gradbench/gradbench/tree/main/evals/hello
"""

from typing import Any

from ..problem import Data, Eval, Inputs


def prepare(size: float) -> tuple[Inputs, Data]:
    return (size,), {}


def objective(np: Any, d: Data, x: Any) -> Any:
    return x * x


def manual(d: Data, x: float) -> tuple[float]:
    return (2.0 * x,)


EVAL = Eval("hello", (1.7,), 1.7, prepare, {"": objective}, manual, group="scalars")
