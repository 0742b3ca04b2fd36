"""The edges of the program: which positions of a consumer an operand fills."""

from collections.abc import Iterable
from typing import Any

from .registry import Operand

Edge = dict[str, tuple[int, ...]]

_EDGES: dict[tuple[int, ...], Edge] = {}  # argnums -> the attributes of every edge that has them


def edge_of(argnums: tuple[int, ...]) -> Edge:
    """The attributes of an edge. Edges share them: a dict each would be a third of the graph's memory."""
    return _EDGES.setdefault(argnums, {"argnums": argnums})


def joined(edge: Edge | None, k: int) -> Edge:
    """The attributes of an edge that carries position k too."""
    return edge_of((*edge["argnums"], k) if edge is not None else (k,))


def operands_of(args: Iterable[Any]) -> dict[int, Edge]:
    """The operands among a node's args, each with its edge."""
    found: dict[int, Edge] = {}
    for k, a in enumerate(args):
        if type(a) is Operand:
            found[int(a)] = joined(found.get(a), k)
    return found
