"""Cotangents of indices: each way of adding them has the bits of NumPy's `add.at`."""

import numpy as np
import pytest

from memograd.rules.indexing import MAX_COLUMNS, scatter

SEED = 20262


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128, np.int64])
@pytest.mark.parametrize(
    ("shape", "key"),
    [
        ((7, 3), ([0, 2, 2, 6, 0, 2],)),
        ((7, 3), ([5, 1, 0],)),
        ((7, 3), ([-1, 6, -7],)),
        ((7, MAX_COLUMNS + 1), ([0, 2, 2],)),
        ((7,), ([3, 3, 1],)),
        ((2, 5, 3), ([1, 1, 0, 1],)),
        ((4, 7), (slice(None), [5, 0, 2])),
        ((4, 7), (slice(1, 3), [5, 5, 2])),
        ((4, 7), ([[0, 1], [1, 0]],)),
        ((4, 7), ([0, 1, 0], [2, 3, 2])),
        ((7, 3), (np.array([], int),)),
        ((3, 4), ([2, 0], None)),
        ((3, 4), ([2, 0, 1], slice(1, 3))),
        ((3, 4), ([2, 0, 2], slice(1, 3))),
        ((300, 2), (np.arange(250, dtype=np.uint8),)),
        ((3, 4), ([True, False, True], [0, 3])),
    ],
    ids=str,
)
def test_the_sum_at_each_place_is_that_of_add_at(shape, key, dtype):
    rng = np.random.default_rng(SEED)
    key = tuple(np.asarray(part) if isinstance(part, list) else part for part in key)
    g = (rng.normal(size=np.zeros(shape)[key].shape) * 1e3).astype(dtype)
    g.reshape(-1)[::3] *= -0.0 if g.dtype.kind != "i" else 0
    expected = np.zeros(shape, dtype)
    np.add.at(expected, key, g)
    got = scatter(g, shape, *key)
    assert got.tobytes() == expected.tobytes(), f"seed {SEED}"
