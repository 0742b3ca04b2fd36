"""Runners of programs: on the interpreters that Numba compiles, or on Python's floats."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .interpreter import array_interpreter, scalar_interpreter
from .program import Program
from .python_backend import PythonProgram

Runner = Callable[[np.ndarray, np.ndarray], None]
"""`run(given, wanted)` fills a row of results for each row of loaded numbers."""


class Interpreted:
    """Program for an interpreter.

    Unused memory waits for the next call with its constants in place.
    """

    def __init__(self, program: Program, interpret: Any) -> None:
        self.program, self.code, self.constants = (
            program,
            program.code.ravel(),
            len(program.constants),
        )
        self.interpret = interpret
        self.spare: list[np.ndarray] = []

    def __call__(self, given: np.ndarray, wanted: np.ndarray) -> None:
        """Write the results for each row of given numbers."""
        try:
            v = self.spare.pop()
        except IndexError:
            v = fresh_memory(self.program)
        self.interpret(self.code, v, self.constants, given, self.program.wanted, wanted)
        self.spare.append(v)


def fresh_memory(program: Program) -> np.ndarray:
    """Return new memory for a program, with its constants in place."""
    v = np.empty(program.size)
    v[: len(program.constants)] = program.constants
    return v


def program_runner(program: Program) -> Runner:
    """Return a program as the function that runs it."""
    if program.has_arrays:
        return Interpreted(program, array_interpreter())
    interpret = scalar_interpreter()
    return PythonProgram(program) if interpret is None else Interpreted(program, interpret)
