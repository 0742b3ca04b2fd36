"""Memory: marks, verification, letting go, cutting off; and that no interrupt or exception leaves a wrong answer behind."""

import numpy as np
import pytest
from interrupts import interrupted_at
from laws import law_of_marks

import memograd as mg
from memograd.arrays.values import bitwise_equal
from memograd.memory import invalidation
from memograd.memory import memory as memory_module
from memograd.program.steps import Operand
from memograd.rules.registration import RULES


def work(L, targets):
    """What a request visits, computes and reads, as lists of names."""
    log = mg.Log()
    mg.grad(L, targets, log=log)
    return log.visited, log.stored, log.read


class TestPrecision:
    """An assignment touches what the reading lists say, and nothing else."""

    def test_a_sum_keeps_its_derivatives(self):
        tape = mg.Tape()
        a, x, b = tape.leaf(2.0, name="a"), tape.leaf(3.0, name="x"), tape.leaf(1.0, name="b")
        L = np.add(np.multiply(a, x).named("m"), b).named("L")
        mg.grad(L, [a, x, b])
        b.value = 5.0
        assert work(L, [a, x, b]) == ([], [], ["a", "x", "b"])
        x.value = 4.0
        assert work(L, [b, x]) == ([], [], ["b", "x"])
        assert work(L, a) == (["a"], ["a"], ["m"])
        assert mg.grad(L, a) == 4.0
        assert L.value == 13.0

    def test_only_the_other_side_of_a_product_is_computed_anew(self):
        tape = mg.Tape()
        W, x, c = (
            tape.leaf([[1.0, 2.0]], name="W"),
            tape.leaf([3.0, 4.0], name="x"),
            tape.leaf([0.5], name="c"),
        )
        L = np.sum((W @ x + c).named("z")).named("L")
        mg.grad(L, [W, x, c])
        x.value = [5.0, 6.0]
        visited, stored, _ = work(L, [x, c, W])
        assert visited == stored == ["W"]
        np.testing.assert_array_equal(mg.grad(L, W), [[5.0, 6.0]])

    def test_assigning_runs_nothing(self):
        calls = []

        @mg.op
        def counted(x):
            calls.append(x)
            return 2.0 * x

        mg.linear(counted, x=lambda g: 2.0 * g)
        tape = mg.Tape()
        x = tape.leaf(1.0)
        L = counted(x) * counted(x)
        mg.grad(L, x)
        calls.clear()
        x.value = 2.0
        x.value = 3.0
        x.value = 1.0
        assert calls == []
        assert mg.grad(L, x) == 8.0
        assert calls == []  # taken back before anybody asked

    def test_assignments_of_one_batch_cost_one_wave(self, monkeypatch):
        tape = mg.Tape()
        xs = [tape.leaf(float(k), name=f"x{k}") for k in range(5)]
        L = np.tanh(sum(x * x for x in xs)).named("L")
        mg.grad(L, xs)
        extend, waves = invalidation.extend_to_operands, []
        monkeypatch.setattr(
            invalidation,
            "extend_to_operands",
            lambda *args: waves.append(args) or extend(*args),
        )
        tape.assign({x: 0.1 for x in xs})
        assert len(waves) == 1  # there is one table
        assert np.allclose(mg.grad(L, xs), 0.2 * (1 - np.tanh(0.05) ** 2))


class TestCutOff:
    """A recomputed entry that equals the old one ends the wave."""

    def test_a_mask_that_did_not_flip(self):
        tape = mg.Tape()
        x, W = tape.leaf([1.0, -2.0, 3.0], name="x"), tape.leaf([1.0, 1.0, 1.0], name="W")
        mask = (x > 0).named("mask")
        h = np.where(mask, W, 0.0).named("h")
        L = np.sum(h * h).named("L")
        mg.grad(L, W)
        x.value = [2.0, -1.0, 5.0]
        visited, stored, read = work(L, W)
        assert (visited, stored, read) == (["W", "h"], [], ["v4", "h", "W"])
        x.value = [2.0, 1.0, 5.0]
        assert "h" in work(L, W)[1]

    def test_the_log_tells_verified_from_dropped(self):
        tape = mg.Tape()
        x, y = tape.leaf(-1.0, name="x"), tape.leaf(2.0, name="y")
        r = np.maximum(x, 0.0).named("r")
        s = np.multiply(r, y).named("s")
        L = np.square(s).named("L")
        mg.grad(L, y)
        x.value = -3.0
        log = mg.Log()
        assert mg.grad(L, y, log=log) == 0.0
        assert str(log) == "∂L/∂y ← table[y]\n    ∂s/∂y\n    ∂L/∂s ← table[s]"
        x.value = 1.0
        log = mg.Log()
        assert mg.grad(L, y, log=log) == 4.0
        assert str(log) == (
            "∂L/∂y ✗ table[y]\n∂L/∂y → table[y]\n    ∂s/∂y\n    ∂L/∂s ✗ table[s]\n    ∂L/∂s → table[s]"
        )
        assert log.dropped == ["s", "y"]

    def test_minus_zero_and_nan_are_values_like_others(self):
        tape = mg.Tape()
        x = tape.leaf(0.0, name="x")
        y = np.maximum(x, -1.0)
        ran = []
        seen = mg.op(lambda a: ran.append(1) or np.copysign(1.0, a))
        mg.elementwise(seen, a=lambda g: 0.0 * g)
        L = seen(y)
        x.value = -0.0
        assert L.value == -1.0 and len(ran) == 2
        x.value = np.nan
        assert L.value == 1.0 and len(ran) == 3
        x.value = 2.0
        x.value = np.nan
        assert L.value == 1.0 and len(ran) == 3  # y is the same NaN, and the wave ends there


