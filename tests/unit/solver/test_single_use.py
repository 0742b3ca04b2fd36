"""Gradients on a tape that is thrown away equal those of a table, whatever the function does."""

import numpy as np
import pytest

import memograd as mg


def loss(x):
    y = np.sin(x) * x
    return np.sum(y * np.max(y)) + 2.0 * y[0]


X = np.array([0.5, -1.25, 2.0])


def test_it_equals_the_gradient_from_a_table():
    x = mg.Tape().leaf(X)
    np.testing.assert_array_equal(mg.functional.grad(loss)(X), mg.grad(loss(x), x))


def test_inputs_without_a_path_get_zeros():
    unused = mg.functional.grad(lambda x, y: np.sum(x), argnums=(0, 1))(X, {"b": 2.0})[1]
    assert unused == {"b": 0.0}


def test_the_answer_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        mg.functional.grad(loss)(X)[0] = 1.0


def test_a_function_that_assigns_meanwhile_gets_the_gradient_at_the_new_value():
    def assigning(x):
        constant = x.tape.leaf(2.0)
        y = np.sum(x * x) * constant
        constant.value = 3.0
        return y

    np.testing.assert_array_equal(mg.functional.grad(assigning)(X), 6.0 * X)


def test_a_function_that_sets_a_budget_gets_the_same_gradient():
    def frugal(x):
        x.tape.budget = 0
        return loss(x)

    np.testing.assert_array_equal(mg.functional.grad(frugal)(X), mg.functional.grad(loss)(X))


def several(x):
    y = np.sin(x)
    return {"y": y, "z": np.exp(y), "again": y, "x": x, "whole": np.round(x).astype(int)}


SEEDS = {
    "y": np.array([1.0, 2.0, 3.0]),
    "z": np.array([0.5, -1.0, 4.0]),
    "again": np.array([7.0, 0.0, -2.0]),
    "x": np.array([0.25, 0.5, 0.75]),
    "whole": np.zeros(3, int),
}


def pulled(x):
    """The cotangent of x, by hand."""
    of_y = SEEDS["y"] + SEEDS["again"] + SEEDS["z"] * np.exp(np.sin(x))
    return SEEDS["x"] + of_y * np.cos(x)


def test_results_that_lead_to_others_get_their_own_cotangents_too():
    _, pullback = mg.functional.vjp(several, X)
    for _ in range(2):
        (g,) = pullback(SEEDS)
        np.testing.assert_allclose(g, pulled(X), rtol=1e-14)


def test_the_same_as_nodes_which_are_differentiated_again():
    def total(x):
        return np.sum(mg.functional.vjp(several, x)[1](SEEDS)[0])

    expected = mg.functional.grad(lambda x: np.sum(pulled(x)))(X)
    np.testing.assert_allclose(mg.functional.grad(total)(X), expected, rtol=1e-13)


def test_the_pullback_of_a_result_that_depends_on_nothing_gives_zeros():
    _, pullback = mg.functional.vjp(lambda x: np.ones(2), X)
    np.testing.assert_array_equal(pullback(np.ones(2))[0], np.zeros(3))


def test_the_seed_may_change_after_the_call():
    _, pullback = mg.functional.vjp(lambda x: x, X)
    seed = np.ones(3)
    (g,) = pullback(seed)
    seed[:] = 5.0
    np.testing.assert_array_equal(g, np.ones(3))


def test_nodes_of_a_derivative_bear_the_line_that_asked_for_it():
    x = mg.Tape().leaf(X)
    y = loss(x)
    g = mg.grad_node(y, x)  # this line
    here = {node["line"] for _, node in x.tape.graph.nodes(data=True) if node["of"]}
    assert len(here) == 1 and next(iter(here))[0] == __file__ and g.name
    assert x.tape.location is None
