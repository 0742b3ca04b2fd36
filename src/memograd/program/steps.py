"""The program: which op was applied to what, one step a node; and the DiGraph, which shows the
steps to whoever looks.

A node of networkx is a dict of attributes and two dicts of edges, which cost more than running the
op. So recording writes one tuple, the step; and the inner dicts of the DiGraph make what they hold
of the steps that are new, when they are looked at. Steps never change, and only their end can be
cut off: what was made of them once is right for good.
"""

from collections.abc import Callable, ItemsView, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import networkx as nx

from ..arrays.axis_labels import Labels


class Operand(int):
    """Where a node stood among an op's arguments: the node's id."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Operand({int(self)})"


class Step(NamedTuple):
    """Record of one node: a value that was given, or one application of an op.

    Attributes
    ----------
    operand : Operand
        The node's id, as it stands among the arguments of its consumers.
    op : callable or None
        None for a leaf.
    args : tuple
        Constants, and operands of type :class:`Operand`.
    kwargs : dict
        Keywords, constants all.
    shape, dtype
        Of the result; tuples of them for an op with several outputs.
    location : tuple or None
        File and line of the user's call.
    """

    operand: Operand
    op: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shape: Any
    dtype: Any
    location: Any

    def operands(self) -> list[Operand]:
        """Return the operands among the arguments, as often as they are used."""
        return [a for a in self.args if type(a) is Operand]

    def fill(self, read: Callable[[Any], Any]) -> list[Any]:
        """Return the arguments with the operands' values, or whatever `read` gives for them."""
        return [read(a) if type(a) is Operand else a for a in self.args]


make_step = partial(tuple.__new__, Step)
"""Make a step of a tuple, in half the time of the constructor with names."""

Steps = dict[int, Step]
EdgeAttributes = dict[str, tuple[int, ...]]

_EDGES: dict[
    tuple[int, ...], EdgeAttributes
] = {}  # argnums -> the attributes of every edge that has them


def edge_of(argnums: tuple[int, ...]) -> EdgeAttributes:
    """Return the attributes of an edge.

    Edges share them: a dict each would be a third of the graph's memory.
    """
    return _EDGES.setdefault(argnums, {"argnums": argnums})


def operand_positions(args: tuple[Any, ...]) -> dict[int, tuple[int, ...]]:
    """Return the operands among arguments, in order, each with its positions."""
    found: dict[int, tuple[int, ...]] = {}
    for k, a in enumerate(args):
        if type(a) is Operand:
            found[int(a)] = (*found.get(a, ()), k)
    return found


def last_id(steps: Steps) -> int:
    """Return the id of the last step; -1 where there is none."""
    while True:
        try:
            return next(reversed(steps), -1)
        except RecursionError:
            raise
        except (
            RuntimeError
        ):  # a signal handler, or the collector, had something recorded in between
            continue


class LazyView(Mapping[int, Any]):
    """Inner dict of the DiGraph: it makes the items of new steps when somebody looks.

    Attributes
    ----------
    made : dict
        The items, as far as somebody has looked.
    due : int
        The first step whose item is not made yet.
    """

    __slots__ = ("due", "made", "steps")

    def __init__(self, steps: Steps) -> None:
        self.steps, self.due = steps, 0
        self.made: dict[int, Any] = {}

    def look(self) -> dict[int, Any]:
        """Return all items.

        An interrupt on the way is no harm: the next look begins where this one did.
        """
        steps, due = self.steps, self.due
        stop = last_id(steps) + 1
        if stop > due:
            # A signal handler may record meanwhile, so nothing iterates over the steps. Ids may
            # have gaps, however wide.
            for n in range(due, stop) if stop - due <= len(steps) else list(steps):
                if due <= n and n in steps:
                    self.make(n)
            self.due = stop
        return self.made

    def make(self, n: int) -> None:
        """Make the item of step n."""
        raise NotImplementedError

    def cut(self, n: int) -> None:
        """Forget step n, the last one."""
        self.made.pop(n, None)

    def __getitem__(self, n: int) -> Any:
        return self.look()[n]

    def __contains__(self, n: object) -> bool:
        return n in self.look()

    def __iter__(self) -> Iterator[int]:
        return iter(self.look())

    def __len__(self) -> int:
        return len(self.look())

    def items(self) -> ItemsView[int, Any]:
        """Pairs of a node and its item."""
        return self.look().items()


class Attributes(LazyView):
    """Attributes of each node, as the schema names them.

    Kept beside is what may be said later of a node, its name and `of`, and the labels that a leaf
    came with.
    """

    __slots__ = ("labels", "names", "of")

    def __init__(self, steps: Steps) -> None:
        super().__init__(steps)
        self.names: dict[int, str] = {}
        self.of: dict[int, tuple[int, int]] = {}
        self.labels: dict[int, Labels] = {}

    def make(self, n: int) -> None:
        """Make the item of step n."""
        _, op, args, kwargs, shape, dtype, line = self.steps[n]
        self.made[n] = {"op": op, "args": args, "kwargs": kwargs, "shape": shape, "dtype": dtype,
                        "name": self.name(n), "line": line, "of": self.of.get(n)}  # fmt: skip

    def cut(self, n: int) -> None:
        """Forget step n, the last one."""
        for kept in (self.names, self.of, self.labels):
            kept.pop(n, None)
        super().cut(n)

    def name(self, n: int) -> str:
        """Return the name of a node."""
        return self.names.get(n) or f"v{n:d}"  # n may be an Operand

    def rename(self, n: int, name: str) -> None:
        """Name a node."""
        self.names[n] = name
        if n < self.due:
            self.made[n]["name"] = name

    def belongs(self, n: int, of: tuple[int, int]) -> None:
        """Say that a node was recorded by the recursion, for which derivative."""
        self.of[n] = of
        if n < self.due:
            self.made[n]["of"] = of


class Operands(LazyView):
    """For each node its operands, each with the attributes of its edge."""

    __slots__ = ()

    def make(self, n: int) -> None:
        self.made[n] = {
            o: edge_of(argnums) for o, argnums in operand_positions(self.steps[n].args).items()
        }


class Consumers(LazyView):
    """For each node its consumers, each with the attributes of its edge."""

    __slots__ = ()

    def make(self, n: int) -> None:
        """Make the item of step n."""
        self.made.setdefault(
            n, {}
        )  # a look that a signal handler took in the middle of this one has filled it
        for o, argnums in operand_positions(self.steps[n].args).items():
            self.made[o][n] = edge_of(argnums)

    def cut(self, n: int) -> None:
        if self.made.pop(n, None) is not None and n in self.steps:
            for o in operand_positions(self.steps[n].args):
                self.made.get(o, {}).pop(n, None)


def graph_of(steps: Steps) -> nx.DiGraph:
    """Return the DiGraph of a program that is still being written."""
    graph = nx.DiGraph()
    graph.__networkx_cache__ = None  # backends must not cache a graph that grows by itself
    graph._node, graph._adj, graph._pred = Attributes(steps), Consumers(steps), Operands(steps)
    return graph


def inner_dicts(graph: nx.DiGraph) -> tuple[Attributes, Consumers, Operands]:
    """Return the lazily filled dicts of a program's DiGraph: attributes, consumers, operands.

    networkx's own views cost more than the arithmetic.
    """
    return graph._node, graph._succ, graph._pred
