"""The functional forms: JAX's signatures, nesting without confused perturbations, closures over nodes, branches on values."""

import threading
from dataclasses import dataclass

import numpy as np
import pytest

import memograd as mg
from memograd.errors import (
    NotDifferentiableError,
    NotScalarError,
    OtherTapeError,
    RefusedError,
)
from memograd.functional import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from memograd.jacobians.elimination import linearization
from memograd.memory import uses
from memograd.program.trace_state import current_tape


def test_value_and_grad():
    value, g = value_and_grad(lambda x: np.sum(x * x))(np.array([1.0, 2.0]))
    assert (value, g.tolist()) == (5.0, [2.0, 4.0])


def test_argnums():
    def f(a, b, c):
        return np.sum(a * b) + c

    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert grad(f, argnums=1)(a, b, 2.0).tolist() == [1.0, 2.0]
    assert [np.asarray(g).tolist() for g in grad(f, argnums=(2, 0))(a, b, 2.0)] == [1.0, [3.0, 4.0]]


def test_argnums_count_from_the_end_too():
    assert grad(lambda a, b: a * a * b, -1)(3.0, 2.0) == 9.0
    assert grad(lambda a, b: a * a * b, (-1, 0, 1))(3.0, 2.0) == (9.0, 12.0, 9.0)
    assert grad(lambda a, b: a * b, range(2))(3.0, 2.0) == (2.0, 3.0)


def test_nests_of_arguments_and_of_results():
    nest = {"w": np.array([1.0, 2.0]), "rest": (3.0, None)}
    value, g = value_and_grad(lambda p: np.sum(p["w"]) * p["rest"][0])(nest)
    assert (value, g["w"].tolist(), g["rest"]) == (9.0, [3.0, 3.0], (3.0, None))
    J = jacobian(lambda p: [p["w"] * p["rest"][0], None])(nest)
    assert (
        J[0]["w"].tolist() == [[3.0, 0.0], [0.0, 3.0]]
        and J[0]["rest"][0].tolist() == [1.0, 2.0]
        and J[1] is None
    )
    assert hessian(lambda p: p["a"] * p["b"] * p["b"])({"a": 2.0, "b": 3.0}) == {
        "a": {"a": 0.0, "b": 6.0},
        "b": {"a": 6.0, "b": 4.0},
    }


@pytest.mark.parametrize("order", ["auto", "reverse", "forward", "segments", "colours"])
def test_jacobians_in_any_order(order):
    J = jacobian(lambda x: np.cumsum(x * x), order=order)
    assert J(np.array([1.0, 2.0])).tolist() == [[2.0, 0.0], [2.0, 4.0]]
    assert jacobian(J, order=order)(np.array([1.0, 2.0])).tolist() == [
        [[2.0, 0.0], [0.0, 0.0]],
        [[2.0, 0.0], [0.0, 2.0]],
    ]


@pytest.mark.parametrize(
    "f", [jacobian(np.sin, order="fast"), jacobian(jacobian(np.sin, order="fast"))]
)
def test_an_order_that_there_is_not(f):
    with pytest.raises(ValueError, match="order is 'auto', .*, not 'fast'"):
        f(np.ones(2))


def test_what_comes_beside_is_passed_on_as_it_is():
    def f(x):
        return np.sum(x * x), {"half": x / 2.0, "text": "kept", "nothing": None}

    x = np.array([2.0, 4.0])
    (value, a), g = value_and_grad(f, has_aux=True)(x)
    answers = [
        a,
        grad(f, has_aux=True)(x)[1],
        vjp(f, x, has_aux=True)[2],
        jvp(f, (x,), (x,), has_aux=True)[2],
    ]
    answers += [jacobian(f, has_aux=True)(x)[1], hessian(f, has_aux=True)(x)[1]]
    assert (value, g.tolist()) == (20.0, [4.0, 8.0])
    assert [(b["half"].tolist(), b["text"], b["nothing"]) for b in answers] == 6 * [
        ([1.0, 2.0], "kept", None)
    ]


def test_keywords_and_other_arguments_are_passed_on():
    assert grad(lambda x, flag, *, scale: scale * x if flag else x)(1.0, True, scale=3.0) == 3.0


def test_a_result_that_does_not_depend_on_the_inputs_gives_zeros():
    assert value_and_grad(lambda x: 3.0)(np.ones(2))[1].tolist() == [0.0, 0.0]
    assert grad(lambda x, y: np.sum(y), argnums=(0, 1))(np.ones(2), 1.0)[0].tolist() == [0.0, 0.0]


