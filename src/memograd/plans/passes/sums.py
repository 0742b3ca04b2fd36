"""Sums over some axes, by BLAS.

* The sum of an array is its product with a vector of ones: NumPy's own loop over a short last axis,
  or over any other axis, is 2 to 25 times slower.
* The sum of a product of two arrays is a product of matrices, where that has the axes for it.
* The sum of a product over an axis that only one factor has is the sum of that factor, times the
  other one.

BLAS takes the terms in another order. Like NumPy, it starts at 0.0, so no sum is −0.0. Where the
third form gives infinity or NaN, a kernel computes the sum as it is written.
"""

import math
from collections import Counter
from typing import Any

import numpy as np

from ...program.steps import Operand
from ...rules.cost_model import bytes_of
from ..ir import Graph, Instruction, count_uses, operands
from ..kernels import sum_before_matmul, sum_before_product
from ..op_traits import ELEMENTWISE, axes_of, has_halves
from .contractions import contract, factor_of, is_for_blas, reshape_operand, transpose_operand
from .reshapes import RESHAPE_RULES, permutation_of
from .rewriter import Rewriter

MIN_ORDERED_BYTES = 1 << 15
"""Bytes from which the order of an array in memory matters more than a keyword."""

MAX_ONES = 1 << 16
"""Longest vector of ones: it stays in the cache, and n·eps is no error to speak of."""

MAX_ROW = 16
"""Longest row of a product whose sum is faster by ones than by `vecdot`, which BLAS starts anew for
each row: 10 times for rows of 3, 1.2 times for rows of 16.
"""

MIN_PRODUCT_SIZE = 1024
"""Number of elements from which that is so."""

MIN_CARRIED_SIZE = 512
"""Number of elements of a product from which the sum of one factor is worth a check."""

TINY_MATRIX_SIZE = 100
"""Elements of the matrices of a long stack up to which einsum sums faster than BLAS: 3 times for
3 by 3.
"""

LONG_STACK = 64
"""Number of matrices from which that is so."""


def lower_sums(graph: Graph) -> Graph:
    """Replace sums over axes by products of matrices."""
    if has_halves(graph):
        return graph
    rewriter = SumRewriter(graph)
    for n, instruction in rewriter:
        lowered = rewriter.lower(instruction)
        replacement = rewriter.rewrite(instruction) if lowered is None else lowered
        if isinstance(replacement, Operand):
            rewriter.replace(n, replacement)
        else:
            rewriter.emit(n, rewriter.in_order(replacement))
    return rewriter.build()


