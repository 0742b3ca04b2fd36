"""Handwritten digits: a network trained on one tape, then only the derivatives that somebody asks for.

Shows the main job on real input: the 1,797 digits of scikit-learn's `load_digits`; a network whose program is recorded
once and whose data are assigned anew at each step; and, on the trained network, selected requests, each with the number of
nodes that it visited and what that saves against backprop, which differentiates by every node that leads to the loss.

Needs scikit-learn and tqdm: pip install 'memograd[examples]'.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from tqdm import trange

import memograd as mg
from memograd.baselines import backprop

SEED, SIZES, EPOCHS, BATCH = 0, (64, 128, 64, 10), 40, 64

Layers = list[tuple[Any, Any]]


class Digits(NamedTuple):
    """Images, one a row, scaled to 0 … 1, and which digit each is."""

    images: np.ndarray
    labels: np.ndarray


def load(held_out: int = 360) -> tuple[Digits, Digits]:
    """The digits in random order: those to train on, and those to test with."""
    data: Any = load_digits(return_X_y=True)
    images, labels = data
    order = np.random.default_rng(SEED).permutation(len(labels))
    train, test = order[held_out:], order[:held_out]
    return Digits(images[train] / 16, labels[train]), Digits(images[test] / 16, labels[test])


def scores(x: Any, layers: Layers) -> Any:
    """Ten numbers for each image, the greatest at the digit that it looks like. Runs on arrays and on nodes."""
    *hidden, (W, b) = layers
    for V, c in hidden:
        x = np.maximum(x @ V + c, 0)
    return x @ W + b


def loss(x: Any, labels: Any, layers: Layers) -> Any:
    """The mean cross-entropy."""
    z = scores(x, layers)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(len(z)), labels])


def accuracy(digits: Digits, layers: Layers) -> float:
    """The part of the digits that is recognised."""
    return float(np.mean(np.argmax(scores(digits.images, layers), axis=1) == digits.labels))


def initial(rng: np.random.Generator) -> Layers:
    """Weights and biases to begin with."""
    return [(rng.normal(size=(m, n)) * np.sqrt(2 / m), np.zeros(n)) for m, n in pairwise(SIZES)]


def leaves(tape: mg.Tape, layers: Layers) -> Layers:
    """The layers as leaves W1, b1, W2, b2, …"""
    return [
        (tape.leaf(W, name=f"W{k}"), tape.leaf(b, name=f"b{k}"))
        for k, (W, b) in enumerate(layers, 1)
    ]


def train(digits: Digits) -> Layers:
    """Stochastic gradient descent with momentum. The program is recorded once; each step assigns and asks."""
    tape, rng = mg.Tape(), np.random.default_rng(SEED)
    layers = leaves(tape, initial(rng))
    x, labels = (
        tape.leaf(digits.images[:BATCH], name="x"),
        tape.leaf(digits.labels[:BATCH], name="labels"),
    )
    L = loss(x, labels, layers).named("L")
    parameters = [p for layer in layers for p in layer]
    velocities = [np.zeros(p.shape) for p in parameters]
    steps = len(digits.labels) // BATCH
    with trange(EPOCHS, desc="training", unit="epoch") as progress:
        for _ in progress:
            for batch in rng.permutation(len(digits.labels))[: steps * BATCH].reshape(steps, BATCH):
                tape.assign({x: digits.images[batch], labels: digits.labels[batch]})
                gradient = mg.grad(L, parameters)
                velocities = [0.9 * v - 0.1 * g for v, g in zip(velocities, gradient, strict=True)]
                tape.assign({p: p.value + v for p, v in zip(parameters, velocities, strict=True)})
            progress.set_postfix(refresh=False, loss=f"{L.value:.4f}")
    print(f"{steps * EPOCHS} steps on one tape, which still holds its first {len(tape)} nodes")
    return [(W.value, b.value) for W, b in layers]


def request(what: str, tape: mg.Tape, targets: list[mg.Node], everything: int) -> mg.Log:
    """Ask, print one row of counts, and compare the answer with a fresh tape's."""
    L, log = tape["L"], mg.Log()
    gradient = mg.grad(L, targets, log=log)
    saved = 1 - len(log.stored) / everything
    print(
        f"{what:<44}{len(log.visited):>8}{len(log.stored):>10}{len(log.read):>6}{everything:>10}{saved:>7.0%}"
    )
    fresh = afresh(tape)
    anew = mg.grad(fresh["L"], [fresh[t.name] for t in targets])
    assert all(map(np.array_equal, gradient, anew))
    return log


def afresh(tape: mg.Tape) -> mg.Tape:
    """The same loss on a tape that remembers nothing."""
    return on_test_digits(
        [(tape[f"W{k}"].value, tape[f"b{k}"].value) for k in range(1, len(SIZES))]
    )


def on_test_digits(layers: Layers) -> mg.Tape:
    """A tape with the loss L of the digits that were held out."""
    _, test = load()
    tape = mg.Tape()
    loss(test.images, test.labels, leaves(tape, layers)).named("L")
    return tape


def select(layers: Layers) -> None:
    """The last layer alone, an earlier one, and the last one again after one bias has changed."""
    tape = on_test_digits(layers)
    L, W2, b2, W3, b3 = (tape[name] for name in ("L", "W2", "b2", "W3", "b3"))
    everything = len(backprop(L)) - 1  # without ∂L/∂L, which costs nothing
    print(f"{'asked for':<44}{'visited':>8}{'computed':>10}{'read':>6}{'backprop':>10}{'saved':>7}")
    last = request("the last layer: W3, b3", tape, [W3, b3], everything)
    earlier = request("an earlier layer: W2, b2", tape, [W2, b2], everything)
    again = request("the same again", tape, [W2, b2], everything)
    b3.value = b3.value + 0.1 * (np.arange(10) == 3)
    after = request("the last layer, after one bias in b3 changed", tape, [W3, b3], everything)

    assert again.visited == [] and len(last.stored) + len(earlier.stored) < everything
    assert not set(last.stored) & set(earlier.stored), "no derivative is computed twice"
    assert set(after.stored) < set(last.stored), (
        "what the bias does not reach is not computed again"
    )


def main() -> None:
    train_digits, test_digits = load()
    print(
        f"{len(train_digits.labels)} digits to train on, {len(test_digits.labels)} to test with; layers {SIZES}; seed {SEED}"
    )
    layers = train(train_digits)
    right = accuracy(test_digits, layers)
    print(f"test accuracy: {right:.1%}\n")
    assert right >= 0.95
    select(layers)


if __name__ == "__main__":
    main()
