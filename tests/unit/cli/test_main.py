"""The command line: what each command prints and with which code it ends, on a saved tape and without one."""

import io
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from tutorial import TRANSCRIPT

import memograd as mg
from memograd.__main__ import CLOSED, PLAIN, main
from memograd.cli.commands import largest_deviation
from memograd.cli.coverage import (
    by_class,
    coverage_table,
    missing_traits,
    survey,
    trait_table,
)

NASTY = "<script>\n"


@pytest.fixture
def said(capsys, monkeypatch):
    """Run a command that ends with a code, and give what it printed."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def run(*argv, code=0):
        assert main([str(word) for word in argv]) == code
        captured = capsys.readouterr()
        return captured.err if code == 2 else captured.out

    return run


@pytest.fixture
def file(tmp_path):
    """A saved tape: L = Σ sin(x) · w, and z that does not lead to it."""
    tape = mg.Tape()
    x, w = tape.leaf([0.5, 2.0], name="x"), tape.leaf(3.0, name="w")
    tape.leaf(1.0, name=NASTY)
    L = np.sum(np.sin(x).named("s") * w).named("L")
    mg.grad(L, w)
    path = tmp_path / "run.memograd"
    mg.save(path, tape)
    return path


class TestWalkthrough:
    def test_it_is_section_13(self, said):
        assert said("walkthrough") == TRANSCRIPT + "\n"

    def test_as_json(self, said):
        assert json.loads(said("walkthrough", "--json"))["visited"] == [
            "W1",
            "g",
            "W2",
            "c",
            "b",
            "W3",
            "e",
        ]

    def test_as_a_page(self, said, tmp_path):
        page = tmp_path / "walk.html"
        assert str(page) in said("walkthrough", "--html", page)
        assert "table[W3]" in page.read_text(encoding="utf-8")


class TestCoverage:
    def test_it_prints_the_table(self, said):
        assert said("coverage") == coverage_table(survey()) + "\n"

    def test_it_prints_what_is_not_known_of_ops(self, said):
        assert said("coverage", "--traits") == trait_table(missing_traits()) + "\n"
        assert json.loads(said("coverage", "--traits", "--json")) == missing_traits()

    def test_all_names_as_json(self, said):
        found = json.loads(said("coverage", "--json"))
        assert found == by_class(survey())
        assert (
            "tanh" in found["numpy"]["differentiable"]
            and "in place" in found["numpy"]["refused"]["put"]
        )


class TestShow:
    def test_nodes_and_tables(self, said, file):
        lines = said("show", file).splitlines()
        assert len(lines) == 7 and lines[3].split() == ["3", "s", "np.sin", "float64", "(2,)"]
        assert "<script>\\n" in lines[2] and lines[-1] == "6 nodes; derivatives known of: L (3)"

    def test_as_json(self, said, file):
        rows = json.loads(said("show", file, "--json"))
        assert rows[3] == {
            "id": 3,
            "name": "s",
            "op": "np.sin",
            "operands": [0],
            "dtype": "float64",
            "shape": [2],
        }

    @pytest.mark.parametrize(
        ("format", "start"),
        [("svg", "<svg"), ("dot", "digraph"), ("mermaid", "flowchart"), ("json", "{")],
    )
    def test_as_a_picture(self, said, file, format, start):
        assert said("show", file, "--draw", format).startswith(start)
        assert said("show", file, "L", "--draw", format) == said(
            "show", file, "5", "--draw", format
        )


class TestDerivatives:
    def test_grad_with_its_transcript(self, said, file):
        printed = said("grad", file, "L", "x", "--log")
        numbers = re.match(r"∂L/∂x = \[(.*)\]\n", printed)
        assert numbers is not None
        np.testing.assert_allclose(
            [float(number) for number in numbers[1].split()], 3.0 * np.cos([0.5, 2.0]), rtol=1e-7
        )
        assert printed.endswith(
            "∂L/∂x → table[x]\n    ∂s/∂x\n    ∂L/∂s → table[s]\n        ∂v4/∂s\n        ∂L/∂v4 ← table[v4]\n"
        )

    def test_what_was_saved_is_read_the_next_time(self, said, file):
        said("grad", file, "L", "x", "--save")
        assert said("grad", file, "L", "x", "--log").endswith("\n∂L/∂x ← table[x]\n")

    def test_without_save_the_file_stays(self, said, file):
        before = file.read_bytes()
        said("grad", file, "L", "x")
        assert file.read_bytes() == before

    def test_grad_as_json(self, said, file):
        found = json.loads(said("grad", file, "L", "x", "w", "--json"))
        assert (
            np.allclose(found["derivatives"]["x"], 3.0 * np.cos([0.5, 2.0]))
            and "∂L/∂w ← table[w]" in found["transcript"]
        )

    def test_why(self, said, file):
        assert said("why", file, "L", "w") == "∂L/∂w was computed because request 1 asked for it.\n"
        assert json.loads(said("why", file, "L", "x", "--json"))["x"]["kind"] == "unasked"

    def test_explain_ends_with_one_where_there_is_something(self, said, file):
        said("explain", file, "L", "x")
        assert "no path" in said("explain", file, "L", "2", code=1)

    def test_check(self, said, file):
        assert said("check", file, "L", "x") == "∂L/∂x: agrees with finite differences\n"
        assert json.loads(said("check", file, "L", "x", "w", "--json")) == {
            "x": "agrees",
            "w": "agrees",
        }

    def test_compare_counts_the_work_of_each_way(self, said, file):
        found = json.loads(said("compare", file, "L", "w", "--json"))
        assert found["local derivatives"] == {"memograd": 2, "backprop": 4, "sums over paths": 2}
        assert (
            max(found["deviation"].values()) < 1e-6
            and said("compare", file, "L", "w").count("\n") == 5
        )

    def test_compare_takes_a_target_that_does_not_lead_there(self, said, file):
        found = json.loads(said("compare", file, "L", "2", "--json"))
        assert (
            found["local derivatives"]["memograd"]
            == found["local derivatives"]["sums over paths"]
            == 0
        )
        assert not any(found["deviation"].values())

    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    def test_what_is_not_finite(self, said, tmp_path):
        tape = mg.Tape()
        x = tape.leaf([0.0, 4.0], name="x")
        np.sum(np.sqrt(x)).named("L")
        file = tmp_path / "pole.memograd"
        mg.save(file, tape)
        assert json.loads(said("grad", file, "L", "x", "--json"))["derivatives"]["x"] == [
            "inf",
            0.25,
        ]
        found = json.loads(said("compare", file, "L", "x", "--json"))["deviation"]
        assert found == {
            "memograd": 0.0,
            "backprop": 0.0,
            "finite differences": "inf",
            "sums over paths": 0.0,
        }


@pytest.mark.parametrize(("g", "h", "off"), [
    ([1.0, 20.0], [1.5, 10.0], 1.0),
    ([np.inf, np.nan], [np.inf, np.nan], 0.0),
    ([np.inf], [-np.inf], np.inf),
    ([1.0], [np.nan], np.inf),
    ([np.nan], [1.0], np.inf),
    ([1.0], [np.inf], np.inf),
    ([], [], 0.0),
])  # fmt: skip
def test_deviation(g, h, off):
    assert largest_deviation(np.array(g), np.array(h)) == off


class TestErrors:
    @pytest.mark.parametrize(
        "argv", [[], ["cover"], ["coverage", "--yaml"], ["grad"], ["show", "f", "--draw", "gif"]]
    )
    def test_what_is_no_command_is_answered_with_the_usage(self, argv, capsys):
        with pytest.raises(SystemExit) as ended:
            main(argv)
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith("usage: memograd")

    def test_an_unknown_node_has_the_nearest_names(self, said, file):
        assert said("grad", file, "L", "y", code=2).startswith("memograd: ")

    def test_an_op_with_several_outputs(self, said, tmp_path):
        tape = mg.Tape()
        a, _ = np.split(tape.leaf([1.0, 2.0]), 2)
        np.sum(a).named("L")
        mg.save(tmp_path / "split", tape)
        assert "has several outputs. Take one of them" in said(
            "grad", tmp_path / "split", "L", "1", code=2
        )

    def test_a_missing_file_and_one_that_is_none(self, said, tmp_path):
        assert "No such file" in said("show", tmp_path / "none", code=2)
        (tmp_path / "text").write_text("hello")
        assert said("show", tmp_path / "text", code=2).startswith("memograd: ")

    def test_completion_without_shtab(self, said, monkeypatch):
        monkeypatch.setitem(sys.modules, "shtab", None)
        assert "pip install 'memograd[cli]'" in said("completion", "bash", code=2)


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "memograd explain run.memograd L W1" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_the_commands(said, shell):
    pytest.importorskip("shtab", reason="shtab writes the completions: it is in the extra cli")
    assert "walkthrough" in said("completion", shell)


COMMANDS = {
    "--help": 0, "grad --help": 0, "walkthrough": 0, "walkthrough --json": 0, "coverage": 0, "coverage --traits": 0, "show {file}": 0, "show {file} --json": 0,
    "show {file} --draw svg": 0, "show {file} --draw dot": 0, "show {file} --draw mermaid": 0, "show {file} --draw graphml": 0,
    "show {file} --draw json": 0, "grad {file} L x --log": 0, "grad {file} L x --json": 0, "why {file} L w": 0, "why {file} L w --json": 0,
    "explain {file} L x": 0, "explain {file} L 2 --json": 1, "check {file} L x": 0, "check {file} L x --json": 0, "compare {file} L x": 0,
    "compare {file} L x --json": 0, "grad {file} ∂ x": 2,
}  # fmt: skip
"""Every command, and the code that it ends with."""


def ended(words):
    """The code that a command ends with, the usage's included."""
    try:
        return main(words)
    except SystemExit as end:
        return end.code


