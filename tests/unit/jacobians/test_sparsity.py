"""Sparse Jacobians and Hessians: the pattern leaves nothing out, is tight where it should be, and the entries are the dense ones'."""

import sys
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from programs import programs
from sampling import WITH_LINES, calls

import memograd as mg
from memograd.arrays.values import is_inexact
from memograd.check import sample_operands
from memograd.errors import (
    MissingLibraryError,
    NotDifferentiableError,
    NotScalarError,
    OtherTapeError,
)
from memograd.jacobians import sparsity
from memograd.jacobians.sparsity import (
    compress_symmetric_pattern,
    hessian_pattern,
    jacobian_entries,
    jacobian_pattern,
    scatter_entries,
    sparse_hessian,
    sparse_jacobian,
)
from memograd.jacobians.sparsity_propagation import PATTERN_RULES
from memograd.rules.registration import RULES
from memograd.rules.traits import Structure
from memograd.text import op_name

MOVEMENTS = [
    op
    for op, rule in RULES.items()
    if rule.traits.structure is Structure.MOVEMENT and op not in PATTERN_RULES
]


def leaf(values: Any) -> mg.Node:
    return mg.Tape().leaf(np.asarray(values, float))


def dense(y: mg.Node, x: mg.Node) -> Any:
    """∂y/∂x, a pull for each row."""
    seeds = np.eye(y.size, dtype=y.dtype).reshape(y.size, *y.shape)
    return np.reshape([mg.vjp(y, x, seed) for seed in seeds], (y.size, x.size))


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


# ------------------------------------------------------------------------------------------------------ the pattern


def recorded(op: Any, args: Any, kwargs: Any) -> tuple[list[mg.Node], list[mg.Node]]:
    """A sample call: its outputs, and a leaf for each operand that has a derivative."""
    rule, tape = RULES[op], mg.Tape()
    operands, keywords = rule.bind(args, kwargs) if args else (sample_operands(rule), kwargs)
    arrays = [
        np.asarray(a) if rule.pulls[k,] and not isinstance(a, int | None) else a
        for k, a in enumerate(operands)
    ]
    leaves = {
        k: tape.leaf(a)
        for k, a in enumerate(arrays)
        if isinstance(a, np.ndarray) and is_inexact(a.dtype) and rule.pulls[k,]
    }
    y = tape.record(op, tuple(leaves.get(k, a) for k, a in enumerate(operands)), keywords)
    return [
        part for part in (y if isinstance(y, tuple | list) else (y,)) if is_inexact(part.dtype)
    ], list(leaves.values())


@pytest.mark.parametrize("op", WITH_LINES, ids=op_name)
def test_the_pattern_covers_each_op(op: Any) -> None:
    with warnings.catch_warnings(action="ignore"):
        for args, kwargs in calls(op):
            ys, xs = recorded(op, args, kwargs)
            for y, x in ((y, x) for y in ys for x in xs):
                p = jacobian_pattern(y, x)
                assert p.shape == (y.size, x.size)
                left_out = (dense(y, x) != 0) & ~p.dense
                assert not left_out.any(), (args, kwargs, left_out)


@pytest.mark.parametrize("op", WITH_LINES, ids=op_name)
def test_the_pattern_covers_the_program_of_each_line(op: Any) -> None:
    """The second derivative, by a program in which ops are called as no user would."""
    with warnings.catch_warnings(action="ignore"):
        for args, kwargs in calls(op)[:2]:
            ys, xs = recorded(op, args, kwargs)
            for x in (x for x in xs if x.dtype.kind == "f"):
                L = sum(
                    np.sum(np.real(y) * np.arange(1.0, 1 + y.size).reshape(y.shape))
                    + np.sum(np.abs(y) ** 2)
                    for y in ys
                )
                want = np.abs(dense(mg.grad_node(L, x), x)) > 1e-12
                assert not (want & ~jacobian_pattern(mg.grad_node(L, x), x).dense).any(), (
                    args,
                    kwargs,
                )


@pytest.mark.parametrize("op", MOVEMENTS, ids=op_name)
def test_the_pattern_of_what_moves_elements_is_exact(op: Any) -> None:
    for args, kwargs in calls(op):
        ys, xs = recorded(op, args, kwargs)
        for y, x in ((y, x) for y in ys for x in xs):
            np.testing.assert_array_equal(jacobian_pattern(y, x).dense, dense(y, x) != 0)


@given(programs())
def test_the_pattern_covers_random_programs(program: Any) -> None:
    tape = mg.Tape()
    leaves, outputs = program.record(tape)
    for y in outputs + [node for node in tape if node.shape == (2, 3)][-1:]:
        for x in leaves:
            assert not ((dense(y, x) != 0) & ~jacobian_pattern(y, x).dense).any()


