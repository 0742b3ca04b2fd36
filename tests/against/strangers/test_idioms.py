"""Idioms of packages that use autograd, by autograd and by memograd.autograd: values, shapes, containers, errors."""

import importlib
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as onp
import pytest

pytest.importorskip("autograd", reason="autograd is compared with: it is in the extra `compare`")
pytest.importorskip("scipy", reason="SciPy has the special functions: it is in the extra `scipy`")

MODULES = {
    "np": "numpy", "linalg": "numpy.linalg", "special": "scipy.special", "stats": "scipy.stats", "signal": "scipy.signal",
    "extend": "extend", "core": "core", "ops": "differential_operators", "misc": "misc", "optimizers": "misc.optimizers",
    "fixed": "misc.fixed_points", "vjps": "numpy.numpy_vjps", "tracer": "tracer",
}  # fmt: skip


def modules_of(package: str) -> SimpleNamespace:
    """The modules of autograd, or of what stands in for it."""
    found = {name: importlib.import_module(f"{package}.{path}") for name, path in MODULES.items()}
    return SimpleNamespace(ag=importlib.import_module(package), **found)


AUTOGRAD, MEMOGRAD = modules_of("autograd"), modules_of("memograd.autograd")

X = onp.array([0.7, 1.3, 2.1])
T = onp.array([0.5, 1.0, 2.0, 4.0])
A = onp.array([[2.0, 0.5, 0.1], [0.5, 3.0, 0.2], [0.1, 0.2, 1.5]])
Z = onp.array([0.5 + 1.0j, -0.3 + 0.2j])


def weibull(m: Any) -> Any:
    """A censored log-likelihood, its gradient and Hessian by two parameters, as reliability packages have it."""

    def loss(p: Any, t: Any, event: Any) -> Any:
        lambda_, rho = p
        hazard = m.np.log(rho) - m.np.log(lambda_) + (rho - 1) * (m.np.log(t) - m.np.log(lambda_))
        return -m.np.sum(event * hazard - (t / lambda_) ** rho) / len(t)

    event, p = onp.array([1, 0, 1, 1]), onp.array([1.5, 0.8])
    return m.ag.value_and_grad(loss)(p, T, event), m.ag.hessian(loss)(p, T, event)


def by_dict_of_parameters(m: Any) -> Any:
    """A regression whose parameters are a dict of arrays, as survival packages have it."""

    def loss(p: Any) -> Any:
        scale = m.np.exp(m.np.dot(A, p["beta"]))
        return m.np.sum(m.np.log1p((X / scale) ** m.np.exp(p["rho"]))) + 0.1 * m.np.sum(
            p["beta"] ** 2
        )

    return m.ag.grad(loss)({"beta": X, "rho": onp.array([0.2])})


def branches_on_a_parameter(m: Any) -> Any:
    def cumulative(t: Any, q: Any) -> Any:
        if q > 0:
            return m.special.gammaincc(1 / q**2, m.np.exp(q * m.np.log(t)) / q**2)
        return m.special.erf(m.np.log(t) / m.np.sqrt(2.0))

    return [m.ag.elementwise_grad(cumulative)(T, q) for q in (0.5, 0.0)]


def custom_primitive(m: Any) -> Any:
    """A function of SciPy's whose derivatives the package brings along."""
    gamma = m.extend.primitive(importlib.import_module("scipy.special").gammaln)
    psi = importlib.import_module("scipy.special").psi
    m.extend.defvjp(gamma, lambda ans, x: m.vjps.unbroadcast_f(x, lambda g: g * psi(x)))
    m.extend.defjvp(gamma, lambda g, ans, x: g * psi(x))
    return m.ag.grad(lambda x: m.np.sum(gamma(x) ** 2))(X), m.ag.make_jvp(gamma)(X)(X)


def list_of_entries(m: Any) -> Any:
    """Results that are put together from entries of the argument."""

    def f(x: Any) -> Any:
        return m.np.array([x[0] * x[1], [x[2], 3.0][0], m.np.sum(x)])

    return m.ag.jacobian(f)(X), m.ag.grad(lambda x: m.np.sum(m.np.hstack([x, x[:1] ** 2])))(X)


def riemannian_backend(m: Any) -> Any:
    """Gradients and Hessian products by a list of arguments, as optimisers on manifolds ask for them."""

    def cost(u: Any, s: Any, v: Any) -> Any:
        return m.np.linalg.norm(m.np.dot(m.np.dot(u, m.np.diag(s)), v) - A) ** 2

    point, gradient = (A, X, A.T), m.ag.grad(cost, argnum=[0, 1, 2])

    def product(*args: Any) -> Any:
        *given, directions = args
        return sum(m.np.sum(g * d) for g, d in zip(gradient(*given), directions, strict=True))

    return gradient(*point), m.ag.grad(product, argnum=[0, 1, 2])(*point, point)


