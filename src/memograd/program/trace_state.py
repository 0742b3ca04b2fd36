"""The tape on which a function's trace records, one for each thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_thread = threading.local()


def current() -> Any:
    """Return the tape of the innermost trace that runs on this thread, or None."""
    return getattr(_thread, "tape", None)


@contextmanager
def tracing(tape: Any) -> Iterator[None]:
    """A trace on `tape` runs in the block; with None, none does."""
    outer, _thread.tape = current(), tape
    try:
        yield
    finally:
        _thread.tape = outer
