"""The machine on arrays gives what NumPy gives: for each op, in each layout, at the edges, and in random programs."""

import pickle
import sys
import threading

import numpy as np
import pytest
from machine_edges import EDGES, ROUNDED, ULPS, same

import memograd as mg
from memograd.plans.machine import array_regions
from memograd.plans.machine.array_machine import ArrayMachine
from memograd.plans.machine.array_regions import VIEW_OPS, ArrayLayers
from memograd.plans.machine.interpreter import array_interpreter
from memograd.plans.machine.machine import on_machine
from memograd.plans.machine.opcodes import LOGICAL, REAL
from memograd.plans.passes import FOLD_CONSTANTS, LIFT_CONSTANTS, LOWER_ARRAY_REGIONS
from memograd.rules.registration import RULES

pytest.importorskip("numba", reason="Numba comes with the extra `fast`")

ONLY_LOWERING = [LIFT_CONSTANTS, FOLD_CONSTANTS, LOWER_ARRAY_REGIONS]


@pytest.fixture
def forced(monkeypatch):
    """Each region pays, however short."""
    monkeypatch.setattr(ArrayLayers, "_gain", lambda self, part: 1e9)
    monkeypatch.setattr(array_regions, "WORST_LOSS", np.inf)


def machines(plan):
    """The machines on arrays of a plan."""
    steps = plan.graph.instructions.values()
    return [
        step.args[0]
        for step in steps
        if step.op is on_machine and isinstance(step.args[0], ArrayMachine)
    ]


def lowered(outputs, inputs):
    """The plan of the array pass alone, in which nothing is left to NumPy."""
    plan = mg.plan(outputs, inputs, passes=ONLY_LOWERING)
    assert len(machines(plan)) == 1 and len(plan.source.split("on_machine")) == 2, plan.source
    assert " np." not in plan.source, plan.source
    return plan


def check(outputs, inputs, values=(), ulps=0):
    """A lowered plan gives what the tape gives, for the recorded values and for others."""
    plan = lowered(outputs, inputs)
    for given in [[x.value for x in inputs], *values]:
        for x, a in zip(inputs, given, strict=True):
            x.value = a
        for ours, node in zip(plan(*given), outputs, strict=True):
            theirs = node.value
            assert type(ours) is type(theirs) and ours.dtype == theirs.dtype
            assert np.shape(ours) == np.shape(theirs)
            same(ours, theirs, ulps)
    return plan


# -------------------------------------------------------------------------------------------------------- formulas


