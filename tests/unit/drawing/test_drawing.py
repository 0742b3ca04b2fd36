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
from memograd.drawing import layout, scene, svg
from memograd.drawing.layered_layout import LayeredGraph, spread
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


@pytest.mark.parametrize(
    ("op", "shown"), [(np.multiply, 0), (np.add, 0), (np.divide, 2), (np.matmul, 2)]
)
def test_positions_are_shown_where_their_order_matters(tape, op, shown):
    L = np.sum(op(tape.leaf([2.0, 1.0], name="x"), tape.leaf([3.0, 1.0], name="y")))
    assert mg.draw(L).count('class="argnums"') == shown
    assert mg.draw(L, format="dot").count("headlabel=") == shown
    assert mg.draw(L, format="mermaid").count("|") == 2 * shown


def test_long_states_stay_inside_their_box(tape):
    L = np.square(tape.leaf(2.0, name="x")).named("L")
    mg.grad(L, L.operands[0])
    text = mg.draw(L, L.operands[0])
    assert re.search(r'class="state"[^>]*textLength="104"[^>]*>asked for, stored earlier<', text)


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


def random_edges(rng, count, reach):
    """Edges of a random program: each node has one or two operands among those before it."""
    return sorted(
        {(int(rng.integers(max(0, c - reach), c)), c) for c in range(1, count) for _ in range(2)}
    )


def test_layers_go_down_and_no_two_nodes_share_a_place(rng):
    edges = random_edges(rng, 60, 6)
    places, bends = compute_layout(range(60), edges)
    points = [*places.values(), *(p for way in bends.values() for p in way)]
    assert len(set(points)) == len(points)
    assert all(places[o][1] < places[c][1] for o, c in edges)
    for o, c in edges:
        rows = [y for _, y in [places[o], *bends.get((o, c), ()), places[c]]]
        assert rows == list(np.arange(rows[0], rows[-1] + 1))


def test_a_graph_of_too_many_long_edges_has_straight_ones(rng, monkeypatch):
    monkeypatch.setattr(layout, "MAX_LAYERS_CROSSED", 10)
    places, bends = compute_layout(range(60), random_edges(rng, 60, 6))
    assert len(set(places.values())) == 60 and not bends


def curve_points(path):
    """Points along a path of the commands M, V and C."""
    x = y = 0.0
    for command, numbers in re.findall(r"([MVC])([^MVC]*)", path):
        values = list(map(float, numbers.split()))
        if command == "M":
            x, y = values
        elif command == "V":
            yield from ((x, y + t * (values[0] - y)) for t in np.linspace(0, 1, 20))
            y = values[0]
        else:
            controls = np.array([(x, y), values[:2], values[2:4], values[4:]])
            for t in np.linspace(0, 1, 60):
                weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
                yield tuple(weights @ controls)
            x, y = values[4:]


def boxes_that_arrows_cross(text):
    """Return (edge, node) wherever a path of the edge runs through the inside of the box."""
    root = ET.fromstring(text)
    centres = {
        g.attrib["data-node"]: tuple(map(float, re.findall(r"[-\d.]+", g.attrib["transform"])))
        for g in root.iter(f"{SVG}g")
        if "data-node" in g.attrib
    }
    return {
        (g.attrib["data-edge"], n)
        for g in root.iter(f"{SVG}g")
        if "data-edge" in g.attrib
        for path in g.findall(f"{SVG}path")
        for x, y in curve_points(path.attrib["d"])
        for n, (u, v) in centres.items()
        if abs(x - u) < svg.BOX_HALF_WIDTH and abs(y - v) < svg.BOX_HALF_HEIGHT - 0.5
    }


@pytest.mark.parametrize("seed", range(6))
def test_no_arrow_runs_through_a_box(tape, seed):
    rng = np.random.default_rng(seed)
    nodes = [tape.leaf(1.0) for _ in range(4)]
    for _ in range(30):
        first, second = rng.integers(max(0, len(nodes) - 3 * (seed + 2)), len(nodes), 2)
        nodes.append(np.hypot(nodes[first], nodes[second]))
    log = mg.Log()
    mg.grad(nodes[-1], nodes[:4], log=log)
    assert boxes_that_arrows_cross(mg.draw(nodes[-1], log=log)) == set()


@pytest.mark.parametrize("section", SECTIONS)
def test_no_arrow_of_the_tutorial_runs_through_a_box(tape, section):
    L, targets = SECTIONS[section](tape)
    log = mg.Log()
    mg.grad(L, targets, log=log)
    assert boxes_that_arrows_cross(mg.draw(L, log=log)) == set()


def test_a_chain_is_straight_and_a_tree_has_no_crossing():
    places, _ = compute_layout(range(10), [(k, k + 1) for k in range(9)])
    assert {x for x, _ in places.values()} == {0.0}
    pairs = [
        (2 * k + j, 8 + k) if k < 4 else (8 + 2 * (k - 4) + j, k + 8)
        for k in range(7)
        for j in (0, 1)
    ]
    tree = LayeredGraph({n: (n > 7) + (n > 11) + (n > 13) for n in range(15)}, pairs)
    tree.rows[0] = [0, 2, 4, 6, 1, 3, 5, 7]
    assert tree.crossings() > 0
    tree.order_rows()
    assert tree.crossings() == 0


def test_arrows_meet_a_box_apart(tape):
    x = tape.leaf(1.0, name="x")
    parts = [np.sin(x * k) for k in range(1, 4)]
    L = np.hypot(np.hypot(parts[0], parts[1]), parts[2]).named("L")
    starts = re.findall(r'class="ahead"[^>]* d="M([-\d.]+) ([-\d.]+)', mg.draw(L))
    assert len(set(starts)) == len(starts)
    at_x = sorted(
        float(left) for left, top in starts if top == min(starts, key=lambda s: float(s[1]))[1]
    )
    assert len(at_x) == 3 and min(np.diff(at_x)) >= 17.9


@pytest.mark.parametrize(
    ("wanted", "placed"),
    [
        ([0.0, 5.0], [0.0, 5.0]),
        ([0.0, 0.0], [-0.5, 0.5]),
        ([3.0, 0.0, 0.0], [0.0, 1.0, 2.0]),
        ([], []),
    ],
)
def test_places_are_as_near_as_they_can_be(wanted, placed):
    found = spread(wanted, [1.0] * len(wanted), list(range(len(wanted))))
    assert found == pytest.approx(placed)


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
