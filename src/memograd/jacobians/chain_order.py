"""Choice of the order in which the factors of a Jacobian are multiplied.

Only the graph and the shapes are read, no values. A *cut vertex* is a node that every path from x
to y crosses. It splits the program in two and the Jacobian into a product of two. The Jacobians
between consecutive cut vertices are the *factors* of a chain product. Section 14 of the tutorial
multiplies them from right to left (reverse mode: rows are pulled through one factor after the
other) or from left to right (forward mode: columns are pushed). Any other bracketing is possible.
Dynamic programming over subchains finds the cheapest one, as for a chain of matrices, except that
a factor need not be built as a matrix:

* one factor: its rows by pulls, its columns by pushes, or itself, if it is a diagonal or a matrix;
* several factors: the product of two subchains, or a subchain pushed or pulled through one factor.

The cost is the number of multiplications. Additions, moves and products with ones and zeros that
are never stored cost nothing.

References
----------
U. Naumann, "Optimal accumulation of Jacobian matrices by elimination methods on the dual
computational graph", Mathematical Programming 99 (2004). S. S. Godbole, "On efficient computation
of matrix chain products", IEEE Transactions on Computers C-22 (1973).
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import pairwise
from math import isqrt, prod
from typing import Any, NamedTuple

import numpy as np

from ..memory.memory import Memory
from ..memory.tables import Table
from ..program.steps import Operand, Steps, operand_positions
from ..program.walks import walk_graph
from ..rules.cost_model import size_of
from ..rules.registration import RULES, VJPRule
from ..text import printable

MAX_CHAIN_NODES = 100_000
"""Largest program that is searched for cut vertices unless ``"segments"`` is asked for."""

MAX_FACTORS, MAX_FACTORS_ASKED = 24, 512
"""Longest chain that is bracketed, and the same if ``"segments"`` is asked for.

Dynamic programming takes milliseconds for 24 factors, and a second for 500.
"""

DIAGONAL, MATRIX, GENERAL = "diagonal", "matrix", "general"


class ChainFactor(NamedTuple):
    """Jacobian between two consecutive cut vertices.

    Attributes
    ----------
    start : tuple of int
        The targets, or one node.
    end : int
        The node at which the factor ends.
    columns, rows : int
        Number of elements at the start and at the end.
    pull : int
        Multiplications to pull one cotangent through the factor; pushing a tangent takes as many.
    form : str
        Form of the factor: diagonal, for elementwise ops; a matrix of the program; or general.
    """

    start: tuple[int, ...]
    end: int
    columns: int
    rows: int
    pull: int
    form: str


class Bracketing(NamedTuple):
    """Way to compute the Jacobian of a subchain of factors.

    Attributes
    ----------
    how : str
        ``diagonal`` or ``matrix``: read off the program. ``rows`` or ``columns``: by pulls or
        pushes of ones. ``pulled`` or ``push_arrays``: the rows of a shorter subchain are pulled
        further, or its columns are pushed further. ``product``: two subchains are multiplied.
    first, last : int
        Bounds of the subchain: factors first, …, last - 1.
    own, cost : int
        Multiplications of this step, and of all steps together.
    parts : tuple of Bracketing
        The subchains that are combined, the one nearer to y first.
    """

    how: str
    first: int
    last: int
    own: int
    cost: int
    parts: tuple["Bracketing", ...] = ()


class ChainChoice(NamedTuple):
    """Chosen order, with the multiplications of all orders that were counted and the reason.

    Attributes
    ----------
    order : str
        Name of the order.
    factors : list of ChainFactor
        The chain; empty if no path leads from the targets to the output.
    bracketing : Bracketing or None
        The bracketing of the chain; None if the chain is empty.
    totals : dict of str to int
        Multiplications of each order; empty if the program is too large to count them.
    why : str
        Why this order was chosen.
    """

    order: str
    factors: list[ChainFactor]
    bracketing: Bracketing | None
    totals: dict[str, int]
    why: str


# Finding the factors


def path_nodes(table: Table, targets: Iterable[int]) -> list[int]:
    """Return the nodes on paths from the targets to the table's output, in creation order."""
    return sorted(walk_graph((n for n in targets if n in table.uses), table.consumers))