class TestAbsence:
    """Absent is not stale: what was let go is rebuilt, and still passes marks on."""

    def test_marks_pass_through_a_cotangent_that_was_let_go(self):
        tape = mg.Tape()
        x, w = tape.leaf(3.0, name="x"), tape.leaf(2.0, name="w")
        a = np.multiply(x, x).named("a")
        b = np.negative(a).named("b")
        L = np.multiply(b, w).named("L")
        assert mg.grad(L, x) == -12.0
        del tape.state.tables[L.id].cotangents[b.id]
        w.value = 5.0
        assert mg.grad(L, x) == -30.0

    def test_values_that_were_let_go_are_rebuilt(self):
        tape = mg.Tape()
        x = tape.leaf(0.5, name="x")
        y = np.sin(x)
        L = y * y
        g = mg.grad(L, x)
        for n in (y.id, L.id):
            del tape.state.values[n]
        assert L.value == pytest.approx(np.sin(0.5) ** 2, rel=1e-14)
        x.value = 0.7
        del tape.state.values[y.id]
        assert mg.grad(L, x) == pytest.approx(2 * np.sin(0.7) * np.cos(0.7), rel=1e-14) != g


class TestManyOutputs:
    def test_an_assignment_reaches_every_table_that_read_the_leaf(self):
        tape = mg.Tape()
        w = tape.leaf(2.0, name="w")
        bs = [tape.leaf(float(k), name=f"b{k}") for k in range(20)]
        losses = [np.square(w * b) for b in bs]
        assert [mg.grad(L, w) for L in losses] == [2 * 2.0 * k * k for k in range(20)]
        w.value = 3.0
        assert [mg.grad(L, w) for L in losses] == [2 * 3.0 * k * k for k in range(20)]

    def test_an_assignment_marks_only_what_it_reaches(self):
        tape = mg.Tape()
        w = tape.leaf(2.0)
        bs = [tape.leaf(float(k)) for k in range(20)]
        losses = [np.square(w * b) for b in bs]
        for L in losses:
            mg.grad(L, w)
        assert [
            table.output
            for table in tape.state.index.with_both(Operand(w.id), losses[7].operands[0].id)
        ] == [losses[7].id]
        bs[7].value = 1.5
        marked = [k for k, L in enumerate(losses) if tape.state.tables[L.id].marks]
        assert marked == [7]


def test_a_value_that_changes_its_shape_is_an_error_and_the_next_assignment_mends_it():
    tape = mg.Tape()
    x = tape.leaf([1.0, -2.0, 3.0], name="x")
    L = np.sum(x[x > 0]).named("L")
    assert L.value == 4.0
    x.value = [1.0, 2.0, 3.0]
    with pytest.raises(
        mg.MemogradError, match=r"came back as float64 \(3,\) after an assignment.*np\.where"
    ):
        mg.grad(L, x)
    x.value = [5.0, -1.0, 3.0]
    np.testing.assert_array_equal(mg.grad(L, x), [1.0, 0.0, 1.0])


# -------------------------------------------------------------------------------------------- interrupts and exceptions


def program(tape, values=(0.7, -1.2, 0.4)):
    x, w, b = (tape.leaf(v, name=n) for v, n in zip(values, "xwb", strict=True))
    h = np.tanh(x * w + b)
    first = np.sum(h * h * w)
    return [x, w, b], [first, first * np.exp(h) + b]


def answers(outputs, leaves):
    return [v for L in outputs for v in (L.value, *mg.grad(L, leaves))]


NEW = (0.1, 0.9, -0.3)


def acts(tape, leaves, outputs):
    """What may be interrupted: an assignment, a request after one, a first request, recording, a scratch block."""
    x, w, b = leaves
    batch = dict(zip(leaves, NEW, strict=True))

    def ask_after():
        mg.grad(outputs[0], leaves)
        mg.grad(outputs[1], leaves)

    def scratch():
        with tape.scratch():
            mg.grad(np.sin(outputs[0]) * x, leaves)

    return {
        "assign": (lambda: mg.grad(outputs[0], leaves), lambda: tape.assign(batch), True),
        "assign one": (lambda: answers(outputs, leaves), lambda: tape.assign({w: NEW[1]}), False),
        "ask": (lambda: None, ask_after, False),
        "ask again": (lambda: (answers(outputs, leaves), tape.assign(batch)), ask_after, True),
        "record": (lambda: None, lambda: outputs[0] * x + b, False),
        "scratch": (lambda: answers(outputs, leaves), scratch, False),
    }


