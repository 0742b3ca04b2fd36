"""Elimination on linearised DAGs: every order gives one Jacobian, counts by hand, the search, and tapes against reverse."""

import random

import numpy as np
import pytest
from conftest import SEED

from memograd.elimination import Back, Front, accumulated, linear, ordered
from memograd.elimination.counting import Structure, counted


def random_dag(rng, inputs=3, inner=9, outputs=3, units=0.3):
    """Vertices of two or three operands each, numbers on the edges, some of them known to be 1 or -1."""
    n = inputs + inner + outputs
    partials = {}
    for v in range(inputs, n):
        operands = rng.sample(range(min(v, n - outputs)), rng.randint(2, 3))
        partials[v] = {p: rng.choice([1, -1]) if rng.random() < units else rng.uniform(-2, 2) for p in operands}
    return linear(range(inputs), range(n - outputs, n), partials)


def dense(dag):
    """The Jacobian by solving (I - C) V = B: no elimination."""
    at = {v: k for k, v in enumerate([*dag.inputs, *dag.partials])}
    C = np.zeros((len(at), len(at)))
    for v, row in dag.partials.items():
        for p, d in row.items():
            C[at[v], at[p]] = d
    total = np.linalg.inv(np.eye(len(at)) - C)
    return total[np.ix_([at[v] for v in dag.outputs], [at[v] for v in dag.inputs])]


def matrix(dag, steps):
    """The Jacobian that the steps leave."""
    J = np.zeros((len(dag.outputs), len(dag.inputs)))
    for (i, j), d in accumulated(dag, steps).items():
        J[i, j] = d
    return J


class Multiplied:
    """Stands for an edge that is not known, and counts the products of two such."""

    done = 0

    def __mul__(self, other):
        Multiplied.done += 1
        return self

    def __add__(self, other):
        return self

    __radd__ = __add__

    def __neg__(self):
        return self


@pytest.mark.parametrize("k", range(20))
class TestRandom:
    @pytest.fixture
    def dag(self, k):
        print("seed", SEED + k)
        return random_dag(random.Random(SEED + k))

    def test_every_order_gives_the_jacobian(self, dag, k):
        rng, expected = random.Random(k), dense(dag)
        for order in (dag.inner, dag.inner[::-1], ordered(dag, effort=10_000).order, *(shuffled(dag.inner, rng) for _ in range(5))):
            assert np.allclose(matrix(dag, order), expected, rtol=1e-9, atol=1e-9)

    def test_edges_by_themselves_give_it_too(self, dag, k):
        rng, steps = random.Random(k), []
        for v in shuffled(dag.inner, rng):
            front, back = Front(rng.choice(list(dag.partials[v])), v), [s for s, row in dag.partials.items() if v in row]
            steps += [rng.choice([front, Back(v, rng.choice(back))])]
        assert np.allclose(matrix(dag, steps[:1] + dag.inner), dense(dag), rtol=1e-9, atol=1e-9)

    def test_what_is_counted_is_what_is_multiplied(self, dag, k):
        marked = {v: {p: d if type(d) is int else Multiplied() for p, d in row.items()} for v, row in dag.partials.items()}
        order = shuffled(dag.inner, random.Random(k))
        Multiplied.done = 0
        accumulated(dag._replace(partials=marked), order)
        assert counted(Structure(dag, units_free=True), order).multiplications == Multiplied.done

    def test_the_search_is_never_worse(self, dag, k):
        found = ordered(dag, effort=20_000, seed=k)
        assert found.multiplications == min(found.counts.values()) == found.counts["search"]
        assert sorted(found.order) == dag.inner and not found.skipped
        assert found.multiplications == counted(Structure(dag, units_free=True), found.order).multiplications


def shuffled(items, rng):
    """The items in another order."""
    return rng.sample(items, len(items))
