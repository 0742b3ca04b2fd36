"""Timing of contenders in turns."""

from collections.abc import Callable, Mapping
from time import perf_counter, process_time
from typing import Any

VISIT = 2e-3
"""Seconds that a visit of a contender takes at least: a thousand times the clock's resolution."""


def time_first(build: Callable[[], Callable[[], Any]]) -> tuple[Callable[[], Any], Any, float]:
    """Build a call and run it once; return it, its result, and the CPU time of both."""
    start = process_time()
    call = build()
    result = call()
    return call, result, process_time() - start


def time_in_turns(
    calls: Mapping[str, Callable[[], Any]], rounds: int, seconds: float
) -> dict[str, float]:
    """Return the least CPU time of each call.

    Each round visits all contenders, so that other load on the machine reaches all alike. There are
    fewer rounds, but three at least, where `seconds` are over.
    """
    counts = {name: _count(call) for name, call in calls.items()}
    best = dict.fromkeys(calls, float("inf"))
    end = perf_counter() + seconds
    for done in range(rounds):
        if done >= 3 and perf_counter() > end:
            break
        for name, call in calls.items():
            best[name] = min(best[name], _visit(call, counts[name]))
    return best


def _count(call: Callable[[], Any]) -> int:
    """Return how often a visit runs the call."""
    took = min(_visit(call, 1) for _ in range(2))
    return max(1, round(VISIT / max(took, 1e-7)))


def _visit(call: Callable[[], Any], count: int) -> float:
    start = process_time()
    for _ in range(count):
        call()
    return (process_time() - start) / count
