"""Sparse Jacobians and Hessians of plain functions, and their plans."""

import pickle

import numpy as np
import pytest

import memograd as mg
from memograd.errors import NotScalarError, RefusedError
from memograd.functional import compiled, grad, hessian, jacobian

sparse = pytest.importorskip("scipy.sparse", reason="the extra `scipy` is not installed")

N = 12


def band(x):
    """A function whose Jacobian has two diagonals."""
    return np.sin(x[1:]) * x[:-1] ** 2


def energy(x):
    return np.sum(band(x) ** 2)


def test_it_agrees_with_the_dense_jacobian(rng):
    x = rng.normal(size=N)
    J = jacobian(band, sparse=True)(x)
    assert isinstance(J, sparse.csr_array)
    assert (J.shape, J.nnz) == ((N - 1, N), 2 * (N - 1))
    np.testing.assert_allclose(J.toarray(), jacobian(band)(x), rtol=1e-14)


@pytest.mark.parametrize("make", [
    lambda: compiled(jacobian(band, sparse=True)),
    lambda: jacobian(compiled(band), sparse=True),
    lambda: pickle.loads(pickle.dumps(compiled(jacobian(band, sparse=True)))),
], ids=["compiled", "of a compiled function", "pickled"])  # fmt: skip
def test_a_plan_gives_a_sparse_array_each_time(make, rng):
    step = make()
    for _ in range(3):
        x = rng.normal(size=N)
        J = step(x)
        assert isinstance(J, sparse.csr_array)
        np.testing.assert_allclose(J.toarray(), jacobian(band)(x), rtol=1e-14)
        J.indices[:] = 0  # the caller's own
    assert len(step.plans) == 1


def test_pytrees_of_results_and_arguments():
    given = {"u": np.array([1.0, 2.0]), "w": np.array([3.0, 4.0])}

    def f(p):
        return {"product": p["u"] * p["w"], "still": np.ones(3)}

    for form in (jacobian(f, sparse=True), compiled(jacobian(f, sparse=True))):
        J = form(given)
        assert J["product"]["u"].toarray().tolist() == [[3.0, 0.0], [0.0, 4.0]]
        assert (J["still"]["w"].shape, J["still"]["w"].nnz) == ((3, 2), 0)


def test_hessians(rng):
    x = rng.normal(size=N)
    expected = hessian(energy)(x)
    steps = (
        hessian(energy, sparse=True), compiled(hessian(energy, sparse=True)), hessian(compiled(energy), sparse=True),
    )  # fmt: skip
    for step in steps:
        H = step(x)
        assert isinstance(H, sparse.csr_array) and H.nnz == 3 * N - 2
        np.testing.assert_allclose(H.toarray(), expected, rtol=1e-12, atol=1e-14)
    H, aux = hessian(lambda x: (energy(x), "beside"), has_aux=True, sparse=True)(x)
    assert (H.nnz, aux) == (3 * N - 2, "beside")
    assert hessian(lambda x: 1.0, sparse=True)(x).nnz == 0


def test_inside_another_form_the_entries_are_a_node():
    def total(w):
        return np.sum(jacobian(lambda x: w * x * x, sparse=True)(np.ones(3)).data)

    assert grad(total)(np.ones(3)).tolist() == [2.0, 2.0, 2.0]


def test_what_is_refused(rng):
    x = rng.normal(size=N)
    with pytest.raises(ValueError, match="in no order"):
        jacobian(band, order="reverse", sparse=True)
    with pytest.raises(NotScalarError):
        hessian(band, sparse=True)(x)
    with pytest.raises(RefusedError, match="one array"):
        hessian(lambda p: energy(p["a"]) + energy(p["b"]), sparse=True)({"a": x, "b": x})
    with pytest.raises(mg.errors.NotDifferentiableError, match="complex"):
        jacobian(lambda x: x * 1j, sparse=True)(x)
