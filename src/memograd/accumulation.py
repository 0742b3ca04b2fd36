"""The two linear maps of a program at a point: pull a cotangent back, push a tangent forward; and the Hessian's product.

No node and no table of theirs stays on the tape.
"""

from typing import Any

import numpy as np

from .arrays import handed_out
from .errors import RefusedError, describe
from .node import Node
from .program import LINE, SHAPE
from .pushing import plus, push_all
from .solver import checked, grad, grad_node, ids, mapped, nothing, scalar
from .tape import Tape

Pairs = list[tuple[Node, Any]]
"""Nodes with their tangents."""


def vjp(y: Node, x: Any, seed: Any) -> Any:
    """The vector-Jacobian product: Σ seed · ∂y/∂x, the cotangent of x where `seed` is that of y.

    Parameters
    ----------
    y : Node
        Of any shape.
    x : Node, or list, tuple or dict of them
        By what to differentiate.
    seed : array_like
        Of y's shape.

    Returns
    -------
    array, or list, tuple or dict of them
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
    mapped(lambda t: checked(y, t), (y, x))
    seed = _fitting(y, seed, "seed")
    with y.tape.scratch():
        return grad(np.sum(seed * y), x)


def jvp(y: Node, x: Node, tangent: Any) -> Any:
    """The Jacobian-vector product: Σ ∂y/∂x · tangent, the directional derivative of y.

    Parameters
    ----------
    y : Node
        Of any shape.
    x : Node, or list, tuple or dict of them
        By what to differentiate.
    tangent : array_like, or list, tuple or dict of them
        Of x's shape, in the same nest.

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
    One sweep, in the order in which the nodes were made, over those between x and y: see :mod:`memograd.pushing`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0])
    >>> mg.jvp(np.cumsum(np.square(x)), x, [1.0, 0.5])
    array([2., 4.])
    """
    mapped(lambda t: checked(y, t), (y, x))
    return pushed(y.tape, [y.id], paired(x, tangent))[0]


def hvp(L: Node, x: Any, v: Any) -> Any:
    """The Hessian-vector product: Σ ∂²L/∂x² · v.

    Parameters
    ----------
    L : Node
        A scalar.
    x : Node, or list, tuple or dict of them
        By what to differentiate twice.
    v : array_like, or list, tuple or dict of them
        Of x's shape, in the same nest.

    Returns
    -------
    array, or list, tuple or dict of them
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
    mapped(lambda t: checked(scalar(L), t), x)
    with L.tape.scratch():
        gradient = grad_node(L, x)
        products = iter(pushed(L.tape, ids(gradient), paired(x, v)))
        return mapped(lambda _: next(products), gradient)


# ------------------------------------------------------------------------------ several outputs, as arrays or as nodes


def pushed(tape: Tape, ys: list[int], pairs: Pairs) -> list[Any]:
    """Σ ∂y/∂x · tangent for each y, computed at once."""
    memory = tape._memory
    given = summed([(x, t.value if isinstance(t, Node) else t) for x, t in pairs])
    found = tape._alone(lambda: push_all(memory, given, ys, memory.value))
    return [handed_out(found[y] if y in found else nothing(*memory.steps[y][SHAPE:LINE])) for y in ys]


def pushed_nodes(tape: Tape, ys: list[int], pairs: Pairs) -> list[Node]:
    """The same as nodes of the tape: the tangents' own program, recorded, to be differentiated again."""
    memory, start = tape._memory, tape._next
    try:
        given = summed([(x, t if isinstance(t, Node) else tape.record(np.positive, (t,))) for x, t in pairs])
        found = tape._alone(lambda: push_all(memory, given, ys, tape._handle))
        nodes = [found[y] if y in found else tape.record(np.zeros, memory.steps[y][SHAPE:LINE]) for y in ys]
    except BaseException:
        tape._cut(start)
        raise
    for n in range(start, tape._next):
        memory.nodes.belongs(n, (ys[-1], ys[-1]))
    return nodes


def summed(pairs: Pairs) -> dict[int, Any]:
    """The tangent of each node; a node that stands there twice has two."""
    found: dict[int, Any] = {}
    for x, t in pairs:
        found[x.id] = plus(found.get(x.id), t)
    return found


def paired(x: Any, v: Any) -> Pairs:
    """Each node of a nest with the tangent that stands in its place in another."""
    if isinstance(x, dict):
        return [pair for key in x for pair in paired(x[key], v[key])]
    if isinstance(x, list | tuple):
        return [pair for t, w in zip(x, v, strict=True) for pair in paired(t, w)]
    return [(x, _fitting(x, v, "tangent"))]


def _fitting(node: Node, value: Any, what: str) -> Any:
    """A seed or a tangent in the dtype of its node; an array is copied."""
    v = value if isinstance(value, Node) else np.asarray(value)
    if v.shape != node.shape or (v.dtype.kind == "c" and node.dtype.kind != "c"):
        raise RefusedError(f"The {what} of {describe(node._attributes)} is {v.dtype} {v.shape}. Give one of the node's shape and kind.")
    return v if isinstance(v, Node) and v.dtype == node.dtype else v.astype(node.dtype)
