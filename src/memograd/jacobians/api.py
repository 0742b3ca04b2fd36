"""Jacobians and Hessians, multiplied together in the order that takes the fewest multiplications.

The order of segments is found in :mod:`memograd.jacobians.chain_order`, that of single numbers in :mod:`memograd.jacobians.elimination`.
"""

from typing import Any

import numpy as np

from ..arrays.pytrees import filled, leaves, mapped
from ..arrays.values import handed_out, settle
from ..errors import NotDifferentiableError
from ..solver.recursion import checked, checked_all, grad_node, owned, scalar
from ..tape.conversions import check_leaving
from ..tape.node import Node
from ..text import describe, printable
from . import elimination
from .chain_execution import Answer, block, by_segments
from .chain_order import MOST_NODES, ORDERS
from .compression import COLOURS, are_fewer, by_colours
from .report import Entry, Tally, quotient
from .sparsity import sparse_hessian, sparse_jacobian

ELIMINATION = "elimination"
NAMES = ("auto", *ORDERS, COLOURS, ELIMINATION)


def jacobian(y: Any, x: Any, order: str = "auto", sparse: bool = False, report: bool = False) -> Any:
    """∂y/∂x, all of it: how each element of y changes with each element of x.

    Parameters
    ----------
    y : Node, or nest of them
        Of any shape.
    x : Node, or nest of them
        By what to differentiate.
    order : {"auto", "reverse", "forward", "segments", "colours", "elimination"}
        In which order to multiply: the rows pulled from y to x; the columns pushed from x to y; the segments between the
        nodes that every path crosses, each by its cheaper mode, in the cheapest order; sums of rows or columns that share
        nothing; or, where all nodes between are single numbers, these taken away one by one. ``"auto"`` takes what has the
        fewest multiplications; for colours it looks where most is zero for certain.
    sparse : bool
        Give SciPy sparse arrays, of shape ``(y.size, x.size)``; the dense ones are never made. What can be other than zero is
        found from the program, and rows or columns that share nothing are computed together, whatever the order.
    report : bool
        Give the :class:`memograd.Tally` as well: the steps that were taken, with their multiplications, and why.

    Returns
    -------
    array, or nest of them
        Of shape ``y.shape + x.shape`` and x's dtype, read-only; for nests, the nest of x for each node in the nest of y.
        Complex where x or y is: a row is what :func:`memograd.grad` gives for that element of y, so that a holomorphic
        function has its complex derivative; by a real x, a complex y has that of its real part and i times that of its
        imaginary part. Of complex numbers by complex numbers, columns are its rows only where the function is holomorphic.
    report : Tally, or nest of them
        For each node in the nest of y, where `report` is true.

    Raises
    ------
    ValueError
        There is no such order.
    RefusedError
        Elimination was asked for, but not all nodes between are real numbers; or colours, but y or x is complex.
    NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Notes
    -----
    Section 14 of the tutorial: *foldr*, *foldl*, and what lies between them. To find the best order of all is NP-complete;
    this is the best among those of a chain. It runs in a scratch block: nothing stays on the tape.

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
    ys, _ = _checked(y, x, order)
    for v in ys:
        check_leaving(v, "jacobian")
    if sparse:
        return _sparse(y, x, order, report)
    J, tallies = compute_jacobian(y, x, order)
    return (J, tallies) if report else J


def compute_jacobian(y: Any, x: Any, order: str) -> tuple[Any, Any]:
    """The same with its report, whether or not a function runs on the tape that is differentiated."""
    ys, xs = _checked(y, x, order)
    if not ys:
        return y, y
    with ys[0].tape.scratch():
        answers = _answers(ys, xs, order, record=False)
        J = filled(y, [filled(x, [handed_out(settle(found)) for found in blocks]) for blocks, _ in answers])
    return J, filled(y, [tally for _, tally in answers])


def hessian(L: Node, x: Any, sparse: bool = False) -> Any:
    """∂²L/∂x²: the Jacobian of the gradient, in the order that takes the fewest multiplications.

    Parameters
    ----------
    L : Node
        A scalar.
    x : Node, or nest of them
        By what to differentiate twice.
    sparse : bool
        Give SciPy sparse arrays, as for :func:`jacobian`.

    Returns
    -------
    array, or nest of them
        Of shape ``x.shape + x.shape``; for a nest, the nest of x for each node in the nest of x. Symmetric, up to rounding.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0])
    >>> mg.hessian(np.prod(x) + np.sum(x**3), x)
    array([[ 6.,  1.],
           [ 1., 12.]])
    """
    checked_all(scalar(L), x)
    if sparse and isinstance(x, Node):
        return sparse_hessian(L, x)
    with L.tape.scratch():
        return jacobian(grad_node(L, x), x, sparse=sparse)


def as_nodes(y: Node, xs: list[Node], order: str = "auto") -> list[Node]:
    """∂y/∂x for each x, as a node of the same tape: the program that multiplies it together, to be differentiated again.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.jacobians import as_nodes
    >>> x = mg.Tape().leaf([1.0, 2.0])
    >>> (J,) = as_nodes(x * x, [x])
    >>> mg.grad(np.sum(J), x)
    array([2., 2.])
    """
    _checked(y, xs, order)
    tape = y.tape
    with tape._lock:
        start = tape._next
        try:
            ((blocks, _),) = _answers([y], xs, order, record=True)
            nodes = [found if isinstance(found, Node) else tape.record(np.copy, (found,)) for found in blocks]
            owned(tape, start, y.id, y.id)
        except BaseException:
            tape._cut(start)
            raise
    return nodes


def _checked(y: Any, x: Any, order: str) -> tuple[list[Node], list[Node]]:
    """The nodes in y and in x, if those can be differentiated by these, in this order."""
    if order not in NAMES:
        raise ValueError(f"order is {', '.join(map(repr, NAMES))}, not {printable(repr(order))}.")
    ys, xs = _leaves(y), _leaves(x)
    for v in ys[:1]:
        if not isinstance(v, Node):
            raise NotDifferentiableError(f"A Jacobian is that of nodes, but y holds {printable(repr(v))}. Compute y from leaves of a tape.")
        for t in (*ys, *xs):
            checked(v, t)
            if isinstance(t.dtype, tuple):
                raise NotDifferentiableError(f"{describe(t._attributes)} has several outputs. Take one of them.")
    return ys, xs


def _leaves(nest: Any) -> list[Any]:
    """The leaves of a nest. It may hold None; None alone is a node that was forgotten."""
    return [None] if nest is None else leaves(nest)


def _sparse(y: Any, x: Any, order: str, report: bool) -> Any:
    """The same as sparse arrays, each y by each x."""
    if order != "auto" or report:
        raise ValueError("A sparse Jacobian is computed a few rows or columns at a time, in no order. Leave out order= and report=.")
    return mapped(lambda v: mapped(lambda t: sparse_jacobian(v, t), x), y)


def _answers(ys: list[Node], xs: list[Node], order: str, record: bool) -> list[Answer]:
    """For each y the blocks ∂y/∂x, and what they took. Numbers that depend on numbers alone are differentiated together."""
    if order == ELIMINATION or (order == "auto" and len(ys) > 1 < len(xs) and _are_numbers(ys, xs)):
        return _by_elimination(ys, xs, order, record)
    return [_answer(y, xs, order, record) for y in ys]


def _answer(y: Node, xs: list[Node], order: str, record: bool) -> Answer:
    if order == COLOURS or (order == "auto" and len(xs) == 1 and are_fewer(y, xs[0])):
        return by_colours(y, xs, record)
    return by_segments(y, xs, order, record)


def _are_numbers(ys: list[Node], xs: list[Node]) -> bool:
    """Whether ys depend on xs through single real numbers, and not through too many."""
    few = max(y.id for y in ys) - min(x.id for x in xs) <= MOST_NODES
    return few and all(t.shape == () for t in (*ys, *xs)) and elimination.is_scalar(ys, xs)


def _by_elimination(ys: list[Node], xs: list[Node], order: str, record: bool) -> list[Answer]:
    """Each vertex between taken away, in the cheapest order that is found; who asks for it by name has it searched for, too."""
    dag = elimination.linearised(ys, xs, record)
    orders = elimination.ordered(dag) if order == ELIMINATION else elimination.ordered(dag, effort=0)
    entries = {key: d if isinstance(d, Node) else np.asarray(d) for key, d in elimination.accumulated(dag, orders.order).items()}
    others = {name: count for name, count in orders.counts.items() if name != orders.name}
    derivative = quotient(ys[0].tape._memory, [y.id for y in ys], [x.id for x in xs])
    done = Entry(derivative, (len(ys), len(xs)), ELIMINATION, orders.multiplications or 0)
    totals = {ELIMINATION: done.multiplications} | others if orders.counts else {}
    tally = Tally(derivative, ELIMINATION, (done,), totals, f"{len(orders.order):,} numbers between; order: {orders.name}")
    return [([block(y, x, entries.get((i, j))) for j, x in enumerate(xs)], tally) for i, y in enumerate(ys)]
