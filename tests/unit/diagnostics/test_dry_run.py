"""The preview of a request: it is the log's, beforehand; what is not certain it says; and it changes nothing."""

import copy
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import law_foreseen
from programs import programs
from tutorial import section13

import memograd as mg
from memograd import errors
from memograd.memory.memory import Memory


@pytest.fixture
def product(tape):
    """L = sum(sin(x) * w)."""
    x, w = tape.leaf([2.0, 3.0], name="x"), tape.leaf([0.5, -1.0], name="w")
    return x, w, np.sum((np.sin(x).named("s") * w).named("m")).named("L")


def asked(L, targets):
    """The log of a request, and the names of the values that it ran."""
    log, ran, run = mg.Log(), [], Memory.run
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            Memory,
            "run",
            lambda self, n, *read: ran.append(self.nodes[n]["name"]) or run(self, n, *read),
        )
        mg.grad(L, targets, log=log)
    return log, ran


def let_go(memory, chosen):
    """Drop the arrays of these nodes: values of ops, and cotangents in every table."""
    for n in chosen & memory.nodes.keys():
        if memory.nodes[n]["op"] is not None:
            memory.values.pop(n, None)
            memory.nothing_evicted = False
        for L, table in memory.tables.items():
            if n != L:
                table.cotangents.pop(n, None)


class TestExact:
    """Where nothing is maybe stale, preview and log are the same."""

    def test_the_walkthrough(self, tape):
        L, targets = section13(tape)
        preview, (log, ran) = mg.preview(L, targets), asked(L, targets)
        assert preview.visited == log.visited == ["W1", "g", "W2", "c", "b", "W3", "e"]
        assert preview.stored == log.stored == ["g", "W1", "b", "c", "W2", "e", "W3"]
        assert preview.read == log.read == ["c"]
        assert preview.dropped == log.dropped == preview.maybe == preview.values == ran == []

    def test_requests_one_by_one(self, tape):
        L, targets = section13(tape)
        for t in (*targets, *targets):
            preview, (log, _) = mg.preview(L, t), asked(L, t)
            assert (preview.visited, preview.stored, preview.read) == (
                log.visited,
                log.stored,
                log.read,
            )

    def test_a_leaf_that_took_other_bits_drops_what_reads_it_for_certain(self, product):
        x, w, L = product
        mg.grad(L, [x, w])
        w.value = [1.0, 1.0]
        assert mg.preview(L, x).dropped == ["s"]
        assert mg.preview(L, x).maybe == ["x"]  # if ∂L/∂s comes out with other bits

    def test_a_leaf_that_took_the_old_bits_drops_nothing(self, product):
        x, w, L = product
        mg.grad(L, [x, w])
        w.value = [0.5, -1.0]
        preview, (log, ran) = mg.preview(L, [x, w]), asked(L, [x, w])
        assert preview.read == log.read == ["m", "s", "x", "w"]
        assert preview.maybe == preview.stored == ran == []

    def test_an_entry_known_to_be_wrong_is_dropped_for_certain(self, product):
        x, w, L = product
        mg.grad(L, [x, w])
        x.value = [2.5, 3.0]
        assert (mg.preview(L, w).dropped, mg.preview(L, w).maybe, mg.preview(L, w).values) == (
            [],
            ["w"],
            ["s"],
        )
        tapes_value = x.tape["s"].value
        assert tapes_value[0] == pytest.approx(np.sin(2.5), rel=1e-14)
        assert (mg.preview(L, w).dropped, mg.preview(L, w).maybe, mg.preview(L, w).values) == (
            ["w"],
            [],
            [],
        )


