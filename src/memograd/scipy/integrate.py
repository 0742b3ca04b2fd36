"""scipy.integrate: `odeint` and `solve_ivp` for nodes; everything else is SciPy's own.

Both have derivatives by the initial state, by the times, by `args`, and by nodes over which the
right-hand side closes, of all orders and in both modes. The derivatives are those of the exact
solution, not of the solver's steps, within the tolerances `rtol` and `atol`: see
:mod:`memograd.scipy.ode_sensitivities`. The right-hand side is differentiated by memograd, so it
must consist of functions that take nodes.

Examples
--------
>>> import numpy as np, memograd as mg
>>> from memograd.scipy import integrate
>>> tape = mg.Tape()
>>> rate = tape.leaf(0.5)
>>> y = integrate.odeint(lambda y, t, rate: -rate * y, [2.0], [0.0, 1.0, 2.0], args=(rate,))
>>> mg.jacobian(y[:, 0], rate).round(5)  # -2 t exp(-t/2)
array([ 0.     , -1.21306, -1.47152])
"""

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from inspect import signature
from typing import Any

import numpy as np

from ..arrays.pytrees import tree_leaves, tree_map
from ..arrays.values import is_inexact
from ..errors import IntegrationError, NotDifferentiableError, RefusedError
from ..numpy import asarray
from ..program.trace_state import current_tape, trace_on
from ..rules.node_lists import holds_node
from ..tape.node import Node
from ..text import describe, import_scipy
from .ode_closures import convert_closure
from .ode_sensitivities import Equation, Problem, initial_states, ode_solution

_integrate = import_scipy("scipy.integrate")

__all__ = ["odeint", "solve_ivp"]

Function = Callable[..., Any]


def __getattr__(name: str) -> Any:
    return getattr(_integrate, name)


def __dir__() -> list[str]:
    return sorted({*dir(_integrate), *__all__})


# a problem of nodes


def value_of(a: Any) -> Any:
    """Return the value of a node; any other argument unchanged."""
    return a.tape.read_value(a.id) if isinstance(a, Node) else a


def nodes_of(*given: Any) -> list[Node]:
    """Return the nodes in pytrees."""
    return [a for a in tree_leaves(given) if isinstance(a, Node)]


def tape_of(function: Function, t: Any, y: Any, args: tuple[Any, ...]) -> Any:
    """Return the tape of the nodes over which a right-hand side closes; None if there are none.

    The function is called once, at the first time, on arrays.
    """
    nodes = nodes_of(t, y, args)
    tape = nodes[0].tape if nodes else current_tape()
    state = np.array(value_of(y), np.result_type(y, np.float64))
    with tape.scratch() if tape is not None else nullcontext(), trace_on(None):
        given = function(value_of(t), state, *(tree_map(value_of, args) if nodes else args))
    found = nodes_of(given)
    return found[0].tape if found else None


def check_float(what: str, a: Any) -> None:
    """Raise unless a node holds real numbers with a derivative."""
    if isinstance(a, Node) and (not is_inexact(a.dtype) or a.dtype.kind == "c"):
        raise NotDifferentiableError(
            f"{what} of a differential equation is {describe(a.attributes)}, by which there is no "
            f"derivative here. Give real floats, real and imaginary parts as two; or the value "
            f"alone, node.value."
        )


def problem_of(
    function: Function, start: Any, y: Any, args: tuple[Any, ...], tape: Any, solve: Function
) -> tuple[Problem, Any]:
    """Return the problem of a right-hand side of t, y and `args`, and the vector of its nodes.

    `tape` is the tape of the nodes over which it closes, or None.
    """
    leaves = nodes_of(args)
    for what, nodes in (("The state", [y]), ("The time", [start]), ("A parameter", leaves)):
        for node in nodes:
            check_float(what, node)

    run, closed = function_of_leaves(function, args), list[Node]()
    if tape is not None:
        run, closed = convert_closure(run, [start, y, *leaves], tape)
        for node in closed:
            check_float("A parameter", node)
    nodes = [*(a for a in (y, start) if isinstance(a, Node)), *leaves, *closed]
    equation = Equation(
        run,
        [node.shape for node in nodes],
        y.shape[0],
        None if isinstance(y, Node) else np.asarray(y, float),
        None if isinstance(start, Node) else float(start),
    )
    return Problem(equation, solve), vector_of(nodes) if nodes else np.zeros(0)


