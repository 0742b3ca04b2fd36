"""Arrays of other libraries as values: nothing is converted on the way, and derivatives are of their kind."""

import pickle
import weakref

import numpy as np
import pytest
from device import Device

import memograd as mg
from memograd.arrays.kinds import (
    KINDS,
    KINDS_BY_CLASS,
    ArrayKind,
    KindShape,
    kind_of,
    register_kind,
    with_forms,
)
from memograd.arrays.values import full, shape_of
from memograd.errors import AssignError, RefusedError

A = np.array([[0.5, 1.5, 2.0], [3.0, 0.25, 1.0]])
B = np.array([1.0, -2.0, 0.5])

PROGRAMS = {
    "arithmetic": lambda a, b: np.sum((a * b - b / a) ** 2),
    "functions": lambda a, b: np.mean(np.exp(np.sin(a)) + np.maximum(a, b)),
    "product": lambda a, b: np.sum(np.tanh(a @ b)),
    "slices": lambda a, b: np.sum(a[:, 1:] * b[:2]) + a[0, 2],
    "list": lambda a, b: np.sum(a[:, [0, 2, 0]] * b),
    "mask": lambda a, b: np.sum(np.where(a > b, a, b * b)),
    "shapes": lambda a, b: np.sum(np.concatenate([a.T, b[:, None]], axis=1).ravel() ** 3),
    "extremes": lambda a, b: np.max(a) * np.min(b) + np.std(a),
    "inverse": lambda a, b: np.sum(np.linalg.inv(a @ a.T)) * np.linalg.norm(b),
    "unused": lambda a, b: np.sum(a),
    "at": lambda a, b: np.sum(a.at[0].set(b).at[1, 1].add(b[0]) ** 2),
}


@pytest.fixture(params=PROGRAMS)
def program(request):
    """A scalar function of two arrays."""
    return PROGRAMS[request.param]


def gradients(program, kind):
    """Both derivatives at A and B, as arrays of a kind."""
    tape = mg.Tape()
    a, b = tape.leaf(kind(A)), tape.leaf(kind(B))
    return mg.grad(program(a, b), [a, b])


def test_derivatives_are_the_devices_and_the_same(program):
    for d, expected in zip(gradients(program, Device), gradients(program, np.asarray), strict=True):
        assert type(d) is Device and d.shape == expected.shape and np.array_equal(d.get(), expected)


def test_derivatives_as_nodes_and_of_derivatives_are_the_devices_too(program):
    found = []
    for kind in (Device, np.asarray):
        tape = mg.Tape()
        a, b = tape.leaf(kind(A)), tape.leaf(kind(B))
        found.append(mg.grad(np.sum(mg.grad_node(program(a, b), a) ** 2), a))
    assert type(found[0]) is Device and np.allclose(
        found[0].get(), found[1], rtol=1e-14, atol=1e-14
    )


def test_tangents_and_seeds_are_the_devices(tape):
    a = tape.leaf(Device(A))
    y = np.sin(a)
    np.testing.assert_allclose(mg.vjp(y, a, Device(A)).get(), A * np.cos(A), rtol=1e-14)
    np.testing.assert_allclose(mg.jvp(y, a, Device(A)).get(), A * np.cos(A), rtol=1e-14)


def test_an_assigned_array_has_to_be_of_the_leafs_kind(tape):
    a, b = tape.leaf(Device(A)), tape.leaf(A)
    L = np.sum(a * a)
    a.value = Device(2 * A)
    assert np.array_equal(mg.grad(L, a).get(), 4 * A)
    with pytest.raises(
        AssignError, match="was assigned a numpy.ndarray, but holds a device.Device"
    ):
        a.value = A
    with pytest.raises(
        AssignError, match="was assigned a device.Device, but holds a numpy.ndarray"
    ):
        b.value = Device(A)


def test_later_changes_of_what_came_in_or_went_out_do_not_matter(tape):
    given = Device(A.copy())
    a = tape.leaf(given)
    given[0, 0] = a.value[0, 0] = 9.0
    assert np.array_equal(a.value.get(), A)


