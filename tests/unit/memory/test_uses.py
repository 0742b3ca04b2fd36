"""The differentiable uses through which a node leads to an output."""

import numpy as np

from memograd.memory.tables import Table
from memograd.memory.uses import uses_towards


def test_one_use_is_held_itself_and_several_in_a_list_the_latest_first(tape):
    x, w = tape.leaf(1.0), tape.leaf(2.0)
    y = x * w
    z = y * y
    L = z + y
    table = Table(L.id, uses_towards(tape.state, L.id), None)
    assert type(table.uses[x.id]) is tuple and type(table.uses[y.id]) is list
    assert table.consumers(x.id) == [y.id] and table.consumers(y.id) == [L.id, z.id]
    assert table.use_pairs(y.id) == [(L.id, 1), (z.id, 0), (z.id, 1)]
    assert table.uses_of(L.id) == []


def test_uses_without_a_derivative_lead_nowhere(tape):
    x = tape.leaf([1.0, 2.0])
    L = np.sum(np.where(x > 0.5, x, 0.0))
    uses = uses_towards(tape.state, L.id)
    assert set(uses) == {x.id, L.operands[0].id, L.id}


def test_what_leads_to_several_outputs_is_what_leads_to_any_of_them(tape):
    x = tape.leaf([1.0, 2.0])
    a = np.sin(x)
    b = np.where(a > 0.5, a * tape.leaf(3.0), np.sign(x))
    memory = tape.state
    of_a, of_b = uses_towards(memory, a.id), uses_towards(memory, b.id)
    both = uses_towards(memory, a.id, b.id)
    assert both.keys() == of_a.keys() | of_b.keys()
    assert both[a.id] == of_b[a.id]  # on the way to b, though an output itself
    assert uses_towards(memory, b.id, first=a.id) == {
        n: uses for n, uses in of_b.items() if n >= a.id
    }
