"""Rules where rounding, the range of a dtype, or the number of elements could turn a derivative into something else."""

from typing import Any

import numpy as np
import pytest

import memograd as mg

F = mg.functional

N = 70_000
"""More than float16 can hold: 1/N is a subnormal number of it, and N is infinite."""

MEANS = {
    "mean": np.mean,
    "mean over an axis": lambda x: (
        np.mean(np.reshape(x, (2, -1)), axis=1)[0] + np.mean(np.reshape(x, (2, -1)), axis=1)[1]
    ),
    "nanmean": np.nanmean,
    "average": np.average,
    "mean with where": lambda x: np.mean(x, where=np.ones(N, bool)),
}


@pytest.mark.parametrize("f", MEANS.values(), ids=MEANS)
def test_means_of_many_halves(f: Any) -> None:
    with np.errstate(over="ignore"):  # NumPy's own: `average` casts N
        got = F.grad(f)(np.full(N, 0.5, np.float16))  # their sum is a float16, too
    want = F.grad(f)(np.full(N, 0.5))
    assert got.dtype == np.float16
    np.testing.assert_allclose(got.astype(float), want, rtol=0.01)


@pytest.mark.parametrize(
    "f",
    [
        np.var,
        np.std,
        np.nanvar,
        np.nanstd,
        lambda x: np.var(x, ddof=1),
        lambda x: np.std(x, mean=np.mean(x)),
    ],
)
def test_spreads_of_many_halves(f: Any) -> None:
    x = np.where(np.arange(N) % 2, 0.25, 0.5)
    with np.errstate(over="ignore"):  # NumPy's own: it casts N
        got = F.grad(f)(x.astype(np.float16))
    np.testing.assert_allclose(got.astype(float), F.grad(f)(x), rtol=0.01)


def test_weighted_means_of_many_halves() -> None:
    x, w = np.linspace(0, 1, N), np.full(N, 0.5)
    halves = F.grad(lambda x, w: np.average(x, weights=w), argnums=(0, 1))(
        x.astype(np.float16), w.astype(np.float16)
    )
    doubles = F.grad(lambda x, w: np.average(x, weights=w), argnums=(0, 1))(x, w)
    for got, want in zip(halves, doubles, strict=True):
        np.testing.assert_allclose(got.astype(float), want, rtol=0.05, atol=1e-7)


# ---------------------------------------------------------------------------------------------------- zero up to rounding

SPREADS = {
    "std": np.std,
    "nanstd": np.nanstd,
    "var": np.var,
    "nanvar": np.nanvar,
    "std, ddof": lambda x: np.std(x, ddof=1),
    "std over an axis": lambda x: np.sum(np.std(np.reshape(x, (2, -1)), axis=1)),
    "std with where": lambda x: np.std(x, where=np.arange(x.size) < x.size - 1),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.complex128])
@pytest.mark.parametrize("f", SPREADS.values(), ids=SPREADS)
def test_the_slopes_of_the_spread_of_equal_numbers_are_zero(f: Any, dtype: Any) -> None:
    for c in np.random.default_rng(0).normal(size=30) * 10:
        assert not np.any(F.grad(lambda x: np.real(f(x)))(np.full(6, c, dtype)))


@pytest.mark.parametrize("f", SPREADS.values(), ids=SPREADS)
def test_the_slopes_of_a_spread_sum_to_zero(f: Any) -> None:
    """It does not see a shift; not even where the numbers are far larger than their spread."""
    x = 1e8 + np.random.default_rng(1).normal(size=8)
    slopes = F.grad(f)(x)
    assert np.max(np.abs(slopes)) > 0.01
    assert abs(np.sum(slopes)) < 1e-13
    near = F.grad(f)(x - 1e8)
    np.testing.assert_allclose(slopes, near, rtol=1e-6, atol=1e-12)


def test_the_second_derivative_of_a_spread() -> None:
    x, v = np.random.default_rng(2).normal(size=(2, 5))
    y = np.std(x)
    centred, w = x - np.mean(x), v - np.mean(v)
    want = w / (5 * y) - centred * (centred @ w) / (25 * y**3)
    np.testing.assert_allclose(F.hvp(np.std, (x,), (v,))[0], want, rtol=1e-12)
    np.testing.assert_allclose(F.hvp(np.std, (x + 1e6,), (v,))[0], want, rtol=1e-6)


# --------------------------------------------------------------------------------------------- exponentials of large numbers


@pytest.mark.parametrize(("f", "base"), [(np.logaddexp.reduce, np.e), (np.logaddexp2.reduce, 2.0)])
def test_the_shares_of_a_log_of_a_sum_of_large_exponentials(f: Any, base: float) -> None:
    """log Σ exp(a) itself is rounded: to 0.125 at 1e15, to 0.06 at 1e6 in single precision."""
    a = np.array([0.0, 0.25, 1.0])
    want = base**a / np.sum(base**a)
    np.testing.assert_allclose(F.grad(f)(2.0**50 + a), want, rtol=1e-14)
    np.testing.assert_allclose(F.grad(f)((2**20 + a).astype(np.float32)), want, rtol=1e-6)
    np.testing.assert_allclose(
        F.hessian(f)(2.0**50 + a),
        np.log(base) * (np.diag(want) - np.outer(want, want)),
        rtol=1e-13,
        atol=1e-16,
    )


@pytest.mark.parametrize(
    ("a", "want"),
    [
        ([np.inf, 0.0, np.inf], [0.5, 0.0, 0.5]),
        ([-np.inf, -np.inf], [0.5, 0.5]),
        ([-np.inf, 3.0], [0.0, 1.0]),
        ([800.0, -800.0], [1.0, 0.0]),
    ],
)
def test_the_shares_at_the_ends(a: Any, want: Any) -> None:
    assert np.array_equal(F.grad(np.logaddexp.reduce)(np.array(a)), want)


def test_the_shares_where_a_mask_looks() -> None:
    a, where = np.array([1.0, 1e5, np.nan, 2.0]), np.array([True, False, False, True])
    got = F.grad(lambda a: np.logaddexp.reduce(a, where=where))(a)
    np.testing.assert_allclose(got, [1 / (1 + np.e), 0, 0, np.e / (1 + np.e)], rtol=1e-15)
    nothing = F.grad(lambda a: np.logaddexp.reduce(a, where=np.zeros(4, bool)))(np.arange(4.0))
    assert not np.any(nothing)
