"""What the memory is for: a request that repeats itself, and one after an assignment. Run by `make bench`; nothing is asserted of time."""

from typing import Any

import numpy as np
import pytest

import memograd as mg


def fan(tape: mg.Tape, leaves: int) -> mg.Node:
    """Many leaves into one sum: L = Σ sin(x_k)²."""
    xs = [tape.leaf(0.1 + k / leaves, name=f"x{k}") for k in range(leaves)]
    return np.sum(np.stack([np.sin(x) ** 2 for x in xs])).named("L")


def test_repeated_request(benchmark: Any) -> None:
    tape = mg.Tape()
    L = fan(tape, 1000)
    x = tape["x500"]
    assert benchmark(mg.grad, L, x) == pytest.approx(np.sin(2 * 0.6))


@pytest.mark.parametrize("leaves", [100, 10_000])
def test_one_assignment(benchmark: Any, leaves: int) -> None:
    """Of a leaf whose gradient is known; what it costs depends on what it reaches, not on the size of the tape."""
    tape = mg.Tape()
    L = fan(tape, leaves)
    x = tape["x0"]
    values = iter(np.linspace(0.1, 0.9, 1000))

    def ask() -> None:
        mg.grad(L, x)

    def assign() -> None:
        x.value = next(values)

    benchmark.pedantic(assign, setup=ask, rounds=1000)
    assert mg.grad(L, x) == pytest.approx(np.sin(2 * x.value))


@pytest.mark.parametrize("leaves", [100, 10_000])
def test_assign_and_ask(benchmark: Any, leaves: int) -> None:
    tape = mg.Tape()
    L = fan(tape, leaves)
    x = tape["x0"]
    values = iter(np.linspace(0.1, 0.9, 1_000_000))

    def step() -> Any:
        x.value = next(values)
        return mg.grad(L, x)

    assert benchmark(step) == pytest.approx(np.sin(2 * x.value))
