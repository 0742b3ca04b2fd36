"""What is particular to scans: forms of state and rows, slots, requests for some operands, memory."""

import gc
import threading
import weakref

import numpy as np
import pytest

import memograd as mg
from memograd import functional as F
from memograd.errors import LoopError
from memograd.plans.loops.checkpoints import states_backwards
from memograd.plans.loops.scans import Scan

XS = np.arange(8.0).reshape(4, 2) / 10


@pytest.fixture
def recurrence(tape):
    """A matrix, a state, rows, and the loss of a scan over them."""
    w, h = tape.leaf(np.eye(2) * 0.5, name="w"), tape.leaf([1.0, 2.0], name="h")
    rows = tape.leaf(XS, name="X")
    last, ys = mg.scan(lambda h, x: (np.tanh(w @ h + x), np.sum(h)), h, rows)
    return w, h, rows, (np.sum(last) + np.sum(ys)).named("L")


def test_the_size_of_the_program_does_not_depend_on_the_length():
    def nodes(n):
        w = mg.Tape().leaf(0.5)
        y = mg.scan(lambda h, x: (w * h + x, None), 0.0, np.ones(n))[0]
        mg.grad_node(y, w)
        return len(w.tape)

    assert nodes(3) == nodes(300)


@pytest.mark.parametrize("reverse", [False, True])
def test_no_steps(tape, reverse):
    h, w = tape.leaf([1.0, 2.0], name="h"), tape.leaf(3.0, name="w")
    rows = tape.leaf(np.zeros((0, 2)), name="X")
    last, ys = mg.scan(lambda h, x: (h * w + x, x[0] * w), h, rows, reverse=reverse)
    L = np.sum(np.square(last)) + np.sum(ys)
    assert ys.shape == (0,) and ys.dtype == float
    np.testing.assert_array_equal(mg.grad(L, h), [2.0, 4.0])
    np.testing.assert_array_equal(mg.grad(L, w), 0.0)
    assert mg.grad(L, rows).shape == (0, 2)


def test_no_steps_share_no_memory(tape):
    """A plan gives arrays of its own, also where a loop gives back the state it was given."""
    h, w = tape.leaf([1.0, 2.0], name="h"), tape.leaf(1.0)
    one = mg.scan(lambda h, x: (h * w, None), h, length=0)[0]
    two = mg.while_loop(lambda h: np.sum(h) < 0, lambda h: h * w, h)
    given = np.array([3.0, 4.0])
    for y in mg.plan([one, two], [h])(given):
        assert not np.shares_memory(y, given)


def test_no_steps_on_arrays():
    last, ys = mg.scan(lambda h, x: (h + x, h * 1j), 1.0, np.zeros((0,)))
    assert last == 1 and ys.shape == (0,) and ys.dtype == complex


def test_arrays_alone_give_arrays():
    last, ys = mg.scan(lambda h, x: (h + x, {"h": h}), 0, np.arange(4), reverse=True)
    assert last == 6
    np.testing.assert_array_equal(ys["h"], [6, 5, 3, 0])
    assert isinstance(ys["h"], np.ndarray)


def test_python_numbers_take_the_precision_of_the_state_that_follows(tape):
    w = tape.leaf(np.float32(0.5))
    last, ys = mg.scan(lambda h, x: (w * h + x, h), 0, np.ones(3, np.float32))
    assert (last.dtype, ys.dtype) == (np.float32, np.float32)
    assert mg.grad(last, w).dtype == np.float32


def test_integers_in_the_state(tape):
    """A counter is exact and has no derivative; what is computed from it has none by it."""
    w = tape.leaf(2.0)
    (h, n), ys = mg.scan(lambda s, _: ((s[0] * w + s[1], s[1] + 1), s[1]), (0.0, 0), length=5)
    assert n.dtype == np.int64 and ys.dtype == np.int64
    np.testing.assert_array_equal(ys.value, range(5))
    # h = Σ t w^(4-t)
    assert h.value == 0 * 16 + 1 * 8 + 2 * 4 + 3 * 2 + 4
    assert mg.grad(h, w) == 0 + 1 * 3 * 4 + 2 * 2 * 2 + 3
    assert (
        F.jvp(lambda n: mg.scan(lambda s, _: (s + n, None), n, length=2)[0] * 0.5, (3.0,), (1.0,))[
            1
        ]
        == 1.5
    )


