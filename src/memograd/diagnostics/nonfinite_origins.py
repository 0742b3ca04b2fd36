"""Where the NaNs and infinities come from: on the way to L, where a value is born, and on the way
back, where a derivative is.

A value or derivative is *born* at the op that gives it while nothing that it depends on, in the
same elements, has it yet.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..program.steps import Operand
from ..rules.registration import RULES, traits_of
from ..text import op_name
from .findings import Finding, make_finding
from .safe_rewrites import double_where, is_mask
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

# on the way to L


def forward_origins(region: Subgraph, starts: Iterable[int]) -> list[Finding]:
    """Return the births of the NaNs and infinities that these nodes have, in creation order: the
    first one was the first.
    """
    stack = [n for n in starts if not is_finite(region.read(n))]
    seen = set(stack)
    while stack:
        for a in region.arguments(stack.pop()):
            if type(a) is Operand and a not in seen and not is_finite(region.read(a)):
                seen.add(int(a))
                stack.append(int(a))
    return [found for n in sorted(seen) for found in _find_births(region, n)]


def _find_births(region: Subgraph, n: int) -> Iterator[Finding]:
    """Yield what is born at n: numbers that are given, NaNs, infinities."""
    y, shape = region.read(n), region.steps[n].shape
    if region.op(n) is None:
        mask = ~np.isfinite(y)
        text = f"The leaf {region.name(n)} holds {_describe_nonfinite(y)}."
        yield make_finding(region, "given", n, None, mask, shape, text, "value")
        return
    if isinstance(y, tuple):
        if all(is_finite(region.argument(a)) for a in _numeric_arguments(region, n)):
            yield make_finding(
                region,
                "outside the domain",
                n,
                _suspect_operand(region, n),
                True,
                (),
                f"{region.formula(n)} gave {_describe_nonfinite(y)}.",
                "value",
            )
        return
    yield from _constant_findings(region, n)
    for bad, cause in ((np.isnan, "outside the domain"), (np.isinf, "overflow")):
        mask = bad(y) & ~_mask_from_operands(region, n, lambda value: ~np.isfinite(value))
        if np.any(mask):
            yield _birth_finding(region, n, cause, mask)
    mask = (
        np.isnan(y)
        & ~_mask_from_operands(region, n, np.isnan)
        & _mask_from_operands(region, n, np.isinf)
    )
    if np.any(mask):
        text = f"{region.formula(n)} made NaN of infinite operands."
        yield make_finding(
            region, "infinities", n, _infinite_operand(region, n), mask, shape, text, "value"
        )


def _constant_findings(region: Subgraph, n: int) -> Iterator[Finding]:
    """Yield the constants among the operands of n that hold what n has from them."""
    y, shape = region.read(n), region.steps[n].shape
    for a in _numeric_arguments(region, n):
        if type(a) is not Operand and not is_finite(a):
            there = (
                np.broadcast_to(~np.isfinite(a), shape)
                if RULES[region.op(n)].kind == "elementwise"
                else True
            )
            text = (
                f"{region.name(n)} = {region.formula(n)} has a constant operand that holds "
                f"{_describe_nonfinite(a)}."
            )
            yield make_finding(region, "given", n, a, ~np.isfinite(y) & there, shape, text, "value")


def _birth_finding(region: Subgraph, n: int, cause: str, mask: Mask) -> Finding:
    """Return a NaN or an infinity of finite operands."""
    shape, op = region.steps[n].shape, region.op(n)
    domain, name = traits_of(op).domain, op_name(op)
    if cause == "overflow" and domain is not None and not traits_of(op).overflows:
        if np.any(domain.bad(region.argument(region.arguments(n)[domain.operand]))):
            cause = "pole"
    operand = _suspect_operand(region, n, cause)
    needs = (
        f": {name} needs {domain.good.format(region.argument_name(operand))}"
        if domain is not None and cause != "overflow"
        else ""
    )
    what = "NaN" if cause == "outside the domain" else "∞"
    text = (
        f"{region.name(n)} = {region.formula(n)} is {what}, while its operands are finite{needs}."
    )
    return make_finding(region, cause, n, operand, mask, shape, text, "value")


def _numeric_arguments(region: Subgraph, n: int) -> list[Any]:
    """Return the arguments of the op of n that are numbers or hold some."""
    return [
        a
        for a in region.arguments(n)
        if type(a) is Operand or isinstance(a, float | complex | np.ndarray | np.inexact)
    ]


def _mask_from_operands(region: Subgraph, n: int, bad: Any) -> Any:
    """Return the elements of n that depend on an element of an operand that is bad already."""
    shape = region.steps[n].shape
    masks = [
        bad(part)
        for a in _numeric_arguments(region, n)
        for part in arrays_in(region.argument(a))
        if np.asarray(part).dtype.kind in "fc"
    ]
    if RULES[region.op(n)].kind == "elementwise":
        return np.broadcast_to(
            np.logical_or.reduce([np.broadcast_to(m, shape) for m in masks]) if masks else False,
            shape,
        )
    return np.full(shape, any(map(np.any, masks)))


def _suspect_operand(region: Subgraph, n: int, cause: str = "") -> Any:
    """Return the operand that made it: the one that the table of domains names, or else the
    largest.
    """
    domain = traits_of(region.op(n)).domain
    args = region.arguments(n)
    if domain is not None and (cause != "overflow" or traits_of(region.op(n)).overflows):
        return args[domain.operand]
    numbers = _numeric_arguments(region, n)
    return max(numbers, key=lambda a: largest_size(region.argument(a))) if numbers else None


def _infinite_operand(region: Subgraph, n: int) -> Any:
    return next(a for a in _numeric_arguments(region, n) if np.any(np.isinf(region.argument(a))))


def _describe_nonfinite(y: Any) -> str:
    nan, inf = (any(np.any(bad(part)) for part in arrays_in(y)) for bad in (np.isnan, np.isinf))
    return " and ".join([*["NaN"] * nan, *["∞"] * inf])


# on the way back


def adjoint_origins(region: Subgraph) -> tuple[list[Finding], list[int]]:
    """Return the births among the derivatives, as a run from L meets them; and the nodes whose
    values have to do with them.
    """
    found, carriers = list[Finding](), list[int]()
    for n in region.nodes:
        if not is_finite(region.cotangents[n]):
            births = [
                (use, mask, places)
                for use in region.uses(n)
                for mask, places in _births_by_use(region, use)
            ]
            for use, _, places in births:
                if carried := _nonfinite_inputs(region, use, places):
                    carriers += [use.consumer, *(int(a) for a in carried if type(a) is Operand)]
            found.extend(_explain_use(region, *birth) for birth in births)
            if all(is_finite(region.term(use)) for use in region.uses(n)):
                found.append(_sum_overflow_finding(region, n))
    return found, carriers


def _births_by_use(region: Subgraph, use: UseOfNode) -> Iterator[tuple[Mask, Mask]]:
    """Yield the elements of the operand, and of the consumer, in which a use makes a NaN or
    infinity of a finite cotangent.
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
    """Return the arguments, or the result, that a use reads and that are NaN or infinite there."""
    args, numbers = region.arguments(use.consumer), _numeric_arguments(region, use.consumer)
    read = [
        a
        for k, a in enumerate(args)
        if use.line.reads(k) and any(a is number for number in numbers)
    ]
    read += [Operand(use.consumer)] * use.line.reads_output
    return [a for a in read if not is_finite(_elements_at(region.argument(a), places))]


