"""Random programs with branches, loops and early returns: an answer is right, or it is refused.

An answer equals that of the program run anew on plain NumPy. On a tape with guards it may also be
:class:`BranchChangedError`, but only where a branch has another outcome.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import memograd as mg
from memograd.errors import BranchChangedError
from memograd.functional import compiled, grad, value_and_grad

PROGRAMS, STEPS, LEAVES = 60, 12, 3
SEED = 20261201

Outcomes = list[Any]


class Program:
    """Random program of some leaves; the same on arrays and on nodes."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.steps = [
            (str(rng.choice(KINDS)), *(int(k) for k in rng.integers(0, 1000, 3)))
            for _ in range(rng.integers(2, 8))
        ]

    def __call__(self, *leaves: Any, outcomes: Outcomes | None = None) -> Any:
        """Run the program; its outcomes of branches are appended to the list."""
        seen: Outcomes = [] if outcomes is None else outcomes
        values = list(leaves)
        for kind, a, b, c in self.steps:
            x, y = values[a % len(values)], values[b % len(values)]
            new = RUN[kind](x, y, c, seen)
            if new is None:  # an early return
                return values[-1] * 3.0
            values.append(new)
        return sum(values[LEAVES:], 0.0 * values[0]) + values[0]


def noted(seen: Outcomes, outcome: Any) -> Any:
    """Return an outcome, and note it."""
    seen.append(outcome)
    return outcome


def branch(x: Any, y: Any, c: int, seen: Outcomes) -> Any:
    return np.sin(x) * y if noted(seen, bool(x > y)) else x - np.cos(y)


def count(x: Any, y: Any, c: int, seen: Outcomes) -> Any:
    for _ in range(noted(seen, int(np.floor(np.abs(x)))) % 4):
        y = y * 0.5 + x
    return y


def loop(x: Any, y: Any, c: int, seen: Outcomes) -> Any:
    z = np.abs(y) + 0.5
    while noted(seen, bool(z > 1.0)):
        z = z / (2.0 + np.abs(np.sin(x)))
    return z


def leave(x: Any, y: Any, c: int, seen: Outcomes) -> Any:
    return None if noted(seen, bool(x * y > 1.0)) else x * 0.5


RUN: dict[str, Callable[..., Any]] = {
    "branch": branch,
    "count": count,
    "loop": loop,
    "leave": leave,
    "sum": lambda x, y, c, seen: x + y * (c % 3),
    "product": lambda x, y, c, seen: np.tanh(x) * y,
}
KINDS = sorted(RUN)


@pytest.mark.parametrize("number", range(PROGRAMS))
def test_an_answer_on_a_tape_is_that_of_the_program_run_anew(number: int) -> None:
    print(f"seed {SEED}, program {number}")
    rng = np.random.default_rng([SEED, number])
    program, point = Program(rng), rng.normal(size=LEAVES)
    tape, taken = mg.Tape(branches="guard"), list[Any]()
    leaves = [tape.leaf(x) for x in point]
    y = program(*leaves, outcomes=taken)
    answered = 0
    for _ in range(STEPS):
        k = int(rng.integers(LEAVES))
        point[k] += rng.normal() * 0.7
        leaves[k].value = point[k]
        seen: Outcomes = []
        expected = program(*point, outcomes=seen)
        try:
            value, g = y.value, mg.grad(y, leaves)
        except BranchChangedError:
            assert seen != taken
            continue
        answered += 1
        assert value == expected
        np.testing.assert_array_equal(g, grad(program, (0, 1, 2))(*point))
    assert answered or taken


@pytest.mark.parametrize("number", range(PROGRAMS))
def test_a_compiled_function_takes_the_way_of_its_inputs(number: int) -> None:
    print(f"seed {SEED}, program {number}")
    rng = np.random.default_rng([SEED, number, 1])
    program = Program(rng)
    step = compiled(value_and_grad(program, (0, 1, 2)))
    for _ in range(STEPS):
        point = rng.normal(size=LEAVES)
        value, g = step(*point)
        expected = value_and_grad(program, (0, 1, 2))(*point)
        np.testing.assert_allclose(value, expected[0], rtol=1e-13)
        np.testing.assert_allclose(g, expected[1], rtol=1e-12, atol=1e-14)
    assert len(step.plans) == 1
