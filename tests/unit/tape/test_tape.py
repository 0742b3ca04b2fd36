"""The tape: its schema, its copies, its names, its scratch blocks, and that it is freed and shared between threads."""

import gc
import sys
import threading
import weakref
from contextlib import contextmanager

import networkx as nx
import numpy as np
import pytest

import memograd as mg
from memograd.errors import EndedError, NamingError, UnknownNodeError
from memograd.program.steps import Operand


@pytest.fixture
def tape():
    return mg.Tape()


# ---------------------------------------------------------------------------------------------------------- the schema


class TestSchema:
    @pytest.fixture
    def graph(self, tape):
        x = tape.leaf([1.0, 2.0], name="x")
        y = np.multiply(x, x)
        np.sum(np.clip(y, 0.0, 3.0), axis=0).named("L")
        return tape.graph

    def test_the_program_is_a_networkx_digraph(self, graph):
        assert type(graph) is nx.DiGraph and nx.is_directed_acyclic_graph(graph)

    def test_nodes_are_ints_in_creation_order(self, graph):
        assert list(graph) == [0, 1, 2, 3] and {type(n) for n in graph} == {int}
        assert all(o < c for o, c in graph.edges)

    def test_every_node_has_the_same_attributes(self, graph):
        assert {tuple(node) for _, node in graph.nodes(data=True)} == {
            ("op", "args", "kwargs", "shape", "dtype", "name", "line", "of")
        }

    def test_a_leaf(self, graph):
        node = dict(graph.nodes[0])
        file, number = node.pop("line")
        assert node == {
            "op": None,
            "args": (),
            "kwargs": {},
            "shape": (2,),
            "dtype": np.dtype(float),
            "name": "x",
            "of": None,
        }
        assert file == __file__ and type(number) is int

    def test_an_op(self, graph):
        node = dict(graph.nodes[2])
        del node["line"]
        assert node == {
            "op": np.clip, "args": (Operand(1), 0.0, 3.0), "kwargs": {}, "shape": (2,), "dtype": np.dtype(float), "name": "v2", "of": None,
        }  # fmt: skip

    def test_the_types_of_the_attributes(self, graph):
        for _, node in graph.nodes(data=True):
            types = [type(node[key]) for key in ("args", "kwargs", "shape", "name", "line")]
            assert types == [tuple, dict, tuple, str, tuple] and isinstance(node["dtype"], np.dtype)

    def test_operands_are_told_from_constants(self, tape):
        x = tape.leaf(1)
        (operand, constant) = tape.graph.nodes[(x + 0).id]["args"]
        assert type(operand) is Operand and type(constant) is int

    def test_an_edge_lists_the_positions(self, graph):
        assert graph.edges[0, 1] == {"argnums": (0, 1)} and graph.edges[1, 2] == {"argnums": (0,)}

    def test_an_edge_may_carry_many_positions(self, tape):
        x, y = tape.leaf([1.0]), tape.leaf([2.0])
        stacked = np.stack([x] * 20 + [y] + [x])
        assert tape.graph.edges[x.id, stacked.id]["argnums"] == (*range(20), 21)
        assert tape.graph.edges[y.id, stacked.id]["argnums"] == (20,)

    def test_keywords_are_one_shared_empty_dict_where_there_are_none(self, graph):
        assert graph.nodes[0]["kwargs"] is graph.nodes[1]["kwargs"] is graph.nodes[2]["kwargs"]
        assert graph.nodes[3]["kwargs"] == {"axis": 0}

    def test_unnamed_nodes_are_called_by_their_ids(self, graph):
        assert [node["name"] for _, node in graph.nodes(data=True)] == ["x", "v1", "v2", "L"]

    def test_values_are_not_in_the_graph(self, graph):
        assert not any(
            isinstance(value, np.ndarray)
            for _, node in graph.nodes(data=True)
            for value in node.values()
        )

    def test_nothing_in_the_graph_points_back(self, tape, graph):
        held = [
            value for _, node in graph.nodes(data=True) for value in (*node.values(), *node["args"])
        ]
        assert not any(isinstance(value, mg.Node | mg.Tape) for value in held)

    def test_networkx_reads_it_like_any_graph(self, graph):
        assert nx.ancestors(graph, 3) == {0, 1, 2} and nx.dag_longest_path(graph) == [0, 1, 2, 3]
        assert graph.copy().nodes[3]["name"] == "L"

    def test_several_outputs_are_one_node_and_one_for_each(self, tape):
        parts = np.split(tape.leaf([1.0, 2.0]), 2)
        split = tape.graph.nodes[1]
        assert (split["op"], split["shape"], split["dtype"]) == (
            np.split,
            ((1,), (1,)),
            (np.dtype(float),) * 2,
        )
        assert [tape.graph.nodes[part.id]["args"] for part in parts] == [
            (Operand(1), 0),
            (Operand(1), 1),
        ]

    @pytest.mark.parametrize(
        "f",
        [
            lambda a: np.split(a, 2),
            lambda a: np.array_split(a, 3),
            lambda a: np.vsplit(a, [1]),
            lambda a: np.hsplit(a, 2),
            lambda a: np.dsplit(a, 1),
            np.unstack,
            np.linalg.eigh,
        ],
    )
    def test_several_outputs_come_in_the_type_that_the_op_gives(self, tape, f):
        x = np.arange(8.0).reshape(2, 2, 2)
        want = type(f(x))
        assert type(f(tape.leaf(x))) is want
        assert type(mg.functional.vjp(f, x)[0]) is want
        assert type(mg.functional.compiled(f)(x)) is want


