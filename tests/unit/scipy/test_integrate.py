"""Derivatives of odeint and solve_ivp: by parameters, states and times, against closed forms, a fixed-step RK4 and differences."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest
import scipy.integrate

import memograd as mg
import memograd.functional as F
import memograd.numpy as mnp
from memograd.check import check_rule
from memograd.errors import IntegrationError, NotDifferentiableError, RefusedError
from memograd.scipy import integrate
from memograd.scipy.ode_sensitivities import ode_solution

TIMES = np.linspace(0.0, 2.0, 5)
Y0 = np.array([1.0, 0.5])
WEIGHT = np.cos(np.arange(10.0)).reshape(5, 2)
EXACT = {"rtol": 1e-10, "atol": 1e-10}
TOLERANCE = 1e-7
"""Of derivatives, where the solver has 1e-10: errors of the solution grow by the derivatives' own equations."""


def predators(t: Any, y: Any, a: Any, b: Any) -> Any:
    """Lotka and Volterra's equations."""
    return [a * y[0] - b * y[0] * y[1], -y[1] + 0.5 * y[0] * y[1]]


def by_odeint(y0: Any, a: Any, b: Any, times: Any = TIMES) -> Any:
    return integrate.odeint(predators, y0, times, args=(a, b), tfirst=True, **EXACT)


def by_solve_ivp(y0: Any, a: Any, b: Any, times: Any = TIMES) -> Any:
    span = (times[0], times[-1])
    return integrate.solve_ivp(
        predators, span, y0, t_eval=times, args=(a, b), method="DOP853", **EXACT
    ).y.T


def by_closure(y0: Any, a: Any, b: Any, times: Any = TIMES) -> Any:
    """The parameters are closed over."""
    return integrate.odeint(lambda y, t: predators(t, y, a, b), y0, times, **EXACT)


def by_rk4(y0: Any, a: Any, b: Any, n: int = 60) -> Any:
    """Fixed steps, through which memograd differentiates."""
    f = lambda y: mnp.array(predators(0.0, y, a, b))  # noqa: E731
    rows, y, h = [y0], y0, 0.5 / n
    for _ in TIMES[1:]:
        for _ in range(n):
            k1 = f(y)
            k2 = f(y + h / 2 * k1)
            k3 = f(y + h / 2 * k2)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(y + h * k3))
        rows.append(y)
    return np.stack(rows)


def loss(solve: Any) -> Any:
    return lambda *args: np.sum(WEIGHT * solve(*args) ** 2)


SOLVERS = [by_odeint, by_solve_ivp, by_closure]


@pytest.fixture(scope="module")
def of_rk4() -> Any:
    """The gradient, and a product with the Hessian, of the fixed steps."""
    at, along = (Y0, 1.1, 0.4), (np.array([0.3, -0.2]), 0.7, -0.4)
    return F.grad(loss(by_rk4), (0, 1, 2))(*at), F.hvp(loss(by_rk4), at, along)


