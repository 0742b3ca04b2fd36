"""The pictures: every node once, in the state that the log tells of, and whatever stands in its name."""

import builtins
import json
import re
import xml.etree.ElementTree as ET

import networkx as nx
import numpy as np
import pytest
from tutorial import SECTIONS, section13

import memograd as mg
from memograd.drawing import scene
from memograd.drawing.layout import compute_layout

SVG = "{http://www.w3.org/2000/svg}"

NASTY = [
    "</script><script>alert(1)</script>",
    'a"b\\',
    "& <b> ' `x` #35;",
    "two\nlines ]]> \u202e \x00",
    "∂µ日本",
    "]--> (x) |",
]


@pytest.fixture
def walk(tape):
    """Section 13 with its three requests: (L, log)."""
    L, targets = section13(tape)
    log = mg.Log()
    for target in targets:
        mg.grad(L, target, log=log)
    return L, log


def boxes(text):
    """What the picture shows: name to (class, label of its states)."""
    found = {}
    for g in ET.fromstring(text).iter(f"{SVG}g"):
        if "data-node" in g.attrib:
            name, _, states = (text.text for text in g.iter(f"{SVG}text"))
            assert name not in found
            found[name] = g.attrib["class"].removeprefix("node "), states
    return found


def edges(text):
    """The edges of the picture, each with whether it has a backward arrow."""
    root = ET.fromstring(text)
    return {
        g.attrib["data-edge"]: len(g.findall(f"{SVG}path")) == 2
        for g in root.iter(f"{SVG}g")
        if "data-edge" in g.attrib
    }


def test_section_13_shows_each_node_once_in_its_state(walk):
    L, log = walk
    shown = boxes(mg.draw(L, log=log))
    assert shown == {
        **dict.fromkeys(["W1", "W2", "W3"], ("asked-for", "asked for")),
        **dict.fromkeys(["g", "b", "e"], ("visited", "visited")),
        **dict.fromkeys(["h", "j", "k", "f", "p"], ("never-touched", "never touched")),
        "c": ("read", "read, visited"),
        "L": ("output", "output"),
    }


def test_arrows_go_back_where_the_recursion_went(walk):
    L, log = walk
    drawn = edges(mg.draw(L, log=log))
    back = {
        tuple(L.tape[int(n)].name for n in edge.split("-")) for edge, went in drawn.items() if went
    }
    assert len(drawn) == L.tape.graph.number_of_edges() == 13
    assert back == {
        ("W1", "g"),
        ("g", "L"),
        ("W2", "c"),
        ("c", "b"),
        ("b", "L"),
        ("W3", "e"),
        ("e", "c"),
    }


def test_what_the_table_holds_is_stored_earlier_and_what_was_found_wrong_dropped(walk):
    L, _ = walk
    W1, log = L.tape["W1"], mg.Log()
    assert boxes(mg.draw(L))["c"] == ("stored-earlier", "stored earlier")
    W1.value = 0.9
    mg.grad(L, W1, log=log)
    shown = boxes(mg.draw(L, log=log))
    assert shown["W1"][1] == "asked for, dropped"
    mg.grad(L, L.tape["W2"], log=log)
    shown = boxes(mg.draw(L, L.tape["W2"], log=log))
    assert shown["W1"] == ("dropped", "dropped, visited")
    assert shown["W3"] == ("stored-earlier", "stored earlier")


def test_nothing_is_computed_for_a_picture(walk):
    L, _ = walk
    memory = L.tape.state
    L.tape["W1"].value = 0.9
    before = dict(memory.marks), dict(memory.tables[L.id].marks), dict(memory.pending)
    text = mg.draw(L)
    assert (memory.marks, memory.tables[L.id].marks, memory.pending) == before
    assert "leaf 0.9" in text and "np.multiply ()" in text, (
        "the assigned value is shown, the one in doubt is not"
    )


@pytest.mark.parametrize("format", ["svg", "dot", "mermaid", "graphml", "json"])
@pytest.mark.parametrize("section", SECTIONS)
def test_the_same_program_gives_the_same_text(section, format):
    texts = []
    for _ in range(2):
        L, targets = SECTIONS[section](mg.Tape())
        texts.append(mg.draw(L, targets, format=format))
    assert texts[0] == texts[1]


def nasty(tape):
    x = sum((tape.leaf(1.0, name=name) for name in NASTY[1:]), tape.leaf(1.0, name=NASTY[0]))
    return np.sin(x).named("L\n<L>")


def test_names_are_escaped_in_xml(tape):
    text = mg.draw(nasty(tape))
    root = ET.fromstring(text)
    titles = " ".join(title.text for title in root.iter(f"{SVG}title"))
    assert "<script>" in titles and "∂µ日本" in titles
    assert "<script" not in text and "\x00" not in text


def test_names_are_escaped_in_dot(tape):
    lines = mg.draw(nasty(tape), format="dot").splitlines()
    labels = [
        re.fullmatch(r'  \d+ \[.*label="((?:[^"\\]|\\.)*)"\];', line)
        for line in lines
        if "label=" in line and " -> " not in line
    ]
    assert len(labels) == len(tape) and all(labels)
    assert 'a\\"b\\\\\\nleaf 1' in labels[1].group(1)


