"""Builder of a program on arrays: its rows, constants, operands and results."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...program.steps import Operand
from ..ir import Graph
from .address_space import Address, AddressSpace, Place, allocate, number_of_elements
from .array_loops import loops_over
from .array_rows import Row, encode_rows
from .program import Load, Program, Result


class ArrayBuilder:
    """Program on arrays under construction.

    Attributes
    ----------
    space : AddressSpace
        Blocks of all arrays.
    rows : list of Row or None
        None stands for a row that became part of a later one.
    producers : dict of int to int
        The row that computes a block.
    """

    def __init__(self, graph: Graph, largest: int) -> None:
        self.graph = graph
        self.space = AddressSpace(largest)
        self.rows: list[Row | None] = []
        self.producers: dict[int, int] = {}
        self.given: dict[Operand, int] = {}
        self._constants: dict[Any, int] = {}
        self._full: dict[tuple[Address, int], Address] = {}

    def address(self, place: Place) -> Address:
        """Return the address of the first number of an array."""
        return self.space.address(place)

    def append(self, row: Row) -> None:
        """Append a row whose result has a place."""
        for read in (*row.reads, row.writes):
            self.space.read(read.block, len(self.rows))
        self.rows.append(row)

    def emit(self, row: Row, shape: tuple[int, ...], kind: str = "array") -> Place:
        """Append a row with a new result, and return its place."""
        block = self.new(shape, kind)
        self.producers[block] = len(self.rows)
        self.append(row._replace(writes=Address(block, 0)))
        return self.space.place(block, shape)

    def new(self, shape: tuple[int, ...], kind: str = "array") -> int:
        """Return a block for a new array."""
        return self.space.add(number_of_elements(shape), kind, len(self.rows))

    def whole(self, shape: tuple[int, ...]) -> Place:
        """Return the place of a new array."""
        return self.space.place(self.new(shape), shape)

    def load(self, a: Operand) -> Place:
        """Return the place of an operand of the region."""
        shape = self.graph.instructions[a].shape
        self.given[a] = self.space.add(number_of_elements(shape), "given")
        return self.space.place(self.given[a], shape)

    def constant(self, value: np.ndarray) -> Place:
        """Return the place of a constant array in double precision; equal ones are stored once."""
        key = value.size, value.tobytes()
        if key not in self._constants:
            block = self.space.add(value.size, "constant")
            self.space.blocks[block].values = np.ravel(value)
            self._constants[key] = block
        return self.space.place(self._constants[key], value.shape)

    def number(self, x: float) -> Address:
        """Return the address of a constant number."""
        return self.address(self.constant(np.full((), float(x))))

    def compact(self, n: int, place: Place) -> Place:
        """Return the place of a copy without gaps, or the place itself if it has none."""
        return place if place.view.flags.c_contiguous else self.copy(n, place, place.view.shape)

    def copy(self, n: int, place: Place, shape: tuple[int, ...]) -> Place:
        """Return the place of a copy that is broadcast to a shape."""
        target = self.whole(shape)
        self.write(n, target, place)
        return target

    def write(self, n: int, target: Place, source: Place) -> None:
        """Copy an array to a place, broadcast: by a row for each index of all but two loops."""
        view = np.broadcast_to(source.view, target.view.shape)
        start, begin = self.address(target), self.address(Place(source.block, view))
        outer, (repeats, to, ta), (length, so, sa) = loops_over(target.view, view)
        for index in np.ndindex(*[size for size, _, _ in outer]):
            shifts = [(k * out, k * a) for k, (_, out, a) in zip(index, outer, strict=True)]
            out, a = map(sum, zip(*shifts, strict=True)) if shifts else (0, 0)
            read = Address(begin.block, begin.offset + a)
            written = Address(start.block, start.offset + out)
            strides = sa, 0, so, ta, 0, to
            self.append(
                Row("copy", (read,), n, length, strides=strides, repeats=repeats, writes=written)
            )

    def full(self, n: int, number: Address, size: int) -> Address:
        """Return the address of an array of equal numbers."""
        key = number, size
        if key not in self._full:
            values = self.space.blocks[number.block].values
            place = (
                self.copy(n, self.space.place_at(number, ()), (size,))
                if values is None
                else self.constant(np.full(size, values[number.offset]))
            )
            self._full[key] = self.address(place)
        return self._full[key]

    def program(
        self, outputs: Sequence[tuple[int, Place]]
    ) -> tuple[Program, tuple[Load, ...], tuple[Result, ...]]:
        """Return the program that computes outputs, how it is loaded, and its results."""
        places = [(n, self.compact(n, place)) for n, place in outputs]
        for _, place in places:
            self.space.read(place.block, len(self.rows))
        rows = [row for row in self.rows if row is not None]
        constants = self._constant_values()
        given, loads = self._loads()
        starts, size = self._starts(rows, len(constants), given)
        wanted = [
            np.arange(place.view.size) + starts[block] + offset
            for _, place in places
            for block, offset in [self.address(place)]
        ]
        table = np.concatenate(wanted).astype(np.uint32)
        program = Program(constants, given, encode_rows(rows, starts), table, size, len(rows))
        return program, loads, tuple(self._results(places))

    def _constant_values(self) -> np.ndarray:
        values = [s.values for s in self.space.blocks if s.values is not None]
        return np.concatenate(values) if values else np.zeros(0)

    def _loads(self) -> tuple[int, tuple[Load, ...]]:
        """Return how many numbers are loaded, and where each operand goes."""
        loads, at = [], 0
        for a, block in self.given.items():
            shape, size = self.graph.instructions[a].shape, self.space.blocks[block].size
            loads.append(Load(slice(at, at + size) if shape else at, None, shape))
            at += size
        return at, tuple(loads)

    def _results(self, places: Iterable[tuple[int, Place]]) -> Iterable[Result]:
        at = 0
        for n, place in places:
            instruction, size = self.graph.instructions[n], place.view.size
            part = slice(at, at + size) if instruction.shape else at
            yield Result(part, instruction.dtype == bool, instruction.shape)
            at += size

    def _starts(self, rows: Sequence[Row], constants: int, given: int) -> tuple[list[int], int]:
        """Return where each block starts, and the size of the memory.

        Constants come first, then operands, registers in the order of their rows, and arrays.
        """
        blocks = self.space.blocks
        starts = [0] * len(blocks)
        heads = [k for k, s in enumerate(blocks) if s.kind == "constant"]
        heads += self.given.values()
        heads += [r.writes.block for r in rows if blocks[r.writes.block].kind == "register"]
        at = 0
        for k in heads:
            starts[k] = at
            at += blocks[k].size
        size = allocate(blocks, starts, at)
        for k, s in enumerate(blocks):
            if s.inside is not None:
                root, offset = self.space.root(k)
                starts[k] = starts[root] + offset
        return starts, size
