"""Why a derivative is what it is: each case has its sentence, the sentence its chain, and the next request bears it out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import law_borne_out
from programs import programs

import memograd as mg
from memograd import errors


@pytest.fixture
def linear(tape):
    """L = sin(x) * w + b."""
    x, w, b = tape.leaf(2.0, name="x"), tape.leaf(3.0, name="w"), tape.leaf(1.0, name="b")
    return x, w, b, np.add(np.multiply(np.sin(x).named("s"), w).named("m"), b).named("L")


@pytest.fixture
def switched(tape):
    """L = sign(x) * w: the sign hides most of what x does."""
    x, w = tape.leaf(2.0, name="x"), tape.leaf(3.0, name="w")
    return x, w, np.multiply(np.sign(x).named("sign"), w).named("L")


def said(L, node):
    """The kind, and the sentence."""
    reason = mg.why(L, node)
    return reason.kind, str(reason)


class TestSentences:
    def test_computed_because_asked_for(self, linear):
        x, *_, L = linear
        mg.grad(L, x)
        assert said(L, x) == ("computed", "∂L/∂x was computed because request 1 asked for it.")
        assert said(L, x.tape["s"]) == (
            "computed",
            "∂L/∂s was computed because request 1 asked for ∂L/∂x, which needs it.",
        )

    def test_read_because_stored(self, linear):
        x, w, _, L = linear
        mg.grad(L, x)
        mg.grad(L, w)
        assert said(L, x.tape["m"]) == (
            "read",
            "∂L/∂m is read because request 1 stored it: that asked for ∂L/∂x, which needs it.",
        )
        assert said(L, x) == (
            "read",
            "∂L/∂x is read because request 1 stored it: that asked for it.",
        )
        assert said(L, w) == ("computed", "∂L/∂w was computed because request 2 asked for it.")

    def test_dropped_because_a_rule_reads_what_was_assigned(self, linear):
        x, w, _, L = linear
        mg.grad(L, x)
        w.value = 4.0
        mg.grad(L, x)
        because = "w was assigned (assignment 1) and the rule of m for s reads it"
        assert said(L, x.tape["s"]) == (
            "dropped",
            f"∂L/∂s was dropped, and computed anew by request 2, because {because}.",
        )
        assert mg.why(L, x).chain[1:] == ("∂L/∂s took other bits", because)

    def test_dropped_because_of_a_value_that_comes_from_what_was_assigned(self, linear):
        x, w, _, L = linear
        mg.grad(L, w)
        x.value = 1.0
        mg.grad(L, w)
        assert mg.why(L, w).chain[1:] == (
            "s took other bits and the rule of m for w reads it",
            "x was assigned (assignment 1)",
        )

    def test_kept_because_no_rule_reads_what_changed(self, linear):
        x, w, b, L = linear
        mg.grad(L, [w, b])
        b.value = 5.0
        kept = "∂L/∂w is kept because no rule between L and w reads what changed: b was assigned (assignment 1)"
        assert said(L, w) == ("kept", kept + ".")
        w.value = 5.0
        assert str(mg.why(L, w)) == f"{kept}, w was assigned (assignment 2)."
        x.tape.assign({x: 2.5, b: 6.0})
        assert said(L, b)[1].endswith(
            ": b was assigned (assignment 3), w was assigned (assignment 2) and 1 more."
        )

    def test_cut_off_because_equal(self, switched):
        x, w, L = switched
        mg.grad(L, w)
        x.value = 2.5
        mg.grad(L, w)
        because = "sign came out equal, bit for bit"
        assert said(L, w) == (
            "cut off",
            f"∂L/∂w is kept, although x was assigned (assignment 1), because {because}.",
        )

    def test_cut_off_because_the_old_value_came_back(self, linear):
        x, w, _, L = linear
        mg.grad(L, x)
        tape = x.tape
        w.value = 4.0
        w.value = 3.0
        mg.grad(L, x)
        because = "although w was assigned (assignment 2), because w came out equal, bit for bit"
        assert said(L, tape["s"]) == ("cut off", f"∂L/∂s is kept, {because}.")

    def test_cut_off_because_it_was_computed_anew_and_is_equal(self, tape):
        x, w = tape.leaf(2.0, name="x"), tape.leaf(3.0, name="w")
        L = np.multiply(np.maximum(x, 0.0), w).named("L")
        mg.grad(L, x)
        x.value = 2.5
        log = mg.Log()
        mg.grad(L, x, log=log)
        assert log.dropped == ["x"]
        because = "although x was assigned (assignment 1), because it, or all that it reads, came out equal, bit for bit"
        assert said(L, x) == ("cut off", f"∂L/∂x is kept, {because}.")

    def test_never_computed_because_nobody_asked(self, linear):
        x, w, _, L = linear
        mg.grad(L, w)
        because = "no finished request asked for it, or for what needs it"
        assert said(L, x) == ("unasked", f"∂L/∂x was never computed because {because}.")

    def test_never_visited_because_there_is_no_path(self, tape, linear):
        *_, L = linear
        because = "no path of differentiable uses leads from y to L"
        assert said(L, tape.leaf(1.0, name="y")) == (
            "no path",
            f"∂L/∂y is never visited because {because}.",
        )

    def test_the_output_itself(self, linear):
        *_, L = linear
        assert said(L, L) == ("seed", "∂L/∂L is never computed because it is 1.")


class TestMarked:
    """Between an assignment and the next request."""

    def test_maybe_stale(self, linear):
        x, w, _, L = linear
        mg.grad(L, x)
        w.value = 4.0
        because = "w was assigned (assignment 1) and the rule of m for s reads it"
        assert said(L, x.tape["s"]) == (
            "maybe stale",
            f"∂L/∂s may be stale, until a request verifies it, because {because}.",
        )
        assert mg.why(L, x).chain[1:] == ("∂L/∂s may have other bits", because)

    def test_the_last_assignment_that_reaches_it_is_named(self, switched):
        x, w, L = switched
        mg.grad(L, w)
        x.value = 2.5
        mg.grad(L, w)  # verified
        w.value = 5.0  # does not reach ∂L/∂w
        x.value = 3.0
        assert mg.why(L, w).chain[-1] == "x was assigned (assignment 3)"

    def test_be_it_farther_away(self, tape):
        x, v, w = tape.leaf(2.0, name="x"), tape.leaf(1.0, name="v"), tape.leaf(3.0, name="w")
        L = np.multiply(np.multiply(w, np.sign(x)).named("m"), np.exp(v).named("e")).named("L")
        mg.grad(L, w)
        x.value = 2.5
        mg.grad(L, w)  # verified
        v.value = 1.5
        e = "e may have other bits and the rule of L for m reads it"
        assert mg.why(L, w).chain[1:] == (
            "∂L/∂m may have other bits",
            e,
            "v was assigned (assignment 2)",
        )

    def test_the_rule_is_one_that_leads_to_the_output(self, tape):
        x, w = tape.leaf([2.0, 1.0], name="x"), tape.leaf([3.0, 1.0], name="w")
        np.multiply(x, np.array([1.0, 2.0])), np.multiply(x, w)  # which do not
        L = np.sum(np.multiply(x, w).named("c")).named("L")
        mg.grad(L, w)
        x.value = [2.0, 0.5]
        assert mg.why(L, w).chain[1:] == (
            "x was assigned (assignment 1) and the rule of c for w reads it",
        )

    def test_stale(self, linear):
        x, w, _, L = linear
        mg.grad(L, w)
        x.value = 1.0
        assert L.value == pytest.approx(
            np.sin(1.0) * 3.0 + 1.0, rel=1e-14
        )  # which verifies the values
        kind, sentence = said(L, w)
        assert kind == "stale"
        assert sentence == (
            "∂L/∂w is stale, until a request drops it, because s took other bits and the rule of m for w reads it "
            "because x was assigned (assignment 1)."
        )

    def test_let_go(self, tape):
        y = x = tape.leaf(np.ones(100), name="x")
        for _ in range(10):
            y = np.sin(y)
        L = np.sum(y).named("L")
        mg.grad(L, x)
        tape.budget = 100
        assert said(L, tape["v5"]) == (
            "let go",
            "∂L/∂v5 is not in the table now because it was let go to keep the budget.",
        )

    def test_what_was_forgotten_was_not_asked_for(self, linear):
        x, *_, L = linear
        mg.grad(L, x)
        x.tape.forget(L)
        assert mg.why(L, x).kind == "unasked"


@given(programs(), st.data())
def test_the_next_request_bears_it_out(program, data):
    leaves, outputs = program.record(mg.Tape())
    tape, drawn = leaves[0].tape, st.lists(st.integers(0, len(leaves) - 1), min_size=1, max_size=2)
    nodes = [node.id for node in tape if np.all(node.dtype == float)]
    for step in range(data.draw(st.integers(1, 5))):
        L, n = data.draw(st.sampled_from(outputs)), tape[data.draw(st.sampled_from(nodes))]
        mg.grad(L, [leaves[k] for k in data.draw(drawn)])
        values = program.values(seed=data.draw(st.integers(0, step)))
        tape.assign({leaves[k]: values[k] for k in data.draw(drawn)})
        if data.draw(st.booleans()):
            L.value, mg.grad(data.draw(st.sampled_from(outputs)), leaves[data.draw(drawn)[0]])
        reason, reached, log = mg.why(L, n), assignments_reach(L, n), mg.Log()
        mg.grad(L, n, log=log)
        law_borne_out(reason, n, log.events)
        assert reached == {"kept": False, "cut off": True, "maybe stale": True}.get(
            reason.kind, reached
        )


def assignments_reach(L, n):
    """Whether an assignment to a leaf that was assigned since ∂L/∂n was computed reaches it: tried on a copy."""
    memory, copy = n.tape.state, n.tape.copy()
    act = memory.tables[L.id].provenance.get(n.id, memory.history.current)
    mg.grad(copy[L.id], copy[n.id])
    copy.assign(
        {
            p: np.full(copy[p].shape, 99.0)
            for p, number in memory.history.assigned.items()
            if number > act.assignments
        }
    )
    return n.id in copy.state.tables[L.id].marks


def test_nothing_is_computed_and_no_table_begun(linear):
    x, *_, L = linear
    mg.why(L, x)
    assert x.tape.state.tables == {} and x.tape.state.history.requests == 0


def test_bad_nodes_are_refused_as_by_grad(tape, linear):
    x, *_, L = linear
    for node, error in [
        ("x", errors.NotDifferentiableError),
        (tape.leaf(1), errors.NotDifferentiableError),
    ]:
        with pytest.raises(error):
            mg.why(L, node)
    with pytest.raises(errors.OtherTapeError):
        mg.why(L, mg.Tape().leaf(1.0))
    with pytest.raises(errors.NotScalarError):
        mg.why(tape.leaf([1.0]), x)


def test_a_long_chain_is_cut_in_print_alone(tape):
    x, w = tape.leaf(2.0, name="x"), tape.leaf(3.0, name="w")
    y = x
    for _ in range(3000):
        y = np.sin(y)
    L = np.multiply(y, w).named("L")
    mg.grad(L, w)
    x.value = 2.5
    mg.grad(L, w)
    reason = mg.why(L, w)
    assert len(reason.chain) == 3002 and reason.chain[-1] == "x was assigned (assignment 1)"
    assert (
        "because … (2997 more) … because x was assigned" in str(reason) and len(str(reason)) < 500
    )


@pytest.mark.parametrize("name", ["two\nlines", "x" * 10_000, "\x1b[31m"], ids=range(3))
def test_no_name_breaks_the_sentence(tape, name):
    x = tape.leaf(0.5, name=name)
    L = np.exp(np.sin(x).named(f"{name}1")).named(f"{name}2")
    mg.grad(L, x)
    x.value = 0.6
    sentence = str(mg.why(L, x))
    assert sentence.isprintable() and len(sentence) < 400


def test_an_assignment_that_was_interrupted_is_not_named(linear):
    x, w, _, L = linear
    mg.grad(L, x)
    x.tape.state.tables[L.id].marks[x.tape["s"].id] = (
        1  # as an interrupt may leave it: marked, and nothing assigned
    )
    assert mg.why(L, x.tape["s"]).chain[1:] == ("an assignment was interrupted",)