def covariance_by_the_delta_method(m: Any) -> Any:
    J = m.ag.jacobian(lambda p: p[0] * m.np.exp(-T / p[1]))(X[:2])
    return m.np.sqrt(m.np.diag(m.np.dot(m.np.dot(J, A[:2, :2]), J.T)))


def distributions(m: Any) -> Any:
    norm = m.stats.norm
    functions = [norm.pdf, norm.logpdf, norm.cdf, norm.logcdf, norm.sf, norm.logsf]
    return [m.ag.grad(lambda x, s, f=f: m.np.sum(f(x, 0.1, s)), (0, 1))(X, 1.3) for f in functions]


def special_functions(m: Any) -> Any:
    s = m.special
    unary = [s.gammaln, s.gamma, s.psi, s.erf, s.erfc, s.expit, s.j0, s.j1, s.i0, s.rgamma]
    found = [m.ag.elementwise_grad(f)(X) for f in unary]
    found += [
        m.ag.grad(lambda a, b, f=f: m.np.sum(f(a, b)), (0, 1))(X, 2.0) for f in (s.beta, s.betaln)
    ]
    return (
        found,
        m.ag.grad(lambda x: s.logsumexp(x, axis=0))(X),
        m.ag.elementwise_grad(s.logit)(X / 3),
    )


def linear_algebra(m: Any) -> Any:
    la = m.linalg
    scalars = [
        la.det, lambda a: la.slogdet(a)[1], lambda a: m.np.sum(la.inv(a) ** 2), lambda a: m.np.sum(la.cholesky(a @ a.T)),
        lambda a: m.np.sum(la.solve(a, X) ** 2), lambda a: m.np.sum(la.eigh(a @ a.T)[0] ** 2), lambda a: la.norm(a),
        lambda a: m.np.sum(la.svd(a, full_matrices=False)[1]), lambda a: m.np.trace(la.pinv(a)),
    ]  # fmt: skip
    return [m.ag.grad(f)(A) for f in scalars]


def complex_arguments(m: Any) -> Any:
    g = m.ag.grad(lambda z: m.np.sum(m.np.abs(m.np.sin(z)) ** 2))(Z)
    h = m.ag.holomorphic_grad(lambda z: m.np.sum(z**3))(Z)
    pull, y = m.ag.make_vjp(lambda x: m.np.fft.fft(x))(X)
    return g, h, pull(y), m.ag.make_jvp(m.np.exp)(Z)(Z)


def lists_from_split(m: Any) -> Any:
    pull, parts = m.core.make_vjp(lambda x: m.np.split(x, 3), X)
    return (
        list(parts),
        pull(list(parts)),
        m.ag.grad(lambda x: m.np.sum(m.np.array_split(x, 2)[0] ** 2))(X),
    )


def optimizers(m: Any) -> Any:
    gradient = m.ag.grad(lambda p, i: m.np.sum((p["a"] - X) ** 2) + m.np.sum(p["b"][0] ** 2))
    start = {"b": [onp.ones((2, 2))], "a": onp.zeros(3)}
    chosen = [m.optimizers.sgd, m.optimizers.rmsprop, m.optimizers.adam]
    return [optimizer(gradient, start, num_iters=5, step_size=0.1) for optimizer in chosen]


def flattened(m: Any) -> Any:
    vector, unflatten = m.misc.flatten({"b": (A, 2.0), "a": X})
    return vector, unflatten(2 * vector)


def fixed_point(m: Any) -> Any:
    def root(a: Any) -> Any:
        step = lambda a: lambda x: 0.5 * (x + a / x)  # noqa: E731
        return m.fixed.fixed_point(step, a, 1.0, lambda x, y: abs(x - y), 1e-10)

    return m.ag.grad(root)(2.0), m.ag.grad(m.ag.grad(root))(2.0)


def operators_at_a_point(m: Any) -> Any:
    f, v = (lambda x: m.np.sum(m.np.sin(x) * x[::-1])), onp.array([1.0, -2.0, 0.5])
    hvp, gradient = m.ag.make_hvp(f)(X)
    found = [hvp(v), gradient, m.ag.hessian_vector_product(f)(X, v), m.ag.deriv(m.np.sin)(0.3)]
    found += [m.ag.vector_jacobian_product(m.np.cumsum)(X, v), m.ag.make_ggnvp(m.np.sin)(X)(v)]
    found += [
        m.ops.make_jvp_reversemode(m.np.sin)(X)(v),
        m.ag.grad_named(lambda x, y: x * y**2, "y")(2.0, 3.0),
    ]
    return (
        found,
        m.ag.grad_and_aux(lambda x: (m.np.sum(x**2), x * 2))(X),
        m.ag.checkpoint(m.np.sin)(X),
    )


