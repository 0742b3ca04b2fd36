"""The parameters of a function are those that `inspect.signature` sees."""

import functools
import inspect
from types import BuiltinFunctionType

import numpy as np
import pytest

import memograd as mg
from memograd.rules.numpy_signatures import SIGNATURES, of_ufunc
from memograd.rules.parameters import PARAMETER_KINDS, parameters, signature
from memograd.rules.registration import RULES


def seen(f):
    """The parameters as `inspect.signature` sees them."""
    return [(p.name, PARAMETER_KINDS[p.kind], p.default) for p in signature(f).parameters.values()]


def shown_otherwise(a, b):
    """A function that says that it has other parameters."""


shown_otherwise.__signature__ = inspect.signature(lambda only: None)  # type: ignore[attr-defined]


class Adder:
    def __call__(self, a, b=2):
        return a + b


FUNCTIONS = {
    "none": lambda: None,
    "ordinary": lambda a, b=1, c=None: None,
    "rest": lambda a, *rest: None,
    "by name": lambda a, *, b, c=3: None,
    "others": lambda **others: None,
    "all kinds": lambda a, b=1, *rest, c, d=2, **others: None,
    "with variables of its own": lambda a: [b for b in a],
    "wrapped": mg.op(lambda a, axis=0: a),
    "wrapped twice": mg.op(mg.op(lambda a, axis=0: a)),
    "a wrapper of a ufunc": mg.op(np.exp),
    "shown otherwise": shown_otherwise,
    "a wrapper of one shown otherwise": functools.wraps(shown_otherwise)(lambda *args: None),
    "partial": functools.partial(lambda a, b: None, 1),
    "a method": Adder().__call__,
    "a callable object": Adder(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_parameters_are_those_of_the_signature(name):
    assert parameters(FUNCTIONS[name]) == seen(FUNCTIONS[name])


def test_a_parameter_before_the_slash_is_an_ordinary_one():
    def f(a, /, b, *, c):
        """One of each."""

    assert parameters(f) == seen(f)


def test_those_of_every_op_and_every_line():
    fs = [op for op in RULES if op is not None and not isinstance(op, np.ufunc)]
    fs += [
        line.fn
        for rule in RULES.values()
        for line in (*rule.pulls.of.values(), rule.pulls.each)
        if line is not None
    ]
    assert len(fs) > 300
    assert [f for f in fs if parameters(f) != seen(f)] == []


def test_what_has_no_signature_is_pythons_own_error():
    with pytest.raises(ValueError):
        parameters(max)


def without_signatures_of_c(monkeypatch):
    """Let `inspect.signature` find none for NumPy's C functions, as it is before NumPy 2.4."""
    python = inspect.signature

    def signature(f, **kwargs):
        if isinstance(inspect.unwrap(f), BuiltinFunctionType | np.ufunc):
            raise ValueError(f"no signature found for builtin {f!r}")
        return python(f, **kwargs)

    monkeypatch.setattr(inspect, "signature", signature)


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_table_serves_a_numpy_that_says_nothing(name, monkeypatch):
    without_signatures_of_c(monkeypatch)
    assert parameters(getattr(np, name)) == seen(SIGNATURES[name])
    assert parameters(mg.op(getattr(np, name))) == seen(SIGNATURES[name])


UFUNCS = [np.exp, np.add, np.modf, np.divmod, np.matmul, np.vecdot]


@pytest.mark.parametrize("f", UFUNCS)
def test_a_ufunc_takes_its_operands_first_where_numpy_says_nothing(f, monkeypatch):
    without_signatures_of_c(monkeypatch)
    names = [p.name for p in parameters(mg.op(f))]
    assert names[: f.nin] == ["x", "x1", "x2"][f.nin // 2 :][: f.nin] and names[f.nin] == "out"


def test_the_table_serves_no_namesakes(monkeypatch):
    """A C function of another library that is called as NumPy's is."""
    without_signatures_of_c(monkeypatch)
    dot = np.dot
    monkeypatch.setattr(np, "dot", np.vdot)
    with pytest.raises(ValueError):
        parameters(dot)


AS_IN_THE_TABLE = pytest.mark.skipif(
    not np.__version__.startswith("2.4."), reason="the table holds the signatures of NumPy 2.4"
)


@AS_IN_THE_TABLE
@pytest.mark.parametrize("name", SIGNATURES)
def test_the_table_is_what_numpy_says(name):
    assert seen(SIGNATURES[name]) == seen(getattr(np, name))


@AS_IN_THE_TABLE
@pytest.mark.parametrize("f", UFUNCS)
def test_a_ufunc_has_the_signature_that_numpy_says(f):
    assert str(of_ufunc(f)) == str(inspect.signature(f))
