"""How many multiplications a Jacobian takes: five programs from the literature, in the orders known there and in the one found here.

    python examples/elimination.py > examples/elimination.md

The programs are written out of the formulas. What counts as one vertex, and what is computed twice, is as where the published counts
come from.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import erf

import memograd as mg
from memograd.jacobians.elimination import (
    EliminationOrders,
    LinearisedDag,
    accumulate_jacobian,
    build_dag,
    find_elimination_order,
    linearise,
)

EFFORT = 3_000_000
SEED = 0

Numbers = tuple[Any, ...]


def roe_flux(ul0: Any, ul1: Any, ul2: Any, ur0: Any, ur1: Any, ur2: Any) -> Numbers:
    """Roe's approximate solution of the Riemann problem for the Euler equations in one dimension (1981): the flux between two states."""
    rise, geometric = ur0 - ul0, np.sqrt(ul0 * ur0)
    weight = np.sqrt(ul0) + np.sqrt(ur0)
    vl, pl, hl = side(ul0, ul1, ul2)
    vr, pr, hr = side(ur0, ur1, ur2)
    dp, dv = pr - pl, vr - vl
    u = (np.sqrt(ul0) * vl + np.sqrt(ur0) * vr) / weight
    h = (np.sqrt(ul0) * hl + np.sqrt(ur0) * hr) / weight
    square = u**2
    a2 = 0.4 * (h - 0.5 * square)
    a = np.sqrt(a2)
    waves = np.abs(u + a), np.abs(u), np.abs(u)
    n = a * geometric
    c0, c1, c2 = (rise - dp / a2) * waves[1], (dv + dp / n) * waves[0], (dv - dp / n) * waves[2]
    sums = [
        left + right
        for left, right in zip(flux(ul0, ul1, ul2, pl), flux(ur0, ur1, ur2, pr), strict=True)
    ]
    c = 0.5 * geometric / a
    jumps = (
        c0 + c * c1 - c * c2,
        c0 * u + c * c1 * (u + a) - c * c2 * (u - a),
        c0 * 0.5 * square + c * c1 * (h + u * a) - c * c2 * (h - u * a),
    )
    return tuple(0.5 * (total - jump) for total, jump in zip(sums, jumps, strict=True))


def side(u0: Any, u1: Any, u2: Any) -> Numbers:
    """Velocity, pressure and enthalpy on one side, with γ = 1.4."""
    v = u1 / u0
    p = 0.4 * (u2 - 0.5 * u1**2 / u0)
    return v, p, (u2 + p) / u0


def flux(u0: Any, u1: Any, u2: Any, p: Any) -> Numbers:
    """The flux of the Euler equations on one side."""
    v = u1 / u0
    return u1, p + u1 * v, v * (p + u2)


def robot_arm(t1: Any, t2: Any, t3: Any, t4: Any, t5: Any, t6: Any) -> Numbers:
    """The forward kinematics of an arm with six joints: where its hand is, and its three angles."""
    a1, a2, a3, d1, d4, d6 = 175.0, 890.0, 50.0, 575.0, 1035.0, 185.0
    c1, c2, c4, c5, c6 = (np.cos(t) for t in (t1, t2, t4, t5, t6))
    c23 = np.cos(t2) * np.cos(t3) - np.sin(t2) * np.sin(t3)
    s1, s2, s4, s5, s6 = (np.sin(t) for t in (t1, t2, t4, t5, t6))
    s23 = np.cos(t2) * np.sin(t3) + np.sin(t2) * np.cos(t3)

    ax = s5 * (c1 * c23 * c4 + s1 * s4) + c1 * s23 * c5
    ay = s5 * (s1 * c23 * c4 - c1 * s4) + s1 * s23 * c5
    az = s23 * c4 * s5 - c23 * c5
    nz = c6 * (c23 * s5 + s23 * c4 * c5) - s23 * s4 * s6
    oz = -s6 * (c23 * s5 + s23 * c4 * c5) - s23 * s4 * c6
    angles = np.arctan2(ay, ax), np.arctan2(np.sqrt(1.0 - az**2), az), np.arctan2(oz, -nz)

    x = d6 * (s5 * (c1 * c23 * c4 + s1 * s4) + c1 * s23 * c5) + c1 * (
        a1 + a2 * c2 + a3 * c23 + d4 * s23
    )
    y = d6 * (s5 * (s1 * c23 * c4 - c1 * s4) + s1 * s23 * c5) + s1 * (
        a1 + a2 * c2 + a3 * c23 + d4 * s23
    )
    z = a2 * s2 + d1 + a3 * s23 - d4 * c23 + d6 * (s23 * c4 * s5 - c23 * c5)
    return x, y, z, *angles


