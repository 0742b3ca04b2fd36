"""Rewrites that other folders register, for ops of their own."""

from collections.abc import Callable
from typing import Any

from ..ir import Graph

REWRITES: dict[Any, Callable[[Graph], Graph]] = {}
"""From an op to the rewrite of graphs in which it stands."""


def apply_registered_rewrites(graph: Graph) -> Graph:
    """Apply the registered rewrites of the ops of a graph."""
    ops = {instruction.op for instruction in graph.instructions.values()}
    for op, rewrite in REWRITES.items():
        if op in ops:
            graph = rewrite(graph)
    return graph
