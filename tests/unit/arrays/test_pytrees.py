"""Nests: what is one, that it is made anew as it was, where its leaves are, and which two are alike."""

from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest

import memograd as mg
from memograd.arrays.pytrees import (
    children,
    constants,
    describe_tree,
    leaves_with_paths,
    tree_leaves,
    tree_map,
    tree_unflatten,
    zip_with_paths,
)
from memograd.errors import RefusedError

Point = namedtuple("Point", "x y")


@dataclass(frozen=True, slots=True)
class Model:
    W: object
    b: object = None
    act: str = field(default="tanh", metadata={"static": True})


@dataclass
class Norm:
    """What its constructor computes follows from its parts."""

    x: float
    square: float = field(init=False)

    def __post_init__(self):
        self.square = self.x * self.x


NESTS = [
    [1.0, [2.0]],
    (1.0, ()),
    Point(1.0, (2.0,)),
    {"a": 1.0, 3: [2.0]},
    OrderedDict(b=1.0, a=2.0),
    Model(1.0, [2.0, 3.0], "relu"),
    Model(1.0),
    None,
    1.0,
]


@pytest.mark.parametrize("nest", NESTS, ids=lambda nest: type(nest).__name__)
def test_a_nest_is_made_anew_as_it_was(nest):
    assert tree_map(lambda a: a, nest) == nest
    assert type(tree_map(lambda a: a, nest)) is type(nest)
    assert tree_unflatten(nest, tree_leaves(nest)) == nest
    assert tree_leaves(tree_map(lambda a: a + 1, nest)) == [a + 1 for a in tree_leaves(nest)]
    assert [a for _, a in leaves_with_paths(nest, "")] == tree_leaves(nest)


def test_a_dict_that_makes_its_own_parts_still_does():
    made = tree_map(lambda a: -a, defaultdict(list, {"a": 1.0}))
    assert made == {"a": -1.0} and made["b"] == []


def test_what_is_none_is_a_leaf(x):
    for leaf in (x, np.ones(2), "text", {1, 2}, Model, object(), mg.Log()):
        assert children(leaf) is None and tree_leaves(leaf) == [leaf]


def test_static_fields_are_kept_and_computed_ones_computed_anew():
    model = tree_map(lambda a: -a, Model(1.0, None, "relu"))
    assert (model.W, model.b, model.act) == (-1.0, None, "relu")
    assert constants(model) == {"act": "relu"} and constants([1.0]) == {}
    assert tree_map(lambda a: 3 * a, Norm(2.0)).square == 36.0


def test_places_are_written_as_python_has_them():
    nest = {"a": [Point(1.0, Model(2.0))], 3: 4.0}
    assert [where for where, _ in leaves_with_paths(nest, "p")] == [
        "p['a'][0][0]",
        "p['a'][0][1].W",
        "p[3]",
    ]
    assert [eval(where, {"p": nest}) for where, _ in leaves_with_paths(nest, "p")] == tree_leaves(
        nest
    )


def test_pairs_are_made_by_key():
    found = list(
        zip_with_paths(
            {"a": 1.0, "b": Model(2.0)}, {"b": Model(20.0, None, "relu"), "a": [10.0]}, "t"
        )
    )
    assert found == [("t['a']", 1.0, [10.0]), ("t['b'].W", 2.0, 20.0)]


@pytest.mark.parametrize(
    ("nest", "other"),
    [
        ([1.0], (1.0,)),
        ([1.0], [1.0, 2.0]),
        ({"a": 1.0}, {"b": 1.0}),
        ({"a": 1.0}, OrderedDict(a=1.0)),
        ((1.0, 2.0), Point(1.0, 2.0)),
        ([1.0], 1.0),
        ([1.0], None),
        (None, []),
        (None, 0.0),
        (Model(1.0), Model(1.0, 2.0)),
    ],
)
def test_nests_that_differ_are_refused(nest, other):
    with pytest.raises(RefusedError, match=r"^t\['n'\].* stands for .* Give the same nest"):
        list(zip_with_paths({"n": nest}, {"n": other}, "t"))


def test_nests_in_a_few_words():
    assert [describe_tree(a) for a in (Point(1, 2), Model(1.0))] == [
        "a Point of 2",
        "a Model of 2 ['W', 'b']",
    ]
    assert len(describe_tree({k: 0 for k in range(100)})) < 80


# -------------------------------------------------------------------------------------------------------- of nodes


def test_targets_in_a_dataclass(tape):
    model = Model(tape.leaf([1.0, 2.0], name="W"), [tape.leaf(3.0, name="b"), None])
    L = np.sum(model.W * model.W) * model.b[0]
    L.named("L")
    g = mg.grad(L, model)
    assert (
        type(g) is Model and (g.W.tolist(), g.b) == ([6.0, 12.0], [5.0, None]) and g.act == "tanh"
    )
    assert mg.grad_node(L, model).b[0].name == "∂L/∂b"


def test_outputs_of_a_plan(tape, x):
    plan = mg.plan(
        {"m": Model(x * 2.0, None, "relu"), "p": Point(x, None), "o": OrderedDict(b=np.sum(x))}, [x]
    )
    got = plan([1.0, 2.0])
    assert (
        type(got["m"]) is Model
        and got["m"].W.tolist() == [2.0, 4.0]
        and got["m"].b is None
        and got["m"].act == "relu"
    )
    assert (type(got["p"]), got["p"].y, type(got["o"]), got["o"]["b"]) == (
        Point,
        None,
        OrderedDict,
        3.0,
    )
    assert plan.map([[1.0, 2.0], [0.0, 1.0]])["m"].W.tolist() == [[2.0, 4.0], [0.0, 2.0]]
