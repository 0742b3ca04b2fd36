"""recursive_filter: the misfit of a second-order recursive filter of many channels, by its five coefficients.

A size is the number of channels and of samples.
"""

from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator


def prepare(size: tuple[int, int]) -> tuple[Inputs, Data]:
    channels, samples = size
    rng = generator()
    x, target = rng.normal(size=(2, samples, channels))
    coefficients = numpy.array([0.2, 0.3, 0.2, -0.6, 0.2])
    return (coefficients,), {"x": x, "target": target, "still": numpy.zeros(channels)}


def sums(np: Any, d: Data, c: Any) -> Any:
    """The loss sample by sample."""
    x = x1 = x2 = y1 = y2 = d["still"]
    total = 0.0
    for t in range(len(d["x"])):
        x = d["x"][t]
        y = c[0] * x + c[1] * x1 + c[2] * x2 - c[3] * y1 - c[4] * y2
        total = total + np.sum((y - d["target"][t]) ** 2)
        x1, x2, y1, y2 = x, x1, y, y1
    return total


def stack(np: Any, d: Data, c: Any) -> Any:
    """The loss of all samples at once, and the part of the input beforehand."""
    x = np.concatenate([np.stack([d["still"], d["still"]]), d["x"]])
    driven = c[0] * x[2:] + c[1] * x[1:-1] + c[2] * x[:-2]
    y1 = y2 = d["still"]
    ys = []
    for t in range(len(d["x"])):
        y1, y2 = driven[t] - c[3] * y1 - c[4] * y2, y1
        ys.append(y1)
    return np.sum((np.stack(ys) - d["target"]) ** 2)


def manual(d: Data, c: numpy.ndarray) -> tuple[numpy.ndarray]:
    np = numpy
    b0, b1, b2, a1, a2 = c.tolist()
    n, channels = d["x"].shape
    x, y = np.zeros((n + 2, channels)), np.zeros((n + 2, channels))
    x[2:] = d["x"]
    y[2:] = b0 * x[2:] + b1 * x[1:-1] + b2 * x[:-2]
    for t in range(2, n + 2):
        y[t] -= a1 * y[t - 1] + a2 * y[t - 2]
    g = np.zeros((n + 2, channels))
    g[:n] = 2.0 * (y[2:] - d["target"])
    for t in range(n - 1, -1, -1):
        g[t] -= a1 * g[t + 1] + a2 * g[t + 2]
    g = g[:n].ravel()
    parts = x[2:], x[1:-1], x[:-2], -y[1:-1], -y[:-2]
    return (np.array([g @ part.ravel() for part in parts]),)


def scan(np: Any, d: Data, c: Any) -> Any:
    """The loop in JAX's idiom."""
    from jax import lax

    def step(carry: Any, pair: Any) -> Any:
        x1, x2, y1, y2 = carry
        x, target = pair
        y = c[0] * x + c[1] * x1 + c[2] * x2 - c[3] * y1 - c[4] * y2
        return (x, x1, y, y1), np.sum((y - target) ** 2)

    return np.sum(lax.scan(step, (d["still"],) * 4, (d["x"], d["target"]))[1])


EVAL = Eval(
    "recursive_filter",
    ((16, 100), (1000, 200)),
    (3, 6),
    prepare,
    {"sums": sums, "stack": stack},
    manual,
    peers={"jax": scan},
    group="programs",
)