# ---------------------------------------------------------------------------------------------------------- the copies


class TestCopies:
    def test_a_leafs_array_may_change_afterwards(self, tape):
        a = np.ones(2)
        x = tape.leaf(a)
        L = np.sum(x * x)
        a[0] = 9.0
        assert L.value == 2.0 and mg.grad(L, x).tolist() == [2.0, 2.0]

    def test_an_assigned_array_may_change_afterwards(self, tape):
        x = tape.leaf([0.0, 0.0])
        a = np.ones(2)
        x.value = a
        a[0] = 9.0
        assert x.value.tolist() == [1.0, 1.0]

    def test_an_assigned_array_is_copied_where_its_dtype_changes(self, tape):
        x = tape.leaf([0.0, 0.0])
        a = np.ones(2, np.float32)
        x.value = a
        a[0] = 9.0
        assert x.value.tolist() == [1.0, 1.0] and x.value.dtype == np.float64

    @pytest.mark.parametrize(
        "use",
        [
            lambda x, a: x * a,
            lambda x, a: np.add(a, x),
            lambda x, a: np.concatenate([x, a]),
            lambda x, a: x[a.astype(int)] if a.dtype == int else x * a,
            lambda x, a: np.where(x > 0, a, x),
        ],
    )
    def test_a_constant_array_may_change_afterwards(self, tape, use):
        x, a = tape.leaf([1.0, 2.0]), np.array([1.0, 0.0])
        y = use(x, a)
        before = y.value.tolist()
        a[:] = 9.0
        x.value = [5.0, 5.0]
        x.value = [1.0, 2.0]
        assert y.value.tolist() == before
        x.value = [3.0, 4.0]
        assert y.value.tolist() == use(np.array([3.0, 4.0]), np.array([1.0, 0.0])).tolist()

    def test_an_index_may_change_afterwards(self, tape):
        x, i = tape.leaf([1.0, 2.0]), np.array([0, 0])
        y = x[i]
        i[:] = 1
        x.value = [3.0, 4.0]
        assert y.value.tolist() == [3.0, 3.0]

    def test_lists_become_tuples(self, tape):
        x, i = tape.leaf([1.0, 2.0]), [0, 0]
        y = x[i]
        i[0] = 1
        assert tape.graph.nodes[y.id]["args"] == (Operand(0), (0, 0))

    def test_keywords_may_change_afterwards(self, tape):
        x, sections = tape.leaf([1.0, 2.0, 3.0]), [1]
        first, rest = np.split(x, sections)
        sections[0] = 2
        x.value = [4.0, 5.0, 6.0]
        assert rest.value.tolist() == [5.0, 6.0]

    def test_a_constant_used_again_unchanged_shares_its_copy(self, tape):
        x, a = tape.leaf(np.ones(2)), np.array([1.0, 2.0])
        first, second = x * a, x + a
        assert (
            tape.graph.nodes[first.id]["args"][1] is tape.graph.nodes[second.id]["args"][1] is not a
        )

    def test_a_constant_used_again_with_other_bytes_is_copied_anew(self, tape):
        x, a = tape.leaf(np.ones(2)), np.array([1.0, 2.0])
        first = x * a
        a[0] = -1.0
        second = x * a
        assert (first.value.tolist(), second.value.tolist()) == ([1.0, 2.0], [-1.0, 2.0])

    def test_a_read_only_array_is_trusted_as_it_is(self, tape):
        a = np.ones(2)
        a.flags.writeable = False
        x = tape.leaf(a)
        y = x * a
        assert tape.state.values[x.id] is tape.graph.nodes[y.id]["args"][1] is a

    def test_values_are_in_c_order(self, tape):
        assert tape.leaf(np.asfortranarray(np.ones((2, 3)))).value.flags.c_contiguous

    @pytest.mark.parametrize("kind", ["leaf", "op", "gradient", "zeros", "output", "table"])
    def test_what_is_handed_out_cannot_be_written_to(self, tape, kind):
        x, unused = tape.leaf([1.0, 2.0]), tape.leaf([1.0])
        L = np.sum(x * x)
        gradient = mg.grad(L, x)
        handed = {
            "leaf": lambda: x.value,
            "op": lambda: (x * x).value,
            "gradient": lambda: gradient,
            "zeros": lambda: mg.grad(L, unused),
            "output": lambda: np.split(x, 2)[0].operands[0].value[0],
            "table": lambda: mg.table(L)[x],
        }[kind]()
        with pytest.raises(ValueError, match="read-only"):
            handed[0] = 9.0
        with pytest.raises(ValueError, match="WRITEABLE"):
            handed.flags.writeable = True

    @pytest.mark.pinned
    def test_0d_values_are_numpy_scalars(self, tape):
        x = tape.leaf(np.array(2.0))
        values = [
            x.value,
            (x * x).value,
            np.sum(tape.leaf([1.0, 2.0])).value,
            mg.grad(x * x, x),
            tape.leaf(2).value,
            (x > 1).value,
        ]
        assert [type(v) for v in values] == [np.float64] * 4 + [np.int64, np.bool_]

    def test_a_scalar_stays_one_through_an_assignment(self, tape):
        x = tape.leaf(2.0)
        y = np.square(x)
        x.value = np.array(3.0)
        assert (type(x.value), type(y.value), type(mg.grad(y, x))) == (np.float64,) * 3


