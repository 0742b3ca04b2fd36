"""Linear maps of a program at a point: its VJP, its JVP, and the product with its Hessian.

No node and no table of theirs stays on the tape.
"""

from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from ..arrays.pytrees import tree_leaves, tree_unflatten
from ..arrays.values import canonicalize, export
from ..errors import NotDifferentiableError
from ..memory.tables import Table
from ..memory.uses import uses_towards
from ..solver.recursion import pull_back, zeros_for
from ..solver.symbolic import RecordingBlock, grad_node
from ..solver.targets import check_target, check_targets, require_scalar
from ..tape.conversions import check_leaving
from ..tape.node import Node
from ..tape.recorder import Recorder
from ..text import printable
from .forward_mode import add_tangents, push_all, store_privately
from .seeds import match_tree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Key = TypeVar("Key")

Pairs = list[tuple[Node, Any]]
"""Nodes with their tangents."""


@overload
def vjp(y: Node, x: Node, seed: Any) -> "Array": ...
@overload
def vjp(y: Node, x: list[Node], seed: Any) -> "list[Array]": ...
@overload
def vjp(y: Node, x: tuple[Node, ...], seed: Any) -> "tuple[Array, ...]": ...
@overload
def vjp(y: Node, x: dict[Key, Node], seed: Any) -> "dict[Key, Array]": ...
@overload
def vjp(y: Node, x: Any, seed: Any) -> Any: ...


def vjp(y: Node, x: Any, seed: Any) -> Any:
    """Compute the vector-Jacobian product Σ seed · ∂y/∂x: x's cotangent, if `seed` is y's.

    Parameters
    ----------
    y : Node
        Of any shape.
    x : Node, or pytree of them
        By what to differentiate.
    seed : array_like
        Of y's shape.

    Returns
    -------
    array, or pytree of them
        Of x's shape and dtype.

    Raises
    ------
    RefusedError
        The seed is not of y's shape.
    NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0])
    >>> mg.vjp(np.square(x), x, [10.0, 1.0])
    array([20.,  4.])
    """
    nodes, memory = ends(y, x), y.tape.state
    check_leaving(y, "vjp")
    (g,) = match_tree(y, seed, "seed")

    def pulled() -> list[Any]:
        """Return the cotangents of all targets."""
        first = min((t.id for t in nodes), default=0)
        table = Table(
            y.id,
            uses_towards(memory, y.id, first=first),
            g.value if isinstance(g, Node) else canonicalize(g),
        )
        return [
            pull_back(memory, table, t.id, memory.value, store_privately)
            if t.id in table.uses
            else zeros_for(t.shape, t.dtype)
            for t in nodes
        ]

    return tree_unflatten(x, map(export, y.tape.ask_exclusively(pulled)))


def jvp(y: Node, x: Any, tangent: Any) -> "Array":
    """Compute the Jacobian-vector product Σ ∂y/∂x · tangent: y's directional derivative.

    Parameters
    ----------
    y : Node
        Of any shape.
    x : Node, or pytree of them
        By what to differentiate.
    tangent : array_like, or pytree of them
        Of x's shape, in the same pytree.

    Returns
    -------
    array
        Of y's shape and dtype.

    Raises
    ------
    RefusedError
        A tangent is not of its node's shape.
    NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Notes
    -----
    One sweep, in the order in which the nodes were made, over those between x and y: see
    :mod:`memograd.transforms.forward_mode`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0])
    >>> mg.jvp(np.cumsum(np.square(x)), x, [1.0, 0.5])
    array([2., 4.])
    """
    ends(y, x)
    check_leaving(y, "jvp")
    pushed = push_arrays(y.tape, [y.id], with_tangents(x, tangent, "tangent"))
    return pushed[0]  # type: ignore[no-any-return]


@overload
def hvp(L: Node, x: Node, v: Any) -> "Array": ...
@overload
def hvp(L: Node, x: list[Node], v: Any) -> "list[Array]": ...
@overload
def hvp(L: Node, x: tuple[Node, ...], v: Any) -> "tuple[Array, ...]": ...
@overload
def hvp(L: Node, x: dict[Key, Node], v: Any) -> "dict[Key, Array]": ...
@overload
def hvp(L: Node, x: Any, v: Any) -> Any: ...


def hvp(L: Node, x: Any, v: Any) -> Any:
    """Compute the Hessian-vector product Σ ∂²L/∂x² · v.

    Parameters
    ----------
    L : Node
        A scalar.
    x : Node, or pytree of them
        By what to differentiate twice.
    v : array_like, or pytree of them
        Of x's shape, in the same pytree.

    Returns
    -------
    array, or pytree of them
        Of x's shape and dtype.

    Raises
    ------
    RefusedError
        A vector is not of its node's shape.
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0])
    >>> mg.hvp(np.sum(x * x * x), x, [1.0, 1.0])
    array([ 6., 12.])
    """
    nodes = check_targets(require_scalar(L), x)
    check_leaving(L, "hvp")
    with L.tape.scratch():
        gradient = grad_node(L, nodes)
        return tree_unflatten(
            x, push_arrays(L.tape, [g.id for g in gradient], with_tangents(x, v, "v"))
        )


# several outputs, as arrays or as nodes


def push_arrays(tape: Recorder, ys: list[int], pairs: Pairs) -> list[Any]:
    """Compute Σ ∂y/∂x · tangent for each y."""
    memory = tape.state
    given = sum_tangents([(x, t.value if isinstance(t, Node) else t) for x, t in pairs])
    found = tape.ask_exclusively(lambda: push_all(memory, given, ys, memory.value))
    return [
        export(found[y] if y in found else zeros_for(memory.steps[y].shape, memory.steps[y].dtype))
        for y in ys
    ]


def push_nodes(tape: Recorder, ys: list[int], pairs: Pairs) -> list[Node]:
    """Record Σ ∂y/∂x · tangent for each y, as nodes that can be differentiated again."""
    memory = tape.state
    with tape.lock, RecordingBlock(tape) as block:
        given = sum_tangents([(x, _as_node(tape, t)) for x, t in pairs])
        found = tape.ask_exclusively(lambda: push_all(memory, given, ys, tape.handle))
        nodes = [
            found[y]
            if y in found
            else tape.record(np.zeros, (memory.steps[y].shape, memory.steps[y].dtype))
            for y in ys
        ]
    for n in range(block.start, tape.next_id):
        memory.nodes.set_derivative(n, (ys[-1], ys[-1]))
    return nodes


def _as_node(tape: Recorder, t: Any) -> Any:
    """Return a tangent as a node of the tape."""
    return t if isinstance(t, Node) and t.tape is tape else tape.record(np.positive, (t,))


def sum_tangents(pairs: Pairs) -> dict[int, Any]:
    """Return the tangent of each node; one that is listed twice has the sum."""
    found: dict[int, Any] = {}
    for x, t in pairs:
        found[x.id] = add_tangents(found.get(x.id), t)
    return found


def ends(y: Any, x: Any) -> list[Node]:
    """Return the nodes in x; raise unless y and they have derivatives."""
    if not isinstance(y, Node):
        raise NotDifferentiableError(
            f"A product with ∂y/∂x is that of a node, but y is {printable(repr(y))}. Compute y "
            f"from leaves of a tape."
        )
    check_target(y, y)
    return check_targets(y, x)


def with_tangents(x: Any, v: Any, what: str) -> Pairs:
    """Pair each node of a pytree with the tangent in its place in another."""
    return list(zip(tree_leaves(x), match_tree(x, v, what), strict=True))
