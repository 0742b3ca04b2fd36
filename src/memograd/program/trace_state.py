"""Tape on which a trace records, for each thread."""

import threading
from typing import Any

_thread = threading.local()


def current_tape() -> Any:
    """Return the tape of the innermost trace on this thread, or None."""
    return getattr(_thread, "tape", None)


def set_current_tape(tape: Any) -> Any:
    """Make a tape that of the innermost trace on this thread, and return the one before."""
    outer, _thread.tape = getattr(_thread, "tape", None), tape
    return outer


class trace_on:  # noqa: N801  (used as a function)
    """Record on a tape as the current trace in the block; with None, end tracing there.

    A class, because a generator would take a microsecond, as much as recording an op.
    """

    __slots__ = ("outer", "tape")

    def __init__(self, tape: Any) -> None:
        self.tape = tape

    def __enter__(self) -> None:
        self.outer = set_current_tape(self.tape)

    def __exit__(self, *raised: object) -> None:
        set_current_tape(self.outer)
