"""What holds for every rule of the registry: tried on each op's sample calls."""

import warnings
from typing import Any

import numpy as np
import pytest
from sampling import (
    CONSTANT,
    SHEETS,
    WITH_LINES,
    X,
    calls,
    inexact_parts,
    parts,
    recorded,
    samples,
)
from sampling_special import is_unknown

import memograd as mg
from memograd.check import check_rule
from memograd.errors import CheckError, ValueChangedError
from memograd.rules.decompositions import alignment
from memograd.rules.indexing import last_writes
from memograd.rules.registration import RULES
from memograd.rules.shaping import repeated
from memograd.scipy import linalg, matrix_equations, matrix_functions, multivariate, signal
from memograd.text import op_name
from memograd.transforms.batched_array import BatchedArray, apply_batched
from memograd.transforms.batched_products import pull_rows, push_columns

# ------------------------------------------------------------------------------------------------------- differences


def test_the_registry_is_covered() -> None:
    """The sweeps take their ops from the registry: none can be added without being checked."""
    ours = {op for op in RULES if op is not None and op not in SHEETS}
    assert not [
        op_name(op)
        for op in ours
        if op_name(op).startswith("np.") and not hasattr(op, "__wrapped__")
    ]
    assert len(WITH_LINES) > 100 and len(CONSTANT) > 30


@pytest.mark.parametrize("op", WITH_LINES, ids=op_name)
def test_each_line_against_central_differences(op: Any) -> None:
    with warnings.catch_warnings(action="error"):
        for args, kwargs in calls(op):
            check_rule(op, *args, **kwargs)


