"""Code of a user who checks types: mypy --strict and pyright pass on it, and infer what it says.

`assert_type` is checked by the type checkers; at run time it does nothing.
"""

from time import perf_counter
from typing import Any, assert_type

from numpy.typing import NDArray

import memograd as mg
import memograd.numpy as np
from memograd.functional import compiled, value_and_grad

Array = NDArray[Any]


def layer(W: mg.Node, x: mg.Node | Array) -> mg.Node:
    return np.tanh(W @ x).named("h")


def train(steps: int = 3, rate: float = 0.1) -> tuple[Array, float]:
    tape = mg.Tape()
    W = tape.leaf(np.ones((2, 3)), name="W")
    b = tape.leaf(np.zeros(2), name="b")
    x = np.linspace(0.0, 1.0, 3)
    h = layer(W, x) + b
    assert_type(h, mg.Node)
    assert_type(h.shape, tuple[int, ...])
    L = np.mean(np.square(np.where(h > 0, h, 0.1 * h)), axis=0).named("L")
    assert_type(L, mg.Node)
    for _ in range(steps):
        gradient = mg.grad(L, {"W": W, "b": b})
        assert_type(gradient, dict[str, Array])
        W.value = W.value - rate * gradient["W"]
        b.value = b.value - rate * gradient["b"]
    return W.value, float(L.value)


def other_derivatives() -> None:
    tape = mg.Tape()
    x, y = tape.leaf([1.0, 2.0]), tape.leaf(3.0)
    L = np.sum([x[0] * y, x[1]])
    assert_type(mg.grad(L), dict[str, Array])
    assert_type(mg.grad(L, x), Array)
    assert_type(mg.grad(L, [x, y]), list[Array])
    assert_type(mg.grad(L, (x, y)), tuple[Array, ...])
    assert_type(mg.grad_node(L, x), mg.Node)
    assert_type(mg.grad_node(L, [x, y]), list[mg.Node])
    assert_type(mg.hessian(L, x), Array)
    assert_type(mg.jacobian(np.exp(x), x), Array)
    assert_type(mg.hvp(L, x, [1.0, 0.0]), Array)
    assert_type(mg.vjp(np.exp(x), x, [1.0, 0.0]), Array)
    assert_type(mg.jvp(np.exp(x), x, [1.0, 0.0]), Array)
    assert_type(mg.stop_gradient(x), mg.Node)
    for row in x:
        assert_type(row, mg.Node)


def operators() -> None:
    a, x = np.ones(2), mg.Tape().leaf([1.0, 2.0])
    assert_type(a * x + 1.0, mg.Node)
    assert_type(np.array([[1.0, 0.0], [0.0, 2.0]]) @ x, mg.Node)
    assert_type(-a @ x, mg.Node)
    assert_type(2.0**x, mg.Node)
    assert_type(x == a, mg.Node)
    assert_type(x.at[0].set(1.0), mg.Node)
    assert_type(x.sum(axis=0), mg.Node)
    assert_type(np.linalg.norm(x), mg.Node)
    assert_type(np.exp(a), Array)
    assert_type(np.pi, float)


@mg.op
def cube(x: mg.Node) -> mg.Node:
    return x * x * x


mg.elementwise(cube, x=lambda g, x: 3.0 * g * x * x)


def functions() -> float:
    def loss(w: mg.Node) -> mg.Node:
        return np.sum(cube(w))

    value, gradient = value_and_grad(loss)(np.ones(2))
    again, _ = compiled(value_and_grad(loss))(np.ones(2))
    log = mg.Log(perf_counter)
    x = mg.Tape().leaf(1.0)
    mg.grad(loss(x), x, log=log)
    names: list[str] = log.stored + log.computed.values
    assert_type(log.saved.share, float)
    assert_type(log.computed.totals.seconds, float | None)
    print(mg.preview(loss(x), x, log=log).compare(log))
    return float(value - again) + len(names) + float(gradient[0])


if __name__ == "__main__":
    train()
    other_derivatives()
    operators()
    functions()
