"""Functions that are traced once for each signature: `memograd.functional.compiled`."""

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

import memograd as mg
from memograd.errors import RefusedError
from memograd.functional import compiled, grad, hessian, hvp, value_and_grad


@pytest.fixture
def runs():
    return []


@pytest.fixture
def loss(runs):
    def loss(w, x):
        runs.append(1)
        return np.sum(np.square(np.tanh(x @ w)))

    return loss


def test_traced_once_for_each_signature(loss, runs, rng):
    step = compiled(value_and_grad(loss))
    for _ in range(3):
        w, x = rng.normal(size=3), rng.normal(size=(4, 3))
        value, g = step(w, x)
        expected, h = value_and_grad(loss)(w, x)
        np.testing.assert_allclose(value, expected, rtol=1e-13)
        np.testing.assert_allclose(g, h, rtol=1e-13)
    assert len(step.plans) == 1 and len(runs) == 1 + 3
    step(rng.normal(size=3), rng.normal(size=(5, 3)))
    step(rng.normal(size=3).astype(np.float32), rng.normal(size=(5, 3)))
    assert len(step.plans) == 3 and step.__name__ == "value_and_gradient"


def test_threads_that_meet_at_a_signature_trace_it_once(runs):
    found = []

    @compiled
    def double(x):
        runs.append(1)
        if len(runs) == 1:
            other.start()
            other.join(0.1)  # it waits for the plan that is being made here
        return 2 * x

    other = threading.Thread(target=lambda: found.append(double(3.0)))
    found.append(double(2.0))
    other.join()
    assert sorted(found) == [4.0, 6.0] and len(runs) == 1


def test_what_is_no_array_is_part_of_the_signature(runs):
    @compiled
    def power(x, n, *, double=False):
        runs.append(n)
        y = x
        for _ in range(n - 1):
            y = y * x
        return [y, 2 * y] if double else y

    assert power(2.0, 3) == 8.0 and power(3.0, 3) == 27.0 and power(2.0, 2) == 4.0
    assert power(2.0, 3, double=True) == [8.0, 16.0]
    assert power(x=2.0, n=3) == 8.0
    assert runs == [3, 2, 3, 3]


def test_arguments_by_name_are_told_apart():
    f = compiled(lambda a=2.0, b=3.0: a - 2.0 * b)
    assert (f(a=5.0), f(b=5.0), f(5.0), f(5.0, 1.0), f(5.0, b=1.0), f(b=1.0, a=5.0)) == (-1.0, -8.0, -1.0, 3.0, 3.0, 3.0)


def test_static_arguments_differ_by_type(x):
    pick = compiled(lambda x, k: x * (2.0 if k[0] is True else 3.0))
    assert [pick(1.0, (k,)) for k in (True, 1, 1.0, True)] == [2.0, 3.0, 3.0, 2.0]


@dataclass
class Model:
    w: object
    names: object = field(default=(), metadata={"static": True})


def test_nests_of_arguments_and_of_results(runs):
    @compiled
    def f(p, n=1):
        runs.append(1)
        return {"y": Model(p["w"] * p["rest"][0] * n, p.get("names")), "nothing": None}

    for rest in ([2.0, None], [3.0, None]):
        y = f({"w": np.ones(2), "rest": rest}, n=2)["y"]
        assert type(y) is Model and y.w.tolist() == [2 * rest[0]] * 2
    assert f({"w": np.ones(2), "rest": (2.0, None)})["nothing"] is None
    assert len(runs) == 2 and [i.name for i in next(iter(f.plans.values())).inputs] == ["argument_0['w']", "argument_0['rest'][0]"]


def test_a_gradient_by_nests(rng):
    def loss(models, x):
        for m in models:
            x = np.tanh(x @ m.w)
        return np.sum(x * x), x

    step = compiled(value_and_grad(loss, has_aux=True))
    for _ in range(2):
        models, x = [Model(rng.normal(size=(3, 3)), "ab") for _ in range(2)], rng.normal(size=(2, 3))
        (value, aux), g = step(models, x)
        (expected, beside), h = value_and_grad(loss, has_aux=True)(models, x)
        np.testing.assert_allclose([value, *aux.flat], [expected, *beside.flat], rtol=1e-13)
        np.testing.assert_allclose([m.w for m in g], [m.w for m in h], rtol=1e-13)
        assert g[0].names == "ab"
    step([Model(rng.normal(size=(3, 3)), "other") for _ in range(2)], x)
    assert len(step.plans) == 2


def test_arguments_of_any_name():
    assert compiled(lambda x, v1, np: x * v1 - np)(2.0, v1=3.0, np=1.0) == 5.0


def test_other_forms(rng):
    x, v = rng.normal(size=3), rng.normal(size=3)
    f = lambda x: np.sum(x**3)  # noqa: E731
    np.testing.assert_allclose(compiled(grad(f))(x), 3 * x**2, rtol=1e-13)
    np.testing.assert_allclose(compiled(lambda x, v: hvp(f, (x,), (v,)))(x, v), (6 * x * v,), rtol=1e-13)


def test_hessians_are_replayed(rng):
    x = rng.normal(size=3)
    np.testing.assert_allclose(compiled(hessian(lambda x: np.prod(x)))(x), hessian(lambda x: np.prod(x))(x), rtol=1e-13)


def test_it_nests(x):
    double = compiled(lambda x: 2 * x)
    assert float(grad(lambda t: double(t) * t)(3.0)) == 12.0
    assert isinstance(double(x), mg.Node) and double.plans == {}


def test_a_result_that_depends_on_nothing():
    assert compiled(lambda x: (1.0, x))(5.0) == (1.0, 5.0)
    assert compiled(grad(lambda x: 7.0))(np.ones(2)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("f", [lambda x: x if x > 0 else -x, lambda x: x * float(x), lambda x: x * x.value, lambda x: np.ones(int(x)) * x])
def test_a_branch_on_a_value_is_refused(f):
    step = compiled(f)
    with pytest.raises(RefusedError, match="np.where"):
        step(2.0)
    assert step.plans == {}


def test_arguments_and_results_that_are_no_arrays():
    with pytest.raises(RefusedError, match="An argument .* neither an array nor hashable"):
        compiled(lambda x, names: x)(1.0, {"a"})
    with pytest.raises(RefusedError, match="gives arrays"):
        compiled(lambda x: (x, "text"))(1.0)
