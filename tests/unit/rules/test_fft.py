"""numpy.fft: every transform against JAX, to second order, and against its own matrix; dtypes; second derivatives on handles."""

from typing import Any

import numpy as np
import pytest
from sampling_linalg import LINALG, array, complex_array

import memograd as mg

TRANSFORMS = [op for op in LINALG if op.__module__ == "numpy.fft"]
REAL_IN = {"rfft", "rfft2", "rfftn", "ihfft"}


def named(op: Any) -> str:
    return str(op.__name__)


def operand(op: Any, shape: tuple[int, ...]) -> Any:
    return array(*shape) if named(op) in REAL_IN else complex_array(*shape)


def energy(np_: Any, y: Any) -> Any:
    """A scalar with a second derivative, to which each element of y contributes otherwise."""
    w = np.cos(np.arange(int(np.prod(y.shape))) + 1.0).reshape(y.shape)
    turned = np_.real(y * (w * (1 + 0.5j)))
    return np_.sum(turned + turned**3)


def calls(op: Any) -> Any:
    return [(operand(op, np.shape(args[0])), args[1:], kwargs) for args, kwargs in LINALG[op]]


def test_every_transform_is_here() -> None:
    public = {getattr(np.fft, name) for name in np.fft.__all__} - {np.fft.fftfreq, np.fft.rfftfreq}
    assert set(TRANSFORMS) == public and len(public) == 16


@pytest.mark.parametrize("op", TRANSFORMS, ids=named)
def test_push_is_the_transform_and_pull_its_transpose(op: Any) -> None:
    for x, args, kwargs in calls(op):
        tangent = x[::-1] * 0.5
        leaf = mg.Tape().leaf(x)
        y = op(leaf, *args, **kwargs)
        seed = array(*y.shape) if y.dtype.kind != "c" else complex_array(*y.shape)
        np.testing.assert_allclose(
            mg.jvp(y, leaf, tangent), op(tangent, *args, **kwargs), rtol=1e-12, atol=1e-13
        )
        pulled = np.sum(np.real(mg.vjp(y, leaf, seed) * tangent))
        np.testing.assert_allclose(
            pulled, np.sum(np.real(seed * op(tangent, *args, **kwargs))), rtol=1e-11, atol=1e-12
        )


@pytest.mark.parametrize("op", TRANSFORMS, ids=named)
def test_both_orders_against_jax(op: Any) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    theirs = getattr(jax.numpy.fft, named(op))
    for x, args, kwargs in calls(op)[:2]:
        leaf, v = mg.Tape().leaf(x), x[::-1] * 0.5
        L = energy(np, op(leaf, *args, **kwargs))
        with jax.enable_x64(True):
            gradient = jax.grad(
                lambda x, args=args, kwargs=kwargs: energy(jax.numpy, theirs(x, *args, **kwargs))
            )
            want, second = jax.jvp(gradient, (jax.numpy.asarray(x),), (jax.numpy.asarray(v),))
        np.testing.assert_allclose(mg.grad(L, leaf), want, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(mg.grad_node(L, leaf).value, want, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(mg.hvp(L, leaf, v), second, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("op", TRANSFORMS, ids=named)
def test_second_order_against_central_differences(op: Any) -> None:
    for x, args, kwargs in calls(op):
        leaf, v, h = mg.Tape().leaf(x), x[::-1] * 0.5, 1e-5
        got = mg.hvp(energy(np, op(leaf, *args, **kwargs)), leaf, v)
        gradient = mg.functional.grad(
            lambda x, args=args, kwargs=kwargs: energy(np, op(x, *args, **kwargs))
        )
        want = (gradient(x + h * v) - gradient(x - h * v)) / (2 * h)
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7 * (1 + np.max(np.abs(got))))


@pytest.mark.parametrize("op", TRANSFORMS, ids=named)
def test_single_precision_is_kept(op: Any) -> None:
    x, args, kwargs = calls(op)[0]
    leaf = mg.Tape().leaf(x.astype(np.complex64 if x.dtype.kind == "c" else np.float32))
    y = op(leaf, *args, **kwargs)
    L = energy(np, y)
    assert y.dtype in (np.complex64, np.float32) and mg.grad(L, leaf).dtype == leaf.dtype
    np.testing.assert_allclose(
        mg.grad(L, leaf),
        mg.functional.grad(lambda x: energy(np, op(x, *args, **kwargs)))(x),
        rtol=2e-3,
        atol=1e-3,
    )


def test_a_batch_of_nothing() -> None:
    for op in (np.fft.fft, np.fft.rfft, np.fft.irfft, np.fft.fftn):
        x = mg.Tape().leaf(np.zeros((0, 4)))
        y = op(x, axes=(1,)) if op is np.fft.fftn else op(x)
        assert mg.grad(np.sum(np.real(y)), x).shape == (0, 4)


def test_an_axis_transformed_twice() -> None:
    x = mg.Tape().leaf(array(3, 4))
    L = energy(np, np.fft.fftn(x, axes=(0, 0, 1)))
    mg.check.check_grad(L, x)


def test_round_trip() -> None:
    x = mg.Tape().leaf(array(7))
    np.testing.assert_allclose(
        mg.grad(np.sum(np.fft.irfft(np.fft.rfft(x), 7) * np.arange(7.0)), x),
        np.arange(7.0),
        atol=1e-12,
    )
