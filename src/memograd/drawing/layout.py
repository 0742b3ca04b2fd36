"""Place the boxes of a picture and the bends of its arrows: layers from the inputs down to L."""

from collections.abc import Sequence
from typing import NamedTuple

import networkx as nx

Point = tuple[float, float]
LayoutEdge = tuple[int, int]

MAX_LAYERS_CROSSED = 20_000
"""Layers that all edges together may cross: beyond that a layout with bends takes seconds, and
shows no more.
"""


class GraphLayout(NamedTuple):
    """Columns and rows, (0, 0) at the top left.

    Attributes
    ----------
    places : dict of int to point
    bends : dict of edge to list of points
        Of the edges that cross layers: where they pass between the nodes.
    """

    places: dict[int, Point]
    bends: dict[LayoutEdge, list[Point]]


def compute_layout(nodes: Sequence[int], edges: Sequence[LayoutEdge]) -> GraphLayout:
    """Return a layered layout: with few crossings, where the extra `draw` is installed and the
    graph is not too wide for it.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(edges)
    generations = [
        sorted(rank) for rank in nx.topological_generations(graph.reverse(copy=False))
    ]  # an input stands near its use
    layer = {n: k for k, rank in enumerate(reversed(generations)) for n in rank}
    if edges and sum(layer[c] - layer[o] for o, c in edges) <= MAX_LAYERS_CROSSED:
        try:
            return sugiyama_layout(graph)
        except ImportError:
            pass
    return generation_layout(graph, layer)


def sugiyama_layout(graph: nx.DiGraph) -> GraphLayout:
    """Sugiyama's layout, by fast-sugiyama.

    Long edges go by way of stand-ins, whose numbers follow those of the nodes.
    """
    from fast_sugiyama import from_edges

    nodes = sorted(graph)
    number = {n: k for k, n in enumerate(nodes)}
    pairs = sorted((number[o], number[c]) for o, c in graph.edges)
    ((positions, _, height, pieces),) = from_edges(pairs, vertex_spacing=1, check_layout=False)
    places = {int(k): (float(x), float(height - y)) for k, (x, y) in positions}
    links = [(int(o), int(c)) for o, c in pieces or ()]
    following = {o: c for o, c in links if o >= len(nodes)}
    bends: dict[LayoutEdge, list[Point]] = {}
    for o, c in links:
        if o < len(nodes) <= c:
            passed = [c]
            while passed[-1] in following:
                passed.append(following[passed[-1]])
            *between, end = passed
            bends[nodes[o], nodes[end]] = [places[k] for k in between]
    return GraphLayout({n: places[k] for n, k in number.items()}, bends)


def generation_layout(graph: nx.DiGraph, layer: dict[int, int]) -> GraphLayout:
    """Return one row for each topological generation, counted from L."""
    nx.set_node_attributes(graph, layer, "layer")
    found = nx.multipartite_layout(graph, subset_key="layer", align="horizontal")
    rows = sorted({float(y) for _, y in found.values()})
    unit = (rows[-1] - rows[0]) / max(layer.values()) if len(rows) > 1 else 1.0
    left = min(float(x) for x, _ in found.values())
    return GraphLayout(
        {n: ((float(x) - left) / unit, float(layer[n])) for n, (x, _) in found.items()}, {}
    )
