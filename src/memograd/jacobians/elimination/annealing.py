"""Search for a cheap elimination order by simulated annealing.

One step of the order is moved. The new order is kept if it is cheaper, or by chance if it is not
much dearer. On DAGs of some hundred vertices the result comes within a few multiplications of the
best. The same DAG and seed give the same order on every machine, because work is bounded, not time.

References
----------
S. Kirkpatrick, C. D. Gelatt and M. P. Vecchi, "Optimization by simulated annealing", Science 220
(1983). U. Naumann and P. Gottschling, "Simulated annealing for optimal pivot selection in Jacobian
accumulation", SAGA 2003.
"""

import math
import random
from collections.abc import Sequence

from .graph import LinearisedDag
from .moves import Back, EliminationStep, Front
from .operation_count import EliminationGraph, OrderCost, count_operations

INITIAL_TEMPERATURE, FINAL_TEMPERATURE = 1.5, 0.15
"""Multiplications by which a kept order may typically be dearer, in the first and last rounds."""

EDGE_PROBABILITY = 0.3
"""Probability that a move inserts an edge; and that an edge, when it is moved, is removed."""

MAX_ROUNDS_PER_VERTEX = 300
"""Most rounds per vertex: a small DAG has few orders."""


def anneal(
    start: EliminationGraph,
    first: OrderCost,
    effort: int,
    seed: int,
    edges: Sequence[Front | Back] = (),
) -> OrderCost:
    """Search for a cheaper order.

    Parameters
    ----------
    start : EliminationGraph
        The graph to be eliminated.
    first : OrderCost
        The order at which the search begins.
    effort : int
        Products that may be counted, about.
    seed : int
        Seed of the random moves.
    edges : sequence of Front or Back
        Edges that may be eliminated by themselves.

    Returns
    -------
    OrderCost
        The cheapest order that was met.
    """
    rng, current, best = random.Random(seed), first, first
    rounds = min(effort // max(1, first.products), MAX_ROUNDS_PER_VERTEX * (len(first.order) - 1))
    for k in range(rounds):
        cooling = (FINAL_TEMPERATURE / INITIAL_TEMPERATURE) ** (k / rounds)
        allowance = -INITIAL_TEMPERATURE * cooling * math.log(1 - rng.random())
        order = neighbour_order(current.order, edges, rng)
        candidate = count_operations(start, order, current.multiplications + allowance)
        if candidate is not None:
            current = candidate
            if current.multiplications < best.multiplications:
                best = current
    return best


def neighbour_order(
    order: Sequence[EliminationStep], edges: Sequence[Front | Back], rng: random.Random
) -> list[EliminationStep]:
    """Return the order with one step moved, one edge added, or one edge removed."""
    steps = list(order)
    if edges and rng.random() < EDGE_PROBABILITY:
        step: EliminationStep = rng.choice(edges)
    else:
        step = steps.pop(rng.randrange(len(steps)))
        if not isinstance(step, int) and rng.random() < EDGE_PROBABILITY:
            return steps
    steps.insert(rng.randrange(len(steps) + 1), step)
    return steps


def effective_steps(
    start: EliminationGraph, order: Sequence[EliminationStep]
) -> list[EliminationStep]:
    """Return the order without the edges that do not exist when their turn comes."""
    graph, steps = start.copy(), list[EliminationStep]()
    for step in order:
        if isinstance(step, int):
            graph.eliminate(step)
            steps.append(step)
        elif graph.eliminate_edge(step):
            steps.append(step)
    return steps


def single_edges(dag: LinearisedDag) -> list[Front | Back]:
    """Return the eliminations of one edge: to an inner vertex, or from one."""
    inner = set(dag.inner)
    pairs = [(p, v) for v, row in dag.partials.items() for p in row]
    fronts = [Front(p, v) for p, v in pairs if v in inner]
    return fronts + [Back(p, v) for p, v in pairs if p in inner]
