"""Execution of a bracketing, on arrays or, to record the Jacobian as a node, on node handles.

A subchain has one matrix for each node at its start. A diagonal matrix stays a vector.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..memory.tables import Table
from ..program.steps import Operand
from ..solver.recursion import cast
from ..tape.node import Node
from ..tape.recorder import Recorder
from ..transforms.batched_products import pull_rows, push_columns
from .chain_order import Bracketing, ChainChoice, ChainFactor, matrix_position
from .report import JacobianReport, chain_report, jacobian_label

BlocksAndReport = tuple[list[Any], JacobianReport]
"""∂y/∂x for each x, and the report on how they were computed."""


class JacobianRow(NamedTuple):
    """Jacobian of one output by several inputs, as it is requested.

    Attributes
    ----------
    y : Node
        The output.
    xs : list of Node
        The inputs.
    table : Table
        An empty table of y, which says which nodes lead to y.
    targets : list of Node
        Those of xs whose block is not zero for certain.
    record : bool
        Whether the Jacobian is recorded as nodes.
    """

    y: Node
    xs: list[Node]
    table: Table
    targets: list[Node]
    record: bool

    @property
    def label(self) -> str:
        """``∂y/∂x`` in a few characters."""
        return jacobian_label(self.y.tape.state, [self.y.id], [x.id for x in self.xs])

    def blocks(self, matrices: Iterable[Any]) -> list[Any]:
        """Return ∂y/∂x for each x in its shape and dtype, given the matrix of each target."""
        matrix_of = dict(zip([t.id for t in self.targets], matrices, strict=True))
        return [jacobian_block(self.y, x, matrix_of.get(x.id)) for x in self.xs]


def jacobian_row(y: Node, xs: list[Node], record: bool) -> JacobianRow:
    """Return the request for ∂y/∂x for each x."""
    first = min((x.id for x in xs), default=0)
    table = y.tape.state.empty_table(y.id, first=first)
    targets = [x for x in xs if x.id in table.uses and x.size and y.size]
    return JacobianRow(y, xs, table, targets, record)


def accumulate_chain(row: JacobianRow, choice: ChainChoice) -> BlocksAndReport:
    """Return ∂y/∂x for each x, multiplied in the chosen order, and the report."""
    matrices = []
    if choice.bracketing is not None:
        evaluator = ChainEvaluator(row.y.tape, choice.factors, row.record)
        matrices = evaluator.jacobian(choice.bracketing)
    return row.blocks(matrices), chain_report(row.y.tape.state, choice, row.label)


def jacobian_block(y: Node, x: Node, matrix: Any) -> Any:
    """Return ∂y/∂x in the shape and dtype of the result; zeros if there is no matrix."""
    dtype = np.result_type(x.dtype, np.complex64) if y.dtype.kind == "c" else x.dtype
    if matrix is None:
        return np.zeros(y.shape + x.shape, dtype)
    return cast(np.reshape(as_matrix(matrix), y.shape + x.shape), dtype)


class ChainEvaluator:
    """Evaluation of bracketings of one chain; `record` says whether on node handles."""

    def __init__(self, tape: Recorder, factors: Sequence[ChainFactor], record: bool) -> None:
        self.tape, self.factors, self.record = tape, factors, record

    def jacobian(self, bracketing: Bracketing) -> list[Any]:
        """Return the matrices of a subchain, one for each node at its start."""
        order = [bracketing]
        for each in order:  # grows meanwhile
            order += each.parts
        made: dict[int, list[Any]] = {}
        for each in reversed(order):
            made[id(each)] = self._combine(each, [made.pop(id(part)) for part in each.parts])
        return made[id(bracketing)]

    def _combine(self, bracketing: Bracketing, parts: list[list[Any]]) -> list[Any]:
        """Return the matrices of a subchain, given those of its parts."""
        starts, end = self._start_nodes(bracketing.first), self._end_node(bracketing.last)
        match bracketing.how:
            case "product":
                (right,), lefts = parts
                return [multiply_matrices(right, left) for left in lefts]
            case "pulled":
                middle = self._end_node(bracketing.parts[0].first)
                return pull_matrix(middle, starts, as_matrix(parts[0][0]))
            case "pushed":
                middle = self._end_node(bracketing.parts[0].last)
                return [push_matrix(middle, end, as_matrix(part)) for part in parts[0]]
            case "rows":
                return pull_matrix(end, starts, self._identity(end))
            case "columns":
                return [push_matrix(start, end, self._identity(start)) for start in starts]
            case "matrix":
                return [self._constant_matrix(starts[0], end)]
            case _:
                ones = self._operand(np.ones((1, end.size), end.dtype))
                return [np.reshape(pull_matrix(end, starts, ones)[0], (end.size,))]

    def _operand(self, a: Any) -> Any:
        """Return an array or a node as a node if the work is recorded, else as an array."""
        if self.record:
            return a if isinstance(a, Node) else self.tape.record(np.copy, (a,))
        return a.value if isinstance(a, Node) else a

    def _start_nodes(self, i: int) -> list[Node]:
        """Return the nodes at which factor i starts."""
        return [self.tape[n] for n in self.factors[i].start]

    def _end_node(self, i: int) -> Node:
        """Return the node at which factor i - 1 ends."""
        node: Node = self.tape[self.factors[i - 1].end]
        return node

    def _identity(self, node: Node) -> Any:
        """Return the identity matrix in the size of a node."""
        return self._operand(np.eye(node.size, dtype=node.dtype))

    def _constant_matrix(self, start: Node, end: Node) -> Any:
        """Return the matrix by which the vector `start` is multiplied to give `end`."""
        steps = self.tape.state.steps
        position = matrix_position(steps, start.id, end.id)
        assert position is not None  # such a factor was found before
        other = steps[end.id].args[position]
        matrix = self._operand(self.tape[other] if type(other) is Operand else other)
        return matrix if position == 0 else np.transpose(matrix)


def as_matrix(matrix: Any) -> Any:
    """Return a diagonal, which is kept as a vector, as a matrix; anything else unchanged."""
    return np.diag(matrix) if len(matrix.shape) == 1 else matrix


def multiply_matrices(right: Any, left: Any) -> Any:
    """Return the product of two matrices; a diagonal scales rows or columns."""
    if len(right.shape) == 1:
        return right[:, None] * left
    return right * left if len(left.shape) == 1 else right @ left


def pull_matrix(end: Node, starts: list[Node], matrix: Any) -> list[Any]:
    """Pull the rows of a matrix from one node back to others; return a matrix for each of them.

    A pull to a real node keeps the real part alone. If rows are complex, -1j times the rows are
    pulled as well, which gives the imaginary part.
    """
    pulled = pull_rows(end, starts, _rows_like(matrix, end))
    any_real = any(t.dtype.kind != "c" for t in starts)
    if any_real and "c" in (end.dtype.kind, matrix.dtype.kind):
        imaginary = pull_rows(end, starts, _rows_like(-1j * matrix, end))
        pulled = [
            d if t.dtype.kind == "c" else d + 1j * i
            for d, i, t in zip(pulled, imaginary, starts, strict=True)
        ]
    return [np.reshape(d, (matrix.shape[0], t.size)) for d, t in zip(pulled, starts, strict=True)]


def push_matrix(start: Node, end: Node, matrix: Any) -> Any:
    """Push the columns of a matrix from one node on to another; return the matrix there.

    A real result keeps the real part alone. If columns are complex, -1j times the columns are
    pushed as well, which gives the imaginary part.
    """
    columns = np.transpose(matrix)
    pushed = push_columns(end, [start], [_rows_like(columns, start)])
    if "c" in (start.dtype.kind, matrix.dtype.kind) and end.dtype.kind != "c":
        imaginary = push_columns(end, [start], [_rows_like(-1j * columns, start)])
        pushed = pushed + 1j * imaginary
    return np.transpose(np.reshape(pushed, (columns.shape[0], end.size)))


def _rows_like(matrix: Any, node: Node) -> Any:
    """Return the rows of a matrix in the shape and dtype of a node."""
    return np.reshape(cast(matrix, node.dtype), (matrix.shape[0], *node.shape))
