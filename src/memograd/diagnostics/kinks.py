"""Kinks and ties: where an op has no derivative, and the convention that its rule follows there."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..rules.reductions import NO_VALUE, or_default, restore_axes
from ..rules.registration import traits_of
from ..rules.traits import KinkSite
from .findings import Elements, elements_of
from .subgraph import Subgraph

KinkTest = Callable[..., Any]
"""Function of the result, the operands and the keywords of an op.

It returns a mask of the elements, of an operand or of the result, that are on a kink.
"""


def find_ties(y: Any, a: Any, b: Any, **__: Any) -> Any:
    """Return a mask of the elements where two operands are equal."""
    return np.equal(a, b)


def at_zero(y: Any, a: Any, *_: Any, **__: Any) -> Any:
    """Return a mask of the elements where the first operand is 0."""
    return np.equal(a, 0)


def at_origin(y: Any, a: Any, b: Any, **__: Any) -> Any:
    """Return a mask of the elements where both operands are 0."""
    return np.logical_and(np.equal(a, 0), np.equal(b, 0))


def at_zero_result(y: Any, *_: Any, **__: Any) -> Any:
    """Return a mask of the elements where the result is 0."""
    return np.equal(y, 0)


def at_bound(y: Any, a: Any, lo: Any = None, hi: Any = None, **__: Any) -> Any:
    """Return a mask of the elements where the first operand equals a bound."""
    return np.logical_or(
        False if lo is None else np.equal(a, lo), False if hi is None else np.equal(a, hi)
    )


def find_shared_extremes(
    y: Any,
    a: Any,
    *_: Any,
    axis: Any = None,
    keepdims: Any = False,
    where: Any = NO_VALUE,
    **__: Any,
) -> Any:
    """Return a mask of the elements that share a maximum or minimum."""
    extreme = np.logical_and(
        np.equal(a, restore_axes(y, axis, or_default(keepdims, False))), or_default(where, True)
    )
    return np.logical_and(extreme, np.count_nonzero(extreme, axis=axis, keepdims=True) > 1)


def find_repeats(y: Any, a: Any, *_: Any, axis: Any = -1, **__: Any) -> Any:
    """Return a mask of the elements of a sorted result that equal a neighbour."""
    along = 0 if axis is None else axis
    y = np.moveaxis(y, along, -1)
    pairs = np.equal(y[..., 1:], y[..., :-1])
    none = np.zeros((*y.shape[:-1], 1), bool)
    return np.moveaxis(
        np.logical_or(np.concatenate([none, pairs], -1), np.concatenate([pairs, none], -1)),
        -1,
        along,
    )


KINK_TESTS: dict[KinkSite, KinkTest] = {
    KinkSite.ZERO: at_zero,
    KinkSite.ORIGIN: at_origin,
    KinkSite.TIE: find_ties,
    KinkSite.BOUND: at_bound,
    KinkSite.ZERO_RESULT: at_zero_result,
    KinkSite.SHARED_EXTREME: find_shared_extremes,
    KinkSite.REPEAT: find_repeats,
}
"""Test for a kink, for each place where ops have one."""


class Kink(NamedTuple):
    """Node that sat on a kink or a tie.

    Attributes
    ----------
    node : str
        Name of the node.
    formula : str
        The call that made it.
    elements : Elements
        Elements on the kink: of the result, or of the operand of a maximum or minimum.
    chosen : str
        Convention that the rule follows there.
    line : (file, line) or None
        User's line that made the node.
    """

    node: str
    formula: str
    elements: Elements
    chosen: str
    line: tuple[str, int] | None


class KinkPlaces(NamedTuple):
    """Elements of a node that are on a kink, and the convention there."""

    mask: Any
    chosen: str


def kink_of(region: Subgraph, n: int) -> KinkPlaces | None:
    """Return which elements of node n are on a kink; None if its op has no kinks."""
    kink = traits_of(region.op(n)).kink
    if kink is None:
        return None
    args = [region.argument(a) for a in region.arguments(n)]
    test = KINK_TESTS[kink.site]
    return KinkPlaces(test(region.read(n), *args, **region.steps[n].kwargs), kink.choice)


def find_kinks(region: Subgraph) -> tuple[Kink, ...]:
    """Return the nodes between x and L with elements on a kink or a tie, in creation order."""
    kinks = []
    for n in region.nodes_on_paths(region.target, region.output):
        places = kink_of(region, n) if n != region.target else None
        if places is not None and np.any(places.mask):
            mask = np.asarray(places.mask)
            elements = elements_of(mask, mask.shape)
            name, formula, line = region.name(n), region.formula(n), region.line(n)
            kinks.append(Kink(name, formula, elements, places.chosen, line))
    return tuple(kinks)