PLACE = object()
"""Placeholder of a node among the arguments, so that a right-hand side refers to no tape."""


def function_of_leaves(function: Function, args: tuple[Any, ...]) -> Function:
    """Return a right-hand side as a function of t, y, and values for the nodes in `args`."""
    if not nodes_of(args):
        return lambda t, y: function(t, y, *args)
    places = tree_map(lambda a: PLACE if isinstance(a, Node) else a, args)

    def of_leaves(t: Any, y: Any, *values: Any) -> Any:
        """Return the right-hand side, with values in place of nodes."""
        found = iter(values)
        return function(t, y, *tree_map(lambda a: next(found) if a is PLACE else a, places))

    return of_leaves


def vector_of(nodes: list[Node]) -> Any:
    """Return nodes as one vector of doubles."""
    vector = np.concatenate([node.ravel() for node in nodes])
    return vector if vector.dtype == np.float64 else np.astype(vector, np.float64)


def as_vector(what: str, a: Any) -> Any:
    """Return a state or times as a vector of floats."""
    if a.dtype.kind == "c":
        raise NotDifferentiableError(
            f"The {what} of a differential equation is complex, and memograd differentiates real "
            f"ones. Make real and imaginary parts one real state."
        )
    if len(a.shape) != 1:
        raise ValueError(f"The {what} of a differential equation is a vector, not {a.shape}.")
    return a if a.dtype.kind == "f" else np.astype(a, np.float64)


TOLERANCES = ("rtol", "atol")


def tolerances(given: dict[str, Any], n: int, widths: list[int]) -> dict[str, Any]:
    """Return tolerances for n components, repeated for the derivatives of each component."""
    found = {name: value for name, value in given.items() if value is not None}
    for name, value in found.items():
        if np.ndim(value):
            each = np.broadcast_to(np.asarray(value, float), (n,))
            found[name] = np.concatenate([np.repeat(each, width) for width in widths])
    return found


def refuse_options(name: str, options: dict[str, str], given: dict[str, Any]) -> None:
    """Raise if a call of nodes has an option that is not supported for nodes."""
    for option, reason in options.items():
        if np.any(given.get(option)):
            raise RefusedError(
                f"{name} was called with {option}= and with nodes, but {reason}. Leave it out."
            )


# odeint

HELPS_OF_ODEINT = ("Dfun", "col_deriv", "ml", "mu", "ixpr", "printmessg")
"""Unused arguments: messages, and the Jacobian of the right-hand side, which is that of y alone."""


def odeint(func: Function, y0: Any, t: Any, args: Any = (), *more: Any, **options: Any) -> Any:
    """Integrate differential equations as ``scipy.integrate.odeint`` does.

    The call is recorded if a node is among the arguments, or if the right-hand side closes over
    one.

    Parameters
    ----------
    func : callable
        Right-hand side of y, t and `args`; of t, y and `args` with ``tfirst=True``.
    y0 : array_like or Node
        Initial state, also a list with nodes in it.
    t : array_like or Node
        Times, rising or falling; the first is that of the initial state.
    args : tuple
        Further arguments of `func`: pytrees of arrays and nodes.
    *more, **options
        SciPy's other arguments. `Dfun`, `ml` and `mu` are not used if there is a node.

    Returns
    -------
    array or Node
        States in rows, one for each time.

    Raises
    ------
    IntegrationError
        The solver did not reach the last time, or the solution is not finite.
    NotDifferentiableError
        A node does not hold real floats.
    RefusedError
        `func` closes over nodes and branches on a value. Or `full_output` or `tcrit` is given.
    ValueError
        Times are neither rising nor falling; or `func` gives another number of components.

    Notes
    -----
    Derivatives are those of the exact solution, within the tolerances `rtol` and `atol`, which are
    1.5e-8 in SciPy: see :mod:`memograd.scipy.ode_sensitivities` for the method and its cost. The
    derivative of y[i] by the i-th time is f. All later states have a derivative by the first time.

    `func` is called with arrays for values, and with nodes for derivatives. If its parameters are
    `args`, it may branch on values. If it closes over nodes instead, it is traced once, and may
    not.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import integrate
    >>> omega = mg.Tape().leaf(2.0)
    >>> swing = lambda y, t: np.stack([y[1], -(omega**2) * y[0]])
    >>> y = integrate.odeint(swing, [1.0, 0.0], np.linspace(0.0, 1.0, 3))
    >>> round(float(mg.grad(y[-1, 0], omega)), 6), round(float(-np.sin(2.0)), 6)
    (-0.909297, -0.909297)
    """
    bound = signature(_integrate.odeint).bind(func, y0, t, args, *more, **options)
    given = bound.arguments
    args = args if isinstance(args, tuple) else (args,)
    function = func if given.get("tfirst") else lambda t, y, *args: func(y, t, *args)
    times, state = (np.atleast_1d(asarray(a)) for a in (t, y0))
    tape = tape_of(function, times[0], state, args)
    if tape is None and not nodes_of(times, state, args):
        return _integrate.odeint(func, y0, t, args, *more, **options)
    times, state = as_vector("times", times), as_vector("state", state)
    problem, theta = problem_of(function, times[0], state, args, tape, solver_of_odeint(given))
    reasons = {"full_output": "the solver runs again for the derivatives"}
    if problem.equation.start is None:
        reasons["tcrit"] = "times are counted from a node"
    refuse_options("odeint", reasons, given)
    times = times - times[0] if problem.equation.start is None else times
    return ode_solution(theta, times, problem=problem, order=0, time_order=0)


