"""ht: the Jacobian of hand tracking, by pose and by positions on the triangles.

Definition: https://github.com/gradbench/gradbench/tree/main/evals/ht. A size is the number of
vertices, of correspondences, and whether a correspondence is a point on a triangle. The hand is
random, with GradBench's numbers of bones (22), triangles (1084) and parameters (26). Bones stand
level by level: the wrist; five fingers and the forearm; then three times five.
"""

from collections.abc import Callable
from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator

BONES, TRIANGLES, FINGERS = 22, 1084, 5
LEVELS = (1, 7, 12, 17, 22)
"""Where each level of bones ends."""


def random_rotations(rng: numpy.random.Generator, count: int) -> numpy.ndarray:
    return numpy.linalg.qr(rng.normal(size=(count, 3, 3)))[0]


def prepare(size: tuple[int, int, bool]) -> tuple[Inputs, Data]:
    vertices, n, complicated = size
    rng = generator()
    relatives = numpy.tile(numpy.eye(4), (BONES, 1, 1))
    relatives[:, :3, :3] = random_rotations(rng, BONES)
    relatives[:, :3, 3] = 0.05 * rng.normal(size=(BONES, 3))
    positions = numpy.ones((vertices, 4))
    positions[:, :3] = 0.1 * rng.normal(size=(vertices, 3))
    weights = numpy.zeros((vertices, BONES))
    bones = rng.random((vertices, BONES)).argsort(axis=1)[:, :4]
    numpy.put_along_axis(weights, bones, rng.dirichlet(numpy.ones(4), vertices), axis=1)
    triangles = rng.integers(vertices, size=(TRIANGLES, 3))
    chosen = rng.integers(TRIANGLES if complicated else vertices, size=n)
    model = hand_of(relatives, numpy.linalg.inv(pose(numpy, relatives)), positions, weights)
    theta, us = 0.3 * rng.normal(size=26), rng.random((n, 2)) / 2.0
    data = model | correspondences(rng.normal(size=(n, 3)), chosen, triangles, complicated)
    return ((theta, us) if complicated else (theta,)), data


def hand_of(
    relatives: numpy.ndarray,
    inverses: numpy.ndarray,
    positions: numpy.ndarray,
    weights: numpy.ndarray,
) -> Data:
    """Return the data of a hand: transforms of bones, and positions and weights of vertices."""
    angle = numpy.full((BONES, 3), 26)  # behind the last parameter stands a zero
    angle[7:12, :2] = numpy.arange(6, 26, 4)[:, None] + [0, 1]
    angle[12:17, 0] = numpy.arange(8, 26, 4)
    angle[17:22, 0] = numpy.arange(9, 26, 4)
    finger = numpy.arange(FINGERS)[:, None] + [7, 12, 17]
    return {
        "relatives": relatives,
        "inverses": inverses,
        "positions": positions,
        "weights": weights,
        "angle": angle,
        "zero": numpy.zeros(1),
        "finger": finger,
        "finger_weights": numpy.ascontiguousarray(numpy.moveaxis(weights[:, finger], 0, 1)),
    }


def correspondences(
    points: numpy.ndarray, chosen: numpy.ndarray, triangles: numpy.ndarray, complicated: bool
) -> Data:
    """Return the data of the points: the vertices, or three each, to which they correspond."""
    data = {"points": points}
    if not complicated:
        return data | {"vertex": chosen}
    corners = numpy.ascontiguousarray(triangles[chosen].T)
    seeds = numpy.zeros((2, len(points), 2))
    seeds[0, :, 0] = seeds[1, :, 1] = 1.0
    return data | dict(zip("abc", corners, strict=True)) | {"seed_0": seeds[0], "seed_1": seeds[1]}


def euler(np: Any, angles: Any) -> Any:
    """Return the rotations about the first, the third, then the second axis: (n, 3, 3)."""
    cos, sin = np.cos(angles), np.sin(angles)
    cx, cz, cy = cos[:, 0], cos[:, 1], cos[:, 2]
    sx, sz, sy = sin[:, 0], sin[:, 1], sin[:, 2]
    rows = [
        cz * cy,
        -sz * cx - cz * sy * sx,
        sz * sx - cz * sy * cx,
        sz * cy,
        cz * cx - sz * sy * sx,
        -cz * sx - sz * sy * cx,
        sy,
        cy * sx,
        cy * cx,
    ]
    return np.reshape(np.stack(rows, axis=-1), (-1, 3, 3))


