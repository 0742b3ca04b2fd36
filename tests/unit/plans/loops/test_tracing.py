"""How bodies are traced: what they close over, what is computed once, and what plans share."""

import numpy as np
import pytest

import memograd as mg
from memograd import functional as F
from memograd.errors import ArchiveError
from memograd.plans.loops.recording import pull_recorded

XS = np.arange(6.0).reshape(3, 2) / 5


def ops_of(tape):
    """The names of the ops on a tape, without those that pick an output."""
    ops = [d["op"].__name__ for _, d in tape.graph.nodes(data=True) if d["op"] is not None]
    return [name for name in ops if name != "output"]


def test_what_depends_on_no_step_is_computed_once(tape):
    W = tape.leaf([[0.1, 0.2], [0.3, 0.4]], name="W")
    last, _ = mg.scan(lambda h, x: (np.sin(np.exp(W[0]) * h) + x, None), np.ones(2), XS)
    assert ops_of(tape) == ["getitem", "exp", "run_scan"]
    np.testing.assert_array_equal(mg.grad(np.sum(last), W)[1], [0.0, 0.0])


def test_no_steps_compute_nothing(tape):
    """What a body computes is not computed for no steps: here it would raise."""
    A = tape.leaf(np.zeros((2, 2)), name="A")
    last, _ = mg.scan(lambda h, x: (h @ A, None), np.ones(2), length=0)
    assert ops_of(tape) == ["run_scan"]
    np.testing.assert_array_equal(last.value, [1.0, 1.0])


def test_own_ops_run_at_each_step(tape):
    """An op of the user's own may have side effects; it is not moved out of the body."""
    ran = []

    @mg.op
    def noisy(x):
        ran.append(1)
        return x * 2

    mg.rule(noisy, x=lambda g: g * 2)
    w = tape.leaf(0.5)
    last, _ = mg.scan(lambda h, x: (noisy(w) * h, None), 1.0, length=3)
    traced = len(ran)
    w.value = 0.25
    assert last.value == 0.125 and len(ran) == traced + 3


def test_the_tape_is_found_without_recording_on_it(tape):
    """With arrays alone, the body stops at its first use of a node, and nothing of that stays."""
    w, seen = tape.leaf(0.5, name="w"), []

    def body(h, x):
        seen.append(type(h).__name__)
        return np.sin(w) * h + x, None

    mg.scan(body, np.ones(2), XS)
    assert seen == ["ndarray", "Node"]
    assert ops_of(tape) == ["sin", "run_scan"]


def test_a_body_may_have_a_tape_of_its_own():
    def body(h, x):
        y = mg.Tape().leaf(x)
        return h + mg.grad(np.sum(y * y), y), None

    last, _ = mg.scan(body, np.zeros(2), XS)
    np.testing.assert_allclose(last, 2 * XS.sum(axis=0))


def test_a_node_as_the_result(tape):
    w = tape.leaf(2.0)
    last, ys = mg.scan(lambda h, x: (w, x), 0.0, np.arange(3.0))
    assert last.value == 2 and mg.grad(last, w) == 1
    assert mg.while_loop(lambda h: h < 2, lambda h: w, 0.0).value == 2
    assert mg.cond(True, lambda: w, lambda: w).value == 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_python_numbers_take_the_precision_that_they_meet(dtype):
    """In states, operands and closures; in plans, where they are inputs, too."""
    x, s = np.arange(1, 4, dtype=dtype), 0.5

    def program(x, s, begin):
        h, _ = mg.scan(lambda h, r: (h * r * s, None), begin, x)
        h = mg.while_loop(lambda h: h < 1, lambda h: h * 2 + s, h)
        return mg.cond(h > 0, lambda h, a: h * a, lambda h, a: h - a, h, s)

    ours = program(x, s, 1.0)
    assert ours.dtype == dtype
    value, g = F.value_and_grad(program)(x, s, 1.0)
    assert (value.dtype, g.dtype, value) == (dtype, dtype, ours)
    f = F.compiled(F.value_and_grad(program))
    for begin in (1.0, 2.0):
        value, g = f(x, s, begin)
        assert (value.dtype, g.dtype) == (dtype, dtype)
        np.testing.assert_array_equal(value, program(x, s, begin))


def test_closures_over_inputs_of_a_plan(tape):
    """A node over which a body closes may be any input of a plan, also one in the middle."""
    a = tape.leaf(0.5, name="a")
    b = np.sin(a).named("b")
    last, _ = mg.scan(lambda h, x: (b * h + x, None), 1.0, np.ones(3))
    plan = mg.plan([last, mg.grad_node(last, b)], [b])
    h, d = 1.0, 0.0
    for _ in range(3):
        h, d = 0.3 * h + 1, h + 0.3 * d
    np.testing.assert_allclose(plan(0.3), [h, d])


def rnn(p):
    last, ys = mg.scan(lambda h, x: (np.tanh(p["W"] @ h + x), np.sum(h)), p["h"], XS)
    return np.sum(last) + np.sum(ys)


POINT = {"W": np.eye(2) * 0.5, "h": np.ones(2)}


def bodies_run(f, monkeypatch):
    """How many steps f runs."""
    ran, replay = [], mg.Plan.replay
    with monkeypatch.context() as patch:
        patch.setattr(mg.Plan, "replay", lambda plan, a: ran.append(plan) or replay(plan, a))
        f()
    return len(ran)


@pytest.mark.parametrize("slots", [None, 3])
def test_plans_run_the_steps_once(slots, monkeypatch):
    """With slots, the pull computes states again: two of three steps."""

    def loss(p):
        return np.sum(
            mg.scan(lambda h, x: (np.tanh(p["W"] @ h + x), None), p["h"], XS, slots=slots)[0]
        )

    with monkeypatch.context() as patch:
        runs = []
        replay = mg.Plan.replay
        patch.setattr(mg.Plan, "replay", lambda plan, a: runs.append(len(a)) or replay(plan, a))
        f = F.compiled(F.value_and_grad(loss))
        f(POINT)
        runs.clear()
        f(POINT)
    # the plan itself, when it skips its checks, and the steps
    assert len(runs) - (3 + 3) in ((0, 1) if slots is None else (2, 3))


def test_shared_steps_are_read_by_the_pull():
    f = F.compiled(F.value_and_grad(rnn))
    f(POINT)
    (plan,) = f.plans.values()
    assert pull_recorded in {i.op for i in plan.graph.instructions.values()}
    value, g = F.value_and_grad(rnn)(POINT)
    found = f(POINT)
    np.testing.assert_allclose(found[0], value, rtol=1e-14)
    for name in g:
        np.testing.assert_allclose(found[1][name], g[name], rtol=1e-13)


def test_tapes_with_loops_are_not_saved(tape, tmp_path):
    """The error names the node; nothing is written."""
    w = tape.leaf(0.5, name="w")
    mg.scan(lambda h, x: (w * h, None), 1.0, length=3)
    with pytest.raises(ArchiveError, match=r"run_scan.*cannot be saved"):
        mg.save(tmp_path / "tape.mg", tape)
    assert list(tmp_path.iterdir()) == []
