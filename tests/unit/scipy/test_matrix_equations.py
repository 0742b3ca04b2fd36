"""Solutions of matrix equations and of systems with structured matrices: SciPy's values, derivatives against differences."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from scipy_agreement import agree

import memograd as mg
import memograd.functional as F
from memograd.check import check_rule
from memograd.errors import CheckError, RefusedError
from memograd.rules.registration import RULES
from memograd.scipy import linalg, matrix_equations

RNG = np.random.default_rng(20160321)


def array(*shape: int) -> Any:
    """Numbers between 0.2 and 0.8."""
    return RNG.uniform(0.2, 0.8, shape)


def regular(n: int) -> Any:
    """A matrix whose eigenvalues are about 3."""
    return array(n, n) + 2 * np.eye(n)


def turned(a: Any) -> Any:
    """A complex array of the same size."""
    return a * (1 + 0.5j) + 0.1j


SMALL = array(3, 3) / 4
SYSTEMS: dict[str, tuple[str, list[Any], dict[str, Any]]] = {
    "sylvester": ("solve_sylvester", [regular(3), regular(2), array(3, 2)], {}),
    "sylvester complex": (
        "solve_sylvester",
        [turned(regular(3)), turned(regular(2)), turned(array(3, 2))],
        {},
    ),
    "continuous lyapunov": ("solve_continuous_lyapunov", [regular(3), array(3, 3)], {}),
    "continuous lyapunov complex": (
        "solve_continuous_lyapunov",
        [turned(regular(3)), turned(array(3, 3))],
        {},
    ),
    "discrete lyapunov": ("solve_discrete_lyapunov", [SMALL, array(3, 3)], {}),
    "discrete lyapunov bilinear": (
        "solve_discrete_lyapunov",
        [SMALL, array(3, 3)],
        {"method": "bilinear"},
    ),
    "discrete lyapunov of many": (
        "solve_discrete_lyapunov",
        [array(10, 10) / 9, array(10, 10)],
        {},
    ),
    "discrete lyapunov complex": (
        "solve_discrete_lyapunov",
        [turned(SMALL), turned(array(3, 3))],
        {},
    ),
    "discrete lyapunov complex bilinear": (
        "solve_discrete_lyapunov",
        [turned(SMALL), turned(array(3, 3))],
        {"method": "bilinear"},
    ),
    "hermitian band": ("solveh_banded", [array(2, 4) + [[0], [2]], array(4)], {}),
    "hermitian band lower": (
        "solveh_banded",
        [array(2, 4) + [[2], [0]], array(4, 2)],
        {"lower": True},
    ),
    "toeplitz": ("solve_toeplitz", [array(4) + [3, 0, 0, 0], array(4)], {}),
    "toeplitz of columns": ("solve_toeplitz", [array(4) + [3, 0, 0, 0], array(4, 2)], {}),
    "circulant": ("solve_circulant", [array(4) + [3, 0, 0, 0], array(4)], {}),
    "circulant complex": ("solve_circulant", [turned(array(4)) + [3, 0, 0, 0], array(4)], {}),
    "circulant along axes": (
        "solve_circulant",
        [array(4, 2) + [[3, 3], [0, 0], [0, 0], [0, 0]], array(2, 4)],
        {"caxis": 0, "baxis": -1, "outaxis": -1},
    ),
}


@pytest.mark.parametrize("what", SYSTEMS)
def test_systems(what: str) -> None:
    name, xs, kwargs = SYSTEMS[what]
    ours, theirs = (partial(getattr(home, name), **kwargs) for home in (linalg, scipy.linalg))
    agree(ours, theirs, xs, "complex" not in what)
    np.testing.assert_array_equal(ours(*xs), theirs(*xs))
    for k in range(len(xs)):  # one node among constants
        node = mg.Tape().leaf(xs[k])
        given = [node if j == k else x.tolist() for j, x in enumerate(xs)]
        np.testing.assert_allclose(ours(*given).value, theirs(*xs), rtol=1e-10)


@pytest.mark.parametrize("b", [array(5), array(5, 2)], ids=["a vector", "columns"])
@pytest.mark.parametrize("l_and_u", [(0, 0), (1, 2), (2, 1), (1, 1), (0, 2)])
def test_band_matrices(l_and_u: tuple[int, int], b: Any) -> None:
    ab = array(sum(l_and_u) + 1, 5)
    ab[l_and_u[1]] += 3
    agree(
        lambda ab, b: linalg.solve_banded(l_and_u, ab, b),
        lambda ab, b: scipy.linalg.solve_banded(l_and_u, ab, b),
        [ab, b],
    )
    g = F.grad(lambda ab: np.sum(linalg.solve_banded(l_and_u, ab, b)))(ab)
    i = np.arange(5) + np.arange(len(ab))[:, None] - l_and_u[1]
    np.testing.assert_array_equal(g[(i < 0) | (i > 4)], 0)


def test_a_hermitian_band_matrix_is_the_whole_one() -> None:
    ab = turned(array(2, 4)) + [[0], [3]]
    ab[1] = np.real(ab[1])
    for lower in (False, True):
        given = ab[::-1] if lower else ab
        agree(
            lambda b, given=given, lower=lower: linalg.solveh_banded(given, b, lower=lower),
            lambda b, given=given, lower=lower: scipy.linalg.solveh_banded(given, b, lower=lower),
            [turned(array(4))],
            second=False,
        )


def test_a_toeplitz_matrix_of_a_column_and_a_row() -> None:
    agree(
        lambda c, r, b: linalg.solve_toeplitz((c, r), b),
        lambda c, r, b: scipy.linalg.solve_toeplitz((c, r), b),
        [array(4) + [3, 0, 0, 0], array(4), array(4, 2)],
    )
    agree(
        lambda c: linalg.solve_toeplitz(c, turned(np.ones(3))),
        lambda c: scipy.linalg.solve_toeplitz(c, turned(np.ones(3))),
        [turned(array(3)) * 0.3 + [3, 0, 0]],
        second=False,
    )


def test_a_real_matrix_beside_complex_ones() -> None:
    a, b, q = regular(3), regular(2), turned(array(3, 2))
    x = linalg.solve_sylvester(mg.Tape().leaf(a), b, q).value
    np.testing.assert_allclose(a @ x + x @ b, q, rtol=1e-12)


@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        (linalg.solve_sylvester, [(2, 3, 3), (2, 2), (4, 1, 3, 2)]),
        (linalg.solve_continuous_lyapunov, [(2, 3, 3), (3, 3)]),
        (linalg.solve_discrete_lyapunov, [(2, 3, 3), (4, 1, 3, 3)]),
        (partial(linalg.solve_discrete_lyapunov, method="bilinear"), [(2, 3, 3), (3, 3)]),
        (lambda ab, b: linalg.solve_banded((1, 1), ab, b), [(2, 3, 3), (3, 2)]),
        (linalg.solveh_banded, [(2, 3), (4, 3, 1)]),
    ],
)
def test_stacks_are_solved_one_by_one(f: Any, shapes: list[Any]) -> None:
    xs = [array(*shape) + (2 * np.eye(3) if shape[-2:] == (3, 3) else 0) for shape in shapes]
    xs[0] = xs[0] + (np.array([[0], [2]]) if shapes[0] == (2, 3) else 0)
    lead = np.broadcast_shapes(*(shape[:-2] for shape in shapes))
    weight = array(*lead, *shapes[-1][-2:])
    got = F.grad(lambda *xs: np.sum(f(*xs) * weight), range(len(xs)))(*xs)

    def one(*xs: Any) -> Any:
        each = [np.broadcast_to(x, lead + x.shape[-2:]) for x in xs]
        return sum(np.sum(f(*(x[i] for x in each)) * weight[i]) for i in np.ndindex(lead))

    want = F.grad(one, range(len(xs)))(*xs)
    for mine, its in zip(got, want, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-10)


def test_no_unique_solution_is_an_error() -> None:
    tape = mg.Tape()
    with pytest.raises(np.linalg.LinAlgError, match="no unique solution"):
        linalg.solve_sylvester(tape.leaf(np.eye(2)), -np.eye(2), np.ones((2, 2)))
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        linalg.solve_banded((0, 0), tape.leaf(np.zeros((1, 2))), np.ones(2))
    with pytest.raises(np.linalg.LinAlgError, match="near singular"):
        linalg.solve_circulant(tape.leaf(np.ones(2)), np.ones(2))
    with pytest.raises(RefusedError, match="pinv"):
        linalg.solve_circulant(tape.leaf(np.ones(2)), np.ones(2), singular="lstsq")
    with pytest.raises(ValueError, match="Unknown solver"):
        linalg.solve_discrete_lyapunov(tape.leaf(SMALL), SMALL, "guess")


@pytest.mark.parametrize(
    ("op", "operands"),
    [
        (matrix_equations.sylvester, [regular(3), regular(2), array(3, 2)]),
        (matrix_equations.toeplitz_system, [array(3) + [3, 0, 0], array(3), array(3, 2)]),
    ],
)
def test_equations_are_checked(op: Any, operands: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    check_rule(op, *operands)
    for line in RULES[op].pulls.of.values():
        with monkeypatch.context() as patch:
            patch.setattr(line, "pull", lambda *args, pull=line.pull: 1.001 * pull(*args))
            with pytest.raises(CheckError):
                check_rule(op, *operands)


@pytest.mark.parametrize("transposed", [False, True])
def test_band_systems_are_checked(transposed: bool) -> None:
    ab = array(4, 5) + [[0], [0], [3], [0]]
    check_rule(
        matrix_equations.band_system, ab, array(5, 2), below=1, above=2, transposed=transposed
    )
