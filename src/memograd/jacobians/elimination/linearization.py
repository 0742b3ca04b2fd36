"""A tape's scalar program as a linearised DAG: each rule applied with g = 1, at the values that the tape holds now.

Equal subexpressions are shared before: they are one vertex. A line that reads nothing of the program has the same derivative
whatever the point; where that is 1 or -1, multiplying with it is free.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from ...arrays.values import inexact
from ...errors import RefusedError
from ...memory.memory import Memory
from ...plans.ir import Step
from ...plans.op_traits import is_own
from ...plans.passes.common_subexpressions import key_of
from ...program.steps import ARGS, DTYPE, KWARGS, OP, SHAPE, Operand
from ...rules.registration import RULES, Line, Read
from ...solver.recursion import checked, fitted
from ...tape.node import Node
from ...text import describe
from .execution import plus
from .graph import Linearised, linear


def linearised(ys: Sequence[Node], xs: Sequence[Node], record: bool = False) -> Linearised:
    """The partial derivatives between xs and ys, along the uses that count.

    Parameters
    ----------
    ys, xs : sequence of Node
        Real scalars of one tape, as all nodes between them are. Where an x depends on another x, its derivative is that by a change
        of its own, and the other's goes through it too, as in :func:`memograd.grad`.
    record : bool
        Give the partial derivatives as nodes of the tape, to be accumulated into nodes.

    Raises
    ------
    RefusedError
        A node between is an array, has several outputs, or is complex.
    NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.jacobians.elimination import accumulated, linearised, ordered
    >>> tape = mg.Tape()
    >>> x, w = tape.leaf(2.0), tape.leaf(3.0)
    >>> dag = linearised([np.square(x * w), x * w + x], [x, w])
    >>> {key: float(d) for key, d in accumulated(dag, ordered(dag).order).items()}
    {(0, 0): 36.0, (0, 1): 24.0, (1, 0): 4.0, (1, 1): 2.0}
    """
    for y in ys:
        for x in xs:
            checked(y, x)
    tape = ys[0].tape
    with tape._lock:
        memory = tape._memory
        on = between(memory, ys, xs)
        odd = next((n for n in on if not plain(memory, n)), None)
        if odd is not None:
            raise RefusedError(
                f"Elimination multiplies real numbers, but between y and x is {describe(memory.nodes[odd])}. Take another order."
            )
        same = shared(memory, ys, xs)
        vertices, read = {same[n] for n in on}, tape._handle if record else memory.value
        partials = {n: local(memory, n, same, vertices, read) for n in sorted(vertices)}
    return linear([x.id for x in xs], [same[y.id] for y in ys], partials)


def is_scalar(ys: Sequence[Node], xs: Sequence[Node]) -> bool:
    """Whether all nodes between xs and ys are real numbers, so that :func:`linearised` takes them."""
    memory = ys[0].tape._memory
    return all(plain(memory, n) for n in between(memory, ys, xs))


def plain(memory: Memory, n: int) -> bool:
    """Whether n is a real number."""
    step = memory.steps[n]
    return step[SHAPE] == () and type(step[DTYPE]) is not tuple and step[DTYPE].kind == "f"


def between(memory: Memory, ys: Sequence[Node], xs: Sequence[Node]) -> list[int]:
    """The nodes on the paths from xs to ys along uses that count, in creation order."""
    first = min((x.id for x in xs), default=0)
    rows, stack = dict[int, list[int]](), [y.id for y in ys if y.id >= first]
    while stack:
        n = stack.pop()
        if n not in rows:
            rows[n] = [o for _, o, _ in counting(memory, n) if o >= first]
            stack += rows[n]
    reached = {x.id for x in xs}
    for n in sorted(rows):
        if not reached.isdisjoint(rows[n]):
            reached.add(n)
    return sorted(reached & rows.keys())


def counting(memory: Memory, n: int) -> Iterator[tuple[int, int, Line]]:
    """The uses of its operands by n that count: position, operand, line."""
    step = memory.steps[n]
    lines = RULES[step[OP]].lines
    for k, o in enumerate(step[ARGS]):
        if type(o) is Operand and inexact(memory.steps[o][DTYPE]) and (found := lines[k,]):
            yield k, int(o), found[0][1]


def shared(memory: Memory, ys: Sequence[Node], xs: Sequence[Node]) -> dict[int, int]:
    """For each node that ys are computed from: the first that is equal to it. An x is itself alone: it is moved by itself.

    Nodes that are older than all xs are themselves, and are not looked at: a long program may stand before them.
    """
    apart = {x.id for x in xs}
    known: dict[Any, int] = {}
    same = Same()
    for n in ancestors(memory, ys, first=min(apart, default=0)):
        op, args, kwargs, shape, dtype = (memory.steps[n][k] for k in (OP, ARGS, KWARGS, SHAPE, DTYPE))
        if op is None or n in apart or is_own(op):
            same[n] = n
        else:
            step = Step(op, tuple(Operand(same[a]) if type(a) is Operand else a for a in args), kwargs, shape, dtype)
            same[n] = known.setdefault(key_of(step), n)
    return same


class Same(dict[int, int]):
    """From a node to the first that is equal to it; one that is not there is itself."""

    def __missing__(self, n: int) -> int:
        return n


def ancestors(memory: Memory, ys: Sequence[Node], first: int) -> list[int]:
    """The nodes from `first` on that ys are computed from, along uses of any kind, in creation order."""
    found, stack = set[int](), [y.id for y in ys]
    while stack:
        n = stack.pop()
        if n not in found:
            found.add(n)
            stack += [int(a) for a in memory.steps[n][ARGS] if type(a) is Operand and a >= first]
    return sorted(found)


def local(memory: Memory, n: int, same: dict[int, int], vertices: set[int], read: Read) -> dict[int, Any]:
    """∂n/∂operand for each of its operands among the vertices."""
    row: dict[int, Any] = {}
    for k, o, line in counting(memory, n):
        if same[o] not in vertices:
            continue
        d = fitted(line.pull(memory.one(n), n, k, memory.steps, read), memory, n, k, o)
        if fixed(line, memory.steps[n][ARGS]) and abs(d) == 1:
            d = int(d)
        row[same[o]] = plus(row[same[o]], d) if same[o] in row else d
    return row


def fixed(line: Line, args: tuple[Any, ...]) -> bool:
    """Whether a line reads no node, so that its derivative is the same at every point."""
    return not line.reads_output and not any(type(a) is Operand and line.reads(k) for k, a in enumerate(args))
