"""Every op of the sheets against central differences, JAX and autograd; and the conventions that the sheets state."""

import importlib
import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sampling import CONSTANT, SHEETS, WITH_LINES, V, X, calls
from sampling_special import is_unknown

import memograd as mg
import memograd.numpy
from memograd.check import check_rule
from memograd.errors import CheckError, NoRuleError, RefusedError, ValueChangedError
from memograd.rules.decompositions import alignment
from memograd.rules.indexing import last_writes
from memograd.rules.registration import RULES
from memograd.rules.shaping import repeated
from memograd.text import op_name

INF, NAN = np.inf, np.nan


def grads(f: Any, *values: Any) -> list[Any]:
    """The gradient of the sum of f's result by each of its arguments."""
    tape = mg.Tape()
    xs = [
        tape.leaf(np.asarray(v, None if np.asarray(v).dtype.kind in "fc" else float))
        for v in values
    ]
    return mg.grad(np.sum(f(*xs)), xs)  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------------------------ every op


def test_the_registry_is_covered() -> None:
    """`test_each_line` and its kin take their ops from the registry: none can be added without being checked."""
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
    outputs = [part for part in (y if isinstance(y, tuple | list) else (y,)) if isinstance(part, mg.Node)]
    total = sum((np.sum(np.astype(part, float)) for part in outputs), start=np.sum(x))
    np.testing.assert_array_equal(
        mg.grad(total, x), np.ones((2, 3))
    )  # through np.sum(x), and nothing else


# --------------------------------------------------------------------------------------- against other libraries

REFUSALS = (
    TypeError,
    NotImplementedError,
    ValueError,
    AttributeError,
    AssertionError,
    IndexError,
    KeyError,
)
"""How the other libraries say that they do not take a call."""

APART = {
    (np.tile, "autograd"): "autograd is wrong where there are fewer repetitions than axes",
    (np.full_like, "autograd"): "autograd does not follow the fill value",
    (np.full_like, "jax"): "NumPy does not dispatch on the fill value alone",
    (np.astype, "autograd"): "autograd's cotangents are in double precision throughout",
    (np.astype, "jax"): "NumPy's name for it is the same, its arguments are not",
    **{
        (op, "autograd"): "autograd does not follow nested lists"
        for op in (np.choose, np.select, np.block)
    },
    (
        np.piecewise,
        "autograd",
    ): "autograd takes the elements that were chosen, and the functions are many",
    **{(op, "jax"): "its lists are nested" for op in (np.choose, np.select, np.block)},
}


def over_a_list(op: Any) -> bool:
    """Whether its first argument is a list of operands."""
    first = next(iter(inspect.signature(op).parameters.values()))
    return RULES[op].pulls.each is not None and first.kind is not first.VAR_POSITIONAL


def of_library(op: Any, library: Any) -> Any:
    """The function of the same name, on operands and keywords in memograd's canonical form."""
    if op.__name__ == "getitem":
        return lambda x, *key: x[
            tuple(
                np.array(part, int if not part else None) if type(part) is list else part
                for part in key
            )
        ]
    f = getattr(library, op.__name__)
    return (lambda *xs, **kwargs: f(xs, **kwargs)) if over_a_list(op) else f


def scalar_call(
    op: Any, library: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, list[Any]]:
    """A sample call as a function of its differentiable operands, weighted and summed; and the operands."""
    if over_a_list(op):
        (args, others), f = (tuple(args[0]), args[1:]), of_library(op, library)
        kwargs = kwargs | ({"axis": others[0]} if others else {})
    else:
        f = of_library(op, library)
    lines = RULES[op].pulls
    shift = 1 if op is np.einsum else 0  # its subscripts come first
    ks = [
        k
        for k, a in enumerate(args)
        if lines[k - shift,]
        and isinstance(a, float | list | np.ndarray)
        and np.asarray(a).dtype.kind in "fc"
    ]

    def scalar(*xs: Any) -> Any:
        y = f(*(xs[ks.index(k)] if k in ks else a for k, a in enumerate(args)), **kwargs)
        parts = y if isinstance(y, list | tuple) else [y]
        return sum(
            library.sum(library.real(part) * np.cos(np.arange(part.size) + 1.0).reshape(part.shape))
            for part in parts
        )

    return scalar, [np.asarray(args[k]) for k in ks]


