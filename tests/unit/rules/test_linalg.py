"""numpy.linalg: whole functions against central differences and JAX, to second order; degenerate matrices; conventions; refusals."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sampling_linalg import (
    LINALG,
    STACK,
    TALL,
    WIDE,
    A,
    B,
    V,
    W,
    array,
    complex_array,
    positive,
    regular,
)

import memograd as mg
from memograd.baselines import finite_difference
from memograd.text import op_name

CA, CB, CTALL, CWIDE = (
    A + 0.5j * array(3, 3, seed=3),
    complex_array(3, 2),
    complex_array(4, 3),
    complex_array(2, 4),
)
SPD, STACKED = positive(3, 3), positive(2, 3, 3)
HERMITIAN = SPD + 0.3j * (array(3, 3) - array(3, 3).T)
ROTATION = np.array([[0.3, 1.0, 0.2], [-1.2, 0.5, 0.1], [0.4, 0.2, 2.0]])


def symmetric(np: Any, a: Any) -> Any:
    return (a + np.conj(np.swapaxes(a, -1, -2))) / 2


def spectral(f: Any) -> Any:
    """A function of a matrix through its eigenvalues, which does not depend on how the vectors are chosen."""

    def of(np: Any, a: Any, **kwargs: Any) -> Any:
        w, v = np.linalg.eigh(symmetric(np, a), **kwargs)
        return (v * f(np, w)[..., None, :]) @ np.conj(np.swapaxes(v, -1, -2))

    return of


def recomposed(np: Any, a: Any, **kwargs: Any) -> Any:
    """A matrix with the sines of its singular values."""
    u, s, vh = np.linalg.svd(a, **kwargs)
    k = s.shape[-1]
    return (u[..., :k] * np.sin(s)[..., None, :]) @ vh[..., :k, :]


def projector(np: Any, a: Any, **kwargs: Any) -> list[Any]:
    """What the columns that are added span, and the squares of all that is real."""
    u, s, vh = np.linalg.svd(a, **kwargs)
    k = s.shape[-1]
    u0, u1, v1 = u[..., :k], u[..., k:], vh[..., k:, :]
    return [
        u1 @ np.conj(np.swapaxes(u1, -1, -2)),
        np.conj(np.swapaxes(v1, -1, -2)) @ v1,
        s,
        np.real(u0 * np.conj(u0)),
    ]


def decomposed(np: Any, a: Any) -> list[Any]:
    w, v = np.linalg.eig(a)
    first = v[..., :1, :]
    return [w, np.real(v * np.conj(first)), np.imag(v * np.conj(first))]


def complete(np: Any, a: Any) -> list[Any]:
    q, r = np.linalg.qr(a, mode="complete")
    k = min(a.shape[-2:])
    q1 = q[..., k:]
    return [q[..., :k], r, q1 @ np.conj(np.swapaxes(q1, -1, -2))]


FORMS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "inv": (lambda np, a: np.linalg.inv(a), [A]),
    "inv, complex stack": (lambda np, a: np.linalg.inv(a), [STACK + 0.4j]),
    "pinv, wide": (lambda np, a: np.linalg.pinv(a), [WIDE]),
    "pinv, tall": (lambda np, a: np.linalg.pinv(a), [TALL]),
    "pinv, complex": (lambda np, a: np.linalg.pinv(a), [CTALL]),
    "solve, vector": (lambda np, a, b: np.linalg.solve(a, b), [A, V]),
    "solve, matrix": (lambda np, a, b: np.linalg.solve(a, b), [CA, CB]),
    "solve, broadcast": (lambda np, a, b: np.linalg.solve(a, b), [STACK, B]),
    "det": (lambda np, a: np.linalg.det(a), [A]),
    "det, complex": (lambda np, a: np.linalg.det(a), [CA]),
    "det, stack": (lambda np, a: np.linalg.det(a), [STACK]),
    "slogdet": (lambda np, a: np.linalg.slogdet(a)[1], [-A]),
    "slogdet, complex": (lambda np, a: list(np.linalg.slogdet(a)), [CA]),
    "cholesky": (lambda np, a: np.linalg.cholesky(symmetric(np, a)), [SPD]),
    "cholesky, upper": (lambda np, a: np.linalg.cholesky(symmetric(np, a), upper=True), [STACKED]),
    "cholesky, complex": (lambda np, a: np.linalg.cholesky(symmetric(np, a)), [HERMITIAN]),
    "eigh": (lambda np, a: [x**2 for x in np.linalg.eigh(symmetric(np, a))], [SPD]),
    "eigh, stack, upper": (
        lambda np, a: [x**2 for x in np.linalg.eigh(symmetric(np, a), "U")],
        [STACKED],
    ),
    "eigh, spectral": (spectral(lambda np, w: np.sin(w)), [SPD]),
    "eigh, spectral, complex": (spectral(lambda np, w: np.sin(w)), [HERMITIAN]),
    "eigvalsh": (lambda np, a: np.linalg.eigvalsh(symmetric(np, a)), [STACKED]),
    "eigvalsh, complex": (lambda np, a: np.linalg.eigvalsh(symmetric(np, a)), [HERMITIAN]),
    "eigvals": (lambda np, a: np.linalg.eigvals(a), [A]),
    "eigvals, of rotations": (lambda np, a: np.linalg.eigvals(a), [ROTATION]),
    "eig, real": (decomposed, [A]),
    "eig, of rotations": (decomposed, [ROTATION]),
    "eig, complex": (decomposed, [CA]),
    "svd, full": (recomposed, [TALL]),
    "svd, full, wide": (recomposed, [WIDE]),
    "svd, reduced": (lambda np, a: recomposed(np, a, full_matrices=False), [array(2, 4, 3)]),
    "svd, complex": (lambda np, a: recomposed(np, a, full_matrices=False), [CWIDE]),
    "svd, square": (lambda np, a: [x**2 for x in np.linalg.svd(a)], [A]),
    "svd, added columns": (projector, [TALL]),
    "svd, added columns, wide": (projector, [CWIDE]),
    "svd, hermitian": (
        lambda np, a: recomposed(np, symmetric(np, a), hermitian=True),
        [SPD - 5 * np.eye(3)],
    ),
    "svd, values": (lambda np, a: np.linalg.svd(a, compute_uv=False), [CTALL]),
    "svdvals": (lambda np, a: np.linalg.svdvals(a), [WIDE]),
    "qr": (lambda np, a: list(np.linalg.qr(a)), [TALL]),
    "qr, square": (lambda np, a: list(np.linalg.qr(a)), [A]),
    "qr, wide": (lambda np, a: list(np.linalg.qr(a)), [array(2, 2, 5)]),
    "qr, complex": (lambda np, a: list(np.linalg.qr(a)), [CTALL]),
    "qr, r": (lambda np, a: np.linalg.qr(a, mode="r"), [CWIDE]),
    "qr, complete": (complete, [TALL]),
    "lstsq": (lambda np, a, b: list(np.linalg.lstsq(a, b, rcond=None))[:2], [TALL, array(4, 2)]),
    "lstsq, vector": (
        lambda np, a, b: [np.linalg.lstsq(a, b, rcond=None)[k] for k in (0, 3)],
        [TALL, array(4)],
    ),
    "lstsq, wide": (lambda np, a, b: np.linalg.lstsq(a, b)[0], [WIDE, array(2)]),
    "lstsq, complex": (
        lambda np, a, b: [np.linalg.lstsq(a, b)[k] for k in (0, 1, 3)],
        [CTALL, complex_array(4, 2)],
    ),
    "matrix_power": (lambda np, a: np.linalg.matrix_power(a, 5), [A]),
    "matrix_power, negative": (lambda np, a: np.linalg.matrix_power(a, -3), [CA]),
    "multi_dot": (lambda np, a, b, c: np.linalg.multi_dot([a, b, c]), [V, A, B]),
    "tensorinv": (lambda np, a: np.linalg.tensorinv(a, ind=1), [array(6, 2, 3)]),
    "tensorsolve": (
        lambda np, a, b: np.linalg.tensorsolve(a, b, (0, 2)),
        [array(2, 4, 6, 3), array(4, 3)],
    ),
    "cond": (lambda np, a: np.linalg.cond(a), [A]),
    "cond, 1": (lambda np, a: np.linalg.cond(a, 1), [STACK]),
    "cond, fro": (lambda np, a: np.linalg.cond(a, "fro"), [CA]),
    **{
        f"norm, vector, {p}": (lambda np, x, p=p: np.linalg.norm(x, p, 0), [TALL])
        for p in (None, 1, 2, 3, 1.5, -1, np.inf, -np.inf)
    },
    **{
        f"norm, matrix, {p}": (lambda np, x, p=p: np.linalg.norm(x, p), [TALL])
        for p in (1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc")
    },
    "norm, all": (lambda np, x: np.linalg.norm(x), [array(2, 4, 3)]),
    "norm, complex, 1": (lambda np, x: np.linalg.norm(x, 1), [CTALL]),
    "norm, complex, vector 3": (lambda np, x: np.linalg.norm(x, 3, axis=1), [CTALL]),
    "norm, axes": (lambda np, x: np.linalg.norm(x, "nuc", (2, 0), keepdims=True), [array(2, 4, 3)]),
    "norm, complex, 2": (lambda np, x: np.linalg.norm(x), [CTALL]),
    "norm, complex, nuc": (lambda np, x: np.linalg.norm(x, "nuc"), [CTALL]),
    "vector_norm": (lambda np, x: np.linalg.vector_norm(x, axis=(0, 2), ord=3), [array(2, 4, 3)]),
    "matrix_norm": (lambda np, x: np.linalg.matrix_norm(x, keepdims=True), [array(2, 4, 3)]),
    "matmul": (lambda np, a, b: np.linalg.matmul(a, b), [STACK, CB]),
    "tensordot": (lambda np, a, b: np.linalg.tensordot(a, b, axes=1), [A, B]),
    "vecdot": (lambda np, a, b: np.linalg.vecdot(a, b, axis=0), [CA, CA.T]),
    "outer": (lambda np, a, b: np.linalg.outer(a, b), [V, W]),
    "cross": (lambda np, a, b: np.linalg.cross(a, b), [A, V]),
    "trace": (lambda np, a: np.linalg.trace(a, offset=1), [STACK]),
    "diagonal": (lambda np, a: np.linalg.diagonal(a, offset=-1), [STACK]),
    "matrix_transpose": (lambda np, a: np.linalg.matrix_transpose(a), [STACK]),
    "kron": (lambda np, a, b: np.kron(a, b), [A, CB]),
    "matvec": (lambda np, a, b: np.matvec(a, b), [STACK, V + 0.5j]),
    "vecmat": (lambda np, a, b: np.vecmat(a, b), [V + 0.5j, STACK]),
    "einsum": (
        lambda np, a, b: np.einsum("...ij,jk,ii->...k", a, b, a[0], optimize=True),
        [STACK, CB],
    ),
}


def weighted(np_: Any, y: Any) -> list[Any]:
    """Each result by weights of its own, complex ones for complex results; real, and flat."""
    parts = y if isinstance(y, list) else [y]
    weights = [
        np.cos(np.arange(int(np.prod(part.shape))) + 1.0 + k) for k, part in enumerate(parts)
    ]
    turned = [
        w * (1 + 0.5j) if np.dtype(part.dtype).kind == "c" else w
        for w, part in zip(weights, parts, strict=True)
    ]
    return [np_.real(np_.ravel(part) * w) for part, w in zip(parts, turned, strict=True)]


def total(np_: Any, f: Any, *xs: Any) -> Any:
    return sum(np_.sum(part) for part in weighted(np_, f(np_, *xs)))


def leaves(xs: Any) -> Any:
    tape = mg.Tape()
    return [tape.leaf(x) for x in xs]


def gradients(f: Any, xs: Any) -> Any:
    nodes = leaves(xs)
    return mg.grad(total(np, f, *nodes), nodes)


def directions(xs: Any) -> Any:
    return [
        complex_array(*x.shape, seed=7) if x.dtype.kind == "c" else array(*x.shape, seed=7)
        for x in xs
    ]


@pytest.fixture(autouse=True)
def errors() -> Iterator[None]:
    with warnings.catch_warnings(action="error"):
        yield


@pytest.mark.parametrize("form", FORMS)
def test_gradient_against_central_differences(form: str) -> None:
    f, xs = FORMS[form]
    nodes = leaves(xs)
    L = total(np, f, *nodes)
    for node, g in zip(nodes, mg.grad(L, nodes), strict=True):
        np.testing.assert_allclose(g, finite_difference(L, node), rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("form", FORMS)
def test_second_order_against_central_differences_of_the_gradient(form: str) -> None:
    f, xs = FORMS[form]
    nodes, vs, h = leaves(xs), directions(xs), 1e-5
    L = total(np, f, *nodes)
    for node, g in zip(mg.grad_node(L, nodes), mg.grad(L, nodes), strict=True):
        np.testing.assert_allclose(node.value, g, rtol=1e-12, atol=1e-14)
    ahead, behind = (
        gradients(f, [x + s * v for x, v in zip(xs, vs, strict=True)]) for s in (h, -h)
    )
    for got, a, b in zip(mg.hvp(L, nodes, vs), ahead, behind, strict=True):
        np.testing.assert_allclose(
            got, (a - b) / (2 * h), rtol=1e-5, atol=1e-6 * (1 + np.max(np.abs(got)))
        )


@pytest.mark.parametrize("form", FORMS)
def test_push_and_pull_are_transposes(form: str) -> None:
    f, xs = FORMS[form]
    nodes, tangents = leaves(xs), directions(xs)
    y = np.concatenate(weighted(np, f(np, *nodes)))
    seed = array(y.size, seed=5)
    pulled = sum(
        np.sum(np.real(g * t)) for g, t in zip(mg.vjp(y, nodes, seed), tangents, strict=True)
    )
    np.testing.assert_allclose(seed @ mg.jvp(y, nodes, tangents), pulled, rtol=1e-9, atol=1e-11)


NOT_IN_JAX = {"svd, full", "svd, full, wide", "svd, added columns", "svd, added columns, wide", "qr, wide", "qr, r", "qr, complete",
              "eigvals", "eigvals, of rotations", "eig, real", "eig, of rotations", "eig, complex"}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_against_jax(form: str) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    f, xs = FORMS[form]
    nodes = leaves(xs)
    L = total(np, f, *nodes)
    with jax.enable_x64(True), warnings.catch_warnings(action="ignore"):
        values = tuple(map(jax.numpy.asarray, xs))
        tangents = tuple(map(jax.numpy.asarray, directions(xs)))
        gradient = jax.grad(lambda *xs: total(jax.numpy, f, *xs), argnums=tuple(range(len(xs))))
        try:
            for got, want in zip(mg.grad(L, nodes), gradient(*values), strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-10)
            second = (
                jax.jvp(gradient, values, tangents)[1] if "," not in form else []
            )  # JAX compiles for seconds
        except (TypeError, NotImplementedError, ValueError) as e:
            assert form in NOT_IN_JAX, e
            pytest.skip(f"JAX does not have both derivatives of this: {e}")
    for got, want in zip(mg.hvp(L, nodes, directions(xs)) if second else [], second, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-8 * (1 + np.max(np.abs(got))))


@pytest.mark.parametrize("form", FORMS)
def test_single_precision_is_kept(form: str) -> None:
    f, xs = FORMS[form]
    single = [x.astype(np.complex64 if x.dtype.kind == "c" else np.float32) for x in xs]
    for got, x, want in zip(gradients(f, single), single, gradients(f, xs), strict=True):
        assert got.dtype == x.dtype
        np.testing.assert_allclose(got, want, rtol=0.02, atol=2e-3 * (1 + np.max(np.abs(want))))


# -------------------------------------------------------------------------------------------------- degenerate matrices

Q = np.linalg.qr(array(4, 4, seed=9))[0]
TWICE = (Q * [1.0, 1.0, 2.0, 3.0]) @ Q.T
NULL = (Q * [0.0, 0.0, 2.0, 3.0]) @ Q.T
DEGENERATE: dict[str, tuple[Callable[..., Any], Any, Any]] = {
    "sum of eigvalsh": (lambda a: np.sum(np.linalg.eigvalsh(a)), np.eye(3), np.eye(3)),
    "sum of eigh's values": (lambda a: np.sum(np.linalg.eigh(a)[0] ** 2), TWICE, 2 * TWICE * (2 - np.eye(4)) * np.tri(4)),
    "sum of eigvals": (lambda a: np.sum(np.linalg.eigvals(a)), np.eye(3), np.eye(3)),
    "sum of eig's values": (lambda a: np.sum(np.linalg.eig(a)[0]), np.eye(3), np.eye(3)),
    "nuclear norm": (lambda a: np.linalg.norm(a, "nuc"), np.eye(3), np.eye(3)),
    "nuclear norm through svd": (lambda a: np.sum(np.linalg.svd(a)[1]), TWICE, np.eye(4)),
    "squares of singular values": (lambda a: np.sum(np.linalg.svdvals(a) ** 2), NULL, 2 * NULL),
    "polar factor": (lambda a: np.sum((np.linalg.svd(a)[0] @ np.linalg.svd(a)[2]) * np.arange(9.0).reshape(3, 3)), np.eye(3),
                     (np.arange(9.0).reshape(3, 3) - np.arange(9.0).reshape(3, 3).T) / 2),
    "trace of exp, by eigh": (lambda a: np.sum(np.exp(np.linalg.eigh(a)[0])), np.eye(3), np.e * np.eye(3)),
    "nuclear norm of rank 2": (lambda a: np.linalg.norm(a, "nuc"), NULL, (Q * [0, 0, 1, 1]) @ Q.T),
    "spectral norm of ties": (lambda a: np.linalg.norm(a, 2), np.eye(3), np.eye(3) / 3),
    "spectral norm of a rotation": (lambda a: np.linalg.norm(a, 2), Q, Q / 4),
    "least singular value of a rotation": (lambda a: np.linalg.norm(a, -2), Q, Q / 4),
    "column sums that round": (lambda a: np.linalg.norm(a, 1), np.array([[0.1, 0.3], [0.2, 0.0]]), np.array([[0.5, 0.5], [0.5, 0]])),
    "det of rank 2": (np.linalg.det, np.diag([2.0, 3.0, 0.0]), np.diag([0.0, 0.0, 6.0])),
    "det of rank 1": (np.linalg.det, np.ones((3, 3)), np.zeros((3, 3))),
    "norm at 0": (np.linalg.norm, np.zeros((2, 2)), np.zeros((2, 2))),
    **{f"norm {p} at 0": (lambda a, p=p: np.linalg.norm(a, p), np.zeros((2, 2)), np.zeros((2, 2))) for p in (1, 2, np.inf, "fro", "nuc")},
    **{f"vector norm {p} at 0": (lambda a, p=p: np.linalg.norm(a, p), np.zeros(3), np.zeros(3)) for p in (0, 1, 2, 3, 0.5, np.inf)},
    "complex norm at 0": (np.linalg.norm, np.zeros(2, complex), np.zeros(2)),
    "complex norm 1 at 0": (lambda a: np.linalg.norm(a, 1), np.array([0j, 3 - 4j]), np.array([0, 0.6 + 0.8j])),
    "maximum norm of ties": (lambda a: np.linalg.norm(a, np.inf), np.array([2.0, -2.0, 1.0]), np.array([0.5, -0.5, 0])),
    "norm 1/2 with a zero": (lambda a: np.linalg.norm(a, 0.5), np.array([1.0, 0.0, 1.0]), np.array([2.0, 0.0, 2.0])),
    "column sums of ties": (lambda a: np.linalg.norm(a, 1), np.eye(2), np.eye(2) / 2),
    "pinv of rank 1": (lambda a: np.sum(np.linalg.pinv(a)), np.diag([2.0, 0.0]), np.array([[-0.25, 0.25], [0.25, 0.0]])),
}  # fmt: skip


@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate(case: str) -> None:
    f, a, want = DEGENERATE[case]
    (x,) = leaves([a])
    np.testing.assert_allclose(mg.grad(f(x), x), want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "case",
    [
        "sum of eigvalsh",
        "sum of eig's values",
        "polar factor",
        "nuclear norm",
        "det of rank 1",
        "norm at 0",
    ],
)
def test_second_order_is_finite_where_values_are_equal(case: str) -> None:
    f, a, _ = DEGENERATE[case]
    (x,) = leaves([a])
    assert np.all(np.isfinite(mg.hvp(f(x), x, array(*a.shape))))


FUNCTIONS: dict[str, tuple[Any, Any, Any]] = {
    "squares": (lambda w: np.sum(w**2), lambda a: 2 * a, lambda a, v: 2 * v),
    "cubes": (lambda w: np.sum(w**3), lambda a: 3 * a @ a, lambda a, v: 3 * (a @ v + v @ a)),
    "square of the sum": (
        lambda w: np.sum(w) ** 2,
        None,
        lambda a, v: 2 * np.trace(v) * np.eye(len(a)),
    ),
    "logarithms": (
        lambda w: np.sum(np.log(w)),
        None,
        lambda a, v: -np.linalg.inv(a) @ v @ np.linalg.inv(a),
    ),
    "sum": (np.sum, None, lambda a, v: 0 * v),
}
EQUAL = {"identity": np.eye(3), "twice": (Q * [1.0, 1.0, 2.0, 3.0]) @ Q.T, "two pairs": (Q * [1.0, 1.0, 2.0, 2.0]) @ Q.T,
         "none": (Q * [1.0, 1.5, 2.0, 3.0]) @ Q.T}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
@pytest.mark.parametrize("case", FUNCTIONS)
def test_second_derivatives_through_equal_eigenvalues(case: str, name: str) -> None:
    """Smooth functions of the matrix: their Hessian's product in any direction, whether or not it parts the eigenvalues."""
    h, _, want = FUNCTIONS[case]
    a, n = EQUAL[name], len(EQUAL[name])
    directions = [
        array(n, n),
        np.eye(n),
        np.ones((n, n)) - np.eye(n),
        np.diag(np.arange(1.0, n + 1)),
    ]
    for v in [(v + v.T) / 2 for v in directions]:
        got = mg.functional.hvp(lambda a: h(np.linalg.eigvalsh((a + a.T) / 2)), (a,), (v,))[0]
        np.testing.assert_allclose(got, want(a, v), rtol=1e-8, atol=1e-9)
        if case in ("squares", "sum") or name == "none":
            got = mg.functional.hvp(lambda a: h(np.linalg.svdvals(a)), (a,), (v,))[0]
            np.testing.assert_allclose((got + got.T) / 2, want(a, v), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (5, 3)], ids=str)
