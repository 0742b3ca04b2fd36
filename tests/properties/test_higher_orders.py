"""Third derivatives and products with Hessians, by pushes and pulls in any mixture, against JAX."""

import itertools

import numpy as np
import pytest

import memograd.functional as F

jax = pytest.importorskip("jax", reason="JAX is in the extra `compare`")
jax.config.update("jax_enable_x64", True)


def cubed(np, x):
    return np.sum(x * x * x)


WEIGHTS = [
    np.random.default_rng(20260).normal(size=shape) * 0.5 for shape in [(5, 4), (5, 5), (3, 5)]
]


def network(np, x):
    A, B, C = WEIGHTS
    h = np.tanh(A @ x)
    y = C @ (h * (1.0 + np.tanh(B @ h)))
    return np.log(np.sum(np.exp(y - np.max(y)))) + np.max(y)


def along(jvp, f, v):
    """The derivative of f along v, by a push."""
    return lambda x: jvp(f, (x,), (v,))[1]


def against(vjp, numpy, f, v):
    """The same by a pull."""
    return lambda x: numpy.sum(vjp(f, x)[1](numpy.ones(()))[0] * v)


@pytest.mark.parametrize("ways", list(itertools.product(("push", "pull"), repeat=3)), ids="-".join)
@pytest.mark.parametrize("f", [cubed, network])
def test_third_derivatives_along_three_directions(f, ways, rng):
    x, *vs = rng.normal(size=(4, 4))
    ours, theirs = (lambda x: f(np, x)), (lambda x: f(jax.numpy, x))
    for way, v in zip(ways, vs, strict=True):
        ours = along(F.jvp, ours, v) if way == "push" else against(F.vjp, np, ours, v)
        theirs = along(jax.jvp, theirs, v)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-10)


def test_the_product_with_the_hessian(rng):
    x, v = rng.normal(size=(2, 4))
    (ours,) = F.hvp(lambda x: network(np, x), (x,), (v,))
    theirs = jax.jvp(jax.grad(lambda x: network(jax.numpy, x)), (x,), (v,))[1]
    np.testing.assert_allclose(ours, theirs, rtol=1e-11)
