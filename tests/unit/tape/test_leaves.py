"""A pytree of parameters becomes a pytree of leaves, all of it or nothing."""

from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest

import memograd as mg
from memograd.errors import NamingError, NotDifferentiableError, RefusedError

Pair = namedtuple("Pair", "W b")


@dataclass
class Layer:
    W: object
    act: str = field(default="tanh", metadata={"static": True})


def names(nest):
    """The names of the leaves of a tape, in order."""
    return [node.name for node in nest if node.op is None]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"W": 1.0, "b": [2.0, 3.0]}, ["W", "b.0", "b.1"]),
        ([Pair(1.0, 2.0), Layer(3.0)], ["0.0", "0.1", "1.W"]),
        ({1: {"a": None, "b": 2.0}}, ["1.b"]),
        (np.ones(2), ["v0"]),
    ],
)
def test_names_come_from_the_keys(tape, params, expected):
    tape.leaves(params)
    assert names(tape) == expected


def test_a_name_stands_before_the_keys(tape):
    first, second = tape.leaves([1.0, 2.0], name="a"), tape.leaves([3.0], name="b")
    assert [node.name for node in first + second] == ["a.0", "a.1", "b.0"]
    assert tape.leaves(5.0, name="c").name == "c"


def test_the_structure_stays(tape):
    params = {"layers": (Layer(np.ones(2)), None), "pair": Pair(1.0, [])}
    nodes = tape.leaves(params)
    assert type(nodes["layers"][0]) is Layer and nodes["layers"][0].act == "tanh"
    assert nodes["layers"][1] is None and type(nodes["pair"]) is Pair and nodes["pair"].b == []
    gradient = mg.grad(np.sum(nodes["layers"][0].W * nodes["pair"].W), nodes)
    assert gradient["layers"][0].W.tolist() == [1.0, 1.0] and gradient["pair"].W == 2.0


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"a": 1.0, "taken": 2.0}, NamingError),
        ({"a": 1.0, "v3": 2.0}, NamingError),
        ({"a": 1.0, "b": "text"}, NotDifferentiableError),
        ({"a.b": 1.0, "a": {"b": 2.0}}, NamingError),
    ],
)
def test_nothing_is_recorded_if_one_is_refused(tape, params, error):
    tape.leaf(0.0, name="taken")
    with pytest.raises(error):
        tape.leaves(params)
    assert names(tape) == ["taken"] and "a" not in tape and len(tape) == 1


def test_a_node_is_refused(tape):
    with pytest.raises(RefusedError, match="takes a value"):
        tape.leaves([tape.leaf(1.0)])
    assert len(tape) == 1


def test_the_line_is_the_user_s(tape):
    node = tape.leaves({"x": 1.0})["x"]
    assert node.attributes["line"][0] == __file__
