"""SciPy's optimisers on one tape: value, gradient and Hessian share their work at each point.

A function is recorded once; each further point is an assignment to its leaves. From the third point
on, plans are replayed, which take a tenth of the time of a request to the tape. A program with ops
of the user's own stays on the tape, where no op runs twice at a point, or again for what did not
move; `repr` of a :class:`Problem` says so.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from inspect import signature
from typing import Any

import numpy as np

from .arrays.pytrees import tree_leaves, tree_unflatten
from .arrays.values import as_input, bitwise_equal
from .errors import NotDifferentiableError, RefusedError
from .jacobians.api import jacobian_nodes
from .plans.executable import Plan, plan
from .rules.registration import rule_of
from .solver.gradients import grad
from .solver.progress import Report, open_report
from .solver.symbolic import grad_node
from .solver.targets import require_scalar
from .tape.conversions import raise_refusals
from .tape.mode import KEPT, OPTIMIZED
from .tape.node import Node
from .tape.tape import Tape
from .text import import_scipy, op_name, printable
from .transforms.products import push_nodes

__all__ = ["Problem", "least_squares", "minimize", "root"]

NEEDS = {
    "nelder-mead": (),
    "powell": (),
    "cobyla": (),
    "cobyqa": (),
    "newton-cg": ("jac", "hessp"),
    "trust-ncg": ("jac", "hessp"),
    "trust-krylov": ("jac", "hessp"),
    "trust-constr": ("jac", "hessp"),
    "dogleg": ("jac", "hess"),
    "trust-exact": ("jac", "hess"),
}
"""Which derivatives SciPy's methods take; those that are not named take the gradient."""


DERIVATIVES = frozenset({"jac", "hess", "hessp", "diff_step", "jac_sparsity", "workers"})
"""Arguments of SciPy's functions that say what the derivatives are, or how to approximate them."""


POINTS_ON_THE_TAPE = 2
"""Points that the tape answers: to make a plan takes as long as some ten of its requests."""