class TestOutputs:
    """Whatever reads the output, and in whichever encoding: no command ends in a traceback."""

    @pytest.fixture
    def words(self, file, request):
        tape = mg.load(file)
        np.exp(tape["x"]).named("é∂😀")
        mg.save(file, tape)
        return request.param.format(file=file).split()

    @pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
    @pytest.mark.parametrize(("words", "code"), COMMANDS.items(), ids=COMMANDS, indirect=["words"])
    def test_any_encoding(self, words, code, encoding, monkeypatch):
        monkeypatch.delenv("FORCE_COLOR", raising=False)
        out, err = (
            io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)
        )
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        assert ended(words) == code
        printed = out.buffer.getvalue().decode("utf-8" if "--draw" in words else encoding)
        assert bool(printed) is (code != 2) and bool(err.buffer.getvalue()) is (code == 2)
        if "--json" in words or "json" in words:
            json.loads(printed)
        if words == ["walkthrough"]:
            assert (
                printed
                == (
                    TRANSCRIPT
                    if encoding == "utf-8"
                    else TRANSCRIPT.translate(str.maketrans(PLAIN))
                )
                + "\n"
            )

    @pytest.mark.parametrize(
        ("error", "expected"),
        [(BrokenPipeError(32, "Broken pipe"), 141), (OSError(28, "No space left"), 2)],
    )
    @pytest.mark.parametrize("words", COMMANDS, indirect=True)
    def test_nobody_reads_it(self, words, error, expected, monkeypatch, capsys):
        class Closed(io.StringIO):
            def write(self, text):
                self.buffered = True
                return len(text)

            def flush(self):
                if getattr(self, "buffered", False):
                    raise error

        monkeypatch.setattr(sys, "stdout", Closed())
        code = ended(words)
        assert code == expected or (code == 2 and not hasattr(sys.stdout, "buffered"))

    @pytest.mark.parametrize("words", ["--help", "walkthrough", "coverage"])
    def test_python_does_not_complain_at_its_end(self, words):
        read, write = os.pipe()
        os.close(read)
        ran = subprocess.run(
            [sys.executable, "-m", "memograd", words],
            stdout=write,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
        os.close(write)
        assert ran.returncode in (
            CLOSED,
            0 if words == "--help" else CLOSED,
        )  # argparse itself may pass over the error
        assert ran.stderr == ""


@pytest.mark.parametrize(("settings", "terminal", "coloured"), [
    ({}, True, True), ({}, False, False), ({"FORCE_COLOR": "1"}, False, True), ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
    ({"TERM": "dumb"}, True, False),
])  # fmt: skip
def test_colours(settings, terminal, coloured, monkeypatch, capsys):
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", **settings}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "name", "posix")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    assert main(["walkthrough"]) == 0
    printed = capsys.readouterr().out
    assert ("\x1b[32m→ table[W1]\x1b[0m" in printed) is coloured
    assert re.sub("\x1b\\[[0-9;]*m", "", printed) == TRANSCRIPT + "\n"


@pytest.mark.parametrize(
    "setting", [{}, {"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "C"}, {"FORCE_COLOR": "1"}]
)
def test_the_package_can_be_run(setting):
    rest = {
        name: value
        for name, value in os.environ.items()
        if name not in ("FORCE_COLOR", "NO_COLOR", "LC_ALL", "PYTHONUTF8")
    }
    ran = subprocess.run([sys.executable, "-m", "memograd", "walkthrough"], env=rest | {"PYTHONIOENCODING": "utf-8"} | setting,
                         capture_output=True, encoding="utf-8", check=True)  # fmt: skip
    plain = re.sub("\x1b\\[[0-9;]*m", "", ran.stdout)
    assert (
        plain
        == (
            TRANSCRIPT.translate(str.maketrans(PLAIN))
            if "cp1252" in setting.values()
            else TRANSCRIPT
        )
        + "\n"
    )
