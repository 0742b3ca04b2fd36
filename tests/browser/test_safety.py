"""Names that would like to be markup or script, and a log of 20,000 events."""

import json
from html.parser import HTMLParser

import numpy as np
import pytest

import memograd as mg

RIGHT, LEFT, END = "\ue014", "\ue012", "\ue010"

RUN = "window.ran = true"

NASTY = [
    f"</script><script>{RUN}</script>",
    f"<img src=x onerror='{RUN}'>",
    f"</title></style><svg onload='{RUN}'>",
    f'"><iframe srcdoc="<script>parent.{RUN}</script>">',
    f"javascript:{RUN}",
    f"`;{RUN};//",
    "<!--<script>",
    "]]><base href=//example.org><link rel=stylesheet href=//example.org/x.css>",
    "$style ${data} \u2028 \u202e",
]


@pytest.fixture
def nasty(tape):
    """Every name and an op of the program are hostile."""

    def op(x):
        return 2.0 * x

    op.__name__ = op.__qualname__ = f"<script>{RUN}</script>"
    op = mg.op(op)
    mg.rule(op, x=lambda g: 2.0 * g)
    leaves = [tape.leaf(1.0, name=name) for name in NASTY]
    L, log = op(sum(leaves)).named(f"<b onclick='{RUN}'>L</b>"), mg.Log()
    mg.grad(L, leaves, log=log)
    return L, log


def test_no_name_runs_or_becomes_an_element(play, nasty):
    page = play(nasty)
    page.click("#teach")
    page.press(RIGHT, END)
    assert page.script("return window.ran") is None
    count = "return document.querySelectorAll(arguments[0]).length"
    assert page.script(count, "script") == 2
    assert (
        page.script(
            count,
            "img, iframe, base, b, link[rel=stylesheet], svg svg, [onclick], [onload], [onerror]",
        )
        == 0
    )
    names = page.script(
        "return [...document.querySelectorAll('#table th')].map((cell) => cell.textContent)"
    )
    assert sum("<img src=x onerror=" in name for name in names) == 1, "the name is shown as it is"


def test_the_page_s_policy_lets_nothing_in(play, walk):
    page = play(walk)
    blocked = page.driver.execute_async_script(
        """const [done] = arguments;
        document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
        fetch("data:text/plain,x").catch(() => 0);"""
    )
    assert blocked == "connect-src"
    assert len(page.complaints()) > 0, "the console, which the other tests find empty, is read"


# --------------------------------------------------------------------------------------------------- a long log


class Data(HTMLParser):
    """The data of a page."""

    text = ""
    inside = False

    def handle_starttag(self, tag, attrs):
        self.inside = ("id", "data") in attrs

    def handle_data(self, data):
        self.text += data if self.inside else ""


@pytest.fixture
def long(tape, rng):
    """A chain of 3,000 steps with an operand at each: more nodes than a picture holds, and 20,000 events."""
    leaves = [
        tape.leaf(value, name=f"x{k}") for k, value in enumerate(rng.uniform(0.9, 1.1, size=3_000))
    ]
    y, log = leaves[0], mg.Log()
    for x in leaves[1:]:
        y = y * x
    L = np.sin(y).named("L")
    for x in leaves:
        mg.grad(L, x, log=log)
    assert len(log.events) >= 20_000
    return L, log


def test_twenty_thousand_events_open_and_play(play, long, tmp_path):
    total = len(long[1].events)
    page = play(long)
    page.press(*[RIGHT] * 5)
    assert page.at == 5
    page.script(
        "const s = arguments[0]; s.value = arguments[1]; s.dispatchEvent(new Event('input'))",
        page["#slider"],
        total // 2,
    )
    assert page.said.startswith(f"Step {total // 2} of {total}.") and len(page.current) == 1
    page.press(END, LEFT)
    assert page.at == total - 1 and len(page.lines) <= 300 and len(page.rows) <= 300
    assert page["#table-title"].text == "Table: the last 300 of 5999 rows"
    seconds = page.script(
        """const begun = performance.now(), next = document.getElementById("back");
        for (let k = 0; k < 10; k++) next.click();
        document.body.getBoundingClientRect();
        return (performance.now() - begun) / 10000;"""
    )
    assert seconds < 2, "a step is far below a second, even on a slow machine"


def test_the_page_is_small_beside_its_data(long, walk, tmp_path):
    for asked in (walk, long):
        path = mg.player(asked[0], log=asked[1], path=tmp_path / "walk.html", overwrite=True)
        text = path.read_text(encoding="utf-8")
        data = Data()
        data.feed(text)
        assert len(json.loads(data.text)["steps"]) == len(asked[1].events)
        picture = text[text.index("<svg") : text.index("</svg>")]
        assert len(text.encode()) - len(data.text.encode()) - len(picture.encode()) < 40_000