PASSED_OVER = {"where", "initial", "mean", "correction"}
"""Keywords that autograd's reductions take, but whose part in the derivative they pass over."""


def compared(op: Any, library: Any, gradient: Any, most: int) -> int:
    done = 0
    for args, kwargs in calls(op)[:most]:
        if PASSED_OVER.intersection(kwargs) and library.__name__.startswith("autograd"):
            continue
        if not args:
            args = tuple(V + 0.1 * k for k in range(len(RULES[op].operands)))
        mine, values = scalar_call(op, np, args, kwargs)
        theirs, _ = scalar_call(op, library, args, kwargs)
        try:
            with warnings.catch_warnings(action="ignore"):
                want = gradient(theirs, values) if values else []
        except REFUSALS:
            continue
        if not all(np.all(np.isfinite(d)) for d in want):
            continue  # a product at zero, for autograd
        tape = mg.Tape()
        leaves = [tape.leaf(v) for v in values]
        for got, expected in zip(mg.grad(mine(*leaves), leaves), want, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
        done += bool(values)
    return done


@pytest.fixture(scope="module")
def jax() -> Iterator[Any]:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    with jax.enable_x64(True):
        yield jax


@pytest.mark.parametrize("op", WITH_LINES, ids=op_name)
def test_against_jax(op: Any, jax: Any) -> None:
    if (op, "jax") in APART or not (op.__name__ == "getitem" or hasattr(jax.numpy, op.__name__)):
        pytest.skip(APART.get((op, "jax"), f"JAX has no {op.__name__}"))

    def gradient(f: Any, values: list[Any]) -> Any:
        return jax.grad(f, argnums=tuple(range(len(values))))(*map(jax.numpy.asarray, values))

    if not compared(op, jax.numpy, gradient, 1):
        pytest.skip("JAX takes none of the sample calls")


@pytest.mark.parametrize("op", WITH_LINES, ids=op_name)
def test_against_autograd(op: Any) -> None:
    autograd = pytest.importorskip("autograd", reason="autograd is not installed")
    library = importlib.import_module("autograd.numpy")
    if (op, "autograd") in APART or not (op.__name__ == "getitem" or hasattr(library, op.__name__)):
        pytest.skip(APART.get((op, "autograd"), f"autograd has no {op.__name__}"))

    def gradient(f: Any, values: list[Any]) -> Any:
        return autograd.grad(f, argnum=tuple(range(len(values))))(*values)

    if not compared(op, library, gradient, 99):
        pytest.skip("autograd takes none of the sample calls")


# ---------------------------------------------------------------------------------------------------- conventions

KINKS = {
    "abs at 0": (np.abs, [[0.0, -0.0]], [[0, 0]]),
    "fabs at 0": (np.fabs, [0.0], [0]),
    "complex abs at 0": (np.abs, [0j], [0]),
    "maximum of equals": (np.maximum, [[1.0, 2.0], [1.0, 3.0]], [[0.5, 0], [0.5, 1]]),
    "fmax of equals and NaNs": (
        np.fmax,
        [[1.0, NAN, 2.0], [1.0, 2.0, NAN]],
        [[0.5, 0, 1], [0.5, 1, 0]],
    ),
    "fmin of equals and NaNs": (
        np.fmin,
        [[1.0, NAN, 2.0], [1.0, 2.0, NAN]],
        [[0.5, 0, 1], [0.5, 1, 0]],
    ),
    "maximum with NaN": (np.maximum, [[1.0, NAN], [NAN, 1.0]], [[0, 0], [0, 0]]),
    "arctan2 at the origin": (np.arctan2, [0.0, 0.0], [0, 0]),
    "angle at the origin": (
        lambda z: np.angle(z) + np.angle(z, deg=True) * np.pi / 180,
        [[0j, 2j]],
        [[0, -1]],
    ),
    "arctan2 and hypot far out": (
        lambda a, b: 1e200 * np.arctan2(a, b) + np.hypot(a, b),
        [1e200, 0.0],
        [1, -1],
    ),
    "copysign at 0": (np.copysign, [[0.0, -2.0], -1.0], [[0, 1], 0]),
    "sinc at 0": (np.sinc, [[0.0, 1.0]], [[0, -1]]),
    "arcsinh far out": (lambda x: 1e200 * np.arcsinh(x), [1e200], [1]),
    "minimum of equals": (np.minimum, [[1.0, 2.0], [1.0, 3.0]], [[0.5, 1], [0.5, 0]]),
    "maximum of infinities": (np.maximum, [INF, INF], [0.5, 0.5]),
    "relu at 0": (lambda x: np.maximum(x, 0), [[-1.0, 0.0, 1.0]], [[0, 0.5, 1]]),
    "clip at a bound": (np.clip, [[0.0, 1.0, 0.5, 2.0], 0.0, 1.0], [[0.5, 0.5, 1, 0], 0.5, 1.5]),
    "clip at equal bounds": (np.clip, [1.0, 1.0, 1.0], [0.25, 0.25, 0.5]),
    "clip between crossed bounds": (np.clip, [0.5, 2.0, 1.0], [0, 0, 1]),
    "clip without a bound": (
        lambda x: np.clip(x, None, 1.0) + np.clip(x, min=0.0),
        [[0.0, 1.0, 2.0]],
        [[1.5, 1.5, 1]],
    ),
    "max with ties": (np.max, [[3.0, 1.0, 3.0]], [[0.5, 0, 0.5]]),
    "min with ties along an axis": (
        lambda x: np.min(x, axis=1),
        [[[1.0, 1.0, 1.0], [2.0, 3.0, 2.0]]],
        [[[1 / 3, 1 / 3, 1 / 3], [0.5, 0, 0.5]]],
    ),
    "max of 0-d": (np.max, [2.0], [1]),
    "std of equal numbers": (np.std, [[2.0, 2.0, 2.0]], [[0, 0, 0]]),
    "hypot at the origin": (np.hypot, [0.0, 0.0], [0, 0]),
    "x**0": (lambda x: x**0, [[0.0, 2.0, -2.0]], [[0, 0, 0]]),
    "x**0.0 with the exponent a node": (np.power, [[0.0, 2.0], 0.0], [[0, 0], np.log(2)]),
    "0**b": (np.power, [0.0, 2.0], [0, 0]),
    "0**1": (np.power, [0.0, 1.0], [1, 0]),
    "x**2 at 0 by np.power": (lambda x: np.power(x, 2), [[0.0, 3.0]], [[0, 6]]),
    "x**True": (lambda x: x ** np.array([True, False]), [[2.0, 3.0]], [[1, 0]]),
    "prod with one zero": (np.prod, [[2.0, 0.0, 3.0]], [[0, 6, 0]]),
    "prod with two zeros": (np.prod, [[2.0, 0.0, 0.0]], [[0, 0, 0]]),
    "sort with ties": (
        lambda x: np.sort(x) * [1.0, 2.0, 4.0, 8.0],
        [[3.0, 1.0, 3.0, 1.0]],
        [[6, 1.5, 6, 1.5]],
    ),
    "median with ties": (np.median, [[1.0, 2.0, 2.0, 3.0, 2.0]], [[0, 1 / 3, 1 / 3, 0, 1 / 3]]),
    "median of two": (np.median, [[1.0, 4.0, 2.0, 3.0]], [[0, 0, 0.5, 0.5]]),
    "nanmedian": (np.nanmedian, [[1.0, NAN, 2.0, 4.0]], [[0, 0, 1, 0]]),
    "quantile by q, between two": (
        lambda q: np.quantile([1.0, 2.0, 4.0], q),
        [[0.25, 0.75]],
        [[2, 4]],
    ),
    "quantile by q, at an element and at an end": (
        lambda q: np.quantile([1.0, 2.0, 4.0], q),
        [[0.5, 1.0]],
        [[3, 0]],
    ),
    "percentile by q": (lambda q: np.percentile([1.0, 2.0, 4.0], q), [25.0], [0.02]),
    "nansum, nanmean, nanmax": (
        lambda x: np.nansum(x) + np.nanmean(x) + np.nanmax(x),
        [[1.0, NAN, 3.0]],
        [[1.5, 0, 2.5]],
    ),
    "nanprod, nancumsum": (
        lambda x: np.nanprod(x) + np.sum(np.nancumsum(x)),
        [[2.0, NAN, 3.0]],
        [[6, 0, 3]],
    ),
    "nanvar": (np.nanvar, [[1.0, NAN, 3.0]], [[-1, 0, 1]]),
    "nancumprod": (np.nancumprod, [[2.0, NAN, 3.0]], [[5, 0, 2]]),
    "max with NaN": (np.max, [[1.0, NAN]], [[0, 0]]),
    "max at initial": (lambda x, i: np.max(x, initial=i), [[3.0, 1.0], 3.0], [[0.5, 0], 0.5]),
    "min at initial": (
        lambda x, i: np.min(x, initial=i, where=[True, True, False]),
        [[1.0, 3.0, 1.0], 1.0],
        [[0.5, 0, 0], 0.5],
    ),
    "nanmax at initial": (
        lambda x, i: np.nanmax(x, 1, initial=i),
        [[[3.0, NAN, 3.0], [1.0, 2.0, NAN]], 3.0],
        [[[1 / 3, 0, 1 / 3], [0, 0, 0]], 4 / 3],
    ),
    "interp at a knot, at an end, outside": (
        lambda x: np.interp(x, [0.0, 1.0, 3.0], [0.0, 1.0, 5.0]),
        [[1.0, 0.0, 4.0]],
        [[1.5, 0.5, 0]],
    ),
    "running maximum with ties": (
        lambda x: np.maximum.accumulate(x),
        [[2.0, 2.0, 1.0]],
        [[1, 2, 0]],
    ),
    "logaddexp.reduce far out": (
        lambda x: np.logaddexp.reduce(x),
        [[1e4, 1e4, -INF]],
        [[0.5, 0.5, 0]],
    ),
    "logaddexp.reduce of infinities": (np.logaddexp.reduce, [[INF, 1.0, INF]], [[0.5, 0, 0.5]]),
    "cumprod with zeros": (np.cumprod, [[2.0, 0.0, 3.0, 0.0]], [[1, 8, 0, 0]]),
    "nan_to_num": (np.nan_to_num, [[1.0, NAN, INF]], [[1, 0, 0]]),
    "logaddexp far apart": (
        np.logaddexp,
        [[1e3, -1e3, 0.0], [-1e3, 1e3, 1e3]],
        [[1, 0, 0], [0, 1, 1]],
    ),
    "logaddexp at equals": (np.logaddexp, [[1e3, -1e3, 0.0], [1e3, -1e3, 0.0]], [[0.5] * 3] * 2),
    "logaddexp at infinities": (
        np.logaddexp,
        [[INF, -INF, 1.0, 1.0], [1.0, 1.0, INF, -INF]],
        [[1, 0, 0, 1], [0, 1, 1, 0]],
    ),
    "logaddexp at equal infinities": (np.logaddexp, [INF, [INF, INF]], [1, [0.5, 0.5]]),
    "logaddexp at equal negative infinities": (np.logaddexp, [-INF, -INF], [0.5, 0.5]),
    "logaddexp of numbers that swallow log 2": (np.logaddexp, [1e17, 1e17], [0.5, 0.5]),
    "logaddexp2 far apart": (
        np.logaddexp2,
        [[1e3, -2e3, INF], [-2e3, 1e3, 0.0]],
        [[1, 0, 1], [0, 1, 0]],
    ),
    "softplus": (
        lambda x: np.logaddexp(0, x),
        [[-1e4, -40.0, 0.0, 1e4]],
        [[0, np.exp(-40), 0.5, 1]],
    ),
    "tanh far out": (np.tanh, [[-1e3, 1e3]], [[0, 0]]),
    "repeated indices": (lambda x: x[[0, 2, 2, 2]], [[1.0, 2.0, 3.0]], [[1, 0, 3]]),
    "repeated negative indices": (lambda x: x[np.array([-1, 2])], [[1.0, 2.0, 3.0]], [[0, 0, 2]]),
    "take with repeats": (lambda x: np.take(x, [1, 1]), [[1.0, 2.0]], [[0, 2]]),
    "sum over nothing": (np.sum, [np.zeros((0, 3))], [np.zeros((0, 3))]),
}


@pytest.mark.parametrize("convention", KINKS)
def test_convention(convention: str) -> None:
    f, values, expected = KINKS[convention]
    with warnings.catch_warnings(action="error"):
        for got, want in zip(grads(f, *values), expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-300)


def test_the_median_of_nothing_has_a_derivative_of_no_elements() -> None:
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        assert grads(np.median, np.zeros((2, 0)))[0].shape == (2, 0)


def test_more_differences_than_elements() -> None:
    np.testing.assert_array_equal(
        grads(lambda x: np.concatenate([x, np.diff(x, 9)]), V), [[1, 1, 1]]
    )


def test_a_product_of_polynomials_that_was_trimmed() -> None:
    np.testing.assert_array_equal(np.polymul([0.0, 2.0], [3.0, 5.0]), [6.0, 10.0])
    np.testing.assert_array_equal(
        grads(lambda p: np.polymul(p, [3.0, 5.0]), [0.0, 2.0])[0], [5.0, 8.0]
    )


def test_sqrt_at_0_has_an_infinite_slope() -> None:
    with np.errstate(divide="ignore"):
        assert grads(np.sqrt, 0.0) == [INF]


@pytest.mark.parametrize(("f", "x", "v", "expected"), [
    (np.prod, [2.0, 0.0, 3.0], [1.0, 0.0, 0.0], [0, 3, 0]),
    (np.prod, [2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0, 0, 2]),
    (lambda x: np.cumprod(x)[2], [2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0, 0, 2]),
    (lambda x: np.sum(np.sinc(x)), [0.0, 1e-4], [1.0, 0.0], [-np.pi**2 / 3, 0]),
    (lambda x: np.sum(np.i0(x)), [0.0], [1.0], [0.5]),
])  # fmt: skip
def test_second_order_where_a_quotient_would_fail(f: Any, x: Any, v: Any, expected: Any) -> None:
    leaf = mg.Tape().leaf(x)
    np.testing.assert_allclose(mg.hvp(f(leaf), leaf, v), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("power", [np.power, np.float_power])
def test_the_second_order_of_a_power_is_symmetric_at_the_exponent_0(power: Any) -> None:
    tape = mg.Tape()
    a, b = tape.leaf(2.0), tape.leaf(0.0)
    for v, expected in (([1.0, 0.0], (0.0, 0.5)), ([0.0, 1.0], (0.5, np.log(2) ** 2))):
        np.testing.assert_allclose(mg.hvp(power(a, b), [a, b], v), expected, rtol=1e-12)


@pytest.mark.parametrize("period", [None, 1.2])
def test_interp_between_constant_knots_to_second_order(period: float | None) -> None:
    x = mg.Tape().leaf(V)
    L = np.sum(np.interp(x, [0.1, 0.5, 0.9], [1.0, 2.0, 5.0], period=period) ** 2)
    slope = np.where(V < 0.5, 2.5, 7.5)
    assert V.min() > 0.1 and V.max() < 0.9
    np.testing.assert_allclose(mg.hvp(L, x, np.ones(3)), 2 * slope**2, rtol=1e-12)


def test_the_modulus_of_complex_numbers_to_second_order() -> None:
    z, v = np.array([0.3 + 0.4j]), np.array([1.0 - 2.0j])
    leaf = mg.Tape().leaf(z)
    got = mg.hvp(np.sum(np.abs(leaf)), leaf, v)
    h = 1e-5
    slope = [np.conj(w / np.abs(w)) for w in (z + h * v, z - h * v)]
    np.testing.assert_allclose(got, (slope[0] - slope[1]) / (2 * h), rtol=1e-8)


# ------------------------------------------------------------------------------------------------- methods of ufuncs

METHODS = {
    "add.reduce": (lambda x: np.add.reduce(x), lambda x: np.sum(x, axis=0)),
    "add.reduce over all, where and from": (lambda x: np.add.reduce(x, axis=None, where=X > 0.4, initial=2.0, keepdims=True),
                                            lambda x: np.sum(x, where=X > 0.4, initial=2.0, keepdims=True)),
    "multiply.reduce": (lambda x: np.multiply.reduce(x, 1), lambda x: np.prod(x, axis=1)),
    "maximum.reduce": (lambda x: np.maximum.reduce(x), lambda x: np.max(x, axis=0)),
    "minimum.reduce": (lambda x: np.minimum.reduce(x, axis=-1), lambda x: np.min(x, axis=-1)),
    "logaddexp.reduce": (lambda x: np.logaddexp.reduce(x, axis=1), lambda x: np.log(np.sum(np.exp(x), axis=1))),
    "add.accumulate": (lambda x: np.add.accumulate(x), lambda x: np.cumsum(x, axis=0)),
    "multiply.accumulate": (lambda x: np.multiply.accumulate(x, 1), lambda x: np.cumprod(x, axis=1)),
    "power.outer": (lambda x: np.power.outer(x, V), lambda x: x[..., None] ** V),
    "outer of a constant": (lambda x: np.subtract.outer(V, x), lambda x: V[:, None, None] - x),
    "add.reduceat": (lambda x: np.add.reduceat(x, [0, 2], axis=1), lambda x: np.stack([x[:, 0] + x[:, 1], x[:, 2]], 1)),
    "multiply.reduceat": (lambda x: np.multiply.reduceat(x, [1, 0, 2], axis=1),
                          lambda x: np.stack([x[:, 1], x[:, 0] * x[:, 1], x[:, 2]], 1)),
    "fmax.reduce": (lambda x: np.fmax.reduce(x, axis=1), lambda x: np.max(x, axis=1)),
    "subtract.reduce": (lambda x: np.subtract.reduce(x, axis=1, keepdims=True), lambda x: x[:, :1] - x[:, 1:2] - x[:, 2:]),
    "hypot.reduce over all": (lambda x: np.hypot.reduce(x, axis=None), lambda x: np.sqrt(np.sum(x**2))),
    "divide.accumulate": (lambda x: np.divide.accumulate(x, axis=1),
                          lambda x: np.stack([x[:, 0], x[:, 0] / x[:, 1], x[:, 0] / x[:, 1] / x[:, 2]], 1)),
    "logaddexp.accumulate": (lambda x: np.logaddexp.accumulate(x), lambda x: np.log(np.cumsum(np.exp(x), axis=0))),
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_a_method_of_a_ufunc(method: str) -> None:
    f, same = METHODS[method]
    np.testing.assert_allclose(f(mg.Tape().leaf(X)).value, f(X), rtol=1e-14)
    np.testing.assert_allclose(
        grads(lambda x: f(x) ** 2, X)[0], grads(lambda x: same(x) ** 2, X)[0], rtol=1e-12
    )


def test_several_axes_are_no_axis_of_a_ufunc_whose_order_matters() -> None:
    with pytest.raises(ValueError, match="not reorderable"):
        np.subtract.reduce(mg.Tape().leaf(X), axis=(0, 1))


# ------------------------------------------------------------------------------- nodes among the less usual arguments

UNUSUAL = {
    "piecewise": lambda x: np.piecewise(x, [x < 0.4, x > 0.5], [np.sin, lambda x: x**3, 0.25]),
    "piecewise, one condition": lambda x: np.piecewise(x[0], x[0] < 0.5, [lambda x, k: np.exp(k * x), lambda x, k: k * x], 3.0),
    "piecewise, later conditions win": lambda x: np.piecewise(x, [x < 0.6, x > 0.3], [np.sin, np.exp]),
    "piecewise of a scalar": lambda x: np.piecewise(x[0, 0], [x[0, 0] < 0.1], [np.exp, np.sin]),
    "pad with a node": lambda x: np.pad(np.sin(x), ((1, 2), (0, 3)), constant_values=x[0, 0]),
    "pad with a node each side": lambda x: np.pad(2.0 * x, ((1, 2), (0, 3)), constant_values=x[:, :2]),
    "interp beyond the ends": lambda x: np.interp(np.linspace(-1, 3, 9), [0.0, 1.0, 2.0], x[0], left=x[1, 0], right=x[1, 1]),
    "interp with a period": lambda x: np.interp(7 * x, np.array([0.9, -0.2, 0.5]) + 0.1 * x[0], x[1], period=1.2),
    "interp with a node as period": lambda x: np.interp(x[0], [0.9, 0.2, 0.5], [1.0, 2.0, 4.0], period=1.2 + x[0, 0]),
    "cov by its weights": lambda x: np.cov(np.arange(6.0).reshape(2, 3) ** 2, aweights=x[0], fweights=[1, 2, 3]),
    "average by its weights, with their sum": lambda x: np.average(np.sin(x), 1, x[0], returned=True)[1] * np.average(x, 1, x[1]),
    "trim_zeros": lambda x: np.trim_zeros(np.where(x < 0.5, 0, x)[0]) ** 2,
    "trim_zeros along an axis": lambda x: np.trim_zeros(np.pad(np.sin(x), ((1, 2), (0, 3))), trim="b", axis=-1),
    "trim_zeros of nothing else": lambda x: np.append(np.trim_zeros(0.0 * np.floor(x)), x),
    "matvec along other axes": lambda x: np.matvec(x, x[:, 1], axes=[(1, 0), 0, -1]),
}  # fmt: skip


@pytest.mark.parametrize("what", UNUSUAL)
def test_a_node_among_unusual_arguments(what: str) -> None:
    x = mg.Tape().leaf(X)
    y, want = UNUSUAL[what](x), UNUSUAL[what](X)
    np.testing.assert_allclose(y.value, want, rtol=1e-13)
    assert y.dtype == want.dtype and y.shape == want.shape
    mg.check.check_grad(np.sum(y * np.cos(np.arange(want.size)).reshape(want.shape)), x)


def test_piecewise_wants_a_function_for_each_condition() -> None:
    with pytest.raises(ValueError, match="each of the 1 conditions, or one more, but got 3"):
        np.piecewise(mg.Tape().leaf(X), [X > 0.5], [1, 2, 3])


def test_repeat_counts_may_be_a_node_and_keep_their_sum() -> None:
    tape = mg.Tape()
    x, counts = tape.leaf(V), tape.leaf([2, 0, 1])
    L = np.sum(np.repeat(x, counts) * [1.0, 10.0, 100.0])
    np.testing.assert_array_equal(mg.grad(L, x), [11, 0, 100])
    counts.value = [0, 1, 2]
    np.testing.assert_array_equal(mg.grad(L, x), [0, 1, 110])
    counts.value = [1, 1, 2]
    with pytest.raises(ValueError, match="shape"):
        mg.grad(L, x)
    with pytest.raises(ValueChangedError, match="np.repeat"):
        _ = L.value


def test_full_like_a_node() -> None:
    x = mg.Tape().leaf(X)
    np.testing.assert_array_equal(
        mg.grad(np.sum(memograd.numpy.full_like(x, x[0, 0])), x), [[6, 0, 0], [0, 0, 0]]
    )


# -------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(("call", "reason"), [
    (lambda x: np.sign(x + 1j), "z / np.abs"),
    (lambda x: np.pad(x, 1, "linear_ramp"), "np.concatenate"),
    (lambda x: np.pad(x, 1, "reflect", reflect_type="odd"), "reflect_type"),
    (lambda x: np.gradient(x, x[0, 0]), "spacing"),
    (lambda x: np.linalg.qr(x, mode="raw"), "mode='reduced'"),
])  # fmt: skip
def test_what_is_refused_says_what_to_use(call: Any, reason: str) -> None:
    with pytest.raises((RefusedError, NoRuleError), match=reason):
        call(mg.Tape().leaf(X))


# ------------------------------------------------------------------------------------------------- what the edge does


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (4, 1, 1), (4, 2, 3)])
def test_broadcast_axes_are_summed(shape: tuple[int, ...]) -> None:
    a, b = np.full(shape, 2.0), np.arange(24.0).reshape(4, 2, 3)
    (da, db) = grads(np.multiply, a, b)
    lead = tuple(range(3 - len(shape)))
    ones = tuple(k for k, n in enumerate(shape) if n == 1)
    np.testing.assert_array_equal(da, np.sum(np.sum(b, axis=lead), axis=ones, keepdims=True))
    np.testing.assert_array_equal(db, np.full((4, 2, 3), 2.0))


