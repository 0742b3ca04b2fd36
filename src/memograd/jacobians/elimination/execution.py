"""An order of elimination carried out on the numbers: what is left is the Jacobian."""

from collections.abc import Iterable
from typing import Any

from ...errors import GraphError
from .graph import Linearised, Partials
from .moves import Back, Front, Step
from .operation_count import turned


def accumulated(dag: Linearised, steps: Iterable[Step]) -> dict[tuple[int, int], Any]:
    """The Jacobian: for each output i that input j leads to, ∂output i/∂input j at (i, j).

    Parameters
    ----------
    dag : Linearised
        With numbers, arrays of equal shape, or nodes on its edges: what can be multiplied, added and negated.
    steps : iterable of int, Front or Back
        Each inner vertex; or the edges at it.

    Raises
    ------
    GraphError
        A vertex is left that is neither input nor output, or an edge is to be eliminated that is not there.

    Notes
    -----
    Edges that are known to be 1 or -1 are not multiplied with.

    Examples
    --------
    >>> from memograd.jacobians.elimination.graph import linear
    >>> dag = linear([0], [2, 3], {1: {0: 2.0}, 2: {1: 5.0, 0: 1.0}, 3: {1: -1}})
    >>> accumulated(dag, [1])
    {(0, 0): 11.0, (1, 0): -2.0}
    """
    into = {v: dict(row) for v, row in dag.partials.items()}
    after = turned({v: set(into.get(v, ())) for v in (*dag.inputs, *into)})
    for step in steps:
        eliminate(step, into, after)
    left = [v for v in dag.inner if into[v] and after[v]]
    if left:
        raise GraphError(f"The steps leave the vertices {left[:5]}. Eliminate each inner vertex, or every edge to it or from it.")
    ends = list(enumerate(dag.inputs))
    rows = [(i, into.get(v, {})) for i, v in enumerate(dag.outputs)]
    return {(i, j): number(row[x]) for i, row in rows for j, x in ends if x in row}


def eliminate(step: Step, into: Partials, after: dict[int, set[int]]) -> None:
    """One step: the products of the edges that meet at a vertex; then the edges are gone."""
    v = step if isinstance(step, int) else step.vertex
    if isinstance(step, tuple) and step[0] not in into.get(step[1], {}):
        raise GraphError(f"There is no edge from {step[0]} to {step[1]} to eliminate.")
    before = [step.operand] if isinstance(step, Front) else list(into[v])
    further = [step.consumer] if isinstance(step, Back) else list(after[v])
    for s in further:
        row, onward = into[s], into[s][v]
        for p in before:
            d = times(onward, into[v][p])
            row[p] = plus(row[p], d) if p in row else d
            after[p].add(s)
    gone = [(p, v) for p in before if not isinstance(step, Back)] + [(v, s) for s in further if not isinstance(step, Front)]
    for p, s in gone:
        del into[s][p]
        after[p].remove(s)


def times(a: Any, b: Any) -> Any:
    """The product, where neither is known to be 1 or -1 without a multiplication."""
    if type(a) is int:
        a, b = b, a
    if type(b) is not int:
        return a * b
    return a if b == 1 else -a


def plus(a: Any, b: Any) -> Any:
    """The sum; of two that are known it is a number like any other."""
    return number(a) + number(b)


def number(d: Any) -> Any:
    """A derivative that is known as a number."""
    return float(d) if type(d) is int else d
