"""Greedy elimination orders: Markowitz and relative Markowitz.

Each takes the vertex that is cheapest now, the smallest number of several. The Markowitz degree of
a vertex is the multiplications that eliminating it takes. The relative degree subtracts what it
would take as the last vertex, when every input that reaches it and every output that it reaches
has an edge to it.

References
----------
A. Griewank and A. Walther, "Evaluating Derivatives", 2nd edition, SIAM (2008), section 10.2.
H. M. Markowitz, "The elimination form of the inverse", Management Science 3 (1957).
"""

import heapq
import math

from .graph import LinearisedDag
from .operation_count import EliminationGraph, OrderCost


def markowitz_order(
    start: EliminationGraph,
    inner: list[int],
    last: dict[int, int] | None = None,
    work: float = math.inf,
) -> OrderCost | None:
    """Return the vertices in the order of the least degree.

    Parameters
    ----------
    start : EliminationGraph
        The graph to be eliminated.
    inner : list of int
        The vertices to eliminate.
    last : dict of int to int, optional
        What is subtracted from the degree of each vertex.
    work : float
        Most products that the order may take.

    Returns
    -------
    OrderCost or None
        None if the order takes more products than `work`.
    """
    graph, order = start.copy(), list[int]()
    offsets = last or dict.fromkeys(inner, 0)
    degrees = {v: graph.markowitz_degree(v) - offsets[v] for v in inner}
    heap = [(degree, v) for v, degree in degrees.items()]
    heapq.heapify(heap)
    while heap and graph.products <= work:
        degree, v = heapq.heappop(heap)
        if degrees.get(v) != degree:
            continue  # v has been eliminated, or its degree has changed since it was pushed
        order.append(v)
        del degrees[v]
        neighbours = graph.before[v] | graph.after[v]
        graph.eliminate(v)
        for n in neighbours & degrees.keys():
            if (new := graph.markowitz_degree(n) - offsets[n]) != degrees[n]:
                degrees[n] = new
                heapq.heappush(heap, (new, n))
    return None if degrees else OrderCost(order, graph.multiplications, graph.products)


def final_degrees(dag: LinearisedDag) -> dict[int, int]:
    """Return the degree of each inner vertex if it is the last to be eliminated."""
    inputs, outputs = reaching_inputs(dag), reachable_outputs(dag)
    return {v: inputs[v].bit_count() * outputs[v].bit_count() for v in dag.inner}


def reaching_inputs(dag: LinearisedDag) -> dict[int, int]:
    """Return the inputs that reach each vertex, as bits."""
    bits = {v: 1 << k for k, v in enumerate(dag.inputs)}
    for v, row in dag.partials.items():
        bits[v] = 0
        for p in row:
            bits[v] |= bits[p]
    return bits


def reachable_outputs(dag: LinearisedDag) -> dict[int, int]:
    """Return the outputs that each vertex reaches, as bits."""
    bits = dict.fromkeys((*dag.inputs, *dag.partials), 0)
    bits |= {v: 1 << k for k, v in enumerate(dag.outputs) if v in bits}
    for v, row in reversed(dag.partials.items()):
        for p in row:
            bits[p] |= bits[v]
    return bits
