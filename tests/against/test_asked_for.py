"""What users of other libraries ask for and none of them has, on a chain of four layers: one test for each."""

import itertools

import numpy as np
import pytest
from laws import law_foreseen
from walks import counted

import memograd as mg
from memograd.arrays.values import bitwise_equal
from memograd.baselines import backprop
from memograd.memory.keeper import VALUE

WEIGHTS = ["W1", "W2", "W3", "W4"]


def layers():
    """L = Σ (W4 * (W3 * (W2 * (W1 * x))) + b), elementwise; its leaves by name."""
    tape, rng = mg.Tape(), np.random.default_rng(20260)
    x, *weights, b = (tape.leaf(rng.normal(size=4), name=name) for name in ("x", *WEIGHTS, "b"))
    h = x
    for k, W in enumerate(weights, 1):
        h = np.multiply(W, h).named(f"h{k}")
    L = np.sum(np.add(h, b).named("z")).named("L")
    return {node.name: node for node in (x, *weights, b)}, L


def logged(L, targets, new=None):
    """The log of an assignment, if there is one, and of a request."""
    log = mg.Log()
    if new is not None:
        L.tape.assign(new, log=log)
    mg.grad(L, [L.tape[name] for name in targets], log=log)
    return log


def test_a_derivative_table_that_outlives_the_request():
    """Single requests, in any order, do the work of a joint one: 9 derivatives, where starting anew takes 18."""
    joint = logged(layers()[1], WEIGHTS)
    assert len(joint.stored) == 9
    assert sum(len(logged(layers()[1], [name]).stored) for name in WEIGHTS) == 18
    for order in itertools.permutations(WEIGHTS):
        _, L = layers()
        assert sorted(itertools.chain(*(logged(L, [name]).stored for name in order))) == sorted(
            joint.stored
        )


def test_exact_invalidation_with_the_precision_of_what_is_read():
    """A bias spoils nothing; a weight spoils what its layer's rule gives to the other side; equal bits spoil nothing."""
    leaves, L = layers()
    everything = [*WEIGHTS, "b"]
    logged(L, everything)
    assert logged(L, everything, {"b": np.ones(4)}).visited == []
    assert logged(L, everything, {"W1": np.ones(4)}).stored == [
        "W2",
        "W3",
        "W4",
    ]  # h1, h2, h3 have other bits
    assert logged(L, everything, {"W4": np.ones(4)}).stored == ["h3", "h2", "h1", "W1", "W2", "W3"]
    again = logged(L, everything, {"W4": np.ones(4)})
    assert again.stored == [] and set(again.visited) == {"h3", "h2", "h1", "W1", "W2", "W3"}
    fresh = backprop(L)
    assert all(bitwise_equal(mg.grad(L, leaves[name]), fresh[name]) for name in everything)


def test_a_plan_before_and_a_difference_after():
    """The preview foretells each log; two logs say what differed, and why."""
    _, L = layers()
    tape, logs = L.tape, []
    for new, targets in [
        ({}, ["W2", "b"]),
        ({}, WEIGHTS),
        ({"W4": np.ones(4)}, ["W2"]),
        ({"x": np.ones(4)}, WEIGHTS),
    ]:
        logs.append(mg.Log())
        tape.assign(new, log=logs[-1])
        preview = mg.preview(L, [tape[name] for name in targets])
        with counted(tape) as computed:
            mg.grad(L, [tape[name] for name in targets], log=logs[-1])
        law_foreseen(
            preview, tape, logs[-1].events, {tape[n].name for of, n in computed if of == VALUE}
        )
    assert str(logs[2].compare(logs[1])) == (
        "computed now, and not then:\n"
        "    ∂L/∂W2: read then, because it was stored; dropped now, because what it had read changed (assigned: W4)\n"
        "    ∂L/∂h2: read then, because it was stored; dropped now, because what it had read changed (assigned: W4)\n"
        "    ∂L/∂h3: read then, because it was stored; dropped now, because what it had read changed (assigned: W4)\n"
        "computed then, and not now:\n"
        "    ∂L/∂W1: asked for then, and not now\n"
        "    ∂L/∂h1: needed then for ∂L/∂W1, and not now\n"
        "    ∂L/∂W3: asked for then, and not now\n"
        "    ∂L/∂W4: asked for then, and not now"
    )


def test_why():
    """One sentence, back to what the user did."""
    leaves, L = layers()
    tape = L.tape
    mg.grad(L, leaves["W3"])
    mg.grad(L, leaves["W2"])
    assert str(mg.why(L, leaves["W2"])) == "∂L/∂W2 was computed because request 2 asked for it."
    assert (
        str(mg.why(L, tape["h3"]))
        == "∂L/∂h3 is read because request 1 stored it: that asked for ∂L/∂W3, which needs it."
    )
    assert mg.why(L, leaves["W1"]).kind == "unasked"
    assert mg.why(L, tape.leaf(1.0)).kind == "no path"
    leaves["W4"].value = np.ones(4)
    because = "W4 was assigned (assignment 1) and the rule of h4 for h3 reads it"
    assert mg.why(L, tape["h3"]).chain[1:] == (because,)
    assert mg.why(L, leaves["W2"]).chain[1:] == (
        "∂L/∂h2 may have other bits",
        "∂L/∂h3 may have other bits",
        because,
    )
    assert mg.why(L, tape["h4"]).kind == "kept"
    mg.grad(L, leaves["W2"])
    assert mg.why(L, tape["h3"]).kind == "dropped"
    leaves["W4"].value = np.ones(4)
    mg.grad(L, leaves["W2"])
    assert mg.why(L, tape["h3"]).kind == "cut off"


def test_a_ledger_of_what_is_kept_and_a_budget():
    """Each array with its bytes, its readers and its cost to rebuild; within a budget the bits are the same."""
    leaves, L = layers()
    everything = list(leaves.values())
    free = mg.grad(L, everything)
    rows = {row.what: row for row in L.tape.memory.rows}
    assert (
        rows["h3"].bytes == 32 and rows["h3"].readers == ("h4", "∂L/∂W4") and rows["h3"].cost == 12
    )
    assert rows["∂L/∂h3"].readers == ("∂L/∂W3", "∂L/∂h2")
    assert L.tape.memory.bytes == sum(row.bytes for row in rows.values())
    L.tape.forget()
    L.tape.budget = 64
    assert all(map(bitwise_equal, mg.grad(L, everything), free))
    assert L.tape.memory.bytes <= 64 + 6 * 32 + 8  # the leaves and ∂L/∂L stand outside


def test_values_that_nobody_can_change_behind_the_table():
    """What comes in is copied, what goes out cannot be written to: a table of derivatives is never wrong in silence."""
    tape, data, constant = mg.Tape(), np.array([3.0, 4.0]), np.array([1.0, 2.0])
    x = tape.leaf(data, name="x")
    L = np.sum(x * x * constant).named("L")
    data[:], constant[:] = 100.0, 100.0
    assert mg.grad(L, x).tolist() == [6.0, 16.0]
    for array in (x.value, L.operands[0].value, mg.grad(L, x), mg.table(L)["x"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7.0
        with pytest.raises(ValueError, match="cannot set WRITEABLE"):
            array.flags.writeable = True
