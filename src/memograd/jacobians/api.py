"""Jacobians and Hessians, computed in the order that takes the fewest multiplications.

An order is chosen once per output, then executed, then reported. The order of a chain of factors is
chosen in :mod:`memograd.jacobians.chain_order`, that of single numbers in
:mod:`memograd.jacobians.elimination`; sums of rows or columns are chosen in
:mod:`memograd.jacobians.compression`.
"""

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from ..arrays.pytrees import tree_leaves, tree_map, tree_unflatten
from ..arrays.values import canonicalize, export
from ..errors import NotDifferentiableError
from ..solver.symbolic import grad_node, tag_derivative_nodes
from ..solver.targets import check_target, check_targets, require_scalar
from ..tape.conversions import check_leaving
from ..tape.node import Node
from ..text import describe, printable
from . import elimination
from .chain_execution import BlocksAndReport, accumulate_chain, jacobian_block, jacobian_row
from .chain_order import CHAIN_ORDERS, MAX_CHAIN_NODES, choose_order
from .compression import COLOURS, accumulate_by_colours, is_compression_cheaper
from .elimination.search import SEARCH_EFFORT
from .report import AccumulationStep, JacobianReport, jacobian_label
from .sparsity import sparse_hessian, sparse_jacobian

if TYPE_CHECKING:
    from numpy.typing import NDArray

ELIMINATION = "elimination"
ORDER_NAMES = ("auto", *CHAIN_ORDERS, COLOURS, ELIMINATION)


@overload
def jacobian(
    y: Node, x: Node, order: str = ..., sparse: Literal[False] = ..., report: Literal[False] = ...
) -> "NDArray[Any]": ...
@overload
def jacobian(y: Any, x: Any, order: str = ..., sparse: bool = ..., report: bool = ...) -> Any: ...


def jacobian(
    y: Any, x: Any, order: str = "auto", sparse: bool = False, report: bool = False
) -> Any:
    """Compute ∂y/∂x: how each element of y changes with each element of x.

    Parameters
    ----------
    y : Node, or pytree of them
        Nodes of any shape.
    x : Node, or pytree of them
        The nodes by which to differentiate.
    order : {"auto", "reverse", "forward", "segments", "colours", "elimination"}
        The order of multiplication. ``"reverse"``: rows are pulled from y to x. ``"forward"``:
        columns are pushed from x to y. ``"segments"``: the chain of factors between the cut
        vertices, which every path crosses, is multiplied in its cheapest bracketing, each factor
        by its cheaper mode. ``"colours"``: sums of rows or columns that share no entry are
        computed. ``"elimination"``: if all nodes between are single numbers, they are eliminated
        one by one. ``"auto"`` takes the order with the fewest multiplications; it considers
        colours only if most entries are zero for certain.
    sparse : bool
        Whether to return SciPy sparse arrays of shape ``(y.size, x.size)``; dense ones are never
        built. The pattern is derived from the program. Rows or columns that share no entry are
        computed together, whatever the order.
    report : bool
        Whether to return the :class:`memograd.JacobianReport` as well: the steps that were
        taken, their multiplications, and why.

    Returns
    -------
    array, or pytree of them
        Read-only, of shape ``y.shape + x.shape`` and x's dtype. For pytrees: a pytree like x for
        each node in the pytree y. Complex if x or y is: a row equals :func:`memograd.grad` of that
        element of y, so that a holomorphic function has its complex derivative; by a real x, the
        derivative of a complex y is that of its real part plus i times that of its imaginary part.
        From complex to complex numbers, columns agree with rows only if the function is
        holomorphic.
    report : JacobianReport, or pytree of them
        One for each node in the pytree y, if `report` is true.

    Raises
    ------
    ValueError
        If there is no such order.
    RefusedError
        If elimination is asked for, but not all nodes between are real numbers; or colours, but y
        or x is complex.
    NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    See Also
    --------
    memograd.vjp, memograd.jvp : Products with the Jacobian, without computing it.
    memograd.hessian : Second derivatives of a scalar.

    Notes
    -----
    Section 14 of the tutorial: *foldr*, *foldl*, and what lies between them. Finding the best of
    all orders is NP-complete; the best bracketing of a chain takes polynomial time. The work is
    done in a scratch block: nothing stays on the tape.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0], name="x")
    >>> mg.jacobian(np.cumsum(x * x), x)
    array([[2., 0., 0.],
           [2., 4., 0.],
           [2., 4., 6.]])
    >>> y = x
    >>> for name, shape in {"a": (3, 3), "b": (1, 3), "c": (3, 1), "y": (3, 3)}.items():
    ...     y = (np.ones(shape) @ y).named(name)
    >>> J, report = mg.jacobian(y, x, report=True)
    >>> report
    derivative                   elements  how                      multiplications
    ∂y/∂c                           3 × 3  a matrix of the program                0
    ∂c/∂b                           3 × 1  a matrix of the program                0
    ∂y/∂b                           3 × 1  the product of these two               9
    ∂b/∂a                           1 × 3  a matrix of the program                0
    ∂a/∂x                           3 × 3  a matrix of the program                0
    ∂b/∂x                           1 × 3  the product of these two               9
    ∂y/∂x                           3 × 3  the product of these two               9
    in all                                 segments                              27
    instead                                reverse                               45
    instead                                forward                               45
    segments: every path crosses b, of size 1
    """
    ys, _ = _validate_request(y, x, order)
    for v in ys:
        check_leaving(v, "jacobian")
    if sparse:
        return _sparse_blocks(y, x, order, report)
    J, reports = compute_jacobian(y, x, order)
    return (J, reports) if report else J