@pytest.mark.parametrize(
    "op", [op for op in REAL | LOGICAL if op is not np.where], ids=lambda op: op.__name__
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_each_formula_at_the_edges(forced, tape, op):
    count = op.nin if isinstance(op, np.ufunc) else len(RULES[op].operands)
    pairs = np.array([(a, b) for a in EDGES for b in EDGES]).T.copy()
    leaves = [tape.leaf(np.full(pairs.shape[1], 0.5), name=name) for name in "xy"[:count]]
    check([op(*leaves)], leaves, [tuple(pairs[:count])], ULPS if op in ROUNDED else 0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_where_at_the_edges(forced, tape):
    pairs = np.array([(a, b) for a in EDGES for b in EDGES]).T.copy()
    x, y = (tape.leaf(np.ones(pairs.shape[1]), name=name) for name in "xy")
    check([np.where(x > y, x, y), np.where(x, y, -0.0)], [x, y], [tuple(pairs)])


@pytest.mark.parametrize("exponent", [-1, 1, 2, 0.5, 3, -2.5])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_powers_with_a_constant_exponent(forced, tape, exponent):
    x = tape.leaf(np.ones(len(EDGES)), name="x")
    check([np.power(x, exponent)], [x], [(np.array(EDGES),)], ULPS)


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("exp", np.exp),
        ("tanh", np.tanh),
        ("sech_squared", lambda x: 1 / np.cosh(x) ** 2),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="needs numbers of 80 bits")
def test_exponentials_are_off_by_at_most_four_units(forced, tape, name, exact):
    from memograd.rules.elementwise import sech_squared

    op = {"exp": np.exp, "tanh": np.tanh, "sech_squared": sech_squared}[name]
    random = np.random.default_rng(0)
    x = tape.leaf(np.ones(2000), name="x")
    plan = lowered([op(x)], [x])
    for scale in (1e-8, 1e-3, 0.3, 3.0, 30.0, 300.0):
        a = random.normal(size=2000) * scale
        theirs = exact(a.astype(np.longdouble))
        normal = np.abs(theirs) > 1e-300
        units = np.abs(plan(a)[0] - theirs) / np.spacing(np.abs(theirs).astype(float))
        assert units[normal & np.isfinite(theirs.astype(float))].max() <= 4


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_and_arrays_meet(forced, tape):
    x, s = tape.leaf(np.arange(1.0, 8.0), name="x"), tape.leaf(0.75, name="s")
    one = tape.leaf([2.0], name="one")
    t = s * s + 1.0
    outputs = [x * s, s * x, x + s, s - x, x - s, x / s, s / x, 2.0 * x, x - 3.0, 3.0 - x, x * one]
    outputs += [x * s + x, x * s - x, x - x * s, np.where(x > s, s, x), np.maximum(x, t), x * t * s]
    check([*outputs, t, one * s], [x, s, one], [(np.linspace(-1, 1, 7), -0.5, [0.1])])


def test_fused_formulas_keep_every_bit(forced, tape):
    random = np.random.default_rng(1)
    a, b, c = (tape.leaf(random.normal(size=9), name=name) for name in "abc")
    outputs = [a * b + c, c + a * b, a * b - c, c - a * b, a * b * c, a + b + c, (a + b) * c]
    outputs += [
        (a + b) / c,
        -(a * b),
        a * 0.1 + c,
        c - a * 0.1,
        0.1 * a - c,
        a * b + 0.1,
        (a + 0.1) * b,
    ]
    check(outputs, [a, b, c], [random.normal(size=(3, 9)) for _ in range(3)])


@pytest.mark.parametrize(
    "shapes",
    [
        [(3, 4), (4,)], [(3, 4), (3, 1)], [(3, 1), (1, 4)], [(2, 3, 4), (3, 1)], [(2, 1, 4), (3, 1)], [(2, 3, 4), (2, 1, 1)],
        [(1, 1), (3, 4)], [(5, 40), (5, 1)], [(40, 5), (40, 1)], [(2, 3, 2, 2), (3, 1, 2)],
    ],
    ids=str,
)  # fmt: skip
def test_broadcasting(forced, tape, shapes):
    random = np.random.default_rng(2)
    x, y = (tape.leaf(random.normal(size=s), name=n) for s, n in zip(shapes, "xy", strict=True))
    check([x * y, y - x, np.maximum(x, y) + x], [x, y], [[random.normal(size=s) for s in shapes]])


# ------------------------------------------------------------------------------------------ views, parts and joins

VIEWS = {
    "slice": lambda x: x[1:3],
    "step": lambda x: x[::2],
    "backwards": lambda x: x[::-1],
    "columns": lambda x: x[:, 1:],
    "one column": lambda x: x[:, 2],
    "row": lambda x: x[-1],
    "element": lambda x: x[1, 2],
    "new axis": lambda x: x[:, None],
    "ellipsis": lambda x: x[..., 0],
    "transpose": lambda x: x.T,
    "reshape": lambda x: np.reshape(x, (2, 6)),
    "reshape of a transpose": lambda x: np.reshape(x.T, (2, 6)),
    "ravel of columns": lambda x: np.ravel(x[:, :2]),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x: np.moveaxis(x[None], 0, -1),
    "squeeze": lambda x: np.squeeze(x[:, None]),
    "expand_dims": lambda x: np.expand_dims(x, (0, 2)),
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 3, 4)),
    "roll": lambda x: np.roll(x, 1, axis=0),
    "roll of columns": lambda x: np.roll(x, -7, axis=-1),
    "roll by nothing": lambda x: np.roll(x[0], 4),
    "gather": lambda x: x[np.array([2, 0, 2])],
    "gather of columns": lambda x: x[:, np.array([[3, 0], [1, 1]])],
    "gather of elements": lambda x: x[np.array([2, 0]), np.array([-1, 1])],
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_and_their_derivatives(forced, tape, name):
    random = np.random.default_rng(3)
    x = tape.leaf(random.normal(size=(3, 4)), name="x")
    y = VIEWS[name](x * 2.0)
    outputs = [y, y * y, VIEWS[name](x) + 1.0, mg.grad_node(np.sum(y * y), x) * 1.0]
    check(outputs, [x], [[random.normal(size=(3, 4))]])


