"""Each law is able to fail: a solver or a memory that is broken on purpose, one line at a time, breaks the law named."""

import inspect
import textwrap

import numpy as np
import pytest
from laws import law_fresh, law_minimal, law_once, law_order, law_remembered

import memograd as mg
from memograd.memory import invalidation, memory
from memograd.solver import recursion, requests


def record(tape, values=(0.5, -1.5, 2.0)):
    x, y, z = (tape.leaf(v, name=n) for v, n in zip(values, "xyz", strict=True))
    a = np.tanh(x * y)
    b = np.exp(np.sin(a) * z)
    np.cos(a)  # a dead branch
    return [x, y, z], [b * a + np.square(z), np.sum(a * z)]


def minimal():
    (x, _, _), (L, _) = record(mg.Tape())
    law_minimal(L, [x])


def once():
    leaves, (L, _) = record(mg.Tape())
    law_once(L, leaves)


def remembered():
    leaves, (L, _) = record(mg.Tape())
    law_remembered(L, leaves)


def order():
    law_order(record, 0, [(0, 1, 2), (2, 1, 0), (1, 0, 2)])


def fresh():
    leaves, outputs = record(mg.Tape())
    mg.grad(outputs[0], leaves)
    mg.grad(outputs[1], leaves)
    values = [0.5, 0.25, 2.0]
    leaves[1].value = 0.25
    law_fresh(record, values, leaves, outputs)


VISITS_DEAD = (
    requests,
    recursion.pull_back,
    "stack = [target]",
    "stack = sorted(uses)[1:-1] + [target]",
)
FORGETS = (
    requests,
    recursion.pull_back,
    "known = n in cotangents and n not in marks",
    "known = n == table.output",
)
DROPS_A_TERM = (
    recursion,
    recursion.sum_contributions,
    "total + d",
    "total + d * (len(cotangents) % 2)",
)
FORGETS_READERS = (invalidation, invalidation.rules_reading, "return uses", "return uses[1:]")
FORGETS_WAVES = (
    invalidation,
    invalidation.extend_to_operands,
    "stack = list(new)",
    "stack = []",
)
FORGETS_TO_RAISE = (
    memory.Memory,
    memory.Memory._replace_value,
    "table.invalidated_by[o] = CERTAINLY_STALE, n",
    "table.invalidated_by[o] = MAYBE_STALE, n",
)

BROKEN = {
    "a dead branch visited": (minimal, VISITS_DEAD),
    "everything computed again, in one request": (once, FORGETS),
    "everything computed again, in the next request": (remembered, FORGETS),
    "work done twice": (order, FORGETS),
    "sums that depend on what came before": (order, DROPS_A_TERM),
    "a reader forgotten": (fresh, FORGETS_READERS),
    "a wave that stops": (fresh, FORGETS_WAVES),
    "a change that raises nobody": (fresh, FORGETS_TO_RAISE),
}


@pytest.mark.parametrize("law", [minimal, once, remembered, order, fresh])
def test_the_law_holds(law):
    law()


@pytest.mark.parametrize("name", BROKEN)
def test_the_law_fails_where_it_is_broken(name, monkeypatch):
    law, (home, function, old, new) = BROKEN[name]
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(old) == 1
    namespace = dict(vars(inspect.getmodule(function)))
    exec(source.replace(old, new), namespace)
    monkeypatch.setattr(home, function.__name__, namespace[function.__name__])
    with pytest.raises(AssertionError):
        law()
