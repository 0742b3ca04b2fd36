"""The picture of a scene as SVG text.

Shape, label and colour say the same thing, so that any one of them is enough.
"""

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from unicodedata import east_asian_width

from ..text import printable
from .layout import GraphLayout, Point, compute_layout
from .node_states import ASKED, DROPPED, EARLIER, MEANINGS, OUTPUT, READ, STATES, UNTOUCHED, VISITED
from .scene import Arrow, Box, Scene

BOX_HALF_WIDTH, BOX_HALF_HEIGHT = 60, 27
"""Half of a box's."""

MAX_TEXT_WIDTH = 104
"""For a text in a box."""

COLUMN_WIDTH, ROW_HEIGHT, MARGIN = 138, 98, 20

BACK_ARROW_OFFSET = 8
"""How far a backward arrow runs beside the forward one."""

SHAPE_PATHS = {
    OUTPUT: "M{l} 0 L{i} {t} H{j} L{r} 0 L{j} {b} H{i} Z",
    ASKED: "M{q} {t} A{h} {h} 0 0 1 {q} {b} H{p} A{h} {h} 0 0 1 {p} {t} Z",
    DROPPED: "M{l} {c} L{m} {t} H{n} L{r} {c} V{d} L{n} {b} H{m} L{l} {d} Z",
    READ: "M{l} {s} C{l} {t} {r} {t} {r} {s} V{u} C{r} {b} {l} {b} {l} {u} Z M{l} {s} C{l} {z} "
    "{r} {z} {r} {s}",
    VISITED: "M{l} {t} H{r} V{b} H{l} Z",
    EARLIER: "M{l} {t} H{n} L{r} {c} V{b} H{l} Z M{n} {t} V{c} H{r}",
    UNTOUCHED: "M{l} {t} H{r} V{b} H{l} Z",
}
"""Paths; see `outline` for the letters."""


def render_svg(scene: Scene, legend: bool = True) -> str:
    """Return a scene as SVG text."""
    found = compute_layout(
        [b.id for b in scene.boxes], [(a.operand, a.consumer) for a in scene.arrows]
    )
    place = {n: centre_of(at) for n, at in found.places.items()}
    states = (
        [state for state in STATES if any(b.states[0] == state for b in scene.boxes)]
        if legend
        else []
    )
    right = max(x for points in (found.places.values(), *found.bends.values()) for x, _ in points)
    below = max(y for _, y in place.values()) + BOX_HALF_HEIGHT + MARGIN
    width = max(right * COLUMN_WIDTH + 2 * (MARGIN + BOX_HALF_WIDTH), 330 if legend else 0)
    ways = [(a, arrow_points(a, place, found)) for a in scene.arrows]
    parts = [
        *(draw_edge(a, points) for a, points in ways),
        *(argnums_label(a, points[-1]) for a, points in ways if a.argnums),
        *(draw_node(b, place[b.id]) for b in scene.boxes),
        *(legend_row(state, below + 24 * k) for k, state in enumerate(states)),
    ]
    foot = below + 24 * len(states)
    if scene.note:
        parts.append(f'<text class="note" x="{MARGIN}" y="{foot:g}">{escape(scene.note)}</text>')
    return svg_element(scene, parts, width, foot + (MARGIN if scene.note else 0))


def centre_of(at: Point) -> Point:
    """Return where the middle of a box stands in the picture, from its column and row."""
    x, y = at
    return MARGIN + BOX_HALF_WIDTH + x * COLUMN_WIDTH, MARGIN + BOX_HALF_HEIGHT + y * ROW_HEIGHT


def svg_element(scene: Scene, parts: Iterable[str], width: float, height: float) -> str:
    """Return the whole element: its size, its words for who cannot see it, its style and its arrow
    heads.
    """
    title = f"The program of {escape_name(scene.output.name)}"
    about = (
        f"{len(scene.boxes)} nodes and {len(scene.arrows)} arrows, from the inputs at the top "
        f"down to {escape_name(scene.output.name)}."
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="memograd" role="img" viewBox="0 0 '
            f'{width:g} {height:g}" '
            f'width="{width:g}" height="{height:g}">',
            f"<title>{title}</title>",
            f"<desc>{about}</desc>",
            f"<style>{read_asset('figure.css')}</style>",
            f"<defs>{arrow_head('ahead', 'tip')}{arrow_head('back', 'back-tip')}</defs>",
            f'<rect class="paper" width="{width:g}" height="{height:g}"/>',
            *parts,
            "</svg>",
        ]
    )


@cache
def read_asset(name: str) -> str:
    """Return a text that lies beside this one."""
    return (files(__package__) / name).read_text(encoding="utf-8")


def arrow_head(name: str, tip: str) -> str:
    """Return an arrow head."""
    return (
        f'<marker id="memograd-{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        f'markerHeight="7" orient="auto" '
        f'markerUnits="userSpaceOnUse"><path class="{tip}" d="M0 0 L10 5 L0 10 Z"/></marker>'
    )


