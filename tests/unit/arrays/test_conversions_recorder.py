"""No array of another library is computed, densified or fetched unasked; an op that does so is recorded."""

import numpy as np
import pytest
from conversions_recorder import dense_cotangents, recorded_conversions
from device import Device

import memograd as mg

A = np.array([[0.0, 2.0], [3.0, 0.0]])


@mg.op
def normed(x):
    return x / float(np.max(x))


@mg.op
def halved(x):
    return x / 2


mg.rule(normed, x=lambda g, x: g / np.max(x))
mg.rule(halved, x=lambda g, y: g * (0.5 if y[0, 0] >= 0 else 0.5))


def test_programs_on_a_device_fetch_nothing(tape):
    x = tape.leaf(Device(A))
    with recorded_conversions(Device) as conversions:
        y = np.sum(np.exp(x @ x) * x)
        mg.grad(y, x)
        mg.jvp(y, x, Device(A))
        mg.plan(y, inputs=[x])(Device(A))
    assert conversions == []


def test_ops_and_rules_that_fetch_are_recorded(tape):
    x = tape.leaf(Device(A))
    with recorded_conversions(Device) as conversions:
        normed(x)
        assert conversions == ["fetched"]
        mg.grad(np.sum(halved(x)), x)
        assert conversions == ["fetched"] * 2


def test_lazy_programs_compute_nothing(tape):
    da = pytest.importorskip("dask.array")
    x = tape.leaf(da.from_array(A, chunks=1))
    with recorded_conversions(da.Array) as conversions:
        g = mg.grad(np.sum(np.exp(x @ x)), x)
        assert conversions == []
        g.compute()
        assert conversions == ["computed"]


def test_the_gradient_by_a_sparse_array_is_dense_only_if_it_is_asked_for(tape):
    sp = pytest.importorskip("scipy.sparse")
    X, w = tape.leaf(sp.csr_array(A)), tape.leaf([1.0, 2.0])
    L = np.sum((X @ w) ** 2)
    with recorded_conversions(sp.csr_array) as conversions:
        mg.grad(L, w)
        assert conversions == dense_cotangents(tape) == []
        mg.grad(L, X)
        assert conversions == [] and dense_cotangents(tape) == [X.id]


def test_a_sparse_array_that_is_filled_is_recorded(tape):
    sparse = pytest.importorskip("sparse")
    dense = mg.op(lambda x: x.todense())
    mg.linear(dense, x=lambda g: g)
    X = tape.leaf(sparse.COO.from_numpy(A))
    with recorded_conversions(sparse.COO) as conversions:
        dense(X)
    assert conversions == ["filled"]


def test_the_classes_are_as_they_were_after_an_error():
    before = dict(vars(Device))
    with pytest.raises(ZeroDivisionError), recorded_conversions(Device):
        assert dict(vars(Device)) != before
        raise ZeroDivisionError
    assert dict(vars(Device)) == before
