"""The page that plays a request: one HTML file that needs nothing else, neither a network nor a
server.
"""

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
from .scene import Scene, make_scene
from .svg import read_asset, render_svg


def player(L: Node, *, log: Log, path: str | Path = "walk.html") -> Path:
    """Write a page that plays what the requests of a log did, step by step.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.
    log : Log
        Of the requests to play.
    path : str or Path
        The file to write.

    Returns
    -------
    Path
        The file: the program's picture, the transcript, the table as it fills, and the chain rule's
        line of each step with its numbers. It goes forward and back by buttons, slider and keys;
        where *teach* is ticked, it asks what comes next.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Notes
    -----
    The page holds its own style and script, and loads nothing. Numbers are those that L's table
    holds when it is written: a
    step whose number was replaced since shows none. The same program and requests give the same
    file, byte for byte.

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
    found = make_scene(L, None, log, derivatives=False, fold=False)  # each step is that of a node
    played, before = list_steps(L, log)
    names = {b.id: printable(b.name) for b in found.boxes} | {
        n: printable(name) for n, name in log.node_names.items()
    }
    data = {"output": L.id, "names": names, "steps": played, "before": before}
    return Template(read_asset("page.html")).substitute(
        title=escape(printable(found.output.name)),
        style=read_asset("page.css"),
        script=read_asset("page.js"),
        picture=render_svg(initial_scene(found, {row["node"] for row in before}), legend=False),
        data=json_for_html(data),
    )


def initial_scene(found: Scene, held: set[int]) -> Scene:
    """Return the scene before the first step."""

    def state(n: int, states: tuple[str, ...]) -> tuple[str, ...]:
        """Return the state of a node."""
        first = states[0] if states[0] in (OUTPUT, ASKED) else EARLIER if n in held else UNTOUCHED
        return (first,)

    return found._replace(boxes=[b._replace(states=state(b.id, b.states)) for b in found.boxes])


def json_for_html(data: Any) -> str:
    """JSON that nothing in it can end: no character of it means anything to HTML."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