class TestBetween:
    """Where something is maybe stale, the log lies between what is certain and what is perhaps."""

    @pytest.mark.parametrize("new, ends", [(0.7, "read"), (-0.5, "store")])
    def test_a_mask_that_flips_or_not(self, tape, new, ends):
        x, w = tape.leaf(0.5, name="x"), tape.leaf(2.0, name="w")
        L = np.square(np.where((x > 0).named("mask"), w, -w).named("r")).named("L")
        mg.grad(L, w)
        x.value = new
        preview, (log, ran) = mg.preview(L, w), asked(L, w)
        assert preview.values == ["mask"]
        assert "w" in preview.maybe and preview.stored == []
        assert ("w" in log.stored) == (ends == "store")
        law_foreseen(preview, tape, log.events, ran)

    def test_what_read_an_entry_that_is_gone_is_dropped(self, product):
        x, w, L = product
        mg.grad(L, [x, w])
        w.value = [0.5, -1.0]
        let_go(x.tape.state, {x.tape["s"].id})
        preview, (log, ran) = mg.preview(L, x), asked(L, x)
        assert (preview.stored, preview.dropped, preview.values) == (["s", "x"], ["x"], [])
        law_foreseen(preview, x.tape, log.events, ran)

    def test_values_that_are_gone_are_computed_with_what_they_come_from(self, tape):
        x, w = tape.leaf(0.5, name="x"), tape.leaf(2.0, name="w")
        L = (np.exp(np.sin(x).named("a")).named("b") * w).named("L")
        let_go(tape.state, {tape["a"].id, tape["b"].id})
        preview, (_, ran) = mg.preview(L, w), asked(L, w)
        assert preview.values == ran == ["a", "b"] and preview.least.elements == 3 + 2 + 2

    def test_where_no_value_is_marked_none_is_looked_at(self, tape):
        x, w = tape.leaf(0.5, name="x"), tape.leaf(2.0, name="w")
        L = (np.sign(x).named("s") * w).named("L")
        mg.grad(L, w)
        x.value = 0.7
        assert L.value == 2.0  # the sign is verified now, ∂L/∂w is not
        let_go(tape.state, {tape["s"].id})
        preview, (log, ran) = mg.preview(L, w), asked(L, w)
        assert preview.read == log.read == ["w"]
        assert preview.values == preview.maybe_values == ran == []

    def test_what_is_looked_at_and_gone_is_computed(self, product):
        x, w, L = product
        mg.grad(L, w)
        x.value = [2.0, 3.0]
        let_go(x.tape.state, {x.tape["s"].id})
        preview, (log, ran) = mg.preview(L, w), asked(L, w)
        assert preview.read == log.read == ["m", "w"] and preview.values == ran == ["s"]

    def test_what_one_needs_perhaps_and_another_for_certain_is_certain(self, tape):
        k, w, v = tape.leaf(0.5, name="k"), tape.leaf(2.0, name="w"), tape.leaf(3.0, name="v")
        p = np.sin(k).named("p")
        L = np.exp((p * w).named("m") + p * v).named("L")
        mg.grad(L, w)
        w.value = 2.5
        assert L.value == pytest.approx(
            np.exp(np.sin(0.5) * 5.5), rel=1e-14
        )  # no value is marked any more
        let_go(tape.state, {p.id})
        assert (mg.preview(L, w).maybe, mg.preview(L, w).maybe_values) == (["m", "w"], ["p"])
        assert (mg.preview(L, [w, v]).values, mg.preview(L, [w, v]).maybe_values) == (["p"], [])

    @given(programs(outputs=2), st.data())
    def test_random_programs(self, program, data):
        leaves, outputs = program.record(mg.Tape())
        tape = leaves[0].tape
        drawn = st.lists(st.integers(0, len(leaves) - 1), min_size=1, max_size=3)
        for step in range(data.draw(st.integers(2, 6))):
            values = program.values(seed=data.draw(st.integers(0, step)))
            tape.assign({leaves[k]: values[k] for k in data.draw(drawn)})
            if data.draw(st.booleans()):
                leaves[0].value, outputs[-1].value  # which verifies values alone
            let_go(tape.state, data.draw(st.sets(st.integers(0, len(tape)), max_size=4)))
            targets, L = [leaves[k] for k in data.draw(drawn)], data.draw(st.sampled_from(outputs))
            preview = mg.preview(L, targets)
            log, ran = asked(L, targets)
            law_foreseen(preview, tape, log.events, ran)


