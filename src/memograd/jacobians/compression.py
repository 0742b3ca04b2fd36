"""Dense Jacobians by compression: few sums of rows and columns, as a colouring says.

See Also
--------
memograd.jacobians.colouring : Which rows or columns share nothing.
memograd.jacobians.sparsity : The pattern, and the entries of a sparse Jacobian.
"""

from typing import Any

from ..errors import RefusedError
from ..memory.uses import uses_towards
from ..rules.registration import RULES
from ..tape.node import Node
from ..text import describe
from .chain_execution import BlocksAndReport, JacobianRow
from .chain_order import MAX_CHAIN_NODES, ChainChoice, path_nodes, pull_cost
from .report import AccumulationStep, JacobianReport, jacobian_label
from .sparsity import (
    compress_jacobian,
    compression_for,
    jacobian_entries,
    propagate_patterns,
    scatter_entries,
)

COLOURS = "colours"

MIN_COLOURED_SIZE = 64
"""Fewest rows and columns of a Jacobian for which ``"auto"`` considers compression."""

MAX_MEAN_ENTRIES = 8
"""Most entries in a row or column, on average, of the Jacobians that ``"auto"`` compresses."""


def accumulate_by_colours(row: JacobianRow, choice: ChainChoice) -> BlocksAndReport:
    """Return ∂y/∂x for each x by sums of rows or columns, and the report.

    Parameters
    ----------
    row : JacobianRow
        The request.
    choice : ChainChoice
        The best order of the chain, to be compared with in the report.

    Returns
    -------
    list of array or Node, and JacobianReport
        The blocks and the report.

    Raises
    ------
    RefusedError
        A node is complex: the sums are pulled and pushed as real numbers.
    """
    _refuse_complex(row)
    steps = tuple(_compression_step(row, x, choice) for x in row.targets)
    blocks = row.blocks(_matrix_from_sums(row.y, x, row.record) for x in row.targets)
    total = {COLOURS: sum(step.multiplications for step in steps)} if choice.totals else {}
    why = "rows or columns that share nothing are summed"
    return blocks, JacobianReport(row.label, COLOURS, steps, total | choice.totals, why)


def _refuse_complex(row: JacobianRow) -> None:
    """Raise if y or a target is complex."""
    for n in (row.y, *row.targets) if row.targets else ():
        if n.dtype.kind == "c":
            raise RefusedError(
                f"Colours are for real numbers, but {describe(n.attributes)} is complex. "
                f"Take another order."
            )


def _compression_step(row: JacobianRow, x: Node, choice: ChainChoice) -> AccumulationStep:
    """Return the step that computes ∂y/∂x, with its multiplications if those were counted."""
    memory, y = row.y.tape.state, row.y
    cost = 0
    if choice.totals:
        pull = pull_cost(memory.steps, row.table, path_nodes(row.table, [x.id]))
        cost = compression_for(compress_jacobian, y, x).sums * pull
    return AccumulationStep(jacobian_label(memory, [y.id], [x.id]), (y.size, x.size), COLOURS, cost)


def _matrix_from_sums(y: Node, x: Node, record: bool) -> Any:
    """Return ∂y/∂x as a dense matrix, an array or a node."""
    matrix = scatter_entries(*jacobian_entries(y, x))
    return matrix if record else matrix.value


def is_compression_cheaper(row: JacobianRow, choice: ChainChoice) -> bool:
    """Return whether sums of rows or columns take fewer multiplications than the chosen order.

    Patterns are propagated only if it may be so: large real Jacobians by one input, whose
    patterns all have few entries. Products of arrays have many.
    """
    if choice.bracketing is None or len(row.xs) != 1:
        return False
    y, (x,) = row.y, row.xs
    is_large = min(y.size, x.size) >= MIN_COLOURED_SIZE
    is_real = "c" not in (y.dtype.kind, x.dtype.kind)
    if not is_large or not is_real or y.id - x.id > MAX_CHAIN_NODES:
        return False
    if not _has_sparse_patterns(y, x):
        return False
    return _compression_step(row, x, choice).multiplications < choice.bracketing.cost


def _has_sparse_patterns(y: Node, x: Node) -> bool:
    """Return whether no op between x and y is a product, and all Jacobians by x are sparse."""
    memory = y.tape.state
    kinds = {RULES[memory.steps[n].op].kind for n in uses_towards(memory, y.id, first=x.id + 1)}
    return kinds.isdisjoint({"multilinear", "rule"}) and all(
        p.columns.size <= MAX_MEAN_ENTRIES * max(p.shape) for _, p in propagate_patterns(y, x)
    )
