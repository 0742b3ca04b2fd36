"""gmm: the log posterior of a mixture of Gaussians with a Wishart prior.

Definition: https://github.com/gradbench/gradbench/tree/main/evals/gmm. A size is the number of
coordinates, of components, and of points. Inputs: weights (k,), means (k, d), logarithms of the
precision factors' diagonals (k, d), what is below them column by column (k, d (d - 1) / 2).
"""

import math
from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator

M, GAMMA = 0, 1.0
"""Wishart prior: additional degrees of freedom, and precision."""


def prepare(size: tuple[int, int, int]) -> tuple[Inputs, Data]:
    d, k, n = size
    rng = generator()
    x = rng.normal(size=(n, d))
    inputs = (
        rng.normal(size=k),
        rng.uniform(size=(k, d)),
        rng.normal(size=(k, d)),
        rng.normal(size=(k, d * (d - 1) // 2)),
    )
    return inputs, data_of(x, k, M, GAMMA)


def data_of(x: numpy.ndarray, k: int, m: int, gamma: float) -> Data:
    """Return the data: points, prior, and where the lower triangle's entries go."""
    n, d = x.shape
    columns, rows = numpy.triu_indices(d, 1)
    place = numpy.full((d, d), len(rows))  # behind the last entry stands a zero
    place[rows, columns] = numpy.arange(len(rows))
    half = 0.5 * (d + m + 1)
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi)
    log_gamma += sum(math.lgamma(half - 0.5 * j) for j in range(d))
    constant = -0.5 * n * d * math.log(2.0 * math.pi)
    constant += k * (2.0 * half * d * math.log(gamma / math.sqrt(2.0)) - log_gamma)
    return {
        "x": x,
        "place": place,
        "zero": numpy.zeros((k, 1)),
        "rows": rows,
        "columns": columns,
        "m": m,
        "gamma": gamma,
        "constant": constant,
    }


def lower(np: Any, d: Data, l: Any) -> Any:  # noqa: E741
    """Return the matrices with l below the diagonal, and zeros elsewhere."""
    return np.concatenate([l, d["zero"]], axis=1)[:, d["place"]]


def prior(np: Any, d: Data, q: Any, l: Any) -> Any:  # noqa: E741
    square = np.sum(np.exp(q) ** 2) + np.sum(l**2)
    return d["m"] * np.sum(q) - 0.5 * d["gamma"] ** 2 * square + d["constant"]


def logsumexp(np: Any, v: Any) -> Any:
    top = np.max(v)
    return top + np.log(np.sum(np.exp(v - top)))


def matmul(np: Any, d: Data, alpha: Any, mu: Any, q: Any, l: Any) -> Any:  # noqa: E741
    """Components first; the logsumexp keeps its axis and squeezes it."""
    centred = d["x"] - mu[:, None, :]
    y = np.exp(q)[:, None, :] * centred + centred @ np.swapaxes(lower(np, d, l), 1, 2)
    inner = (alpha + np.sum(q, axis=1))[:, None] - 0.5 * np.sum(y**2, axis=-1)
    top = np.max(inner, axis=0, keepdims=True)
    total = np.sum(np.squeeze(top, axis=0) + np.log(np.sum(np.exp(inner - top), axis=0)))
    return total - len(d["x"]) * logsumexp(np, alpha) + prior(np, d, q, l)


def einsum(np: Any, d: Data, alpha: Any, mu: Any, q: Any, l: Any) -> Any:  # noqa: E741
    """Points first, as the public PyTorch and JAX tools; the maximum gets its axis by None."""
    centred = d["x"][:, None, :] - mu[None, :, :]
    y = np.exp(q) * centred + np.einsum("ijk,mik->mij", lower(np, d, l), centred)
    inner = alpha + np.sum(q, axis=1) - 0.5 * np.sum(y**2, axis=2)
    top = np.max(inner, axis=1)
    total = np.sum(top + np.log(np.sum(np.exp(inner - top[:, None]), axis=1)))
    return total - len(d["x"]) * logsumexp(np, alpha) + prior(np, d, q, l)


def vecdot(np: Any, d: Data, alpha: Any, mu: Any, q: Any, l: Any) -> Any:  # noqa: E741
    """One matrix with its diagonal, and squared lengths by vecdot."""
    centred = d["x"] - mu[:, None, :]
    factor = lower(np, d, l) + np.exp(q)[:, None, :] * np.eye(mu.shape[1])
    y = np.matmul(centred, np.matrix_transpose(factor))
    inner = (alpha + q.sum(axis=-1))[:, None] - np.vecdot(y, y) / 2.0
    top = inner.max(axis=0, keepdims=True)
    total = np.sum(top + np.log(np.sum(np.exp(inner - top), axis=0, keepdims=True)))
    return total - len(d["x"]) * logsumexp(np, alpha) + prior(np, d, q, l)


def manual(
    d: Data,
    alpha: numpy.ndarray,
    mu: numpy.ndarray,
    q: numpy.ndarray,
    l: numpy.ndarray,  # noqa: E741
) -> tuple[numpy.ndarray, ...]:
    np, x = numpy, d["x"]
    diagonal = np.arange(mu.shape[1])
    factor = np.zeros((*mu.shape, mu.shape[1]))
    factor[:, d["rows"], d["columns"]] = l
    exp_q = np.exp(q)
    factor[:, diagonal, diagonal] = exp_q
    centred = x.T - mu[:, :, None]
    y = factor @ centred
    p = np.einsum("kdn,kdn->kn", y, y)
    p *= -0.5
    p += (alpha + q.sum(axis=1))[:, None]
    p -= p.max(axis=0)
    np.exp(p, out=p)
    p /= p.sum(axis=0)
    mass = p.sum(axis=1)
    y *= p[:, None, :]
    d_factor = -(y @ np.swapaxes(centred, 1, 2))
    softmax = np.exp(alpha - alpha.max())
    softmax *= len(x) / softmax.sum()
    squared = d["gamma"] ** 2
    return (
        mass - softmax,
        (np.swapaxes(factor, 1, 2) @ y.sum(axis=2)[:, :, None])[:, :, 0],
        d_factor[:, diagonal, diagonal] * exp_q
        + (mass[:, None] + d["m"])
        - squared * exp_q * exp_q,
        d_factor[:, d["rows"], d["columns"]] - squared * l,
    )


EVAL = Eval(
    "gmm",
    ((2, 5, 1000), (10, 25, 1000), (20, 50, 1000)),
    (3, 4, 20),
    prepare,
    {"matmul": matmul, "einsum": einsum, "vecdot": vecdot},
    manual,
)
