"""convolution: two layers of 3 × 3 convolutions of images, by their kernels.

A size is the number of images, of pixels along an edge, and of channels.
"""

from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator

WIDTH = 3


def prepare(size: tuple[int, int, int]) -> tuple[Inputs, Data]:
    images, edge, channels = size
    rng = generator()
    inputs = (
        rng.normal(size=(WIDTH, WIDTH, 3, channels)) / 5.0,
        rng.normal(size=(WIDTH, WIDTH, channels, channels)) / 5.0,
    )
    target = rng.normal(size=(images, edge - 4, edge - 4, channels))
    return inputs, {"images": rng.normal(size=(images, edge, edge, 3)), "target": target}


def by_offset(np: Any, x: Any, kernel: Any) -> Any:
    """Add the products of each offset."""
    h, w = x.shape[1] - WIDTH + 1, x.shape[2] - WIDTH + 1
    return sum(
        x[:, i : i + h, j : j + w] @ kernel[i, j] for i in range(WIDTH) for j in range(WIDTH)
    )


def by_columns(np: Any, x: Any, kernel: Any) -> Any:
    """Multiply once, by all offsets side by side."""
    h, w = x.shape[1] - WIDTH + 1, x.shape[2] - WIDTH + 1
    parts = [x[:, i : i + h, j : j + w] for i in range(WIDTH) for j in range(WIDTH)]
    return np.concatenate(parts, axis=-1) @ np.reshape(kernel, (-1, kernel.shape[-1]))


def loss_of(convolve: Any) -> Any:
    def loss(np: Any, d: Data, first: Any, second: Any) -> Any:
        hidden = np.maximum(convolve(np, d["images"], first), 0.0)
        return np.sum((convolve(np, hidden, second) - d["target"]) ** 2)

    return loss


def relu_torch(np: Any, d: Data, first: Any, second: Any) -> Any:
    """The same with PyTorch's maximum of an array and a number."""
    hidden = by_offset(np, d["images"], first).clamp(min=0.0)
    return np.sum((by_offset(np, hidden, second) - d["target"]) ** 2)


def manual(
    d: Data, first: numpy.ndarray, second: numpy.ndarray
) -> tuple[numpy.ndarray, numpy.ndarray]:
    np = numpy
    columns = gather(d["images"])
    hidden = np.maximum(columns @ first.reshape(-1, first.shape[-1]), 0.0)
    deep = gather(hidden)
    weights = second.reshape(-1, second.shape[-1])
    g = deep @ weights
    g -= d["target"]
    g *= 2.0
    rows = g.reshape(-1, g.shape[-1])
    by_second = deep.reshape(len(rows), -1).T @ rows
    back = np.zeros_like(hidden)
    h, w = g.shape[1:3]
    for i in range(WIDTH):
        for j in range(WIDTH):
            back[:, i : i + h, j : j + w] += g @ second[i, j].T
    back *= hidden > 0.0
    rows = back.reshape(-1, back.shape[-1])
    by_first = columns.reshape(len(rows), -1).T @ rows
    return by_first.reshape(first.shape), by_second.reshape(second.shape)


def gather(x: numpy.ndarray) -> numpy.ndarray:
    """Return all offsets side by side."""
    h, w = x.shape[1] - WIDTH + 1, x.shape[2] - WIDTH + 1
    parts = [x[:, i : i + h, j : j + w] for i in range(WIDTH) for j in range(WIDTH)]
    return numpy.concatenate(parts, axis=-1)


EVAL = Eval(
    "convolution",
    ((4, 12, 4), (8, 32, 16)),
    (2, 6, 2),
    prepare,
    {"offsets": loss_of(by_offset), "columns": loss_of(by_columns)},
    manual,
    peers={"torch": relu_torch},
    group="programs",
)