def test_second_derivatives_through_equal_singular_values(shape: Any) -> None:
    """Σ s² = Σ a², and Σ s⁴ = tr (aaᵀ)²."""
    v = array(*shape)
    for a in (
        np.eye(*shape),
        np.linalg.qr(array(5, 5, seed=2))[0][: shape[0], : shape[1]],
        array(*shape, seed=3),
    ):
        for power, want in ((2, 2 * v), (4, 4 * (v @ a.T @ a + a @ v.T @ a + a @ a.T @ v))):
            got = mg.functional.hvp(
                lambda a, power=power: np.sum(np.linalg.svdvals(a) ** power), (a,), (v,)
            )[0]
            np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-8)


def test_second_derivatives_by_two_pulls_are_never_wrong_at_equal_eigenvalues() -> None:
    """A VJP does not see what is made of the eigenvalues: where that decides, its answer is NaN."""

    def pulled(a: Any, v: Any) -> Any:
        x = mg.Tape().leaf(a)
        return mg.grad(
            np.sum(mg.grad_node(np.sum(np.linalg.eigvalsh((x + x.T) / 2) ** 2), x) * v), x
        )

    v = np.array([[0.3, 1.0], [1.0, -0.2]])
    np.testing.assert_allclose(pulled(np.diag([1.0, 2.0]), v), 2 * v, rtol=1e-10)
    np.testing.assert_allclose(
        pulled(np.eye(2), np.diag([0.3, -0.2])), 2 * np.diag([0.3, -0.2]), rtol=1e-10, atol=1e-12
    )
    assert np.isnan(pulled(np.eye(2), v)).any()


