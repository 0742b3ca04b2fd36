"""Largest contributions to one derivative: paths between scalars, or uses at the first fork.

∂L/∂x is the sum over all paths of the product of the derivatives along each. There may be 2^n of
them. If every node between x and L is a scalar, the largest products are found from L downwards:
the best few paths from a node to L extend the best few paths from its consumers, so only a few
numbers are kept for each node.

A path of arrays is a product of matrices, and which product is largest depends on the norm. For
arrays the derivative is therefore split at the first fork after x: each use there contributes with
all that follows it. These terms add up to ∂L/∂x, and the share of a term is its projection on the
sum.
"""

from heapq import nlargest
from typing import Any, NamedTuple

import numpy as np

from ..text import printable
from .subgraph import Subgraph, UseOfNode, is_finite, largest_size, vanishes

MAX_SHARES = 3
"""Number of contributions that are listed."""


class Share(NamedTuple):
    """Contribution of one path: its nodes, the term it adds to ∂L/∂x, and its share of the sum."""

    path: tuple[str, ...]
    contribution: Any
    share: float


class Shares(NamedTuple):
    """Largest contributions to ∂L/∂x, and the sum of all others.

    Attributes
    ----------
    shares : tuple of Share
        Largest contributions, in falling order.
    remainder : number or array
        ∂L/∂x less these contributions.
    others : int
        Number of other contributions: paths, or uses at the fork.
    """

    shares: tuple[Share, ...] = ()
    remainder: Any = 0.0
    others: int = 0

    def __repr__(self) -> str:
        """Return a line for each contribution."""
        rows = [
            f"  {_format_part(share)}  {' → '.join(_abbreviate_path(path))}"
            for path, _, share in self.shares
        ]
        if self.others:
            rest = 1 - sum(share for _, _, share in self.shares)
            rows.append(f"  {_format_part(rest)}  {_format_count(self.others)} more")
        return "\n".join(rows)


def path_shares(region: Subgraph) -> Shares:
    """Return the largest contributions to ∂L/∂x.

    There are none if ∂L/∂x is zero or not finite, or consists of a single contribution.
    """
    if not region.nodes or region.target == region.output:
        return Shares()
    g = region.cotangents[region.target]
    if isinstance(g, tuple) or vanishes(g) or not is_finite(g):
        return Shares()
    flat = all(region.steps[n].shape == () for n in region.nodes)
    return shares_by_path(region) if flat else shares_by_use(region)


def _abbreviate_path(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return a path with the middle of a long one left out."""
    return path if len(path) < 8 else (*path[:4], "…", *path[-2:])


def _format_part(share: float) -> str:
    """Return a share as a percentage, or as a factor if it is large because terms cancel."""
    return f"{share:8.1%}" if abs(share) < 10 else f"{share:7.2g}×"


def _format_count(number: int) -> str:
    """Return a count, or its power of ten if it is large."""
    return str(number) if number < 10**9 else f"about 10^{int(number.bit_length() * np.log10(2.0))}"


# Scalars


class PathToOutput(NamedTuple):
    """Path from a node to L: the product along it, its first use, and the rest of the path."""

    product: Any
    use: UseOfNode | None
    rest: "PathToOutput | None"


def shares_by_path(region: Subgraph) -> Shares:
    """Return the contributions of the paths from x to L with the largest products."""
    g = region.cotangents[region.target]
    best, number = {region.output: [PathToOutput(1.0, None, None)]}, {region.output: 1}
    for n in region.nodes[1:]:
        uses = region.uses(n)
        slopes = [region.term(use, region.memory.unit_seed(use.consumer)) for use in uses]
        paths = (
            PathToOutput(d * path.product, use, path)
            for use, d in zip(uses, slopes, strict=True)
            for path in best[use.consumer]
        )
        best[n] = nlargest(
            MAX_SHARES, (path for path in paths if path.product), key=lambda path: abs(path.product)
        )
        number[n] = sum(number[use.consumer] for use in uses)
    if number[region.target] == 1:
        return Shares()
    shares = tuple(
        Share(_path_names(region, path), path.product, float(np.real(path.product / g)))
        for path in best[region.target]
    )
    return Shares(
        shares, g - sum(share.contribution for share in shares), number[region.target] - len(shares)
    )


def _path_names(region: Subgraph, path: PathToOutput) -> tuple[str, ...]:
    """Return the names of the nodes on a path."""
    names = [region.name(region.target)]
    while path.use is not None and path.rest is not None:
        names.append(region.name(path.use.consumer))
        path = path.rest
    return tuple(names)


# Arrays


def shares_by_use(region: Subgraph) -> Shares:
    """Return the contributions of the uses at the first fork after x, the largest ones."""
    path, n = list[UseOfNode](), region.target
    while n != region.output and len(uses := region.uses(n)) == 1:
        path.append(uses[0])
        n = uses[0].consumer
    if n == region.output:
        return Shares()
    g = region.cotangents[region.target]
    shares = [
        _path_share(region, path, use, g)
        for use in nlargest(MAX_SHARES, uses, key=lambda use: largest_size(region.term(use)))
    ]
    shares.sort(key=lambda share: -abs(share.share))
    return Shares(
        tuple(shares), g - sum(share.contribution for share in shares), len(uses) - len(shares)
    )


def _path_share(region: Subgraph, path: list[UseOfNode], use: UseOfNode, g: Any) -> Share:
    """Return the contribution of a use after the path that leads to it from x."""
    d = region.term(use)
    for earlier in reversed(path):
        d = region.term(earlier, d)
    names = [region.name(region.target), *(region.name(u.consumer) for u in (*path, use)), "…"]
    return Share(tuple(map(printable, names)), d, float(np.real(np.vdot(g, d) / np.vdot(g, g))))