def compute_jacobian(y: Any, x: Any, order: str) -> tuple[Any, Any]:
    """Return ∂y/∂x and its reports, also while a function on the same tape is differentiated."""
    ys, xs = _validate_request(y, x, order)
    if not ys:
        return y, y
    with ys[0].tape.scratch():
        rows = _accumulate_blocks(ys, xs, order, record=False)
        J = tree_unflatten(
            y, [tree_unflatten(x, [export(canonicalize(a)) for a in blocks]) for blocks, _ in rows]
        )
    return J, tree_unflatten(y, [row_report for _, row_report in rows])


@overload
def hessian(L: Node, x: Node, sparse: Literal[False] = ...) -> "NDArray[Any]": ...
@overload
def hessian(L: Node, x: Any, sparse: bool = ...) -> Any: ...


def hessian(L: Node, x: Any, sparse: bool = False) -> Any:
    """Compute ∂²L/∂x², the Jacobian of the gradient.

    Parameters
    ----------
    L : Node
        A scalar.
    x : Node, or pytree of them
        The nodes by which to differentiate twice.
    sparse : bool
        Whether to return SciPy sparse arrays, as :func:`jacobian` does.

    Returns
    -------
    array, or pytree of them
        Of shape ``x.shape + x.shape``, symmetric up to rounding. For a pytree: a pytree like x for
        each node in the pytree x.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    See Also
    --------
    memograd.hvp : Products with the Hessian, without computing it.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0])
    >>> mg.hessian(np.prod(x) + np.sum(x**3), x)
    array([[ 6.,  1.],
           [ 1., 12.]])
    """
    check_targets(require_scalar(L), x)
    if sparse and isinstance(x, Node):
        return sparse_hessian(L, x)
    with L.tape.scratch():
        return jacobian(grad_node(L, x), x, sparse=sparse)


def jacobian_nodes(y: Node, xs: list[Node], order: str = "auto") -> list[Node]:
    """Record ∂y/∂x for each x as a node, which can be differentiated again.

    The tape is unchanged if an error occurs.

    See Also
    --------
    memograd.grad_node : The gradient of a scalar as a node.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.jacobians.api import jacobian_nodes
    >>> x = mg.Tape().leaf([1.0, 2.0])
    >>> (J,) = jacobian_nodes(x * x, [x])
    >>> mg.grad(np.sum(J), x)
    array([2., 2.])
    """
    _validate_request(y, xs, order)
    tape = y.tape
    with tape.lock:
        start = tape.next_id
        try:
            ((blocks, _),) = _accumulate_blocks([y], xs, order, record=True)
            nodes = [a if isinstance(a, Node) else tape.record(np.copy, (a,)) for a in blocks]
            tag_derivative_nodes(tape, start, y.id, y.id)
            return nodes  # an interrupt at this line cuts them off, too
        except BaseException:
            tape.truncate(start)
            raise


def _validate_request(y: Any, x: Any, order: str) -> tuple[list[Node], list[Node]]:
    """Return the nodes in y and in x; raise if there is no such Jacobian or no such order."""
    if order not in ORDER_NAMES:
        names = ", ".join(map(repr, ORDER_NAMES))
        raise ValueError(f"order is {names}, not {printable(repr(order))}.")
    ys, xs = _nodes_in(y), _nodes_in(x)
    for v in ys[:1]:
        if not isinstance(v, Node):
            raise NotDifferentiableError(
                f"A Jacobian is that of nodes, but y holds {printable(repr(v))}. "
                f"Compute y from leaves of a tape."
            )
        for t in (*ys, *xs):
            check_target(v, t)
            if isinstance(t.dtype, tuple):
                raise NotDifferentiableError(
                    f"{describe(t.attributes)} has several outputs. Take one of them."
                )
    return ys, xs


