"""Scene as SVG text.

Shape, label and colour each tell the state of a node, so any one of them is enough.
"""

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from unicodedata import east_asian_width

from ..text import printable
from .layered_layout import spread
from .layout import GraphLayout, Point, compute_layout
from .node_states import ASKED, DROPPED, EARLIER, MEANINGS, OUTPUT, READ, STATES, UNTOUCHED, VISITED
from .scene import Arrow, Box, Scene

BOX_HALF_WIDTH, BOX_HALF_HEIGHT = 60, 27
"""Half of the width and of the height of a box."""

MAX_TEXT_WIDTH = 104
"""Maximal width of a text in a box."""

COLUMN_WIDTH, ROW_HEIGHT, MARGIN = 138, 98, 20

LEGEND_ROW_HEIGHT, LEGEND_WIDTH = 24, 330

BACK_ARROW_OFFSET = 8
"""Distance of a backward arrow from the forward one beside it."""

PORT_REACH, PORT_GAP = 30, 26
"""Greatest distance of a port from the middle of a side, and distance of ports if there is room:
enough for a backward arrow and a label between two of them.
"""

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
"""Outline of each state as an SVG path. `outline` explains the letters."""


def render_svg(scene: Scene, legend: bool = True) -> str:
    """Return a scene as SVG text."""
    edges = [(arrow.operand, arrow.consumer) for arrow in scene.arrows]
    layout = compute_layout([box.id for box in scene.boxes], edges)
    place = {n: centre_of(at) for n, at in layout.places.items()}
    ways = route_arrows(scene.arrows, place, layout)
    points = list(zip(scene.arrows, ways, strict=True))
    states = legend_states(scene) if legend else []
    below = max(y for _, y in place.values()) + BOX_HALF_HEIGHT + MARGIN
    foot = below + LEGEND_ROW_HEIGHT * len(states)
    parts = [
        *(draw_edge(arrow, way) for arrow, way in points),
        *(argnums_label(arrow, way[-1]) for arrow, way in points if arrow.label),
        *(draw_node(box, place[box.id]) for box in scene.boxes),
        *(legend_row(state, below + LEGEND_ROW_HEIGHT * k) for k, state in enumerate(states)),
    ]
    if scene.note:
        parts.append(f'<text class="note" x="{MARGIN}" y="{foot:g}">{escape(scene.note)}</text>')
    width = max(picture_width(layout), LEGEND_WIDTH if legend else 0)
    return svg_element(scene, parts, width, foot + (MARGIN if scene.note else 0))


def legend_states(scene: Scene) -> list[str]:
    """Return the main states of the boxes, in the order of the legend."""
    present = {box.states[0] for box in scene.boxes}
    return [state for state in STATES if state in present]


def picture_width(layout: GraphLayout) -> float:
    """Return the width of a picture that holds all boxes and bends."""
    points = (layout.places.values(), *layout.bends.values())
    right = max(x for some in points for x, _ in some)
    return right * COLUMN_WIDTH + 2 * (MARGIN + BOX_HALF_WIDTH)


def centre_of(at: Point) -> Point:
    """Return the centre of a box in the picture, from its column and row."""
    x, y = at
    return MARGIN + BOX_HALF_WIDTH + x * COLUMN_WIDTH, MARGIN + BOX_HALF_HEIGHT + y * ROW_HEIGHT


def svg_element(scene: Scene, parts: Iterable[str], width: float, height: float) -> str:
    """Return the SVG element: size, accessible title and description, style, markers, and parts."""
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
    """Return the text of a file of this folder."""
    return (files(__package__) / name).read_text(encoding="utf-8")


def arrow_head(name: str, tip: str) -> str:
    """Return the marker of an arrow head."""
    return (
        f'<marker id="memograd-{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        f'markerHeight="7" orient="auto" '
        f'markerUnits="userSpaceOnUse"><path class="{tip}" d="M0 0 L10 5 L0 10 Z"/></marker>'
    )


def escape_name(name: str, most: int = 60) -> str:
    """Return a name as XML text."""
    return escape(printable(name, most))


# Boxes


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
        f'<text class="state" y="20"{fit_attributes(states, 6)}>{states}</text></g>'
    )


def fit_attributes(text: str, letter: float) -> str:
    """Return attributes that squeeze a text into its box; nothing if it fits."""
    width = sum(1.5 * letter if east_asian_width(sign) in "WF" else letter for sign in text)
    if width <= MAX_TEXT_WIDTH:
        return ""
    return f' textLength="{MAX_TEXT_WIDTH}" lengthAdjust="spacingAndGlyphs"'


