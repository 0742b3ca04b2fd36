"""Linearisation of a tape's scalar program: each rule applied with g = 1, at the tape's values.

Equal subexpressions become one vertex first. A rule that reads nothing of the program has the same
derivative at every point; if that is 1 or -1, multiplying with it is free.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from ...arrays.values import is_inexact
from ...errors import RefusedError
from ...memory.memory import Memory
from ...plans.ir import instruction_of
from ...plans.op_traits import is_own
from ...plans.passes.common_subexpressions import key_of
from ...program.steps import Operand
from ...program.walks import ancestors_of, nodes_on_paths
from ...rules.registration import RULES, Read, VJPRule
from ...solver.recursion import conform_to_operand
from ...solver.targets import check_target
from ...tape.node import Node
from ...text import describe
from .execution import add_partials
from .graph import LinearisedDag, build_dag


def linearise(ys: Sequence[Node], xs: Sequence[Node], record: bool = False) -> LinearisedDag:
    """Return the partial derivatives between xs and ys, along differentiable uses.

    Parameters
    ----------
    ys, xs : sequence of Node
        Real scalars of one tape, as all nodes between them are. If an x depends on another x, its
        own derivative is that by a change of its own, and the other's includes the path through
        it, as in :func:`memograd.grad`.
    record : bool
        Whether to return the partial derivatives as nodes of the tape, to be accumulated into
        nodes.

    Raises
    ------
    RefusedError
        If a node between is an array, has several outputs, or is complex.
    NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.jacobians.elimination import (
    ...     accumulate_jacobian, find_elimination_order, linearise
    ... )
    >>> tape = mg.Tape()
    >>> x, w = tape.leaf(2.0), tape.leaf(3.0)
    >>> dag = linearise([np.square(x * w), x * w + x], [x, w])
    >>> order = find_elimination_order(dag).order
    >>> {key: float(d) for key, d in accumulate_jacobian(dag, order).items()}
    {(0, 0): 36.0, (0, 1): 24.0, (1, 0): 4.0, (1, 1): 2.0}
    """
    for y in ys:
        for x in xs:
            check_target(y, x)
    tape = ys[0].tape
    with tape.lock:
        memory = tape.state
        nodes = nodes_between(memory, ys, xs)
        _refuse_arrays(memory, nodes)
        same = merge_equal_nodes(memory, ys, xs)
        vertices = {same[n] for n in nodes}
        read = tape.handle if record else memory.value
        partials = {n: local_partials(memory, n, same, vertices, read) for n in sorted(vertices)}
    return build_dag([x.id for x in xs], [same[y.id] for y in ys], partials)


def _refuse_arrays(memory: Memory, nodes: list[int]) -> None:
    """Raise unless all nodes are real numbers."""
    for n in nodes:
        if not is_real_scalar(memory, n):
            raise RefusedError(
                f"Elimination multiplies real numbers, but between y and x is "
                f"{describe(memory.nodes[n])}. Take another order."
            )


def is_scalar_program(ys: Sequence[Node], xs: Sequence[Node]) -> bool:
    """Return whether all nodes between xs and ys are real numbers, as `linearise` requires."""
    memory = ys[0].tape.state
    return all(is_real_scalar(memory, n) for n in nodes_between(memory, ys, xs))


def is_real_scalar(memory: Memory, n: int) -> bool:
    """Return whether n is a real number."""
    step = memory.steps[n]
    return step.shape == () and type(step.dtype) is not tuple and step.dtype.kind == "f"


def nodes_between(memory: Memory, ys: Sequence[Node], xs: Sequence[Node]) -> list[int]:
    """Return the nodes on paths of differentiable uses from xs to ys, in creation order."""
    return nodes_on_paths(
        lambda n: (o for _, o, _ in differentiable_uses(memory, n)),
        [x.id for x in xs],
        [y.id for y in ys],
    )


def differentiable_uses(memory: Memory, n: int) -> Iterator[tuple[int, int, VJPRule]]:
    """Yield the uses by n that carry a derivative: position, operand and rule."""
    step = memory.steps[n]
    vjps = RULES[step.op].pulls
    for k, o in enumerate(step.args):
        if type(o) is Operand and is_inexact(memory.steps[o].dtype) and (rules := vjps[k,]):
            yield k, int(o), rules[0][1]


def merge_equal_nodes(memory: Memory, ys: Sequence[Node], xs: Sequence[Node]) -> dict[int, int]:
    """Return, for each node from which ys are computed, the first node that is equal to it.

    An x is equal to itself alone, because it is changed by itself. Nodes older than all xs are
    not compared: a long program may stand before them.
    """
    same = Representatives()
    known: dict[Any, int] = {}
    inputs = {x.id for x in xs}
    ancestors = ancestors_of(memory.steps, [y.id for y in ys], first=min(inputs, default=0))
    for n in sorted(ancestors):
        instruction = instruction_of(memory.steps[n])
        if instruction.op is None or n in inputs or is_own(instruction.op):
            same[n] = n
        else:
            args = tuple(Operand(same[a]) if type(a) is Operand else a for a in instruction.args)
            same[n] = known.setdefault(key_of(instruction._replace(args=args)), n)
    return same


class Representatives(dict[int, int]):
    """Map from a node to the first that is equal to it; a missing node represents itself."""

    def __missing__(self, n: int) -> int:
        return n


def local_partials(
    memory: Memory, n: int, same: dict[int, int], vertices: set[int], read: Read
) -> dict[int, Any]:
    """Return ∂n/∂operand for each operand of n among the vertices.

    Parameters
    ----------
    memory : Memory
        Memory of the tape.
    n : int
        A node.
    same : dict of int to int
        The vertex that represents each node.
    vertices : set of int
        The vertices of the DAG.
    read : callable
        Returns the value, or the handle, of a node.

    Returns
    -------
    dict of int to value
        A partial derivative for each vertex that n uses, the integer 1 or -1 if it is constant.
    """
    row: dict[int, Any] = {}
    for k, o, vjp in differentiable_uses(memory, n):
        if same[o] not in vertices:
            continue
        d = conform_to_operand(
            vjp.pull(memory.unit_seed(n), n, k, memory.steps, read), memory, n, k, o
        )
        if is_constant_partial(vjp, memory.steps[n].args) and abs(d) == 1:
            d = int(d)
        row[same[o]] = add_partials(row[same[o]], d) if same[o] in row else d
    return row


def is_constant_partial(vjp: VJPRule, args: tuple[Any, ...]) -> bool:
    """Return whether a rule reads no node, so that its derivative is the same at every point."""
    return not vjp.reads_output and not any(
        type(a) is Operand and vjp.reads(k) for k, a in enumerate(args)
    )
