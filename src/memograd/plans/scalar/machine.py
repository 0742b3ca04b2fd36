"""Scalar machine: one interpreter for programs on numbers in double precision.

With Numba (extra `fast`) the interpreter is compiled once for all programs and kept on disk.
Without it, each program becomes Python source. Both give what NumPy gives: sums, products and
quotients to the bit, functions to a few units in the last place, infinity and NaN in the same
places. Neither raises or warns.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from ...rules.indexing import output
from ..ir import Graph
from .opcodes import FORMULAS, ON_FLOATS
from .python_backend import PythonProgram

MachineRun = Callable[[np.ndarray, np.ndarray], None]
"""`run(given, wanted)` fills a row of results for each row of loaded numbers."""


class Program(NamedTuple):
    """Instructions on numbered registers: those of constants, of loaded numbers, of results."""

    constants: np.ndarray
    given: int
    code: np.ndarray
    """Table with a row for each instruction: its opcode, and the registers for a, b and c."""
    wanted: np.ndarray
    """Registers of the results."""


class Load(NamedTuple):
    """Places of a number, or of some elements of an array, among the loaded numbers."""

    at: int | slice
    places: np.ndarray | None


class Result(NamedTuple):
    """Places of a result among the wanted numbers, and whether it is logical."""

    at: int | np.ndarray
    logical: bool


class Machine:
    """Program as a function of numbers and arrays, with one result or a tuple of them."""

    def __init__(
        self, program: Program, loads: tuple[Load, ...], results: tuple[Result, ...]
    ) -> None:
        self.program, self.loads, self.results = program, loads, results
        self.run: MachineRun = (
            Interpreted(program) if interpreter() is not None else PythonProgram(program)
        )

    def __call__(self, *xs: Any) -> Any:
        """Return the results for one set of numbers."""
        given, wanted = np.empty((1, self.program.given)), np.empty((1, len(self.program.wanted)))
        row = given[0]
        for (at, places), x in zip(self.loads, xs, strict=True):
            row[at] = x if places is None else x.take(places)
        self.run(given, wanted)
        row = wanted[0]
        result = tuple([row[at] != 0.0 if logical else row[at] for at, logical in self.results])
        return result[0] if len(result) == 1 else result

    def many(self, *xs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the results of many calls at once.

        Arguments and results have one more axis in front.
        """
        rows = len(xs[0])
        given, wanted = (
            np.empty((rows, self.program.given)),
            np.empty((rows, len(self.program.wanted))),
        )
        for (at, places), x in zip(self.loads, xs, strict=True):
            given[:, at] = x if places is None else x.reshape(rows, -1)[:, places]
        self.run(given, wanted)
        return tuple(
            [wanted[:, at] != 0.0 if logical else wanted[:, at] for at, logical in self.results]
        )

    def __repr__(self) -> str:
        return f"<machine of {len(self.program.code)} instructions>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Machine, (self.program, self.loads, self.results)


def on_machine(machine: Any, *xs: Any) -> Any:
    """Run a machine: the kernel of a lowered region."""
    return machine(*xs)


class SingleMachine(NamedTuple):
    """Plan that is one machine: the inputs that it reads, and its result for each output."""

    machine: Machine
    reads: list[int]
    gives: list[int]


def find_single_machine(graph: Graph) -> SingleMachine | None:
    """Return the machine of a graph that does nothing else; None for other graphs."""
    instructions = graph.instructions
    run = [
        n
        for n, instruction in instructions.items()
        if instruction.op is not None and instruction.op is not output
    ]
    if (
        len(run) != 1
        or instructions[run[0]].op is not on_machine
        or not set(graph.outputs) <= instructions.keys() - graph.bound.keys() - set(graph.inputs)
    ):
        return None
    machine, *args = instructions[run[0]].args
    if not set(args) <= set(graph.inputs):
        return None
    return SingleMachine(
        machine,
        [graph.inputs.index(a) for a in args],
        [0 if n == run[0] else instructions[n].args[1] for n in graph.outputs],
    )


class Interpreted:
    """Program for the interpreter.

    Unused memory waits for the next call with its constants in place.
    """

    def __init__(self, program: Program) -> None:
        self.program, self.code, self.constants = (
            program,
            program.code.ravel(),
            len(program.constants),
        )
        self.interpret = interpreter()
        self.spare: list[np.ndarray] = []

    def __call__(self, given: np.ndarray, wanted: np.ndarray) -> None:
        """Write the results for each row of given numbers."""
        try:
            v = self.spare.pop()
        except IndexError:
            v = self._fresh()
        self.interpret(self.code, v, self.constants, given, self.program.wanted, wanted)
        self.spare.append(v)

    def _fresh(self) -> np.ndarray:
        constants, given, code, _ = self.program
        v = np.empty(len(constants) + given + len(code))
        v[: len(constants)] = constants
        return v


@cache
def interpreter() -> Any:
    """Return the interpreter, compiled or loaded when first called; None without Numba."""
    try:
        njit = import_module("numba").njit
    except ImportError:
        return None
    # Numba's cache beside this file finds functions by name: another source needs another name
    name = f"interpret_{crc32(INTERPRETER_SOURCE.encode()):08x}"
    namespace = {**ON_FLOATS, "__name__": __name__}
    exec(compile(f"def {name}{INTERPRETER_SOURCE}", __file__, "exec"), namespace)
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return njit(cache=True, **options)(namespace[name])
    except RuntimeError:  # no writable cache directory
        return njit(**options)(namespace[name])


BRANCHES = "\n".join(
    f"            {'elif' if k else 'if'} k == {k}:\n                y = {text}"
    for k, text in enumerate(FORMULAS)
)

INTERPRETER_SOURCE = f"""(code, v, constants, given, registers, wanted):
    first = constants + given.shape[1]
    for row in range(len(given)):
        for j in range(given.shape[1]):
            v[constants + j] = given[row, j]
        for instruction in range(code.size // 4):
            i = 4 * instruction
            k, a, b, c = code[i], v[code[i + 1]], v[code[i + 2]], v[code[i + 3]]
{BRANCHES}
            v[first + instruction] = y
        for j in range(registers.size):
            wanted[row, j] = v[registers[j]]
"""
"""Source of the interpreter: a loop over instructions, with a branch for each formula.

LLVM compiles the branches to a jump table. Registers are unsigned, so that Numba need not test
"""