def test_the_tangent_of_equal_eigenvalues_is_that_of_the_pair() -> None:
    x = mg.Tape().leaf(np.eye(2))
    np.testing.assert_allclose(
        mg.jvp(np.linalg.eigvalsh(x), x, np.array([[0.0, 1.0], [1.0, 0.0]])),
        [-1.0, 1.0],
        rtol=1e-12,
    )


def test_second_order_of_det_at_singular_matrices() -> None:
    for a in (np.eye(3), np.ones((3, 3)), np.diag([1.0, 0.0, 0.0]), NULL[:3, :3], np.zeros((2, 2))):
        (x,), v = leaves([a]), array(*a.shape)
        ahead, behind = (
            mg.grad(np.linalg.det(y), y) for y in map(mg.Tape().leaf, (a + 1e-5 * v, a - 1e-5 * v))
        )
        np.testing.assert_allclose(
            mg.hvp(np.linalg.det(x), x, v), (ahead - behind) / 2e-5, rtol=1e-7, atol=1e-8
        )


def test_third_order_of_det() -> None:
    a, v = regular(4, 4), array(4, 4)

    def second(a: Any) -> Any:
        return mg.functional.hvp(np.linalg.det, (a,), (v,))[0]

    value = mg.functional.jvp(second, (a,), (v,))[1]
    np.testing.assert_allclose(
        value, (second(a + 1e-5 * v) - second(a - 1e-5 * v)) / 2e-5, rtol=1e-6, atol=1e-7
    )


