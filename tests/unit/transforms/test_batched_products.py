"""Many rows at once: what a batch gives is what its rows give one by one, on arrays and on nodes."""

from typing import Any

import numpy as np
import pytest
from sampling import WITH_LINES, samples

import memograd as mg
import memograd.numpy as mnp
from memograd.arrays.values import is_inexact
from memograd.check import check_grad
from memograd.errors import BusyError, RefusedError
from memograd.rules.indexing import replace, scatter
from memograd.rules.registration import RULES
from memograd.transforms import batched_array
from memograd.transforms.batched_array import BatchedArray, apply_batched, run_op
from memograd.transforms.batched_products import pull_rows, push_columns

ROWS = 3


def drawn(rng: Any, like: Any) -> Any:
    """A row for each of a few draws of an array of this shape and dtype."""
    g = rng.uniform(0.5, 1.5, (ROWS, *like.shape)) * rng.choice([-1, 1], (ROWS, *like.shape))
    return (g + 1j * rng.uniform(0.5, 1.5, g.shape) if like.dtype.kind == "c" else g).astype(
        like.dtype
    )


def value(x: Any) -> Any:
    return x.value if isinstance(x, mg.Node) else x


def agree(got: Any, want: Any) -> None:
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("op", WITH_LINES, ids=lambda op: op.__name__)
def test_rows_pulled_through_an_op_are_those_of_its_vjps(op: Any, rng: Any) -> None:
    for xs, keywords, ks in samples(op):
        tape = mg.Tape()
        leaves = {k: tape.leaf(xs[k]) for k in ks}
        y = tape.record(op, tuple(leaves.get(k, x) for k, x in enumerate(xs)), keywords)
        for part in y if isinstance(y, tuple | list) else (y,):
            if is_inexact(part.dtype):
                targets, seeds = list(leaves.values()), drawn(rng, part)
                want = [
                    np.stack(rows)
                    for rows in zip(*(mg.vjp(part, targets, seed) for seed in seeds), strict=True)
                ]
                for given in (seeds, tape.leaf(seeds)):
                    for got, rows in zip(pull_rows(part, targets, given), want, strict=True):
                        agree(value(got), rows)


@pytest.mark.parametrize("op", WITH_LINES, ids=lambda op: op.__name__)
def test_tangents_pushed_through_an_op_are_those_of_its_jvps(op: Any, rng: Any) -> None:
    for xs, keywords, ks in samples(op):
        tape = mg.Tape()
        leaves = {k: tape.leaf(xs[k]) for k in ks}
        y = tape.record(op, tuple(leaves.get(k, x) for k, x in enumerate(xs)), keywords)
        for part in y if isinstance(y, tuple | list) else (y,):
            if is_inexact(part.dtype):
                targets, tangents = (
                    list(leaves.values()),
                    [drawn(rng, leaf) for leaf in leaves.values()],
                )
                want = np.stack(
                    [mg.jvp(part, targets, list(row)) for row in zip(*tangents, strict=True)]
                )
                agree(push_columns(part, targets, tangents), want)
                agree(push_columns(part, targets, [tape.leaf(t) for t in tangents]).value, want)


@pytest.mark.parametrize(
    "op", [op for op in WITH_LINES if RULES[op].kind != "rule"], ids=lambda op: op.__name__
)
def test_an_op_of_rows_is_the_op_of_each(op: Any, rng: Any) -> None:
    for xs, keywords, ks in samples(op):
        for k in ks:
            rows = xs[k] * rng.uniform(1, 1.1, (ROWS, *(1,) * xs[k].ndim)).astype(xs[k].dtype)
            wants = [RULES[op].run([*xs[:k], row, *xs[k + 1 :]], keywords) for row in rows]
            several = isinstance(wants[0], tuple | list)
            for given in (rows, mg.Tape().leaf(rows)):
                got = apply_batched(op, (*xs[:k], BatchedArray(given), *xs[k + 1 :]), keywords)
                for g, want in (
                    zip(got, zip(*wants, strict=True), strict=True) if several else [(got, wants)]
                ):
                    agree(value(g.values), np.stack(want))


# ------------------------------------------------------------------------------------------------------------ the requests


@pytest.fixture
def net(rng: Any) -> Any:
    tape = mg.Tape()
    W, x = tape.leaf(rng.normal(size=(3, 4)), name="W"), tape.leaf(rng.normal(size=4), name="x")
    return W, x, np.tanh(W @ x).named("y")


def seen(tape: mg.Tape) -> Any:
    """What a request may not change: how many nodes there are, and who knows what."""
    return len(tape), set(tape.state.tables), set(tape.state.index.of)


