"""Recursion that computes derivatives: it visits only the nodes that a request needs, each once.

The central function is :func:`pull_back`. The same recursion serves arrays, which it stores in the
table of an output, and handles of nodes, which record the derivative's own program.

References
----------
"Calculus and Backpropagation", section 13 (dynamic programming) and section 9 (chain rule).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.values import DOUBLE, canonicalize, full
from ..errors import RuleShapeError
from ..memory.memory import MISSING, VALID, Memory
from ..memory.tables import Table
from ..rules.broadcasting import unbroadcast
from ..rules.registration import RULES, Read
from ..text import describe, op_name, printable
from .events import Listener

Store = Callable[[Table, int, Any], None]
"""Function that stores a cotangent in a table, as :meth:`Memory.store` does."""


def pull_back(
    memory: Memory, table: Table, target: int, read: Read, store: Store, log: Listener | None = None
) -> Any:
    """Return ∂L/∂target: ∂L/∂L = 1, and ∂L/∂n = Σ VJP(c, k)(∂L/∂c) over the uses (c, k) of n.

    The recursion keeps a stack of its own, so that depth is no limit. On it, n means "visit n", and
    ~n means "all that n needs is known: compute ∂L/∂n and store it".
    """
    uses, cotangents, marks = table.uses, table.cotangents, table.marks
    stack = [target]
    while stack:
        n = stack.pop()
        if n < 0:
            verdict = memory.verify_cotangent(table, ~n) if ~n in marks else MISSING
            if verdict is not VALID:
                store(table, ~n, sum_contributions(memory, table, ~n, read))
            if log is not None:
                log.close(verdict)
        else:
            known = n in cotangents and n not in marks
            if log is not None:
                log.on_visit(memory, n, known)
            if not known:
                stack.append(~n)
                of_n = uses[n]
                if type(of_n) is tuple:  # one use, which is not held in a list
                    stack.append(of_n[0])
                else:
                    stack += [c for c, _ in of_n]
    return cotangents[target]


def sum_contributions(memory: Memory, table: Table, n: int, read: Read) -> Any:
    """Return ∂L/∂n: the sum of what the uses of n contribute."""
    steps, cotangents, uses = memory.steps, table.cotangents, table.uses[n]
    step = steps[n]
    shape, dtype = step.shape, step.dtype
    if type(dtype) is tuple:
        return collect_outputs(memory, table, n)
    plain = dtype is DOUBLE and not shape
    total, terms = None, 0
    for c, rules in (uses,) if type(uses) is tuple else uses:
        for k, rule in rules:
            d = rule.pull(cotangents[c], c, k, steps, read)
            if not (plain and type(d) is np.float64) and (
                getattr(d, "shape", None) != shape or d.dtype is not dtype
            ):
                d = conform_to_operand(d, memory, c, k, n)
            if terms < 2:
                total = d if terms == 0 else total + d
            else:
                total += d  # into an array of our own: two terms were added into it
            terms += 1
    if type(shape) is not tuple:
        return shape.kind.conform(shape, total)
    return total if type(total) is np.float64 else canonicalize(total)


def collect_outputs(memory: Memory, table: Table, n: int) -> tuple[Any, ...]:
    """Return the cotangents of a node with several outputs, zeros for those without a path to L."""
    step, cotangents = memory.steps[n], table.cotangents
    parts: dict[int, Any] = {}
    for c in table.consumers(n):
        k = memory.steps[c].args[1]
        # A rule may have taken an output once more.
        parts[k] = parts[k] + cotangents[c] if k in parts else cotangents[c]
    facts = enumerate(zip(step.shape, step.dtype, strict=True))
    return tuple(
        canonicalize(parts[k]) if k in parts else zeros_for(shape, dtype)
        for k, (shape, dtype) in facts
    )


def zeros_for(shape: Any, dtype: Any) -> Any:
    """Return zeros of a shape and dtype; a tuple of them for a node with several outputs."""
    several = isinstance(dtype, tuple)
    return tuple(map(zeros_for, shape, dtype)) if several else full(shape, 0, dtype)


def conform_to_operand(d: Any, memory: Memory, c: int, k: int, n: int) -> Any:
    """Return what consumer c contributes by its operand k in the shape and dtype of k, node n."""
    shape, dtype = memory.steps[n].shape, memory.steps[n].dtype
    rule = RULES[memory.steps[c].op]
    if isinstance(d, int | float | complex):
        d = canonicalize(d)
    got = getattr(d, "shape", None)
    if (
        got is not None
        and got != shape
        and rule.broadcasts
        and np.broadcast_shapes(got, shape) == got
    ):
        d, got = unbroadcast(d, shape), shape
    if got != shape:
        what = printable(repr(d)) if got is None else f"a derivative of shape {got}"
        raise RuleShapeError(
            f"The rule of {op_name(rule.op)} for operand {k} gave {what}, but the operand "
            f"{describe(memory.nodes[n])} has shape {shape}. Fix that VJP rule; it was "
            f"applied at {describe(memory.nodes[c])}."
        )
    return cast(d, dtype)


def cast(d: Any, dtype: Any) -> Any:
    """Return a cotangent in the dtype of its node; its real part, if the node is real."""
    if d.dtype == dtype:
        return d
    return (np.real(d) if d.dtype.kind == "c" and dtype.kind != "c" else d).astype(dtype)
