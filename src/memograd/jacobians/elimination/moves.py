"""The steps of an elimination: a vertex, or one edge at it.

A vertex is all edges to it, one after the other, or all edges from it; it may be cheaper to have some of them go at another time.
"""

from typing import NamedTuple


class Front(NamedTuple):
    """The edge operand → vertex is multiplied into those that go on from the vertex, and goes."""

    operand: int
    vertex: int


class Back(NamedTuple):
    """The edge vertex → consumer is multiplied into those that come to the vertex, and goes."""

    vertex: int
    consumer: int


Step = int | Front | Back
"""An elimination: of a vertex, or of one edge."""
