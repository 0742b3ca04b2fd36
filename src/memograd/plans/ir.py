"""Intermediate representation of a plan: the graph that passes rewrite.

A pass is a function from graph to graph. It never changes its argument. Instructions that it adds
get new ids.
"""

import operator
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..arrays.values import canonicalize, dtype_of, shape_of
from ..program.source_location import Location
from ..program.steps import Operand, Step
from ..rules.call_binding import NO_KWARGS

if TYPE_CHECKING:
    from ..memory.memory import Memory


class Instruction(NamedTuple):
    """Op, its arguments in canonical form, and the shape and dtype of its result."""

    op: Any
    """None for an input or a bound leaf."""
    args: tuple[Any, ...]
    """Constants, or `Operand(id)`."""
    kwargs: dict[str, Any]
    shape: Any
    """Tuple of shapes, as `dtype` is one of dtypes, for an op with several outputs."""
    dtype: Any


def instruction_of(step: Step) -> Instruction:
    """Return the instruction that does what a step recorded."""
    return Instruction(step.op, step.args, step.kwargs, step.shape, step.dtype)


def as_plan_input(instruction: Instruction) -> Instruction:
    """Return the instruction of an input in the place of another one."""
    return instruction._replace(op=None, args=(), kwargs=NO_KWARGS)


def operands(instruction: Instruction) -> list[Operand]:
    """Return the operands of an instruction, repeated as often as it uses them."""
    return [a for a in instruction.args if type(a) is Operand]