X = np.linspace(0.3, 1.9, 6)
BAND = np.diag([2.0] * 6) + np.diag([1.0] * 5, 1)
EXACT = {
    "elementwise": lambda x: np.sin(x) * x + 3,
    "broadcast": lambda x: x[:, None] * np.ones((6, 2)) + x[None, :2],
    "mask": lambda x: x * np.array([1.0, 0, 0, 1, 0, 1]),
    "where": lambda x: np.where([True, False] * 3, x, x[::-1] ** 2),
    "rolled": lambda x: x * np.roll(x, 1) - np.roll(x, -2),
    "set": lambda x: x.at[2].set(x[4]),
    "added": lambda x: x.at[np.array([1, 1, 3])].add(x[:3] ** 2),
    "differences": lambda x: np.diff(x, 2, prepend=0.0),
    "convolved": lambda x: np.convolve(x, [1.0, 0.0, -2.0], "same"),
    "kernel": lambda x: np.convolve([1.0, 0.0, -2.0], x),
    "slopes": lambda x: np.gradient(x, np.array([0.0, 0.1, 0.3, 0.7, 0.8, 1.0])),
    "so far": lambda x: np.cumsum(x * x),
    "so far, in two rows": lambda x: np.cumprod(np.reshape(x, (2, 3)), axis=1),
    "sums": lambda x: np.sum(np.reshape(x, (2, 3)) ** 2, axis=0),
    "spread": lambda x: np.std(np.reshape(x, (3, 2)), axis=1, keepdims=True),
    "a sum to each": lambda x: (
        np.reshape(x, (2, 3)) / np.sum(np.reshape(x, (2, 3)), axis=1, keepdims=True)
    ),
    "matrix": lambda x: BAND @ x,
    "matrix on the right": lambda x: np.reshape(x, (1, 6)) @ BAND,
    "matrix in a batch": lambda x: BAND[None, :3, :3] @ np.reshape(x, (2, 3, 1)),
    "rows": lambda x: np.reshape(x, (3, 2)) @ np.reshape(x, (2, 3)),
    "dot": lambda x: np.dot(BAND[:, :2], np.reshape(x, (3, 2, 1))),
    "inner": lambda x: np.inner(np.reshape(x, (2, 3)), BAND[:3, :3]),
    "tensordot": lambda x: np.tensordot(BAND, x, (0, 0)),
    "outer": lambda x: np.outer(x, [1.0, 0.0]),
    "einsum": lambda x: np.einsum("ij,kj->kji", BAND[:3, :3], np.reshape(x, (2, 3))),
    "diagonal": lambda x: np.einsum("iij->j", np.reshape(x[:4], (2, 2, 1)) * np.ones(2)),
    "trace": lambda x: np.trace(np.reshape(x, (1, 2, 3)), axis1=1, axis2=2),
    "halves": lambda x: np.split(x, 2)[1] * 2,
    "unconnected": lambda x: np.sin(x) * 0 + np.floor(x),
    "matrices": lambda x: np.linalg.inv(
        np.exp(np.reshape(x, (3, 1, 2)) * np.array([[1.0], [2.0]]))
    ),
    "determinants": lambda x: np.linalg.slogdet(
        np.exp(np.reshape(x, (3, 1, 2)) * np.array([[1.0], [2.0]]))
    )[1],
    "down the columns": lambda x: np.vecdot(np.reshape(x[:4], (2, 2)), np.ones((2, 2)), axis=0),
    "single precision": lambda x: np.trace(np.reshape(x, (2, 3)), dtype=np.float32),
    "no difference": lambda x: np.diff(x, 0, prepend=1.0),
    "interpolated": lambda x: np.interp(x, [0.0, 1.0, 2.0], [1.0, 3.0, 2.0]),
    "by number": lambda x: np.convolve(x, [1.0, 0.0, -2.0], 1),
    "scalar products": lambda x: np.vecdot(np.reshape(x, (3, 2)), [1.0, 2.0]),
    "norms": lambda x: np.linalg.norm(np.reshape(x, (3, 2)), axis=1),
    "sorted": lambda x: np.sort(np.reshape(x, (3, 2)), axis=1) * 1.0,
}


@pytest.mark.parametrize("name", EXACT)
def test_the_pattern_is_exact(name: str) -> None:
    x = leaf(X)
    y = EXACT[name](x)
    want = dense(y, x) != 0
    if name == "sorted":  # which of two comes first may change
        want = np.repeat(np.repeat(np.eye(3, dtype=bool), 2, axis=0), 2, axis=1)
    np.testing.assert_array_equal(jacobian_pattern(y, x).dense, want)


