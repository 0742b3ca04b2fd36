"""Guards: answers stand while each branch has the outcome that was recorded, and else are refused."""

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import memograd as mg
from memograd.errors import BranchChangedError, PlanError, RefusedError


@pytest.fixture
def branched() -> dict[str, Any]:
    """A tape whose program took the way of x > 0."""
    tape = mg.Tape(branches="guard")
    x, w = tape.leaf(3.0, name="x"), tape.leaf(2.0, name="w")
    y = (np.sqrt(x) * w if x > 0 else -x * w).named("y")
    z = (w * 5.0).named("z")
    return {"tape": tape, "x": x, "w": w, "y": y, "z": z, "L": (y * y + z).named("L")}


def test_branches_are_refused_unless_guards_are_asked_for() -> None:
    with pytest.raises(RefusedError, match="truth value"):
        bool(mg.Tape().leaf(1.0) > 0)
    with pytest.raises(ValueError, match="'refuse' or 'guard'"):
        mg.Tape(branches="allow")


def test_answers_stand_while_the_outcome_is_the_same(branched: dict[str, Any]) -> None:
    branched["x"].value = 4.0
    assert branched["y"].value == 4.0
    assert [float(g) for g in mg.grad(branched["L"], [branched["x"], branched["w"]])] == [4.0, 21.0]


REQUESTS: dict[str, Callable[[Any], Any]] = {
    "value": lambda b: b["y"].value,
    "value of a node that does not depend on x": lambda b: b["z"].value,
    "recording": lambda b: np.sin(b["y"]),
    "grad": lambda b: mg.grad(b["L"], b["x"]),
    "grad of several": lambda b: mg.grad(b["L"], [b["x"], b["w"]]),
    "grad_node": lambda b: mg.grad_node(b["L"], b["x"]),
    "vjp": lambda b: mg.vjp(b["y"], b["x"], 1.0),
    "jvp": lambda b: mg.jvp(b["y"], b["x"], 1.0),
    "hvp": lambda b: mg.hvp(b["L"], b["x"], 1.0),
    "jacobian": lambda b: mg.jacobian(b["y"], b["x"]),
    "hessian": lambda b: mg.hessian(b["L"], b["x"]),
    "table": lambda b: mg.table(b["L"]),
    "plan": lambda b: mg.plan(b["L"], [b["w"]]),
    "preview": lambda b: mg.preview(b["L"], b["x"]),
    "explain": lambda b: mg.explain(b["L"], b["x"]),
    "derive": lambda b: mg.derive(b["L"], b["x"]),
    "draw": lambda b: mg.draw(b["L"]),
}


@pytest.mark.parametrize("request_of", REQUESTS)
def test_a_request_after_another_outcome_is_refused(
    branched: dict[str, Any], request_of: str
) -> None:
    ask, nodes = REQUESTS[request_of], len(branched["tape"])
    mg.grad(branched["L"], branched["x"])
    branched["x"].value = -4.0
    with pytest.raises(BranchChangedError, match=r"test_guards.py:\d+.*gave True.*gives False"):
        ask(branched)
    assert len(branched["tape"]) == nodes
    assert branched["x"].value == -4.0
    branched["x"].value = 3.0
    ask(branched)
    assert float(mg.grad(branched["L"], branched["x"])) == 4.0


def test_checking_a_guard_is_no_visit() -> None:
    logs = []
    for tape in (mg.Tape(), mg.Tape(branches="guard")):
        x = tape.leaf(3.0, name="x")
        positive = x > 0
        if tape.mode.guards:
            assert positive
        L = (x * x).named("L")
        mg.grad(L, x)
        x.value = 4.0
        logs.append(mg.Log())
        mg.grad(L, x, log=logs[-1])
    assert str(logs[0]) == str(logs[1])


@pytest.mark.parametrize(
    "convert", [int, round, math.floor, math.ceil, math.trunc, bool], ids=lambda f: f.__name__
)
def test_whole_numbers_are_guarded(convert: Callable[[Any], int]) -> None:
    x = mg.Tape(branches="guard").leaf(2.4)
    y = x * convert(x)
    x.value = 2.45
    assert float(y.value) == 2.45 * convert(2.45)
    x.value = 0.0
    with pytest.raises(BranchChangedError):
        y.value  # noqa: B018


def test_an_integer_as_an_index_is_guarded() -> None:
    k = mg.Tape(branches="guard").leaf(1)
    y = k * [10, 20, 30][k]
    assert int(y.value) == 20
    k.value = 2
    with pytest.raises(BranchChangedError, match="gave 1.*gives 2"):
        y.value  # noqa: B018


def test_a_guard_of_a_scratch_block_ends_with_it() -> None:
    tape = mg.Tape(branches="guard")
    x = tape.leaf(3.0)
    for _ in range(6):
        with tape.scratch():
            L = x * x if x > 1 else np.abs(x)
            g = mg.grad(L, x)
        x.value = x.value - 0.4 * g
    assert len(tape.guards) == 0
    assert 0 < x.value < 1


def test_a_repeated_branch_is_one_guard() -> None:
    x = mg.Tape(branches="guard").leaf(3.0)
    positive = x > 0
    assert [bool(positive) for _ in range(5)] == [True] * 5
    assert len(x.tape.guards) == 1


def test_evicted_values_of_guards_are_computed_again(branched: dict[str, Any]) -> None:
    branched["tape"].budget = 0
    branched["x"].value = -4.0
    with pytest.raises(BranchChangedError):
        branched["y"].value  # noqa: B018
    branched["x"].value = 9.0
    assert branched["y"].value == 6.0


@pytest.mark.parametrize("copy", [mg.Tape.copy, lambda tape: pickle.loads(pickle.dumps(tape))])
def test_copies_keep_their_guards(branched: dict[str, Any], copy: Callable[[Any], Any]) -> None:
    other = copy(branched["tape"])
    assert bool(other["w"] > 0)
    other["x"].value = -1.0
    with pytest.raises(BranchChangedError):
        other["y"].value  # noqa: B018
    assert branched["y"].value == 2 * np.sqrt(3.0)


def test_a_plan_refuses_inputs_that_decide_a_branch(branched: dict[str, Any]) -> None:
    with pytest.raises(PlanError, match=r"memograd\.functional\.compiled"):
        mg.plan(branched["L"], [branched["x"]])
    plan = mg.plan(branched["L"], [branched["w"]])
    assert float(plan(1.0)) == pytest.approx(8.0)


def test_an_archive_refuses_guards(branched: dict[str, Any], tmp_path: Any) -> None:
    with pytest.raises(mg.errors.ArchiveError, match="guard"):
        mg.save(tmp_path / "x.memograd", branched["tape"])


@pytest.mark.parametrize(
    "form", [mg.functional.grad, lambda f: mg.functional.compiled(mg.functional.grad(f))]
)
def test_a_number_that_is_nan_does_not_equal_itself(form: Callable[..., Any]) -> None:
    step = form(lambda x: x * 2.0 if x == x else np.nan_to_num(x))  # noqa: PLR0124
    assert [float(step(x)) for x in (1.0, math.nan, 3.0)] == [2.0, 0.0, 2.0]


def test_handles_of_one_node_are_one_key() -> None:
    x = mg.Tape().leaf(math.nan)
    y = x * 2.0
    assert {y: "kept"}[x.tape[y.id]] == "kept"


def test_a_count_that_became_nan_is_another_outcome() -> None:
    x = mg.Tape(branches="guard").leaf(3.0)
    y = x * int(x)
    x.value = math.nan
    with pytest.raises(BranchChangedError, match="gave 3.*NaN"):
        y.value  # noqa: B018
