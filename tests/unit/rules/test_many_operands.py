"""Ops over long lists of operands: the work is in proportion to their number, counted in calls of Python functions."""

import sys
from typing import Any

import numpy as np
import pytest

import memograd as mg


def calls_of(f: Any) -> int:
    """How many Python functions f calls."""
    count = 0

    def seen(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        f()
    finally:
        sys.setprofile(before)
    return count


JOINS: dict[str, Any] = {
    "stack": np.stack,
    "concatenate": np.concatenate,
    "concatenate, flat": lambda xs: np.concatenate(xs, axis=None),
    "vstack": np.vstack,
    "hstack": np.hstack,
    "dstack": np.dstack,
    "column_stack": np.column_stack,
}


@pytest.mark.parametrize("alike", [True, False], ids=["one node", "many nodes"])
@pytest.mark.parametrize("join", JOINS.values(), ids=JOINS)
def test_the_work_is_linear_in_the_number_of_operands(join: Any, alike: bool) -> None:
    def work(n: int) -> int:
        x = mg.Tape().leaf([1.0, 2.0])
        L = np.sum(join([x] * n if alike else [x * 1.0 for _ in range(n)]))
        return calls_of(lambda: mg.grad(L, x))

    work(20)
    assert work(800) < 4.5 * work(200)


@pytest.mark.parametrize("join", JOINS.values(), ids=JOINS)
def test_each_operand_gets_its_own_part(join: Any) -> None:
    tape = mg.Tape()
    xs = [tape.leaf(np.full(2, float(k))) for k in range(40)]
    y = join(xs)
    w = np.arange(float(y.size)).reshape(y.shape)
    found = mg.grad(np.sum(y * w), xs)
    for x, d in zip(xs, found, strict=True):
        assert np.array_equal(d, w[y.value == x.value[0]])
    assert np.array_equal(found, [d.value for d in mg.grad_node(np.sum(y * w), xs)])


def test_the_positions_of_one_node_are_a_list_that_grows() -> None:
    """Adding to a tuple copies it: for each of many positions, that is quadratic, and no call of a function shows it."""
    x = mg.Tape().leaf(1.0)
    y = np.stack([x] * 50)
    consumer, lines = y.tape.state.empty_table(np.sum(y).id).uses[x.id]
    assert consumer == y.id and type(lines) is list
    assert [k for k, _ in lines] == list(range(50))
