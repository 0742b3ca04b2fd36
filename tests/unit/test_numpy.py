"""memograd.numpy: NumPy's names; those that do not dispatch by themselves take nodes, and give NumPy's values."""

from typing import Any

import numpy as np
import pytest

import memograd as mg
import memograd.numpy as mnp
from memograd.errors import RefusedError

A, V = np.array([[1.5, 2.5], [0.5, 4.0]]), np.array([0.3, 0.7])

CALLS: dict[str, Any] = {
    "array of scalars": lambda n, a, v: n.array([a[0, 0], 2.0, a[1, 1]]),
    "array of rows": lambda n, a, v: n.array([[a[0, 0], 0.0], [1.0, v[0]], [v[1], v[1]]]),
    "array of vectors": lambda n, a, v: n.array([v, [1.0, 2.0], (v[0], 3.0)]),
    "array of a node": lambda n, a, v: n.array(a),
    "array in another dtype": lambda n, a, v: n.array([v, v], dtype=np.complex128),
    "array with more axes": lambda n, a, v: n.array([v, v], ndmin=4),
    "array without copies": lambda n, a, v: n.array(a, copy=None),
    "asarray": lambda n, a, v: n.asarray([v, v]),
    "asanyarray": lambda n, a, v: n.asanyarray(a),
    "asarray_chkfinite": lambda n, a, v: n.asarray_chkfinite([v[0], 1.0]),
    "ascontiguousarray": lambda n, a, v: n.ascontiguousarray(a.T),
    "asfortranarray": lambda n, a, v: n.asfortranarray(a.T),
    "full": lambda n, a, v: n.full((3, 2), v),
    "full of a scalar": lambda n, a, v: n.full(3, v[0], np.float64),
    "full_like": lambda n, a, v: n.full_like(np.ones((3, 2)), v),
    "full_like of a shape": lambda n, a, v: n.full_like(np.ones(3), v, shape=(3, 2)),
    "linspace": lambda n, a, v: n.linspace(v[0], v[1], 5),
    "linspace of vectors": lambda n, a, v: n.linspace(v, 2 * v, 5, axis=1),
    "linspace to a number": lambda n, a, v: n.linspace(v[0], 2.0, 4, endpoint=False),
    "linspace of one": lambda n, a, v: n.linspace(v[0], 2.0, 1),
    "linspace of none": lambda n, a, v: n.linspace(v[0], 2.0, 0),
    "linspace with its step": lambda n, a, v: n.linspace(v[0], 2.0, 4, retstep=True)[1],
    "logspace": lambda n, a, v: n.logspace(v[0], v[1], 4),
    "logspace by a base": lambda n, a, v: n.logspace(0.0, v[1], 4, base=a[0, 0]),
    "geomspace": lambda n, a, v: n.geomspace(v[0], 9.0, 4),
    "geomspace of vectors": lambda n, a, v: n.geomspace(v, 2.0, 4, axis=1),
    "r_": lambda n, a, v: n.r_[v, 1.0, v[0], 0:3, [2.0, v[1]]],
    "r_ of rows": lambda n, a, v: n.r_[a, [[1.0, 2.0]]],
    "r_ of one": lambda n, a, v: n.r_[v],
    "c_": lambda n, a, v: n.c_[v, a, [1.0, 2.0]],
    "c_ of one": lambda n, a, v: n.c_[v],
}


@pytest.mark.parametrize("what", CALLS)
def test_values_are_numpys_and_gradients_are_right(what: str) -> None:
    f, tape = CALLS[what], mg.Tape()
    a, v = tape.leaf(A), tape.leaf(V)
    y, want = f(mnp, a, v), f(np, A, V)
    assert isinstance(y, mg.Node) and y.dtype == want.dtype
    np.testing.assert_allclose(y.value, want, rtol=1e-14)
    if want.size:
        weight = np.cos(np.arange(want.size)).reshape(want.shape)
        for x in (a, v):
            if mg.grad(np.sum(np.real(y) * weight), x).any():
                mg.check.check_grad(np.sum(np.real(y) * weight) ** 2, x)
        assert any(mg.grad(np.sum(np.real(y) * weight), x).any() for x in (a, v))


@pytest.mark.parametrize("what", CALLS)
def test_without_a_node_it_is_numpys(what: str) -> None:
    got, want = CALLS[what](mnp, A, V), CALLS[what](np, A, V)
    assert type(got) is type(want)
    np.testing.assert_array_equal(got, want)


def test_the_first_and_last_numbers_of_a_linspace_are_exact() -> None:
    tape = mg.Tape()
    start, stop = tape.leaf(0.1), tape.leaf(0.7)
    y = mnp.linspace(start, stop, 11).value
    np.testing.assert_array_equal(y, np.linspace(0.1, 0.7, 11))


def test_second_order_passes_through() -> None:
    f = lambda x: np.sum(mnp.array([x[0] * x[1], x[0] ** 3]) ** 2)  # noqa: E731
    x, t = np.array([0.4, 1.2]), np.array([1.0, -2.0])
    h = 1e-6
    g = mg.functional.grad(f)
    np.testing.assert_allclose(
        mg.functional.hvp(f, (x,), (t,))[0], (g(x + h * t) - g(x - h * t)) / (2 * h), rtol=1e-6
    )


def test_everything_else_is_numpys() -> None:
    assert (
        mnp.pi is np.pi
        and mnp.float64 is np.float64
        and mnp.zeros_like.__wrapped__ is np.zeros_like
    )
    assert mnp.sin.__wrapped__ is np.sin and mnp.linalg.norm.__wrapped__ is np.linalg.norm
    assert mnp.vectorize is np.vectorize and mnp.linalg.LinAlgError is np.linalg.LinAlgError
    assert set(np.__all__) <= set(mnp.__all__) and set(np.__all__) <= set(dir(mnp))
    assert [name for name in mnp.__all__ if not hasattr(mnp, name)] == []
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = mnp.no_such_name


def test_each_name_of_ours_is_one_of_numpys() -> None:
    assert [name for name in mnp.OWN if not hasattr(np, name)] == []


def test_directives_are_refused() -> None:
    with pytest.raises(RefusedError, match="np.column_stack"):
        mnp.r_["0,2", mg.Tape().leaf(V)]


def test_ragged_lists_are_numpys_error() -> None:
    v = mg.Tape().leaf(V)
    with pytest.raises(ValueError, match="same shape"):
        mnp.array([v, [1.0, 2.0, 3.0]])
