"""A search among the orders: one step is moved to another place, and the order kept if it is cheaper, or by chance not much dearer.

The best order is NP-complete to find; this is simulated annealing, which comes within a few of it on DAGs of some hundred vertices.
The same DAG and seed give the same order on every machine, since it is bounded by work, not by time.
"""

import math
import random
from collections.abc import Sequence

from .graph import Linearised
from .moves import Back, Front, Step
from .operation_count import Counted, Structure, counted

WARM, COLD = 1.5, 0.15
"""By how many multiplications an order may be dearer, about, in the first rounds and in the last."""

EDGES = 0.3
"""How often a step is an edge that comes in; and one that is moved, where it is an edge, goes."""

ENOUGH = 300
"""Rounds a vertex: a small DAG has few orders."""


def annealed(start: Structure, first: Counted, effort: int, seed: int, edges: Sequence[Front | Back] = ()) -> Counted:
    """The cheapest order that is met from the first on, after about `effort` products; `edges` may go by themselves."""
    rng, current, best = random.Random(seed), first, first
    rounds = min(effort // max(1, first.products), ENOUGH * (len(first.order) - 1))
    for k in range(rounds):
        temperature = WARM * (COLD / WARM) ** (k / rounds)
        dearer = -temperature * math.log(1 - rng.random())
        moved = counted(start, neighbour(current.order, edges, rng), current.multiplications + dearer)
        if moved is not None:
            current = moved
            if current.multiplications < best.multiplications:
                best = current
    return best


def neighbour(order: Sequence[Step], edges: Sequence[Front | Back], rng: random.Random) -> list[Step]:
    """The order with one step moved; or with another edge, or one edge less."""
    steps = list(order)
    if edges and rng.random() < EDGES:
        step: Step = rng.choice(edges)
    else:
        step = steps.pop(rng.randrange(len(steps)))
        if not isinstance(step, int) and rng.random() < EDGES:
            return steps
    steps.insert(rng.randrange(len(steps) + 1), step)
    return steps


def taken(start: Structure, order: Sequence[Step]) -> list[Step]:
    """The order without the edges that are not there when their turn comes."""
    state, found = start.copy(), list[Step]()
    for step in order:
        if isinstance(step, int):
            state.eliminate(step)
            found.append(step)
        elif state.take(step):
            found.append(step)
    return found


def edges_of(dag: Linearised) -> list[Front | Back]:
    """The edges that may go by themselves: to an inner vertex, or from one."""
    inner = set(dag.inner)
    pairs = [(p, v) for v, row in dag.partials.items() for p in row]
    return [Front(p, v) for p, v in pairs if v in inner] + [Back(p, v) for p, v in pairs if p in inner]