def test_reshapes_are_all_tried():
    assert len(VIEW_OPS) == 8  # a new one needs a case in VIEWS


def test_joins(forced, tape):
    random = np.random.default_rng(4)
    x, y, s = (
        tape.leaf(random.normal(size=3), name="x"),
        tape.leaf(random.normal(size=2), name="y"),
        tape.leaf(0.5, name="s"),
    )
    a, b = x * 2.0, y + 1.0
    M = np.stack([a, x])
    outputs = [
        np.concatenate([a, b, a, np.ones(2)]) * 2.0,
        np.concatenate([b, b[::-1], y]),
        np.concatenate([np.concatenate([a, b]) * 1.5, x]),
        np.concatenate([M, M * 2.0], axis=1) * M[:1, :1],
        np.concatenate([M, M * 2.0], axis=-2),
        np.stack([s * s, s + 1.0, s]) * x,
        np.stack([a, x, a * x], axis=-1),
        a - x,
    ]
    check(outputs, [x, y, s], [(random.normal(size=3), random.normal(size=2), 2.0)])


def test_an_array_that_two_joins_want(forced, tape):
    x = tape.leaf([0.5, 0.75], name="x")
    a = x * 3.0
    first = np.concatenate([a, x])
    check([first * 2.0, np.concatenate([x, a]) * first, a * a, first], [x], [[[1.0, 2.0]]])


# ------------------------------------------------------------------------------------ sums, extremes and products


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 15, 127, 128, 129, 136, 300, 1001])
def test_a_sum_is_pairwise_as_numpys(forced, tape, n):
    random = np.random.default_rng(n)
    x = tape.leaf(random.normal(size=n), name="x")
    y = tape.leaf(random.normal(size=(2, n)), name="y")
    outputs = [
        np.sum(x) * 2.0,
        np.sum(x * x),
        np.sum(y * 2.0, axis=1),
        np.sum(y, axis=-1, keepdims=True) * y,
    ]
    plan = mg.plan([*outputs, x * y], [x, y], passes=ONLY_LOWERING)
    for ours, node in zip(plan([x.value, y.value][0], y.value), outputs, strict=False):
        np.testing.assert_array_equal(ours, node.value)


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1), (0, 2), (1, 2), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("op", [np.sum, np.max, np.min], ids=lambda op: op.__name__)
def test_reductions(forced, tape, op, axis, keepdims):
    random = np.random.default_rng(5)
    x = tape.leaf(random.integers(-9, 9, size=(3, 4, 5)).astype(float), name="x")
    y = x * 2.0
    outputs = [op(y, axis=axis, keepdims=keepdims), op(y.T, axis=axis, keepdims=keepdims)]
    outputs += [op(y[:, ::2], axis=axis, keepdims=keepdims) * 1.0, y]
    check(outputs, [x], [[random.integers(-9, 9, size=(3, 4, 5)).astype(float)]])


@pytest.mark.parametrize("op", [np.sum, np.max, np.min], ids=lambda op: op.__name__)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_reductions_at_the_edges(forced, tape, op):
    x = tape.leaf(np.ones((2, 3)), name="x")
    rows = [
        [np.inf, 1.0, 2.0],
        [np.nan, 1.0, 2.0],
        [1.0, np.nan, 2.0],
        [np.inf, -np.inf, 1.0],
        [-0.0, -0.0, -0.0],
    ]
    for a in rows:
        for b in rows:
            check([op(x, axis=1) * 1.0, op(x, axis=0), op(x), x * 2.0], [x], [[np.array([a, b])]])


