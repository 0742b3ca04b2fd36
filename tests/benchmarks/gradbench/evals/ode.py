"""ode: the last component of an ODE's solution by the classical Runge-Kutta method.

Definition: https://github.com/gradbench/gradbench/tree/main/evals/ode. A size is the number of
components and of steps. With more than four components a step the gradient is exactly zero, as in
GradBench; the size (30, 10) is added for that reason.
"""

from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator

END = 2.0


def prepare(size: tuple[int, int]) -> tuple[Inputs, Data]:
    n, steps = size
    return (generator().random(n),), data_of(n, steps)


def data_of(n: int, steps: int) -> Data:
    """Return the data: where y begins, and what stands in the place of the component before it."""
    return {
        "one": numpy.ones(1),
        "start": numpy.zeros(n),
        "steps": steps,
        "first": numpy.arange(n) == 0,
    }


def runge_kutta(slope: Any, y: Any, steps: int) -> Any:
    h = END / steps
    for _ in range(steps):
        k1 = slope(y)
        k2 = slope(y + h / 2.0 * k1)
        k3 = slope(y + h / 2.0 * k2)
        k4 = slope(y + h * k3)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return y


def solution(np: Any, d: Data, x: Any) -> Any:
    """Return all components at the end."""

    def slope(y: Any) -> Any:
        return x * np.concatenate([d["one"], y[:-1]])

    return runge_kutta(slope, d["start"], d["steps"])


def concatenate(np: Any, d: Data, x: Any) -> Any:
    return solution(np, d, x)[-1]


def roll(np: Any, d: Data, x: Any) -> Any:
    def slope(y: Any) -> Any:
        return np.where(d["first"], x, x * np.roll(y, 1))

    return runge_kutta(slope, d["start"], d["steps"])[-1]


def scan(np: Any, d: Data, x: Any) -> Any:
    """The loop in JAX's idiom."""
    from jax import lax

    h = END / d["steps"]

    def slope(y: Any) -> Any:
        return x * np.concatenate([d["one"], y[:-1]])

    def step(y: Any, _: None) -> Any:
        k1 = slope(y)
        k2 = slope(y + h / 2.0 * k1)
        k3 = slope(y + h / 2.0 * k2)
        k4 = slope(y + h * k3)
        return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), None

    return lax.scan(step, d["start"], None, d["steps"])[0][-1]


def manual(d: Data, x: numpy.ndarray) -> tuple[numpy.ndarray]:
    h = END / d["steps"]
    stages = forward(d, x, h)
    dx = numpy.zeros_like(x)
    g = numpy.zeros_like(x)
    g[-1] = 1.0
    for shifted in reversed(stages):
        g = pull_step(x, dx, g, shifted, h)
    return (dx,)


def forward(d: Data, x: numpy.ndarray, h: float) -> list[numpy.ndarray]:
    """Return what x is multiplied by in each stage of each step: (4, n)."""
    stages = []
    y = d["start"].copy()
    for _ in range(d["steps"]):
        shifted = numpy.empty((4, len(x)))
        shifted[:, 0] = 1.0
        k = numpy.empty((4, len(x)))
        shifted[0, 1:] = y[:-1]
        for stage, factor in enumerate((h / 2.0, h / 2.0, h)):
            numpy.multiply(x, shifted[stage], out=k[stage])
            numpy.multiply(k[stage, :-1], factor, out=shifted[stage + 1, 1:])
            shifted[stage + 1, 1:] += y[:-1]
        numpy.multiply(x, shifted[3], out=k[3])
        y += h / 6.0 * (k[0] + k[3] + 2.0 * (k[1] + k[2]))
        stages.append(shifted)
    return stages


def pull_step(
    x: numpy.ndarray, dx: numpy.ndarray, g: numpy.ndarray, shifted: numpy.ndarray, h: float
) -> numpy.ndarray:
    """Add a step's part of the gradient to dx, and return the cotangent of the step's start."""
    start = g.copy()
    gk = h / 6.0 * g
    for stage, weight, factor in ((3, 2.0, h), (2, 2.0, h / 2.0), (1, 1.0, h / 2.0), (0, 0.0, 0.0)):
        dx += gk * shifted[stage]
        back = gk[1:] * x[1:]
        start[:-1] += back
        if stage:
            gk = weight * h / 6.0 * g
            gk[:-1] += factor * back
    return start


EVAL = Eval(
    "ode",
    ((30, 10), (1000, 10), (1000, 100), (10_000, 10), (100_000, 10)),
    (9, 4),
    prepare,
    {"concatenate": concatenate, "roll": roll},
    manual,
    peers={"jax": scan},
    without={"autograd": (((100_000, 10),), "takes more than a minute")},
)
