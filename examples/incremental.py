"""What remembering saves: a few inputs of a program move, and the gradient by them is asked for.

Five programs, each written up to five times: by hand in NumPy, all of it computed at each step; by hand, with
what did not change kept from step to step, which one has to find out and to keep right; with memograd;
and, where they are installed, with autograd and with `jax.jit`. All give the same gradients, which is checked first.

A second table says what memograd computes in a step, beside what it would compute without a memory.

Times are CPU milliseconds for a step on one thread: the shortest of many samples, taken in turn. Compare within one
run: another run, beside other programs, may be slower throughout.

    python examples/incremental.py [--rounds 15]
"""

import argparse
import os
from collections.abc import Callable
from importlib.util import find_spec
from itertools import count
from time import process_time
from typing import Any

ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_X64": "1",
}
os.environ.update(ONE_THREAD)  # read when NumPy and JAX are imported

import numpy as np  # noqa: E402

import memograd as mg  # noqa: E402

COLUMNS = ["by hand", "by hand, kept", "memograd", "autograd", "jax.jit", "by hand / memograd"]
WORK = ["values", "derivatives", "elements saved"]
SAMPLE = 0.005
"""Seconds that a sample takes at least."""

Step = Callable[..., Any]
"""Make step number t and return the gradient after it. memograd's takes a log, too."""


def with_autograd(build: Callable[..., Step]) -> dict[str, Step]:
    """Return the step of autograd, where it is installed: `build(numpy, grad)`."""
    if not find_spec("autograd"):
        return {}
    import autograd
    import autograd.numpy

    return {"autograd": build(autograd.numpy, autograd.grad)}


def with_jax(build: Callable[..., Step]) -> dict[str, Step]:
    """Return the compiled step of JAX, where it is installed: `build(numpy, grad)`."""
    if not find_spec("jax"):
        return {}
    import jax

    def ready(f: Any) -> Any:
        compiled = jax.jit(jax.grad(f))
        return lambda *args: jax.block_until_ready(compiled(*args))

    return {"jax.jit": build(jax.numpy, ready)}


class Logistic:
    """Logistic regression, 10,000 × 1,000; one of 20 blocks of weights moves."""

    name = "logistic regression, one of 20 blocks"

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self.X = [rng.normal(size=(10_000, 50)) for _ in range(20)]
        self.t = np.sign(rng.normal(size=10_000))
        self.moves = 0.01 * rng.normal(size=(97, 50))

    def weights(self) -> list[Any]:
        return [np.zeros(50) for _ in self.X]

    def residual(self, scores: Any) -> Any:
        """The derivative of the loss by the scores."""
        return -self.t / (1 + np.exp(self.t * scores)) / len(self.t)

    def ways(self) -> dict[str, Step]:
        found = {
            "by hand": self.by_hand(),
            "by hand, kept": self.kept(),
            "memograd": self.memograd(),
        }
        return found | with_autograd(self.functional) | with_jax(self.functional)

    def by_hand(self) -> Step:
        X, w = np.concatenate(self.X, axis=1), np.zeros(1000)

        def step(t: int) -> Any:
            k = t % 20
            w[50 * k : 50 * k + 50] = self.moves[t % 97]
            return self.X[k].T @ self.residual(X @ w)

        return step

    def kept(self) -> Step:
        w, scores = self.weights(), np.zeros(10_000)

        def step(t: int) -> Any:
            k = t % 20
            scores.__iadd__(self.X[k] @ (self.moves[t % 97] - w[k]))
            w[k] = self.moves[t % 97]
            return self.X[k].T @ self.residual(scores)

        return step

    def memograd(self) -> Step:
        tape = mg.Tape()
        w = [tape.leaf(v) for v in self.weights()]
        scores: Any = sum(X @ v for X, v in zip(self.X, w, strict=True))
        L = np.mean(np.logaddexp(0.0, -self.t * scores))

        def step(t: int, log: mg.Log | None = None) -> Any:
            k = t % 20
            w[k].value = self.moves[t % 97]
            return mg.grad(L, w[k], log=log)

        return step

    def functional(self, numpy: Any, grad: Any) -> Step:
        def loss(moved: Any, block: Any, others: Any, X: Any) -> Any:
            scores = X @ others + block @ moved
            return numpy.mean(numpy.logaddexp(0.0, -self.t * scores))

        gradient, w = grad(loss), self.weights()
        X, blocks = numpy.asarray(np.concatenate(self.X, axis=1)), list(map(numpy.asarray, self.X))

        def step(t: int) -> Any:
            k = t % 20
            w[k] = self.moves[t % 97]
            others = np.concatenate([*w[:k], 0 * w[k], *w[k + 1 :]])
            return gradient(w[k], blocks[k], others, X)

        return step


