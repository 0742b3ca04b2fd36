"""View of the steps as a DiGraph, whose inner dicts are filled on first access.

A node of networkx is a dict of attributes and two dicts of edges, which take longer to build than
the op takes to run. So the items are built from the steps when the graph is read. Steps never
change, so an item stays valid until its step is cut off.
"""

from collections.abc import ItemsView, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..arrays.axis_labels import Labels
from .steps import Steps, last_id, operand_positions

if TYPE_CHECKING:
    import networkx as nx

EdgeAttributes = dict[str, tuple[int, ...]]
"""Attributes of an edge, as the schema names them."""

_EDGES: dict[tuple[int, ...], EdgeAttributes] = {}
"""Attributes by argnums, shared by all edges."""


def edge_of(argnums: tuple[int, ...]) -> EdgeAttributes:
    """Return the attributes of an edge.

    Edges with equal argnums share a dict: one dict each would be a third of the graph's memory.
    """
    return _EDGES.setdefault(argnums, {"argnums": argnums})


class LazyView(Mapping[int, Any]):
    """Inner dict of the DiGraph, which adds the items of new steps when it is read.

    Attributes
    ----------
    steps : dict
        The steps of the program.
    cache : dict
        The items that were added so far.
    next_id : int
        The id of the first step whose item is missing.
    """

    __slots__ = ("cache", "next_id", "steps")

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.next_id = 0
        self.cache: dict[int, Any] = {}

    def sync(self) -> dict[int, Any]:
        """Add the items of new steps and return all items.

        After an interrupt the next call starts where this one did.
        """
        steps, start = self.steps, self.next_id
        stop = last_id(steps) + 1
        if stop > start:
            # A signal handler may record a step meanwhile, so the loop does not iterate over the
            # dict of steps. Ids may have wide gaps; then the loop runs over a list of the ids.
            for n in range(start, stop) if stop - start <= len(steps) else list(steps):
                if start <= n and n in steps:
                    self.add(n)
            self.next_id = stop
        return self.cache

    def add(self, n: int) -> None:
        """Add the item of step n."""
        raise NotImplementedError

    def discard(self, n: int) -> None:
        """Remove the item of step n, the last one."""
        self.cache.pop(n, None)

    def __getitem__(self, n: int) -> Any:
        return self.sync()[n]

    def __contains__(self, n: object) -> bool:
        return n in self.sync()

    def __iter__(self) -> Iterator[int]:
        return iter(self.sync())

    def __len__(self) -> int:
        return len(self.sync())

    def items(self) -> ItemsView[int, Any]:
        """Return the pairs of a node and its item."""
        return self.sync().items()


class Attributes(LazyView):
    """Attributes of each node, as the schema names them.

    Attributes
    ----------
    names : dict
        The names of nodes that have been given one.
    of : dict
        For a node of a recorded derivative, the output and the target of the derivative.
    labels : dict
        The axis labels of leaves that were given with some.
    """

    __slots__ = ("labels", "names", "of")

    def __init__(self, steps: Steps) -> None:
        super().__init__(steps)
        self.names: dict[int, str] = {}
        self.of: dict[int, tuple[int, int]] = {}
        self.labels: dict[int, Labels] = {}

    def add(self, n: int) -> None:
        """Add the item of step n."""
        step = self.steps[n]
        self.cache[n] = {
            "op": step.op,
            "args": step.args,
            "kwargs": step.kwargs,
            "shape": step.shape,
            "dtype": step.dtype,
            "name": self.name(n),
            "line": step.location,
            "of": self.of.get(n),
        }

    def discard(self, n: int) -> None:
        """Remove the item of step n, the last one."""
        for facts in (self.names, self.of, self.labels):
            facts.pop(n, None)
        super().discard(n)

    def name(self, n: int) -> str:
        """Return the name of a node, by default v with its id."""
        return self.names.get(n) or f"v{n:d}"  # an Operand without :d would print as its repr

    def rename(self, n: int, name: str) -> None:
        """Name a node."""
        self.names[n] = name
        if n < self.next_id:
            self.cache[n]["name"] = name

    def set_derivative(self, n: int, of: tuple[int, int]) -> None:
        """Set the derivative, an output and a target, for which a node was recorded."""
        self.of[n] = of
        if n < self.next_id:
            self.cache[n]["of"] = of


class Operands(LazyView):
    """Operands of each node, with the attributes of the edges."""

    __slots__ = ()

    def add(self, n: int) -> None:
        """Add the item of step n."""
        self.cache[n] = {
            o: edge_of(argnums) for o, argnums in operand_positions(self.steps[n].args).items()
        }


class Consumers(LazyView):
    """Consumers of each node, with the attributes of the edges."""

    __slots__ = ()

    def add(self, n: int) -> None:
        """Add the item of step n."""
        # If a signal handler reads the view in the middle of a call, the entry exists already.
        self.cache.setdefault(n, {})
        for o, argnums in operand_positions(self.steps[n].args).items():
            self.cache[o][n] = edge_of(argnums)

    def discard(self, n: int) -> None:
        """Remove the item of step n, the last one."""
        if self.cache.pop(n, None) is not None and n in self.steps:
            for o in operand_positions(self.steps[n].args):
                self.cache.get(o, {}).pop(n, None)


def graph_of(nodes: Attributes, consumers: Consumers, operands: Operands) -> "nx.DiGraph":
    """Return a DiGraph that shows the steps, and those that are recorded later."""
    import networkx as nx  # half of the time that `import memograd` would take

    graph = nx.DiGraph()
    graph.__networkx_cache__ = None  # backends must not cache a graph that grows by itself
    graph._node, graph._adj, graph._pred = nodes, consumers, operands
    return graph
