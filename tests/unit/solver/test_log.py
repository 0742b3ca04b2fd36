"""The log: its events, its lists of names, its transcript; and that it breaks nothing and keeps nothing alive."""

import copy
import gc
import pickle
import sys
import weakref

import numpy as np
import pytest
from tutorial import TRANSCRIPT, section8, section13

import memograd as mg
from memograd.errors import OtherTapeError
from memograd.solver import log as log_module


@pytest.fixture
def tape():
    return mg.Tape()


@pytest.fixture
def log():
    return mg.Log()


@pytest.fixture
def diamond(tape):
    """L = s * c, where both come from x."""
    x = tape.leaf(0.5, name="x")
    s, c = np.sin(x).named("s"), np.cos(x).named("c")
    return x, np.exp(s * c).named("L")


class TestTranscript:
    def test_it_is_that_of_section_13(self, tape, log):
        L, targets = section13(tape)
        mg.grad(L, targets, log=log)
        assert str(log) == TRANSCRIPT

    def test_one_by_one_it_is_the_same(self, tape, log):
        L, targets = section13(tape)
        for target in targets:
            mg.grad(L, target, log=log)
        assert str(log) == TRANSCRIPT

    def test_what_was_found_is_read(self, log, diamond):
        x, L = diamond
        mg.grad(L, x, log=log)
        assert str(log) == (
            "∂L/∂x → table[x]\n"
            "    ∂s/∂x\n"
            "    ∂L/∂s → table[s]\n"
            "        ∂v3/∂s\n"
            "        ∂L/∂v3 → table[v3]\n"
            "    ∂c/∂x\n"
            "    ∂L/∂c → table[c]\n"
            "        ∂v3/∂c\n"
            "        ∂L/∂v3 ← table[v3]"
        )

    def test_a_repeated_request_is_one_line(self, log, diamond):
        x, L = diamond
        mg.grad(L, x)
        mg.grad(L, x, log=log)
        assert str(log) == "∂L/∂x ← table[x]"

    def test_a_target_used_by_the_output_alone_has_no_lines_below(self, tape, log):
        x = tape.leaf(0.5, name="x")
        mg.grad(np.sin(x).named("L"), x, log=log)
        assert str(log) == "∂L/∂x → table[x]"

    def test_a_consumer_that_uses_it_twice_gives_two_lines(self, tape, log):
        x = tape.leaf(0.5, name="x")
        p = np.multiply(x, x).named("p")
        mg.grad(np.sin(p).named("L"), x, log=log)
        assert str(log) == "∂L/∂x → table[x]\n    ∂p/∂x\n    ∂L/∂p → table[p]"

    def test_the_output_itself_and_what_does_not_lead_to_it_give_no_line(self, tape, log, diamond):
        x, L = diamond
        mg.grad(L, [L, tape.leaf(1.0)], log=log)
        assert str(log) == "" and log.events == []

    def test_verified_and_changed_entries_are_told_apart(self, tape, log):
        x, w = tape.leaf(2.0, name="x"), tape.leaf(3.0, name="w")
        m = np.multiply(x, w).named("m")
        L = np.sin(m).named("L")
        mg.grad(L, [x, w])
        w.value = 4.0
        mg.grad(L, x, log=log)
        assert (
            str(log)
            == "∂L/∂x ✗ table[x]\n∂L/∂x → table[x]\n    ∂m/∂x\n    ∂L/∂m ✗ table[m]\n    ∂L/∂m → table[m]"
        )

    def test_requests_for_several_outputs_follow_each_other(self, log, diamond):
        x, L = diamond
        M = np.square(x).named("M")
        mg.grad(M, x, log=log)
        mg.grad(L, x)
        mg.grad(L, x, log=log)
        assert str(log) == "∂M/∂x → table[x]\n∂L/∂x ← table[x]"

    def test_the_same_program_and_requests_give_the_same_text(self):
        texts = []
        for _ in range(2):
            log, (L, targets) = mg.Log(), section8(mg.Tape())
            mg.grad(L, targets, log=log)
            texts.append(str(log).encode())
        assert texts[0] == texts[1]

    def test_recorded_derivatives_are_stored_once_and_read_from_then_on(self, tape):
        x, w = tape.leaf(2.0, name="x"), tape.leaf(3.0, name="w")
        L = np.sin((x * w).named("a")).named("L")
        first, second = mg.Log(), mg.Log()
        mg.grad_node(L, x, log=first)
        mg.grad_node(L, w, log=second)
        assert str(first) == "∂L/∂x → table[x]\n    ∂a/∂x\n    ∂L/∂a → table[a]"
        assert str(second) == "∂L/∂w → table[w]\n    ∂a/∂w\n    ∂L/∂a ← table[a]"

    def test_a_second_order_request_reads_what_the_first_of_its_kind_found(self, tape):
        x, w = tape.leaf(2.0, name="x"), tape.leaf(3.0, name="w")
        L = np.square((x * w).named("a")).named("L")
        g, first, second = mg.grad_node(L, x), mg.Log(), mg.Log()
        h = mg.grad_node(g, x, log=first)
        mg.grad_node(g, w, log=second)
        assert h.name == "∂(∂L/∂x)/∂x" and str(first).startswith(
            "∂(∂L/∂x)/∂x → table[x]\n    ∂a/∂x\n    ∂(∂L/∂x)/∂a → table[a]"
        )
        assert str(second).splitlines()[-1] == "    ∂(∂L/∂x)/∂a ← table[a]"

    def test_a_request_that_failed_leaves_its_lines_open(self, tape, log):
        broken = mg.op(lambda x: 2.0 * x)
        mg.linear(broken, x=lambda g: g / nothing())

        def nothing():
            raise ZeroDivisionError

        x = tape.leaf(1.0, name="x")
        f = broken(np.sin(x).named("s")).named("f")
        L = np.sin(f).named("L")
        with pytest.raises(ZeroDivisionError):
            mg.grad(L, x, log=log)
        assert str(log) == "∂L/∂x\n    ∂s/∂x\n    ∂L/∂s\n        ∂f/∂s\n        ∂L/∂f → table[f]"


