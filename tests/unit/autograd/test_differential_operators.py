"""autograd's operators: argnum, containers, integers, results of one entry, what is refused."""

import warnings
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import memograd as mg
import memograd.autograd as ag
import memograd.autograd.numpy as anp
from memograd.autograd.differential_operators import make_jvp_reversemode
from memograd.errors import MemogradError, NotDifferentiableError, RefusedError

X = np.array([1.0, 2.0])


def weighted(x: Any, y: Any, scale: float = 1.0) -> Any:
    return scale * np.sum(x * x) * y


def test_argnum_is_an_int_or_several() -> None:
    assert ag.grad(weighted, 1)(X, 3.0, scale=2.0) == 10.0
    for argnum in ([1, 0], (1, 0)):
        g = ag.grad(weighted, argnum)(X, 3.0)
        assert type(g) is tuple and (g[0], g[1].tolist()) == (5.0, [6.0, 12.0])
    assert ag.grad(weighted, -1)(X, 3.0) == 5.0


@pytest.mark.parametrize("argnum", ["x", 1.0, None, [0.5], True])
def test_an_argnum_of_another_type_is_refused(argnum: Any) -> None:
    with pytest.raises(RefusedError, match="use grad_named"):
        ag.grad(weighted, argnum)


def test_containers_come_back_as_they_were_given() -> None:
    nest = {"w": X, "rest": [3.0, (np.ones((1, 2)),)]}
    g = ag.grad(lambda p: np.sum(p["w"]) * p["rest"][0] + np.sum(p["rest"][1][0]))(nest)
    assert g["w"].tolist() == [3.0, 3.0] and g["rest"][0] == 3.0
    assert type(g["rest"]) is list and g["rest"][1][0].tolist() == [[1.0, 1.0]]


def test_arrays_of_integers_are_differentiated_as_floats() -> None:
    assert ag.grad(lambda x: np.sum(x**2))(np.array([1, 2])).tolist() == [2.0, 4.0]
    assert ag.grad(lambda p: np.sum(p[0] ** 2))([np.array([1, 2])])[0].tolist() == [2.0, 4.0]
    with pytest.raises(TypeError, match="of dtype int64"):
        ag.grad(lambda x: x * x)(2)


def test_one_entry_in_any_shape_is_a_scalar() -> None:
    value, g = ag.value_and_grad(lambda x: np.reshape(np.sum(x), (1, 1)))(X)
    assert value.tolist() == [[3.0]] and g.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("operator", [ag.grad, ag.value_and_grad, ag.elementwise_grad])
@pytest.mark.parametrize(
    "f",
    [lambda x: x, lambda x: np.sum(x) * 1j, lambda x: [x[0], x[1]]],
    ids=["vector", "complex", "list"],
)
def test_other_results_are_refused_as_autograd_does(operator: Any, f: Any) -> None:
    if operator is ag.elementwise_grad and f(X) is X or type(f(X)) is list:
        return  # these have sums of columns
    with pytest.raises(TypeError, match="is that of (a real number|real numbers), but"):
        operator(f)(X)


def test_answers_can_be_written_to() -> None:
    value, g = ag.value_and_grad(lambda x: x[:1])(X)
    for array in (value, g, ag.jacobian(np.square)(X), ag.hessian(np.sum)(X)):
        array += 1.0
    J = ag.make_vjp(np.square)(X)[0](np.ones(2))
    J[0] = 5.0


def test_jacobian_and_hessian() -> None:
    assert ag.jacobian(np.cumsum)(X).tolist() == [[1.0, 0.0], [1.0, 1.0]]
    assert ag.jacobian(np.sum)(X).tolist() == [1.0, 1.0]
    assert ag.hessian(lambda x: np.prod(x))(X).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert ag.hessian(lambda s, x: np.prod(x) * s, 1)(2.0, X).tolist() == [[0.0, 2.0], [2.0, 0.0]]


def test_elementwise_grad_and_deriv() -> None:
    assert ag.elementwise_grad(ag.elementwise_grad(lambda x: x**3))(X).tolist() == [6.0, 12.0]
    assert ag.elementwise_grad(lambda x, y: x * y, 1)(X, np.array([5.0, 6.0])).tolist() == [
        1.0,
        2.0,
    ]
    assert ag.deriv(np.square)(3.0) == 6.0


def test_complex_conventions() -> None:
    z = np.array([1.0 + 2.0j, 3.0 - 1.0j])
    assert ag.grad(lambda z: np.sum(np.abs(z) ** 2))(z) == pytest.approx(2 * np.conj(z))
    assert ag.holomorphic_grad(lambda z: np.sum(z**2))(z) == pytest.approx(2 * z)


