"""The derivatives of NumPy's functions against JAX and autograd, on the first or all sample calls of each op that they have."""

import importlib
import inspect
import warnings
from typing import Any

import numpy as np
import pytest
from sampling import WITH_LINES, V, calls

import memograd as mg
from memograd.rules.registration import RULES
from memograd.text import op_name

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


def comparable(library: str, name: str) -> list[Any]:
    """The ops that a library has, too, under the same name; none where it is not installed."""
    try:
        namespace = importlib.import_module(name)
    except ImportError:
        return []
    return [
        op
        for op in WITH_LINES
        if (op, library) not in APART
        and (op.__name__ == "getitem" or hasattr(namespace, op.__name__))
    ]


IN_JAX, IN_AUTOGRAD = comparable("jax", "jax.numpy"), comparable("autograd", "autograd.numpy")


@pytest.mark.slow
@pytest.mark.parametrize("op", IN_JAX, ids=op_name)
def test_against_jax(op: Any) -> None:
    jax = importlib.import_module("jax")

    def gradient(f: Any, values: list[Any]) -> Any:
        return jax.grad(f, argnums=tuple(range(len(values))))(*map(jax.numpy.asarray, values))

    with jax.enable_x64(True):
        if not compared(op, jax.numpy, gradient, 1):
            pytest.skip("JAX takes none of the sample calls")


@pytest.mark.parametrize("op", IN_AUTOGRAD, ids=op_name)
def test_against_autograd(op: Any) -> None:
    autograd = importlib.import_module("autograd")

    def gradient(f: Any, values: list[Any]) -> Any:
        return autograd.grad(f, argnum=tuple(range(len(values))))(*values)

    if not compared(op, importlib.import_module("autograd.numpy"), gradient, 99):
        pytest.skip("autograd takes none of the sample calls")


@pytest.mark.parametrize(("library", "ops"), [("jax", IN_JAX), ("autograd", IN_AUTOGRAD)])
def test_most_ops_are_compared(library: str, ops: list[Any]) -> None:
    pytest.importorskip(library, reason=f"{library} is in the extra `compare`")
    assert len(ops) > 100
