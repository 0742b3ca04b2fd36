"""Tape on which a trace records, for each thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_thread = threading.local()


def current_tape() -> Any:
    """Return the tape of the innermost trace on this thread, or None."""
    return getattr(_thread, "tape", None)


@contextmanager
def trace_on(tape: Any) -> Iterator[None]:
    """Record on `tape` as the current trace in the block; with None, end tracing there."""
    outer, _thread.tape = current_tape(), tape
    try:
        yield
    finally:
        _thread.tape = outer
