"""The page of array types is true: made anew, it is the same; what is missing or another version is skipped, with that reason."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import array_types
import pytest
from array_types import TYPES, calls, column, rows

PAGE = (Path(__file__).parents[2] / "examples" / "array_types.md").read_text(encoding="utf-8")
HEAD, *ROWS = [
    [cell.strip(" `") for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ")
]
VERSIONS = dict(re.findall(r"(\w+) (\d[\w.]*\w)", PAGE))


def written(name):
    """A type's column of the page, by call."""
    return {row[0].strip(): row[HEAD.index(name)].strip() for row in ROWS[1:-1]}


@pytest.mark.parametrize("name", TYPES)
def test_each_column_is_what_a_new_run_finds(name):
    library = TYPES[name][0]
    try:
        installed = version(library)
    except PackageNotFoundError:
        pytest.skip(f"{library} is not installed")
    if installed != VERSIONS[library]:
        pytest.skip(f"the page is of {library} {VERSIONS[library]}, but {installed} is installed")
    assert dict(zip(calls(), column(name), strict=True)) == written(name)


def test_nothing_is_wrong_and_what_is_numpys_in_the_end_works_throughout():
    assert "WRONG" not in PAGE
    assert all(set(written(name).values()) == {"✓"} for name in ("NumPy", "pandas", "xarray"))


def test_nothing_is_computed_or_fetched_unasked():
    assert not any("computed" in cell or "fetched" in cell for row in ROWS for cell in row)


def test_a_wrong_result_an_error_and_what_is_unasked_are_told_apart():
    assert array_types.outcome("a + b", array_types.Device, [array_types.A] * 3)[0] == "WRONG"
    assert array_types.outcome("a + missing", array_types.Device)[0] == "NameError"
    assert array_types.outcome("np.sort(a)", array_types.Device)[0] == "value, then TypeError"
    assert array_types.outcome("a + float(b.value[0, 0])", array_types.Device)[0] == "✓ fetched"


def test_the_last_row_counts():
    *_, last = rows({"one": ["✓"] * (len(calls()) - 2) + ["✓ filled", "TypeError"]})
    assert last == f"| **of {len(calls())}** | {len(calls()) - 1} |"
