"""The examples run by themselves and say what they claim."""

import ast
import json
import os
import re
import runpy
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pages import section
from tutorial import TRANSCRIPT

import memograd as mg

ROOT = Path(__file__).parents[2]
MEMORY = (ROOT / "examples" / "guide" / "memory.md").read_text(encoding="utf-8")


def output_of(example: str, *args: str) -> str:
    """What an example prints, run as a user runs it."""
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(
        [sys.executable, ROOT / "examples" / example, *args],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_walkthrough_prints_section_13() -> None:
    printed = output_of("walkthrough.py")
    assert f"\n{TRANSCRIPT}\n\n" in printed
    assert re.search(r"^visited: +W1 g W2 c b W3 e$", printed, re.MULTILINE)
    assert re.search(r"^never touched: h j k .*\n +f p ", printed, re.MULTILINE)
    assert printed.count("\n∂L/∂W1  float64") == 1


def test_blocks_compute_what_a_step_reaches() -> None:
    rows = re.findall(
        r"^ +\d+  x\d +∂L/∂x\d +(\d+) of (\d+) +(\d+) of (\d+) +(\d+)% +[\d.]+$",
        output_of("blocks.py"),
        re.MULTILINE,
    )
    assert len(rows) == 16
    for row in rows:
        run, values, stored, derivatives, saved = map(int, row)
        assert run <= 2 and values == 134 and saved >= 88
        assert 0 < stored < derivatives <= 21
    assert re.search(r"Of 134 values, at\s+most 2 .* Of the 18\s+to 21 derivatives", MEMORY, re.S)


def test_remembering_is_measured_beside_the_same_gradients_by_other_ways() -> None:
    printed = output_of("incremental.py", "--rounds", "1")
    rows = re.findall(r"^\| [\w ,]+ \| +[\d.]+ \| .* \| +[\d.]+ \|$", printed, re.MULTILINE)
    assert len(rows) == 6
    head = re.search(r"^\| CPU ms .*$", printed, re.MULTILINE)
    assert head is not None and head[0] in MEMORY
    assert printed[printed.index("| memograd computes in a step") :] in MEMORY


def test_a_fit_written_for_autograd_stores_few_derivatives_after_a_step() -> None:
    pytest.importorskip(
        "autograd", reason="autograd is compared with: it is in the extra `compare`"
    )
    printed = output_of("survival_fit.py")
    stored = re.search(
        r"for the gradient: (\d+); by the shape alone, after a step in it: (\d+)$",
        printed,
        re.MULTILINE,
    )
    assert stored is not None and stored.groups() == ("15", "4")
    assert re.search(r"^changed import +\d+\.\d\d +\d+\.\d\d$", printed, re.MULTILINE)
    assert (
        "bytes kept: 3,200,280; within a budget of a quarter the gradient has the same bits\n"
        in printed
    )


@pytest.mark.slow
@pytest.mark.pinned
def test_digits_are_learnt_and_few_derivatives_are_asked_for() -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("tqdm")
    printed = output_of("digits.py")
    accuracy = re.search(r"^test accuracy: ([\d.]+)%$", printed, re.MULTILINE)
    assert accuracy is not None and float(accuracy[1]) >= 95
    assert section(MEMORY, "asked for ") in printed


def test_custom_rules_are_right_and_stand_for_one_node_each() -> None:
    printed = output_of("custom_rules.py")
    assert printed.startswith("three rules agree with central differences, to second order\n")
    assert (
        "softplus far out:       [0.  0.5 1. ]\n" in printed
        and "vanishes at t = 0.107250\n" in printed
    )
    assert (
        "E = 2.403657, ∂E/∂M = 0.692561, ∂E/∂e = 0.465929\n" in printed
        and "['M', 'e'] and E" in printed
    )


@pytest.mark.slow
def test_newton_and_its_kin_square_cube_and_so_on_the_error() -> None:
    printed = output_of("newton.py")
    second = {
        name: float(error)
        for name, error in re.findall(r"^  (\w+) +f'+ +\S+ +(\S+)", printed, re.MULTILINE)
    }
    assert second["newton"] > second["halley"] > second["householder"]
    norms = re.findall(r"^  step \d+ +f = .* +\|∇f\| = (\S+)$", printed, re.MULTILINE)
    assert float(norms[-1]) < 1e-8 < 1e-2 < float(norms[0])


@pytest.mark.slow
def test_the_model_runs_once_for_each_point() -> None:
    pytest.importorskip(
        "sklearn", reason="scikit-learn has the data: it is in the extra `examples`"
    )
    printed = output_of("scipy_fit.py")
    rows = re.findall(
        r"^[\w-]+ +\d+ +(\d+) +\d+ +\d+ +\d+ +\d+ +(\d+) +(0\.\d+) *", printed, re.MULTILINE
    )
    assert len(rows) == 6 and all(asked == ran for asked, ran, _ in rows)
    assert [float(least) for _, _, least in rows] == pytest.approx([0.0996] * 6, abs=1e-3)
    assert "the model ran 0 times for it" in printed


@pytest.mark.slow
def test_the_bottleneck_takes_a_small_part_of_the_multiplications() -> None:
    printed = output_of("jacobian_order.py")
    totals = re.findall(
        r"^(in all|instead) +(segments|elimination|reverse|forward) +([\d,]+)$",
        printed,
        re.MULTILINE,
    )
    counts = [int(count.replace(",", "")) for _, _, count in totals]
    assert counts[:3] == [60_000, 1_040_000, 1_040_000]
    assert counts[3] * 50 < counts[4]
    assert [taken for how, taken, _ in totals if how == "in all"] == [
        "segments",
        "segments",
        "elimination",
    ]
    assert counts[6] < min(counts[7:])
    assert printed.count("times as long") == 6


def test_the_counts_of_elimination_are_those_on_their_page() -> None:
    page = (ROOT / "examples" / "elimination.md").read_text(encoding="utf-8")
    assert output_of("elimination.py") == page
    rows = re.findall(
        r"^\| (\w+) \| (\d+) \| \d+ \| (\d+) \| .* \| (\d+) \| [\d.]+ \|$", page, re.MULTILINE
    )
    assert [(name, int(found)) for name, published, reverse, found in rows[:5] if published == reverse] == [
        ("RoeFlux_1d", 296), ("RobotArm_6DOF", 221), ("HumanHeartDipole", 148), ("PropaneCombustion", 88), ("BlackScholes", 284),
    ]  # fmt: skip


def test_what_memograd_shows_is_what_the_page_of_peers_says() -> None:
    page = (ROOT / "examples" / "inspection.md").read_text(encoding="utf-8")
    rows = memograd_rows(output_of("inspection.py"))
    assert rows == memograd_rows(page)
    assert rows[2][2:] == ["13", "7", "1", "7", "–", "7", "1", "–", "20"]
    assert [row[2:] for row in rows if "mg.explain" in row[1]] == [
        [
            "“masked branch”, “elements [2]”, “safe = np.where(x > 0, x, 1.0)”",
            "`np.sqrt`",
            "2",
            "yes",
        ],
        ["“saturation”, “elements all”", "`np.maximum`", "1", "yes"],
    ]


def memograd_rows(page: str) -> list[list[str]]:
    """The cells of memograd's rows, without the bytes and the times, which are not the same everywhere."""
    return [
        row.strip("| ").split(" | ")[:-3]
        for row in page.splitlines()
        if row.startswith("| memograd ")
    ]


@pytest.mark.parametrize("notebook", ["tour.ipynb", "lesson/lesson.ipynb"])
def test_a_notebook_gives_what_is_stored_in_it(notebook: str) -> None:
    reason = "the notebook is run by nbclient with ipykernel: they are in the extra notebook"
    nbformat = pytest.importorskip("nbformat", reason=reason)
    nbclient = pytest.importorskip("nbclient", reason=reason)
    pytest.importorskip("ipykernel", reason=reason)
    path = ROOT / "examples" / notebook
    stored = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    run = nbclient.NotebookClient(deepcopy(stored), timeout=120, resources=place).execute()
    for before, after in zip(texts(stored), texts(run), strict=True):
        assert before == after


MARIMO = "the lesson with sliders is a notebook of marimo's, which is in the extra notebook"


def test_the_sliders_of_the_lesson_move_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("marimo", reason=MARIMO)
    lesson = ROOT / "examples" / "lesson"
    monkeypatch.syspath_prepend(lesson)
    app = runpy.run_path(str(lesson / "lesson.py"))["app"]
    _, still = app.run()
    numbers = still["derivation"].equations[-1].numbers
    assert (
        numbers == "31.5 · 1 + 22.5 · 1"
        and np.isclose(still["third"]["head"], still["first"]["head"]).all()
    )
    assert str(still["changes"]).count("←") == 3 and "→" not in str(still["changes"])
    moved = {"a_slider": SimpleNamespace(value=1.0), "moves": SimpleNamespace(value={"p": 0.5})}
    _, after = app.run(defs=moved)
    assert after["derivation"].values[0].value == "1"
    assert "∂L/∂W2 ✗ table[W2]" in str(after["changes"])


def test_the_two_forms_of_the_lesson_have_the_same_cells() -> None:
    lesson = ROOT / "examples" / "lesson"
    cells = json.loads((lesson / "lesson.ipynb").read_text(encoding="utf-8"))["cells"]
    expected = [normal_cell("".join(cell["source"])) for cell in cells]
    functions = ast.parse((lesson / "lesson.py").read_text(encoding="utf-8")).body
    bodies = [node.body[:-1] for node in functions if isinstance(node, ast.FunctionDef)]
    found = [normal_cell(ast.unparse(ast.Module(body, []))) for body in bodies]
    assert [cell for cell in expected if cell not in found] == []
    ours = [cell for cell in found if cell not in expected]
    assert len(expected) > 40 and len(ours) == 7  # marimo's import, and the cells of two sliders


def normal_cell(source: str) -> str:
    """A cell of either form: text in one line; code without what marimo does to names and pictures."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return " ".join(source.split())
    match tree.body:
        case [ast.Expr(ast.Call(ast.Attribute(attr="md"), [ast.Constant(str(text))]))]:
            return " ".join(text.split())
    code = re.sub(r"mo\.Html\((mg\.draw\(.*?\))\)", r"\1", ast.unparse(tree))
    return re.sub(r"\b_?([A-Za-z]\w*?)(_\d+)?\b", r"\1", code)


def texts(notebook: Any) -> list[list[str]]:
    """What each cell of a notebook gave, as plain text; a picture is not compared.

    What a cell prints may arrive in several pieces.
    """
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    shown = [
        [
            o.get("text") or o.data["text/plain"]
            for o in cell
            if "image/svg+xml" not in o.get("data", {})
        ]
        for cell in outputs
    ]
    return [
        [re.sub(r"\b\d+\.py:", "cell.py:", "".join(cell))] for cell in shown
    ]  # ipykernel's name of a cell


@pytest.mark.parametrize(
    ("number", "wrong"),
    [
        (1, 10),
        (2, lambda x, y: (np.exp(x * y), x * np.exp(x * y))),
        (3, lambda g, x, W: (g * np.tanh(W), g * x * (1 - np.tanh(W)))),
        (4, lambda x: np.diag(np.exp(x) / np.sum(np.exp(x)))),
        (4, lambda x: np.ones(len(x))),
        (5, {"W3", "e", "c", "b", "L"}),
        (6, {"W1", "g"}),
        (7, "reverse"),
    ],
)
def test_an_exercise_of_the_lesson_refuses_a_wrong_answer(number: int, wrong: Any) -> None:
    # The notebook has the right ones.
    exercises = runpy.run_path(str(ROOT / "examples" / "lesson" / "exercises.py"))
    with pytest.raises((AssertionError, mg.MemogradError), match=r"\w+"):
        exercises[f"exercise_{number}"](wrong)


def test_the_picture_of_section_13_is_the_one_that_is_drawn() -> None:
    kept = (ROOT / "examples" / "section13.svg").read_text(encoding="utf-8")
    assert kept == output_of("picture.py"), "python examples/picture.py > examples/section13.svg"
    assert kept.count("data-node") == 13


def test_data_larger_than_memory_are_read_only_where_a_step_reaches() -> None:
    pytest.importorskip("distributed")
    printed = output_of("out_of_core.py")
    rows = re.findall(
        r"^(weights|block).* (\d+) +(\d+) +(\d+) +(\d+) +[\d.]+ s$", printed, re.MULTILINE
    )
    reads = [list(map(int, counts)) for _, *counts in rows]
    assert reads == [[40, 0, 0, 0], [0, 40, 0, 0], [0, 0, 40, 0], [0, 0, 0, 40], [0, 0, 20, 0]]
    size, memory = re.search(r"^([\d.]+) GB in .* 2 workers of ([\d.]+) GB", printed).groups()  # type: ignore[union-attr]
    peaks = re.findall(r"([\d.]+) GB", printed.splitlines()[-1])
    assert len(peaks) == 2 and max(map(float, peaks)) < float(memory) < float(size) / 2