def test_what_depends_on_values_may_be_anything() -> None:
    x = leaf(X)
    assert jacobian_pattern(np.take(x, np.argsort(x)), x).dense.all()
    assert jacobian_pattern(np.where(x > 1, x, x[::-1]), x).columns.size == 12


def test_an_unknown_op_gives_everything_of_what_its_operand_depends_on() -> None:
    x = leaf(X)
    assert np.linalg.tensorsolve not in PATTERN_RULES
    y = np.linalg.tensorsolve(np.reshape(x[:4], (2, 2)), [1.0, 2.0])
    assert jacobian_pattern(y, x).dense.tolist() == [[True] * 4 + [False] * 2] * 2


def test_what_is_put_around_a_difference_may_count_everywhere() -> None:
    x = leaf(X)
    for n in (0, 1, 2):
        y = np.diff(np.ones(4), n, prepend=x[:1])
        assert jacobian_pattern(y, x).shape == (y.size, 6)
        assert not ((dense(y, x) != 0) & ~jacobian_pattern(y, x).dense).any()


def test_a_node_between_can_be_asked_for() -> None:
    x = leaf(X)
    s = np.sin(x)
    assert jacobian_pattern(s * x, s).dense.tolist() == np.eye(6, dtype=bool).tolist()
    assert jacobian_pattern(x, s).columns.size == 0 and jacobian_pattern(s, s).columns.size == 6


def test_the_hessian_of_rosenbrock_has_three_diagonals() -> None:
    p = hessian_pattern(rosenbrock(x := leaf(X)), x)
    np.testing.assert_array_equal(
        p.dense, np.abs(np.subtract.outer(np.arange(6), np.arange(6))) <= 1
    )


def test_a_hessian_has_what_both_triangles_have() -> None:
    """The gradient of a polynomial's derivative by its last term is zero, whatever the program says of the other terms by it."""
    x = leaf(X)
    L = np.sum(np.polyder(x) ** 2)
    assert jacobian_pattern(mg.grad_node(L, x), x).dense[:, -1].any()
    p = hessian_pattern(L, x)
    assert not p.dense[:, -1].any() and p.same_as(p.T)


def test_a_large_band_stays_small() -> None:
    n = 100_000
    x = leaf(np.linspace(0, 1, n))
    J = sparse_jacobian(x[1:-1] * x[:-2] - x[2:], x)
    assert (J.shape, J.nnz) == ((n - 2, n), 3 * (n - 2))
    np.testing.assert_array_equal(J[[7]].toarray()[0, 7:10], [x.value[8], x.value[7], -1])
    assert len(x.tape) == 6


# ----------------------------------------------------------------------------------------------------- the entries


@pytest.mark.parametrize("name", EXACT)
def test_the_sparse_jacobian_is_the_dense_one(name: str) -> None:
    x = leaf(X)
    y = EXACT[name](x)
    nodes = len(x.tape)
    np.testing.assert_allclose(sparse_jacobian(y, x).toarray(), dense(y, x), rtol=1e-13, atol=1e-13)
    assert len(x.tape) == nodes


