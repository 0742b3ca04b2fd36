"""Safe forms of a program that computes 0·∞ behind a mask.

The *double where* selects a safe operand first, applies the op, and selects again.
"""

from typing import Any

import numpy as np

from ..program.steps import Operand
from ..rules.registration import traits_of
from ..rules.traits import Domain, Structure
from .calls import format_call
from .subgraph import Subgraph, UseOfNode


def clips(op: Any) -> bool:
    """Return whether an op keeps its operand within bounds, element by element."""
    traits = traits_of(op)
    is_elementwise = traits.structure is Structure.ELEMENTWISE
    return traits.saturates and is_elementwise and traits.kink is not None


def is_masking_use(region: Subgraph, use: UseOfNode, cause: str) -> bool:
    """Return whether a use that makes a derivative zero, for this cause, is meant as a mask."""
    op = region.op(use.consumer)
    return traits_of(op).selects or clips(op) or (op is np.multiply and cause == "zero factor")


def double_where(region: Subgraph, use: UseOfNode, mask: UseOfNode) -> str:
    """Return the safe form as lines of code, in the names of the user's nodes.

    Parameters
    ----------
    region : Subgraph
        Nodes between x and L.
    use : UseOfNode
        Use with an infinite slope.
    mask : UseOfNode
        Use that hides the infinity.
    """
    c, w = use.consumer, mask.consumer
    domain = traits_of(region.op(c)).domain or Domain(use.argnum, np.isnan, "np.isfinite({})")
    args = [region.argument_name(a) for a in region.arguments(c)]
    operand, args[domain.operand] = args[domain.operand], "safe"
    good = domain.good.format(operand)
    between = region.nodes_on_paths(c, mask.node)
    lines = [
        f"safe = {_safe_operand(region, mask, good, operand, domain.safe)}",
        f"{region.name(c)} = {format_call(region.op(c), args, region.steps[c].kwargs)}",
        *(f"{region.name(n)} = {region.formula(n)}" for n in between if n != c),
        f"{region.name(w)} = {_outer_mask(region, mask, good)}",
    ]
    return "\n".join(lines)


def _safe_operand(region: Subgraph, mask: UseOfNode, good: str, operand: str, safe: float) -> str:
    """Return code for the operand where the mask selects it, and a safe number elsewhere."""
    op, args = region.op(mask.consumer), region.arguments(mask.consumer)
    if op is np.where:
        first, second = (operand, safe) if mask.argnum == 1 else (safe, operand)
        return f"np.where({_condition_code(region, args[0])}, {first}, {second})"
    if op is np.multiply:
        return f"np.where({region.argument_name(args[1 - mask.argnum])} != 0, {operand}, {safe})"
    return f"np.where({good}, {operand}, {safe})"


def _outer_mask(region: Subgraph, mask: UseOfNode, good: str) -> str:
    """Return code for the mask; at a bound it must hide the safe number, too."""
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
    """Return code for a condition: its name if the user named it, else the call that made it."""
    if type(a) is not Operand:
        return "condition"
    named = a in region.memory.nodes.names
    return region.name(a) if named or traits_of(region.op(a)).symbol is None else region.formula(a)
