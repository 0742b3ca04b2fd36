"""Lowering of a region with arrays to a program of the machine.

Views, slices and reshapes become addresses. A concatenation is the place where its parts are
computed. Operands that are broadcast or have gaps are copied first, so that formulas run on arrays
without gaps. Numbers run as in a program without arrays.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ...program.steps import Operand
from ...rules.indexing import getitem, scatter
from ...rules.registration import rule_of
from ..ir import Graph, Instruction
from ..kernels import inner
from ..op_traits import SUM_OF_NEGATIVE_ZEROS, axes_of
from .address_space import NUMBER_BYTES, Address, Number, Place, number_of_elements
from .array_builder import ArrayBuilder
from .array_loops import split_axes
from .array_machine import ArrayMachine
from .array_opcodes import FLAT_FORMULAS, LETTERS_READ, WITH_NUMBER
from .array_rows import NO_STRIDES, Row
from .opcodes import (
    CODES,
    FUSED,
    LOGICAL,
    POWER_OF_ARRAYS,
    POWER_OF_NUMBERS,
    POWER_WITH_NUMBER,
    POWERS,
    REAL,
)

COMMUTATIVE = frozenset({"a * b", "a + b"})


class ArrayLowering:
    """Region under lowering to a program with rows on arrays."""

    def __init__(self, graph: Graph, counts: Counter[int], largest: int) -> None:
        self.graph, self.counts = graph, counts
        self.builder = ArrayBuilder(graph, largest)
        self.places: dict[int, Place] = {}
        self.copies: dict[Any, Address] = {}

    def add(self, n: int, instruction: Instruction) -> None:
        """Lower the next instruction."""
        lower = LOWERINGS.get(instruction.op, ArrayLowering._move)
        self.places[n] = lower(self, n, instruction)

    def machine(self, outputs: Iterable[int]) -> tuple[ArrayMachine, tuple[Operand, ...]]:
        """Return the machine that computes these outputs, and its operands."""
        parts = self.builder.program([(n, self.places[n]) for n in outputs])
        return ArrayMachine(*parts), tuple(self.builder.given)

    def _place(self, a: Any) -> Place:
        """Return the place of an argument."""
        if type(a) is not Operand:
            return self.builder.constant(np.asarray(float(a)))
        if a not in self.places:
            value = self.graph.bound.get(a)
            self.places[a] = (
                self.builder.load(a)
                if value is None
                else self.builder.constant(np.asarray(value, dtype=np.float64))
            )
        return self.places[a]

    # Formulas

    def _formula(self, n: int, instruction: Instruction) -> Place:
        formula = REAL.get(instruction.op) or LOGICAL[instruction.op]
        if instruction.op is np.power:
            formula = self._power(instruction)
        args = instruction.args[: len(LETTERS_READ[formula])]
        reads = tuple([self._read(n, a, instruction.shape) for a in args])
        for side, a in enumerate(args):
            row = self._alone(reads[side], a, number_of_elements(instruction.shape))
            fused = FUSED.get((row.name, formula, side)) if row is not None else None
            if row is not None and fused is not None:
                self.builder.rows[self.builder.producers[reads[side].block]] = None
                formula, reads = fused, (*row.reads, *reads[:side], *reads[side + 1 :])
                break
        return self._emit_formula(n, formula, reads, instruction.shape)

    def _power(self, instruction: Instruction) -> str:
        """Return the formula of a power, which NumPy chooses by its operands."""
        base, exponent = (np.shape(self._place(a).view) for a in instruction.args)
        if exponent != ():
            return POWER_OF_ARRAYS
        formula = POWER_OF_NUMBERS if base == () else POWER_WITH_NUMBER
        x = self._constant_number(instruction.args[1])
        if x == 0.5:
            return "sqrt(a)" if "sqrt" in formula else formula
        return POWERS.get(x, formula)

    def _emit_formula(
        self, n: int, formula: str, reads: tuple[Address, ...], shape: tuple[int, ...]
    ) -> Place:
        """Append the row of a formula of operands that are single numbers or of its shape."""
        size = number_of_elements(shape)
        if size == 1:
            return self.builder.emit(Row(formula, reads, n), shape, "register")
        if formula in COMMUTATIVE and type(reads[0]) is Number:
            reads = reads[::-1]
        only_b = [type(read) is Number for read in reads] == [False, True, False][: len(reads)]
        if formula in WITH_NUMBER and only_b:
            return self.builder.emit(Row(formula, reads, n, size, number=True), shape)
        reads = tuple([
            self.builder.full(n, read, size) if type(read) is Number else read for read in reads
        ])  # fmt: skip
        if formula in FLAT_FORMULAS:
            return self.builder.emit(Row(formula, reads, n, size), shape)
        row = Row("repeat", reads, n, size, strides=NO_STRIDES, size=CODES[formula])
        return self.builder.emit(row, shape)

    def _alone(self, address: Address, a: Any, size: int) -> Row | None:
        """Return the row that computes an operand which nothing else reads."""
        k = self.builder.producers.get(address.block)
        row = self.builder.rows[k] if k is not None else None
        whole = self.builder.space.blocks[address.block].size == size
        alone = row is not None and row.source == a and self.counts[a] == 1 and whole
        return row if alone and row is not None and max(row.length, 1) == size else None

    def _read(self, n: int, a: Any, shape: tuple[int, ...]) -> Address:
        """Return the address of an operand of a formula: of its shape, or a single number."""
        place, size = self._place(a), number_of_elements(shape)
        address = self.builder.address(place)
        if place.view.size == 1:
            return Number(*address) if size > 1 else address
        if place.view.size == size and place.view.flags.c_contiguous:
            return address
        key = address, place.view.shape, place.view.strides, shape
        if key not in self.copies:
            self.copies[key] = self.builder.address(self.builder.copy(n, place, shape))
        return self.copies[key]

    def _constant_number(self, a: Any) -> float | None:
        """Return the value of an argument that is one constant number."""
        value = self.graph.bound.get(a) if type(a) is Operand else a
        return None if value is None or np.ndim(value) else float(value)

    # Views, parts and joins

    def _move(self, n: int, instruction: Instruction) -> Place:
        """Lower a reshape: to a view, or to a copy in C order and a view of that."""
        place = self._place(instruction.args[0])
        view = self._view(instruction, place.view)
        if self.builder.space.offset(view) is None:
            place = self.builder.compact(n, place)
            view = self._view(instruction, place.view)
        return Place(place.block, view)

    def _view(self, instruction: Instruction, a: np.ndarray) -> np.ndarray:
        view: np.ndarray = rule_of(instruction.op).run(
            [a, *instruction.args[1:]], instruction.kwargs
        )
        return view

    def _index(self, n: int, instruction: Instruction) -> Place:
        """Lower an index: to a view, or to a gather if it has arrays of integers."""
        a, *key = map(self._key_part, instruction.args)
        place = self._place(a)
        if is_basic(key):
            return Place(place.block, part_of(place.view, key))
        place = self.builder.compact(n, place)
        table = offsets_of(place.view.shape, key)
        row = Row("gather", (self.builder.address(place),), n, table.size)
        return self.builder.emit(
            row._replace(strides=NO_STRIDES, table=table), instruction.shape
        )  # fmt: skip

    def _scatter(self, n: int, instruction: Instruction) -> Place:
        """Lower a scatter: to zeros around its operand, or to additions at integers in order."""
        g, shape, *key = map(self._key_part, instruction.args)
        place, whole = self._place(g), self.builder.whole(shape)
        if is_basic(key):
            part = part_of(whole.view, key)
            self._write_zeros_around(n, whole, part)
            self._put(n, place, Place(whole.block, part))
        else:
            self.builder.write(n, whole, self.builder.constant(np.zeros(())))
            table = offsets_of(shape, key)
            reads = (self.builder.address(self.builder.compact(n, place)),)
            row = Row("scatter", reads, n, table.size, strides=NO_STRIDES, table=table)
            self.builder.append(row._replace(writes=self.builder.address(whole)))
        self.builder.space.read(whole.block, len(self.builder.rows))
        return whole

    def _key_part(self, a: Any) -> Any:
        """Return a part of an index; a constant array of integers in the place of its operand."""
        value = self.graph.bound.get(a) if type(a) is Operand else None
        return value if type(value) is np.ndarray and value.dtype.kind in "iu" else a

    def _write_zeros_around(self, n: int, whole: Place, part: np.ndarray) -> None:
        """Write zeros where a part is not; everywhere, if it has gaps."""
        flat, zero = whole.view.reshape(-1), self.builder.constant(np.zeros(()))
        start = self.builder.space.offset(part) or 0
        rest = (flat[:start], flat[start + part.size :]) if part.flags.c_contiguous else (flat,)
        for view in rest:
            if view.size:
                self.builder.write(n, Place(whole.block, view), zero)

    def _join(self, n: int, instruction: Instruction) -> Place:
        axis = instruction.kwargs.get("axis", 0)
        whole = self.builder.whole(instruction.shape)
        parts = [self._place(a) for a in instruction.args]
        if instruction.op is np.stack:
            moved = np.moveaxis(whole.view, axis, 0)
            views = [moved[k, ...] for k in range(len(parts))]
        else:
            ends = np.cumsum([part.view.shape[axis] for part in parts])
            views = np.split(whole.view, ends[:-1], axis)
        for part, view in zip(parts, views, strict=True):
            self._put(n, part, Place(whole.block, view))
        self.builder.space.read(whole.block, len(self.builder.rows))
        return whole

    def _roll(self, n: int, instruction: Instruction) -> Place:
        """Lower a roll along one axis: two parts, which change places."""
        place, axis = self._place(instruction.args[0]), instruction.kwargs.get("axis") or 0
        whole = self.builder.whole(instruction.shape)
        source, target = (np.moveaxis(x, axis, 0) for x in (place.view, whole.view))
        k = int(instruction.kwargs["shift"]) % len(source)
        for to, part in ((target[k:], source[: len(source) - k]), (target[:k], source[-k:])):
            if to.size:
                self.builder.write(n, Place(whole.block, to), Place(place.block, part))
        return whole

    def _put(self, n: int, part: Place, target: Place) -> None:
        """Let an array be computed at a place inside another array, or copy it there."""
        size = self.builder.space.blocks[part.block].size
        whole = part.view.flags.c_contiguous and part.view.size == size
        if not (whole and self.builder.space.put(part.block, target)):
            self.builder.write(n, target, part)

    # Sums, extremes and products

    def _sum(self, n: int, instruction: Instruction) -> Place:
        """Lower a sum: pairwise along rows of numbers, else one row of numbers after another."""
        place, axis = self._place(instruction.args[0]), instruction.kwargs.get("axis")
        kept, reduced = split_axes(place.view, axis)
        if len(kept) > 1 or len(reduced) > 1:
            place = self.builder.compact(n, place)
            kept, reduced = split_axes(place.view, axis)
        if len(kept) > 1 or len(reduced) > 1 or (kept and reduced and reduced[0][1] != 1):
            start = self.builder.constant(np.asarray(float(SUM_OF_NEGATIVE_ZEROS)))
            return self._fold("accumulate", n, instruction, place, start)
        return self._sum_rows(n, instruction, place, kept, reduced)

    def _sum_rows(
        self,
        n: int,
        instruction: Instruction,
        place: Place,
        kept: list[tuple[int, ...]],
        reduced: list[tuple[int, ...]],
    ) -> Place:
        (length, sa), (repeats, ta) = (*reduced, (1, 1))[0], (*kept, (1, 0))[0]
        reads = self.builder.address(place), self.builder.number(float(SUM_OF_NEGATIVE_ZEROS))
        row = Row("sum", reads, n, length, strides=(sa, 0, 0, ta, 0, 1), repeats=repeats)
        return self.builder.emit(row, instruction.shape)

    def _extreme(self, n: int, instruction: Instruction) -> Place:
        name = "maximum" if instruction.op is np.max else "minimum"
        return self._fold(name, n, instruction, self._place(instruction.args[0]), None)

    def _fold(
        self, name: str, n: int, instruction: Instruction, place: Place, start: Place | None
    ) -> Place:
        """Lower a reduction that takes one place of the reduced axes after the other.

        It starts with its first place, if no start is given.
        """
        axes = axes_of(instruction.kwargs.get("axis"), place.view.ndim)
        first = np.moveaxis(place.view, axes, range(len(axes)))
        source = self.builder.compact(n, Place(place.block, first))
        rows = source.view.reshape(math.prod(first.shape[: len(axes)]), -1)
        count, size = rows.shape
        target = self.builder.whole((size,))
        self.builder.write(n, target, start or Place(source.block, rows[0]))
        row = Row(name, (self.builder.address(source),), n, size, repeats=count)
        strides = (1, 0, 1, size, 0, 0)
        self.builder.append(row._replace(strides=strides, writes=self.builder.address(target)))
        return Place(target.block, target.view.reshape(instruction.shape))

    def _inner(self, n: int, instruction: Instruction) -> Place:
        """Lower an inner product: the products, and their pairwise sum."""
        shape = self.graph.instructions[instruction.args[0]].shape
        a, b = (self._read(n, a, shape) for a in instruction.args)
        product = self._emit_formula(n, "a * b", (a, b), shape)
        return self._sum_rows(n, instruction, product, [], [(*shape, 1)])

    def _matmul(self, n: int, instruction: Instruction) -> Place:
        """Lower a matrix product: for each row of the left factor, the sum of rows of the right."""
        if instruction.shape == ():
            return self._inner(n, instruction)
        left, right = (self._place(a) for a in instruction.args)
        a = left.view if left.view.ndim == 2 else left.view[None, :]
        b = right.view if right.view.ndim == 2 else right.view[:, None]
        if b.shape[1] == 1:  # the transposed product has longer rows
            left, right, a, b = right, left, b.T, a.T
        if len(a) > 1:
            right = self.builder.compact(n, Place(right.block, b))
            b = right.view
        (ta, sa), (tb, sb) = ([s // NUMBER_BYTES for s in view.strides] for view in (a, b))
        reads = (
            self.builder.address(Place(left.block, a)),
            self.builder.address(Place(right.block, b)),
        )
        strides = (sa, sb, 1, ta, tb, b.shape[1])
        row = Row("matmul", reads, n, b.shape[1], strides=strides, repeats=len(a), size=len(b))
        return self.builder.emit(row, instruction.shape)


BASIC_INDEX = frozenset({int, slice, type(None), type(...)})
"""Types of the parts of an index that gives a view."""


def is_basic(key: Iterable[Any]) -> bool:
    """Return whether an index gives a view."""
    return BASIC_INDEX.issuperset(map(type, key))


def offsets_of(shape: tuple[int, ...], key: Iterable[Any]) -> np.ndarray:
    """Return the offsets of indexed elements in an array in C order."""
    offsets: np.ndarray = np.arange(math.prod(shape)).reshape(shape)[tuple(key)].ravel()
    return offsets


def part_of(a: np.ndarray, key: Iterable[Any]) -> np.ndarray:
    """Return a part as a view, where an index of integers alone would give a number."""
    key = tuple(key)
    part: np.ndarray = a[key if any(k is Ellipsis for k in key) else (*key, ...)]
    return part


LOWERINGS: dict[Any, Callable[[ArrayLowering, int, Instruction], Place]] = {
    **dict.fromkeys([*REAL, *LOGICAL], ArrayLowering._formula),
    getitem: ArrayLowering._index,
    scatter: ArrayLowering._scatter,
    np.concatenate: ArrayLowering._join,
    np.stack: ArrayLowering._join,
    np.roll: ArrayLowering._roll,
    np.sum: ArrayLowering._sum,
    np.max: ArrayLowering._extreme,
    np.min: ArrayLowering._extreme,
    inner: ArrayLowering._inner,
    np.matmul: ArrayLowering._matmul,
}
"""How each op is lowered; reshapes are not listed."""
