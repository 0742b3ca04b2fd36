"""In what order to multiply a Jacobian together: found from the graph and the shapes alone, without a number.

A node that every path from x to y crosses cuts the program in two, and the Jacobian into a product of two. Between such
nodes lie the *segments*. Section 14 of the tutorial multiplies from right to left (reverse: rows are pulled through one
segment after the other) or from left to right (forward: columns are pushed); here any order is possible. For each stretch
of segments the cheapest is kept, by dynamic programming as for a chain of matrices, where a matrix need not be made:

* one segment: its rows by pulls, its columns by pushes, or what it is itself, a diagonal or a matrix;
* more than one: two stretches multiplied, or all but one segment, pushed or pulled through that one.

Multiplications are counted; additions, moves, and products with ones and zeros of which no one is made, are not.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import pairwise
from math import isqrt, prod
from typing import NamedTuple

import numpy as np

from ..memory.memory import Memory, Table, consumers, uses
from ..program.steps import ARGS, DTYPE, OP, SHAPE, Operand, Steps, uses_in
from ..rules.cost_model import size_of
from ..rules.registration import RULES, Line
from ..text import printable

MOST_NODES = 100_000
"""In a program that is larger no segments are looked for, unless they are asked for."""

MOST_SEGMENTS = 24
"""Of more segments the widest seams are closed: the dynamic programming is cubic in their number."""

DIAGONAL, MATRIX, GENERAL = "diagonal", "matrix", "general"


class Segment(NamedTuple):
    """What lies between two neighbouring nodes that every path crosses.

    Attributes
    ----------
    start : tuple of int
        The targets, or one node.
    end : int
        The node where it ends.
    columns, rows : int
        Elements at the start, and at the end.
    pull : int
        Multiplications to pull one cotangent through it; to push one tangent takes as many.
    form : str
        What its Jacobian is: a diagonal, for ops that act element by element; a matrix that is there already; or general.
    """

    start: tuple[int, ...]
    end: int
    columns: int
    rows: int
    pull: int
    form: str


class Product(NamedTuple):
    """How the Jacobian of one stretch of segments is had.

    Attributes
    ----------
    how : str
        ``diagonal`` or ``matrix``: as it stands; ``rows`` or ``columns``: by pulls or pushes of ones; ``pulled`` or ``pushed``:
        the rows of another stretch pulled on, its columns pushed on; ``product``: two stretches multiplied.
    first, last : int
        The stretch: segments first, …, last - 1.
    own, cost : int
        Multiplications of this step, and of all.
    parts : tuple of Product
        What it is made of, the stretch nearer to y first.
    """

    how: str
    first: int
    last: int
    own: int
    cost: int
    parts: tuple["Product", ...] = ()


# --------------------------------------------------------------------------------------------- from graph to segments


def on_the_way(table: Table, targets: Iterable[int]) -> list[int]:
    """The nodes of the paths from the targets to the output of the table, in order."""
    found: set[int] = set()
    stack = [n for n in targets if n in table.up]
    while stack:
        n = stack.pop()
        if n not in found:
            found.add(n)
            stack.extend(consumers(table, n))
    return sorted(found)


def crossed(table: Table, targets: Iterable[int], nodes: Iterable[int]) -> list[int]:
    """The nodes that every path crosses: those that no use reaches over. Creation order is a topological order."""
    found, furthest = [], max(targets)
    for n in nodes:
        if n >= furthest:
            found.append(n)
        furthest = max([furthest, *consumers(table, n)])
    return found


def segments_of(memory: Memory, table: Table, targets: Sequence[int]) -> list[Segment]:
    """The segments from targets, which all lead to the output of the table, in order."""
    steps, nodes = memory.steps, on_the_way(table, targets)
    holomorphic = all(_kind(steps, n) == "c" for n in nodes)
    across = any(_kind(steps, t) == "c" for t in targets) and _kind(steps, table.output) == "c"
    seams = [n for n in crossed(table, targets, nodes) if n == table.output or holomorphic or (_kind(steps, n) == "f" and not across)]
    starts = [tuple(targets), *((n,) for n in seams)]
    if starts[0] == starts[1] and len(seams) > 1:
        del starts[0]
    inside = iter(nodes)
    found, n = [], next(inside)
    for start, (end,) in pairwise(starts):
        members = []
        while n < end:
            members.append(n)
            n = next(inside)
        found.append(_segment(steps, table, start, end, members))
    return narrowed(found)


def _kind(steps: Steps, n: int) -> str:
    """The kind of a node's dtype; none where it has several outputs."""
    dtype = steps[n][DTYPE]
    return "" if type(dtype) is tuple else str(dtype.kind)


