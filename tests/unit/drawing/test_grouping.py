"""Folding: nodes whose names begin alike become one box, no more of them than it takes."""

import numpy as np
import pytest

import memograd as mg
from memograd.drawing import scene as scene_module
from memograd.drawing.node_states import ASKED, OUTPUT, VISITED
from memograd.drawing.scene import make_scene


@pytest.fixture
def network():
    """Three layers of two blocks each, of five nodes; the steps between named nodes have no names."""
    tape = mg.Tape()
    h = x = tape.leaf(np.ones(2), name="x")
    for layer in range(3):
        for block in range(2):
            at = f"layer{layer}/block{block}"
            W, b = tape.leaf(np.eye(2), name=f"{at}/W"), tape.leaf(np.zeros(2), name=f"{at}/b")
            h = np.tanh(W @ h + b).named(f"{at}/h")
    return x, np.sum(h).named("L")


def boxes(L, log=None):
    return {b.name: b for b in make_scene(L, None, log, False).boxes}


def test_what_fits_is_not_folded(network):
    _, L = network
    found = make_scene(L, None, None, False)
    assert len(found.boxes) == 32 and not found.note


@pytest.mark.parametrize(
    ("most", "count", "name"), [(10, 8, "layer1/block1/…"), (7, 5, "layer1/…")]
)
def test_it_is_folded_no_further_than_it_takes(network, monkeypatch, most, count, name):
    monkeypatch.setattr(scene_module, "MAX_BOXES", most)
    _, L = network
    assert len(boxes(L)) == count and {"x", "L", name} <= boxes(L).keys()
    assert f"32 nodes in {count} boxes" in mg.draw(L)


def test_a_box_says_how_many_and_what_became_of_them(network, monkeypatch):
    monkeypatch.setattr(scene_module, "MAX_BOXES", 7)
    x, L = network
    log = mg.Log()
    mg.grad(L, x.tape["layer2/block1/W"], log=log)
    found = boxes(L, log)
    assert (
        found["layer2/…"].op == "10 nodes"
        and found["layer2/…"].states[0] == ASKED
        and VISITED in found["layer2/…"].states
    )
    assert found["L"].states == (OUTPUT,)


def test_arrows_run_between_boxes_once(network, monkeypatch):
    monkeypatch.setattr(scene_module, "MAX_BOXES", 7)
    x, L = network
    log = mg.Log()
    mg.grad(L, x, log=log)
    found = make_scene(L, None, log, False)
    names = {b.id: b.name for b in found.boxes}
    assert [(names[a.operand], names[a.consumer], a.pulled) for a in found.arrows] == [
        ("x", "layer0/…", True), ("layer0/…", "layer1/…", True), ("layer1/…", "layer2/…", True), ("layer2/…", "L", True),
    ]  # fmt: skip


def test_boxes_that_lead_to_each_other_are_one(monkeypatch):
    monkeypatch.setattr(scene_module, "MAX_BOXES", 4)
    tape = mg.Tape()
    h = tape.leaf(1.0, name="x")
    for step in range(3):
        h = np.sin(np.cos(h).named(f"a/{step}")).named(f"b/{step}")
    assert set(boxes(np.exp(h).named("L"))) == {"x", "a/…, b/…", "L"}


def test_without_such_names_it_is_cut(monkeypatch):
    monkeypatch.setattr(scene_module, "MAX_BOXES", 3)
    h = mg.Tape().leaf(1.0, name="x")
    for _ in range(5):
        h = np.sin(h)
    assert "3 of 6 nodes" in mg.draw(h)


def test_the_page_plays_nodes(network, monkeypatch, tmp_path):
    monkeypatch.setattr(scene_module, "MAX_BOXES", 7)
    x, L = network
    log = mg.Log()
    mg.grad(L, x, log=log)
    assert "7 of 32 nodes" in mg.player(L, log=log, path=tmp_path / "walk.html").read_text(
        encoding="utf-8"
    )
