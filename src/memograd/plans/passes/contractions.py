"""Contractions of two arrays as products of matrices.

A label of an axis that both arrays and the result have is a batch label; one that only the first
array and the result have, a row label; one that only the second and the result have, a column
label; one that both arrays have and the result lacks is summed. So each contraction is a product of
matrices, of transposed and reshaped arrays. NumPy's own loops over such sums are 5 to 20 times
slower, and BLAS takes the terms in another order.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ...program.steps import Operand
from ...rules.call_binding import NO_KWARGS
from ...rules.linalg import spell_einsum
from ..ir import Graph, Instruction
from .reshapes import RESHAPE_RULES
from .rewriter import Rewriter, rewrite_graph

Labels = tuple[Any, ...]

BLAS_DTYPES = "fd"
"""Dtypes, by their characters, whose contractions become products: real, and known to BLAS.

Products of complex matrices may give NaN where one part of a number is infinite.
"""


class Factor(NamedTuple):
    """Array with a label for each axis. Axes of length 1 have none: they broadcast."""

    operand: Operand
    labels: Labels


def factor_of(rewriter: Rewriter, a: Operand, labels: Iterable[Any]) -> Factor:
    """Return an array without its axes of length 1, with the labels of the others."""
    shape = rewriter.instructions[a].shape
    kept = [(n, label) for n, label in zip(shape, labels, strict=True) if n != 1]
    return Factor(
        reshape_operand(rewriter, a, tuple(n for n, _ in kept)), tuple(label for _, label in kept)
    )


def contract(
    rewriter: Rewriter, a: Factor, b: Factor, out: Labels, dtype: np.dtype[Any]
) -> Operand | None:
    """Return the sum of the products of two factors over the labels that `out` lacks.

    None if that is no product of matrices: no label is summed, or one that only one factor has, or
    the elements of a matrix lie too far apart in memory for BLAS.
    """
    factors = (b, a) if _is_right(a, b, out) else (a, b)
    return Contraction(rewriter, *factors, out, dtype).build()


def _is_right(a: Factor, b: Factor, out: Labels) -> bool:
    """Return whether the first factor stands on the right, so that fewer axes are transposed.

    There the last axis of the product is the last one of the result. A matrix beside a vector is
    read along its rows.
    """
    free = [x for x in out if x not in a.labels or x not in b.labels]
    if not free:
        return False
    if all(x in a.labels for x in free):
        return a.labels[-1] in out
    return free[-1] in a.labels or (all(x in b.labels for x in free) and b.labels[-1] not in out)


class Contraction:
    """Contraction of two factors, whose labels are sorted by what happens to them.

    Attributes
    ----------
    batch, rows, columns, summed : tuple
        Labels of these kinds.
    """

    def __init__(
        self, rewriter: Rewriter, left: Factor, right: Factor, out: Labels, dtype: np.dtype[Any]
    ) -> None:
        self.rewriter, self.left, self.right, self.out = rewriter, left, right, out
        self.like = Instruction(None, (), NO_KWARGS, (), dtype)
        self.sizes = {
            label: n
            for factor in (left, right)
            for label, n in zip(
                factor.labels, rewriter.instructions[factor.operand].shape, strict=True
            )
        }
        ours, others = left.labels, right.labels
        self.batch = tuple(x for x in out if x in ours and x in others)
        self.rows = tuple(x for x in out if x not in others)
        self.columns = tuple(x for x in out if x not in ours)
        self.summed = tuple(x for x in ours if x in others and x not in out)

    def build(self) -> Operand | None:
        """Return the result, with its axes in the order of `out`."""
        sums_one_factor = len(self.summed) + len(self.out) < len(self.sizes)
        if not self.summed or sums_one_factor or not self._fits_blas():
            return None
        left = self._arrange(self.left, self.rows, self.summed)
        right = self._arrange(self.right, self.summed, self.columns)
        labels = (*self.batch, *self.rows, *self.columns)
        groups = [(x,) for x in self.batch] + [g for g in (self.rows, self.columns) if g]
        merged = self._apply(self._op(), left, right, shape=self._merged_shape(groups))
        whole = reshape_operand(self.rewriter, merged, self._shape(labels))
        return transpose_operand(self.rewriter, whole, [labels.index(x) for x in self.out])

    def _fits_blas(self) -> bool:
        """Return whether the last axis of each factor lies in its matrices.

        Vectors alone are summed along their last axes.
        """
        if not self.rows and not self.columns:
            return {self.left.labels[-1], self.right.labels[-1]} == {self.summed[-1]}
        return self.left.labels[-1] not in self.batch and self.right.labels[-1] not in self.batch

    def _op(self) -> Any:
        """Return the product of matrices, of vectors, or of both."""
        if not self.rows and not self.columns:
            return np.vecdot if self.batch else np.matmul
        if not self.batch or (self.rows and self.columns):
            return np.matmul
        return np.matvec if self.rows else np.vecmat

    def _arrange(self, factor: Factor, *groups: Labels) -> Operand:
        """Return a factor with its batch axes first, and one axis for each other group."""
        order = [factor.labels.index(x) for g in (self.batch, *groups) for x in g]
        turned = transpose_operand(self.rewriter, factor.operand, order)
        kept = [(x,) for x in self.batch] + [g for g in groups if g]
        return reshape_operand(self.rewriter, turned, self._merged_shape(kept))

    def _shape(self, labels: Labels) -> tuple[int, ...]:
        return tuple(self.sizes[x] for x in labels)

    def _merged_shape(self, groups: list[Labels]) -> tuple[int, ...]:
        return tuple(int(np.prod(self._shape(g))) for g in groups)

    def _apply(self, op: Any, *args: Operand, shape: tuple[int, ...]) -> Operand:
        return self.rewriter.apply(op, *args, like=self.like._replace(shape=shape))


def reshape_operand(rewriter: Rewriter, a: Operand, shape: tuple[int, ...]) -> Operand:
    """Return an operand in this shape; the operand itself if it has it."""
    instruction = rewriter.instructions[a]
    if instruction.shape == shape:
        return a
    return rewriter.apply(np.reshape, a, like=instruction._replace(shape=shape), shape=shape)


def transpose_operand(rewriter: Rewriter, a: Operand, order: list[int]) -> Operand:
    """Return an operand with its axes in this order; the operand itself if they are."""
    if order == sorted(order):
        return a
    instruction = rewriter.instructions[a]
    shape = tuple(instruction.shape[k] for k in order)
    return rewriter.apply(
        np.transpose, a, like=instruction._replace(shape=shape), axes=tuple(order)
    )


def is_for_blas(rewriter: Rewriter, instruction: Instruction, args: Iterable[Any]) -> bool:
    """Return whether BLAS can compute an instruction from these operands, which are real."""
    return instruction.dtype.char in BLAS_DTYPES and all(
        type(a) is Operand and rewriter.instructions[a].dtype.kind in "fiub" for a in args
    )


def lower_einsums(graph: Graph) -> Graph:
    """Replace einsums of two operands by products of matrices."""
    if not any(instruction.op is np.einsum for instruction in graph.instructions.values()):
        return graph
    return rewrite_graph(graph, {**RESHAPE_RULES, np.einsum: (lower_einsum,)})


def lower_einsum(rewriter: Rewriter, instruction: Instruction) -> Operand | None:
    """Replace an einsum of two operands by a product of matrices."""
    args, kwargs = instruction.args, instruction.kwargs
    if (
        len(args) != 2
        or kwargs.keys() - {"subscripts", "optimize"}
        or not is_for_blas(rewriter, instruction, args)
    ):
        return None
    shapes = [rewriter.instructions[a].shape for a in args]
    terms, out = spell_einsum(kwargs["subscripts"], [len(shape) for shape in shapes])
    if any(len(set(term)) < len(term) for term in terms):
        return None  # a diagonal
    a, b = (factor_of(rewriter, x, term) for x, term in zip(args, terms, strict=True))
    kept = tuple(x for x in out if x in a.labels or x in b.labels)
    result = contract(rewriter, a, b, kept, instruction.dtype)
    return None if result is None else reshape_operand(rewriter, result, instruction.shape)
