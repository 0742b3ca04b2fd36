"""Solutions of ordinary differential equations, and derivatives by parameters and times.

The derivative is that of the exact solution, within the solver's tolerance, and not that of the
solver's steps. The sensitivities S = ∂y/∂θ satisfy S' = f_y S + f_θ, and are integrated together
with y, with the same tolerances, by the same solver. Those of higher order satisfy the derivatives
of this equation. By a time, the derivative of y is f. So the derivative of the op, of any order by
parameters and times, is the same op at one order more.

With n components and P parameters, those of the initial state included, n (1 + P) numbers are
integrated for first derivatives and n (1 + P + P²) for second ones. The sensitivities are stable
where the solution is: nothing is integrated backwards, as in the adjoint method. `odeint` and
implicit methods of `solve_ivp` need memory that is quadratic in these numbers; explicit methods do
not. With tolerances of 1e-10, on the equations of the tests, first derivatives agree with those of
small fixed steps to 1e-7, and second ones to 1e-6.

References
----------
E. Hairer, S. P. Nørsett, G. Wanner: Solving Ordinary Differential Equations I (2nd ed., 1993),
section I.14 (derivatives with respect to parameters and initial values).
A. C. Hindmarsh et al.: SUNDIALS: Suite of nonlinear and differential/algebraic equation solvers,
ACM Trans. Math. Softw. 31 (2005) 363-396 (simultaneous integration of states and sensitivities).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from ..errors import IntegrationError, MemogradError, RefusedError
from ..functional import compiled, jacobian, jvp
from ..numpy import asarray
from ..rules.node_lists import holds_node
from ..rules.pure_registration import rule
from ..rules.registration import op, set_traits
from ..rules.traits import Structure

Function = Callable[..., Any]


@dataclass(eq=False)
class Equation:
    """Differential equation with its initial state, whose parameters are parts of one vector.

    Attributes
    ----------
    function : callable
        Right-hand side of t, y and the parameters.
    shapes : list of tuple
        Shapes of the parts of the vector.
    n : int
        Number of components of the state.
    state : array or None
        Initial state; None where it is the first part of the vector.
    start : float or None
        Initial time; None where it is the next part of the vector, and times count from it.
    """

    function: Function
    shapes: list[tuple[int, ...]]
    n: int
    state: Any
    start: float | None

    def parts(self, theta: Any) -> list[Any]:
        """Return the parts of the vector in their shapes."""
        ends = np.cumsum([prod(shape) for shape in self.shapes])
        return [
            np.reshape(theta[end - prod(shape) : end], shape)
            for end, shape in zip(map(int, ends), self.shapes, strict=True)
        ]

    def rate(self, t: Any, y: Any, theta: Any) -> Any:
        """Return the right-hand side at a time and a state."""
        parts = self.parts(theta)[self.state is None :]
        if self.start is None:
            t = parts[0] + t
        given = self.function(t, y, *parts[self.start is None :])
        if holds_node(given) and not holds_node([t, y, theta]):
            raise RefusedError(
                "The right-hand side of a differential equation closes over a node of which it "
                "makes no use at the first time. Give the node as args=."
            )
        return as_state(given, self.n)


@dataclass(eq=False)
class Problem:
    """Equation with its solver, and results that are kept between requests.

    Nothing here refers to a tape, so that a deleted tape frees its arrays at once.

    Attributes
    ----------
    equation : Equation
        The equation.
    solve : callable
        ``solve(f, start, z, times, widths)`` gives the states of the system z' = f(t, z) at these
        times, in rows. For each order, `widths` has the number of derivatives of each component of
        y; z holds them one after the other.
    latest : dict
        For each order, the last vector and times as bytes, and the result, because the rows of a
        Jacobian are requested one by one.
    programs : dict
        Functions for the joint system and for rates, by the orders by the vector and by time.
    """

    equation: Equation
    solve: Function
    latest: dict[int, tuple[tuple[bytes, bytes], list[Any]]] = field(default_factory=dict)
    programs: dict[tuple[str, int, int], Function] = field(default_factory=dict)


def as_state(given: Any, n: int) -> Any:
    """Return the result of a right-hand side as a vector of n floats."""
    y = np.ravel(asarray(given))
    if y.shape != (n,):
        raise ValueError(
            f"The right-hand side of a differential equation gave an array of shape {y.shape}, but "
            f"the state has {n} components."
        )
    if y.dtype.kind == "c":
        raise RefusedError(
            "The right-hand side of a differential equation gave complex numbers, by which "
            "memograd does not differentiate. Make real and imaginary parts one real state."
        )
    return y if y.dtype.kind == "f" else np.astype(y, np.float64)


# the equations of the sensitivities


def sensitivity_rate(equation: Equation, t: Any, states: list[Any], theta: Any) -> Any:
    """Return the time derivative of the last of `states`: y and its derivatives by the vector.

    It is the derivative of the rate of the state before, along the states.
    """
    if len(states) == 1:
        return equation.rate(t, states[0], theta)
    before = states[:-1]

    def at_step(step: Any) -> Any:
        """Return the rate of the state before, at a perturbed vector."""
        at = [a + b @ step for a, b in pairwise(states)]
        return sensitivity_rate(equation, t, at, theta + step)

    count = theta.shape[0]
    rows = prod(before[-1].shape)
    order = "reverse" if rows <= count else "forward"
    return jacobian(at_step, order=order)(np.zeros(count))


def time_derivative(equation: Equation, m: int, t: Any, states: list[Any], theta: Any) -> Any:
    """Return the m-th derivative by time of the last of `states`, along the solution."""
    if m == 0:
        return states[-1]
    if m == 1:
        return sensitivity_rate(equation, t, states, theta)
    rates = [sensitivity_rate(equation, t, states[: k + 1], theta) for k in range(len(states))]
    return jvp(
        lambda t, *states: time_derivative(equation, m - 1, t, list(states), theta),
        (t, *states),
        (1.0, *rates),
    )[1]


def run_program(problem: Problem, key: tuple[str, int, int], f: Function, *args: Any) -> Any:
    """Return `f` of the arguments; from the second call on by a plan, if `f` can be compiled.

    A plan takes about a hundredth of the time. A right-hand side that branches on values cannot be
    compiled, and is traced at each call.
    """
    if key in problem.programs:
        return problem.programs[key](*args)
    run: Function = compiled(f)
    try:
        y = run(*args)
    except MemogradError:
        run, y = f, f(*args)
    problem.programs[key] = run
    return y


def rate_at_time(equation: Equation, m: int, t: Any, theta: Any, *states: Any) -> Any:
    """Return the m-th derivative by time of the last of `states` at one time."""
    return time_derivative(equation, m, t, list(states), theta)


def initial_states(equation: Equation, theta: Any, order: int) -> list[Any]:
    """Return the initial state and its derivatives by the vector."""
    n, count = equation.n, len(theta)
    y = theta[:n] if equation.state is None else equation.state
    states = [y, *(np.zeros((n,) + (count,) * k) for k in range(1, order + 1))]
    if order and equation.state is None:
        states[1][:, :n] = np.eye(n)
    return states


def split_states(equation: Equation, z: Any, count: int, order: int) -> list[Any]:
    """Return the parts of joint states: y and its derivatives by the vector, up to an order."""
    shapes = [(equation.n,) + (count,) * k for k in range(order + 1)]
    ends = [int(end) for end in np.cumsum([prod(shape) for shape in shapes])]
    lead = z.shape[:-1]
    return [
        np.reshape(z[..., end - prod(shape) : end], lead + shape)
        for end, shape in zip(ends, shapes, strict=True)
    ]


def joint_rate(equation: Equation, order: int, t: Any, z: Any, theta: Any) -> Any:
    """Return the time derivative of a joint state."""
    states = split_states(equation, z, theta.shape[0], order)
    found = [sensitivity_rate(equation, t, states[: k + 1], theta) for k in range(order + 1)]
    return np.concatenate([np.ravel(d) for d in found])


def integrate(problem: Problem, theta: Any, times: Any, order: int) -> list[Any]:
    """Return the solution and its derivatives by the vector up to an order, at all times."""
    key = theta.tobytes(), times.tobytes()
    known = problem.latest.get(order)
    if known is not None and known[0] == key:
        return known[1]

    equation = problem.equation

    def rates(t: float, z: Any) -> Any:
        """Return the time derivative of the joint state."""
        if order == 0:
            return equation.rate(t, z, theta)
        f = partial(joint_rate, equation, order)
        return run_program(problem, ("system", order, 1), f, t, z, theta)

    start = 0.0 if equation.start is None else equation.start
    begin = np.concatenate([np.ravel(s) for s in initial_states(equation, theta, order)])
    widths = [len(theta) ** k for k in range(order + 1)]
    z = check_finite(problem.solve(rates, start, begin, times, widths))
    found = split_states(equation, z, len(theta), order)
    problem.latest[order] = key, found
    return found


def check_finite(z: Any) -> Any:
    """Return the states at all times; raise if they are not finite."""
    if not np.all(np.isfinite(z)):
        raise IntegrationError(
            "A differential equation has no finite solution at the times that were asked for, or "
            "its derivatives are not finite. Check the right-hand side there, or ask for earlier "
            "times."
        )
    return z


# the op


@op
def ode_solution(theta: Any, times: Any, problem: Any, order: int, time_order: int) -> Any:
    """Return the derivative of a solution by its vector of parameters and by time.

    Parameters
    ----------
    theta : array
        The vector.
    times : array
        Times of the result.
    problem : Problem
        The equation.
    order, time_order : int
        Orders of the derivative by the vector and by time.

    Returns
    -------
    array
        Of shape ``(number of times, number of components, *order * (length of the vector,))``.
    """
    found = integrate(problem, theta, times, order)
    if time_order == 0:
        return found[-1]

    f = partial(rate_at_time, problem.equation, time_order)
    key = ("rate", order, time_order)
    rows = zip(times, *found, strict=True)
    return np.stack([run_program(problem, key, f, t, theta, *states) for t, *states in rows])


def solution_theta(
    g: Any, theta: Any, times: Any, problem: Any, order: int, time_order: int
) -> Any:
    """Return the cotangent of the vector."""
    slopes = ode_solution(theta, times, problem, order + 1, time_order)
    return np.tensordot(g, slopes, len(g.shape))


def solution_times(
    g: Any, theta: Any, times: Any, problem: Any, order: int, time_order: int
) -> Any:
    """Return the cotangents of the times."""
    rates = ode_solution(theta, times, problem, order, time_order + 1)
    return np.sum(g * rates, axis=tuple(range(1, len(g.shape))))


def push_theta(t: Any, theta: Any, times: Any, problem: Any, order: int, time_order: int) -> Any:
    """Return the tangent of the solution by that of the vector."""
    return ode_solution(theta, times, problem, order + 1, time_order) @ t


def push_times(t: Any, theta: Any, times: Any, problem: Any, order: int, time_order: int) -> Any:
    """Return the tangent of the solution by that of the times."""
    rates = ode_solution(theta, times, problem, order, time_order + 1)
    return np.reshape(t, (-1,) + (1,) * (len(rates.shape) - 1)) * rates


rule(
    ode_solution,
    theta=solution_theta,
    times=solution_times,
    push={"theta": push_theta, "times": push_times},
)
set_traits(ode_solution, structure=Structure.DENSE)
