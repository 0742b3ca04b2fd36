"""A scene in the languages of other programs that draw: DOT and Mermaid."""

from typing import Any

from ..errors import printable
from ..log import Log
from ..node import Node
from .scene import Box, Scene, scene
from .states import ASKED, DROPPED, EARLIER, OUTPUT, READ, UNTOUCHED, VISITED

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


def to_dot(L: Node, targets: Any = None, *, log: Log | None = None, derivatives: bool = False) -> str:
    """The picture of :func:`memograd.draw` in DOT, the language of Graphviz.

    Parameters
    ----------
    L, targets, log, derivatives
        As for :func:`memograd.draw`.

    Returns
    -------
    str
        Forward edges are solid, and those along which a derivative went back are followed by a broken one that points back.

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
        lines.append(f"  {a.operand} -> {a.consumer}" + (f' [headlabel="{a.argnums}"];' if a.argnums else ";"))
        if a.pulled:
            lines.append(f"  {a.consumer} -> {a.operand} [style=dashed, constraint=false];")
    return "\n".join(["digraph {", *note(found, "  // "), *lines, "}"])


def to_mermaid(L: Node, targets: Any = None, *, log: Log | None = None, derivatives: bool = False) -> str:
    """The picture of :func:`memograd.draw` in Mermaid, which many sites show in Markdown.

    Parameters
    ----------
    L, targets, log, derivatives
        As for :func:`memograd.draw`.

    Returns
    -------
    str
        A flowchart; where a derivative went back along an edge, a dotted one follows that points back.

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
    lines = [f'  n{b.id}{MERMAID_SHAPES[b.states[0]][0]}"{in_mermaid(b)}"{MERMAID_SHAPES[b.states[0]][1]}' for b in found.boxes]
    for a in found.arrows:
        lines.append(f"  n{a.operand} -->{f'|{a.argnums}|' if a.argnums else ''} n{a.consumer}")
        if a.pulled:
            lines.append(f"  n{a.consumer} -.-> n{a.operand}")
    return "\n".join(["flowchart TD", *note(found, "  %% "), *lines])


def words(b: Box) -> list[str]:
    """The three lines of a box."""
    return [printable(b.name), f"{printable(b.op)} {printable(b.value)}", ", ".join(b.states)]


def in_dot(b: Box) -> str:
    """Its label between quotes."""
    return "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in words(b))


def in_mermaid(b: Box) -> str:
    """Its label between quotes: what could mean something is written as a numbered character."""
    return "<br>".join("".join(c if c.isalnum() or c in " _.,()∂/-" else f"#{ord(c)};" for c in line) for line in words(b))


def note(found: Scene, comment: str) -> list[str]:
    """A comment on what was left out."""
    return [comment + found.note] if found.note else []
