"""Code generation: the source of a plan, with one line for each instruction.

A long plan becomes several functions of some thousand lines, since Python compiles longer ones in
more than linear time. A list carries values from one function to later ones, until the last of
them has read them.
"""

import builtins
import keyword
import unicodedata
from dataclasses import is_dataclass
from typing import Any, NamedTuple

import numpy as np

from ..arrays.pytrees import children, with_children
from ..text import printable
from .arena import ArenaLayout, ArenaPool, Slot
from .expression_codegen import ExpressionWriter
from .ir import Graph, Instruction, has_name, operands
from .liveness import BufferPlan
from .machine.machine import Machine
from .op_traits import is_new

MAX_INSTRUCTIONS_PER_FUNCTION = 8000
"""Up to this length, Python compiles a function in linear time."""

RESERVED = frozenset(
    {
        *keyword.kwlist,
        *keyword.softkwlist,
        *dir(builtins),
        "np",
        "plan",
        "kept",
        "fixed",
        "arena",
        "results",
    }
)


class GeneratedSource(NamedTuple):
    """Source of a plan, whose function is called `plan`."""

    text: str
    namespace: dict[str, Any]
    lines: dict[int, int]
    """Instruction that each line of the text runs."""


def generate_source(
    graph: Graph, nest: Any, buffers: BufferPlan, layout: ArenaLayout
) -> GeneratedSource:
    """Return the source of a graph.

    Parameters
    ----------
    graph : Graph
        After all passes.
    nest : pytree of int
        Structure of the outputs; its leaves are their numbers, from 0.
    buffers : BufferPlan
        Liveness of the graph's arrays.
    layout : ArenaLayout
        Slots of the large temporaries.
    """
    return CodeGenerator(graph, nest, buffers, layout).generate()


class CodeGenerator:
    """Generator of the source of one graph."""

    def __init__(self, graph: Graph, nest: Any, buffers: BufferPlan, layout: ArenaLayout) -> None:
        self.graph = graph
        self.nest = nest
        self.buffers = buffers
        self.layout = layout
        self.variables = variable_names(graph)
        self.writer = ExpressionWriter(set(self.variables.values()) | RESERVED)
        self.text: list[str] = []
        self.lines: dict[int, int] = {}
        for n, value in graph.bound.items():
            self.writer.namespace[self.variables[n]] = value
        # From the place of a result in the arena to its variable.
        self.places: dict[Slot, str] = {}

    def generate(self) -> GeneratedSource:
        """Return the whole source."""
        run = [
            n for n, instruction in self.graph.instructions.items() if instruction.op is not None
        ]
        if len(run) <= MAX_INSTRUCTIONS_PER_FUNCTION:
            self.write_whole(run)
        else:
            self.write_parts(self.split_into_parts(run))
        head = self.constant_comments()
        lines = {number + len(head): n for number, n in self.lines.items()}
        return GeneratedSource("\n".join([*head, *self.text]) + "\n", self.writer.namespace, lines)

    def write_whole(self, run: list[int]) -> None:
        """Write one function with all instructions, which takes its arena and puts it back."""
        self.open_function("plan", [self.variables[n] for n in self.graph.inputs])
        if not self.layout.slots:
            self.write_instructions(run)
            self.write_line(f"return {self.output_tree()}")
            return
        pool = ArenaPool(self.layout)
        arenas = self.writer.bind("arenas", pool)
        self.places = {
            place: self.writer.fresh_name(f"slot_{k}") for k, place in enumerate(pool.places)
        }
        self.write_line(f"arena = {arenas}.take()")
        self.write_line(f"{', '.join(self.places.values())}, = arena")
        self.write_instructions(run)
        self.write_line(f"results = {self.output_tree()}")
        self.write_line(f"{arenas}.put_back(arena)")
        self.write_line("return results")

    def constant_comments(self) -> list[str]:
        """Return a comment for each name that stands for a value."""
        values = (
            (name, value)
            for name, value in self.writer.namespace.items()
            if isinstance(value, np.ndarray | np.generic | Machine | ArenaPool)
        )
        return [
            f"# {name}: {f'{a.dtype} {a.shape}' if isinstance(a, np.ndarray) else repr(a)}"
            for name, a in values
        ]

    def open_function(self, name: str, parameters: list[str]) -> None:
        """Write the first line of a function."""
        self.text += [*([""] * 2 if self.text else []), f"def {name}({', '.join(parameters)}):"]

    def write_line(self, text: str) -> None:
        """Write a line of the body of a function."""
        self.text.append(f"    {text}")

    def write_instructions(self, run: list[int]) -> None:
        """Write a line for each instruction."""
        for n in run:
            self.write_instruction(n, self.graph.instructions[n])

    def write_instruction(self, n: int, instruction: Instruction) -> None:
        """Write `v7 = v5 * x  # (3,)`, and delete the arrays that are dead afterwards."""
        variables, buffers = self.variables, self.buffers
        out = variables[buffers.reuses[n]] if n in buffers.reuses else None
        if self.places and n in self.layout.slots:
            out = self.places[self.layout.slots[n]]
        text = f"{variables[n]} = {self.writer.write(instruction, variables.__getitem__, out)}"
        drop = f"; {self.deletion(n)}" if n in buffers.dead_after else ""
        self.write_line(f"{text}{drop}{self.comment(n, instruction)}")
        self.lines[len(self.text)] = n

    def deletion(self, n: int) -> str:
        """Return the `del` statement for the arrays that are dead after an instruction."""
        return f"del {', '.join(self.variables[a] for a in self.buffers.dead_after[n])}"

    def comment(self, n: int, instruction: Instruction) -> str:
        """Return a comment with the shape, and the node's name if no variable can have it."""
        name = self.graph.names.get(n, "")
        shown = (
            f"  {printable(name)}"
            if has_name(self.graph.names, n) and name != self.variables[n]
            else ""
        )
        return f"  # {instruction.shape}{shown}"

    def output_tree(self) -> str:
        """Return the expression of the outputs in their pytree, each in memory of its own."""
        given: set[int] = set()
        return self.format_tree(
            self.nest, [self.output_expression(n, given) for n in self.graph.outputs]
        )

    def format_tree(self, nest: Any, texts: list[str]) -> str:
        """Return the expression of a pytree whose leaves are written as `texts`."""
        inner = children(nest)
        if inner is None:
            return texts[int(nest)]
        if nest is None:
            return "None"
        items = {key: self.format_tree(part, texts) for key, part in inner.items()}
        if isinstance(nest, dict) or is_dataclass(nest):
            pairs = (f"{self.writer.constant(key)}: {item}" for key, item in items.items())
            text = f"{{{', '.join(pairs)}}}"
            kept = "" if type(nest) is dict else self.writer.bind(type(nest).__name__, nest)
            return f"{self.writer.bind('rebuilt', with_children)}({kept}, {text})" if kept else text
        listed = ", ".join(items.values())
        if isinstance(nest, list):
            return f"[{listed}]"
        if hasattr(nest, "_fields"):
            return f"{self.writer.bind(type(nest).__name__, type(nest))}({listed})"
        return f"({listed}{',' * (len(nest) == 1)})"

    def output_expression(self, n: int, given: set[int]) -> str:
        """Return the expression of one output: a copy, if anything else may hold its memory."""
        instruction, roots = self.graph.instructions[n], self.buffers.roots[n]
        own = not roots or (
            instruction.op is not None and is_new(instruction) and given.isdisjoint(roots)
        )
        given |= roots
        return self.variables[n] if own else f"{self.variables[n]}.copy()"

    def split_into_parts(self, instructions: list[int]) -> list[list[int]]:
        """Return the instructions of each part."""
        starts = range(0, len(instructions), MAX_INSTRUCTIONS_PER_FUNCTION)
        return [instructions[k : k + MAX_INSTRUCTIONS_PER_FUNCTION] for k in starts]

    def write_parts(self, runs: list[list[int]]) -> None:
        """Write a function for each part, and the one that calls them."""
        live = LiveBetweenParts(self.graph, runs)
        parts = [self.writer.fresh_name(f"part_{k}") for k in range(len(runs))]
        for k, run in enumerate(runs):
            self.open_function(parts[k], ["kept"])
            for n in live.read[k]:
                self.write_line(f"{self.variables[n]} = kept[{live.places[n]}]")
            self.write_instructions(run)
            for n in live.written[k]:
                self.write_line(f"kept[{live.places[n]}] = {self.variables[n]}")
            for n in live.dead[k]:
                self.write_line(f"kept[{live.places[n]}] = None")
        self.open_function("plan", [self.variables[n] for n in self.graph.inputs])
        self.write_line(f"kept = [None] * {len(live.places)}")
        for n in live.given:
            self.write_line(f"kept[{live.places[n]}] = {self.variables[n]}")
        for part in parts:
            self.write_line(f"{part}(kept)")
        for n in dict.fromkeys(self.graph.outputs):
            if n in live.places and n not in live.given:
                self.write_line(f"{self.variables[n]} = kept[{live.places[n]}]")
        self.write_line(f"return {self.output_tree()}")


