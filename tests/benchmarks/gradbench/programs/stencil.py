"""stencil: the misfit of explicit steps of heat conduction on a torus, by the conductivities.

A size is the number of points along an edge and of steps.
"""

from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator

STEP = 0.2


def prepare(size: tuple[int, int]) -> tuple[Inputs, Data]:
    n, steps = size
    rng = generator()
    data = {"start": rng.random((n, n)), "target": rng.random((n, n)), "steps": steps}
    return (0.5 + rng.random((n, n)) / 2.0,), data


def misfit(np: Any, d: Data, conductivity: Any, laplacian: Any) -> Any:
    u = d["start"]
    for _ in range(d["steps"]):
        u = u + STEP * conductivity * laplacian(u)
    return np.mean((u - d["target"]) ** 2)


def roll(np: Any, d: Data, conductivity: Any) -> Any:
    def laplacian(u: Any) -> Any:
        around = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1)
        return around - 4.0 * u

    return misfit(np, d, conductivity, laplacian)


def slices(np: Any, d: Data, conductivity: Any) -> Any:
    def laplacian(u: Any) -> Any:
        rows = np.concatenate([u[-1:], u, u[:1]], axis=0)
        columns = np.concatenate([u[:, -1:], u, u[:, :1]], axis=1)
        return rows[:-2] + rows[2:] + columns[:, :-2] + columns[:, 2:] - 4.0 * u

    return misfit(np, d, conductivity, laplacian)


def manual(d: Data, conductivity: numpy.ndarray) -> tuple[numpy.ndarray]:
    u, kept = d["start"], []
    rate = STEP * conductivity
    for _ in range(d["steps"]):
        kept.append(apply_laplacian(u))
        u = u + rate * kept[-1]
    g = (u - d["target"]) * (2.0 / u.size)
    total = numpy.zeros_like(u)
    for each in reversed(kept):
        total += g * each
        g += apply_laplacian(g * rate)
    return (STEP * total,)


def apply_laplacian(u: numpy.ndarray) -> numpy.ndarray:
    """Return the symmetric Laplacian, by sums of slices."""
    out = -4.0 * u
    for a, b in ((out, u), (out.T, u.T)):
        a[1:] += b[:-1]
        a[:-1] += b[1:]
        a[0] += b[-1]
        a[-1] += b[0]
    return out


EVAL = Eval(
    "stencil",
    ((32, 20), (256, 10)),
    (5, 3),
    prepare,
    {"roll": roll, "slices": slices},
    manual,
    group="programs",
)
