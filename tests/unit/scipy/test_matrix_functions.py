"""Derivatives of the exponential, square root and logarithm of matrices, also where eigenvalues are negative."""

from typing import Any

import numpy as np
import pytest

import memograd as mg
import memograd.functional as F
from memograd.check import check_rule
from memograd.errors import CheckError
from memograd.rules.registration import RULES
from memograd.scipy import linalg, matrix_functions

RNG = np.random.default_rng(20160321)
M = RNG.uniform(0.2, 0.8, (3, 3)) + 2 * np.eye(3)


def indefinite(seed: int) -> Any:
    """A real matrix with a negative eigenvalue, every second one symmetric."""
    rng, n = np.random.default_rng([20160321, seed]), 2 + seed % 3
    turn = np.linalg.qr(rng.normal(size=(n, n)))[0]
    basis = turn if seed % 2 else turn + 0.3 * rng.normal(size=(n, n))
    eigenvalues = np.linspace(-1.5, 2.0, n) + rng.uniform(-0.2, 0.2, n)
    return basis @ np.diag(eigenvalues) @ np.linalg.inv(basis)


def loss(f: Any, weight: Any) -> Any:
    """A real number of f's real and imaginary parts."""
    return lambda a: np.sum(np.real(f(a)) * weight + np.square(np.imag(f(a))))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("f", [linalg.sqrtm, linalg.logm])
def test_second_derivatives_of_indefinite_matrices(f: Any, seed: int) -> None:
    A = indefinite(seed)
    rng = np.random.default_rng(seed)
    v, L = rng.normal(size=A.shape), loss(f, rng.normal(size=A.shape))
    g = F.grad(L)
    reverse_last = F.grad(lambda a: F.jvp(L, (a,), (v,))[1])(A)
    reverse_twice = F.grad(lambda a: np.sum(F.grad(L)(a) * v))(A)
    forward_last = F.jvp(g, (A,), (v,))[1]
    coarse, fine = ((g(A + h * v) - g(A - h * v)) / (2 * h) for h in (2e-4, 1e-4))
    scale = np.max(np.abs(forward_last))
    np.testing.assert_allclose(reverse_last, forward_last, rtol=0, atol=1e-11 * scale)
    np.testing.assert_allclose(reverse_twice, forward_last, rtol=0, atol=1e-11 * scale)
    np.testing.assert_allclose((4 * fine - coarse) / 3, forward_last, rtol=0, atol=1e-6 * scale)


@pytest.mark.parametrize("f", [linalg.sqrtm, linalg.logm])
def test_third_derivatives(f: Any) -> None:
    A = indefinite(1)
    rng = np.random.default_rng(1)
    v, L = rng.normal(size=A.shape), loss(f, rng.normal(size=A.shape))
    second = lambda a: F.hvp(L, (a,), (v,))[0]  # noqa: E731
    third = F.jvp(second, (A,), (v,))[1]
    coarse, fine = ((second(A + h * v) - second(A - h * v)) / (2 * h) for h in (2e-4, 1e-4))
    scale = np.max(np.abs(third))
    np.testing.assert_allclose((4 * fine - coarse) / 3, third, rtol=0, atol=1e-6 * scale)


@pytest.mark.parametrize("spread", [1e-9, 1.0, 1e9])
def test_the_logarithm_of_any_size(spread: float) -> None:
    """Of a diagonal matrix, in the eigenvalues' basis: divided differences of the logarithm."""
    w = np.array([1.0, 3.0]) * np.array([spread, 1 / spread])
    (got,) = F.vjp(linalg.logm, np.diag(w))[1](np.ones((2, 2)) + 0j)
    off = np.log(w[0] / w[1]) / (w[0] - w[1])
    np.testing.assert_allclose(got, [[1 / w[0], off], [off, 1 / w[1]]], rtol=1e-12)


@pytest.mark.parametrize("f", [linalg.sqrtm, linalg.logm])
def test_in_stacks_and_single_precision(f: Any) -> None:
    stack = np.stack([M, M.T + np.eye(3)])
    rows = F.grad(lambda a: np.sum(np.real(f(a)) ** 2))
    np.testing.assert_allclose(rows(stack), [rows(a) for a in stack], rtol=1e-12)
    half = mg.Tape().leaf(M.astype(np.float32))
    g = mg.grad(np.sum(np.real(f(half)) ** 2), half)
    assert f(half).dtype == np.complex64 and g.dtype == np.float32
    np.testing.assert_allclose(g, rows(M), rtol=1e-4)


@pytest.mark.parametrize("f", [linalg.sqrtm, linalg.logm])
def test_where_eigenvalues_meet_on_the_negative_axis_there_is_no_derivative(f: Any) -> None:
    a = mg.Tape().leaf([[-1.0, 1.0], [-1e-40, -1.0]])
    y = f(a)
    if np.ptp(np.imag(np.linalg.eigvals(y.value))) > 1:  # on both sides of the cut
        with pytest.raises(np.linalg.LinAlgError):
            mg.grad(np.sum(np.real(y)), a)


def test_both_sides_of_the_cut_are_refused() -> None:
    apart = np.diag([1j * np.pi, -1j * np.pi])
    with pytest.raises(np.linalg.LinAlgError, match="two eigenvalues meet"):
        matrix_functions.unfrechet(apart, np.ones((2, 2)))


@pytest.mark.parametrize(
    ("op", "operands"),
    [
        (matrix_functions.expm, [M]),
        (matrix_functions.square_root, [M]),
        (matrix_functions.logarithm, [M]),
        (matrix_functions.unfrechet, [M, RNG.normal(size=(3, 3))]),
    ],
)
def test_functions_of_matrices_are_checked(
    op: Any, operands: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    check_rule(op, *operands)
    line = RULES[op].pulls.of[0]
    monkeypatch.setattr(line, "pull", lambda *args, pull=line.pull: 1.001 * pull(*args))
    with pytest.raises(CheckError):
        check_rule(op, *operands)
