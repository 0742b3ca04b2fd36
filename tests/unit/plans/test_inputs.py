"""Inputs of plans: what the short way takes is what the checked way would make of it."""

import numpy as np
import pytest

import memograd as mg
from memograd.errors import PlanError
from memograd.plans.inputs import EXACT_NUMBERS, Inputs
from memograd.plans.ir import Graph, Instruction

NUMBERS = {
    float: (0.1, -0.0, np.inf, np.nan, 1e-320),
    complex: (0.1 - 2j, complex(-0.0, -0.0), complex(np.inf, np.nan)),
    np.float16: (np.float16(0.1), np.float16(-0.0)),
    np.float32: (np.float32(0.1), np.float32(np.inf)),
    np.float64: (np.float64(0.1),),
    np.complex64: (np.complex64(0.1 - 2j),),
    np.int32: (np.int32(-7),),
    np.int64: (np.int64(2**63 - 1), np.int64(-(2**63)), np.int64(2**53 + 1)),
}


def inputs_of(*types):
    instructions = {
        n: Instruction(None, (), {}, shape, np.dtype(dtype))
        for n, (shape, dtype) in enumerate(types)
    }
    names = tuple(f"x{n}" for n in instructions)
    return Inputs(Graph(tuple(instructions), (), instructions, {}, {}, {}), names)


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [(wanted, kind) for wanted, kinds in EXACT_NUMBERS.items() for kind in sorted(kinds, key=str)],
)
def test_short_way_converts_numbers_as_the_checked_way(wanted, kind):
    inputs = inputs_of(((), wanted))
    for number in NUMBERS[kind]:
        for _ in range(2):  # the second call reads what the first one noted of the type
            (short,) = inputs.ready((number,))
            checked = inputs.check(0, number)
            assert type(short) is type(checked) is wanted
            assert short.tobytes() == checked.tobytes()


@pytest.mark.parametrize(
    "given",
    [
        np.ones((2, 3), order="F"),
        np.ones((2, 6))[:, ::2],
        np.ones((2, 3), np.float32),
        np.ones((2, 3), ">f8"),
        np.ones((3, 2)),
        np.ones((1, 2, 3)),
        [[1.0, 1.0, 1.0]] * 2,
        1.0,
        np.float64(1.0),
    ],
    ids=repr,
)
def test_short_way_leaves_other_arrays_to_the_check(given):
    assert inputs_of(((2, 3), float)).ready((given,)) is None


@pytest.mark.parametrize(
    "given", [1, True, np.array(1.0), np.longdouble(1), np.uint64(1), 1j, np.bool_(1)], ids=repr
)
def test_short_way_leaves_other_numbers_to_the_check(given):
    assert inputs_of(((), float)).ready((given,)) is None


def test_short_way_leaves_another_number_of_inputs_to_the_check():
    inputs = inputs_of(((), float), ((), float))
    assert inputs.ready((1.0,)) is None
    assert inputs.ready((1.0, 2.0, 3.0)) is None


def test_array_in_c_order_is_taken_as_it_is():
    inputs, a = inputs_of(((2, 3), float), ((), float)), np.ones((2, 3))
    first, second = inputs.ready((a, 2.0))
    assert first is a
    assert second == 2.0


def test_subclass_of_float_is_checked():
    class Angle(float):
        """A float with a meaning."""

    x = mg.Tape().leaf(1.0)
    assert mg.plan(x * 2.0, [x])(Angle(1.5)) == 3.0


def test_results_are_numbers_of_numpys_for_pythons_numbers():
    x = mg.Tape().leaf(1.0, name="x")
    plan = mg.plan([x, 1.0 / x], [x])
    with np.errstate(divide="ignore"):
        same, inverse = plan(0.0)
    assert type(same) is np.float64
    assert inverse == np.inf


def test_other_inputs_after_usual_ones_are_refused_as_before():
    x = mg.Tape().leaf([1.0, 2.0], name="x")
    plan = mg.plan(x * 2.0, [x])
    plan(np.ones(2))
    with pytest.raises(PlanError, match=r"x of a plan has shape \(3,\)"):
        plan(np.ones(3))
    with pytest.raises(PlanError, match="another kind than float64"):
        plan(np.ones(2) * 1j)
    with pytest.raises(PlanError, match="called with 2 arrays"):
        plan(np.ones(2), np.ones(2))


def test_plan_without_outputs_checks_its_inputs():
    x = mg.Tape().leaf(1.0, name="x")
    plan = mg.plan([], [x])
    assert plan(2.0) == []
    with pytest.raises(PlanError, match="has shape"):
        plan([2.0, 3.0])
