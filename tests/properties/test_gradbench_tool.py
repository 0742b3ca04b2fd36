"""The tool of GradBench's protocol: what it answers to an eval, line by line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gradbench import messages, table
from gradbench.evals import ba, ht
from gradbench.libraries import disagreement
from gradbench.run import Row
from gradbench.tool import answer

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def converse(*lines):
    """Start the tool, give it messages, and return its responses."""
    text = "".join(json.dumps(line) + "\n" for line in lines)
    command = [sys.executable, "-m", "gradbench.tool"]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=True, cwd=BENCHMARKS, timeout=120
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def evaluate(module, function, given, id=7):
    return {
        "id": id,
        "kind": "evaluate",
        "module": module,
        "function": function,
        "input": given,
        "description": "",
    }


def output(module, function, given):
    response = answer(evaluate(module, function, given))
    assert response["success"], response["error"]
    return response["output"]


def test_a_session():
    start, known, unknown, square, double, analysis, wrong = converse(
        {"id": 0, "kind": "start", "eval": "hello"},
        {"id": 1, "kind": "define", "module": "hello"},
        {"id": 2, "kind": "define", "module": "fft"},
        evaluate("hello", "square", 1.5, id=3),
        evaluate("hello", "double", 1.5, id=4),
        {"id": 5, "kind": "analysis", "of": 4, "valid": True},
        evaluate("hello", "cube", 1.5, id=6),
    )
    assert start == {"id": 0, "tool": "memograd"} and known == {"id": 1, "success": True}
    assert unknown["success"] is False and "hello" in unknown["error"]
    assert (square["output"], double["output"]) == (2.25, 3.0)
    assert analysis == {"id": 5}
    assert wrong["id"] == 6 and wrong["success"] is False and "KeyError" in wrong["error"]


def test_runs_are_as_many_and_as_long_as_asked_for():
    given = {"x": [0.1, 0.2], "min_runs": 3, "min_seconds": 0}
    timings = answer(evaluate("lse", "gradient", given))["timings"]
    assert [t["name"] for t in timings] == ["evaluate"] * 3
    timings = answer(evaluate("lse", "gradient", given | {"min_seconds": 0.02}))["timings"]
    assert sum(t["nanoseconds"] for t in timings) >= 2e7


def small(rng):
    """Inputs of modules whose derivative is a gradient, and the names of their functions."""
    k, d, n = 3, 4, 12
    gmm = {
        "d": d,
        "k": k,
        "n": n,
        "x": rng.normal(size=(n, d)).tolist(),
        "m": 2,
        "gamma": 1.3,
        "alpha": rng.normal(size=k).tolist(),
        "mu": rng.normal(size=(k, d)).tolist(),
        "q": rng.normal(size=(k, d)).tolist(),
        "l": rng.normal(size=(k, d * (d - 1) // 2)).tolist(),
    }
    lstm = {
        "main_params": rng.random((4, 12)).tolist(),
        "extra_params": rng.random((3, 3)).tolist(),
        "state": rng.random((4, 3)).tolist(),
        "sequence": rng.random((5, 3)).tolist(),
    }
    return {
        "lse": ("primal", "gradient", {"x": rng.random(5).tolist()}, ["x"]),
        "llsq": ("primal", "gradient", {"x": rng.random(6).tolist(), "n": 9}, ["x"]),
        "ode": ("primal", "gradient", {"x": rng.random(6).tolist(), "s": 4}, ["x"]),
        "det": ("primal", "gradient", {"A": rng.random(16).tolist(), "ell": 4}, ["A"]),
        "gmm": ("objective", "jacobian", gmm, ["alpha", "mu", "q", "l"]),
        "lstm": ("objective", "jacobian", lstm, ["main_params", "extra_params"]),
    }


@pytest.mark.parametrize("module", ["lse", "llsq", "ode", "det", "gmm", "lstm"])
def test_gradients_are_differences_of_the_objectives(module, rng):
    objective, derivative, given, names = small(rng)[module]
    directions = {name: rng.normal(size=np.shape(given[name])) for name in names}

    def at(h):
        moved = {name: (np.array(given[name]) + h * directions[name]).tolist() for name in names}
        return np.ravel(output(module, objective, given | moved))[-1]

    found = output(module, derivative, given)
    parts = [found[name] for name in names] if isinstance(found, dict) else [found]
    gradient = np.concatenate([np.ravel(part) for part in parts])
    along = np.concatenate([directions[name].ravel() for name in names])
    h = 1e-4
    difference = (8.0 * (at(h) - at(-h)) - at(2 * h) + at(-2 * h)) / (12.0 * h)
    assert gradient @ along == pytest.approx(difference, rel=1e-8)


def test_the_mixture_is_that_of_the_definition(rng):
    """Against the densities themselves."""
    given = small(rng)["gmm"][2]
    k, d, m, gamma = given["k"], given["d"], given["m"], given["gamma"]
    alpha, mu, q, l = (np.array(given[name]) for name in ("alpha", "mu", "q", "l"))  # noqa: E741
    stats = pytest.importorskip("scipy.stats", reason="SciPy is in the extra `scipy`")
    total, weights = 0.0, np.exp(alpha) / np.sum(np.exp(alpha))
    density = np.zeros(given["n"])
    for c in range(k):
        Q, entries = np.diag(np.exp(q[c])), iter(l[c])
        for column in range(d):
            for row in range(column + 1, d):
                Q[row, column] = next(entries)
        precision = Q.T @ Q
        normal = stats.multivariate_normal(mu[c], np.linalg.inv(precision))
        density += weights[c] * normal.pdf(given["x"])
        total += stats.wishart.logpdf(precision, d + m + 1, np.eye(d) / gamma**2)
    assert output("gmm", "objective", given) == pytest.approx(total + np.sum(np.log(density)))


def test_k_means(rng):
    points = rng.random((30, 3))
    given = {"points": points.tolist(), "centroids": points[-4:].tolist()}
    distances = np.sum((points[:, None] - points[-4:]) ** 2, axis=2)
    nearest = distances.argmin(axis=1)
    means = np.stack([points[nearest == k].mean(axis=0) for k in range(4)])
    assert output("kmeans", "cost", given) == pytest.approx(distances.min(axis=1).sum())
    np.testing.assert_allclose(output("kmeans", "dir", given), points[-4:] - means, atol=1e-14)


def test_bundle_adjustment(rng):
    (cameras, points, _), _ = ba.EVAL.prepare((1, 1, 1))
    n, m, p = 2, 3, 20
    given = {"n": n, "m": m, "p": p, "w": 0.4, "feat": [270.0, 830.0]}
    given |= {"cam": cameras[0].tolist(), "x": points[0].tolist()}
    errors, found = output("ba", "objective", given), output("ba", "jacobian", given)
    assert errors["w_err"] == {"element": pytest.approx(1 - 0.4**2), "repeated": p}
    assert found["rows"] == [*range(0, 450, 15), 31 * p]
    columns = [*range(11), 22, 23, 24, 31]
    assert found["cols"] == columns + columns + [11 * n + 3 * m + p - 1]
    assert found["vals"][-1] == pytest.approx(-0.8)
    values = np.reshape(found["vals"][:30], (2, 15))
    h = 1e-6
    for name, at in (("cam", 0), ("x", 11)):
        for k, number in enumerate(given[name]):
            step = h * max(1.0, abs(number))
            ends = []
            for sign in (1, -1):
                moved = given[name].copy()
                moved[k] = number + sign * step
                ends.append(output("ba", "objective", given | {name: moved}))
            one, other = (np.array(end["reproj_error"]["elements"]) for end in ends)
            np.testing.assert_allclose(
                (one - other) / (2 * step), values[:, at + k], rtol=1e-4, atol=1e-3
            )


@pytest.mark.parametrize("complicated", [False, True])
def test_hand_tracking(rng, complicated):
    inputs, d = ht.EVAL.prepare((30, 5, complicated))
    back = np.argsort(messages.BY_LEVEL)
    model = {
        "parents": messages.PARENTS,
        "base_relatives": d["relatives"][back].tolist(),
        "inverse_base_absolutes": d["inverses"][back].tolist(),
        "base_positions": d["positions"].tolist(),
        "weights": d["weights"][:, back].tolist(),
        "triangles": [],
        "is_mirrored": False,
    }
    chosen = d["vertex"].tolist() if not complicated else list(range(5))
    if complicated:
        model["triangles"] = np.stack([d["a"], d["b"], d["c"]], axis=1).tolist()
    data = {"model": model, "correspondences": chosen, "points": d["points"].tolist()}
    us = inputs[1].tolist() if complicated else []
    given = {"theta": inputs[0].tolist(), "us": us, "data": data}
    J, *tangents = ht.manual(d, *inputs)
    truth = np.concatenate([*(t.reshape(-1, 1) for t in tangents), J.reshape(-1, 26)], axis=1)
    assert disagreement(np.array(output("ht", "jacobian", given)), truth) < 1e-12
    expected = ht.EVAL.objectives["sum"](np, d, *inputs)
    np.testing.assert_allclose(output("ht", "objective", given), expected.ravel(), rtol=1e-13)
    other = given | {"data": data | {"model": model | {"is_mirrored": True}}}
    assert "mirror" in answer(evaluate("ht", "objective", other))["error"]


ROWS = [
    Row("lse", "max", 2500, "arrays", {"memograd": 2e-5, "manual": 1e-5}, {"memograd": 2e-3}),
    Row(
        "ht",
        "",
        (5, True),
        "arrays",
        {"memograd": 4e-3, "manual": 8e-3, "jax": 1e-3},
        {"memograd": 1.0, "jax": 2.0},
        {"torch": "not installed"},
    ),
]


def test_the_table_of_a_run():
    lines = table.table(ROWS).splitlines()
    assert lines[2].startswith("| lse, max: 2,500 | 20.0 µs | 2.00 ms | 10.0 µs | – |")
    assert lines[3].startswith("| ht: 5 × triangles | 4.00 ms | 1.00 s | 8.00 ms | 1.00 ms |")
    assert lines[3].endswith("| 2.00 s | 0.50 | 4.00 | – | 0.50 |")
    summary = table.summary(ROWS).splitlines()
    assert summary[2] == "| arrays | manual | 2 | 1.00 | 2.00 (lse, max: 2,500) |"
    assert table.absences(ROWS) == "- torch: not installed (ht: 5 × triangles)."


def test_a_page_keeps_what_stands_around_the_table():
    page = f"before\n{table.MARKS[0]}\nold\n{table.MARKS[1]}\nafter\n"
    new = table.written(page, "new")
    assert new == f"before\n{table.MARKS[0]}\n\nnew\n\n{table.MARKS[1]}\nafter\n"
    with pytest.raises(ValueError, match="no part between"):
        table.written("before", "new")
