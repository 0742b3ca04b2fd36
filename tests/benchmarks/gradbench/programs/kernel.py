"""kernel: the marginal likelihood of a Gaussian process, by the logarithms of its scales.

A size is the number of points; there are four coordinates, each with a length scale of its own.
"""

from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator

COORDINATES = 4


def prepare(size: int) -> tuple[Inputs, Data]:
    rng = generator()
    x = rng.normal(size=(size, COORDINATES))
    data = {"x": x, "y": numpy.sin(x.sum(axis=1)), "eye": numpy.eye(size)}
    return (0.3 * rng.normal(size=COORDINATES), numpy.array([0.2, -2.0])), data


def likelihood(np: Any, d: Data, covariance: Any, scales: Any) -> Any:
    covariance = np.exp(scales[0]) * covariance + np.exp(scales[1]) * d["eye"]
    factor = np.linalg.cholesky(covariance)
    z = np.linalg.solve(factor, d["y"])
    return 0.5 * np.sum(z**2) + np.sum(np.log(np.diagonal(factor)))


def differences(np: Any, d: Data, lengths: Any, scales: Any) -> Any:
    x = d["x"] * np.exp(-lengths)
    square = np.sum((x[:, None, :] - x[None, :, :]) ** 2, axis=-1)
    return likelihood(np, d, np.exp(-0.5 * square), scales)


def products(np: Any, d: Data, lengths: Any, scales: Any) -> Any:
    x = d["x"] * np.exp(-lengths)
    norm = np.sum(x**2, axis=1, keepdims=True)
    return likelihood(np, d, np.exp(x @ x.T - norm / 2.0 - norm.T / 2.0), scales)


def manual(
    d: Data, lengths: numpy.ndarray, scales: numpy.ndarray
) -> tuple[numpy.ndarray, numpy.ndarray]:
    np = numpy
    signal, noise = np.exp(scales)
    x = d["x"] * np.exp(-lengths)
    covariance = x @ x.T
    half = -0.5 * np.vecdot(x, x)
    covariance += half
    covariance += half[:, None]
    np.exp(covariance, out=covariance)
    covariance *= signal
    full = covariance.copy()
    full.ravel()[:: len(full) + 1] += noise
    inverse = np.linalg.inv(full)
    a = inverse @ d["y"]
    inverse -= np.outer(a, a)  # twice the cotangent of the covariance
    by_noise = 0.5 * noise * inverse.trace()
    inverse *= covariance
    by_square = inverse.sum(axis=1)
    by_lengths = by_square @ (x * x) - np.vecdot(x, inverse @ x, axis=0)
    return by_lengths, np.array([0.5 * by_square.sum(), by_noise])


EVAL = Eval(
    "kernel",
    (50, 400),
    10,
    prepare,
    {"differences": differences, "products": products},
    manual,
    without={"autograd": ((50, 400), "does not differentiate `np.diagonal` of a matrix")},
    group="programs",
)
