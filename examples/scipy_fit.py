"""Logistic regression on real data by SciPy's optimisers, with one tape behind them.

The data are 569 tumours of the Wisconsin diagnostic set, shipped with scikit-learn. An optimiser asks for the loss, its
gradient and products with its Hessian at one point after another. Whoever serves each by itself runs the model each
time; here what the loss needed is there when the gradient is asked for, and the model runs once for each point. Afterwards
the intercept is fitted by hand, by Newton steps on the same problem: the product of the data with the weights is not run again.
"""

from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer

import memograd as mg

PENALTY = 0.005
METHODS = ("CG", "BFGS", "L-BFGS-B", "Newton-CG", "trust-ncg", "trust-exact")


def data() -> tuple[np.ndarray, np.ndarray]:
    """Standardised features, and the class of each tumour as −1 or 1."""
    loaded: Any = load_breast_cancer(return_X_y=True)
    X, y = loaded
    return (X - X.mean(axis=0)) / X.std(axis=0), 2.0 * y - 1.0


class Model:
    """The loss, which counts how often it is run."""

    def __init__(self, X: np.ndarray, signs: np.ndarray) -> None:
        self.X, self.signs, self.runs = X, signs, 0
        self.scores = mg.op(self._scores)
        mg.rule(self.scores, w=lambda g: X.T @ g, push={"w": lambda t: X @ t})

    def _scores(self, w: Any) -> Any:
        self.runs += 1
        return self.X @ w

    def loss(self, p: dict[str, mg.Node]) -> mg.Node:
        """The mean of log(1 + exp(−margin)), and a penalty on the weights."""
        margins: mg.Node = self.signs * (self.scores(p["w"]) + p["b"])
        return np.mean(np.logaddexp(0.0, -margins)) + PENALTY * np.sum(np.square(p["w"]))


def fit(method: str, X: np.ndarray, signs: np.ndarray) -> tuple[mg.optimize.Problem, Model]:
    """One method's fit, as a row of the table."""
    model = Model(X, signs)
    found = mg.optimize.minimize(model.loss, {"w": np.zeros(X.shape[1]), "b": 0.0}, method=method)
    asked, right = found.problem.calls, np.mean(np.sign(X @ found.x["w"] + found.x["b"]) == signs)
    counts = (
        found.nit,
        asked["fun"],
        asked["jac"],
        asked["hess"],
        asked["hessp"],
        sum(asked.values()),
        model.runs,
    )
    print(
        f"{method:<12}"
        + "".join(f"{count:>9}" for count in counts)
        + f"{found.fun:>10.6f}{right:>9.1%}"
    )
    assert model.runs == found.problem.points, "one run of the model for each point"
    return found.problem, model


def newton_on_the_intercept(problem: mg.optimize.Problem) -> None:
    """Steps on one block; the other keeps its values and what depends on it alone."""
    L, b = problem.y, problem.x["b"]
    b.value = 0.0
    slope = mg.grad_node(L, b)
    for _ in range(5):
        print(
            f"  b = {float(b.value):>9.6f}   loss {float(L.value):.9f}   ∂L/∂b {float(slope.value):>12.2e}"
        )
        b.value = b.value - slope.value / mg.grad(slope, b)
    assert abs(slope.value) < 1e-12


def main() -> None:
    X, signs = data()
    print(f"{len(X)} tumours, {X.shape[1]} features\n")
    columns = ("steps", "loss", "gradient", "Hessian", "products", "together", "runs")
    print(
        f"{'method':<12}"
        + "".join(f"{column:>9}" for column in columns)
        + f"{'found':>10}{'right':>9}"
    )
    fits = [fit(method, X, signs) for method in METHODS]
    losses = [float(problem.y.value) for problem, _ in fits]
    assert max(losses) - min(losses) < 1e-6, "all methods find the same"

    print("\nThe intercept alone, from 0, on the tape of the last fit:")
    problem, model = fits[-1]
    before = model.runs
    newton_on_the_intercept(problem)
    print(f"the model ran {model.runs - before} times for it: the weights did not move")
    assert model.runs == before


if __name__ == "__main__":
    main()
