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
    """Keep each step's exponentials, divided by their sums, and go back through them."""
    np, symbols = numpy, d["symbols"]
    A, B = softmax(transition), softmax(emission)
    log_A = np.log(A)
    log_B = np.ascontiguousarray(np.log(B).T)
    alpha = d["start"] + log_B[symbols[0]]
    kept = np.empty((len(symbols) - 1, *A.shape))
    for p, symbol in zip(kept, symbols[1:], strict=True):
        np.add(alpha[:, None], log_A, out=p)
        top = p.max(axis=0)
        p -= top
        np.exp(p, out=p)
        total = p.sum(axis=0)
        p /= total
        alpha = np.log(total) + top + log_B[symbol]
    g = np.exp(alpha - alpha.max())
    g /= g.sum()
    by_A, counts = np.zeros_like(A), np.zeros_like(log_B)
    for p, symbol in zip(kept[::-1], symbols[:0:-1], strict=True):
        counts[symbol] += g
        p *= g
        by_A += p
        g = p.sum(axis=1)
    counts[symbols[0]] += g
    by_B = counts.T
    return (
        by_A - A * by_A.sum(axis=1, keepdims=True),
        by_B - B * by_B.sum(axis=1, keepdims=True),
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
