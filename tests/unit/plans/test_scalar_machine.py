"""The tape machine: both ways of running it give what NumPy gives, at the edges too; a region never waits for itself."""

import pickle
import sys
import threading

import numpy as np
import pytest
from machine_edges import EDGES, ROUNDED, ULPS, same

import memograd as mg
from memograd.plans.machine import interpreter
from memograd.plans.machine.machine import Machine, on_machine
from memograd.plans.machine.opcodes import FORMULAS, LOGICAL, REAL
from memograd.plans.machine.scalar_regions import MIN_REGION_SIZE
from memograd.rules.registration import RULES


@pytest.fixture(params=["numba", "python"])
def way(request, monkeypatch):
    """Each test runs compiled, and as it runs where Numba is missing."""
    if request.param == "numba":
        pytest.importorskip("numba", reason="Numba comes with the extra `fast`")
    else:
        monkeypatch.setitem(sys.modules, "numba", None)
    forget_interpreters()
    yield request.param
    forget_interpreters()


def forget_interpreters():
    """Let the next machine look for Numba again."""
    interpreter.scalar_interpreter.cache_clear()
    interpreter.array_interpreter.cache_clear()


def machines(plan):
    """The machines of a plan, in order."""
    return [step.args[0] for step in plan.graph.instructions.values() if step.op is on_machine]


def padding(x):
    """As many steps as make a region worth while."""
    y = x
    for _ in range(MIN_REGION_SIZE):
        y = y * 0.5 + x
    return y


def chain(x, steps=60):
    """A number made of two elements of an array."""
    a, b = x[0], x[-1]
    for k in range(steps):
        a, b = np.sin(a) * b + 0.01 * k, np.cos(b) - 0.5 * a * a
    return a + np.tanh(b)


# ----------------------------------------------------------------------------------------------------- what it gives


@pytest.mark.parametrize(
    "op", [op for op in REAL | LOGICAL if op is not np.where], ids=lambda op: op.__name__
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_each_formula_gives_what_numpy_gives(way, tape, op):
    x, y = tape.leaf(0.25, name="x"), tape.leaf(0.5, name="y")
    count = op.nin if isinstance(op, np.ufunc) else len(RULES[op].operands)
    operands = (x, y)[:count]
    plan = mg.plan([op(*operands), padding(x)], inputs=[x, y])
    assert len(machines(plan)) == 1
    for a in EDGES:
        for b in EDGES if count == 2 else (1.0,):
            value, theirs = plan(a, b)[0], op(*map(np.float64, (a, b)[:count]))
            assert type(value) is type(theirs)
            same(value, theirs, ULPS if op in ROUNDED else 0)


def test_where_gives_what_numpy_gives(way, tape):
    x, y, z = (tape.leaf(0.25, name=name) for name in "xyz")
    plan = mg.plan([np.where(x > 0.0, y, z), padding(x)], inputs=[x, y, z])
    assert len(machines(plan)) == 1
    for a in EDGES:
        same(plan(a, -0.0, np.inf)[0], -0.0 if a > 0 else np.inf)


@pytest.mark.parametrize(
    "terms", [[-0.0], [-0.0, -0.0], [-0.0, 0.0], [np.inf, -np.inf], [np.nan, 1.0]]
)
def test_a_sum_starts_where_numpys_does(way, tape, terms):
    x = tape.leaf(np.ones(len(terms)), name="x")
    y = np.sum(np.stack([x[k] for k in range(len(terms))]))
    plan = mg.plan([y, padding(x[0])], inputs=[x])
    assert len(machines(plan)) == 1
    with np.errstate(invalid="ignore"):
        same(plan(terms)[0], np.sum(np.array(terms)))


def test_a_cotangent_at_a_place_loses_the_sign_of_zero_as_in_the_tape(way, tape):
    x = tape.leaf([0.5, 0.75], name="x")
    y = x[0] * -0.0 + x[1] * -0.0 + padding(x[0]) * 0.0
    plan = mg.plan([mg.grad_node(y, x), padding(x[0])], inputs=[x])
    assert len(machines(plan)) == 1
    same(plan(x.value)[0], mg.grad(y, x))


def test_a_number_that_double_precision_lacks_is_none_of_the_machines(tape):
    x, n = tape.leaf(0.5, name="x"), tape.leaf(np.int64(2**53 + 1), name="n")
    plan = mg.plan([n == np.int64(2**53), padding(x)], inputs=[x])
    assert not plan(0.5)[0]


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, -2, 0.5, -0.5, 2.5, np.inf, -np.inf, np.nan])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_powers_with_a_constant_exponent(way, tape, exponent):
    x = tape.leaf(0.25, name="x")
    y = np.power(x, exponent)
    plan = mg.plan([y, mg.grad_node(y, x), padding(x)], inputs=[x])
    for a in EDGES:
        x.value = a
        same(plan(a)[0], y.value, ULPS)
        same(plan(a)[1], mg.grad(y, x), ULPS)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_random_arithmetic_is_equal_to_the_bit(way, tape, seed):
    random = np.random.default_rng(seed)
    binary = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum]
    unary = [np.negative, np.absolute, np.sqrt, np.square, np.sign]
    x = tape.leaf(random.normal(size=4), name="x")
    numbers = [x[k] for k in range(4)] + [0.5, -2.0]
    for _ in range(150):
        a, b, c = (numbers[k] for k in random.integers(0, len(numbers), 3))
        kind = random.integers(8)
        if kind == 0:
            numbers.append(np.where(np.less(a, b), c, x[0]))
        elif kind == 1:
            numbers.append(unary[random.integers(len(unary))](a * x[1]))
        else:
            numbers.append(binary[random.integers(len(binary))](a, b) + x[2])
    outputs = numbers[6:]
    plan = mg.plan(outputs, inputs=[x])
    assert len(machines(plan)) == 1
    for _ in range(3):
        x.value = random.normal(size=4)
        same(plan(x.value), [y.value for y in outputs])