def test_results_without_a_derivative_have_zeros():
    def f(x):
        return 3, np.ones((2, 1)), np.argmax(x), x[0]

    x = np.array([1.0, 2.0])
    value, tangent = jvp(f, (x,), (x,))
    assert (
        value[2] == 1
        and [np.shape(t) for t in tangent] == [(), (2, 1), (), ()]
        and tangent[3] == 1.0
    )
    assert vjp(f, x)[1]((0, np.ones((2, 1)), 5, 2.0))[0].tolist() == [2.0, 0.0]
    assert vjp(np.argmax, x)[1](0)[0].tolist() == [0.0, 0.0]
    J = jacobian(lambda x: {"n": 3, "c": np.ones((2, 1)), "x": x[:1]})(x)
    assert [J[key].shape for key in "ncx"] == [(2,), (2, 1, 2), (1, 2)] and J["x"].tolist() == [
        [1.0, 0.0]
    ]
    assert hessian(lambda x: 3.0)(x).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert [p.tolist() for p in hvp(lambda x: np.sum(x), (x,), (x,))] == [[0.0, 0.0]]


def test_nothing_to_differentiate_by():
    assert grad(lambda p, y: y * y)({}, 2.0) == {} and grad(lambda p, y: y)(None, 2.0) is None
    assert jvp(lambda p: 3.0, ({},), ({},)) == (3.0, 0.0) and hvp(lambda p: 3.0, ({},), ({},)) == (
        {},
    )
    assert jacobian(lambda p: {"y": 3.0})([None]) == {"y": [None]}


def test_branches_are_free_where_no_program_outlives_them():
    def f(x):
        return x * x if x > 0 else max(x, -10.0) * int(x - 0.5)

    assert grad(f)(3.0) == 6.0
    assert grad(f)(-3.0) == -3.0


def test_perturbations_are_not_confused():
    assert grad(lambda x: x * grad(lambda y: x + y)(x))(3.0) == 1.0
    assert grad(lambda x: grad(lambda y: x * y * y)(x))(3.0) == 12.0
    assert grad(lambda x: x * jvp(lambda y: x * y, (x,), (1.0,))[1])(5.0) == 10.0


@pytest.mark.parametrize("order", range(5))
def test_any_order_of_sin(order):
    f = np.sin
    for _ in range(order):
        f = grad(f)
    assert f(0.3) == pytest.approx(
        [np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin][order](0.3), rel=1e-14
    )


def test_three_ways_to_a_hessian_vector_product(rng):
    def f(x):
        return np.sum(np.tanh(x) * x[::-1])

    x, v = rng.normal(size=4), rng.normal(size=4)
    (product,) = hvp(f, (x,), (v,))
    np.testing.assert_allclose(jvp(grad(f), (x,), (v,))[1], product, rtol=1e-12)
    np.testing.assert_allclose(grad(lambda u: np.sum(grad(f)(u) * v))(x), product, rtol=1e-12)
    np.testing.assert_allclose(vjp(grad(f), x)[1](v)[0], product, rtol=1e-12)


def test_vjp_of_jvp_and_jvp_of_vjp(rng):
    x, t, s = rng.normal(size=3), rng.normal(size=3), rng.normal(size=3)
    second = -np.sin(x) * t * s
    np.testing.assert_allclose(
        vjp(lambda u: jvp(np.sin, (u,), (t,))[1], x)[1](s)[0], second, rtol=1e-12
    )
    np.testing.assert_allclose(
        jvp(lambda u: vjp(np.sin, u)[1](s)[0], (x,), (t,))[1], second, rtol=1e-12
    )


def test_the_pullback_gives_a_tuple_and_can_be_called_again():
    value, pullback = vjp(np.multiply, np.array([1.0, 2.0]), 3.0)
    assert value.tolist() == [3.0, 6.0]
    for seed in ([1.0, 1.0], [2.0, 0.0]):
        a, b = pullback(np.array(seed))
        assert (a.tolist(), b) == ([3 * s for s in seed], float(np.dot(seed, [1.0, 2.0])))


def test_a_closure_over_a_node_of_the_users_gives_nodes():
    w = mg.Tape().leaf(2.0, name="w")
    g = grad(lambda x: w * x * x)(3.0)
    assert isinstance(g, mg.Node)
    assert g.value == 12.0
    assert mg.grad(g, w) == 6.0


def test_a_closure_that_gives_the_node_itself():
    w = mg.Tape().leaf(2.0, name="w")
    assert grad(lambda x: w)(3.0).value == 0.0
    assert jacobian(lambda x: [w * 2.0, x])(3.0)[1].value == 1.0


def test_a_pullback_is_differentiated_like_any_function():
    _, pullback = vjp(lambda x: x * x, 3.0)
    assert grad(lambda s: pullback(s)[0] * s)(2.0) == 24.0
    s = mg.Tape().leaf(2.0)
    assert mg.grad(pullback(s)[0], s) == 6.0
    assert pullback(2.0) == (12.0,)


