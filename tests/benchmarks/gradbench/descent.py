"""GradBench's gradient descent, which both saddle and particle prescribe.

Definition: https://github.com/gradbench/gradbench/blob/main/cpp/gradbench/gd.hpp. The step doubles
after ten successes, and is halved after a failure.
"""

import math
from collections.abc import Callable
from typing import Any

TOLERANCE, FIRST_STEP, SUCCESSES = 1e-5, 1e-5, 10


def step_list(x: list[Any], size: float, g: list[Any]) -> list[Any]:
    """Return x moved against g."""
    return [a - size * b for a, b in zip(x, g, strict=True)]


def length_list(v: list[Any]) -> Any:
    """Return the length of a vector of scalars."""
    return sum(a * a for a in v) ** 0.5


def argmin(
    f: Callable[[Any], Any],
    gradient: Callable[[Any], Any],
    x: Any,
    move: Callable[[Any, float, Any], Any] = step_list,
    length: Callable[[Any], Any] = length_list,
) -> Any:
    """Return where f is least. A point is what `move` and `length` understand."""
    fx, g, size, successes = f(x), gradient(x), FIRST_STEP, 0
    while length(g) > TOLERANCE:
        if successes == SUCCESSES:
            size, successes = 2.0 * size, 0
            continue
        trial = move(x, size, g)
        if length(move(x, 1.0, trial)) <= TOLERANCE:
            break
        f_trial = f(trial)
        if f_trial < fx:
            x, fx, g, successes = trial, f_trial, gradient(trial), successes + 1
        else:
            size, successes = size / 2.0, 0
    return x


# Points with tangents: the numbers in the first column, their derivatives in the others.


def move_dual(x: Any, size: float, g: Any) -> Any:
    """Return x moved against g, tangents too."""
    return x - size * g


def length_dual(v: Any) -> float:
    """Return the length of the numbers."""
    return math.hypot(*v[:, 0].tolist())


def argmin_jax(f: Callable[[Any], Any], gradient: Callable[[Any], Any], x: Any) -> Any:
    """Return where f is least, by JAX's loops; x is an array."""
    from jax import lax
    from jax import numpy as np

    def length(v: Any) -> Any:
        # Loops have a derivative in forward mode, which the root of zero has not.
        return np.sqrt(lax.stop_gradient(v @ v))

    def going(state: Any) -> Any:
        g, done = state[2], state[5]
        return ~done & (length(g) > TOLERANCE)

    def doubled(state: Any) -> Any:
        x, fx, g, size, _, done = state
        return x, fx, g, 2.0 * size, 0, done

    def tried(state: Any) -> Any:
        x, fx, g, size, successes, _ = state
        trial = x - size * g
        f_trial = f(trial)
        done = length(x - trial) <= TOLERANCE
        better = (f_trial < fx) & ~done
        return lax.cond(
            better,
            lambda: (trial, f_trial, gradient(trial), size, successes + 1, done),
            lambda: (x, fx, g, size / 2.0, 0, done),
        )

    def step(state: Any) -> Any:
        return lax.cond(state[4] == SUCCESSES, doubled, tried, state)

    start = x, f(x), gradient(x), FIRST_STEP, 0, np.asarray(False)
    return lax.while_loop(going, step, start)[0]
