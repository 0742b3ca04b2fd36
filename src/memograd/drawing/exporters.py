"""Pictures of a program as SVG, and in the formats of other programs that draw graphs."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import networkx as nx

from ..solver.log import Log
from ..tape.node import Node
from ..text import printable
from .node_states import ASKED, DROPPED, EARLIER, OUTPUT, READ, UNTOUCHED, VISITED
from .scene import Box, Scene, make_scene
from .svg import render_svg

DOT_SHAPES = {
    OUTPUT: "shape=hexagon",
    ASKED: "shape=box, style=rounded, penwidth=3",
    DROPPED: "shape=octagon",
    READ: "shape=cylinder",
    VISITED: "shape=box",
    EARLIER: "shape=note",
    UNTOUCHED: "shape=box, style=dashed",
}

MERMAID_SHAPES = {
    OUTPUT: ("{{", "}}"),
    ASKED: ("([", "])"),
    DROPPED: ("[/", "/]"),
    READ: ("[(", ")]"),
    VISITED: ("[", "]"),
    EARLIER: ("[[", "]]"),
    UNTOUCHED: ("(", ")"),
}


class SVGText(str):
    """SVG text that a notebook shows as a picture."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


def draw(
    L: Node,
    targets: Any = None,
    *,
    log: Log | None = None,
    derivatives: bool = False,
    format: str = "svg",
) -> str:
    r"""Return a picture of the program around L, and of what a request did at each node.

    Parameters
    ----------
    L : Node
        Scalar of an inexact dtype.
    targets : Node, or pytree of them, optional
        Targets of the request. By default, those that the log names.
    log : Log, optional
        Log of the requests to show. Without it, all that L's table holds is *stored earlier*.
    derivatives : bool
        Whether to draw the nodes that record derivatives, too. Those that L itself depends on are
        always drawn.
    format : {"svg", "dot", "mermaid", "graphml", "json"}
        Language of the result:

        - ``svg``: one SVG element with its own style, light or dark as the reader prefers.
          A notebook shows it as a picture.
        - ``dot``: the language of Graphviz.
        - ``mermaid``: a flowchart, which many sites show in Markdown.
        - ``graphml``: XML that yEd, Gephi and Cytoscape read. Nodes have the attributes
          `name op value states`, edges `argnums` and `pulled`.
        - ``json``: the node-link form of networkx, with the same attributes, which D3 and
          Cytoscape.js read.

    Returns
    -------
    str
        Nodes are *asked for, dropped, read, visited, stored earlier* or *never touched*. Shape,
        label and colour each say which. A second, broken arrow beside an edge shows that a
        derivative went back along it.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.
    ValueError
        If the format is none of these.

    See Also
    --------
    player : Write a page that plays the requests step by step.

    Notes
    -----
    Nothing is computed: a value that is evicted or maybe stale is not shown.

    More than 3,000 nodes are folded by the prefixes of their names, `layer1/W` and `layer1/b` into
    `layer1/…`, no further than necessary. If their names do not allow it, the nodes that the log
    names are drawn, or else those nearest L. A note in the picture says so.

    Each row holds a topological generation, counted from L. Rows are ordered so that few arrows
    cross, and long arrows pass between the boxes; they are straight if there are so many that they
    cannot be followed by eye.

    Examples
    --------
    >>> import json, numpy as np, memograd as mg
    >>> tape = mg.Tape()
    >>> x = tape.leaf(2.0, name="x")
    >>> L = np.exp(x).named("L")
    >>> mg.draw(L, x)[:4]
    '<svg'
    >>> print(mg.draw(L, x, format="dot"))
    digraph {
      0 [shape=box, style=rounded, penwidth=3, label="x\nleaf 2\nasked for"];
      1 [shape=hexagon, label="L\nnp.exp 7.389\noutput"];
      0 -> 1;
    }
    >>> print(mg.draw(L, x, format="mermaid"))
    flowchart TD
      n0(["x<br>leaf 2<br>asked for"])
      n1{{"L<br>np.exp 7.389<br>output"}}
      n0 --> n1
    >>> json.loads(mg.draw(L, x, format="json"))["edges"]
    [{'argnums': '', 'pulled': False, 'source': 0, 'target': 1}]
    """
    if format not in WRITERS:
        names = ", ".join(map(repr, WRITERS))
        raise ValueError(f"format is {names}, not {printable(repr(format))}.")
    return WRITERS[format](make_scene(L, targets, log, derivatives))


