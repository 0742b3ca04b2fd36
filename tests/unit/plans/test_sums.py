"""Sums over axes and einsums as products of matrices: which form, and that the numbers stay."""

import numpy as np
import pytest

import memograd as mg
from memograd.plans import passes
from memograd.plans.ir import Instruction
from memograd.text import op_name

SEED = 20261


def lowered(f, *shapes, dtype=float, values=None):
    """The ops of a plan of `f`, made with this pass alone, once it has given the tape's values."""
    rng = np.random.default_rng(SEED)
    values = [rng.normal(size=s).astype(dtype) for s in shapes] if values is None else values
    tape = mg.Tape()
    leaves = [tape.leaf(v, name=f"x{k}") for k, v in enumerate(values)]
    y = f(*leaves)
    plan = mg.plan(
        y, inputs=leaves, passes=[passes.LIFT_CONSTANTS, passes.LOWER_EINSUMS, passes.LOWER_SUMS]
    )
    got = plan(*values)
    assert (got.shape, got.dtype) == (y.shape, y.dtype)
    scale = np.max(np.abs(y.value), initial=1.0) if np.all(np.isfinite(y.value)) else 1.0
    atol = 200 * np.finfo(dtype).eps * scale
    np.testing.assert_allclose(got, y.value, rtol=0, atol=atol, err_msg=f"seed {SEED}")
    return [op_name(i.op).removeprefix("np.") for i in plan.graph.instructions.values() if i.op]


@pytest.mark.parametrize(
    ("shape", "axis", "ops"),
    [
        ((50, 3), -1, ["matmul"]),
        ((50, 3), 0, ["matmul"]),
        ((5, 60, 4), 1, ["matmul"]),
        ((5, 6, 4), (0, 1), ["reshape", "matmul"]),
        ((5, 6, 4), 2, ["reshape", "matmul", "reshape"]),
        ((5, 1, 4), (1, 2), ["reshape", "matmul"]),
        ((100, 3, 4), 1, ["einsum"]),
        ((5, 6, 4), (0, 2), ["sum"]),
        ((5, 6), None, ["sum"]),
        ((1, 5), 0, ["sum"]),
        ((0, 5), 0, ["sum"]),
    ],
)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sum_is_a_product_with_ones(shape, axis, ops, keepdims, dtype):
    got = lowered(lambda x: np.sum(x, axis=axis, keepdims=keepdims), shape, dtype=dtype)
    assert got == ops or (keepdims and got == [*ops, "reshape"]) or got == ops[:-1]


@pytest.mark.parametrize("dtype", [np.float16, np.complex128, np.int64])
def test_half_precision_complex_numbers_and_integers_are_left(dtype):
    x = np.ones((20, 3), dtype)
    tape = mg.Tape()
    leaf = tape.leaf(x, name="x")
    plan = mg.plan(np.sum(leaf, axis=0), inputs=[leaf])
    assert "sum" in plan.source and "@" not in plan.source


def test_a_sum_in_another_dtype_or_over_a_part_is_left():
    assert lowered(lambda x: np.sum(x, axis=0, dtype=np.float64), (9, 3), dtype=np.float32) == [
        "sum"
    ]
    assert lowered(lambda x: np.sum(x, axis=0, initial=2.0), (9, 3)) == ["sum"]