class Problem:
    """Function of arrays, recorded once and evaluated at one point after another.

    Its methods take flat vectors, as SciPy gives them. A loop of one's own can assign to the leaves
    in `x` and call :func:`memograd.grad` of `y`: then only what depends on the assigned leaf is
    computed again.

    Parameters
    ----------
    f : callable
        Function of an argument in the form of `x0`; returns a scalar, a vector or a list of
        scalars. It must not branch on a value, or read one.
    x0 : array_like, or dict of str to array_like
        Point at which f is recorded, of real numbers.
    args : tuple
        Further arguments of f, which do not change; an object that is no tuple is one argument.

    Attributes
    ----------
    tape : Tape
    x : Node, or dict of str to Node
        Leaves in the form of `x0`.
    y : Node
        Result of f.
    points : int
        Number of points at which f was evaluated, `x0` included.
    calls : dict of str to int
        Number of calls of each of `fun`, `jac`, `hess` and `hessp`.

    Raises
    ------
    NotDifferentiableError
        If f does not depend on its argument or returns complex numbers; or if `x0` does not consist
        of real numbers.
    RefusedError
        If f returns an array of two or more dimensions; or if it branches on a value, converts one
        or reads ``x.value``, which would be right at `x0` alone.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> problem = mg.optimize.Problem(lambda x: np.sum(np.square(x) * x), [1.0, 2.0])
    >>> x, v = [1.0, 3.0], [1.0, 0.0]
    >>> float(problem.fun(x)), problem.jac(x), problem.hessp(x, v)
    (28.0, array([ 3., 27.]), array([6., 0.]))
    >>> problem
    2 points; fun 1, jac 1, hess 0, hessp 1 times asked; on the tape up to point 2, then by plans
    """

    def __init__(self, f: Callable[..., Any], x0: Any, args: Any = ()) -> None:
        blocks = x0 if isinstance(x0, Mapping) else {"x": x0}
        self.tape = Tape()
        nodes = {
            name: self.tape.leaf(_check_real(f"block {name} of x0", block), name=name)
            for name, block in blocks.items()
        }
        self.x: Any = nodes if isinstance(x0, Mapping) else nodes["x"]
        self._leaves = tree_leaves(self.x)
        self.y = self._record_function(f, args if isinstance(args, tuple) else (args,))
        self.points, self.calls = 1, dict.fromkeys(("fun", "jac", "hess", "hessp"), 0)
        self._own_op = _find_own_op(self.tape)
        self._plans: dict[tuple[str, ...], Plan] = {}
        # The current point, what was answered there, and the number of assignments then.
        self._parts = [leaf.value for leaf in self._leaves]
        self._answers: dict[str, Any] = {}
        self._assignments = self.tape.state.history.assignments

    def _record_function(self, f: Callable[..., Any], args: tuple[Any, ...]) -> Node:
        """Return the result of f, recorded in a mode in which it cannot read values."""
        self.tape.mode = OPTIMIZED
        try:
            with raise_refusals(self.tape):
                return _as_output(f(self.x, *args))
        finally:
            self.tape.mode = KEPT

    def __repr__(self) -> str:
        asked = ", ".join(f"{what} {times}" for what, times in self.calls.items())
        how = (
            f"on the tape up to point {POINTS_ON_THE_TAPE}, then by plans"
            if self._own_op is None
            else f"on the tape, because {printable(op_name(self._own_op))} is no op of NumPy's"
        )
        return f"{self.points} points; {asked} times asked; {how}"

    # Calls by an optimiser

    def fun(self, x: Any) -> Any:
        """Return the value at x: a number, or an array of shape (m,)."""
        self._move_to("fun", x)
        return self._answer("fun")

    def jac(self, x: Any) -> Any:
        """Return the gradient at x, of shape (n,), or the Jacobian of a vector, of shape (m, n)."""
        self._move_to("jac", x)
        return self._answer("jac")

    def hess(self, x: Any) -> Any:
        """Return the Hessian at x, of shape (n, n)."""
        self._move_to("hess", x)
        return self._answer("hess")

    def hessp(self, x: Any, v: Any) -> Any:
        """Return the Hessian at x times v, of shape (n,)."""
        self._move_to("hessp", x)
        product, direction = self._product
        parts = self._split_point(v)
        if self._replays():
            return self._plan(("hessp",), [product], direction)(*self._parts, *parts)[0]
        self.tape.assign(dict(zip(direction, parts, strict=True)))
        self._assignments = self.tape.state.history.assignments
        return np.array(product.value)

    def at(self, x: Any) -> Any:
        """Return a flat vector in the form of `x0`."""
        return tree_unflatten(self.x, self._split_point(x))

    @property
    def flat(self) -> Any:
        """Current point as a vector of shape (n,)."""
        return join_vectors([leaf.value for leaf in self._leaves])

    # Implementation

    def _move_to(self, what: str, x: Any) -> None:
        """Count a call, and assign those leaves whose values at x are others."""
        self.calls[what] += 1
        parts, history = self._split_point(x), self.tape.state.history
        if self._assignments != history.assignments:  # the user has assigned, perhaps to a leaf
            self._parts, self._answers = [leaf.value for leaf in self._leaves], {}
        triples = zip(self._leaves, parts, self._parts, strict=True)
        moved = {leaf: part for leaf, part, known in triples if not bitwise_equal(known, part)}
        if moved:
            self.tape.assign(moved)
            self._parts, self._answers = parts, {}
            self.points += 1
        self._assignments = history.assignments

    def _replays(self) -> bool:
        return self._own_op is None and self.points > POINTS_ON_THE_TAPE

    def _answer(self, what: str) -> Any:
        """Return the caller's own copy of an answer at the current point."""
        if what not in self._answers:
            if self._replays():
                asked = self._asked_together(what)
                replay = self._plan(asked, [self._node_of(name) for name in asked])
                self._answers.update(zip(asked, replay(*self._parts), strict=True))
            elif what == "jac" and self.y.shape == ():
                self._answers[what] = join_vectors(grad(self.y, self._leaves))
            else:
                self._answers[what] = self._node_of(what).value
        return np.array(self._answers[what])[()]

    def _asked_together(self, what: str) -> tuple[str, ...]:
        """Return what one plan answers: a number with its gradient, if that is asked for."""
        together = what in ("fun", "jac") and self.y.shape == () and self.calls["jac"]
        return ("fun", "jac") if together else (what,)

    def _node_of(self, what: str) -> Any:
        """Return the node whose value answers a call."""
        if what == "fun":
            return self.y
        if what == "hess":
            return self._hessian
        return self._gradient if self.y.shape == () else self._jacobian

    def _plan(
        self, asked: tuple[str, ...], nodes: list[Any], direction: Iterable[Any] = ()
    ) -> Plan:
        """Return the plan that answers calls; make it if there is none, or a leaf was assigned."""
        known = self._plans.get(asked)
        if known is None or known.stale:
            known = self._plans[asked] = plan(nodes, [*self._leaves, *direction])
        return known

    def _split_point(self, x: Any) -> list[Any]:
        """Return the parts of a flat vector in the shapes and dtypes of the leaves."""
        sizes, x = [leaf.size for leaf in self._leaves], _check_real("this one", x)
        count = sum(sizes)
        if x.size != count:
            raise RefusedError(
                f"A point of {x.size} numbers was given for a function of {count}. Give a "
                f"vector of {count} numbers."
            )
        pieces = np.split(x.ravel(), np.cumsum(sizes)[:-1])
        return [
            part.reshape(leaf.shape).astype(leaf.dtype)[()]
            for part, leaf in zip(pieces, self._leaves, strict=True)
        ]

    @cached_property
    def _gradient(self) -> Any:
        """Gradient as a node of shape (n,)."""
        return join_vectors(grad_node(require_scalar(self.y), self._leaves))

    @cached_property
    def _jacobian(self) -> Any:
        """Jacobian as a node of shape (m, n)."""
        return self._rows(self.y)

    @cached_property
    def _hessian(self) -> Any:
        """Hessian as a node of shape (n, n)."""
        return self._rows(self._gradient)

    def _rows(self, y: Node) -> Any:
        """Return ∂y/∂x as a node of shape (y.size, n)."""
        blocks = zip(self._leaves, jacobian_nodes(y, self._leaves), strict=True)
        return np.concatenate([J.reshape(y.size, x.size) for x, J in blocks], axis=1)

    @cached_property
    def _product(self) -> tuple[Any, list[Node]]:
        """Product of the Hessian with a direction as a node, and the leaves of the direction."""
        direction = [self.tape.leaf(np.zeros(leaf.shape, leaf.dtype)) for leaf in self._leaves]
        gradient = grad_node(require_scalar(self.y), self._leaves)
        tangents = list(zip(self._leaves, direction, strict=True))
        products = push_nodes(self.tape, [g.id for g in gradient], tangents)
        return join_vectors(products), direction


