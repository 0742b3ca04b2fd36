"""Pause of Python's garbage collector, which would visit all objects of a session repeatedly."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_pauses: set[object] = set()
"""The pauses of all threads, nested ones included."""

_disabled: list[bool] = []
"""Not empty if the first pause found the collector enabled, so that the last one enables it."""


@contextmanager
def pause_gc() -> Iterator[None]:
    """Pause the garbage collector while many long-lived objects are created.

    To trace and compile an LSTM of 256 steps takes a third less time: the collector would visit
    each of a million records some seven times, and find nothing.

    Pauses nest, and those of several threads overlap: the last one to end enables the collector,
    if it was enabled before. There is no lock and no count: an interrupt or a signal handler may
    come at any line, and every step holds then, too.
    """
    pause = object()
    try:
        _pauses.add(pause)
        if gc.isenabled():
            _disabled.append(True)
            gc.disable()
        yield
    finally:
        _pauses.discard(pause)
        if not _pauses and _disabled:
            _disabled.clear()
            gc.enable()
