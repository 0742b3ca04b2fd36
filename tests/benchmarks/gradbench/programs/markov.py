"""markov: the log likelihood of a hidden Markov model by the forward recursion: a dynamic program.

A size is the number of states and of observations. Inputs: logits of the transitions (s, s) and of
the emissions (s, 16).
"""

from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator

SYMBOLS = 16


def prepare(size: tuple[int, int]) -> tuple[Inputs, Data]:
    states, steps = size
    rng = generator()
    inputs = rng.normal(size=(states, states)), rng.normal(size=(states, SYMBOLS))
    symbols = tuple(rng.integers(SYMBOLS, size=steps).tolist())
    return inputs, {"symbols": symbols, "start": numpy.full(states, -numpy.log(states))}


def log_softmax(np: Any, x: Any) -> Any:
    x = x - np.max(x, axis=1, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=1, keepdims=True))


def by_none(np: Any, x: Any) -> Any:
    """Return the logarithm of the sum of exponentials of each column."""
    top = np.max(x, axis=0)
    return top + np.log(np.sum(np.exp(x - top[None, :]), axis=0))


def by_keepdims(np: Any, x: Any) -> Any:
    top = np.max(x, axis=0, keepdims=True)
    return np.squeeze(top + np.log(np.sum(np.exp(x - top), axis=0, keepdims=True)), axis=0)


def likelihood(np: Any, d: Data, transition: Any, emission: Any, logsumexp: Any) -> Any:
    transition, emission = log_softmax(np, transition), log_softmax(np, emission)
    alpha = d["start"] + emission[:, d["symbols"][0]]
    for symbol in d["symbols"][1:]:
        alpha = logsumexp(np, alpha[:, None] + transition) + emission[:, symbol]
    top = np.max(alpha)
    return top + np.log(np.sum(np.exp(alpha - top)))


def none(np: Any, d: Data, transition: Any, emission: Any) -> Any:
    return likelihood(np, d, transition, emission, by_none)


def keepdims(np: Any, d: Data, transition: Any, emission: Any) -> Any:
    return likelihood(np, d, transition, emission, by_keepdims)


def manual(
    d: Data, transition: numpy.ndarray, emission: numpy.ndarray
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Run forward and backward with probabilities scaled to the sum 1, as Baum and Welch."""
    np, symbols = numpy, d["symbols"]
    A, B = softmax(transition), softmax(emission)
    emitted = np.ascontiguousarray(B.T)[list(symbols)]
    alpha = np.empty((len(symbols), len(A)))
    alpha[0] = np.exp(d["start"]) * emitted[0]
    alpha[0] /= alpha[0].sum()
    scale = np.ones(len(symbols))
    for t in range(1, len(symbols)):
        np.dot(alpha[t - 1], A, out=alpha[t])
        alpha[t] *= emitted[t]
        scale[t] = alpha[t].sum()
        alpha[t] /= scale[t]
    beta = np.ones_like(alpha)
    weighted = np.empty_like(alpha)
    for t in range(len(symbols) - 1, 0, -1):
        np.multiply(beta[t], emitted[t], out=weighted[t])
        weighted[t] /= scale[t]
        np.dot(A, weighted[t], out=beta[t - 1])
    pairs = (alpha[:-1].T @ weighted[1:]) * A
    counts = np.zeros((SYMBOLS, len(A)))
    np.add.at(counts, list(symbols), alpha * beta)
    return (
        pairs - A * pairs.sum(axis=1, keepdims=True),
        counts.T - B * counts.sum(axis=0)[:, None],
    )


def softmax(x: numpy.ndarray) -> numpy.ndarray:
    p = numpy.exp(x - x.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


EVAL = Eval(
    "markov",
    ((8, 50), (64, 100)),
    (3, 5),
    prepare,
    {"none": none, "keepdims": keepdims},
    manual,
    group="programs",
)
