"""Ordinary models, written once over a NumPy-like namespace: memograd against autograd, JAX, backprop and differences."""

import numpy as np
import pytest
from laws import alike
from models import MODELS, data

import memograd as mg
from memograd.baselines import backprop, finite_difference


@pytest.fixture(params=MODELS, ids=lambda model: model.__name__)
def model(request, rng):
    p, d = data(rng)[request.param]
    tape = mg.Tape()
    leaves = {name: tape.leaf(v, name=name) for name, v in p.items()}
    return request.param, p, d, leaves, request.param(np, leaves, d).named("L")


def test_autograd_agrees(model):
    autograd = pytest.importorskip("autograd", reason="autograd is in the extra `compare`")
    import autograd.numpy as anp

    f, p, d, leaves, L = model
    theirs = autograd.grad(lambda q: f(anp, q, d))(p)
    for name, g in mg.grad(L, leaves).items():
        np.testing.assert_allclose(g, theirs[name], rtol=1e-9, atol=1e-12)


def test_jax_agrees(model):
    jax = pytest.importorskip("jax", reason="JAX is in the extra `compare`")
    jax.config.update("jax_enable_x64", True)
    f, p, d, leaves, L = model
    d = {name: jax.numpy.asarray(v) for name, v in d.items()}
    theirs = jax.grad(lambda q: f(jax.numpy, q, d))(
        {name: jax.numpy.asarray(v) for name, v in p.items()}
    )
    for name, g in mg.grad(L, leaves).items():
        np.testing.assert_allclose(g, theirs[name], rtol=1e-9, atol=1e-12)


def test_backprop_and_differences_agree(model):
    _, _, _, leaves, L = model
    full = backprop(L)
    for x in leaves.values():
        np.testing.assert_allclose(mg.grad(L, x), full[x], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(finite_difference(L, x), mg.grad(L, x), rtol=1e-5, atol=1e-7)


def test_selected_requests_do_less_work(model, work):
    f, _, _, leaves, L = model
    last = list(leaves)[-1]
    log = mg.Log()
    mg.grad(L, leaves[last], log=log)
    tape = L.tape
    table = tape.state.tables[L.id]
    uses = {n: table.use_pairs(n) for n in table.uses}
    done, full = (
        sum(len(uses[e.node]) for e in log.events if e.kind == "store"),
        sum(map(len, uses.values())),
    )
    work(f"{f.__name__}, {last} alone", done, full, number_of_paths(uses, leaves[last].id, L.id))
    assert done < full


def number_of_paths(uses, start, end):
    """How many paths lead from start to the end, counted without walking them."""
    counts = {end: 1}
    for n in sorted(uses, reverse=True):
        counts.setdefault(n, sum(counts[c] for c, _ in uses[n]))
    return counts[start]


def test_reassigned_leaves_give_a_fresh_tapes_answers(model, rng):
    f, p, d, leaves, L = model
    mg.grad(L, leaves)
    for name, value in p.items():
        leaves[name].value = p[name] = value + 0.1 * rng.normal(size=value.shape)
        tape = mg.Tape()
        fresh = {k: tape.leaf(v) for k, v in p.items()}
        M = f(np, fresh, d)
        assert alike(L.value, M.value)
        assert all(alike(mg.grad(L, leaves[k]), mg.grad(M, fresh[k])) for k in p)