def solver_of_odeint(given: dict[str, Any]) -> Function:
    """Return the function that integrates a system with the other arguments of `odeint`."""
    unused = ("func", "y0", "t", "args", "tfirst", "full_output", *TOLERANCES, *HELPS_OF_ODEINT)
    options = {name: a for name, a in given.items() if name not in unused}
    allowed = {name: given[name] for name in TOLERANCES if name in given}

    def solve(f: Function, start: Any, z: Any, times: Any, widths: list[int]) -> Any:
        """Return the states at all times."""
        whole = np.concatenate([[start], times])
        steps = np.diff(whole)
        if np.any(steps > 0) and np.any(steps < 0):
            raise ValueError("The times of a differential equation are rising or falling.")
        held = tolerances(allowed, len(z) // sum(widths), widths)
        with warnings.catch_warnings(action="ignore", category=_integrate.ODEintWarning):
            y, facts = _integrate.odeint(
                f, z, whole, tfirst=True, full_output=True, **held, **options
            )
        if facts["message"] != "Integration successful.":
            raise IntegrationError(failure("odeint", facts["message"]))
        return y[1:]

    return solve


def failure(name: str, message: str) -> str:
    """Return the message of an integration that failed."""
    return (
        f"{name} did not integrate the equation and the derivatives that were asked for: {message} "
        f"Allow it more steps, larger tolerances or another method, or ask for earlier times."
    )


# solve_ivp

HELPS_OF_SOLVE_IVP = ("jac", "jac_sparsity", "lband", "uband")
"""Unused options: on the Jacobian of the right-hand side, which is that of y alone."""


def solve_ivp(
    fun: Function,
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    **options: Any,
) -> Any:
    """Integrate differential equations as ``scipy.integrate.solve_ivp`` does.

    The call is recorded if a node is among the arguments, or if the right-hand side closes over
    one.

    Parameters
    ----------
    fun : callable
        Right-hand side of t, y and `args`.
    t_span : (float or Node, float or Node)
        First and last time.
    y0 : array_like or Node
        Initial state, also a list with nodes in it.
    method : str or OdeSolver
        As in SciPy.
    t_eval : array_like or Node, optional
        Times of the returned states. By default they are the solver's own times for the present
        values: the derivative is that at these times, and an assignment does not change them.
    dense_output, events
        Refused if there is a node.
    vectorized : bool
        As in SciPy.
    args : tuple, optional
        Further arguments of `fun`: pytrees of arrays and nodes.
    **options
        SciPy's other options. `jac`, `jac_sparsity`, `lband` and `uband` are not used if there is a
        node.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's result; for nodes it has `t`, `y` (states in columns), `success`, `status` and
        `message`.

    Raises
    ------
    IntegrationError
        The solver did not reach the last time, or the solution is not finite.
    NotDifferentiableError
        A node does not hold real floats.
    RefusedError
        `fun` closes over nodes and branches on a value. Or `dense_output` or `events` is given. Or
        `t_eval` is not given where no value may be read, as in
        :func:`memograd.functional.compiled`.
    ValueError
        Times are not sorted, or outside of `t_span`; or `fun` gives another number of components.

    Notes
    -----
    Derivatives are as in :func:`odeint`; SciPy's tolerances are ``rtol=1e-3, atol=1e-6`` here.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import integrate
    >>> y0 = mg.Tape().leaf([1.0])
    >>> solution = integrate.solve_ivp(lambda t, y: -(y**2), (0, 1), y0, t_eval=[1.0], rtol=1e-9)
    >>> mg.grad(solution.y[0, 0], y0).round(6)  # 1 / (1 + t)²
    array([0.25])
    """
    scipys = (fun, t_span, y0, method, t_eval, dense_output, events, vectorized, args)
    single = (lambda t, y, *args: fun(t, y[:, None], *args)) if vectorized else fun
    start, end = t_span
    state, args = np.atleast_1d(asarray(y0)), args or ()
    tape = tape_of(single, start, state, args)
    if tape is None and not nodes_of(start, end, t_eval, state, args):
        return _integrate.solve_ivp(*scipys, **options)
    state = as_vector("state", state)
    run = solver_of_solve_ivp(method, options)
    solve = solver_at_times(run, None if holds_node([start, end]) else end)
    problem, theta = problem_of(single, start, state, args, tape, solve)
    reasons = {
        "dense_output": "a function of time is no node; give t_eval=",
        "events": "the times of events depend on values; give t_eval=",
    }
    refuse_options("solve_ivp", reasons, {"dense_output": dense_output, "events": events})
    if t_eval is None:
        times = own_times(problem, theta, start, end, run)
    else:
        times = as_vector("times", np.atleast_1d(asarray(t_eval)))
    counted = times - start if problem.equation.start is None else times
    y = ode_solution(theta, counted, problem=problem, order=0, time_order=0)
    message = "The solver successfully reached the end of the integration interval."
    return import_scipy("scipy.optimize").OptimizeResult(
        t=times, y=np.swapaxes(y, 0, 1), success=True, status=0, message=message
    )


def solver_of_solve_ivp(method: Any, options: dict[str, Any]) -> Function:
    """Return a function that calls `solve_ivp` with this method and these options."""
    unused = (*HELPS_OF_SOLVE_IVP, *TOLERANCES)
    others = {name: a for name, a in options.items() if name not in unused}
    allowed = {name: options[name] for name in TOLERANCES if name in options}

    def run(f: Function, span: Any, z: Any, t_eval: Any, widths: list[int]) -> Any:
        """Return SciPy's result; raise if it did not reach the end."""
        held = tolerances(allowed, len(z) // sum(widths), widths)
        found = _integrate.solve_ivp(f, span, z, method=method, t_eval=t_eval, **held, **others)
        if not found.success:
            raise IntegrationError(failure("solve_ivp", found.message))
        return found

    return run


def solver_at_times(run: Function, end: Any) -> Function:
    """Return the solver of a problem that gives the states at given times.

    It integrates up to `end`, or up to the last time if that is None.
    """

    def solve(f: Function, start: Any, z: Any, times: Any, widths: list[int]) -> Any:
        """Return the states at all times."""
        last = times[-1] if end is None else end
        if last == start and np.all(times == start):
            return np.tile(z, (len(times), 1))
        return run(f, (start, last), z, times, widths).y.T

    return solve


def own_times(problem: Problem, theta: Any, start: Any, end: Any, run: Function) -> Any:
    """Return the first time, the solver's own times for the present values, and the last time."""
    for node in (theta, start, end):
        if isinstance(node, Node) and not node.tape.mode.value_readable:
            raise RefusedError(
                "solve_ivp was called without t_eval=, so that it chooses times by the values, "
                "which may not be read here. Give the times as t_eval=."
            )
    vector, first, last = map(value_of, (theta, start, end))
    span = (0.0, last - first) if problem.equation.start is None else (problem.equation.start, last)
    with trace_on(None):
        begin = initial_states(problem.equation, vector, 0)[0]
        found = run(lambda t, y: problem.equation.rate(t, y, vector), span, begin, None, [1])
    inner = found.t[1:-1] + (first if problem.equation.start is None else 0.0)
    return asarray([start, *inner, end])