class TestEvents:
    def test_each_step_is_an_event(self, tape, log):
        x = tape.leaf(0.5, name="x")
        p = np.multiply(x, x).named("p")
        L = np.sin(p).named("L")
        mg.grad(L, x, log=log)
        assert log.events == [
            mg.Event("visit", L.id, x.id, None, None, 0),
            mg.Event("local", L.id, x.id, p.id, 0, 1),
            mg.Event("visit", L.id, p.id, None, None, 1),
            mg.Event("store", L.id, p.id, None, None, 1),
            mg.Event("store", L.id, x.id, None, None, 0),
        ]

    def test_the_argnum_is_the_first_position(self, tape, log):
        x = tape.leaf(0.5)
        p = np.multiply(2.0, x)
        mg.grad(np.sin(p), x, log=log)
        assert [e.argnum for e in log.events if e.kind == "local"] == [1]

    def test_a_visit_ends_in_one_store_or_one_read(self, log, diamond):
        x, L = diamond
        mg.grad(L, x, log=log)
        x.value = 0.7
        mg.grad(L, x, log=log)
        kinds = [e.kind for e in log.events]
        assert kinds.count("visit") == kinds.count("store")
        assert log.dropped == ["v3", "s", "c", "x"]

    def test_the_lists_are_names_in_order(self, tape, log):
        L, targets = section13(tape)
        mg.grad(L, targets, log=log)
        assert log.visited == ["W1", "g", "W2", "c", "b", "W3", "e"]
        assert log.stored == ["g", "W1", "b", "c", "W2", "e", "W3"]
        assert log.read == ["c"]
        assert log.dropped == []

    def test_assignments_are_noted(self, tape, log, diamond):
        x, _ = diamond
        tape.assign({x: 0.7}, log=log)
        assert log.assigned == ["x"] and log.events == []

    def test_a_refused_assignment_is_not_noted(self, tape, log, diamond):
        x, _ = diamond
        with pytest.raises(mg.MemogradError):
            tape.assign({x: [1.0]}, log=log)
        assert log.assigned == []

    def test_it_says_how_many_there_are(self, log, diamond):
        x, L = diamond
        mg.grad(L, x, log=log)
        assert repr(log) == "<memograd.Log of 13 events>"


class TestNames:
    """No name breaks the transcript: one line a step, and UTF-8."""

    ODD = [
        "two\nlines",
        "\r\n\t",
        "<b>&amp;",
        "x" * 10_000,
        "\ud800",
        "\x1b[31m",
        "\u2028\u202e",
        "∂L/∂x → table[x]",
        " ",
        "%s{}",
    ]

    @pytest.mark.parametrize("name", ODD, ids=map(ascii, range(len(ODD))))
    def test_one_line_a_step(self, tape, log, name):
        x = tape.leaf(0.5, name=name)
        s = np.sin(x).named(f"{name}1")
        mg.grad(np.exp(s).named(f"{name}2"), x, log=log)
        text = str(log)
        assert len(text.encode().splitlines()) == len(text.splitlines()) == 3
        assert max(map(len, text.splitlines())) < 1000

    def test_the_lists_keep_names_as_they_are(self, tape, log):
        x = tape.leaf(0.5, name="two\nlines")
        mg.grad(np.exp(x), x, log=log)
        assert log.visited == ["two\nlines"]

    def test_nodes_that_were_cut_off_keep_theirs(self, tape, log):
        x = tape.leaf(0.5, name="x")
        for k in range(2):
            with tape.scratch():
                mg.grad(np.exp(np.sin(x).named(f"s{k}")).named("L"), x, log=log)
        assert log.visited == ["x", "s0", "x", "s1"]
        assert str(log).splitlines()[2::3] == ["    ∂L/∂s0 → table[s0]", "    ∂L/∂s1 → table[s1]"]


