"""Machine for programs on arrays, which passes arrays without detours."""

import math
from typing import Any, NamedTuple

import numpy as np

from .interpreter import array_interpreter
from .machine import Machine
from .program import Load, Program, Result
from .runners import fresh_memory

NONE_GIVEN = np.empty((1, 0))

NO_REGISTERS = np.empty(0, np.uint32)


class MappedMemory(NamedTuple):
    """Memory of a program, with a view of it for each operand and each array of the results."""

    numbers: np.ndarray
    operands: list[np.ndarray]
    results: list[Any]
    """Views, and the registers of numbers."""


class ArrayMachine(Machine):
    """Program on arrays.

    A call copies operands straight into the memory, and results straight out of it, through views
    that are made once for each memory: that takes half the time of making them.
    """

    def __init__(
        self, program: Program, loads: tuple[Load, ...], results: tuple[Result, ...]
    ) -> None:
        super().__init__(program, loads, results)
        self.interpret = array_interpreter()
        self.words = program.code
        self.first = len(program.constants) + program.given
        self.logical = any(result.logical for result in results)
        self.spare: list[MappedMemory] = []

    def __call__(self, *xs: Any) -> Any:
        """Return the results for one set of numbers and arrays."""
        try:
            memory = self.spare.pop()
        except IndexError:
            memory = self._map_memory()
        numbers, operands, results = memory
        for view, x in zip(operands, xs, strict=True):
            view[...] = x
        self.interpret(self.words, numbers, self.first, NONE_GIVEN, NO_REGISTERS, NONE_GIVEN)
        found = tuple([numbers[y] if type(y) is int else y.copy() for y in results])
        self.spare.append(memory)
        if self.logical:
            pairs = zip(found, self.results, strict=True)
            found = tuple([y != 0.0 if result.logical else y for y, result in pairs])
        return found[0] if len(found) == 1 else found

    def _map_memory(self) -> MappedMemory:
        numbers, wanted = fresh_memory(self.program), self.program.wanted
        given = numbers[len(self.program.constants) : self.first]
        operands = [
            given[at if type(at) is slice else slice(at, at + 1)].reshape(shape)
            for at, _, shape in self.loads
        ]
        results: list[Any] = []
        for at, _, shape in self.results:
            start = int(wanted[at.start if type(at) is slice else at])
            part = numbers[start : start + math.prod(shape)]
            results.append(part.reshape(shape) if shape else start)
        return MappedMemory(numbers, operands, results)