@pytest.mark.parametrize(
    "shapes",
    [[(3, 4), (4, 5)], [(3, 4), (4,)], [(4,), (4, 5)], [(4,), (4,)], [(1, 4), (4, 1)], [(6, 9), (9, 1)], [(1, 1), (1, 3)]],
    ids=str,
)  # fmt: skip
def test_products(forced, tape, shapes):
    random = np.random.default_rng(6)

    def integers(shape):
        return random.integers(-9, 9, size=shape).astype(float)

    x, y = (tape.leaf(integers(s), name=n) for s, n in zip(shapes, "xy", strict=True))
    outputs = [x @ y * 1.0, y.T @ x.T, x[..., ::-1] @ y, x + 1.0, y * 2.0]
    check(outputs, [x, y], [[integers(s) for s in shapes]])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_products_of_what_is_not_finite(forced, tape):
    x, y = tape.leaf(np.ones((2, 2)), name="x"), tape.leaf(np.ones((2, 3)), name="y")
    plan = lowered([x @ y * 1.0], [x, y])
    x.value, y.value = [[np.inf, 0.0], [np.nan, 1.0]], [[0.0, 1.0, -1.0], [2.0, 3.0, np.inf]]
    same(plan(x.value, y.value)[0], x.value @ y.value)


# ------------------------------------------------------------------------------------------------- random programs


UNARY = [
    np.negative,
    np.absolute,
    np.square,
    np.tanh,
    np.exp,
    lambda u: np.sqrt(np.abs(u)),
    np.sign,
    np.sin,
]
BINARY = [np.add, np.subtract, np.multiply, np.maximum, np.minimum, lambda u, v: u / (2.0 + v * v)]
PARTS = [
    lambda u: u[::-1],
    lambda u: u.T,
    lambda u: u[..., :2],
    lambda u: np.ravel(u),
    lambda u: u[None],
    lambda u: u[0],
]


def random_value(random, u, v):
    """A random op on two arrays; None if it does not fit them."""
    kind = random.integers(8)
    if kind == 0 and u.ndim:
        return PARTS[random.integers(len(PARTS))](u)
    if kind == 1 and u.ndim:
        return np.sum(u, axis=int(random.integers(u.ndim)), keepdims=bool(random.integers(2)))
    if kind == 2 and u.ndim and u.shape[1:] == v.shape[1:] and v.ndim == u.ndim:
        return np.concatenate([u, v, u * 0.5])
    if kind == 3:
        return np.where(u > 0.25, u, np.tanh(u) * 0.5)
    if kind == 4:
        return UNARY[random.integers(len(UNARY))](u * 0.5)
    if kind == 5 and u.ndim == 2 and v.ndim == 2 and u.shape[1] == v.shape[0]:
        return np.tanh(u @ v)
    if broadcasts(u, v):
        return np.tanh(BINARY[random.integers(len(BINARY))](u, v))
    return None


def random_program(random, x):
    """Random ops on arrays of several shapes; each result may be read again."""
    known = [x, x[0], x[:, 0], np.sum(x)]
    for _ in range(60):
        u, v = (known[k] for k in random.integers(max(0, len(known) - 12), len(known), 2))
        value = random_value(random, u, v)
        if value is not None:
            known.append(value)
    return known[4:]


def broadcasts(u, v):
    """Whether two shapes fit, in few elements."""
    try:
        return np.prod(np.broadcast_shapes(u.shape, v.shape)) < 500
    except ValueError:
        return False


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_random_programs(forced, tape, seed):
    random = np.random.default_rng(seed)
    x = tape.leaf(random.normal(size=(3, 4)), name="x")
    values = random_program(random, x)
    loss = sum((np.sum(np.tanh(v)) for v in values[-5:]), 0.0)
    outputs = [*values, loss, mg.grad_node(loss, x)]
    for passes in (ONLY_LOWERING, None):
        plan = mg.plan(outputs, [x], passes=passes)
        assert machines(plan)
        for _ in range(2):
            x.value = random.normal(size=(3, 4))
            for ours, node in zip(plan(x.value), outputs, strict=True):
                np.testing.assert_allclose(ours, node.value, rtol=1e-11, atol=1e-12)


# ------------------------------------------------------------------------------------------------ what it is given


