"""The page narrow and wide, light and dark: nothing is cut, the step is in view, and everything can be told from its ground."""

import re

import numpy as np
import pytest

import memograd as mg
from memograd.drawing.node_states import STATES
from memograd.drawing.svg import css_class

RIGHT, END = "\ue014", "\ue010"

SIZES = [(400, 800), (1280, 900), (2000, 1100), (320, 256)]

CUT = """
const scrolls = (item) => item && (/auto|scroll/.test(getComputedStyle(item).overflowX) || scrolls(item.parentElement));
return [...document.querySelectorAll("body *:not(svg *):not(script):not(style):not(option)")].filter((item) => {
  const {left, right, width} = item.getBoundingClientRect();
  const outside = width && (left < 0 || right > document.documentElement.clientWidth);
  const inside = item.scrollWidth > item.clientWidth + 1 && /hidden|clip/.test(getComputedStyle(item).overflowX);
  return (outside || inside) && !scrolls(item.parentElement);
}).map((item) => item.tagName + " " + (item.id || item.className) + ": " + item.textContent.slice(0, 40));
"""

OUT_OF_VIEW = """
const [item, box] = arguments, letters = document.createRange();
letters.selectNodeContents(item);
const inner = (item.ownerSVGElement ? item : letters).getBoundingClientRect(), outer = box.getBoundingClientRect();
const right = outer.left + box.clientWidth + 1, bottom = outer.top + box.clientHeight + 1;
return !(inner.width > 0 && outer.left - 1 <= inner.left && outer.top - 1 <= inner.top && inner.bottom <= bottom
  && (inner.right <= right || inner.left < outer.left + 60)) && [item.textContent, inner.toJSON(), outer.toJSON()];
"""


@pytest.fixture
def wordy(tape):
    """Names that have no end, in letters of every width, and values that are long."""
    x = tape.leaf(np.full((2, 2), 1e-300), name="x" * 200)
    y = tape.leaf(1.0, name="日本語のとても長い名前" * 9)
    L, log = np.sum(x * y).named("a_loss_that_somebody_named_at_length" * 4), mg.Log()
    mg.grad(L, [x, y], log=log)
    return L, log


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("asked", ["walk", "network", "wordy"])
def test_nothing_is_cut_and_the_page_does_not_scroll_sideways(play, request, asked, width, height):
    page = play(request.getfixturevalue(asked), width=width, height=height)
    page.script("arguments[0].click()", page["#teach"])
    for key in (RIGHT, END):
        page.press(key)
        assert (
            page.script(
                "const {scrollWidth, clientWidth} = document.documentElement; return scrollWidth - clientWidth"
            )
            == 0
        )
        assert page.script(CUT) == []


@pytest.mark.parametrize("width", [400, 1280, 2000])
def test_the_line_and_the_node_of_each_step_are_in_view(play, network, width):
    page = play(network, width=width, height=700)
    for _ in network[1].events:
        page.press(RIGHT)
        assert not page.script(OUT_OF_VIEW, page["#transcript .now"], page[".told"])
        assert not any(
            page.script(OUT_OF_VIEW, row, page[".held"]) for row in page.all("#table .lit th")
        )
        assert not page.script(OUT_OF_VIEW, page[".graph .node.now"], page[".graph"])


@pytest.mark.parametrize("width", [400, 1600])
def test_the_picture_fits_and_is_enlarged_on_request(play, walk, width):
    page = play(walk, width=width, height=800)
    sideways = "return arguments[0].scrollWidth - arguments[0].clientWidth"
    assert page.script(sideways, page[".graph"]) == 0
    sizes = """return [...document.querySelectorAll('.graph .name')].map((text) =>
        parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)"""
    assert min(page.script(sizes)) > 8
    page.script("arguments[0].click()", page["#large"])
    assert min(page.script(sizes)) > 10
    assert (page.script(sideways, page[".graph"]) > 0) == (width == 400)


@pytest.mark.parametrize("width", [400, 1600])
def test_each_derivative_stands_at_its_node(play, walk, width):
    page = play(walk, width=width, height=800)
    written = """return Object.fromEntries([...document.querySelectorAll('.graph .node')].map((g) =>
        [g.querySelector('.name').textContent, g.querySelector('.derivative').textContent]))"""
    assert {name for name, text in page.script(written).items() if text} == {"L"}
    page.press(END)
    known = {name: text for name, text in page.script(written).items() if text}
    assert set(known) == {"L", *walk[1].stored}
    assert known["L"] == "∂ = 1" and known["W2"] == "∂ = (3, 4)"
    overlap = """const boxes = [...document.querySelectorAll('.graph .shape')].map((s) => s.getBoundingClientRect());
        return [...document.querySelectorAll('.graph .derivative')].map((t) => t.getBoundingClientRect())
          .filter((t) => t.width && boxes.some((b) => t.left < b.right - 1 && b.left < t.right - 1 && t.top < b.bottom - 3 && b.top < t.bottom - 1)).length"""
    assert page.script(overlap) == 0