class TestLeaves:
    @pytest.mark.parametrize(
        "value, dtype",
        [
            (1.0, float),
            (1, np.int64),
            (True, bool),
            (1j, complex),
            ([1, 2.5], float),
            (np.float32(1.0), np.float32),
            (range(3), np.int64),
        ],
    )
    def test_they_take_what_numpy_takes(self, tape, value, dtype):
        x = tape.leaf(value)
        assert x.dtype == dtype and np.array_equal(x.value, value)

    def test_they_are_assigned_by_handle_id_and_name(self, tape):
        a, b, c = tape.leaf(1.0), tape.leaf(2.0), tape.leaf(3.0, name="c")
        tape.assign({a: 10.0, b.id: 20.0, "c": 30.0})
        assert (a.value, b.value, c.value) == (10.0, 20.0, 30.0)

    def test_an_assigned_value_is_cast_within_its_kind(self, tape):
        x, z = tape.leaf(np.float32(1.0)), tape.leaf(1j)
        x.value = 2
        z.value = 2.0
        assert x.value == np.float32(2.0) and type(x.value) is np.float32
        assert z.value == 2.0 and type(z.value) is np.complex128

    def test_an_assignment_is_all_or_nothing(self, tape):
        a, b = tape.leaf(1.0), tape.leaf([1.0, 2.0])
        L = np.sum(a * b)
        with pytest.raises(mg.MemogradError):
            tape.assign({a: 5.0, b: [1.0, 2.0, 3.0]})
        assert a.value == 1.0 and L.value == 3.0

    def test_an_empty_assignment_changes_nothing(self, tape):
        x = tape.leaf(1.0)
        tape.assign({})
        assert x.value == 1.0