def _segment(steps: Steps, table: Table, start: tuple[int, ...], end: int, members: list[int]) -> Segment:
    """The segment from start to end; members are the nodes in it, without the end."""
    pull = sum(multiplications(steps, c, k, line) for n in members for c, lines in uses(table, n) for k, line in lines)
    columns = sum(size_of(steps[n][SHAPE]) for n in start)
    return Segment(start, end, columns, size_of(steps[end][SHAPE]), pull, _form(steps, start, end, members))


def _form(steps: Steps, start: tuple[int, ...], end: int, members: list[int]) -> str:
    shape = steps[start[0]][SHAPE]
    if len(start) > 1:
        return GENERAL
    if all(steps[n][SHAPE] == shape and RULES[steps[n][OP]].kind == "elementwise" for n in [*members[1:], end]):
        return DIAGONAL
    return MATRIX if members == [*start] and matrix_of(steps, start[0], end) is not None else GENERAL


def matrix_of(steps: Steps, start: int, end: int) -> int | None:
    """The position of the matrix by which a vector, `start`, is multiplied to give `end`; None where it is not so."""
    step = steps[end]
    if step[OP] not in (np.matmul, np.dot) or len(steps[start][SHAPE]) != 1 or len(uses_in(step[ARGS]).get(start, ())) != 1:
        return None
    (k,) = uses_in(step[ARGS])[start]
    other = step[ARGS][1 - k]
    return 1 - k if len(steps[other][SHAPE] if type(other) is Operand else np.shape(other)) == 2 else None


def multiplications(steps: Steps, c: int, k: int, line: Line) -> int:
    """How many it takes to pull a cotangent of c to its operand k, or to push a tangent: counted for products, estimated for the rest."""
    step = steps[c]
    kind, size = RULES[step[OP]].kind, size_of(step[SHAPE])
    if kind == "linear" or not (line.reads_output or any(map(line.reads, range(len(step[ARGS]))))):
        return 0
    if kind != "multilinear":
        return max(size, size_of(steps[step[ARGS][k]][SHAPE]))
    shapes = [steps[a][SHAPE] if type(a) is Operand else np.shape(a) for a in step[ARGS]]
    # (m, k) @ (k, n) multiplies m·k·n times, the root of the product of the three sizes
    return size * int(shapes[0][-1]) if step[OP] is np.matmul else isqrt(prod(map(prod, shapes)) * size)


def narrowed(segments: list[Segment], most: int = MOST_SEGMENTS) -> list[Segment]:
    """Neighbouring diagonals as one; and no more than `most` segments, between the narrowest of the nodes."""
    found: list[Segment] = []
    for segment in segments:
        alike = found and segment.form == found[-1].form == DIAGONAL
        found.append(joined(found.pop(), segment) if alike else segment)
    seams = sorted(range(1, len(found)), key=lambda i: found[i].columns)[: most - 1]
    bounds = [0, *sorted(seams), len(found)]
    return [reduce(joined, found[i:j]) for i, j in pairwise(bounds)] if found else []


def joined(a: Segment, b: Segment) -> Segment:
    """Two neighbouring segments as one."""
    return Segment(a.start, b.end, a.columns, b.rows, a.pull + b.pull, DIAGONAL if a.form == b.form == DIAGONAL else GENERAL)


# ------------------------------------------------------------------------------------------------ in what order


def reverse(segments: Sequence[Segment]) -> Product:
    """The rows, pulled from y to x: foldr."""
    last = len(segments) - 1
    return reduce(lambda right, i: pulled(segments, right), range(last), made(segments, last, "rows"))


def forward(segments: Sequence[Segment]) -> Product:
    """The columns, pushed from x to y: foldl."""
    return reduce(lambda left, i: pushed(segments, left), segments[1:], made(segments, 0, "columns"))


def cheapest(segments: Sequence[Segment]) -> Product:
    """The order with the fewest multiplications."""
    best: dict[tuple[int, int], Product] = {}
    count = len(segments)
    for length in range(1, count + 1):
        for i in range(count - length + 1):
            ways = _ways(segments, best, i, i + length) if length > 1 else [made(segments, i, how) for how in ("rows", "columns")]
            best[i, i + length] = min(ways, key=lambda product: product.cost)
    return best[0, count]


