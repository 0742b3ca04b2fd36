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


def test_nodes_of_a_derivative_bear_the_line_that_asked_for_it():
    x = mg.Tape().leaf(X)
    y = loss(x)
    g = mg.grad_node(y, x)  # this line
    here = {node["line"] for _, node in x.tape.graph.nodes(data=True) if node["of"]}
    assert len(here) == 1 and next(iter(here))[0] == __file__ and g.name
    assert x.tape.location is None
