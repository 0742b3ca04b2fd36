"""Walks over a program: what a node is computed from, and what lies between nodes."""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache

from .steps import Steps, operand_positions

Neighbours = Callable[[int], Iterable[int]]
"""Function that returns the operands of a node, its consumers, or some of them."""


def walk_graph(starts: Iterable[int], neighbours: Neighbours) -> Iterator[int]:
    """Yield the starts and every node that can be reached from them, each once.

    >>> sorted(walk_graph([1], {1: [2, 3], 2: [1], 3: [], 4: [1]}.__getitem__))
    [1, 2, 3]
    """
    seen = set(starts)
    stack = list(seen)
    while stack:
        n = stack.pop()
        yield n
        for m in neighbours(n):
            if m not in seen:
                seen.add(m)
                stack.append(m)


def ancestors_of(steps: Steps, nodes: Iterable[int], first: int = 0) -> set[int]:
    """Return the nodes from `first` on that these nodes are computed from, with these nodes."""
    return set(
        walk_graph(nodes, lambda n: (o for o in operand_positions(steps[n].args) if o >= first))
    )


def nodes_on_paths(
    operands: Neighbours, sources: Collection[int], sinks: Iterable[int]
) -> list[int]:
    """Return the nodes on all paths from sources to sinks, with both, in creation order.

    Creation order is a topological order: nothing before the first source depends on one. The list
    is empty if there is no path.

    >>> nodes_on_paths({1: [0], 2: [1], 3: [0], 4: [2, 3]}.__getitem__, sources=[1], sinks=[4])
    [1, 2, 4]
    """
    reached, first = set(sources), min(sources, default=0)
    later = cache(lambda n: [o for o in operands(n) if o >= first])
    ancestors = set(walk_graph(sinks, later))
    for n in sorted(ancestors):
        if not reached.isdisjoint(later(n)):
            reached.add(n)
    return sorted(reached & ancestors)