def habits(m: Any) -> Any:
    """Integers to differentiate by, a scalar of shape (1,), getval, argnum as a list, nested derivatives."""
    found = [m.ag.grad(lambda x: m.np.sum(x * 0.5))(onp.array([1, 2]))]
    found += [m.ag.value_and_grad(lambda x: m.np.sum(x**2, keepdims=True))(X)]
    found += [m.ag.grad(lambda x: m.np.sum(x * m.tracer.getval(x)))(X)]
    found += [m.ag.grad(lambda a, b: a * b**2, argnum=[1, 0])(2.0, 3.0)]
    found += [m.ag.grad(lambda x: x * m.ag.grad(lambda y: x * y**2)(x))(1.5)]
    return found, m.np.where(True, 1, 2), m.ag.elementwise_grad(m.ag.elementwise_grad(m.np.tanh))(X)


def vector_spaces(m: Any) -> Any:
    space = m.extend.vspace({"a": X, "b": [Z]})
    return space.size, space.zeros(), space.ones(), list(space.standard_basis())


def convolution(m: Any) -> Any:
    a, b = onp.arange(36.0).reshape(2, 3, 6), onp.arange(24.0).reshape(3, 4, 2) - 7
    f = lambda a, b: m.signal.convolve(a, b, axes=([2], [2]), dot_axes=([1], [0]), mode="valid")  # noqa: E731
    return f(a, b), m.ag.grad(lambda a, b: m.np.sum(f(a, b) ** 2), (0, 1))(a, b)


IDIOMS: list[Callable[[Any], Any]] = [
    weibull, by_dict_of_parameters, branches_on_a_parameter, custom_primitive, list_of_entries, riemannian_backend,
    covariance_by_the_delta_method, distributions, special_functions, linear_algebra, complex_arguments, lists_from_split,
    optimizers, flattened, fixed_point, operators_at_a_point, habits, vector_spaces, convolution,
]  # fmt: skip


def agree(found: Any, expected: Any, where: str = "result") -> None:
    """Check that containers, shapes and dtypes are the same, and numbers are equal to rounding."""
    if isinstance(expected, list | tuple | dict):
        assert type(found) is type(expected) and len(found) == len(expected), where
        keys = list(expected) if isinstance(expected, dict) else range(len(expected))
        for key in keys:
            agree(found[key], expected[key], f"{where}[{key!r}]")
    else:
        assert onp.shape(found) == onp.shape(expected), where
        assert onp.asarray(found).dtype == onp.asarray(expected).dtype, where
        onp.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-12, err_msg=where)


@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda idiom: idiom.__name__)
def test_idiom(idiom: Callable[[Any], Any]) -> None:
    agree(idiom(MEMOGRAD), idiom(AUTOGRAD))


ERRORS: dict[str, tuple[type[Exception], Callable[[Any], Any]]] = {
    "a vector has no gradient": (TypeError, lambda m: m.ag.grad(lambda x: x)(X)),
    "a complex result": (TypeError, lambda m: m.ag.grad(lambda x: m.np.sum(x) * 1j)(X)),
    "an integer": (TypeError, lambda m: m.ag.grad(lambda x: x)(3)),
    "a primitive without derivatives": (
        NotImplementedError,
        lambda m: m.ag.grad(m.extend.primitive(lambda x: x))(1.0),
    ),
    "too few arguments": (Exception, lambda m: m.ag.grad(lambda x: x, 3)(1.0)),
    "no vector space": (TypeError, lambda m: m.extend.vspace("text")),
    "an argument set in place": (
        TypeError,
        lambda m: m.ag.grad(lambda x: x.__setitem__(0, 1.0))(X),
    ),
    "plain NumPy set by a node": (
        Exception,
        lambda m: m.ag.grad(lambda x: onp.zeros(3).__setitem__(0, x[0]) or x[0])(X),
    ),
}


@pytest.mark.parametrize("case", ERRORS)
@pytest.mark.parametrize("m", [AUTOGRAD, MEMOGRAD], ids=["autograd", "memograd"])
def test_both_refuse(case: str, m: Any) -> None:
    error, call = ERRORS[case]
    if m is AUTOGRAD and case == "an argument set in place":
        error = Exception
    with warnings.catch_warnings(), pytest.raises(error):
        warnings.simplefilter("ignore")
        call(m)
