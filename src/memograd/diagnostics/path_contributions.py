"""The largest contributions to one derivative: path by path where all is scalar, use by use at the
first fork where it is not.

∂L/∂x is the sum over all paths of the product of the derivatives along each; there may be 2^n of
them. Where every node between x and L is a scalar, the largest products are found from L downwards:
the best few ways from a node to L go on by the best few of one of its consumers, so that a few
numbers a node are all that there is to keep.

A path of arrays is a product of matrices, and which of those is largest depends on how one
measures. So for arrays the derivative is split where the way from x first forks, by the uses there,
each with all that lies behind it: the parts add up to ∂L/∂x, and the share of a part is its
projection on it.
"""

from heapq import nlargest
from typing import Any, NamedTuple

import numpy as np

from ..text import printable
from .subgraph import Subgraph, UseOfNode, is_finite, largest_size, vanishes

MAX_SHARES = 3
"""How many contributions are named."""


class Share(NamedTuple):
    """One contribution: along which nodes, how much (a number, or an array of x's shape), and as a
    part of the whole.
    """

    path: tuple[str, ...]
    contribution: Any
    share: float


class Shares(NamedTuple):
    """Largest contributions to ∂L/∂x, and what all others add up to.

    Attributes
    ----------
    shares : tuple of Share
        The largest first.
    remainder : number or array
        ∂L/∂x less the contributions that are named.
    others : int
        How many more contributions there are: paths, or uses at the fork.
    """

    shares: tuple[Share, ...] = ()
    remainder: Any = 0.0
    others: int = 0

    def __repr__(self) -> str:
        """Return a line for each."""
        rows = [
            f"  {_format_part(share)}  {' → '.join(_abbreviate_path(path))}"
            for path, _, share in self.shares
        ]
        if self.others:
            rest = 1 - sum(share for _, _, share in self.shares)
            rows.append(f"  {_format_part(rest)}  {_format_count(self.others)} more")
        return "\n".join(rows)


def path_shares(region: Subgraph) -> Shares:
    """Return the largest contributions to a derivative that is finite and not zero; otherwise, or
    where there is but one, none.
    """
    if not region.nodes or region.target == region.output:
        return Shares()
    g = region.cotangents[region.target]
    if isinstance(g, tuple) or vanishes(g) or not is_finite(g):
        return Shares()
    flat = all(region.steps[n].shape == () for n in region.nodes)
    return shares_by_path(region) if flat else shares_by_use(region)


def _abbreviate_path(path: tuple[str, ...]) -> tuple[str, ...]:
    return path if len(path) < 8 else (*path[:4], "…", *path[-2:])


def _format_part(share: float) -> str:
    """Return a part of the whole; many times the whole, where parts cancel."""
    return f"{share:8.1%}" if abs(share) < 10 else f"{share:7.2g}×"


def _format_count(number: int) -> str:
    return str(number) if number < 10**9 else f"about 10^{int(number.bit_length() * np.log10(2.0))}"


# of scalars


class PathToOutput(NamedTuple):
    """Way from a node to L: the product of the derivatives along it, the use that it begins with,
    and how it goes on.
    """

    product: Any
    use: UseOfNode | None
    rest: "PathToOutput | None"


def shares_by_path(region: Subgraph) -> Shares:
    """Return the paths from x to L with the largest products."""
    g = region.cotangents[region.target]
    best, number = {region.output: [PathToOutput(1.0, None, None)]}, {region.output: 1}
    for n in region.nodes[1:]:
        uses = region.uses(n)
        slopes = [region.term(use, region.memory.unit_seed(use.consumer)) for use in uses]
        ways = (
            PathToOutput(d * way.product, use, way)
            for use, d in zip(uses, slopes, strict=True)
            for way in best[use.consumer]
        )
        best[n] = nlargest(
            MAX_SHARES, (way for way in ways if way.product), key=lambda way: abs(way.product)
        )
        number[n] = sum(number[use.consumer] for use in uses)
    if number[region.target] == 1:
        return Shares()
    shares = tuple(
        Share(_path_names(region, way), way.product, float(np.real(way.product / g)))
        for way in best[region.target]
    )
    return Shares(
        shares, g - sum(share.contribution for share in shares), number[region.target] - len(shares)
    )


def _path_names(region: Subgraph, way: PathToOutput) -> tuple[str, ...]:
    names = [region.name(region.target)]
    while way.use is not None and way.rest is not None:
        names.append(region.name(way.use.consumer))
        way = way.rest
    return tuple(names)


# of arrays


def shares_by_use(region: Subgraph) -> Shares:
    """Return the uses at the first fork on the way from x that give most."""
    way, n = list[UseOfNode](), region.target
    while n != region.output and len(uses := region.uses(n)) == 1:
        way.append(uses[0])
        n = uses[0].consumer
    if n == region.output:
        return Shares()
    g = region.cotangents[region.target]
    found = [
        _path_share(region, way, use, g)
        for use in nlargest(MAX_SHARES, uses, key=lambda use: largest_size(region.term(use)))
    ]
    found.sort(key=lambda share: -abs(share.share))
    return Shares(
        tuple(found), g - sum(share.contribution for share in found), len(uses) - len(found)
    )


def _path_share(region: Subgraph, way: list[UseOfNode], use: UseOfNode, g: Any) -> Share:
    d = region.term(use)
    for below in reversed(way):
        d = region.term(below, d)
    names = [region.name(region.target), *(region.name(u.consumer) for u in (*way, use)), "…"]
    return Share(tuple(map(printable, names)), d, float(np.real(np.vdot(g, d) / np.vdot(g, g))))