class LiveBetweenParts:
    """Values that later parts read, and their places in the list that carries them.

    Attributes
    ----------
    places : dict of int to int
    given : list of int
        The inputs among them.
    read, written, dead : list of list of int
        For each part, what it takes from the list, puts there, and is the last to need.
    """

    def __init__(self, graph: Graph, runs: list[list[int]]) -> None:
        part = {n: k for k, run in enumerate(runs) for n in run} | dict.fromkeys(graph.inputs, -1)
        self.places: dict[int, int] = {}
        self.read: list[list[int]] = [[] for _ in runs]
        self.written: list[list[int]] = [[] for _ in runs]
        self.dead: list[list[int]] = [[] for _ in runs]
        last: dict[int, int] = {}
        for k, run in enumerate(runs):
            for n in dict.fromkeys(
                int(a) for m in run for a in operands(graph.instructions[m]) if part.get(a, k) != k
            ):
                self.read[k].append(n)
                self._place(n)
                last[n] = k
        for n in graph.outputs:
            if n in part:
                self._place(n)
                last.pop(n, None)
        for n, k in last.items():
            self.dead[k].append(n)
        self.given = [n for n in self.places if part[n] == -1]
        for n in self.places:
            if part[n] >= 0:
                self.written[part[n]].append(n)

    def _place(self, n: int) -> None:
        self.places.setdefault(n, len(self.places))


def variable_names(graph: Graph) -> dict[int, str]:
    """Return a variable for each instruction: the node's name if it is an identifier, else `v7`."""
    names = graph.names
    return {
        n: names[n] if has_name(names, n) and _is_variable(names[n]) else f"v{n}"
        for n in graph.instructions
    }


def _is_variable(name: str) -> bool:
    """Return whether a name can be a variable's and stays as it is.

    Python reads the micro sign as the letter mu.
    """
    return name.isidentifier() and name not in RESERVED and unicodedata.is_normalized("NFKC", name)
