"""Forward mode: the tangent of each node, from those of its operands, in creation order."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..arrays.pytrees import tree_map
from ..arrays.values import as_input, canonicalize, is_inexact
from ..errors import RuleShapeError
from ..memory.memory import Memory
from ..memory.tables import Table
from ..memory.uses import UsesByNode, uses_towards
from ..program.steps import Operand, Steps
from ..rules.registration import JOINT_PUSHES, RULES, Read, Rule, VJPRule
from ..solver.recursion import cast, conform_to_operand, pull_back, zeros_for
from ..tape.constants import NUMBER_KINDS
from ..tape.node import Node
from ..tape.tape import Tape
from ..text import describe, op_name
from .batched_array import run_op

Tangents = dict[int, Any]
"""Tangents by node or by position of an operand: arrays, or handles where they are recorded."""


def push_forward(memory: Memory, tangents: Tangents, y: int, read: Read) -> Any:
    """Return Σ ∂y/∂x · t over the nodes x that have a tangent t; None if y depends on no x."""
    return push_all(memory, tangents, [y], read).get(y)


def push_all(memory: Memory, tangents: Tangents, ys: Iterable[int], read: Read) -> Tangents:
    """Return the tangents of those of `ys` that have one.

    A node with a tangent of its own and operands with tangents has the sum.
    """
    steps, found, wanted = memory.steps, dict(tangents), set(ys)
    uses = uses_towards(memory, *wanted, first=min(tangents, default=0))
    for n in sorted(uses):
        t = push_node(memory, found, n, read)
        if t is not None:
            found[n] = add_tangents(found[n], t) if n in found else t
        for a in steps[n].args:
            if type(a) is Operand and a in found and a not in wanted and last_use(uses, a) <= n:
                del found[a]  # frees the memory of a tangent that is not read again
    return found


def last_use(uses: UsesByNode, n: int) -> int:
    """Return the last node that uses n; -1 if n leads to no output."""
    use = uses.get(n)
    if not use:
        return -1
    return use[0] if type(use) is tuple else use[0][0]  # type: ignore[no-any-return]


def push_node(memory: Memory, tangents: Tangents, n: int, read: Read) -> Any:
    """Return the tangent of n, given those of its operands; None if they have none."""
    step = memory.steps[n]
    rule = RULES[step.op]
    given = {
        k: tangents[a]
        for k, a in enumerate(step.args)
        if type(a) is Operand and a in tangents and rule.pulls[k,]
    }
    if not given:
        return None
    if step.op in JOINT_PUSHES:
        operands = fill_operands(step.args, {}, read)
        d = JOINT_PUSHES[step.op](given, lambda: read(n), *operands, **step.kwargs)
        return conform_to_node(d, memory, n)
    total = None
    if rule.kind == "linear":
        jointly = {k: given.pop(k) for k in list(given) if not rule.pushes[k,]}
        if jointly:
            total = conform_to_node(push_linear(memory.steps, rule, n, jointly, read), memory, n)
    for k, t in given.items():
        d = conform_to_node(push_operand(memory, rule, n, k, t, read), memory, n)
        total = d if total is None else add_tangents(total, d)
    return total


def push_linear(steps: Steps, rule: Rule, n: int, tangents: Tangents, read: Read) -> Any:
    """Apply an op to the tangents of all operands in which it is linear, zeros for missing ones."""
    step = steps[n]
    others = {
        k: zeros_in_place(a, steps)
        for k, a in enumerate(step.args)
        if k not in tangents and rule.pulls[k,]
    }
    return run_op(rule.op, fill_operands(step.args, tangents | others, read), step.kwargs)


def push_operand(memory: Memory, rule: Rule, n: int, k: int, t: Any, read: Read) -> Any:
    """Return the term of the tangent of n that comes from operand k."""
    step = memory.steps[n]
    if rule.kind == "multilinear":
        return run_op(rule.op, fill_operands(step.args, {k: t}, read), step.kwargs)
    several = (
        rule.kind == "elementwise" and type(step.dtype) is tuple
    )  # its VJP rules take a tuple of cotangents, not one tangent
    for _, push in () if several else rule.pushes[k,]:
        return push.pull(t, n, k, memory.steps, read)
    ((_, line),) = rule.pulls[k,]
    return transpose_vjp(memory, line, n, k, t, read)


def fill_operands(args: tuple[Any, ...], instead: Tangents, read: Read) -> tuple[Any, ...]:
    """Return the operands of a call as values, or their replacements in `instead`."""
    return tuple(
        instead[k] if k in instead else read(a) if type(a) is Operand else a
        for k, a in enumerate(args)
    )


def zeros_in_place(a: Any, steps: Steps) -> Any:
    """Return zeros for an operand; operands that are no numbers, such as None, are kept."""
    if type(a) is Operand:
        return zeros_for(steps[a].shape, steps[a].dtype)
    return np.zeros_like(a) if as_input(a).dtype.kind in NUMBER_KINDS else a


def transpose_vjp(memory: Memory, line: VJPRule, n: int, k: int, t: Any, read: Read) -> Any:
    """Return the JVP as the transpose of the VJP.

    The VJP is recorded as a linear program of g, and t is pulled back through that program. It is
    recorded on the tape of the handles, or else on a temporary tape, at g = 0; its value there is
    not used.
    """
    step = memory.steps[n]
    home = getattr(read(n), "tape", None)
    tape = Tape() if home is None else home
    start, values = tape.next_id, tape.state.value if home is None else read
    g = zeros(tape, step.shape, step.dtype)
    with np.errstate(all="ignore"):
        d = conform_to_operand(line.pull(g, n, k, memory.steps, read), memory, n, k, step.args[k])
    if not isinstance(d, Node):
        return None
    table = Table(d.id, uses_towards(tape.state, d.id, first=start), t)
    return tree_map(
        lambda z: (
            pull_back(tape.state, table, z.id, values, store_privately)
            if z.id in table.uses
            else None
        ),
        g,
    )


def zeros(tape: Tape, shape: Any, dtype: Any) -> Any:
    """Record a node of zeros; a tuple of them for an op with several outputs."""
    several = isinstance(dtype, tuple)
    return (
        tuple(zeros(tape, *facts) for facts in zip(shape, dtype, strict=True))
        if several
        else tape.record(np.zeros, (shape, dtype))
    )


def store_privately(table: Table, n: int, d: Any) -> None:
    """Store a cotangent in a private table."""
    table.cotangents[n] = d


def add_tangents(a: Any, b: Any) -> Any:
    """Add two tangents, output by output if there are several; None stands for zero."""
    if a is None or b is None:
        return b if a is None else a
    return tuple(map(add_tangents, a, b)) if isinstance(a, tuple) else a + b


def conform_to_node(d: Any, memory: Memory, n: int) -> Any:
    """Give a tangent the shape, realness and dtype of n; None for an output without derivative."""
    step = memory.steps[n]
    shape, dtype = step.shape, step.dtype
    kind = getattr(dtype, "kind", None)
    if kind in ("f", "c") and getattr(d, "dtype", None) is dtype and d.shape == shape:
        return canonicalize(d)  # most tangents, in a third of the time
    if type(dtype) is not tuple or d is None:
        return conform_tangent(d, shape, dtype, memory, n)
    return tuple(conform_tangent(*part, memory, n) for part in zip(d, shape, dtype, strict=True))


def conform_tangent(d: Any, shape: Any, dtype: Any, memory: Memory, n: int) -> Any:
    """Give a tangent the shape, realness and dtype of n, or of one of its outputs."""
    if d is None or not is_inexact(dtype):
        return None
    d = cast(d if hasattr(d, "dtype") else canonicalize(d), dtype)
    if d.shape == shape:
        return canonicalize(d)
    if len(d.shape) > len(shape) or any(
        a not in (1, b) for a, b in zip(d.shape[::-1], shape[::-1], strict=False)
    ):
        raise RuleShapeError(
            f"A tangent of shape {d.shape} was made for {describe(memory.nodes[n])}, which has "
            f"shape {shape}. Fix the push of "
            f"{op_name(memory.steps[n].op)}, or register it by another word, as one that it is."
        )
    return canonicalize(np.broadcast_to(d, shape))
