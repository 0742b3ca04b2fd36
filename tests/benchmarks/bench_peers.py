"""The same loss and gradient by memograd, by its peers, and by hand. Run by `make bench`; nothing is asserted of time.

autograd, JAX and PyTorch take part where they are installed: `make bench BENCH_EXTRAS=test,compare,fast`. Compare within one
run: figures of two runs differ by more than what they are to show.
"""

from typing import Any

import numpy as np
import pytest

import memograd as mg


class Mlp:
    """A network of three layers on a batch of 32, by all its weights."""

    def inputs(self, rng: np.random.Generator) -> list[np.ndarray]:
        return [rng.normal(size=shape) / 8 for shape in ((64, 128), (128, 64), (64, 10))]

    def loss(self, np: Any, W1: Any, W2: Any, W3: Any) -> Any:
        x = self.x if np.__name__ in ("numpy", "autograd.numpy") else np.asarray(self.x)
        return np.sum(np.square(np.tanh(np.tanh(x @ W1) @ W2) @ W3))

    def manual(self, W1: Any, W2: Any, W3: Any) -> Any:
        h = np.tanh(self.x @ W1)
        k = np.tanh(h @ W2)
        y = k @ W3
        g = 2.0 * y
        gk = (g @ W3.T) * (1.0 - k * k)
        return np.sum(y * y), [self.x.T @ ((gk @ W2.T) * (1.0 - h * h)), h.T @ gk, k.T @ g]

    x = np.random.default_rng(20260).normal(size=(32, 64))


class Chain:
    """A thousand scalar ops, one after the other."""

    def inputs(self, rng: np.random.Generator) -> list[np.ndarray]:
        return [np.array(0.7)]

    def loss(self, np: Any, x: Any) -> Any:
        for _ in range(333):
            x = np.sin(x) * 1.5 + 0.1
        return x

    def manual(self, x: Any) -> Any:
        seen = []
        for _ in range(333):
            seen.append(x)
            x = np.sin(x) * 1.5 + 0.1
        g = 1.0
        for v in reversed(seen):
            g = g * 1.5 * np.cos(v)
        return x, [g]


def by_hand(task: Any, values: list[Any]) -> Any:
    return lambda: task.manual(*values)


def cold(task: Any, values: list[Any]) -> Any:
    def run() -> Any:
        tape = mg.Tape()
        leaves = [tape.leaf(v) for v in values]
        L = task.loss(np, *leaves)
        return L.value, mg.grad(L, leaves)

    return run


def again(task: Any, values: list[Any]) -> Any:
    tape = mg.Tape()
    leaves = [tape.leaf(v) for v in values]
    L = task.loss(np, *leaves)
    turns = [dict(zip(leaves, (v * (1 + s) for v in values), strict=True)) for s in (0.0, 1e-12)]

    def run() -> Any:
        turns.reverse()
        tape.assign(turns[0])
        return L.value, mg.grad(L, leaves)

    return run


def replayed(task: Any, values: list[Any]) -> Any:
    tape = mg.Tape()
    leaves = [tape.leaf(v) for v in values]
    L = task.loss(np, *leaves)
    plan = mg.plan((L, mg.grad_node(L, leaves)), inputs=leaves)
    return lambda: plan(*values)


def autograd(task: Any, values: list[Any]) -> Any:
    library = pytest.importorskip("autograd", reason="autograd is in the extra `compare`")
    numpy = pytest.importorskip("autograd.numpy", reason="autograd is in the extra `compare`")
    f = library.value_and_grad(lambda vs: task.loss(numpy, *vs))
    return lambda: f(tuple(values))


def jax(task: Any, values: list[Any]) -> Any:
    library = pytest.importorskip("jax", reason="JAX is in the extra `compare`")
    library.config.update("jax_enable_x64", True)
    f = library.jit(library.value_and_grad(lambda vs: task.loss(library.numpy, *vs)))
    return lambda: library.block_until_ready(f(values))


def torch(task: Any, values: list[Any]) -> Any:
    library = pytest.importorskip(
        "torch", reason="PyTorch is installed by hand: pip install torch==2.13.0"
    )
    library.set_num_threads(1)
    leaves = [library.tensor(v, requires_grad=True) for v in values]

    def run() -> Any:
        L = task.loss(library, *leaves)
        return L.item(), library.autograd.grad(L, leaves)

    return run


@pytest.mark.parametrize("way", [by_hand, cold, again, replayed, autograd, jax, torch])
@pytest.mark.parametrize("task", [Mlp(), Chain()], ids=["mlp", "chain"])
def test_peers(benchmark: Any, rng: np.random.Generator, task: Any, way: Any) -> None:
    benchmark.group = type(task).__name__
    values = task.inputs(rng)
    value, gradients = benchmark(way(task, values))
    wanted, truth = task.manual(*values)
    np.testing.assert_allclose(float(value), wanted, rtol=1e-9)
    for g, t in zip(gradients, truth, strict=True):
        np.testing.assert_allclose(np.asarray(g), t, rtol=1e-7, atol=1e-12)
