"""Who registers an op decides whether a plan may run it once for equal steps."""

import numpy as np
import numpy_tools
import pytest

import memograd as mg
from memograd.plans.op_traits import KERNELS
from memograd.rules.registration import RULES
from memograd.text import op_name


def test_a_module_of_the_users_is_not_numpys(tape):
    x, w = tape.leaf(1.0, name="x"), tape.leaf(2.0, name="w")
    plan = mg.plan(
        numpy_tools.counted(x) + numpy_tools.counted(x) + numpy_tools.counted(w), inputs=[x]
    )
    numpy_tools.CALLS.clear()
    assert plan(3.0) == 16.0 and len(numpy_tools.CALLS) == 3


def test_a_function_that_wears_numpys_name_is_the_users(tape):
    calls = []

    def sin(x):
        calls.append(1)
        return x + 1.0

    sin.__module__ = "numpy"
    f = mg.op(sin)
    mg.elementwise(f, x=lambda g: g)
    x = tape.leaf(1.0, name="x")
    plan = mg.plan(f(x) + f(x), inputs=[x])
    calls.clear()
    assert plan(2.0) == 6.0 and len(calls) == 2
    del RULES[f]  # other tests read the names in the registry


def test_a_ufunc_of_the_users_is_run_as_often_as_it_was_recorded(tape):
    calls = []
    f = np.frompyfunc(lambda x: calls.append(1) or x * 2.0, 1, 1)
    mg.elementwise(f, x=lambda g: g * 2.0)
    g = mg.op(lambda x: np.float64(f(x)))
    mg.elementwise(g, x=lambda g: g * 2.0)
    x = tape.leaf(1.0, name="x")
    plan = mg.plan(g(x) + g(x), inputs=[x])
    calls.clear()
    assert plan(2.0) == 8.0 and len(calls) == 2


def test_what_memograd_registers_is_merged(tape):
    linalg = pytest.importorskip(
        "memograd.scipy.linalg", reason="SciPy comes with the extra `scipy`"
    )
    A = tape.leaf(np.eye(2), name="A")
    plan = mg.plan(linalg.expm(A) + linalg.expm(A), inputs=[A])
    assert plan.source.count("expm(") == 1


def test_all_ops_of_numpy_are_pure():
    ops = [
        op for op in RULES if getattr(op, "__name__", None) and getattr(np, op.__name__, None) is op
    ]
    assert len(ops) > 100 and [op_name(op) for op in ops if not RULES[op].pure] == []


def test_kernels_have_no_rules():
    assert KERNELS.keys().isdisjoint(RULES)
