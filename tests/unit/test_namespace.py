"""What `dir` and tab completion name, before any of it was used."""

import re
import subprocess
import sys

import pytest

import memograd as mg


def names(module):
    """What a fresh interpreter's `dir` names, and whether all of it is there."""
    script = f"import {module} as module; names = dir(module); print(*names); [getattr(module, name) for name in names]"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True
    ).stdout.split()


def test_dir_has_the_public_names_and_no_others():
    assert sorted(names("memograd")) == sorted(mg.__all__)


def test_the_help_begins_with_all_public_names():
    listed = re.findall(r"^    (\w+(?:, \w+)*)  +\S", mg.__doc__, re.MULTILINE)
    found = [name for line in listed for name in line.split(", ")]
    assert sorted(found) == sorted(set(mg.__all__) - {"__version__"})


def test_tab_completes_names_that_were_not_used_yet():
    script = (
        "import memograd as mg, rlcompleter; complete = rlcompleter.Completer({'mg': mg}).complete;"
        "print(complete('mg.jaco', 0), complete('mg.pers', 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.split() == ["mg.jacobian(", "mg.persist("]


def test_tab_completes_in_ipython():
    pytest.importorskip("IPython", reason="IPython is in the extra notebook")
    script = (
        "import memograd as mg; from IPython.core.completer import provisionalcompleter;"
        "from IPython.core.interactiveshell import InteractiveShell;"
        "shell = InteractiveShell.instance(); shell.run_cell('import memograd as mg')\n"
        "with provisionalcompleter():"
        " print(*(c.text for c in shell.Completer.completions('mg.', 3)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True
    )
    found = {name.removeprefix(".") for name in done.stdout.split()}
    assert {name for name in found if not name.startswith("_")} == {
        name for name in mg.__all__ if not name.startswith("_")
    }


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
