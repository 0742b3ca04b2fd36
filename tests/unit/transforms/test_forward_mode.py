"""Forward mode: on arrays and on handles, node by node; against the transposed VJPs, differences, and itself, nested."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from programs import programs

import memograd as mg
import memograd.functional as F
from memograd.arrays.values import bitwise_equal
from memograd.errors import RefusedError, RuleShapeError
from memograd.rules.registration import RULES
from memograd.transforms.forward_mode import push_all, push_forward
from memograd.transforms.products import push_nodes

# Each op of the registry is pushed in `check_rule`, which test_rule_laws.py runs over all of them.


def push(y, tangents):
    """On arrays."""
    memory = y.tape.state
    return push_forward(
        memory, {x.id: np.asarray(t, x.dtype) for x, t in tangents.items()}, y.id, memory.value
    )


def recorded(y, tangents):
    """On handles, at their value."""
    (node,) = push_nodes(y.tape, [y.id], [(x, np.asarray(t, x.dtype)) for x, t in tangents.items()])
    return node.value


@pytest.fixture(params=[push, recorded], ids=["arrays", "handles"])
def pushing(request):
    return request.param


@pytest.fixture
def registry():
    """Forgets what a test registers."""
    before = set(RULES)
    yield
    for op in set(RULES) - before:
        del RULES[op]


# ----------------------------------------------------------------------------------------------------- the sweep


class TestSweep:
    def test_where_no_path_leads_there_is_no_tangent(self, tape, x):
        lone = tape.leaf(2.0)
        y = np.sin(x) * np.sign(lone)
        assert push(y, {lone: 1.0}) is None
        assert recorded(y, {lone: 1.0}).tolist() == [0.0, 0.0]
        assert mg.jvp(y, lone, 1.0).tolist() == [0.0, 0.0]

    def test_only_what_lies_between_is_run(self, tape, x, registry):
        run = []

        @mg.op
        def probe(a, name):
            return a * 2.0

        mg.elementwise(probe, a=lambda g, name: run.append(name) or g * 2.0, name=None)
        before, beside = probe(x, "before"), probe(tape.leaf(1.0), "beside")
        between = probe(before + beside, "between")
        probe(between, "after")
        push(between * 1.0, {before: [1.0, 1.0]})
        assert run == ["between"]

    def test_each_node_is_pushed_once(self, tape, x, registry):
        run = []

        @mg.op
        def probe(a):
            return a * 2.0

        mg.elementwise(probe, a=lambda g: run.append(1) or g * 2.0)
        y = probe(x)
        for _ in range(20):
            y = y + np.sin(y)
        push(y, {x: [1.0, 0.0]})
        assert run == [1]

    def test_a_node_that_was_given_a_tangent_gets_that_of_its_operands_besides(self, x, pushing):
        h = np.square(x)
        np.testing.assert_allclose(
            pushing(3.0 * h, {x: [1.0, 1.0], h: [0.5, 0.0]}), [3 * 2.5, 3 * 4.0]
        )

    def test_a_node_is_its_own_output(self, x, pushing):
        assert pushing(x, {x: [3.0, 4.0]}).tolist() == [3.0, 4.0]

    def test_several_outputs_are_one_sweep(self, x):
        memory = x.tape.state
        a, b = np.sin(x), np.cos(x)
        found = push_all(memory, {x.id: np.ones(2)}, [a.id, b.id], memory.value)
        np.testing.assert_allclose(found[a.id], b.value)
        np.testing.assert_allclose(found[b.id], -a.value)

    def test_an_output_on_the_way_to_another(self, x):
        memory = x.tape.state
        a = np.square(x)
        b = a * a
        found = push_all(memory, {x.id: np.ones(2)}, [a.id, b.id], memory.value)
        assert (found[a.id].tolist(), found[b.id].tolist()) == ([2.0, 4.0], [4.0, 32.0])

    def test_a_long_chain_is_no_deep_one(self, tape):
        y = x = tape.leaf(0.5)
        for _ in range(5000):
            y = np.sin(y) + 0.1
        assert mg.jvp(y, x, 1.0) == pytest.approx(mg.vjp(y, x, 1.0))

    def test_a_tangent_is_let_go_after_its_last_use(self, tape):
        y = x = tape.leaf(np.ones(10_000))
        for _ in range(100):
            y = np.sin(y)
        tracemalloc.start()
        push(y, {x: np.ones(10_000)})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 10 * x.value.nbytes

    def test_arrays_leave_nothing_on_the_tape(self, x):
        y = np.linalg.norm(np.sort(x)) * np.exp(x)
        size, tables = len(x.tape), dict(x.tape.state.tables)
        mg.jvp(y, x, [1.0, 2.0])
        assert (len(x.tape), x.tape.state.tables) == (size, tables)

    def test_a_node_as_a_tangent_is_taken_at_its_value(self, tape, x):
        t = tape.leaf([1.0, 0.0])
        assert bitwise_equal(mg.jvp(np.sin(x), x, t), mg.jvp(np.sin(x), x, t.value))

    def test_the_tangents_are_the_callers_own(self, x):
        t = np.ones(2)
        mg.jvp(x + 1.0, x, t)
        t[0] = 5.0
        assert not mg.jvp(x + 1.0, x, t).flags.writeable

    def test_under_a_budget(self, tape, x):
        y = np.linalg.norm(np.exp(np.sin(x)))
        free = mg.jvp(y, x, [1.0, 2.0])
        tape.budget = 1
        assert bitwise_equal(mg.jvp(y, x, [1.0, 2.0]), free)

    def test_no_rule_may_change_the_tape_meanwhile(self, x, registry):
        sly = mg.op(lambda a: a * 2.0)
        mg.rule(
            sly,
            a=lambda g: g * 2.0,
            push={"a": lambda t: x.tape.assign({x: [0.0, 0.0]}) or t * 2.0},
        )
        with pytest.raises(mg.MemogradError, match="in the middle of a request"):
            mg.jvp(sly(x), x, [1.0, 1.0])

    def test_an_error_half_way_leaves_the_tape_as_it_was(self, x, registry):
        broken = mg.op(lambda a: a * 2.0)
        mg.rule(broken, a=lambda g: g * 2.0, push={"a": lambda t: float(t)})
        y = broken(np.sin(x))
        size = len(x.tape)
        with pytest.raises(RefusedError, match=r"float\(\)"):
            recorded(y, {x: [1.0, 1.0]})
        assert len(x.tape) == size


# ------------------------------------------------------------------------------------------------- kinds and edges


class TestKinds:
    def test_a_linear_op_has_zeros_for_what_has_no_tangent(self, tape, x, pushing):
        y = np.concatenate([x, tape.leaf([5.0]), np.array([7.0])])
        assert pushing(y, {x: [1.0, 2.0]}).tolist() == [1.0, 2.0, 0.0, 0.0]

    def test_what_a_sum_begins_with_is_no_part_of_its_tangent(self, tape, x, pushing):
        begin = tape.leaf(10.0)
        assert pushing(np.sum(x, initial=4.0), {x: [1.0, 2.0]}) == 3.0
        y = memograd_sum(x, begin)
        assert pushing(y, {x: [1.0, 2.0]}) == 3.0
        assert pushing(y, {begin: 0.5}) == 0.5
        assert pushing(y, {x: [1.0, 2.0], begin: 0.5}) == 3.5

    def test_an_affine_operand_that_is_constant(self, x, pushing):
        assert pushing(np.pad(x, 1, constant_values=9.0), {x: [1.0, 2.0]}).tolist() == [
            0.0,
            1.0,
            2.0,
            0.0,
        ]
        assert pushing(np.diff(x, prepend=9.0), {x: [1.0, 2.0]}).tolist() == [1.0, 1.0]
        assert pushing(np.polyint(x, k=9.0), {x: [1.0, 2.0]}).tolist() == [0.5, 2.0, 0.0]

    def test_a_product_has_a_term_for_each_operand(self, x, pushing):
        assert pushing(x @ x, {x: [1.0, 0.0]}) == 2.0
        assert pushing(np.einsum("i,i,i->", x, x, x), {x: [0.0, 1.0]}) == 12.0

    def test_what_is_not_a_number_is_passed_over(self, tape, pushing):
        x = tape.leaf([1.0, np.nan, 3.0])
        assert pushing(np.nansum(x), {x: [1.0, 1.0, 1.0]}) == 2.0
        assert pushing(np.nancumsum(x), {x: [1.0, 1.0, 1.0]}).tolist() == [1.0, 1.0, 2.0]

    def test_a_phase_that_is_unwrapped_is_not_unwrapped_again(self, tape, pushing):
        x = tape.leaf([0.0, 1.0, 2.0])
        assert pushing(np.unwrap(x), {x: [0.0, 9.0, 0.0]}).tolist() == [0.0, 9.0, 0.0]

    def test_outputs_that_a_tangent_does_not_reach(self, x, pushing):
        fraction, whole = np.modf(x * 1.25)
        assert pushing(fraction, {x: [1.0, 1.0]}).tolist() == [1.25, 1.25]
        assert not np.any(mg.jvp(whole, x, [1.0, 1.0]))

    def test_several_outputs_of_several_operands(self, tape, x, pushing):
        b = tape.leaf(2.0)
        y, z = np.broadcast_arrays(x, b)
        np.testing.assert_allclose(pushing(y * z, {x: [1.0, 0.0], b: 0.5}), [2.0 + 0.5, 1.0])
        quotient, remainder = np.divmod(x, 0.4 * b)
        np.testing.assert_allclose(pushing(remainder + quotient, {b: 1.0}), [-0.4, -0.8])

    def test_factors_in_one(self, tape, pushing):
        A = tape.leaf([[2.0, 0.3], [0.3, 1.0]])
        w, v = np.linalg.eigh(A)
        t = np.array([[0.2, 0.1], [0.1, 0.4]])
        np.testing.assert_allclose(pushing((v * w) @ v.T, {A: t}), t, atol=1e-14)

    def test_an_infinite_slope_that_is_multiplied_by_nothing_is_no_warning(
        self, tape, registry, pushing
    ):
        steep = mg.op(lambda a, b: a)
        mg.rule(steep, a=lambda g, b: g * b, b=None)
        x = tape.leaf([1.0, 1.0])
        assert pushing(steep(x, np.array([np.inf, 2.0])), {x: [1.0, 1.0]}).tolist() == [np.inf, 2.0]


class TestEdge:
    def test_precision_is_that_of_the_output(self, tape, pushing):
        x = tape.leaf(np.array([1.0, 2.0], np.float32))
        assert pushing(np.sin(x) * np.float32(2.0), {x: [1.0, 1.0]}).dtype == np.float32
        assert pushing(np.sin(x.astype(np.float64)), {x: [1.0, 1.0]}).dtype == np.float64

    def test_broadcasting(self, tape, x, pushing):
        y = tape.leaf(np.ones((3, 1))) + x
        assert pushing(y, {x: [1.0, 2.0]}).tolist() == [[1.0, 2.0]] * 3

    def test_realness(self, tape, pushing):
        z = tape.leaf([3.0 + 4.0j])
        np.testing.assert_allclose(pushing(np.abs(z), {z: [1.0j]}), [0.8])
        np.testing.assert_allclose(pushing(np.imag(z) * 2.0, {z: [1.0 + 3.0j]}), [6.0])
        np.testing.assert_allclose(pushing(np.conj(z) * z, {z: [1.0j]}), [8.0])

    def test_no_elements(self, tape, pushing):
        x = tape.leaf(np.zeros((0, 2)))
        assert pushing(np.sort(np.exp(x), axis=0), {x: np.zeros((0, 2))}).shape == (0, 2)
        assert pushing(np.sum(x), {x: np.zeros((0, 2))}) == 0.0

    def test_a_push_of_another_shape(self, x, registry):
        op = mg.op(lambda a: np.sum(a))
        mg.rule(op, a=lambda g, a_shape: np.broadcast_to(g, a_shape), push={"a": lambda t: t})
        with pytest.raises(
            RuleShapeError, match=r"of shape \(2,\) was made for .*, which has shape \(\)"
        ):
            mg.jvp(op(x), x, [1.0, 1.0])


def memograd_sum(x, begin):
    """NumPy does not dispatch on `initial`; a node there is an operand once something else dispatches."""
    return np.sum(x, initial=begin)


# ------------------------------------------------------------------------------------------------------ programs


@given(programs(most=8))
@settings(max_examples=60)
def test_random_programs_on_arrays_and_on_handles(program):
    rng = np.random.default_rng(20260)
    leaves, outputs = program.record(mg.Tape())
    tangents = [np.asarray(rng.normal(size=x.shape)) for x in leaves]
    for y in outputs:
        found = mg.jvp(y, leaves, tangents)
        np.testing.assert_allclose(
            found,
            sum(np.sum(mg.grad(y, x) * t) for x, t in zip(leaves, tangents, strict=True)),
            rtol=1e-9,
            atol=1e-11,
        )
        np.testing.assert_allclose(
            recorded(y, dict(zip(leaves, tangents, strict=True))), found, rtol=1e-12, atol=1e-14
        )


def inner(nodes, vs):
    return sum(np.sum(g * v) for g, v in zip(nodes, vs, strict=True))


@given(programs(most=8))
@settings(max_examples=40)
def test_the_product_with_the_hessian_in_three_ways(program):
    """Forward over reverse is `hvp`; the other two are here."""
    rng = np.random.default_rng(20260)
    leaves, (L, *_) = program.record(mg.Tape())
    vs = [np.asarray(rng.normal(size=x.shape)) for x in leaves]
    (slope,) = push_nodes(L.tape, [L.id], list(zip(leaves, vs, strict=True)))
    for other in mg.grad(slope, leaves), mg.grad(inner(mg.grad_node(L, leaves), vs), leaves):
        for a, b in zip(mg.hvp(L, leaves, vs), other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


class TestRecorded:
    def test_a_recorded_push_follows_an_assignment(self, x):
        (node,) = push_nodes(x.tape, [np.sin(x).id], [(x, np.ones(2))])
        x.value = [0.3, 0.4]
        np.testing.assert_allclose(node.value, np.cos([0.3, 0.4]))

    def test_a_recorded_push_is_planned(self, tape, x):
        t = tape.leaf([1.0, 0.0])
        plan = mg.plan(push_nodes(tape, [np.linalg.norm(np.exp(x)).id], [(x, t)]), [x, t])
        y = np.linalg.norm(np.exp([0.3, 0.4]))
        np.testing.assert_allclose(plan([0.3, 0.4], [0.0, 1.0])[0], np.exp(0.8) / y)

    def test_its_nodes_are_no_consumers_of_the_users(self, x):
        y = np.sin(x)
        recorded(y, {x: [1.0, 1.0]})
        assert [n.id for n in x.consumers] == [y.id]


# ------------------------------------------------------------------------------------------------------- nesting


def slope(f):
    """The derivative of a function of one number, by a push."""
    return lambda x: F.jvp(f, (x,), (1.0,))[1]


def pulled(f):
    """The same by a pull."""
    return lambda x: F.vjp(f, x)[1](1.0)[0]


ORDERS = [(a, b, c) for a in (slope, pulled) for b in (slope, pulled) for c in (slope, pulled)]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(f.__name__ for f in order))
def test_third_derivatives_in_any_mixture(order):
    a, b, c = order
    assert a(b(c(lambda x: x * x * x)))(0.7) == pytest.approx(6.0, rel=1e-14)
    assert a(b(c(lambda x: np.sin(x) * x)))(0.7) == pytest.approx(
        -3 * np.sin(0.7) - 0.7 * np.cos(0.7), rel=1e-13
    )
    assert a(b(c(lambda x: np.sum(np.linalg.norm(np.stack([x, x * x, 1.0 + x]))))))(
        0.7
    ) == pytest.approx(norm_third(0.7), rel=1e-9)


def norm_third(x):
    """The third derivative of √(x⁴ + 2x² + 2x + 1), by that of its square: (y²)''' = 2yy''' + 6y'y''."""
    y = np.sqrt(x**4 + 2 * x**2 + 2 * x + 1)
    first = (2 * x**3 + 2 * x + 1) / y
    second = (6 * x**2 + 2 - first**2) / y
    return (12 * x - 3 * first * second) / y


def test_perturbations_are_not_confused():
    assert F.jvp(lambda x: x * F.jvp(lambda y: x + y, (x,), (1.0,))[1], (3.0,), (1.0,))[1] == 1.0


def test_a_push_of_a_pullback_and_a_pull_of_a_push(rng):
    W, v, u, t = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3), rng.normal(size=3)

    def f(x):
        return np.tanh(W @ x) * x

    def pulled_back(x):
        return F.vjp(f, x)[1](u)[0]

    def differences(g):
        return (g(v + 1e-6 * t) - g(v - 1e-6 * t)) / 2e-6

    np.testing.assert_allclose(
        F.jvp(pulled_back, (v,), (t,))[1], differences(pulled_back), rtol=1e-7
    )
    by_pull = F.grad(lambda x: np.sum(u * F.jvp(f, (x,), (t,))[1]))(v)
    np.testing.assert_allclose(by_pull, F.jvp(pulled_back, (v,), (t,))[1], rtol=1e-12)
