"""A fit of survival analysis, written for autograd, on autograd and on memograd: times, steps, memory.

    python examples/survival_fit.py

The model is a Weibull regression with censored lifetimes, as lifelines and SurPyval fit it: the scale depends on one set of
covariates, the shape on another. The ratios are of processor times: the best of interleaved runs, on one thread.
"""

import importlib
import os
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np  # noqa: E402

import memograd as mg  # noqa: E402
import memograd.autograd  # noqa: E402
import memograd.autograd.numpy  # noqa: E402

PATIENTS, REPEATS = 20_000, 25
Parameters = Mapping[str, Any]


def make_data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return covariates of scale and of shape, times, and whether the event was seen."""
    X, S = rng.normal(size=(PATIENTS, 12)), rng.normal(size=(PATIENTS, 3))
    scale, shape = np.exp(X @ rng.normal(0, 0.2, 12)), np.exp(S @ rng.normal(0, 0.1, 3))
    lifetimes, ends = scale * rng.weibull(shape), rng.exponential(2.0, PATIENTS)
    data = X, S, np.minimum(lifetimes, ends), lifetimes <= ends
    for array in data:
        array.flags.writeable = False  # memograd copies what somebody could change meanwhile
    return data


def make_loss(anp: ModuleType, data: Any) -> Callable[[Parameters], Any]:
    """Return the negative log-likelihood, written for autograd."""
    X, S, times, seen = data

    def loss(p: Parameters) -> Any:
        log_scale, log_shape = anp.dot(X, p["scale"]), anp.dot(S, p["shape"])
        rho, z = anp.exp(log_shape), anp.log(times) - log_scale
        hazard = log_shape - log_scale + (rho - 1) * z
        return -anp.mean(anp.where(seen, hazard, 0.0) - anp.exp(rho * z))

    return loss


def ratios(calls: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the best time of each call over that of the first, of interleaved runs."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(REPEATS):
        for name, call in calls.items():
            start = time.process_time()
            call()
            best[name] = min(best[name], time.process_time() - start)
    first = next(iter(best.values()))
    return {name: least / first for name, least in best.items()}


def compare_times(data: Any, p: Parameters) -> None:
    """Print the time of value and gradient, and of the Hessian, over autograd's."""
    try:
        packages = [importlib.import_module("autograd"), memograd.autograd]
    except ModuleNotFoundError:
        print("autograd is not installed; it is in memograd[compare]")
        return
    losses = [make_loss(importlib.import_module(f"{m.__name__}.numpy"), data) for m in packages]
    both = [m.value_and_grad(loss) for m, loss in zip(packages, losses, strict=True)]
    plan = mg.functional.compiled(mg.functional.value_and_grad(losses[1]))
    for found in (both[1](p), plan(p)):
        assert all(np.allclose(found[1][k], both[0](p)[1][k], rtol=1e-10) for k in p)
    by_scale = [lambda x, f=f: f({**p, "scale": x}) for f in losses]
    hessians = [m.hessian(f) for m, f in zip(packages, by_scale, strict=True)]
    found = ratios(
        {
            "autograd": lambda: both[0](p),
            "changed import": lambda: both[1](p),
            "plan": lambda: plan(p),
        }
    )
    of_hessian = ratios(
        {
            "autograd": lambda: hessians[0](p["scale"]),
            "changed import": lambda: hessians[1](p["scale"]),
        }
    )
    print("time over autograd's     value and gradient   Hessian by the scale")
    for name in found:
        hessian = f"{of_hessian[name]:.2f}" if name in of_hessian else "–"
        print(f"{name:<24} {found[name]:<20.2f} {hessian}")


def show_what_is_kept(data: Any, p: Parameters) -> None:
    """Print what a step in the shape alone computes, and what a smaller memory computes again."""
    tape = mg.Tape()
    given = {name: tape.leaf(value, name) for name, value in p.items()}
    L = make_loss(memograd.autograd.numpy, data)(given).named("L")
    first = mg.Log()
    full = mg.grad(L, given, log=first)
    given["shape"].value = p["shape"] * 0.9
    step = mg.Log()
    g = mg.grad(L, given["shape"], log=step)
    visits = [sum(event.kind == "store" for event in log.events) for log in (first, step)]
    print(
        f"derivatives stored for the gradient: {visits[0]}; by the shape alone, after a step in it: {visits[1]}"
    )
    size = tape.memory.bytes
    tape.budget = size // 4
    given["shape"].value = p["shape"]
    again = mg.grad(L, given)
    assert np.shape(g) == p["shape"].shape
    assert all(np.array_equal(full[name], again[name]) for name in full)
    print(f"bytes kept: {size:,}; within a budget of a quarter the gradient has the same bits")


def main() -> None:
    rng = np.random.default_rng(0)
    data = make_data(rng)
    p = {"scale": rng.normal(0, 0.1, 12), "shape": rng.normal(0, 0.1, 3)}
    compare_times(data, p)
    show_what_is_kept(data, p)


if __name__ == "__main__":
    main()