def pose(np: Any, relatives: Any) -> Any:
    """Return the transforms of all bones, from those relative to the parents."""
    level = relatives[0]
    levels = [level[None], level @ relatives[1:7]]
    level = levels[1][:FINGERS]
    for start in (7, 12, 17):
        level = level @ relatives[start : start + FINGERS]
        levels.append(level)
    return np.concatenate(levels)


def angle_axis(np: Any, r: Any, zero: Any) -> Any:
    """Return the rotation about r by its length."""
    angle = np.sqrt(np.sum(r**2))
    axis = r / angle
    x, y, z, zero = axis[0], axis[1], axis[2], zero[0]
    cross = np.reshape(np.stack([zero, -z, y, z, zero, -x, -y, x, zero]), (3, 3))
    versine = 1.0 - np.cos(angle)
    return np.cos(angle) * np.eye(3) + versine * axis[:, None] * axis + np.sin(angle) * cross


def transforms(np: Any, d: Data, theta: Any) -> Any:
    """Return from where each bone of the hand at rest is moved to where: (22, 3, 4)."""
    rotations = euler(np, np.concatenate([theta, d["zero"]])[d["angle"]])
    relatives = d["relatives"]
    turned = np.concatenate([relatives[:, :, :3] @ rotations, relatives[:, :, 3:]], axis=2)
    return (pose(np, turned) @ d["inverses"])[:, :3]


def objective_of(apply: Callable[..., Any]) -> Callable[..., Any]:
    """Return the objective, given how blended transforms are applied to the vertices."""

    def objective(np: Any, d: Data, theta: Any, us: Any = None) -> Any:
        moved = np.reshape(transforms(np, d, theta), (BONES, 12))
        blended = np.reshape(d["weights"] @ moved, (-1, 3, 4))
        hand = apply(np, blended, d["positions"])
        world = hand @ angle_axis(np, theta[:3], d["zero"]).T + theta[3:6]
        if us is None:
            return d["points"] - world[d["vertex"]]
        u, v = us[:, :1], us[:, 1:]
        corners = world[d["a"]], world[d["b"]], world[d["c"]]
        return d["points"] - (u * corners[0] + v * corners[1] + (1.0 - u - v) * corners[2])

    return objective


def by_sum(np: Any, blended: Any, positions: Any) -> Any:
    return np.sum(blended * positions[:, None, :], axis=-1)


def by_einsum(np: Any, blended: Any, positions: Any) -> Any:
    return np.einsum("vij,vj->vi", blended, positions)


def by_matmul(np: Any, blended: Any, positions: Any) -> Any:
    return np.squeeze(blended @ positions[:, :, None], axis=2)


def jacobian(library: Any, f: Callable[..., Any], d: Data) -> Callable[..., Any]:
    """Return the function of the Jacobian by theta, and of the tangents by first and second u."""

    def complicated(theta: Any, us: Any) -> Any:
        tangents = (library.jvp(lambda u: f(theta, u), us, d[s]) for s in ("seed_0", "seed_1"))
        return library.jacobian(lambda t: f(t, us))(theta), *tangents

    def simple(theta: Any) -> Any:
        return (library.jacobian(f)(theta),)

    return complicated if "seed_0" in d else simple


def manual(
    d: Data, theta: numpy.ndarray, us: numpy.ndarray | None = None
) -> tuple[numpy.ndarray, ...]:
    """Turn, for each angle, the bones that hang on it, and no others."""
    np = numpy
    rotation, by_rotation = pull_angle_axis(theta[:3])
    turned, d_moved = turn(d, theta)
    moved = (pose(np, turned) @ d["inverses"])[:, :3].reshape(BONES, 12)
    hand = np.vecdot((d["weights"] @ moved).reshape(-1, 3, 4), d["positions"][:, None])
    by_world = np.empty((len(hand), 26, 3))
    for k in range(3):
        by_world[:, k] = hand @ by_rotation[k].T
    by_world[:, 3:6] = np.eye(3)
    blended = (d["finger_weights"] @ d_moved).reshape(FINGERS, -1, 4, 3, 4)
    by_hand = np.vecdot(blended, d["positions"][:, None, None]).reshape(FINGERS, -1, 3)
    fingers = (by_hand @ rotation.T).reshape(FINGERS, -1, 4, 3)
    by_world[:, 6:] = fingers.transpose(1, 0, 2, 3).reshape(-1, 20, 3)
    if us is None:
        return (-by_world[d["vertex"]].transpose(0, 2, 1),)
    world = hand @ rotation.T
    a, b, c = (world[d[k]] for k in "abc")
    u, v = us[:, :1, None], us[:, 1:, None]
    J = (u + v - 1.0) * by_world[d["c"]]
    J -= u * by_world[d["a"]]
    J -= v * by_world[d["b"]]
    return J.transpose(0, 2, 1), c - a, c - b


