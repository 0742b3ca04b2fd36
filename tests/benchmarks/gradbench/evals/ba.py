"""ba: bundle adjustment, the nonzero blocks of a sparse Jacobian.

Definition: https://github.com/gradbench/gradbench/tree/main/evals/ba. A size is the number of
cameras, of points, and of observations. An observation has two reprojection errors, each of which
depends on one camera (11 parameters), one point (3) and one weight; so the gradients of the sums of
all first and all second errors, by the gathered parameters, are the blocks.
"""

from collections.abc import Callable
from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator


def prepare(size: tuple[int, int, int]) -> tuple[Inputs, Data]:
    n, m, p = size
    rng = generator()
    cameras = rng.normal(size=(n, 11)) * [1, 1, 1, 9, 9, 9, 9, 3, 3, 0.1, 0.01]
    cameras[:, 6] += 420.0
    points = rng.normal(size=(m, 3)) * [3.0, 3.0, 3.0] + [7.0, 0.0, 3.0]
    features = rng.normal(size=(p, 2)) * 100.0 + 500.0
    return (cameras, points, rng.random(p)), data_of(n, m, features)


def data_of(n: int, m: int, features: numpy.ndarray) -> Data:
    """Return the features, and which camera sees which point, in turns."""
    observation = numpy.arange(len(features))
    return {"camera": observation % n, "point": observation % m, "features": features}


def rotate(np: Any, r: Any, v: Any) -> Any:
    """Rotate each v about each r by its length: Rodrigues' formula."""
    angle = np.sqrt(np.sum(r**2, axis=1, keepdims=True))
    axis = r / angle
    across = np.cross(axis, v)
    along = np.sum(axis * v, axis=1, keepdims=True) * (1.0 - np.cos(angle))
    return v * np.cos(angle) + across * np.sin(angle) + axis * along


def project(np: Any, camera: Any, point: Any, rotate: Callable[..., Any]) -> Any:
    """Return the image of each point in its camera."""
    seen = rotate(np, camera[:, :3], point - camera[:, 3:6])
    flat = seen[:, :2] / seen[:, 2:]
    square = np.sum(flat**2, axis=1, keepdims=True)
    distortion = 1.0 + camera[:, 9:10] * square + camera[:, 10:] * square**2
    return flat * distortion * camera[:, 6:7] + camera[:, 7:9]


def objective(np: Any, d: Data, cameras: Any, points: Any, weights: Any) -> Any:
    image = project(np, cameras, points, rotate)
    return weights[:, None] * (image - d["features"]), 1.0 - weights**2


def rotate_by_columns(np: Any, r: Any, v: Any) -> Any:
    angle = np.sqrt(np.vecdot(r, r))[:, None]
    axis = r / angle
    a, b, c = (axis[:, k : k + 1] for k in range(3))
    x, y, z = (v[:, k : k + 1] for k in range(3))
    across = np.concatenate([b * z - c * y, c * x - a * z, a * y - b * x], axis=1)
    along = np.vecdot(axis, v)[:, None] * (1.0 - np.cos(angle))
    return v * np.cos(angle) + across * np.sin(angle) + axis * along


def columns(np: Any, d: Data, cameras: Any, points: Any, weights: Any) -> Any:
    image = project(np, cameras, points, rotate_by_columns)
    return weights[:, None] * (image - d["features"]), 1.0 - weights**2


def blocks(library: Any, f: Callable[..., Any], d: Data) -> Callable[..., Any]:
    """Return the function of the blocks: two of cameras, of points and of weights, and one more."""

    def jacobian(cameras: Any, points: Any, weights: Any) -> Any:
        gathered = cameras[d["camera"]], points[d["point"]], weights
        first = library.grad(lambda *xs: library.sum(f(*xs)[0][:, 0]))(*gathered)
        second = library.grad(lambda *xs: library.sum(f(*xs)[0][:, 1]))(*gathered)
        (last,) = library.grad(lambda w: library.sum(f(*gathered[:2], w)[1]))(weights)
        return *first, *second, last

    return jacobian


def cross(a: numpy.ndarray, b: numpy.ndarray) -> numpy.ndarray:
    """Return cross products of columns."""
    return numpy.stack(
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    )


def dot(a: numpy.ndarray, b: numpy.ndarray) -> numpy.ndarray:
    """Return inner products of columns of three."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def manual(
    d: Data, cameras: numpy.ndarray, points: numpy.ndarray, weights: numpy.ndarray
) -> tuple[numpy.ndarray, ...]:
    """Compute with rows of one component each, which NumPy adds and multiplies fastest."""
    np = numpy
    camera = np.ascontiguousarray(cameras.T)[:, d["camera"]]
    v = np.ascontiguousarray(points.T)[:, d["point"]] - camera[3:6]
    r, f, kappa = camera[:3], camera[6], camera[9:]
    angle = np.sqrt(dot(r, r))
    axis = r / angle
    cos, sin = np.cos(angle), np.sin(angle)
    across, along = cross(axis, v), dot(axis, v)
    seen = v * cos + across * sin + axis * (along * (1.0 - cos))
    flat = seen[:2] / seen[2]
    square = flat[0] * flat[0] + flat[1] * flat[1]
    distortion = 1.0 + square * (kappa[0] + kappa[1] * square)
    slope = 2.0 * (kappa[0] + 2.0 * kappa[1] * square)
    error = flat * distortion * f + camera[7:9] - d["features"].T
    weighted_f = weights * f
    result = np.zeros((2, 15, len(weights)))
    for i, out in enumerate(result):
        g = np.empty_like(v)
        np.multiply(flat, slope * flat[i], out=g[:2])
        g[i] += distortion
        g[:2] *= weighted_f / seen[2]
        g[2] = -(g[0] * flat[0] + g[1] * flat[1])
        pull_rotation(out, g, v, axis, angle, cos, sin, across, along)
        out[6] = weights * flat[i] * distortion
        out[7 + i] = weights
        np.multiply(weighted_f * flat[i], square, out=out[9])
        np.multiply(out[9], square, out=out[10])
        out[14] = error[i]
    one, two = ((block[:11].T, block[11:14].T, block[14]) for block in result)
    return *one, *two, -2.0 * weights


def pull_rotation(
    out: numpy.ndarray,
    g: numpy.ndarray,
    v: numpy.ndarray,
    axis: numpy.ndarray,
    angle: numpy.ndarray,
    cos: numpy.ndarray,
    sin: numpy.ndarray,
    across: numpy.ndarray,
    along: numpy.ndarray,
) -> None:
    """Write the cotangents of rotation, centre and point, of a cotangent g of the rotated vector."""
    g_along = dot(axis, g)
    versine = 1.0 - cos
    back = g * cos + cross(g, axis) * sin + axis * (g_along * versine)
    by_angle = sin * (along * g_along - dot(g, v)) + cos * dot(g, across)
    by_axis = cross(v, g) * sin + (v * g_along + g * along) * versine
    out[:3] = (by_axis - axis * dot(axis, by_axis)) / angle + axis * by_angle
    numpy.negative(back, out=out[3:6])
    out[11:14] = back


EVAL = Eval(
    "ba",
    ((49, 7776, 1000), (49, 7776, 31_843)),
    (3, 7, 12),
    prepare,
    {"cross": objective, "columns": columns},
    manual,
    blocks,
)
