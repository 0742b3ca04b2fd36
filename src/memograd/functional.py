"""Derivatives of plain Python functions of arrays, or of pytrees of them: JAX's signatures.

:func:`compiled` stands first: it makes a plan of any of the forms, and a form of a compiled
function is compiled, too.

They nest: a form of a form is the second derivative, in any mixture, and a function may close over
whatever another form differentiates by. Given nodes, they give nodes. A result that does not depend
on the arguments gives zeros.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .arrays.pytrees import children, describe_tree, tree_leaves, tree_map, tree_unflatten
from .arrays.values import as_input, is_inexact
from .errors import NotDifferentiableError, NotScalarError, RefusedError
from .jacobians.api import check_sparse_order, compute_jacobian, jacobian_nodes
from .jacobians.sparse_matrix import with_entries
from .jacobians.sparsity import hessian_entries, jacobian_entries, sparse_hessian, sparse_jacobian
from .jacobians.sparsity_pattern import empty_pattern
from .plans.compiled_functions import Compiled, compiled, made_by
from .program.trace_state import trace_on
from .solver.single_use import compute_grad_once, compute_vjp_once, record_vjp_once
from .solver.symbolic import grad_node_once
from .tape.node import Node
from .text import op_name
from .transforms.function_tracing import Argnums, Trace, TracedCall, trace_call
from .transforms.products import push_arrays, push_nodes
from .transforms.seeds import match_tree

__all__ = [
    "Compiled",
    "compiled",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "value_and_grad",
    "vjp",
]


def value_and_grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """Return a function that gives f's value and its gradient.

    Parameters
    ----------
    f : callable
        Of arrays, or of pytrees of them: lists, tuples, named tuples, dicts, dataclasses, and None
        for nothing. It gives a real scalar; or, with `has_aux`, a pair of it and anything else.
    argnums : int or sequence of int
        By which positional arguments to differentiate; negative ones count from the end.
    has_aux : bool
        Whether f gives something beside its result, which is passed on as it is.

    Returns
    -------
    callable
        Called as f is; gives ``(value, gradient)``, or ``((value, aux), gradient)``. The gradient
        has the argument's nest, shapes and dtypes, and is a tuple of such pytrees where `argnums`
        is a sequence.

    Raises
    ------
    NotScalarError
        f gives no scalar, when called.
    NotDifferentiableError
        An argument to differentiate by holds integers or no numbers; or f gives a complex number,
        None, or no numbers; or the call has no such positional argument.
    OtherTapeError
        Nodes of two tapes meet.
    RefusedError
        f converts a number that depends on the arguments, by ``float(x)``, ``np.asarray(x)``,
        ``np.array([x[0], x[1]])`` or a function that does, so that the derivative would be lost.
        Or, with `has_aux`, f gives no pair.

    Notes
    -----
    f may branch on values, and make whole numbers of them: ``if x > 0``, ``while``, ``int(x)``.
    Where a number is meant without its derivative, convert ``mg.stop_gradient(x)``, or take
    ``x.value``. ``examples/conversions.md`` has the table.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> loss = lambda p: np.sum(p["w"] * p["w"]) + p["b"]
    >>> value, g = mg.functional.value_and_grad(loss)({"w": np.array([1.0, 2.0]), "b": 3.0})
    >>> float(value), g
    (8.0, {'w': array([2., 4.]), 'b': np.float64(1.0)})
    """
    if isinstance(f, Compiled):
        return f.derive(value_and_grad, _hashable(argnums), has_aux)

    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        return trace_call(TracedCall(f, args, kwargs, argnums, has_aux), answer)

    def answer(run: Trace) -> tuple[Any, Any]:
        """Return the value and the gradient."""
        gradient = _gradient(run, _scalar(run))
        return run.out((run.y, run.aux) if has_aux else run.y), gradient

    return made_by(value_and_gradient, value_and_grad, f, argnums, has_aux)


def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return a function that gives f's gradient; with `has_aux`, ``(gradient, aux)``.

    Parameters and errors are those of :func:`value_and_grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> float(mg.functional.grad(np.sin)(0.0))
    1.0
    >>> float(mg.functional.grad(mg.functional.grad(mg.functional.grad(np.sin)))(0.0))
    -1.0
    """
    if isinstance(f, Compiled):
        return f.derive(grad, _hashable(argnums), has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        return trace_call(TracedCall(f, args, kwargs, argnums, has_aux), answer)

    def answer(run: Trace) -> Any:
        """Return the gradient, and what comes beside it."""
        g = _gradient(run, _scalar(run))
        return (g, run.out(run.aux)) if has_aux else g

    return made_by(gradient, grad, f, argnums, has_aux)


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return f's value, and its pullback from a cotangent of the value to those of the primals.

    Parameters
    ----------
    f : callable
        Of arrays or pytrees of them, giving the same; with `has_aux`, a pair of that and anything
        else.
    *primals : array_like, or pytree of them
        Where to evaluate it.
    has_aux : bool
        Whether f gives something beside its result.

    Returns
    -------
    value : array, or pytree of them
    pullback : callable
        Called with a cotangent in the value's nest, of its shapes and kinds of dtype; always gives
        a tuple.
    aux
        With `has_aux`: what f gave beside its result.

    Raises
    ------
    NotDifferentiableError, OtherTapeError, RefusedError
        As for :func:`value_and_grad`; the pullback refuses a cotangent of another nest, shape or
        kind of dtype.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> value, pullback = mg.functional.vjp(np.multiply, np.array([1.0, 2.0]), 3.0)
    >>> value, pullback(np.array([1.0, 1.0]))
    (array([3., 6.]), (array([3., 3.]), np.float64(3.0)))
    """

    def answer(run: Trace) -> tuple[Any, ...]:
        """Return the answer of the trace."""

        def pullback(cotangent: Any) -> Any:
            """Pull a cotangent back."""
            elsewhere = [
                a.tape
                for a in tree_leaves(cotangent)
                if isinstance(a, Node) and a.tape is not run.tape
            ]
            if (
                elsewhere and not run.as_nodes
            ):  # the pullback is differentiated itself: f is run where its cotangent is
                with trace_on(elsewhere[0]):
                    return vjp(f, *primals, has_aux=has_aux)[1](cotangent)
            return _pull(run, cotangent)

        value = run.out(run.y)
        return (value, pullback, run.out(run.aux)) if has_aux else (value, pullback)

    return trace_call(TracedCall(f, primals, {}, range(len(primals)), has_aux), answer)


def jvp(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """Return f's value, and its directional derivative.

    Parameters
    ----------
    f : callable
        Of arrays or pytrees of them, giving the same; with `has_aux`, a pair of that and anything
        else.
    primals, tangents : list or tuple of array_like, or of pytrees of them
        Where, and in which direction; in the same pytrees, of the same shapes and kinds of dtype.
    has_aux : bool
        Whether f gives something beside its result.

    Returns
    -------
    value, tangent : array, or pytree of them
    aux
        With `has_aux`: what f gave beside its result.

    Raises
    ------
    NotDifferentiableError, OtherTapeError, RefusedError
        As for :func:`value_and_grad`; or a tangent is of another nest, shape or kind of dtype than
        its primal.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> mg.functional.jvp(np.square, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([1., 4.]), array([ 2., 40.]))
    """

    def answer(run: Trace) -> tuple[Any, ...]:
        """Return the answer of the trace."""
        directions = match_tree(run.inputs, tuple(tangents), "tangents")
        tangent = tree_unflatten(run.y, _push_directions(run, tree_leaves(run.y), directions))
        return (run.out(run.y), tangent, run.out(run.aux)) if has_aux else (run.out(run.y), tangent)

    return trace_call(_along(f, primals, tangents, has_aux), answer, beside=tangents)


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
    """Return the products of f's Hessian with the tangents, one for each primal.

    Parameters
    ----------
    f : callable
        Of arrays or pytrees of them, giving a real scalar.
    primals, tangents : list or tuple of array_like, or of pytrees of them
        Where, and by what to multiply; in the same pytrees, of the same shapes and kinds of dtype.

    Returns
    -------
    tuple of array, or of pytrees of them
        As the primals.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError, RefusedError
        As for :func:`value_and_grad` and :func:`jvp`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> mg.functional.hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    (array([ 6., 12.]),)
    """

    def answer(run: Trace) -> tuple[Any, ...]:
        """Return the answer of the trace."""
        L, directions = _scalar(run), match_tree(run.inputs, tuple(tangents), "tangents")
        products: tuple[Any, ...] = (
            tree_unflatten(
                run.inputs, _push_directions(run, grad_node_once(L, run.nodes), directions)
            )
            if isinstance(L, Node)
            else _gradient(run, L)
        )
        return products

    return trace_call(_along(f, primals, tangents, False), answer, beside=tangents)


def jacobian(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    order: str = "auto",
    sparse: bool = False,
) -> Callable[..., Any]:
    """Return a function that gives f's Jacobian.

    Parameters
    ----------
    f : callable
        Of arrays or pytrees of them, giving the same; with `has_aux`, a pair of that and anything
        else.
    argnums : int or sequence of int
        By which positional arguments to differentiate; negative ones count from the end.
    has_aux : bool
        Whether f gives something beside its result, which is passed on as it is.
    order : {"auto", "reverse", "forward", "segments", "colours", "elimination"}
        In which order to multiply, as for :func:`memograd.jacobian`.
    sparse : bool
        Whether to give SciPy's sparse arrays of shape ``(y.size, x.size)``. Entries that are zero
        for certain are neither computed nor kept, and columns or rows that share nothing are
        computed together. Compile the function: the pattern is then derived once.

    Returns
    -------
    callable
        Called as f is; gives arrays of shape ``(*y.shape, *x.shape)`` in the pytree of f's result,
        each in that of the arguments: ``J["loss"]["w"]``. With `has_aux`, ``(J, aux)``.

    Raises
    ------
    NotDifferentiableError, OtherTapeError, RefusedError
        As for :func:`value_and_grad`; also where integers among the results are computed from the
        arguments, which :func:`jvp` and :func:`vjp` pass over.
    ValueError
        There is no such order, or `sparse` with an order.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> mg.functional.jacobian(np.square)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    >>> mg.functional.jacobian(lambda x, y: {"product": x * y}, argnums=(0, 1))(2.0, 3.0)
    {'product': (np.float64(3.0), np.float64(2.0))}
    >>> step = mg.functional.compiled(mg.functional.jacobian(np.square, sparse=True))
    >>> step(np.arange(1000.0)).nnz
    1000
    """
    check_sparse_order(sparse, order)
    if isinstance(f, Compiled):
        return f.derive(jacobian, _hashable(argnums), has_aux, order, sparse)

    def matrices(*args: Any, **kwargs: Any) -> Any:
        return trace_call(TracedCall(f, args, kwargs, argnums, has_aux), answer)

    def answer(run: Trace) -> Any:
        """Return the answer of the trace."""
        blocks = _sparse_blocks(run) if sparse else _blocks(run, order)
        J = tree_unflatten(run.y, [tree_unflatten(run.inputs, row) for row in blocks])
        return (J, run.out(run.aux)) if has_aux else J

    return made_by(matrices, jacobian, f, argnums, has_aux, order, sparse)


def hessian(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, sparse: bool = False
) -> Callable[..., Any]:
    """Return a function that gives f's Hessian: the Jacobian of its Jacobian.

    Parameters and errors are those of :func:`jacobian`; f's result need be no scalar. With
    `sparse`, it is a scalar, and the Hessian by one array is a sparse array of SciPy's.

    Returns
    -------
    callable
        Called as f is; gives arrays of shape ``(*y.shape, *x.shape, *x.shape)`` in the pytree of
        f's result, each in that of the arguments, twice: ``H["w"]["b"]`` is ∂²f/∂w∂b. With
        `has_aux`, ``(H, aux)``.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> mg.functional.hessian(lambda x: x[0] * x[0] * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    if not sparse:
        return jacobian(jacobian(f, argnums, has_aux), argnums, has_aux)
    if isinstance(f, Compiled):
        return f.derive(hessian, _hashable(argnums), has_aux, True)

    def sparse_matrix(*args: Any, **kwargs: Any) -> Any:
        return trace_call(TracedCall(f, args, kwargs, argnums, has_aux), answer)

    def answer(run: Trace) -> Any:
        """Return the answer of the trace."""
        matrix = _sparse_hessian(run, _scalar(run))
        return (matrix, run.out(run.aux)) if has_aux else matrix

    return made_by(sparse_matrix, hessian, f, argnums, has_aux, True)


# their parts


def _hashable(argnums: Argnums) -> Argnums:
    return tuple(argnums) if isinstance(argnums, list) else argnums


def _along(f: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool) -> TracedCall:
    """Return the call of f at the primals."""
    if not (isinstance(primals, list | tuple) and isinstance(tangents, list | tuple)):
        raise RefusedError(
            f"Primals and tangents are tuples, one item for each argument of {op_name(f)}, but "
            f"are {describe_tree(primals)} and "
            f"{describe_tree(tangents)}. Give (x,) and (t,)."
        )
    return TracedCall(f, tuple(primals), {}, range(len(primals)), has_aux)


def _scalar(run: Trace) -> Any:
    """Return the result of a run, if it has a gradient."""
    if children(run.y) is not None:
        raise NotScalarError(
            f"The gradient is that of a scalar, but {run.name} gave {describe_tree(run.y)}. "
            f"Return a scalar, and what comes beside "
            f"it with has_aux=True; or take jacobian, or vjp with a cotangent."
        )
    L = run.y if isinstance(run.y, Node) else as_input(run.y)
    if L.shape != ():
        raise NotScalarError(
            f"The gradient is that of a scalar, but {run.name} gave {L.dtype} {L.shape}. Take "
            f"jacobian, vjp with a cotangent, or "
            f"return np.sum(…) if you mean the sum."
        )
    if L.dtype.kind == "c":
        raise NotDifferentiableError(
            f"The gradient is that of a real number, but {run.name} gave {L.dtype}. Return "
            f"np.real(…) or np.abs(…); the "
            f"derivative of a holomorphic function is that of vjp, with the cotangent 1."
        )
    return run.y


def _gradient(run: Trace, L: Any) -> Any:
    """∂L/∂x for the inputs of a run; zeros where L is no node, and depends on nothing."""
    if not isinstance(L, Node):
        return _zeros(run)
    return (grad_node_once if run.as_nodes else compute_grad_once)(L, run.inputs)


def _zeros(run: Trace) -> Any:
    """Return zeros for the inputs of a run."""
    return tree_map(lambda x: run.zeros(x.shape, x.dtype), run.inputs)


def _pull(run: Trace, cotangent: Any) -> Any:
    """Return Σ cotangent · ∂y/∂x for the inputs of a run, over the results y with a derivative."""
    seeds: dict[int, Any] = {}
    given = match_tree(run.y, cotangent, "cotangent")
    for y, g in zip(tree_leaves(run.y), given, strict=True):
        if _differentiable(y):
            seeds[y.id] = seeds[y.id] + g if y.id in seeds else g
    if not seeds:
        return _zeros(run)
    return (record_vjp_once if run.as_nodes else compute_vjp_once)(run.tape, seeds, run.inputs)


def _push_directions(run: Trace, ys: list[Any], directions: list[Any]) -> list[Any]:
    """Return the tangent of each result; zeros where it depends on nothing."""
    moving = {k: y.id for k, y in enumerate(ys) if _differentiable(y)}
    if not moving:
        return [_still(run, y) for y in ys]
    push = push_nodes if run.as_nodes else push_arrays
    pairs = list(zip(run.nodes, directions, strict=True))
    found = iter(push(run.tape, list(moving.values()), pairs))
    return [next(found) if k in moving else _still(run, y) for k, y in enumerate(ys)]


def _still(run: Trace, y: Any) -> Any:
    """Return the tangent of what depends on nothing."""
    dtype = y.dtype if isinstance(y, Node) else as_input(y).dtype
    return run.zeros(np.shape(y), dtype if is_inexact(dtype) else np.dtype(float))


def _differentiable(y: Any) -> bool:
    return isinstance(y, Node) and is_inexact(y.dtype)


def _blocks(run: Trace, order: str) -> list[list[Any]]:
    """Return for each result ∂y/∂x for each input; zeros where y is no node."""
    ys = tree_leaves(run.y)
    nodes = [y for y in ys if isinstance(y, Node)]
    found = iter(
        [_jacobian_as_nodes(y, run.nodes, order) for y in nodes]
        if run.as_nodes
        else compute_jacobian(nodes, run.nodes, order)[0]
    )
    return [
        next(found)
        if isinstance(y, Node)
        else [run.zeros(np.shape(y) + x.shape, x.dtype) for x in run.nodes]
        for y in ys
    ]


def _sparse_blocks(run: Trace) -> list[list[Any]]:
    """Return for each result ∂y/∂x for each input, as sparse matrices."""
    return [[_sparse_block(run, y, x) for x in run.nodes] for y in tree_leaves(run.y)]


def _sparse_block(run: Trace, y: Any, x: Node) -> Any:
    """Return ∂y/∂x as a sparse matrix; without entries, if y is no node."""
    if not isinstance(y, Node):
        pattern = empty_pattern((np.size(y), x.size))
        return with_entries(run.zeros((0,), x.dtype), pattern)
    return with_entries(*jacobian_entries(y, x)) if run.as_nodes else sparse_jacobian(y, x)


def _sparse_hessian(run: Trace, L: Any) -> Any:
    """Return ∂²L/∂x² for the input of a run, as a sparse matrix."""
    if len(run.nodes) != 1:
        raise RefusedError(
            f"A sparse Hessian is that by one array, but {run.name} has {len(run.nodes)} inputs to "
            f"differentiate by. Let it take them as parts of one array."
        )
    (x,) = run.nodes
    if not isinstance(L, Node):
        return with_entries(run.zeros((0,), x.dtype), empty_pattern((x.size, x.size)))
    return with_entries(*hessian_entries(L, x)) if run.as_nodes else sparse_hessian(L, x)


def _jacobian_as_nodes(y: Node, nodes: list[Node], order: str) -> list[Any]:
    """Return ∂y/∂x for each node x; of a real number it is the gradient, in the order "auto"."""
    if order == "auto" and y.shape == () and y.dtype.kind == "f":
        return grad_node_once(y, nodes)  # type: ignore[no-any-return]
    return jacobian_nodes(y, nodes, order)
