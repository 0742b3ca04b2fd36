"""Origins of NaNs and infinities: among the values on the way to L, and among the derivatives.

A value or derivative *originates* at an op that returns it although nothing that it depends on, in
the same elements, is NaN or infinite.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..program.steps import Operand
from ..program.walks import walk_graph
from ..rules.registration import RULES, traits_of
from ..text import op_name
from .findings import Finding, make_finding
from .safe_rewrites import double_where, is_masking_use
from .subgraph import (
    Mask,
    Subgraph,
    UseOfNode,
    arrays_in,
    is_finite,
    largest_size,
    scale_cotangent,
    vanishes,
)
from .zero_causes import explain_origin, zero_origins

# Values


def forward_origins(region: Subgraph, starts: Iterable[int]) -> list[Finding]:
    """Return the origins of the NaNs and infinities in these nodes, in creation order."""

    def follow(n: int) -> list[int]:
        """Return the operands of n that are not finite."""
        operands = region.steps[n].operands()
        return [int(a) for a in operands if not is_finite(region.read(a))]

    nodes = walk_graph([n for n in starts if not is_finite(region.read(n))], follow)
    return [finding for n in sorted(nodes) for finding in _find_births(region, n)]


def _find_births(region: Subgraph, n: int) -> Iterator[Finding]:
    """Yield the findings that NaNs or infinities originate at n."""
    y = region.read(n)
    if region.op(n) is None:
        text = f"The leaf {region.name(n)} holds {_describe_nonfinite(y)}."
        yield _value_finding(region, "given", n, None, ~np.isfinite(y), text)
    elif isinstance(y, tuple):
        if all(is_finite(region.argument(a)) for a in _numeric_arguments(region, n)):
            text = f"{region.formula(n)} gave {_describe_nonfinite(y)}."
            operand = _suspect_operand(region, n)
            yield make_finding(region, "outside the domain", n, operand, True, (), text, "value")
    else:
        yield from _constant_findings(region, n)
        yield from _op_findings(region, n)


def _op_findings(region: Subgraph, n: int) -> Iterator[Finding]:
    """Yield the findings that the op of n made NaN or infinity of finite or infinite operands."""
    y = region.read(n)
    for bad, cause in ((np.isnan, "outside the domain"), (np.isinf, "overflow")):
        mask = bad(y) & ~_mask_from_operands(region, n, lambda value: ~np.isfinite(value))
        if np.any(mask):
            yield _birth_finding(region, n, cause, mask)
    from_nan = _mask_from_operands(region, n, np.isnan)
    from_infinity = _mask_from_operands(region, n, np.isinf)
    mask = np.isnan(y) & ~from_nan & from_infinity
    if np.any(mask):
        text = f"{region.formula(n)} made NaN of infinite operands."
        yield _value_finding(region, "infinities", n, _infinite_operand(region, n), mask, text)


def _value_finding(
    region: Subgraph, cause: str, n: int, operand: Any, mask: Mask, text: str
) -> Finding:
    """Return a finding about elements of the value of n."""
    return make_finding(region, cause, n, operand, mask, region.steps[n].shape, text, "value")


def _constant_findings(region: Subgraph, n: int) -> Iterator[Finding]:
    """Yield the findings that constant operands of n hold the NaNs and infinities of n."""
    y, shape = region.read(n), region.steps[n].shape
    for a in _numeric_arguments(region, n):
        if type(a) is not Operand and not is_finite(a):
            mask = ~np.isfinite(y)
            if RULES[region.op(n)].kind == "elementwise":
                mask = mask & np.broadcast_to(~np.isfinite(a), shape)
            text = (
                f"{region.name(n)} = {region.formula(n)} has a constant operand that holds "
                f"{_describe_nonfinite(a)}."
            )
            yield _value_finding(region, "given", n, a, mask, text)


def _birth_finding(region: Subgraph, n: int, cause: str, mask: Mask) -> Finding:
    """Return the finding that the op of n made NaN or infinity of finite operands."""
    op = region.op(n)
    domain, name = traits_of(op).domain, op_name(op)
    if cause == "overflow" and domain is not None and not traits_of(op).overflows:
        if np.any(domain.bad(region.argument(region.arguments(n)[domain.operand]))):
            cause = "pole"
    operand = _suspect_operand(region, n, cause)
    needs = ""
    if domain is not None and cause != "overflow":
        needs = f": {name} needs {domain.good.format(region.argument_name(operand))}"
    what = "NaN" if cause == "outside the domain" else "∞"
    text = (
        f"{region.name(n)} = {region.formula(n)} is {what}, while its operands are finite{needs}."
    )
    return _value_finding(region, cause, n, operand, mask, text)


def _numeric_arguments(region: Subgraph, n: int) -> list[Any]:
    """Return the arguments of the op of n that are numbers or arrays."""
    return [
        a
        for a in region.arguments(n)
        if type(a) is Operand or isinstance(a, float | complex | np.ndarray | np.inexact)
    ]


def _mask_from_operands(region: Subgraph, n: int, bad: Any) -> Any:
    """Return a mask of the elements of n that depend on a bad element of an operand."""
    shape = region.steps[n].shape
    masks = [
        bad(part)
        for a in _numeric_arguments(region, n)
        for part in arrays_in(region.argument(a))
        if np.asarray(part).dtype.kind in "fc"
    ]
    if RULES[region.op(n)].kind == "elementwise":
        mask = np.zeros(shape, bool)
        for operand_mask in masks:
            mask = mask | operand_mask
        return mask
    return np.full(shape, any(map(np.any, masks)))


def _suspect_operand(region: Subgraph, n: int, cause: str = "") -> Any:
    """Return the operand at fault: the one that the op's domain names, or else the largest."""
    domain = traits_of(region.op(n)).domain
    args = region.arguments(n)
    if domain is not None and (cause != "overflow" or traits_of(region.op(n)).overflows):
        return args[domain.operand]
    numbers = _numeric_arguments(region, n)
    return max(numbers, key=lambda a: largest_size(region.argument(a))) if numbers else None


