"""Scalar regions of a plan: both ways of running them give what NumPy gives, and a region never waits for itself."""

import pickle
import threading

import numpy as np
import pytest

import memograd as mg
from memograd import machine
from memograd.machine import CODES, Machine

UNARY = [op for op in CODES if op.nin == 1 and op is not np.sign]
ULPS = 8


@pytest.fixture(params=["numba", "floats"])
def way(request, monkeypatch):
    if request.param == "numba":
        pytest.importorskip("numba", reason="Numba is in the extra `fast`")
    monkeypatch.setattr(machine, "has_numba", lambda: request.param == "numba")
    return request.param


def machines(plan):
    return [step.op for step in plan._slice.steps.values() if isinstance(step.op, Machine)]


def long(tape, value=0.3, steps=40):
    """A chain of numbers that is long enough for a region, with an element read and a row of results."""
    x = tape.leaf([value, 0.5, -0.25], name="x")
    a, b = x[0], x[-1]
    for k in range(steps):
        a, b = np.sin(a) * b + 0.001 * k, np.cos(b) - 0.5 * a * a
    return x, (a + np.tanh(b)).named("L")


def near(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=ULPS * np.finfo(float).eps, atol=0, equal_nan=True)


def test_value_and_gradient_are_one_step(way, tape):
    x, L = long(tape)
    plan = mg.plan([L, mg.grad_node(L, x)], inputs=[x])
    assert len(machines(plan)) == 1
    assert sum(step.op is not None for step in plan._slice.steps.values()) <= 4
    for values in ([0.3, 0.5, -0.25], [0.9, 7.0, 0.1]):
        x.value = values
        value, g = plan(values)
        assert type(value) is np.float64 and g.shape == (3,)
        np.testing.assert_allclose(value, L.value, rtol=1e-13)
        np.testing.assert_allclose(g, mg.grad(L, x), rtol=1e-12)


@pytest.mark.parametrize("op", UNARY, ids=lambda op: op.__name__)
def test_each_function_gives_what_numpy_gives_at_the_edges_too(way, tape, op):
    x = tape.leaf(0.25, name="x")
    with np.errstate(all="ignore"):
        y = op(x)
        z = x
        for _ in range(70):
            z = z + x
        plan = mg.plan([y, z], inputs=[x])
        assert machines(plan)
        for value in (0.25, -0.25, 0.0, -0.0, 1.0, 1e308, -1e308, np.inf, -np.inf, np.nan):
            near(plan(value)[0], op(np.float64(value)))


@pytest.mark.parametrize("op", [np.power, np.divide, np.maximum, np.minimum, np.subtract], ids=lambda op: op.__name__)
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_so_does_each_function_of_two(way, tape, op):
    x, y = tape.leaf(0.25, name="x"), tape.leaf(2.0, name="y")
    z = x
    for _ in range(70):
        z = z + y
    plan = mg.plan([op(x, y), op(x, 3), op(x, -1.0), z], inputs=[x, y])
    assert machines(plan)
    for a in (0.5, -2.0, 0.0, np.inf, np.nan):
        for b in (2.0, -1.0, 0.0, 0.5, -np.inf, np.nan):
            near(plan(a, b)[:3], [op(np.float64(a), np.float64(b)), op(np.float64(a), 3), op(np.float64(a), -1.0)])


def test_a_region_never_waits_for_itself(way, tape):
    """Numbers that are made of arrays that are made of numbers are a region of their own."""
    x, L = long(tape)
    w = np.tanh(x * L)
    y, M = w[0], w[1]
    for _ in range(80):
        y, M = np.sin(M) - 0.5 * y, np.cos(y) * 0.5
    N = y * M + L
    plan = mg.plan([N, mg.grad_node(N, x)], inputs=[x])
    assert len(machines(plan)) > 2
    x.value = [0.1, 0.2, 0.3]
    value, g = plan([0.1, 0.2, 0.3])
    np.testing.assert_allclose(value, N.value, rtol=1e-12)
    np.testing.assert_allclose(g, mg.grad(N, x), rtol=1e-10)


def test_a_short_region_stays_numpy(tape):
    x = tape.leaf(0.5, name="x")
    assert machines(mg.plan([np.sin(x) * x], inputs=[x])) == []


def test_single_precision_stays_single(tape):
    y = x = tape.leaf(np.float32(0.5), name="x")
    for _ in range(100):
        y = np.sin(y)
    plan = mg.plan([y], inputs=[x])
    assert machines(plan) == [] and plan(np.float32(0.5))[0].dtype == np.float32


def test_a_pickled_plan_makes_its_machine_anew(way, tape):
    x, L = long(tape)
    plan = mg.plan([L], inputs=[x])
    assert pickle.loads(pickle.dumps(plan))(x.value) == plan(x.value)


def test_threads_do_not_meet(way, tape):
    x, L = long(tape, steps=200)
    plan = mg.plan([L], inputs=[x])
    points = [np.array([k / 10, 0.5, -0.25]) for k in range(8)]
    alone = [plan(p) for p in points]
    found = [None] * 8

    def work(k):
        found[k] = [plan(points[k]) for _ in range(50)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(all(np.array_equal(again, alone[k]) for again in found[k]) for k in range(8))


def test_a_long_region_is_cut_for_pythons_compiler(monkeypatch, tape):
    monkeypatch.setattr(machine, "has_numba", lambda: False)
    y = x = tape.leaf(0.3, name="x")
    for _ in range(10_000):
        y = np.sin(y) + x
    plan = mg.plan([y], inputs=[x])
    assert len(machines(plan)) == 1
    assert plan(0.3)[0] == y.value


class TestMap:
    def test_a_plan_of_numbers_runs_in_one_go(self, way, tape):
        x, L = long(tape)
        plan, told = mg.plan({"L": L, "g": mg.grad_node(L, x)}, inputs=[x]), []
        points = np.linspace(-1.0, 1.0, 15).reshape(5, 3)
        stacked = plan.map(points, progress=lambda done, total: told.append((done, total)))
        for k, point in enumerate(points):
            alone = plan(point)
            assert stacked["L"][k] == alone["L"] and np.array_equal(stacked["g"][k], alone["g"])
        assert told == [(5, 5)]

    def test_another_is_called_for_each(self, tape):
        W, b = tape.leaf(np.ones((2, 3)), name="W"), tape.leaf(0.5, name="b")
        y = np.tanh(W @ np.arange(3.0)) + b
        plan, told = mg.plan((y, mg.grad_node(np.sum(y), b)), inputs=[W, b]), []
        Ws = np.arange(24).reshape(4, 2, 3)
        ys, gs = plan.map(Ws, [1, 2, 3, 4], progress=lambda done, total: told.append(done))
        assert ys.shape == (4, 2) and gs.shape == (4,) and told == [1, 2, 3, 4]
        np.testing.assert_array_equal(ys[2], plan(Ws[2], 3)[0])

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [(([],), "go along"), ((1.0,), "go along"), (([1.0], [2.0]), "1 inputs"), (([[1.0, 2.0]],), "shape"), (([1j],), "another kind")],
    )
    def test_bad_stacks(self, tape, arrays, message):
        x = tape.leaf(0.5, name="x")
        with pytest.raises(mg.MemogradError, match=message):
            mg.plan(np.sin(x), inputs=[x]).map(*arrays)

    def test_different_counts(self, tape):
        x, y = tape.leaf(0.5, name="x"), tape.leaf(0.5, name="y")
        with pytest.raises(mg.MemogradError, match="2, 3 times"):
            mg.plan(x * y, inputs=[x, y]).map([1.0, 2.0], [1.0, 2.0, 3.0])