@pytest.mark.parametrize(
    ("f", "shapes", "ops"),
    [
        (lambda a, b: np.sum(a * b, -1), [(4, 5), (4, 5)], ["vecdot"]),
        (lambda a, b: np.sum(a * b, -1), [(400, 5), (400, 5)], ["multiply", "matmul"]),
        (lambda a, b: np.sum(a * b, -1), [(400, 50), (400, 50)], ["vecdot"]),
        (lambda a, b: np.sum(a * b, -1), [(4, 5), (5,)], ["matmul"]),
        (lambda a, b: np.sum(b * a, -1), [(4, 5), (1, 5)], ["reshape", "matmul"]),
        (lambda a, b: np.sum(a * b, 0), [(4, 5), (4, 1)], ["reshape", "matmul"]),
        (lambda a, b: np.sum(a * b, 0), [(4, 5), (4, 5)], ["multiply", "matmul"]),
        (lambda a, b: np.sum(a * b[:, None], 1), [(3, 4, 5), (3, 5)], ["multiply", "matmul"]),
        (lambda a, b: np.sum(a * b, 2), [(3, 4, 5), (3, 1, 5)], ["reshape", "matvec"]),
        (lambda a, b: np.sum(a * b, 1), [(3, 4, 5), (3, 4, 1)], ["reshape", "vecmat"]),
        (lambda a, b: np.sum(a * b, 1), [(3, 4, 1), (1, 4, 5)], 2 * ["reshape"] + ["matmul"]),
        (lambda a, b: np.sum(np.square(a) + b * 0, -1), [(4, 5), (4, 5)], None),
        (lambda a, b: np.sum(np.square(a), -1), [(4, 5), ()], ["vecdot"]),
    ],
)
def test_a_sum_of_products_is_a_contraction(f, shapes, ops):
    got = lowered(f, *shapes)
    assert ops is None or [op for op in got if op != "getitem"] == ops or got[-len(ops) :] == ops


def test_a_product_that_is_read_elsewhere_is_summed_by_ones():
    def f(a, b):
        y = a * b
        return np.sum(y, -1) * y[:, 0]

    assert lowered(f, (4, 5), (4, 5)) == ["multiply", "matmul", "getitem", "multiply"]


def test_a_sum_goes_into_the_products_that_carry_its_axis():
    got = lowered(
        lambda g, L, q: np.sum(-(g @ L) - g * q, axis=1), (5, 100, 4), (5, 4, 4), (5, 1, 4)
    )
    assert got.count("sum_before_matmul") == got.count("sum_before_product") == 1
    assert "sum" not in got and got.count("multiply") == 0
    assert "sum_before_matmul" in lowered(lambda g, L: np.sum(g @ L, -1), (50, 4), (4, 30))
    assert "sum_before_product" in lowered(lambda g, q: np.sum(q * g, 0), (200, 4), (4,))


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan, 1e200, -0.0, 0.0])
def test_what_is_not_finite_is_summed_as_it_is_written(odd):
    """An infinite factor of terms with both signs gives NaN; the sum of the terms is finite."""
    g = np.where(np.arange(800.0).reshape(200, 4) % 3 == 0, -1.5, 1.0)
    L, q = np.full((4, 5), 2.0), np.full(4, -1.0)
    L[1, 2] = q[1] = odd
    with np.errstate(all="ignore"):
        for f, other in (
            (lambda g, L: np.sum(g @ L, axis=0), L),
            (lambda g, q: np.sum(g * q, axis=0), q),
        ):
            tape = mg.Tape()
            leaves = [tape.leaf(v, name=name) for v, name in ((g, "g"), (other, "q"))]
            y = f(*leaves)
            plan = mg.plan(y, inputs=leaves)
            assert "sum_before" in plan.source
            got = plan(g, other)
            np.testing.assert_allclose(got, y.value, rtol=1e-12)
            assert np.array_equal(np.signbit(got), np.signbit(y.value))


