"""kmeans: one Newton step of k-means, the gradient divided by the diagonal of the Hessian.

Definition: https://github.com/gradbench/gradbench/tree/main/evals/kmeans. A size is the number of
centroids, of points, and of coordinates. The objective's Hessian is diagonal, so its product with
ones is the diagonal.
"""

from collections.abc import Callable
from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator


def prepare(size: tuple[int, int, int]) -> tuple[Inputs, Data]:
    k, n, dimensions = size
    points = generator().random((n, dimensions))
    # Each of the last points is a centroid, so that no cluster is empty.
    return (points[-k:].copy(),), {"points": points, "ones": numpy.ones((k, dimensions))}


def objective(np: Any, d: Data, centroids: Any) -> Any:
    points = d["points"]
    distances = (
        np.sum(points**2, axis=1)[None, :]
        + np.sum(centroids**2, axis=1)[:, None]
        - 2.0 * (centroids @ points.T)
    )
    return np.sum(np.min(distances, axis=0))


def einsum(np: Any, d: Data, centroids: Any) -> Any:
    points = d["points"]
    lengths = np.einsum("nd,nd->n", points, points)[:, None]
    products = np.einsum("nd,kd->nk", points, centroids)
    return np.sum(np.min(lengths - 2.0 * products + np.sum(centroids**2, axis=-1), axis=-1))


def newton_step(library: Any, f: Callable[..., Any], d: Data) -> Callable[..., Any]:
    def step(centroids: Any) -> Any:
        (g,), (diagonal,) = library.grad_and_hvp(f, (centroids,), (d["ones"],))
        return (g / diagonal,)

    return step


def manual(d: Data, centroids: numpy.ndarray) -> tuple[numpy.ndarray]:
    points = d["points"]
    distances = points @ (-2.0 * centroids.T)
    distances += numpy.vecdot(centroids, centroids)
    nearest = distances.argmin(axis=1)
    count = numpy.bincount(nearest, minlength=len(centroids))
    sums = [numpy.bincount(nearest, column, len(centroids)) for column in points.T]
    return (centroids - (numpy.stack(sums) / count).T,)


EVAL = Eval(
    "kmeans",
    ((10, 1000, 8), (100, 1000, 16), (100, 10_000, 16)),
    (4, 30, 3),
    prepare,
    {"matmul": objective, "einsum": einsum},
    manual,
    newton_step,
)
