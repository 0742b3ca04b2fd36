"""An order of segments, carried out: in NumPy's words, on arrays or, where the Jacobian is to be a node, on handles.

A stretch of segments has a matrix for each node at its start. One that is diagonal stays a vector.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..memory.memory import Table
from ..program.steps import ARGS, Operand
from ..solver.recursion import cast
from ..tape.node import Node
from ..tape.tape import Tape
from ..transforms.batched_products import pulled_rows, pushed_columns
from .chain_order import Product, Segment, matrix_of, ordered
from .report import Tally, quotient, tally_of

Answer = tuple[list[Any], Tally]
"""∂y/∂x for each x, and what they took."""


def by_segments(y: Node, xs: list[Node], order: str, record: bool) -> Answer:
    """∂y/∂x for each x, in the shape and dtype in which it is handed out; and what it took."""
    memory = y.tape._memory
    table = memory.empty_table(y.id, first=min((x.id for x in xs), default=0))
    near = leading(table, y, xs)
    if not near:
        nothing = Tally(quotient(memory, [y.id], [t.id for t in xs]), order, (), {}, "no path leads from x to y")
        return [block(y, t, None) for t in xs], nothing
    choice = ordered(memory, table, [t.id for t in near], order)
    matrices = Work(y.tape, choice.segments, record).jacobian(choice.product)
    found = dict(zip([t.id for t in near], matrices, strict=True))
    return [block(y, t, found.get(t.id)) for t in xs], tally_of(memory, choice)


def leading(table: Table, y: Node, xs: list[Node]) -> list[Node]:
    """Those of xs of which anything comes to y."""
    return [x for x in xs if x.id in table.up and x.size and y.size]


def block(y: Node, x: Node, matrix: Any) -> Any:
    """∂y/∂x in the shape and dtype in which it is handed out; zeros where there is none."""
    dtype = np.result_type(x.dtype, np.complex64) if y.dtype.kind == "c" else x.dtype
    if matrix is None:
        return np.zeros(y.shape + x.shape, dtype)
    return cast(np.reshape(dense(matrix), y.shape + x.shape), dtype)


class Work:
    """Carries out an order; `record` says whether on handles."""

    def __init__(self, tape: Tape, segments: Sequence[Segment], record: bool) -> None:
        self.tape, self.segments, self.record = tape, segments, record

    def jacobian(self, product: Product) -> list[Any]:
        """The matrices of a stretch of segments."""
        starts, end = self._starts(product.first), self._end(product.last)
        parts = [self.jacobian(part) for part in product.parts]
        match product.how:
            case "product":
                (right,), lefts = parts
                return [times(right, left) for left in lefts]
            case "pulled":
                return pulled_through(self._end(product.parts[0].first), starts, dense(parts[0][0]))
            case "pushed":
                return [pushed_through(self._end(product.parts[0].last), end, dense(part)) for part in parts[0]]
            case "rows":
                return pulled_through(end, starts, self._one(end))
            case "columns":
                return [pushed_through(start, end, self._one(start)) for start in starts]
            case "matrix":
                return [self._matrix(starts[0], end)]
            case _:
                ones = self._entered(np.ones((1, end.size), end.dtype))
                return [np.reshape(pulled_through(end, starts, ones)[0], (end.size,))]

    def _entered(self, a: Any) -> Any:
        """An array, or a node, as the work goes on with it."""
        if self.record:
            return a if isinstance(a, Node) else self.tape.record(np.copy, (a,))
        return a.value if isinstance(a, Node) else a

    def _starts(self, i: int) -> list[Node]:
        return [self.tape[n] for n in self.segments[i].start]

    def _end(self, i: int) -> Node:
        return self.tape[self.segments[i - 1].end]

    def _one(self, node: Node) -> Any:
        """The identity, in the size of a node."""
        return self._entered(np.eye(node.size, dtype=node.dtype))

    def _matrix(self, start: Node, end: Node) -> Any:
        """What a vector was multiplied by."""
        steps = self.tape._memory.steps
        position = matrix_of(steps, start.id, end.id)
        other = steps[end.id][ARGS][position]
        matrix = self._entered(self.tape[other] if type(other) is Operand else other)
        return matrix if position == 0 else np.transpose(matrix)


def dense(matrix: Any) -> Any:
    """A matrix, or a number, as it is; a diagonal as a matrix."""
    return np.diag(matrix) if len(matrix.shape) == 1 else matrix


def times(right: Any, left: Any) -> Any:
    """The product of two matrices; a diagonal scales rows or columns."""
    if len(right.shape) == 1:
        return right[:, None] * left
    return right * left if len(left.shape) == 1 else right @ left


def pulled_through(end: Node, starts: list[Node], matrix: Any) -> list[Any]:
    """The rows of a matrix, pulled from one node back to others: a matrix for each of them."""
    found = pulled_rows(end, starts, _shaped(matrix, end))
    if "c" in (end.dtype.kind, matrix.dtype.kind) and any(t.dtype.kind != "c" for t in starts):
        turned = pulled_rows(end, starts, _shaped(-1j * matrix, end))  # a real start was told the real part alone
        found = [d if t.dtype.kind == "c" else d + 1j * i for d, i, t in zip(found, turned, starts, strict=True)]
    return [np.reshape(d, (matrix.shape[0], t.size)) for d, t in zip(found, starts, strict=True)]


def pushed_through(start: Node, end: Node, matrix: Any) -> Any:
    """The columns of a matrix, pushed from one node on to another."""
    columns = np.transpose(matrix)
    found = pushed_columns(end, [start], [_shaped(columns, start)])
    if "c" in (start.dtype.kind, matrix.dtype.kind) and end.dtype.kind != "c":
        found = found + 1j * pushed_columns(end, [start], [_shaped(-1j * columns, start)])
    return np.transpose(np.reshape(found, (columns.shape[0], end.size)))


def _shaped(matrix: Any, node: Node) -> Any:
    """The rows of a matrix in the shape and dtype of a node."""
    return np.reshape(cast(matrix, node.dtype), (matrix.shape[0], *node.shape))
