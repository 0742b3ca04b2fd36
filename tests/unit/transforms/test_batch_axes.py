"""Products and equations with a batch axis: no element depends on another member of the batch, and no Jacobian is dense."""

import warnings
from typing import Any

import numpy as np
import pytest

import memograd as mg
from memograd.check import check_rule
from memograd.jacobians.sparsity import jacobian_pattern
from memograd.transforms.batched_products import pull_rows, push_columns

N = 5


def stack(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


EYES = 3 * np.eye(3) + 0.1 * stack(N, 3, 3)

BATCHED: dict[str, tuple[Any, Any, Any]] = {
    "matmul": (np.matmul, stack(N, 2, 3), stack(N, 3, 4, seed=1)),
    "linalg.matmul": (np.linalg.matmul, stack(N, 2, 3), stack(N, 3, 4, seed=1)),
    "matvec": (np.matvec, stack(N, 2, 3), stack(N, 3, seed=1)),
    "vecmat": (np.vecmat, stack(N, 3), stack(N, 3, 2, seed=1)),
    "vecdot": (np.vecdot, stack(N, 3), stack(N, 3, seed=1)),
    "linalg.vecdot": (
        lambda a, b: np.linalg.vecdot(a, b, axis=1),
        stack(N, 3),
        stack(N, 3, seed=1),
    ),
    "linalg.vecdot, first axis": (
        lambda a, b: np.linalg.vecdot(a.T, b.T, axis=0),
        stack(N, 3),
        stack(N, 3, seed=1),
    ),
    "cross": (np.cross, stack(N, 3), stack(N, 3, seed=1)),
    "cross, axes": (lambda a, b: np.cross(a.T, b, axisa=0), stack(N, 3), stack(N, 3, seed=1)),
    "linalg.cross": (np.linalg.cross, stack(N, 3), stack(N, 3, seed=1)),
    "einsum": (lambda a, b: np.einsum("nij,nj->ni", a, b), stack(N, 2, 3), stack(N, 3, seed=1)),
    "solve": (np.linalg.solve, EYES, stack(N, 3, 2, seed=1)),
    "multiply": (np.multiply, stack(N, 3), stack(N, 1, seed=1)),
    "inv": (lambda a, b: np.linalg.inv(a) * b[..., None], EYES, stack(N, 1)),
}


def blocks(y: Any, x: Any) -> Any:
    """The mask of the elements of ∂y/∂x whose element of y belongs to the same member of the batch as that of x."""
    of_y, of_x = (np.repeat(np.arange(N), size // N) for size in (y.size, x.size))
    return of_y[:, None] == of_x


@pytest.mark.parametrize("other", ["node", "constant", "shared"])
@pytest.mark.parametrize("k", [0, 1])
@pytest.mark.parametrize("name", BATCHED)
def test_the_jacobian_is_block_diagonal(name: str, k: int, other: str) -> None:
    f, *arrays = BATCHED[name]
    tape = mg.Tape()
    x = tape.leaf(arrays[k])
    rest = arrays[1 - k][:1] if other == "shared" else arrays[1 - k]
    xs = [tape.leaf(rest) if other == "node" else rest] * 2
    xs[k] = x
    y = f(*xs)
    y = y if y.shape[0] == N else np.moveaxis(y, 0, -1)
    dense = np.reshape(
        [mg.vjp(y, x, seed) for seed in np.eye(y.size).reshape(-1, *y.shape)], (y.size, x.size)
    )
    found = jacobian_pattern(y, x).dense
    assert not (found & ~blocks(y, x)).any(), "an element depends on another member of the batch"
    assert not ((dense != 0) & ~found).any(), "the pattern leaves something out"
    np.testing.assert_allclose(
        mg.jacobian(y, x, sparse=True).toarray(), dense, rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(
        pull_rows(y, [x], np.eye(y.size).reshape(-1, *y.shape))[0].reshape(dense.shape),
        dense,
        atol=1e-12,
    )
    columns = push_columns(y, [x], [np.eye(x.size).reshape(-1, *x.shape)])
    np.testing.assert_allclose(columns.reshape(x.size, y.size).T, dense, atol=1e-12)


@pytest.mark.parametrize("f", [np.kron, np.outer])
@pytest.mark.parametrize("k", [0, 1])
def test_products_of_all_pairs_show_one_factor_each(f: Any, k: int) -> None:
    arrays = [stack(2, 3), stack(3, 2, seed=1)]
    x = mg.Tape().leaf(arrays[k])
    y = f(*[x if j == k else a for j, a in enumerate(arrays)])
    assert np.array_equal(np.sum(jacobian_pattern(y, x).dense, axis=1), np.ones(y.size))


@pytest.mark.slow
def test_the_jacobian_of_many_products_of_vectors_is_never_dense() -> None:
    x = mg.Tape().leaf(stack(50_000, 3))
    assert mg.jacobian(np.cross(x, np.cos(x)), x, sparse=True).nnz == 9 * 50_000


SHAPES = [
    ((2,), (2,)),
    ((2,), (3,)),
    ((3,), (2,)),
    ((4, 2), (4, 3)),
    ((4, 2), (2,)),
    ((2,), (5, 4, 3)),
    ((1, 2), (4, 2)),
]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_the_cross_product_of_vectors_in_the_plane(shapes: Any) -> None:
    """NumPy deprecates them; as long as it takes them, so do the rules."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        a, b = stack(*shapes[0]), stack(*shapes[1], seed=1)
        try:
            np.cross(a, b)
        except ValueError:
            pytest.skip("this NumPy takes vectors in space alone")
        check_rule(np.cross, a, b)
        if len(shapes[0]) == len(shapes[1]) == 2:
            check_rule(np.cross, a.T, b.T, axis=0)