class TestWork:
    def test_derivatives_are_counted_one_a_use(self, tape):
        x = tape.leaf(0.5, name="x")
        L = np.sin(np.multiply(x, x).named("p")).named("L")
        assert mg.preview(L, x).least.derivatives == 3  # p by L; x twice by p

    def test_bytes_are_those_of_the_cotangents(self, tape):
        x = tape.leaf(np.ones((5, 2), dtype=np.float32), name="x")
        L = np.sum(np.sin(x).named("s")).named("L")
        assert mg.preview(L, x).least.bytes == 2 * 5 * 2 * 4
        mg.grad(L, x)
        before = sum(np.asarray(mg.table(L)[name]).nbytes for name in "xs")
        assert before == 2 * 5 * 2 * 4
        assert mg.preview(L, x).least == (0, 0, 0)

    def test_a_node_of_several_outputs_gathers_without_a_rule(self, tape):
        x = tape.leaf([[2.0, 1.0], [1.0, 3.0]], name="x")
        L = np.sum(np.linalg.eigh(x)[0]).named("L")
        preview = mg.preview(L, x)
        assert preview.visited == asked(L, x)[0].visited
        assert preview.least.derivatives == 2
        assert preview.least.bytes == (2 + 2 + 4 + 4) * 8

    def test_more_elements_cost_more(self, tape):
        small, large = tape.leaf(np.ones(10)), tape.leaf(np.ones(1000))
        costs = [mg.preview(np.sum(np.sin(x)), x).least.elements for x in (small, large)]
        assert costs[1] > 50 * costs[0]

    def test_what_is_maybe_is_in_the_most_alone(self, product):
        x, w, L = product
        mg.grad(L, [x, w])
        w.value = [1.0, 1.0]
        preview = mg.preview(L, x)
        assert (preview.least.derivatives, preview.most.derivatives) == (1, 2)
        assert (preview.least.bytes, preview.most.bytes) == (16, 32)


class TestNothingHappens:
    def test_no_table_is_begun_and_no_request_counted(self, product):
        x, w, L = product
        mg.preview(L, [x, w])
        assert x.tape.state.tables == {} and x.tape.state.history.requests == 0

    def test_nothing_is_run_and_no_mark_cleared(self, product, monkeypatch):
        x, w, L = product
        mg.grad(L, [x, w])
        x.value = [0.1, 0.2]
        memory = x.tape.state
        table = memory.tables[L.id]
        kept = [
            memory.values,
            memory.marks,
            memory.pending,
            memory.index.of,
            table.cotangents,
            table.marks,
            table.provenance,
        ]
        before = [copy.copy(d) for d in kept]
        monkeypatch.setattr(Memory, "run", None)
        mg.preview(L, [x, w])
        assert all(
            a == b or all(a[n] is b[n] for n in a) for a, b in zip(kept, before, strict=True)
        )
        assert [a.keys() for a in kept] == [b.keys() for b in before]


class TestTargets:
    def test_nests_are_those_of_grad(self, product):
        x, w, L = product
        assert mg.preview(L, {"a": [x], "b": (w, x)}) == mg.preview(L, [x, w, x])

    def test_what_does_not_lead_to_the_output_needs_nothing(self, tape, product):
        *_, L = product
        assert mg.preview(L, [tape.leaf(1.0), L]).visited == mg.preview(L, []).read == []

    def test_bad_targets_are_refused_as_by_grad(self, tape, product):
        x, _, L = product
        for L_or_not, t, error in [
            (x, x, errors.NotScalarError),
            (2.0, x, errors.NotDifferentiableError),
            (L, "x", errors.NotDifferentiableError),
            (L, tape.leaf(1), errors.NotDifferentiableError),
            (L, mg.Tape().leaf(1.0), errors.OtherTapeError),
        ]:
            with pytest.raises(error):
                mg.preview(L_or_not, t)

    def test_a_deep_program_needs_no_deep_stack(self, tape):
        x = tape.leaf(0.5, name="x")
        y = x
        for _ in range(5000):
            y = np.sin(y)
        L = (y * x).named("L")
        assert len(mg.preview(L, x).visited) == 5001
        mg.grad(L, x)
        x.value = 0.6
        assert len(mg.preview(L, x).maybe_values) == 4999  # the first sine's is certain


