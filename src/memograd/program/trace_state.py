"""Tape on which a trace records, for each thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_thread = threading.local()


def current() -> Any:
    """Return the tape of the innermost trace on this thread, or None."""
    return getattr(_thread, "tape", None)


@contextmanager
def tracing(tape: Any) -> Iterator[None]:
    """Record on `tape` as the current trace in the block; with None, end tracing there."""
    outer, _thread.tape = current(), tape
    try:
        yield
    finally:
        _thread.tape = outer
