"""Linearised program: a vertex for each number, and the partial ∂v/∂p on each edge p → v.

∂y/∂x is the sum over all paths from x to y of the product along each (section 6 of the tutorial).
Vertices that lie on no such path are left out. No edge leads into an input or out of an output: an
input or output in the middle of the program is represented by another vertex, tied to it by an edge
of value 1.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...errors import GraphError

Partials = dict[int, dict[int, Any]]
"""For each vertex its operands, each with the partial derivative."""


class LinearisedDag(NamedTuple):
    """DAG between inputs and outputs, of vertices that lie on paths between them.

    Attributes
    ----------
    inputs, outputs : tuple of int
        The vertices at the ends.
    partials : dict of int to dict
        For each vertex its operands, each with the partial derivative. Vertices are in ascending
        order and come after their operands. A derivative that is 1 or -1 whatever the point is the
        Python integer.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    partials: Partials

    @property
    def inner(self) -> list[int]:
        """Vertices to be eliminated, in ascending order: neither inputs nor outputs."""
        ends = {*self.inputs, *self.outputs}
        return [v for v in self.partials if v not in ends]


def build_dag(
    inputs: Sequence[int], outputs: Sequence[int], partials: Mapping[int, Mapping[int, Any]]
) -> LinearisedDag:
    """Return the linearised DAG between inputs and outputs.

    Parameters
    ----------
    inputs, outputs : sequence of int
        Vertices. They may be used, may be computed from others, and may be the same.
    partials : mapping from int to mapping from int to value
        For each vertex its operands, each with the partial derivative: a number, an array, a Node,
        or None if only the order is wanted. The Python integers 1 and -1 stand for derivatives
        that are known to be so at every point.

    Raises
    ------
    GraphError
        If a vertex is computed from one that does not come before it.

    Examples
    --------
    >>> dag = build_dag([0], [3], {1: {0: 2.0}, 2: {1: 1}, 3: {1: 5.0, 2: 7.0}, 4: {3: 1}})
    >>> dag.partials
    {1: {0: 2.0}, 2: {1: 1}, 3: {1: 5.0, 2: 7.0}}
    >>> dag.inner
    [1, 2]
    """
    rows = {v: dict(row) for v, row in sorted(partials.items())}
    for v, row in rows.items():
        if row and max(row) >= v:
            raise GraphError(
                f"Vertex {v} is computed from {max(row)}. Number the vertices so that each comes "
                f"after those it uses."
            )
    rows = _rows_to_outputs(rows, outputs)
    new_inputs = _separate_inputs(inputs, rows)
    new_outputs = _separate_outputs(outputs, inputs, rows)
    return LinearisedDag(new_inputs, new_outputs, _rows_from_inputs(rows, new_inputs))


def _rows_to_outputs(rows: Partials, outputs: Sequence[int]) -> Partials:
    """Return the rows of the vertices that lead to an output."""
    wanted = set(outputs)
    for v in reversed(rows):
        if v in wanted:
            wanted.update(rows[v])
    return {v: row for v, row in rows.items() if v in wanted}


def _separate_inputs(inputs: Sequence[int], rows: Partials) -> tuple[int, ...]:
    """Give each input that is computed from others a new vertex before it; return the inputs."""
    first = min((0, *inputs, *rows, *(p for row in rows.values() for p in row)))
    vertices = []
    for k, v in enumerate(inputs):
        vertices.append(first - 1 - k if rows.get(v) else v)
        if rows.get(v):
            rows[v][vertices[k]] = 1
    return tuple(vertices)


def _separate_outputs(
    outputs: Sequence[int], inputs: Sequence[int], rows: Partials
) -> tuple[int, ...]:
    """Give each output that is used a new vertex after all others; return the outputs."""
    used = {p for row in rows.values() for p in row}.union(inputs)
    last = max((-1, *rows, *inputs, *outputs))
    vertices: list[int] = []
    for k, v in enumerate(outputs):
        vertices.append(last + 1 + k if v in used else v)
        if vertices[k] != v:
            rows[vertices[k]] = {v: 1}
    return tuple(vertices)


def _rows_from_inputs(rows: Partials, inputs: tuple[int, ...]) -> Partials:
    """Return the rows, in ascending order, without what depends on no input."""
    reached: Partials = {v: {} for v in inputs}
    for v, row in sorted(rows.items()):
        if kept := {p: d for p, d in row.items() if p in reached}:
            reached[v] = kept
    return {v: row for v, row in reached.items() if row}