def test_numbers_leave_nothing_on_the_tape(net: Any) -> None:
    W, x, y = net
    before = seen(y.tape)
    pull_rows(y, [W, x], np.eye(3))
    push_columns(y, [x], [np.eye(4)])
    assert seen(y.tape) == before


def test_nodes_are_a_program_of_their_own(net: Any) -> None:
    W, x, y = net
    before, consumers = seen(y.tape), [[c.id for c in n.consumers] for n in net]
    (J,) = pull_rows(y, [x], y.tape.leaf(np.eye(3)))
    K = push_columns(y, [x], [y.tape.leaf(np.eye(4))])
    agree(J.value, np.transpose(K.value))
    assert seen(y.tape)[1:] == before[1:]
    assert [[c.id for c in n.consumers] for n in net] == consumers
    assert {y.tape.graph.nodes[n]["of"] for n in range(before[0], len(y.tape))} >= {
        None,
        (y.id, x.id),
        (y.id, y.id),
    }
    agree(mg.grad(np.sum(J * J), x), mg.grad(np.sum(K * K), x))
    check_grad(np.sum(np.exp(J)), [W, x])
    agree(mg.plan(J, inputs=[x])(x.value + 1), mg.plan(K, inputs=[x])(x.value + 1).T)


def test_an_assignment_is_seen(net: Any) -> None:
    _, x, y = net
    (J,) = pull_rows(y, [x], y.tape.leaf(np.eye(3)))
    x.value = x.value + 1
    agree(pull_rows(y, [x], np.eye(3))[0], J.value)


def test_what_does_not_lead_to_y_gets_zeros(net: Any) -> None:
    _, _, y = net
    z = y.tape.leaf(np.ones((2, 2), np.float32))
    for seeds in (np.eye(3), y.tape.leaf(np.eye(3))):
        agree(value(pull_rows(y, [z], seeds)[0]), np.zeros((3, 2, 2), np.float32))
    for tangents in (np.ones((5, 2, 2)), y.tape.leaf(np.ones((5, 2, 2)))):
        agree(value(push_columns(y, [z], [tangents])), np.zeros((5, 3)))


def test_no_rows_and_y_itself(net: Any) -> None:
    W, x, y = net
    assert [rows.shape for rows in pull_rows(y, [W, x], np.ones((0, 3)))] == [(0, 3, 4), (0, 4)]
    assert push_columns(y, [x], [np.ones((0, 4))]).shape == (0, 3)
    seeds = np.eye(3)
    (rows,) = pull_rows(y, [y], seeds)
    agree(rows, seeds)
    assert seeds.flags.writeable
    assert rows is not seeds


def test_a_line_that_does_not_look_at_its_cotangent_gives_its_zeros_to_all_rows() -> None:
    tape = mg.Tape()
    x = tape.leaf([1.0, 2.0])
    y = np.diff(x, n=0, prepend=x)  # no difference is taken, so that nothing is put before
    agree(pull_rows(y, [x], np.eye(2))[0], np.eye(2))
    agree(pull_rows(y, [x], tape.leaf(np.eye(2)))[0].value, np.eye(2))


def test_a_line_that_fails_leaves_the_tape_as_it_was() -> None:
    failing = mg.op(lambda x: np.array(x))

    def line(g: Any) -> Any:
        np.exp(g)
        raise ArithmeticError("no such derivative")

    mg.rule(failing, x=line)
    x = mg.Tape().leaf([1.0, 2.0])
    y = failing(np.sin(x))
    seeds = x.tape.leaf(np.eye(2))
    before = seen(x.tape)
    for given in (seeds, seeds.value):
        with pytest.raises(ArithmeticError):
            pull_rows(y, [x], given)
        assert seen(x.tape) == before


def test_nobody_assigns_in_the_middle() -> None:
    meddling = mg.op(lambda x: np.array(x))
    x = mg.Tape().leaf([1.0, 2.0])
    mg.rule(meddling, x=lambda g: x.tape.assign({x: [0.0, 0.0]}))
    with pytest.raises(BusyError, match="assign"):
        pull_rows(meddling(x), [x], np.eye(2))


def test_the_rows_of_a_network_are_not_looped_over(
    net: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batched_array, "apply_row_by_row", None)
    W, x, y = net
    z = np.concatenate([np.sum(y[1:] * x[:2]) * y, np.mean(W, axis=0)])
    assert [rows.shape for rows in pull_rows(z, [W, x], np.eye(7))] == [(7, 3, 4), (7, 4)]


# --------------------------------------------------------------------------------------------------------------- a batch


