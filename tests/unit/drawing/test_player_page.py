"""The page that plays a request: what its data says, that nothing in it can run or load, and that it is always the same."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from tutorial import TRANSCRIPT, section8, section13

import memograd as mg
from memograd.drawing.player_page import page_html, read_asset

NASTY = [
    "</script><script>alert(1)</script>",
    "<!--",
    "a&b\u2028",
    "two\nlines",
    "$title ${data}",
    "\ud800",
]


def asked(build, tape, log):
    L, targets = build(tape)
    for target in targets:
        mg.grad(L, target, log=log)
    return L


class Reader(HTMLParser):
    """The elements of a page, with the text of its scripts."""

    def __init__(self):
        super().__init__()
        self.found, self.scripts = [], []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data


def read(text):
    reader = Reader()
    reader.feed(text)
    return reader, json.loads(reader.scripts[0])


def test_the_steps_write_the_transcript_of_section_13(tape):
    log = mg.Log()
    _, data = read(page_html(asked(section13, tape, log), log))
    lines = {step["line"]: 4 * step["depth"] * " " + step["text"] for step in data["steps"]}
    assert len(data["steps"]) == len(log.events) == 20
    assert "\n".join(lines.values()) == TRANSCRIPT == str(log)
    assert data["before"] == []


def test_each_step_of_section_8_says_the_chain_rule_with_its_numbers(tape):
    log = mg.Log()
    _, data = read(page_html(asked(section8, tape, log), log))
    rules = [step["rule"] for step in data["steps"]]
    assert rules[0] == "∂e/∂a = ∂e/∂b1 · ∂b1/∂a + ∂e/∂b2 · ∂b2/∂a"
    assert rules[-1] == rules[0] + " = 154 · 1 + 110 · 1 = 264"
    assert "∂c/∂b1 = 7, the rule of block_c for operand 0" in rules
    assert "∂e/∂d1 = ∂e/∂e · ∂e/∂d1 = 1 · (-16) = -16" in rules
    assert "∂e/∂c = 22, already known" in rules


def test_a_long_sum_shows_its_first_terms(tape):
    x, log = tape.leaf(1.0, name="x"), mg.Log()
    L = sum(x * k for k in range(1, 10)).named("L")
    mg.grad(L, x, log=log)
    _, data = read(page_html(L, log))
    rule = data["steps"][-1]["rule"]
    assert rule.count("… (3 more)") == 2 and rule.endswith(" = 45")


def test_a_number_that_was_replaced_since_is_not_shown(tape):
    x, log = tape.leaf(2.0, name="x"), mg.Log()
    L = (x * x).named("L")
    mg.grad(L, x)
    mg.grad(L, x, log=log)
    tape.assign({x: 3.0}, log=log)
    mg.grad(L, x, log=log)
    _, data = read(page_html(L, log))
    assert [(step["kind"], step["value"]) for step in data["steps"]] == [
        ("read", ""),
        ("visit", ""),
        ("drop", "6"),
        ("store", "6"),
    ]
    assert data["before"] == [{"node": x.id, "value": ""}]
    assert "found wrong" in data["steps"][2]["rule"]


def test_tuples_and_cotangents_that_were_let_go(tape, rng):
    x, log = tape.leaf(rng.normal(size=(4, 4)), name="x"), mg.Log()
    values = np.linalg.eigh(x @ x.T)
    L = np.sum(values.eigenvalues[:2] * values.eigenvectors[0, :2]).named("L")
    tape.budget = 1
    mg.grad(L, x, log=log)
    _, data = read(page_html(L, log))
    assert len(data["steps"]) == len(log.events)


def test_a_log_of_two_outputs_is_played_for_one(tape):
    x, log = tape.leaf(2.0, name="x"), mg.Log()
    L, M = np.sin(x).named("L"), np.cos(x).named("M")
    mg.grad(L, x, log=log)
    mg.grad(M, x, log=log)
    _, data = read(page_html(L, log))
    assert [step["node"] for step in data["steps"]] == [x.id, x.id, -1, -1]


def test_no_name_runs_ends_a_script_or_is_taken_for_a_place(tape):
    x, log = sum(tape.leaf(1.0, name=name) for name in NASTY), mg.Log()
    L = np.sin(x).named("<img src=x onerror=alert(1)>")
    mg.grad(L, tape[0], log=log)
    reader, data = read(page_html(L, log))
    tags = [tag for tag, _ in reader.found]
    assert tags.count("script") == 2 and "img" not in tags
    assert reader.scripts[1].strip() == read_asset("page.js").strip()
    assert data["names"]["0"] == NASTY[0]
    assert not set(reader.scripts[0]) & set("<>&")


def test_the_page_loads_nothing_and_is_small(tape):
    log = mg.Log()
    text = page_html(asked(section13, tape, log), log)
    reader, _ = read(text)
    assert re.findall(r"https?:[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert not any(
        name in attrs for tag, attrs in reader.found for name in ("src", "srcset", "action")
    )
    assert [attrs["href"] for _, attrs in reader.found if "href" in attrs] == ["data:,"]
    assert "@import" not in text and len(text.encode()) < 60_000
    assert not re.search(r"innerHTML|document\.write|eval\(|fetch\(|XMLHttpRequest", text)


def test_every_control_has_a_name_and_every_label_of_the_script_is_on_the_page(tape):
    log = mg.Log()
    reader, _ = read(page_html(asked(section13, tape, log), log))
    ids = [attrs["id"] for _, attrs in reader.found if "id" in attrs]
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'of\("([a-z-]+)"\)', reader.scripts[1])) <= set(ids)
    assert any(attrs.get("aria-live") == "polite" for _, attrs in reader.found)


def test_the_file_is_written_and_always_the_same(tmp_path):
    texts = []
    for k in range(2):
        log = mg.Log()
        L = asked(section13, mg.Tape(), log)
        path = mg.player(L, log=log, path=tmp_path / f"{k}.html")
        texts.append(path.read_bytes())
    assert (
        texts[0] == texts[1] and texts[0].startswith(b"<!doctype html>") and b"\r" not in texts[0]
    )


def test_it_makes_the_request_itself(tape, tmp_path):
    L, targets = section13(tape)
    path = mg.player(L, targets, path=tmp_path / "own.html")
    log = mg.Log()
    again, others = section13(mg.Tape())
    mg.grad(again, others, log=log)
    assert path.read_bytes() == page_html(again, log).encode()


def test_it_takes_targets_or_a_log_not_both_nor_neither(x, tmp_path):
    for given in ({}, {"x": x, "log": mg.Log()}):
        with pytest.raises(TypeError, match=r"player\(L, x\) or player\(L, log=log\)"):
            mg.player(np.sum(x), **given, path=tmp_path / "walk.html")
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_only_when_asked(x, tmp_path):
    path = tmp_path / "walk.html"
    path.write_text("mine")
    L = np.sum(x)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        mg.player(L, x, path=path)
    assert path.read_text() == "mine" and not x.tape.state.tables
    assert mg.player(L, x, path=path, overwrite=True).read_text().startswith("<!doctype html>")


def test_an_array_that_is_abbreviated_comes_with_its_elements(tape):
    log = mg.Log()
    _, data = read(page_html(asked(section13, tape, log), log))
    elements = {
        data["names"][str(s["node"])]: s["elements"] for s in data["steps"] if "elements" in s
    }
    assert list(elements) == ["W2"] and elements["W2"].startswith("[[-0.6747, -0.5789, -0.1427],\n")


def test_a_large_array_comes_without_its_elements(tape):
    x, log = tape.leaf(np.ones(257), name="x"), mg.Log()
    L = np.sum(x).named("L")
    mg.grad(L, x, log=log)
    assert '"elements"' not in page_html(L, log)


def test_the_legend_names_what_the_page_can_show(walk_page):
    legend = re.sub("<[^>]*>", "", walk_page[walk_page.index("Legend") :].partition("</ul>")[0])
    for text in ("output", "asked for", "never touched", "waiting", "stored", "read"):
        assert f"{text}: " in legend
    assert "dropped" not in legend and "a derivative went back" in legend


@pytest.fixture
def walk_page(tape):
    log = mg.Log()
    return page_html(asked(section13, tape, log), log)


def test_an_empty_log_has_a_page(tape):
    _, data = read(page_html(tape.leaf(1.0, name="x"), mg.Log()))
    assert data["steps"] == []


@pytest.mark.parametrize("name", ["page.html", "page.css", "page.js", "figure.css"])
def test_the_parts_are_in_the_package(name):
    assert read_asset(name).endswith("\n")
