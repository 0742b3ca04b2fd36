"""Backprop, path sums and finite differences: right by themselves, and nothing left behind."""

from typing import Any

import numpy as np
import pytest

import memograd as mg
from memograd.baselines import backprop, finite_difference, path_sum, paths
from memograd.errors import NotDifferentiableError, NotScalarError, OtherTapeError, UnknownNodeError


def double_diamond(a0: Any = 3.0) -> Any:
    """The graph of the tutorial's sections 7 and 8."""
    a = mg.Tape().leaf(a0, name="a")
    b1, b2 = (a * 2.0).named("b1"), (a + 4.0).named("b2")
    c = (b1 * b2).named("c")
    d1, d2 = (c - 1.0).named("d1"), (3.0 * c).named("d2")
    return a, (d1 * d2).named("e")


def ladder(levels: int) -> Any:
    x = mg.Tape().leaf(1.5, name="x")
    y = x
    for _ in range(levels):
        y = y + y
    return x, y


def network() -> Any:
    tape = mg.Tape()
    x = tape.leaf([[0.1, -0.2], [0.3, 0.4], [0.7, 0.2]], name="x")
    W, b = tape.leaf([[0.5, 0.1], [-0.3, 0.8]], name="W"), tape.leaf([0.2, -0.1], name="b")
    left, right = np.split(np.tanh(x @ W + b), 2, axis=1)
    L = np.sum(left * left * right + np.exp(right)).named("L")
    return [x, W, b, left, right], L


WALKS = {
    "backprop": lambda L, x: backprop(L)[x],
    "path_sum": path_sum,
    "finite_difference": finite_difference,
}


def state(tape: mg.Tape) -> Any:
    memory = tape.state
    return (
        len(tape),
        list(tape.graph.edges),
        list(memory.tables),
        list(memory.index.of),
        sorted(memory.values),
        dict(memory.marks),
    )


@pytest.mark.parametrize("walk", WALKS)
def test_no_node_and_no_table_stays(walk: str) -> None:
    targets, L = network()
    before = state(L.tape)
    for x in targets:
        WALKS[walk](L, x)
    assert state(L.tape) == before