def test_rules_of_the_users_own_differentiate_inside():
    cube = lambda y: y * y * y  # noqa: E731
    slope = mg.op(lambda x: grad(cube)(x))
    mg.rule(slope, x=lambda g, x: g * grad(grad(cube))(x))
    assert grad(slope)(2.0) == 12.0
    assert grad(lambda x: x * grad(slope)(x))(2.0) == 24.0


def test_given_nodes_they_give_nodes():
    x = mg.Tape().leaf(3.0, name="x")
    value, g = value_and_grad(lambda u: u * u * u)(x)
    assert (value.value, g.value) == (27.0, 27.0)
    assert mg.grad(g, x) == 18.0
    assert grad(lambda u: 3.0)(x).value == 0.0
    assert jvp(lambda u: u[0] * u[0], ([x],), ([2.0],))[1].value == 12.0
    assert mg.grad(jvp(lambda u: u * u, (3.0,), (x,))[1], x) == 6.0
    assert hessian(lambda u: u["a"] ** 3)({"a": x})["a"]["a"].value == 18.0


def test_complex_and_float32():
    assert grad(lambda z: np.real(z * np.conj(z)))(1 + 2j) == 2 - 4j
    assert grad(lambda x: np.sum(x * x))(np.ones(2, np.float32)).dtype == np.float32


def test_threads_do_not_meet():
    results = {}

    def work(k):
        results[k] = grad(lambda x: grad(lambda y: y * y * x)(x))(float(k))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {k: 4.0 * k for k in range(8)}


# -------------------------------------------------------------------------------------------------------- bad input


@dataclass
class Model:
    w: object
    n: int = 3