@pytest.mark.parametrize("seed", range(10))
def test_random_gradients(way, tape, seed):
    random = np.random.default_rng(seed)
    functions = [
        np.sin,
        np.cos,
        np.tanh,
        np.arctan,
        lambda u: np.log1p(u * u),
        lambda u: np.exp(-u * u),
        lambda u: np.sqrt(1 + u * u),
    ]
    x = tape.leaf(random.normal(size=(2, 3)), name="x")
    numbers = [x[i, j] for i in range(2) for j in range(-3, 0)]
    for _ in range(80):
        a, b = (numbers[k] for k in random.integers(0, len(numbers), 2))
        f = functions[random.integers(len(functions))]
        numbers.append(f(a) * 0.7 + f(a * b) * 0.3)
    L = np.sum(np.stack(numbers[-7:]))
    plan = mg.plan([L, mg.grad_node(L, x)], inputs=[x])
    assert len(machines(plan)) == 1
    for _ in range(3):
        x.value = random.normal(size=(2, 3))
        value, g = plan(x.value)
        np.testing.assert_allclose(value, L.value, rtol=1e-13)
        np.testing.assert_allclose(g, mg.grad(L, x), rtol=1e-11, atol=1e-13)


def test_a_square_is_a_product(way, tape):
    x = tape.leaf(0.25, name="x")
    for exponent in (2, 2.0, np.array(2)):
        (only,) = machines(mg.plan([padding(np.power(x, exponent))], inputs=[x]))
        assert FORMULAS[only.program.code[0, 0]] == "a * a"


def test_nothing_is_warned_of_and_nothing_raised(way, tape):
    x = tape.leaf(1.0, name="x")
    y = padding(np.log(x) / x + np.exp(1000 * (x - 1)))
    plan = mg.plan([y], inputs=[x])
    assert (
        np.isnan(plan(-1.0)[0])
        and plan(2.0)[0] == np.inf
        and np.isnan(plan(0.0)[0]) == np.isnan(-np.inf)
    )


# ----------------------------------------------------------------------------------------------- what a region takes


def test_value_and_gradient_are_one_machine(way, tape):
    x = tape.leaf([0.3, 0.5, -0.25], name="x")
    L = chain(x)
    plan = mg.plan([L, mg.grad_node(L, x)], inputs=[x])
    assert (
        len(machines(plan)) == 1 and len(plan.graph.instructions) == 4
    )  # the input, the machine, its results
    x.value = [0.9, 7.0, 0.1]
    value, g = plan(x.value)
    assert type(value) is np.float64 and g.shape == (3,) and g[1] == 0.0
    np.testing.assert_allclose(value, L.value, rtol=1e-13)
    np.testing.assert_allclose(g, mg.grad(L, x), rtol=1e-12)


