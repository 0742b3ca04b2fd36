"""memograd.scipy: linalg, stats and signal take nodes, and give SciPy's values; gradients against central differences and JAX."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy
import scipy.linalg
import scipy.signal
import scipy.stats
from scipy_agreement import agree

import memograd as mg
from memograd.check import check_rule
from memograd.errors import NoRuleError
from memograd.scipy import linalg, signal, stats

RNG = np.random.default_rng(20160321)
M = RNG.uniform(0.2, 0.8, (3, 3)) + 2 * np.eye(3)
P = M @ M.T
B, V, X, W = (
    RNG.uniform(0.2, 0.8, (3, 2)),
    RNG.uniform(0.2, 0.8, 3),
    RNG.uniform(0.2, 0.8, (2, 3)),
    RNG.uniform(0.2, 0.8, (2, 2)),
)
Z = M + 1j * RNG.uniform(0.2, 0.8, (3, 3))

LINALG: dict[str, Any] = {
    "solve": ("solve", [M, V], {}),
    "solve of several": ("solve", [M, B], {}),
    "solve transposed": ("solve", [M, B], {"transposed": True}),
    "solve symmetric": ("solve", [P, B], {"assume_a": "sym", "lower": True}),
    "solve positive": ("solve", [P, V], {"assume_a": "pos"}),
    "solve hermitian": ("solve", [Z @ Z.conj().T, B], {"assume_a": "her", "lower": True}),
    "solve a triangle": ("solve", [M, V], {"assume_a": "upper triangular"}),
    "solve_triangular": ("solve_triangular", [M, V], {}),
    "solve_triangular lower": ("solve_triangular", [M, B], {"lower": True}),
    "solve_triangular transposed": ("solve_triangular", [M, B], {"lower": True, "trans": "T"}),
    "solve_triangular conjugated": ("solve_triangular", [Z, B], {"trans": 2}),
    "solve_triangular of units": ("solve_triangular", [M, V], {"unit_diagonal": True, "trans": 1}),
    "solve_triangular lower of units": (
        "solve_triangular",
        [M, V],
        {"unit_diagonal": True, "lower": True},
    ),
    "expm": ("expm", [M], {}),
    "expm in batches": ("expm", [np.stack([M, P / 9])], {}),
    "expm complex": ("expm", [Z], {}),
    "sqrtm": ("sqrtm", [P], {}),
    "logm": ("logm", [P], {}),
    "block_diag": ("block_diag", [M, V, B, np.float64(0.4)], {}),
    "toeplitz": ("toeplitz", [V], {}),
    "toeplitz of a column and a row": ("toeplitz", [V, B[:, 0]], {}),
    "toeplitz complex": ("toeplitz", [Z[0]], {}),
}


@pytest.mark.parametrize("what", LINALG)
def test_linear_algebra(what: str) -> None:
    name, xs, kwargs = LINALG[what]
    agree(
        lambda *a: getattr(linalg, name)(*a, **kwargs),
        lambda *a: getattr(scipy.linalg, name)(*a, **kwargs),
        xs,
        "complex" not in what,
    )


@pytest.mark.parametrize("what", LINALG)
def test_without_a_node_linear_algebra_is_scipys(what: str) -> None:
    name, xs, kwargs = LINALG[what]
    np.testing.assert_array_equal(
        getattr(linalg, name)(*xs, **kwargs), getattr(scipy.linalg, name)(*xs, **kwargs)
    )


@pytest.mark.parametrize("lower", [False, True])
def test_cho_solve(lower: bool) -> None:
    c = np.linalg.cholesky(P) if lower else np.linalg.cholesky(P).T
    for b in (V, B):
        agree(
            lambda c, b: linalg.cho_solve((c, lower), b),
            lambda c, b: scipy.linalg.cho_solve((c, lower), b),
            [c, b],
        )
    np.testing.assert_array_equal(
        linalg.cho_solve((c, lower), V), scipy.linalg.cho_solve((c, lower), V)
    )


def test_solve_takes_a_constant_on_either_side() -> None:
    tape = mg.Tape()
    np.testing.assert_allclose(
        linalg.solve(M.tolist(), tape.leaf(V)).value, scipy.linalg.solve(M, V)
    )
    np.testing.assert_allclose(
        linalg.solve_triangular(M.tolist(), tape.leaf(V)).value, scipy.linalg.solve_triangular(M, V)
    )
    np.testing.assert_allclose(
        linalg.solve(tape.leaf(M), V.tolist()).value, scipy.linalg.solve(M, V)
    )


def test_a_structure_that_is_not_recorded_is_refused() -> None:
    with pytest.raises(NoRuleError, match="assume_a='tridiagonal'"):
        linalg.solve(mg.Tape().leaf(M), V, assume_a="tridiagonal")


# ------------------------------------------------------------------------------------------------------------ stats

POINTS = np.array([0.15, 0.4, 0.8])


@pytest.mark.parametrize("f", ["pdf", "logpdf"])
def test_multivariate_normal(f: str) -> None:
    ours, theirs = (
        getattr(stats.multivariate_normal, f),
        getattr(scipy.stats.multivariate_normal, f),
    )
    symmetric = lambda c: (c + c.T) / 2  # noqa: E731
    agree(
        lambda x, m, c: ours(x, m, symmetric(c)),
        lambda x, m, c: theirs(x, m, symmetric(c)),
        [X, V, P],
    )
    agree(
        lambda x, m, c: ours(x, m, symmetric(c)),
        lambda x, m, c: theirs(x, m, symmetric(c)),
        [X[0], V, P],
    )
    agree(lambda x, c: ours(x, cov=c), lambda x, c: theirs(x, cov=c), [V, np.asarray(1.7)])
    agree(lambda x, m, c: ours(x, m, c), lambda x, m, c: theirs(x, m, c), [X, V, np.asarray(1.7)])
    agree(lambda x, m, c: ours(x, m, c), lambda x, m, c: theirs(x, m, np.diag(c)), [X, V, V])
    agree(lambda x: ours(x, 0.3, 1.7), lambda x: theirs(x, 0.3, 1.7), [V])


@pytest.mark.parametrize("f", ["pdf", "logpdf"])
def test_dirichlet(f: str) -> None:
    ours, theirs = getattr(stats.dirichlet, f), getattr(scipy.stats.dirichlet, f)
    agree(ours, theirs, [np.array([0.2, 0.5]), np.array([1.5, 2.5, 0.7])])
    agree(ours, theirs, [np.array([[0.2, 0.1], [0.5, 0.3]]), np.array([1.5, 2.5, 0.7])])
    agree(
        lambda alpha: ours([0.2, 0.5, 0.3], alpha),
        lambda alpha: theirs([0.2, 0.5, 0.3], alpha),
        [np.array([1.5, 2.5, 0.7])],
    )


def test_against_jax() -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    theirs = pytest.importorskip("jax.scipy.stats")
    with jax.enable_x64(True):
        for name, shapes in {"norm": (), "t": (3.5,), "beta": (2.5, 1.5), "gamma": (2.5,)}.items():
            f = lambda module, lib, name=name: lambda *a: lib.sum(getattr(module, name).logpdf(*a))  # noqa: E731
            args = (POINTS, *shapes, -0.2, 1.7)
            for got, want in zip(mg.functional.grad(f(stats, np), range(len(args)))(*args),
                                 jax.grad(f(theirs, jax.numpy), tuple(range(len(args))))(*args), strict=True):  # fmt: skip
                np.testing.assert_allclose(got, want, rtol=1e-9)


def test_far_tails_are_finite() -> None:
    x = mg.Tape().leaf([-50.0, 50.0])
    np.testing.assert_allclose(mg.grad(np.sum(stats.norm.logcdf(x)), x), [50.019984031905639809, 0])
    np.testing.assert_allclose(mg.grad(np.sum(stats.norm.logsf(x)), x), [0, -50.019984031905639809])


def test_a_frozen_distribution_holds_no_nodes() -> None:
    with pytest.raises(NoRuleError, match="norm.logpdf"):
        stats.norm(mg.Tape().leaf(0.3))
    assert stats.norm(0.3).mean() == 0.3 and stats.norm.mean() == 0


# ----------------------------------------------------------------------------------------------------------- signal


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("method", ["auto", "fft", "direct"])
@pytest.mark.parametrize(
    ("a", "b"), [(V, B[:, 0]), (V, W[0]), (W[0], V), (M, W), (M, X[:, :2]), (W, M)]
)
def test_convolve(a: Any, b: Any, mode: str, method: str) -> None:
    agree(
        lambda a, b: signal.convolve(a, b, mode, method),
        lambda a, b: scipy.signal.convolve(a, b, mode, method),
        [a, b],
    )


def test_convolve_is_checked_complex_and_0d() -> None:
    check_rule(signal.convolve, M, W)
    check_rule(signal.convolve, V, W[0], mode="same")
    agree(signal.convolve, scipy.signal.convolve, [np.float64(0.3), np.float64(0.7)])


# --------------------------------------------------------------------------------------------------------- the door


def test_everything_else_is_scipys() -> None:
    import memograd.scipy as mscipy

    assert (
        linalg.lu is scipy.linalg.lu
        and stats.uniform is scipy.stats.uniform
        and signal.fftconvolve is scipy.signal.fftconvolve
    )
    assert mscipy.optimize is scipy.optimize and mscipy.__version__ == scipy.__version__
    assert mscipy.special is sys.modules["memograd.scipy.special"]
    for ours, theirs in ((linalg, scipy.linalg), (stats, scipy.stats), (signal, scipy.signal)):
        assert (
            set(dir(theirs)) <= set(dir(ours))
            and [name for name in ours.__all__ if not hasattr(theirs, name)] == []
        )
        with pytest.raises(AttributeError):
            _ = ours.no_such_name


def test_a_missing_scipy_says_how_to_install_it() -> None:
    program = (
        "import sys; sys.modules['scipy'] = None\n"
        "import memograd.scipy\n"
        "from memograd.errors import MissingLibraryError\n"
        "for name in ('special', 'linalg', 'stats', 'signal', 'optimize'):\n"
        "    try: getattr(memograd.scipy, name)\n"
        "    except MissingLibraryError as e: assert 'pip install' in str(e) and 'memograd[scipy]' in str(e), e\n"
        "    else: raise SystemExit(name)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