@pytest.mark.parametrize("name", ["assign", "assign one", "ask", "ask again", "record", "scratch"])
def test_an_interrupt_at_any_line_leaves_right_answers(name):
    for count in range(1, 10_000):
        tape = mg.Tape()
        leaves, outputs = program(tape)
        before, act, _ = acts(tape, leaves, outputs)[name]
        before()
        struck = interrupted_at(count, act)
        values = [float(leaf.value) for leaf in leaves]
        fresh_leaves, fresh_outputs = program(mg.Tape(), values)
        got, wanted = answers(outputs, leaves), answers(fresh_outputs, fresh_leaves)
        assert all(map(bitwise_equal, got, wanted)), f"interrupted at line {count} of {name}"
        law_of_marks(tape)
        tape.assign(dict(zip(leaves, NEW, strict=True)))
        fresh_leaves, fresh_outputs = program(mg.Tape(), NEW)
        assert all(
            map(bitwise_equal, answers(outputs, leaves), answers(fresh_outputs, fresh_leaves))
        )
        if not struck:
            assert count > 10
            return
    raise AssertionError("never came to its end")


def test_an_interrupted_assignment_is_all_or_nothing():
    for count in range(1, 10_000):
        tape = mg.Tape()
        leaves, outputs = program(tape)
        answers(outputs, leaves)
        struck = interrupted_at(count, lambda: tape.assign(dict(zip(leaves, NEW, strict=True))))  # noqa: B023
        values = [float(leaf.value) for leaf in leaves]
        assert values in ([0.7, -1.2, 0.4], list(NEW))
        if not struck:
            assert count > 10
            return
    raise AssertionError("never came to its end")


def test_an_exception_in_any_rule_call_leaves_finished_entries_and_right_answers(monkeypatch):
    total = 0
    for fail_at in range(100):
        tape = mg.Tape()
        leaves, outputs = program(tape)
        mg.grad(outputs[0], leaves[2])
        tape.assign(dict(zip(leaves, NEW, strict=True)))
        failed = False
        with monkeypatch.context() as patch:
            calls = iter(range(10_000))
            for rule in [RULES[op] for op in (np.tanh, np.multiply, np.add, np.sum, np.exp)]:
                for line in rule.pulls.of.values():
                    patch.setattr(line, "pull", failing(line.pull, calls, fail_at))
            try:
                for L in outputs:
                    mg.grad(L, leaves)
            except ZeroDivisionError:
                failed = True
        fresh_leaves, fresh_outputs = program(mg.Tape(), NEW)
        assert all(
            map(bitwise_equal, answers(outputs, leaves), answers(fresh_outputs, fresh_leaves))
        )
        total += failed
        if not failed:
            break
    assert total > 10


def failing(pull, calls, fail_at):
    def failing_pull(*args):
        if next(calls) == fail_at:
            raise ZeroDivisionError("a rule failed")
        return pull(*args)

    return failing_pull


def test_an_exception_in_an_op_leaves_right_answers():
    state = {"fail": False}

    @mg.op
    def moody(x):
        if state["fail"]:
            raise ZeroDivisionError("moody")
        return x * x

    mg.rule(moody, x=lambda g, x: 2 * g * x)
    tape = mg.Tape()
    x = tape.leaf(2.0, name="x")
    L = np.exp(moody(np.sin(x)))
    mg.grad(L, x)
    x.value = 0.5
    state["fail"] = True
    with pytest.raises(ZeroDivisionError):
        mg.grad(L, x)
    state["fail"] = False
    y = mg.Tape().leaf(0.5)
    assert bitwise_equal(mg.grad(L, x), mg.grad(np.exp(moody(np.sin(y))), y))


def test_the_broken_order_of_marks_is_seen():
    """Marks written after values would be wrong: the interrupt test is able to fail."""

    class Careless(memory_module.Memory):
        __slots__ = ()

        def assign(self, new):
            self.values.update(new)
            super().assign(new)

    tape = mg.Tape()
    leaves, outputs = program(tape)
    answers(outputs, leaves)
    careless = Careless(tape.state.steps)
    for slot in memory_module.Memory.__slots__[1:]:  # all but __weakref__
        setattr(careless, slot, getattr(tape.state, slot))
    tape.state = careless
    wrong = 0
    for count in range(1, 200):
        if not interrupted_at(count, lambda: tape.assign({leaves[1]: 0.9 + count})):  # noqa: B023
            break
        fresh_leaves, fresh_outputs = program(mg.Tape(), [float(leaf.value) for leaf in leaves])
        wrong += not all(
            map(bitwise_equal, answers(outputs, leaves), answers(fresh_outputs, fresh_leaves))
        )
    assert wrong
