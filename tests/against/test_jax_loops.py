"""Loops and branches against JAX's: scan in both modes to third order, while loops forward, branches."""

from types import SimpleNamespace

import numpy as np
import pytest

import memograd as mg
from memograd import functional as F

ORDERS = (1, 3)


@pytest.fixture(scope="module")
def jax():
    jax = pytest.importorskip("jax", reason="JAX is in the extra `compare`")
    jax.config.update("jax_enable_x64", True)
    return jax


def ours():
    return SimpleNamespace(np=np, scan=mg.scan, while_loop=mg.while_loop, cond=mg.cond)


def theirs(jax):
    lax = jax.lax
    return SimpleNamespace(np=jax.numpy, scan=lax.scan, while_loop=lax.while_loop, cond=lax.cond)


def gru(m, p):
    """A recurrent network, from the last row to the first, whose states and results both count."""

    def body(h, row):
        gate = 1 / (1 + m.np.exp(-(p["U"] @ h + row["x"])))
        h = gate * h + (1 - gate) * m.np.tanh(p["W"] @ h * row["s"])
        return h, {"norm": m.np.sum(h * h), "h": h}

    rows = {"x": p["X"], "s": p["s"]}
    h, ys = m.scan(body, p["h"], rows, reverse=True)
    return m.np.sum(h**3) + m.np.sum(m.np.sin(ys["norm"])) + m.np.sum(ys["h"][1] * ys["h"][2])


def branch_in_scan(m, p):
    def body(h, x):
        h = m.cond(
            m.np.sum(h) > 0.5, lambda h: m.np.sin(h) * p["h"], lambda h: m.np.exp(h) * x[:3], h
        )
        return h, h[0]

    h, ys = m.scan(body, p["h"], p["X"])
    return m.np.sum(h * h) + m.np.sum(ys**3)


def scan_in_scan(m, p):
    def outer(h, x):
        g, ys = m.scan(lambda g, s: (m.np.sin(p["W"] @ g) * s + x, m.np.sum(g)), h, p["s"])
        return g, m.np.sum(ys * ys)

    h, ys = m.scan(outer, p["h"], p["X"])
    return m.np.sum(h**3) + m.np.sum(ys)


def newton(m, p):
    """A while loop; the number of steps depends on values."""

    def body(state):
        x, n = state
        return x - (x**3 - p["h"]) / (3 * x**2) * p["s"][0], n + 1

    x, _ = m.while_loop(
        lambda s: m.np.any(m.np.abs(s[0] ** 3 - p["h"]) > 0.01), body, (1.0 + p["h"], 0)
    )
    return m.np.sum(x * x * p["h"])


@pytest.fixture
def point(rng):
    shapes = {"U": (3, 3), "W": (3, 3), "h": (3,), "X": (4, 3), "s": (4,)}
    return {name: rng.uniform(0.3, 0.9, shape) for name, shape in shapes.items()}


@pytest.fixture
def tangents(rng, point):
    return [{name: rng.normal(size=x.shape) for name, x in point.items()} for _ in range(3)]


def forward(jvp, f, tangents, order):
    """The derivative of some order along tangents, by forward mode alone."""
    for tangent in tangents[:order]:
        f = along(jvp, f, tangent)
    return f


def along(jvp, f, tangent):
    return lambda p: jvp(f, (p,), (tangent,))[1]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("program", [gru, branch_in_scan, scan_in_scan, newton])
def test_forward_mode(jax, program, point, tangents, order):
    a = forward(F.jvp, lambda p: program(ours(), p), tangents, order)(point)
    b = forward(jax.jvp, lambda p: program(theirs(jax), p), tangents, order)(point)
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("program", [gru, branch_in_scan, scan_in_scan])
def test_gradients_of_derivatives_along_tangents(jax, program, point, tangents, order):
    """Reverse mode over forward mode, and a compiled plan of it."""
    f = F.grad(forward(F.jvp, lambda p: program(ours(), p), tangents, order - 1))
    b = jax.grad(forward(jax.jvp, lambda p: program(theirs(jax), p), tangents, order - 1))(point)
    for found in (f(point), F.compiled(f)(point)):
        for name, g in b.items():
            np.testing.assert_allclose(found[name], g, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("program", [gru])
def test_gradients_of_gradients_of_gradients(jax, program, point, tangents):
    """Reverse mode alone, three times."""

    def third(grad, run):
        def dot(g, tangent):
            return sum((g[name] * tangent[name]).sum() for name in g)

        first = grad(run)
        second = grad(lambda p: dot(first(p), tangents[0]))
        return grad(lambda p: dot(second(p), tangents[1]))

    a = third(F.grad, lambda p: program(ours(), p))(point)
    b = third(jax.grad, lambda p: program(theirs(jax), p))(point)
    for name, g in b.items():
        np.testing.assert_allclose(a[name], g, rtol=1e-9, atol=1e-10, err_msg=name)