def test_results_that_are_none(recurrence):
    w, h, rows, _ = recurrence
    assert mg.scan(lambda h, x: (h @ w, None), h, rows)[1] is None


def test_results_that_depend_on_nothing(tape):
    """A result that is a constant is stacked as any other."""
    w = tape.leaf(1.0)
    last, ys = mg.scan(lambda h, x: (h * w, (x, 7.0, w)), 1.0, np.arange(3.0))
    np.testing.assert_array_equal(ys[0].value, [0, 1, 2])
    np.testing.assert_array_equal(ys[1].value, [7, 7, 7])
    np.testing.assert_array_equal(mg.grad(np.sum(ys[2]), w), 3.0)


def test_state_that_the_body_forgets(tape):
    h, x = tape.leaf(1.0), tape.leaf([2.0, 3.0])
    last, _ = mg.scan(lambda h, x: (x, None), h, x)
    assert last.value == 3
    np.testing.assert_array_equal(mg.grad(last, x), [0.0, 1.0])
    assert mg.grad(last, h) == 0


def test_one_operand_twice(tape):
    """The same node as state, as rows and in the closure: its cotangent is the sum."""
    x = tape.leaf([1.0, 2.0])
    last, _ = mg.scan(lambda h, r: (h * r + x, None), x, x)

    def program(x):
        return np.sum(np.square((x * x[0] + x) * x[1] + x))

    np.testing.assert_allclose(mg.grad(np.sum(np.square(last)), x), F.grad(program)(x.value))


@pytest.fixture
def pulled(monkeypatch):
    """The operands that each pull of a scan was asked for."""
    asked, pull = [], Scan.pull

    def spy(self, xs, g, wanted):
        asked.append(wanted)
        return pull(self, xs, g, wanted)

    monkeypatch.setattr(Scan, "pull", spy)
    return asked


def test_a_request_pulls_what_it_needs_at_once(recurrence, pulled):
    w, h, rows, L = recurrence  # the operands of the scan: h, X, w
    mg.grad(L, w)
    assert pulled == [(2,)]
    mg.grad(L, [h, rows])
    assert pulled == [(2,), (0, 1)]
    mg.grad(L, [w, h, rows])
    assert len(pulled) == 2, "all is known"
    w.value = np.eye(2) * 0.4
    mg.grad(L, [w, h, rows])
    assert pulled[2:] == [(0, 1, 2)]


def test_asking_again_visits_nothing(recurrence):
    w, h, rows, L = recurrence
    first, again = mg.Log(), mg.Log()
    mg.grad(L, [w, h], log=first)
    mg.grad(L, [h, w], log=again)
    assert "∂v" in str(first) or "∂L" in str(first)
    assert [line for line in str(again).splitlines() if "→" in line] == []


def test_an_assignment_without_effect_ends_at_the_loop(tape, pulled):
    """Where the loop gives the same bits, what follows is not computed again."""
    x, w = tape.leaf([-1.0, 2.0], name="x"), tape.leaf(2.0, name="w")
    last, _ = mg.scan(lambda h, r: (np.maximum(h, r), None), 0.0, x)
    L = np.sin(last) * w
    mg.grad(L, w)
    x.value = [-5.0, 2.0]
    log = mg.Log()
    mg.grad(L, w, log=log)
    assert "→" not in str(log)


def test_named_operands_alone_are_pulled_by_plans(recurrence, pulled):
    w, h, rows, L = recurrence
    mg.plan(mg.grad_node(L, h), [h, w])(h.value, w.value)
    assert pulled == [(0,), (0,)], "when it was recorded, and when the plan ran"


# slots


def fewest_advances(count, slots, known={}):  # noqa: B006
    """Return the fewest steps computed again, by dynamic programming over where to keep a state."""
    if count <= 1:
        return 0
    if slots == 1:
        return count * (count - 1) // 2
    if (count, slots) not in known:
        known[count, slots] = min(
            m + fewest_advances(count - m, slots - 1) + fewest_advances(m, slots)
            for m in range(1, count)
        )
    return known[count, slots]


