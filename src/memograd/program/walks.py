"""Walks over a program: what a node is computed from, and what lies between two nodes."""

from collections.abc import Callable, Iterable, Iterator

from .steps import Steps, operand_positions


def walk_graph(starts: Iterable[int], neighbours: Callable[[int], Iterable[int]]) -> Iterator[int]:
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


def ancestors_of(steps: Steps, n: int) -> set[int]:
    """Return the nodes that n is computed from, with n itself."""
    return set(walk_graph([n], lambda m: operand_positions(steps[m].args)))


def nodes_on_paths(steps: Steps, source: int, sink: int) -> list[int]:
    """Return the nodes on all paths from one node to another, with both, in creation order.

    The list is empty if there is no path. Paths need not be differentiable.
    """
    candidates = ancestors_of(steps, sink)
    if source not in candidates:
        return []
    reached = {source}
    for n in sorted(candidates):
        # Creation order is a topological order: nothing before the source depends on it.
        if n > source and not reached.isdisjoint(operand_positions(steps[n].args)):
            reached.add(n)
    return sorted(reached)
