"""Where the paths from x end before they reach L: at what has no derivative, or because L is not
computed from x at all.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..program.steps import Operand
from ..rules.control import stop_gradient
from ..rules.registration import RULES, traits_of
from ..text import op_name
from .findings import Finding, make_finding
from .subgraph import Subgraph

WORDS = {
    "stopped": "stop_gradient ends the path on purpose",
    "comparison": "a comparison passes no derivative on",
    "condition": "it only chooses there",
    "integers": "the result is of integers",
    "steps": "the op is flat between its steps",
    "shape": "only its shape is read there",
    "no line": "the rule of {op} has no derivative for this operand",
}


def endings(region: Subgraph) -> Iterator[Finding]:
    """Yield each place where a differentiable path from x ends on a way to L."""
    above = region.above
    if region.target not in above:
        yield from _missing_use_finding(region, above)
        return
    reached, stack, succ = {region.target}, [region.target], region.memory.succ.sync()
    found: set[tuple[int, int]] = set()
    while stack:
        o = stack.pop()
        for c, edge in succ[o].items():
            if c in above:
                if RULES[region.op(c)].pulls[edge["argnums"]] and region.inexact(c):
                    stack.extend({c} - reached)
                    reached.add(c)
                else:
                    found.add((c, o))
    yield from (_ending(region, c, o) for c, o in sorted(found))


def _ending(region: Subgraph, c: int, o: int) -> Finding:
    """Return the use of o by c, which passes nothing on."""
    cause = _dead_end_cause(region, c)
    why = WORDS[cause].format(op=op_name(region.op(c)))
    text = (
        f"A path from {region.name(region.target)} ends here, as operand {region.name(o)} of "
        f"{region.formula(c)}: {why}."
    )
    return make_finding(region, cause, c, Operand(o), True, region.steps[o].shape, text)


def _dead_end_cause(region: Subgraph, c: int) -> str:
    op, traits = region.op(c), traits_of(region.op(c))
    if op is stop_gradient:
        return "stopped"
    if traits.reads_shape_only:
        return "shape"
    if traits.compares:
        return "comparison"
    if traits.selects:
        return "condition"
    if not region.inexact(c):
        return "integers" if _integers(region.steps[c].dtype) else "comparison"
    return "steps" if RULES[op].kind == "constant" else "no line"


def _integers(dtype: Any) -> bool:
    return any(map(_integers, dtype)) if type(dtype) is tuple else dtype.kind in "iu"


def _missing_use_finding(region: Subgraph, above: set[int]) -> Iterator[Finding]:
    """L is not computed from x: its value may stand there instead."""
    value, x, L = region.read(region.target), region.name(region.target), region.name(region.output)
    frozen = False
    for c in sorted(above):
        leaf = region.op(c) is None
        for a in (region.read(c),) if leaf else region.arguments(c):
            if type(a) is not Operand and _is_from(a, value):
                frozen = True
                where = (
                    "is a leaf of its value"
                    if leaf
                    else f"takes its value as a constant operand of {op_name(region.op(c))}"
                )
                text = (
                    f"{L} is not computed from {x}, but {region.name(c)} {where}: somebody "
                    f"took {x}.value."
                )
                yield make_finding(
                    region, "frozen", c, Operand(region.target), True, np.shape(value), text
                )
    if not frozen:
        last = (
            ", ".join(region.name(n) for n in _last_nodes(region))
            or f"{x} itself, which nothing uses"
        )
        text = f"{L} is not computed from {x}. What is computed from {x} ends in {last}."
        yield make_finding(region, "no path", region.target, None, True, np.shape(value), text)


def _is_from(a: Any, value: Any) -> bool:
    """Return whether a constant is a value that was returned: the same object, or an array in its
    memory.
    """
    if isinstance(value, np.ndarray):
        return (
            isinstance(a, np.ndarray)
            and a.size > 0
            and np.may_share_memory(a, value)
            and np.shares_memory(a, value)
        )
    return a is value


def _last_nodes(region: Subgraph) -> list[int]:
    """Return the nodes at which what is computed from x ends, up to three of them."""
    steps, succ = region.steps, region.memory.succ.sync()
    seen, stack, ends = {region.target}, [region.target], []
    while stack:
        n = stack.pop()
        further = [c for c in succ[n] if c not in region.memory.nodes.of]
        if not further and n != region.target and steps[n].op is not None:
            ends.append(n)
        stack.extend(c for c in further if c not in seen)
        seen.update(further)
    return sorted(ends)[:3]
