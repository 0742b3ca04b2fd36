"""Loops and branches against the same programs with Python's loops: values and derivatives of any order, by every way."""

import copy
import pickle

import numpy as np
import pytest
from loops import PROGRAMS, Unrolled

import memograd as mg
from memograd import functional as F
from memograd.arrays.pytrees import tree_leaves

each_program = pytest.mark.parametrize("program", PROGRAMS, ids=repr)


def agree(ours, expected, rtol=1e-9):
    """Hold pytrees to each other, with dtypes."""
    for a, b in zip(tree_leaves(ours), tree_leaves(expected), strict=True):
        assert (np.shape(a), np.asarray(a).dtype) == (np.shape(b), np.asarray(b).dtype)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-10)


def loops(program):
    return lambda p: program.run(mg, p)


def unrolled(program):
    return lambda p: program.run(Unrolled, p)


def directions(point):
    """A tangent for each parameter."""
    rng = np.random.default_rng(3)
    return {name: rng.normal(size=np.shape(x)) for name, x in point.items()}


def third(f, tangent):
    """The gradient of a Hessian-vector product."""

    def projected(p):
        return sum(np.sum(a * a) for a in tree_leaves(F.hvp(f, (p,), (tangent,))[0]))

    return F.grad(projected)


@each_program
def test_value_and_gradient(program):
    for p in (program.point, program.other):
        agree(F.value_and_grad(loops(program))(p), F.value_and_grad(unrolled(program))(p))


@each_program
def test_each_operand_alone(program):
    for name in program.point:

        def of_one(m, x, name=name):
            return program.run(m, program.point | {name: x})

        x = program.point[name]
        agree(F.grad(lambda x: of_one(mg, x))(x), F.grad(lambda x: of_one(Unrolled, x))(x))  # noqa: B023


@each_program
def test_forward_mode(program):
    p, tangent = program.point, directions(program.point)
    ours, expected = (F.jvp(f(program), (p,), (tangent,), has_aux=False) for f in (loops, unrolled))
    agree(ours, expected)


@each_program
def test_hessian(program):
    agree(F.hessian(loops(program))(program.point), F.hessian(unrolled(program))(program.point))


@each_program
def test_third_order(program):
    tangent = directions(program.point)
    ours, expected = third(loops(program), tangent), third(unrolled(program), tangent)
    agree(ours(program.point), expected(program.point))


@each_program
def test_forward_over_reverse_over_forward(program):
    p, tangent = program.point, directions(program.point)

    def along(f):
        return lambda p: F.jvp(f, (p,), (tangent,))[1]

    ours, expected = (along(F.grad(along(f(program))))(p) for f in (loops, unrolled))
    agree(ours, expected)


@each_program
def test_compiled(program):
    """The plan of one point is right at another one, also where loops take other numbers of steps."""
    tangent = directions(program.point)
    for form in (F.value_and_grad, lambda f: third(f, tangent)):
        f, reference = F.compiled(form(loops(program))), form(unrolled(program))
        for p in (program.point, program.other, program.point):
            agree(f(p), reference(p))
        assert len(f.plans) == 1
        loaded = pickle.loads(pickle.dumps(next(iter(f.plans.values()))))
        agree(loaded(*program.other.values()), reference(program.other))


def on_a_tape(program):
    tape = mg.Tape()
    p = {name: tape.leaf(x, name=name) for name, x in program.point.items()}
    return tape, p, program.run(mg, p).named("L")


@each_program
@pytest.mark.parametrize("order", ["reverse", "forward", "segments", "colours"])
def test_jacobian_in_every_order(program, order):
    _, p, L = on_a_tape(program)
    expected = F.grad(unrolled(program))(program.point)
    for name, x in p.items():
        agree(mg.jacobian(L, x, order=order), expected[name])


@each_program
def test_assignments_on_a_tape(program):
    """After each assignment, and after each copy, the answer is that of the new values."""
    tape, p, L = on_a_tape(program)
    reference, now = F.value_and_grad(unrolled(program)), dict(program.point)
    mg.grad(L, list(p.values()))
    for name in p:
        now[name] = program.other[name]
        p[name].value = now[name]
        value, g = reference(now)
        agree(L.value, value)
        agree(mg.grad(L, list(p.values())), list(g.values()))
        for twin in (tape.copy(), copy.deepcopy(tape), pickle.loads(pickle.dumps(tape))):
            agree(mg.grad(twin["L"], [twin[n] for n in p]), list(g.values()))


@each_program
@pytest.mark.parametrize("budget", [0, 200])
def test_eviction(program, budget):
    tape, p, L = on_a_tape(program)
    tape.budget = budget
    reference = F.grad(unrolled(program))
    for point in (program.point, program.other):
        for name, x in p.items():
            x.value = point[name]
        agree(mg.grad(L, list(p.values())), list(reference(point).values()))
        agree(L.value, program.run(Unrolled, point))


@each_program
def test_plans_of_parts(program):
    """A plan of the value and the recorded derivatives, and its copies, at two points."""
    _, p, L = on_a_tape(program)
    plan = mg.plan([L, mg.grad_node(L, list(p.values()))], list(p.values()))
    for twin in (plan, copy.copy(plan), copy.deepcopy(plan), pickle.loads(pickle.dumps(plan))):
        for point in (program.point, program.other):
            value, g = F.value_and_grad(unrolled(program))(point)
            agree(twin(*point.values()), [value, list(g.values())])