X = np.ones(2)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (
            lambda: grad(np.sin)(X),
            NotScalarError,
            r"np.sin gave float64 \(2,\)\. Take jacobian, vjp",
        ),
        (lambda: hvp(np.sin, (X,), (X,)), NotScalarError, "np.sin gave"),
        (
            lambda: grad(lambda x: (x, x))(1.0),
            NotScalarError,
            "gave a tuple of 2.*has_aux=True.*jacobian, or vjp",
        ),
        (lambda: grad(lambda x: None)(1.0), NotDifferentiableError, "gave None"),
        (lambda: vjp(lambda x: None, 1.0), NotDifferentiableError, "gave None"),
        (
            lambda: jacobian(lambda x: {"a": [x, "text"]})(1.0),
            NotDifferentiableError,
            r"'text' as result\['a'\]\[1\]",
        ),
        (
            lambda: jvp(lambda x: object(), (1.0,), (1.0,)),
            NotDifferentiableError,
            "no array of numbers",
        ),
        (
            lambda: grad(lambda z: z * z)(1j),
            NotDifferentiableError,
            r"real number, but .* gave complex128.*np.real",
        ),
        (lambda: grad(lambda x: np.argmax(x))(X), NotDifferentiableError, "np.argmax, int64"),
        (
            lambda: jacobian(lambda x: {"y": x, "n": np.argmax(x)})(X),
            NotDifferentiableError,
            "np.argmax, int64",
        ),
        (
            lambda: grad(np.sin)(1),
            NotDifferentiableError,
            "no derivative by argument 0, 1 of dtype int64",
        ),
        (
            lambda: grad(lambda x, p: x, 1)(1.0, {"w": [True]}),
            NotDifferentiableError,
            r"argument 1\['w'\]\[0\], True of dtype bool",
        ),
        (
            lambda: grad(lambda m: m.w)(Model(1.0)),
            NotDifferentiableError,
            r"argument 0.n, 3 .*metadata=\{'static': True\}",
        ),
        (lambda: grad(lambda x: x)("text"), NotDifferentiableError, "argument 0, 'text'"),
        (
            lambda: grad(lambda x: x)(np.array([[1.0], [1.0, 2.0]], object)),
            NotDifferentiableError,
            "of dtype object",
        ),
        (lambda: vjp(np.sin, 1), NotDifferentiableError, "argument 0, 1"),
        (
            lambda: grad(np.sin, 1)(1.0),
            NotDifferentiableError,
            "by argument 1, but was called with 1 by position",
        ),
        (lambda: jacobian(np.sin, -2)(1.0), NotDifferentiableError, "by argument -2"),
        (lambda: hessian(np.sin, (0, 3))(1.0), NotDifferentiableError, "by argument 3"),
        (lambda: grad(lambda x: x)(x=1.0), NotDifferentiableError, "called with 0 by position"),
        (
            lambda: grad(np.sin, "x")(1.0),
            RefusedError,
            "argnums is an int or a sequence of ints, not 'x'",
        ),
        (lambda: grad(lambda x: x, has_aux=True)(X), RefusedError, "gives a pair.*gave a Node"),
        (lambda: vjp(lambda x: (x, x, x), X, has_aux=True), RefusedError, "gave a tuple of 3"),
        (
            lambda: jvp(np.sin, (X,), (np.ones(3),)),
            RefusedError,
            r"tangents\[0\] is float64 \(3,\), but stands for v0",
        ),
        (
            lambda: jvp(np.sin, (X,), (1j * X,)),
            RefusedError,
            r"complex128 \(2,\), but stands for v0 \(leaf, float64",
        ),
        (
            lambda: hvp(lambda p: np.sum(p["w"]), ({"w": X},), ({"v": X},)),
            RefusedError,
            r"tangents\[0\] is a dict of 1 \['v'\]",
        ),
        (
            lambda: jvp(np.add, (X, X), (X,)),
            RefusedError,
            "tangents is a tuple of 1, but stands for a tuple of 2",
        ),
        (
            lambda: jvp(np.sin, X, X),
            RefusedError,
            r"are tuples.*are a ndarray and a ndarray. Give \(x,\)",
        ),
        (lambda: vjp(np.sin, X)[1](1.0), RefusedError, r"cotangent is float64 \(\)"),
        (lambda: vjp(np.sin, X)[1](1j * X), RefusedError, "cotangent is complex128"),
        (
            lambda: vjp(np.sin, X)[1]([[1], [1, 2]]),
            RefusedError,
            "which is ragged, but stands for .*Give an array of that shape",
        ),
        (lambda: vjp(np.sin, X)[1](None), RefusedError, "cotangent is object"),
        (
            lambda: vjp(lambda x: [x], X)[1](X),
            RefusedError,
            "cotangent is a ndarray, but stands for a list of 1",
        ),
    ],
)
def test_bad_input(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
    assert current_tape() is None


def test_nodes_of_two_tapes():
    u, w = mg.Tape().leaf(1.0, name="u"), mg.Tape().leaf(2.0, name="w")
    calls = [
        lambda: grad(lambda x: x * w)(u),
        lambda: grad(lambda x: w)(u),
        lambda: grad(np.multiply, (0, 1))(u, w),
    ]
    for call in [*calls, lambda: jvp(np.sin, (u,), (w,)), lambda: grad(lambda x: x * u * w)(3.0)]:
        with pytest.raises(
            OtherTapeError, match=r"met [uw] \(leaf, float64 \(\), .*, a node of another tape"
        ):
            call()
    assert current_tape() is None


def test_a_node_that_outlives_its_function():
    kept = []
    grad(lambda x: kept.append(x) or x * x)(3.0)
    for f in (lambda x: x * kept[0], lambda x: kept[0]):
        with pytest.raises(OtherTapeError, match="a node of another tape"):
            grad(f)(2.0)


class Visits(dict):
    """The registry of rules, which counts how often a walk over the program looks for one."""

    count = 0

    def __getitem__(self, op):
        self.count += 1
        return super().__getitem__(op)

    def counted(self, nodes):
        self.count += len(nodes)
        return nodes


ancestors = linearization.ancestors_of
NESTED = {
    "grad": lambda y: grad(lambda z: np.sin(z) * z)(y),
    "vjp": lambda y: vjp(lambda z: np.sin(z) * z, y)[1](1.0)[0],
    "hvp": lambda y: hvp(lambda z: np.sin(z) * z, (y,), (1.0,))[0],
    "jvp": lambda y: jvp(lambda z: np.sin(z) * z, (y,), (1.0,))[1],
    "jacobian": lambda y: jacobian(lambda z: np.sin(z) * z)(y),
    "elimination": lambda y: jacobian(lambda z: np.sin(z) * z, order="elimination")(y),
}


@pytest.mark.parametrize("form", NESTED)
def test_many_inner_derivatives_cost_what_each_costs_times_their_number(form, monkeypatch):
    def visits(times):
        def f(x):
            y = x
            for _ in range(times):
                y = y - 0.01 * NESTED[form](y)
            return y

        rules = Visits(uses.RULES)
        with monkeypatch.context() as patch:
            patch.setattr(uses, "RULES", rules)
            patch.setattr(linearization, "RULES", rules)
            patch.setattr(
                linearization,
                "ancestors_of",
                lambda *args, **kwargs: rules.counted(ancestors(*args, **kwargs)),
            )
            grad(f)(0.5)
        return rules.count

    few, many = visits(10), visits(40)
    assert 0 < few and many < 5 * few
