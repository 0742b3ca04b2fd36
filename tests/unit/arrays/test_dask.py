"""Dask arrays as leaves: lazy throughout, equal to NumPy, keyed by their names; what cannot be lazy is refused."""

import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sampling import CUBE, SAMPLES, SEED, V, X, array

import memograd as mg
from memograd.errors import AssignError, ChunksError
from memograd.rules.registration import RULES
from memograd.scipy import special
from memograd.text import op_name

dask = pytest.importorskip("dask", reason="Dask arrays need Dask")
da = pytest.importorskip("dask.array", reason="Dask arrays need Dask")


class ComputedError(Exception):
    """Somebody computed what nobody asked for."""


def refuse(*_: Any, **__: Any) -> Any:
    raise ComputedError


@pytest.fixture
def lazily() -> Iterator[None]:
    """Nothing is computed while this is there, save where a scheduler is named."""
    with dask.config.set(scheduler=refuse):
        yield


def chunked(a: Any) -> Any:
    return da.from_array(np.asarray(a), chunks=2)


def computed(nest: Any) -> Any:
    return dask.compute(nest, scheduler="sync")[0]


def total(y: Any) -> Any:
    """A scalar to which all elements of all outputs lead, each with its own weight."""
    parts = [p for p in (y if isinstance(y, tuple | list) else (y,)) if p.dtype.kind in "fc"]
    weights = np.random.default_rng(SEED)
    return sum((np.sum(weights.normal(size=p.shape) * np.real(p)) for p in parts), start=0.0)


def gradients(f: Callable[..., Any], values: list[Any]) -> list[Any]:
    tape = mg.Tape()
    xs = [tape.leaf(v) for v in values]
    return mg.grad(total(f(*xs)), xs)  # type: ignore[no-any-return]


# ---------------------------------------------------------------------------------------------------------- as with NumPy

A, B, SQUARE = array(6, 4), array(4, 5), array(4, 4) + 4 * np.eye(4)

COMMON: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "a perceptron": (lambda x, w: np.square(np.tanh(x @ w) - 0.5), [A, B]),
    "cross entropy": (lambda z: np.logaddexp.reduce(z, axis=1) - z[:, 0], [A]),
    "logsumexp": (lambda z: special.logsumexp(z, axis=0), [A]),
    "softmax": (lambda z: special.softmax(z, axis=1) * special.log_softmax(z, axis=1), [A]),
    "broadcasting": (lambda a, b, c: a * b / c, [A, A[0], A[:, :1]]),
    "kinks": (lambda a: np.maximum(a, 0.5) + np.abs(a - 0.5) + np.clip(a, 0.3, 0.6), [A]),
    "where": (lambda a: np.where(a > 0.5, a * a, 0.1), [A]),
    "sums": (lambda a: np.sum(a, axis=0) + np.sum(a, axis=1, keepdims=True) + np.mean(a), [A]),
    "spreads": (lambda a: np.var(a, axis=1) + np.std(a), [A]),
    "extremes": (lambda a: np.max(a, axis=0) - np.min(a), [A]),
    "products": (lambda a: np.prod(a, axis=1) + np.cumsum(a, axis=0)[:, 1], [A]),
    "slices": (lambda a: a[1:4, ::-1] * a[-1] * a[2:5, None, 0], [A]),
    "rows of a list": (lambda a: a[[0, 3, 3]] + np.take(a, [1, 1, 5], axis=0), [A]),
    "columns of a list": (lambda a: a[1:, np.array([2, 0])], [A]),
    "set and added": (lambda a, b: a.at[1:3].set(b[:2]).at[0].add(b[2]), [A, array(3, 4)]),
    "joined": (lambda a, b: np.concatenate([a, b]) + np.stack([a[0], b[0]])[0], [A, array(3, 4)]),
    "laid out": (lambda a: np.moveaxis(np.reshape(a, (3, 2, 4)), 0, -1) * np.ravel(a)[3], [A]),
    "einsum": (lambda a, b: np.einsum("ij,jk->ki", a, b), [A, B]),
    "tensordot": (lambda a, b: np.tensordot(a, b, 1), [A, B]),
    "norms": (lambda a: np.linalg.norm(a, axis=1) + np.linalg.norm(a), [A]),
    "another dtype": (lambda a: a.astype(np.float32) * 2, [A]),
    "differences": (lambda a: np.diff(a, axis=0), [A]),
}


