"""What holds for every rule of the registry: tried on each op's sample calls."""

from typing import Any

import numpy as np
import pytest
from sampling import WITH_LINES, samples
from sampling_special import is_unknown

import memograd as mg
from memograd.arrays.values import is_inexact
from memograd.errors import ValueChangedError
from memograd.rules.registration import RULES
from memograd.scipy import linalg, signal
from memograd.text import op_name


def parts(y: Any) -> tuple[Any, ...]:
    """The outputs of an op."""
    return tuple(y) if isinstance(y, tuple | list) else (y,)


def total(ys: Any) -> Any:
    """A scalar of the inexact outputs."""
    return sum(
        np.sum(np.real(y) * np.arange(1.0, y.size + 1).reshape(y.shape))
        for y in parts(ys)
        if is_inexact(y.dtype)
    )


def recorded(op: Any, xs: Any, keywords: Any, ks: Any) -> tuple[Any, Any]:
    """The op on leaves in the places `ks`, and those leaves."""
    tape = mg.Tape()
    leaves = {k: tape.leaf(xs[k]) for k in ks}
    return tape.record(op, tuple(leaves.get(k, x) for k, x in enumerate(xs)), keywords), list(
        leaves.values()
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
SCIPY: dict[Any, Any] = {
    linalg.expm: [([MATRIX], {}, [0]), ([1e-3 * MATRIX], {}, [0]), ([10 * MATRIX], {}, [0])],
    linalg.square_root: [([DEFINITE], {}, [0])],
    linalg.logarithm: [([DEFINITE], {}, [0])],
    linalg.triangular: [
        ([DEFINITE, MATRIX], {"transposed": False, "lower": True, "unit_diagonal": False}, [0, 1])
    ],
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


@pytest.mark.parametrize("op", ALL, ids=op_name)
def test_each_rule_is_linear_in_its_cotangent(op: Any, rng: Any) -> None:
    for xs, keywords, ks in known(op):
        y, leaves = recorded(op, xs, keywords, ks)
        for node in [node for node in parts(y) if leaves and is_inexact(node.dtype)]:
            seed = rng.normal(size=node.shape).astype(node.dtype)
            want = mg.vjp(node, leaves, seed)
            for scale in scales(node.dtype, *(leaf.dtype for leaf in leaves)):
                for got, d in zip(mg.vjp(node, leaves, seed * scale), want, strict=True):
                    close(got / scale, d)


@pytest.mark.parametrize("op", ALL, ids=op_name)
def test_each_push_is_linear_in_its_tangent(op: Any, rng: Any) -> None:
    for xs, keywords, ks in known(op):
        y, leaves = recorded(op, xs, keywords, ks)
        for leaf in leaves:
            t = rng.normal(size=leaf.shape).astype(leaf.dtype)
            for node in [node for node in parts(y) if is_inexact(node.dtype)]:
                want = mg.jvp(node, leaf, t)
                for scale in scales(node.dtype, leaf.dtype):
                    close(mg.jvp(node, leaf, t * scale) / scale, want)


def close(got: Any, want: Any) -> None:
    """To rounding, as compared with the largest element."""
    size = np.max(np.abs(want), initial=0)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12 * size if np.isfinite(size) else 0)