# ----------------------------------------------------------------------------------------------------------- the names


class TestNames:
    def test_the_handle_of_a_leaf_is_one_object(self, tape):
        x = tape.leaf(1.0, name="x")
        assert tape["x"] is tape[0] is tape[x] is x

    def test_so_is_that_of_an_unnamed_leaf(self, tape):
        x = tape.leaf(1.0)
        assert tape[0] is tape["v0"] is (x * 2.0).operands[0] is x

    def test_so_is_that_of_a_named_node(self, tape):
        y = np.sin(tape.leaf(1.0)).named("y")
        assert tape["y"] is tape[1] is y

    def test_others_are_made_and_dropped_freely(self, tape):
        y = np.sin(tape.leaf(1.0))
        assert tape["v1"] is not y and hash(tape["v1"]) == hash(y)

    def test_handles_work_as_keys_of_a_dict(self, tape):
        x, y = tape.leaf(1.0, name="x"), tape.leaf(2.0, name="y")
        step = {x: 0.1, y: 0.2}
        assert [step[tape["x"]], step[tape["y"]]] == [0.1, 0.2]

    def test_handles_of_two_tapes_are_different_keys(self):
        x, y = mg.Tape().leaf(1.0), mg.Tape().leaf(1.0)
        assert len({x, y}) == 2

    def test_the_tape_does_not_keep_handles_alive(self, tape):
        x = weakref.ref(tape.leaf(1.0, name="x"))
        assert x() is None and tape["x"].value == 1.0

    def test_named_gives_the_node_itself(self, tape):
        y = tape.leaf(1.0) * 2.0
        assert y.named("y") is y and y.name == "y" and tape.graph.nodes[y.id]["name"] == "y"

    def test_a_new_name_replaces_the_old_one(self, tape):
        x = tape.leaf(1.0, name="old").named("new")
        assert "old" not in tape and tape["new"] is x
        tape.leaf(2.0, name="old")

    def test_its_own_name_may_be_given_again(self, tape):
        x = tape.leaf(1.0, name="x")
        assert x.named("x") is x and (x * 1.0).named("v1").name == "v1"

    @pytest.mark.parametrize("name", ["v0", "v7", "v007", "v123456"])
    def test_names_of_unnamed_nodes_are_reserved(self, tape, name):
        with pytest.raises(NamingError, match=f"Names such as {name}"):
            tape.leaf(1.0, name=name)

    @pytest.mark.parametrize(
        "name", ["v", "V7", "v7x", "vv7", "v-1", "7", "a b", "∂L/∂x", "\ud800", "\n", "x" * 10_000]
    )
    def test_any_other_string_is_a_name(self, tape, name):
        assert tape.leaf(1.0, name=name).name == name and tape[name].value == 1.0

    @pytest.mark.parametrize("name", ["", 3, b"x", ["x"]])
    def test_what_is_no_name_is_refused(self, tape, name):
        with pytest.raises(NamingError, match="A name is a string"):
            tape.leaf(1.0, name=name)

    def test_a_name_is_that_of_one_node(self, tape):
        tape.leaf(1.0, name="x")
        with pytest.raises(NamingError, match="has that name already"):
            tape.leaf(2.0, name="x")
        with pytest.raises(NamingError, match="has that name already"):
            (tape["x"] * 2.0).named("x")

    def test_a_named_node_is_no_longer_called_by_its_id(self, tape):
        tape.leaf(1.0, name="x")
        assert "v0" not in tape and 0 in tape


