"""Plans against the tape: a replay at other values gives what a fresh tape gives, exactly where no pass changes the last bit."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from models import MODELS, data
from programs import programs
from sampling import WITH_LINES, calls

import memograd as mg
from memograd.arrays.values import bitwise_equal, canonicalize
from memograd.check import sample_operands as generated
from memograd.plans import liveness, passes
from memograd.rules.registration import rule_of
from memograd.text import op_name

EXACT = (
    passes.LIFT_CONSTANTS,
    passes.ELIMINATE_COMMON_SUBEXPRESSIONS,
    passes.FOLD_CONSTANTS,
)


def planned(program, passes=None):
    """A plan of a program's outputs and of their derivatives by every leaf."""
    leaves, outputs = program.record(mg.Tape())
    derivatives = [mg.grad_node(L, leaves) for L in outputs]
    return mg.plan([outputs, derivatives], inputs=leaves, passes=passes)


def asked(program, values):
    """The same, asked of a fresh tape with these values."""
    leaves, outputs = program.record(mg.Tape(), values)
    return [[L.value for L in outputs], [mg.grad(L, leaves) for L in outputs]]


def flat(nest):
    return [x for part in nest for x in flat(part)] if isinstance(nest, list) else [nest]


@given(programs(most=20), st.integers(1, 3))
@settings(max_examples=150)
def test_a_replay_is_what_a_fresh_tape_gives(program, seed):
    values = program.values(seed)
    for got, expected in zip(
        flat(planned(program)(*values)), flat(asked(program, values)), strict=True
    ):
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-12)


@given(programs(most=20, blas=False))
@settings(max_examples=100)
def test_exact_passes_keep_every_bit(program):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(liveness, "SMALL_ARRAY_BYTES", 0)
        plan = planned(program, EXACT)
    values = program.values(seed=1)
    assert all(
        bitwise_equal(got, expected)
        for got, expected in zip(flat(plan(*values)), flat(asked(program, values)), strict=True)
    )


@given(programs(most=20))
@settings(max_examples=50)
def test_outputs_share_no_memory(program):
    values = program.values()
    outputs = [a for a in flat(planned(program)(*values)) if isinstance(a, np.ndarray)]
    held = [v for v in values if isinstance(v, np.ndarray)]
    for k, a in enumerate(outputs):
        assert a.flags.writeable
        assert not any(np.shares_memory(a, b) for b in (*held, *outputs[:k]))


# ------------------------------------------------------------------------------ slices of few arrays, again and again

INDEX = st.integers(0, 30)
SLICED = st.tuples(
    st.sampled_from(
        ["slice", "slice", "tanh", "scale", "add", "multiply", "matmul", "join", "shift", "row"]
    ),
    INDEX,
    INDEX,
)


def sliced(np, x, W, b, steps):
    """Matrices that are cut, combined with others of their shape, multiplied by W, and joined again; and a number of them all."""
    made = [x]
    for name, i, j in steps:
        a, other = made[i % len(made)], made[j % len(made)]
        rows, columns = a.shape
        if name == "slice":
            y = a[:, 2 * (j % 3) : 2 * (j % 3) + 2] if columns > 2 else a[j % rows : j % rows + 1]
        elif name in ("add", "multiply"):
            y = (a + other if name == "add" else a * other) if a.shape == other.shape else 0.5 * a
        elif name == "matmul":
            y = a @ W if columns == 6 else np.tanh(a)
        elif name == "join":
            y = (
                np.concatenate([a, other][:: 1 - 2 * (j % 2)], axis=1)
                if rows == other.shape[0] and columns + other.shape[1] < 9
                else -a
            )
        else:
            y = {
                "tanh": np.tanh(a),
                "scale": a * 0.5,
                "shift": a + b[:columns],
                "row": a - (j % 4) * np.ones((1, columns)),
            }[name]
        made.append(y)
    return sum(np.sum(np.tanh(y) * y) for y in made[1:])