@given(programs(most=8, outputs=1))
def test_sparse_and_dense_agree_on_random_programs(program: Any) -> None:
    leaves, (L,) = program.record(mg.Tape())
    for x in leaves:
        g = mg.grad_node(L, x)
        want = dense(g, x)
        np.testing.assert_allclose(sparse_jacobian(g, x).toarray(), want, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(sparse_hessian(L, x).toarray(), want, rtol=1e-9, atol=1e-9)


HESSIANS = {
    "rosenbrock": rosenbrock,
    "arrow": lambda x: np.sum(x[0] * x[1:] ** 2),
    "far apart": lambda x: np.sum(np.sin(x) * x[::-1] ** 2),
    "full": lambda x: np.log(np.sum(np.exp(x))),
    "linear": lambda x: np.sum(3 * x),
    "knots": lambda x: np.sum(np.interp([0.5, 1.0], x, x**2)),
}


@pytest.mark.parametrize("name", HESSIANS)
def test_the_sparse_hessian_is_the_dense_one(name: str) -> None:
    x = leaf(X)
    L = HESSIANS[name](x)
    np.testing.assert_allclose(
        sparse_hessian(L, x).toarray(), dense(mg.grad_node(L, x), x), rtol=1e-12, atol=1e-12
    )


def test_few_rows_do_for_an_arrow() -> None:
    x = leaf(X)
    how = compress_symmetric_pattern(hessian_pattern(np.sum(x[0] * x[1:] ** 2), x))
    assert (len(how.rows), len(how.columns)) == (2, 0)


@pytest.mark.parametrize("axis", [0, 1])
def test_what_is_long_is_computed_by_itself(axis: int) -> None:
    x = leaf(np.linspace(0.3, 0.9, 40))
    sides = [x[:1] * x, np.sum(x) * x[:1]]
    y = np.concatenate([sides[0] if axis else x * 2.0, sides[1], x[1:] * x[:-1]])
    how = sparsity.compress_jacobian(y, x)
    assert (len(how.rows) > 0) and (len(how.columns) > 0) and len(how.rows) + len(how.columns) <= 6
    np.testing.assert_allclose(sparse_jacobian(y, x).toarray(), dense(y, x), rtol=1e-13)
    plan = mg.plan(scatter_entries(*jacobian_entries(y, x)), inputs=[x])
    np.testing.assert_allclose(plan(x.value), dense(y, x), rtol=1e-13)


def test_the_entries_can_be_planned() -> None:
    """A dense Jacobian, and a Hessian, as a few pulls and a scatter, replayed at other values."""
    x, other = leaf(X), leaf(X[::-1] ** 2)
    plan = mg.plan(
        scatter_entries(*jacobian_entries(mg.grad_node(rosenbrock(x), x), x)), inputs=[x]
    )
    np.testing.assert_allclose(
        plan(other.value), mg.hessian(rosenbrock(other), other), rtol=1e-12, atol=1e-12
    )
    plan = mg.plan(scatter_entries(*jacobian_entries(np.diff(x**3), x)), inputs=[x])
    np.testing.assert_allclose(
        plan(other.value), sparse_jacobian(np.diff(other**3), other).toarray(), rtol=1e-13
    )


def test_the_entries_can_be_differentiated_again() -> None:
    x = leaf(X)
    data, _ = jacobian_entries(np.square(x) * x, x)
    np.testing.assert_allclose(mg.grad(np.sum(data), x), 6 * X, rtol=1e-13)


def test_places_are_found_once_and_entries_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    x = leaf(X)
    y, L = np.diff(x**3), rosenbrock(x)
    sparse_jacobian(y, x), sparse_hessian(L, x)
    with x.tape.scratch():
        sparse_jacobian(y * y, x)
    monkeypatch.setattr(sparsity, "best_colouring", None)
    monkeypatch.setattr(sparsity, "star_colouring", None)
    x.value = X[::-1] ** 2
    np.testing.assert_allclose(sparse_jacobian(y, x).toarray(), dense(y, x))
    np.testing.assert_allclose(sparse_hessian(L, x).toarray(), dense(mg.grad_node(L, x), x))


def test_places_of_what_a_scratch_block_cut_off_are_forgotten() -> None:
    x = leaf(X)
    for _ in range(3):
        with x.tape.scratch():
            sparse_jacobian(x * x, x)
    assert len(sparsity.COMPRESSIONS[x.tape.state]) == 1


def test_single_precision_stays() -> None:
    x = mg.Tape().leaf(X.astype(np.float32))
    assert (
        sparse_jacobian(np.diff(x * x), x).dtype
        == sparse_hessian(np.sum(x**3), x).dtype
        == np.float32
    )


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_entries_have_the_dtype_of_x_by_rows_and_by_columns(dtype: str) -> None:
    x = mg.Tape().leaf(X.astype(dtype))
    a = x.astype("f8" if dtype == "f4" else "f4")
    for y in (
        np.sum(a * a),
        np.outer(a[:1], np.ones(5, a.dtype)),
        np.zeros(3, a.dtype) * a[:0].sum(),
    ):
        assert mg.jacobian(y, x, sparse=True).dtype == jacobian_entries(y, x)[0].dtype == x.dtype


# ------------------------------------------------------------------------------------------------------- bad input


def test_what_has_no_real_derivative_is_refused() -> None:
    tape = mg.Tape()
    x, z, n = tape.leaf(X), tape.leaf(X + 1j), tape.leaf(np.arange(6))
    for y, by in ((np.exp(z), z), (np.abs(z), z), (x * 1j, x)):
        with pytest.raises(NotDifferentiableError, match="is complex"):
            sparse_jacobian(y, by)
    with pytest.raises(NotDifferentiableError, match="is complex"):
        sparse_hessian(np.sum(np.abs(z)), z)
    with pytest.raises(NotDifferentiableError, match="no float"):
        sparse_jacobian(x * n, n)
    with pytest.raises(NotDifferentiableError, match="no float"):
        sparse_jacobian(n > 2, x)
    with pytest.raises(NotScalarError):
        sparse_hessian(x * x, x)
    with pytest.raises(OtherTapeError):
        sparse_jacobian(x * x, leaf(X))


def test_without_scipy_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    x = leaf(X)
    with pytest.raises(MissingLibraryError, match="pip install 'memograd\\[scipy\\]'"):
        sparse_jacobian(x * x, x)
