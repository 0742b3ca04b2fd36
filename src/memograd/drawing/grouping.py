"""Many nodes as one box: those whose names begin alike, up to a slash, such as `layer1/W` and
`layer1/b`.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import takewhile
from typing import NamedTuple

import networkx as nx

from ..memory.memory import Memory

Path = tuple[str, ...]
"""What a name has in front of its last slash, piece by piece."""


class Fold(NamedTuple):
    """Nodes that are drawn as one: the name of the box, and which they are."""

    name: str
    nodes: list[int]


def fold_boxes(memory: Memory, nodes: Collection[int], output: int, most: int) -> list[Fold]:
    """Return at most so many boxes, folded no further than needed; none where names forbid it."""
    paths = paths_of(memory, nodes)
    paths[output] = ()
    for depth in range(max(map(len, paths.values())), 0, -1):
        groups = group_by_prefix(paths, depth)
        if len(groups) <= most:
            return sorted(merge_cycles(memory, groups), key=lambda fold: fold.nodes[0])
    return []


def paths_of(memory: Memory, nodes: Collection[int]) -> dict[int, Path]:
    """Return where each node belongs: by its name; one that nobody named, where all its consumers
    belong.
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
    """Return what all of them begin with."""
    alike = takewhile(lambda pieces: len(set(pieces)) == 1, zip(*paths, strict=False))
    return tuple(pieces[0] for pieces in alike)


def group_by_prefix(paths: dict[int, Path], depth: int) -> dict[int | Path, list[int]]:
    """Return the nodes by the first pieces of their paths; a node without any stands for itself."""
    groups: dict[int | Path, list[int]] = {}
    for n in sorted(paths):
        groups.setdefault(paths[n][:depth] or n, []).append(n)
    return groups


def merge_cycles(memory: Memory, groups: dict[int | Path, list[int]]) -> Iterator[Fold]:
    """Yield the groups as boxes; groups that lead to each other share a box, as no layer fits."""
    group_of = {n: key for key, members in groups.items() for n in members}
    quotient = nx.DiGraph()
    quotient.add_nodes_from(groups)
    edges = ((group_of[o], group_of[c]) for c in group_of for o in memory.pred[c] if o in group_of)
    quotient.add_edges_from((o, c) for o, c in edges if o != c)
    for component in nx.strongly_connected_components(quotient):
        keys = sorted(component, key=lambda key: groups[key][0])
        members = sorted(n for key in keys for n in groups[key])
        yield Fold(
            ", ".join(
                f"{'/'.join(key)}/…" if isinstance(key, tuple) else memory.nodes.name(key)
                for key in keys
            ),
            members,
        )