@given(st.lists(SLICED, min_size=6, max_size=40))
@example(
    steps=[
        ("slice", 0, 18),
        ("add", 13, 12),
        ("shift", 11, 4),
        ("scale", 8, 14),
        ("slice", 7, 19),
        ("join", 28, 0),
        ("slice", 2, 22),
        ("join", 13, 0),
        ("shift", 20, 23),
        ("matmul", 11, 24),
        ("slice", 6, 25),
        ("slice", 18, 11),
        ("tanh", 19, 6),
        ("multiply", 18, 24),
        ("multiply", 30, 18),
        ("add", 21, 10),
        ("row", 2, 26),
        ("join", 5, 22),
        ("join", 18, 25),
        ("slice", 2, 3),
    ]
)  # two steps on one part: only one of them is in the run
@settings(max_examples=150)
def test_slices_are_replayed(steps):
    rng = np.random.default_rng(20260)
    values = [
        (rng.normal(size=(3, 6)), 0.4 * rng.normal(size=(6, 6)), rng.normal(size=8))
        for _ in range(2)
    ]
    (leaves, L), (others, M) = (with_leaves(sliced, v, steps) for v in values)
    plan = mg.plan([L, mg.grad_node(L, leaves)], inputs=leaves)
    for got, expected in zip(flat(plan(*values[1])), [M.value, *mg.grad(M, others)], strict=True):
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


def with_leaves(f, values, steps):
    tape = mg.Tape()
    leaves = [tape.leaf(v) for v in values]
    return leaves, f(np, *leaves, steps)


# ------------------------------------------------------------------------------------------------- every op, models


def of_op(op, operands, keywords, leaves):
    """An op's outputs, and the derivatives of a number made of them."""
    tape = next(iter(leaves.values())).tape
    y = tape.record(
        op,
        tuple(leaves.get(k, x) for k, x in enumerate(operands)),
        tape.bind_keywords(op, keywords),
    )
    parts = [
        part for part in (y if isinstance(y, tuple | list) else (y,)) if part.dtype.kind in "fc"
    ]
    L = sum(
        np.sum(np.real(part * (0.7 - 0.2j) if part.dtype.kind == "c" else part * part))
        for part in parts
    )
    return [*parts, L], list(leaves.values())


def differentiable(rule, operands):
    return {
        k: np.asarray(x)
        for k, x in enumerate(operands)
        if rule.pulls[k,] and getattr(x, "dtype", np.dtype(int)).kind in "fc"
    }


@pytest.mark.parametrize("op", WITH_LINES, ids=op_name)
def test_every_op_is_replayed(op):
    rule = rule_of(op)
    for args, kwargs in calls(op):
        operands, keywords = rule.bind(args, kwargs) if args else (generated(rule), kwargs)
        operands = tuple(
            canonicalize(np.asarray(x)) if rule.pulls[k,] and not isinstance(x, int | None) else x
            for k, x in enumerate(operands)
        )
        values, tapes = differentiable(rule, operands), (mg.Tape(), mg.Tape())
        if not values:
            continue
        nearby, there = (
            {k: tape.leaf(v * (1 + by)) for k, v in values.items()}
            for tape, by in zip(tapes, (1e-3, 0.0), strict=True)
        )
        outputs, leaves = of_op(op, operands, keywords, nearby)
        plan = mg.plan([outputs, mg.grad_node(outputs[-1], leaves)], inputs=leaves)
        expected, leaves = of_op(op, operands, keywords, there)
        got = flat(plan(*values.values()))
        for a, b in zip(
            got, [*(node.value for node in expected), *mg.grad(expected[-1], leaves)], strict=True
        ):
            assert (np.shape(a), a.dtype) == (np.shape(b), b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_models_are_replayed(model, rng):
    p, d = data(rng)[model]

    def recorded(values):
        tape = mg.Tape()
        leaves = {name: tape.leaf(v, name=name) for name, v in values.items()}
        return leaves, model(np, leaves, d).named("L")

    leaves, L = recorded(p)
    plan = mg.plan({"value": L, "gradient": mg.grad_node(L, leaves)}, inputs=leaves)
    moved = {name: v + 0.1 * rng.normal(size=v.shape) for name, v in p.items()}
    got = plan(**moved)
    leaves, L = recorded(moved)
    np.testing.assert_allclose(got["value"], L.value, rtol=1e-12)
    for name, g in mg.grad(L, leaves).items():
        np.testing.assert_allclose(got["gradient"][name], g, rtol=1e-10, atol=1e-12)
