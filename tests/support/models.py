"""Ordinary models, written over a NumPy-like namespace, with data for them."""

import numpy as np


def normal(rng, **shapes):
    return {name: rng.normal(size=shape) * 0.5 for name, shape in shapes.items()}


def cross_entropy(np, logits, onehot):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    return -np.sum(
        onehot * (shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True)))
    ) / len(onehot)


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
    return 0.5 * np.sum(
        np.abs(p["stiffness"]) * np.where(lengths > 1.0, lengths - 1.0, 0.1 * (lengths - 1.0)) ** 2
    ) + np.sum(points[:, 1])


def data(rng):
    onehot = np.eye(3)[rng.integers(0, 3, size=6)]
    return {
        mlp: (
            normal(rng, W1=(5, 8), b1=(8,), W2=(8, 7), b2=(7,), W3=(7, 3), b3=(3,)),
            {"x": rng.normal(size=(6, 5)), "onehot": onehot},
        ),
        lstm: (
            normal(rng, Wx=(3, 16), Wh=(4, 16), b=(16,), Wo=(4, 3)),
            {
                "xs": rng.normal(size=(5, 2, 3)),
                "ys": rng.normal(size=(5, 2, 3)),
                "h": np.zeros((2, 4)),
            },
        ),
        attention: (
            normal(rng, Wq=(4, 3), Wk=(4, 3), Wv=(4, 3), Wo=(15, 2)),
            {"x": rng.normal(size=(2, 5, 4))},
        ),
        mixture: (
            normal(rng, mean=(3, 2), logscale=(3, 2), weight=(3,)),
            {"x": rng.normal(size=(7, 2))},
        ),
        physics: (
            normal(rng, points=(4, 2), stiffness=(6,)),
            {
                "fixed": rng.normal(size=(2, 2)),
                "left": np.array([0, 0, 1, 2, 3, 2]),
                "right": np.array([2, 3, 3, 4, 5, 4]),
            },
        ),
    }


MODELS = [mlp, lstm, attention, mixture, physics]