@pytest.mark.parametrize("slots", [1, 2, 3, 5, 8, None])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 20, 33])
def test_checkpoints_need_the_fewest_steps_and_no_more_slots(count, slots):
    made = []

    class State:
        """State that knows its number, and how many are alive."""

        alive = most = 0

        def __init__(self, t):
            self.t = t
            State.alive += 1

        def __del__(self):
            State.alive -= 1

    def advance(state, t):
        assert state.t == t
        made.append(t)
        return State(t + 1)

    seen, most = [], 0
    for t, state in states_backwards(State(0), advance, count, slots):
        assert state.t == t
        seen.append(t)
        most = max(most, State.alive)
    assert seen == list(reversed(range(count)))
    if count:
        assert len(made) == fewest_advances(count, count if slots is None else slots)
        # the slots, and the state that is read
        assert most <= (count if slots is None else slots) + 1


@pytest.mark.parametrize("slots", [0, -1, 1.5])
def test_slots_that_are_none(slots):
    w = mg.Tape().leaf(1.0)
    with pytest.raises(LoopError, match="slots"):
        mg.scan(lambda h, x: (h * w, None), 1.0, length=3, slots=slots)
    with pytest.raises(LoopError, match="slots"):
        mg.while_loop(lambda h: h < 3, lambda h: h + w, 1.0, slots=slots)


def test_slots_bound_the_states(tape, monkeypatch):
    """The derivative of a scan runs the steps that the schedule of its slots says, and no others."""
    w = tape.leaf(0.5)
    last, _ = mg.scan(lambda h, x: (np.sin(w * h) + x, None), 1.0, np.ones(20), slots=3)
    (scan,) = [
        d["kwargs"]["loop"] for _, d in tape.graph.nodes(data=True) if "loop" in d.get("kwargs", {})
    ]
    ran, replay = [], mg.Plan.replay
    monkeypatch.setattr(mg.Plan, "replay", lambda plan, a: ran.append(plan) or replay(plan, a))
    for body in (scan.body, scan.body.vjp((0,), (0, 1))):  # they run the function as patched
        vars(body).pop("run", None)
    mg.grad(last, w)
    forward = ran.count(scan.body.plan)
    assert (forward, len(ran) - forward) == (fewest_advances(20, 3), 20)


# several threads, scratch


def test_threads(recurrence):
    w, h, rows, L = recurrence
    expected, found = mg.grad(L, [w, h, rows]), []
    w.value = w.value.copy()

    def ask():
        found.append(mg.grad(L, [w, h, rows]))

    plan = mg.plan(mg.grad_node(L, [w, h]), [w, h])
    threads = [threading.Thread(target=ask) for _ in range(3)]
    threads += [
        threading.Thread(target=lambda: found.append([*plan(w.value, h.value), expected[2]]))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    for answer in found:
        for a, b in zip(answer, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_scratch(recurrence):
    """Loops in a scratch block are gone after it."""
    w, h, rows, L = recurrence
    tape, before = w.tape, len(w.tape)
    with tape.scratch():
        last, _ = mg.scan(lambda h, x: (h * x, None), h, rows)
        mg.grad(np.sum(last), h)
    assert len(tape) == before
    mg.grad(L, w)


def every_construct():
    """Record and differentiate each construct; return references to the tapes of all bodies."""
    tape = mg.Tape()
    w = tape.leaf(0.5)
    last, _ = mg.scan(lambda h, x: (np.sin(w * h) + x, None), 1.0, np.ones(3), slots=2)
    y = mg.while_loop(lambda h: h < 3, lambda h: h + w, mg.cond(w > 0, np.sin, np.cos, last))
    y = mg.fixed_point(lambda x: np.cos(x * w) / 2, y) * y
    mg.grad(mg.grad_node(y, w), w)
    mg.plan([y, mg.grad_node(y, w)], [w])(0.25)
    loops = [d["kwargs"]["loop"] for _, d in tape.graph.nodes(data=True) if "loop" in d["kwargs"]]
    bodies = [loop.body for loop in loops if hasattr(loop, "body")]
    return [weakref.ref(tape), *(weakref.ref(body.tape) for body in bodies)]


def test_dropping_the_tape_frees_it_at_once():
    """A loop holds no node of the tape that records it, and its bodies no cycle."""
    gc.collect()
    gc.disable()
    try:
        gone = every_construct()
        assert len(gone) > 4
        assert [ref() for ref in gone] == [None] * len(gone)
    finally:
        gc.enable()
