"""The steps are the program; the DiGraph shows them, whenever it is looked at."""

import copy
import pickle

import networkx as nx
import numpy as np
import pytest

import memograd as mg
from memograd.program.steps import Operand, operand_positions


@pytest.fixture
def tape():
    return mg.Tape()


@pytest.fixture
def x(tape):
    return tape.leaf(2.0, name="x")


def cached(tape):
    """Return the numbers of items that the inner dicts hold, without reading them."""
    return [len(view.cache) for view in (tape.state.nodes, tape.state.succ, tape.state.pred)]


class TestLooking:
    def test_what_nobody_looks_at_is_not_made(self, tape, x):
        y = np.sin(x) * x
        assert (y.shape, y.op, y.name, repr(tape), len(tape)) == (
            (),
            np.multiply,
            "v2",
            "<memograd.Tape: 3 nodes, 1 of them leaves>",
            3,
        )
        assert mg.grad(y, x) and cached(tape) == [0, 0, 0]

    def test_a_look_shows_everything_so_far(self, tape, x):
        y = np.sin(x) * x
        graph = tape.graph
        assert list(graph) == [0, 1, 2] and list(graph.edges) == [(0, 1), (0, 2), (1, 2)]
        assert cached(tape) == [3, 3, 0]
        assert list(graph.predecessors(y.id)) == [1, 0] and cached(tape) == [3, 3, 3]

    @pytest.mark.parametrize(
        "look",
        [
            lambda graph, n: n in graph,
            lambda graph, n: n in graph.nodes,
            lambda graph, n: graph.nodes[n]["op"] is np.exp,
            lambda graph, n: list(graph)[-1] == n,
            lambda graph, n: len(graph) == n + 1,
            lambda graph, n: [m for m, op in graph.nodes(data="op") if op is np.exp] == [n],
            lambda graph, n: graph.has_edge(0, n),
            lambda graph, n: n in graph[0],
            lambda graph, n: n in graph.successors(0),
            lambda graph, n: list(graph.predecessors(n)) == [0],
            lambda graph, n: graph.edges[0, n]["argnums"] == (0,),
            lambda graph, n: graph.in_degree(n) == 1,
            lambda graph, n: n in nx.descendants(graph, 0),
            lambda graph, n: list(nx.topological_sort(graph))[-1] == n,
            lambda graph, n: list(graph.copy()) == list(graph),
            lambda graph, n: list(nx.DiGraph(graph).edges) == list(graph.edges) != [],
            lambda graph, n: list(graph.subgraph([0, n]).edges) == [(0, n)],
            lambda graph, n: list(graph.reverse().edges(n)) == [(n, 0)],
            lambda graph, n: list(copy.deepcopy(graph).edges) == list(graph.edges) != [],
            lambda graph, n: list(pickle.loads(pickle.dumps(graph))) == [0, n],
        ],
    )
    def test_each_way_to_look_sees_what_was_recorded_since_the_last_one(self, tape, x, look):
        graph, views = tape.graph, (tape.graph.nodes, tape.graph.edges, tape.graph.adj)
        assert len(graph) == 1 and list(views[1]) == []
        assert look(graph, np.exp(x).id)
        assert len(views[0]) == 2 and list(views[1]) == [(0, 1)] and 1 in views[2][0]

    def test_an_absent_node_is_a_key_error(self, tape, x):
        with pytest.raises(KeyError):
            tape.graph.nodes[1]

    def test_what_was_made_stays_the_same_object(self, tape, x):
        first = tape.graph.nodes[0]
        np.sin(x)
        assert tape.graph.nodes[0] is first

    def test_an_interrupt_is_made_up_for(self, tape, x, monkeypatch):
        y = np.sin(x) * x
        succ, add = tape.state.succ, type(tape.state.succ).add

        def interrupted(self, n):
            add(self, n)
            if n == y.id:
                raise KeyboardInterrupt

        monkeypatch.setattr(type(succ), "add", interrupted)
        with pytest.raises(KeyboardInterrupt):
            list(tape.graph.edges)
        monkeypatch.undo()
        assert list(tape.graph.edges) == [(0, 1), (0, 2), (1, 2)]


class TestNames:
    def test_a_name_is_seen_whenever_it_was_given(self, tape, x):
        before, after = np.sin(x).named("before"), np.cos(x)
        names = tape.graph.nodes(data="name")
        assert list(names) == [(0, "x"), (1, "before"), (2, "v2")]
        after.named("after")
        before.named("earlier")
        assert list(names) == [(0, "x"), (1, "earlier"), (2, "after")]

    @pytest.mark.parametrize("look_first", [True, False])
    def test_a_derivative_belongs_to_its_node(self, tape, x, look_first):
        L = x * x
        assert not look_first or tape.graph.nodes[L.id]["of"] is None
        g = mg.grad_node(L, x)
        assert tape.graph.nodes[g.id]["of"] == (L.id, x.id) and tape.graph.nodes[L.id]["of"] is None


class TestCutting:
    @pytest.mark.parametrize("look", [True, False])
    def test_what_is_cut_off_is_seen_no_more(self, tape, x, look):
        kept = np.sin(x)
        with tape.scratch():
            y = (kept * x).named("y")
            assert not look or (tape.graph.nodes[y.id]["name"], *tape.graph.edges(x.id)) == (
                "y",
                (0, 1),
                (0, y.id),
            )
        assert list(tape.graph) == [0, 1] and list(tape.graph.edges) == [(0, 1)]
        z = kept * x
        assert tape.graph.nodes[z.id]["name"] == f"v{z.id}" and list(tape.graph.edges) == [
            (0, 1),
            (0, z.id),
            (1, z.id),
        ]

    def test_after_an_interrupted_look_too(self, tape, x, monkeypatch):
        succ, add = tape.state.succ, type(tape.state.succ).add
        with tape.scratch():
            np.sin(x)
            monkeypatch.setattr(type(succ), "add", lambda self, n: add(self, n) or 1 / (n - 1))
            with pytest.raises(ZeroDivisionError):
                list(tape.graph.edges)
            monkeypatch.undo()
        assert list(tape.graph.edges) == [] and list(tape.graph.adj[0]) == []


def test_uses_are_grouped_by_operand():
    a, b = Operand(3), Operand(1)
    assert operand_positions((a, 3, b, a, 1.0)) == {3: (0, 3), 1: (2,)}
    assert [type(o) for o in operand_positions((a, b))] == [int, int]


def test_every_use_of_a_node_is_one_operand(tape, x):
    y = x * x + x
    steps = tape.state.steps
    assert all(a is steps[0].operand for n in (1, y.id) for a in steps[n].args if a == 0)


def test_edges_share_their_attributes(tape, x):
    graph = (x * x * x).tape.graph
    assert graph.edges[0, 1] == {"argnums": (0, 1)}
    assert (
        graph.edges[0, 2] is graph.pred[2][0]
        and graph.edges[1, 2] is np.sin(x).tape.graph.edges[0, 3]
    )


def test_a_wide_gap_between_ids_costs_nothing(tape, x):
    tape.next_id = 10**15
    y = x + 1.0
    assert list(tape.graph) == [x.id, 10**15]
    assert [c.id for c in x.consumers] == [y.id]