def test_both_operands_may_broadcast() -> None:
    da, db = grads(np.add, np.zeros((2, 1)), np.zeros(3))
    np.testing.assert_array_equal(da, [[3.0], [3.0]])
    np.testing.assert_array_equal(db, [2.0, 2.0, 2.0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, np.complex64])
def test_what_flows_keeps_its_dtype(dtype: Any) -> None:
    tape = mg.Tape()
    x = tape.leaf(np.array([0.3, 0.6], dtype))
    y = np.abs(np.sum(np.sqrt(x * x * 2.0) / (1 + np.exp(x)) + x**3 * np.tanh(x)))
    for n in (x, *x.consumers):
        assert mg.grad(y, n).dtype == n.dtype == dtype


def test_a_real_operand_of_a_complex_result_gets_a_real_cotangent() -> None:
    tape = mg.Tape()
    x, z = tape.leaf([1.0, 2.0]), tape.leaf([1 + 2j, 3 - 1j])
    L = np.sum(np.abs(x * z) ** 2)
    dx, dz = mg.grad(L, [x, z])
    assert dx.dtype == np.float64
    np.testing.assert_allclose(dx, 2 * x.value * np.abs(z.value) ** 2)
    np.testing.assert_allclose(dz, 2 * np.conj(z.value) * x.value**2)


