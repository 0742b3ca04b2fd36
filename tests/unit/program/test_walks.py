"""Walks over a program, against networkx."""

import networkx as nx
import pytest

from memograd.program.walks import nodes_on_paths, walk_graph


@pytest.fixture
def graph(rng):
    """A random DAG whose edges lead to larger numbers."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(30))
    pairs = rng.integers(0, 30, (60, 2))
    graph.add_edges_from((int(min(pair)), int(max(pair))) for pair in pairs if pair[0] != pair[1])
    return graph


def test_what_can_be_reached(graph):
    for n in graph:
        walked = list(walk_graph([n], graph.successors))
        assert len(walked) == len(set(walked)) and set(walked) == nx.descendants(graph, n) | {n}


@pytest.mark.parametrize("sources", [[3], [0, 1, 7]])
@pytest.mark.parametrize("sinks", [[29], [20, 25]])
def test_what_lies_on_paths(graph, sources, sinks):
    after = set(sources).union(*(nx.descendants(graph, n) for n in sources))
    before = set(sinks).union(*(nx.ancestors(graph, n) for n in sinks))
    assert nodes_on_paths(graph.predecessors, sources, sinks) == sorted(after & before)


def test_no_sources_no_nodes(graph):
    assert nodes_on_paths(graph.predecessors, [], [29]) == []


def test_a_sink_before_the_source_lies_on_no_path(graph):
    assert nodes_on_paths(graph.predecessors, [5], [4]) == []


def test_nothing_before_the_first_source_is_visited(graph):
    visited = []

    def operands(n):
        visited.append(n)
        return graph.predecessors(n)

    nodes_on_paths(operands, [20, 25], [29])
    assert min(visited, default=20) >= 20 and len(visited) == len(set(visited))
