"""A DiGraph that somebody wrote by hand becomes a tape, or is refused with the reason."""

import networkx as nx
import numpy as np
import pytest

import memograd as mg
from memograd.errors import GraphError, NamingError, NoRuleError


@pytest.fixture
def G():
    """L = x * w + 1, with two leaves and one constant."""
    G = nx.DiGraph()
    G.add_node("L", op=np.add, args={1: 1.0})
    G.add_node("m", op=np.multiply)
    G.add_node("x", value=2.0)
    G.add_node("w", value=3.0)
    G.add_edge("m", "L", argnum=0)
    G.add_edge("w", "m", argnum=1)
    G.add_edge("x", "m", argnum=0)
    return G


def read(G):
    return mg.Tape.from_digraph(G)


class TestWhatIsRead:
    def test_a_program_computes_and_differentiates(self, G):
        tape = read(G)
        assert tape["L"].value == 7.0
        assert mg.grad(tape["L"], [tape["x"], tape["w"]]) == [3.0, 2.0]

    def test_each_node_comes_after_its_operands(self, G):
        assert [node.name for node in read(G)] == ["x", "w", "m", "L"]

    def test_the_schema_is_that_of_any_tape(self, G):
        graph = read(G).graph
        assert graph.nodes[3] == {
            "op": np.add, "args": (2, 1.0), "kwargs": {}, "shape": (), "dtype": np.dtype(float), "name": "L",
            "line": graph.nodes[3]["line"], "of": None,
        }  # fmt: skip
        assert graph.edges[0, 2] == {"argnums": (0,)}

    def test_leaves_can_be_assigned(self, G):
        tape = read(G)
        tape["x"].value = 5.0
        assert tape["L"].value == 16.0

    def test_the_given_graph_is_left_alone(self, G):
        before = [str(G.nodes(data=True)), str(G.edges(data=True))]
        read(G)
        assert [str(G.nodes(data=True)), str(G.edges(data=True))] == before

    def test_its_arrays_are_copied(self, G):
        value, constant = np.ones(2), np.ones(2)
        G.nodes["x"]["value"], G.nodes["L"]["args"] = value, {1: constant}
        tape = read(G)
        value[0] = constant[0] = 9.0
        assert tape["x"].value.tolist() == [1.0, 1.0]
        tape["w"].value = 4.0
        assert tape["L"].value.tolist() == [5.0, 5.0]

    def test_one_operand_may_fill_several_positions(self, G):
        G.remove_edge("w", "m")
        G.edges["x", "m"].clear()
        G.edges["x", "m"]["argnums"] = (0, 1)
        tape = read(G)
        assert tape.graph.edges[tape["x"].id, tape["m"].id]["argnums"] == (0, 1)
        assert mg.grad(tape["L"], tape["x"]) == 4.0

    def test_constants_may_stand_at_any_position(self, G):
        G.nodes["L"]["op"], G.nodes["L"]["args"] = np.subtract, {0: 10.0}
        G.edges["m", "L"]["argnum"] = 1
        assert read(G)["L"].value == 4.0

    def test_keywords_are_handed_on(self, G):
        G.nodes["x"]["value"] = [[1.0, 2.0]]
        G.add_node("s", op=np.sum, kwargs={"axis": 1})
        G.add_edge("x", "s", argnum=0)
        assert read(G)["s"].value.tolist() == [3.0]

    def test_names_may_be_anything_hashable(self):
        G = nx.DiGraph()
        G.add_node(("a", 1), value=2.0)
        G.add_node(7, op=np.square)
        G.add_edge(("a", 1), 7, argnum=0)
        tape = read(G)
        assert [node.name for node in tape] == ["('a', 1)", "7"]
        assert mg.grad(tape["7"], tape["('a', 1)"]) == 4.0

    def test_an_empty_graph_is_an_empty_tape(self):
        assert len(read(nx.DiGraph())) == 0

    def test_a_deep_program_needs_no_recursion(self):
        G = nx.DiGraph()
        G.add_node(0, value=1.0)
        for k in range(1, 3000):
            G.add_node(k, op=np.negative)
            G.add_edge(k - 1, k, argnum=0)
        tape = read(G)
        assert mg.grad(tape["2999"], tape["0"]) == -1.0


class TestWhatIsRefused:
    def refused(self, G, *words, error=GraphError):
        with pytest.raises(error) as caught:
            read(G)
        for word in words:
            assert word in str(caught.value)

    def test_a_cycle_is_shown(self, G):
        G.add_edge("L", "m", argnum=2)
        self.refused(G, "has a cycle: ", "L -> m", "remove one of these edges")

    def test_a_node_that_uses_itself_is_a_cycle(self, G):
        G.add_edge("m", "m", argnum=2)
        self.refused(G, "has a cycle: m ->")

    def test_a_position_that_is_filled_twice(self, G):
        G.edges["w", "m"]["argnum"] = 0
        self.refused(G, "operands of m", "positions [0, 0]", "filled once", "Fix argnums")

    def test_a_position_that_a_constant_fills_already(self, G):
        G.nodes["L"]["args"] = {0: 1.0, 1: 1.0}
        self.refused(G, "operands of L", "[0, 0, 1]")

    def test_a_position_that_is_missing(self, G):
        G.edges["w", "m"]["argnum"] = 2
        self.refused(G, "operands of m", "[0, 2]")

    def test_an_edge_without_a_position(self, G):
        G.edges["w", "m"].clear()
        self.refused(G, "edge w -> m has neither argnums nor argnum", "argnum=0")

    def test_a_node_without_op_and_value(self, G):
        del G.nodes["x"]["value"]
        self.refused(G, "Node x has neither an op nor", "op=... or value=...")

    def test_a_leaf_with_operands(self, G):
        G.add_edge("w", "x", argnum=0)
        self.refused(G, "Node x has neither an op nor, as a leaf without incoming edges, a value")

    def test_an_op_given_by_name(self, G):
        G.nodes["m"]["op"] = "multiply"
        self.refused(G, "The op of m is the string 'multiply'", "op=np.multiply")
        G.nodes["m"]["op"] = "mul tiply"
        self.refused(G, "The op of m is the string 'mul tiply'", "op=np.sin")

    def test_an_op_with_too_few_operands(self, G):
        G.nodes["m"]["op"] = np.where
        self.refused(G, "np.where failed at node m: ", "Check its incoming edges")

    def test_an_op_without_a_rule(self, G):
        G.nodes["m"]["op"] = max
        self.refused(G, "no rule for max", error=NoRuleError)

    def test_a_keyword_that_the_rule_does_not_name(self, G):
        G.nodes["m"]["kwargs"] = {"where": True}
        self.refused(G, "np.multiply was called with where=", error=NoRuleError)

    def test_two_names_that_are_one_as_strings(self, G):
        G.add_node(1, value=1.0)
        G.add_node("1", value=1.0)
        self.refused(G, "1 (leaf, float64 ()", "has that name already", error=NamingError)

    def test_a_reserved_name(self, G):
        nx.relabel_nodes(G, {"x": "v0"}, copy=False)
        self.refused(G, "Names such as v0", error=NamingError)

    def test_odd_names_do_not_break_the_message(self, G):
        nx.relabel_nodes(G, {"m": "m\n" * 5000}, copy=False)
        G.edges["w", "m\n" * 5000].clear()
        with pytest.raises(GraphError) as caught:
            read(G)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
