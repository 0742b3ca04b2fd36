"""Every functional form against JAX's: nests, argnums, what comes beside a result, forms in forms, third derivatives."""

from collections import OrderedDict
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

import memograd as mg

OURS = SimpleNamespace(
    np=np, **{name: getattr(mg.functional, name) for name in mg.functional.__all__}
)


class Point(NamedTuple):
    x: object
    y: object


@dataclass(frozen=True)
class Layer:
    W: object
    b: object
    act: str = field(default="tanh", metadata={"static": True})


@pytest.fixture(scope="module")
def jax():
    jax = pytest.importorskip("jax", reason="JAX is in the extra `compare`")
    jax.config.update("jax_enable_x64", True)
    try:
        jax.tree_util.register_dataclass(Layer)
    except ValueError:  # this file was imported before
        pass
    return jax


@pytest.fixture(scope="module")
def theirs(jax):
    def hvp(f, primals, tangents):
        return jax.jvp(jax.grad(f, argnums=tuple(range(len(primals)))), primals, tangents)[1]

    forms = {
        name: getattr(jax, name) for name in ("value_and_grad", "grad", "vjp", "jvp", "hessian")
    }
    return SimpleNamespace(np=jax.numpy, jacobian=jax.jacrev, hvp=hvp, **forms)


@pytest.fixture
def agree(jax, theirs):
    """Hold a program over a library and its forms to JAX's numbers, dtypes and nests."""

    def agree(program, *args, rtol=1e-10):
        ours, expected = (
            program(OURS, *args),
            program(theirs, *jax.tree.map(jax.numpy.asarray, args)),
        )
        assert jax.tree.structure(ours) == jax.tree.structure(expected)
        for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(expected), strict=True):
            assert (np.shape(a), np.asarray(a).dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)

    return agree


def net(m, params, x):
    """Three layers and a scalar."""
    for layer in params:
        x = m.np.tanh(x @ layer.W + layer.b)
    return m.np.sum(x * x)


@pytest.fixture
def params(rng):
    sizes = [3, 4, 2, 2]
    return [
        Layer(rng.normal(size=(m, n)) * 0.6, rng.normal(size=n))
        for m, n in zip(sizes, sizes[1:], strict=False)
    ]


@pytest.fixture
def data(rng):
    return rng.normal(size=(5, 3))


@pytest.fixture
def nest(rng):
    return {
        "w": rng.normal(size=3),
        "rest": [Point(rng.normal(size=(2, 3)), 0.7), None, ()],
        "kept": OrderedDict(b=1.5, a=0.25),
    }


def quadratic(m, nest, v=1.0):
    """A scalar in which every leaf meets every other."""
    w, (p, *_), kept = nest["w"], nest["rest"], nest["kept"]
    return m.np.sum(m.np.sin(p.x @ w) * p.y) * kept["a"] + m.np.exp(kept["b"]) * m.np.sum(w) * v


def several(m, nest, v=1.0):
    """A nest of results."""
    return {
        "product": nest["rest"][0].x @ nest["w"] * v,
        "pair": (nest["kept"]["a"] * nest["w"], None),
    }


# ------------------------------------------------------------------------------------------------------ each form


@pytest.mark.parametrize("argnums", [0, 1, -1, (1,), (0, 1), (1, 0), (-2, -1)])
@pytest.mark.parametrize("form", ["grad", "value_and_grad", "jacobian", "hessian"])
def test_argnums(agree, form, argnums, nest):
    agree(
        lambda m, nest, v: getattr(m, form)(lambda nest, v: quadratic(m, nest, v), argnums)(
            nest, v
        ),
        nest,
        2.0,
    )


@pytest.mark.parametrize("form", ["grad", "value_and_grad", "jacobian", "hessian"])
def test_what_comes_beside(agree, form, nest):
    def f(m):
        return lambda nest: (quadratic(m, nest), {"w": 2.0 * nest["w"], "n": nest["kept"]["a"]})

    agree(lambda m, nest: getattr(m, form)(f(m), has_aux=True)(nest), nest)


def test_vjp(agree, nest):
    def program(m, nest, v, seed):
        value, pullback, aux = m.vjp(
            lambda nest, v: (several(m, nest, v), nest["w"]), nest, v, has_aux=True
        )
        return value, pullback(seed), aux

    agree(
        program,
        nest,
        2.0,
        {"pair": (np.array([1.0, 0.5, 0.0]), None), "product": np.array([2.0, -1.0])},
    )


def test_jvp(agree, nest, rng):
    tangents = {
        "w": rng.normal(size=3),
        "rest": [Point(rng.normal(size=(2, 3)), 2.0), None, ()],
        "kept": OrderedDict(b=0.5, a=0.1),
    }
    agree(lambda m, nest, t: m.jvp(lambda nest: several(m, nest), (nest,), (t,)), nest, tangents)
    agree(
        lambda m, nest, t: m.jvp(
            lambda nest: (several(m, nest), nest["w"]), (nest,), (t,), has_aux=True
        ),
        nest,
        tangents,
    )
    agree(
        lambda m, nest, t: m.hvp(lambda nest, v: quadratic(m, nest, v), (nest, 2.0), (t, 0.5)),
        nest,
        tangents,
    )


