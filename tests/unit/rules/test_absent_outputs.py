"""Absent cotangents: what L does not depend on adds nothing, not even 0 · ∞."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sampling import WITH_LINES, samples

import memograd as mg
import memograd.rules.absent_outputs
from memograd.rules.absent_outputs import Absent, absent
from memograd.rules.registration import RULES
from memograd.text import op_name
from memograd.transforms.batched_products import pull_rows


@mg.op
def square_and_root(x: Any) -> Any:
    """Two outputs, x² and √x; the derivative of the second is infinite at 0."""
    return x * x, np.sqrt(x)


@mg.op
def pair(a: Any, b: Any) -> Any:
    """Two outputs, each of one operand."""
    return 2 * a, 3 * b


@pytest.fixture(autouse=True)
def rules() -> Iterator[None]:
    mg.elementwise(square_and_root, x=lambda g, x: g[0] * 2 * x + g[1] * 0.5 / np.sqrt(x))
    mg.elementwise(pair, a=lambda g: 2 * g[0], b=lambda g: 3 * g[1])
    yield
    del RULES[square_and_root], RULES[pair]


@pytest.fixture
def x() -> Any:
    return mg.Tape().leaf([0.0, 3.0], name="x")


WANTED = [0.0, 6.0]


def test_an_output_that_nobody_reads_adds_nothing(x: Any) -> None:
    L = np.sum(square_and_root(x)[0])
    assert np.array_equal(mg.grad(L, x), WANTED)
    assert np.array_equal(mg.grad_node(L, x).value, WANTED)
    assert np.array_equal(mg.plan(mg.grad_node(L, x), [x])([0.0, 5.0]), [0.0, 10.0])
    x.value = [0.0, 1.0]
    assert np.array_equal(mg.grad(L, x), [0.0, 2.0])


def test_an_output_that_is_read_elsewhere_adds_nothing(x: Any) -> None:
    y = square_and_root(x)
    L, _ = np.sum(y[0]), np.sum(y[1])
    assert np.array_equal(mg.grad(L, x), WANTED)


def test_an_output_that_is_read_is_there(x: Any) -> None:
    y = square_and_root(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        assert np.isnan(mg.grad(np.sum(y[0]) + 0 * np.sum(y[1]), x)[0])
        assert mg.grad(np.sum(y[1]), x)[0] == np.inf


def test_many_rows_at_once(x: Any) -> None:
    y = square_and_root(x)[0]
    assert np.array_equal(pull_rows(y, [x], np.eye(2))[0], np.diag(WANTED))
    assert np.array_equal(pull_rows(y, [x], x.tape.leaf(np.eye(2)))[0].value, np.diag(WANTED))


def test_an_operand_that_only_unread_outputs_depend_on() -> None:
    tape = mg.Tape()
    a, b = tape.leaf([1.0, 2.0]), tape.leaf([3.0, 4.0])
    found = mg.grad(np.sum(pair(a, b)[0]), [a, b])
    assert np.array_equal(found, [[2.0, 2.0], [0.0, 0.0]])
    assert {type(d) for d in found} == {np.ndarray}


def with_several_outputs() -> list[Any]:
    """The ops that combine the cotangents of several outputs; linear ones only move them."""
    return [
        op
        for op in WITH_LINES
        if RULES[op].kind != "linear"
        and any(isinstance(RULES[op].run(xs, kw), tuple) for xs, kw, _ in samples(op))
    ]


SEVERAL = with_several_outputs()


@pytest.mark.parametrize("op", SEVERAL, ids=op_name)
def test_unread_outputs_do_not_poison(op: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An absent cotangent that holds NaN gives what one of zeros gives: no rule computes with it, though it may move it."""
    plain = slopes(op)
    monkeypatch.setattr(memograd.rules.absent_outputs, "absent", spoiled)
    for want, got in zip(plain, slopes(op), strict=True):
        np.testing.assert_allclose(
            np.where(np.isnan(got) & (want == 0), 0, got), want, rtol=1e-10, atol=1e-12
        )
        assert np.all(np.isfinite(want))