@pytest.mark.parametrize("name", COMMON)
def test_gradients_are_lazy_and_equal_those_of_numpy(name: str, lazily: None) -> None:
    f, values = COMMON[name]
    lazy = gradients(f, [chunked(v) for v in values])
    assert all(isinstance(g, da.Array) for g in lazy)
    for got, want in zip(computed(lazy), gradients(f, values), strict=True):
        np.testing.assert_allclose(
            got, want, rtol=1e-6 if name == "another dtype" else 1e-12, strict=True
        )


@pytest.mark.parametrize(
    "f", [np.linalg.inv, np.linalg.cholesky, lambda a: np.linalg.solve(a, a[0])]
)
def test_factorizations_run_over_square_chunks(f: Any, lazily: None) -> None:
    symmetric = SQUARE @ SQUARE.T
    got = computed(gradients(f, [chunked(symmetric)]))
    np.testing.assert_allclose(got[0], gradients(f, [symmetric])[0], rtol=1e-9, atol=1e-12)


def test_singular_values_are_the_economic_ones(lazily: None) -> None:
    def f(a: Any) -> Any:
        return np.linalg.svd(a, full_matrices=False)[1]

    np.testing.assert_allclose(
        computed(gradients(f, [da.from_array(A, chunks=(2, 4))]))[0],
        gradients(f, [A])[0],
        rtol=1e-9,
    )
    with pytest.raises(ChunksError, match="full_matrices=False"):
        np.linalg.svd(mg.Tape().leaf(chunked(A)))


def is_exact(op: Any, args: Any, kwargs: Any) -> bool:
    """Whether an op and its rule give on Dask arrays what they give on NumPy's; computing is an error, all others are refusals."""
    rule = RULES[op]
    operands, keywords = rule.bind(args, kwargs)
    mine = [
        k
        for k, x in enumerate(operands)
        if rule.pulls[k,] and getattr(np.asarray(x), "dtype", np.dtype(bool)).kind in "fc"
    ]

    def f(*xs: Any) -> Any:
        given = dict(zip(mine, xs, strict=True))
        return xs[0].tape.record(
            op,
            tuple(given.get(k, x) for k, x in enumerate(operands)),
            xs[0].tape.bind_keywords(op, keywords),
        )

    values = [np.asarray(operands[k]) for k in mine]
    want = gradients(f, values) if mine else []
    try:
        got = gradients(f, [chunked(v) for v in values]) if mine else []
    except ComputedError:
        raise
    except Exception:
        return False
    for a, b in zip(computed(got), want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, strict=True)
    return True


def test_no_op_computes_what_nobody_asked_for(lazily: None) -> None:
    exact = set()
    for op, samples in SAMPLES.items():
        if op in RULES and not op_name(op).startswith(("np.fft", "special.")):
            with warnings.catch_warnings(
                action="ignore", category=RuntimeWarning
            ):  # Dask tries ops on empty arrays
                exact |= {op for args, kwargs in samples[:3] if is_exact(op, args, kwargs)}
    assert len(exact) > 60
    assert not any(RULES[op].traits.dask_computes for op in exact)


# ---------------------------------------------------------------------------------------------------------- only what is asked for


def perceptron(tape: mg.Tape, rows: int = 8) -> mg.Node:
    x, w1, w2 = (
        tape.leaf(chunked(array(rows, 4)), "x"),
        tape.leaf(B, "W1"),
        tape.leaf(array(5, 1), "W2"),
    )
    h = np.tanh(x @ w1).named("h")
    return np.mean(np.square(h @ w2 - 0.3)).named("L")


class Runs(dask.callbacks.Callback):  # type: ignore[misc]
    """Counts the tasks that are run."""

    def __init__(self) -> None:
        self.count = 0

    def _posttask(self, *_: Any) -> None:
        self.count += 1


def runs(*arrays: Any) -> int:
    with Runs() as counted:
        dask.compute(*arrays, scheduler="sync")
    return counted.count  # type: ignore[no-any-return]


def test_chunks_that_two_gradients_share_run_once(tape: mg.Tape) -> None:
    L = perceptron(tape)
    first, second = mg.grad(L, [tape["W1"], tape["W2"]])
    assert runs(first, second) < runs(first) + runs(second)


def test_no_more_tasks_than_by_hand(tape: mg.Tape) -> None:
    x, w1, w2 = chunked(array(40, 4)), da.asarray(B), da.asarray(array(5, 1))
    h = da.tanh(x @ w1)
    d = 2 * (h @ w2 - 0.3) / 40
    by_hand = [x.T @ ((d @ w2.T) * (1 - h * h)), h.T @ d]
    L = perceptron(tape, rows=40)
    ours = mg.grad(L, [tape["W1"], tape["W2"]])
    np.testing.assert_allclose(
        *(np.vstack([np.ravel(g)[:, None] for g in computed(gs)]) for gs in (ours, by_hand)),
        rtol=1e-12,
    )
    assert runs(*ours) <= 1.1 * runs(*by_hand)


