"""The Jacobian of a scalar program by elimination: its vertices, or edges, taken away one by one, in a cheap order.

Reverse and forward are two orders of many; what an order costs is the multiplications of partial derivatives that it takes, and
the best is NP-complete to find.

    dag = linearised(ys, xs)                # of a tape's nodes: the partial derivatives between them, equal subexpressions shared
    dag = linear(inputs, outputs, partials) # of anything: small integers, each after those it was computed from
    found = ordered(dag)                    # the cheapest order found, and the counts of all that were tried
    entries = accumulated(dag, found.order) # (i, j) → ∂ys[i]/∂xs[j], for the pairs that a path connects

With `linearised(ys, xs, record=True)` the entries are nodes. `is_scalar(ys, xs)` says whether all nodes
between are real numbers, as `linearised` needs them.
"""

from .execution import accumulated
from .graph import Linearised, linear
from .linearization import is_scalar, linearised
from .moves import Back, Front
from .search import Orders, ordered

__all__ = ["Back", "Front", "Linearised", "Orders", "accumulated", "is_scalar", "linear", "linearised", "ordered"]
