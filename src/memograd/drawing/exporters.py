"""A scene in the languages of other programs that draw or read graphs: DOT, Mermaid, GraphML, and
networkx's JSON.
"""

import json
from typing import Any

import networkx as nx

from ..solver.log import Log
from ..tape.node import Node
from ..text import printable
from .node_states import ASKED, DROPPED, EARLIER, OUTPUT, READ, UNTOUCHED, VISITED
from .scene import Box, Scene, scene

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


def to_dot(
    L: Node, targets: Any = None, *, log: Log | None = None, derivatives: bool = False
) -> str:
    """Return the picture of :func:`memograd.draw` in DOT, the language of Graphviz.

    Parameters
    ----------
    L, targets, log, derivatives
        As for :func:`memograd.draw`.

    Returns
    -------
    str
        Forward edges are solid, and those along which a derivative went back are followed by a
        broken one that points back.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> tape = mg.Tape()
    >>> x = tape.leaf(2.0, name="x")
    >>> print(mg.to_dot(np.exp(x).named("L"), x))
    digraph {
      0 [shape=box, style=rounded, penwidth=3, label="x\\nleaf 2\\nasked for"];
      1 [shape=hexagon, label="L\\nnp.exp 7.389\\noutput"];
      0 -> 1;
    }
    """
    found = scene(L, targets, log, derivatives)
    lines = [f'  {b.id} [{DOT_SHAPES[b.states[0]]}, label="{in_dot(b)}"];' for b in found.boxes]
    for a in found.arrows:
        lines.append(
            f"  {a.operand} -> {a.consumer}"
            + (f' [headlabel="{a.argnums}"];' if a.argnums else ";")
        )
        if a.pulled:
            lines.append(f"  {a.consumer} -> {a.operand} [style=dashed, constraint=false];")
    return "\n".join(["digraph {", *note(found, "  // "), *lines, "}"])


def to_mermaid(
    L: Node, targets: Any = None, *, log: Log | None = None, derivatives: bool = False
) -> str:
    """Return the picture of :func:`memograd.draw` in Mermaid, which many sites show in Markdown.

    Parameters
    ----------
    L, targets, log, derivatives
        As for :func:`memograd.draw`.

    Returns
    -------
    str
        A flowchart; where a derivative went back along an edge, a dotted one follows that points
        back.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> tape = mg.Tape()
    >>> x = tape.leaf(2.0, name="x")
    >>> print(mg.to_mermaid(np.exp(x).named("L"), x))
    flowchart TD
      n0(["x<br>leaf 2<br>asked for"])
      n1{{"L<br>np.exp 7.389<br>output"}}
      n0 --> n1
    """
    found = scene(L, targets, log, derivatives)
    lines = []
    for b in found.boxes:
        opening, closing = MERMAID_SHAPES[b.states[0]]
        lines.append(f'  n{b.id}{opening}"{in_mermaid(b)}"{closing}')
    for a in found.arrows:
        lines.append(f"  n{a.operand} -->{f'|{a.argnums}|' if a.argnums else ''} n{a.consumer}")
        if a.pulled:
            lines.append(f"  n{a.consumer} -.-> n{a.operand}")
    return "\n".join(["flowchart TD", *note(found, "  %% "), *lines])


def to_graphml(
    L: Node, targets: Any = None, *, log: Log | None = None, derivatives: bool = False
) -> str:
    """Return the picture of :func:`memograd.draw` as GraphML, which yEd, Gephi and Cytoscape read.

    Parameters
    ----------
    L, targets, log, derivatives
        As for :func:`memograd.draw`.

    Returns
    -------
    str
        Nodes have `name op value states`, edges `argnums` and `pulled`: whether a derivative went
        back along them.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf(2.0, name="x")
    >>> text = mg.to_graphml(np.exp(x).named("L"), x)
    >>> '<edge source="0" target="1">' in text
    True
    """
    return "\n".join(nx.generate_graphml(as_digraph(scene(L, targets, log, derivatives))))


def to_node_link(
    L: Node, targets: Any = None, *, log: Log | None = None, derivatives: bool = False
) -> str:
    """Return the picture of :func:`memograd.draw` as JSON in networkx's node-link form, which D3
    and Cytoscape.js read.

    Parameters
    ----------
    L, targets, log, derivatives
        As for :func:`memograd.draw`.

    Returns
    -------
    str
        With the attributes that :func:`to_graphml` writes.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import json, numpy as np, memograd as mg
    >>> x = mg.Tape().leaf(2.0, name="x")
    >>> json.loads(mg.to_node_link(np.exp(x).named("L"), x))["edges"]
    [{'argnums': '', 'pulled': False, 'source': 0, 'target': 1}]
    """
    return json.dumps(
        nx.node_link_data(as_digraph(scene(L, targets, log, derivatives)), edges="edges")
    )


def as_digraph(found: Scene) -> nx.DiGraph:
    """Return a scene as a DiGraph whose attributes are texts: no control character, which XML could
    not hold.
    """
    graph = nx.DiGraph(note=found.note)
    for b in found.boxes:
        graph.add_node(
            b.id,
            name=printable(b.name),
            op=printable(b.op),
            value=printable(b.value),
            states=", ".join(b.states),
        )
    for a in found.arrows:
        graph.add_edge(a.operand, a.consumer, argnums=a.argnums, pulled=a.pulled)
    return graph


def words(b: Box) -> list[str]:
    """Return the three lines of a box."""
    return [printable(b.name), f"{printable(b.op)} {printable(b.value)}", ", ".join(b.states)]


def in_dot(b: Box) -> str:
    """Return its label between quotes."""
    return "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in words(b))


def in_mermaid(b: Box) -> str:
    """Return its label between quotes: what could mean something is written as a numbered
    character.
    """
    return "<br>".join(
        "".join(c if c.isalnum() or c in " _.,()∂/-" else f"#{ord(c)};" for c in line)
        for line in words(b)
    )


def note(found: Scene, comment: str) -> list[str]:
    """Return a comment on what was left out."""
    return [comment + found.note] if found.note else []