def css_class(state: str) -> str:
    """Return the CSS class of a state."""
    return state.replace(" ", "-")


def outline(state: str, w: float, h: float) -> str:
    """Return the outline of a state around (0, 0), with half the width w and half the height h.

    The letters of the path are coordinates: left, right, top, bottom, and lines inside of them.
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
    """Return a row of the legend."""
    return (
        f'<g class="key {css_class(state)}" transform="translate({MARGIN + 18} {y:g})"><path '
        f'class="shape" d="{outline(state, 18, 8)}"/>'
        f'<text class="meaning" x="28" y="4">{state}: {MEANINGS[state]}</text></g>'
    )


# Arrows


def route_arrows(
    arrows: list[Arrow], place: dict[int, Point], layout: GraphLayout
) -> list[list[Point]]:
    """Return the points of each arrow: at the bottom of a box, between others, at the top of one.

    A row of boxes is crossed upright, so that an arrow goes sideways between rows alone.
    """
    between = [row_crossings(layout.bends.get((a.operand, a.consumer), ())) for a in arrows]
    starts, ends = [place[a.operand] for a in arrows], [place[a.consumer] for a in arrows]
    towards = [[*way, end][0] for way, end in zip(between, ends, strict=True)]
    whence = [[start, *way][-1] for way, start in zip(between, starts, strict=True)]
    bottoms = spread_ports([a.operand for a in arrows], starts, towards)
    tops = spread_ports([a.consumer for a in arrows], ends, whence)
    return [
        [(out, start[1] + BOX_HALF_HEIGHT), *way, (into, end[1] - BOX_HALF_HEIGHT)]
        for out, start, way, into, end in zip(bottoms, starts, between, tops, ends, strict=True)
    ]


def row_crossings(bends: Iterable[Point]) -> list[Point]:
    """Return the points at which an arrow enters and leaves each row of boxes that it crosses."""
    heights = (-BOX_HALF_HEIGHT, BOX_HALF_HEIGHT)
    return [(x, y + height) for x, y in map(centre_of, bends) for height in heights]


def spread_ports(boxes: list[int], centres: list[Point], others: list[Point]) -> list[float]:
    """Return where arrows meet a side of their boxes: towards their other points, and apart.

    Parameters
    ----------
    boxes : list of int
        Box of each arrow.
    centres : list of tuple of float
        Centre of that box.
    others : list of tuple of float
        Next point of the arrow.
    """
    arrows_of: dict[int, list[int]] = {}
    for k in sorted(range(len(boxes)), key=lambda k: others[k][0]):
        arrows_of.setdefault(boxes[k], []).append(k)
    ports = [0.0] * len(boxes)
    for arrows in arrows_of.values():
        centre = centres[arrows[0]][0]
        wanted = [clip_port((others[k][0] - centre) / 6) for k in arrows]
        gap = min(PORT_GAP, 2 * PORT_REACH / max(1, len(arrows) - 1))
        offsets = spread(wanted, [1.0] * len(arrows), [gap * k for k in range(len(arrows))])
        back = clip_port(offsets[0]) - offsets[0] + clip_port(offsets[-1]) - offsets[-1]
        for k, offset in zip(arrows, offsets, strict=True):
            ports[k] = centre + offset + back
    return ports


def clip_port(offset: float) -> float:
    """Return the offset of a port from the middle of its side, no further out than ports are."""
    return max(-PORT_REACH, min(PORT_REACH, offset))


def curve_path(points: list[Point]) -> str:
    """Return a smooth path that is vertical at each of its points."""
    (x, y), *rest = points
    text = f"M{x:g} {y:g}"
    for u, v in rest:
        middle = (y + v) / 2
        text += f" V{v:g}" if u == x else f" C{x:g} {middle:g} {u:g} {middle:g} {u:g} {v:g}"
        x, y = u, v
    return text


def draw_edge(a: Arrow, points: list[Point]) -> str:
    """Return an edge: the forward arrow, and the backward arrow beside it."""
    ahead = f'<path class="ahead" marker-end="url(#memograd-ahead)" d="{curve_path(points)}"/>'
    back = ""
    if a.pulled:
        beside = [(x + BACK_ARROW_OFFSET, y) for x, y in reversed(points)]
        back = f'<path class="back" marker-end="url(#memograd-back)" d="{curve_path(beside)}"/>'
    return f'<g class="edge" data-edge="{a.operand}-{a.consumer}">{ahead}{back}</g>'


def argnums_label(a: Arrow, end: Point) -> str:
    """Return the positions of an operand, beside the end of its arrow."""
    return f'<text class="argnums" x="{end[0] - 10:g}" y="{end[1] - 3:g}">{a.label}</text>'
