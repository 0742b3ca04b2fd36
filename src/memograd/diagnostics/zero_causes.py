"""Why a derivative is zero: the walk from x towards L, through what is zero, to where something
arrives and nothing leaves.

The walk knows which elements it follows. At each use there are three cases: nothing arrives from
above in the elements that depend on ours, and the walk goes on there; something arrives, but the
use makes zero of it, and here is an origin; or the uses of a node give something, and it adds up to
zero.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..program.steps import Operand
from ..rules.registration import RULES, traits_of
from ..text import op_name
from .findings import Finding, make_finding
from .kinks import kink_of
from .subgraph import Mask, Subgraph, UseOfNode, arrays_in, largest_size, scale_cotangent, vanishes


class Origin(NamedTuple):
    """Where zeros begin: at a use, or, with several uses, at the node whose parts cancel; and in
    which elements of the operand.
    """

    uses: tuple[UseOfNode, ...]
    mask: Mask
    arriving: Mask


def zero_findings(region: Subgraph, n: int, mask: Mask) -> list[Finding]:
    """Why these elements of ∂L/∂n are zero, in the order in which a run meets the causes."""
    origins = sorted(zero_origins(region, n, mask), key=lambda origin: -origin.uses[0].consumer)
    return [explain_origin(region, origin) for origin in origins]


def zero_origins(region: Subgraph, n: int, mask: Mask) -> Iterator[Origin]:
    """Yield every origin of these zeros of ∂L/∂n."""
    seen: dict[int, Mask] = {}
    stack = [(n, mask)]
    while stack:
        n, mask = stack.pop()
        if n in seen and (seen[n] is True or not np.any(mask & ~seen[n])):
            continue
        seen[n] = mask if mask is True else seen.get(n, False) | mask
        cancelling = []
        for use in region.uses(n):
            reach = region.dependent_elements(use, mask)
            g = region.cotangents[use.consumer]
            if not np.any(reach):
                yield Origin((use,), mask, False)
            elif vanishes(g, reach):
                stack.append((use.consumer, reach))
            elif not vanishes(region.term(use), mask):
                cancelling.append(use)
            else:
                here, rest = _split_by_arrival(region, use, mask, reach, g)
                yield Origin((use,), here, reach if reach is True else reach & (g != 0))
                if rest is not None:
                    stack.append((use.consumer, rest))
        if cancelling:
            yield Origin(tuple(cancelling), mask, True)


def _split_by_arrival(
    region: Subgraph, use: UseOfNode, mask: Mask, reach: Mask, g: Any
) -> tuple[Mask, Mask | None]:
    """Return the elements in which something arrives, and those in which nothing did: to be told
    apart where places are the same.
    """
    if mask is True or not region.is_elementwise_use(use):
        return mask, None
    rest = mask & reach & (g == 0)
    return mask & (g != 0), rest if np.any(rest) else None


# into words


def explain_origin(region: Subgraph, origin: Origin) -> Finding:
    """Return the cause of an origin."""
    if len(origin.uses) > 1:
        return cancellation_finding(region, origin.uses, origin.mask)
    (use,) = origin.uses
    cause, at, operand, why = _zero_cause(region, use, origin)
    made = f"{region.name(use.consumer)} = {region.formula(use.consumer)}"
    text = f"{region.derivative(use.node)} gets 0 from {made}: {why}."
    return make_finding(region, cause, at, operand, origin.mask, region.steps[use.node].shape, text)


def cancellation_finding(region: Subgraph, uses: tuple[UseOfNode, ...], mask: Mask) -> Finding:
    """Parts that add up to nothing: those that the uses of a node give, by name, or those within
    one use.
    """
    n, shape = uses[0].node, region.steps[uses[0].node].shape
    if len(uses) == 1:
        c = uses[0].consumer
        text = (
            f"What {region.name(c)} = {region.formula(c)} gives to {region.derivative(n)}, "
            f"element by element, cancels in the sum."
        )
        return make_finding(region, "cancellation", c, Operand(n), mask, shape, text)
    ways = " and ".join(
        f"{region.name(n)} → {region.name(use.consumer)} ({largest_size(region.term(use)):.3g})"
        for use in uses[:3]
    )
    text = f"At {region.name(n)} the parts of {region.derivative(n)} by {ways} cancel."
    return make_finding(region, "cancellation", n, None, mask, shape, text)


def _zero_cause(region: Subgraph, use: UseOfNode, origin: Origin) -> tuple[str, int, Any, str]:
    """Return the cause, the node and the operand that it is at, and a clause."""
    c, op, name = use.consumer, region.op(use.consumer), op_name(region.op(use.consumer))
    itself, traits = Operand(use.node), traits_of(op)
    if origin.arriving is False and not traits.selects:
        return "not chosen", c, itself, "no element of the result depends on them"
    if traits.selects:
        by = region.arguments(c)[0 if op is np.where else min(1, len(region.arguments(c)) - 1)]
        return (
            "not chosen",
            c,
            by,
            f"the elements of {region.name(use.node)} are not chosen by {region.argument_name(by)}",
        )
    hidden = _hidden_cause(region, use, origin)
    if hidden is not None:
        return hidden[0], c, itself, hidden[1]
    kink = kink_of(region, c)
    if kink is not None and np.any(kink.mask) and _is_within(origin.mask, kink.mask):
        return "kink", c, itself, f"{region.name(use.node)} sits on the kink, where {kink.chosen}"
    if traits.saturates:
        return "saturation", c, itself, f"{name} is flat where {region.name(use.node)} is"
    if traits.overflows:
        return "underflow", c, itself, f"{name} underflowed to 0"
    factor = _zero_factor(region, use, origin)
    if factor is not None:
        return _zero_source(region, c, factor)
    since = (
        _zero_since(region, itself, _first_zero(region, itself))
        if vanishes(region.read(use.node))
        else ""
    )
    return (
        "zero slope",
        c,
        itself,
        f"the slope of {name} is 0 at this value of "
        f"{region.name(use.node)}{since and f', which is 0{since}'}",
    )


def _hidden_cause(region: Subgraph, use: UseOfNode, origin: Origin) -> tuple[str, str] | None:
    """Return whether what arrives would have passed, had it been larger, or had its parts not
    cancelled.
    """
    g = region.cotangents[use.consumer]
    size = largest_size(g)
    large = (
        scale_cotangent(g, 1 / size)
        if np.isfinite(1 / size)
        else scale_cotangent(scale_cotangent(g, 1e300), 1 / largest_size(scale_cotangent(g, 1e300)))
    )
    if not vanishes(region.term(use, large), origin.mask):
        return "underflow", f"what arrives, {size:.3g}, times the slope is below the smallest float"
    if (isinstance(g, tuple) or np.ndim(g)) and not vanishes(
        region.term(use, _weight_unevenly(large)), origin.mask
    ):
        return "cancellation", "what arrives in its elements adds up to 0"
    return None


def _weight_unevenly(g: Any) -> Any:
    """Return a cotangent whose zeros are the same, but whose other elements stand in no simple
    relation.
    """
    if isinstance(g, tuple):
        return tuple(map(_weight_unevenly, g))
    weights = np.random.default_rng(0).uniform(0.5, 1.5, np.shape(g))
    return scale_cotangent(g, weights)


def _is_within(mask: Mask, other: Any) -> bool:
    """Return whether all elements of one mask are elements of the other, where they can be
    compared.
    """
    return mask is not True and np.shape(mask) == np.shape(other) and not np.any(mask & ~other)


def _zero_factor(region: Subgraph, use: UseOfNode, origin: Origin) -> Any:
    """Return the other operand that is zero wherever something arrives, if there is one."""
    rule, shape = RULES[region.op(use.consumer)], region.steps[use.consumer].shape
    args = region.arguments(use.consumer)
    for k, a in enumerate(args):
        if k != use.argnum and isinstance(
            value := region.argument(a), float | int | complex | np.ndarray | np.generic
        ):
            if vanishes(value) and np.size(value):
                return a
            if (
                rule.kind == "elementwise"
                and origin.arriving is not True
                and not np.any(np.broadcast_to(value, shape)[origin.arriving])
            ):
                return a
    return args[1 - use.argnum] if rule.kind == "multilinear" and len(args) == 2 else None


def _zero_source(region: Subgraph, c: int, factor: Any) -> tuple[str, int, Any, str]:
    """Why a factor is zero: it underflowed on the way, or it was given so, or came out so."""
    n, name = _first_zero(region, factor), region.argument_name(factor)
    if type(n) is Operand and region.op(n) is not None and _underflows(region, n):
        operand = next(a for a in region.arguments(n) if type(a) is Operand)
        return (
            "underflow",
            n,
            operand,
            f"its factor {name} is 0, because {region.formula(n)} underflowed",
        )
    return (
        "zero factor",
        c,
        factor,
        f"its other factor, {name}, is 0{_zero_since(region, factor, n)}",
    )


def _first_zero(region: Subgraph, n: Any) -> Any:
    """Return the node from which on, down to n, everything is zero because its one operand that is
    zero is.
    """
    while type(n) is Operand:
        zeros = [a for a in region.arguments(n) if type(a) is Operand and vanishes(region.read(a))]
        if len(zeros) != 1:
            break
        n = zeros[0]
    return n


def _zero_since(region: Subgraph, a: Any, first: Any) -> str:
    """Return where a zero that is met at `a` began, if that is not `a` itself."""
    return (
        ""
        if first is a or type(first) is not Operand
        else f" from {region.name(first)} = {region.formula(first)} on"
    )


def _underflows(region: Subgraph, n: int) -> bool:
    """Return whether an op gave zero, although none of its operands is zero and none of its laws
    says so.
    """
    traits = traits_of(region.op(n))
    return traits.overflows or (
        traits.is_product
        and all(
            np.all(part != 0) for a in region.arguments(n) for part in arrays_in(region.argument(a))
        )
    )
