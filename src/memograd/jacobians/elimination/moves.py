"""Steps of an elimination: a vertex, or one edge at it.

Eliminating a vertex equals eliminating all edges to it, one after the other, or all edges from it.
It may be cheaper to eliminate some of the edges at another time.

References
----------
U. Naumann, "Optimal accumulation of Jacobian matrices by elimination methods on the dual
computational graph", Mathematical Programming 99 (2004).
"""

from typing import NamedTuple


class Front(NamedTuple):
    """Front elimination of the edge operand → vertex."""

    operand: int
    vertex: int


class Back(NamedTuple):
    """Back elimination of the edge vertex → consumer."""

    vertex: int
    consumer: int


EliminationStep = int | Front | Back
"""Elimination of a vertex, or of one edge."""
