"""NumPy's warnings name the user's line, pass through the user's filters, and cost nothing where nothing is wrong."""

import pickle
import subprocess
import sys
import warnings
from inspect import currentframe

import numpy as np
import pytest

import memograd as mg
from memograd.program.warning_lines import UserLineFilter, name_user_lines

SCRIPT = """
import numpy as np, memograd as mg
x = mg.Tape().leaf([0.0, -1.0])
def twice():
    a = np.log(x)
    return 1.0 / x
twice()
twice()
y = np.sqrt(x)
x.value = [-4.0, 0.0]
y.value
"""


def said(script, *options):
    """What an interpreter says of a script's warnings: file, line and text."""
    done = subprocess.run(
        [sys.executable, *options, "-c", script], capture_output=True, encoding="utf-8", check=True
    )
    return [line for line in done.stderr.splitlines() if "Warning" in line]


def test_each_line_is_named_once():
    assert said(SCRIPT) == [
        "<string>:5: RuntimeWarning: divide by zero encountered in log",
        "<string>:5: RuntimeWarning: invalid value encountered in log",
        "<string>:6: RuntimeWarning: divide by zero encountered in divide",
        "<string>:9: RuntimeWarning: invalid value encountered in sqrt",
        "<string>:11: RuntimeWarning: invalid value encountered in sqrt",
    ]


@pytest.mark.parametrize(("options", "count"), [(["-Wignore"], 0), (["-Walways"], 8)])
def test_the_options_of_the_interpreter_hold(options, count):
    assert len(said(SCRIPT, *options)) == count


@pytest.fixture
def shown():
    """What is shown under the filters that stand after an import alone."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        name_user_lines()
        yield caught


def test_arguments_by_name_are_computed_again(tape, shown):
    x = tape.leaf([1.0, 0.0])
    y = np.divide([1.0, 2.0], x, dtype=float)
    assert [(w.filename, w.lineno) for w in shown] == [(__file__, currentframe().f_lineno - 1)]
    assert y.value.tolist() == [1.0, np.inf] and len(tape) == 2


def test_a_scalar_is_named_as_numpy_names_it(tape, shown):
    x = tape.leaf(0.0)
    1.0 / x  # noqa: B018
    with np.errstate(divide="ignore"):
        2.0 / x  # noqa: B018
    assert [str(w.message) for w in shown] == ["divide by zero encountered in scalar divide"]


def test_a_value_that_is_computed_again_names_the_line_that_asks(tape, shown):
    x = tape.leaf([1.0])
    y = np.log(x)
    x.value = [0.0]
    assert y.value.tolist() == [-np.inf]
    assert [(w.filename, w.lineno) for w in shown] == [(__file__, currentframe().f_lineno - 1)]


def test_a_filter_of_the_user_raises(tape, shown):
    x = tape.leaf([0.0], name="x")
    warnings.filterwarnings("error", category=RuntimeWarning)
    with pytest.raises(RuntimeWarning, match="divide by zero encountered in log"):
        np.log(x)
    assert len(tape) == 1
    warnings.filterwarnings("error", module=__name__)
    with pytest.raises(RuntimeWarning):
        np.log(x)


def test_a_derivative_names_the_line_that_asks(tape, shown):
    x = tape.leaf([0.0], name="x")
    L = np.sum(np.sqrt(x))
    mg.grad(L, x)
    assert [(w.filename, w.lineno) for w in shown] == [(__file__, currentframe().f_lineno - 1)]


def test_warnings_within_a_user_s_op_are_numpy_s_own(tape, shown):
    lines = []

    @mg.op
    def f(a):
        lines.append(currentframe().f_lineno + 1)
        return np.log(a)

    mg.constant(f)
    f(tape.leaf([0.0]))
    assert [(w.filename, w.lineno) for w in shown] == [(__file__, lines[0])]


def test_other_warnings_are_left_alone(tape, shown):
    space = {"__name__": "memograd.other", "warn": warnings.warn}
    code = compile("warn('mean of nothing', RuntimeWarning)", mg.__file__, "exec")
    exec(code, space)
    assert [w.filename for w in shown] == [mg.__file__]


def test_the_filters_can_be_pickled():
    assert type(pickle.loads(pickle.dumps(UserLineFilter()))) is UserLineFilter
