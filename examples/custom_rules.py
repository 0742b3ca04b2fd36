"""Rules for functions of your own: a ufunc, a function that closes over data, and the root of an equation.

Each is one op of the tape, with its derivatives on lines that read what their parameters name: `g` is the cotangent of the
result, `y` the result, the others are operands. A line is plain NumPy, so that it is differentiated again like any program.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev

import memograd as mg
from memograd.check import check_grad, check_rule

# ------------------------------------------------------------------ a ufunc: any callable that NumPy makes elementwise

softplus = mg.op(np.vectorize(lambda x: np.log1p(np.exp(-abs(x))) + max(x, 0.0), otypes=[float]))
mg.elementwise(
    softplus, x=lambda g, x: g * np.exp(-np.logaddexp(0, -x))
)  # far out too: exp never overflows

# ----------------------------------------------------- a function that closes over data: the samples are no operands of it

TIMES = np.linspace(-1.0, 1.0, 200)
FIT = Chebyshev.fit(TIMES, np.exp(TIMES) * np.cos(3 * TIMES), 20)


@cache
def signal(order: int = 0) -> Callable[[Any], Any]:
    """The polynomial that fits the samples, or one of its derivatives, as an op; each is made when a line first asks for it."""

    @mg.op
    def fitted(t: Any) -> Any:
        return FIT.deriv(order)(t)

    mg.elementwise(fitted, t=lambda g, t: g * signal(order + 1)(t))
    return fitted


# ------------------------------- an implicit function: E with E - e sin E = M (Kepler); at the root, dE (1 - e cos E) = dM + sin E de


@mg.op
def anomaly(M: Any, e: Any) -> Any:
    """Newton's method, to the last bit; no step of it is recorded."""
    E = M + e * np.sin(M)
    for _ in range(20):
        E = E - (E - e * np.sin(E) - M) / (1 - e * np.cos(E))
    return E


mg.elementwise(anomaly,
               M=lambda g, e, y: g / (1 - e * np.cos(y)),
               e=lambda g, e, y: g * np.sin(y) / (1 - e * np.cos(y)))  # fmt: skip


def main() -> None:
    for op, *sample in (
        (softplus, np.array([-30.0, 0.5, 2.0])),
        (signal(), TIMES[9::60]),
        (anomaly, np.array([0.3, 2.0]), 0.6),
    ):
        check_rule(op, *sample)
    print("three rules agree with central differences, to second order")

    tape = mg.Tape()
    x = tape.leaf([-800.0, 0.0, 800.0], name="x")
    print("softplus far out:      ", mg.grad(np.sum(softplus(x)), x))

    t = tape.leaf(0.25, name="t")
    print("Newton on the samples: ", end="")
    slope = mg.grad_node(signal()(t), t)
    for _ in range(6):
        t.value = t.value - slope.value / mg.grad(slope, t)
    print(f" the slope vanishes at t = {t.value:.6f}")

    e = tape.leaf(0.6, name="e")
    E = anomaly(tape.leaf(2.0, name="M"), e).named("E")
    print(
        f"the root of an equation: E = {E.value:.6f}, ∂E/∂M = {mg.grad(E, tape['M']):.6f}, ∂E/∂e = {mg.grad(E, e):.6f}"
    )
    print(
        f"nodes of that program:   {[node.name for node in E.operands]} and E, whatever Newton did"
    )
    check_grad(E, [tape["M"], e])
    assert abs(slope.value) < 1e-12
    assert abs(E.value - e.value * np.sin(E.value) - 2.0) < 1e-14


if __name__ == "__main__":
    main()
