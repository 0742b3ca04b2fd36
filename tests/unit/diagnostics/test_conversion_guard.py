"""The guard: what is computed, filled with zeros or fetched unasked is told, with the rule and the user's line."""

import threading

import numpy as np
import pytest
from device import Device

import memograd as mg
from memograd.arrays import duck_arrays
from memograd.diagnostics import conversion_guard

A = np.array([[0.0, 2.0], [3.0, 0.0]])


@mg.op
def normed(x):
    return x / float(np.max(x))


@mg.op
def halved(x):
    return x / 2


mg.rule(normed, x=lambda g, x: g / np.max(x))
mg.rule(halved, x=lambda g, y: g * (0.5 if y[0, 0] >= 0 else 0.5))


def told(report):
    """What was told: without the line's file."""
    return [(entry.what, entry.array, entry.where, entry.node) for entry in report.entries]


def line_number():
    """The line that calls this."""
    import sys

    return sys._getframe(1).f_lineno


def test_an_op_that_fetches_is_told_with_its_node_and_line(tape):
    x = tape.leaf(Device(A))
    with mg.guard() as report:
        y = normed(x)
        line = line_number() - 1
    assert told(report) == [("fetched", "device.Device", "normed", "v1")] and y.shape == (2, 2)
    assert report.entries[0].line == (__file__, line)


def test_a_rule_that_fetches_is_told_with_the_line_where_the_op_was_recorded(tape):
    x = tape.leaf(Device(A))
    y = halved(x).named("y")
    line = line_number() - 1
    L = np.sum(y)
    with mg.guard() as report:
        mg.grad(L, x)
    assert told(report) == [("fetched", "device.Device", "rule of halved", "y")]
    assert report.entries[0].line == (__file__, line)


def test_what_is_run_again_is_told(tape):
    x = tape.leaf(Device(A))
    y = normed(x)
    x.value = Device(2 * A)
    with mg.guard() as report:
        y.value  # noqa: B018
    assert told(report) == [("fetched", "device.Device", "normed", "v1")]


def test_pushes_and_plans_are_told_too(tape):
    x = tape.leaf(Device(A), name="x")
    y = halved(x).named("y")
    z = normed(x)
    line = line_number() - 1
    plan = mg.plan(z, inputs=[x])
    with mg.guard() as report:
        mg.jvp(y, x, Device(A))
        plan(Device(A))
    assert [entry.where for entry in report.entries] == ["push of halved", "normed"]
    assert report.entries[1].line == (__file__, line)


def test_a_hidden_compute_is_told_once(tape):
    da = pytest.importorskip("dask.array")
    x = tape.leaf(da.from_array(A, chunks=1))
    with mg.guard() as report:
        normed(x)
    assert told(report) == [("computed", "dask.Array", "normed", "v1")]


def test_lazy_programs_are_silent(tape):
    da = pytest.importorskip("dask.array")
    x = tape.leaf(da.from_array(A, chunks=1))
    with mg.guard() as report:
        g = mg.grad(np.sum(np.exp(x @ x)), x)
        g.compute()  # asked for
    assert told(report) == [] and repr(report) == "nothing was computed, filled or fetched unasked"


def test_a_dense_gradient_by_a_sparse_array_is_told(tape):
    sp = pytest.importorskip("scipy.sparse")
    X, w = tape.leaf(sp.csr_array(A)), tape.leaf([1.0, 2.0])
    L = np.sum((X @ w) ** 2)
    with mg.guard() as report:
        mg.grad(L, w)
        assert told(report) == []
        mg.grad(L, X)
    assert told(report) == [("filled", "scipy.csr_array", "rule of np.matmul", "v2")]


def test_a_sparse_array_that_is_filled_is_told(tape):
    sparse = pytest.importorskip("sparse")
    dense = mg.op(lambda x: x.todense())
    mg.linear(dense, x=lambda g: g)
    X = tape.leaf(sparse.COO.from_numpy(A))
    with mg.guard() as report:
        dense(X)
    assert told(report) == [("filled", "sparse.COO", "<lambda>", "v1")]


def test_a_class_that_is_first_met_inside_is_watched(tape):
    class Newcomer(Device):
        def copy(self):
            return Newcomer(self._a.copy())

    with mg.guard() as report:
        fetched = mg.op(lambda x: x.get())
        mg.linear(fetched, x=lambda g: g)
        fetched(tape.leaf(Newcomer(A)))
    assert [entry.array for entry in report.entries] == [f"{__name__.partition('.')[0]}.Newcomer"]


def test_the_tables_have_a_row_a_case_and_count(tape):
    x = tape.leaf(Device(A), name="x")
    y = normed(x)
    with mg.guard() as report:
        for _ in range(3):
            x.value = x.value + x.value
            y.value  # noqa: B018
    assert len(report.entries) == 3
    head, row = repr(report).splitlines()
    assert (
        head.split() == list(conversion_guard.HEADS)
        and row.startswith("fetched   device.Device    normed")
        and row.endswith(" 3")
    )
    assert report._repr_html_().count("<tr>") == 2


def test_all_is_undone_when_the_last_is_closed(tape):
    tape.leaf(Device(A))
    before = dict(vars(Device))
    with pytest.raises(ZeroDivisionError), mg.guard():
        with mg.guard():
            pass
        assert dict(vars(Device)) != before
        raise ZeroDivisionError
    assert dict(vars(Device)) == before and duck_arrays.WATCHERS == [] == conversion_guard.OPEN


def test_what_happens_outside_is_not_told(tape):
    x = tape.leaf(Device(A))
    with mg.guard() as outer:
        with mg.guard() as inner:
            normed(x)
        normed(x)
    normed(x)
    assert len(inner.entries) == 1 and len(outer.entries) == 2


def test_threads_open_and_close_guards_as_they_like():
    def work():
        for _ in range(50):
            with mg.guard() as report:
                normed(mg.Tape().leaf(Device(A)))
            counts.append(len(report.entries))

    counts = []
    before = dict(vars(Device))
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 200 and min(counts) >= 1 and dict(vars(Device)) == before
