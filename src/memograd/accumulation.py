"""The two linear maps of a program at a point: pull a cotangent back, push a tangent forward; and the Hessian's product.

All of them run in a scratch block: no node and no table of theirs stays on the tape.
"""

from typing import Any

import numpy as np

from .errors import RefusedError, describe
from .node import Node
from .solver import checked, grad, grad_node, mapped, scalar


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
    The transpose of the transpose: the VJP is recorded as a linear program of its seed and differentiated by it.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0])
    >>> mg.jvp(np.cumsum(np.square(x)), x, [1.0, 0.5])
    array([2., 4.])
    """
    mapped(lambda t: checked(y, t), (y, x))
    pairs = _paired(x, tangent)
    with y.tape.scratch():
        return pushed(y, [t for t, _ in pairs], [v for _, v in pairs]).value


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
    pairs = _paired(x, v)
    with L.tape.scratch():
        return grad(inner(grad_node(L, [t for t, _ in pairs]), [w for _, w in pairs]), x)


# ------------------------------------------------------------------------------------------- the same, as nodes


def pushed(y: Node, xs: list[Node], tangents: list[Any]) -> Node:
    """The JVP as a node: the VJP is linear in its seed, and its derivative by the seed is the JVP."""
    seed = y.tape.leaf(np.zeros(y.shape, y.dtype))
    derivative: Node = grad_node(inner(grad_node(np.sum(seed * y), xs), tangents), seed)
    return derivative


def inner(nodes: list[Node], arrays: list[Any]) -> Node:
    """Re Σ g · t: what L changes by, when g are its cotangents and t the tangents."""
    terms = [
        np.sum(np.real(g * t) if "c" in (g.dtype.kind, (t if isinstance(t, Node) else np.asarray(t)).dtype.kind) else g * t)
        for g, t in zip(nodes, arrays, strict=True)
    ]
    total: Node = sum(terms[1:], terms[0])
    return total


def _paired(x: Any, v: Any) -> list[tuple[Node, Any]]:
    """Each node of a nest with the array that stands in its place in another."""
    if isinstance(x, dict):
        return [pair for key in x for pair in _paired(x[key], v[key])]
    if isinstance(x, list | tuple):
        return [pair for t, w in zip(x, v, strict=True) for pair in _paired(t, w)]
    return [(x, _fitting(x, v, "tangent"))]


def _fitting(node: Node, value: Any, what: str) -> Any:
    """A seed or a tangent in the dtype of its node."""
    v = value if isinstance(value, Node) else np.asarray(value)
    if v.shape != node.shape or (v.dtype.kind == "c" and node.dtype.kind != "c"):
        raise RefusedError(f"The {what} of {describe(node._attributes)} is {v.dtype} {v.shape}. Give one of the node's shape and kind.")
    return v if isinstance(v, Node) else v.astype(node.dtype)
