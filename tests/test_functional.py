"""The functional forms: JAX's signatures, nesting without confused perturbations, closures over nodes, branches on values."""

import threading

import numpy as np
import pytest

import memograd as mg
from memograd.functional import grad, hvp, jvp, value_and_grad, vjp


def test_value_and_grad():
    value, g = value_and_grad(lambda x: np.sum(x * x))(np.array([1.0, 2.0]))
    assert (value, g.tolist()) == (5.0, [2.0, 4.0])


def test_argnums():
    def f(a, b, c):
        return np.sum(a * b) + c

    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert grad(f, argnums=1)(a, b, 2.0).tolist() == [1.0, 2.0]
    assert [np.asarray(g).tolist() for g in grad(f, argnums=(2, 0))(a, b, 2.0)] == [1.0, [3.0, 4.0]]


def test_keywords_and_other_arguments_are_passed_on():
    assert grad(lambda x, flag, *, scale: scale * x if flag else x)(1.0, True, scale=3.0) == 3.0


def test_a_result_that_does_not_depend_on_the_inputs_gives_zeros():
    assert value_and_grad(lambda x: 3.0)(np.ones(2))[1].tolist() == [0.0, 0.0]
    assert grad(lambda x, y: np.sum(y), argnums=(0, 1))(np.ones(2), 1.0)[0].tolist() == [0.0, 0.0]


def test_branches_and_conversions_are_free_where_no_program_outlives_them():
    def f(x):
        return x * x if x > 0 else float(x) * x

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
    assert f(0.3) == pytest.approx([np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin][order](0.3), rel=1e-14)


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
    np.testing.assert_allclose(vjp(lambda u: jvp(np.sin, (u,), (t,))[1], x)[1](s)[0], second, rtol=1e-12)
    np.testing.assert_allclose(jvp(lambda u: vjp(np.sin, u)[1](s)[0], (x,), (t,))[1], second, rtol=1e-12)


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


def test_given_nodes_they_give_nodes():
    x = mg.Tape().leaf(3.0, name="x")
    value, g = value_and_grad(lambda u: u * u * u)(x)
    assert (value.value, g.value) == (27.0, 27.0)
    assert mg.grad(g, x) == 18.0


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


def test_bad_input():
    with pytest.raises(mg.MemogradError, match="scalar"):
        grad(lambda x: x * 2.0)(np.ones(2))
    with pytest.raises(mg.MemogradError, match="no derivative"):
        grad(lambda x: x * 2.0)(1)
    with pytest.raises(mg.MemogradError, match=r"tangents\[0\] is float64 \(3,\)"):
        jvp(np.sin, (np.ones(2),), (np.ones(3),))
    with pytest.raises(mg.MemogradError, match=r"A cotangent of shape \(\)"):
        vjp(np.sin, np.ones(2))[1](1.0)
    assert mg.functional._thread.__dict__.get("tape") is None