def escape_name(name: str, most: int = 60) -> str:
    """Return a name as XML text."""
    return escape(printable(name, most))


# boxes


def draw_node(b: Box, at: Point) -> str:
    """Return a box with its name, its op with its value or shape, and its states."""
    x, y = at
    states = ", ".join(b.states)
    what = f"{printable(b.op, 11)} {printable(b.value, 10)}"
    return (
        f'<g class="node {css_class(b.states[0])}" data-node="{b.id}" '
        f'transform="translate({x:g} {y:g})">'
        f"<title>{escape_name(b.name)}: {escape_name(b.op)}, {escape_name(b.value)}, "
        f"{states}</title>"
        f'<path class="shape" d="{outline(b.states[0], BOX_HALF_WIDTH, BOX_HALF_HEIGHT)}"/>'
        f'<text class="name" '
        f'y="-8"{fit_attributes(printable(b.name, 13), 9)}>{escape_name(b.name, 13)}</text>'
        f'<text class="value" y="6"{fit_attributes(what, 6)}>{escape(what)}</text>'
        f'<text class="state" y="20">{states}</text></g>'
    )


def fit_attributes(text: str, letter: float) -> str:
    """Return the attributes that keep a text of wide letters inside its box."""
    wide = (
        sum(1.5 * letter if east_asian_width(sign) in "WF" else letter for sign in text)
        > MAX_TEXT_WIDTH
    )
    return f' textLength="{MAX_TEXT_WIDTH}" lengthAdjust="spacingAndGlyphs"' if wide else ""


def css_class(state: str) -> str:
    """Return the class of a state."""
    return state.replace(" ", "-")


def outline(state: str, w: float, h: float) -> str:
    """Return a state's shape, around (0, 0): left, right, top, bottom, and lines a little inside of
    them.
    """
    slant, corner, lid = h / 2, h / 3, h / 7
    letters = {
        "l": -w,
        "r": w,
        "t": -h,
        "b": h,
        "h": h,
        "i": slant - w,
        "j": w - slant,
        "m": corner - w,
        "n": w - corner,
    }
    letters |= {
        "c": corner - h,
        "d": h - corner,
        "s": lid - h,
        "u": h - lid,
        "z": 2 * lid - h,
        "p": h - w,
        "q": w - h,
    }
    return SHAPE_PATHS[state].format(**{letter: f"{at:g}" for letter, at in letters.items()})


def legend_row(state: str, y: float) -> str:
    """Return a line of the legend."""
    return (
        f'<g class="key {css_class(state)}" transform="translate({MARGIN + 18} {y:g})"><path '
        f'class="shape" d="{outline(state, 18, 8)}"/>'
        f'<text class="meaning" x="28" y="4">{state}: {MEANINGS[state]}</text></g>'
    )


# arrows


def arrow_points(a: Arrow, place: dict[int, Point], found: GraphLayout) -> list[Point]:
    """Return the points that an arrow passes: out at the bottom of a box, between other boxes, in
    at the top of another.
    """
    between = [centre_of(at) for at in found.bends.get((a.operand, a.consumer), ())]
    (x, y), (u, v) = place[a.operand], place[a.consumer]
    after, before = [*between, (u, v)][0], [(x, y), *between][-1]
    return [
        (x + port_offset(after[0] - x), y + BOX_HALF_HEIGHT),
        *between,
        (u + port_offset(before[0] - u), v - BOX_HALF_HEIGHT),
    ]


def port_offset(away: float) -> float:
    """Return where an arrow leaves a box, along its edge, towards a point so far to the side."""
    return max(-0.5 * BOX_HALF_WIDTH, min(0.5 * BOX_HALF_WIDTH, away / 6))


def curve_path(points: list[Point]) -> str:
    """Return a smooth path that is upright at each of its points."""
    (x, y), *rest = points
    text = f"M{x:g} {y:g}"
    for u, v in rest:
        text += f" C{x:g} {(y + v) / 2:g} {u:g} {(y + v) / 2:g} {u:g} {v:g}"
        x, y = u, v
    return text


def draw_edge(a: Arrow, points: list[Point]) -> str:
    """Return an edge: the forward arrow, and the backward arrow beside it."""
    back = [(x + BACK_ARROW_OFFSET, y) for x, y in reversed(points)]
    return (
        f'<g class="edge" data-edge="{a.operand}-{a.consumer}">'
        f'<path class="ahead" marker-end="url(#memograd-ahead)" d="{curve_path(points)}"/>'
        + (
            f'<path class="back" marker-end="url(#memograd-back)" d="{curve_path(back)}"/>'
            if a.pulled
            else ""
        )
        + "</g>"
    )


def argnums_label(a: Arrow, end: Point) -> str:
    """Return the positions of an operand, beside the end of its arrow."""
    return f'<text class="argnums" x="{end[0] - 10:g}" y="{end[1] - 3:g}">{a.argnums}</text>'
