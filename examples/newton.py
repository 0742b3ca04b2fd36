"""Newton's method and its higher kin: derivatives of derivatives, recorded once and replayed.

First one equation, f(x) = x³ − 2x − 5 = 0, Newton's own example of 1669. A step that uses f′ doubles the correct digits,
one that uses f″ too (Halley 1694) triples them, one with f‴ (Householder 1970) makes them fourfold. Then the minimum of
Rosenbrock's function in 200 variables: value, gradient and Hessian are nodes of one tape, and one plan replays them.
"""

from collections.abc import Callable
from decimal import Decimal, getcontext

import numpy as np

import memograd as mg

VARIABLES = 200


def cubic(x: mg.Node) -> mg.Node:
    """Newton's example."""
    return x * x * x - 2.0 * x - 5.0


def derivatives(f: Callable[[mg.Node], mg.Node], order: int) -> mg.Plan:
    """f, f′, f″, … as one plan: each is the derivative of the one before it, which is a node like any other."""
    x = mg.Tape().leaf(2.0, name="x")
    nodes = [f(x).named("f")]
    for _ in range(order):
        nodes.append(mg.grad_node(nodes[-1], x))
    return mg.plan(nodes, inputs=[x])


def newton(f: float, f1: float) -> float:
    return -f / f1


def halley(f: float, f1: float, f2: float) -> float:
    return -2 * f * f1 / (2 * f1**2 - f * f2)


def householder(f: float, f1: float, f2: float, f3: float) -> float:
    return -(6 * f * f1**2 - 3 * f**2 * f2) / (6 * f1**3 - 6 * f * f1 * f2 + f**2 * f3)


def solution() -> Decimal:
    """The root to 40 digits, for the error."""
    getcontext().prec = 40
    x = Decimal(2)
    for _ in range(8):
        x -= (x**3 - 2 * x - 5) / (3 * x**2 - 2)
    return x


def solve(step: Callable[..., float], order: int) -> None:
    """The error after each step, from x = 2."""
    plan, x, errors = derivatives(cubic, order), 2.0, []
    for _ in range(5):
        errors.append(abs(Decimal(x) - solution()))
        x = x + step(*map(float, plan(x)))
    print(
        f"  {step.__name__:<12} f{order * chr(39):<4}"
        + "".join(f"{error:>10.0e}" for error in errors)
    )
    assert errors[-1] < Decimal("1e-14")


def rosenbrock(x: mg.Node) -> mg.Node:
    return np.sum(100.0 * np.square(x[1:] - np.square(x[:-1])) + np.square(1.0 - x[:-1]))


def downhill(hessian: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Newton's step; where the Hessian bends down in some direction, as much of the identity is added as it takes."""
    shift = 0.0
    while True:
        try:
            np.linalg.cholesky(shifted := hessian + shift * np.eye(len(gradient)))
        except np.linalg.LinAlgError:
            shift = max(2 * shift, 1.0)
        else:
            step: np.ndarray = np.linalg.solve(shifted, -gradient)
            return step


def minimise() -> None:
    """Newton's method in many variables, with a step that is halved until the value falls."""
    functional = mg.functional
    f = functional.compiled(rosenbrock)
    gradient = functional.compiled(functional.grad(rosenbrock))
    hessian = functional.compiled(functional.hessian(rosenbrock))
    x = np.full(VARIABLES, 0.5)
    for k in range(300):
        value, g = float(f(x)), gradient(x)
        if k % 5 == 0 or np.abs(g).max() < 1e-10:
            print(f"  step {k:>2}   f = {value:>12.6g}   |∇f| = {np.abs(g).max():.1e}")
        if np.abs(g).max() < 1e-10:
            break
        step = downhill(hessian(x), g)
        while f(x + step) > value + 1e-4 * g @ step:
            step = step / 2
        x = x + step
    assert np.allclose(x, 1.0)


def main() -> None:
    print("x³ − 2x − 5 = 0 from x = 2: the error before each step")
    solve(newton, 1)
    solve(halley, 2)
    solve(householder, 3)
    print(f"\nRosenbrock's function in {VARIABLES} variables, from 0.5 everywhere")
    minimise()


if __name__ == "__main__":
    main()
