"""Place the boxes of a picture and the bends of its arrows: layers from the inputs down to L."""

from collections.abc import Sequence
from typing import NamedTuple

import networkx as nx

from .layered_layout import LayeredGraph

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
        Edge that crosses layers to the points where it passes between nodes, one in each layer.
    """

    places: dict[int, Point]
    bends: dict[LayoutEdge, list[Point]]


def compute_layout(nodes: Sequence[int], edges: Sequence[LayoutEdge]) -> GraphLayout:
    """Return a layered layout; edges are bent around nodes unless the graph is too large for it."""
    layer = layers_from_output(nodes, edges)
    bent = sum(layer[c] - layer[o] for o, c in edges) <= MAX_LAYERS_CROSSED
    kept = [(o, c) for o, c in sorted(edges) if bent or layer[c] == layer[o] + 1]
    layered = LayeredGraph(layer, kept)
    layered.order_rows()
    column = layered.place_columns()
    bends = {
        (o, c): [(column[n], float(row)) for row, n in enumerate(chain, layer[o] + 1)]
        for (o, c), chain in layered.chains.items()
    }
    return GraphLayout({n: (column[n], float(layer[n])) for n in layer}, bends)


def layers_from_output(nodes: Sequence[int], edges: Sequence[LayoutEdge]) -> dict[int, int]:
    """Return the layer of each node, counted from L, so that an input is drawn near its use."""
    graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(edges)
    generations = list(map(sorted, nx.topological_generations(graph.reverse(copy=False))))
    return {n: k for k, rank in enumerate(reversed(generations)) for n in rank}
