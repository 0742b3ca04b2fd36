"""Ops of any signature: lists, None, functions and keywords among the arguments, pytrees as results."""

import gc
from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import memograd as mg
import memograd.functional as F
from memograd.check import check_grad
from memograd.errors import (
    NotDifferentiableError,
    RefusedError,
    RegistrationError,
    RuleShapeError,
)
from memograd.rules.registration import define_push, general_op

A, B = np.array([3.0, 4.0]), np.array([1.0, 2.0])

Pair = namedtuple("Pair", "product rest")


def moments_vjp(g: Any, y: Any, xs: Any, f: Any = None, *, power: int = 1) -> Any:
    inner = [g.product * power * x ** (power - 1) + g.rest["sum"] for x in xs]
    return inner, None


@mg.op(vjp=moments_vjp)
def moments(xs: Any, f: Any = None, *, power: int = 1) -> Any:
    """A pytree of arrays, one of them integers, of a list, a function and a keyword."""
    total = sum(x**power for x in xs)
    return Pair(total if f is None else f(total), {"sum": sum(xs), "index": np.arange(2)})


def loss(a: Any, b: Any) -> Any:
    product, rest = moments([a, b, 2.0], lambda y: y, power=3)
    return np.sum(product * rest["sum"] + rest["index"])


def plain_loss(a: Any, b: Any) -> Any:
    return np.sum((a**3 + b**3 + 8.0) * (a + b + 2.0) + np.arange(2))


def test_the_result_has_the_structure_that_the_function_gives() -> None:
    a = mg.Tape().leaf(A)
    y = moments((a, B), None, power=2)
    assert type(y) is Pair and list(y.rest) == ["sum", "index"]
    assert y.rest["index"].dtype.kind == "i" and y.product.value.tolist() == [10.0, 20.0]
    assert moments([A, B]).product.tolist() == [4.0, 6.0]  # without a node nothing is recorded


def test_it_is_one_node_with_one_for_each_output() -> None:
    tape = mg.Tape()
    moments([tape.leaf(A), 1.0])
    assert len(tape) == 1 + 1 + 3


@pytest.mark.parametrize(
    "derivative",
    [
        F.grad,
        F.hessian,
        lambda f, argnums: lambda *x: F.jvp(f, x, x),
        lambda f, argnums: lambda *x: F.hvp(f, x, x[::-1]),
        lambda f, argnums: F.jacobian(F.grad(f, argnums), argnums, order="forward"),
        lambda f, argnums: F.compiled(F.grad(f, argnums)),
    ],
)
def test_every_form_agrees_with_the_plain_function(derivative: Any) -> None:
    found = derivative(loss, (0, 1))(A, B)
    expected = derivative(plain_loss, (0, 1))(A, B)
    np.testing.assert_allclose(np.array(found), np.array(expected), rtol=1e-12)


def test_an_assignment_reaches_it() -> None:
    tape = mg.Tape()
    a, b = tape.leaf(A), tape.leaf(B)
    L = loss(a, b)
    mg.grad(L, [a, b])
    a.value = [5.0, 6.0]
    check_grad(L, [a, b])


def test_a_list_of_nodes_is_pulled_through_once() -> None:
    calls = []

    def vjp(g: Any, y: Any, xs: Any) -> Any:
        calls.append(g)
        return ([g] * len(xs),)

    total = mg.op(vjp=vjp)(lambda xs: sum(xs))
    tape = mg.Tape()
    leaves = [tape.leaf(float(k)) for k in range(10)]
    assert [float(d) for d in mg.grad(total(leaves) ** 2, leaves)] == 10 * [90.0]
    assert len(calls) == 1
    leaves[0].value = 1.0
    assert float(mg.grad(total(leaves) * 2.0, leaves[3])) == 2.0


def test_arrays_among_the_arguments_are_copied() -> None:
    scale = np.array([1.0, 2.0])
    scaled = mg.op(vjp=lambda g, y, x, c: (g * c["scale"], None))(lambda x, c: x * c["scale"])
    a = mg.Tape().leaf(A)
    L = np.sum(scaled(a, {"scale": scale}))
    scale[:] = 100.0
    assert mg.grad(L, a).tolist() == [1.0, 2.0]


def test_none_in_the_place_of_a_list_or_an_item_is_zero() -> None:
    def vjp(g: Any, y: Any, xs: Any, zs: Any) -> Any:
        return [g, None], None

    first = mg.op(vjp=vjp)(lambda xs, zs: xs[0] + 0 * zs[0])
    tape = mg.Tape()
    a, b, c = (tape.leaf(2.0) for _ in range(3))
    assert [float(d) for d in mg.grad(first([a, b], [c, c]), [a, b, c])] == [1.0, 0.0, 0.0]