@pytest.mark.parametrize("op", WITH_LINES, ids=op_name)
def test_the_sample_calls_reach_each_line(op: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is off by a thousandth is found, whichever it is."""
    lines = RULES[op].pulls
    for line in [lines.each] if lines.each else lines.of.values():
        if is_unknown(line):
            continue  # it raises
        with monkeypatch.context() as patched:
            patched.setattr(line, "pull", lambda *args, pull=line.pull: 1.001 * pull(*args))
            with pytest.raises(CheckError):
                for args, kwargs in calls(op):
                    check_rule(op, *args, **kwargs)


@pytest.mark.parametrize(
    "op",
    [op for op in WITH_LINES if RULES[op].kind != "elementwise" and RULES[op].pushes.of],
    ids=op_name,
)
def test_the_sample_calls_reach_each_push(op: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A push that is off by a thousandth is found, whichever it is."""
    for line in RULES[op].pushes.of.values():
        with monkeypatch.context() as patched:
            patched.setattr(line, "pull", lambda *args, pull=line.pull: scaled(pull(*args)))
            with pytest.raises(CheckError, match="push"):
                for args, kwargs in calls(op):
                    check_rule(op, *args, **kwargs)


def scaled(t: Any) -> Any:
    """A tangent that is off by a thousandth."""
    if isinstance(t, tuple | list):
        return tuple(map(scaled, t))
    return None if t is None else 1.001 * t


ARGUMENTS = {np.searchsorted: (np.array([0.1, 0.5]), X), np.allclose: (X, X), np.array_equal: (X, X), np.isclose: (X, X),
             **dict.fromkeys((np.zeros, np.ones, np.indices), ((2, 3),)), np.mask_indices: (3, np.triu),
             **dict.fromkeys((np.arange, np.eye, np.identity, np.tri, np.diag_indices, np.tril_indices, np.triu_indices, np.bartlett,
                              np.blackman, np.hamming, np.hanning, np.fft.fftfreq, np.fft.rfftfreq), (3,)),
             np.unravel_index: (np.array([1, 2]), (2, 3)), np.ravel_multi_index: (np.array([[1, 0], [2, 1]]), (2, 3)),
             np.diag_indices_from: (X[:, :2],), last_writes: ((3,), np.array([0, 1, 1])), repeated: (3, np.array([1, 0, 2])),
             alignment: (np.arange(3.0), np.eye(3)),
             np.array_equiv: (X, X), np.isin: (X, X), np.argpartition: (X, 1), np.digitize: (X, np.array([0.1, 0.5]))}  # fmt: skip


@pytest.mark.filterwarnings(
    "ignore:.* is deprecated:DeprecationWarning"
)  # as a newer NumPy may say of any
@pytest.mark.parametrize("op", CONSTANT, ids=op_name)
def test_no_path_leads_through_a_constant_op(op: Any) -> None:
    x = mg.Tape().leaf(10 * X)
    args = ARGUMENTS.get(op, (x,) * getattr(op, "nin", 1))
    args = tuple(x if a is X else a for a in args)
    try:
        y = op(*args)
    except TypeError:
        y = op(*(np.astype(a, int) for a in args))
    outputs = [part for part in parts(y) if isinstance(part, mg.Node)]
    L = sum((np.sum(np.astype(part, float)) for part in outputs), start=np.sum(x))
    np.testing.assert_array_equal(
        mg.grad(L, x), np.ones((2, 3))
    )  # through np.sum(x), and nothing else


# ------------------------------------------------------------------------------------------- arrays without a derivative


def total(ys: Any) -> Any:
    """A scalar of the inexact outputs."""
    return sum(
        np.sum(np.real(y) * np.arange(1.0, y.size + 1).reshape(y.shape)) for y in inexact_parts(ys)
    )


def has_arrays(op: Any) -> bool:
    """Whether the sample calls have an array in a place by which there is no derivative."""
    return any(fixed(op, xs) for xs, _, _ in samples(op))


def fixed(op: Any, xs: Any) -> list[int]:
    """The places of integer and boolean arrays by which an op has no derivative."""
    return [k for k, x in enumerate(xs) if isinstance(x, np.ndarray) and x.dtype.kind in "iub"]


FIXED = [op for op in WITH_LINES if has_arrays(op)]


@pytest.mark.parametrize("op", FIXED, ids=op_name)
def test_arrays_without_a_derivative_may_be_nodes(op: Any) -> None:
    """Indices, masks and counts: constants or nodes, on arrays and recorded, the derivative is the same."""
    for xs, keywords, ks in samples(op):
        y, leaves = recorded(op, xs, keywords, ks)
        want = mg.grad(total(y), leaves)
        tape = mg.Tape()
        nodes = {k: tape.leaf(xs[k]) for k in [*ks, *fixed(op, xs)]}
        L = total(tape.record(op, tuple(nodes.get(k, x) for k, x in enumerate(xs)), keywords))
        leaves = [nodes[k] for k in ks]
        for got, recorded_d, d in zip(
            mg.grad(L, leaves), mg.grad_node(L, leaves), want, strict=True
        ):
            np.testing.assert_allclose(got, d, rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(recorded_d.value, d, rtol=1e-12, atol=1e-14)


LISTED = [op for op in FIXED if op is not np.take_along_axis]  # NumPy's own takes no list


@pytest.mark.parametrize("op", LISTED, ids=op_name)
def test_arrays_without_a_derivative_may_be_lists(op: Any) -> None:
    for xs, keywords, ks in samples(op):
        y, leaves = recorded(op, xs, keywords, ks)
        listed = [x.tolist() if k in fixed(op, xs) and x.ndim else x for k, x in enumerate(xs)]
        got, others = recorded(op, listed, keywords, ks)
        for a, b in zip(mg.grad(total(got), others), mg.grad(total(y), leaves), strict=True):
            np.testing.assert_array_equal(a, b)


# --------------------------------------------------------------------------------- conditions on values that change later


@pytest.fixture
def spots(tape: mg.Tape) -> Any:
    """An array, what is put into it, and where."""
    return tape.leaf([3.0, 4.0, 5.0]), tape.leaf([2.0, 5.0]), tape.leaf([0, 1])


WEIGHTS = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("name", "at", "by_x", "by_v"),
    [
        ("set", [2, 0], [0.0, 2.0, 0.0], [3.0, 1.0]),
        ("set", [0, 0], [0.0, 2.0, 3.0], [0.0, 1.0]),
        ("set", [1, -2], [1.0, 0.0, 3.0], [0.0, 2.0]),
        ("multiply", [0, 0], [5.0, 2.0, 3.0], [0.0, 3.0]),
        ("add", [0, 0], [1.0, 2.0, 3.0], [1.0, 1.0]),
    ],
)
def test_an_index_node_that_takes_an_element_twice_later(
    spots: Any, name: str, at: Any, by_x: Any, by_v: Any
) -> None:
    """The last write counts, as in NumPy; what was overwritten has no derivative."""
    x, v, i = spots
    y = getattr(x.at[i], name)(v)
    L = np.sum(y * WEIGHTS)
    recorded = mg.grad_node(L, [x, v])
    plan = mg.plan(recorded, [x, v, i])
    assert np.array_equal(mg.grad(L, v), recorded[1].value)
    i.value = at
    planned = plan(x.value, v.value, at)
    for got in (mg.grad(L, [x, v]), [d.value for d in recorded], planned):
        assert np.array_equal(got[0], by_x) and np.array_equal(got[1], by_v)
    for node, tangent, slopes in ((x, np.arange(1.0, 4.0), by_x), (v, np.array([1.0, 10.0]), by_v)):
        assert mg.jvp(L, node, tangent) == tangent @ slopes
        assert np.array_equal(WEIGHTS @ mg.jacobian(y, node), slopes)


def test_masks_and_pairs_of_indices_take_no_element_twice(tape: mg.Tape) -> None:
    x, v, i = tape.leaf(np.ones((2, 3))), tape.leaf([2.0, 5.0]), tape.leaf([0, 1])
    L = np.sum(x.at[i, [2, 2]].set(v) * np.arange(6.0).reshape(2, 3))
    assert np.array_equal(mg.grad(L, v), [2.0, 5.0])
    i.value = [1, 1]
    assert np.array_equal(mg.grad(L, v), [0.0, 5.0])


@pytest.mark.parametrize(
    ("f", "counts", "later"),
    [
        (np.repeat, [1, 0, 0], [1, 1, 1]),
        (lambda x, r: np.repeat(x, r, axis=0), [1, 1, 0], [2, 1, 0]),
        (lambda x, i: np.bincount(i, weights=x), [0, 0, 1], [0, 3, 1]),
        (lambda x, i: np.bincount(i, weights=x), [0, 2, 1], [0, 0, 0]),
        (lambda x, m: x[m > 0], [0, 1, 1], [0, 0, 1]),
        (lambda x, m: np.compress(m, x), [0, 1, 1], [0, 0, 1]),
        (lambda x, m: np.extract(m, x), [0, 1, 1], [1, 1, 1]),
    ],
)
def test_a_shape_that_depends_on_counts_is_refused_when_it_changes(
    tape: mg.Tape, f: Any, counts: Any, later: Any
) -> None:
    x, r = tape.leaf([1.0, 2.0, 3.0]), tape.leaf(counts)
    L = np.sum(f(x, r))
    recorded = mg.grad_node(L, x)
    r.value = later
    for ask in (lambda: mg.grad(L, x), lambda: L.value):
        with pytest.raises(ValueChangedError):
            ask()
    r.value = counts
    assert np.array_equal(mg.grad(L, x), recorded.value)


# ------------------------------------------------------------------------------------------------------------- linearity


def scales(*dtypes: Any) -> list[float]:
    """From 1e-100 to 1e100, or as far as single precision goes; powers of two, which round nothing by themselves."""
    most = 330 if all(np.finfo(dtype).eps < 1e-10 for dtype in dtypes) else 60
    return [2.0**n for n in (-most, -20, 20, most)]


MATRIX = np.random.default_rng(3).normal(size=(3, 3))
DEFINITE = MATRIX @ MATRIX.T + np.eye(3)
BAND = MATRIX + [[5], [9], [0]]
SCIPY: dict[Any, Any] = {
    linalg.expm: [([MATRIX], {}, [0]), ([1e-3 * MATRIX], {}, [0]), ([10 * MATRIX], {}, [0])],
    matrix_functions.square_root: [([DEFINITE], {}, [0])],
    matrix_functions.logarithm: [([DEFINITE], {}, [0])],
    matrix_functions.unfrechet: [([MATRIX, DEFINITE], {}, [0, 1])],
    matrix_equations.sylvester: [([DEFINITE, DEFINITE, MATRIX], {}, [0, 1, 2])],
    matrix_equations.band_system: [
        ([BAND, MATRIX], {"below": 1, "above": 1, "transposed": False}, [0, 1]),
        ([BAND, MATRIX], {"below": 2, "above": 0, "transposed": True}, [0, 1]),
    ],
    matrix_equations.toeplitz_system: [([BAND[1], MATRIX[0], MATRIX], {}, [0, 1, 2])],
    matrix_equations.nonsingular_spectrum: [([BAND[1], None], {}, [0])],
    linalg.triangular: [
        ([DEFINITE, MATRIX], {"transposed": False, "lower": True, "unit_diagonal": False}, [0, 1])
    ],
    multivariate.log_pseudo_determinant: [([DEFINITE], {}, [0])],
    multivariate.covariance: [([DEFINITE], {"allow_singular": False}, [0])],
    signal.convolve: [
        ([MATRIX, MATRIX], {}, [0, 1]),
        ([MATRIX, MATRIX[:2]], {"mode": "same", "method": "direct"}, [0, 1]),
    ],
}
ALL = [*WITH_LINES, *SCIPY]


def known(op: Any) -> Any:
    """The sample calls of an op, with the operands by which its derivative is known."""
    for xs, keywords, ks in SCIPY.get(op) or samples(op):
        yield xs, keywords, [k for k in ks if not is_unknown(RULES[op].pulls[k,][0][1])]


@pytest.fixture(scope="module", params=ALL, ids=op_name)
def op(request: Any) -> Any:
    """Each op with a derivative: all that ask for it run on one before the next comes."""
    return request.param


@pytest.fixture(scope="module")
def recordings(op: Any) -> list[tuple[list[Any], list[Any]]]:
    """The inexact outputs and the leaves of each sample call of the op, recorded once."""
    sampled = (recorded(op, *sample) for sample in known(op))
    return [(inexact_parts(y), leaves) for y, leaves in sampled if leaves]


def test_each_rule_is_linear_in_its_cotangent(recordings: Any, rng: Any) -> None:
    for ys, leaves in recordings:
        for node in ys:
            seed = rng.normal(size=node.shape).astype(node.dtype)
            want = mg.vjp(node, leaves, seed)
            for scale in scales(node.dtype, *(leaf.dtype for leaf in leaves)):
                for got, d in zip(mg.vjp(node, leaves, seed * scale), want, strict=True):
                    close(got / scale, d)


def test_each_push_is_linear_in_its_tangent(recordings: Any, rng: Any) -> None:
    for ys, leaves in recordings:
        for leaf in leaves:
            t = rng.normal(size=leaf.shape).astype(leaf.dtype)
            for node in ys:
                want = mg.jvp(node, leaf, t)
                for scale in scales(node.dtype, leaf.dtype):
                    close(mg.jvp(node, leaf, t * scale) / scale, want)


def close(got: Any, want: Any) -> None:
    """To rounding, as compared with the largest element."""
    size = np.max(np.abs(want), initial=0)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12 * size if np.isfinite(size) else 0)


