"""logistic: the misfit of a logistic growth by the classical Runge-Kutta method, with states of shape (1,).

A size is the number of steps. Inputs: rate, capacity and start, each of shape (1,). By hand: floats.
"""

from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator

STEP = 0.05


def prepare(size: int) -> tuple[Inputs, Data]:
    data = {"observed": generator().random((size, 1))}
    return (numpy.array([0.9]), numpy.array([1.3]), numpy.array([0.1])), data


def one_element(np: Any, d: Data, rate: Any, capacity: Any, y: Any) -> Any:
    def slope(y: Any) -> Any:
        return rate * y * (1.0 - y / capacity)

    total = 0.0
    for t in range(len(d["observed"])):
        k1 = slope(y)
        k2 = slope(y + STEP / 2.0 * k1)
        k3 = slope(y + STEP / 2.0 * k2)
        k4 = slope(y + STEP * k3)
        y = y + STEP / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        total = total + np.sum((y - d["observed"][t]) ** 2)
    return total


def no_axes(np: Any, d: Data, rate: Any, capacity: Any, y: Any) -> Any:
    """The same with numbers."""
    return one_element(np, {"observed": d["observed"][:, 0]}, rate[0], capacity[0], y[0])


def scan(np: Any, d: Data, rate: Any, capacity: Any, y: Any) -> Any:
    """The loop in JAX's idiom."""
    from jax import lax

    def slope(y: Any) -> Any:
        return rate * y * (1.0 - y / capacity)

    def step(y: Any, observed: Any) -> Any:
        k1 = slope(y)
        k2 = slope(y + STEP / 2.0 * k1)
        k3 = slope(y + STEP / 2.0 * k2)
        k4 = slope(y + STEP * k3)
        y = y + STEP / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        return y, np.sum((y - observed) ** 2)

    return np.sum(lax.scan(step, y, d["observed"])[1])


def manual(
    d: Data, rate: numpy.ndarray, capacity: numpy.ndarray, start: numpy.ndarray
) -> tuple[numpy.ndarray, ...]:
    r, c, y = rate.item(), capacity.item(), start.item()
    observed, stages = d["observed"][:, 0].tolist(), []
    ends = []
    for _ in observed:
        k, stage = 0.0, []
        total = 0.0
        for before, weight in ((0.0, 1.0), (STEP / 2.0, 2.0), (STEP / 2.0, 2.0), (STEP, 1.0)):
            at = y + before * k
            stage.append(at)
            k = r * at * (1.0 - at / c)
            total += weight * k
        stages.append(stage)
        y += STEP / 6.0 * total
        ends.append(y)
    return tuple(map(numpy.array, pull(r, c, observed, stages, ends)))


def pull(
    r: float, c: float, observed: list[float], stages: list[list[float]], ends: list[float]
) -> tuple[list[float], list[float], list[float]]:
    """Return the gradient by rate, capacity and start."""
    by_rate = by_capacity = g = 0.0
    for target, stage, y in zip(observed[::-1], stages[::-1], ends[::-1], strict=True):
        g += 2.0 * (y - target)
        back, carried = g, 0.0  # cotangents of the step's start and of the stage's slope
        for k in (3, 2, 1, 0):
            at, weight = stage[k], (1.0, 2.0, 2.0, 1.0)[k]
            gk = STEP / 6.0 * weight * g + carried
            by_rate += gk * at * (1.0 - at / c)
            by_capacity += gk * r * (at / c) ** 2
            g_at = gk * r * (1.0 - 2.0 * at / c)
            back += g_at
            carried = g_at * (0.0, STEP / 2.0, STEP / 2.0, STEP)[k]
        g = back
    return [by_rate], [by_capacity], [g]


EVAL = Eval(
    "logistic",
    (20, 200),
    4,
    prepare,
    {"one element": one_element, "no axes": no_axes},
    manual,
    peers={"jax": scan},
    group="programs",
)
