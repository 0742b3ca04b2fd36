"""Exercises of the lesson: each takes an answer and lets memograd check it.

An answer that is right gives "right"; one that is not raises an AssertionError with a hint.
"""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

import memograd as mg
from memograd.baselines import paths
from memograd.cli.walkthrough import section_13

POINTS = [(0.5, 1.5), (-1.0, 0.25), (2.0, -0.5)]
"""Points at which derivatives are compared."""


def diamonds(count: int) -> tuple[mg.Node, mg.Node]:
    """Return the output and the input of a chain of diamonds; two are the tutorial's section 7."""
    x = y = mg.Tape().leaf(1.0, name="x")
    for _ in range(count):
        y = np.sin(y) + np.cos(y)
    return y, x


def exercise_1(answer: int) -> str:
    """Section 7: how many paths lead through five diamonds, one after another?"""
    count = sum(1 for _ in paths(*diamonds(5)))
    assert answer == count, "each diamond has a left side and a right side; multiply"
    return "right"


def exercise_2(answer: Callable[[float, float], tuple[float, float]]) -> str:
    """Section 8: the local derivatives of z = x·exp(x·y) by x and by y, as a function of (x, y)."""
    for point in POINTS:
        tape = mg.Tape()
        x, y = map(tape.leaf, point)
        right = mg.grad(x * np.exp(x * y), [x, y])
        assert np.allclose(answer(*point), right), f"at {point} memograd finds {right}"
    return "right"


def exercise_3(answer: Callable[..., tuple[Any, Any]]) -> str:
    """Section 9: the backward phase of the block z = x·tanh(W): (∂L/∂x, ∂L/∂W) from (g, x, W)."""

    @mg.op
    def block(x: Any, W: Any) -> Any:
        return x * np.tanh(W)

    mg.rule(block, x=lambda g, x, W: answer(g, x, W)[0], W=lambda g, x, W: answer(g, x, W)[1])
    for point in POINTS:
        tape = mg.Tape()
        x, W = map(tape.leaf, point)
        mg.check.check_grad(np.exp(block(x, W)), [x, W])
    return "right"


def exercise_4(answer: Callable[[np.ndarray], np.ndarray]) -> str:
    """Section 12: the Jacobian of softmax, exp(x) / Σ exp(x), as a function of x."""
    for values in ([0.0, 1.0], [0.5, -1.0, 2.0]):
        x = mg.Tape().leaf(values)
        right = mg.jacobian(np.exp(x) / np.sum(np.exp(x)), x)
        found = np.asarray(answer(np.array(values)))
        assert found.shape == right.shape, f"{len(values)} rows and columns, not {found.shape}"
        assert np.allclose(found, right), "write p for softmax(x): ∂p_i/∂x_j = p_i·([i = j] − p_j)"
    return "right"


def exercise_5(answer: Collection[str]) -> str:
    """Section 13: after ∂L/∂W1, which nodes does the request for ∂L/∂W3 visit?"""
    tape, log = section_13(), mg.Log()
    mg.grad(tape["L"], tape["W1"])
    mg.grad(tape["L"], tape["W3"], log=log)
    assert set(answer) == set(log.visited), "follow the arrows from W3 to L; L itself is known"
    return "right"


def exercise_6(answer: Collection[str]) -> str:
    """Section 13: all three derivatives are known, and W1 changes. Which entries are wrong now?"""
    tape, log = section_13(), mg.Log()
    targets = [tape[name] for name in ("W1", "W2", "W3")]
    mg.grad(tape["L"], targets)
    tape["W1"].value = tape["W1"].value + 0.1
    mg.grad(tape["L"], targets, log=log)
    wrong = {tape[e.node].name for e in log.events if e.kind == "drop"}
    assert set(answer) == wrong, "an entry is wrong if a value or an entry that it read has changed"
    return "right"


def exercise_7(answer: str) -> str:
    """Section 14: from 1 number through 50 and 50 to 50 outputs: "forward" or "reverse"?"""
    t = mg.Tape().leaf(0.5)
    y = np.sin(t * np.linspace(0, 1, 50))
    for k in range(2):
        y = np.tanh(np.random.default_rng(k).normal(size=(50, 50)) / 7 @ y)
    _, report = mg.jacobian(y, t, report=True)
    assert answer == report.order, "which end of the product of Jacobians is the thin one?"
    return "right"
