"""Each pass alone, and all together, on random programs over edge values of every dtype, against
the tape.

Exact passes change no bit, whatever the values. The others take sums in another order, which shows
in no bit where nothing is rounded: their programs add and multiply small whole numbers, zeros of
both signs, infinities and NaN. What they do to numbers that are rounded is held to their bounds in
`test_plans.py`. For more programs: `python tests/support/edges.py --count 10000`.
"""

import edges
import numpy as np
import pytest

import memograd as mg
from memograd.plans import passes
from memograd.plans.ir import Instruction
from memograd.plans.op_traits import SUM_OF_NEGATIVE_ZEROS
from memograd.plans.passes import algebra
from memograd.plans.passes.rewriter import rewrite_graph
from memograd.program.steps import Operand

COUNT = 100


def wrong(only, dtype, steps, whole, count=COUNT):
    """The first result with other bits than the tape's."""
    for seed in range(count):
        rng = np.random.default_rng([seed, whole])
        found = edges.differing(edges.random_program(rng, dtype, steps), only, rng, whole)
        if found is not None:
            return seed, *found
    return None


@pytest.mark.parametrize("dtype", edges.DTYPES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("only", edges.GROUPS.values(), ids=edges.GROUPS)
def test_exact_passes_change_no_bit(only, dtype):
    assert wrong(only, dtype, edges.ROUNDED_STEPS, whole=False) is None


@pytest.mark.parametrize(
    "dtype", [*edges.FLOATS[1:], *edges.COMPLEX], ids=lambda dtype: dtype.__name__
)
@pytest.mark.parametrize("only", edges.REORDERED_GROUPS.values(), ids=edges.REORDERED_GROUPS)
def test_other_passes_change_the_order_of_sums_alone(only, dtype):
    assert wrong(only, dtype, edges.EXACT_STEPS, whole=True) is None


@pytest.mark.parametrize("dtype", [np.float16, *edges.INTEGERS], ids=lambda dtype: dtype.__name__)
def test_all_passes_together_change_no_bit_in_half_precision_or_of_integers(dtype):
    """Sums in half precision keep NumPy's wider accumulator; those of integers wrap, in whatever
    order. A residue of rounding is no 0, and functions of integers are doubles, for which the
    machine on arrays has functions of its own.
    """
    apart = (passes.CANCEL_COTANGENTS, passes.LOWER_ARRAY_REGIONS)
    only = tuple(p for p in passes.PASSES if p not in apart)
    assert wrong(only, dtype, edges.ROUNDED_STEPS, whole=False) is None


def _drop_any_zero(rewriter, step):
    a, b = step.args
    return (
        a
        if type(a) is Operand
        and algebra.is_constant(rewriter, b, 0)
        and rewriter.instructions[a].shape == step.shape
        else None
    )


def _double(rewriter, step):
    a, b = step.args
    inner = rewriter.instruction_of(a)
    if (
        type(a) is not type(b)
        or a != b
        or inner is None
        or inner.op is not np.multiply
        or type(inner.args[1]) is not float
    ):
        return None
    return inner._replace(args=(inner.args[0], 2 * inner.args[1]))


def _sign_out(rewriter, step):
    inner = algebra.negation_operand(rewriter, step.args[0])
    return (
        None
        if inner is None
        else Instruction(
            np.negative,
            (rewriter.apply(step.op, inner, *step.args[1:], like=step, **step.kwargs),),
            {},
            step.shape,
            step.dtype,
        )
    )


@pytest.mark.parametrize(
    ("rules", "dtype"),
    [({np.add: (_drop_any_zero,)}, np.float32), ({np.add: (_double,)}, np.float64), ({np.sum: (_sign_out,)}, np.float64),
     ({np.multiply: (_sign_out,)}, np.complex128)],
)  # fmt: skip
def test_rules_that_are_not_exact_are_found(rules, dtype):
    broken = passes.Pass("broken", lambda graph: rewrite_graph(graph, rules))
    assert (
        wrong(
            (passes.ELIMINATE_COMMON_SUBEXPRESSIONS, broken),
            dtype,
            edges.ROUNDED_STEPS,
            whole=False,
            count=1000,
        )
        is not None
    )


@pytest.mark.parametrize("dtype", [*edges.FLOATS, *edges.COMPLEX])
def test_sums_start_at_one_zero_in_every_dtype(dtype):
    """The passes ask NumPy once, for double precision, which zero the sum of negative zeros is."""
    zeros = np.full((20, 3), -0.0, dtype)
    for y in (np.sum(zeros[0]), np.sum(zeros, axis=0), np.sum(zeros, axis=1)):
        assert np.all(np.signbit(y.real) == np.signbit(SUM_OF_NEGATIVE_ZEROS))


def logsumexp(x):
    """The sum over the rows of a matrix, with the greatest number of each row apart."""
    m = np.max(x, axis=1, keepdims=True)
    return np.sum(np.log(np.sum(np.exp(x - m), axis=1, keepdims=True)) + m)


@pytest.mark.parametrize("dtype", edges.FLOATS)
def test_what_cancels_is_nan_where_it_is_so_in_the_tape(dtype):
    rng = np.random.default_rng(20260)
    tape = mg.Tape()
    x = tape.leaf(np.ones((2, 3), dtype), name="x")
    plan = mg.plan(mg.grad_node(logsumexp(x), x), inputs=[x])
    assert np.dtype(dtype) == np.float16 or "cotangent cancellation" in plan.bounds
    for _ in range(300):
        values = edges.draw(rng, dtype, (2, 3))
        with np.errstate(all="ignore"):
            leaf = mg.Tape().leaf(values)
            got, expected = plan(values), mg.grad(logsumexp(leaf), leaf)
        assert np.array_equal(np.isnan(got), np.isnan(expected))
        np.testing.assert_allclose(got, expected, rtol=0, atol=8 * np.finfo(dtype).eps)


def test_each_pass_says_what_it_changes():
    assert {p.name for p in passes.PASSES if p.exact} == {
        "constant lifting",
        "common subexpressions",
        "constant folding",
    }
    assert all(p.bound for p in passes.PASSES if not p.exact)
