"""Fusion of products for BLAS.

* The sum over a product of two arrays becomes an inner product. This is not exact: at worst,
  BLAS's error grows with the number of terms, NumPy's with its logarithm. Doubles only.
* Products of many small matrices with one become a single product of the stacked matrices. A
  recurrent network applies its input and output matrices at every step. This is not exact: BLAS
  takes sums in another order for more rows.
"""

import math
from collections import defaultdict

import numpy as np

from ...program.steps import Operand
from ...rules.call_binding import NO_KWARGS
from ...rules.cost_model import bytes_of
from ...rules.indexing import getitem
from ..ir import Graph, GraphBuilder, Instruction, count_uses, operands, topological_order
from ..kernels import inner
from .sum_merging import MANY_TERMS, SMALL_TERM_BYTES, concatenate_rows

MAX_RIGHT_FACTORS = 8
"""Number of right factors, the most used ones, that are tried: each takes a walk over the graph."""


def fuse_into_inner_products(graph: Graph) -> Graph:
    """Replace the sum of a product that nothing else reads by an inner product."""
    counts, builder = count_uses(graph), GraphBuilder(graph)
    for n, instruction in builder:
        product = (
            graph.instructions[instruction.args[0]]
            if instruction.op is np.sum
            and _sums_all_elements(instruction)
            and counts[instruction.args[0]] == 1
            else None
        )
        if product is not None and product.op is np.multiply and _are_doubles(graph, product):
            a, b = product.args
            # BLAS gives 0.0 for a sum of zero squares, too, so squares need no check of the sign
            op = np.matmul if a == b else inner
            instruction = Instruction(
                op,
                tuple(
                    builder.reshape_to(builder.replacements.get(a, a), (math.prod(product.shape),))
                    for a in product.args
                ),
                NO_KWARGS,
                (),
                instruction.dtype,
            )
        builder.emit(n, instruction)
    return builder.build()


def _sums_all_elements(instruction: Instruction) -> bool:
    """Return whether a sum is that of all elements."""
    return (
        instruction.shape == ()
        and len(instruction.args) == 1
        and type(instruction.args[0]) is Operand
        and not instruction.kwargs.keys() - {"axis", "keepdims"}
    )


def _are_doubles(graph: Graph, product: Instruction) -> bool:
    """Return whether both factors are arrays of doubles of the product's shape."""
    factors = [graph.instructions[a] for a in product.args if type(a) is Operand]
    return (
        len(factors) == 2
        and not product.kwargs
        and all(f.dtype == np.float64 and f.shape == product.shape != () for f in factors)
    )


def batch_matmuls(graph: Graph) -> Graph:
    """Replace many small products with one right factor by a single product."""
    users: dict[Operand, list[int]] = defaultdict(list)
    for n, instruction in graph.instructions.items():
        if instruction.op is np.matmul and _is_small(graph, instruction):
            users[instruction.args[1]].append(n)
    for members in sorted(users.values(), key=len, reverse=True)[:MAX_RIGHT_FACTORS]:
        groups = (
            [group for group in _independent(graph, members) if len(group) >= MANY_TERMS]
            if len(members) >= MANY_TERMS
            else []
        )
        graph = _batch_groups(graph, groups) if groups else graph
    return graph


def _is_small(graph: Graph, instruction: Instruction) -> bool:
    left, right = (graph.instructions[a] for a in instruction.args)
    return (
        len(left.shape) == len(right.shape) == 2
        and bytes_of(left.shape, left.dtype) <= SMALL_TERM_BYTES
    )


def _independent(graph: Graph, members: list[int]) -> list[list[int]]:
    """Group the products by depth: none in a group depends on another one there."""
    own, rank = set(members), dict[int, int]()
    result: dict[int, list[int]] = defaultdict(list)
    for n, instruction in graph.instructions.items():
        ranks = [rank[a] + (a in own) for a in operands(instruction) if a in rank or a in own]
        if n in own or ranks:
            rank[n] = max(ranks, default=0)
        if n in own:
            result[rank[n]].append(n)
    return list(result.values())


def _batch_groups(graph: Graph, groups: list[list[int]]) -> Graph:
    """Replace the products of each group by slices of one product.

    Groups come in the order of their depth.
    """
    builder = GraphBuilder(graph)
    builder.instructions.update(graph.instructions)
    for members in groups:
        _batch_products(builder, members)
    builder.instructions = topological_order(builder.instructions)
    return builder.build()


def _batch_products(builder: GraphBuilder, members: list[int]) -> None:
    """Replace products by slices of one product."""
    graph = builder.graph
    lefts, first = [graph.instructions[n].args[0] for n in members], graph.instructions[members[0]]
    ends = np.cumsum([graph.instructions[a].shape[0] for a in lefts]).tolist()
    tall = concatenate_rows(builder, lefts)
    whole = builder.add(
        first._replace(args=(tall, first.args[1]), shape=(ends[-1], first.shape[1]))
    )
    for n, end in zip(members, ends, strict=True):
        shape = graph.instructions[n].shape
        builder.emit(
            n,
            Instruction(
                getitem, (whole, _row_slice(end - shape[0], end)), NO_KWARGS, shape, first.dtype
            ),
        )


def _row_slice(start: int, stop: int) -> slice:
    return slice(start, stop)