class GaussianProcess:
    """Negative log likelihood of a Gaussian process with 400 points and a linear mean."""

    def __init__(self) -> None:
        rng = np.random.default_rng(2)
        x = np.sort(rng.uniform(0, 10, size=400))
        self.D = np.square(x[:, None] - x)
        self.features = np.cos(np.outer(x, np.arange(20)))
        self.y = np.sin(x) + 0.1 * rng.normal(size=400)
        self.noise = 0.1 * np.eye(400)

    def kernel(self, numpy: Any, scale: Any) -> Any:
        return numpy.exp(self.D / (-2 * scale * scale)) + self.noise

    def loss(self, numpy: Any, w: Any, scale: Any) -> Any:
        K, r = self.kernel(numpy, scale), self.y - self.features @ w
        log_det = numpy.linalg.slogdet(K)[1]
        return 0.5 * (r @ numpy.linalg.solve(K, r)) + 0.5 * log_det

    def tape(self) -> tuple[Any, Any, Any]:
        """The same on a tape; the inverse is a node, so that it is kept as long as K is the same."""
        tape = mg.Tape()
        w, scale = tape.leaf(np.zeros(20)), tape.leaf(1.0)
        K, r = self.kernel(np, scale), self.y - self.features @ w
        log_det = np.linalg.slogdet(K)[1]
        return 0.5 * (r @ (np.linalg.inv(K) @ r)) + 0.5 * log_det, w, scale


class Mean(GaussianProcess):
    name = "Gaussian process, its mean"

    def ways(self) -> dict[str, Step]:
        moves = 0.01 * np.random.default_rng(3).normal(size=(97, 20))
        P = np.linalg.inv(self.kernel(np, 1.0))
        L, w, _ = self.tape()

        def by_hand(t: int) -> Any:
            r = self.y - self.features @ moves[t % 97]
            return -self.features.T @ np.linalg.solve(self.kernel(np, 1.0), r)

        def kept(t: int) -> Any:
            return -self.features.T @ (P @ (self.y - self.features @ moves[t % 97]))

        def remembered(t: int, log: mg.Log | None = None) -> Any:
            w.value = moves[t % 97]
            return mg.grad(L, w, log=log)

        def functional(numpy: Any, grad: Any) -> Step:
            gradient = grad(lambda w, scale: self.loss(numpy, w, scale))
            return lambda t: gradient(moves[t % 97], 1.0)

        found = {"by hand": by_hand, "by hand, kept": kept, "memograd": remembered}
        return found | with_autograd(functional) | with_jax(functional)


class Scale(GaussianProcess):
    name = "Gaussian process, its length scale"

    def ways(self) -> dict[str, Step]:
        scales, zeros = np.linspace(0.8, 1.2, 97), np.zeros(20)
        L, _, scale = self.tape()

        def by_hand(t: int) -> Any:
            s = scales[t % 97]
            E = np.exp(self.D / (-2 * s * s))
            P = np.linalg.inv(E + self.noise)
            a = P @ self.y
            dK = E * self.D / s**3
            return 0.5 * (np.vdot(P, dK) - a @ dK @ a)

        def remembered(t: int, log: mg.Log | None = None) -> Any:
            scale.value = scales[t % 97]
            return mg.grad(L, scale, log=log)

        def functional(numpy: Any, grad: Any) -> Step:
            gradient = grad(lambda scale, w: self.loss(numpy, w, scale))
            return lambda t: gradient(scales[t % 97], zeros)

        found = {"by hand": by_hand, "memograd": remembered}
        return found | with_autograd(functional) | with_jax(functional)


class Network:
    """Eight layers of 128 units on a batch of 128; two layers are trained, the others are frozen."""

    def __init__(self, name: str, trained: tuple[int, int]) -> None:
        rng = np.random.default_rng(4)
        self.name, self.trained = name, trained
        self.x = rng.normal(size=(128, 128))
        self.W = [rng.normal(size=(128, 128)) / 11 for _ in range(8)]
        self.scales = 1 + 0.001 * rng.normal(size=97)

    def loss(self, numpy: Any, W: Any) -> Any:
        h = self.x
        for layer in W:
            h = numpy.tanh(h @ layer)
        return numpy.mean(numpy.square(h))

    def moved(self, t: int) -> list[Any]:
        return [self.W[k] * self.scales[(t + k) % 97] for k in self.trained]

    def ways(self) -> dict[str, Step]:
        tape = mg.Tape()
        leaves = [tape.leaf(W) for W in self.W]
        L, trained = self.loss(np, leaves), [leaves[k] for k in self.trained]

        def remembered(t: int, log: mg.Log | None = None) -> Any:
            tape.assign(dict(zip(trained, self.moved(t), strict=True)))
            return mg.grad(L, trained, log=log)

        def functional(numpy: Any, grad: Any) -> Step:
            gradient = grad(lambda moved, W: self.loss(numpy, self.together(moved, W)))
            W = list(map(numpy.asarray, self.W))
            return lambda t: gradient(self.moved(t), W)

        found = {
            "by hand": self.by_hand(0),
            "by hand, kept": self.by_hand(min(self.trained)),
            "memograd": remembered,
        }
        return found | with_autograd(functional) | with_jax(functional)

    def together(self, moved: Any, W: Any) -> list[Any]:
        """All layers: the trained ones as they were moved, and the frozen ones."""
        return [moved[self.trained.index(k)] if k in self.trained else W[k] for k in range(8)]

    def by_hand(self, kept: int) -> Step:
        """Backpropagation down to the first trained layer; the output of the first `kept` layers is kept."""
        start = self.x
        for W in self.W[:kept]:
            start = np.tanh(start @ W)

        def step(t: int) -> Any:
            W, inputs, found = self.together(self.moved(t), self.W), [start], {}
            for layer in W[kept:]:
                inputs.append(np.tanh(inputs[-1] @ layer))
            g = inputs[-1] * (2 / inputs[-1].size)
            for k in range(7, min(self.trained) - 1, -1):
                g = g * (1 - inputs[k - kept + 1] ** 2)
                if k in self.trained:
                    found[k] = inputs[k - kept].T @ g
                g = g @ W[k].T if k > min(self.trained) else g
            return [found[k] for k in self.trained]

        return step