def human_heart_dipole(a: Any, b: Any, c: Any, d: Any, t: Any, u: Any, v: Any, w: Any) -> Numbers:
    """The moments of a dipole in the heart (MINPACK-2, after Nelson and Hodgkin), all measured ones being 1."""
    tv, uw = t**2 - v**2, u**2 - w**2
    ttv, vvt = t * (t**2 - 3 * v**2), v * (v**2 - 3 * t**2)
    uuw, wwu = u * (u**2 - 3 * w**2), w * (w**2 - 3 * u**2)
    return (
        a + b - 1.0,
        c + d - 1.0,
        t * a + u * b - v * c - w * d - 1.0,
        v * a + w * b + t * c + u * d - 1.0,
        a * tv - 2 * c * t * v + b * uw - 2 * d * u * w - 1.0,
        c * tv - 2 * a * t * v + d * uw - 2 * b * u * w - 1.0,
        a * ttv + c * vvt + b * uuw + d * wwu - 1.0,
        c * ttv - a * vvt + d * uuw - b * wwu - 1.0,
    )


def black_scholes(S: Any, K: Any, r: Any, s: Any, T: Any) -> Numbers:
    """The first derivatives of a European call's price by spot, strike, rate, volatility and time, as reverse multiplies them.

    Their Jacobian is that of the second derivatives, the second order greeks.
    """
    down_rate = -r
    grown, discount = np.exp(r * T), np.exp(down_rate * T)
    F, half = grown * S, s**2 / 2.0
    q, root1, root2 = F / K, np.sqrt(T), np.sqrt(T)
    n, spread = np.log(q) + half * T, s * root1
    d1 = n / spread
    d2 = d1 - s * root2
    z1, z2 = d1 / ROOT2, d2 / ROOT2
    N1, N2 = (1.0 + erf(z1)) / 2, (1.0 + erf(z2)) / 2

    down = -discount
    g2 = density(K * down, z2)
    g1 = density(F * discount, z1) + g2
    g_discount = (F * N1 - K * N2) * discount
    g_root2, g_n = -g2, g1 / spread
    g_spread = -g1 * n * spread**-2.0
    g_q = g_n / q
    g_F = discount * N1 + g_q / K
    g_grown = g_F * S * grown
    return (
        grown * g_F,
        down * N2 + -g_q * F * K**-2.0,
        -(g_discount * T) + g_grown * T,
        g_root2 * root2 + g_spread * root1 + g_n * T / 2.0 * (2.0 * s**1),
        down_rate * g_discount
        + s * g_root2 * (0.5 / root2)
        + s * g_spread * (0.5 / root1)
        + half * g_n
        + r * g_grown,
    )


ROOT2 = np.sqrt(2.0)


def density(g: Any, z: Any) -> Any:
    """The derivative of (1 + erf(z)) / 2 by √2 z, times g."""
    return g / 2 * 1.1283791670955126 * np.exp(-z * z) / ROOT2


def propane_combustion(*x: Any) -> Numbers:
    """The products of burning propane in air at 40 atmospheres, in equilibrium (MINPACK-2, full formulation)."""
    x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11 = x
    p, air = 40.0, 10.0
    root = np.sqrt(p / x11)
    return (
        x1 + x4 - 3.0,
        2 * x1 + x2 + x4 + x7 + x8 + x9 + 2 * x10 - air,
        2 * x2 + 2 * x5 + x6 + x7 - 8.0,
        2 * x3 + x9 - 4 * air,
        x2 * x4 - x1 * x5,
        np.sqrt(x2 * x4) - np.sqrt(x1) * root * x6,
        np.sqrt(x1 * x2) - np.sqrt(x4) * x7 * root,
        x1 - x4 * x8 * p / x11,
        x1 * np.sqrt(x3) - x4 * x9 * root,
        x1**2 - x4**2 * x10 * p / x11,
        x11 - x1 - x2 - x3 - x4 - x5 - x6 - x7 - x8 - x9 - x10,
    )


