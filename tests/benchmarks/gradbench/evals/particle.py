"""particle: the charge's place that lets a particle hit the origin, by gradient descent.

Definition: https://github.com/gradbench/gradbench/tree/main/evals/particle. The trajectory is
Euler's, with forces that are gradients themselves.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy

import memograd as mg

from ..descent import argmin, argmin_jax
from ..problem import Data, Eval, Inputs

FORM = mg.functional
STEP = 0.1
PLACE, VELOCITY = (0.0, 8.0), (0.75, 0.0)


def prepare(size: float) -> tuple[Inputs, Data]:
    return (size,), {}


def potential(x: Any, y: Any, w: Any) -> Any:
    near = ((x - 10.0) ** 2 + (y - 10.0 + w) ** 2) ** -0.5
    return near + ((x - 10.0) ** 2 + y**2) ** -0.5


def miss(slope: Callable[..., Any], w: Any) -> Any:
    """Return the square of where the particle meets the axis, given the potential's gradient."""
    (x, y), (u, v) = PLACE, VELOCITY
    while True:
        fx, fy = slope(x, y, w)
        x, y = x + STEP * u, y + STEP * v
        if y <= 0.0:
            return (x - y / v * u) ** 2
        u, v = u - STEP * fx, v - STEP * fy


def nested(library: Any, f: Callable[..., Any], d: Data) -> Callable[..., Any]:
    """Return the program for libraries whose gradients nest around Python's loops."""

    def slope(x: Any, y: Any, w: Any) -> Any:
        zero = 0.0 * w  # makes scalars of the library of the first place, which is two floats
        return library.grad(lambda x, y: potential(x, y, w))(x + zero, y + zero)

    def solve(w: Any) -> Any:
        by_w = library.grad(lambda w: miss(slope, w))
        return tuple(argmin(lambda w: miss(slope, *w), lambda w: by_w(*w), [w]))

    return solve


def manual(d: Data, w: float) -> tuple[float]:
    """Carry the derivative by w along the trajectory."""
    return tuple(argmin(lambda w: miss(force, *w), lambda w: [pushed_miss(*w)], [w]))


def force(x: float, y: float, w: float) -> tuple[float, float]:
    """Return the potential's gradient."""
    x, b = x - 10.0, y - 10.0 + w
    p, q = (x * x + b * b) ** -1.5, (x * x + y * y) ** -1.5
    return -x * (p + q), -(b * p + y * q)


def pushed_miss(w: float) -> float:
    """Return the derivative of the miss."""
    (x, y), (u, v) = PLACE, VELOCITY
    dx = dy = du = dv = 0.0
    while True:
        fx, fy, dfx, dfy = pushed_force(x, y, w, dx, dy)
        x, y, dx, dy = x + STEP * u, y + STEP * v, dx + STEP * du, dy + STEP * dv
        if y <= 0.0:
            t, dt = -y / v, (y * dv / v - dy) / v
            return 2.0 * (x + t * u) * (dx + dt * u + t * du)
        u, v, du, dv = u - STEP * fx, v - STEP * fy, du - STEP * dfx, dv - STEP * dfy


def pushed_force(
    x: float, y: float, w: float, dx: float, dy: float
) -> tuple[float, float, float, float]:
    """Return the potential's gradient and its derivative along (dx, dy, 1)."""
    x, b, db = x - 10.0, y - 10.0 + w, dy + 1.0
    r, s = 1.0 / (x * x + b * b), 1.0 / (x * x + y * y)
    p, q = r * math.sqrt(r), s * math.sqrt(s)
    dp, dq = -3.0 * p * r * (x * dx + b * db), -3.0 * q * s * (x * dx + y * dy)
    fx, fy = -x * (p + q), -(b * p + y * q)
    return fx, fy, -dx * (p + q) - x * (dp + dq), -(db * p + b * dp + dy * q + y * dq)


def planned(d: Data) -> Callable[..., Any]:
    """Return the program with a plan for each step of the trajectory, and its tangents."""

    def step(x: Any, y: Any, u: Any, v: Any, w: Any) -> Any:
        fx, fy = FORM.grad(potential, (0, 1))(x, y, w)
        return x + STEP * u, y + STEP * v, u - STEP * fx, v - STEP * fy

    def push(*xs: Any) -> Any:
        new, tangents = FORM.jvp(step, (*xs[:4], xs[8]), (*xs[4:8], 1.0))
        return *new, *tangents

    def end(x: Any, y: Any, u: Any, v: Any) -> Any:
        return (x - y / v * u) ** 2

    plain, pushed = FORM.compiled(step), FORM.compiled(push)
    last = FORM.compiled(lambda *xs: FORM.jvp(end, xs[:4], xs[4:]))
    start = [numpy.float64(x) for x in (*PLACE, *VELOCITY)]
    still = [numpy.float64(0.0)] * 4

    def value(w: list[float]) -> float:
        state = start
        while (new := plain(*state, *w))[1] > 0.0:
            state = new
        return float(end(*new[:2], *state[2:]))

    def by_w(w: list[float]) -> list[float]:
        state = [*start, *still]
        while (new := pushed(*state, *w))[1] > 0.0:
            state = new
        return [float(last(*new[:2], *state[2:4], *new[4:6], *state[6:])[1])]

    return lambda w: tuple(argmin(value, by_w, [numpy.float64(w)]))


def by_jax(d: Data) -> Callable[..., Any]:
    """Return the program with JAX's loops: forward mode outside, reverse mode inside."""
    import jax
    from jax import numpy as np

    def miss(w: Any) -> Any:
        slope = jax.grad(lambda at: potential(at[0], at[1], w))

        def step(state: Any) -> Any:
            at, velocity, _, _ = state
            return at + STEP * velocity, velocity - STEP * slope(at), at, velocity

        place, velocity = np.array(PLACE), np.array(VELOCITY)
        # Where the loop ends, the last velocity is the one before the step.
        start = step((place, velocity, place, velocity))
        at, _, _, velocity = jax.lax.while_loop(lambda state: state[0][1] > 0.0, step, start)
        return (at[0] - at[1] / velocity[1] * velocity[0]) ** 2

    @jax.jit
    def solve(w: Any) -> Any:
        by_w = jax.jacfwd(miss)
        return argmin_jax(lambda w: miss(w[0]), lambda w: by_w(w[0])[None], w[None])[0]

    return lambda w: (jax.block_until_ready(solve(np.asarray(w))),)


EVAL = Eval(
    "particle",
    (0.0,),
    0.2,
    prepare,
    {"": potential},
    manual,
    nested,
    programs={"memograd": planned, "jax": by_jax},
    without={
        "torch": ((0.0,), "takes more than ten seconds a call"),
        "autograd": ((0.0,), "takes more than a minute a call"),
    },
    group="scalars",
)