class Groups:
    """200 groups of 50 numbers, each with a mean of its own: the ops are tiny, and so is what they save."""

    name = "200 tiny groups, one mean"

    def __init__(self) -> None:
        rng = np.random.default_rng(5)
        self.y, self.moves = rng.normal(size=(200, 50)), rng.normal(size=97)

    def ways(self) -> dict[str, Step]:
        tape, means = mg.Tape(), np.zeros(200)
        m = [tape.leaf(0.0) for _ in self.y]
        terms = [np.sum(np.log1p(np.square(y - mean))) for y, mean in zip(self.y, m, strict=True)]
        L = np.sum(np.stack(terms))

        def by_hand(t: int) -> Any:
            means[t % 200] = self.moves[t % 97]
            r = means[:, None] - self.y
            return np.sum(2 * r / (1 + r * r), axis=1)[t % 200]

        def kept(t: int) -> Any:
            r = self.moves[t % 97] - self.y[t % 200]
            return np.sum(2 * r / (1 + r * r))

        def remembered(t: int, log: mg.Log | None = None) -> Any:
            m[t % 200].value = self.moves[t % 97]
            return mg.grad(L, m[t % 200], log=log)

        def functional(numpy: Any, grad: Any) -> Step:
            own = np.zeros(200)
            gradient = grad(lambda m: numpy.sum(numpy.log1p(numpy.square(self.y - m[:, None]))))

            def step(t: int) -> Any:
                own[t % 200] = self.moves[t % 97]
                return gradient(own)[t % 200]

            return step

        found = {"by hand": by_hand, "by hand, kept": kept, "memograd": remembered}
        return found | with_autograd(functional) | with_jax(functional)


CASES: list[Callable[[], Any]] = [
    Logistic,
    Mean,
    lambda: Network("deep network, its last two layers", (6, 7)),
    lambda: Network("deep network, its first two layers", (0, 1)),
    Scale,
    Groups,
]


def check(ways: dict[str, Step]) -> None:
    """Check over 25 steps that all ways give the same gradients."""
    for t in range(25):
        truth, *others = (step(t) for step in ways.values())
        for other in others:
            for a, b in zip(as_list(truth), as_list(other), strict=True):
                np.testing.assert_allclose(np.asarray(b), a, rtol=1e-6, atol=1e-9)


def work(step: Step) -> list[str]:
    """Return what a step of memograd computes, and which part of a full recomputation it saves."""
    log = mg.Log()
    step(25, log=log)
    saved = log.saved
    done, anew = saved.computed, saved.anew
    values, derivatives = (f"{done[k]} of {anew[k]}" for k in range(2))
    return [values, derivatives, f"{saved.share:.0%}"]


def as_list(gradient: Any) -> list[Any]:
    return gradient if isinstance(gradient, list) else [gradient]


def measure(ways: dict[str, Step], rounds: int) -> dict[str, float]:
    """Return the CPU milliseconds that a step takes: the shortest of `rounds` samples taken in turn."""
    steps = {name: (step, count(25)) for name, step in ways.items()}
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, (step, t) in steps.items():
            made, begin = 0, process_time()
            while (took := process_time() - begin) < SAMPLE:
                step(next(t))
                made += 1
            best[name] = min(best.get(name, np.inf), 1000 * took / made)
    return best


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(row("CPU ms a step", COLUMNS))
    print("| --- |" + " --: |" * 6)
    computed = []
    for case in (make() for make in CASES):
        ways = case.ways()
        check(ways)
        computed.append(row(case.name, work(ways["memograd"])))
        took = measure(ways, rounds)
        took["by hand / memograd"] = took["by hand"] / took["memograd"]
        print(
            row(case.name, [rounded(took[column]) if column in took else "–" for column in COLUMNS])
        )
    print()
    print(row("memograd computes in a step", WORK))
    print("| --- |" + " --: |" * 3, *computed, sep="\n")


def rounded(number: float) -> str:
    """Return two significant digits."""
    return f"{float(f'{number:.2g}'):g}"


def row(name: str, cells: list[str]) -> str:
    """Return a row of the table, which is Markdown."""
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