def test_a_batch_is_like_one_of_its_rows() -> None:
    b = BatchedArray(np.zeros((5, 2, 3), np.float32))
    assert (b.shape, b.ndim, b.size, b.dtype, len(b)) == ((2, 3), 2, 6, np.float32, 2)
    assert (np.shape(b), np.ndim(b), np.size(b), np.result_type(b)) == ((2, 3), 2, 6, np.float32)
    assert repr(b) == "<memograd batch: 5 rows, float32 (2, 3)>"


WAYS = {
    "b + a": lambda b, a: b + a, "a + b": lambda b, a: a + b, "b - a": lambda b, a: b - a, "a - b": lambda b, a: a - b,
    "b * a": lambda b, a: b * a, "a * b": lambda b, a: a * b, "b / a": lambda b, a: b / a, "a / b": lambda b, a: a / b,
    "b @ a": lambda b, a: b @ a, "a @ b": lambda b, a: a @ b, "b ** a": lambda b, a: b**a, "a ** b": lambda b, a: a**b,
    "-b": lambda b, a: -b, "2 * b": lambda b, a: 2 * b, "np.where": lambda b, a: np.where(a > 0.5, b, a),
    "np.stack": lambda b, a: np.stack([a, b]), "np.add.reduce": lambda b, a: np.add.reduce(b, axis=1), "b.T": lambda b, a: b.T,
    "b.mT": lambda b, a: b.mT, "b.sum": lambda b, a: b.sum(axis=0), "b.real": lambda b, a: b.real, "b.reshape": lambda b, a: b.reshape(9),
    "np.float64 * b": lambda b, a: np.float64(2) * b, "mg.numpy": lambda b, a: mnp.array([b[0], a[0]]), "unpacked": lambda b, a: sum(b),
    "masked": lambda b, a: b[a > 0.5] * a[a > 0.5],
    "order F": lambda b, a: np.reshape(b, 9, order="F"), "arrays apart": lambda b, a: b[..., None][[0, 1], :, [0, 0]],
    "scattered apart": lambda b, a: scatter(b[:2], (2, 3, 1), [0, 1], slice(None), [0, 0]),
    "replaced apart": lambda b, a: replace(a[..., None], b[:2], [0, 1], slice(None), [0, 0]),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_batches_arrays_and_nodes_go_together(way: str, rng: Any) -> None:
    rows, a = rng.uniform(0.2, 0.8, (4, 3, 3)), rng.uniform(0.2, 0.8, (3, 3))
    want, tape = np.stack([WAYS[way](row, a) for row in rows]), mg.Tape()
    for b in (rows, tape.leaf(rows)):
        for other in (a, tape.leaf(a)):
            agree(value(WAYS[way](BatchedArray(b), other).values), want)


@pytest.mark.parametrize("conversion", [np.asarray, bool, float])
def test_a_batch_is_no_single_array(conversion: Any) -> None:
    with pytest.raises(RefusedError, match="batch of rows"):
        conversion(BatchedArray(np.zeros((2, 1))))


def test_a_batch_is_found_where_numpy_does_not_look_for_it() -> None:
    agree(
        run_op(np.full_like, (np.zeros(3), BatchedArray(np.arange(2.0))), {}).values,
        np.array([[0.0] * 3, [1.0] * 3]),
    )


def test_what_is_added_to_a_batch_does_not_change_it() -> None:
    b = c = BatchedArray(np.zeros((2, 3)))
    b += np.ones(3)
    assert not c.values.any()
    assert b.values.all()


SHAPES = [(3,), (3, 3), (3, 1), (2, 3, 3)]


@pytest.mark.parametrize("op", [np.matmul, np.dot, np.inner, np.linalg.solve])
@pytest.mark.parametrize("a_shape", SHAPES)
@pytest.mark.parametrize("b_shape", SHAPES)
def test_products_in_all_shapes(op: Any, a_shape: Any, b_shape: Any, rng: Any) -> None:
    a, b = rng.normal(size=(4, *a_shape)), rng.normal(size=(4, *b_shape))
    try:
        op(a[0], b[0])
    except (ValueError, np.linalg.LinAlgError):
        pytest.skip("NumPy has no such product")
    agree(op(BatchedArray(a), b[0]).values, np.stack([op(row, b[0]) for row in a]))
    agree(op(a[0], BatchedArray(b)).values, np.stack([op(a[0], row) for row in b]))
    agree(
        op(BatchedArray(a), BatchedArray(b)).values,
        np.stack([op(row, col) for row, col in zip(a, b, strict=True)]),
    )
