"""The tutorial's graphs, node for node as its pictures show them. Each builder is handed NumPy, or a namespace like it."""

import numpy as np

import memograd as mg


@mg.op
def block_c(b1, b2):
    return b1 * b2 - 31.0


@mg.op
def block_e(d1, d2):
    return d1 * d1 * d2 * d2 * d2


mg.rule(block_c, b1=lambda g, b2: g * b2, b2=lambda g, b1: g * b1)
mg.rule(
    block_e,
    d1=lambda g, d1, d2: g * 2 * d1 * d2 * d2 * d2,
    d2=lambda g, d1, d2: g * 3 * d1 * d1 * d2 * d2,
)


def section6(tape):
    """g(f1(x1, x2), f2(x1, x2)): both inputs reach g along two paths."""
    x1, x2 = tape.leaf(1.5, name="x1"), tape.leaf(-0.5, name="x2")
    f1, f2 = np.multiply(x1, x2).named("f1"), np.hypot(x1, x2).named("f2")
    return np.arctan2(f1, f2).named("g"), [x1, x2]


def section8(tape):
    """The double diamond with the values of section 8: a = 3, b1 = 5, b2 = 7, c = 4, d1 = -1, d2 = 2, e = 8."""
    a = tape.leaf(3.0, name="a")
    b1, b2 = np.add(a, 2.0).named("b1"), np.add(a, 4.0).named("b2")
    c = block_c(b1, b2).named("c")
    d1, d2 = np.subtract(3.0, c).named("d1"), np.multiply(c, 0.5).named("d2")
    return block_e(d1, d2).named("e"), [a]


def section9(tape):
    """Block z = f(x, y, W), whose three copies go to three consumers."""
    x, y, W = tape.leaf(0.3, name="x"), tape.leaf(1.1, name="y"), tape.leaf(-0.7, name="W")
    z = np.tanh(x * W + y).named("z")
    q1, q2, q3 = np.sin(z).named("q1"), np.exp(z).named("q2"), np.square(z).named("q3")
    return (q1 * q2 + q3).named("L"), [x, y, W]


def section12(tape, n=4, m=3):
    """Every x_i feeds every z_j, and every z_j feeds L."""
    xs = [tape.leaf(0.1 * (i + 1), name=f"x{i}") for i in range(n)]
    zs = [
        np.sin(sum((i + j + 1) * 0.2 * x for i, x in enumerate(xs))).named(f"z{j}")
        for j in range(m)
    ]
    L = zs[0] * zs[1]
    for z in zs[2:]:
        L = L * z + z
    return L.named("L"), xs


def section13(tape):
    """The thirteen nodes of the walkthrough."""
    rng = np.random.default_rng(20260)
    W1, W2 = tape.leaf(0.8, name="W1"), tape.leaf(rng.normal(size=(3, 3)), name="W2")
    W3, p = tape.leaf(rng.normal(size=3), name="W3"), tape.leaf(rng.normal(size=3), name="p")
    g, h = np.sin(W1).named("g"), np.exp(W1).named("h")
    e = np.tanh(W3).named("e")
    c, j = np.matmul(W2, e).named("c"), np.abs(W2).named("j")
    np.multiply(h, j).named("k")
    f = np.cos(p).named("f")
    b = np.dot(c, f).named("b")
    return np.multiply(g, b).named("L"), [W1, W2, W3]


TRANSCRIPT = """\
∂L/∂W1 → table[W1]
    ∂g/∂W1
    ∂L/∂g → table[g]
∂L/∂W2 → table[W2]
    ∂c/∂W2
    ∂L/∂c → table[c]
        ∂b/∂c
        ∂L/∂b → table[b]
∂L/∂W3 → table[W3]
    ∂e/∂W3
    ∂L/∂e → table[e]
        ∂c/∂e
        ∂L/∂c ← table[c]"""

SECTIONS = {"6": section6, "8": section8, "9": section9, "12": section12, "13": section13}
