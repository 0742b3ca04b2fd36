"""Every op of the sheets against central differences, JAX and autograd; and the conventions that the sheets state."""

import importlib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sampling import CONSTANT, SHEETS, WITH_LINES, V, X, calls

import memograd as mg
from memograd.check import check_rule
from memograd.errors import NoRuleError, op_name
from memograd.registry import RULES

INF, NAN = np.inf, np.nan


def grads(f: Any, *values: Any) -> list[Any]:
    """The gradient of the sum of f's result by each of its arguments."""
    tape = mg.Tape()
    xs = [tape.leaf(np.asarray(v, None if np.asarray(v).dtype.kind in "fc" else float)) for v in values]
    return mg.grad(np.sum(f(*xs)), xs)  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------------------------ every op


def test_the_registry_is_covered() -> None:
    """`test_each_line` and its kin take their ops from the registry: none can be added without being checked."""
    ours = {op for op in RULES if op is not None and op not in SHEETS}
    assert not [op_name(op) for op in ours if op_name(op).startswith("np.")]
    assert len(WITH_LINES) > 100 and len(CONSTANT) > 30


@pytest.mark.parametrize("op", WITH_LINES, ids=op_name)
def test_each_line_against_central_differences(op: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for args, kwargs in calls(op):
            check_rule(op, *args, **kwargs)


ARGUMENTS = {np.searchsorted: (np.array([0.1, 0.5]), X), np.allclose: (X, X), np.array_equal: (X, X), np.isclose: (X, X)}


@pytest.mark.parametrize("op", CONSTANT, ids=op_name)
def test_no_path_leads_through_a_constant_op(op: Any) -> None:
    x = mg.Tape().leaf(10 * X)
    args = ARGUMENTS.get(op, (x,) * getattr(op, "nin", 1))
    args = tuple(x if a is X else a for a in args)
    try:
        y = op(*args)
    except TypeError:
        y = op(*(np.astype(a, int) for a in args))
    outputs = [part for part in (y if isinstance(y, tuple) else (y,)) if isinstance(part, mg.Node)]
    total = sum((np.sum(np.astype(part, float)) for part in outputs), start=np.sum(x))
    np.testing.assert_array_equal(mg.grad(total, x), np.ones((2, 3)))  # through np.sum(x), and nothing else


# --------------------------------------------------------------------------------------- against other libraries


def weighted(op: Any, library: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A scalar function of the differentiable arguments of a sample call, as `library` computes it; and those arguments."""
    flat = list(args[0]) if isinstance(args[0], list | tuple) and RULES[op].lines.each else list(args)
    ks = [k for k, a in enumerate(flat) if np.asarray(a, object if isinstance(a, slice | type(Ellipsis) | None) else None).dtype.kind in "fc"]
    ks = [k for k in ks if RULES[op].lines[k,] or op is np.einsum]
    f = getattr(library, op.__name__) if op.__name__ != "getitem" else lambda x, *key: x[tuple(map(listed, key))]

    def scalar(*xs: Any) -> Any:
        full = [xs[ks.index(k)] if k in ks else a for k, a in enumerate(flat)]
        y = f(full, *args[1:], **kwargs) if flat is not args and len(flat) and isinstance(args[0], list | tuple) else f(*full, **kwargs)
        parts = y if isinstance(y, list | tuple) else [y]
        return sum(library.sum(library.real(part) * np.cos(np.arange(part.size) + 1.0).reshape(part.shape)) for part in parts)

    return scalar, [np.asarray(flat[k]) for k in ks]


def listed(part: Any) -> Any:
    return np.array(part, int if not part else None) if isinstance(part, list) else part


def compared(op: Any, library: Any, gradient: Any, most: int) -> int:
    done = 0
    for args, kwargs in calls(op)[:most]:
        if not args:
            args = tuple(V + 0.1 * k for k in range(len(RULES[op].operands)))
        mine, values = weighted(op, np, args, kwargs)
        theirs, _ = weighted(op, library, args, kwargs)
        if not values:
            continue
        try:
            want = gradient(theirs, values)
        except (TypeError, NotImplementedError, ValueError, AttributeError, AssertionError, IndexError):
            continue  # not a call that the other library takes
        tape = mg.Tape()
        leaves = [tape.leaf(v) for v in values]
        for got, expected in zip(mg.grad(mine(*leaves), leaves), want, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
        done += 1
    return done


@pytest.fixture(scope="module")
def jax() -> Iterator[Any]:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    with jax.enable_x64(True):
        yield jax


@pytest.mark.parametrize("op", WITH_LINES, ids=op_name)
def test_against_jax(op: Any, jax: Any) -> None:
    if op.__name__ != "getitem" and not hasattr(jax.numpy, op.__name__):
        pytest.skip(f"JAX has no {op.__name__}")

    def gradient(f: Any, values: list[Any]) -> Any:
        return jax.grad(f, argnums=tuple(range(len(values))))(*map(jax.numpy.asarray, values))

    if not compared(op, jax.numpy, gradient, 2):
        pytest.skip("JAX takes none of the sample calls")


@pytest.mark.parametrize("op", WITH_LINES, ids=op_name)
def test_against_autograd(op: Any) -> None:
    autograd = pytest.importorskip("autograd", reason="autograd is not installed")
    library = importlib.import_module("autograd.numpy")
    if op.__name__ != "getitem" and not hasattr(library, op.__name__):
        pytest.skip(f"autograd has no {op.__name__}")

    def gradient(f: Any, values: list[Any]) -> Any:
        return autograd.grad(f, argnum=tuple(range(len(values))))(*values)

    if not compared(op, library, gradient, 99):
        pytest.skip("autograd takes none of the sample calls")