def test_layouts_of_inputs(forced, tape):
    x, s = tape.leaf(np.arange(6.0).reshape(2, 3), name="x"), tape.leaf([1.0, 2.0, 3.0], name="s")
    y = x * s + np.sum(x, axis=0)
    plan = lowered([y], [x, s])
    base = np.random.default_rng(7).normal(size=(4, 6))
    read_only = base[:2, :3].copy()
    read_only.flags.writeable = False
    for a in (
        np.asfortranarray(base[:2, :3]),
        base[::2, ::2],
        base[:2, 2::-1],
        np.broadcast_to(base[0, :3], (2, 3)),
        read_only,
    ):
        for b in (a[0], base[0, ::2]):
            x.value, s.value = a, b
            same(plan(a, b)[0], y.value)
    x.value, s.value = np.full((2, 3), 7), [True, False, True]
    same(plan(x.value, s.value)[0], y.value)


def test_inputs_are_not_written_to_and_results_are_new(forced, tape):
    x = tape.leaf(np.ones(4), name="x")
    plan = lowered([x * 2.0, (x * 3.0)[1:]], [x])
    a = np.arange(4.0)
    first, part = plan(a)
    again, _ = plan(a)
    assert a.tolist() == [0.0, 1.0, 2.0, 3.0] and first is not again
    first[:] = 0.0
    part[:] = -1.0
    assert again.tolist() == [0.0, 2.0, 4.0, 6.0] and plan(a)[0].tolist() == again.tolist()
    assert first.flags.owndata and first.flags.writeable


def test_truth_values_go_in_as_such(forced, tape):
    x, mask = tape.leaf([0.5, -0.5, 2.0], name="x"), tape.leaf([True, False, True], name="mask")
    check([np.where(mask, x, -x), x * mask], [x, mask], [([1.0, 2.0, 3.0], [False, False, True])])


def test_truth_values_come_out_as_such(forced, tape):
    x = tape.leaf([0.5, -0.5, np.nan], name="x")
    check([x > 0.0, np.isnan(x), x * 2.0, (x > 0.0)[0]], [x], [[[1.0, -0.0, np.inf]]])


@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.int64])
def test_other_dtypes_stay_numpys(forced, tape, dtype):
    x = tape.leaf(np.ones(3, dtype), name="x")
    plan = mg.plan([x * x + x], [x], passes=ONLY_LOWERING)
    assert machines(plan) == [] and plan(np.ones(3, dtype))[0].dtype == dtype


def test_empty_arrays_stay_numpys(forced, tape):
    x = tape.leaf(np.ones((0, 3)), name="x")
    plan = mg.plan([np.sum(x * 2.0, axis=0), x * x], [x], passes=ONLY_LOWERING)
    assert plan(np.ones((0, 3)))[0].tolist() == [0.0, 0.0, 0.0]


def test_integers_that_double_precision_lacks(forced, tape):
    x = tape.leaf(np.full(3, 2.0**53), name="x")
    n = tape.leaf(np.int64(2**53 + 1), name="n")
    m = tape.leaf(np.full(3, 2**53 + 1), name="m")
    outputs = [x == n, x == m, m == np.int64(2**53), x * n, x + m]
    plan = mg.plan(outputs, [x], passes=ONLY_LOWERING)
    for ours, node in zip(plan(x.value), outputs, strict=True):
        np.testing.assert_array_equal(ours, node.value)


def test_nothing_is_warned_of(forced, tape):
    x = tape.leaf(np.ones(3), name="x")
    plan = lowered([np.log(x) / x, np.exp(1000 * (x - 1))], [x])
    assert np.isnan(plan(-np.ones(3))[0]).all() and np.isinf(plan(np.full(3, 2.0))[1]).all()


# ------------------------------------------------------------------------------------------------- what is chosen


def recurrence(x, steps=20):
    """A short recurrence on arrays."""
    y = x
    for _ in range(steps):
        y = np.tanh(y * x + 0.1) + y[::-1]
    return y


def test_a_loop_on_short_arrays_is_one_machine(tape):
    x = tape.leaf(np.linspace(0.1, 1.0, 14), name="x")
    L = np.sum(recurrence(x))
    plan = mg.plan([L, mg.grad_node(L, x)], [x])
    (only,) = machines(plan)
    assert len(plan.graph.instructions) == 4
    size = 8 * only.program.size
    assert f"machine: {only.program.rows} instructions, {size:,} bytes" in repr(plan)
    np.testing.assert_allclose(plan(x.value)[1], mg.grad(L, x), rtol=1e-12)


