"""flatten, optimizers, fixed points, plans of the remaining arguments, check_grads."""

from typing import Any

import numpy as np
import pytest

import memograd.autograd as ag
from memograd.autograd.misc import const_graph, flatten
from memograd.autograd.misc.fixed_points import fixed_point
from memograd.autograd.misc.flatten import flatten_func
from memograd.autograd.misc.optimizers import adam, rmsprop, sgd
from memograd.autograd.test_util import check_equivalent, check_grads, combo_check
from memograd.errors import CheckError

NEST = {"b": (np.arange(4.0).reshape(2, 2), 5.0), "a": [np.array([7.0]), {}]}


def test_flatten_takes_dicts_by_their_keys() -> None:
    vector, unflatten = flatten(NEST)
    assert vector.tolist() == [7.0, 0.0, 1.0, 2.0, 3.0, 5.0]
    back = unflatten(vector * 2)
    assert list(back) == ["b", "a"] and back["a"][0].tolist() == [14.0] and back["a"][1] == {}
    assert back["b"][0].tolist() == [[0.0, 2.0], [4.0, 6.0]] and back["b"][1] == 10.0
    assert flatten({})[0].shape == (0,)


def test_flatten_is_differentiable_both_ways() -> None:
    g = ag.grad(lambda p: np.sum(flatten(p)[0] ** 2))(NEST)
    assert g["b"][0].tolist() == [[0.0, 2.0], [4.0, 6.0]] and g["a"][0].tolist() == [14.0]
    f, unflatten, vector = flatten_func(lambda p: [2.0 * p["b"][1]], NEST)
    assert ag.jacobian(f)(vector).tolist() == [[0.0, 0.0, 0.0, 0.0, 0.0, 2.0]]
    assert unflatten(vector)["b"][1] == 5.0


@pytest.mark.parametrize(("optimizer", "size"), [(sgd, 0.1), (rmsprop, 0.05), (adam, 0.1)])
def test_optimizers_reach_the_least_point_of_a_pytree(optimizer: Any, size: float) -> None:
    seen: list[Any] = []
    gradient = ag.grad(lambda p, i: np.sum((p["x"] - 3.0) ** 2) + (p["y"] + 1.0) ** 2)
    found = optimizer(
        gradient,
        {"x": np.zeros(2), "y": 0.0},
        lambda p, i, g: seen.append((i, sorted(p), sorted(g))),
        num_iters=300,
        step_size=size,
    )
    assert found["x"] == pytest.approx([3.0, 3.0], abs=0.1) and found["y"] == pytest.approx(
        -1, abs=0.1
    )
    assert seen[0] == (0, ["x", "y"], ["x", "y"]) and len(seen) == 300


def test_the_derivative_of_a_fixed_point_is_its_own() -> None:
    def root(a: Any) -> Any:
        return fixed_point(
            lambda a: lambda x: 0.5 * (x + a / x), a, 1.0, lambda x, y: abs(x - y), 1e-12
        )

    assert root(2.0) == pytest.approx(2**0.5, rel=1e-12)
    assert ag.grad(root)(2.0) == pytest.approx(0.5 / 2**0.5, rel=1e-9)
    assert ag.grad(ag.grad(root))(2.0) == pytest.approx(-0.25 / 2**1.5, rel=1e-6)


def test_a_plan_of_the_remaining_arguments() -> None:
    calls = []

    def f(a: Any, x: Any, b: Any = 0.0) -> Any:
        calls.append(1)
        return np.exp(a) * x + b

    g = const_graph(f, 0.0, b=1.0)
    assert (g(2.0), g(3.0), calls) == (3.0, 4.0, [1])


def test_wrong_derivatives_are_found() -> None:
    wrong = ag.primitive(lambda x: 2.0 * x)
    from memograd.autograd.extend import defvjp

    defvjp(wrong, lambda ans, x: lambda g: 2.1 * g)
    with pytest.raises(AssertionError, match=r"\(VJP\) check of .* failed"):
        check_grads(wrong, modes=["rev"])(1.0)
    with pytest.raises(CheckError, match="differ by more than"):
        check_grads(wrong, modes=["fwd"])(1.0)
    with pytest.raises(CheckError, match="They should be alike"):
        check_equivalent(1.0, np.ones(2))


def test_right_ones_pass_to_third_order_and_in_every_combination() -> None:
    check_grads(lambda x, y: np.sin(x) * y, (0, 1), order=3)(0.5, np.array([1.0, 2.0]))
    combo_check(np.sum, (0,), order=2)([np.ones((2, 3)), np.ones((1, 2))], axis=[None, 0, 1])
    check_grads(lambda z: z**2)(1.0 + 2.0j)
