"""Markowitz and relative Markowitz: always the vertex that is cheapest now, the smallest of several.

The relative price of a vertex is what eliminating it takes now beyond what it would take as the last one, when every input that
reaches it and every output that it reaches has an edge to it.
"""

import heapq
import math

from .graph import Linearised
from .operation_count import Counted, Structure


def markowitz(start: Structure, inner: list[int], last: dict[int, int] | None = None, work: float = math.inf) -> Counted | None:
    """The vertices in the order of the least price; `last` is what is taken off it. None if that takes more products than `work`."""
    state, order, off = start.copy(), list[int](), last or dict.fromkeys(inner, 0)
    price = {v: state.price(v) - off[v] for v in inner}
    heap = [(p, v) for v, p in price.items()]
    heapq.heapify(heap)
    while heap and state.products <= work:
        p, v = heapq.heappop(heap)
        if price.get(v) != p:
            continue  # it is gone, or its price was another by then
        order.append(v)
        del price[v]
        touched = state.before[v] | state.after[v]
        state.eliminate(v)
        for n in touched & price.keys():
            if (new := state.price(n) - off[n]) != price[n]:
                price[n] = new
                heapq.heappush(heap, (new, n))
    return None if price else Counted(order, state.multiplications, state.products)


def last_prices(dag: Linearised) -> dict[int, int]:
    """What each inner vertex would take if it were the last."""
    inputs, outputs = reaching(dag), reached(dag)
    return {v: inputs[v].bit_count() * outputs[v].bit_count() for v in dag.inner}


def reaching(dag: Linearised) -> dict[int, int]:
    """For each vertex the inputs that reach it, as bits."""
    bits = {v: 1 << k for k, v in enumerate(dag.inputs)}
    for v, row in dag.partials.items():
        bits[v] = 0
        for p in row:
            bits[v] |= bits[p]
    return bits


def reached(dag: Linearised) -> dict[int, int]:
    """For each vertex the outputs that it reaches, as bits."""
    bits = dict.fromkeys((*dag.inputs, *dag.partials), 0)
    bits |= {v: 1 << k for k, v in enumerate(dag.outputs) if v in bits}
    for v, row in reversed(dag.partials.items()):
        for p in row:
            bits[p] |= bits[v]
    return bits
