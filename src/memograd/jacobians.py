"""Jacobians and Hessians, multiplied together in the order that takes the fewest multiplications.

The order is found in :mod:`memograd.ordering`. Here it is carried out, in NumPy's words: on arrays, or on handles, where the
Jacobian is to be a node.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .accumulation import pushed
from .arrays import handed_out, settle
from .errors import NotDifferentiableError, describe, printable
from .memory import Table, leading_to
from .node import Node
from .ordering import ORDERS, Product, Segment, matrix_of, ordered
from .program import ARGS, Operand
from .solver import Recording, checked, grad_node, mapped, pull_back, scalar
from .tally import Tally, tally_of
from .tape import Tape


def jacobian(y: Any, x: Any, order: str = "auto", report: bool = False) -> Any:
    """∂y/∂x, all of it: how each element of y changes with each element of x.

    Parameters
    ----------
    y : Node, or list, tuple or dict of them
        Of any shape.
    x : Node, or list, tuple or dict of them
        By what to differentiate.
    order : {"auto", "reverse", "forward", "segments"}
        In which order to multiply: the rows pulled from y to x, the columns pushed from x to y, or the segments between the
        nodes that every path crosses, each by its cheaper mode, in the cheapest order. ``"auto"`` takes what has the fewest
        multiplications.
    report : bool
        Give the :class:`memograd.Tally` as well: the steps that were taken, with their multiplications, and why.

    Returns
    -------
    array, or list, tuple or dict of them
        Of shape ``y.shape + x.shape`` and x's dtype, read-only; for nests, the nest of x for each node in the nest of y.
        Complex where x or y is: a row is what :func:`memograd.grad` gives for that element of y, so that a holomorphic
        function has its complex derivative; by a real x, a complex y has that of its real part and i times that of its
        imaginary part.
    report : Tally, or list, tuple or dict of them
        For each node in the nest of y, where `report` is true.

    Raises
    ------
    ValueError
        There is no such order.
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
    ∂y/∂b                           3 × 1  these rows, pulled on                  9
    ∂b/∂a                           1 × 3  a matrix of the program                0
    ∂b/∂x                           1 × 3  these rows, pulled on                  9
    ∂y/∂x                           3 × 3  the product of these two               9
    in all                                 segments                              27
    instead                                reverse                               45
    instead                                forward                               45
    segments: every path crosses b, of size 1
    """
    xs = _checked(y, x, order)
    tallies: list[Tally] = []

    def blocks(v: Node) -> Any:
        with v.tape.scratch():
            found, tally = _blocks(v, xs, order, _number)
        tallies.append(tally)
        return _like(x, [handed_out(settle(block)) for block in found])

    answer = mapped(blocks, y)
    return (answer, _like(y, tallies)) if report else answer


def hessian(L: Node, x: Any) -> Any:
    """∂²L/∂x²: the Jacobian of the gradient, in the order that takes the fewest multiplications.

    Parameters
    ----------
    L : Node
        A scalar.
    x : Node, or list, tuple or dict of them
        By what to differentiate twice.

    Returns
    -------
    array, or list, tuple or dict of them
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
    mapped(lambda t: checked(scalar(L), t), x)
    with L.tape.scratch():
        return jacobian(grad_node(L, x), x)


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
            return list(map(_node_on(tape), _blocks(y, xs, order, _node_on(tape))[0]))
        except BaseException:
            tape._cut(start)
            raise


def _node_on(tape: Tape) -> "Enter":
    """What work on handles goes on with."""

    def node(a: Any) -> Any:
        return a if isinstance(a, Node) else tape.record(np.copy, (a,))

    return node


def _number(a: Any) -> Any:
    """What work on numbers goes on with."""
    return a.value if isinstance(a, Node) else a


def _checked(y: Any, x: Any, order: str) -> list[Node]:
    """The nodes in x, if each y can be differentiated by them, in this order."""
    if order not in ("auto", *ORDERS):
        raise ValueError(f"order is 'auto', {', '.join(map(repr, ORDERS))}, not {printable(repr(order))}.")
    ys, xs = _flat(y), _flat(x)
    for v in ys:
        if not isinstance(v, Node):
            raise NotDifferentiableError(f"A Jacobian is that of nodes, but y holds {printable(repr(v))}. Compute y from leaves of a tape.")
        for t in (v, *xs):
            checked(v, t)
            if isinstance(t.dtype, tuple):
                raise NotDifferentiableError(f"{describe(t._attributes)} has several outputs. Take one of them.")
    return xs