def test_what_moves_numbers_about_leaves_no_instruction(way, tape):
    x = tape.leaf(np.arange(6.0).reshape(2, 3), name="x")
    a = padding(x[0, 1])
    y = np.concatenate([np.stack([a, x[1, 2]]), np.reshape(np.stack([a]), (1,))])[::-1]
    plan = mg.plan([y, y[2]], inputs=[x])
    (only,) = machines(plan)
    assert len(only.program.code) == MIN_REGION_SIZE  # a product and a sum are one formula
    x.value = np.arange(6.0).reshape(2, 3) + 0.5
    same(plan(x.value)[0], y.value)


def test_an_index_is_no_number(way, tape):
    x = tape.leaf([0.5, 0.75], name="x")
    a = padding(x[0])
    y = np.stack([a, x[1], a * a])
    outputs = [
        y[np.array(1)],
        y[np.array([2, 0])],
        np.sum(y[3:]),
        np.stack([a, x[1]], dtype=np.float32),
        np.stack([a * 2.0, a], dtype=np.float64),
    ]
    plan = mg.plan(outputs, inputs=[x])
    x.value = [0.25, 2.5]
    for ours, theirs in zip(plan(x.value), outputs, strict=True):
        same(ours, theirs.value)
        assert ours.dtype == theirs.dtype


def test_a_region_never_waits_for_itself(way, tape):
    """Numbers made of arrays that are made of numbers are a region of their own."""
    x = tape.leaf([0.3, 0.5, -0.25], name="x")
    L = chain(x)
    w = np.cumsum(x * L)
    N = chain(w) * L
    plan = mg.plan([N, mg.grad_node(N, x)], inputs=[x])
    assert len(machines(plan)) > 2
    x.value = [0.1, 0.2, 0.3]
    value, g = plan(x.value)
    np.testing.assert_allclose(value, N.value, rtol=1e-12)
    np.testing.assert_allclose(g, mg.grad(N, x), rtol=1e-11)


def test_truth_values_come_out_as_such(way, tape):
    x = tape.leaf(0.5, name="x")
    y = padding(x)
    big, no = y > 0.75, np.logical_not(y > 0.75)
    plan = mg.plan([big, no, np.where(big, y, -y)], inputs=[x])
    assert len(machines(plan)) == 1
    for a in (0.1, 0.7):
        x.value = a
        assert (
            plan(a) == [big.value, no.value, np.where(big, y, -y).value]
            and type(plan(a)[0]) is np.bool
        )


def test_bound_leaves_are_constants(way, tape):
    x, w, v = tape.leaf(0.5, name="x"), tape.leaf(2.0, name="w"), tape.leaf([3.0, 4.0], name="v")
    y = padding(x * w) + v[1]
    same(mg.plan([y], inputs=[x])(x.value)[0], y.value)


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_other_dtypes_stay_numpys(way, tape, dtype):
    x = tape.leaf(dtype(0.5), name="x")
    plan = mg.plan([padding(x)], inputs=[x])
    assert machines(plan) == [] and plan(dtype(0.5))[0].dtype == dtype


def test_a_short_region_stays_numpys(way, tape):
    x = tape.leaf(0.5, name="x")
    assert machines(mg.plan([np.sin(x) * x], inputs=[x])) == []


def test_a_large_array_with_few_numbers_is_made_by_numpy(way, tape):
    x = tape.leaf(np.ones(10_000), name="x")
    L = chain(x)
    plan = mg.plan([mg.grad_node(L, x)], inputs=[x])
    (only,) = machines(plan)
    assert len(only.program.wanted) == 2
    same(plan(x.value)[0], mg.grad(L, x), 1000)


@pytest.mark.parametrize("n", [2, 200])
def test_cotangents_that_meet_at_one_place_of_a_matrix(way, tape, n):
    x = tape.leaf(np.full((n, n), 0.5), name="x")
    y = chain(np.stack([x[0, 1], x[1, 0]])) * x[0, 1 - n] * x[1 - n, 0]
    plan = mg.plan(mg.grad_node(y, x), inputs=[x])
    assert len(machines(plan)) == 1
    np.testing.assert_allclose(plan(x.value), mg.grad(y, x), rtol=1e-12)


