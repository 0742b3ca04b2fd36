"""A derivative of a surprising size: too small or too large for what it belongs to, or what
rounding left of parts that cancel.

The measure is |x| |∂L/∂x| / |L|: by how many per cent L changes for one per cent of x. It knows no
units; |L| is that of the largest number that L is directly made of, because a sum may be close to
zero by chance. A derivative is surprising where both it and the measure are beyond the square root
of the precision, or where it is near the ends of what its dtype can hold. So neither physical units
nor a loss that has come close to zero cry wolf.
"""

from typing import NamedTuple

import numpy as np

from ..program.steps import Operand, operand_positions
from ..rules.registration import traits_of
from .findings import Finding, make_finding
from .subgraph import Subgraph, UseOfNode, largest_size
from .zero_causes import cancellation_finding

ROUNDING_UNITS = 64
"""How many units of precision a sum may be of its parts and still be taken for rounding."""

MAX_SATURATING_OPS = 3
"""How many ops that saturate are named."""


class PathStep(NamedTuple):
    """Use on the strongest way, and by how much it changed the largest element of what arrived."""

    use: UseOfNode
    gain: float


def size_findings(region: Subgraph) -> list[Finding]:
    """Return what is surprising about the size of ∂L/∂x, which is finite and not zero."""
    way, cancelling = strongest_path(region)
    if cancelling:
        return [
            cancellation_finding(region, uses, region.cotangents[uses[0].node] != 0)
            for uses in cancelling
        ]
    size = size_verdict(region)
    if not way or not size:
        return []
    return (
        _shrinking_findings(region, way)
        if size < 0
        else [_gain_finding(region, way, "growing", max(way, key=lambda step: step.gain))]
    )


def size_verdict(region: Subgraph) -> int:
    """-1 where ∂L/∂x is surprisingly small, 1 where it is surprisingly large, else 0."""
    g, x = largest_size(region.cotangents[region.target]), largest_size(region.read(region.target))
    L = max(
        largest_size(region.read(n))
        for n in (region.output, *operand_positions(region.arguments(region.output)))
    )
    info = np.finfo(region.steps[region.target].dtype)
    edge, measure = float(np.sqrt(info.eps)), np.log10(x or 1.0) + np.log10(g) - np.log10(L or 1.0)
    small = (g < edge and measure < np.log10(edge)) or g < float(np.sqrt(info.tiny))
    large = (g > 1 / edge and measure > -np.log10(edge)) or g > float(np.sqrt(info.max))
    return int(large) - int(small)


def strongest_path(region: Subgraph) -> tuple[list[PathStep], list[tuple[UseOfNode, ...]]]:
    """From x, the use that gives most, at each node, up to L; and the nodes on it whose parts
    cancel, as their uses.
    """
    way, cancelling, n = list[PathStep](), list[tuple[UseOfNode, ...]](), region.target
    while n != region.output:
        uses = region.uses(n)
        sizes, weights = zip(*map(region.measure_use, uses), strict=True)
        if largest_size(region.cotangents[n]) <= ROUNDING_UNITS * _precision(region, n) * sum(
            weights
        ):
            cancelling.append(tuple(uses))
        best = int(np.argmax(sizes))
        arrived = largest_size(region.cotangents[uses[best].consumer])
        way.append(PathStep(uses[best], sizes[best] / arrived if arrived else 0.0))
        n = uses[best].consumer
    return way, cancelling


def _precision(region: Subgraph, n: int) -> float:
    dtype = region.steps[n].dtype
    return float(np.finfo(dtype[0] if type(dtype) is tuple else dtype).eps)


def _shrinking_findings(region: Subgraph, way: list[PathStep]) -> list[Finding]:
    """Return the ops on the way that are nearly flat, the worst first; or, where none is, the use
    that shrank it most.
    """
    flat = [
        step
        for step in way
        if step.gain < 0.1 and traits_of(region.op(step.use.consumer)).saturates
    ]
    flat.sort(key=lambda step: step.gain)
    if flat:
        return [
            _gain_finding(region, way, "saturation", step) for step in flat[:MAX_SATURATING_OPS]
        ]
    return [_gain_finding(region, way, "shrinking", min(way, key=lambda step: step.gain))]


def _gain_finding(region: Subgraph, way: list[PathStep], cause: str, step: PathStep) -> Finding:
    use, size = step.use, largest_size(region.cotangents[region.target])
    text = (
        f"{region.derivative(region.target)} has size {size:.3g}: on the strongest of its ways, "
        f"of {len(way)} steps, "
        f"{region.name(use.consumer)} = {region.formula(use.consumer)} multiplies it by "
        f"{step.gain:.3g}."
    )
    return make_finding(
        region, cause, use.consumer, Operand(use.node), True, region.steps[use.node].shape, text
    )