def _ways(segments: Sequence[Segment], best: dict[tuple[int, int], Product], i: int, j: int) -> list[Product]:
    """The ways to have a stretch of more than one segment; of the products, the cheapest. It is first: it runs no rule."""
    rows, columns = segments[j - 1].rows, segments[i].columns
    m = min(range(i + 1, j), key=lambda m: best[i, m].cost + best[m, j].cost + rows * columns * _summed(best[m, j], best[i, m], segments))
    return [multiplied(segments, best[m, j], best[i, m]), pulled(segments, best[i + 1, j]), pushed(segments, best[i, j - 1])]


def made(segments: Sequence[Segment], i: int, how: str) -> Product:
    """The Jacobian of one segment; by rows or by columns, unless it is there already."""
    segment = segments[i]
    if segment.form == GENERAL:
        cost = segment.pull * (segment.rows if how == "rows" else segment.columns)
        return Product(how, i, i + 1, cost, cost)
    cost = segment.pull if segment.form == DIAGONAL else 0
    return Product(segment.form, i, i + 1, cost, cost)


def pulled(segments: Sequence[Segment], right: Product) -> Product:
    """The rows of a stretch pulled through the segment before it."""
    more = segments[right.last - 1].rows * segments[right.first - 1].pull
    return _carried(right, "rows", "pulled", right.first - 1, right.last, more)


def pushed(segments: Sequence[Segment], left: Product) -> Product:
    """The columns of a stretch pushed through the segment after it."""
    more = segments[left.first].columns * segments[left.last].pull
    return _carried(left, "columns", "pushed", left.first, left.last + 1, more)


def _carried(known: Product, begun: str, how: str, first: int, last: int, more: int) -> Product:
    """A stretch one segment longer; what goes in the same direction as before is one step."""
    if known.how in (begun, how):
        return Product(known.how, first, last, known.own + more, known.cost + more, known.parts)
    return Product(how, first, last, more, known.cost + more, (known,))


def multiplied(segments: Sequence[Segment], right: Product, left: Product) -> Product:
    """Two stretches multiplied."""
    own = segments[right.last - 1].rows * segments[left.first].columns * _summed(right, left, segments)
    return Product("product", left.first, right.last, own, own + right.cost + left.cost, (right, left))


def _summed(right: Product, left: Product, segments: Sequence[Segment]) -> int:
    """How many products each entry of a product is the sum of; a diagonal scales rows or columns."""
    return 1 if right.how == DIAGONAL or left.how == DIAGONAL else segments[right.first].columns


# --------------------------------------------------------------------------------------------------- and why so


ORDERS = {"reverse": reverse, "forward": forward, "segments": cheapest}


class Choice(NamedTuple):
    """An order that was chosen, the multiplications of all that were counted, and why it was."""

    order: str
    segments: list[Segment]
    product: Product
    totals: dict[str, int]
    why: str


def ordered(memory: Memory, table: Table, targets: Sequence[int], order: str) -> Choice:
    """The order that was asked for; for ``"auto"``, the one with the fewest multiplications, one direction before all others."""
    if len(table.up) > MOST_NODES and order != "segments":
        return _by_size(memory.steps, table, targets, order)
    segments = segments_of(memory, table, targets)
    products = {name: of(segments) for name, of in ORDERS.items()}
    totals = {name: product.cost for name, product in products.items()}
    if order != "auto":
        return Choice(order, segments, products[order], totals, "it was asked for")
    order = min(totals, key=lambda name: totals[name])
    return Choice(order, segments, products[order], totals, _why(memory, segments, order))


def _by_size(steps: Steps, table: Table, targets: Sequence[int], order: str) -> Choice:
    """One direction through all of a large program: the rows, if there are no more of them than columns."""
    rows, columns = size_of(steps[table.output][SHAPE]), sum(size_of(steps[t][SHAPE]) for t in targets)
    if order == "auto":
        order = "reverse" if rows <= columns else "forward"
    whole = [Segment(tuple(targets), table.output, columns, rows, 0, GENERAL)]
    why = f"by size alone; in {len(table.up):,} nodes no segments are looked for"
    return Choice(order, whole, ORDERS[order](whole), {}, why)


def _why(memory: Memory, segments: list[Segment], order: str) -> str:
    if len(segments) == 1:
        return "no node between is crossed by every path"
    if order != "segments":
        return f"no order of the {len(segments)} segments takes fewer"
    seam = min(segments[1:], key=lambda segment: segment.columns)
    return f"every path crosses {printable(memory.nodes.name(seam.start[0]), 20)}, of size {seam.columns:,}"