class TestPrinted:
    def test_as_a_table(self, tape):
        L, targets = section13(tape)
        assert repr(mg.preview(L, targets)) == (
            "∂L/∂…, before it is asked for\n"
            "visited                          7  W1, g, W2, c, b, W3, e\n"
            "read                             1  c\n"
            "stored                           7  g, W1, b, c, W2, e, W3\n"
            "derivatives                      7\n"
            "elements                        72\n"
            "bytes                          168"
        )

    @pytest.mark.parametrize(
        "name", ["two\nlines", "x" * 10_000, "\x1b[31m", "\u202e"], ids=range(4)
    )
    def test_no_name_breaks_it(self, tape, name):
        x = tape.leaf(0.5, name=name)
        s = np.sin(x).named(f"{name}1")
        lines = repr(mg.preview(np.exp(s).named(f"{name}2"), x)).splitlines()
        assert (
            len(lines) == 6
            and max(map(len, lines)) < 80
            and all(line.isprintable() for line in lines)
        )

    def test_many_names_are_cut_short(self, tape):
        xs = [tape.leaf(float(k), name=f"leaf{k}") for k in range(50)]
        lines = repr(mg.preview(sum(x * x for x in xs), xs)).splitlines()
        assert max(map(len, lines)) < 80 and lines[1].endswith(", …")


class TestBesideTheLog:
    """The preview and the log side by side, as EXPLAIN ANALYZE shows a query."""

    def test_what_was_done_lies_within_what_was_foreseen(self, product):
        x, w, L = product
        mg.grad(L, x)
        w.value = [0.5, 1.0]
        preview, log = mg.preview(L, x), mg.Log()
        mg.grad(L, x, log=log)
        rows = dict(line.split(maxsplit=1) for line in repr(preview.compare(log)).splitlines())
        assert rows["stored"].split() == ["1", "to", "2", "2"]
        assert rows["elements"].split() == ["6", "to", "10", "10"]
        assert "seconds" not in rows
        assert preview.compare(log)._repr_html_().startswith("<pre ")

    def test_seconds_are_those_that_an_earlier_log_has_measured(self, product):
        x, w, L = product
        earlier = mg.Log(clock=count().__next__)
        mg.grad(L, x, log=earlier)  # m, s and x take a second each
        w.value = [0.5, 1.0]
        preview = mg.preview(L, x, log=earlier)
        assert preview.seconds == (1.0, 2.0)
        assert repr(preview).splitlines()[-1].split() == ["seconds", "1", "to", "2"]
        log = mg.Log(clock=count().__next__)
        mg.grad(L, x, log=log)
        assert repr(preview.compare(log)).splitlines()[-1].split() == [
            "seconds",
            "1",
            "to",
            "2",
            "2",
        ]

    def test_what_was_not_measured_takes_as_long_as_its_elements(self, product):
        x, w, L = product
        earlier = mg.Log(clock=count().__next__)
        mg.grad(L, x, log=earlier)
        rate = earlier.computed.totals.seconds / earlier.computed.totals.elements
        preview = mg.preview(L, w, log=earlier)
        assert preview.stored == ["w"]
        assert preview.seconds == (6 * rate, 6 * rate)

    def test_a_log_that_measured_nothing_estimates_nothing(self, product):
        x, _, L = product
        assert mg.preview(L, x, log=mg.Log(clock=count().__next__)).seconds is None

    def test_a_log_of_another_tape_is_refused(self, product):
        x, _, L = product
        log, y = mg.Log(), mg.Tape().leaf(1.0)
        mg.grad(np.sin(y), y, log=log)
        with pytest.raises(errors.OtherTapeError):
            mg.preview(L, x, log=log)


def test_without_targets_it_is_that_of_all_leaves(product):
    x, w, L = product
    preview, log = mg.preview(L), mg.Log()
    assert L.id not in L.tape.state.tables and preview == mg.preview(L, [x, w])
    mg.grad(L, log=log)
    assert (preview.visited, preview.stored) == (log.visited, log.stored)
