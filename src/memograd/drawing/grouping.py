"""Grouping of nodes into one box by the prefixes of their names, such as `layer1/`."""

from collections.abc import Collection, Iterable, Iterator
from itertools import takewhile
from typing import NamedTuple

import networkx as nx

from ..memory.memory import Memory

Path = tuple[str, ...]
"""Pieces of a name in front of its last slash."""


class Fold(NamedTuple):
    """Nodes that are drawn as one box, and the name of the box."""

    name: str
    nodes: list[int]


def fold_boxes(memory: Memory, nodes: Collection[int], output: int, most: int) -> list[Fold]:
    """Return at most `most` boxes, folded no further than necessary.

    Parameters
    ----------
    memory : Memory
        Memory of the tape.
    nodes : collection of int
        Nodes to draw.
    output : int
        L, which keeps a box of its own.
    most : int
        Maximal number of boxes.

    Returns
    -------
    list of Fold
        Boxes in creation order. The list is empty if the names do not allow so few boxes.
    """
    paths = paths_of(memory, nodes)
    paths[output] = ()
    for depth in range(max(map(len, paths.values())), 0, -1):
        groups = group_by_prefix(paths, depth)
        if len(groups) <= most:
            return sorted(merge_cycles(memory, groups), key=lambda fold: fold.nodes[0])
    return []


def paths_of(memory: Memory, nodes: Collection[int]) -> dict[int, Path]:
    """Return the path of each node: that of its name, or what the paths of its consumers share.

    The second holds for nodes without a name of the user's.
    """
    paths: dict[int, Path] = {}
    for n in sorted(nodes, reverse=True):
        name = memory.nodes.name(n)
        if name != f"v{n}":
            paths[n] = tuple(name.split("/")[:-1])
        else:
            paths[n] = common_prefix(paths[c] for c in memory.succ[n] if c in paths)
    return paths


def common_prefix(paths: Iterable[Path]) -> Path:
    """Return the longest common prefix of paths."""
    alike = takewhile(lambda pieces: len(set(pieces)) == 1, zip(*paths, strict=False))
    return tuple(pieces[0] for pieces in alike)


def group_by_prefix(paths: dict[int, Path], depth: int) -> dict[int | Path, list[int]]:
    """Return the nodes by the first pieces of their paths, or by node if a path is empty."""
    groups: dict[int | Path, list[int]] = {}
    for n in sorted(paths):
        groups.setdefault(paths[n][:depth] or n, []).append(n)
    return groups


def merge_cycles(memory: Memory, groups: dict[int | Path, list[int]]) -> Iterator[Fold]:
    """Yield the groups as boxes; groups on a cycle share a box, so that layers can be drawn."""
    group_of = {n: key for key, members in groups.items() for n in members}
    quotient = nx.DiGraph()
    quotient.add_nodes_from(groups)
    edges = ((group_of[o], group_of[c]) for c in group_of for o in memory.pred[c] if o in group_of)
    quotient.add_edges_from((o, c) for o, c in edges if o != c)
    for component in nx.strongly_connected_components(quotient):
        keys = sorted(component, key=lambda key: groups[key][0])
        names = [
            f"{'/'.join(key)}/…" if isinstance(key, tuple) else memory.nodes.name(key)
            for key in keys
        ]
        yield Fold(", ".join(names), sorted(n for key in keys for n in groups[key]))
