"""Copies and pickles of tapes, nodes and tables: they know what the original knew, and go their own way."""

import copy
import pickle

import numpy as np
import pytest

import memograd as mg
from memograd.arrays.values import bitwise_equal
from memograd.errors import RefusedError

WAYS = {
    "copy": mg.Tape.copy,
    "copy.copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda t: pickle.loads(pickle.dumps(t)),
}


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


@pytest.fixture
def asked(tape):
    x, w = tape.leaf([0.5, -1.0, 2.0], name="x"), tape.leaf(2.0, name="w")
    upper, lower = np.split(np.sin(x * w).named("s")[:2], 2)
    L = np.sum(upper * lower * w).named("L")
    mg.grad(L, x)
    return L


def test_it_knows_what_the_original_knew(tape, asked, way):
    other = way(tape)
    log = mg.Log()
    assert bitwise_equal(
        np.asarray(mg.grad(other["L"], other["x"], log=log)), np.asarray(mg.grad(asked, tape["x"]))
    )
    assert log.stored == []
    assert [(n.name, n.op, n.shape, n.dtype) for n in other] == [
        (n.name, n.op, n.shape, n.dtype) for n in tape
    ]
    assert list(other.graph.edges(data="argnums")) == list(tape.graph.edges(data="argnums"))


def test_it_goes_its_own_way(tape, asked, way):
    other = way(tape)
    before = mg.grad(asked, tape["w"])
    other["w"].value = 3.0
    other["new"] if "new" in other else other.leaf(1.0, name="new")
    assert "new" not in tape
    assert mg.grad(other["L"], other["w"]) != before == mg.grad(asked, tape["w"])


def test_marks_and_pending_values_come_along(tape, asked, way):
    tape["w"].value = 5.0
    other = way(tape)
    assert bitwise_equal(
        np.asarray(mg.grad(other["L"], other["x"])), np.asarray(mg.grad(asked, tape["x"]))
    )
    assert other["w"].value == 5.0


def test_derivative_programs_come_along(tape, asked, way):
    g = mg.grad_node(asked, tape["x"])
    other = way(tape)
    assert mg.grad_node(other["L"], other["x"]).id == g.id
    assert len(other) == len(tape)


def test_so_does_a_budget(tape, asked, way):
    tape.budget = 50
    other = way(tape)
    assert other.budget == 50
    assert bitwise_equal(
        np.asarray(mg.grad(other["L"], other["x"])), np.asarray(mg.grad(asked, tape["x"]))
    )


def test_what_a_budget_let_go_still_passes_marks_on(tape, way):
    x, w = tape.leaf(3.0, name="x"), tape.leaf(2.0, name="w")
    L = np.multiply(np.negative(np.multiply(x, x)).named("b"), w).named("L")
    mg.grad(L, x)
    del tape.state.tables[L.id].cotangents[tape["b"].id]
    other = way(tape)
    other["w"].value = 5.0
    assert mg.grad(other["L"], other["x"]) == -30.0


def test_nodes_that_are_copied_together_stay_together(asked):
    for L, x in (
        copy.deepcopy([asked, asked.tape["x"]]),
        pickle.loads(pickle.dumps([asked, asked.tape["x"]])),
    ):
        assert L.tape is x.tape is not asked.tape
        assert x is L.tape["x"]
        assert mg.grad(L, x).shape == (3,)


def test_a_table_is_pickled_with_its_tape(asked):
    table = pickle.loads(pickle.dumps(mg.table(asked)))
    assert table.tape is not asked.tape
    assert repr(table) == repr(mg.table(asked))


def test_an_op_without_a_name_is_refused_by_name(tape, asked):
    @mg.op
    def private(x):
        return 2.0 * x

    mg.linear(private, x=lambda g: 2.0 * g)
    private(tape["x"])
    with pytest.raises(RefusedError, match=r"private.*top of a module"):
        pickle.dumps(tape)
    assert len(tape.copy()) == len(tape)


def test_a_leaf_has_one_handle_as_long_as_somebody_holds_it(tape):
    tape.leaf(1.0, name="x")
    x = tape["x"]
    assert x is tape["x"] is tape[0]
    assert {x: 1}[tape["x"]] == 1


class Named(mg.Tape):
    """A tape with attributes of its own."""

    def __init__(self, title):
        super().__init__()
        self.title = title


class Slotted(mg.Tape):
    __slots__ = ("first", "numbers")

    def __init__(self, first):
        super().__init__()
        self.first = self.leaf(first, name="first")
        self.numbers = [1, 2]


class Sparing(Named):
    def __getstate__(self):
        return {"title": f"{self.title} again"}

    def __setstate__(self, state):
        self.title = state["title"]


class TestSubclasses:
    def test_what_it_has_added_comes_along(self, way):
        tape = Named("mine")
        tape.leaf(1.0, name="x")
        other = way(tape)
        assert type(other) is Named and other.title == "mine" and other["x"].value == 1.0

    def test_its_nodes_are_those_of_the_copy(self, way):
        tape = Slotted(2.0)
        other = way(tape)
        assert type(other) is Slotted and other.first.tape is other and other.numbers == [1, 2]
        other.first.value = 3.0
        other.numbers.append(3)
        assert tape.first.value == 2.0 and tape.numbers == [1, 2]

    def test_its_own_state_is_asked_for(self, way):
        other = way(Sparing("mine"))
        assert type(other) is Sparing and other.title == "mine again"

    def test_a_node_of_it_can_be_copied(self, way):
        x = Slotted(2.0).first
        for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
            assert type(other.tape) is Slotted and other.tape.first is other

    def test_a_tape_from_a_digraph(self):
        class Plain(mg.Tape):
            pass

        tape = Plain.from_digraph(mg.Tape().graph)
        assert type(tape) is Plain and type(tape.copy()) is Plain
