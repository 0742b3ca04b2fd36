"""A slice of a tape: the steps that given outputs need from given inputs, as plain data that passes rewrite and printers print.

A pass is a function from slice to slice. It never changes the one that it was given; steps that it makes get new ids.
"""

import operator
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..arrays.values import canonicalize, dtype_of, shape_of
from ..program.source_location import Location
from ..program.steps import ARGS, LINE, OP, Operand
from ..rules.call_binding import NOTHING

if TYPE_CHECKING:
    from ..memory.memory import Memory


class Instruction(NamedTuple):
    """One line of a plan: the op, its arguments in canonical form, and the shape and dtype of its result."""

    op: Any
    """None for an input or a bound leaf."""
    args: tuple[Any, ...]
    """Constants, or `Operand(id)`."""
    kwargs: dict[str, Any]
    shape: Any
    """A tuple of shapes, as `dtype` of dtypes, for an op with several outputs."""
    dtype: Any


def operands(step: Instruction) -> list[Operand]:
    """The steps that a step uses, as often as it does."""
    return [a for a in step.args if type(a) is Operand]


@dataclass(frozen=True)
class Graph:
    """The steps from inputs to outputs, each after its operands.

    Attributes
    ----------
    inputs, outputs : tuple of int
        What the plan is called with, and what it gives.
    steps : dict of int to Step
        In an order in which they can be run.
    bound : dict of int to value
        The leaves that are no inputs, at their value when the slice was cut.
    names, lines : dict
        Of the nodes, where they have them: what the user called them, and where the user's code made them.
    derivatives : set of int
        The steps that the recursion recorded.
    blocks : tuple of tuple of int
        Neighbouring steps that are run together, block by block.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    steps: dict[int, Instruction]
    bound: dict[int, Any]
    names: dict[int, str]
    lines: dict[int, Location | None]
    derivatives: frozenset[int] = frozenset()
    blocks: tuple[tuple[int, ...], ...] = ()


def extract_graph(memory: "Memory", outputs: tuple[int, ...], inputs: tuple[int, ...]) -> Graph:
    """The slice of a program that the outputs need, cut off at the inputs."""
    recorded, nodes, given, stack = memory.steps, memory.nodes, set(inputs), list(outputs)
    needed = set(given)
    while stack:
        n = stack.pop()
        if n not in needed:
            needed.add(n)
            stack += [a for a in recorded[n][ARGS] if type(a) is Operand]
    steps = {n: Instruction(*recorded[n][OP:LINE]) for n in sorted(map(int, needed))}
    steps.update((n, steps[n]._replace(op=None, args=(), kwargs=NOTHING)) for n in inputs)
    return Graph(
        inputs,
        outputs,
        steps,
        {n: memory.value(n) for n, step in steps.items() if step.op is None and n not in given},
        {n: nodes.name(n) for n in steps},
        {n: recorded[n][LINE] for n in steps},
        frozenset(n for n in steps if n in nodes.of),
    )


def has_foreign_arrays(graph: Graph) -> bool:
    """Whether some of its arrays are Dask's, or another library's: then nothing is written in place."""
    return any(type(step.shape) is not tuple for step in graph.steps.values())


def count_uses(graph: Graph) -> Counter[int]:
    """How often each step is used, by steps or as an output."""
    counts = Counter(graph.outputs)
    for step in graph.steps.values():
        counts.update(operands(step))
    return counts


def eliminate_dead_code(graph: Graph) -> Graph:
    """The slice without the steps that no output needs: dead code."""
    steps, needed = graph.steps, set(graph.outputs)
    for n in reversed(steps):
        if n in needed:
            needed.update(operands(steps[n]))
    needed.update(graph.inputs)
    if len(needed) == len(steps):
        return graph
    return replace(
        graph,
        steps={n: step for n, step in steps.items() if n in needed},
        bound={n: value for n, value in graph.bound.items() if n in needed},
    )


def topological_order(steps: dict[int, Instruction], blocks: Iterable[list[int]] = ()) -> dict[int, Instruction]:
    """Steps in an order in which each comes after its operands and each block is in one piece, otherwise as they were."""
    block_of = {n: block for block in blocks for n in block}
    done: dict[int, Instruction] = {}
    for first, step in steps.items():
        stack = [first]
        if first not in block_of and done.keys() >= set(operands(step)):
            done[stack.pop()] = step  # most are in order
        while stack:
            n = stack[-1]
            members = block_of.get(n, [n])
            outside = (a for m in members for a in operands(steps[m]) if a not in done and block_of.get(a) is not members)
            missing = [int(a) for a in outside] if n not in done else []
            if not missing:
                done.update((m, steps[m]) for m in members if m not in done)
                stack.pop()
            stack += missing
    return done


class GraphBuilder:
    """A slice as a pass rewrites it: its steps in turn, with their operands as they are called by now."""

    def __init__(self, graph: Graph) -> None:
        self.slice = graph
        self.steps: dict[int, Instruction] = {}
        self.bound = dict(graph.bound)
        self.instead: dict[int, Operand] = {}
        self.made: dict[int, int] = {}  # a new step -> the one for which it was made
        self._ids = count(max(graph.steps, default=-1) + 1)
        self._now = -1

    def __iter__(self) -> Iterator[tuple[int, Instruction]]:
        """Each step, to be kept, replaced or passed over."""
        for n, step in self.slice.steps.items():
            self._now = n
            yield n, self.current(step)

    def current(self, step: Instruction) -> Instruction:
        """A step with the operands that stand in its own ones' places."""
        instead = self.instead
        if not instead or instead.keys().isdisjoint(operands(step)):
            return step
        return step._replace(args=tuple(instead.get(a, a) if type(a) is Operand else a for a in step.args))

    def keep(self, n: int, step: Instruction) -> None:
        """Node n is this step."""
        self.steps[n] = step

    def make(self, step: Instruction) -> Operand:
        """A new step, before the one that is looked at."""
        n = next(self._ids)
        self.steps[n], self.made[n] = step, self._now
        return Operand(n)

    def reshape_to(self, a: Operand, shape: tuple[int, ...]) -> Operand:
        """A step in this shape: itself, where it has it."""
        step = self.steps[a]
        return a if step.shape == shape else self.make(Instruction(np.reshape, (a,), {"shape": shape}, shape, step.dtype))

    def bind(self, value: Any) -> Operand:
        """A new constant."""
        value = canonicalize(value)
        n = self.make(Instruction(None, (), NOTHING, shape_of(value), dtype_of(value)))
        self.bound[n] = value
        return n

    def constant(self, a: Any) -> Any:
        """The value of an argument that is a constant or a bound step; None where it is another step."""
        return self.bound.get(a) if type(a) is Operand else a

    def replace(self, n: int, other: int) -> None:
        """Node n is gone: `other` stands in its place, and takes its name where it has none."""
        self.instead[n] = Operand(other)

    def build(self) -> Graph:
        """The new slice, without what nobody needs any more; the old one, if nothing was changed."""
        old = self.slice
        if len(self.steps) == len(old.steps) and all(map(operator.is_, self.steps.values(), old.steps.values())):
            return old
        names, lines = dict(old.names), dict(old.lines)
        lines.update((n, lines.get(origin)) for n, origin in self.made.items())
        for n, other in self.instead.items():
            if self.steps[other].op is not None and has_name(names, n) and not has_name(names, other):
                names[other], lines[other] = names[n], lines[n]
        outputs = tuple(int(self.instead.get(n, n)) for n in old.outputs)
        derivatives = old.derivatives.union(n for n, origin in self.made.items() if origin in old.derivatives)
        return eliminate_dead_code(replace(old, outputs=outputs, steps=self.steps, bound=self.bound, names=names, lines=lines, derivatives=derivatives))


def has_name(names: dict[int, str], n: int) -> bool:
    """Whether somebody gave node n a name."""
    return n in names and names[n] != f"v{int(n)}"
