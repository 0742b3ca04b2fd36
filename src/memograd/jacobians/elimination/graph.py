"""A linearised program: a vertex for each number, and on each edge p → v the partial derivative ∂v/∂p.

∂y/∂x is the sum over all paths from x to y of the product along each (section 6 of the tutorial). What lies on no such path is left
out. An input has no edge into it and an output none out of it: one that has, because it stands in the middle of the program, stands
there as another vertex, tied to it by an edge that is 1.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...errors import GraphError

Partials = dict[int, dict[int, Any]]


class Linearised(NamedTuple):
    """A DAG between inputs and outputs, all of it on paths from the ones to the others."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    partials: Partials
    """Vertex → what it was computed from, each with the partial derivative, in ascending order: vertices are numbered so that each
    comes after those. A derivative that is 1 or -1 whatever the point is the Python integer."""

    @property
    def inner(self) -> list[int]:
        """The vertices that are to be eliminated, in ascending order: neither inputs nor outputs."""
        ends = {*self.inputs, *self.outputs}
        return [v for v in self.partials if v not in ends]


def linear(inputs: Sequence[int], outputs: Sequence[int], partials: Mapping[int, Mapping[int, Any]]) -> Linearised:
    """The linearised DAG between inputs and outputs.

    Parameters
    ----------
    inputs, outputs : sequence of int
        Vertices; they may be used, may have been computed, and may be the same.
    partials : mapping from int to mapping from int to value
        Vertex → what it was computed from → the partial derivative: a number, an array, a Node, or nothing but None, where only the
        order is wanted. The Python integers 1 and -1 stand for derivatives that are known to be so.

    Raises
    ------
    GraphError
        A vertex is computed from one that does not come before it.

    Examples
    --------
    >>> dag = linear([0], [3], {1: {0: 2.0}, 2: {1: 1}, 3: {1: 5.0, 2: 7.0}, 4: {3: 1}})
    >>> dag.partials
    {1: {0: 2.0}, 2: {1: 1}, 3: {1: 5.0, 2: 7.0}}
    >>> dag.inner
    [1, 2]
    """
    rows = {v: dict(row) for v, row in sorted(partials.items())}
    for v, row in rows.items():
        if row and max(row) >= v:
            raise GraphError(f"Vertex {v} is computed from {max(row)}. Number the vertices so that each comes after those it uses.")
    rows = _leading(rows, outputs)
    ins, outs = _inputs(inputs, rows), _outputs(outputs, inputs, rows)
    return Linearised(ins, outs, _reached(rows, ins))


def _leading(rows: Partials, outputs: Sequence[int]) -> Partials:
    """The rows of what leads to an output."""
    wanted = set(outputs)
    for v in reversed(rows):
        if v in wanted:
            wanted.update(rows[v])
    return {v: row for v, row in rows.items() if v in wanted}


def _inputs(inputs: Sequence[int], rows: Partials) -> tuple[int, ...]:
    """The inputs, each of those that were computed as a new vertex before it."""
    first = min((0, *inputs, *rows, *(p for row in rows.values() for p in row)))
    made = []
    for k, v in enumerate(inputs):
        made.append(first - 1 - k if rows.get(v) else v)
        if rows.get(v):
            rows[v][made[k]] = 1
    return tuple(made)


def _outputs(outputs: Sequence[int], inputs: Sequence[int], rows: Partials) -> tuple[int, ...]:
    """The outputs, each of those that are used as a new vertex after all."""
    used, last = {p for row in rows.values() for p in row}.union(inputs), max((-1, *rows, *inputs, *outputs))
    made: list[int] = []
    for k, v in enumerate(outputs):
        made.append(last + 1 + k if v in used else v)
        if made[k] != v:
            rows[made[k]] = {v: 1}
    return tuple(made)


def _reached(rows: Partials, inputs: tuple[int, ...]) -> Partials:
    """The rows with what depends on an input alone."""
    found: Partials = dict.fromkeys(inputs, {})
    for v, row in sorted(rows.items()):
        if kept := {p: d for p, d in row.items() if p in found}:
            found[v] = kept
    return {v: row for v, row in found.items() if row}