def _elements_at(value: Any, places: Mask) -> Any:
    """Return a value at some places, where it can be laid beside them; otherwise as a whole."""
    if places is True or isinstance(value, tuple) or np.ndim(value) > np.ndim(places):
        return value
    return np.broadcast_to(value, np.shape(places))[places]


def _explain_use(region: Subgraph, use: UseOfNode, mask: Mask, places: Mask) -> Finding:
    """Why a use made a NaN or an infinity."""
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
        return _origin_finding(region, "carried", use, carriers[0], mask, text)
    if is_finite(region.term(use, scale_cotangent(g, 1 / largest_size(g)))):
        return _origin_finding(
            region,
            "overflow",
            use,
            Operand(use.node),
            mask,
            f"{given}: what arrives, {largest_size(g):.3g}, times the slope is too large.",
        )
    operand, why = _domain_edge(region, use)
    cause = (
        "undefined slope"
        if any(np.any(np.isnan(part)) for part in arrays_in(region.term(use)))
        else "pole"
    )
    return _origin_finding(region, cause, use, operand, mask, f"{given}: {why}.")


def _zero_times_infinity(region: Subgraph, use: UseOfNode, mask: Mask, places: Mask) -> Finding:
    """Nothing arrives, and an infinite slope makes a NaN of it: behind a mask, or not."""
    operand, why = _domain_edge(region, use)
    n = region.derivative(use.node)
    what = f"0 · ∞: nothing arrives at {region.name(use.consumer)} = {region.formula(use.consumer)}"
    for origin in zero_origins(region, use.consumer, places):
        by = origin.uses[0]
        if is_mask(region, by, explain_origin(region, origin).cause):
            text = (
                f"{what}, because {region.name(by.consumer)} = {region.formula(by.consumer)} "
                f"masks it, but {why}: {n} is NaN."
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
        region, "zero times infinity", use, operand, mask, f"{what}, but {why}: {n} is NaN."
    )


def _domain_edge(region: Subgraph, use: UseOfNode) -> tuple[Any, str]:
    """Return the operand that is at the edge of the domain, and the words."""
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
    return make_finding(
        region, cause, use.consumer, operand, mask, region.steps[use.node].shape, text
    )


def _sum_overflow_finding(region: Subgraph, n: int) -> Finding:
    text = f"The parts of {region.derivative(n)} are finite, but their sum is not."
    return make_finding(
        region, "overflow", n, None, ~np.isfinite(region.cotangents[n]), region.steps[n].shape, text
    )