def test_the_vjp_has_one_form_for_all_calls() -> None:
    seen = []

    def vjp(g: Any, y: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append((args[1:], kwargs))
        return g * args[1], None

    scaled = mg.op(vjp=vjp)(lambda x, scale=2.0, *, name="n": x * scale)
    a = mg.Tape().leaf(3.0)
    for y in (scaled(a), scaled(x=a), scaled(a, scale=2.0), scaled(a, 2.0, name="n")):
        assert float(mg.grad(y, a)) == 2.0
    assert seen == 4 * [((2.0,), {"name": "n"})]


def test_a_node_by_keyword_is_one_by_position() -> None:
    scaled = mg.op(vjp=lambda g, y, x, scale: (g * scale, g * x))(lambda x, scale: x * scale)
    s = mg.Tape().leaf(3.0)
    assert float(mg.grad(scaled(2.0, scale=s), s)) == 2.0


def test_a_dataclass_of_constants_stays_the_object_that_it_is() -> None:
    @dataclass
    class Settings:
        scale: float

        def __post_init__(self) -> None:
            self.seen = "made once"

    def run(x: Any, settings: Any) -> Any:
        assert settings is given
        return x * settings.scale

    given = Settings(2.0)
    a = mg.Tape().leaf(3.0)
    scaled = mg.op(vjp=lambda g, y, x, s: (g * s.scale, None))(run)
    assert float(mg.grad(scaled(a, given), a)) == 2.0


def test_what_is_refused_and_nothing_is_left() -> None:
    tape = mg.Tape()
    a = tape.leaf(2.0)
    double = mg.op(vjp=lambda g, y, x: 2 * g)(lambda x: 2 * x)
    cases: list[tuple[Any, type[Exception], str]] = [
        (lambda: mg.op(vjp=3), RegistrationError, "is a function, not 3"),
        (lambda: mg.grad(double(a), a), RuleShapeError, "Give a tuple of one cotangent for each"),
        (lambda: mg.op(vjp=double)(lambda x: a * x)(a), NotDifferentiableError, "every node"),
        (lambda: mg.op(vjp=double)(lambda x: None)(a), NotDifferentiableError, "gave None"),
        (lambda: mg.op(vjp=double)(lambda *, x: x)(x=a), RefusedError, "by keyword alone"),
        (
            lambda: mg.grad(mg.op(vjp=lambda g, y, x: ({"a": g},))(lambda x: x[0])([a]), a),
            RefusedError,
            "Give the same nest",
        ),
    ]
    for run, error, message in cases:
        with tape.scratch(), pytest.raises(error, match=message):
            run()
    assert len(tape) == 1


def test_a_structure_that_changes_is_refused() -> None:
    def run(x: Any) -> Any:
        return [x] if x > 0 else (x, x)

    part = mg.op(vjp=lambda g, y, x: (g[0],))(run)
    a = mg.Tape().leaf(1.0)
    (y,) = part(a)
    a.value = -1.0
    with pytest.raises(RefusedError, match="may not depend on values"):
        y.value  # noqa: B018


def test_a_push_takes_the_place_of_the_transposed_vjp() -> None:
    seen = []

    def push(tangents: Any, y: Any, args: Any, kwargs: Any) -> Any:
        seen.append(sorted(tangents))
        return tangents[0][0] * y[0] / 2.0, tangents[0][0] * 2.0

    run = general_op(lambda xs, c: (xs[0] * xs[1], xs[0] * 2.0), lambda k, g, y, args, kwargs: None)
    define_push(run, push)
    value, tangent = F.jvp(lambda x: run([x, 3.0], B), (2.0,), (1.0,))
    assert (value, tangent) == ((6.0, 4.0), (3.0, 2.0)) and seen == [[0]]


def test_dropping_a_tape_frees_what_a_pull_has_kept() -> None:
    gone = []

    class Kept:
        def __del__(self) -> None:
            gone.append(True)

    def vjp(g: Any, y: Any, xs: Any, kept: Any) -> Any:
        return [g, g], None

    total = mg.op(vjp=vjp)(lambda xs, kept: xs[0] + xs[1])
    gc.disable()
    try:
        tape = mg.Tape()
        a, b = tape.leaf(1.0), tape.leaf(2.0)
        mg.grad(total([a, b], Kept()), a)
        del tape, a, b
        assert gone == [True]
    finally:
        gc.enable()
