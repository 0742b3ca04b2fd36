"""Every control of the player's page, by pointer and by keyboard alone."""

import pytest

UP, DOWN, LEFT, RIGHT, END, HOME, TAB, ENTER = (
    "\ue013",
    "\ue015",
    "\ue012",
    "\ue014",
    "\ue010",
    "\ue011",
    "\ue004",
    "\ue007",
)


def test_first_back_and_next(play, walk):
    page = play(walk)
    assert page.at == 0 and page.said == "20 steps. ∂L/∂L = 1 is known."
    assert (
        page["#first"].get_attribute("aria-disabled") == "true"
        and page["#next"].get_attribute("aria-disabled") == "false"
    )
    for _ in range(3):
        page.click("#next")
    assert page.at == 3 and page.said.startswith("Step 3 of 20. ∂L/∂g")
    page.click("#back")
    assert page.at == 2
    page.click("#first")
    assert page.at == 0


def test_each_step_writes_the_transcript_lights_its_node_and_fills_the_table(play, walk):
    L, log = walk
    page = play(walk)
    assert "c: np.matmul, (3,), not touched so far" in page.titles
    rows = set()
    for k, event in enumerate(log.events, 1):
        page.click("#next")
        shown = page.script("return document.querySelector('.graph .node.now .name').textContent")
        assert page.at == k and shown == L.tape[event.node].name
        assert len(page.current) == 1
        assert rows <= set(page.rows), "a derivative that is known stays known"
        rows = set(page.rows)
        assert event.kind not in ("store", "read") or f"∂L/∂{shown}" in rows
    assert page.lines == [line.strip() for line in str(log).splitlines()]
    levels = page.script(
        "return [...document.querySelectorAll('#transcript li')].map((item) => item.ariaLevel)"
    )
    assert levels == [
        str(1 + (len(line) - len(line.lstrip())) // 4) for line in str(log).splitlines()
    ], "the indent is told, too"
    assert rows == {"∂L/∂L", *(f"∂L/∂{name}" for name in log.stored)}
    assert (
        "c: np.matmul, (3,), read" in page.titles
        and "h: np.exp, (3,), never touched" in page.titles
    )
    assert (
        page.labels["c"] == "read"
        and page.labels["W3"] == "stored"
        and page.labels["h"] == "never touched"
    )


def test_the_slider_goes_anywhere(play, walk):
    page = play(walk)
    page.script(
        "const s = arguments[0]; s.value = 13; s.dispatchEvent(new Event('input'))", page["#slider"]
    )
    assert page.said.startswith("Step 13 of 20.")
    page.press(TAB)
    while page.focused != "slider":
        page.press(TAB)
    page.press(RIGHT)
    assert page.at == 14
    page.press(END, LEFT)
    assert page.at == 19
    assert page["#slider"].get_attribute("aria-valuetext") == "19 of 20"


def test_it_plays_to_the_end_and_again_from_the_start(play, walk):
    page = play(walk)
    page.script("arguments[0].value = '50'", page["#speed"])
    page.click("#play")
    page.wait(lambda page: page.at == 20 and not page.playing)
    page.click("#play")
    page.wait(lambda page: 0 < page.at < 20 or not page.playing)
    page.wait(lambda page: page.at == 20)


def test_another_speed_is_taken_while_it_plays(play, walk):
    page = play(walk)
    page.script("arguments[0].value = '2000'", page["#speed"])
    page.click("#play")
    assert page.playing
    page.script(
        "const s = arguments[0]; s.value = '50'; s.dispatchEvent(new Event('change'))",
        page["#speed"],
    )
    page.wait(lambda page: page.at == 20, seconds=30)  # at the speed before it takes 40


def test_it_pauses(play, walk):
    page = play(walk)
    page.script("arguments[0].value = '200'", page["#speed"])
    page.click("#play")
    page.wait(lambda page: page.at >= 2)
    page.click("#play")
    reached = page.at
    assert not page.playing
    page.driver.execute_async_script(
        "setTimeout(arguments[0], 500)"
    )  # a step that was still planned comes before
    assert page.at == reached < 20


def test_keys_move_from_anywhere(play, walk):
    page = play(walk)
    page.press(RIGHT, RIGHT, RIGHT, LEFT)
    assert page.at == 2
    page.press(END)
    assert page.at == 20
    page.press(HOME)
    assert page.at == 0
    page.press(" ")
    assert page.playing
    page.press(" ")
    assert not page.playing


def test_a_key_that_means_something_to_the_browser_is_left_to_it(play, walk):
    page = play(walk)
    page.script(
        """const press = (key, extra) => document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, ...extra}));
        press("ArrowRight", {altKey: true}); press("End", {ctrlKey: true}); press("Home", {metaKey: true});"""
    )
    assert page.at == 0


def test_the_keyboard_goes_on_where_a_button_has_come_to_its_end(play, walk):
    page = play(walk)
    page.script("arguments[0].focus()", page["#next"])
    page.press(*[ENTER] * 21)
    assert page.at == 20 and page.focused == "next"
    page.press(LEFT)
    assert page.at == 19


def reached_by_tab(page, most=30):
    """What the Tab key reaches, in order, each with whether one sees that it has the focus."""
    found = []
    for _ in range(most):
        page.press(TAB)
        name, seen = page.script(
            """const here = document.activeElement, style = getComputedStyle(here);
            return [here.id || here.name || here.getAttribute("aria-label") || here.className.split(" ")[0] || here.tagName,
                    style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2];"""
        )
        if found and name in (found[0][0], "BODY"):
            break
        found.append((name, seen))
    return found


def test_tab_reaches_everything_and_shows_where_it_is(play, walk):
    page = play(walk)
    page.press(END, LEFT)
    page.script("arguments[0].click()", page["#first"])
    page.press(RIGHT, RIGHT)
    page.script("arguments[0].click()", page["#teach"])
    names = reached_by_tab(page)
    wanted = [
        "first",
        "back",
        "next",
        "play",
        "speed",
        "large",
        "teach",
        "slider",
        "guess",
        "how",
        "how",
        "Program",
        "now",
    ]
    assert [name for name, _ in names if name in wanted] == wanted
    assert all(seen for _, seen in names)


def test_the_transcript_is_walked_by_keys(play, walk):
    page = play(walk)
    page.press(*[RIGHT] * 9)
    page.script("document.querySelector('#transcript [aria-current]').focus()")
    page.press(UP, UP)
    assert page.focused.startswith("∂c/∂W2") and page.litLines == [page.focused]
    page.press(DOWN)
    assert page.litNodes == [str(walk[0].tape["c"].id)]
    page.press(UP, ENTER)
    assert page.current == ["∂c/∂W2"] and page.focused == "∂c/∂W2"


def test_a_line_that_is_clicked_is_where_it_goes(play, walk):
    page = play(walk)
    page.press(END)
    page.line("∂L/∂g").click()
    assert page.at == 3


def test_the_pointer_on_a_line_lights_its_node_and_its_arrow(play, walk):
    page, node = play(walk), {name: walk[0].tape[name].id for name in "cbL"}
    page.press(END)
    page.point_at(page.line("∂b/∂c"))
    assert page.litNodes == [str(node["c"])] and page.litEdges == [f"{node['c']}-{node['b']}"]
    page.point_at(page.line("∂L/∂b"))
    assert page.litNodes == [str(node["b"])] and page.litEdges == [f"{node['b']}-{node['L']}"]
    page.point_at(page["h1"])
    assert page.litNodes == page.litEdges == page.litLines == []


def test_the_pointer_on_a_node_or_an_arrow_lights_its_lines(play, walk):
    page, node = play(walk), {name: walk[0].tape[name].id for name in "cb"}
    page.press(END)
    page.point_at(page[f"[data-node='{node['c']}']"])
    assert page.litNodes == [str(node["c"])]
    assert {line[:5] for line in page.litLines} == {"∂L/∂c", "∂b/∂c"}
    middle = page.script(
        """const path = document.querySelector(`[data-edge="${arguments[0]}"] .ahead`);
        const {x, y} = path.getPointAtLength(path.getTotalLength() / 2).matrixTransform(path.getScreenCTM());
        return [x - 4, y + 4];""",
        f"{node['c']}-{node['b']}",
    )
    page.point(*middle)
    assert page.litEdges == [f"{node['c']}-{node['b']}"] and page.litLines == ["∂b/∂c"], (
        "a little beside the line will do"
    )


def test_teaching_asks_and_judges(play, walk):
    log = walk[1]
    page = play(walk)
    page.click("#teach")
    assert page.asks and page.lines == []
    questions = [e for e in log.events if e.kind in ("visit", "read")]
    for k, event in enumerate(questions, 1):
        page.script("arguments[0].value = arguments[1]", page["#guess"], event.node)
        before = len(page.lines)
        page.click(f"#quiz button[value={'read' if event.kind == 'read' else 'store'}]")
        assert page.verdict.startswith("Right: ∂L/∂") and page.verdict.endswith(
            f" {k} of {k} right."
        )
        assert len(page.lines) > before, "the line comes with the answer"
    assert not page.asks
    page.click("#first")
    page.click("#quiz button[value=read]")
    assert page.verdict == f"No: ∂L/∂W1 comes next, and it is computed. {k} of {k + 1} right."
    page.click("#teach")
    assert not page.asks and page.verdict == ""


def test_teaching_by_keyboard_alone(play, walk):
    page = play(walk)
    while page.focused != "teach":
        page.press(TAB)
    page.press(" ", TAB, TAB)
    assert page.focused == "guess"
    page.press(*"∂L/∂W1", TAB, ENTER)
    assert page.verdict.startswith("Right: ∂L/∂W1 comes next, and it is computed.")


@pytest.mark.parametrize("built", ["an empty log", "another output's"])
def test_with_nothing_to_play(play, walk, built):
    import memograd as mg

    L, log = walk
    M, other = (L * 2.0).named("M"), mg.Log()
    if built != "an empty log":
        mg.grad(M, L.tape["W1"], log=other)
    page = play((L, other))
    page.press(END, HOME)
    page.click("#play")
    page.press(END)
    assert page.at == len(other.events) and not page.playing
    assert ("derivatives of M" in page.said) == bool(other.events)