def _find_own_op(tape: Tape) -> Any:
    """Return an op of the user's own in a program; None if there is none."""
    ops = dict.fromkeys(step.op for step in tape.state.steps.values() if step.op is not None)
    return next((op for op in ops if not rule_of(op).pure), None)


def join_vectors(arrays: Iterable[Any]) -> Any:
    """Return arrays, or nodes, one behind the other in one vector."""
    return np.concatenate([np.ravel(a) for a in arrays])


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str | Callable[..., Any] | None = None,
    *,
    progress: bool | Report = False,
    **options: Any,
) -> Any:
    """Minimise `fun` by :func:`scipy.optimize.minimize`, with the derivatives that it takes.

    Parameters
    ----------
    fun, x0, args
        As f, x0 and args of :class:`Problem`; `fun` returns a scalar.
    method : str or callable, optional
        Method of SciPy's, or of one's own. It gets the Hessian or its products if it takes them.
    progress : bool or callable
        True shows a bar over the points (needs tqdm); a callable is called as
        ``progress(points, value)`` at each new point.
    **options
        SciPy's other arguments: ``bounds``, ``constraints``, ``tol``, ``callback``, ``options``;
        the functions among them get flat vectors. The derivatives ``jac``, ``hess`` and ``hessp``
        are computed, and cannot be given.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's result, with `x` in the form of `x0`, and the :class:`Problem` as `problem`.

    Raises
    ------
    NotScalarError
        If `fun` returns no scalar.
    NotDifferentiableError
        As for :class:`Problem`.
    RefusedError
        If a derivative is given, or an argument that SciPy does not know.
    MissingLibraryError
        If SciPy is not installed.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> loss = lambda p: np.sum(np.square(p["a"] - 3.0)) + np.square(p["b"])
    >>> found = mg.optimize.minimize(loss, {"a": [0.0, 1.0], "b": 1.0})
    >>> found.x["a"].round(3), abs(found.x["b"]) < 1e-6
    (array([3., 3.]), np.True_)
    """
    solve = _solver("minimize", options)
    problem = Problem(fun, x0, args)
    require_scalar(problem.y)
    takes = NEEDS.get(str(method).lower(), ("jac",))
    return _run_solver(solve, problem, takes, progress, method=method, **options)


def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    *,
    args: Iterable[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    progress: bool | Report = False,
    **options: Any,
) -> Any:
    """Minimise Σ fun² by :func:`scipy.optimize.least_squares`, with the Jacobian.

    Parameters
    ----------
    fun, x0
        As f and x0 of :class:`Problem`; `fun` returns a vector of residuals.
    args, kwargs
        Further arguments of `fun`, by position and by name, as SciPy takes them: each item of a
        list is one argument.
    progress
        As for :func:`minimize`.
    **options
        SciPy's other arguments: ``bounds``, ``method``, ``loss``, … The Jacobian is computed:
        neither ``jac`` nor the options of its approximation, ``diff_step``, ``jac_sparsity`` and
        ``workers``, can be given.

    Returns
    -------
    scipy.optimize.OptimizeResult
        As from :func:`minimize`.

    Raises
    ------
    NotDifferentiableError, MissingLibraryError, RefusedError
        As for :func:`minimize`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> t = np.arange(5.0)
    >>> found = mg.optimize.least_squares(lambda p: np.exp(p[0] * t) - np.exp(0.5 * t), [0.1])
    >>> found.x.round(6)
    array([0.5])
    """
    solve = _solver("least_squares", options)
    problem = Problem(partial(fun, **kwargs) if kwargs else fun, x0, tuple(args))
    return _run_solver(solve, problem, ("jac",), progress, **options)


