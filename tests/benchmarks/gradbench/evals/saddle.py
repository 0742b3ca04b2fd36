"""saddle: a saddle point by gradient descent, whose objective is itself a gradient ascent.

Definition: https://github.com/gradbench/gradbench/tree/main/evals/saddle.
"""

from collections.abc import Callable
from typing import Any

import numpy

import memograd as mg

from ..descent import argmin, argmin_jax, length_dual, move_dual
from ..problem import Data, Eval, Inputs

FORM = mg.functional


def prepare(size: tuple[float, float]) -> tuple[Inputs, Data]:
    return (numpy.array(size),), {}


def loss(x: Any, y: Any) -> Any:
    """Return the negative of the function, which gradient ascent of y minimises."""
    return y[0] * y[0] + y[1] * y[1] - x[0] * x[0] - x[1] * x[1]


def find(
    best: Callable[[Any], Any],
    by_best: Callable[[Any], Any],
    ascend: Callable[[Any], Any],
    start: Any,
) -> tuple[numpy.ndarray]:
    """Return x and y, given the inner optimum's value, its gradient by x, and its place."""
    x = argmin(best, by_best, start)
    return (numpy.array([*x, *ascend(x)], dtype=float),)


def manual(d: Data, start: numpy.ndarray) -> tuple[numpy.ndarray]:
    """Use that no inner step depends on x."""
    start = start.tolist()

    def ascend(x: list[float]) -> list[float]:
        return argmin(lambda y: loss(x, y), lambda y: [2.0 * y[0], 2.0 * y[1]], start)

    def best(x: list[float]) -> float:
        return -loss(x, ascend(x))

    return find(best, lambda x: [2.0 * x[0], 2.0 * x[1]], ascend, start)


def nested(library: Any, f: Callable[..., Any], d: Data) -> Callable[..., Any]:
    """Return the program for libraries whose gradients nest around Python's loops."""

    def ascend(x: Any, start: Any) -> Any:
        inner = library.grad(lambda *y: loss(x, y))
        return argmin(lambda y: loss(x, y), lambda y: inner(*y), start)

    def solve(start: Any) -> Any:
        start = [start[0], start[1]]

        def best(*x: Any) -> Any:
            return -loss(x, ascend(x, start))

        by_best = library.grad(best)
        return find(lambda x: best(*x), lambda x: by_best(*x), lambda x: ascend(x, start), start)

    return solve


def planned(d: Data) -> Callable[..., Any]:
    """Return the program with a plan for each step of the inner loop, and its tangents by x."""
    value = FORM.compiled(loss)
    slope = FORM.compiled(FORM.grad(loss, 1))
    dual_slope = FORM.compiled(lambda x, Y: push(FORM.grad(loss, 1), x, Y))
    dual_best = FORM.compiled(lambda x, Y: push(lambda *xy: numpy.reshape(-loss(*xy), 1), x, Y))

    def solve(start: numpy.ndarray) -> Any:
        dual_start = numpy.concatenate([start[:, None], numpy.zeros((2, 2))], axis=1)

        def ascend(x: Any) -> Any:
            x = numpy.array(x)
            return argmin(
                lambda y: float(value(x, y)), lambda y: slope(x, y), start, move_dual, norm
            )

        def by_best(x: Any) -> Any:
            x = numpy.array(x)
            Y = argmin(
                lambda Y: float(value(x, Y[:, 0])),
                lambda Y: dual_slope(x, Y),
                dual_start,
                move_dual,
                length_dual,
            )
            return dual_best(x, Y)[0, 1:].tolist()

        def best(x: Any) -> float:
            return -float(value(numpy.array(x), ascend(x)))

        return find(best, by_best, ascend, start.tolist())

    return solve


def push(f: Callable[..., Any], x: Any, Y: Any) -> Any:
    """Return f(x, y) and, as columns beside it, its derivatives by each component of x."""
    columns = []
    for e, k in (([1.0, 0.0], 1), ([0.0, 1.0], 2)):
        value, tangent = FORM.jvp(f, (x, Y[:, 0]), (numpy.array(e), Y[:, k]))
        columns.append(tangent)
    return numpy.stack([value, *columns], axis=1)


def by_jax(d: Data) -> Callable[..., Any]:
    """Return the program with JAX's loops: forward mode outside, reverse mode inside."""
    import jax

    def ascend(x: Any, start: Any) -> Any:
        return argmin_jax(lambda y: loss(x, y), jax.grad(lambda y: loss(x, y)), start)

    @jax.jit
    def solve(start: Any) -> Any:
        def best(x: Any) -> Any:
            return -loss(x, ascend(x, start))

        x = argmin_jax(best, jax.jacfwd(best), start)
        return (jax.numpy.concatenate([x, ascend(x, start)]),)

    return lambda start: jax.block_until_ready(solve(start))


def norm(v: numpy.ndarray) -> float:
    return float(numpy.sqrt(v @ v))


EVAL = Eval(
    "saddle",
    ((1.0, 1.0),),
    (1.0, 1.0),
    prepare,
    {"": loss},
    manual,
    nested,
    programs={"memograd": planned, "jax": by_jax},
    group="scalars",
)