@pytest.mark.parametrize("form", ["jacobian", "hessian"])
@pytest.mark.parametrize("argnums", [0, (0, 1)])
def test_a_nest_by_a_nest(agree, form, argnums, nest):
    agree(
        lambda m, nest, v: getattr(m, form)(lambda nest, v: several(m, nest, v), argnums)(nest, v),
        nest,
        2.0,
    )


def test_dataclasses(agree, params, data):
    agree(
        lambda m, params, x: m.value_and_grad(lambda params, x: net(m, params, x), (0, 1))(
            params, x
        ),
        params,
        data,
    )
    agree(
        lambda m, params, x: m.hessian(lambda params: net(m, params, x))(params), params[:1], data
    )


def test_complex_and_single_precision(agree):
    z, s = np.array([1 + 2j, 0.5 - 1j]), np.array([1.0 - 1.0j, 2.0 + 0.5j])
    agree(lambda m, z: m.value_and_grad(lambda z: m.np.sum(m.np.abs(z) ** 2))(z), z)
    agree(lambda m, z, s: m.vjp(lambda z, x: m.np.exp(z) * x, z, 2.0)[1](s), z, s)
    agree(lambda m, z, s: m.jvp(lambda z, x: m.np.exp(z) * x, (z, 2.0), (s, 1.0)), z, s)
    agree(lambda m, z: m.jacobian(lambda z: m.np.abs(z))(z), z)
    agree(
        lambda m, x: m.jacobian(lambda x: m.np.cumsum(x * x))(x), np.ones(3, np.float32), rtol=1e-6
    )


# --------------------------------------------------------------------------------------------------- forms in forms


def forms(m, f, x, t):
    """Every form of a function from vectors to vectors, as such a function."""
    return {
        "grad": lambda x: m.grad(lambda x: m.np.sum(f(x)))(x),
        "jvp": lambda x: m.jvp(f, (x,), (t,))[1],
        "jvp along x": lambda x: m.jvp(f, (x,), (x,))[1],
        "vjp": lambda x: m.vjp(f, x)[1](t)[0],
        "vjp along f": lambda x: m.vjp(f, x)[1](f(x))[0],
        "jacobian": lambda x: m.jacobian(f)(x) @ t,
        "closure": lambda x: m.grad(lambda y: m.np.sum(f(x) * f(y)))(2.0 * x),
    }


NAMES = list(forms(OURS, None, None, None))
INNERMOST = ["jvp along x", "vjp along f", "closure"]


@pytest.mark.parametrize("outer", NAMES)
@pytest.mark.parametrize("middle", NAMES)
def test_three_deep_in_any_mixture(agree, outer, middle, rng):
    def program(m, x, t):
        f = lambda x: m.np.sin(x) * m.np.cumsum(x)  # noqa: E731
        return [
            forms(m, forms(m, forms(m, f, x, t)[inner], x, t)[middle], x, t)[outer](x)
            for inner in INNERMOST
        ]

    agree(program, rng.normal(size=3), rng.normal(size=3), rtol=1e-9)


def test_perturbations_are_not_confused(agree):
    agree(lambda m, x: m.grad(lambda x: x * m.grad(lambda y: x + y)(x))(x), 3.0)
    agree(lambda m, x: m.grad(lambda x: x * m.jvp(lambda y: x * y, (x,), (x,))[1])(x), 3.0)
    agree(lambda m, x: m.jvp(lambda x: m.vjp(lambda y: x * y * y, x)[1](x)[0], (x,), (1.0,)), 3.0)
    agree(
        lambda m, x: m.grad(lambda x: m.grad(lambda y: m.grad(lambda z: x * y * z * z)(x * y))(x))(
            x
        ),
        3.0,
    )


def test_third_derivatives(agree, params, data):
    agree(lambda m, x: m.grad(m.grad(m.grad(lambda x: x * x * x)))(x), 2.0)
    agree(lambda m, x: m.hessian(m.grad(lambda x: m.np.sum(x * x * x)))(x), np.array([1.0, 2.0]))
    agree(
        lambda m, params, x: m.hessian(m.grad(lambda x: net(m, params, x)))(x),
        params,
        data[0],
        rtol=1e-9,
    )

    def third(m, params, x):
        f = lambda params: net(m, params, x)  # noqa: E731
        along = lambda g: lambda params: m.jvp(g, (params,), (params,))[1]  # noqa: E731
        return m.grad(along(along(f)))(params)

    agree(third, params, data, rtol=1e-9)