def test_what_is_persisted_is_not_run_again(tape: mg.Tape) -> None:
    L = perceptron(tape)
    before = mg.grad(L, {"h": tape["h"], "W1": tape["W1"]})
    with dask.config.set(scheduler="sync"):
        kept = mg.persist(L, tape["h"])
    after = mg.grad(L, {"h": tape["h"], "W1": tape["W1"]})
    assert {key: g.name for key, g in before.items()} == {key: g.name for key, g in after.items()}
    assert kept.name == after["h"].name and runs(after["h"]) <= kept.npartitions < runs(before["h"])
    assert runs(after["W1"]) < runs(before["W1"])
    np.testing.assert_array_equal(*computed([before["W1"], after["W1"]]))


def test_a_scheduler_that_fails_leaves_the_table_as_it_was(tape: mg.Tape, lazily: None) -> None:
    L = perceptron(tape)
    g = mg.grad(L, tape["h"])
    with pytest.raises(ComputedError) as caught:
        mg.persist(L, tape["h"])
    assert caught.value.__notes__[0].startswith("While derivatives of L (np.mean")
    np.testing.assert_array_equal(*computed([g, mg.grad(L, tape["h"])]))


def test_values_are_equal_if_their_names_are(tape: mg.Tape, lazily: None) -> None:
    L, log = perceptron(tape), mg.Log()
    g = mg.grad(L, tape["W1"])
    tape["x"].value = chunked(array(8, 4))
    assert mg.grad(L, tape["W1"], log=log).name == g.name and log.dropped == []
    tape["x"].value = chunked(array(8, 4, seed=1))
    assert mg.grad(L, tape["W1"], log=log).name != g.name and log.dropped != []


def test_an_assigned_value_takes_on_the_chunks_of_its_leaf(tape: mg.Tape, lazily: None) -> None:
    x = tape.leaf(chunked(A))
    for value in (da.from_array(A, chunks=3), A, A.astype(np.float32)):
        x.value = value
        assert x.value.chunks == chunked(A).chunks and x.value.dtype == x.dtype
    with pytest.raises(AssignError, match=r"Give \.compute\(\) of it"):
        tape.leaf(A).value = x.value


def test_arrays_of_both_kinds_meet(tape: mg.Tape, lazily: None) -> None:
    L = perceptron(tape)
    g = mg.grad(L, [tape["x"], tape["W1"]])
    assert [type(tape[name].value) for name in ("x", "W1")] == [da.Array, np.ndarray]
    assert all(isinstance(d, da.Array) for d in g) and g[0].chunks == tape["x"].value.chunks


def test_a_scalar_stays_a_graph_and_so_do_zeros(tape: mg.Tape, lazily: None) -> None:
    L, other = perceptron(tape), tape.leaf(chunked(A))
    assert isinstance(L.value, da.Array) and L.shape == ()
    zeros = mg.grad(L, other)
    assert zeros.chunks == other.value.chunks and not computed(zeros).any()


def test_nobody_changes_a_value_from_outside(tape: mg.Tape) -> None:
    given = chunked(A)
    x = tape.leaf(given)
    L = np.sum(x * given)
    given[0] = 7.0
    x.value[0] = 7.0
    mg.grad(L, x)[0] = 7.0
    np.testing.assert_array_equal(*computed([mg.grad(L, x), A]))


def test_graphs_take_no_bytes_and_no_budget(tape: mg.Tape, lazily: None) -> None:
    L = perceptron(tape)
    g = mg.grad(L, tape["x"])
    tape.budget = 10
    assert tape.memory.bytes == B.nbytes + 5 * 8
    assert mg.grad(L, tape["x"]).name == g.name


def test_copies_and_pickles_keep_graphs(tape: mg.Tape, lazily: None) -> None:
    L = perceptron(tape)
    g = mg.grad(L, tape["x"])
    for other in (tape.copy(), pickle.loads(pickle.dumps(tape))):
        assert mg.grad(other["L"], other["x"]).name == g.name


# ---------------------------------------------------------------------------------------------------------- derivatives as programs


