"""Lowering of a region to a program on numbers.

During lowering, each known number has a register, and an array is an array of registers. Ops that
only move numbers, such as `stack` or an index, run on the registers and leave no instruction.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ...program.steps import Operand
from ...rules.indexing import getitem
from ...rules.registration import rule_of
from ..ir import Graph, Instruction
from ..kernels import scatter_numbers
from ..op_traits import SUM_OF_NEGATIVE_ZEROS
from .machine import Machine
from .opcodes import CODES, FUSED, LOGICAL, POWERS, REAL
from .program import Load, Program, Result


class ScalarInstruction(NamedTuple):
    """Formula, the registers that it reads, and the plan's instruction that it computes."""

    formula: str
    reads: tuple[int, ...]
    source: int


class ScalarLowering:
    """Region under lowering to a program.

    Instruction k gives register k. Constants and loaded numbers have registers below 0.
    """

    def __init__(self, graph: Graph, counts: Counter[int]) -> None:
        self.graph, self.counts = graph, counts
        self.registers: dict[int, Any] = {}
        self.code: list[ScalarInstruction | None] = []
        self.constants: dict[str, int] = {}
        self.given: dict[Operand, dict[int | None, int]] = defaultdict(dict)
        self.count = 0

    def add(self, n: int, instruction: Instruction) -> None:
        """Lower the next instruction."""
        op = instruction.op
        if op in REAL or op in LOGICAL:
            self.registers[n] = self._formula(n, instruction)
        elif op is np.sum:
            self.registers[n] = self._sum(n, np.ravel(self._of(instruction.args[0])).tolist())
        elif op is getitem and instruction.args[0] not in self.registers:
            self.registers[n] = self._element(instruction.args[0], instruction.args[1:])
        elif op is scatter_numbers:
            self.registers[n] = self._scatter_numbers(n, *instruction.args)
        else:
            moved = rule_of(op).run(
                [np.asarray(self._of(a)) if type(a) is Operand else a for a in instruction.args],
                instruction.kwargs,
            )
            self.registers[n] = moved if instruction.shape else int(moved)

    def _formula(self, n: int, instruction: Instruction) -> int:
        formula, reads = (
            REAL.get(instruction.op) or LOGICAL[instruction.op],
            tuple([self._of(a) for a in instruction.args]),
        )
        if instruction.op is np.power:
            formula = POWERS.get(self._constant_number(instruction.args[1]), formula)
        for side, register in enumerate(reads):
            inner = self._alone(register, instruction.args[side])
            fused = FUSED.get((inner.formula, formula, side)) if inner is not None else None
            if inner is not None and fused is not None:
                self.code[register] = None
                return self._emit(n, fused, (*inner.reads, *reads[:side], *reads[side + 1 :]))
        return self._emit(n, formula, reads)

    def _alone(self, register: int, a: Any) -> ScalarInstruction | None:
        """Return the instruction of an operand that nothing else reads."""
        instruction = self.code[register] if register >= 0 else None
        return (
            instruction
            if instruction is not None and instruction.source == a and self.counts[a] == 1
            else None
        )

    def _sum(self, n: int, terms: list[int]) -> int:
        total = self._constant(float(SUM_OF_NEGATIVE_ZEROS)) if terms else self._constant(0.0)
        for term in terms:
            total = self._emit(n, "a + b", (total, term))
        return total

    def _scatter_numbers(
        self, n: int, places: np.ndarray, shape: tuple[int, ...], *numbers: Any
    ) -> np.ndarray:
        zero = self._constant(0.0)
        result = np.full(shape, zero)
        flat = result.reshape(-1)
        for place, register in zip(places.tolist(), map(self._of, numbers), strict=True):
            flat[place] = self._emit(n, "a + b", (int(flat[place]), register))
        return result

    def _emit(self, n: int, formula: str, reads: tuple[int, ...]) -> int:
        self.code.append(ScalarInstruction(formula, reads, n))
        return len(self.code) - 1

    def _of(self, a: Any) -> Any:
        """Return the register of an argument, or its array of registers."""
        if type(a) is not Operand:
            return self._constant(float(a))
        if a in self.registers:
            return self.registers[a]
        if a not in self.graph.bound:
            return self._load(a, None)
        value = self.graph.bound[a]
        if np.ndim(value) == 0:
            return self._constant(float(value))
        return np.array(
            [self._constant(x) for x in np.ravel(value).astype(float).tolist()]
        ).reshape(value.shape)

    def _constant_number(self, a: Any) -> float | None:
        """Return the value of an argument that is constant."""
        value = self.graph.bound.get(a) if type(a) is Operand else a
        return None if value is None else float(value)

    def _constant(self, x: float) -> int:
        key = repr(x)  # -0.0 is not 0.0
        if key not in self.constants:
            self.constants[key] = self._head()
        return self.constants[key]

    def _load(self, a: Operand, place: int | None) -> int:
        places = self.given[a]
        if place not in places:
            places[place] = self._head()
        return places[place]

    def _element(self, a: Operand, key: tuple[int, ...]) -> int:
        shape = self.graph.instructions[a].shape
        return self._load(
            a,
            int(np.ravel_multi_index(tuple(k % m for k, m in zip(key, shape, strict=True)), shape)),
        )

    def _head(self) -> int:
        self.count += 1
        return -self.count

    def machine(self, outputs: Iterable[int]) -> tuple[Machine, tuple[Operand, ...]]:
        """Return the machine that computes these outputs, and its operands."""
        place = self._places()
        code = [
            (CODES[i.formula], *i.reads, *i.reads[:1] * (3 - len(i.reads)))
            for i in self.code
            if i is not None
        ]
        table = np.array(code)
        table[:, 1:] = place[table[:, 1:]]
        wanted: dict[int, int] = {}
        results = [
            Result(
                self._place_results(self.registers[n], wanted),
                self.graph.instructions[n].dtype == bool,
                self.graph.instructions[n].shape,
            )
            for n in outputs
        ]
        constants = np.array([float(key) for key in self.constants])
        program = Program(
            constants,
            self.count - len(constants),
            table.astype(np.uint32),
            place[list(wanted)].astype(np.uint32),
            self.count + len(table),
            len(table),
        )
        return Machine(program, tuple(self._loads()), tuple(results)), tuple(self.given)

    def _places(self) -> np.ndarray:
        """Return the final number of each register; registers below 0 count from the end."""
        kept = np.cumsum([i is not None for i in self.code]) + self.count - 1
        heads = [
            *self.constants.values(),
            *(r for places in self.given.values() for r in places.values()),
        ]
        place = np.concatenate([kept, np.zeros(self.count, int)])
        place[heads] = np.arange(self.count)
        return place

    def _place_results(self, registers: Any, wanted: dict[int, int]) -> Any:
        """Return the places of a result among the wanted registers."""
        if isinstance(registers, int):
            return wanted.setdefault(registers, len(wanted))
        return np.array(
            [wanted.setdefault(r, len(wanted)) for r in registers.ravel().tolist()]
        ).reshape(registers.shape)

    def _loads(self) -> Iterable[Load]:
        """Yield for each operand how it is loaded."""
        at = 0
        for places in self.given.values():
            if None in places:
                yield Load(at, None)
            else:
                yield Load(slice(at, at + len(places)), np.array(list(places)))
            at += len(places)
