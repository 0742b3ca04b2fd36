"""The mirrors of NumPy and SciPy, with autograd's `where` and `convolve`."""

import importlib
from typing import Any

import numpy as np
import pytest

import memograd.autograd as ag
import memograd.autograd.numpy as anp
import memograd.autograd.numpy.random as npr
from memograd.errors import RefusedError

X = np.array([1.0, 2.0])


def test_names_are_those_of_memograd_numpy() -> None:
    import memograd.numpy

    assert anp.array is memograd.numpy.array and anp.sin is memograd.numpy.sin
    assert {"sin", "linalg", "where"} <= set(dir(anp)) and set(np.__all__) <= set(anp.__all__)
    assert anp.__version__ == np.__version__ and anp.linalg.inv is memograd.numpy.linalg.inv
    assert npr.RandomState is np.random.RandomState and anp.fft.fft is memograd.numpy.fft.fft
    names: dict[str, Any] = {}
    exec("from memograd.autograd.numpy import *", names)
    assert names["sin"] is anp.sin and names["where"] is anp.where


def test_where_takes_keywords_and_gives_pythons_numbers() -> None:
    for module in (anp, anp.numpy_wrapper):  # names that are Python's, too, are in the module then
        assert module.any([True]) and module.sum([1.0]) == 1.0
    assert type(anp.where(True, 1, 2)) is int and anp.where(False, [1, 2], [3, 4]) == [3, 4]
    assert anp.where(condition=[True, False], x=X, y=0.0).tolist() == [1.0, 0.0]
    assert anp.where([True, False])[0].tolist() == [0]
    assert ag.grad(lambda x: anp.sum(anp.where(x > 1.5, x * x, y=[0.0, 1.0])))(X).tolist() == [
        0.0,
        4.0,
    ]
    with pytest.raises(RefusedError, match="Give both"):
        anp.where(True, 1.0)


@pytest.mark.parametrize(
    "name", ["integrate", "linalg", "misc", "signal", "special", "stats", "stats.norm", "stats.t"]
)
def test_scipy_has_its_modules(name: str) -> None:
    pytest.importorskip("scipy")
    module = importlib.import_module(f"memograd.autograd.scipy.{name}")
    own = importlib.import_module(f"scipy.{name}") if "." not in name and name != "misc" else None
    assert own is None or set(getattr(own, "__all__", [])) <= set(dir(module))


def test_scipys_functions_are_differentiated() -> None:
    pytest.importorskip("scipy")
    from memograd.autograd import scipy
    from memograd.autograd.scipy.misc import logsumexp

    assert ag.grad(scipy.stats.norm.logpdf)(2.0) == pytest.approx(-2.0)
    assert ag.grad(logsumexp)(np.zeros(2)).tolist() == [0.5, 0.5]
    assert ag.elementwise_grad(scipy.special.expit)(0.0) == 0.25
    with pytest.raises(AttributeError):
        scipy.misc.imread  # noqa: B018
    with pytest.raises(AttributeError):
        scipy.io  # noqa: B018


@pytest.mark.parametrize("mode", ["full", "valid", "same"])
def test_convolve_along_axes_is_the_sum_of_plain_ones(mode: str, rng: Any) -> None:
    pytest.importorskip("scipy")
    from memograd.autograd.scipy.signal import convolve

    a, b = rng.normal(size=(2, 3, 6, 5)), rng.normal(size=(3, 4, 2, 3))
    y = convolve(a, b, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode=mode)
    for n in range(2):
        for k in range(4):
            expected = sum(convolve(a[n, c], b[c, k], mode=mode) for c in range(3))
            np.testing.assert_allclose(y[n, k], expected, rtol=1e-12)


def test_convolve_with_the_larger_operand_second_and_its_derivative(rng: Any) -> None:
    pytest.importorskip("scipy")
    from memograd.autograd.scipy.signal import convolve
    from memograd.autograd.test_util import check_grads

    a, b = rng.normal(size=(3, 2)), rng.normal(size=(4, 5))
    y = convolve(a, b, axes=([1], [1]), mode="valid")
    assert y.shape == (3, 4, 4)
    np.testing.assert_allclose(y[1, 2], np.convolve(a[1], b[2], "valid"), rtol=1e-12)
    check_grads(convolve, (0, 1), order=1)(a[:, :1], b, axes=([1], [1]), mode="valid")
    with pytest.raises(RefusedError, match="larger one along each axis"):
        convolve(np.ones((2, 3)), np.ones((3, 2)), axes=([0, 1], [0, 1]), mode="valid")