def test_products_at_a_point() -> None:
    def f(x: Any) -> Any:
        return np.sum(x**3)

    v = np.array([1.0, 10.0])
    pull, y = ag.make_vjp(np.square)(X)
    assert y.tolist() == [1.0, 4.0] and pull(v).tolist() == [2.0, 40.0]
    assert pull(1.0).tolist() == [2.0, 4.0]  # broadcast, as a rule would do it
    y, t = ag.make_jvp(np.square)(X)(v)
    assert y.tolist() == [1.0, 4.0] and t.tolist() == [2.0, 40.0]
    assert make_jvp_reversemode(np.square)(X)(v).tolist() == [2.0, 40.0]
    product, gradient = ag.make_hvp(f)(X)
    assert gradient.tolist() == [3.0, 12.0] and product(v).tolist() == [6.0, 120.0]
    assert ag.hessian_vector_product(f)(X, v).tolist() == [6.0, 120.0]
    assert ag.hessian_tensor_product(lambda s, x: s * f(x), 1)(2.0, X, v).tolist() == [12.0, 240.0]
    assert ag.vector_jacobian_product(np.square)(X, v).tolist() == [2.0, 40.0]
    both = ag.make_vjp(lambda x, y: x * y, (0, 1))(X, v)[0](np.ones(2))
    assert [d.tolist() for d in both] == [v.tolist(), X.tolist()]


def test_generalized_gauss_newton() -> None:
    A, v = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([1.0, -1.0])
    assert ag.make_ggnvp(lambda x: A @ x)(X)(v) == pytest.approx(A.T @ A @ v)
    H = ag.make_ggnvp(lambda x: A @ x, lambda y: np.sum(y**3))(X)(v)
    assert H == pytest.approx(A.T @ np.diag(6 * A @ X) @ A @ v)


def test_grad_named_and_multigrad_dict() -> None:
    assert ag.grad_named(weighted, "y")(X, 3.0) == 5.0

    def f(a: Any, *rest: Any, b: Any = 2.0, **more: Any) -> Any:
        return a * rest[0] * b * more["c"]

    g = ag.multigrad_dict(f)(3.0, 5.0, c=7.0)
    assert list(g) == ["a", "rest", "b", "more"]
    assert g == {"a": 70.0, "rest": (42.0,), "b": 105.0, "more": {"c": 30.0}}
    assert isinstance(OrderedDict(g), dict)


def test_grad_and_aux() -> None:
    g, aux = ag.grad_and_aux(lambda x: (np.sum(x**2), x[0] * 3.0))(X)
    assert g.tolist() == [2.0, 4.0] and aux == 3.0


def test_a_checkpoint_runs_again_and_keeps_its_derivatives() -> None:
    calls = []

    @ag.checkpoint
    def f(x: Any, n: int) -> Any:
        calls.append(n)
        return np.sin(x) ** n

    assert ag.grad(f)(0.5, 3) == pytest.approx(3 * np.sin(0.5) ** 2 * np.cos(0.5))
    assert len(calls) == 2
    assert ag.grad(ag.grad(f))(0.5, 2) == pytest.approx(2 * np.cos(1.0))
    w = mg.Tape().leaf(2.0)
    with pytest.raises(MemogradError, match="give it every node"):
        ag.checkpoint(lambda x: w * x)(mg.Tape().leaf(1.0))


def test_they_nest_and_close_over_each_other() -> None:
    assert ag.grad(lambda x: x * ag.grad(lambda y: x + y)(x))(3.0) == 1.0
    assert ag.grad(lambda x: ag.make_vjp(lambda y: x * y * y)(x)[0](1.0))(3.0) == 12.0
    assert ag.grad(ag.grad(ag.grad(np.sin)))(0.0) == -1.0


def test_names_tell_the_operator() -> None:
    assert ag.grad(weighted, 1).__name__ == "grad_of_weighted_wrt_argnum_1"
    assert ag.make_vjp(weighted).__name__ == "make_vjp_of_weighted_wrt_argnum_0"
    assert ag.grad.__name__ == "grad"


def test_a_result_without_the_argument_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="seems independent of input"):
        pull, y = ag.make_vjp(lambda x: 3.0)(X)
    assert y == 3.0 and pull(1.0).tolist() == [0.0, 0.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ag.make_vjp(lambda x: (x, 1.0))(X)[0]((np.ones(2), 1.0)).tolist() == [1.0, 1.0]


def test_a_lost_derivative_is_refused() -> None:
    with pytest.raises(MemogradError, match="lose its derivative"):
        ag.grad(lambda x: float(x[0]) * x[1])(X)
    with pytest.raises(NotDifferentiableError):
        ag.grad(lambda x: x)("text")


def test_anp_is_what_users_call() -> None:
    assert ag.grad(lambda x: anp.sum(anp.array([x[0], 3 * x[1]])))(X).tolist() == [1.0, 3.0]