def _flat(nest: Any) -> list[Any]:
    """What is in a nest, in order."""
    found: list[Any] = []
    mapped(found.append, nest)
    return found


def _like(nest: Any, items: list[Any]) -> Any:
    """Items in a nest like this one."""
    given = iter(items)
    return mapped(lambda _: next(given), nest)


def _blocks(y: Node, xs: list[Node], order: str, enter: "Enter") -> tuple[list[Any], Tally]:
    """∂y/∂x for each x, in the shape and dtype in which it is handed out; and what it took."""
    memory = y.tape._memory
    table = Table(y.id, leading_to(memory, y.id), None)
    near = [k for k, t in enumerate(xs) if t.id in table.up and t.size and y.size]
    if not near:
        return [_block(y, t, None) for t in xs], Tally(f"∂{y.name}/∂…", order, (), {}, "no path leads from x to y")
    choice = ordered(memory, table, [xs[k].id for k in near], order)
    matrices = Work(y.tape, choice.segments, enter).jacobian(choice.product)
    found = dict(zip(near, matrices, strict=True))
    return [_block(y, t, found.get(k)) for k, t in enumerate(xs)], tally_of(memory, choice)


def _block(y: Node, x: Node, matrix: Any) -> Any:
    dtype = np.result_type(x.dtype, np.complex64) if y.dtype.kind == "c" else x.dtype
    if matrix is None:
        return np.zeros(y.shape + x.shape, dtype)
    return of_dtype(np.reshape(dense(matrix), y.shape + x.shape), dtype)


# --------------------------------------------------------------------------------------------- an order, carried out


Enter = Callable[[Any], Any]
"""What makes of an array what the work goes on with: the array itself, or a node."""


class Work:
    """Carries out an order. A stretch has a matrix for each node at its start; one that is diagonal is a vector."""

    def __init__(self, tape: Tape, segments: Sequence[Segment], enter: Enter) -> None:
        self.tape, self.segments, self.enter = tape, segments, enter

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
                ones = self.enter(np.ones((1, end.size), end.dtype))
                return [np.reshape(pulled_through(end, starts, ones)[0], (end.size,))]

    def _starts(self, i: int) -> list[Node]:
        return [self.tape[n] for n in self.segments[i].start]

    def _end(self, i: int) -> Node:
        return self.tape[self.segments[i - 1].end]

    def _one(self, node: Node) -> Any:
        """The identity, in the size of a node."""
        return self.enter(np.eye(node.size, dtype=node.dtype))

    def _matrix(self, start: Node, end: Node) -> Any:
        """What a vector was multiplied by."""
        steps = self.tape._memory.steps
        position = matrix_of(steps, start.id, end.id)
        other = steps[end.id][ARGS][position]
        matrix = self.enter(self.tape[other] if type(other) is Operand else other)
        return matrix if position == 0 else np.transpose(matrix)


def dense(matrix: Any) -> Any:
    """A matrix as it is, and a diagonal as a matrix."""
    return matrix if len(matrix.shape) == 2 else np.diag(matrix)


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
    return np.reshape(of_dtype(matrix, node.dtype), (matrix.shape[0], *node.shape))


def of_dtype(a: Any, dtype: Any) -> Any:
    """An array or a node in this dtype; the real part, where it has no other."""
    if a.dtype == dtype:
        return a
    return (np.real(a) if a.dtype.kind == "c" and dtype.kind != "c" else a).astype(dtype)


# ------------------------------------------------------------------------------------------------ one at a time


def pulled_rows(y: Node, xs: list[Node], seeds: Any) -> list[Any]:
    """For each x what y's cotangents pull back to it, one below the other; nodes where the seeds are one."""
    tape, memory = y.tape, y.tape._memory
    up, found = leading_to(memory, y.id), []
    for seed in seeds:
        table = Table(y.id, up, seed)
        if isinstance(seed, Node):
            table.program[y.id] = seed.id
            recording = Recording(tape, table)
            found.append([pull_back(memory, recording, t.id, tape._handle, recording.store) for t in xs])
        else:
            found.append([pull_back(memory, table, t.id, memory.value, _keep) for t in xs])
    return [np.stack(column) for column in zip(*found, strict=True)]


def _keep(table: Table, n: int, d: Any) -> None:
    table.cotangents[n] = d


def pushed_columns(y: Node, xs: list[Node], tangents: list[Any]) -> Any:
    """What tangents of xs push on to y, one below the other; a node where the tangents are."""
    found = [pushed(y, xs, list(ts)) for ts in zip(*tangents, strict=True)]
    return np.stack(found if isinstance(tangents[0], Node) else [node.value for node in found])