# ---------------------------------------------------------------------------------------------------------- batches

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


def test_rows_pulled_through_an_op_are_those_of_its_vjps(recordings: Any, rng: Any) -> None:
    for ys, leaves in recordings:
        for y in ys:
            seeds = drawn(rng, y)
            pulled = zip(*(mg.vjp(y, leaves, seed) for seed in seeds), strict=True)
            want = [np.stack(rows) for rows in pulled]
            for given in (seeds, y.tape.leaf(seeds)):
                for got, rows in zip(pull_rows(y, leaves, given), want, strict=True):
                    agree(value(got), rows)


def test_tangents_pushed_through_an_op_are_those_of_its_jvps(recordings: Any, rng: Any) -> None:
    for ys, leaves in recordings:
        for y in ys:
            tangents = [drawn(rng, leaf) for leaf in leaves]
            rows = zip(*tangents, strict=True)
            want = np.stack([mg.jvp(y, leaves, list(row)) for row in rows])
            for given in (tangents, [y.tape.leaf(t) for t in tangents]):
                agree(value(push_columns(y, leaves, given)), want)


def test_an_op_of_rows_is_the_op_of_each(op: Any, rng: Any) -> None:
    for xs, keywords, ks in known(op):
        for k in ks:
            rows = xs[k] * rng.uniform(1, 1.1, (ROWS, *(1,) * xs[k].ndim)).astype(xs[k].dtype)
            wants = [parts(RULES[op].run([*xs[:k], row, *xs[k + 1 :]], keywords)) for row in rows]
            for given in (rows, mg.Tape().leaf(rows)):
                got = apply_batched(op, (*xs[:k], BatchedArray(given), *xs[k + 1 :]), keywords)
                for g, want in zip(parts(got), zip(*wants, strict=True), strict=True):
                    agree(value(g.values), np.stack(want))