def cut_vertices(table: Table, targets: Iterable[int], nodes: Iterable[int]) -> list[int]:
    """Return the nodes that every path crosses.

    Creation order is a topological order: a node is a cut vertex if no edge leads from a node
    before it to a node after it.
    """
    cuts, furthest = [], max(targets)
    for n in nodes:
        if n >= furthest:
            cuts.append(n)
        furthest = max([furthest, *table.consumers(n)])
    return cuts


def jacobian_chain(
    memory: Memory, table: Table, targets: Sequence[int], most: int
) -> list[ChainFactor]:
    """Return at most so many factors from the targets, which all lead to the output, in order."""
    steps, nodes = memory.steps, path_nodes(table, targets)
    cuts = [n for n in cut_vertices(table, targets, nodes) if n != table.output]
    starts = [tuple(targets), *((n,) for n in _linear_cuts(steps, table, targets, nodes, cuts))]
    if len(starts) > 1 and starts[0] == starts[1]:
        del starts[0]
    ends = [*(start for (start,) in starts[1:]), table.output]
    factors, n, remaining = [], nodes[0], iter(nodes[1:])
    for start, end in zip(starts, ends, strict=True):
        members = []
        while n < end:
            members.append(n)
            n = next(remaining)
        factors.append(_make_factor(steps, table, start, end, members))
    return shorten_chain(factors, most)


def _linear_cuts(
    steps: Steps, table: Table, targets: Sequence[int], nodes: list[int], cuts: list[int]
) -> list[int]:
    """Return the cut vertices at which the Jacobian is a product of two matrices.

    A complex node may carry a function that is not holomorphic, whose derivative is no complex
    matrix. It cuts only if all nodes are complex, and a real node only if complex targets do not
    lead through it to a complex output.
    """
    if all(_dtype_kind(steps, n) == "c" for n in nodes):
        return cuts
    complex_targets = any(_dtype_kind(steps, t) == "c" for t in targets)
    if complex_targets and _dtype_kind(steps, table.output) == "c":
        return []
    return [n for n in cuts if _dtype_kind(steps, n) == "f"]


def _dtype_kind(steps: Steps, n: int) -> str:
    """Return the kind of a node's dtype; an empty string if the node has several outputs."""
    dtype = steps[n].dtype
    return "" if type(dtype) is tuple else str(dtype.kind)


def _make_factor(
    steps: Steps, table: Table, start: tuple[int, ...], end: int, members: list[int]
) -> ChainFactor:
    """Return the factor from start to end; `members` are its nodes without the end."""
    columns = sum(size_of(steps[n].shape) for n in start)
    rows = size_of(steps[end].shape)
    form = _factor_form(steps, start, end, members)
    return ChainFactor(start, end, columns, rows, pull_cost(steps, table, members), form)


def pull_cost(steps: Steps, table: Table, nodes: Iterable[int]) -> int:
    """Return the multiplications to pull one cotangent of the table's output back to the nodes."""
    return sum(
        multiplications(steps, c, k, vjp)
        for n in nodes
        for c, vjps in table.uses_of(n)
        for k, vjp in vjps
    )


def _factor_form(steps: Steps, start: tuple[int, ...], end: int, members: list[int]) -> str:
    """Return whether the factor is a diagonal, a matrix of the program, or general."""
    if len(start) > 1:
        return GENERAL
    shape = steps[start[0]].shape
    later = [*members[1:], end]
    is_elementwise = all(RULES[steps[n].op].kind == "elementwise" for n in later)
    if is_elementwise and all(steps[n].shape == shape for n in later):
        return DIAGONAL
    if members == [*start] and matrix_position(steps, start[0], end) is not None:
        return MATRIX
    return GENERAL


def matrix_position(steps: Steps, start: int, end: int) -> int | None:
    """Return the position of the matrix in `end`, if that is a matrix times the vector `start`."""
    step = steps[end]
    positions = operand_positions(step.args).get(start, ())
    is_product = step.op in (np.matmul, np.dot)
    if not is_product or len(steps[start].shape) != 1 or len(positions) != 1:
        return None
    other = 1 - positions[0]
    return other if len(_shape_of_argument(steps, step.args[other])) == 2 else None