def _infinite_operand(region: Subgraph, n: int) -> Any:
    """Return the first argument of the op of n that holds an infinity."""
    return next(a for a in _numeric_arguments(region, n) if np.any(np.isinf(region.argument(a))))


def _describe_nonfinite(y: Any) -> str:
    """Return ``NaN``, ``∞``, or both, as they stand in a value."""
    nan, inf = (any(np.any(bad(part)) for part in arrays_in(y)) for bad in (np.isnan, np.isinf))
    return " and ".join([*["NaN"] * nan, *["∞"] * inf])


# Derivatives


def adjoint_origins(region: Subgraph) -> tuple[list[Finding], list[int]]:
    """Return where NaNs and infinities originate among the derivatives.

    Returns
    -------
    findings : list of Finding
        The origins, in the order of the backward pass.
    carriers : list of int
        Nodes whose values are not finite and are read there.
    """
    findings, carriers = list[Finding](), list[int]()
    for n in region.nodes:
        if is_finite(region.cotangents[n]):
            continue
        for use in region.uses(n):
            for mask, places in _births_by_use(region, use):
                if inputs := _nonfinite_inputs(region, use, places):
                    operands = [int(a) for a in inputs if type(a) is Operand]
                    carriers += [use.consumer, *operands]
                findings.append(_explain_use(region, use, mask, places))
        if all(is_finite(region.term(use)) for use in region.uses(n)):
            findings.append(_sum_overflow_finding(region, n))
    return findings, carriers


def _births_by_use(region: Subgraph, use: UseOfNode) -> Iterator[tuple[Mask, Mask]]:
    """Yield the masks of operand and consumer where a use makes a finite cotangent NaN or infinite.

    There is one pair of masks, or none.
    """
    g, d = region.cotangents[use.consumer], region.term(use)
    if is_finite(d) or isinstance(g, tuple) or isinstance(d, tuple):
        if not is_finite(d) and is_finite(g):
            yield True, True
        return
    raw = region.pull_use(use, g)
    if RULES[region.op(use.consumer)].kind == "elementwise" and np.shape(raw) == np.shape(g):
        places = ~np.isfinite(raw) & np.isfinite(g)
        if np.any(places):
            yield ~np.isfinite(d) & (places if np.shape(d) == np.shape(places) else True), places
    elif is_finite(g):
        yield ~np.isfinite(d), True


