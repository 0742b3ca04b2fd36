"""Long programs: what an op costs at 50,000 ops and at a million, and whether a long loop stays flat. Nothing is asserted of time.

Run by `make bench`; each case runs once. Divide by the number of ops: it is in the case's name.
"""

import resource
from typing import Any

import numpy as np
import pytest

import memograd as mg


def chain(tape: mg.Tape, ops: int) -> tuple[list[mg.Node], mg.Node]:
    """Scalar sin, multiply, add, in turn."""
    x = y = tape.leaf(0.7)
    for _ in range(ops // 3):
        y = np.sin(y) * 1.5 + 0.1
    return [x], y


def ladder(tape: mg.Tape, ops: int) -> tuple[list[mg.Node], mg.Node]:
    """Diamonds: 2 to the number of levels paths."""
    x = c = tape.leaf(0.3)
    for _ in range(ops // 5):
        c = np.sin(0.7 * c) + np.cos(0.4 * c)
    return [x], c


def fan(tape: mg.Tape, ops: int) -> tuple[list[mg.Node], mg.Node]:
    """Leaves into one sum."""
    xs = [tape.leaf(0.1) for _ in range(ops)]
    return xs, np.sum(np.stack(xs))


CASES = [
    (chain, 50_000),
    (chain, 1_000_000),
    (ladder, 50_000),
    (ladder, 500_000),
    (fan, 5_000),
    (fan, 100_000),
]


@pytest.mark.parametrize(("build", "ops"), CASES, ids=lambda v: getattr(v, "__name__", v))
def test_record_ask_assign_ask_drop(benchmark: Any, build: Any, ops: int) -> None:
    def life() -> None:
        tape = mg.Tape()
        xs, L = build(tape, ops)
        first = mg.grad(L, xs)
        assert mg.grad(L, xs) == first
        tape.assign({x: 0.5 for x in xs})
        assert len(mg.grad(L, xs)) == len(xs)

    benchmark.pedantic(life, rounds=1)
    print(f"\npeak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB so far")


@pytest.mark.parametrize("steps", [30, 3000])
def test_training_steps_in_scratch_blocks(benchmark: Any, steps: int) -> None:
    """The last of many steps on one tape; compare the two."""
    tape, rng = mg.Tape(), np.random.default_rng(20260)
    W, b = tape.leaf(rng.normal(size=(8, 8)), name="W"), tape.leaf(rng.normal(size=8), name="b")

    def step() -> None:
        with tape.scratch():
            L = np.mean(np.tanh(W @ rng.normal(size=8) + b) ** 2)
            gW, gb = mg.grad(L, [W, b])
        tape.assign({W: W.value - 0.01 * gW, b: b.value - 0.01 * gb})

    for _ in range(steps):
        step()
    benchmark.pedantic(step, rounds=200)
    assert len(tape) == 2


@pytest.mark.parametrize("tables", [10, 10_000])
def test_one_assignment_beside_many_tables(benchmark: Any, tables: int) -> None:
    """An assignment that reaches one loss of many."""
    tape = mg.Tape()
    w = tape.leaf(0.5)
    bs = [tape.leaf(float(k)) for k in range(tables)]
    losses = [np.square(w * b) for b in bs]
    for L in losses:
        mg.grad(L, w)
    values = iter(np.linspace(0.1, 0.9, 1000))
    benchmark.pedantic(
        lambda: tape.assign({bs[3]: next(values)}),
        setup=lambda: mg.grad(losses[3], w) and None,
        rounds=1000,
    )