class TestLookingUp:
    def test_length_and_membership(self, tape):
        x = tape.leaf(1.0, name="x")
        assert len(tape) == 1
        assert x in tape and 0 in tape and np.int64(0) in tape and "x" in tape
        assert (
            1 not in tape
            and -1 not in tape
            and "y" not in tape
            and None not in tape
            and mg.Tape().leaf(1.0) not in tape
        )

    def test_iteration_gives_handles_in_creation_order(self, tape):
        x = tape.leaf(1.0)
        y = x * 2.0
        assert [node.id for node in tape] == [x.id, y.id] and next(iter(tape)) is x

    def test_recording_while_iterating_is_allowed(self, tape):
        tape.leaf(1.0)
        tape.leaf(2.0)
        assert len([node * 2.0 for node in tape]) == 2 and len(tape) == 4

    def test_an_unknown_name_is_an_error_with_the_nearest(self, tape):
        tape.leaf(1.0, name="weights")
        with pytest.raises(
            UnknownNodeError, match="no node named weight; the nearest names are weights"
        ):
            tape["weight"]

    def test_it_prints_its_size(self, tape):
        tape.leaf(1.0) * 2.0
        assert repr(tape) == "<memograd.Tape: 2 nodes, 1 of them leaves>"


# ------------------------------------------------------------------------------------------------------ scratch blocks


def sizes(tape):
    """How much the tape holds, of everything that it holds."""
    memory = tape.state
    held = [
        memory.values,
        memory.marks,
        memory.pending,
        memory.tables,
        memory.nodes,
        memory.succ,
        memory.pred,
    ]
    held += [
        [t for h in memory.index.of.values() for t in (h if isinstance(h, dict) else [h])],
        tape._names,
    ]
    return [*map(len, held), tape.graph.number_of_edges()]


class TestScratch:
    @pytest.fixture
    def x(self, tape):
        return tape.leaf([1.0, 2.0], name="x")

    def test_all_that_was_recorded_is_gone(self, tape, x):
        L = np.sum(x * x).named("L")
        mg.grad(L, x)
        before = sizes(tape)
        with tape.scratch():
            y = tape.leaf(3.0, name="y")
            M = np.sum(np.sin(L * x) * y).named("M")
            mg.grad(M, [x, y])
            y.value = 4.0
        assert sizes(tape) == before and "M" not in tape and "y" not in tape
        assert tape.graph.out_degree(x.id) == 1

    def test_what_was_there_keeps_its_table(self, tape, x):
        L = np.sum(x * x)
        mg.grad(L, x)
        with tape.scratch():
            mg.grad(np.sum(L * x), x)
        log = mg.Log()
        assert mg.grad(L, x, log=log).tolist() == [2.0, 4.0]
        assert log.visited == []

    def test_asking_outside_afterwards_is_right(self, tape, x):
        L = np.sum(x * x)
        with tape.scratch():
            mg.grad(np.sum(L * x), x)
        x.value = [3.0, 4.0]
        assert L.value == 25.0 and mg.grad(L, x).tolist() == [6.0, 8.0]

    def test_an_assignment_inside_to_an_outer_leaf_survives(self, tape, x):
        L = np.sum(x * x)
        mg.grad(L, x)
        with tape.scratch():
            mg.grad(np.sum(L * x), x)
            x.value = [3.0, 4.0]
        assert x.value.tolist() == [3.0, 4.0]
        assert L.value == 25.0 and mg.grad(L, x).tolist() == [6.0, 8.0]

    def test_an_exception_inside_cuts_too(self, tape, x):
        before = sizes(tape)
        with pytest.raises(ZeroDivisionError), tape.scratch():
            mg.grad(np.sum(np.sin(x)).named("M"), x)
            raise ZeroDivisionError
        assert sizes(tape) == before

    def test_ids_are_never_used_twice(self, tape, x):
        with tape.scratch():
            first = x * 2.0
        second = x * 2.0
        assert (
            second.id > first.id
            and list(tape.graph) == [x.id, second.id]
            and second.name == f"v{second.id}"
        )

    def test_names_can_be_used_again(self, tape, x):
        for _ in range(2):
            with tape.scratch():
                assert np.sum(x).named("L").value == 3.0
        assert tape.leaf(1.0, name="L").name == "L"

    @pytest.mark.parametrize(
        "use",
        [
            lambda x, y: y.value,
            lambda x, y: y.shape,
            lambda x, y: y.name,
            lambda x, y: repr(y),
            lambda x, y: y + 1.0,
            lambda x, y: np.sin(y),
            lambda x, y: np.sum(y),
            lambda x, y: np.concatenate([x, y]),
            lambda x, y: y[0],
            lambda x, y: bool(y),
            lambda x, y: y.named("y"),
            lambda x, y: x.tape[y],
            lambda x, y: x.tape.assign({y: 1.0}),
            lambda x, y: mg.grad(y, x),
            lambda x, y: mg.grad(np.sum(x), y),
            lambda x, y: mg.table(y),
        ],
    )
    def test_a_handle_that_outlives_its_block_says_so(self, tape, x, use):
        with tape.scratch():
            y = x * 2.0
        with pytest.raises(
            EndedError,
            match=f"Node {y.id} was recorded in a scratch block that has ended. Record it again, outside",
        ):
            use(x, y)

    def test_such_a_handle_is_in_no_tape_and_still_a_key(self, tape, x):
        with tape.scratch():
            y = x * 2.0
        assert y not in tape and {y: 1}[y] == 1

    def test_a_loop_of_blocks_does_not_grow_the_tape(self, tape, x):
        for k in range(50):
            with tape.scratch():
                g = mg.grad(np.sum((x - float(k)) ** 2), x)
            x.value = x.value - 0.1 * g
            if k == 0:
                before = sizes(tape)
        assert sizes(tape) == before

    def test_a_table_of_a_block_may_hold_what_an_outer_table_holds(self, tape, x):
        s = np.sum(x * x)
        L = np.sin(s)
        mg.grad(L, x)
        with tape.scratch():
            mg.grad(np.cos(s), x)
            x.value = [0.1, 0.2]
        np.testing.assert_allclose(
            mg.grad(L, x), 2 * np.cos(x.value @ x.value) * x.value, rtol=1e-14
        )