def test_a_log_of_another_tape_is_refused(log, diamond):
    x, L = diamond
    y = mg.Tape().leaf(1.0)
    mg.grad(np.sin(y), y, log=log)
    with pytest.raises(
        OtherTapeError, match=r"events of another tape.*Give a new memograd\.Log\(\)"
    ):
        mg.grad(L, x, log=log)
    assert len(log.events) == 2


@pytest.mark.pinned
def test_a_log_keeps_no_array_alive(log):
    gc.disable()
    try:
        tape = mg.Tape()
        x = tape.leaf(np.ones(3))
        L = np.sum(np.sin(x))
        mg.grad(L, x, log=log)
        dead = [weakref.ref(tape), weakref.ref(tape.state.values[x.id]), weakref.ref(tape.graph)]
        del tape, x, L
        assert [ref() for ref in dead] == [None, None, None]
    finally:
        gc.enable()
    assert str(log)


def test_without_a_log_no_line_of_it_runs(diamond):
    x, L = diamond
    ran = []

    def profile(frame, event, arg):
        if event == "call" and frame.f_code.co_filename == log_module.__file__:
            ran.append(frame.f_code.co_name)

    def watched(**log):
        sys.setprofile(profile)
        try:
            mg.grad(L, x, **log)
            x.tape.assign({x: 0.7}, **log)
            mg.grad(L, x, **log)
        finally:
            sys.setprofile(None)

    watched()
    assert ran == []
    watched(log=mg.Log())
    assert ran


class TestCopies:
    @pytest.mark.parametrize(
        "way", [copy.copy, copy.deepcopy, lambda log: pickle.loads(pickle.dumps(log))]
    )
    def test_they_tell_the_same_and_go_on_by_themselves(self, way, log, diamond):
        x, L = diamond
        mg.grad(L, x, log=log)
        other = way(log)
        assert (
            str(other) == str(log) and other.events == log.events and other.visited == log.visited
        )
        mg.grad(L, x, log=other)
        assert len(other.events) == len(log.events) + 1 and str(other).startswith(str(log))
        assert mg.draw(L, log=other).count("<g") == mg.draw(L, log=log).count("<g")
        assert other.compare(log).computed == []

    def test_one_that_was_copied_in_a_request_has_none_that_runs(self, log, tape):
        copies = []
        f = mg.op(lambda a: a * 2.0)
        mg.elementwise(f, a=lambda g: (copies.append(copy.copy(log)), 2.0 * g)[1])
        x = tape.leaf(1.0, name="x")
        L = np.sin(f(x).named("f")).named("L")
        mg.grad(L, x, log=log)
        (other,) = copies
        mg.grad(L, x, log=other)
        assert other.events[-1].depth == 0

    def test_an_unpickled_one_belongs_to_a_tape_of_the_same_names(self, log, tape):
        def build(tape, name):
            x = tape.leaf(2.0, name="x")
            return np.exp(np.sin(x).named(name)).named("L"), x

        L, x = build(tape, "s")
        mg.grad(L, x, log=log)
        data = pickle.dumps((log, tape))
        other, restored = pickle.loads(data)
        assert 'class="back"' in mg.draw(restored["L"], log=other)
        other, _ = pickle.loads(data)
        for name in ("other", "s"):
            K, y = build(mg.Tape(), name)
            if name == "other":
                with pytest.raises(OtherTapeError, match="events of another tape"):
                    mg.grad(K, y, log=other)
                assert str(other) == str(log)
            else:
                mg.grad(K, y, log=other)
        with pytest.raises(OtherTapeError):
            mg.draw(L, log=other)

    def test_a_copy_does_not_change_with_the_other(self, log, diamond):
        x, L = diamond
        other = copy.copy(log)
        mg.grad(L, x, log=log)
        x.tape.assign({x: x.value + 1.0}, log=log)
        assert (other.events, other.assigned, str(other)) == ([], [], "")