def test_budgets_copies_and_pickles(tape):
    tape.budget = 100
    a = tape.leaf(Device(A), name="a")
    L = np.sum(np.sin(np.exp(a)) * a).named("L")
    g = mg.grad(L, a).get()
    for other in (tape.copy(), pickle.loads(pickle.dumps(tape))):
        np.testing.assert_allclose(mg.grad(other["L"], other["a"]).get(), g, rtol=1e-13)


def test_an_array_without_numpys_protocols_comes_in_as_numpys(tape):
    xp = pytest.importorskip("array_api_strict")
    x = tape.leaf(xp.asarray(A))
    assert type(x.value) is np.ndarray and np.array_equal(mg.grad(np.sum(x * xp.asarray(A)), x), A)
    with pytest.raises(RuntimeError, match="Can't convert array"):
        tape.leaf(xp.asarray(A, device=xp.Device("device1")))


@pytest.mark.pinned
def test_no_array_that_came_in_is_held_for_its_kind():
    class Newcomer(Device):
        pass

    a = Newcomer(A.copy())
    held = weakref.ref(a._a)
    shape_of(a)
    del a
    assert held() is None


def test_a_shape_is_a_tuple_that_knows_the_kind():
    shape = pickle.loads(pickle.dumps(shape_of(Device(A))))
    assert shape == (2, 3) and type(shape) is KindShape and shape.kind is kind_of(Device(A))
    ones = full(shape, 1, np.float32)
    assert type(ones) is Device and np.array_equal(ones.get(), np.ones((2, 3)))


def test_numbers_lists_and_nodes_are_not_foreign(x):
    assert all(kind_of(a) is None for a in (1.0, [1.0], np.ones(2), np.float64(1.0), x))


class Tagged(Device):
    """An array of a library that another module describes."""


class TaggedKind(ArrayKind):
    """A kind that only this test knows."""

    def recognises(self, cls):
        return issubclass(cls, Tagged)

    def copy(self, a):
        return Tagged(a.get().copy())

    def getitem(self, a, key):
        return a[key] * 10.0

    def check_op(self, rule, k, a):
        if rule.op is np.cos:
            raise RefusedError("there is no cosine here")


@pytest.fixture
def tagged():
    """The kind, registered for one test."""
    kind = TaggedKind()
    register_kind(kind)
    yield kind
    KINDS.remove(kind)
    KINDS_BY_CLASS.clear()


def test_a_kind_of_another_module_is_asked_before_the_general_one(tape, tagged):
    assert kind_of(Tagged(A)) is tagged and kind_of(Device(A)) is not tagged
    x = tape.leaf(Tagged(A))
    assert x.shape.kind is tagged and np.array_equal(x[0].value.get(), 10 * A[0])
    with pytest.raises(RefusedError, match="no cosine"):
        np.cos(x)
    assert np.array_equal(np.sin(x).value.get(), np.sin(A))


def test_a_kinds_own_form_of_an_op_runs_on_its_arrays_only(tagged, monkeypatch):
    monkeypatch.setattr(TaggedKind, "forms", {np.sinc: lambda a: "its own"})
    run = with_forms(np.sinc, np.sinc)
    assert run(Tagged(A)) == "its own" and run(0.0) == 1.0
    assert with_forms(np.sin, np.sin) is np.sin


def test_plans_take_and_give_the_devices_arrays(program):
    tape = mg.Tape()
    a, b = tape.leaf(Device(A), name="a"), tape.leaf(Device(B), name="b")
    L = program(a, b)
    plan = mg.plan(mg.grad_node(L, [a, b]), inputs=[a, b])
    given = Device(2 * A), Device(3 * B)
    found = plan(*given)
    a.value, b.value = given
    for g, expected in zip(found, mg.grad(L, [a, b]), strict=True):
        assert type(g) is Device and np.allclose(g.get(), expected.get(), rtol=1e-14, atol=0)


def test_a_picture_shows_the_shape_of_what_is_elsewhere(tape):
    assert "()" in str(mg.draw(np.sum(tape.leaf(Device(A)))))
