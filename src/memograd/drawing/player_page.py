"""Player page: one HTML file that plays a request, without a network or a server."""

import json
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from ..solver.log import Log
from ..tape.node import Node
from ..text import printable
from .node_states import ASKED, EARLIER, OUTPUT, UNTOUCHED
from .player_steps import list_steps
from .scene import Box, Scene, make_scene
from .svg import read_asset, render_svg


def player(L: Node, *, log: Log, path: str | Path = "walk.html") -> Path:
    """Write a page that plays what the requests of a log did, step by step.

    Parameters
    ----------
    L : Node
        Scalar of an inexact dtype.
    log : Log
        Log of the requests to play.
    path : str or Path
        File to write.

    Returns
    -------
    Path
        The file. It shows the picture of the program, the transcript, the growing table, and the
        chain rule of each step with its numbers. Buttons, a slider and keys go forward and back.
        If *teach* is ticked, the page asks what comes next.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

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
    >>> log = mg.Log()
    >>> _ = mg.grad(L, x, log=log)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mg.player(L, log=log, path=f"{folder}/walk.html").name
    'walk.html'
    """
    path = Path(path)
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


def json_for_html(data: Any) -> str:
    """Return JSON without characters that HTML interprets: no text in it ends the script."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
