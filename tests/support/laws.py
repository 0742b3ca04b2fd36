"""The five laws, as functions that raise AssertionError where a solver breaks them.

Answers of two tapes are compared bit for bit where the program calls no BLAS (see `programs`),
and with a tolerance elsewhere.
"""

import networkx as nx
import numpy as np
from reference import leading, line_of

import memograd as mg
from memograd.arrays.values import bitwise_equal


def counting(tape, leads):
    """The graph of uses that carry a derivative towards L."""
    G = nx.DiGraph()
    G.add_nodes_from(leads)
    for o, c, argnums in tape.graph.edges(data="argnums"):
        if (
            o in leads
            and c in leads
            and any(line_of(tape.graph.nodes[c]["op"], k) for k in argnums)
        ):
            G.add_edge(o, c)
    return G


def law_minimal(L, targets):
    """Visited are exactly (descendants of the targets, with them) and (ancestors of L), L itself never."""
    log = mg.Log()
    mg.grad(L, targets, log=log)
    leads = leading(L)
    G = counting(L.tape, leads)
    wanted = set()
    for t in targets:
        if t.id in leads:
            wanted |= {t.id} | nx.descendants(G, t.id)
    assert {e.node for e in log.events if e.kind == "visit"} == wanted - {L.id}


def law_once(L, targets):
    """Each derivative is stored once, and each visited node's is."""
    log = mg.Log()
    mg.grad(L, targets, log=log)
    mg.grad(L, targets[::-1], log=log)
    assert sorted(log.stored) == sorted(set(log.stored)) == sorted(log.visited)


def law_remembered(L, targets):
    """A repeated request visits nothing and gives the same bits."""
    first = mg.grad(L, targets)
    log = mg.Log()
    again = mg.grad(L, targets, log=log)
    assert log.visited == log.stored == []
    assert all(map(bitwise_equal, first, again))


def alike(a, b):
    """Tell whether two values are equal up to what another BLAS kernel may change."""
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and np.allclose(a, b, rtol=1e-10, atol=1e-12)


def law_order(record, k, orders, equal=bitwise_equal):
    """Requests one by one, in any order, do the work and give the bits of requests made together."""
    leaves, outputs = record(mg.Tape())
    together = mg.grad(outputs[k], leaves)
    size = len(mg.table(outputs[k]))
    for order in orders:
        leaves, outputs = record(mg.Tape())
        log = mg.Log()
        singly = {i: mg.grad(outputs[k], leaves[i], log=log) for i in order}
        assert all(equal(singly[i], together[i]) for i in order)
        assert len(mg.table(outputs[k])) == size == len(log.stored) + 1


def law_fresh(record, values, leaves, outputs, equal=bitwise_equal):
    """Every answer, value and derivative, equals that of a fresh tape with the same leaves, bit for bit."""
    fresh_leaves, fresh_outputs = record(mg.Tape(), values)
    for L, M in zip(outputs, fresh_outputs, strict=True):
        assert equal(L.value, M.value)
        for x, y in zip(leaves, fresh_leaves, strict=True):
            assert equal(np.asarray(mg.grad(L, x)), np.asarray(mg.grad(M, y)))


def law_of_marks(tape):
    """If a known entry is marked, every known entry that read it is marked."""
    memory = tape.state
    for n in memory.marks:
        assert all(c in memory.marks for c in memory.succ[n])
        for o, c in memory.rules_reading(n):
            for table in memory.index.with_both(o, c):
                assert o in table.marks


def law_foreseen(preview, tape, events, ran):
    """A request's events, and the values that it ran, are what its preview said for certain, with some of what it said perhaps."""
    maybe = set(preview.maybe)
    done = {
        kind: [tape.graph.nodes[e.node]["name"] for e in events if e.kind == kind]
        for kind in ("visit", "store", "drop")
    }
    assert done["visit"] == preview.visited
    assert [name for name in done["store"] if name not in maybe] == preview.stored
    assert [name for name in done["drop"] if name not in maybe] == preview.dropped
    assert list(read_in_order(tape, events, maybe)) == preview.read
    assert set(preview.values) <= set(ran) <= {*preview.values, *preview.maybe_values}
    assert maybe or preview.least.derivatives == preview.most.derivatives


def read_in_order(tape, events, maybe):
    """The names read, without the ends of visits to entries that are `maybe` stale."""
    opened = []
    for e in events:
        name, ends = (
            tape.graph.nodes[e.node]["name"],
            e.kind in ("read", "store") and opened[-1:] == [e.node],
        )
        if e.kind == "visit":
            opened.append(e.node)
        elif ends:
            opened.pop()
        if e.kind == "read" and not (ends and name in maybe):
            yield name


REASONS = {
    **dict.fromkeys(["computed", "dropped", "read", "kept", "cut off"], {("read",)}),
    "maybe stale": {("visit", "read"), ("visit", "drop", "store")},
    "stale": {("visit", "drop", "store")},
    **dict.fromkeys(["let go", "unasked"], {("visit", "store")}),
    **dict.fromkeys(["no path", "seed"], {()}),
}
"""For each kind of reason, what the log of the next request may say of the node."""


def law_borne_out(reason, n, events):
    """What the next request did with ∂L/∂n, asked for first, bears out the reason that was given before."""
    assert (
        tuple(e.kind for e in events if e.node == n.id and e.kind != "local")
        in REASONS[reason.kind]
    )


def law_accounted_for(L, events):
    """Why an entry is what it is, is what the log of the request that is just over says of it."""
    for n in {e.node for e in events}:
        kinds, kind = {e.kind for e in events if e.node == n}, mg.why(L, L.tape[n]).kind
        assert kind not in ("computed", "dropped") or (
            "store" in kinds and ("drop" in kinds) == (kind == "dropped")
        )
