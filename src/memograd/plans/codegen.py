"""A slice as the source of a Python function, one line a step, and what its text needs to be run.

A long slice is cut into parts of some thousand lines, so that no function is too long for Python's compiler; a value that a later
part reads is kept in a list between them, and let go after the last part that reads it.
"""

import builtins
import keyword
import unicodedata
from dataclasses import is_dataclass
from typing import Any, NamedTuple

import numpy as np

from ..arrays.pytrees import children, rebuilt
from ..text import printable
from .expression_codegen import ExpressionWriter
from .ir import Graph, Instruction, has_name, operands
from .liveness import BufferPlan
from .op_traits import is_new
from .passes.tiling import tile_rows
from .scalar.machine import Machine

MAX_INSTRUCTIONS_PER_FUNCTION = 8000
"""Steps in one function; up to there, the time to compile one grows with its length and no faster."""

RESERVED = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "np", "plan", "kept", "i", "fixed"})


class GeneratedSource(NamedTuple):
    """The source of a plan: its function is called `plan`."""

    text: str
    namespace: dict[str, Any]
    lines: dict[int, int]
    """Which step each line of the text runs."""


def generate_source(graph: Graph, nest: Any) -> GeneratedSource:
    """The source of a slice; `nest` is that of its outputs, numbered from 0."""
    return CodeGenerator(graph, nest).whole()


class CodeGenerator:
    """One slice on its way to text."""

    def __init__(self, graph: Graph, nest: Any) -> None:
        self.slice, self.nest, self.variables = graph, nest, variable_names(graph)
        self.writer = ExpressionWriter(set(self.variables.values()) | RESERVED)
        self.lifetimes = BufferPlan(graph)
        self.text: list[str] = []
        self.lines: dict[int, int] = {}
        for n, value in graph.bound.items():
            self.writer.namespace[self.variables[n]] = value

    def whole(self) -> GeneratedSource:
        """The text of all of it."""
        run = [n for n, step in self.slice.steps.items() if step.op is not None]
        if len(run) <= MAX_INSTRUCTIONS_PER_FUNCTION:
            self.function("plan", [self.variables[n] for n in self.slice.inputs])
            self.steps(run)
            self.line(f"return {self.results()}")
        else:
            self.parts(self.runs(run))
        head = self.constants()
        lines = {number + len(head): n for number, n in self.lines.items()}
        return GeneratedSource("\n".join([*head, *self.text]) + "\n", self.writer.namespace, lines)

    def constants(self) -> list[str]:
        """A comment for each name that stands for a value."""
        values = ((name, value) for name, value in self.writer.namespace.items() if isinstance(value, np.ndarray | np.generic | Machine))
        return [f"# {name}: {f'{a.dtype} {a.shape}' if isinstance(a, np.ndarray) else repr(a)}" for name, a in values]

    # -------------------------------------------------------------------------------------------------------- lines

    def function(self, name: str, parameters: list[str]) -> None:
        """The first line of a function."""
        self.text += [*([""] * 2 if self.text else []), f"def {name}({', '.join(parameters)}):"]

    def line(self, text: str) -> None:
        """A line of its body."""
        self.text.append(f"    {text}")

    def steps(self, run: list[int]) -> None:
        """A line for each step; a loop for each block of them."""
        blocks = self.lifetimes.block
        for n in run:
            if n not in blocks:
                self.step(n, self.slice.steps[n])
            elif n == blocks[n][0]:
                self.block(blocks[n])

    def step(self, n: int, step: Instruction) -> None:
        """`v7 = v5 * x  # (3,)`, and what is read there for the last time is let go."""
        variables, lifetimes = self.variables, self.lifetimes
        out = variables[lifetimes.out[n]] if n in lifetimes.out else None
        text = f"{variables[n]} = {self.writer.write(step, variables.__getitem__, out)}"
        drop = f"; {self.drop(n)}" if n in lifetimes.gone else ""
        self.line(f"{text}{drop}{self.comment(n, step)}")
        self.lines[len(self.text)] = n

    def drop(self, n: int) -> str:
        """`del` of what nobody reads after a step."""
        return f"del {', '.join(self.variables[a] for a in self.lifetimes.gone[n])}"

    def block(self, block: tuple[int, ...]) -> None:
        """A loop over blocks of rows."""
        steps, whole = self.slice.steps, self.lifetimes.whole
        first = steps[block[0]]
        rows = tile_rows(first)
        for n in block:
            if n in whole:
                self.line(f"{self.variables[n]} = {self.empty(steps[n])}{self.comment(n, steps[n])}")
        self.line(f"for i in range(0, {first.shape[0]}, {rows}):")
        cut = {int(a) for n in block for a in operands(steps[n]) if a not in block and steps[a].shape == first.shape}
        parts = sorted(cut.union(n for n in block if n in whole))
        names = {n: self.part(n, rows) for n in parts}
        for n in block:
            out = self.lifetimes.out.get(n, n if n in whole else None)
            names.setdefault(n, self.variables[n])
            text = self.writer.write(steps[n], lambda a: names.get(a, self.variables[a]), None if out is None else names[out])
            self.line(f"    {names[n]} = {text}")
            self.lines[len(self.text)] = n
        gone = [self.variables[a] for a in self.lifetimes.gone.get(block[-1], ())]
        self.line(f"del {', '.join([*(names[n] for n in parts), *gone])}")

    def empty(self, step: Instruction) -> str:
        """Memory for a result."""
        dtype = "" if step.dtype == np.float64 else f", {self.writer.constant(step.dtype)}"
        return f"np.empty({step.shape}{dtype})"

    def part(self, n: int, rows: int) -> str:
        """A line that takes the block's part of an array, and the name of that part."""
        variable = self.variables[n]
        name = self.writer.fresh_name(f"{variable}_i")
        self.line(f"    {name} = {variable}[i:i + {rows}]")
        return name

    def comment(self, n: int, step: Instruction) -> str:
        """The shape, and the name, where it could not be the variable's."""
        name = self.slice.names.get(n, "")
        shown = f"  {printable(name)}" if has_name(self.slice.names, n) and name != self.variables[n] else ""
        return f"  # {step.shape}{shown}"

    def results(self) -> str:
        """The outputs in their nest, each in memory of its own."""
        given: set[int] = set()
        return self.format_tree(self.nest, [self.result(n, given) for n in self.slice.outputs])

    def format_tree(self, nest: Any, texts: list[str]) -> str:
        """The text of a nest."""
        inner = children(nest)
        if inner is None:
            return texts[int(nest)]
        if nest is None:
            return "None"
        items = {key: self.format_tree(part, texts) for key, part in inner.items()}
        if isinstance(nest, dict) or is_dataclass(nest):
            text = f"{{{', '.join(f'{self.writer.constant(key)}: {item}' for key, item in items.items())}}}"
            kept = "" if type(nest) is dict else self.writer.bind(type(nest).__name__, nest)
            return f"{self.writer.bind('rebuilt', rebuilt)}({kept}, {text})" if kept else text
        listed = ", ".join(items.values())
        if isinstance(nest, list):
            return f"[{listed}]"
        if hasattr(nest, "_fields"):
            return f"{self.writer.bind(type(nest).__name__, type(nest))}({listed})"
        return f"({listed}{',' * (len(nest) == 1)})"

    def result(self, n: int, given: set[int]) -> str:
        """One output: as it is, where nothing else can hold its memory, else a copy."""
        step, roots = self.slice.steps[n], self.lifetimes.roots[n]
        own = not roots or (step.op is not None and is_new(step) and given.isdisjoint(roots))
        given |= roots
        return self.variables[n] if own else f"{self.variables[n]}.copy()"

    # -------------------------------------------------------------------------------------------------------- parts

    def runs(self, steps: list[int]) -> list[list[int]]:
        """The steps of each part; a block is in one piece."""
        blocks, runs = self.lifetimes.block, list[list[int]]([[]])
        for n in steps:
            if len(runs[-1]) >= MAX_INSTRUCTIONS_PER_FUNCTION and (n not in blocks or n == blocks[n][0]):
                runs.append([])
            runs[-1].append(n)
        return runs

    def parts(self, runs: list[list[int]]) -> None:
        """A function for each run of steps, and one that calls them."""
        crossing = LiveBetweenParts(self.slice, runs)
        parts = [self.writer.fresh_name(f"part_{k}") for k in range(len(runs))]
        for k, run in enumerate(runs):
            self.function(parts[k], ["kept"])
            for n in crossing.read[k]:
                self.line(f"{self.variables[n]} = kept[{crossing.places[n]}]")
            self.steps(run)
            for n in crossing.written[k]:
                self.line(f"kept[{crossing.places[n]}] = {self.variables[n]}")
            for n in crossing.gone[k]:
                self.line(f"kept[{crossing.places[n]}] = None")
        self.function("plan", [self.variables[n] for n in self.slice.inputs])
        self.line(f"kept = [None] * {len(crossing.places)}")
        for n in crossing.given:
            self.line(f"kept[{crossing.places[n]}] = {self.variables[n]}")
        for part in parts:
            self.line(f"{part}(kept)")
        for n in dict.fromkeys(self.slice.outputs):
            if n in crossing.places and n not in crossing.given:
                self.line(f"{self.variables[n]} = kept[{crossing.places[n]}]")
        self.line(f"return {self.results()}")


