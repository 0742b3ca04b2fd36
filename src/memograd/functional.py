"""The same for plain Python functions of arrays: JAX's signatures, over flat positional arguments.

They nest. While one function is traced, inner calls on the same thread record on the same tape, each with fresh nodes for
its arguments, so that perturbations are not confused: d/dx (x · d/dy (x + y) at y = x) is 1. Given nodes, they give nodes.
"""

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .accumulation import Pairs, paired, pushed, pushed_nodes
from .arrays import handed_out, settle
from .errors import OtherTapeError, RefusedError, describe, printable
from .nests import mapped
from .node import Node
from .passes.sharing import atom
from .replay import Plan, plan
from .solver import grad as grad_of_node
from .solver import grad_node
from .tape import Tape

_thread = threading.local()


class Trace:
    """One run of a function on a tape; its answers are nodes, or arrays where the tape is thrown away."""

    def __init__(self, tape: Tape, as_nodes: bool) -> None:
        self.tape, self.as_nodes = tape, as_nodes

    def run(self, f: Callable[..., Any], args: Sequence[Any], positions: Sequence[int], kwargs: dict[str, Any]) -> tuple[list[Node], Any]:
        """A fresh node for each argument at `positions`, and what f gives for them."""
        nodes = {k: self._entered(args[k]) for k in positions}
        return list(nodes.values()), f(*(nodes.get(k, a) for k, a in enumerate(args)), **kwargs)

    def _entered(self, a: Any) -> Node:
        node: Any = np.positive(a) if isinstance(a, Node) else self.tape.leaf(a)
        return node  # type: ignore[no-any-return]

    def grad(self, L: Any, nodes: list[Node]) -> list[Any]:
        """∂L/∂node; zeros where L does not depend on them, or is no node."""
        if not isinstance(L, Node):
            return [handed_out(settle(np.zeros(n.shape, n.dtype))) for n in nodes]
        found: list[Any] = grad_node(L, nodes) if self.as_nodes else grad_of_node(L, nodes)
        return found

    def pushed(self, ys: list[Node], pairs: Pairs) -> list[Any]:
        """Σ ∂y/∂node · tangent for each y, over pairs of a node and its tangent."""
        return (pushed_nodes if self.as_nodes else pushed)(self.tape, [y.id for y in ys], pairs)

    def out(self, y: Any) -> Any:
        """What a function gave, as its caller gets it."""
        return y.value if isinstance(y, Node) and not self.as_nodes else y


def traced(answer: Callable[[Trace], Any], args: Sequence[Any]) -> Any:
    """`answer` on the tape of the nodes among the arguments, on that of the trace around it, or on one to throw away."""
    given = [a.tape for a in args if isinstance(a, Node)]
    around = given[0] if given else getattr(_thread, "tape", None)
    if around is not None:
        with _tracing(around):
            return answer(Trace(around, as_nodes=True))
    tape = Tape()
    tape._passing = True
    try:
        with _tracing(tape):
            return answer(Trace(tape, as_nodes=False))
    except OtherTapeError as met:
        others = [other for other in met.tapes if other is not tape]
        if tape not in met.tapes or len(others) != 1:
            raise
    with _tracing(others[0]):  # the function closes over nodes of that tape
        return answer(Trace(others[0], as_nodes=True))


@contextmanager
def _tracing(tape: Tape) -> Iterator[None]:
    outer, _thread.tape = getattr(_thread, "tape", None), tape
    try:
        yield
    finally:
        _thread.tape = outer


