"""Derivatives of a surprising size, and rounding errors that parts left which cancel.

The measure is |x| |∂L/∂x| / |L|: the relative change of L for a relative change of x, which does
not depend on units. For |L| the largest number counts that L is directly computed from, because a
sum may be close to zero by chance. A derivative is surprising if both it and the measure exceed the
square root of the precision, or if it is near the limits of its dtype. So units, and a loss near
zero, cause no false alarms.
"""

from typing import NamedTuple

import numpy as np

from ..program.steps import Operand, operand_positions
from ..rules.registration import traits_of
from .findings import Finding, make_finding
from .subgraph import Subgraph, UseOfNode, largest_size
from .zero_causes import cancellation_finding

ROUNDING_UNITS = 64
"""Size of a sum, in units of precision of its parts, up to which it counts as rounding."""

MAX_SATURATING_OPS = 3
"""Number of saturating ops that are reported."""


class PathStep(NamedTuple):
    """Use on the strongest path, and the factor by which it changed the largest element."""

    use: UseOfNode
    gain: float


def size_findings(region: Subgraph) -> list[Finding]:
    """Return why ∂L/∂x, finite and not zero, has a surprising size; an empty list if it has not."""
    path, cancelling = strongest_path(region)
    if cancelling:
        return [
            cancellation_finding(region, uses, region.cotangents[uses[0].node] != 0)
            for uses in cancelling
        ]
    verdict = size_verdict(region)
    if not path or not verdict:
        return []
    if verdict < 0:
        return _shrinking_findings(region, path)
    return [_gain_finding(region, path, "growing", max(path, key=lambda step: step.gain))]


def size_verdict(region: Subgraph) -> int:
    """Return -1 if ∂L/∂x is surprisingly small, 1 if it is surprisingly large, else 0."""
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
    """Return the path from x to L along the largest terms, and where terms on it cancel.

    Returns
    -------
    path : list of PathStep
        For each node from x on, the use that contributes most.
    cancelling : list of tuple of UseOfNode
        The uses of each node on the path whose terms cancel.
    """
    path, cancelling, n = list[PathStep](), list[tuple[UseOfNode, ...]](), region.target
    while n != region.output:
        uses = region.uses(n)
        sizes, weights = zip(*map(region.measure_use, uses), strict=True)
        rounding = ROUNDING_UNITS * _precision(region, n) * sum(weights)
        if largest_size(region.cotangents[n]) <= rounding:
            cancelling.append(tuple(uses))
        best = int(np.argmax(sizes))
        incoming = largest_size(region.cotangents[uses[best].consumer])
        path.append(PathStep(uses[best], sizes[best] / incoming if incoming else 0.0))
        n = uses[best].consumer
    return path, cancelling


def _precision(region: Subgraph, n: int) -> float:
    """Return the precision of the dtype of n."""
    dtype = region.steps[n].dtype
    return float(np.finfo(dtype[0] if type(dtype) is tuple else dtype).eps)


def _shrinking_findings(region: Subgraph, path: list[PathStep]) -> list[Finding]:
    """Return the saturated ops on the path, the worst first; else the use that shrank it most."""
    flat = [
        step
        for step in path
        if step.gain < 0.1 and traits_of(region.op(step.use.consumer)).saturates
    ]
    flat.sort(key=lambda step: step.gain)
    if not flat:
        return [_gain_finding(region, path, "shrinking", min(path, key=lambda step: step.gain))]
    return [_gain_finding(region, path, "saturation", step) for step in flat[:MAX_SATURATING_OPS]]


def _gain_finding(region: Subgraph, path: list[PathStep], cause: str, step: PathStep) -> Finding:
    """Return the finding that a use on the path multiplies the derivative by its gain."""
    use, size = step.use, largest_size(region.cotangents[region.target])
    text = (
        f"{region.derivative(region.target)} has size {size:.3g}: on the strongest of its ways, of "
        f"{len(path)} steps, {region.name(use.consumer)} = {region.formula(use.consumer)} "
        f"multiplies it by {step.gain:.3g}."
    )
    shape = region.steps[use.node].shape
    return make_finding(region, cause, use.consumer, Operand(use.node), True, shape, text)