class Task(NamedTuple):
    """A program, a point, and the published counts."""

    program: Callable[..., Numbers]
    point: tuple[float, ...]
    reverse: int
    markowitz: int


TASKS = {
    "RoeFlux_1d": Task(roe_flux, (1.0, 0.5, 2.5, 0.8, 0.3, 2.0), 364, 407),
    "RobotArm_6DOF": Task(robot_arm, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), 301, 288),
    "HumanHeartDipole": Task(
        human_heart_dipole, (0.3, 0.7, 0.4, 0.6, 1.1, 0.9, 0.8, 1.2), 172, 194
    ),
    "PropaneCombustion": Task(
        propane_combustion, (0.9, 0.8, 0.7, 1.1, 0.6, 0.5, 1.2, 0.4, 1.3, 0.3, 2.0), 90, 111
    ),
    "BlackScholes": Task(black_scholes, (1.1, 1.0, 0.05, 0.3, 1.5), 415, 333),
}


def recorded(task: Task) -> tuple[list[mg.Node], list[mg.Node]]:
    """The program's outputs and inputs, on a tape."""
    tape = mg.Tape()
    xs = [tape.leaf(value) for value in task.point]
    return list(task.program(*xs)), xs


def as_in_the_literature(ys: list[mg.Node], xs: list[mg.Node]) -> LinearisedDag:
    """A vertex for each op that was applied, and an edge for each operand."""
    graph = xs[0].tape.graph
    return build_dag(
        [x.id for x in xs], [y.id for y in ys], {n: dict.fromkeys(graph.pred[n]) for n in graph}
    )


def check(
    ys: list[mg.Node], xs: list[mg.Node], dag: LinearisedDag, found: EliminationOrders
) -> None:
    """The order gives the derivatives that reverse gives."""
    entries = accumulate_jacobian(dag, found.order)
    for i, y in enumerate(ys):
        for j, d in enumerate(mg.grad(y, xs)):
            assert np.isclose(entries.get((i, j), 0.0), d, rtol=1e-9, atol=1e-12), (i, j)


HEAD = """\
# Multiplications of a Jacobian

`python examples/elimination.py` prints this page. The five programs are those of AlphaGrad (arXiv 2406.05027), written out of the
formulas.

**As counted there**, every op is a vertex, nothing is shared, and eliminating a vertex takes |before| × |after| multiplications, those
with 1 and -1 among them. In four of the five, reverse and Markowitz take exactly what is published: they are the same graphs. In
BlackScholes the program is itself a derivative, whose steps are not published; they were written so that reverse takes as many.
The search moves vertices; with edges, single edges may go by themselves.

| program | published: reverse | Markowitz | reverse | forward | Markowitz | relative Markowitz | search | with edges | best / reverse |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""

MIDDLE = """
**As memograd counts and does it**, equal subexpressions are one vertex, and nothing is multiplied with an edge that is 1 or -1 at every
point.

| program | reverse | forward | Markowitz | relative Markowitz | search | with edges | best / reverse |
|---|--:|--:|--:|--:|--:|--:|--:|"""


def row(name: str, *cells: int, found: EliminationOrders) -> str:
    """A line of a table."""
    ratio = min(found.counts.values()) / found.counts["reverse"]
    return f"| {' | '.join(map(str, (name, *cells, *found.counts.values())))} | {ratio:.2f} |"


def main() -> None:
    programs = {name: recorded(task) for name, task in TASKS.items()}
    print(HEAD)
    for name, (ys, xs) in programs.items():
        found = find_elimination_order(
            as_in_the_literature(ys, xs), units_free=False, effort=EFFORT, seed=SEED
        )
        print(row(name, TASKS[name].reverse, TASKS[name].markowitz, found=found))
    print(MIDDLE)
    for name, (ys, xs) in programs.items():
        dag = linearise(ys, xs)
        found = find_elimination_order(dag, effort=EFFORT, seed=SEED)
        check(ys, xs, dag, found)
        print(row(name, found=found))


if __name__ == "__main__":
    main()
