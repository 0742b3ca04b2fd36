"""Ordinary models, written once over a NumPy-like namespace: memograd against autograd, JAX, backprop and differences."""

import numpy as np
import pytest
from laws import alike

import memograd as mg
from memograd.baselines import backprop, finite_difference
from memograd.memory import pairs


def normal(rng, **shapes):
    return {name: rng.normal(size=shape) * 0.5 for name, shape in shapes.items()}


def cross_entropy(np, logits, onehot):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    return -np.sum(onehot * (shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True)))) / len(onehot)


def mlp(np, p, d):
    h = np.maximum(d["x"] @ p["W1"] + p["b1"], 0.0)
    h = np.tanh(h @ p["W2"] + p["b2"])
    return cross_entropy(np, h @ p["W3"] + p["b3"], d["onehot"])


def lstm(np, p, d):
    h, c, total = d["h"], d["h"], 0.0
    for x, y in zip(d["xs"], d["ys"], strict=True):
        z = x @ p["Wx"] + h @ p["Wh"] + p["b"]
        f, i, o = (0.5 * np.tanh(0.5 * z[:, 4 * k : 4 * k + 4]) + 0.5 for k in range(3))
        c = f * c + i * np.tanh(z[:, 12:])
        h = o * np.tanh(c)
        e = h @ p["Wo"] - y
        total = total + np.sum(e * e)
    return total / 6.0


def attention(np, p, d):
    q, k, v = (d["x"] @ p[name] for name in ("Wq", "Wk", "Wv"))
    scores = q @ np.swapaxes(k, -1, -2) / 2.0
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    weights = weights / np.sum(weights, axis=-1, keepdims=True)
    mixed = np.einsum("bij,bjk->bik", weights, v)
    centred = mixed - np.mean(mixed, axis=-1, keepdims=True)
    normed = centred / np.sqrt(np.var(mixed, axis=-1, keepdims=True) + 1e-3)
    return np.mean((np.reshape(normed, (2, -1)) @ p["Wo"]) ** 2)


def mixture(np, p, d):
    """The negative log-likelihood of a mixture of Gaussians with diagonal covariances."""
    scaled = (d["x"][:, None, :] - p["mean"]) * np.exp(-p["logscale"])
    logs = p["weight"] - 0.5 * np.sum(scaled * scaled, axis=-1) - np.sum(p["logscale"], axis=-1)
    top = np.max(logs, axis=1, keepdims=True)
    alpha = np.log(np.sum(np.exp(p["weight"])))
    return len(d["x"]) * alpha - np.sum(np.log(np.sum(np.exp(logs - top), axis=1)) + top[:, 0])


def physics(np, p, d):
    """Springs between points, by gather and concatenate; the energy of a chain."""
    points = np.concatenate([d["fixed"], p["points"]], axis=0)
    left, right = points[d["left"]], points[d["right"]]
    lengths = np.sqrt(np.sum((left - right) ** 2, axis=1))
    return 0.5 * np.sum(np.abs(p["stiffness"]) * np.where(lengths > 1.0, lengths - 1.0, 0.1 * (lengths - 1.0)) ** 2) + np.sum(points[:, 1])


def data(rng):
    onehot = np.eye(3)[rng.integers(0, 3, size=6)]
    return {
        mlp: (normal(rng, W1=(5, 8), b1=(8,), W2=(8, 7), b2=(7,), W3=(7, 3), b3=(3,)), {"x": rng.normal(size=(6, 5)), "onehot": onehot}),
        lstm: (
            normal(rng, Wx=(3, 16), Wh=(4, 16), b=(16,), Wo=(4, 3)),
            {"xs": rng.normal(size=(5, 2, 3)), "ys": rng.normal(size=(5, 2, 3)), "h": np.zeros((2, 4))},
        ),
        attention: (normal(rng, Wq=(4, 3), Wk=(4, 3), Wv=(4, 3), Wo=(15, 2)), {"x": rng.normal(size=(2, 5, 4))}),
        mixture: (normal(rng, mean=(3, 2), logscale=(3, 2), weight=(3,)), {"x": rng.normal(size=(7, 2))}),
        physics: (
            normal(rng, points=(4, 2), stiffness=(6,)),
            {"fixed": rng.normal(size=(2, 2)), "left": np.array([0, 0, 1, 2, 3, 2]), "right": np.array([2, 3, 3, 4, 5, 4])},
        ),
    }


MODELS = [mlp, lstm, attention, mixture, physics]


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
    theirs = jax.grad(lambda q: f(jax.numpy, q, d))({name: jax.numpy.asarray(v) for name, v in p.items()})
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
    table = tape._memory.tables[L.id]
    uses = {n: pairs(table, n) for n in table.up}
    done, full = sum(len(uses[e.node]) for e in log.events if e.kind == "store"), sum(map(len, uses.values()))
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