@pytest.mark.parametrize("walk", WALKS)
def test_all_walks_agree_with_grad(walk: str) -> None:
    targets, L = network()
    for x in (*targets, L):
        d, g = WALKS[walk](L, x), mg.grad(L, x)
        assert (d.shape, d.dtype) == (g.shape, g.dtype)
        np.testing.assert_allclose(d, g, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("walk", ["path_sum", "finite_difference"])
def test_a_target_that_does_not_lead_to_L_gives_zeros(walk: str) -> None:
    x = mg.Tape().leaf(np.ones((2, 3), np.float32))
    y = x.tape.leaf(2.0)
    d = WALKS[walk](y * y, x)
    assert d.shape == (2, 3) and d.dtype == np.float32 and not d.any()


@pytest.mark.parametrize("walk", WALKS)
def test_bad_requests_are_refused_as_by_grad(walk: str) -> None:
    (x, *_), L = network()
    with pytest.raises(NotScalarError):
        WALKS[walk](x, x)
    with pytest.raises(NotDifferentiableError):
        WALKS[walk](3.0, x)
    with pytest.raises(UnknownNodeError if walk == "backprop" else OtherTapeError):
        WALKS[walk](L, mg.Tape().leaf(1.0))


@pytest.mark.parametrize("walk", ["path_sum", "finite_difference"])
def test_a_node_of_several_outputs_is_no_target(walk: str) -> None:
    (*_, left, _), L = network()
    with pytest.raises(NotDifferentiableError, match="several outputs"):
        WALKS[walk](L, left.operands[0])


@pytest.mark.parametrize("walk", WALKS)
def test_assigned_values_are_seen(walk: str) -> None:
    a, e = double_diamond()
    mg.grad(e, a)
    a.value = 5.0
    fresh, again = double_diamond(5.0)
    np.testing.assert_allclose(WALKS[walk](e, a), mg.grad(again, fresh), rtol=1e-8)


@pytest.mark.parametrize("walk", WALKS)
def test_results_are_read_only(walk: str) -> None:
    (x, *_), L = network()
    assert not WALKS[walk](L, x).flags.writeable


# --------------------------------------------------------------------------------------------------------- backprop


def test_backprop_has_every_node_that_leads_to_L_and_the_bits_of_grad() -> None:
    _, L = network()
    unused = np.sin(L.tape["x"])
    table = backprop(L)
    floats = [n for n in L.tape if n.id != unused.id and type(n.dtype) is not tuple]
    assert [n.id for n in floats] == [
        L.tape[name].id for name in table if type(L.tape[name].dtype) is not tuple
    ]
    for n in floats:
        assert table[n].tobytes() == mg.grad(L, n).tobytes()
    assert table["L"] == 1.0 and unused not in table


def test_backprop_of_a_long_chain_does_not_recurse() -> None:
    x = mg.Tape().leaf(0.5)
    y = x
    for _ in range(5000):
        y = np.sin(y)
    assert len(backprop(y)) == 5001


# ------------------------------------------------------------------------------------------------------------ paths


def test_the_double_diamond_has_four_paths() -> None:
    a, e = double_diamond()
    names = [[a.tape[c].name for c, _ in path] for path in paths(e, a)]
    assert names == [
        ["b1", "c", "d1", "e"],
        ["b1", "c", "d2", "e"],
        ["b2", "c", "d1", "e"],
        ["b2", "c", "d2", "e"],
    ]


def test_each_position_of_an_operand_is_a_path() -> None:
    x = mg.Tape().leaf(3.0)
    L = x * x
    assert list(paths(L, x)) == [((L.id, 0),), ((L.id, 1),)]
    assert list(paths(L, L)) == [()]
    assert path_sum(L, L) == 1.0


def test_paths_double_with_each_level_and_are_not_held() -> None:
    x, y = ladder(10)
    assert sum(1 for _ in paths(y, x)) == 2**10
    assert path_sum(y, x) == 2**10
    deep, top = ladder(1000)  # 2^1000 paths, each longer than Python's stack is deep
    assert len(next(paths(top, deep))) == 1000


def test_no_path_leads_through_a_condition_or_a_comparison() -> None:
    x = mg.Tape().leaf(2.0)
    y = np.where(x > 1.0, 3.0 * x, x)
    assert [[use[1] for use in path] for path in paths(y, x)] == [[1, 1], [2]]
    assert path_sum(y, x) == 3.0
    assert list(paths(np.floor(x), x)) == []


def test_paths_checks_at_once() -> None:
    with pytest.raises(OtherTapeError):
        paths(mg.Tape().leaf(1.0), mg.Tape().leaf(1.0))


# ----------------------------------------------------------------------------------------------- finite differences


def test_it_knows_no_rule() -> None:
    a, e = double_diamond()

    @mg.op
    def cube(x: Any) -> Any:
        return x**3

    mg.elementwise(cube, x=lambda g: 1 / 0)
    np.testing.assert_allclose(finite_difference(cube(a), a), 27.0, rtol=1e-8)


def test_conditions_and_indices_on_the_way_are_run_again() -> None:
    x = mg.Tape().leaf([0.4, 1.6])
    L = np.sum(np.where(x > 0.5, x * x, 5.0 * x)) + x[np.argmax(x)]
    np.testing.assert_allclose(finite_difference(L, x), [5.0, 4.2], rtol=1e-8)
    step = np.floor(x[0])
    assert finite_difference(step, x)[0] == 0.0
    assert finite_difference(step, x, step=0.7)[0] == pytest.approx(2 / 1.4)


def test_complex_numbers() -> None:
    z = mg.Tape().leaf([0.3 + 0.4j, 1.0 - 2.0j])
    L = np.sum(np.abs(z) ** 2)
    np.testing.assert_allclose(finite_difference(L, z), 2 * np.conj(z.value), rtol=1e-8)
    holomorphic = np.sum(np.exp(z))
    np.testing.assert_allclose(finite_difference(holomorphic, z), np.exp(z.value), rtol=1e-8)


def test_single_precision_is_run_in_double() -> None:
    x = mg.Tape().leaf(np.array([0.3, 0.5], np.float32))
    d = finite_difference(np.sum(np.sin(x)), x)
    assert d.dtype == np.float32
    np.testing.assert_allclose(d, np.cos(x.value), rtol=3e-7)


def test_the_step_suits_a_cast_on_the_way() -> None:
    x = mg.Tape().leaf(0.3)
    np.testing.assert_allclose(
        finite_difference(np.sin(np.astype(x, np.float32)), x), np.cos(0.3), rtol=1e-3
    )


def test_only_what_lies_between_is_run_again() -> None:
    runs = []

    @mg.op
    def counted(x: Any) -> Any:
        runs.append(1)
        return x * 2.0

    mg.linear(counted, x=lambda g: 2.0 * g)
    tape = mg.Tape()
    x, y = tape.leaf(1.0), tape.leaf(2.0)
    before, middle = counted(y), counted(x)
    L = before * middle
    after = counted(L)
    runs.clear()
    finite_difference(L, x)
    assert len(runs) == 3  # once to choose the step, and once to each side
    assert after.value == 16.0
