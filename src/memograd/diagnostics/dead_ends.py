"""Dead ends: where the differentiable paths from x end before they reach L."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..program.steps import Operand
from ..program.walks import walk_graph
from ..rules.control import stop_gradient
from ..rules.registration import RULES, traits_of
from ..text import op_name
from .findings import Finding, make_finding
from .subgraph import Subgraph

DEAD_END_CLAUSES = {
    "stopped": "stop_gradient ends the path on purpose",
    "comparison": "a comparison passes no derivative on",
    "condition": "it only chooses there",
    "integers": "the result is of integers",
    "steps": "the op is flat between its steps",
    "shape": "only its shape is read there",
    "no line": "the rule of {op} has no derivative for this operand",
}
"""Clause that says why a path ends, for each cause."""


def find_dead_ends(region: Subgraph) -> Iterator[Finding]:
    """Yield a finding for each use where a differentiable path from x to L ends."""
    if region.target not in region.ancestors:
        yield from _missing_path_findings(region)
        return
    dead_ends: set[tuple[int, int]] = set()
    consumers = region.memory.succ.sync()

    def follow(o: int) -> Iterator[int]:
        """Yield the consumers that pass a derivative on to o; note the others."""
        for c, edge in consumers[o].items():
            if c in region.ancestors:
                if RULES[region.op(c)].pulls[edge["argnums"]] and region.has_derivative(c):
                    yield c
                else:
                    dead_ends.add((c, o))

    for _ in walk_graph([region.target], follow):
        pass
    yield from (_dead_end_finding(region, c, o) for c, o in sorted(dead_ends))


def _dead_end_finding(region: Subgraph, c: int, o: int) -> Finding:
    """Return the finding that the use of o by c passes no derivative on."""
    cause = _dead_end_cause(region, c)
    why = DEAD_END_CLAUSES[cause].format(op=op_name(region.op(c)))
    text = (
        f"A path from {region.name(region.target)} ends here, as operand {region.name(o)} of "
        f"{region.formula(c)}: {why}."
    )
    return make_finding(region, cause, c, Operand(o), True, region.steps[o].shape, text)


def _dead_end_cause(region: Subgraph, c: int) -> str:
    """Return why c passes no derivative on: a key of `DEAD_END_CLAUSES`."""
    op, traits = region.op(c), traits_of(region.op(c))
    if op is stop_gradient:
        return "stopped"
    if traits.reads_shape_only:
        return "shape"
    if traits.compares:
        return "comparison"
    if traits.selects:
        return "condition"
    if not region.has_derivative(c):
        return "integers" if _is_integer_dtype(region.steps[c].dtype) else "comparison"
    return "steps" if RULES[op].kind == "constant" else "no line"


def _is_integer_dtype(dtype: Any) -> bool:
    """Return whether a dtype, or one of several, is of integers."""
    return any(map(_is_integer_dtype, dtype)) if type(dtype) is tuple else dtype.kind in "iu"


def _missing_path_findings(region: Subgraph) -> Iterator[Finding]:
    """Yield the places where the value of x stands instead of x, if L is not computed from x."""
    value, x, L = region.read(region.target), region.name(region.target), region.name(region.output)
    frozen = [
        (c, a)
        for c in sorted(region.ancestors)
        for a in _constants_of(region, c)
        if _is_value_of(a, value)
    ]
    for c, _ in frozen:
        where = "is a leaf of its value"
        if region.op(c) is not None:
            where = f"takes its value as a constant operand of {op_name(region.op(c))}"
        text = (
            f"{L} is not computed from {x}, but {region.name(c)} {where}: somebody took {x}.value."
        )
        yield make_finding(region, "frozen", c, Operand(region.target), True, np.shape(value), text)
    if not frozen:
        last = ", ".join(map(region.name, _last_nodes(region)))
        last = last or f"{x} itself, which nothing uses"
        text = f"{L} is not computed from {x}. What is computed from {x} ends in {last}."
        yield make_finding(region, "no path", region.target, None, True, np.shape(value), text)


def _constants_of(region: Subgraph, n: int) -> Iterator[Any]:
    """Yield the constants that n is computed from: its value if it is a leaf."""
    given = (region.read(n),) if region.op(n) is None else region.arguments(n)
    yield from (a for a in given if type(a) is not Operand)


def _is_value_of(a: Any, value: Any) -> bool:
    """Return whether a constant is a value that was read: the same object, or in its memory."""
    if not isinstance(value, np.ndarray):
        return a is value
    is_array = isinstance(a, np.ndarray) and a.size > 0
    return is_array and np.may_share_memory(a, value) and np.shares_memory(a, value)


def _last_nodes(region: Subgraph) -> list[int]:
    """Return up to three nodes at which the computation from x ends."""
    consumers, derivatives = region.memory.succ.sync(), region.memory.nodes.of

    def follow(n: int) -> list[int]:
        """Return the consumers of n, without nodes that record derivatives."""
        return [c for c in consumers[n] if c not in derivatives]

    descendants = walk_graph([region.target], follow)
    return sorted(n for n in descendants if n != region.target and not follow(n))[:3]
