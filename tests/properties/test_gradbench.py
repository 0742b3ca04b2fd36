"""The benchmark's evals at small sizes: memograd's derivative, and its plan, are those by hand."""

import pytest
from gradbench.libraries import Memograd, disagreement, prepare
from gradbench.suite import EVALS

CASES = [
    pytest.param(name, spelling, marks=pytest.mark.slow if name == "microgpt" else ())
    for name, each in EVALS.items()
    for spelling in each.objectives
]


@pytest.mark.parametrize(("name", "spelling"), CASES)
def test_derivatives_agree_with_those_by_hand(name, spelling):
    case, library = EVALS[name], Memograd()
    inputs, d = case.read_only(case.small)
    truth = case.manual(d, *inputs)
    if library.name not in case.programs:  # loops that depend on values have plans of their steps
        assert (
            disagreement(library.eager(case, case.objectives[spelling], inputs, d)(), truth) < 1e-12
        )
    call = prepare(library, case, spelling, inputs, d)
    assert disagreement(call(), truth) < 1e-12
    assert disagreement(call(), truth) < 1e-12


def test_the_optima_are_those_of_gradbench():
    for name, optimum in (
        ("saddle", [8.246324826140356e-06] * 4),
        ("particle", 0.2071918746486116),
    ):
        inputs, d = EVALS[name].read_only(EVALS[name].sizes[0])
        assert EVALS[name].manual(d, *inputs)[0] == pytest.approx(optimum, rel=1e-12)


def test_a_wrong_derivative_would_be_seen():
    inputs, d = EVALS["llsq"].read_only(20)
    (truth,) = EVALS["llsq"].manual(d, *inputs)
    assert disagreement((1.0001 * truth,), (truth,)) > 1e-5
    assert disagreement((truth[1:],), (truth,)) == disagreement((), (truth,)) == float("inf")
