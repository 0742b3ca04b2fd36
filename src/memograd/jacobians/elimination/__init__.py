"""Jacobian of a scalar program by elimination of the vertices, or edges, of its linearised graph.

Reverse and forward mode are two elimination orders of many. An order costs the multiplications of
partial derivatives that it takes. Finding the best order is NP-complete.

    dag = linearise(ys, xs)                    # partial derivatives between nodes of a tape
    dag = build_dag(inputs, outputs, partials) # the same of small integers, in topological order
    orders = find_elimination_order(dag)       # the cheapest order found, and the others' costs
    entries = accumulate_jacobian(dag, orders.order)  # (i, j) → ∂ys[i]/∂xs[j] if a path exists

With `linearise(ys, xs, record=True)` the entries are nodes. `is_scalar_program(ys, xs)` says
whether all nodes between are real numbers, as `linearise` requires.

References
----------
A. Griewank and A. Walther, "Evaluating Derivatives", 2nd edition, SIAM (2008), chapters 9 and 10.
U. Naumann, "Optimal Jacobian accumulation is NP-complete", Mathematical Programming 112 (2008).
"""

from .execution import accumulate_jacobian
from .graph import LinearisedDag, build_dag
from .linearization import is_scalar_program, linearise
from .moves import Back, Front
from .search import EliminationOrders, find_elimination_order

__all__ = [
    "Back",
    "EliminationOrders",
    "Front",
    "LinearisedDag",
    "accumulate_jacobian",
    "build_dag",
    "find_elimination_order",
    "is_scalar_program",
    "linearise",
]