# -------------------------------------------------------------------------------------------------- what else is promised

EMPTY: dict[str, tuple[Any, list[tuple[int, ...]]]] = {
    "inv": (np.linalg.inv, [(0, 0)]),
    "inv, no matrices": (np.linalg.inv, [(0, 3, 3)]),
    "det": (np.linalg.det, [(0, 0)]),
    "slogdet": (lambda a: np.linalg.slogdet(a)[1], [(0, 2, 2)]),
    "solve": (np.linalg.solve, [(0, 0), (0, 2)]),
    "cholesky": (np.linalg.cholesky, [(0, 3, 3)]),
    "eigh": (lambda a: np.linalg.eigh(a)[1], [(0, 0)]),
    "eigvalsh": (np.linalg.eigvalsh, [(0, 2, 2)]),
    "eigvals": (np.linalg.eigvals, [(0, 2, 2)]),
    "eigvals, no numbers": (np.linalg.eigvals, [(0, 0)]),
    "svd": (lambda a: np.linalg.svd(a, full_matrices=False)[0], [(3, 0)]),
    "svdvals": (np.linalg.svdvals, [(0, 3)]),
    "pinv": (np.linalg.pinv, [(0, 3)]),
    "norm": (np.linalg.norm, [(0, 3)]),
    "norm, fro": (lambda a: np.linalg.norm(a, "fro"), [(0, 3)]),
    "kron": (np.kron, [(0, 2), (2, 2)]),
    "matvec": (np.matvec, [(0, 2), (2,)]),
}