def _shape_of_argument(steps: Steps, argument: Any) -> Any:
    """Return the shape of an argument, which is an operand or a constant."""
    return steps[argument].shape if type(argument) is Operand else np.shape(argument)


def multiplications(steps: Steps, c: int, k: int, vjp: VJPRule) -> int:
    """Return the multiplications to pull a cotangent of c to its operand k, or to push a tangent.

    They are counted for products and estimated for other ops.

    Parameters
    ----------
    steps : Steps
        The program.
    c, k : int
        The node, and the position of the operand.
    vjp : Line
        The VJP rule of that operand.

    Returns
    -------
    int
        0 if the rule only moves or adds elements.
    """
    step = steps[c]
    kind, size = RULES[step.op].kind, size_of(step.shape)
    if kind == "linear" or not (vjp.reads_output or any(map(vjp.reads, range(len(step.args))))):
        return 0
    if kind != "multilinear":
        return max(size, size_of(steps[step.args[k]].shape))
    shapes = [_shape_of_argument(steps, a) for a in step.args]
    if step.op is np.matmul:
        return size * int(shapes[0][-1])
    # (m, k) @ (k, n) multiplies m·k·n times, the root of the product of the three sizes
    return isqrt(prod(map(prod, shapes)) * size)


def shorten_chain(factors: list[ChainFactor], most: int) -> list[ChainFactor]:
    """Merge neighbouring diagonals, then merge at the widest cut vertices until `most` are left."""
    merged: list[ChainFactor] = []
    for factor in factors:
        if merged and factor.form == merged[-1].form == DIAGONAL:
            factor = merge_factors(merged.pop(), factor)
        merged.append(factor)
    narrowest = sorted(range(1, len(merged)), key=lambda i: merged[i].columns)[: most - 1]
    bounds = [0, *sorted(narrowest), len(merged)]
    return [reduce(merge_factors, merged[i:j]) for i, j in pairwise(bounds)] if merged else []


def merge_factors(a: ChainFactor, b: ChainFactor) -> ChainFactor:
    """Return two neighbouring factors as one."""
    form = DIAGONAL if a.form == b.form == DIAGONAL else GENERAL
    return ChainFactor(a.start, b.end, a.columns, b.rows, a.pull + b.pull, form)


# Bracketing the chain


def reverse_bracketing(factors: Sequence[ChainFactor]) -> Bracketing:
    """Return reverse mode: rows are pulled from y to x (*foldr*)."""
    last = len(factors) - 1
    bracketing = bracket_factor(factors, last, "rows")
    for _ in range(last):
        bracketing = pull_further(factors, bracketing)
    return bracketing


def forward_bracketing(factors: Sequence[ChainFactor]) -> Bracketing:
    """Return forward mode: columns are pushed from x to y (*foldl*)."""
    bracketing = bracket_factor(factors, 0, "columns")
    for _ in range(len(factors) - 1):
        bracketing = push_further(factors, bracketing)
    return bracketing


def optimal_bracketing(factors: Sequence[ChainFactor]) -> Bracketing:
    """Return the bracketing with the fewest multiplications.

    A chain of 500 factors takes about a second.

    References
    ----------
    The dynamic programming of Godbole (1973), with pulls and pushes through one factor as further
    candidates: U. Naumann, "On Jacobian chain bracketing", and the instances of ADMission (2021).
    """
    splits = cheapest_splits(factors)
    made: dict[tuple[int, int], Bracketing] = {}
    for i, j in reversed(subchains_of(splits, len(factors))):
        split = splits.get((i, j))
        if split is None:
            made[i, j] = _cheapest_factor(factors, i)
        elif split == PULLED:
            made[i, j] = pull_further(factors, made[i + 1, j])
        elif split == PUSHED:
            made[i, j] = push_further(factors, made[i, j - 1])
        else:
            made[i, j] = multiply_subchains(factors, made[split, j], made[i, split])
    return made[0, len(factors)]


PULLED, PUSHED = -1, -2
"""Splits of a subchain other than at a cut vertex: its first or its last factor is apart."""


