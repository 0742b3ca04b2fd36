"""Tape on which a trace records, for each thread; and the search for the tape of a function."""

import threading
from collections.abc import Callable
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


SEARCHES: list["TapeSearch"] = []
"""The searches that run, of all threads. Tapes call them only if there are any: 10 ns otherwise."""


class TapeMet(BaseException):
    """Signal that ends a search: a function uses a tape. No code of the user's catches it."""

    def __init__(self, search: "TapeSearch", tape: Any) -> None:
        self.search, self.tape = search, tape


class TapeSearch:
    """Search for the tape of the nodes over which a function closes.

    The function runs until it uses a node of a tape that was there before, which records nothing.
    """

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.born: list[Any] = []

    def run(self, f: Callable[[], Any]) -> tuple[Any, Any]:
        """Return f() and None; or None and the tape that f uses."""
        try:
            SEARCHES.append(self)
            with trace_on(None):
                return f(), None
        except TapeMet as met:
            if met.search is not self:
                raise
            return None, met.tape
        finally:
            SEARCHES.remove(self)


def note_new_tape(tape: Any) -> None:
    """Note, for the searches of this thread, that a tape is the function's own."""
    for search in SEARCHES:
        if search.thread == threading.get_ident():
            search.born.append(tape)


def note_use(tape: Any) -> Any:
    """Return the tape; end the innermost search of this thread, if it is one for this tape."""
    for search in reversed(SEARCHES):
        if search.thread == threading.get_ident():
            if all(tape is not own for own in search.born):
                raise TapeMet(search, tape)
            break
    return tape
