"""Nodes as autograd's boxes; Python's questions about types; what cannot be served."""

import importlib
from typing import Any

import numpy as np
import pytest

import memograd.autograd as ag
import memograd.functional as F
from memograd.autograd import builtins as ag_builtins
from memograd.autograd.numpy.numpy_boxes import ArrayBox
from memograd.autograd.tracer import getval, isbox
from memograd.errors import RefusedError

X = np.array([1.0, 2.0])


def test_what_is_a_box_and_its_value() -> None:
    def f(x: Any) -> Any:
        assert isbox(x) and type(x) is ArrayBox and not isbox(1.0) and getval(3) == 3
        assert type(getval(x)) is np.ndarray is type(x._value)
        return np.sum(x * getval(x) * x._value)

    assert ag.grad(f)(X).tolist() == [1.0, 4.0]


def test_the_value_of_the_inner_argument_keeps_the_outer_derivative() -> None:
    f = ag.grad(lambda x: x * x._value)
    assert f(3.0) == 3.0 and ag.grad(f)(3.0) == 1.0
    assert ag.grad(lambda x: ag.grad(lambda y: y * x._value)(x))(3.0) == 0.0


def test_the_value_of_a_computed_node_is_refused_where_the_outer_derivative_is_lost() -> None:
    f = ag.grad(lambda x: x * np.sin(x)._value)
    assert f(3.0) == np.sin(3.0)
    with pytest.raises(RefusedError, match=r"the outer derivative would be lost. Use getval"):
        ag.grad(f)(3.0)
    assert ag.grad(ag.grad(lambda x: x * getval(np.sin(x))))(3.0) == 0.0


@pytest.mark.parametrize("look", [getval, lambda x: x._value])
def test_values_are_refused_in_plans(look: Any) -> None:
    with pytest.raises(RefusedError, match="Choose between values with np.where"):
        F.compiled(lambda x: x if look(x) > 0 else -x)(1.0)


def test_types_are_those_of_what_a_node_stands_for() -> None:
    def f(x: Any, p: Any) -> Any:
        assert ag.isinstance(x, np.ndarray) and not ag.isinstance(x, (list, tuple))
        assert ag.type(x) is np.ndarray and ag.type(p["a"][0]) is np.float64
        assert ag.isinstance(p["a"][0], float) and ag.isinstance(p, ag.dict) and type(p) is dict
        assert ag.isinstance(p["a"], ag.list) and ag.isinstance((), ag.tuple)
        assert not isinstance(p, ag_builtins.DictBox | ag_builtins.SequenceBox)
        return np.sum(x) * ag.dict(b=p["a"][0])["b"]

    g = ag.grad(f, (0, 1))(X, {"a": [2.0]})
    assert g[0].tolist() == [2.0, 2.0] and g[1] == {"a": [3.0]}


@pytest.mark.parametrize(
    ("module", "name", "advice"),
    [
        ("core", "VJPNode", "Use make_vjp"),
        ("core", "SparseObject", r"x\.at\[i\]\.add"),
        ("extend", "JVPNode", "Use make_vjp or make_jvp"),
        ("extend", "register_notrace", "Use notrace_primitive"),
        ("tracer", "trace", "Use make_vjp"),
        ("tracer", "Node", "Use mg.Tape"),
        ("util", "toposort", "networkx"),
        ("numpy.numpy_vjps", "unbroadcast", "Use unbroadcast_f"),
        ("misc.tracers", "full_graph", "Use mg.Tape"),
        ("numpy.numpy_vjps", "match_complex", "Use NumPy's functions"),
        ("numpy.numpy_wrapper", "wrap_namespace", "extend.primitive"),
        ("tracer", "nothing_of_the_kind", "has no attribute"),
        ("numpy", "nothing_of_the_kind", "has no attribute"),
        ("numpy.linalg", "__path__", "has no attribute"),
    ],
)
def test_internals_say_what_to_use(module: str, name: str, advice: str) -> None:
    with pytest.raises(AttributeError, match=advice):
        getattr(importlib.import_module(f"memograd.autograd.{module}"), name)


def test_core_and_util_hold_what_autograds_do() -> None:
    from memograd.autograd import core, tracer, util

    assert (core.Box, core.getval, core.isbox) == (tracer.Box, tracer.getval, tracer.isbox)
    assert (core.func, core.subval) == (util.func, util.subval)
    assert util.func(core.make_vjp) is core.make_vjp
