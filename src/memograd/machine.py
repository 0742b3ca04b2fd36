"""Scalars on a tape machine: a region of a plan that is all numbers in double precision, run by one compiled interpreter.

With Numba (extra `fast`) the region is a table of op codes. Without it, it is printed as Python on floats, whose functions
are those of `math`; where these raise and NumPy gives infinity or NaN, the call is run once more by NumPy. Both give what
NumPy gives to within a few units in the last place of each function; sums and products to the bit.
"""

import importlib
import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .floats import Printed
from .program import Operand
from .rules.indexing import output
from .slices import Slice, Step, uses

CODES: dict[Any, str] = {
    np.add: "ADD", np.subtract: "SUBTRACT", np.multiply: "MULTIPLY", np.divide: "DIVIDE", np.negative: "NEGATIVE", np.power: "POWER",
    np.maximum: "MAXIMUM", np.minimum: "MINIMUM", np.exp: "EXP", np.log: "LOG", np.sin: "SIN", np.cos: "COS", np.tan: "TAN",
    np.tanh: "TANH", np.sinh: "SINH", np.cosh: "COSH", np.sqrt: "SQRT", np.absolute: "ABSOLUTE", np.arctan: "ARCTAN",
    np.arcsin: "ARCSIN", np.arccos: "ARCCOS", np.log1p: "LOG1P", np.expm1: "EXPM1", np.sign: "SIGN", np.square: "MULTIPLY",
}  # fmt: skip
"""The ops that the machine knows, by the names of their codes."""

FUSED = {"ADD": "ADD_PRODUCT", "SUBTRACT": "SUBTRACT_PRODUCT"}
"""What becomes of a sum or difference whose last operand is a product that nobody else reads. It is rounded twice, as ever."""


class Given(NamedTuple):
    """Where elements of an array that comes in stand among the inputs of a region; of a number, `indices` is None."""

    indices: np.ndarray | None
    start: int
    stop: int


class Result(NamedTuple):
    """What a region gives: the number in a slot, or, where there is a template, an array with numbers set in it."""

    slots: Any
    template: np.ndarray | None = None
    positions: np.ndarray | None = None


