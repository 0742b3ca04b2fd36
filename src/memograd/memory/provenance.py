"""Provenance of cotangents: which request computed one, and what was assigned before and since."""

from collections.abc import Iterable
from typing import NamedTuple


class Provenance(NamedTuple):
    """Provenance of a cotangent: its request, the target of that, the assignments before it."""

    request: int
    target: int
    assignments: int


class History:
    """Requests for derivatives and assignments that a memory has seen.

    Attributes
    ----------
    requests, assignments : int
        Number of each; the number of the last one.
    assigned : dict
        Leaf to the number of its last assignment.
    current : Provenance
        Provenance of what is computed now, or was computed last.
    """

    __slots__ = ("assigned", "assignments", "current", "requests")

    def __init__(self) -> None:
        self.requests = self.assignments = 0
        self.assigned: dict[int, int] = {}
        self.current = Provenance(0, -1, 0)

    def provenance_for(self, target: int) -> Provenance:
        """Return the provenance of what the last request computes for a target."""
        return Provenance(self.requests, target, self.assignments)

    def note_assignment(self, leaves: Iterable[int]) -> None:
        """Note that these leaves were assigned together."""
        self.assignments += 1
        self.assigned.update(dict.fromkeys(leaves, self.assignments))

    def assigned_since(self, assignments: int) -> dict[int, int]:
        """Return the leaves that were assigned after so many assignments, with the numbers."""
        return {n: number for n, number in self.assigned.items() if number > assignments}