def pull_angle_axis(r: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return the rotation and its three derivatives."""
    np = numpy
    angle = np.sqrt(r @ r)
    axis = r / angle
    cos, sin, outer = np.cos(angle), np.sin(angle), np.outer(axis, axis)
    cross = np.zeros((4, 3, 3))  # of the axis, and of its derivatives
    d_axis = (np.eye(3) - outer) / angle
    for k, (x, y, z) in enumerate((axis, *d_axis)):
        cross[k] = [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]
    rotation = cos * np.eye(3) + (1.0 - cos) * outer + sin * cross[0]
    half = d_axis[:, :, None] * axis
    by_angle = sin * (outer - np.eye(3)) + cos * cross[0]
    by_axis = (1.0 - cos) * (half + half.transpose(0, 2, 1)) + sin * cross[1:]
    return rotation, axis[:, None, None] * by_angle + by_axis


def turn(d: Data, theta: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return the turned bones, and the derivatives of each finger's transforms: (5, 3, 48)."""
    np, relatives = numpy, d["relatives"]
    turned, d_turned = relatives.copy(), np.zeros((4, FINGERS, 4, 4))
    angles = theta[6:].reshape(FINGERS, 4).T
    cos, sin = np.cos(angles), np.sin(angles)
    for k, (start, angle) in enumerate(((7, 0), (12, 2), (17, 3))):
        cx, sx = cos[angle], sin[angle]
        cz, sz = (cos[1], sin[1]) if k == 0 else (np.ones(FINGERS), np.zeros(FINGERS))
        bones = slice(start, start + FINGERS)
        at = relatives[bones, :, :3]
        turned[bones, :, :3] = at @ matrix(cz, -sz * cx, sz * sx, sz, cz * cx, -cz * sx, 0, sx, cx)
        by_x = at @ matrix(0, sz * sx, sz * cx, 0, -cz * sx, -cz * cx, 0, cx, -sx)
        d_turned[angle, :, :, :3] = by_x
        if k == 0:
            by_z = at @ matrix(-sz, -cz * cx, cz * sx, cz, -sz * cx, sz * sx, 0, 0, 0)
            d_turned[1, :, :, :3] = by_z
    a1 = turned[0] @ turned[1:6]
    r2, r3, r4 = turned[7:12], turned[12:17], turned[17:22]
    by_angle = np.zeros((4, 3, FINGERS, 4, 4))  # angle, bone, finger
    by_angle[:2, 0] = a1 @ d_turned[:2]
    by_angle[:2, 1] = by_angle[:2, 0] @ r3
    a2 = a1 @ r2
    by_angle[2, 1] = a2 @ d_turned[2]
    by_angle[:3, 2] = by_angle[:3, 1] @ r4
    by_angle[3, 2] = a2 @ r3 @ d_turned[3]
    by_angle = by_angle @ d["inverses"][7:].reshape(3, FINGERS, 4, 4)
    return turned, by_angle[..., :3, :].transpose(2, 1, 0, 3, 4).reshape(FINGERS, 3, 48)


def matrix(*entries: Any) -> numpy.ndarray:
    """Return matrices (5, 3, 3) of nine entries, row by row."""
    out = numpy.empty((9, FINGERS))
    for row, entry in zip(out, entries, strict=True):
        row[:] = entry
    return out.T.reshape(FINGERS, 3, 3)


EVAL = Eval(
    "ht",
    (
        (544, 100, False),
        (544, 800, False),
        (544, 100, True),
        (544, 800, True),
        (10_000, 800, True),
    ),
    (30, 5, True),
    prepare,
    {
        "sum": objective_of(by_sum),
        "einsum": objective_of(by_einsum),
        "matmul": objective_of(by_matmul),
    },
    manual,
    jacobian,
    without={
        "autograd": (
            (
                (544, 100, False),
                (544, 800, False),
                (544, 100, True),
                (544, 800, True),
                (10_000, 800, True),
            ),
            "pulls back each error by itself",
        )
    },
)
