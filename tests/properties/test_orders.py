"""Jacobians and Hessians in every order against JAX's: random programs, and ordinary models."""

import numpy as np
import pytest
from hypothesis import given, settings
from models import MODELS, data, mixture
from programs import programs

import memograd as mg

ORDERS = ["auto", "reverse", "forward", "segments"]


@pytest.fixture(scope="module")
def jax():
    found = pytest.importorskip("jax", reason="JAX is in the extra `compare`")
    found.config.update("jax_enable_x64", True)
    return found


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)


def test_random_programs(jax):
    @given(programs(most=8))
    @settings(max_examples=5)
    def agree(program):
        tape = mg.Tape()
        leaves = [tape.leaf(v) for v in program.values()]
        values = [jax.numpy.asarray(v) for v in program.values()]
        y = program.run(np, leaves)[0][-1]

        def f(vs):
            return program.run(jax.numpy, vs)[0][-1]

        theirs = jax.jacrev(f)(values), jax.jacfwd(f)(values)
        for order in ORDERS:
            for J, by_rows, by_columns in zip(
                mg.jacobian(y, leaves, order=order), *theirs, strict=True
            ):
                assert J.shape == by_rows.shape
                close(J, by_rows)
                close(J, by_columns)

    agree()


def test_hessians_of_random_programs(jax):
    @given(programs(most=6))
    @settings(max_examples=4)
    def agree(program):
        leaves, outputs = program.record(mg.Tape())
        theirs = jax.hessian(lambda vs: program.run(jax.numpy, vs)[1][0])(
            [jax.numpy.asarray(v) for v in program.values()]
        )
        for ours, row in zip(mg.hessian(outputs[0], leaves), theirs, strict=True):
            for a, b in zip(ours, row, strict=True):
                close(a, b)

    agree()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_models(jax, model, rng):
    p, d = data(rng)[model]
    tape = mg.Tape()
    leaves = {name: tape.leaf(v, name=name) for name, v in p.items()}
    L = model(np, leaves, d)
    last = list(p)[-1]
    given = {name: jax.numpy.asarray(v) for name, v in d.items()}
    gradient = jax.grad(lambda q: model(jax.numpy, q, given))
    theirs = jax.jacrev(lambda q: gradient(q)[last])(
        {name: jax.numpy.asarray(v) for name, v in p.items()}
    )
    for order in ORDERS:
        for name, J in mg.jacobian(mg.grad_node(L, leaves[last]), leaves, order=order).items():
            close(J, theirs[name])


def test_the_hessian_of_a_model(jax, rng):
    p, d = data(rng)[mixture]
    tape = mg.Tape()
    leaves = {name: tape.leaf(v) for name, v in p.items()}
    ours = mg.hessian(mixture(np, leaves, d), leaves)
    theirs = jax.hessian(lambda q: mixture(jax.numpy, q, d))(
        {name: jax.numpy.asarray(v) for name, v in p.items()}
    )
    for a in p:
        for b in p:
            close(ours[a][b], theirs[a][b])


@pytest.mark.parametrize("order", ORDERS)
def test_complex_numbers(jax, order, rng):
    z = rng.normal(size=3) + 1j * rng.normal(size=3)
    M = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))

    def f(np, z):
        return np.exp(0.1 * np.sin(M @ (z * z))) * z[:2]

    node = mg.Tape().leaf(z)
    close(
        mg.jacobian(f(np, node), node, order=order),
        jax.jacrev(lambda z: f(jax.numpy, z), holomorphic=True)(z),
    )
