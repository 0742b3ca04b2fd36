"""Many rows at once: what a batch gives is what its rows give one by one, on arrays and on nodes."""

from typing import Any

import numpy as np
import pytest
from sampling import WITH_LINES, calls

import memograd as mg
from memograd.arrays import inexact, settle
from memograd.batch import Batch, apply
from memograd.batching import pulled_rows, pushed_columns
from memograd.check import _generated
from memograd.registry import RULES

ROWS = 3


def samples(op: Any) -> list[Any]:
    """The op's sample calls in canonical form: operands, keywords, and the positions that are differentiated."""
    rule, found = RULES[op], []
    for args, kwargs in calls(op):
        operands, keywords = rule.bind(args, kwargs) if args else (_generated(rule), kwargs)
        xs = [settle(np.asarray(x)) if rule.lines[k,] and not isinstance(x, int | None) else x for k, x in enumerate(operands)]
        found.append((xs, keywords, [k for k, x in enumerate(xs) if rule.lines[k,] and hasattr(x, "dtype") and inexact(x.dtype)]))
    return [sample for sample in found if sample[2]]


def drawn(rng: Any, like: Any) -> Any:
    """A row for each of a few draws of an array of this shape and dtype."""
    g = rng.uniform(0.5, 1.5, (ROWS, *like.shape)) * rng.choice([-1, 1], (ROWS, *like.shape))
    return (g + 1j * rng.uniform(0.5, 1.5, g.shape) if like.dtype.kind == "c" else g).astype(like.dtype)


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
        for part in y if isinstance(y, tuple) else (y,):
            if inexact(part.dtype):
                targets, seeds = list(leaves.values()), drawn(rng, part)
                want = [np.stack(rows) for rows in zip(*(mg.vjp(part, targets, seed) for seed in seeds), strict=True)]
                for given in (seeds, tape.leaf(seeds)):
                    for got, rows in zip(pulled_rows(part, targets, given), want, strict=True):
                        agree(value(got), rows)


@pytest.mark.parametrize("op", WITH_LINES, ids=lambda op: op.__name__)
def test_tangents_pushed_through_an_op_are_those_of_its_jvps(op: Any, rng: Any) -> None:
    for xs, keywords, ks in samples(op):
        tape = mg.Tape()
        leaves = {k: tape.leaf(xs[k]) for k in ks}
        y = tape.record(op, tuple(leaves.get(k, x) for k, x in enumerate(xs)), keywords)
        for part in y if isinstance(y, tuple) else (y,):
            if inexact(part.dtype):
                targets, tangents = list(leaves.values()), [drawn(rng, leaf) for leaf in leaves.values()]
                want = np.stack([mg.jvp(part, targets, list(row)) for row in zip(*tangents, strict=True)])
                agree(pushed_columns(part, targets, tangents), want)
                agree(pushed_columns(part, targets, [tape.leaf(t) for t in tangents]).value, want)


@pytest.mark.parametrize("op", [op for op in WITH_LINES if RULES[op].kind != "rule"], ids=lambda op: op.__name__)
def test_an_op_of_rows_is_the_op_of_each(op: Any, rng: Any) -> None:
    for xs, keywords, ks in samples(op):
        for k in ks:
            rows = xs[k] * rng.uniform(1, 1.1, (ROWS, *(1,) * xs[k].ndim)).astype(xs[k].dtype)
            wants = [RULES[op].run([*xs[:k], row, *xs[k + 1 :]], keywords) for row in rows]
            several = isinstance(wants[0], tuple | list)
            for given in (rows, mg.Tape().leaf(rows)):
                got = apply(op, (*xs[:k], Batch(given), *xs[k + 1 :]), keywords)
                for g, want in zip(got, zip(*wants, strict=True), strict=True) if several else [(got, wants)]:
                    agree(value(g.values), np.stack(want))