class LiveBetweenParts:
    """Which values go from one part to later ones: their places in the list between them.

    Attributes
    ----------
    places : dict of int to int
    given : list of int
        The inputs among them.
    read, written, gone : list of list of int
        For each part, what it takes from the list, puts there, and is the last to need.
    """

    def __init__(self, graph: Graph, runs: list[list[int]]) -> None:
        part = {n: k for k, run in enumerate(runs) for n in run} | dict.fromkeys(graph.inputs, -1)
        self.places: dict[int, int] = {}
        self.read: list[list[int]] = [[] for _ in runs]
        self.written: list[list[int]] = [[] for _ in runs]
        self.gone: list[list[int]] = [[] for _ in runs]
        last: dict[int, int] = {}
        for k, run in enumerate(runs):
            for n in dict.fromkeys(int(a) for m in run for a in operands(graph.steps[m]) if part.get(a, k) != k):
                self.read[k].append(n)
                self._place(n)
                last[n] = k
        for n in graph.outputs:
            if n in part:
                self._place(n)
                last.pop(n, None)
        for n, k in last.items():
            self.gone[k].append(n)
        self.given = [n for n in self.places if part[n] == -1]
        for n in self.places:
            if part[n] >= 0:
                self.written[part[n]].append(n)

    def _place(self, n: int) -> None:
        self.places.setdefault(n, len(self.places))


def variable_names(graph: Graph) -> dict[int, str]:
    """A variable for each step: the node's name where it is an identifier, v7 where it is not."""
    names = graph.names
    return {n: names[n] if has_name(names, n) and _is_variable(names[n]) else f"v{n}" for n in graph.steps}


def _is_variable(name: str) -> bool:
    """Whether a name can be a variable's, and stays as it is: Python reads the micro sign as the letter mu."""
    return name.isidentifier() and name not in RESERVED and unicodedata.is_normalized("NFKC", name)