def cheapest_splits(factors: Sequence[ChainFactor]) -> dict[tuple[int, int], int]:
    """Return for each subchain of several factors how it is split at the lowest cost.

    A product runs no rule. So it is taken if the costs are equal, and a pull before a push.
    """
    count = len(factors)
    columns = np.array([factor.columns for factor in factors], cost_dtype(factors))
    costs = np.zeros((count + 1, count + 1), columns.dtype)
    for i in range(count):
        costs[i, i + 1] = _cheapest_factor(factors, i).cost
    splits = {}
    for length in range(2, count + 1):
        for i in range(count - length + 1):
            j = i + length
            rows, inner = factors[j - 1].rows, columns[i + 1 : j].copy()
            inner[[0, -1]] = _end_dimensions(factors, i, j)
            products = costs[i, i + 1 : j] + costs[i + 1 : j, j] + rows * columns[i] * inner
            m = int(np.argmin(products))
            ways = [
                (products[m], i + 1 + m),
                (costs[i + 1, j] + rows * factors[i].pull, PULLED),
                (costs[i, j - 1] + factors[i].columns * factors[j - 1].pull, PUSHED),
            ]
            costs[i, j], splits[i, j] = min(ways, key=lambda way: way[0])
    return splits


def cost_dtype(factors: Sequence[ChainFactor]) -> Any:
    """Return a dtype that holds the cost of any bracketing: int64, else Python's integers."""
    widest = max(max(factor.rows, factor.columns) for factor in factors)
    most = len(factors) * widest * max(widest**2, *(factor.pull for factor in factors))
    return np.int64 if most < 2**62 else object


def _end_dimensions(factors: Sequence[ChainFactor], i: int, j: int) -> tuple[int, int]:
    """Return the multiplications per entry if the first, or the last factor is split off."""
    at = [factors[i + 1].columns, factors[j - 1].columns]
    if factors[i].form == DIAGONAL:
        at[0] = 1
    if factors[j - 1].form == DIAGONAL:
        at[1] = 1
    if j - i == 2:
        at = [min(at)] * 2
    return at[0], at[1]


def subchains_of(splits: dict[tuple[int, int], int], count: int) -> list[tuple[int, int]]:
    """Return the subchains of the best bracketing, each before its parts."""
    found = [(0, count)]
    for i, j in found:  # grows meanwhile
        split = splits.get((i, j))
        if split == PULLED:
            found.append((i + 1, j))
        elif split == PUSHED:
            found.append((i, j - 1))
        elif split is not None:
            found += [(i, split), (split, j)]
    return found


def _cheapest_factor(factors: Sequence[ChainFactor], i: int) -> Bracketing:
    """Return the bracketing of one factor with the fewest multiplications."""
    ways = [bracket_factor(factors, i, how) for how in ("rows", "columns")]
    return min(ways, key=lambda bracketing: bracketing.cost)


def bracket_factor(factors: Sequence[ChainFactor], i: int, how: str) -> Bracketing:
    """Return the bracketing of one factor: by rows or columns, unless it is there already."""
    factor = factors[i]
    if factor.form == GENERAL:
        cost = factor.pull * (factor.rows if how == "rows" else factor.columns)
        return Bracketing(how, i, i + 1, cost, cost)
    cost = factor.pull if factor.form == DIAGONAL else 0
    return Bracketing(factor.form, i, i + 1, cost, cost)


def pull_further(factors: Sequence[ChainFactor], right: Bracketing) -> Bracketing:
    """Pull the rows of a subchain through the factor before it."""
    more = factors[right.last - 1].rows * factors[right.first - 1].pull
    return _extend_subchain(right, "rows", "pulled", right.first - 1, right.last, more)


def push_further(factors: Sequence[ChainFactor], left: Bracketing) -> Bracketing:
    """Push the columns of a subchain through the factor after it."""
    more = factors[left.first].columns * factors[left.last].pull
    return _extend_subchain(left, "columns", "pushed", left.first, left.last + 1, more)


