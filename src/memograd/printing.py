"""A slice as the source of a Python function, one line a step, and what its text needs to be run.

A long slice is cut into parts of some thousand lines, so that no function is too long for Python's compiler; a value that a later
part reads is kept in a list between them, and let go after the last part that reads it.
"""

import builtins
import keyword
from typing import Any, NamedTuple

import numpy as np

from .buffers import Lifetimes
from .errors import printable
from .expressions import Writer
from .facts import is_new
from .slices import Slice, Step, named, operands

LONGEST = 8000
"""Steps in one function; up to there, the time to compile one grows with its length and no faster."""

RESERVED = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "np", "plan", "kept"})


class Printed(NamedTuple):
    """The source of a plan: its function is called `plan`."""

    text: str
    namespace: dict[str, Any]
    lines: dict[int, int]
    """Which step each line of the text runs."""


def printed(slice: Slice, nest: Any) -> Printed:
    """The source of a slice; `nest` is that of its outputs, numbered from 0."""
    return Printing(slice, nest).whole()


class Printing:
    """One slice on its way to text."""

    def __init__(self, slice: Slice, nest: Any) -> None:
        self.slice, self.nest = slice, nest
        self.variables = variables(slice)
        self.writer = Writer(set(self.variables.values()) | RESERVED)
        self.lifetimes = Lifetimes(slice)
        self.text: list[str] = []
        self.lines: dict[int, int] = {}
        for n, value in slice.bound.items():
            self.writer.namespace[self.variables[n]] = value

    def whole(self) -> Printed:
        """The text of all of it."""
        run = [n for n, step in self.slice.steps.items() if step.op is not None]
        if len(run) <= LONGEST:
            self.function("plan", [self.variables[n] for n in self.slice.inputs])
            self.steps(run)
            self.line(f"return {self.results()}")
        else:
            self.parts([run[k : k + LONGEST] for k in range(0, len(run), LONGEST)])
        head = self.constants()
        lines = {number + len(head): n for number, n in self.lines.items()}
        return Printed("\n".join([*head, *self.text]) + "\n", self.writer.namespace, lines)

    def constants(self) -> list[str]:
        """A comment for each name that stands for a value."""
        values = ((name, value) for name, value in self.writer.namespace.items() if isinstance(value, np.ndarray | np.generic))
        return [f"# {name}: {repr(a) if isinstance(a, np.generic) else f'{a.dtype} {a.shape}'}" for name, a in values]

    # -------------------------------------------------------------------------------------------------------- lines

    def function(self, name: str, parameters: list[str]) -> None:
        """The first line of a function."""
        self.text += [*([""] * 2 if self.text else []), f"def {name}({', '.join(parameters)}):"]

    def line(self, text: str) -> None:
        """A line of its body."""
        self.text.append(f"    {text}")

    def steps(self, run: list[int]) -> None:
        """A line for each step."""
        for n in run:
            self.line(self.step(n, self.slice.steps[n]))
            self.lines[len(self.text)] = n

    def step(self, n: int, step: Step) -> str:
        """`v7 = v5 * x  # (3,)`, and what is read there for the last time is let go."""
        variables, lifetimes = self.variables, self.lifetimes
        out = variables[lifetimes.out[n]] if n in lifetimes.out else None
        text = f"{variables[n]} = {self.writer.write(step, variables.__getitem__, out)}"
        gone = lifetimes.gone.get(n)
        drop = f"; del {', '.join(variables[a] for a in gone)}" if gone else ""
        return f"{text}{drop}{self.comment(n, step)}"

    def comment(self, n: int, step: Step) -> str:
        """The shape, and the name, where it could not be the variable's."""
        name = self.slice.names.get(n, "")
        shown = f"  {printable(name)}" if named(self.slice.names, n) and name != self.variables[n] else ""
        return f"  # {step.shape}{shown}"

    def results(self) -> str:
        """The outputs in their nest, each in memory of its own."""
        given: set[int] = set()
        return self.nested(self.nest, [self.result(n, given) for n in self.slice.outputs])

    def nested(self, nest: Any, texts: list[str]) -> str:
        """The text of a nest of lists, tuples and dicts."""
        if isinstance(nest, int):
            return texts[nest]
        if isinstance(nest, dict):
            return f"{{{', '.join(f'{self.writer.constant(key)}: {self.nested(part, texts)}' for key, part in nest.items())}}}"
        items = ", ".join(self.nested(part, texts) for part in nest)
        if isinstance(nest, list):
            return f"[{items}]"
        if hasattr(nest, "_fields"):
            return f"{self.writer.bind(type(nest).__name__, type(nest))}({items})"
        return f"({items}{',' * (len(nest) == 1)})"

    def result(self, n: int, given: set[int]) -> str:
        """One output: as it is, where nothing else can hold its memory, else a copy."""
        step, roots = self.slice.steps[n], self.lifetimes.roots[n]
        own = not roots or (step.op is not None and is_new(step) and given.isdisjoint(roots))
        given |= roots
        return self.variables[n] if own else f"{self.variables[n]}.copy()"

    # -------------------------------------------------------------------------------------------------------- parts

    def parts(self, runs: list[list[int]]) -> None:
        """A function for each run of steps, and one that calls them."""
        crossing = Crossing(self.slice, runs)
        for k, run in enumerate(runs):
            self.function(f"part_{k}", ["kept"])
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
        for k in range(len(runs)):
            self.line(f"part_{k}(kept)")
        for n in dict.fromkeys(self.slice.outputs):
            if n in crossing.places and n not in crossing.given:
                self.line(f"{self.variables[n]} = kept[{crossing.places[n]}]")
        self.line(f"return {self.results()}")


class Crossing:
    """Which values go from one part to later ones: their places in the list between them.

    Attributes
    ----------
    places : dict of int to int
    given : list of int
        The inputs among them.
    read, written, gone : list of list of int
        For each part, what it takes from the list, puts there, and is the last to need.
    """

    def __init__(self, slice: Slice, runs: list[list[int]]) -> None:
        part = {n: k for k, run in enumerate(runs) for n in run} | dict.fromkeys(slice.inputs, -1)
        self.places: dict[int, int] = {}
        self.read: list[list[int]] = [[] for _ in runs]
        self.written: list[list[int]] = [[] for _ in runs]
        self.gone: list[list[int]] = [[] for _ in runs]
        last: dict[int, int] = {}
        for k, run in enumerate(runs):
            for n in dict.fromkeys(int(a) for m in run for a in operands(slice.steps[m]) if part.get(a, k) != k):
                self.read[k].append(n)
                self._place(n)
                last[n] = k
        for n in slice.outputs:
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


def variables(slice: Slice) -> dict[int, str]:
    """A variable for each step: the node's name where it is an identifier, v7 where it is not."""
    names = slice.names
    return {n: names[n] if named(names, n) and names[n].isidentifier() and names[n] not in RESERVED else f"v{n}" for n in slice.steps}
