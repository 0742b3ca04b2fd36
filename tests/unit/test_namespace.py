"""What `dir` and tab completion name, before any of it was used."""

import subprocess
import sys

import pytest


def names(module):
    """What a fresh interpreter's `dir` names, and whether all of it is there."""
    script = f"import {module} as module; names = dir(module); print(*names); [getattr(module, name) for name in names]"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True
    ).stdout.split()


def test_every_public_name_is_in_dir():
    import memograd as mg

    found = names("memograd")
    assert set(mg.__all__) <= set(found) and len(set(found)) == len(found)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scipy_s_modules_are_in_dir():
    pytest.importorskip("scipy", reason="the modules of SciPy are named where it is installed")
    from memograd.scipy import OWN

    assert {*OWN, "optimize", "integrate"} <= set(names("memograd.scipy"))


def test_networkx_is_imported_when_the_graph_is_first_looked_at():
    script = (
        "import sys, memograd as mg; x = mg.Tape().leaf(1.0); mg.grad(x * x, x);"
        "assert 'networkx' not in sys.modules; x.tape.graph; assert 'networkx' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
