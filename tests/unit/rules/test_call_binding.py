"""Calls are brought into one canonical form, so that a rule sees one."""

import numpy as np
import pytest

import memograd as mg
from memograd.program.steps import Operand
from memograd.rules.call_binding import NO_KWARGS


@pytest.fixture
def tape():
    return mg.Tape()


@pytest.fixture
def x(tape):
    return tape.leaf(np.arange(6.0).reshape(2, 3), name="x")


def form(node):
    """A node's arguments as they were recorded."""
    attributes = node.tape.graph.nodes[node.id]
    return attributes["args"], attributes["kwargs"]


def test_positions_and_keywords_are_one_form(x):
    assert (
        form(np.sum(x, 0))
        == form(np.sum(x, axis=0))
        == form(np.sum(a=x, axis=0))
        == form(x.sum(0))
        == ((Operand(0),), {"axis": 0})
    )


def test_defaults_are_left_out(x):
    assert form(np.sum(x, axis=None))[1] == form(np.stack([x, x], axis=0))[1] == {}


def test_a_negative_zero_is_not_taken_for_the_default_zero(tape):
    y = np.nan_to_num(tape.leaf([np.nan, 1.0]), nan=-0.0)
    assert np.signbit(y.value).tolist() == [True, False]


def test_a_zero_is_not_taken_for_the_default_false(x):
    assert form(np.roll(x, 0))[1] == {"shift": 0}
    assert form(np.diagonal(x, False))[1] == {"offset": False}


def test_calls_without_keywords_share_one_empty_dict(x):
    assert (
        form(np.sum(x))[1] is form(x + 1)[1] is form(np.concatenate([x, x]))[1] is NO_KWARGS == {}
    )


def test_lists_of_operands_are_flattened(x):
    assert form(np.concatenate([x, x * 1.0, x], axis=1)) == (
        (Operand(0), Operand(1), Operand(0)),
        {"axis": 1},
    )


def test_constants_may_stand_in_a_list_of_operands(x):
    args, _ = form(np.concatenate([x, np.ones((1, 3))]))
    assert args[0] == Operand(0) and args[1].tolist() == [[1.0, 1.0, 1.0]]


def test_a_tuple_or_a_generator_of_operands_is_a_list_of_them(x):
    assert form(np.concatenate((x, x))) == form(np.concatenate([x, x]))


def test_the_subscripts_of_einsum_are_a_keyword(x):
    assert form(np.einsum("ij,kj->ik", x, x)) == (
        (Operand(0), Operand(0)),
        {"subscripts": "ij,kj->ik"},
    )


def test_einsum_with_lists_of_ints_is_the_same_call(x):
    assert np.array_equal(
        np.einsum(x, [0, 1], x, [2, 1], [0, 2]).value, np.einsum("ab,cb->ac", x, x).value
    )
    assert np.array_equal(np.einsum(x, [0, 1], x, [2, 1]).value, np.einsum("ab,cb", x, x).value)


@pytest.mark.parametrize(
    "clipped",
    [
        lambda x: np.clip(x, 1.0, 2.0),
        lambda x: np.clip(x, a_min=1.0, a_max=2.0),
        lambda x: np.clip(x, min=1.0, max=2.0),
        lambda x: np.clip(x, 1.0, a_max=2.0),
        lambda x: x.clip(1.0, 2.0),
        lambda x: x.clip(max=2.0, min=1.0),
    ],
)
def test_clip_has_one_form(x, clipped):
    assert form(clipped(x)) == ((Operand(0), 1.0, 2.0), {})


def test_a_bound_that_is_not_given_is_none(x):
    assert form(np.clip(x, min=1.0))[0] == (Operand(0), 1.0, None)
    assert form(np.clip(x, max=1.0))[0] == (Operand(0), None, 1.0)


def test_an_operand_may_be_a_keyword(tape):
    lo = tape.leaf(1.0)
    assert form(np.clip(0.5, a_min=lo, a_max=2.0))[0] == (0.5, Operand(0), 2.0)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda x: np.sum(x, 0, axis=0), "multiple values for argument 'axis'"),
        (lambda x: np.sum(x, sideways=0), "unexpected keyword argument 'sideways'"),
        (lambda x: np.sum(axis=x), "missing 1 required positional argument: 'a'"),
        (lambda x: np.add(x), "takes from 2 to 3 positional arguments but 1 w"),
    ],
)
def test_a_wrong_call_is_an_error_in_pythons_own_words(x, call, words):
    with pytest.raises(TypeError, match=words):
        call(x)


def test_indices_are_flattened_too(x):
    assert form(x[0, 1]) == form(x[(0, 1)]) == ((Operand(0), 0, 1), {})
    assert form(x[1:])[0] == (Operand(0), slice(1, None))
    assert form(x[..., None])[0] == (Operand(0), Ellipsis, None)


def test_nodes_in_an_index_are_operands(x, tape):
    i = tape.leaf(1)
    assert form(x[i, 0])[0] == (Operand(0), Operand(i.id), 0)


def test_numpy_scalars_and_arrays_get_the_bits_of_the_ufunc(rng):
    """Both sides call the same ufunc with the same scalars, so that equality holds on every machine."""
    a, b = rng.normal(size=2)
    tape = mg.Tape()
    x, y = tape.leaf(a), tape.leaf(b)
    pairs = [
        (x + y, np.add),
        (x - y, np.subtract),
        (x * y, np.multiply),
        (x / y, np.divide),
        (abs(x) ** y, np.power),
    ]
    for node, op in pairs:
        assert node.op is op
        assert node.value == op(abs(a) if op is np.power else a, b)
