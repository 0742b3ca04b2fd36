"""From nothing to the gradient: a new tape, the program recorded, one request. Run by `make bench`; nothing is asserted of time."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import memograd as mg


def chain(x: Any, steps: int = 1000) -> Any:
    """One scalar op after another."""
    for _ in range(steps // 2):
        x = np.sin(x) * 1.01
    return x


def ladder(x: Any, levels: int = 1000) -> Any:
    """Diamonds on top of each other: 2 ** levels paths."""
    for _ in range(levels):
        x = 0.5 * x + 0.5 * np.sin(x)
    return x


def scalar_gradient(program: Callable[[Any], Any]) -> Any:
    x = mg.Tape().leaf(0.7)
    return mg.grad(program(x), x)


@pytest.mark.parametrize("program", [chain, ladder])
def test_scalars(benchmark: Any, program: Callable[[Any], Any]) -> None:
    derivative = benchmark(scalar_gradient, program)
    h = 1e-6
    assert derivative == pytest.approx((program(0.7 + h) - program(0.7 - h)) / (2 * h), rel=1e-4)


def mlp_gradients(
    x: np.ndarray, labels: np.ndarray, layers: list[tuple[np.ndarray, np.ndarray]]
) -> list[np.ndarray]:
    """The gradients of a network's cross-entropy by all its weights and biases."""
    tape = mg.Tape()
    nodes = [(tape.leaf(W), tape.leaf(b)) for W, b in layers]
    z: Any = x
    for W, b in nodes:
        z = np.tanh(z @ W + b)
    loss = np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(len(labels)), labels])
    return mg.grad(loss, [p for layer in nodes for p in layer])


@pytest.mark.parametrize("batch", [32, 256])
def test_mlp(benchmark: Any, rng: np.random.Generator, batch: int) -> None:
    sizes = (64, 128, 64, 10)
    layers = [(rng.normal(size=(m, n)) / np.sqrt(m), np.zeros(n)) for m, n in pairwise(sizes)]
    gradients = benchmark(
        mlp_gradients, rng.normal(size=(batch, 64)), rng.integers(10, size=batch), layers
    )
    assert [g.shape for g in gradients] == [p.shape for layer in layers for p in layer]
