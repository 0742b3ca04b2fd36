"""The command line."""

import json
import subprocess
import sys

import pytest

from memograd.__main__ import main
from memograd.coverage import by_class, survey, table


def test_coverage_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["coverage"]) == 0
    assert capsys.readouterr().out == table(survey()) + "\n"


def test_coverage_gives_all_names_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["coverage", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == by_class(survey())
    assert "tanh" in found["numpy"]["differentiable"] and "in place" in found["numpy"]["refused"]["put"]


@pytest.mark.parametrize("argv", [[], ["cover"], ["coverage", "--yaml"]])
def test_what_is_no_command_is_answered_with_the_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m memograd")


def test_the_package_can_be_run() -> None:
    ran = subprocess.run([sys.executable, "-m", "memograd", "coverage"], capture_output=True, text=True, check=True)
    assert ran.stdout == table(survey()) + "\n"
