"""Reading of a hand-written DiGraph as the steps of a program."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import networkx as nx
import numpy as np

from ..errors import GraphError
from ..text import printable


class StepResult(NamedTuple):
    """Argument that is the result of another step."""

    key: Any


class GraphStep(NamedTuple):
    """Node of a hand-written DiGraph: a leaf's value, or an op and its arguments in call order."""

    key: Any
    op: Any
    value: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def steps_of_digraph(graph: nx.DiGraph) -> Iterator[GraphStep]:
    """Return the steps of a hand-written program in topological order.

    All steps are checked before the first is returned.

    Raises
    ------
    GraphError
        The graph is not a valid program.
    """
    if not isinstance(graph, nx.DiGraph) or graph.is_multigraph():
        raise GraphError(
            f"A program is a networkx.DiGraph, but got {printable(repr(graph))}. "
            f"Several uses of one operand are one edge with several argnums."
        )
    try:
        position = {key: k for k, key in enumerate(graph)}
        order = list(nx.lexicographical_topological_sort(graph, key=position.__getitem__))
    except nx.NetworkXUnfeasible:
        cycle = " -> ".join(_format_key(u) for u, _ in nx.find_cycle(graph))
        raise GraphError(
            f"The graph has a cycle: {cycle} -> back. "
            f"A program is acyclic; remove one of these edges."
        ) from None
    return iter([_read_step(graph, key) for key in order])


def _read_step(graph: nx.DiGraph, key: Any) -> GraphStep:
    """Return the step of a node; raise unless it is a leaf with a value or has an op."""
    node = graph.nodes[key]
    op = node.get("op")
    if isinstance(op, str):
        function = f"np.{op}" if callable(getattr(np, op, None)) else "np.sin"
        raise GraphError(
            f"The op of {_format_key(key)} is the string {printable(repr(op))}, but an op is a "
            f"function. Give the function itself: op={function}."
        )
    if op is None and ("value" not in node or graph.in_degree(key)):
        raise GraphError(
            f"Node {_format_key(key)} has neither an op nor, as a leaf without incoming edges, "
            f"a value. Give it op=... or value=...."
        )
    args = () if op is None else _arguments(graph, key)
    return GraphStep(key, op, node.get("value"), args, dict(node.get("kwargs", {})))


def _arguments(graph: nx.DiGraph, key: Any) -> tuple[Any, ...]:
    """Return the arguments of a node: constants from its attributes, operands from its edges."""
    constants = graph.nodes[key].get("args", {})
    if not isinstance(constants, Mapping):
        raise GraphError(
            f"The args of {_format_key(key)} are {printable(repr(constants))}, but a dict from "
            f"position to constant: {{1: 2.0}}."
        )
    pairs = list(constants.items())
    for source, _, edge in graph.in_edges(key, data=True):
        argnums = edge.get("argnums", (edge["argnum"],) if "argnum" in edge else ())
        if not isinstance(argnums, tuple | list) or not argnums:
            raise GraphError(
                f"The edge {_format_key(source)} -> {_format_key(key)} has neither argnums nor "
                f"argnum. Say which operand it is: argnum=0."
            )
        pairs.extend((k, StepResult(source)) for k in argnums)
    wrong = [k for k, _ in pairs if not isinstance(k, int)]
    if wrong:
        raise GraphError(
            f"The operands of {_format_key(key)} have the position {printable(repr(wrong[0]))}, "
            f"but positions are ints: 0, 1, …."
        )
    positions = sorted(k for k, _ in pairs)
    if positions != list(range(len(pairs))):
        raise GraphError(
            f"The operands of {_format_key(key)} have positions {positions}, but each of 0, 1, … "
            f"is to be filled once. Fix argnums on its incoming edges, or its args."
        )
    return tuple(value for _, value in sorted(pairs, key=lambda item: item[0]))


def _format_key(key: Any) -> str:
    """Return a node's key for messages."""
    return printable(str(key))
