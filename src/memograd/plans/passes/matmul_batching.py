"""Products for BLAS.

* The sum of all products of two arrays is an inner product. Not exact: its order is BLAS's, whose
  error grows with the number of terms, at worst, where NumPy's grows with the logarithm; for
  doubles alone.
* Products of many small matrices with one are a single product of all of them, one below the other:
  a recurrent network reads its input through one matrix at every step, and is read out through
  another. Not exact: BLAS takes sums in another order for more rows.
"""

import math
from collections import defaultdict

import numpy as np

from ...program.steps import Operand
from ...rules.call_binding import NOTHING
from ...rules.cost_model import bytes_of
from ...rules.indexing import getitem
from ..ir import Graph, GraphBuilder, Instruction, operands, topological_order, count_uses
from ..kernels import inner_product
from .sum_merging import MANY_TERMS, SMALL_TERM_BYTES, stack_rows

MAX_RIGHT_FACTORS = 8
"""Matrices that are looked at, those that are used most: each takes a walk over the whole slice."""


def fuse_into_inner_products(graph: Graph) -> Graph:
    """The slice with inner products for sums of products that nothing else reads."""
    counts, draft = count_uses(graph), GraphBuilder(graph)
    for n, step in draft:
        product = graph.steps[step.args[0]] if step.op is np.sum and _sums_all_elements(step) and counts[step.args[0]] == 1 else None
        if product is not None and product.op is np.multiply and _are_doubles(graph, product):
            a, b = product.args
            step = Instruction(
                np.matmul if a == b else inner_product,  # a sum of squares is 0.0 where it is zero, in BLAS too
                tuple(draft.reshape_to(draft.instead.get(a, a), (math.prod(product.shape),)) for a in product.args),
                NOTHING,
                (),
                step.dtype,
            )
        draft.keep(n, step)
    return draft.build()


def _sums_all_elements(step: Instruction) -> bool:
    """Whether a sum is that of all elements."""
    return step.shape == () and len(step.args) == 1 and type(step.args[0]) is Operand and not step.kwargs.keys() - {"axis", "keepdims"}


def _are_doubles(graph: Graph, product: Instruction) -> bool:
    """Whether both factors are arrays of doubles of the product's shape."""
    factors = [graph.steps[a] for a in product.args if type(a) is Operand]
    return len(factors) == 2 and not product.kwargs and all(f.dtype == np.float64 and f.shape == product.shape != () for f in factors)


def batch_matmuls(graph: Graph) -> Graph:
    """The slice with one product for many with the same right factor."""
    users: dict[Operand, list[int]] = defaultdict(list)
    for n, step in graph.steps.items():
        if step.op is np.matmul and _is_small(graph, step):
            users[step.args[1]].append(n)
    for members in sorted(users.values(), key=len, reverse=True)[:MAX_RIGHT_FACTORS]:
        groups = [group for group in _independent(graph, members) if len(group) >= MANY_TERMS] if len(members) >= MANY_TERMS else []
        graph = _batch_groups(graph, groups) if groups else graph
    return graph


def _is_small(graph: Graph, step: Instruction) -> bool:
    left, right = (graph.steps[a] for a in step.args)
    return len(left.shape) == len(right.shape) == 2 and bytes_of(left.shape, left.dtype) <= SMALL_TERM_BYTES


def _independent(graph: Graph, members: list[int]) -> list[list[int]]:
    """The members that as many others come before: none of them depends on another."""
    own, rank = set(members), dict[int, int]()
    found: dict[int, list[int]] = defaultdict(list)
    for n, step in graph.steps.items():
        ranks = [rank[a] + (a in own) for a in operands(step) if a in rank or a in own]
        if n in own or ranks:
            rank[n] = max(ranks, default=0)
        if n in own:
            found[rank[n]].append(n)
    return list(found.values())


def _batch_groups(graph: Graph, groups: list[list[int]]) -> Graph:
    """The slice with the members of each group as slices of one product. Each comes after those
    that fewer come before.
    """
    draft = GraphBuilder(graph)
    draft.steps.update(graph.steps)
    for members in groups:
        _batch_products(draft, members)
    draft.steps = topological_order(draft.steps)
    return draft.build()


def _batch_products(draft: GraphBuilder, members: list[int]) -> None:
    """Products as parts of one."""
    slice = draft.slice
    lefts, first = [slice.steps[n].args[0] for n in members], slice.steps[members[0]]
    ends = np.cumsum([slice.steps[a].shape[0] for a in lefts]).tolist()
    tall = stack_rows(draft, lefts)
    whole = draft.make(first._replace(args=(tall, first.args[1]), shape=(ends[-1], first.shape[1])))
    for n, end in zip(members, ends, strict=True):
        shape = slice.steps[n].shape
        draft.keep(n, Instruction(getitem, (whole, _row_slice(end - shape[0], end)), NOTHING, shape, first.dtype))


def _row_slice(start: int, stop: int) -> slice:
    return slice(start, stop)
