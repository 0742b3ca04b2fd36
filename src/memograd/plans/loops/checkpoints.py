"""Checkpoints: which states of a sequence to keep, so that all are read backwards in few slots.

References
----------
A. Griewank, A. Walther: Algorithm 799: Revolve, ACM Trans. Math. Softw. 26 (2000) 19-45.
"""

from collections.abc import Callable, Iterator
from math import comb
from typing import TypeVar

State = TypeVar("State")


def states_backwards(
    begin: State, advance: Callable[[State, int], State], count: int, slots: int | None
) -> Iterator[tuple[int, State]]:
    """Yield the states before steps ``count - 1, …, 0`` of a sequence, each with its number.

    Parameters
    ----------
    begin : State
        The state before step 0.
    advance : callable
        ``advance(state, t)``: the state after step t, given that before it.
    count : int
        Number of steps.
    slots : int or None
        How many states are kept at a time, the first one included; None for all.

    Examples
    --------
    >>> [(t, x) for t, x in states_backwards(1, lambda x, t: 2 * x, 4, slots=2)]
    [(3, 8), (2, 4), (1, 2), (0, 1)]
    """
    kept = [(0, begin)]
    end = count
    while end > 0:
        t, state = kept[-1]
        while t < end - 1:
            free = end if slots is None else slots - len(kept)
            stop = t + first_stride(end - t, free) if free > 0 else end - 1
            for step in range(t, stop):
                state = advance(state, step)
            t = stop
            if free > 0:
                kept.append((t, state))
        yield t, state
        end = t
        if kept[-1][0] == t:
            kept.pop()


def first_stride(count: int, free: int) -> int:
    """Return how many steps to advance before the next state is kept, of `count` steps left.

    With s free slots and r repetitions of a step, ``comb(s + r, s)`` steps are the most that can be
    read backwards. The stride splits `count` so that both parts need the least repetitions.

    >>> first_stride(10, 3), first_stride(10, 10)
    (5, 1)
    """
    if count - 1 <= free:
        return 1
    slots = free + 1  # with the one that holds the present state
    repetitions = 0
    while comb(slots + repetitions, slots) < count:
        repetitions += 1
    longest = comb(slots + repetitions - 1, slots)
    rest = comb(slots + repetitions - 2, slots - 1)
    return max(1, min(longest, count - rest))