def _nodes_in(tree: Any) -> list[Any]:
    """Return the leaves of a pytree.

    None alone is one leaf, to be refused: it stands for a node that the caller forgot. None inside
    a list or dict is an empty pytree.
    """
    return [None] if tree is None else tree_leaves(tree)


def check_sparse_order(sparse: bool, order: str, report: bool = False) -> None:
    """Raise if a sparse Jacobian was asked for in an order, or with a report."""
    if sparse and (order != "auto" or report):
        raise ValueError(
            "A sparse Jacobian is computed a few rows or columns at a time, in no order. "
            "Leave out order= and report=."
        )


def _sparse_blocks(y: Any, x: Any, order: str, report: bool) -> Any:
    """Return each ∂y/∂x as a sparse array."""
    check_sparse_order(True, order, report)
    return tree_map(lambda v: tree_map(lambda t: sparse_jacobian(v, t), x), y)


def _accumulate_blocks(
    ys: list[Node], xs: list[Node], order: str, record: bool
) -> list[BlocksAndReport]:
    """Return the blocks ∂y/∂x and the report for each y.

    Elimination treats all of them together: several numbers that depend on several numbers.
    """
    is_auto = order == "auto" and len(ys) > 1 < len(xs)
    if order == ELIMINATION or (is_auto and _suits_elimination(ys, xs)):
        return _accumulate_by_elimination(ys, xs, order, record)
    return [_accumulate_row(y, xs, order, record) for y in ys]


def _accumulate_row(y: Node, xs: list[Node], order: str, record: bool) -> BlocksAndReport:
    """Choose an order for ∂y/∂x once, and execute it."""
    row = jacobian_row(y, xs, record)
    choice = choose_order(y.tape.state, row.table, [x.id for x in row.targets], order)
    if order == COLOURS or (order == "auto" and is_compression_cheaper(row, choice)):
        return accumulate_by_colours(row, choice)
    return accumulate_chain(row, choice)


def _suits_elimination(ys: list[Node], xs: list[Node]) -> bool:
    """Return whether ys depend on xs through real numbers alone, and not through too many."""
    is_small = max(y.id for y in ys) - min(x.id for x in xs) <= MAX_CHAIN_NODES
    is_scalar = all(t.shape == () for t in (*ys, *xs))
    return is_small and is_scalar and elimination.is_scalar_program(ys, xs)


def _accumulate_by_elimination(
    ys: list[Node], xs: list[Node], order: str, record: bool
) -> list[BlocksAndReport]:
    """Return the blocks and the report for each y by eliminating the vertices between.

    The order is searched for only if elimination was asked for by name: the search takes longer
    than it saves on one Jacobian.

    Parameters
    ----------
    ys, xs : list of Node
        Outputs and inputs.
    order : str
        ``"elimination"`` or ``"auto"``.
    record : bool
        Whether the blocks are recorded as nodes.

    Returns
    -------
    list of (list of array or Node, JacobianReport)
        The blocks of each y; the report is the same for all.
    """
    dag = elimination.linearise(ys, xs, record)
    effort = SEARCH_EFFORT if order == ELIMINATION else 0
    orders = elimination.find_elimination_order(dag, effort=effort)
    entries = elimination.accumulate_jacobian(dag, orders.order)
    label = jacobian_label(ys[0].tape.state, [y.id for y in ys], [x.id for x in xs])
    shape = (len(ys), len(xs))
    step = AccumulationStep(label, shape, ELIMINATION, orders.multiplications or 0)
    others = {name: count for name, count in orders.counts.items() if name != orders.name}
    totals = {ELIMINATION: step.multiplications} | others if orders.counts else {}
    why = f"{len(orders.order):,} numbers between; order: {orders.name}"
    report = JacobianReport(label, ELIMINATION, (step,), totals, why)
    return [
        ([_scalar_block(y, x, entries.get((i, j))) for j, x in enumerate(xs)], report)
        for i, y in enumerate(ys)
    ]


def _scalar_block(y: Node, x: Node, entry: Any) -> Any:
    """Return an entry of an elimination, a number or a node or None, as the block ∂y/∂x."""
    is_number = entry is not None and not isinstance(entry, Node)
    return jacobian_block(y, x, np.asarray(entry) if is_number else entry)