def test_a_program_longer_than_a_function_of_pythons(way, tape, monkeypatch):
    monkeypatch.setattr("memograd.plans.machine.python_backend.MAX_FUNCTION_LINES", 50)
    x = tape.leaf([0.3, 0.5], name="x")
    L = chain(x, 100)
    plan = mg.plan([L, mg.grad_node(L, x)], inputs=[x])
    assert len(machines(plan)) == 1
    np.testing.assert_allclose(plan(x.value)[1], mg.grad(L, x), rtol=1e-11)


# ----------------------------------------------------------------------------------------------------- how it is run


def test_threads_do_not_meet(way, tape):
    x = tape.leaf([0.3, 0.5], name="x")
    plan = mg.plan(chain(x, 200), inputs=[x])
    rows = {"numba": 40_000, "python": 200}[way]
    points = np.random.default_rng(0).normal(size=(4, rows, 2))
    alone, found = [plan.map(p) for p in points], [None] * 4

    def work(k):
        found[k] = plan.map(points[k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(found, alone)


def test_a_pickled_machine_is_made_anew(way, tape):
    x = tape.leaf([0.3, 0.5], name="x")
    plan = mg.plan([chain(x)], inputs=[x])
    (only,) = machines(plan)
    again = pickle.loads(pickle.dumps(only))
    assert isinstance(again, Machine) and again(x.value) == only(x.value) == plan(x.value)[0]


def test_without_a_place_on_disk_it_is_compiled_each_time(monkeypatch):
    numba = pytest.importorskip("numba", reason="Numba comes with the extra `fast`")

    def njit(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda f: f

    monkeypatch.setattr(numba, "njit", njit)
    forget_interpreters()
    assert interpreter.scalar_interpreter().__name__.startswith("interpret_")
    forget_interpreters()


class TestMap:
    def test_a_plan_of_numbers_runs_in_one_go(self, way, tape):
        x = tape.leaf([0.3, 0.5, -0.25], name="x")
        L = chain(x)
        plan, told = mg.plan({"L": L, "g": mg.grad_node(L, x)}, inputs=[x]), []
        points = np.linspace(-1.0, 1.0, 15).reshape(5, 3)
        stacked = plan.map(points, progress=lambda done, total: told.append((done, total)))
        for k, point in enumerate(points):
            alone = plan(point)
            assert stacked["L"][k] == alone["L"] and np.array_equal(stacked["g"][k], alone["g"])
        assert told == [(5, 5)]

    def test_what_comes_out_shares_no_memory(self, way, tape):
        x = tape.leaf([0.3, 0.5, -0.25], name="x")
        L, points = chain(x), np.ones((5, 3))
        a, b, signs = mg.plan([L, L, L > 0], inputs=[x]).map(points)
        assert not np.shares_memory(a, b) and np.array_equal(a, b) and signs.dtype == bool
        assert a.base is None and points.tolist() == np.ones((5, 3)).tolist()

    def test_another_is_called_for_each(self, tape):
        W, b = tape.leaf(np.ones((2, 3)), name="W"), tape.leaf(0.5, name="b")
        y = np.tanh(W @ np.arange(3.0)) + b
        plan, told = mg.plan((y, mg.grad_node(np.sum(y), b)), inputs=[W, b]), []
        Ws = np.arange(24).reshape(4, 2, 3)
        ys, gs = plan.map(Ws, [1, 2, 3, 4], progress=lambda done, total: told.append(done))
        assert ys.shape == (4, 2) and gs.shape == (4,) and told == [1, 2, 3, 4]
        np.testing.assert_array_equal(ys[2], plan(Ws[2], 3)[0])

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [
            (([],), "go along"),
            ((1.0,), "go along"),
            (([1.0], [2.0]), "1 inputs"),
            (([[1.0, 2.0]],), "shape"),
            (([1j],), "another kind"),
        ],
    )
    def test_bad_stacks(self, tape, arrays, message):
        x = tape.leaf(0.5, name="x")
        with pytest.raises(mg.MemogradError, match=message):
            mg.plan(np.sin(x), inputs=[x]).map(*arrays)

    def test_different_counts(self, tape):
        x, y = tape.leaf(0.5, name="x"), tape.leaf(0.5, name="y")
        with pytest.raises(mg.MemogradError, match="2, 3 times"):
            mg.plan(x * y, inputs=[x, y]).map([1.0, 2.0], [1.0, 2.0, 3.0])