def test_higher_orders_and_plans_are_lazy(tape: mg.Tape, lazily: None) -> None:
    L = perceptron(tape)
    w = tape["W1"]
    plan = mg.plan([L, mg.grad_node(L, w)], inputs=[tape["x"], w])
    lazy = plan(chunked(array(8, 4)), B)
    np.testing.assert_allclose(*computed([lazy[1], mg.grad(L, w)]), rtol=1e-12)
    v = array(4, 5, seed=3)
    pulled = mg.grad(np.sum(v * mg.grad_node(L, w)), w)
    np.testing.assert_allclose(*computed([mg.hvp(L, w, v), pulled]), rtol=1e-12)


def test_dense_derivatives_and_functions_are_lazy(lazily: None) -> None:
    def f(a: Any, w: Any) -> Any:
        return np.mean(np.square(np.tanh(a @ w)))

    tapes = mg.Tape(), mg.Tape()
    first, second = (
        tape.leaf(wrap(array(6, 4)), "x")
        for tape, wrap in zip(tapes, (chunked, np.asarray), strict=True)
    )
    asked = [
        lambda x: mg.hessian(f(x, B), x),
        lambda x: mg.jacobian(np.tanh(x @ B[:, :2]), x),
        lambda x: mg.vjp(np.tanh(x), x, np.asarray(A)),
        lambda x: mg.jvp(np.tanh(x), x, np.asarray(A)),
        lambda x: mg.functional.value_and_grad(f, argnums=1)(x.value, B),
        lambda x: mg.functional.vjp(f, x.value, B)[1](1.0),
        lambda x: mg.functional.jvp(f, (x.value, B), (x.value, B)),
        lambda x: mg.functional.hvp(f, (x.value, B), (x.value, B)),
    ]
    for ask in asked:
        lazy, want = ask(first), ask(second)
        for got, number in zip(computed([lazy]), [want], strict=True):
            np.testing.assert_allclose(
                *(np.hstack([np.ravel(p) for p in nest]) for nest in (got, number)), rtol=1e-10
            )


def test_tables_and_drawings_show_graphs_without_computing_them(
    tape: mg.Tape, lazily: None
) -> None:
    L = perceptron(tape)
    mg.grad(L, tape["W1"], log=(log := mg.Log()))
    assert "∂L/∂h   float64    (8, 5), 4 chunks\n" in repr(mg.table(L))
    assert "(8, 4)" in str(mg.draw(L, log=log)) and "chunks" in str(mg.derive(L, tape["W1"]))


def test_a_plan_of_numpy_arrays_takes_dask_s(lazily: None) -> None:
    tape = mg.Tape()
    x, w = tape.leaf(array(3000, 4), "x"), tape.leaf(B, "w")
    plan = mg.plan(mg.grad_node(np.sum(np.exp(-np.square(np.tanh(x @ w)))), w), inputs=[x, w])
    lazy = plan(da.from_array(x.value, chunks=(1000, 4)), B)
    assert isinstance(lazy, da.Array)
    np.testing.assert_allclose(computed(lazy), plan(x.value, B), rtol=1e-12)


# ------------------------------------------------------------------------------------------------------------------ refused


def test_chunks_of_unknown_lengths_are_refused_where_a_rule_needs_them(
    tape: mg.Tape, lazily: None
) -> None:
    x = tape.leaf(chunked(V))
    some = x[x > 0.5]
    before = len(tape)
    assert np.isnan(np.exp(some).shape[0])
    with pytest.raises(
        ChunksError, match=r"np\.sum met a Dask array of shape \(nan,\).*np\.where\(mask, x, 0\)"
    ):
        np.sum(some)
    assert len(tape) == before + 1


def test_what_dask_would_compute_is_refused(tape: mg.Tape, lazily: None) -> None:
    x = tape.leaf(chunked(X))
    for f in (
        np.sort,
        np.linalg.eigh,
        lambda a: np.median(a, axis=0),
        lambda a: np.percentile(a, 10),
        lambda a: np.kron(a, a),
    ):
        with pytest.raises(ChunksError, match="Dask would compute it"):
            f(x)
    with pytest.raises(ChunksError, match="as operand 1"):
        np.diff(np.ones(3), prepend=x[0])
    assert len(tape) == 2


def test_an_index_that_cannot_be_undone_is_refused(tape: mg.Tape, lazily: None) -> None:
    x = tape.leaf(chunked(CUBE))
    L = np.sum(x[0, :, [1, 1]])
    with pytest.raises(ChunksError, match="cannot be put back lazily"):
        mg.grad(L, x)
    np.testing.assert_array_equal(computed(mg.grad(np.sum(x), x)), np.ones_like(CUBE))


def test_dask_is_not_imported_unasked() -> None:
    program = "import sys, numpy as np, memograd as mg; x = mg.Tape().leaf([1.0]); mg.grad(np.sum(x * x), x); assert 'dask' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