@pytest.mark.parametrize(
    ("spelling", "shapes"),
    [
        ("ij,jk->ik", [(3, 4), (4, 5)]),
        ("ij,jk->ki", [(3, 4), (4, 5)]),
        ("ij,jk", [(3, 4), (4, 5)]),
        ("ijk,mik->mij", [(2, 5, 3), (4, 2, 3)]),
        ("mij,mik->ijk", [(4, 2, 5), (4, 2, 3)]),
        ("...ij,...jk->...ik", [(2, 3, 4), (2, 4, 5)]),
        ("...ij,jk->...ik", [(2, 3, 4), (4, 5)]),
        ("abij,abjk->abik", [(2, 3, 4, 5), (1, 3, 5, 2)]),
        ("ab,ab->", [(3, 4), (3, 4)]),
        ("abc,abc->a", [(3, 4, 5), (3, 4, 5)]),
        ("abc,c->ab", [(3, 4, 5), (5,)]),
        ("abc,ac->ab", [(3, 4, 5), (3, 5)]),
        ("abc,ab->ac", [(3, 4, 5), (3, 4)]),
        ("abcd,acbe->ade", [(2, 3, 4, 5), (2, 4, 3, 6)]),
        ("ij,jk->ik", [(3, 0), (0, 5)]),
    ],
)
def test_an_einsum_of_two_is_a_product_of_matrices(spelling, shapes):
    got = lowered(lambda a, b: np.einsum(spelling, a, b), *shapes)
    assert "einsum" not in got
    assert set(got) <= {"reshape", "transpose", "matmul", "matvec", "vecmat", "vecdot"}


@pytest.mark.parametrize(
    ("spelling", "shapes"),
    [
        ("ii,ij->j", [(3, 3), (3, 4)]),
        ("ij,k->k", [(3, 4), (5,)]),
        ("i,j->ij", [(3,), (4,)]),
        ("ji,jk,kl->il", [(3, 4), (3, 5), (5, 2)]),
        ("ja,ka,ja->a", [(3, 4), (5, 4), (3, 4)]),
        ("ia,ja->ija", [(3, 4), (5, 4)]),
        ("iak,jka->ija", [(3, 4, 2), (5, 2, 4)]),
    ],
)
def test_other_einsums_are_left(spelling, shapes):
    assert lowered(lambda *xs: np.einsum(spelling, *xs), *shapes) == ["einsum"]


def test_a_mask_and_integers_are_factors():
    got = lowered(
        lambda x, w: np.sum((x > 0) * w, axis=1) + np.einsum("ij,j->i", x > 0, w), (6, 5), (5,)
    )
    assert got.count("matmul") == 2 and "sum" not in got


@pytest.mark.parametrize(("axis", "keepdims"), [(0, False), (0, True), (1, False), (-1, True)])
def test_a_large_mask_is_counted_in_single_precision(axis, keepdims):
    got = lowered(lambda x: np.sum(x > 0, axis=axis, keepdims=keepdims) * 1.0, (50, 60))
    assert "sum" not in got and "matmul" in got and "astype" in got


def test_small_masks_and_integers_are_counted_as_they_are():
    assert "sum" in lowered(lambda x: np.sum(x > 0, axis=0) * 1.0, (5, 6))
    assert "sum" in lowered(lambda x: np.sum(x > 0, axis=0, dtype=np.int32) * 1.0, (50, 60))
    assert "sum" in lowered(lambda x: np.sum(x > 0) * 1.0, (50, 60))


def test_a_sum_of_a_transpose_is_that_of_the_array():
    for axes, axis in (((2, 0, 1), 0), ((1, 0, 2), 1), ((2, 1, 0), (1, 2)), ((1, 2, 0), (0, 1))):
        f = lambda x: np.sum(np.transpose(np.sin(x), axes), axis=axis)  # noqa: B023, E731
        assert "matmul" in lowered(f, (4, 5, 6))
    got = lowered(lambda a, b: np.sum(-np.transpose(a @ b), axis=1), (400, 5), (5, 3))
    assert "sum_before_matmul" in got


def test_one_vector_of_ones_serves_all_sums():
    tape = mg.Tape()
    x = tape.leaf(np.ones((6, 7)), name="x")
    plan = mg.plan([np.sum(np.sin(x), axis=1), np.sum(np.cos(x), axis=1)], inputs=[x])
    assert (
        sum(type(i) is Instruction and i.op is None for i in plan.graph.instructions.values()) == 2
    )