def _extend_subchain(
    shorter: Bracketing, begun: str, how: str, first: int, last: int, more: int
) -> Bracketing:
    """Return a subchain that is one factor longer than `shorter`.

    Parameters
    ----------
    shorter : Bracketing
        The subchain that is extended.
    begun, how : str
        The method that begins in this direction, and the one that goes on in it. If `shorter`
        uses one of them, the extension belongs to the same step.
    first, last : int
        Bounds of the longer subchain.
    more : int
        Multiplications that the extension takes.

    Returns
    -------
    Bracketing
        The bracketing of factors first, …, last - 1.
    """
    cost = shorter.cost + more
    if shorter.how in (begun, how):
        return Bracketing(shorter.how, first, last, shorter.own + more, cost, shorter.parts)
    return Bracketing(how, first, last, more, cost, (shorter,))


def multiply_subchains(
    factors: Sequence[ChainFactor], right: Bracketing, left: Bracketing
) -> Bracketing:
    """Return the product of two neighbouring subchains; `right` is nearer to y."""
    rows, columns = factors[right.last - 1].rows, factors[left.first].columns
    own = rows * columns * _inner_dimension(right, left, factors)
    cost = own + right.cost + left.cost
    return Bracketing("product", left.first, right.last, own, cost, (right, left))


def _inner_dimension(right: Bracketing, left: Bracketing, factors: Sequence[ChainFactor]) -> int:
    """Return the multiplications per entry of a product; a diagonal only scales rows or columns."""
    return 1 if DIAGONAL in (right.how, left.how) else factors[right.first].columns


CHAIN_ORDERS = {
    "reverse": reverse_bracketing,
    "forward": forward_bracketing,
    "segments": optimal_bracketing,
}
"""Bracketing of a chain by the name of its order."""


# Choosing among the orders


def choose_order(memory: Memory, table: Table, targets: Sequence[int], order: str) -> ChainChoice:
    """Return how the Jacobian by the targets is multiplied.

    Parameters
    ----------
    memory : Memory
        Memory of the tape.
    table : Table
        Table of the output, which may be empty.
    targets : sequence of int
        The nodes by which to differentiate; each of them leads to the output.
    order : str
        Name of an order. Any name that is not in `CHAIN_ORDERS` stands for the order with the
        fewest multiplications; of several, reverse is taken before forward and that before others.

    Returns
    -------
    ChainChoice
        The order, its bracketing and the reason.
    """
    if not targets:
        return ChainChoice(order, [], None, {}, "no path leads from x to y")
    if len(table.uses) > MAX_CHAIN_NODES and order != "segments":
        return _choose_by_size(memory.steps, table, targets, order)
    most = MAX_FACTORS_ASKED if order == "segments" else MAX_FACTORS
    factors = jacobian_chain(memory, table, targets, most)
    bracketings = {name: bracket(factors) for name, bracket in CHAIN_ORDERS.items()}
    totals = {name: bracketing.cost for name, bracketing in bracketings.items()}
    why = "it was asked for"
    if order not in CHAIN_ORDERS:
        order = min(totals, key=lambda name: totals[name])
        why = _reason_for(memory, factors, order)
    return ChainChoice(order, factors, bracketings[order], totals, why)


def _choose_by_size(steps: Steps, table: Table, targets: Sequence[int], order: str) -> ChainChoice:
    """Return one direction through a large program: by rows, unless columns are fewer."""
    rows = size_of(steps[table.output].shape)
    columns = sum(size_of(steps[t].shape) for t in targets)
    if order not in CHAIN_ORDERS:
        order = "reverse" if rows <= columns else "forward"
    factors = [ChainFactor(tuple(targets), table.output, columns, rows, 0, GENERAL)]
    why = f"by size alone; in {len(table.uses):,} nodes no segments are looked for"
    return ChainChoice(order, factors, CHAIN_ORDERS[order](factors), {}, why)


def _reason_for(memory: Memory, factors: list[ChainFactor], order: str) -> str:
    """Return why the order takes the fewest multiplications."""
    if len(factors) == 1:
        return "no node between is crossed by every path"
    if order != "segments":
        return f"no order of the {len(factors)} segments takes fewer"
    narrowest = min(factors[1:], key=lambda factor: factor.columns)
    name = printable(memory.nodes.name(narrowest.start[0]), 20)
    return f"every path crosses {name}, of size {narrowest.columns:,}"
