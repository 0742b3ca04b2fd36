"""Player page: one HTML file that plays a request, without a network or a server."""

import json
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from ..solver.gradients import grad
from ..solver.log import Log
from ..tape.node import Node
from ..text import printable
from .node_states import ASKED, EARLIER, MEANINGS, OUTPUT, STATES, UNTOUCHED, VISITED
from .player_steps import list_steps
from .scene import Box, Scene, make_scene
from .svg import css_class, outline, read_asset, render_svg

EVENT_LOOKS = {
    "visit": ("waiting", "waiting", "needed, not computed yet"),
    "store": ("stored", "stored", "computed and stored"),
    "read": ("read", "taken", "read from the table"),
    "drop": ("dropped", "wrong", "found wrong, computed anew"),
}
"""Label, CSS class and meaning of what an event makes of a node."""


def player(
    L: Node,
    x: Any = None,
    *,
    log: Log | None = None,
    path: str | Path = "walk.html",
    overwrite: bool = False,
) -> Path:
    """Write a page that plays a request for ∂L/∂x, or the requests of a log, step by step.

    Parameters
    ----------
    L : Node
        Scalar of an inexact dtype.
    x : Node, or pytree of them, optional
        Targets of a request, which is made and played.
    log : Log, optional
        Log of requests that were made before, in the place of `x`.
    path : str or Path
        File to write.
    overwrite : bool
        Whether a file that exists may be replaced.

    Returns
    -------
    Path
        The file. It shows the picture of the program with each derivative at its node, the
        transcript, the growing table, and the chain rule of each step with its numbers. Buttons, a
        slider and keys go forward and back. If *teach* is ticked, the page asks what comes next.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.
    TypeError
        If both `x` and `log` are given, or neither.
    FileExistsError
        If the file exists and `overwrite` is false.

    Notes
    -----
    The page contains its style and script, and loads nothing. Numbers are those that L's table
    holds when the page is written; a step whose number was replaced since shows none. The same
    program and requests give the same file, byte for byte.

    See Also
    --------
    draw : Return the picture alone.

    Examples
    --------
    >>> import tempfile, numpy as np, memograd as mg
    >>> tape = mg.Tape()
    >>> x = tape.leaf(2.0, name="x")
    >>> L = np.exp(np.sin(x).named("s")).named("L")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mg.player(L, x, path=f"{folder}/walk.html").name
    'walk.html'
    """
    path = Path(path)
    if (x is None) == (log is None):
        raise TypeError(
            "player takes the targets of a request or the log of earlier ones: player(L, x) or "
            "player(L, log=log)."
        )
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"{path} exists. Give another path, or overwrite=True to replace the file."
        )
    if log is None:
        log = Log()
        grad(L, x, log=log)
    path.write_text(page_html(L, log), encoding="utf-8", newline="\n")
    return path


def page_html(L: Node, log: Log) -> str:
    """Return the page as text."""
    # Each step belongs to one node, so nodes are not folded into boxes.
    picture = make_scene(L, None, log, derivatives=False, fold=False)
    steps, before = list_steps(L, log)
    names = {box.id: printable(box.name) for box in picture.boxes}
    names |= {n: printable(name) for n, name in log.node_names.items()}
    data = {"output": L.id, "names": names, "steps": steps, "before": before}
    first = initial_scene(picture, {row["node"] for row in before})
    return Template(read_asset("page.html")).substitute(
        title=escape(printable(picture.output.name)),
        style=read_asset("page.css"),
        script=read_asset("page.js"),
        picture=render_svg(first, legend=False),
        legend=legend_items(first, {step["kind"] for step in steps}),
        data=json_for_html(data),
    )


def initial_scene(picture: Scene, held: set[int]) -> Scene:
    """Return the scene before the first step, given the nodes with a cotangent in the table."""
    boxes = [box._replace(states=(initial_state(box, held),)) for box in picture.boxes]
    return picture._replace(boxes=boxes)


def initial_state(box: Box, held: set[int]) -> str:
    """Return the state of a node before the first step."""
    if box.states[0] in (OUTPUT, ASKED):
        return box.states[0]
    return EARLIER if box.id in held else UNTOUCHED


def legend_items(first: Scene, kinds: set[str]) -> str:
    """Return the legend of what a page shows: states before the first step, events, arrows."""
    before = {box.states[0] for box in first.boxes}
    states = [(state, css_class(state), MEANINGS[state]) for state in STATES if state in before]
    events = [
        (label, f"visited {look}", meaning)
        for kind, (label, look, meaning) in EVENT_LOOKS.items()
        if kind in kinds
    ]
    boxes = [
        legend_item(
            f'<g class="{look}" transform="translate(20 10)"><path class="shape" '
            f'd="{outline(label if look == css_class(label) else VISITED, 18, 8)}"/></g>',
            f"{label}: {meaning}",
        )
        for label, look, meaning in states + events
    ]
    arrows = [
        legend_item(f'<path class="arrow {look}" d="M2 10 H38"/>', text)
        for look, text in (("ahead", "a value is used"), ("back", "a derivative went back"))
    ]
    return "".join([*boxes, *arrows])


def legend_item(shape: str, text: str) -> str:
    """Return an item of the legend: a small picture and its meaning."""
    picture = f'<svg class="memograd" width="40" height="20" aria-hidden="true">{shape}</svg>'
    return f"<li>{picture}{text}</li>"


def json_for_html(data: Any) -> str:
    """Return JSON without characters that HTML interprets: no text in it ends the script."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