def test_names_are_escaped_in_mermaid(tape):
    labels = re.findall(
        r'^  n\d+\W+?"(.*)"\W+$', mg.draw(nasty(tape), format="mermaid"), re.MULTILINE
    )
    assert len(labels) == len(tape)
    assert not any(set(label.replace("<br>", "")) & set("<>\"`[]{}|\\'&\n") for label in labels)
    assert labels[1].startswith("a#34;b#92;<br>")


def test_graphml_and_json_are_read_back_by_networkx(tape):
    x = tape.leaf(2.0, name="x")
    L, log = np.multiply(np.sin(x), x).named("L"), mg.Log()
    mg.grad(L, x, log=log)
    for graph in (
        nx.parse_graphml(mg.draw(L, log=log, format="graphml"), node_type=int),
        nx.node_link_graph(json.loads(mg.draw(L, log=log, format="json")), edges="edges"),
    ):
        assert set(graph.edges) == set(tape.graph.edges)
        assert graph.nodes[0] == {"name": "x", "op": "leaf", "value": "2", "states": "asked for"}
        assert graph.edges[0, 2] == {"argnums": "1", "pulled": True}


def test_names_in_graphml_are_what_xml_can_hold(tape):
    graph = nx.parse_graphml(mg.draw(nasty(tape), format="graphml"), node_type=int)
    assert len(graph) == len(tape) and "<script>" in " ".join(graph.nodes[n]["name"] for n in graph)


def test_a_large_program_is_cut_and_says_so(tape, monkeypatch):
    monkeypatch.setattr(scene, "MAX_BOXES", 10)
    x = y = tape.leaf(0.5, name="x")
    for _ in range(20):
        y = np.sin(y)
    L = y.named("L")
    cut = mg.draw(L)
    assert "10 of 21 nodes: those nearest the output" in cut and len(boxes(cut)) == 10
    log = mg.Log()
    mg.grad(L, tape[15], log=log)
    assert "6 of 21 nodes: the visited part" in mg.draw(L, log=log)
    mg.grad(L, x, log=log)
    assert len(boxes(mg.draw(L, log=log))) == 10
    assert "// 10 of 21" in mg.draw(L, format="dot")
    assert "%% 10 of 21" in mg.draw(L, format="mermaid")


def test_recorded_derivatives_are_drawn_when_asked_for_or_when_l_depends_on_them(tape):
    x = tape.leaf(2.0, name="x")
    L = (x * x).named("L")
    g = mg.grad_node(L, x)
    assert set(boxes(mg.draw(L))) == {"x", "L"}
    assert g.name in boxes(mg.draw(L, derivatives=True))
    assert g.name in boxes(mg.draw(np.square(g), x))


@pytest.mark.parametrize("library", [True, False])
def test_layers_go_down_and_no_two_nodes_share_a_place(library, monkeypatch, rng):
    if library:
        pytest.importorskip(
            "fast_sugiyama", reason="the layout whose edges bend is that of the extra `draw`"
        )
    else:
        monkeypatch.setitem(__import__("sys").modules, "fast_sugiyama", None)
    edges = sorted(
        {(int(rng.integers(max(0, c - 6), c)), c) for c in range(1, 60) for _ in range(2)}
    )
    places, bends = compute_layout(range(60), edges)
    assert len(set(places.values())) == 60
    assert all(places[o][1] < places[c][1] for o, c in edges)
    assert bool(bends) == library
    assert all(
        places[o][1] < y < places[c][1] for (o, c), points in bends.items() for _, y in points
    )


def test_a_node_by_itself_has_a_picture(tape):
    assert set(boxes(mg.draw(tape.leaf(1.0, name="x")))) == {"x"}


def test_only_a_scalar_has_a_picture(x, tape):
    with pytest.raises(mg.MemogradError, match="scalar"):
        mg.draw(x)
    with pytest.raises(mg.MemogradError, match="another tape"):
        mg.draw(np.sum(x), mg.Tape().leaf(1.0))


def test_the_log_of_another_tape_is_refused(walk):
    with pytest.raises(mg.MemogradError, match="another tape"):
        mg.draw(mg.Tape().leaf(1.0), log=walk[1])


def test_numbers_of_every_kind_are_shown(tape):
    n, z = tape.leaf(1234567, name="n"), tape.leaf(1 + 2j, name="z")
    y = np.where(n > 3, tape.leaf(0.25, name="x"), np.real(z))
    titles = mg.draw(y.named("L"))
    assert all(
        text in titles for text in ("leaf 1234567", "leaf 1+2j", "np.greater True", "leaf 0.25")
    )


def test_several_outputs_are_drawn(tape):
    values, vectors = np.linalg.eigh(tape.leaf(np.eye(2), name="A"))
    log = mg.Log()
    L = (np.sum(values) + vectors[0, 0]).named("L")
    mg.grad(L, tape["A"], log=log)
    assert boxes(mg.draw(L, log=log))["A"][1] == "asked for" and len(boxes(mg.draw(L))) == len(tape)


def test_a_notebook_shows_the_picture(x):
    picture = mg.draw(np.sum(x))
    assert picture._repr_svg_() == picture and type(picture._repr_svg_()) is builtins.str


def test_an_unknown_format_is_refused(tape):
    L = np.sin(tape.leaf(1.0))
    with pytest.raises(ValueError, match="format is 'svg', 'dot', .*, not 'png'"):
        mg.draw(L, format="png")
