"""The ledger: what is kept, in bytes, who would read it, and what it would cost to make again."""

import numpy as np

import memograd as mg


def ledger():
    tape = mg.Tape()
    A, x = tape.leaf(np.ones((20, 30)), name="A"), tape.leaf(np.ones(30), name="x")
    h = np.tanh((A @ x).named("z")).named("h")
    L = np.sum(h).named("L")
    mg.grad(L, A)
    return tape, {row.what: row for row in tape.memory.rows}


def test_each_value_and_cotangent_has_a_row():
    _, rows = ledger()
    assert list(rows) == ["A", "x", "z", "h", "L", "∂L/∂L", "∂L/∂h", "∂L/∂z", "∂L/∂A"]
    assert rows["A"].bytes == 4800 and rows["∂L/∂z"].bytes == 160


def test_readers_are_those_that_the_rules_name():
    _, rows = ledger()
    assert rows["x"].readers == ("z", "∂L/∂A")  # the product's rule for A reads x
    assert rows["z"].readers == ("h", "∂L/∂z")  # tanh's rule reads its operand
    assert rows["h"].readers == ("L",)  # nobody reads the sum's operand
    assert rows["∂L/∂A"].readers == ()


def test_a_product_costs_its_multiplications():
    _, rows = ledger()
    assert rows["z"].cost == 600 + 30 + 20 + 600
    assert rows["h"].cost == 40
    assert rows["A"].cost is None and rows["∂L/∂L"].cost is None


def test_a_view_costs_no_bytes():
    tape = mg.Tape()
    x = tape.leaf(np.ones((4, 5)), name="x")
    np.transpose(np.exp(x).named("y")).named("t")
    assert [(row.what, row.bytes) for row in tape.memory.rows] == [("x", 160), ("y", 160), ("t", 0)]
    assert tape.memory.bytes == 320


def test_it_prints_under_80_columns_the_largest_first_and_long_ones_in_short():
    tape = mg.Tape()
    y = tape.leaf(np.ones(100), name="a name that is much too long for its column")
    for k in range(60):
        y = (y * 2.0).named(f"step {k}\n")
    lines = repr(tape.memory).splitlines()
    assert max(map(len, lines)) < 80
    assert len(lines) == 43
    assert lines[-2].split() == ["…", "and", "21", "more", "16800"]
    assert lines[-1] == "61 entries, 48800 bytes"
