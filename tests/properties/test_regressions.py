"""Regressions: each behaviour was once wrong."""

import sys
import threading

import networkx as nx
import numpy as np
import pytest

import memograd as mg
from memograd.errors import (
    BusyError,
    EndedError,
    GraphError,
    MemogradError,
    NamingError,
    NoPathError,
    NotDifferentiableError,
    OtherTapeError,
    RegistrationError,
    RuleShapeError,
)
from memograd.rules.registration import RULES
from memograd.text import printable


@pytest.fixture(autouse=True)
def registry():
    """The registry as it was before the test."""
    before = set(RULES)
    yield
    for op in RULES.keys() - before:
        del RULES[op]


def hooked(act_in_op=None, act_in_rule=None):
    """x * 1.0 as an op that calls something when it runs, or when its rule does."""
    op = mg.op(lambda x: (act_in_op() if act_in_op else None, x * 1.0)[1])
    mg.linear(op, x=lambda g: (act_in_rule() if act_in_rule else None, g)[1])
    return op


class TestScratch:
    def test_blocks_nest(self, tape, x):
        with tape.scratch():
            y = np.sum(x * x).named("y")
            with tape.scratch():
                z = np.sin(y).named("z")
                assert mg.grad(z, x).shape == (2,)
            assert "y" in tape and "z" not in tape
            assert mg.grad(y, x).tolist() == [2.0, 4.0]
        assert len(tape) == 1

    def test_neighbours_of_a_node_that_has_ended(self, tape, x):
        with tape.scratch():
            y = x * 2.0
        with pytest.raises(EndedError):
            y.operands  # noqa: B018
        with pytest.raises(EndedError):
            y.consumers  # noqa: B018

    @pytest.mark.parametrize("use", [lambda table: table["x"], repr])
    def test_the_table_of_an_output_that_has_ended(self, tape, x, use):
        with tape.scratch():
            L = np.sum(x)
            mg.grad(L, x)
            table = mg.table(L)
        with pytest.raises(EndedError):
            use(table)

    def test_a_block_inside_a_request_is_refused_and_leaves_nothing(self, tape, x):
        def act():
            with tape.scratch():
                x * 2.0

        L = np.sum(hooked(act_in_rule=act)(x))
        size = len(tape)
        with pytest.raises(BusyError):
            mg.grad(L, x)
        assert len(tape) == size


class TestHandedOut:
    @pytest.mark.parametrize(
        "hand", [lambda x: x.value, lambda x: (x * x).value, lambda x: mg.grad(np.sum(x * x), x)]
    )
    def test_it_cannot_be_made_writeable_through_its_base(self, x, hand):
        base = hand(x).base
        while isinstance(base, np.ndarray):
            with pytest.raises(ValueError, match="WRITEABLE"):
                base.flags.writeable = True
            base = base.base

    def test_nor_can_the_parts_of_a_named_tuple(self, tape):
        w, _ = np.linalg.eigh(tape.leaf(np.eye(2)))
        values, _ = w.operands[0].value
        with pytest.raises(ValueError, match="WRITEABLE"):
            values.flags.writeable = True

    def test_a_value_that_comes_back_in_is_trusted(self, tape, x):
        y = x * x.value
        assert np.shares_memory(tape.graph.nodes[y.id]["args"][1], x.value)