def value_and_grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., tuple[Any, Any]]:
    """A function that gives f's value and its gradient.

    Parameters
    ----------
    f : callable
        Of arrays, giving a scalar.
    argnums : int or sequence of int
        By which positional arguments to differentiate.

    Returns
    -------
    callable
        Called as f is; gives ``(value, gradient)``, the gradient a tuple where `argnums` is a sequence.

    Raises
    ------
    NotScalarError
        f gives no scalar.
    NotDifferentiableError
        An argument to differentiate by is of integers.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> value, g = mg.functional.value_and_grad(lambda x: np.sum(x * x))(np.array([1.0, 2.0]))
    >>> float(value), g
    (5.0, array([2., 4.]))
    """
    positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        def answer(trace: Trace) -> tuple[Any, Any]:
            nodes, y = trace.run(f, args, positions, kwargs)
            g = trace.grad(y, nodes)
            return trace.out(y), g[0] if isinstance(argnums, int) else tuple(g)

        value, gradient = traced(answer, args)
        return value, gradient

    return value_and_gradient


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that gives f's gradient.

    Parameters and errors are those of :func:`value_and_grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> float(mg.functional.grad(np.sin)(0.0))
    1.0
    >>> float(mg.functional.grad(mg.functional.grad(mg.functional.grad(np.sin)))(0.0))
    -1.0
    """
    value_and_gradient = value_and_grad(f, argnums)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        return value_and_gradient(*args, **kwargs)[1]

    return gradient


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """f's value, and the pullback: from a cotangent of the value to a tuple of those of the primals.

    Parameters
    ----------
    f : callable
        Of arrays, giving an array.
    *primals : array_like
        Where to evaluate it.

    Returns
    -------
    value : array
    pullback : callable
        Called with a cotangent of the value's shape; always gives a tuple.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> value, pullback = mg.functional.vjp(np.multiply, np.array([1.0, 2.0]), 3.0)
    >>> value, pullback(np.array([1.0, 1.0]))
    (array([3., 6.]), (array([3., 3.]), np.float64(3.0)))
    """

    def answer(trace: Trace) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
        nodes, y = trace.run(f, primals, range(len(primals)), {})

        def pullback(seed: Any) -> tuple[Any, ...]:
            _check_shape(seed, y, "cotangent")
            with _tracing(trace.tape):
                return tuple(trace.grad(np.sum(seed * y) if isinstance(y, Node) else y, nodes))

        return trace.out(y), pullback

    value, pullback = traced(answer, primals)
    return value, pullback


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """f's value, and its directional derivative.

    Parameters
    ----------
    f : callable
        Of arrays, giving an array.
    primals, tangents : sequence of array_like
        Where, and in which direction; of the same shapes.

    Returns
    -------
    value, tangent : array

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> mg.functional.jvp(np.square, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([1., 4.]), array([ 2., 40.]))
    """

    def answer(trace: Trace) -> tuple[Any, Any]:
        nodes, y = trace.run(f, primals, range(len(primals)), {})
        pairs = paired(nodes, list(tangents), "tangents")
        return trace.out(y), trace.pushed([y], pairs)[0] if isinstance(y, Node) else np.zeros_like(y)

    value, tangent = traced(answer, [*primals, *tangents])
    return value, tangent


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
    """The products of f's Hessian with the tangents, one for each primal.

    Parameters
    ----------
    f : callable
        Of arrays, giving a scalar.
    primals, tangents : sequence of array_like
        Where, and by what to multiply; of the same shapes.

    Returns
    -------
    tuple of array
        Of the primals' shapes.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> mg.functional.hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    (array([ 6., 12.]),)
    """

    def answer(trace: Trace) -> tuple[Any, ...]:
        nodes, y = trace.run(f, primals, range(len(primals)), {})
        pairs = paired(nodes, list(tangents), "tangents")
        return tuple(trace.pushed(grad_node(y, nodes), pairs) if isinstance(y, Node) else trace.grad(y, nodes))

    products: tuple[Any, ...] = traced(answer, [*primals, *tangents])
    return products


def _check_shape(v: Any, like: Any, what: str) -> None:
    if np.shape(v) != np.shape(like):
        raise RefusedError(
            f"A {what} of shape {np.shape(v)} was given for a value of shape {np.shape(like)}. Give one of the value's shape."
        )


# -------------------------------------------------------------------------------------- traced once, then replayed


def compiled(f: Callable[..., Any]) -> "Compiled":
    """A function that traces f once for each signature, and from then on replays the plan.

    It is asked for by name, and not done behind the back of :func:`grad` and its kin, because a plan keeps what the trace
    saw: data that f closes over, global settings, the date. Whoever writes `compiled` says that f depends on its arguments
    alone.

    Parameters
    ----------
    f : callable
        Of arrays, giving arrays or a nest of them; one of this module's forms, such as ``value_and_grad(loss)``, or a plain
        function. It must not branch on a value, or read one.

    Returns
    -------
    Compiled
        Called as f is. Arrays and floats are inputs; anything else among the arguments is part of the signature, and has to
        be hashable. Its attribute ``plans`` holds a :class:`memograd.Plan` for each signature.

    Raises
    ------
    RefusedError
        f branches on a value or reads one, so that the plan would be right for this value alone; or an argument is neither
        an array nor hashable; or a result is no array.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> step = mg.functional.compiled(mg.functional.value_and_grad(lambda w, x: np.sum(np.square(w * x))))
    >>> value, g = step(np.array([1.0, 2.0]), 3.0)
    >>> float(value), g
    (45.0, array([18., 36.]))
    >>> step(np.array([0.0, 1.0]), 3.0)[1], len(step.plans)
    (array([ 0., 18.]), 1)
    """
    return Compiled(f)


class Compiled:
    """What :func:`compiled` gives: a function with its plans.

    Attributes
    ----------
    plans : dict
        From signature to plan.
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        functools.update_wrapper(self, f)
        self.f = f
        self.plans: dict[Any, Plan] = {}
        self._lock = threading.Lock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
        if getattr(_thread, "tape", None) is not None or any(isinstance(a, Node) for a in given.values()):
            return self.f(*args, **kwargs)  # a part of a larger trace
        inputs = {key: np.asarray(a) for key, a in given.items() if isinstance(a, np.ndarray | np.inexact | float | complex)}
        rest = tuple((key, _static(key, a)) for key, a in given.items() if key not in inputs)
        signature = (tuple((key, a.shape, a.dtype) for key, a in inputs.items()), rest)
        made = self.plans.get(signature)
        if made is None:
            with self._lock:
                made = self.plans[signature] = self._traced(inputs, given, len(args))
        return made(*inputs.values())

    def _traced(self, inputs: dict[Any, Any], given: dict[Any, Any], count: int) -> Plan:
        tape = Traced()
        leaves = {key: tape.leaf(a, name=f"argument_{key}") for key, a in inputs.items()}
        values = {**given, **leaves}
        with _tracing(tape):
            y = self.f(*(values[k] for k in range(count)), **{key: a for key, a in values.items() if isinstance(key, str)})
            return plan(mapped(tape.entered, y), list(leaves.values()))


class Traced(Tape):
    """The tape of a function that will be replayed: its nodes do not tell their values."""

    __slots__ = ()

    def _value(self, n: int) -> Any:
        raise RefusedError(
            f"The value of {describe(self._memory.nodes[n])} was read while memograd.functional.compiled traced a function; the plan "
            f"would be right for this value alone. Choose between values with np.where, or call the function without compiled."
        )

    def entered(self, y: Any) -> Node:
        """A result as a node; one that depends on no argument is a constant of the plan."""
        if isinstance(y, Node):
            return y
        if np.asarray(y).dtype.kind not in "biufc":
            raise RefusedError(
                f"A function that is compiled gives arrays, in a nest of lists, tuples and dicts, but one result is {printable(repr(y))}."
            )
        return self.leaf(y)


def _static(key: Any, a: Any) -> Any:
    """What stands for a static argument in a signature: 1, 1.0 and True are three, in tuples, too."""
    try:
        hash(a)
    except TypeError:
        raise RefusedError(
            f"Argument {key} of a compiled function is {printable(repr(a))}, neither an array nor hashable. Give arrays as "
            f"arguments of their own, and what is static as tuples, numbers or strings."
        ) from None
    return atom(a)