class Machine:
    """A region as one function: of the numbers and arrays that it reads, giving a tuple of its results.

    Attributes
    ----------
    region : Slice
        Its steps; its inputs are numbers, its outputs what is wanted of it.
    """

    __name__ = "machine"

    def __init__(self, region: Slice, given: tuple[Given, ...], results: tuple[Result, ...]) -> None:
        self.region, self.given, self.results = region, given, results
        self.run: Compiled | Printed = Compiled(region) if has_numba() else Printed(region)

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        numbers = np.empty(len(self.region.inputs))
        for (indices, start, stop), a in zip(self.given, arrays, strict=True):
            if indices is None:
                numbers[start] = a
            else:
                np.take(a, indices, out=numbers[start:stop], mode="clip")  # the mode that takes no buffer
        found = self.run(numbers)
        return tuple([found[slots] if template is None else assembled(found, slots, template, positions)
                      for slots, template, positions in self.results])  # fmt: skip

    def rows(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """As a call, of arrays with one more axis in front, in one go."""
        numbers = np.empty((len(arrays[0]), len(self.region.inputs)))
        for (indices, start, stop), a in zip(self.given, arrays, strict=True):
            numbers[:, start:stop] = a.reshape(len(a), -1)[:, [0] if indices is None else indices]
        found = self.run.rows(numbers)
        return tuple([found[:, slots] if template is None else assembled_rows(found, slots, template, positions)
                      for slots, template, positions in self.results])  # fmt: skip


class Sole(NamedTuple):
    """A plan that is one machine: which inputs it reads, and which of its results each output is."""

    rows: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    reads: list[int]
    gives: list[int]


def sole_machine(slice: Slice) -> Sole | None:
    """The machine of a slice that does nothing else; None where it does."""
    steps = slice.steps
    run = [step for step in steps.values() if step.op is not None]
    machines = [step for step in run if isinstance(step.op, Machine)]
    if len(machines) != 1 or not set(machines[0].args) <= set(slice.inputs) or any(steps[n].op is not output for n in slice.outputs):
        return None
    if any(step.op is not output for step in run if step is not machines[0]):
        return None
    return Sole(machines[0].op.rows, [slice.inputs.index(a) for a in machines[0].args], [steps[n].args[1] for n in slice.outputs])


def assembled_rows(found: np.ndarray, slots: Any, template: np.ndarray, positions: Any) -> np.ndarray:
    """An array for each row."""
    arrays = np.tile(template, (len(found), 1))
    arrays[:, positions] = found[:, slots]
    return arrays


def assembled(found: np.ndarray, slots: Any, template: np.ndarray, positions: Any) -> np.ndarray:
    """An array with numbers set in it."""
    array = template.copy()
    array[positions] = found[slots]
    return array


@cache
def has_numba() -> bool:
    """Whether the extra `fast` is installed."""
    return importlib.util.find_spec("numba") is not None


# ------------------------------------------------------------------------------------------------ with Numba: op codes


class Compiled:
    """A region as a table of instructions, for :mod:`.interpreter`."""

    def __init__(self, region: Slice) -> None:
        self.interpreter: Any = importlib.import_module(f"{__package__}.interpreter")
        self.count = len(region.inputs)
        counts, steps = uses(region), region.steps
        self.slots = {n: k for k, n in enumerate(region.inputs)}
        fused = {m for n, step in steps.items() if (m := fusible(step, steps, counts)) is not None}
        run = [(n, step) for n, step in steps.items() if step.op is not None and n not in fused]
        constants = sorted({float(a) for _, step in run for a in arguments(step, steps, fused) if type(a) is not Operand}, key=repr)
        self.constants = np.array(constants)
        known = {repr(a): self.count + k for k, a in enumerate(constants)}
        self.first = self.count + len(constants)
        self.slots |= {n: self.first + k for k, (n, _) in enumerate(run)}
        rows = [self._instruction(step, steps, fused, known) for _, step in run]
        self.code = np.array(rows, np.uint32).reshape(len(rows), 4)
        self.wanted = np.array([self.slots[n] for n in region.outputs])

    def _instruction(self, step: Step, steps: dict[int, Step], fused: set[int], known: dict[str, int]) -> list[int]:
        name, args = CODES[step.op], arguments(step, steps, fused)
        code = getattr(self.interpreter, FUSED[name] if len(args) == 3 else name)
        slots = [self.slots[a] if type(a) is Operand else known[repr(float(a))] for a in args]
        if step.op is np.square:
            slots *= 2
        return [code, *slots, *[0] * (3 - len(slots))]

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        v = np.empty(self.first + len(self.code))
        v[: self.count] = numbers
        v[self.count : self.first] = self.constants
        self.interpreter.interpret(self.code, v, self.first)
        found: np.ndarray = v[self.wanted]
        return found

    def rows(self, numbers: np.ndarray) -> np.ndarray:
        """A call for each row of numbers."""
        found = np.empty((len(numbers), len(self.wanted)))
        v = np.empty(self.first + len(self.code))
        v[self.count : self.first] = self.constants
        self.interpreter.interpret_rows(self.code, v, self.first, numbers, self.wanted, found)
        return found


def fusible(step: Step, steps: dict[int, Step], counts: Any) -> int | None:
    """The product that a step may take up, because it alone reads it."""
    if CODES.get(step.op) not in FUSED:
        return None
    last = step.args[1]
    if type(last) is Operand and steps[last].op is np.multiply and counts[last] == 1:
        return int(last)
    return None


def arguments(step: Step, steps: dict[int, Step], fused: set[int]) -> tuple[Any, ...]:
    """What an instruction reads: of a fused one the factors, and then what the product is added to."""
    if CODES[step.op] in FUSED and type(step.args[1]) is Operand and step.args[1] in fused:
        return *steps[step.args[1]].args, step.args[0]
    return step.args