def write_svg(picture: Scene) -> SVGText:
    """Return a scene as SVG text that notebooks show as a picture."""
    return SVGText(render_svg(picture))


def write_dot(picture: Scene) -> str:
    """Return a scene in DOT, the language of Graphviz."""
    note = [f"  // {picture.note}"] if picture.note else []
    return "\n".join(["digraph {", *note, *dot_nodes(picture), *dot_edges(picture), "}"])


def dot_nodes(picture: Scene) -> Iterator[str]:
    """Yield a line of DOT for each box."""
    for box in picture.boxes:
        label = "\\n".join(escape_dot(line) for line in label_lines(box))
        yield f'  {box.id} [{DOT_SHAPES[box.states[0]]}, label="{label}"];'


def dot_edges(picture: Scene) -> Iterator[str]:
    """Yield a line of DOT for each arrow, and a broken one back where a derivative went."""
    for arrow in picture.arrows:
        label = f' [headlabel="{arrow.label}"]' if arrow.label else ""
        yield f"  {arrow.operand} -> {arrow.consumer}{label};"
        if arrow.pulled:
            yield f"  {arrow.consumer} -> {arrow.operand} [style=dashed, constraint=false];"


def escape_dot(line: str) -> str:
    """Return a line as it must stand between the quotes of a label in DOT."""
    return line.replace("\\", "\\\\").replace('"', '\\"')


def write_mermaid(picture: Scene) -> str:
    """Return a scene as a flowchart in Mermaid."""
    note = [f"  %% {picture.note}"] if picture.note else []
    return "\n".join(["flowchart TD", *note, *mermaid_nodes(picture), *mermaid_edges(picture)])


def mermaid_nodes(picture: Scene) -> Iterator[str]:
    """Yield a line of Mermaid for each box."""
    for box in picture.boxes:
        opening, closing = MERMAID_SHAPES[box.states[0]]
        label = "<br>".join(escape_mermaid(line) for line in label_lines(box))
        yield f'  n{box.id}{opening}"{label}"{closing}'


def mermaid_edges(picture: Scene) -> Iterator[str]:
    """Yield a line of Mermaid for each arrow, and a dotted one back where a derivative went."""
    for arrow in picture.arrows:
        label = f"|{arrow.label}|" if arrow.label else ""
        yield f"  n{arrow.operand} -->{label} n{arrow.consumer}"
        if arrow.pulled:
            yield f"  n{arrow.consumer} -.-> n{arrow.operand}"


def escape_mermaid(line: str) -> str:
    """Return a line with every character that Mermaid could interpret as its number."""
    return "".join(c if c.isalnum() or c in " _.,()∂/-" else f"#{ord(c)};" for c in line)


def write_graphml(picture: Scene) -> str:
    """Return a scene as GraphML."""
    return "\n".join(nx.generate_graphml(as_digraph(picture)))


def write_json(picture: Scene) -> str:
    """Return a scene as JSON in the node-link form of networkx."""
    return json.dumps(nx.node_link_data(as_digraph(picture), edges="edges"))


def as_digraph(picture: Scene) -> nx.DiGraph:
    """Return a scene as a DiGraph whose attributes are printable: XML has no control characters."""
    graph = nx.DiGraph(note=picture.note)
    for box in picture.boxes:
        graph.add_node(
            box.id,
            name=printable(box.name),
            op=printable(box.op),
            value=printable(box.value),
            states=", ".join(box.states),
        )
    for arrow in picture.arrows:
        graph.add_edge(arrow.operand, arrow.consumer, argnums=arrow.argnums, pulled=arrow.pulled)
    return graph


def label_lines(box: Box) -> list[str]:
    """Return the three lines of a box's label: its name, its op and value, its states."""
    what = f"{printable(box.op)} {printable(box.value)}"
    return [printable(box.name), what, ", ".join(box.states)]


WRITERS: dict[str, Callable[[Scene], str]] = {
    "svg": write_svg,
    "dot": write_dot,
    "mermaid": write_mermaid,
    "graphml": write_graphml,
    "json": write_json,
}
"""Function that writes a scene, for each format."""
