"""Guards: branches on values that a program has taken, and that are checked before its answers.

What a program records after ``if x > 0`` may depend on the outcome. So the tape keeps a guard: the
node, the outcome, and the user's line. While every guard holds, answers stand. After an assignment
that changes an outcome, no node that was recorded after the guard has an answer, until the outcome
is the same again.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..errors import BranchChangedError
from ..program.source_location import Location
from ..text import describe, printable
from .conversions import Conversion
from .recorder import Recorder


class Guard(NamedTuple):
    """Branch that was taken.

    Attributes
    ----------
    node : int
        The node whose value decided.
    conversion : Conversion
        How: as a truth value, an index, a whole number.
    outcome : object
        What it gave.
    first : int
        Id of the first node that was recorded afterwards.
    location : tuple of (str, int) or None
        Place in the user's code.
    """

    node: int
    conversion: Conversion
    outcome: Any
    first: int
    location: Location | None

    def holds(self, value: Any) -> bool:
        """Return whether a value of the node gives the same outcome."""
        given = self.outcome_of(value)
        return type(given) is type(self.outcome) and bool(given == self.outcome)

    def outcome_of(self, value: Any) -> Any:
        """Return what a value gives; the error, if NaN or an infinity makes no whole number."""
        try:
            return self.conversion.convert(value)
        except (ValueError, OverflowError) as error:
            return error

    def text(self) -> str:
        """Return the place in the user's code, for messages."""
        return "" if self.location is None else f" at {self.location[0]}:{self.location[1]}"


class Guards:
    """Guards of a tape, in the order in which they were recorded.

    Attributes
    ----------
    taken : list of Guard
        The guards.
    """

    __slots__ = ("_checked", "taken")

    def __init__(self, taken: Iterable[Guard] = ()) -> None:
        self.taken = list(taken)
        self._checked: tuple[int, int] | None = None  # assignments and guards when all held

    def __len__(self) -> int:
        return len(self.taken)

    def add(self, guard: Guard) -> None:
        """Keep a guard, unless the same one is kept already."""
        if not any(known[:3] == guard[:3] for known in self.taken):
            self.taken.append(guard)

    def drop(self, start: int, kept: int) -> None:
        """Drop the guards after the first `kept`, and those of nodes from `start` on."""
        self.taken[:] = [guard for guard in self.taken[:kept] if guard.node < start]

    def check(self, tape: Recorder, n: int) -> None:
        """Raise if the outcome of a guard before node n has changed.

        Raises
        ------
        BranchChangedError
            With both outcomes and the user's line.
        """
        state = tape.state.history.assignments, len(self.taken)
        if state == self._checked:
            return
        for guard in self.taken:
            if guard.first > n:
                return
            value = tape.state.value(guard.node)
            if not guard.holds(value):
                raise branch_changed(tape, guard, value, n)
        self._checked = state


NO_GUARDS = Guards()
"""Guards of every tape that keeps none."""


def branch_changed(tape: Recorder, guard: Guard, value: Any, n: int) -> BranchChangedError:
    """Return the error for a node that was recorded after a branch with another outcome."""
    nodes = tape.state.nodes
    outcome = printable(repr(guard.outcome_of(value)))
    return BranchChangedError(
        f"{describe(nodes[n])} was recorded after a branch{guard.text()}, where "
        f"{describe(nodes[guard.node])} gave {printable(repr(guard.outcome))}. Now it gives "
        f"{outcome}, so that the program may be another. Assign a value with the former outcome, "
        f"or record the program anew: in a scratch block, or on another tape."
    )
