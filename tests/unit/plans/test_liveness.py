"""When memory is used again, and when it must not be."""

import numpy as np
import pytest

import memograd as mg
from memograd.plans import liveness
from memograd.plans.ir import extract_graph


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    monkeypatch.setattr(liveness, "SMALL_ARRAY_BYTES", 0)


@pytest.fixture
def X(tape):
    return tape.leaf(np.arange(6.0).reshape(2, 3), name="X")


def replayed(outputs, X):
    """The source of a plan, once it has given what the tape gives."""
    plan = mg.plan(outputs, inputs=[X])
    for got, node in zip(plan(X.value), outputs, strict=True):
        np.testing.assert_array_equal(got, node.value)
    return plan.source


def test_a_result_takes_the_memory_of_an_operand_that_is_read_for_the_last_time(X):
    assert "v3 = np.add(v1, v2, out=v1)" in replayed([np.sin(X) + np.cos(X)], X)


def test_not_while_it_is_read_later_or_given_out(X):
    a, b = np.sin(X), np.cos(X)
    assert "out=v1" not in replayed([a + b, a * b], X).splitlines()[3]
    assert "out=v1" not in replayed([a + b, a], X)


def test_not_while_a_view_is_read_later(X):
    a = np.sin(X)
    turned = a.T
    b = a + 1.0
    assert "out=v1" not in replayed([np.sum(b), np.exp(turned)], X)


def test_never_that_of_an_input_a_constant_or_a_leaf(X):
    w = X.tape.leaf(np.ones((2, 3)), name="w")
    assert "out=" not in replayed([X + w, X * np.full((2, 3), 2.0)], X)
    assert w.value.tolist() == np.ones((2, 3)).tolist()


def test_only_where_shape_and_dtype_are_the_results(X):
    assert "out=" not in replayed([np.sum(np.sin(X), axis=0) + X], X)
    assert "out=" not in replayed([np.astype(X, np.float32) * X], X)


def test_not_where_the_order_in_memory_may_differ(X):
    """A result in another order is summed to other bits."""
    assert "out=" not in replayed([np.sum(np.exp(np.sin(X.T)) * 0.3)], X)


def test_what_is_no_longer_read_is_let_go(X):
    source = replayed([np.sum(np.exp(X) @ np.ones((3, 2)))], X)
    assert source.count("; del ") == 2


def test_a_view_takes_its_array_with_it(X):
    source = replayed([np.cumsum((np.exp(X) * 2.0).T @ np.ones((2, 2)), axis=0)], X)
    assert "del v3" in source


def test_the_analysis_is_made_of_a_graph_alone(X):
    a = np.sin(X)
    b = a + 1.0
    y = b * X
    buffers = liveness.BufferPlan(extract_graph(X.tape.state, (y.id,), (X.id,)))
    assert buffers.reuses == {b.id: a.id, y.id: b.id}
    assert buffers.dead_after == {b.id: [a.id], y.id: [b.id]}
    assert buffers.last_reads[a.id] == b.id and buffers.last_reads[y.id] == np.inf


def test_small_arrays_are_deleted_once_all_of_them_would_not_fit_in_the_cache(tape, monkeypatch):
    monkeypatch.setattr(liveness, "SMALL_ARRAY_BYTES", 8192)
    x = tape.leaf(np.arange(100.0), name="x")
    y = np.sum(np.exp(np.sin(x)) @ np.ones((100, 2)))
    assert "del" not in replayed([y], x)
    monkeypatch.setattr(liveness, "MAX_KEPT_BYTES", 1500)
    assert "out=v1" in replayed([y], x) and "del v2" in replayed([y], x)


def test_tiny_arrays_are_never_deleted(tape, monkeypatch):
    monkeypatch.setattr(liveness, "SMALL_ARRAY_BYTES", 8192)
    monkeypatch.setattr(liveness, "MAX_KEPT_BYTES", 0)
    x = tape.leaf(np.arange(32.0), name="x")
    assert "del" not in replayed([np.sum(np.exp(np.sin(x)) @ np.ones((32, 2)))], x)
