"""Every public function is in exactly one class, and what is refused says why and what to do."""

import re
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pytest

import memograd as mg
from memograd.cli import coverage
from memograd.cli.coverage import CLASSES, FunctionRow, by_class, coverage_table, public, survey
from memograd.errors import NoRuleError
from memograd.rules.registration import RULES, UNSUPPORTED, refuse_ops

ROWS = survey()


def installed(name: str) -> tuple[int, ...]:
    """Look up the first two numbers of a library's version; no numbers where it is not installed."""
    try:
        return tuple(map(int, version(name).split(".")[:2]))
    except PackageNotFoundError:
        return ()


def test_no_function_is_in_no_class() -> None:
    """In the versions that were looked at; a newer one may have new functions."""
    newest = {"numpy": (2, 5), "scipy": (1, 18)}
    known = [name for name, last in newest.items() if installed(name) <= last]
    rows = [row for row in ROWS if row.namespace.partition(".")[0] in known]
    assert [(row.namespace, row.name) for row in rows if row.kind == "unclassified"] == []


def test_no_function_is_in_two_classes() -> None:
    assert [str(f) for f in UNSUPPORTED if f in RULES] == []


def test_each_name_has_one_row() -> None:
    assert [
        key for key, n in Counter((row.namespace, row.name) for row in ROWS).items() if n > 1
    ] == []
    assert {row.kind for row in ROWS} <= set(CLASSES)


@pytest.mark.parametrize(
    ("namespace", "name", "kind"),
    [
        ("numpy", "tanh", "differentiable"),
        ("numpy", "shape", "constant"),
        ("numpy", "result_type", "constant"),
        ("numpy", "zeros", "constant"),
        ("numpy", "arange", "constant"),
        ("numpy.fft", "fftfreq", "constant"),
        ("numpy", "floor", "constant"),
        ("numpy", "putmask", "refused"),
        ("numpy", "savez", "refused"),
        ("numpy.linalg", "inv", "differentiable"),
        ("numpy.linalg", "matrix_rank", "constant"),
        ("numpy.fft", "irfft", "differentiable"),
        ("numpy.ndarray", "flatten", "differentiable"),
        ("numpy.ndarray", "argmax", "constant"),
        ("numpy.ndarray", "fill", "refused"),
    ],
)
def test_functions_are_in_the_class_where_they_belong(namespace: str, name: str, kind: str) -> None:
    assert [row.kind for row in ROWS if (row.namespace, row.name) == (namespace, name)] == [kind]


def test_the_whole_of_the_namespaces_is_walked() -> None:
    names = {(row.namespace, row.name) for row in ROWS}
    assert {("numpy", f.__name__) for f in vars(np).values() if isinstance(f, np.ufunc)} <= names
    assert len([row for row in ROWS if row.namespace == "numpy"]) > 350
    assert not any(name in ("ndarray", "float64", "errstate", "linalg", "pi") for _, name in names)


def test_private_names_classes_and_modules_are_left_out() -> None:
    class Home:
        _hidden = staticmethod(len)
        Inner = type("Inner", (), {})
        number = 3
        shown = staticmethod(len)

    assert list(public(Home)) == [("shown", len)]


def test_a_function_that_nobody_knows_is_unclassified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "brand_new", lambda x: x, raising=False)
    assert [row.kind for row in survey() if row.name == "brand_new"] == ["unclassified"]


def test_a_function_of_scipy_is_left_out_where_scipy_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = coverage.importlib.util.find_spec  # type: ignore[attr-defined]
    monkeypatch.setattr(
        coverage.importlib.util, "find_spec", lambda name: find(name) if name != "scipy" else None
    )  # type: ignore[attr-defined]
    assert {row.namespace for row in survey()} == {
        "numpy",
        "numpy.linalg",
        "numpy.fft",
        "numpy.ndarray",
    }


# ------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("f", UNSUPPORTED, ids=lambda f: getattr(f, "__name__", type(f).__name__))
def test_each_refusal_says_why_and_what_to_use(f: Any) -> None:
    assert re.fullmatch(r".+\. (Use|Call|Write|Give|Take|Hold|Register) .+", UNSUPPORTED[f]), (
        UNSUPPORTED[f]
    )


@pytest.mark.parametrize(
    "name",
    [
        "unique",
        "histogram",
        "apply_over_axes",
        "copyto",
        "polyfit",
        "min_scalar_type",
        "array2string",
    ],
)
def test_a_refused_function_names_itself_and_the_reason(name: str) -> None:
    f, x = getattr(np, name), mg.Tape().leaf([[1.0, 2.0]])
    args = {"apply_over_axes": (np.sum, x, [0]), "copyto": (x, 1.0), "polyfit": (x, x, 1)}.get(
        name, (x,)
    )
    with pytest.raises(NoRuleError) as caught:
        f(*args)
    assert str(caught.value) == f"np.{name} is not recorded: {UNSUPPORTED[f]}"


def test_a_function_of_the_users_own_can_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    @mg.op
    def rolled(x):
        return x

    monkeypatch.delitem(UNSUPPORTED, rolled, raising=False)
    refuse_ops("its dice have no derivative. Use a mean.", rolled)
    with pytest.raises(
        NoRuleError, match="rolled is not recorded: its dice have no derivative. Use a mean"
    ):
        rolled(mg.Tape().leaf(1.0))


# ------------------------------------------------------------------------------------------------------ the table

FEW = [
    FunctionRow("numpy", "tanh", "differentiable"),
    FunctionRow("numpy", "put", "refused", "in place"),
    FunctionRow("scipy.special", "erf", "differentiable"),
]


def test_the_table_counts_by_namespace_and_class() -> None:
    head, *lines = coverage_table(FEW).splitlines()
    assert head.split() == [*CLASSES, "names"]
    assert [line.split() for line in lines] == [
        ["numpy", "1", "0", "1", "0", "2"],
        ["scipy.special", "1", "0", "0", "0", "1"],
        ["all", "2", "0", "1", "0", "3"],
    ]


def test_the_names_are_listed_by_namespace_and_class_with_the_reasons() -> None:
    assert by_class(FEW) == {
        "numpy": {
            "differentiable": ["tanh"],
            "constant": [],
            "refused": {"put": "in place"},
            "unclassified": [],
        },
        "scipy.special": {
            "differentiable": ["erf"],
            "constant": [],
            "refused": {},
            "unclassified": [],
        },
    }
