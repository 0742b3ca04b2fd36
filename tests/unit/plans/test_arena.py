"""Memory that a plan keeps between calls: who may lie in it, and that no one else sees it."""

import gc
import threading
import weakref

import numpy as np
import pytest

import memograd as mg
from memograd.plans import arena, passes
from memograd.plans.ir import extract_graph
from memograd.plans.liveness import BufferPlan


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    monkeypatch.setattr(arena, "MIN_SLOT_BYTES", 1)


@pytest.fixture
def X(tape):
    return tape.leaf(np.arange(6.0).reshape(2, 3), name="X")


def layout_of(outputs, X):
    graph = extract_graph(X.tape.state, tuple(y.id for y in outputs), (X.id,))
    return arena.ArenaLayout(graph, BufferPlan(graph))


def plan_of(outputs, X):
    """A plan without passes, called twice with other values before it gives those of the tape."""
    plan = mg.plan(outputs, inputs=[X], passes=())
    plan(X.value + 1.0), plan(-X.value)
    for got, node in zip(plan(X.value), outputs, strict=True):
        np.testing.assert_array_equal(got, node.value)
    return plan


def test_temporaries_lie_in_slots_and_outputs_do_not(X):
    a, b = np.sin(X), np.cos(X)
    y = a * b
    layout = layout_of([y], X)
    assert set(layout.slots) == {a.id, b.id} and layout.bytes == 2 * arena.ALIGNMENT
    first, second = (plan_of([y], X)(X.value)[0] for _ in range(2))
    assert not np.shares_memory(first, second)


def test_a_slot_serves_results_one_after_the_other(X):
    a = np.sin(X)
    b = np.sum(np.cos(a) + 1.0, axis=0)
    c = np.exp(b) * 2.0
    layout = layout_of([np.sum(c)], X)
    assert {slot.number for slot in layout.slots.values()} <= {0, 1}
    assert len(layout.slots) > len(layout.sizes)
    plan_of([np.sum(c)], X)


def test_a_slot_is_busy_while_a_view_is_read(X):
    a = np.sin(X)
    view = np.reshape(a, (3, 2))
    b, c = np.cos(X), np.exp(X)
    y = (b + c) @ view
    slots = layout_of([y], X).slots
    assert slots[a.id].number not in {slots[n.id].number for n in (b, c)}
    plan_of([y], X)


def test_views_of_temporaries_that_are_given_out_are_the_callers_own(X):
    a = np.sin(X)
    outputs = [a.T, np.reshape(a, -1), a[0], np.sum(a)]
    plan = plan_of(outputs, X)
    results = plan(X.value)
    copies = [np.copy(y) for y in results]
    plan(X.value + 5.0)
    for y, copy in zip(results, copies, strict=True):
        np.testing.assert_array_equal(y, copy)


def test_results_written_in_place_of_a_temporary_are_given_out_in_their_own_memory(X, monkeypatch):
    monkeypatch.setattr("memograd.plans.liveness.SMALL_ARRAY_BYTES", 0)
    y = np.exp(np.sin(X) + 1.0)
    plan = plan_of([y], X)
    assert "out=" in plan.source and "arenas" not in plan.source


def test_a_call_inside_a_call_has_its_own_arena(X):
    """An op of the user's own calls the plan again while the outer call runs."""
    depth, plans = [], []

    @mg.op
    def again(a):
        if plans and len(depth) < 3:
            depth.append(a)
            plans[0](a + 1.0)
        return a * 2.0

    mg.constant(again)
    a = np.sin(X) * 3.0
    y = again(np.cos(X) + 0.0) + a * a
    plans.append(mg.plan(y, inputs=[X], passes=()))
    got = plans[0](X.value)
    assert len(depth) == 3
    np.testing.assert_array_equal(got, y.value)


def test_what_an_op_of_the_users_own_reads_never_lies_there(X):
    kept = []

    @mg.op
    def keeper(a):
        kept.append(a)
        return a + 1.0

    mg.constant(keeper)
    y = keeper(np.sin(X)) * np.cos(X)
    plan = mg.plan(y, inputs=[X], passes=())
    kept.clear()
    plan(X.value)
    plan(X.value + 1.0)
    np.testing.assert_array_equal(kept[0], np.sin(X.value))


