"""0·∞ behind a mask, and the form of the program that is safe: choose inside, apply the op, choose
again outside.
"""

from typing import Any

import numpy as np

from ..program.steps import Operand, operand_positions
from ..rules.registration import traits_of
from ..rules.traits import Domain, Structure
from .subgraph import Subgraph, UseOfNode, format_call


def clips(op: Any) -> bool:
    """Return whether an op keeps its operand within bounds, element by element."""
    traits = traits_of(op)
    is_elementwise = traits.structure is Structure.ELEMENTWISE
    return traits.saturates and is_elementwise and traits.kink is not None


def is_mask(region: Subgraph, use: UseOfNode, cause: str) -> bool:
    """Return whether a use that makes a zero, for this cause, is one that masks its operand on
    purpose.
    """
    op = region.op(use.consumer)
    return traits_of(op).selects or clips(op) or (op is np.multiply and cause == "zero factor")


def double_where(region: Subgraph, use: UseOfNode, mask: UseOfNode) -> str:
    """Return the lines that are safe, in the names of the user's nodes: `use` has the infinite
    slope, and `mask` hides it.
    """
    c, w = use.consumer, mask.consumer
    domain = traits_of(region.op(c)).domain or Domain(use.argnum, np.isnan, "np.isfinite({})")
    args = [region.argument_name(a) for a in region.arguments(c)]
    operand, args[domain.operand] = args[domain.operand], "safe"
    good = domain.good.format(operand)
    lines = [
        f"safe = {_safe_operand(region, mask, good, operand, domain.safe)}",
        f"{region.name(c)} = {format_call(region.op(c), args, region.steps[c].kwargs)}",
        *(f"{region.name(n)} = {region.formula(n)}" for n in _nodes_between(region, c, mask.node)),
        f"{region.name(w)} = {_outer_mask(region, mask, good)}",
    ]
    return "\n".join(lines)


def _nodes_between(region: Subgraph, c: int, last: int) -> list[int]:
    """Return the nodes on the ways from c to the one that is masked, with it, without c."""
    needed, stack = {last}, [last]
    while stack:
        for o in operand_positions(region.arguments(stack.pop())):
            if o > c and o not in needed:
                needed.add(o)
                stack.append(o)
    found = {c}
    for n in sorted(needed):
        if not found.isdisjoint(operand_positions(region.arguments(n))):
            found.add(n)
    return sorted(found - {c})


def _safe_operand(region: Subgraph, mask: UseOfNode, good: str, operand: str, safe: float) -> str:
    """Return the operand where the mask lets it pass, a safe number elsewhere."""
    op, args = region.op(mask.consumer), region.arguments(mask.consumer)
    if op is np.where:
        first, second = (operand, safe) if mask.argnum == 1 else (safe, operand)
        return f"np.where({_condition_code(region, args[0])}, {first}, {second})"
    if op is np.multiply:
        return f"np.where({region.argument_name(args[1 - mask.argnum])} != 0, {operand}, {safe})"
    return f"np.where({good}, {operand}, {safe})"


def _outer_mask(region: Subgraph, mask: UseOfNode, good: str) -> str:
    """Return the mask unchanged; at a bound, the safe number must not get through."""
    w = mask.consumer
    if clips(region.op(w)):
        bound = region.argument_name(_hiding_bound(region, mask))
        return f"np.where({good}, {region.formula(w)}, {bound})"
    if region.op(w) is not np.where:
        return region.formula(w)
    condition, *branches = region.arguments(w)
    return format_call(
        np.where, [_condition_code(region, condition), *map(region.argument_name, branches)], {}
    )


def _hiding_bound(region: Subgraph, mask: UseOfNode) -> Any:
    """Return the bound that hides the infinity."""
    args = region.arguments(mask.consumer)
    if region.op(mask.consumer) is not np.clip:
        return args[1 - mask.argnum]
    return args[2] if np.any(np.equal(region.read(mask.node), np.inf)) else args[1]


def _condition_code(region: Subgraph, a: Any) -> str:
    """Return a condition as code: its name, where somebody named it, or else how it was made."""
    if type(a) is not Operand:
        return "condition"
    named = a in region.memory.nodes.names
    return region.name(a) if named or traits_of(region.op(a)).symbol is None else region.formula(a)
