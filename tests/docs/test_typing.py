"""What type checkers say of README, the examples and a user's code, and whether the stubs of memograd.numpy are true."""

import ast
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np
import pytest
from pages import ROOT, blocks
from sampling import calls

import memograd as mg
import memograd.numpy as mnp
from memograd.rules.namespaces import is_recorded
from memograd.rules.registration import RULES

USER_CODE = ROOT / "tests" / "support" / "typed_user_code.py"
CHECKERS = {
    "mypy": ["mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml")],
    "pyright": [
        "pyright",
        "--project",
        str(ROOT / "pyproject.toml"),
        "--pythonpath",
        sys.executable,
    ],
}
LIBRARIES = {"": np, "linalg": np.linalg, "fft": np.fft}
TAKES_NO_NODE = {
    *("arange", "bartlett", "blackman", "eye", "fftfreq", "hamming", "hanning", "identity"),
    *("kaiser", "ones", "rfftfreq", "tri", "zeros"),
}
"""Functions that nodes take over by ``like=`` alone; their types are NumPy's."""


def check(checker: str, *files: Path, folder: Path = ROOT) -> str:
    """What a type checker says of files, which see what `folder` holds; nothing if it passes."""
    if not find_spec(checker):
        pytest.skip(f"{checker} is not installed: it is in the extra lint")
    paths = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    done = subprocess.run(
        [sys.executable, "-m", *CHECKERS[checker], *map(str, files)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, paths))},
        capture_output=True,
        encoding="utf-8",
    )
    return done.stdout + done.stderr if done.returncode else ""


def typed(text: str) -> str:
    """The text with memograd.numpy in place of numpy, as the guide says of typed code."""
    return re.sub(r"^import numpy as np\b", "import memograd.numpy as np", text, flags=re.M)


def readme() -> str:
    """README's Python blocks; each but the first is a function, so that it can use a name anew."""
    first, *others = (
        body
        for language, body in blocks((ROOT / "README.md").read_text("utf-8"))
        if language == "python"
    )
    functions = [
        f"def block_{k}() -> None:\n{indent(body, '    ')}" for k, body in enumerate(others)
    ]
    return "\n\n".join([first, *functions])


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_a_user_s_code_passes(checker: str) -> None:
    assert check(checker, USER_CODE) == ""


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_readme_passes(checker: str, tmp_path: Path) -> None:
    (tmp_path / "readme.py").write_text(typed(readme()), encoding="utf-8")
    assert check(checker, tmp_path / "readme.py", folder=tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_the_examples_pass(checker: str, tmp_path: Path) -> None:
    files = [tmp_path / path.name for path in sorted((ROOT / "examples").glob("*.py"))]
    for path in files:
        path.write_text(typed((ROOT / "examples" / path.name).read_text("utf-8")), encoding="utf-8")
    assert check(checker, *files, folder=tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x.shpae", "shpae"),
        ("x.grad", "grad"),
        ("mg.grda(x, x)", "grda"),
        ("mnp.sni(x)", "sni"),
        ("mg.grad(3.0, x)", "grad"),
        ("np.sum(x)", "sum"),
    ],
)
def test_a_mistake_is_found(checker: str, line: str, said: str, tmp_path: Path) -> None:
    head = "import numpy as np\nimport memograd as mg\nimport memograd.numpy as mnp\nx = mg.Tape().leaf(1.0)\n"
    (tmp_path / "wrong.py").write_text(f"{head}{line}\n", encoding="utf-8")
    found = check(checker, tmp_path / "wrong.py", folder=tmp_path)
    assert "wrong.py:5" in found and said in found


def declared(module: str) -> dict[str, str]:
    """The names that a stub of memograd.numpy's declares, each with its type."""
    path = ROOT / "src" / "memograd" / "numpy" / f"{module or '__init__'}.pyi"
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {
        node.target.id: ast.unparse(node.annotation)
        for node in body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        if node.target.id not in ("OWN", "__all__")
    }


@pytest.mark.parametrize("module", LIBRARIES)
def test_the_stubs_declare_what_is_recorded(module: str) -> None:
    library = LIBRARIES[module]
    public = [name for name in dir(library) if not name.startswith("_")]
    functions = {name: getattr(library, name) for name in public}
    recorded = {
        name
        for name, f in functions.items()
        if callable(f) and not isinstance(f, type) and is_recorded(f)
    }
    own = set() if module else set(mnp.OWN)
    names = {name for name in declared(module) if name in functions}  # an older NumPy lacks some
    assert names == (recorded | own) - TAKES_NO_NODE


@pytest.mark.parametrize("module", LIBRARIES)
def test_a_function_that_is_said_to_give_a_node_gives_one(module: str) -> None:
    tried = 0
    for name, kind in declared(module).items():
        op: Any = getattr(LIBRARIES[module], name, None)
        if kind not in ("_NodeFunction", "_NodeUfunc", "_Where") or op not in RULES:
            continue
        for args, kwargs in calls(op):
            places = [
                k for k, a in enumerate(args) if isinstance(a, np.ndarray) and a.dtype == float
            ]
            if places[:1] in ([0], [1], [2]):
                given = list(args)
                given[places[0]] = mg.Tape().leaf(given[places[0]])
                assert isinstance(op(*given, **kwargs), mg.Node), name
                tried += 1
    assert tried > (100 if not module else 10)
