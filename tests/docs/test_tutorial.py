"""The tutorial's own graphs: memograd against the naive recursion, full backprop, path sums and finite differences."""

import numpy as np
import pytest
from reference import naive
from tutorial import SECTIONS, TRANSCRIPT, section8, section12, section13

import memograd as mg
from memograd.arrays.values import bitwise_equal
from memograd.baselines import backprop, finite_difference, path_sum, paths


@pytest.fixture(params=SECTIONS, ids=lambda number: f"section{number}")
def graph(request):
    return request.param, *SECTIONS[request.param](mg.Tape())


def test_log_and_table_are_those_of_the_naive_recursion(graph):
    _, L, targets = graph
    table, lines = naive(L, targets)
    log = mg.Log()
    mg.grad(L, targets, log=log)
    assert str(log).splitlines() == lines
    assert all(bitwise_equal(np.asarray(mg.table(L)[n]), np.asarray(g)) for n, g in table.items())
    assert len(mg.table(L)) == len(table) + 1


def test_full_backprop_gives_the_same_bits(graph):
    _, L, targets = graph
    full = backprop(L)
    assert all(bitwise_equal(mg.grad(L, t), full[t]) for t in targets)


def test_path_sums_and_differences_agree(graph):
    _, L, targets = graph
    for t in targets:
        np.testing.assert_allclose(path_sum(L, t), mg.grad(L, t), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(finite_difference(L, t), mg.grad(L, t), rtol=1e-6, atol=1e-8)


def test_work(graph, work):
    number, L, targets = graph
    log = mg.Log()
    mg.grad(L, targets, log=log)
    found = counts(L, log, targets)
    work(f"section {number}, {', '.join(t.name for t in targets)}", *found)
    assert 0 < found[0] <= found[1] <= found[2]


def counts(L, log, targets):
    """How many local derivatives each way applies: memograd, full backprop, path sums."""
    table = L.tape.state.tables[L.id]
    uses = {n: len(table.use_pairs(n)) for n in table.uses}
    stored = {L.tape[name].id for name in log.stored}
    return (
        sum(uses[n] for n in stored),
        sum(uses.values()),
        sum(len(path) for t in targets for path in paths(L, t)),
    )


def test_section_8_has_its_values_and_its_derivative():
    L, (a,) = section8(mg.Tape())
    values = {name: float(L.tape[name].value) for name in ("a", "b1", "b2", "c", "d1", "d2", "e")}
    assert values == {"a": 3, "b1": 5, "b2": 7, "c": 4, "d1": -1, "d2": 2, "e": 8}
    # (db1/da ∂c/∂b1 + db2/da ∂c/∂b2)(dd1/dc ∂e/∂d1 + dd2/dc ∂e/∂d2) = (7 + 5)(-1·(-16) + 0.5·12)
    assert mg.grad(L, a) == (7 + 5) * (16 + 6)
    assert len(list(paths(L, a))) == 4


def test_section_12_is_the_transposed_jacobian_times_the_gradient():
    L, xs = section12(mg.Tape())
    zs = [L.tape[f"z{j}"] for j in range(3)]
    jacobian = np.array([[mg.grad(z, x) for x in xs] for z in zs])
    np.testing.assert_allclose(jacobian.T @ np.array(mg.grad(L, zs)), mg.grad(L, xs), rtol=1e-13)


def test_section_13_is_the_walkthrough_line_for_line():
    L, targets = section13(mg.Tape())
    log = mg.Log()
    mg.grad(L, targets, log=log)
    assert str(log) == TRANSCRIPT
    assert log.visited == ["W1", "g", "W2", "c", "b", "W3", "e"]
    untouched = {"h", "j", "k", "f", "p"}
    assert not untouched & {*log.visited, *log.stored, *log.read, *mg.table(L)}


def test_section_13_has_thirteen_nodes_and_thirteen_arrows():
    L, _ = section13(mg.Tape())
    arrows = {(L.tape[u].name, L.tape[v].name) for u, v in L.tape.graph.edges}
    assert len(L.tape) == 13
    assert " ".join(sorted(f"{u}->{v}" for u, v in arrows)) == (
        "W1->g W1->h W2->c W2->j W3->e b->L c->b e->c f->b g->L h->k j->k p->f"
    )
