"""Ablation of the plan compiler: each pass left out, for several models.

`python tests/benchmarks/plan_passes.py` prints the tables of `examples/plans.md`. Times are minima
over interleaved calls, so that other load on the machine reaches all plans alike.
"""

import argparse
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

import numpy as np

import memograd as mg
from memograd.plans.passes import LIFT_CONSTANTS, PASSES, Pass

SIDES = (1024, 1024)
"""Shape of large arrays: 8 MB of doubles, more than a core's own cache."""

Model = tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]
"""Loss of parameters and data, the parameters, and the data."""


def cross_entropy(z: Any, onehot: np.ndarray) -> Any:
    """Return the mean cross-entropy of logits."""
    shifted = z - np.max(z, axis=1, keepdims=True)
    log_total = np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.sum(onehot * (shifted - log_total)) / len(onehot)


def mlp(p: dict[str, Any], d: dict[str, Any]) -> Any:
    """Return the loss of a network with a kink in its first layer."""
    h = np.maximum(d["x"] @ p["W1"] + p["b1"], 0.0)
    h = np.tanh(h @ p["W2"] + p["b2"])
    return cross_entropy(h @ p["W3"] + p["b3"], d["onehot"])


def lstm(p: dict[str, Any], d: dict[str, Any]) -> Any:
    """Return the loss of an LSTM whose four gates are slices of one product."""
    h = c = d["h"]
    n, total = h.shape[1], 0.0
    for x in d["xs"]:
        z = x @ p["Wx"] + h @ p["Wh"] + p["b"]
        f, i, o = (0.5 * np.tanh(0.5 * z[:, n * k : n * k + n]) + 0.5 for k in range(3))
        c = f * c + i * np.tanh(z[:, 3 * n :])
        h = o * np.tanh(c)
        total = total + np.sum(np.square(h @ p["Wo"]))
    return total


def attention(p: dict[str, Any], d: dict[str, Any]) -> Any:
    """Return the loss of one attention layer."""
    q, k, v = (d["x"] @ p[name] for name in ("Wq", "Wk", "Wv"))
    scores = q @ np.swapaxes(k, -1, -2) / 4.0
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    weights = weights / np.sum(weights, axis=-1, keepdims=True)
    return np.sum(np.square(weights @ v))


def large_arrays(p: dict[str, Any], d: dict[str, Any]) -> Any:
    """Return a sum of elementwise functions of large arrays."""
    y = np.tanh(p["a"] * d["x"] + p["b"])
    return np.sum(y * np.exp(-0.5 * np.square(y)) + 0.1 * d["x"] * y)


def mixture(p: dict[str, Any], d: dict[str, Any]) -> Any:
    """Return the log-likelihood of a mixture of normal distributions."""
    centred = d["x"][:, None] - p["mean"]
    scaled = np.einsum("kij,nkj->nki", p["scale"], centred) + np.exp(p["log"]) * centred
    terms = p["weight"] + np.sum(p["log"], axis=1) - 0.5 * np.sum(np.square(scaled), axis=-1)
    top = np.max(terms, axis=1)
    return np.sum(top + np.log(np.sum(np.exp(terms - top[:, None]), axis=1)))


def scalars(p: dict[str, Any], d: dict[str, Any]) -> Any:
    """Return a chain of scalar functions."""
    x, y = p["x"], p["y"]
    for _ in range(100):
        x, y = 0.9 * x + 0.1 * np.sin(y), 0.9 * y - 0.1 * x * x
    return x * y


def models() -> dict[str, Model]:
    """Return the models with parameters and data."""
    rng = np.random.default_rng(20260)

    def normal(**shapes: tuple[int, ...]) -> dict[str, Any]:
        return {name: 0.3 * rng.normal(size=shape) for name, shape in shapes.items()}

    onehot = np.eye(10)[rng.integers(10, size=64)]
    return {
        "mlp": (
            mlp,
            normal(W1=(32, 64), b1=(64,), W2=(64, 64), b2=(64,), W3=(64, 10), b3=(10,)),
            normal(x=(64, 32)) | {"onehot": onehot},
        ),
        "lstm": (
            lstm,
            normal(Wx=(8, 64), Wh=(16, 64), b=(64,), Wo=(16, 4)),
            normal(h=(8, 16)) | {"xs": list(rng.normal(size=(20, 8, 8)))},
        ),
        "attention": (
            attention,
            normal(Wq=(16, 16), Wk=(16, 16), Wv=(16, 16)),
            normal(x=(4, 16, 16)),
        ),
        "mixture": (
            mixture,
            normal(mean=(20, 8), scale=(20, 8, 8), log=(20, 8), weight=(20,)),
            normal(x=(500, 8)),
        ),
        "large arrays": (large_arrays, normal(a=SIDES, b=SIDES), normal(x=SIDES)),
        "scalars": (scalars, {"x": 0.3, "y": 0.7}, {}),
    }


def compile_model(model: Model, passes: tuple[Pass, ...]) -> tuple[Callable[[], Any], int]:
    """Return a call of the plan of a loss and its gradient, and its number of instructions."""
    loss, parameters, data = model
    tape = mg.Tape()
    leaves = {name: tape.leaf(value, name=name) for name, value in parameters.items()}
    L = loss(leaves, data)
    plan = mg.plan([L, *mg.grad_node(L, list(leaves.values()))], leaves, passes=passes)
    arrays = [np.asarray(value)[()] for value in parameters.values()]
    count = sum(instruction.op is not None for instruction in plan.graph.instructions.values())
    return lambda: plan(*arrays), count


def measure(calls: list[Callable[[], Any]], seconds: float) -> list[float]:
    """Return the least processor time of each call. A new random order in each round leaves no bias."""
    rng = np.random.default_rng(0)
    best = [float("inf")] * len(calls)
    end = perf_counter() + seconds
    while perf_counter() < end:
        for k in rng.permutation(len(calls)):
            start = process_time()
            calls[k]()
            best[k] = min(best[k], process_time() - start)
    return best


def ablate(seconds: float) -> tuple[list[str], list[list[str]]]:
    """Return the labels of the rows, and a column of cells for each model."""
    unique = [p for p in dict.fromkeys(PASSES) if p is not LIFT_CONSTANTS]
    pipelines = [PASSES, *(tuple(p for p in PASSES if p is not out) for out in unique), ()]
    columns = []
    for model in models().values():
        calls, counts = zip(*(compile_model(model, passes) for passes in pipelines), strict=True)
        times = measure(list(calls), seconds)
        first = f"{1e6 * times[0]:,.0f} µs, {counts[0]}"
        rest = (f"{t / times[0]:.2f}, {n}" for t, n in zip(times[1:], counts[1:], strict=True))
        columns.append([first, *rest])
    return ["nothing", *(p.name for p in unique), "all passes"], columns


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each model")
    labels, columns = ablate(parser.parse_args().seconds)
    print(f"| without | {' | '.join(models())} |")
    print(f"|---|{'--:|' * len(columns)}")
    for label, *cells in zip(labels, *columns, strict=True):
        print(f"| {label} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