def spoiled(zeros: Any) -> Any:
    """An absent cotangent with NaN in the place of its zeros."""
    zeros = np.asarray(zeros)
    return np.full_like(zeros, np.nan if zeros.dtype.kind in "fc" else 0).view(Absent)


def slopes(op: Any) -> list[Any]:
    """The gradients of each output of the sample calls by each operand."""
    found = []
    for xs, keywords, ks in samples(op):
        tape = mg.Tape()
        leaves = {k: tape.leaf(xs[k]) for k in ks}
        y = tape.record(op, tuple(leaves.get(k, x) for k, x in enumerate(xs)), keywords)
        for part in y if isinstance(y, tuple | list) else ():
            if part.dtype.kind in "fc":
                found += mg.grad(np.sum(np.real(part)), list(leaves.values()))
    return found


def test_there_are_such_ops() -> None:
    assert len(SEVERAL) > 15


# ---------------------------------------------------------------------------------------------------- the arithmetic


def zeros(*shape: int) -> Any:
    return absent(np.zeros(shape))


M = np.array([[1.0, np.inf], [np.nan, 2.0]])


@pytest.mark.parametrize(
    ("f", "shape"),
    [
        (lambda z: z * M, (2, 2)),
        (lambda z: M * z, (2, 2)),
        (lambda z: z / 0.0, (2,)),
        (lambda z: -z, (2,)),
        (lambda z: z @ M, (2,)),
        (lambda z: M @ z, (2,)),
        (lambda z: np.tensordot(M, z, 1), (2,)),
        (lambda z: np.einsum("ij,j->i", M, z) * np.inf, (2,)),
        (lambda z: np.sum(z) * np.inf, ()),
        (lambda z: z[0] * np.inf, ()),
        (lambda z: z[..., None] * M, (2, 2)),
        (lambda z: np.where([True, False], z, 0) * M, (2, 2)),
        (lambda z: np.broadcast_to(z, (3, 2)) / 0.0, (3, 2)),
        (lambda z: np.real(np.conj(z)) * np.inf, (2,)),
        (lambda z: np.split(z, 2)[1] * np.inf, (1,)),
        (lambda z: (z - z) * np.inf, (2,)),
        (lambda z: 2.0 * z + z, (2,)),
    ],
)
def test_what_is_absent_stays_so(f: Any, shape: Any) -> None:
    y = f(zeros(2))
    assert type(y) is Absent and y.shape == shape and np.all(np.asarray(y) == 0)


@pytest.mark.parametrize(
    ("f", "want"),
    [
        (lambda z: z + M, M),
        (lambda z: M - z, M),
        (lambda z: z - M, -M),
        (lambda z: 1.0 + z, np.ones(2)),
        (lambda z: z + np.float64(3), np.full(2, 3.0)),
        (lambda z: np.cos(z), np.ones(2)),
        (lambda z: np.concatenate([z, [1.0]]), [0.0, 0.0, 1.0]),
        (lambda z: np.where([True, False], z, 5.0), [0.0, 5.0]),
        (lambda z: np.maximum(z, 1.0), np.ones(2)),
        (lambda z: np.add.reduce(z), 0.0),
        (lambda z: 1.0 / (z + 2.0), np.full(2, 0.5)),
    ],
)
def test_anything_else_sees_zeros(f: Any, want: Any) -> None:
    y = f(zeros(2))
    assert type(y) is not Absent and np.array_equal(y, want, equal_nan=True)


def test_beside_nodes(x: Any) -> None:
    z = zeros(2)
    for y in (x * z, z * x, z / x, z @ np.outer(x, x), np.multiply(x, z)):
        assert type(y) is Absent
    assert (x + z) is x and (z + x) is x and (x - z) is x
    assert (z - x).op is np.negative
    assert np.array_equal(np.concatenate([x, z]).value, [0.0, 3.0, 0.0, 0.0])
