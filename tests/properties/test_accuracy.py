"""Accuracy of every elementwise derivative against mpmath; see tests/long/accuracy.py."""

import json
import runpy
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
pytest.importorskip("scipy", "1.16", reason="the list of misses holds from SciPy 1.16 on")


@pytest.fixture(scope="module")
def accuracy():
    return runpy.run_path(str(TESTS / "long" / "accuracy.py"))


@pytest.fixture(scope="module")
def lines(accuracy):
    return accuracy["compare"]("", update=False)


def test_no_line_misses_its_bound_that_held_it(accuracy, lines):
    """A miss by less than twice is the rounding of another library's version."""
    known = json.loads(accuracy["KNOWN"].read_text(encoding="utf-8"))
    bounds = accuracy["TOLERANCE"]
    worse = [
        line
        for line in lines
        if line.missed and line.key not in known and line.worst > 2 * bounds[line.dtype]
    ]
    assert worse == []


def test_most_lines_hold_the_bound(lines):
    assert len(lines) > 900 and sum(not line.missed for line in lines) > 0.8 * len(lines)


def test_the_page_lists_every_line(accuracy, lines):
    rows = accuracy["PAGE"].read_text(encoding="utf-8").splitlines()
    assert {tuple(row.split(" | ")[:3]) for row in rows if row.startswith("| ")} >= {
        (f"| {line.name}", line.dtype, str(line.order)) for line in lines
    }


def test_an_error_is_found(accuracy):
    error = accuracy["relative_error"]
    assert error(1.0 + 1e-6, 1.0, 1.0, "float64") == pytest.approx(5e-7, rel=1e-3)
    assert error(float("nan"), 1.0, 1.0, "float64") == float("inf")
    assert error(float("inf"), 1e300, 1e300, "float32") == 0.0
