"""README and the pages of the guide: what their Python blocks print stands below them, and what they list is complete."""

import builtins
import io
import re
import tomllib
from contextlib import redirect_stdout
from importlib import import_module
from inspect import getdoc, ismodule
from pathlib import Path

import pytest
from pages import GUIDE, ROOT, blocks, section
from tutorial import TRANSCRIPT

import memograd as mg
import memograd.numpy
from memograd import autograd, errors, scipy
from memograd.autograd import extend

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "examples").glob("*.md")),
    *sorted(GUIDE.rglob("*.md")),
]
WITH_CODE = [path for path in PAGES if "\n```python\n" in path.read_text(encoding="utf-8")]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", WITH_CODE, ids=name_of)
def test_python_blocks_print_what_stands_below_them(path: Path) -> None:
    fenced = blocks(path.read_text(encoding="utf-8"))
    space: dict[str, object] = {"__name__": "__main__"}
    for (language, body), (below, expected) in zip(fenced, [*fenced[1:], ("", "")], strict=True):
        if language == "python":
            printed = io.StringIO()
            with redirect_stdout(printed):
                exec(compile(body, path.name, "exec"), space)
            assert printed.getvalue() == (expected if below == "text" else "")


def test_pages_with_code_are_found() -> None:
    names = {path.name for path in WITH_CODE}
    assert {"README.md", "start.md", "memory.md", "diagnostics.md", "own_ops.md"} <= names


def test_the_readme_is_short_and_introduces_what_it_mentions() -> None:
    assert len(README) <= 6000
    assert README.index("https://github.com/mtomassoli") < README.index("section13.svg")
    assert re.search(r"section 13 of M\. Tomassoli", README.replace("\n", " "))


def test_the_readme_has_rows_of_the_table_of_savings() -> None:
    memory = (GUIDE / "memory.md").read_text(encoding="utf-8")
    rows = [line for line in README.splitlines() if re.match(r"\| .*, (one|its) ", line)]
    assert len(rows) == 6 and [row for row in rows if row not in memory] == []


@pytest.mark.parametrize("path", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_links_to_files_lead_to_files(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_guide_shows_the_walkthrough() -> None:
    assert section((GUIDE / "start.md").read_text("utf-8"), "∂L/∂W1") == TRANSCRIPT + "\n"


def test_the_reference_has_every_public_name() -> None:
    reference = "\n".join(path.read_text(encoding="utf-8") for path in GUIDE.glob("api/*.md"))
    names = [name for name in mg.__all__ if not name.startswith("_")]
    missing = [name for name in names if not re.search(rf"(:: |\.){name}$", reference, re.M)]
    assert missing == ["MemogradError"]  # it stands on the page of errors


def test_each_public_name_has_an_example() -> None:
    modules = [mg, mg.functional, mg.optimize, mg.check, mg.baselines, autograd, extend]
    modules += [import_module(f"memograd.scipy.{name}") for name in scipy.OWN]
    named = [(module, name) for module in modules for name in module.__all__ if name[0] != "_"]
    named = [(module, name) for module, name in named if not hasattr(builtins, name)]
    named += [(mg.numpy, name) for name in mg.numpy.OWN]
    things = [(name, getattr(module, name)) for module, name in named]
    assert [n for n, it in things if not ismodule(it) and ">>> " not in (getdoc(it) or "")] == []


def test_the_reference_has_the_methods_with_examples() -> None:
    pages = [
        (GUIDE / "api" / f"{page}.md").read_text(encoding="utf-8")
        for page in ("tapes", "diagnostics")
    ]
    listed = re.findall(r":members: (.*)", "\n".join(pages))
    methods = [
        name
        for kind in (mg.Tape, mg.Log)
        for name, value in vars(kind).items()
        if name[0] != "_" and "\nExamples\n" in (getdoc(value) or "")
    ]
    assert len(methods) > 8 and set(methods) <= set(", ".join(listed).split(", "))


def test_the_reference_has_memograd_s_own_functions_of_numpy() -> None:
    page = (GUIDE / "api" / "numpy.md").read_text(encoding="utf-8")
    listed = re.search(r":members: (.*)", page)[1].split(", ") + re.findall(r"`(\w+)\[", page)  # type: ignore[index]
    assert sorted(listed) == sorted(mg.numpy.OWN)


def test_each_error_says_what_to_do() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    kinds = [kind for kind in kinds if issubclass(kind, mg.MemogradError)]
    assert [kind for kind in kinds if "\n\nWhat to do: " not in (getdoc(kind) or "")] == []


def test_each_example_is_described() -> None:
    page = (GUIDE / "examples.md").read_text(encoding="utf-8")
    files = [p for p in (ROOT / "examples").rglob("*") if p.suffix in (".py", ".ipynb")]
    parts = {"inspection_peers.py", "inspection_programs.py", "conf.py"}  # modules of others
    assert [
        path.name for path in files if f"`{path.name}`" not in page and path.name not in parts
    ] == []


def test_each_extra_is_described() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    rows = [row for row in (GUIDE / "install.md").read_text("utf-8").splitlines() if "|" in row]
    described = re.findall(r"`(\w+)`", " ".join(row.split("|")[1] for row in rows))
    assert sorted(described) == sorted(project["optional-dependencies"])


def test_each_name_of_the_release_stands_in_the_citation() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {mg.__version__}\n" in citation


def test_the_workflow_runs_the_whole_check_and_the_lines_of_a_user() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML reads the workflow: it is in the extra docs")
    text = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    lines = {name: [step.get("run") for step in job["steps"]] for name, job in jobs.items()}
    assert ".ci/run" in lines["linux"] and "python -m pytest -n 2" in lines["pip"]
    assert 'python -m pip install ".[examples,test]"' in lines["pip"]