# --------------------------------------------------------------------------------------------------------- being freed


@contextmanager
def without_the_collector():
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def asked(tape, x, L):
    mg.grad(L, x)


def asked_with_a_log(tape, x, L):
    str(mg.grad(L, x, log=mg.Log()))


def tabled(tape, x, L):
    mg.grad(L, x)
    repr(mg.table(L))


def assigned(tape, x, L):
    mg.grad(L, x)
    x.value = [3.0, 4.0]
    mg.grad(L, x)
    x.value = [5.0, 6.0]


def scratched(tape, x, L):
    with tape.scratch():
        mg.grad(L * np.sum(x), x)


def looked_at(tape, x, L):
    repr([tape, x, L, list(tape), L.operands, x.consumers, tape["x"]])


def failed(tape, x, L):
    for wrong in (
        lambda: tape["y"],
        lambda: x + np.ones(5),
        lambda: bool(x),
        lambda: mg.grad(x, x),
        lambda: np.sum(x, out=x),
    ):
        with pytest.raises((mg.MemogradError, ValueError)):
            wrong()


def split(tape, x, L):
    first, second = np.split(x, 2)
    mg.grad(np.sum(first * second), x)


def met_a_constant(tape, x, L):
    mg.grad(np.sum(x * CONSTANT), x)


def interrupted(tape, x, L):
    def strike(frame, event, arg):
        if frame.f_code.co_name == "total":
            raise KeyboardInterrupt

    sys.settrace(strike)
    try:
        mg.grad(L, x)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(None)


CONSTANT = np.array([1.0, 2.0])


@pytest.mark.parametrize(
    "use", [asked, asked_with_a_log, tabled, assigned, scratched, looked_at, split, met_a_constant]
)
@pytest.mark.pinned
def test_a_tape_without_references_is_freed_at_once(use):
    with without_the_collector():
        tape = mg.Tape()
        x = tape.leaf([1.0, 2.0], name="x")
        L = np.sum(np.sin(x) * x).named("L")
        use(tape, x, L)
        memory = tape.state
        kept = [
            *memory.values.values(),
            *(g for table in memory.tables.values() for g in table.cotangents.values()),
        ]
        dead = [
            weakref.ref(thing)
            for thing in (tape, tape.graph, *kept)
            if not isinstance(thing, np.generic | tuple)
        ]
        assert len(dead) > 4
        del tape, x, L, memory, kept
        assert [ref for ref in dead if ref() is not None] == []


