"""Scalars without a compiler: a region of a plan as Python on floats, whose functions are those of `math`.

Where these raise and NumPy gives infinity or NaN, the call is run once more by NumPy.
"""

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from .expressions import INFIX, Writer
from .printing import printed, variables
from .slices import Slice, Step, operands

MATH: dict[Any, Any] = {
    np.power: pow, np.exp: math.exp, np.log: math.log, np.sin: math.sin, np.cos: math.cos, np.tan: math.tan, np.tanh: math.tanh,
    np.sinh: math.sinh, np.cosh: math.cosh, np.sqrt: math.sqrt, np.absolute: abs, np.arctan: math.atan, np.arcsin: math.asin,
    np.arccos: math.acos, np.log1p: math.log1p, np.expm1: math.expm1,
}  # fmt: skip


class FloatWriter(Writer):
    """Writes steps on Python's floats."""

    def _function(self, op: Any) -> str:
        return self.bind(op.__name__, MATH[op]) if op in MATH else super()._function(op)

    def constant(self, a: Any) -> str:
        """A number as a float."""
        return super().constant(float(a) if isinstance(a, np.floating) else a)

    def _call(self, step: Step, args: list[str], kwargs: list[str]) -> str:
        if step.op is np.square:
            return f"{args[0]} * {args[0]}"
        text = super()._call(step, args, kwargs)
        return text if step.op in INFIX or step.op in MATH or step.op is np.negative else f"float({text})"


class Printed:
    """A region as Python on floats, with NumPy in reserve."""

    def __init__(self, region: Slice) -> None:
        self.region = region
        self.on_floats = compiled(region, FloatWriter, registers(region))
        self.on_numpy: Callable[..., Any] | None = None

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        try:
            return np.array(self.on_floats(*numbers.tolist()), float)
        except (ArithmeticError, ValueError, TypeError):  # a complex power is no float
            if self.on_numpy is None:
                self.on_numpy = compiled(self.region, Writer, variables(self.region))
            return np.array(self.on_numpy(*numbers), float)

    def rows(self, numbers: np.ndarray) -> np.ndarray:
        """A call for each row of numbers."""
        return np.array([self(row) for row in numbers]).reshape(len(numbers), len(self.region.outputs))


def compiled(region: Slice, writer: type[Writer], names: dict[int, str]) -> Callable[..., Any]:
    """A region as a function of its inputs, giving the list of its outputs."""
    text, namespace, _ = printed(region, list(range(len(region.outputs))), writer, names)
    exec(compile(text, "<memograd region>", "exec"), namespace)
    run: Callable[..., Any] = namespace["plan"]
    return run


def registers(region: Slice) -> dict[int, str]:
    """Few variables, each used again when nobody reads it any more: Python's fast instructions reach the first 256."""
    last = {int(a): n for n, step in region.steps.items() for a in operands(step)}
    ends = defaultdict(list)
    for a, n in last.items():
        if a not in region.outputs:
            ends[n].append(a)
    names: dict[int, str] = {}
    free: list[str] = []
    for n in region.steps:
        free += [names[a] for a in ends[n]]
        names[n] = free.pop() if free else f"r{len(names)}"
    return names
