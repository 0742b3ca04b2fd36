"""In which order to multiply a Jacobian together: section 14 of M. Tomassoli, "Calculus and Backpropagation" (2016).

Reverse (foldr) and forward (foldl) are two of many orders. In a chain of layers with a bottleneck neither is good: multiplied
from the bottleneck outwards, the same Jacobian takes a small part of the multiplications, and of the time. In a program of
single numbers, numbers are taken away one by one, and the order of that matters as much.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

import memograd as mg

SEED = 14
BOTTLENECK = {"a": (100, 100), "b": (2, 100), "c": (100, 2), "y": (100, 100)}
LARGER = {"a": (800, 800), "b": (4, 800), "c": (800, 4), "y": (800, 800)}


def layers(
    shapes: dict[str, tuple[int, int]], between: Callable[[mg.Node], mg.Node]
) -> tuple[mg.Node, mg.Node]:
    """A chain of linear layers from x to y, with a function between them."""
    rng = np.random.default_rng(SEED)
    x = y = mg.Tape().leaf(rng.normal(size=next(iter(shapes.values()))[1]), name="x")
    for name, shape in shapes.items():
        y = (rng.normal(size=shape) / np.sqrt(shape[1]) @ (y if y is x else between(y))).named(name)
    return y, x


def arm() -> tuple[list[mg.Node], list[mg.Node]]:
    """Where the hand of an arm is, by the angles of its joints and the lengths between them."""
    tape = mg.Tape()
    angles = [tape.leaf(0.3 + 0.2 * k, name=f"q{k}") for k in range(4)]
    lengths = [tape.leaf(1.0 - 0.2 * k, name=f"l{k}") for k in range(4)]
    total = angles[0]
    x, y = lengths[0] * np.cos(total), lengths[0] * np.sin(total)
    for angle, length in zip(angles[1:], lengths[1:], strict=True):
        total = total + angle
        x, y = x + length * np.cos(total), y + length * np.sin(total)
    return [
        np.sqrt(x * x + y * y).named("reach"),
        np.arctan2(y, x).named("turn"),
        x.named("x"),
        y.named("y"),
    ], angles + lengths


def seconds(y: Any, x: Any, order: str) -> float:
    """The best of some runs."""
    times = []
    for _ in range(10):
        start = perf_counter()
        mg.jacobian(y, x, order=order)
        times.append(perf_counter() - start)
    return min(times)


def show(title: str, y: Any, x: Any) -> None:
    """The report of the order that is taken, and how long the two directions take beside it; all orders agree."""
    J, report = mg.jacobian(y, x, report=True)
    report = (
        report[0] if isinstance(report, list) else report
    )  # numbers have one report, all together
    taken = seconds(y, x, "auto")
    print(f"{title}\n\n{report}")
    for order in ("reverse", "forward"):
        np.testing.assert_allclose(mg.jacobian(y, x, order=order), J, rtol=1e-8, atol=1e-10)
        print(f"{order} takes {seconds(y, x, order) / taken:.1f} times as long")
    print()


def main() -> None:
    """Three programs, each in the order that takes the fewest multiplications."""
    show("Linear layers 100-100-2-100-100:", *layers(BOTTLENECK, lambda h: h))
    show("Layers 800-800-4-800-800, with tanh between:", *layers(LARGER, np.tanh))
    show("The hand of an arm, number by number:", *arm())


if __name__ == "__main__":
    main()
