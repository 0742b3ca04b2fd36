"""Python backend of the machine: programs as functions on floats, for use without Numba.

Where functions of `math` raise and NumPy gives infinity or NaN, the same source runs again on
NumPy's scalars.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from .opcodes import FORMULAS, ON_FLOATS, ON_NUMPY

MAX_FUNCTION_LINES = 8000
"""Up to this length, Python compiles a function in linear time."""

REGISTERS_READ = [
    [letter for letter in "abc" if re.search(rf"\b{letter}\b", formula)] for formula in FORMULAS
]
"""Letters that each formula reads."""

TEMPLATES = [re.sub(r"\b([abc])\b", r"{\1}", formula) for formula in FORMULAS]

PartFunction = Callable[[list[Any]], None]
"""Function that reads some of the registers in a list and writes others."""


class PythonProgram:
    """Program as Python functions on a list of numbers, which are its registers."""

    def __init__(self, program: Any) -> None:
        self.constants, self.wanted = program.constants.tolist(), program.wanted.tolist()
        self.unknown = [None] * len(program.code)
        code = compile(PythonSource(program).whole(), "<memograd machine>", "exec")
        self.on_floats, self.on_numpy = (
            compile_functions(code, ON_FLOATS),
            compile_functions(code, ON_NUMPY),
        )

    def __call__(self, given: np.ndarray, wanted: np.ndarray) -> None:
        """Write the results for each row of given numbers."""
        for numbers, out in zip(given.tolist(), wanted, strict=True):
            known = self.constants + numbers
            try:
                out[:] = self._run(self.on_floats, known)
            except (ArithmeticError, ValueError):
                with np.errstate(all="ignore"):
                    out[:] = self._run(self.on_numpy, list(map(np.float64, known)))

    def _run(self, parts: list[PartFunction], known: list[Any]) -> list[Any]:
        v = known + self.unknown
        for part in parts:
            part(v)
        return [v[k] for k in self.wanted]


def compile_functions(code: Any, meaning: dict[str, Any]) -> list[PartFunction]:
    """Return the functions of a source in which these names have this meaning."""
    namespace: dict[str, Any] = {**meaning, "parts": []}
    exec(code, namespace)
    result: list[PartFunction] = namespace["parts"]
    return result


class PythonSource:
    """Generator of the source of a program: functions on local variables.

    It uses dead variables again, because Python's bytecode reaches few variables fast.
    """

    def __init__(self, program: Any) -> None:
        self.rows, self.first = program.code.tolist(), len(program.constants) + program.given
        self.last = last_reads_of_registers(program)
        self.text: list[str] = []
        self.names: dict[int, str] = {}
        self.free: list[str] = []

    def whole(self) -> str:
        """Return the whole source."""
        for start in range(0, len(self.rows), MAX_FUNCTION_LINES):
            self.part(range(start, min(start + MAX_FUNCTION_LINES, len(self.rows))))
        return "\n".join(self.text)

    def part(self, run: range) -> None:
        """Write a function for some instructions. It stores what later ones read in the list."""
        self.names, self.free = {}, []
        self.text.append("def part(v):")
        for i in run:
            self.instruction(i)
            out = self.first + i
            if self.last[out] >= run.stop:
                self.text.append(f"    v[{out}] = {self.names[out]}")
        self.text.append("parts.append(part)")

    def instruction(self, i: int) -> None:
        """Write a line for an instruction, and one for each register that has no variable yet."""
        code, *registers = self.rows[i]
        read = dict(zip(REGISTERS_READ[code], registers, strict=False))
        for register in read.values():
            if register not in self.names:
                self.text.append(f"    {self.name(register)} = v[{register}]")
        names = {letter: self.names[register] for letter, register in read.items()}
        for register in set(read.values()):
            if self.last[register] == i:
                self.free.append(self.names.pop(register))
        self.text.append(f"    {self.name(self.first + i)} = {TEMPLATES[code].format(**names)}")

    def name(self, register: int) -> str:
        """Return a variable for a register."""
        self.names[register] = name = self.free.pop() if self.free else f"r{len(self.names)}"
        return name


def last_reads_of_registers(program: Any) -> list[int]:
    """Return for each register the last instruction that reads it; their count if it is wanted."""
    count, first = len(program.code), len(program.constants) + program.given
    last = np.full(first + count, -1)
    np.maximum.at(last, program.code[:, 1:].ravel(), np.arange(count).repeat(3))
    last[program.wanted] = count
    numbers: list[int] = last.tolist()
    return numbers