def _nonfinite_inputs(region: Subgraph, use: UseOfNode, places: Mask) -> list[Any]:
    """Return the arguments, or the result, that the rule of a use reads and that are not finite."""
    args, numbers = region.arguments(use.consumer), _numeric_arguments(region, use.consumer)
    read = [
        a
        for k, a in enumerate(args)
        if use.rule.reads(k) and any(a is number for number in numbers)
    ]
    read += [Operand(use.consumer)] * use.rule.reads_output
    return [a for a in read if not is_finite(_elements_at(region.argument(a), places))]


def _elements_at(value: Any, places: Mask) -> Any:
    """Return the elements of a value at a mask that it broadcasts to; else the whole value."""
    if places is True or isinstance(value, tuple) or np.ndim(value) > np.ndim(places):
        return value
    return np.broadcast_to(value, np.shape(places))[places]


def _explain_use(region: Subgraph, use: UseOfNode, mask: Mask, places: Mask) -> Finding:
    """Return the finding why a use made a NaN or an infinity."""
    g, c = region.cotangents[use.consumer], use.consumer
    if vanishes(g, places):
        return _zero_times_infinity(region, use, mask, places)
    carriers = _nonfinite_inputs(region, use, places)
    given = (
        f"{region.derivative(use.node)} becomes {_describe_nonfinite(region.term(use))} at "
        f"{region.name(c)} = {region.formula(c)}"
    )
    if carriers:
        text = (
            f"{given}: its derivative reads {region.argument_name(carriers[0])}, which is "
            f"{_describe_nonfinite(region.argument(carriers[0]))}."
        )
        return _origin_finding(region, "propagated", use, carriers[0], mask, text)
    if is_finite(region.term(use, scale_cotangent(g, 1 / largest_size(g)))):
        return _origin_finding(
            region,
            "overflow",
            use,
            Operand(use.node),
            mask,
            f"{given}: the cotangent, {largest_size(g):.3g}, times the slope is too large.",
        )
    operand, why = _domain_edge(region, use)
    cause = (
        "undefined slope"
        if any(np.any(np.isnan(part)) for part in arrays_in(region.term(use)))
        else "pole"
    )
    return _origin_finding(region, cause, use, operand, mask, f"{given}: {why}.")


def _zero_times_infinity(region: Subgraph, use: UseOfNode, mask: Mask, places: Mask) -> Finding:
    """Return the finding that an infinite slope made NaN of a zero cotangent."""
    operand, why = _domain_edge(region, use)
    n = region.derivative(use.node)
    what = f"0 · ∞: {region.derivative(use.consumer)} is 0 there"
    call = f"{region.name(use.consumer)} = {region.formula(use.consumer)}"
    for origin in zero_origins(region, use.consumer, places):
        by = origin.uses[0]
        if is_masking_use(region, by, explain_origin(region, origin).cause):
            text = (
                f"{what}, because {region.name(by.consumer)} = {region.formula(by.consumer)} "
                f"masks {call}, but {why}: {n} is NaN."
            )
            return _origin_finding(
                region,
                "masked branch",
                use,
                operand,
                mask,
                f"{text} Safe is\n{double_where(region, use, by)}",
            )
    return _origin_finding(
        region,
        "zero times infinity",
        use,
        operand,
        mask,
        f"{what}, in {call}, but {why}: {n} is NaN.",
    )


def _domain_edge(region: Subgraph, use: UseOfNode) -> tuple[Any, str]:
    """Return the operand at the edge of the domain of its op, and a clause that says so."""
    domain, name = traits_of(region.op(use.consumer)).domain, op_name(region.op(use.consumer))
    operand = (
        Operand(use.node) if domain is None else region.arguments(use.consumer)[domain.operand]
    )
    needs = (
        f" (it needs {domain.good.format(region.argument_name(operand))})"
        if domain is not None
        else ""
    )
    return operand, f"the slope of {name} is not finite there{needs}"


def _origin_finding(
    region: Subgraph, cause: str, use: UseOfNode, operand: Any, mask: Mask, text: str
) -> Finding:
    """Return a finding about elements of the derivative by the operand of a use."""
    shape = region.steps[use.node].shape
    return make_finding(region, cause, use.consumer, operand, mask, shape, text)


def _sum_overflow_finding(region: Subgraph, n: int) -> Finding:
    """Return the finding that finite terms add up to a NaN or an infinity."""
    text = f"The parts of {region.derivative(n)} are finite, but their sum is not."
    mask = ~np.isfinite(region.cotangents[n])
    return make_finding(region, "overflow", n, None, mask, region.steps[n].shape, text)
