"""Origins of zeros in a derivative: a walk from x towards L through zero cotangents.

The walk follows a mask of elements. At each use there are three cases. If the consumer's cotangent
is zero in the elements that depend on the mask, the walk continues there. If it is not, but the use
makes zero of it, the use is an origin. If the uses of a node contribute terms that are not zero,
these cancel in the sum.
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
    """Origin of zeros: a use that makes them, or the uses of a node whose terms cancel.

    Attributes
    ----------
    uses : tuple of UseOfNode
        The use, or the uses whose terms cancel.
    mask : Mask
        Elements of the operand.
    arriving : Mask
        Elements of the consumer whose cotangent is not zero; False if none depends on the operand.
    """

    uses: tuple[UseOfNode, ...]
    mask: Mask
    arriving: Mask


def zero_findings(region: Subgraph, n: int, mask: Mask) -> list[Finding]:
    """Return why these elements of ∂L/∂n are zero, in the order of the backward pass."""
    origins = sorted(zero_origins(region, n, mask), key=lambda origin: -origin.uses[0].consumer)
    return [explain_origin(region, origin) for origin in origins]


def zero_origins(region: Subgraph, n: int, mask: Mask) -> Iterator[Origin]:
    """Yield the origins of the zeros in these elements of ∂L/∂n."""
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
    """Return the elements where the cotangent arrives as nonzero, and those where it is zero.

    Only an elementwise use tells them apart.
    """
    if mask is True or not region.is_elementwise_use(use):
        return mask, None
    rest = mask & reach & (g == 0)
    return mask & (g != 0), rest if np.any(rest) else None


# Findings


def explain_origin(region: Subgraph, origin: Origin) -> Finding:
    """Return an origin of zeros as a finding."""
    if len(origin.uses) > 1:
        return cancellation_finding(region, origin.uses, origin.mask)
    (use,) = origin.uses
    cause, at, operand, why = _zero_cause(region, use, origin)
    made = f"{region.name(use.consumer)} = {region.formula(use.consumer)}"
    text = f"{region.derivative(use.node)} gets 0 from {made}: {why}."
    return make_finding(region, cause, at, operand, origin.mask, region.steps[use.node].shape, text)


def cancellation_finding(region: Subgraph, uses: tuple[UseOfNode, ...], mask: Mask) -> Finding:
    """Return the finding that terms cancel: those of several uses of a node, or within one use."""
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
    """Return the cause of zeros at a use: its name, the node, the operand, and a clause."""
    c, op, name = use.consumer, region.op(use.consumer), op_name(region.op(use.consumer))
    itself, traits = Operand(use.node), traits_of(op)
    if origin.arriving is False and not traits.selects:
        return "not chosen", c, itself, "no element of the result depends on them"
    if traits.selects:
        by = region.arguments(c)[0 if op is np.where else min(1, len(region.arguments(c)) - 1)]
        name = region.name(use.node)
        why = f"the elements of {name} are not chosen by {region.argument_name(by)}"
        return "not chosen", c, by, why
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
    why = f"the slope of {name} is 0 at this value of {region.name(use.node)}"
    if vanishes(region.read(use.node)):
        since = _zero_since(region, itself, _first_zero(region, itself))
        why += f", which is 0{since}" if since else ""
    return "zero slope", c, itself, why


def _hidden_cause(region: Subgraph, use: UseOfNode, origin: Origin) -> tuple[str, str] | None:
    """Return the cause and a clause if a larger or uneven cotangent would not have become zero."""
    g = region.cotangents[use.consumer]
    size = largest_size(g)
    # The reciprocal of a subnormal number overflows, so scale in two steps.
    large = g if np.isfinite(1 / size) else scale_cotangent(g, 1e300)
    large = scale_cotangent(large, 1 / largest_size(large))
    if not vanishes(region.term(use, large), origin.mask):
        return "underflow", f"what arrives, {size:.3g}, times the slope is below the smallest float"
    if (isinstance(g, tuple) or np.ndim(g)) and not vanishes(
        region.term(use, _weight_unevenly(large)), origin.mask
    ):
        return "cancellation", "what arrives in its elements adds up to 0"
    return None


def _weight_unevenly(g: Any) -> Any:
    """Return a cotangent times random weights, so that its elements do not cancel."""
    if isinstance(g, tuple):
        return tuple(map(_weight_unevenly, g))
    weights = np.random.default_rng(0).uniform(0.5, 1.5, np.shape(g))
    return scale_cotangent(g, weights)


def _is_within(mask: Mask, other: Any) -> bool:
    """Return whether one mask is a subset of another of the same shape."""
    return mask is not True and np.shape(mask) == np.shape(other) and not np.any(mask & ~other)


def _zero_factor(region: Subgraph, use: UseOfNode, origin: Origin) -> Any:
    """Return the other operand that is zero where the cotangent is not, or None."""
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
    """Return the cause of a zero factor: it underflowed, was given, or was computed as zero."""
    n, name = _first_zero(region, factor), region.argument_name(factor)
    if type(n) is Operand and region.op(n) is not None and _underflows(region, n):
        operand = next(a for a in region.arguments(n) if type(a) is Operand)
        why = f"its factor {name} is 0, because {region.formula(n)} underflowed"
        return "underflow", n, operand, why
    why = f"its other factor, {name}, is 0{_zero_since(region, factor, n)}"
    return "zero factor", c, factor, why


def _first_zero(region: Subgraph, n: Any) -> Any:
    """Return the first zero of a chain that ends in n: each node has one operand that is zero."""
    while type(n) is Operand:
        zeros = [a for a in region.arguments(n) if type(a) is Operand and vanishes(region.read(a))]
        if len(zeros) != 1:
            break
        n = zeros[0]
    return n


def _zero_since(region: Subgraph, a: Any, first: Any) -> str:
    """Return a clause that names the first zero, if that is not `a` itself."""
    if first is a or type(first) is not Operand:
        return ""
    return f" from {region.name(first)} = {region.formula(first)} on"


def _underflows(region: Subgraph, n: int) -> bool:
    """Return whether an op underflowed: its result is zero, and no operand explains that."""
    traits = traits_of(region.op(n))
    if traits.overflows or not traits.is_product:
        return traits.overflows
    operands = [part for a in region.arguments(n) for part in arrays_in(region.argument(a))]
    return all(np.all(part != 0) for part in operands)
