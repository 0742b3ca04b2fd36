"""Place the boxes of a picture and the bends of its arrows: layers from the inputs down to L."""

from collections.abc import Sequence
from typing import NamedTuple

import networkx as nx

Point = tuple[float, float]
LayoutEdge = tuple[int, int]

MAX_LAYERS_CROSSED = 20_000
"""Number of layers, summed over the edges, up to which edges are bent around nodes.

A layout of more takes seconds, and its edges cannot be followed by eye.
"""


class GraphLayout(NamedTuple):
    """Places of nodes and bends of edges, as columns and rows from the top left.

    Attributes
    ----------
    places : dict
        Node to its point.
    bends : dict
        Edge that crosses layers to the points where it passes between nodes.
    """

    places: dict[int, Point]
    bends: dict[LayoutEdge, list[Point]]


def compute_layout(nodes: Sequence[int], edges: Sequence[LayoutEdge]) -> GraphLayout:
    """Return a layered layout.

    It has few crossings if the extra ``draw`` is installed and the graph is not too large.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(edges)
    # Layers are counted from L, so that an input is drawn near its use.
    generations = list(map(sorted, nx.topological_generations(graph.reverse(copy=False))))
    layer = {n: k for k, rank in enumerate(reversed(generations)) for n in rank}
    if edges and sum(layer[c] - layer[o] for o, c in edges) <= MAX_LAYERS_CROSSED:
        try:
            return sugiyama_layout(graph)
        except ImportError:
            pass
    return generation_layout(graph, layer)


def sugiyama_layout(graph: nx.DiGraph) -> GraphLayout:
    """Return Sugiyama's layout, as fast-sugiyama computes it.

    Long edges pass through dummy nodes, whose numbers follow those of the nodes.

    References
    ----------
    K. Sugiyama, S. Tagawa, M. Toda: Methods for visual understanding of hierarchical system
    structures. IEEE Transactions on Systems, Man, and Cybernetics 11 (1981).
    """
    from fast_sugiyama import from_edges

    nodes = sorted(graph)
    number = {n: k for k, n in enumerate(nodes)}
    edges = sorted((number[o], number[c]) for o, c in graph.edges)
    ((positions, _, height, pieces),) = from_edges(edges, vertex_spacing=1, check_layout=False)
    places = {int(k): (float(x), float(height - y)) for k, (x, y) in positions}
    segments = [(int(o), int(c)) for o, c in pieces or ()]
    following = {o: c for o, c in segments if o >= len(nodes)}
    bends: dict[LayoutEdge, list[Point]] = {}
    for o, c in segments:
        if o < len(nodes) <= c:
            passed = [c]
            while passed[-1] in following:
                passed.append(following[passed[-1]])
            *between, end = passed
            bends[nodes[o], nodes[end]] = [places[k] for k in between]
    return GraphLayout({n: places[k] for n, k in number.items()}, bends)


def generation_layout(graph: nx.DiGraph, layer: dict[int, int]) -> GraphLayout:
    """Return a layout with a row for each layer, in which edges are not bent."""
    nx.set_node_attributes(graph, layer, "layer")
    points = nx.multipartite_layout(graph, subset_key="layer", align="horizontal")
    rows = sorted({float(y) for _, y in points.values()})
    unit = (rows[-1] - rows[0]) / max(layer.values()) if len(rows) > 1 else 1.0
    left = min(float(x) for x, _ in points.values())
    places = {n: ((float(x) - left) / unit, float(layer[n])) for n, (x, _) in points.items()}
    return GraphLayout(places, {})
