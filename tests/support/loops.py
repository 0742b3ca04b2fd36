"""Programs with loops and branches, written once, for memograd's constructs and for Python's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import memograd as mg
from memograd.arrays.pytrees import tree_leaves, tree_map, tree_unflatten


class Unrolled:
    """The constructs as Python's loops and branches."""

    @staticmethod
    def scan(body, carry, xs=None, length=None, *, reverse=False, slots=None):
        steps = len(tree_leaves(xs)[0]) if length is None else length
        results = []
        for t in reversed(range(steps)) if reverse else range(steps):
            carry, y = body(carry, tree_map(lambda x: x[t], xs))  # noqa: B023
            results.append(y)
        if reverse:
            results.reverse()
        columns = zip(*map(tree_leaves, results), strict=True)
        return carry, tree_unflatten(results[0], [np.stack(ys) for ys in columns])

    @staticmethod
    def while_loop(cond_fun, body_fun, init_val, *, slots=None):
        while bool(cond_fun(init_val)):
            init_val = body_fun(init_val)
        return init_val

    @staticmethod
    def cond(pred, true_fun, false_fun, *operands):
        return (true_fun if bool(pred) else false_fun)(*operands)

    @staticmethod
    def fixed_point(f, x0):
        for _ in range(80):
            x0 = f(x0)
        return x0


class Program(NamedTuple):
    """A program of constructs `m` and parameters `p`, with a point, and another one."""

    name: str
    run: Callable[[Any, Any], Any]
    point: dict[str, Any]
    other: dict[str, Any]

    def __repr__(self) -> str:
        return self.name


PROGRAMS: list[Program] = []


def program(**shapes: tuple[int, ...]) -> Callable[[Any], Any]:
    """A program whose parameters have these shapes."""

    def add(run: Any) -> Any:
        rng = np.random.default_rng(len(PROGRAMS))
        point, other = (
            {name: rng.uniform(0.2, 0.9, shape) for name, shape in shapes.items()} for _ in "ab"
        )
        PROGRAMS.append(Program(run.__name__, run, point, other))
        return run

    return add


def total(nest: Any) -> Any:
    """A number that depends on every element."""
    return sum(np.sum(np.sin(k + 1.3 * np.real(a))) for k, a in enumerate(tree_leaves(nest)))


@program(W=(3, 3), h=(3,), X=(5, 3), s=())
def rnn(m, p):
    def body(h, x):
        h = np.tanh(p["W"] @ h + x * p["s"])
        return h, np.sum(h * h)

    return total(m.scan(body, p["h"], p["X"]))


@program(W=(3, 3), h=(3,), X=(5, 3))
def rnn_backwards_in_two_slots(m, p):
    def body(h, x):
        return np.tanh(p["W"] @ h + x), h[0]

    return total(m.scan(body, p["h"], p["X"], reverse=True, slots=2))


@program(a=(), b=())
def python_number_as_state(m, p):
    return total(m.scan(lambda s, x: (s * p["a"] + x, s), 0, np.arange(4.0))) * p["b"]


@program(a=(), b=(2,))
def no_rows(m, p):
    return total(m.scan(lambda s, _: (np.sin(s * p["a"]), None), p["b"], length=4))


@dataclass
class Pair:
    left: Any
    right: Any


@program(a=(2,), b=(2,), X=(4, 2), Y=(4,))
def nested_state(m, p):
    def body(state, row):
        pair, (u, none), count = state["pair"], state["more"], state["count"]
        left = pair.left * row["X"] + u
        right = np.cos(pair.right) * row["Y"] * (count + 1)
        new = {"pair": Pair(left, right), "more": (np.sum(left), none), "count": count + 1}
        return new, [left, {"sum": np.sum(right)}]

    start = {"pair": Pair(p["a"], p["b"]), "more": (0.0, None), "count": 0}
    last, ys = m.scan(body, start, {"X": p["X"], "Y": p["Y"]})
    return total([last["pair"].left, last["pair"].right, last["more"][0], ys])


