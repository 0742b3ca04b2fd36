"""pairwise: the Lennard-Jones energy of particles, and the forces on them.

A size is the number of particles.
"""

from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator


def prepare(size: int) -> tuple[Inputs, Data]:
    side = numpy.arange(numpy.ceil(size ** (1 / 3)))
    grid = numpy.stack(numpy.meshgrid(side, side, side), axis=-1).reshape(-1, 3)[:size]
    first, second = numpy.triu_indices(size, 1)
    jitter = 0.1 * generator().normal(size=(size, 3))
    return (1.2 * grid + jitter,), {"eye": numpy.eye(size), "first": first, "second": second}


def matrix(np: Any, d: Data, x: Any) -> Any:
    """All pairs twice; a particle's pair with itself has the energy 0 at distance 1."""
    square = np.sum((x[:, None] - x) ** 2, axis=-1) + d["eye"]
    inverse = square**-3
    return 2.0 * np.sum(inverse**2 - inverse)


def pairs(np: Any, d: Data, x: Any) -> Any:
    """Each pair once, by its indices."""
    between = x[d["first"]] - x[d["second"]]
    inverse = 1.0 / np.einsum("pi,pi->p", between, between) ** 3
    return 4.0 * np.sum(inverse * (inverse - 1.0))


def products(np: Any, d: Data, x: Any) -> Any:
    """Squared distances from inner products."""
    length = np.sum(x * x, axis=1)
    square = length[:, None] + length - 2.0 * (x @ x.T)
    inverse = (square * (1.0 - d["eye"]) + d["eye"]) ** -3.0
    return 2.0 * np.sum(inverse * inverse - inverse)


def manual(d: Data, x: numpy.ndarray) -> tuple[numpy.ndarray]:
    rows = numpy.ascontiguousarray(x.T)
    between = rows[:, :, None] - rows[:, None]
    square = numpy.einsum("kij,kij->ij", between, between)
    square += d["eye"]
    inverse = 1.0 / square
    cube = inverse * inverse * inverse
    weight = cube * (12.0 - 24.0 * cube) * inverse
    # A particle's own entry does no harm: its difference is 0.
    return (2.0 * numpy.vecdot(between, weight).T,)


EVAL = Eval(
    "pairwise",
    (40, 300),
    9,
    prepare,
    {"matrix": matrix, "pairs": pairs, "products": products},
    manual,
    group="programs",
)
