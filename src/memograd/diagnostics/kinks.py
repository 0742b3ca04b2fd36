"""Which nodes sat on a kink or a tie in this run, and what was chosen there: the conventions of the
rule modules, op by op.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..rules.reductions import NO_VALUE, or_default, restore_axes
from ..rules.registration import traits_of
from ..rules.traits import KinkSite
from .findings import Elements, elements_of
from .subgraph import Subgraph

KinkTest = Callable[..., Any]
"""Of the result, the operands and the op's keywords: in which elements, of an operand or of the
result, a kink was hit.
"""


def find_ties(y: Any, a: Any, b: Any, **__: Any) -> Any:
    """Return where two operands are equal."""
    return np.equal(a, b)


def at_zero(y: Any, a: Any, *_: Any, **__: Any) -> Any:
    """Return where the first operand is 0."""
    return np.equal(a, 0)


def at_origin(y: Any, a: Any, b: Any, **__: Any) -> Any:
    """Return where both are 0."""
    return np.logical_and(np.equal(a, 0), np.equal(b, 0))


def at_zero_result(y: Any, *_: Any, **__: Any) -> Any:
    """Return where the result is 0."""
    return np.equal(y, 0)


def at_bound(y: Any, a: Any, lo: Any = None, hi: Any = None, **__: Any) -> Any:
    """Return where the first operand is at a bound."""
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
    """Return the elements that are all an extreme, where there are several."""
    extreme = np.logical_and(
        np.equal(a, restore_axes(y, axis, or_default(keepdims, False))), or_default(where, True)
    )
    return np.logical_and(extreme, np.count_nonzero(extreme, axis=axis, keepdims=True) > 1)


def find_repeats(y: Any, a: Any, *_: Any, axis: Any = -1, **__: Any) -> Any:
    """Return the places in the sorted result whose neighbour is equal."""
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


class Kink(NamedTuple):
    """Node that sat on a kink or a tie.

    Attributes
    ----------
    node : str
        Its name.
    formula : str
        How it was made.
    elements : Elements
        Where: elements of the result, of an extreme's operand, or places in a sorted array.
    chosen : str
        What was chosen there.
    line : (file, line) or None
        Where the user's code made the node.
    """

    node: str
    formula: str
    elements: Elements
    chosen: str
    line: tuple[str, int] | None


class KinkPlaces(NamedTuple):
    """Where a node sat on a kink, and what was chosen."""

    mask: Any
    chosen: str


def kink_of(region: Subgraph, n: int) -> KinkPlaces | None:
    """Return where node n can have a kink, if its op is one that has any."""
    kink = traits_of(region.op(n)).kink
    if kink is None:
        return None
    args = [region.argument(a) for a in region.arguments(n)]
    test = KINK_TESTS[kink.site]
    return KinkPlaces(test(region.read(n), *args, **region.steps[n].kwargs), kink.choice)


def find_kinks(region: Subgraph) -> tuple[Kink, ...]:
    """Return every node between x and L that sat on a kink or a tie, in creation order."""
    found = []
    for n in region.nodes_between():
        hit = kink_of(region, n) if n != region.target else None
        if hit is not None and np.any(hit.mask):
            mask = np.asarray(hit.mask)
            found.append(
                Kink(
                    region.name(n),
                    region.formula(n),
                    elements_of(mask, mask.shape),
                    hit.chosen,
                    region.line(n),
                )
            )
    return tuple(found)