@pytest.mark.parametrize("name", EMPTY)
def test_matrices_of_nothing(name: str) -> None:
    f, shapes = EMPTY[name]
    xs = leaves([np.ones(s) for s in shapes])
    for g, s in zip(mg.grad(np.sum(f(*xs)), xs), shapes, strict=True):
        assert g.shape == s and not np.any(g)


def test_the_triangle_that_is_read_gets_the_derivative() -> None:
    for f, lower in [(np.linalg.cholesky, True), (lambda a: np.linalg.cholesky(a, upper=True), False), (np.linalg.eigvalsh, True),
                     (lambda a: np.linalg.eigh(a, "U")[1], False)]:  # fmt: skip
        (x,) = leaves([SPD])
        g = mg.grad(np.sum(np.sin(f(x))), x)
        other = np.triu(g, 1) if lower else np.tril(g, -1)
        assert not np.any(other) and np.any(g - np.diag(np.diag(g)))
        np.testing.assert_allclose(
            g, finite_difference(np.sum(np.sin(f(x))), x), rtol=1e-6, atol=1e-8
        )


@pytest.mark.parametrize(
    "order", [slice(None), slice(None, None, -1)], ids=["as they come", "reversed"]
)
@pytest.mark.parametrize("n", [3, 200])
def test_eigenvalues_are_matched_with_vectors_of_another_order(
    n: int, order: slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LAPACK orders many eigenvalues differently when it computes no vectors. Which ones differ depends on the BLAS kernel."""
    a, eig = array(n, n), np.linalg.eig
    (x,) = leaves([a])
    L = np.sum(np.real(np.linalg.eigvals(x) ** 2))

    def reordered(a: Any) -> Any:
        w, v = eig(a)
        return w[order], v[:, order]

    monkeypatch.setattr(np.linalg, "eig", reordered)
    np.testing.assert_allclose(mg.grad(L, x), 2 * a.T, rtol=1e-8, atol=1e-9)


def test_outputs_are_named_as_in_numpy() -> None:
    (x,) = leaves([A])
    assert (
        np.linalg.svd(x).S.shape == (3,)
        and np.linalg.qr(x).R.shape == (3, 3)
        and np.linalg.eig(x).eigenvalues.shape == (3,)
    )
    assert np.linalg.slogdet(x).logabsdet.shape == () and np.linalg.eigh(x).eigenvectors.shape == (
        3,
        3,
    )


def test_eigenvalues_that_turn_complex_are_computed_anew() -> None:
    for f in (np.linalg.eigvals, lambda a: np.linalg.eig(a).eigenvalues):
        (x,) = leaves([np.array([[1.0, 0.5], [0.5, 3.0]])])
        w = f(x)
        L = np.sum(np.abs(w) ** 2)
        assert w.dtype == np.complex128 and mg.grad(L, x).dtype == np.float64
        x.value = ROTATION[:2, :2]
        np.testing.assert_allclose(w.value, np.linalg.eigvals(ROTATION[:2, :2]))
        np.testing.assert_allclose(mg.grad(L, x), finite_difference(L, x), rtol=1e-6)


def test_rank_is_constant() -> None:
    (x,) = leaves([A])
    np.testing.assert_array_equal(
        mg.grad(np.linalg.matrix_rank(x) * x[0, 0], x), 3.0 * (np.arange(9) == 0).reshape(3, 3)
    )


SINGULAR = {
    "inv": np.linalg.inv,
    "slogdet": lambda a: np.linalg.slogdet(a)[1],
    "solve": lambda a: np.linalg.solve(a, V),
}


@pytest.mark.parametrize("f", SINGULAR.values(), ids=SINGULAR)
def test_a_singular_matrix_is_reported(f: Any) -> None:
    with (
        pytest.raises(np.linalg.LinAlgError, match="Singular matrix"),
        np.errstate(divide="ignore"),
    ):
        (x,) = leaves([np.zeros((3, 3))])
        mg.grad(np.sum(f(x)), x)


def test_each_op_of_linalg_has_samples() -> None:
    skipped = {"LinAlgError", "matrix_rank"}
    assert {
        getattr(np.linalg, name) for name in np.linalg.__all__ if name not in skipped
    } <= LINALG.keys()
    assert len({op_name(op) for op in LINALG}) == len(LINALG)
