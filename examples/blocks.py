"""Block coordinate descent: each step changes one block of inputs and asks for the next block's gradient.

Shows what survives an assignment. A noisy signal is smoothed in eight blocks; the loss has one term for each block and
one for each seam between neighbours, so that a step changes few of its values, and few of the derivatives that the next
request needs. These are computed anew; everything else is read as it stands. In the first sweep the blocks to come have
not moved yet, and almost all is kept; later each has moved since it was last asked for, and its own terms are new.
The loss itself is read, too, to be printed: that computes more values, which the gradient does not need.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

import memograd as mg

SEED, BLOCKS, WIDTH, SWEEPS, RATE = 8, 8, 50, 10, 0.04


class Step(NamedTuple):
    """What one request computed and saved, and the loss after it; see `mg.Log.saved`."""

    computed: Any
    anew: Any
    share: float
    loss: float


def noisy_signal() -> np.ndarray:
    """A slow wave with noise, a row for each block."""
    rng = np.random.default_rng(SEED)
    wave = np.sin(np.linspace(0, 2 * np.pi, BLOCKS * WIDTH))
    signal: np.ndarray = wave + 0.3 * rng.normal(size=wave.shape)
    return signal.reshape(BLOCKS, WIDTH)


def roughness(x: mg.Node) -> mg.Node:
    """The jumps between neighbouring points, large ones counted by their size, not its square."""
    return np.sum(np.sqrt(1 + np.square(10 * (x[1:] - x[:-1]))))


def build(blocks: np.ndarray, data: np.ndarray) -> mg.Tape:
    """The loss L over the leaves x0, x1, …"""
    tape = mg.Tape()
    xs = [tape.leaf(block, name=f"x{k}") for k, block in enumerate(blocks)]
    fits = [np.sum(np.square(x - d)) + 0.1 * roughness(x) for x, d in zip(xs, data, strict=True)]
    seams = [np.square(a[-1] - b[0]) for a, b in pairwise(xs)]
    np.sum(np.stack(fits + seams)).named("L")
    return tape


def step(tape: mg.Tape, k: int, gradient: np.ndarray) -> tuple[Step, np.ndarray]:
    """Move block k against its gradient, and ask for the gradient of the block after it."""
    L, x, following = tape["L"], tape[f"x{k}"], tape[f"x{(k + 1) % BLOCKS}"]
    x.value = x.value - RATE * gradient
    log = mg.Log()
    asked = mg.grad(L, following, log=log)
    saved = log.saved
    return Step(saved.computed, saved.anew, saved.share, float(L.value)), asked


def explain(tape: mg.Tape) -> None:
    """What the next step would do, why it would, and what the memory holds."""
    L, x3 = tape["L"], tape["x3"]
    x3.value = 0.99 * x3.value
    print(f"\nx3 was assigned; before ∂L/∂x3 is asked for:\n{mg.preview(L, x3)}\n")
    mg.grad(L, x3)
    for name in ("x3", "x0", "x7"):
        print(mg.why(L, tape[name]))
    lines = repr(tape.memory).splitlines()
    print("\nthe memory, the largest entries first:", *lines[:4], "…", lines[-1], sep="\n")


def main() -> None:
    data = noisy_signal()
    tape = build(data, data)
    L = tape["L"]
    gradient = mg.grad(L, [tape[f"x{k}"] for k in range(BLOCKS)])[0]
    losses = [float(L.value)]
    print(
        f"{len(tape)} nodes, {BLOCKS} blocks of {WIDTH}, seed {SEED}; the loss begins at {losses[0]:.3f}\n"
    )
    print(
        f"{'sweep':>5}  {'changed':<8}{'asked for':<10}{'values computed':>16}{'derivatives':>15}{'work saved':>12}{'loss':>10}"
    )
    for sweep in range(SWEEPS):
        for k in range(BLOCKS):
            done, gradient = step(tape, k, gradient)
            losses.append(done.loss)
            if sweep in (0, SWEEPS - 1):
                values, derivatives = (
                    f"{done.computed.values} of {done.anew.values}",
                    f"{done.computed.derivatives} of {done.anew.derivatives}",
                )
                print(
                    f"{sweep:>5}  x{k:<7}∂L/∂x{(k + 1) % BLOCKS:<5}{values:>16}{derivatives:>15}{done.share:>12.0%}{done.loss:>10.3f}"
                )

    explain(tape)
    fresh = build(np.array([tape[f"x{k}"].value for k in range(BLOCKS)]), data)
    assert np.array_equal(gradient, mg.grad(fresh["L"], fresh["x0"])), (
        "the answer is a fresh tape's, bit for bit"
    )
    assert all(after < before for before, after in pairwise(losses))


if __name__ == "__main__":
    main()
