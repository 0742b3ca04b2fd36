"""A search among the orders: one vertex is moved to another place, and the order kept if it is cheaper, or by chance not much dearer.

The best order is NP-complete to find; this is simulated annealing, which comes within a few of it on DAGs of some hundred vertices.
The same DAG and seed give the same order on every machine, since it is bounded by work, not by time.
"""

import math
import random

from .counting import Counted, Structure, counted

WARM, COLD = 1.5, 0.15
"""By how many multiplications an order may be dearer, about, in the first rounds and in the last."""

ENOUGH = 300
"""Rounds a vertex: a small DAG has few orders."""


def annealed(start: Structure, first: Counted, effort: int, seed: int) -> Counted:
    """The cheapest order that is met from the first on, after about `effort` products."""
    rng, current, best = random.Random(seed), first, first
    rounds = min(effort // max(1, first.products), ENOUGH * (len(first.order) - 1))
    for k in range(rounds):
        temperature = WARM * (COLD / WARM) ** (k / rounds)
        dearer = -temperature * math.log(1 - rng.random())
        moved = counted(start, neighbour(current.order, rng), current.multiplications + dearer)
        if moved is not None:
            current = moved
            if current.multiplications < best.multiplications:
                best = current
    return best


def neighbour(order: list[int], rng: random.Random) -> list[int]:
    """The order with one vertex moved."""
    moved = list(order)
    v = moved.pop(rng.randrange(len(moved)))
    moved.insert(rng.randrange(len(moved) + 1), v)
    return moved
