"""Machine: programs in double precision as functions of numbers and arrays.

With Numba (extra `fast`) an interpreter is compiled once for all programs and kept on disk.
Without it, each program on numbers becomes Python source, and arrays stay NumPy's. Both give what
NumPy gives: sums, products and quotients of numbers to the bit, functions to a few units in the
last place, infinity and NaN in the same places. Neither raises or warns.
"""

from typing import Any, NamedTuple

import numpy as np

from ..ir import Graph
from .program import Load, Program, Result
from .runners import program_runner


class Machine:
    """Program as a function of numbers and arrays, with one result or a tuple of them."""

    def __init__(
        self, program: Program, loads: tuple[Load, ...], results: tuple[Result, ...]
    ) -> None:
        self.program, self.loads, self.results = program, loads, results
        self.run = program_runner(program)

    def __call__(self, *xs: Any) -> Any:
        """Return the results for one set of numbers."""
        given, wanted = np.empty((1, self.program.given)), np.empty((1, len(self.program.wanted)))
        row = given[0]
        for (at, places, _), x in zip(self.loads, xs, strict=True):
            row[at] = x if places is None else x.take(places)
        self.run(given, wanted)
        row = wanted[0]
        result = tuple([row[at] != 0.0 if logical else row[at] for at, logical, _ in self.results])
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
        for load, x in zip(self.loads, xs, strict=True):
            given[:, load.at] = load.numbers_in(x)
        self.run(given, wanted)
        return tuple([result.stacked(wanted) for result in self.results])

    def __repr__(self) -> str:
        size = 8 * self.program.size
        return f"<machine of {self.program.rows:,} instructions, {size:,} bytes>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.program, self.loads, self.results)


def on_machine(machine: Any, *xs: Any) -> Any:
    """Run a machine: the kernel of a lowered region."""
    return machine(*xs)


def machine_result(results: tuple[Any, ...], k: int) -> Any:
    """Return one of the results of a machine, which lie in memory of their own."""
    return results[k]


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
        if instruction.op is not None and instruction.op is not machine_result
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
