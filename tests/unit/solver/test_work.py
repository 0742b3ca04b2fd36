"""What a request computed: it is what ran, its times add up, and what was saved is what a fresh tape computes."""

import copy
import pickle
from itertools import count

import numpy as np
import pytest

import memograd as mg
from memograd.errors import EndedError
from memograd.memory.memory import Memory


@pytest.fixture
def product(tape):
    """L = sum(sin(x) * w), with the rule of x reading w and that of w reading sin(x)."""
    x, w = tape.leaf([2.0, 3.0], name="x"), tape.leaf([0.5, -1.0], name="w")
    return x, w, np.sum((np.sin(x).named("s") * w).named("m")).named("L")


class Ticks:
    """A clock that a test moves on."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class TestComputed:
    def test_a_first_request_computes_derivatives_alone(self, product):
        x, _, L = product
        log = mg.Log()
        mg.grad(L, x, log=log)
        assert (log.computed.values, log.computed.derivatives) == ([], log.stored)
        assert log.stored == ["m", "s", "x"]

    def test_a_request_that_reads_computes_nothing(self, product):
        x, _, L = product
        mg.grad(L, x)
        log = mg.Log()
        mg.grad(L, x, log=log)
        assert len(log.computed) == 0 and log.computed.totals == (0, 0, 0, 0, None)

    def test_values_are_those_that_the_memory_runs(self, product, monkeypatch):
        x, w, L = product
        mg.grad(L, [x, w])
        ran, run = [], Memory.run

        def noted(self, n, *read):
            ran.append(self.nodes.name(n))
            return run(self, n, *read)

        monkeypatch.setattr(Memory, "run", noted)
        x.value = [0.1, 0.2]
        log = mg.Log()
        mg.grad(L, w, log=log)
        assert log.computed.values == ran == ["s"] and log.computed.derivatives == ["w"]
        x.tape.forget()
        log = mg.Log()
        mg.grad(L, [x, w], log=log)
        assert log.computed.values == ran[1:] == ["s"]

    def test_what_is_verified_and_right_is_not_computed(self, product):
        x, w, L = product
        mg.grad(L, [x, w])
        x.value = x.value  # the same bits
        log = mg.Log()
        mg.grad(L, [x, w], log=log)
        assert log.visited == ["x", "w"] and len(log.computed) == 0

    def test_elements_and_bytes_are_those_of_the_preview(self, product):
        x, w, L = product
        mg.grad(L, [x, w])
        w.tape.assign({w: [1.0, 1.0], x: [1.0, 1.0]})
        preview, log = mg.preview(L, [x, w]), mg.Log()
        mg.grad(L, [x, w], log=log)
        sums = log.computed.totals
        assert preview.most.elements == sums.elements == 4 + 6 + 4 + 6
        assert preview.most.bytes == sums.bytes - 16 == 3 * 16  # the value of s has 16
        assert [e.bytes for e in log.computed] == [16] * 4

    def test_values_read_in_no_logged_request_are_not_noted(self, product):
        x, w, L = product
        log = mg.Log()
        mg.grad(L, w, log=log)
        x.value = [0.1, 0.2]
        assert L.value == pytest.approx(np.sin(0.1) * 0.5 - np.sin(0.2), rel=1e-14)
        mg.grad(L, w)
        assert log.computed.values == []

    def test_a_failed_request_leaves_no_observer(self, tape):
        x = tape.leaf(2.0, name="x")
        f = mg.op(lambda a: a * a)
        mg.elementwise(f, a=lambda g, a: 1 / 0)
        L, log = np.sin(f(x)), mg.Log()
        with pytest.raises(ZeroDivisionError):
            mg.grad(L, x, log=log)
        assert tape.state.observer is None and len(log.computed) == 1

    def test_a_recorded_derivative_counts_what_it_records(self, product):
        x, _, L = product
        log = mg.Log()
        mg.grad_node(L, x, log=log)
        assert log.computed.derivatives == ["m", "s", "x"]

    def test_an_op_with_several_outputs_collects_for_nothing(self, tape):
        x = tape.leaf(np.ones(6), name="x")
        a, b = np.split(x, 2)
        L, log = np.sum(a * b), mg.Log()
        preview = mg.preview(L, x)
        mg.grad(L, x, log=log)
        assert log.computed.totals.elements == preview.least.elements
        assert [e.bytes for e in log.computed][-2:] == [48, 48] and [
            e.elements for e in log.computed
        ][-2] == 0


class TestTimes:
    def test_they_add_up_to_the_request(self, product):
        x, w, L = product
        mg.grad(L, [x, w])
        x.value = [0.1, 0.2]
        log = mg.Log(clock=count().__next__)
        mg.grad(L, [x, w], log=log)
        assert [e.seconds for e in log.computed] == [1, 1, 1]
        assert log.computed.totals.seconds == 3

    def test_an_op_takes_its_own_time(self, tape):
        clock = Ticks()

        def slow(a):
            clock.now += 5.0
            return a * 3.0

        f = mg.op(slow)

        def rule(g, a):
            clock.now += 2.0
            return 3.0 * g

        mg.elementwise(f, a=rule)
        x, w = tape.leaf(2.0, name="x"), tape.leaf(1.0, name="w")
        L = (f(x).named("f") * w).named("L")
        log = mg.Log(clock)
        mg.grad(L, [x, w], log=log)
        x.value = 3.0
        mg.grad(L, [x, w], log=log)
        kinds = [(e.output == L.id, log.node_names[e.node], e.seconds) for e in log.computed]
        assert kinds == [
            (True, "f", 0.0),
            (True, "x", 2.0),
            (True, "w", 0.0),
            (True, "x", 2.0),
            (False, "f", 5.0),
            (True, "w", 0.0),
        ]

    def test_without_a_clock_there_are_none(self, product):
        x, _, L = product
        log = mg.Log()
        mg.grad(L, x, log=log)
        assert {e.seconds for e in log.computed} == {None}
        assert "seconds" not in repr(log.computed) + repr(log.saved)

    def test_a_copy_keeps_the_clock_and_a_pickle_the_times(self, product):
        x, _, L = product
        clock = Ticks()
        log = mg.Log(clock)
        mg.grad(L, x, log=log)
        assert copy.copy(log).clock is clock
        other = pickle.loads(pickle.dumps(log))
        assert other.clock is None and other.computed.entries == log.computed.entries


class TestSaved:
    def test_it_is_what_a_fresh_tape_computes(self, product):
        x, w, L = product
        log = mg.Log()
        mg.grad(L, [x, w], log=log)
        w.value = [1.0, 1.0]
        mg.grad(L, x, log=log)
        saved = log.saved
        assert saved.computed == log.computed.totals
        assert (saved.anew.values, saved.anew.derivatives) == (3 + 3, 4 + 3)
        assert saved.computed.derivatives == 4 + 2 and saved.computed.values == 0
        assert saved.share == 1 - saved.computed.elements / saved.anew.elements

    def test_asked_again_all_is_saved(self, product):
        x, _, L = product
        mg.grad(L, x)
        log = mg.Log()
        mg.grad(L, x, log=log)
        assert log.saved.share == 1.0 and log.saved.computed.elements == 0

    def test_seconds_are_estimated_from_those_that_were_measured(self, product):
        x, w, L = product
        log = mg.Log(clock=count().__next__)
        mg.grad(L, [x, w], log=log)
        measured = log.computed.totals
        mg.grad(L, [x, w], log=log)
        saved = log.saved
        rate = measured.seconds / measured.elements
        values = saved.anew.elements - 2 * measured.elements
        assert saved.anew.seconds == pytest.approx(2 * measured.seconds + rate * values, rel=1e-12)

    def test_a_target_without_a_path_costs_only_the_forward_run(self, product):
        _, _, L = product
        log = mg.Log()
        mg.grad(L, L.tape.leaf(1.0), log=log)
        assert log.saved.anew.derivatives == 0 and log.saved.anew.values == 3

    def test_an_interrupted_request_keeps_its_own_targets(self, tape):
        x = tape.leaf(2.0, name="x")
        K, log = np.cos(x).named("K"), mg.Log()
        f = mg.op(lambda a: a * a)
        mg.elementwise(f, a=lambda g, a: (mg.grad(K, x, log=log), 2 * g * a)[1])
        L = np.sin(f(x).named("f")).named("L")
        mg.grad(L, x, log=log)
        assert log.asked == [(L.id, [x.id]), (K.id, [x.id])]
        assert log.computed.derivatives == ["f", "x", "x"]

    def test_a_program_that_is_gone_is_named(self, tape):
        x, log = tape.leaf(2.0, name="x"), mg.Log()
        with tape.scratch():
            L = np.sin(x).named("L")
            mg.grad(L, x, log=log)
            assert log.saved.anew.values == 1
        with pytest.raises(EndedError, match="L was cut off"):
            log.saved  # noqa: B018
        with pytest.raises(EndedError, match="tape of this log is gone"):
            pickle.loads(pickle.dumps(log)).saved  # noqa: B018


class TestInParts:
    """First ∂L/∂x, later ∂L/∂w, as pipelines ask; see pytorch/pytorch#180952."""

    @pytest.fixture
    def stage(self):
        def build():
            tape, rng = mg.Tape(), np.random.default_rng(5)
            x = tape.leaf(rng.normal(size=(3, 4)), name="x")
            w = tape.leaf(rng.normal(size=(4, 4)), name="w")
            return (x @ w @ w).sum().named("L"), x, w

        return build

    def test_two_requests_give_the_bits_of_one(self, stage):
        L, x, w = stage()
        parts = mg.grad(L, x), mg.grad(L, w)
        L, x, w = stage()
        for part, whole in zip(parts, mg.grad(L, (x, w)), strict=True):
            assert part.tobytes() == whole.tobytes()
        a, b, one = x.value, w.value, np.ones((3, 4))
        assert parts[0] == pytest.approx(one @ b.T @ b.T, rel=1e-12)
        assert parts[1] == pytest.approx((a @ b).T @ one + a.T @ (one @ b.T), rel=1e-12)

    def test_two_requests_compute_what_one_does(self, stage):
        L, x, w = stage()
        first, later, whole = mg.Log(), mg.Log(), mg.Log()
        mg.grad(L, x, log=first)
        mg.grad(L, w, log=later)
        assert later.stored == ["w"]
        L, x, w = stage()
        mg.grad(L, (x, w), log=whole)
        assert (*first.computed, *later.computed) == whole.computed.entries

    def test_after_an_assignment_between_them_neither_is_stale(self, stage):
        L, x, w = stage()
        mg.grad(L, x)
        w.value = 2.0 * w.value
        parts = mg.grad(L, w), mg.grad(L, x)
        fresh, y, v = stage()
        v.value = 2.0 * v.value
        for part, whole in zip(parts, mg.grad(fresh, (v, y)), strict=True):
            assert part.tobytes() == whole.tobytes()


class TestTexts:
    def test_a_long_list_is_cut(self, tape):
        y = x = tape.leaf(1.0, name="x")
        for _ in range(60):
            y = np.sin(y)
        log = mg.Log()
        mg.grad(y, x, log=log)
        lines = repr(log.computed).splitlines()
        assert len(lines) == 43 and lines[-2] == "… and 20 more" and "sum of 60" in lines[-1]

    def test_they_are_as_wide_as_a_notebook_shows(self, product):
        x, _, L = product
        log = mg.Log(clock=Ticks())
        mg.grad(L, x, log=log)
        for shown in (log.computed, log.saved):
            assert max(map(len, repr(shown).splitlines())) < 80
            assert shown._repr_html_().startswith("<pre ")