def root(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str = "hybr",
    *,
    progress: bool | Report = False,
    **options: Any,
) -> Any:
    """Find a zero of `fun` by :func:`scipy.optimize.root`, with the Jacobian if it takes that.

    Parameters
    ----------
    fun, x0, args
        As f, x0 and args of :class:`Problem`; `fun` returns as many numbers as it takes.
    method : str
        Method of SciPy's.
    progress
        As for :func:`minimize`.
    **options
        SciPy's other arguments: ``tol``, ``callback``, ``options``. The Jacobian ``jac`` is
        computed, and cannot be given.

    Returns
    -------
    scipy.optimize.OptimizeResult
        As from :func:`minimize`.

    Raises
    ------
    NotDifferentiableError, MissingLibraryError, RefusedError
        As for :func:`minimize`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> mg.optimize.root(lambda x: [x[0] + x[1] - 3.0, x[0] * x[1] - 2.0], [0.0, 5.0]).x.round(6)
    array([1., 2.])
    """
    solve = _solver("root", options)
    takes = ("jac",) if str(method).lower() in ("hybr", "lm") else ()
    return _run_solver(solve, Problem(fun, x0, args), takes, progress, method=method, **options)


def _solver(how: str, options: dict[str, Any]) -> Callable[..., Any]:
    """Return a function of SciPy's; raise for unknown options, and for those about derivatives."""
    solve: Callable[..., Any] = getattr(import_scipy("scipy.optimize"), how)
    for name, value in options.items():
        if name in DERIVATIVES and value is not None:
            raise RefusedError(
                f"memograd.optimize.{how} was given {name}={printable(repr(value))}, but "
                f"memograd computes the derivatives. "
                f"Leave {name} out; or, to use your own, call scipy.optimize.{how} itself."
            )
    if unknown := [name for name in options if name not in signature(solve).parameters]:
        raise RefusedError(
            f"scipy.optimize.{how} has no argument {', '.join(map(printable, unknown))}. A "
            f"method's own options go into "
            f"options={{…}}, where {how} has it."
        )
    return solve


def _run_solver(
    solve: Callable[..., Any],
    problem: Problem,
    takes: tuple[str, ...],
    progress: bool | Report,
    **options: Any,
) -> Any:
    """Return the result of one of SciPy's functions, in the form of x0."""
    given = {name: value for name, value in options.items() if name not in DERIVATIVES}
    with open_report(progress, None, "points") as report:
        result = solve(
            _reporting_function(problem, report),
            problem.flat,
            **{what: getattr(problem, what) for what in takes},
            **given,
        )
    result.x, result.problem = problem.at(result.x), problem
    return result


def _reporting_function(problem: Problem, report: Report) -> Callable[[Any], Any]:
    """Return the problem's function, which reports each point at its first call there."""
    reported = 0

    def fun(x: Any) -> Any:
        """Return the value at a point, and report it."""
        nonlocal reported
        value = problem.fun(x)
        if reported < problem.points:
            reported = problem.points
            report(reported, value)
        return value

    return fun


def _check_real(what: str, numbers: Any) -> Any:
    """Return a block of x0, or a point, as an array of floats."""
    a = np.asarray(as_input(numbers))
    if a.dtype.kind not in "biuf":
        raise NotDifferentiableError(
            f"A point holds real numbers, but {printable(what)} is of {a.dtype}. Give real "
            f"numbers; as x0 also a dict of arrays of them."
        )
    return a if a.dtype.kind == "f" else a.astype(float)


def _as_output(y: Any) -> Node:
    """Return the result of f as one node: a list of scalars is a vector."""
    if isinstance(y, list | tuple) and any(isinstance(item, Node) for item in y):
        y = np.stack(y)
    if not isinstance(y, Node):
        raise NotDifferentiableError(
            f"The function gave {printable(repr(y))}, which depends on no leaf. Compute it from "
            f"its argument."
        )
    if y.dtype.kind == "c":
        raise NotDifferentiableError(
            f"The function gave {y.dtype}, which has no least value and no sign. Return "
            f"np.real(…) or np.abs(…)."
        )
    if y.ndim > 1:
        raise RefusedError(
            f"The function gave an array of shape {y.shape}. Give a scalar or a vector, by "
            f"np.ravel."
        )
    return y