@pytest.mark.parametrize("part", [np.real, np.imag, np.angle, np.abs, np.conj])
def test_real_inputs_of_complex_functions(part: Any) -> None:
    got = grads(part, [0.5, 2.0])[0]
    np.testing.assert_array_equal(
        got,
        {np.real: [1, 1], np.imag: [0, 0], np.angle: [0, 0], np.abs: [1, 1], np.conj: [1, 1]}[part],
    )


def test_astype_to_complex_and_back() -> None:
    np.testing.assert_array_equal(
        grads(lambda x: np.real(np.astype(x, complex) * (2 + 1j)), [1.0, 2.0])[0], [2.0, 2.0]
    )


# ----------------------------------------------------------------------------------- constants among the operands

TWO = [
    np.add,
    np.subtract,
    np.multiply,
    np.divide,
    np.power,
    np.maximum,
    np.minimum,
    np.logaddexp,
    np.hypot,
    np.arctan2,
    np.remainder,
]
CONSTANTS = {
    "float": 0.7,
    "int": 2,
    "bool": True,
    "NumPy scalar": np.float32(0.7),
    "list": [0.7, 0.2, 0.9],
    "array": np.array([0.7, 0.2, 0.9]),
}


@pytest.mark.parametrize("constant", CONSTANTS)
@pytest.mark.parametrize("op", TWO, ids=op_name)
def test_a_constant_operand_is_as_good_as_a_leaf(op: Any, constant: str) -> None:
    c = CONSTANTS[constant]
    np.testing.assert_allclose(grads(lambda x: op(x, c), V)[0], grads(op, V, c)[0], rtol=1e-6)
    np.testing.assert_allclose(grads(lambda x: op(c, x), V)[0], grads(op, c, V)[1], rtol=1e-6)