@program(A=(3, 3), X=(3, 3))
def eigenvalues_in_the_body(m, p):
    def body(A, x):
        w, V = np.linalg.eigh(A + A.T + np.diag([1.0, 3.0, 6.0]))
        return np.outer(x, w) / 9, w * np.square(V[0])

    return total(m.scan(body, p["A"], p["X"]))


@program(a=(), b=(2,))
def complex_state(m, p):
    def body(z, x):
        z = z * np.exp(1j * p["a"]) + x
        return z, np.abs(z)

    z, ys = m.scan(body, p["b"] + 0.5j, np.arange(1.0, 5.0))
    return np.sum(np.real(z) * np.imag(z)) + total(ys)


@program(W=(2, 2), h=(2,), X=(3, 4))
def scan_in_scan(m, p):
    def outer(h, row):
        inner, ys = m.scan(lambda g, x: (np.sin(p["W"] @ g) + x * h, g[0]), h, row)
        return np.tanh(inner), np.sum(ys)

    return total(m.scan(outer, p["h"], p["X"]))


@program(a=(), b=(3,))
def scan_in_while_in_cond(m, p):
    def some(x):
        def body(state):
            y, n = state
            z, _ = m.scan(lambda s, t: (np.sin(s * p["a"]) + 0.1 * t, None), y, np.arange(3.0))
            return z * x, n + 1

        return m.while_loop(lambda state: state[1] < 3, body, (p["b"], 0))[0]

    return total(m.cond(p["a"] > 0, some, lambda x: x * p["b"], p["a"]))


@program(a=(2,), w=(2,))
def gradient_in_the_body(m, p):
    def loss(w, x):
        return np.sum(np.cosh(w * x) * p["a"])

    def descend(w, x):
        value, g = mg.functional.value_and_grad(loss)(w, x)
        return w - 0.1 * g, value

    return total(m.scan(descend, p["w"], np.array([0.3, 0.7, 1.1])))


@program(a=(), b=(), x=())
def while_root(m, p):
    def body(state):
        x, n = state
        return (x + p["a"] / x) / 2 + 0.01 * p["b"] * x, n + 1

    x, n = m.while_loop(
        lambda s: np.abs(s[0] * s[0] - p["a"]) > 0.05, body, (p["x"] + 1.0, 0), slots=2
    )
    return x * x * p["a"]


@program(a=(), W=(2, 2), h=(2,))
def while_with_matrices(m, p):
    last = m.while_loop(lambda h: np.sum(h) < 4, lambda h: h + np.sin(p["W"] @ h) * p["a"], p["h"])
    return total(last)


@program(a=(), b=(2,))
def branch(m, p):
    taken = m.cond(p["a"] > 0.1, lambda b: np.sin(b * p["a"]), lambda b: b * b * b, p["b"])
    other = m.cond(p["a"] < 0.1, lambda b: np.sin(b), lambda b: np.cos(b * p["a"]) * b, p["b"])
    return total([taken, other])


@program(a=(2,), b=(), x=(2,))
def contraction(m, p):
    return total(m.fixed_point(lambda x: p["a"] / 4 * np.cos(x * p["b"] + p["a"]), p["x"]))


@program(a=(2,), b=())
def contraction_of_two(m, p):
    def f(pair):
        return {"u": np.cos(pair["v"]) * p["a"] / 3, "v": np.sum(pair["u"]) * p["b"] / 4}

    return total(m.fixed_point(f, {"u": np.zeros(2), "v": 0.0}))


@program(a=(), X=(4, 2))
def branch_in_scan(m, p):
    def body(s, x):
        s = m.cond(np.sum(s) > 0.8, lambda s: s * p["a"] * x, lambda s: np.cos(s) + x * p["a"], s)
        return s, s[0] * p["a"]

    return total(m.scan(body, np.zeros(2), p["X"]))