class SumRewriter(Rewriter):
    """Builder that computes sums by BLAS.

    Attributes
    ----------
    counts : Counter
        How often each value is used.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph, RESHAPE_RULES)
        self.counts: Counter[int] = count_uses(graph)
        self._ones: dict[tuple[int, np.dtype[Any]], Operand] = {}

    def lower(self, instruction: Instruction) -> Operand | None:
        """Return the operand that replaces an instruction; None to keep it."""
        if instruction.op is not np.sum or instruction.kwargs.keys() - {"axis", "keepdims"}:
            return None
        if self._is_count(instruction):
            return self._count(instruction)
        if not self._is_plain(instruction):
            return None
        a = instruction.args[0]
        axes = axes_of(instruction.kwargs.get("axis"), len(self.instructions[a].shape))
        total = self._sum(a, tuple(sorted(axes)))
        return None if total is None else reshape_operand(self, total, instruction.shape)

    def in_order(self, instruction: Instruction) -> Instruction:
        """Return an instruction with its large result in C order, if an operand of its shape is so.

        NumPy may choose the order of a smaller, transposed operand. All that reads the result, down
        to matrix products, then runs along columns, 2 to 3 times slower.
        """
        if (
            instruction.op not in ELEMENTWISE
            or instruction.kwargs
            or bytes_of(instruction.shape, instruction.dtype) < MIN_ORDERED_BYTES
        ):
            return instruction
        shapes = {a: self.instructions[a].shape for a in operands(instruction)}
        ordered = {a for a, shape in shapes.items() if a in self.layouts.ordered or len(shape) < 2}
        if len(ordered) == len(shapes) or instruction.shape not in map(shapes.get, ordered):
            return instruction
        return instruction._replace(kwargs={"order": "C"})

    def _is_count(self, instruction: Instruction) -> bool:
        """Return whether a sum counts the elements of a large mask along an axis.

        Single precision is exact up to 2²⁴, and twice as fast as NumPy's sum of integers.
        """
        mask = self.instruction_of(instruction.args[0])
        return (
            mask is not None
            and mask.dtype == bool
            and instruction.dtype == np.int64
            and math.prod(mask.shape) >= MIN_PRODUCT_SIZE
        )

    def _count(self, instruction: Instruction) -> Operand | None:
        """Return a sum of truth values, by a product of single precision."""
        a = instruction.args[0]
        shape = self.instructions[a].shape
        axes = axes_of(instruction.kwargs.get("axis"), len(shape))
        last = len(shape) - 1
        if len(shape) != 2 or len(axes) != 1 or shape[axes[0]] > MAX_ONES:
            return None
        ones = self._ones_of(shape[axes[0]], np.dtype(np.float32))
        like = Instruction(None, (), {}, drop_axes(shape, axes), np.dtype(np.float32))
        counts = self.apply(np.matmul, *((a, ones) if axes[0] == last else (ones, a)), like=like)
        whole = self.apply(
            np.astype, counts, instruction.dtype, like=like._replace(dtype=instruction.dtype)
        )
        return reshape_operand(self, whole, instruction.shape)

    def _is_plain(self, instruction: Instruction) -> bool:
        """Return whether a sum has one operand, of its dtype."""
        a = instruction.args[0]
        return (
            len(instruction.args) == 1
            and is_for_blas(self, instruction, (a,))
            and self.instructions[a].dtype == instruction.dtype
        )

    def _sum(self, a: Operand, axes: tuple[int, ...]) -> Operand | None:
        """Return the sum of an operand over some axes, without them."""
        inner = self.instructions[a]
        if not axes or 0 in inner.shape:
            return None
        if (negated := self._negated(inner)) is not None:
            total = self._sum(negated, axes)  # no sum is -0.0
            like = inner._replace(shape=drop_axes(inner.shape, axes))
            return None if total is None else self.apply(np.subtract, 0.0, total, like=like)
        if inner.op is np.transpose:
            return self._sum_of_transpose(inner, axes)
        if self.counts[a] == 1 and not inner.kwargs:
            result = self._carried(a, axes) if self._carries(a, axes) else None
            result = self._sum_of_product(inner, axes) if result is None else result
            if result is not None:
                return result
        return self._sum_by_ones(a, axes)

    def _sum_of_transpose(self, transpose: Instruction, axes: tuple[int, ...]) -> Operand | None:
        """Return the sum of a transpose as that of the array."""
        total = self._sum(transpose.args[0], transposed_axes(transpose, axes))
        if total is None:
            return None
        left = [k for m, k in enumerate(permutation_of(transpose)) if m not in axes]
        return transpose_operand(self, total, [sorted(left).index(k) for k in left])

    def _negated(self, instruction: Instruction) -> Operand | None:
        """Return x, if an instruction is `-x` or `0.0 - x`, and x an array of its shape."""
        op, args = instruction.op, instruction.args
        is_zero_minus = op is np.subtract and type(args[0]) is float and args[0] == 0.0
        if (op is not np.negative and not is_zero_minus) or instruction.kwargs:
            return None
        x = self.instruction_of(args[-1])
        same = x is not None and (x.shape, x.dtype) == (instruction.shape, instruction.dtype)
        return args[-1] if same else None

    # ------------------------------------------------------------------ sums of arrays

    def _sum_by_ones(self, a: Operand, axes: tuple[int, ...]) -> Operand | None:
        """Return the sum of an array as its product with ones; None if its axes lie apart.

        None too for the sum of all elements, which NumPy takes in pairs.
        """
        instruction = self.instructions[a]
        if len(axes) == len(instruction.shape):
            return None
        summed = [k for k in axes if instruction.shape[k] != 1]
        x, labels = factor_of(self, a, range(len(instruction.shape)))
        first = labels.index(summed[0]) if summed else 0
        if not summed or list(labels[first : first + len(summed)]) != summed:
            return None
        shape = self.instructions[x].shape
        lead, run = shape[:first], shape[first : first + len(summed)]
        total = self._run_sum(x, lead, math.prod(run), shape[first + len(summed) :])
        return None if total is None else self._without(total, a, axes)

    def _run_sum(
        self, x: Operand, lead: tuple[int, ...], length: int, trail: tuple[int, ...]
    ) -> Operand | None:
        """Return the sum of an array over the axes between `lead` and `trail`.

        Those are merged into one axis each, unless that would copy the array.
        """
        before, after = (tuple([math.prod(axes)] if axes else []) for axes in (lead, trail))
        if not self._reshapes_freely(x, (*before, length, *after)):
            before = lead
        whole = (*before, length, *after)
        if length > MAX_ONES or not self._reshapes_freely(x, whole):
            return None
        x = reshape_operand(self, x, whole)
        like = self.instructions[x]._replace(shape=(*before, *after))
        if after and length * after[0] <= TINY_MATRIX_SIZE and math.prod(before) >= LONG_STACK:
            return self.apply(np.einsum, x, like=like, subscripts="...jk->...k")
        ones = self._ones_of(length, like.dtype)
        return self.apply(np.matmul, *((ones, x) if after else (x, ones)), like=like)

    def _reshapes_freely(self, x: Operand, shape: tuple[int, ...]) -> bool:
        """Return whether an array takes a shape without a copy."""
        return self.instructions[x].shape == shape or self.layouts.is_contiguous(x)

    def _ones_of(self, length: int, dtype: np.dtype[Any]) -> Operand:
        """Return a constant vector of ones, the same for each sum."""
        key = length, dtype
        if key not in self._ones:
            self._ones[key] = self.bind(np.ones(length, dtype))
        return self._ones[key]

    def _without(self, total: Operand, a: Operand, axes: tuple[int, ...]) -> Operand:
        """Return a sum in the shape of an operand without the summed axes."""
        return reshape_operand(self, total, drop_axes(self.instructions[a].shape, axes))

    # ------------------------------------------------------------------ sums of products

    def _sum_of_product(self, inner: Instruction, axes: tuple[int, ...]) -> Operand | None:
        """Return the sum of a product as a contraction; None if ones are as fast, or needed."""
        if inner.op not in (np.multiply, np.square):
            return None
        args = inner.args * 2 if inner.op is np.square else inner.args
        if not is_for_blas(self, inner, args):
            return None
        ndim, shape = len(inner.shape), inner.shape
        a, b = (
            factor_of(self, x, range(ndim - len(self.instructions[x].shape), ndim)) for x in args
        )
        rows_alone = a.labels == b.labels
        length = math.prod(shape[k] for k in axes)
        if rows_alone and length <= MAX_ROW and math.prod(shape) >= MIN_PRODUCT_SIZE:
            return None
        out = tuple(k for k, n in enumerate(shape) if k not in axes and n != 1)
        total = contract(self, a, b, out, inner.dtype)
        return None if total is None else reshape_operand(self, total, drop_axes(shape, axes))

    # ------------------------------------------------------------------ sums within products

    def _carries(self, a: Operand, axes: tuple[int, ...]) -> bool:
        """Return whether the sum of an operand is, in some term, that of a factor."""
        instruction = self.instructions[a]
        if instruction.op is np.transpose:
            return self._carries(instruction.args[0], transposed_axes(instruction, axes))
        size = math.prod(instruction.shape)
        if self.counts[a] != 1 or instruction.kwargs or size < MIN_CARRIED_SIZE:
            return False
        if (negated := self._negated(instruction)) is not None:
            return self._carries(negated, axes)
        if instruction.op in (np.add, np.subtract):
            return self._has_full_terms(instruction) and any(
                self._carries(x, axes) for x in instruction.args
            )
        if not is_for_blas(self, instruction, instruction.args):
            return False
        if instruction.op is np.matmul:
            ndim = len(instruction.shape)
            return axes in ((ndim - 2,), (ndim - 1,)) and all(
                len(self.instructions[x].shape) > 1 for x in instruction.args
            )
        return instruction.op is np.multiply and self._carrier(instruction, axes) is not None

    def _has_full_terms(self, instruction: Instruction) -> bool:
        """Return whether each term has the shape and dtype of the sum."""
        return all(
            type(x) is Operand
            and self.instructions[x].shape == instruction.shape
            and self.instructions[x].dtype == instruction.dtype
            for x in instruction.args
        )

    def _carrier(
        self, product: Instruction, axes: tuple[int, ...]
    ) -> tuple[Operand, Operand] | None:
        """Return the factor that has the axes, and the other one, which is constant along them."""
        for a, b in (product.args, product.args[::-1]):
            one, other = self.instructions[a], self.instructions[b]
            padded = (1,) * (len(product.shape) - len(other.shape)) + other.shape
            if (
                one.shape == product.shape
                and one.dtype == product.dtype
                and all(padded[k] == 1 for k in axes)
            ):
                return a, b
        return None

    def _carried(self, a: Operand, axes: tuple[int, ...]) -> Operand | None:
        """Return the sum of an operand that carries, or of a term beside such a one."""
        instruction = self.instructions[a]
        is_moved = instruction.op is np.transpose or self._negated(instruction) is not None
        if is_moved or not self._carries(a, axes):
            return self._sum(a, axes)
        if instruction.op is np.multiply:
            return self._sum_before_product(instruction, axes)
        if instruction.op is np.matmul:
            return self._sum_before_matmul(instruction, axes)
        totals = [self._carried(x, axes) for x in instruction.args]
        terms = [x for x in totals if x is not None]
        if len(terms) < len(totals):
            return None
        like = instruction._replace(shape=drop_axes(instruction.shape, axes))
        return self.apply(instruction.op, *terms, like=like)

    def _sum_before_product(self, product: Instruction, axes: tuple[int, ...]) -> Operand | None:
        carrier = self._carrier(product, axes)
        total = None if carrier is None else self._sum(carrier[0], axes)
        if carrier is None or total is None:
            return None
        shape = self.instructions[carrier[1]].shape
        shift = len(product.shape) - len(shape)
        short = reshape_operand(
            self, carrier[1], drop_axes(shape, tuple(k - shift for k in axes if k >= shift))
        )
        like = product._replace(shape=drop_axes(product.shape, axes))
        return self.apply(sum_before_product, total, short, *carrier, axes, like=like)

    def _sum_before_matmul(self, product: Instruction, axes: tuple[int, ...]) -> Operand | None:
        a, b = product.args
        of_rows = axes == (len(product.shape) - 2,)
        x = a if of_rows else b
        ndim = len(self.instructions[x].shape)
        total = self._sum(x, (ndim - 2,) if of_rows else (ndim - 1,))
        if total is None:
            return None
        like = product._replace(shape=drop_axes(product.shape, axes))
        return self.apply(sum_before_matmul, total, a, b, -2 if of_rows else -1, like=like)


def drop_axes(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without some axes."""
    return tuple(n for k, n in enumerate(shape) if k not in axes)


def transposed_axes(transpose: Instruction, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes of an array that some axes of its transpose are, in order."""
    order = permutation_of(transpose)
    return tuple(sorted(order[k] for k in axes))