def test_an_array_opens_and_stays_open_from_step_to_step(play, walk):
    page = play(walk)
    page.press(END)
    page.click("#table summary")
    numbers = "return document.querySelector('#table pre')?.checkVisibility() && document.querySelector('#table pre').textContent"
    rows = page.script(numbers)
    assert rows.startswith("[[") and rows.count("\n") == 2
    page.press("\ue012", RIGHT)
    assert page.script(numbers) == rows


def test_headings_stay_in_view_when_their_lists_scroll(play, network):
    page = play(network, width=1280, height=700)
    page.press(END)
    for box in (".told", ".held"):
        tops = "arguments[0].scrollTop = 99; return [arguments[0].scrollTop, arguments[0].querySelector('h2').getBoundingClientRect().top - arguments[0].getBoundingClientRect().top]"
        scrolled, top = page.script(tops, page[box])
        assert scrolled > 0 and 0 <= top < 4


def test_a_line_is_as_far_in_as_it_is_deep(play, network):
    page = play(network)
    page.press(END)
    lefts = "return [...document.querySelectorAll('#transcript button')].map((line) => line.getBoundingClientRect().left)"
    depths = [(len(line) - len(line.lstrip())) // 4 for line in str(network[1]).splitlines()]
    places = sorted(
        {(depth, round(left)) for depth, left in zip(depths, page.script(lefts), strict=True)}
    )
    assert [depth for depth, _ in places] == list(range(max(depths) + 1)), (
        "lines of one depth begin in one place"
    )
    assert (np.diff([left for _, left in places]) > 20).all()


@pytest.mark.parametrize(("width", "height"), [(400, 800), (1280, 800), (2000, 1100)])
def test_the_controls_and_the_program_are_seen_together(play, network, width, height):
    page = play(network, width=width, height=height)
    page.click("#teach")
    page.press(*[RIGHT] * 9)
    assert (
        page.script(
            "return innerHeight - arguments[0].getBoundingClientRect().bottom", page[".graph"]
        )
        >= 0
    )


def test_the_controls_leave_room_on_a_low_window(play, walk):
    page = play(walk, width=400, height=500)
    page.script("arguments[0].click(); scrollTo(0, 9999)", page["#teach"])
    assert (
        page.script("return arguments[0].getBoundingClientRect().bottom", page[".controls"]) < 250
    )


# --------------------------------------------------------------------------------------------------- colours

COLOURS = """
const ground = (item) => {
  for (; item; item = item.parentElement) {
    const colour = getComputedStyle(item).backgroundColor;
    if (!/, 0\\)$|transparent/.test(colour)) return colour;
  }
};
const all = (where) => [...document.querySelectorAll(where)];
const paper = getComputedStyle(document.querySelector(".memograd .paper")).fill;
return {
  letters: [
    ...all(".memograd text").map((item) => [item.textContent, getComputedStyle(item).fill, paper]),
    ...all("h1, h2, p, button, label, th, td").filter((item) => item.getAttribute("aria-disabled") !== "true")
      .map((item) => [item.textContent, getComputedStyle(item).color, ground(item)])],
  lines: all(".memograd .shape, .memograd .ahead, .memograd .back")
    .map((item) => [item.parentNode.textContent, getComputedStyle(item).stroke, paper]),
};
"""


def lightness(colour):
    """The relative luminance of `rgb(…)`, as WCAG defines it."""
    channels = np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4) @ [
        0.2126,
        0.7152,
        0.0722,
    ]


def contrast(one, other):
    low, high = sorted([lightness(one), lightness(other)])
    return (high + 0.05) / (low + 0.05)


def every_state(tape):
    """A program with nodes in each state that a picture can show."""
    W, x, y, z = (
        tape.leaf(value, name=name)
        for value, name in zip((2.0, 3.0, 4.0, 5.0), "Wxyz", strict=True)
    )
    s, log = np.sin((x * W).named("h")).named("s"), mg.Log()
    L = (s * y + np.floor(z) + np.exp(np.cos(z))).named("L")
    mg.grad(L, [x, y])
    tape.assign({W: 3.5})
    mg.grad(L, [x, z], log=log)
    return L, log


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_and_lines_stand_out_from_their_ground(play, tape, scheme):
    page = play(every_state(tape), scheme=scheme)
    for key in [RIGHT] * 4 + [END]:
        page.press(key)
        colours = page.script(COLOURS)
        assert (lightness(colours["letters"][0][2]) < 0.2) == (scheme == "dark")
        assert [row for row in colours["letters"] if contrast(*row[1:]) < 4.5] == []
        assert [row for row in colours["lines"] if contrast(*row[1:]) < 3] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_by_itself_stands_out_too(browser, tmp_path, tape, scheme):
    L, log = every_state(tape)
    path = tmp_path / "picture.svg"
    path.write_text(mg.draw(L, log=log), encoding="utf-8")
    browser.look(scheme=scheme)
    browser.open(path)
    colours = browser.script(COLOURS)
    shown = set(
        browser.script(
            "return [...document.querySelectorAll('.node')].map((node) => node.classList[1])"
        )
    )
    assert shown == {css_class(state) for state in STATES}
    assert [row for row in colours["letters"] if contrast(*row[1:]) < 4.5] == []
    assert [row for row in colours["lines"] if contrast(*row[1:]) < 3] == []