def test_an_error_keeps_its_arrays(X):
    """The arena of a call that raised is seen in its traceback, and used by no later call."""

    @mg.op
    def fails(a, b):
        if b > 100.0:
            raise ValueError("too large")
        return a * 1.0

    mg.constant(fails)
    y = np.sin(X) * np.cos(X) + fails(np.tanh(X[0, 0]), X[0, 1])
    plan = mg.plan(y, inputs=[X], passes=())
    bad = X.value + 1000.0
    with pytest.raises(ValueError, match="too large") as caught:
        plan(bad)
    frame = caught.tb
    while "arena" not in frame.tb_frame.f_locals:
        frame = frame.tb_next
    held = frame.tb_frame.f_locals["arena"]
    before = [np.copy(a) for a in held]
    np.testing.assert_array_equal(plan(X.value), y.value)
    for a, copy in zip(held, before, strict=True):
        np.testing.assert_array_equal(a, copy)


def test_threads_have_arenas_of_their_own(tape):
    x = tape.leaf(np.zeros((50, 50)), name="x")
    y = x
    for _ in range(5):
        y = np.sin(y) * np.cos(y) + x @ y
    plan = mg.plan(y, inputs=[x], passes=())
    values = [np.full((50, 50), 0.01 * k) for k in range(4)]
    expected = [plan(v) for v in values]
    wrong, start = [], threading.Barrier(len(values))

    def work(k):
        start.wait()
        for _ in range(50):
            if not np.array_equal(plan(values[k]), expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(values))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_pool_keeps_few_arenas_and_dies_with_the_plan(X):
    pool = arena.ArenaPool(layout_of([np.sin(X) * np.cos(X)], X))
    taken = [pool.take() for _ in range(10)]
    assert not any(np.shares_memory(a[0], b[0]) for a in taken for b in taken if a is not b)
    for each in taken:
        pool.put_back(each)
    assert len({id(pool.take()) for _ in range(10)} & set(map(id, taken))) == arena.MAX_IDLE_ARENAS
    plan = plan_of([np.sin(X) * np.cos(X)], X)
    alive = weakref.ref(plan)
    del plan
    gc.collect()
    assert alive() is None


def test_slots_are_aligned_and_lie_apart(X):
    a, b, c = np.sin(X), np.cos(X[0]), np.exp(X)
    pool = arena.ArenaPool(layout_of([(a * c) @ b], X))
    arrays = pool.take()
    assert all(y.ctypes.data % arena.ALIGNMENT == 0 and y.flags.c_contiguous for y in arrays)
    assert len(arrays) == 4
    assert not any(np.shares_memory(p, q) for p in arrays for q in arrays if p is not q)


def test_the_report_gives_the_size(X):
    assert "\narena: 128 bytes, kept between calls\n" in repr(plan_of([np.sin(X) * np.cos(X)], X))
    assert "arena" not in repr(plan_of([np.sin(X)], X))


def test_results_in_another_order_are_left(X):
    """Their order in memory decides that of later sums."""
    y = np.sum(np.exp(np.sin(X.T)), axis=0)
    assert layout_of([y], X).slots == {}
    plan_of([y], X)


def test_a_large_result_of_operands_in_two_orders_lies_in_c_order(tape, rng, monkeypatch):
    monkeypatch.setattr(passes.sums, "MIN_ORDERED_BYTES", 1)
    x, s = (
        tape.leaf(rng.normal(size=shape), name=name)
        for name, shape in (("x", (3, 4, 5)), ("s", (4, 3)))
    )
    y = np.transpose(s)[..., None] * np.exp(x)
    outputs = [np.sum(y, axis=1), np.sum(np.transpose(s) * 2.0)]
    plan = mg.plan(outputs, inputs=[x, s], passes=[passes.LOWER_SUMS])
    orders = [
        i.kwargs.get("order") for i in plan.graph.instructions.values() if i.op is np.multiply
    ]
    assert orders == ["C", None]
    for got, node in zip(plan(x.value, s.value), outputs, strict=True):
        np.testing.assert_allclose(got, node.value, rtol=1e-13)