def test_a_few_ops_and_large_arrays_stay_numpys(tape):
    x, y = tape.leaf(np.ones(14), name="x"), tape.leaf(np.ones(1 << 15), name="y")
    assert machines(mg.plan([x * x + 1.0], [x])) == []
    assert machines(mg.plan([recurrence(y)], [y])) == []


def test_a_part_that_does_not_pay_is_left_out(tape):
    x, y = tape.leaf(np.ones(14), name="x"), tape.leaf(np.ones(10_000), name="y")
    plan = mg.plan([recurrence(x), y * 2.0], [x, y])
    (only,) = machines(plan)
    assert only.program.given == 14
    np.testing.assert_array_equal(plan(x.value, y.value)[1], np.full(10_000, 2.0))


def test_a_region_never_waits_for_itself(forced, tape):
    x = tape.leaf([0.3, 0.5, -0.25], name="x")
    y = np.sort(recurrence(x, 3))
    z = np.sort(recurrence(y, 3) + x)
    plan = mg.plan([recurrence(z, 3) * y], [x])
    assert len(machines(plan)) == 3
    x.value = [0.1, 0.7, 0.2]
    np.testing.assert_allclose(plan(x.value)[0], (recurrence(z, 3) * y).value, rtol=1e-12)


def test_terms_are_added_up_as_they_arise():
    """Memory grows by the values that derivatives read, not by the terms of a gradient as well."""

    def size(steps):
        tape = mg.Tape()
        x, w = tape.leaf(np.ones(50), name="x"), tape.leaf(np.ones(50), name="w")
        y = x
        for _ in range(steps):
            y = np.tanh(y * w)
        plan = mg.plan(mg.grad_node(np.sum(y), w), [x, w])
        return machines(plan)[0].program.size

    assert (size(200) - size(100)) / 100 < 4 * 50


def test_without_numba_numpy_runs_it_and_the_table_says_so(tape, monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    array_interpreter.cache_clear()
    x = tape.leaf(np.linspace(0.1, 1.0, 14), name="x")
    y = recurrence(x)
    plan = mg.plan([y], [x])
    assert machines(plan) == []
    np.testing.assert_array_equal(plan(x.value)[0], y.value)
    assert repr(plan).count("memograd[fast]") == 1
    assert "memograd[fast]" not in repr(mg.plan([x * x], [x]))
    array_interpreter.cache_clear()


# ----------------------------------------------------------------------------------------------------- how it is run


def test_map_runs_in_one_go(tape):
    x = tape.leaf(np.linspace(0.1, 1.0, 14), name="x")
    y = recurrence(x)
    plan, calls = mg.plan({"y": y, "total": np.sum(y), "signs": y > 2.0}, [x]), []
    points = np.random.default_rng(8).normal(size=(5, 14))
    stacked = plan.map(points, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(5, 5)]
    for k, point in enumerate(points):
        for name, ours in plan(point).items():
            np.testing.assert_array_equal(stacked[name][k], ours)
    assert stacked["signs"].dtype == bool and stacked["y"].base is None


def test_a_plan_and_a_machine_are_pickled(tape):
    x = tape.leaf(np.linspace(0.1, 1.0, 14), name="x")
    plan = mg.plan([recurrence(x)], [x])
    (only,) = machines(plan)
    for again in (
        pickle.loads(pickle.dumps(only))(x.value),
        pickle.loads(pickle.dumps(plan))(x.value)[0],
    ):
        np.testing.assert_array_equal(again, plan(x.value)[0])


def test_threads_do_not_meet(tape):
    x = tape.leaf(np.linspace(0.1, 1.0, 14), name="x")
    plan = mg.plan(recurrence(x, 200), [x])
    points = np.random.default_rng(9).normal(size=(4, 14))
    alone, found = [plan(p) for p in points], [None] * 4

    def work(k):
        for _ in range(200):
            found[k] = plan(points[k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(found, alone)


def test_an_error_names_the_machine_and_the_line(tape):
    x = tape.leaf(np.linspace(0.1, 1.0, 14), name="x")
    plan = mg.plan(recurrence(x), [x])
    (only,) = machines(plan)
    only.interpret = None
    with pytest.raises(TypeError) as caught:
        plan(x.value)
    assert "recorded at" in caught.value.__notes__[0] and __file__ in caught.value.__notes__[0]