@dataclass(frozen=True)
class Graph:
    """Instructions from inputs to outputs, each after its operands.

    Attributes
    ----------
    inputs, outputs : tuple of int
        Arguments and results of a call.
    instructions : dict of int to Instruction
        In topological order.
    bound : dict of int to value
        Values of the leaves that are no inputs, when the graph was extracted.
    names, lines : dict
        Names of the nodes, and the places in the user's code that made them, where known.
    derivatives : set of int
        Instructions that the recursion recorded.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    instructions: dict[int, Instruction]
    bound: dict[int, Any]
    names: dict[int, str]
    lines: dict[int, Location | None]
    derivatives: frozenset[int] = frozenset()


def extract_graph(memory: "Memory", outputs: tuple[int, ...], inputs: tuple[int, ...]) -> Graph:
    """Return the part of a program that the outputs need, cut off at the inputs."""
    recorded, nodes, given, stack = memory.steps, memory.nodes, set(inputs), list(outputs)
    needed = set(given)
    while stack:
        n = stack.pop()
        if n not in needed:
            needed.add(n)
            stack += [a for a in recorded[n].args if type(a) is Operand]
    instructions = {n: instruction_of(recorded[n]) for n in sorted(map(int, needed))}
    instructions.update((n, as_plan_input(instructions[n])) for n in inputs)
    return Graph(
        inputs,
        outputs,
        instructions,
        {
            n: memory.value(n)
            for n, instruction in instructions.items()
            if instruction.op is None and n not in given
        },
        {n: nodes.name(n) for n in instructions},
        {n: recorded[n].location for n in instructions},
        frozenset(n for n in instructions if n in nodes.of),
    )


def has_foreign_arrays(graph: Graph) -> bool:
    """Return whether some arrays are Dask's or another library's.

    Then nothing is written in place.
    """
    return any(type(instruction.shape) is not tuple for instruction in graph.instructions.values())


def count_uses(graph: Graph) -> Counter[int]:
    """Count how often each value is used, by instructions and as an output."""
    instructions = graph.instructions.values()
    used = [a for instruction in instructions for a in instruction.args if type(a) is Operand]
    return Counter([*graph.outputs, *used])


def eliminate_dead_code(graph: Graph) -> Graph:
    """Return the graph without the instructions that no output needs."""
    instructions, needed = graph.instructions, set(graph.outputs)
    for n in reversed(instructions):
        if n in needed:  # without a list of operands: a pass in eight is spent here
            for a in instructions[n].args:
                if type(a) is Operand:
                    needed.add(a)
    needed.update(graph.inputs)
    if len(needed) == len(instructions):
        return graph
    return replace(
        graph,
        instructions={n: instruction for n, instruction in instructions.items() if n in needed},
        bound={n: value for n, value in graph.bound.items() if n in needed},
    )


def topological_order(instructions: dict[int, Instruction]) -> dict[int, Instruction]:
    """Return the instructions with each after its operands; otherwise their order stays."""
    done: dict[int, Instruction] = {}
    for first, instruction in instructions.items():
        if done.keys() >= set(operands(instruction)):
            done.setdefault(first, instruction)  # the common case
            continue
        stack = [first]
        while stack:
            n = stack[-1]
            missing = [int(a) for a in operands(instructions[n]) if a not in done]
            if not missing:
                done.setdefault(stack.pop(), instructions[n])
            stack += missing
    return done


class GraphBuilder:
    """Graph under construction by a pass, from the instructions of another one."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.instructions: dict[int, Instruction] = {}
        self.bound = dict(graph.bound)
        self.replacements: dict[int, Operand] = {}
        # From a new instruction to the one for which it was inserted.
        self.origins: dict[int, int] = {}
        self._ids = count(max(graph.instructions, default=-1) + 1)
        self._current = -1

    def __iter__(self) -> Iterator[tuple[int, Instruction]]:
        """Yield each old instruction with replaced operands, to be emitted or replaced."""
        for n, instruction in self.graph.instructions.items():
            self._current = n
            yield n, self.with_replaced_operands(instruction) if self.replacements else instruction

    def with_replaced_operands(self, instruction: Instruction) -> Instruction:
        """Return an instruction that reads the replacements of its operands."""
        replacements = self.replacements
        for a in instruction.args:
            if type(a) is Operand and a in replacements:
                break
        else:
            return instruction
        return instruction._replace(
            args=tuple(
                [replacements.get(a, a) if type(a) is Operand else a for a in instruction.args]
            )
        )

    def emit(self, n: int, instruction: Instruction) -> None:
        """Define node n by this instruction."""
        self.instructions[n] = instruction

    def add(self, instruction: Instruction) -> Operand:
        """Insert a new instruction before the current one."""
        n = next(self._ids)
        self.instructions[n], self.origins[n] = instruction, self._current
        return Operand(n)

    def reshape_to(self, a: Operand, shape: tuple[int, ...]) -> Operand:
        """Return the operand in this shape, by a new instruction if it has another."""
        instruction = self.instructions[a]
        return (
            a
            if instruction.shape == shape
            else self.add(Instruction(np.reshape, (a,), {"shape": shape}, shape, instruction.dtype))
        )

    def bind(self, value: Any) -> Operand:
        """Insert a new constant."""
        value = canonicalize(value)
        n = self.add(Instruction(None, (), NO_KWARGS, shape_of(value), dtype_of(value)))
        self.bound[n] = value
        return n

    def constant(self, a: Any) -> Any:
        """Return the value of an argument that is a constant or bound; None for any other."""
        return self.bound.get(a) if type(a) is Operand else a

    def replace(self, n: int, other: int) -> None:
        """Put `other` in the place of node n. It takes n's name if it has none."""
        self.replacements[n] = Operand(other)
        self.bound.pop(n, None)

    def build(self) -> Graph:
        """Return the new graph without dead code; the old graph itself, if nothing changed."""
        old = self.graph
        if len(self.instructions) == len(old.instructions) and all(
            map(operator.is_, self.instructions.values(), old.instructions.values())
        ):
            return old
        names, lines = dict(old.names), dict(old.lines)
        lines.update((n, lines.get(origin)) for n, origin in self.origins.items())
        for n, other in self.replacements.items():
            if (
                self.instructions[other].op is not None
                and has_name(names, n)
                and not has_name(names, other)
            ):
                names[other], lines[other] = names[n], lines[n]
        outputs = tuple(int(self.replacements.get(n, n)) for n in old.outputs)
        derivatives = old.derivatives.union(
            n for n, origin in self.origins.items() if origin in old.derivatives
        )
        return eliminate_dead_code(
            replace(
                old,
                outputs=outputs,
                instructions=self.instructions,
                bound=self.bound,
                names=names,
                lines=lines,
                derivatives=derivatives,
            )
        )


def has_name(names: dict[int, str], n: int) -> bool:
    """Return whether a user named node n."""
    return n in names and names[n] != f"v{int(n)}"