@pytest.mark.parametrize("solve", SOLVERS)
def test_derivatives_are_those_of_small_fixed_steps(solve: Any, of_rk4: Any) -> None:
    at, along = (Y0, 1.1, 0.4), (np.array([0.3, -0.2]), 0.7, -0.4)
    L = loss(solve)
    g = F.grad(L, (0, 1, 2))
    for got, want in zip(g(*at), of_rk4[0], strict=True):
        np.testing.assert_allclose(got, want, rtol=TOLERANCE, atol=TOLERANCE)
    reverse_last = F.grad(lambda *xs: F.jvp(L, xs, along)[1], (0, 1, 2))(*at)
    for got, other, want in zip(F.hvp(L, at, along), reverse_last, of_rk4[1], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(other, want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("solve", SOLVERS)
def test_derivatives_by_all_times_of_two_orders(solve: Any) -> None:
    L = lambda t: loss(solve)(Y0, 1.1, 0.4, t)  # noqa: E731
    g, h = F.grad(L), 1e-4
    step = h * np.eye(5)
    first = [(L(TIMES + e) - L(TIMES - e)) / (2 * h) for e in step]
    np.testing.assert_allclose(g(TIMES), first, rtol=1e-5, atol=1e-5)
    second = [(g(TIMES + e) - g(TIMES - e)) / (2 * h) for e in step]
    np.testing.assert_allclose(F.hessian(L)(TIMES), second, rtol=1e-5, atol=1e-5)


def test_third_derivatives() -> None:
    """y = exp(-a t)."""
    f = lambda a: integrate.odeint(lambda y, t, a: -a * y, 1.0, [0.0, 2.0], (a,), **EXACT)[1, 0]  # noqa: E731
    third = F.grad(F.grad(F.grad(f)))(0.7)
    np.testing.assert_allclose(third, -8 * np.exp(-1.4), rtol=1e-7)


def test_a_falling_time_and_a_first_time_that_is_a_node() -> None:
    """y' = a t y from y(t0) = 1: y(t) = exp(a (t² - t0²) / 2)."""
    a, t0, t1 = 0.7, 1.5, 0.5
    want = np.exp(a * (t1**2 - t0**2) / 2)
    f = lambda a, t0: integrate.solve_ivp(  # noqa: E731
        lambda t, y, a: a * t * y, (t0, t1), [1.0], t_eval=[1.0, t1], args=(a,), **EXACT
    ).y[0, -1]
    value, (by_a, by_t0) = F.value_and_grad(f, (0, 1))(a, t0)
    np.testing.assert_allclose(value, want, rtol=1e-7)
    np.testing.assert_allclose(by_a, want * (t1**2 - t0**2) / 2, rtol=1e-6)
    np.testing.assert_allclose(by_t0, -want * a * t0, rtol=1e-6)


def test_the_solvers_own_times() -> None:
    """They stay where they are; the last one is that of the span."""
    f = lambda a, end: integrate.solve_ivp(  # noqa: E731
        lambda t, y: a * y, (0.0, end), [1.0], rtol=1e-9, atol=1e-9
    )
    got = F.grad(lambda a, end: f(a, end).y[0, -1], (0, 1))(0.7, 2.0)
    np.testing.assert_allclose(got, [2 * np.exp(1.4), 0.7 * np.exp(1.4)], rtol=1e-6)
    a = mg.Tape().leaf(0.7)
    result, theirs = f(a, 2.0), scipy.integrate.solve_ivp(
        lambda t, y: 0.7 * y, (0.0, 2.0), [1.0], rtol=1e-9, atol=1e-9
    )  # fmt: skip
    np.testing.assert_array_equal(result.t, theirs.t)
    np.testing.assert_allclose(result.y.value, theirs.y, rtol=1e-8)
    assert result.success and result.status == 0


def test_a_stiff_system_by_its_rates() -> None:
    """Robertson's reactions, whose derivatives no backward integration would find."""
    k = np.array([0.04, 3e7, 1e4])

    def rates(t: Any, y: Any, k: Any) -> Any:
        r = [k[0] * y[0], k[1] * y[1] ** 2, k[2] * y[1] * y[2]]
        return [r[2] - r[0], r[0] - r[1] - r[2], r[1]]

    f = lambda scale: integrate.solve_ivp(  # noqa: E731
        rates, (0, 400), [1.0, 0.0, 0.0], "LSODA", [400.0], args=(k * scale,), rtol=1e-8, atol=1e-12
    ).y[0, 0]
    g, h = F.grad(f)(np.ones(3)), 1e-3
    want = [(f(1 + h * e) - f(1 - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(g, want, rtol=1e-4)


def test_pytrees_of_parameters_and_lists_of_states() -> None:
    def net(y: Any, t: Any, layers: Any, scale: float) -> Any:
        for W, b in layers:
            y = np.tanh(y @ W + b)
        return scale * y

    rng = np.random.default_rng(0)
    layers = [(rng.normal(size=(2, 3)), rng.normal(size=3)), (rng.normal(size=(3, 2)), np.ones(2))]
    f = lambda layers, x: np.sum(integrate.odeint(net, [x, 2 * x], TIMES, (layers, 0.5), **EXACT))  # noqa: E731
    g, by_x = F.grad(f, (0, 1))(layers, 0.3)
    h = 1e-5
    np.testing.assert_allclose(by_x, (f(layers, 0.3 + h) - f(layers, 0.3 - h)) / (2 * h), rtol=1e-5)
    moved = [[(W, b + sign * h * (W.shape[0] == 2)) for W, b in layers] for sign in (1, -1)]
    want = (f(moved[0], 0.3) - f(moved[1], 0.3)) / (2 * h)
    np.testing.assert_allclose(np.sum(g[0][1]), want, rtol=1e-5)


def test_a_function_with_explicit_parameters_may_branch() -> None:
    """y' = -a y until t = 1, and twice that afterwards."""
    f = lambda y, t, a: -a * y if t < 1 else -2 * a * y  # noqa: E731
    value, g = F.value_and_grad(
        lambda a: integrate.odeint(f, 1.0, TIMES, (a,), **EXACT)[-1, 0]
    )(0.7)  # fmt: skip
    np.testing.assert_allclose([value, g], [np.exp(-2.1), -3 * np.exp(-2.1)], rtol=1e-6)


def test_a_function_may_take_gradients_itself() -> None:
    """Hamilton's equations of a pendulum, by args and by a closure."""
    energy = lambda q, p: p**2 / 2 - np.cos(q)  # noqa: E731
    motion = lambda y, t, m: [m * F.grad(energy, 1)(*y), -F.grad(energy)(*y)]  # noqa: E731
    end = lambda m: integrate.odeint(motion, [1.0, 0.0], TIMES, (m,), **EXACT)[-1, 0]  # noqa: E731
    closed = lambda m: integrate.odeint(  # noqa: E731
        lambda y, t: motion(y, t, m), [1.0, 0.0], TIMES, **EXACT
    )[-1, 0]
    want = (end(1 + 1e-4) - end(1 - 1e-4)) / 2e-4
    np.testing.assert_allclose([F.grad(end)(1.0), F.grad(closed)(1.0)], [want, want], rtol=1e-6)


def test_nested_derivatives_close_over_both() -> None:
    f = lambda a: F.grad(  # noqa: E731
        lambda b: integrate.odeint(lambda y, t: a * b * y, 1.0, [0.0, 2.0], **EXACT)[1, 0]
    )(1.3)
    np.testing.assert_allclose(F.grad(f)(0.5), np.exp(1.3) * (2 + 2 * 1.3), rtol=1e-7)


def test_assignments_and_plans_follow_closures_and_arguments() -> None:
    tape = mg.Tape()
    a = tape.leaf(0.7, name="a")
    y = integrate.odeint(lambda y, t: -a * y, [1.0, 2.0], TIMES, **EXACT)
    z = integrate.odeint(lambda y, t, a: -a * y, [1.0, 2.0], TIMES, (a,), **EXACT)
    exact = lambda a: np.exp(-a * TIMES)[:, None] * [1.0, 2.0]  # noqa: E731
    plan = mg.plan(np.sum(y * z), inputs=[a])
    for at in (0.7, 0.9):
        a.value = at
        for node in (y, z):
            np.testing.assert_allclose(node.value, exact(at), rtol=1e-7)
            np.testing.assert_allclose(
                mg.jacobian(node[:, 0], a), -TIMES * np.exp(-at * TIMES), rtol=1e-6, atol=1e-9
            )
        np.testing.assert_allclose(plan(at), np.sum(exact(at) ** 2), rtol=1e-7)
    other = tape.copy()
    np.testing.assert_array_equal(mg.grad(np.sum(other[y.id]), other["a"]), mg.grad(np.sum(y), a))


def test_a_compiled_function_holds_a_solution() -> None:
    f = lambda a: np.sum(integrate.odeint(lambda y, t: -a * y, 1.0, TIMES, **EXACT) ** 2)  # noqa: E731
    g = F.compiled(F.value_and_grad(f))
    for a in (0.7, 0.9):
        np.testing.assert_allclose(g(a), F.value_and_grad(f)(a), rtol=1e-12)
    with pytest.raises(RefusedError, match="Give the times as t_eval="):
        F.compiled(lambda a: integrate.solve_ivp(lambda t, y: a * y, (0, 1), [1.0]).y)(0.7)


@pytest.mark.parametrize("f", ["odeint", "solve_ivp"])
def test_without_a_node_they_are_scipys(f: str) -> None:
    args: Any = (
        (lambda y, t: -y, [1.0], TIMES) if f == "odeint" else (lambda t, y: -y, (0, 2), [1.0])
    )
    got, want = getattr(integrate, f)(*args), getattr(scipy.integrate, f)(*args)
    np.testing.assert_array_equal(*((got, want) if f == "odeint" else (got.y, want.y)))
    y, facts = integrate.odeint(lambda y, t: -y, [1.0], TIMES, full_output=True)
    assert facts["message"] == "Integration successful."


def test_without_a_node_arguments_reach_the_function_as_they_are() -> None:
    """Complex states, objects as arguments, and functions that change their state in place."""
    table = {"rate": [1.0]}

    def f(t: float, y: Any, given: Any) -> Any:
        assert given is table
        y *= -given["rate"][0]
        return y

    for state in ([1], [1j]):
        solution = integrate.solve_ivp(
            lambda t, y, a: f(t, y.copy(), a), (0, 1), state, args=(table,)
        )
        np.testing.assert_allclose(solution.y[0, -1], state[0] * np.exp(-1), rtol=1e-3)
    y = integrate.odeint(lambda t, y, a: f(t, y.copy(), a), 1, TIMES, (table,), tfirst=True)
    np.testing.assert_allclose(y[-1, 0], np.exp(-2.0), rtol=1e-6)


def test_arguments_of_odeint_by_position_and_tolerances_for_each_component() -> None:
    """Dfun serves y alone; tolerances are those of each component's derivatives, too."""
    a = mg.Tape().leaf(0.7)
    f = lambda y, t, a: [-a * y[0], 1e6 * y[0]]  # noqa: E731
    y = integrate.odeint(
        f, [1.0, 0.0], TIMES, (a,), None, 0, 0, None, None, 1e-9, np.array([1e-9, 1e-3])
    )
    np.testing.assert_allclose(mg.jacobian(y[-1, 0], a), -2 * np.exp(-1.4), rtol=1e-6)
    exact = 1e6 * (2 * np.exp(-1.4) / 0.7 - (1 - np.exp(-1.4)) / 0.49)
    np.testing.assert_allclose(mg.jacobian(y[-1, 1], a), exact, rtol=1e-6)


def test_a_vectorized_function() -> None:
    f = lambda t, y, a: np.stack([-a * y[0], y[0]])  # noqa: E731
    got = F.grad(lambda a: integrate.solve_ivp(
        f, (0, 1), [1.0, 0.0], t_eval=[1.0], vectorized=True, args=(a,), rtol=1e-9, atol=1e-9
    ).y[0, 0])(0.7)  # fmt: skip
    np.testing.assert_allclose(got, -np.exp(-0.7), rtol=1e-6)


ERRORS: dict[str, tuple[Any, type[Exception], str]] = {
    "a decision by a closed-over node": (
        lambda a: integrate.odeint(lambda y, t: a * y if t < 1 else y, 1.0, TIMES),
        RefusedError,
        "give the nodes as args=",
    ),
    "no use at the first time": (
        lambda a: integrate.odeint(lambda y, t: y if t < 1 else a * y, a, TIMES),
        RefusedError,
        "Give the node as args=",
    ),
    "no solution": (
        lambda a: integrate.odeint(lambda y, t: a * y**2, 1.0, TIMES),
        IntegrationError,
        "odeint did not integrate",
    ),
    "no solution of solve_ivp": (
        lambda a: integrate.solve_ivp(lambda t, y: a * y**2, (0, 3), [1.0], t_eval=[3.0]),
        IntegrationError,
        "solve_ivp did not integrate.*step size",
    ),
    "not finite": (
        lambda a: integrate.odeint(lambda y, t: a * y * np.nan, 1.0, TIMES),
        IntegrationError,
        "no finite solution|did not integrate",
    ),
    "times that turn": (
        lambda a: integrate.odeint(lambda y, t: a * y, 1.0, [0.0, 2.0, 1.0]),
        ValueError,
        "rising or falling",
    ),
    "times outside of the span": (
        lambda a: integrate.solve_ivp(lambda t, y: a * y, (0, 1), [1.0], t_eval=[2.0]),
        ValueError,
        "not within",
    ),
    "too many components": (
        lambda a: integrate.odeint(lambda y, t: [a, a], 1.0, TIMES),
        ValueError,
        r"shape \(2,\), but the state has 1",
    ),
    "complex numbers": (
        lambda a: integrate.odeint(lambda y, t: 1j * a * y, 1.0, TIMES),
        RefusedError,
        "one real state",
    ),
    "a complex state": (
        lambda a: integrate.solve_ivp(lambda t, y: a * y, (0, 1), [1j * a]),
        NotDifferentiableError,
        "one real state",
    ),
    "a matrix": (
        lambda a: integrate.odeint(lambda y, t: y, a * np.eye(2), TIMES),
        ValueError,
        "is a vector",
    ),
    "full output": (
        lambda a: integrate.odeint(lambda y, t: a * y, 1.0, TIMES, full_output=True),
        RefusedError,
        "full_output=.*Leave it out",
    ),
    "events": (
        lambda a: integrate.solve_ivp(
            lambda t, y: a * y, (0, 1), [1.0], events=[lambda t, y: y[0] - 2]
        ),
        RefusedError,
        "events=.*give t_eval=",
    ),
    "dense output": (
        lambda a: integrate.solve_ivp(lambda t, y: a * y, (0, 1), [1.0], dense_output=True),
        RefusedError,
        "dense_output=.*give t_eval=",
    ),
}


@pytest.mark.parametrize("what", ERRORS)
def test_errors_leave_the_tape_as_it_was(what: str) -> None:
    f, error, text = ERRORS[what]
    with pytest.raises(error, match=text):
        F.grad(lambda a: np.sum(np.real(np.ravel(f(a)))))(1.7)
    tape = mg.Tape()
    a = tape.leaf(1.7)
    L = np.square(a)
    g = mg.grad(L, a)
    with pytest.raises(error, match=text):
        f(a)
    assert mg.grad(L, a) == g and tape.mode.converts is False


def test_whole_numbers_have_no_derivative() -> None:
    n = mg.Tape().leaf(3)
    with pytest.raises(NotDifferentiableError, match="node.value"):
        integrate.odeint(lambda y, t, n: n * y, 1.0, TIMES, (n,))
    with pytest.raises(RefusedError, match="node.value"):
        integrate.odeint(lambda y, t: n * y, 1.0, TIMES)


@pytest.mark.parametrize("closure", [False, True])
def test_dropping_the_tape_frees_the_solution(closure: bool) -> None:
    gone: list[bool] = []

    def request() -> None:
        a = mg.Tape().leaf(0.7)
        if closure:
            y = integrate.odeint(lambda y, t: -a * y, 1.0, TIMES)
        else:
            y = integrate.odeint(lambda y, t, a: -a[0] * y, 1.0, TIMES, ([a],))
        mg.grad(np.sum(y), a)
        weakref.finalize(y.step.kwargs["problem"], gone.append, True)

    gc.collect()
    gc.disable()
    try:
        request()
        assert gone == [True]
    finally:
        gc.enable()


def test_the_rule_is_checked() -> None:
    a = mg.Tape().leaf(0.7)
    y = integrate.odeint(lambda y, t, a: -a * y, [1.0, 0.5], TIMES[:3], (a,), **EXACT)
    facts = y.step.kwargs
    check_rule(ode_solution, np.array([0.7]), TIMES[1:3], **facts)
