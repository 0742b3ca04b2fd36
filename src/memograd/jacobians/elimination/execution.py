"""Execution of an elimination order: the edges that remain are the Jacobian."""

from collections.abc import Iterable
from typing import Any

from ...errors import GraphError
from .graph import LinearisedDag, Partials
from .moves import Back, EliminationStep, Front
from .operation_count import Edges, transpose_edges


def accumulate_jacobian(
    dag: LinearisedDag, steps: Iterable[EliminationStep]
) -> dict[tuple[int, int], Any]:
    """Return ∂output i/∂input j at (i, j), for each output i to which input j leads.

    Parameters
    ----------
    dag : LinearisedDag
        A graph with numbers, arrays of equal shape, or nodes on its edges: values that can be
        multiplied, added and negated.
    steps : iterable of int, Front or Back
        Each inner vertex; or the edges at it.

    Raises
    ------
    GraphError
        If a vertex is left that is neither input nor output, or an edge is to be eliminated that
        does not exist.

    Notes
    -----
    No multiplication is done for edges that are known to be 1 or -1.

    Examples
    --------
    >>> from memograd.jacobians.elimination.graph import build_dag
    >>> dag = build_dag([0], [2, 3], {1: {0: 2.0}, 2: {1: 5.0, 0: 1.0}, 3: {1: -1}})
    >>> accumulate_jacobian(dag, [1])
    {(0, 0): 11.0, (1, 0): -2.0}
    """
    partials = {v: dict(row) for v, row in dag.partials.items()}
    after = transpose_edges({v: set(partials.get(v, ())) for v in (*dag.inputs, *partials)})
    for step in steps:
        eliminate_step(step, partials, after)
    left = [v for v in dag.inner if partials[v] and after[v]]
    if left:
        raise GraphError(
            f"The steps leave the vertices {left[:5]}. Eliminate each inner vertex, or every edge "
            f"to it or from it."
        )
    inputs = list(enumerate(dag.inputs))
    rows = [(i, partials.get(v, {})) for i, v in enumerate(dag.outputs)]
    return {(i, j): as_number(row[x]) for i, row in rows for j, x in inputs if x in row}


def eliminate_step(step: EliminationStep, partials: Partials, after: Edges) -> None:
    """Add the products of the edges that meet at a vertex, and remove the eliminated edges."""
    v = step if isinstance(step, int) else step.vertex
    if isinstance(step, tuple) and step[0] not in partials.get(step[1], {}):
        raise GraphError(f"There is no edge from {step[0]} to {step[1]} to eliminate.")
    operands = [step.operand] if isinstance(step, Front) else list(partials[v])
    consumers = [step.consumer] if isinstance(step, Back) else list(after[v])
    for s in consumers:
        row, onward = partials[s], partials[s][v]
        for p in operands:
            d = multiply_partials(onward, partials[v][p])
            row[p] = add_partials(row[p], d) if p in row else d
            after[p].add(s)
    eliminated = [] if isinstance(step, Back) else [(p, v) for p in operands]
    eliminated += [] if isinstance(step, Front) else [(v, s) for s in consumers]
    for p, s in eliminated:
        del partials[s][p]
        after[p].remove(s)


def multiply_partials(a: Any, b: Any) -> Any:
    """Return the product, without a multiplication if a factor is known to be 1 or -1."""
    if type(a) is int:
        a, b = b, a
    if type(b) is not int:
        return a * b
    return a if b == 1 else -a


def add_partials(a: Any, b: Any) -> Any:
    """Return the sum, which is not known to be 1 or -1, even if both terms are known."""
    return as_number(a) + as_number(b)


def as_number(d: Any) -> Any:
    """Return a derivative that is known to be 1 or -1 as a float; any other unchanged."""
    return float(d) if type(d) is int else d
