"""Custom primitives in autograd's form."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.special

import memograd.autograd as ag
import memograd.functional as F
from memograd.autograd.extend import (
    Box,
    defjvp,
    defjvp_argnum,
    defvjp,
    defvjp_argnum,
    defvjp_argnums,
    notrace_primitive,
    primitive,
    vspace,
)
from memograd.autograd.numpy.numpy_vjps import unbroadcast_f
from memograd.autograd.primitives import def_linear
from memograd.errors import RegistrationError

X = np.array([1.0, 2.0])


def test_one_maker_for_each_argument() -> None:
    @primitive
    def scaled(x: Any, s: Any, name: Any = None) -> Any:
        """A docstring."""
        return x * s

    defvjp(
        scaled,
        lambda ans, x, s, name=None: lambda g: g * s,
        lambda ans, x, s, name=None: lambda g: np.sum(g * x),
    )
    g = ag.grad(lambda x, s: np.sum(scaled(x, s, name="n") ** 2), (0, 1))(X, 3.0)
    assert (g[0].tolist(), g[1]) == ([18.0, 36.0], 30.0)
    assert scaled.__name__ == "scaled" and scaled.__doc__ == "A docstring."
    assert scaled.fun(2.0, 3.0) == 6.0


def test_argnums_name_the_arguments_and_none_stands_for_zero() -> None:
    @primitive
    def last(f: Any, x: Any, y: Any) -> Any:
        return f(x) + y

    defvjp(last, None, lambda ans, f, x, y: lambda g: 7 * g, argnums=[1, 2])
    assert ag.grad(partial(last, np.sin), 1)(1.0, 2.0) == 7.0
    assert ag.grad(partial(last, np.sin))(1.0, 2.0) == 0.0


def test_a_list_is_one_argument() -> None:
    @primitive
    def total(xs: Any) -> Any:
        return sum(xs)

    defvjp(total, lambda ans, xs: lambda g: [2 * g for _ in xs])
    assert ag.grad(lambda xs: total(xs) ** 2)([1.0, 2.0]) == [12.0, 12.0]
    assert ag.grad(lambda x: total([x, 1.0, x]))(3.0) == 4.0


def test_argnums_at_once_and_one_by_one() -> None:
    for define in (
        lambda f: defvjp_argnum(f, lambda k, ans, args, kwargs: lambda g: g * args[1 - k]),
        lambda f: defvjp_argnums(
            f, lambda ks, ans, args, kwargs: lambda g: [g * args[1 - k] for k in ks]
        ),
    ):
        product = primitive(lambda a, b: a * b)
        define(product)
        assert ag.grad(product, (0, 1))(3.0, 5.0) == (5.0, 3.0)


def test_integers_and_tuples_as_results() -> None:
    @primitive
    def largest(x: Any) -> Any:
        return np.max(x), np.argmax(x)

    def maker(ans: Any, x: Any) -> Any:
        return lambda g: np.where(np.arange(len(x)) == ans[1], g[0], 0.0)

    defvjp(largest, maker)

    def f(x: Any) -> Any:
        value, place = largest(x)
        assert place.dtype.kind == "i"
        return value**2 * x[place]

    assert ag.grad(f)(X).tolist() == [0.0, 12.0]


def test_ufuncs_of_scipy_with_unbroadcast_f() -> None:
    beta = primitive(scipy.special.betaln)
    digamma = scipy.special.psi
    defvjp(
        beta,
        lambda ans, a, b: unbroadcast_f(a, lambda g: g * (digamma(a) - digamma(a + b))),
        lambda ans, a, b: unbroadcast_f(b, lambda g: g * (digamma(b) - digamma(a + b))),
    )
    g = ag.grad(lambda a, b: np.sum(beta(a, b)), (0, 1))(2.0, X)
    assert g[0] == pytest.approx(np.sum(digamma(2.0) - digamma(2.0 + X)), rel=1e-14)
    assert g[1] == pytest.approx(digamma(X) - digamma(2.0 + X), rel=1e-14)


def test_second_derivatives_go_through_the_makers() -> None:
    cube = primitive(lambda x: x**3)
    defvjp(cube, lambda ans, x: lambda g: 3 * g * x**2)
    assert ag.hessian(lambda x: np.sum(cube(x)))(X).tolist() == [[6.0, 0.0], [0.0, 12.0]]
    assert ag.make_jvp(cube)(2.0)(1.0)[1] == 12.0
    assert F.compiled(F.grad(lambda x: np.sum(cube(x))))(X).tolist() == [3.0, 12.0]


def test_tangents_of_ones_own() -> None:
    seen = []
    f = primitive(lambda x, y: x * y)
    defvjp(f, lambda ans, x, y: lambda g: g * y, lambda ans, x, y: lambda g: g * x)
    defjvp(f, "same", lambda g, ans, x, y: seen.append(1) or g * x)
    assert ag.make_jvp(f, (0, 1))(2.0, 3.0)((1.0, 10.0)) == (6.0, 23.0) and seen
    h = primitive(lambda x, y: x * y)
    defvjp(h, lambda ans, x, y: lambda g: g * y, lambda ans, x, y: lambda g: g * x)
    def_linear(h)
    assert ag.make_jvp(h, (0, 1))(2.0, 3.0)((1.0, 10.0)) == (6.0, 23.0)
    k = primitive(lambda x, y: x + y)
    defvjp(k, None, None)
    defjvp(k, None, lambda g, ans, x, y: 5 * g)
    assert ag.make_jvp(k, (0, 1))(2.0, 3.0)((1.0, 10.0)) == (5.0, 50.0)
    m = primitive(lambda x: (x, x * 2.0))
    defvjp(m, None)
    defjvp_argnum(m, lambda argnum, g, ans, args, kwargs: (g, 3 * g))
    assert ag.make_jvp(lambda x: m(x)[1])(2.0)(1.0) == (4.0, 3.0)


def test_what_is_not_defined_is_refused() -> None:
    nothing = primitive(lambda x, y: x * y)
    with pytest.raises(NotImplementedError, match="is a primitive without a derivative"):
        ag.grad(nothing)(1.0, 2.0)
    defvjp(nothing, lambda ans, x, y: lambda g: g)
    with pytest.raises(NotImplementedError, match="no derivative by argument 1"):
        ag.grad(nothing, 1)(1.0, 2.0)
    sine = primitive(np.sin)
    defvjp(sine, lambda ans, x: lambda g: 2 * g * np.cos(x))
    with pytest.raises(RegistrationError, match="rule of memograd's own"):
        defvjp(np.sin, lambda ans, x: lambda g: g)
    with pytest.raises(RegistrationError, match="rule of memograd's own"):
        defvjp(ag.numpy.linalg.norm, lambda ans, x: lambda g: g)
    assert ag.grad(sine)(0.0) == 2.0


def test_a_function_that_is_no_primitive_is_traced_whatever_is_defined() -> None:
    def double(x: Any) -> Any:
        return 2 * x

    defvjp(double, lambda ans, x: lambda g: 100 * g)
    defjvp(double, lambda g, ans, x: 100 * g)
    assert ag.grad(double)(1.0) == 2.0 and ag.make_jvp(double)(1.0)(1.0)[1] == 2.0


def test_values_are_taken_where_it_is_asked() -> None:
    seen = []

    @notrace_primitive
    def look(x: Any) -> Any:
        seen.append(x)
        return x > 0

    assert ag.grad(lambda x: x if look(x) else -x)(2.0) == 1.0
    assert seen == [2.0] and not isinstance(seen[0], Box)
    with pytest.raises(TypeError, match="np.where"):
        F.compiled(lambda x: x if look(x) else -x)(2.0)
    assert vspace(X).size == 2
