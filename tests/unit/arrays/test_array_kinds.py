"""Subclasses of NumPy's arrays at each door: refused by name, or taken for the plain arrays that they are."""

import numpy as np
import pytest

import memograd as mg
from memograd.errors import RefusedError


class Metres(np.ndarray):
    """An array with a unit."""


MASKED = np.ma.array([1.0, 2.0, 100.0], mask=[0, 0, 1])
KINDS = {
    "MaskedArray": MASKED,
    "Metres": np.ones(3).view(Metres),
    "matrix": np.ones((3, 3)).view(np.matrix),
}


def planned(a):
    x = mg.Tape().leaf(np.ones(a.shape), name="x")
    return mg.plan(x * 2.0, [x])


def giving(a):
    op = mg.op(lambda x: a)
    mg.rule(op, x=lambda g: 0.0)
    return op


DOORS = {
    "leaf": lambda a: mg.Tape().leaf(a),
    "leaf of a list": lambda a: mg.Tape().leaf([a, a]),
    "assign": lambda a: mg.Tape().leaf(np.ones(a.shape)).tape.assign({0: a}),
    "left operand": lambda a: np.multiply(a, mg.Tape().leaf(1.0)),
    "right operand": lambda a: mg.Tape().leaf(1.0) * a,
    "a list of operands": lambda a: np.stack([mg.Tape().leaf(np.ones(a.shape)), a]),
    "keyword": lambda a: np.sum(mg.Tape().leaf(np.ones(a.shape)), where=a),
    "index": lambda a: mg.Tape().leaf(np.ones(a.shape))[a.astype(int)],
    "set": lambda a: mg.Tape().leaf(np.ones(a.shape)).at[:].set(a),
    "add": lambda a: mg.Tape().leaf(np.ones(a.shape)).at[:].add(a),
    "multiply": lambda a: mg.Tape().leaf(np.ones(a.shape)).at[:].multiply(a),
    "plan": lambda a: planned(a)(a),
    "plan.map": lambda a: planned(a[0]).map(a),
    "grad": lambda a: mg.functional.grad(np.sum)(a),
    "cotangent": lambda a: mg.functional.vjp(np.sin, np.ones(a.shape))[1](a),
    "tangent": lambda a: mg.functional.jvp(np.sin, (np.ones(a.shape),), (a,)),
    "compiled": lambda a: mg.functional.compiled(np.sin)(a),
    "x0": lambda a: mg.optimize.Problem(np.sum, a),
    "result of an op": lambda a: giving(a)(mg.Tape().leaf(1.0)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("door", DOORS)
def test_it_is_refused_by_name(door, kind):
    with pytest.raises(RefusedError, match=rf"is a \w+\.{kind}, "):
        DOORS[door](KINDS[kind])


def test_a_compiled_function_refuses_it_after_an_array_of_its_shape():
    f = mg.functional.compiled(np.sin)
    f(np.ones(3))
    with pytest.raises(RefusedError):
        f(MASKED)


def test_the_masked_constant_is_no_zero():
    x = mg.Tape().leaf(5.0)
    with pytest.raises(RefusedError, match="MaskedConstant"):
        x.value = np.ma.masked
    assert x.value == 5.0


def test_an_object_that_makes_a_masked_array_is_refused_as_one():
    class Variable:
        def __array__(self, dtype=None, copy=None):
            return MASKED

    with pytest.raises(RefusedError):
        mg.Tape().leaf(Variable())
    with pytest.raises(RefusedError):
        mg.Tape().leaf(1.0) * Variable()


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_a_memmap_enters_as_the_array_that_it_is(tmp_path, mode):
    np.arange(3.0).tofile(tmp_path / "numbers")
    a = np.memmap(tmp_path / "numbers", dtype=float, mode=mode)
    x = mg.Tape().leaf(a)
    assert type(x.value) is np.ndarray and x.value.tolist() == [0.0, 1.0, 2.0]
    y = x * a + a
    assert y.value.tolist() == [0.0, 2.0, 6.0] and mg.grad(np.sum(y), x).tolist() == [0.0, 1.0, 2.0]
    x.value = a
    (tmp_path / "numbers").write_bytes(
        np.zeros(3).tobytes()
    )  # which changes what the memmap shows, and nothing here
    assert x.value.tolist() == [0.0, 1.0, 2.0] and y.value.tolist() == [0.0, 2.0, 6.0]


def test_a_memmap_that_is_used_again_shares_its_copy(tmp_path):
    np.arange(3.0).tofile(tmp_path / "numbers")
    a = np.memmap(tmp_path / "numbers", dtype=float, mode="r")
    x = mg.Tape().leaf(1.0)
    y, z = x * a, x * a
    steps = x.tape.graph.nodes
    assert steps[y.id]["args"][1] is steps[z.id]["args"][1]