class TestRecording:
    @pytest.mark.parametrize("value", [None, 10**30])
    def test_a_leaf_of_one_object_is_refused(self, tape, value):
        with pytest.raises(NotDifferentiableError, match="of dtype object"):
            tape.leaf(value)
        assert len(tape) == 0

    @pytest.mark.parametrize("other", ["ab", b"ab", np.timedelta64(3, "s")])
    def test_an_integer_does_not_repeat_a_text(self, tape, other):
        x = tape.leaf(2)
        with pytest.raises(TypeError):
            x * other
        assert len(tape) == 1

    @pytest.mark.parametrize("given", [None, {}, "text"])
    def test_an_op_that_gives_no_array_is_refused(self, tape, given):
        op = mg.op(lambda x: given)
        mg.constant(op)
        x = tape.leaf(3.0)
        with pytest.raises(MemogradError):
            op(x)
        assert len(tape) == 1

    @pytest.mark.parametrize("value", [2, 2.0, True])
    def test_a_number_times_a_list_is_arithmetic(self, tape, value):
        assert (tape.leaf(value) * [1, 2]).value.tolist() == np.multiply(value, [1, 2]).tolist()

    def test_a_ufunc_takes_a_dtype(self, x):
        y = np.add(x, 1, dtype=np.float32, casting="same_kind")
        x.value = [3.0, 4.0]
        assert y.value.dtype == np.float32 and y.value.tolist() == [4.0, 5.0]

    def test_an_op_that_assigns_while_its_value_is_found_is_refused(self, tape):
        acts = []
        x = tape.leaf(2.0)
        z = hooked(act_in_op=lambda: acts and acts.pop()())(x) * x
        x.value = 3.0
        acts.append(lambda: tape.assign({x: 5.0}))
        with pytest.raises(BusyError):
            z.value  # noqa: B018
        assert z.value == x.value**2 == 9.0

    def test_an_op_that_assigns_while_it_is_recorded_is_refused(self, tape):
        x = tape.leaf(2.0)
        with pytest.raises(BusyError):
            hooked(act_in_op=lambda: tape.assign({x: 5.0}))(x)
        assert len(tape) == 1

    def test_consumers_may_be_listed_while_another_thread_records(self, tape):
        x, wrong, done = tape.leaf(1.0), [], threading.Event()

        def record():
            for _ in range(3000):
                x * 2.0
            done.set()

        def look():
            while not done.is_set():
                try:
                    x.consumers  # noqa: B018
                except RuntimeError as error:
                    wrong.append(error)

        threads = [threading.Thread(target=act) for act in (record, look)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
        assert wrong == []


class TestSeveralOutputs:
    def test_zeros_for_a_tuple_that_is_not_connected(self, x):
        first, _ = np.split(x, 2)
        assert [g.tolist() for g in mg.grad(np.sum(x), first.operands[0])] == [[0.0], [0.0]]

    def test_a_table_prints_the_cotangent_of_a_tuple(self, x):
        a, b = np.split(x, 2)
        L = np.sum(a * b)
        mg.grad(L, x)
        assert len(repr(mg.table(L)).splitlines()) == len(mg.table(L))

    def test_they_may_stand_in_a_hand_written_program(self):
        G = nx.DiGraph()
        G.add_node("x", value=[1.0, 2.0])
        G.add_node("s", op=np.split, kwargs={"indices_or_sections": 2})
        G.add_edge("x", "s", argnum=0)
        assert mg.Tape.from_digraph(G)["s"].op is np.split


class TestTheTable:
    def test_it_is_live_from_the_start(self, x):
        L = np.sum(x)
        table = mg.table(L)
        mg.grad(L, x)
        assert x in table

    def test_long_names_are_cut(self, tape):
        x = tape.leaf(1.0, name="y" * 10_000)
        L = np.sin(x)
        mg.grad(L, x)
        assert max(map(len, repr(mg.table(L)).splitlines())) < 100


class TestTheLog:
    @pytest.fixture
    def failing(self, tape):
        """L, x, a log, and a list that makes the rule of f fail while something stands in it."""
        wrong = [1]
        x = tape.leaf(2.0, name="x")
        f = hooked(act_in_rule=lambda: 1 / 0 if wrong else None)(np.sin(x).named("s")).named("f")
        return np.sin(f).named("L"), x, mg.Log(), wrong

    def test_a_request_after_one_that_failed_begins_anew(self, failing):
        L, x, log, wrong = failing
        with pytest.raises(ZeroDivisionError):
            mg.grad(L, x, log=log)
        first = str(log)
        wrong.clear()
        mg.grad(L, x, log=log)
        assert (
            str(log)
            == f"{first}\n∂L/∂x → table[x]\n    ∂s/∂x\n    ∂L/∂s → table[s]\n        ∂f/∂s\n        ∂L/∂f ← table[f]"
        )

    def test_a_read_after_a_request_that_failed_is_a_line_of_its_own(self, failing):
        L, x, log, wrong = failing
        with pytest.raises(ZeroDivisionError):
            mg.grad(L, x, log=log)
        first = str(log)
        wrong.clear()
        mg.grad(L, x)
        mg.grad(L, x, log=log)
        assert str(log) == f"{first}\n∂L/∂x ← table[x]"

    def test_a_request_inside_a_request_may_use_its_log(self, tape):
        x, log = tape.leaf(2.0, name="x"), mg.Log()
        K = np.sin(x).named("K")
        op = hooked(act_in_rule=lambda: mg.grad(K, x, log=log))
        mg.grad(np.sin(op(np.sin(x).named("s")).named("f")).named("L"), x, log=log)
        assert log.stored == ["f", "x", "s", "x"]
        assert (
            str(log).splitlines()[-1] == "        ∂K/∂x → table[x]"
            and str(log).splitlines()[0] == "∂L/∂x → table[x]"
        )


class TestMessages:
    def test_assigning_to_a_node_of_another_tape(self, tape):
        with pytest.raises(OtherTapeError, match="^assign met"):
            tape.assign({mg.Tape().leaf(1.0): 1.0})

    def test_paths_end_where_the_derivatives_do(self, tape):
        u = tape.leaf(1.0, name="u")
        L = np.floor(np.sin(u).named("v")) * 2.0
        with pytest.raises(NoPathError, match=r"the paths from it end in v\."):
            mg.grad(L, u, unconnected="raise")

    def test_a_short_form_is_short(self):
        assert len(printable("y" * 10_000, 20)) == 20

    def test_what_is_no_name_is_shown_in_short(self, tape):
        with pytest.raises(NamingError) as caught:
            tape.leaf(1.0, name=b"x" * 10_000)
        assert len(str(caught.value)) < 300

    def test_what_is_no_way_is_shown_in_short(self, x):
        with pytest.raises(ValueError) as caught:
            mg.grad(np.sum(x), x, unconnected="z" * 10_000)
        assert len(str(caught.value)) < 300


class TestRegistration:
    @pytest.mark.parametrize("word", [mg.rule, mg.linear, mg.elementwise, mg.multilinear])
    def test_a_line_without_parameters(self, word):
        with pytest.raises(RegistrationError, match="first parameter is g"):
            word(mg.op(lambda x: x), x=lambda: 1.0)

    def test_a_line_that_is_no_function(self):
        with pytest.raises(RegistrationError, match="a VJP rule is a function or None"):
            mg.rule(mg.op(lambda x: x), x=3)

    @pytest.mark.parametrize("name", ["g", "y"])
    def test_an_operand_with_a_reserved_name(self, name):
        with pytest.raises(RegistrationError, match=f"was named {name}"):
            mg.rule(mg.op(lambda x: x), **{name: lambda g: g})

    def test_more_operands_than_parameters(self):
        with pytest.raises(
            RegistrationError, match="has 1 parameters, but 2 operands were named: a, b"
        ):
            mg.rule(mg.op(lambda x: x), a=lambda g: g, b=lambda g: g)

    def test_no_line_at_all(self):
        with pytest.raises(RegistrationError, match="without a VJP rule"):
            mg.rule(mg.op(lambda x: x))

    def test_what_is_no_function(self):
        with pytest.raises(RegistrationError, match="A rule is that of a function"):
            mg.constant([])


class TestLines:
    def test_an_operand_that_was_left_at_its_default(self):
        op = mg.op(lambda p, q=2.0: p * q)
        mg.rule(op, p=lambda g, q: g * q, q=lambda g, p: g * p)
        x = mg.Tape().leaf(3.0)
        assert mg.grad(op(x), x) == 2.0

    def test_a_keyword_that_was_left_at_its_default(self):
        op = mg.op(lambda x, power=2: x**power)
        mg.rule(op, x=lambda g, x, power: g * power * x ** (power - 1))
        x = mg.Tape().leaf(3.0)
        assert mg.grad(op(x), x) == 6.0

    def test_a_keyword_before_an_operand(self):
        op = mg.op(lambda x, power=2: x**power)
        mg.rule(op, x=lambda g, power, x: g * power * x ** (power - 1))
        x = mg.Tape().leaf(3.0)
        assert mg.grad(op(x, power=3), x) == 27.0

    def test_a_keyword_only_parameter(self):
        op = mg.op(lambda x, power=2: x**power)
        mg.rule(op, x=lambda g, x, *, power: g * power * x ** (power - 1))
        x = mg.Tape().leaf(3.0)
        assert mg.grad(op(x, power=3), x) == 27.0

    def test_an_operand_that_is_missing_is_an_error_in_pythons_words(self):
        op = mg.op(lambda a, b, c=1.0: a * b * c)
        mg.rule(op, a=lambda g, b, c: g * b * c, b=None, c=None)
        with pytest.raises(TypeError, match="missing a required argument: 'b'"):
            op(mg.Tape().leaf(1.0), c=2.0)

    @pytest.mark.parametrize("given", [2.0, 2])
    def test_a_line_may_give_a_python_number(self, given):
        op = mg.op(lambda x: 2.0 * x)
        mg.linear(op, x=lambda g: given)
        x = mg.Tape().leaf(3.0)
        assert mg.grad(op(x), x) == 2.0 and type(mg.grad(op(x), x)) is np.float64

    @pytest.mark.parametrize("given", [None, "text", [1.0, 2.0]])
    def test_a_line_that_gives_no_array_is_refused(self, given):
        op = mg.op(lambda x: 2.0 * x)
        mg.linear(op, x=lambda g: given)
        x = mg.Tape().leaf(3.0, name="x")
        with pytest.raises(RuleShapeError, match=r"operand 0 gave .*x \(leaf"):
            mg.grad(op(x), x)


class TestHandWrittenPrograms:
    def program(self, **edge):
        G = nx.DiGraph()
        G.add_node("x", value=[1.0, 2.0])
        G.add_node("y", op=np.add, args={1: 1.0})
        G.add_edge("x", "y", **edge)
        return G

    @pytest.mark.parametrize(
        "edge",
        [
            {"argnum": "0"},
            {"argnums": 0},
            {"argnums": 1},
            {"argnum": None},
            {"argnums": "a"},
            {"argnum": 0.5},
        ],
    )
    def test_positions_that_are_no_ints(self, edge):
        with pytest.raises(GraphError, match="x -> y|operands of y"):
            mg.Tape.from_digraph(self.program(**edge))

    def test_args_that_are_no_dict(self):
        G = self.program(argnum=0)
        G.nodes["y"]["args"] = (1.0,)
        with pytest.raises(GraphError, match="args of y"):
            mg.Tape.from_digraph(G)

    @pytest.mark.parametrize("graph", [nx.Graph([(1, 2)]), nx.MultiDiGraph([(1, 2)]), None])
    def test_what_is_no_digraph(self, graph):
        with pytest.raises(GraphError, match=r"A program is a networkx\.DiGraph"):
            mg.Tape.from_digraph(graph)

    def test_a_leaf_whose_value_is_none(self):
        G = nx.DiGraph()
        G.add_node("x", value=None)
        with pytest.raises(NotDifferentiableError):
            mg.Tape.from_digraph(G)
