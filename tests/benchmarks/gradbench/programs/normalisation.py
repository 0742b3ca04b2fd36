"""normalisation: a layer that normalises its rows before a GELU, and the cross-entropy after it.

A size is the number of rows, of features, and of classes.
"""

import math
from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator

EPSILON = 1e-5
GELU = math.sqrt(2.0 / math.pi)


def prepare(size: tuple[int, int, int]) -> tuple[Inputs, Data]:
    rows, features, classes = size
    rng = generator()
    inputs = (
        rng.normal(size=(features, features)) / math.sqrt(features),
        1.0 + 0.1 * rng.normal(size=features),
        0.1 * rng.normal(size=features),
        rng.normal(size=(features, classes)) / math.sqrt(features),
    )
    label = rng.integers(classes, size=rows)
    return inputs, {
        "x": rng.normal(size=(rows, features)),
        "label": label,
        "row": numpy.arange(rows),
        "onehot": numpy.eye(classes)[label],
    }


def gelu(np: Any, x: Any) -> Any:
    return 0.5 * x * (1.0 + np.tanh(GELU * (x + 0.044715 * x**3)))


def centred(np: Any, d: Data, W: Any, gain: Any, shift: Any, V: Any) -> Any:
    """Means with their axes kept; the labels choose by index."""
    z = d["x"] @ W
    z = z - np.mean(z, axis=-1, keepdims=True)
    z = z / np.sqrt(np.mean(z**2, axis=-1, keepdims=True) + EPSILON)
    logits = gelu(np, gain * z + shift) @ V
    logits = logits - np.max(logits, axis=1, keepdims=True)
    chosen = logits[d["row"], d["label"]]
    return np.mean(np.log(np.sum(np.exp(logits), axis=1)) - chosen)


def variance(np: Any, d: Data, W: Any, gain: Any, shift: Any, V: Any) -> Any:
    """Mean and variance by their functions; the labels choose by a product."""
    z = d["x"] @ W
    z = (z - z.mean(axis=1)[:, None]) / np.sqrt(np.var(z, axis=1)[:, None] + EPSILON)
    logits = gelu(np, gain * z + shift) @ V
    top = np.max(logits, axis=1)
    total = np.log(np.sum(np.exp(logits - top[:, None]), axis=1)) + top
    return np.mean(total - np.sum(d["onehot"] * logits, axis=1))


def manual(
    d: Data, W: numpy.ndarray, gain: numpy.ndarray, shift: numpy.ndarray, V: numpy.ndarray
) -> tuple[numpy.ndarray, ...]:
    np, x = numpy, d["x"]
    rows, features = x.shape[0], W.shape[0]
    z = x @ W
    z -= z.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.vecdot(z, z) / features + EPSILON)[:, None]
    z /= deviation
    y = gain * z + shift
    square = y * y
    tanh = np.tanh(GELU * y * (1.0 + 0.044715 * square))
    hidden = 0.5 * y * (1.0 + tanh)
    p = hidden @ V
    p -= p.max(axis=1, keepdims=True)
    np.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True)
    p[d["row"], d["label"]] -= 1.0
    p /= rows
    g = p @ V.T
    slope = (0.5 * GELU) * y * (1.0 - tanh * tanh) * (1.0 + (3.0 * 0.044715) * square)
    g *= slope + 0.5 * (1.0 + tanh)
    by_gain, by_shift = np.vecdot(g, z, axis=0), g.sum(axis=0)
    g *= gain
    g -= g.mean(axis=1, keepdims=True) + z * (np.vecdot(g, z) / features)[:, None]
    g /= deviation
    return x.T @ g, by_gain, by_shift, hidden.T @ p


EVAL = Eval(
    "normalisation",
    ((32, 64, 10), (256, 512, 10)),
    (5, 6, 3),
    prepare,
    {"centred": centred, "variance": variance},
    manual,
    group="programs",
)