@pytest.mark.parametrize(
    "op", [np.matmul, np.dot, np.inner, np.outer, np.vdot, np.tensordot], ids=op_name
)
def test_a_list_is_a_matrix_too(op: Any) -> None:
    matrix = [[0.5, 1.0], [1.5, 2.0]]
    for k in (0, 1):
        call = (lambda x: op(x, matrix)) if k == 0 else (lambda x: op(matrix, x))
        np.testing.assert_allclose(
            grads(call, X[:, :2])[0],
            grads(op, *((X[:, :2], matrix) if k == 0 else (matrix, X[:, :2])))[k],
        )


# ------------------------------------------------------------------------------------------------------- keywords


def test_keywords_that_the_derivative_does_not_depend_on_pass() -> None:
    f = [
        lambda x: np.sum(x, dtype=np.float64),
        lambda x: np.add(x, 1.0, casting="same_kind"),
        lambda x: np.einsum("ij->i", x, optimize=True),
        lambda x: np.concatenate([x, x], dtype=np.float64),
        lambda x: np.reshape(x, 6, copy=True),
    ]
    for call in f:
        assert grads(call, X)[0].shape == (2, 3)


REFUSED = {
    "add where": lambda x: np.add(x, x, where=np.array([True, False, True])),
    "vecdot keepdims": lambda x: np.vecdot(x, x, keepdims=True),
    "matvec axes": lambda x: np.matvec(np.ones((2, 2)), x, axes=[(0, 1), 0, 0]),
    "full_like shape": lambda x: np.full_like(x, 1.0, shape=(2,)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_keywords_that_no_line_names_are_refused(name: str) -> None:
    keyword = name.split()[1]
    with pytest.raises(NoRuleError, match=f"{keyword}="):
        REFUSED[name](mg.Tape().leaf(X))


@pytest.mark.parametrize(
    ("op", "order"),
    [(np.ravel, "K"), (np.ravel, "A"), (lambda x, order: np.reshape(x, -1, order), "A")],
)
def test_an_order_that_depends_on_memory_is_refused(op: Any, order: str) -> None:
    x = mg.Tape().leaf(X)
    with pytest.raises(RefusedError, match="Write order='C' or 'F'"):
        op(x, order=order)