@pytest.mark.parametrize("use", [failed, interrupted])
@pytest.mark.pinned
def test_a_tape_is_freed_after_errors(use):
    tape = mg.Tape()
    x = tape.leaf([1.0, 2.0], name="x")
    use(tape, x, np.sum(np.sin(x)))
    dead = weakref.ref(tape)
    del tape, x
    gc.collect()  # tracebacks hold frames, and frames hold what they held
    assert dead() is None


def test_a_constant_of_the_users_is_not_kept_alive_by_the_tape():
    with without_the_collector():
        tape, a = mg.Tape(), np.array([1.0, 2.0])
        tape.leaf([1.0, 2.0]) * a
        dead = weakref.ref(a)
        del a
        assert dead() is None and tape._constants._copies == {}


def test_a_handle_alone_keeps_its_tape():
    x = mg.Tape().leaf(2.0)
    assert mg.grad(x * x, x) == 4.0


# ------------------------------------------------------------------------------------------------------------- threads


def in_threads(*acts):
    """Run the acts at once, each in a thread of its own; an exception in one is raised here."""
    wrong, start = [], threading.Barrier(len(acts))

    def run(act):
        try:
            start.wait()
            act()
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    if wrong:
        raise wrong[0]


class TestThreads:
    def test_recording_on_one_tape(self, tape):
        x = tape.leaf(2.0, name="x")
        last = {}

        def record(name):
            def act():
                y = x
                for _ in range(200):
                    y = y * 1.0 + 0.5
                last[name] = y.named(name)

            return act

        in_threads(*map(record, "abcd"))
        assert len(tape) == 1 + 4 * 400 and list(tape.graph) == list(range(len(tape)))
        assert (
            [y.value for y in last.values()]
            == [102.0] * 4
            == [102.0 * mg.grad(y, x) for y in last.values()]
        )

    def test_asking_for_one_output(self, tape):
        x = tape.leaf(0.5, name="x")
        y = x
        for _ in range(300):
            y = np.sin(y)
        got = []
        in_threads(*4 * [lambda: got.append(mg.grad(y, x))])
        fresh = mg.Tape().leaf(0.5)
        z = fresh
        for _ in range(300):
            z = np.sin(z)
        assert got == 4 * [mg.grad(z, fresh)]

    def test_asking_recording_and_assigning(self, tape):
        x, w = tape.leaf(0.5, name="x"), tape.leaf(0.0, name="w")
        L = x
        for _ in range(30):
            L = np.tanh(L) * 1.5 + w * 0.0

        def ask():
            for _ in range(100):
                mg.grad(L, x)

        def assign():
            for k in range(100):
                w.value = float(k)

        def record():
            for _ in range(20):
                with tape.scratch():
                    assert mg.grad(np.square(x), x) == 1.0

        before = mg.grad(L, x)
        in_threads(ask, assign, record, ask)
        assert mg.grad(L, x) == before and w.value == 99.0
        assert len(tape) == len(tape.graph) == 2 + 30 * 4

    def test_a_scratch_block_keeps_others_out(self, tape):
        x = tape.leaf(1.0)
        made, inside = [], threading.Event()

        def other():
            inside.wait()
            made.append(x * 2.0)

        thread = threading.Thread(target=other)
        thread.start()
        with tape.scratch():
            np.sin(x)
            inside.set()
            thread.join(0.05)
            assert made == [] and len(tape) == 2
        thread.join()
        assert made[0].value == 2.0 and len(tape) == 2


def test_assigning_builds_no_dict_of_attributes(tape):
    x = tape.leaf(1.0, name="x")
    y = x
    for _ in range(10):
        y = np.sin(y)
    g = mg.grad(y, x)
    tape.assign({x: 2.0})
    assert mg.grad(y, x) != g
    assert not tape.state.nodes.cache and not tape.state.pred.cache
