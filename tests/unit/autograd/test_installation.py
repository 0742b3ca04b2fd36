"""A program that is not changed finds memograd as autograd."""

import subprocess
import sys
from pathlib import Path

import pytest

import memograd.autograd.__main__ as program

PROGRAM = """
import sys
import autograd.numpy as np
import autograd.numpy.random as npr
import autograd.scipy.stats.norm as norm
from autograd import grad
from autograd.extend import primitive, defvjp
from autograd.misc.optimizers import adam
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.test_util import check_grads
import autograd, memograd.autograd
assert autograd is memograd.autograd and autograd.numpy is memograd.autograd.numpy
assert autograd.numpy.__spec__.name == "memograd.autograd.numpy"
check_grads(norm.logpdf)(0.5)
print(sys.argv[1:], float(grad(np.sin)(0.0)))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_a_script_runs_unchanged(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    script = tmp_path / "script.py"
    script.write_text("import beside\n" + PROGRAM)
    (tmp_path / "beside.py").write_text("")
    ran = run("-m", "memograd.autograd", str(script), "a", "-b")
    assert (ran.stdout, ran.stderr) == ("['a', '-b'] 1.0\n", "")


def test_a_module_runs_unchanged() -> None:
    ran = run(
        "-m", "memograd.autograd", "-m", "timeit", "-n", "1", "-r", "1", "import autograd.core"
    )
    assert ran.returncode == 0 and "1 loop" in ran.stdout


def test_a_call_without_a_program_shows_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert (program.main([]), program.main(["-m"]), program.main(["--help"])) == (2, 2, 0)
    assert capsys.readouterr().out.count("python -m memograd.autograd SCRIPT") == 3


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (
            "import types, sys; sys.modules['autograd'] = types.ModuleType('autograd')\n"
            "import memograd.autograd; memograd.autograd.install()",
            "came after autograd itself was imported",
        ),
        (
            "import memograd.autograd; memograd.autograd.install(); memograd.autograd.install()\n"
            "import autograd.nothing",
            "has no counterpart of autograd.nothing",
        ),
    ],
)
def test_what_cannot_be_is_said(source: str, shown: str) -> None:
    ran = run("-c", source)
    assert ran.returncode == 1 and shown in ran.stderr


def test_scipy_is_imported_when_it_is_asked_for() -> None:
    ran = run(
        "-c",
        "import memograd.autograd, sys; memograd.autograd.install(); import autograd\n"
        "print('scipy' in sys.modules, 'jax' in sys.modules)",
    )
    assert ran.stdout == "False False\n"
