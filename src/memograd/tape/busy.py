"""Functions during which a tape must not change, and the search of the stack for one that runs.

A flag would cost time at each recording, and an interrupt could strike before it is cleared. The
stack shows the same at no cost.
"""

import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

BUSY: dict[int, tuple[str, str]] = {}
"""From the id of a function's code to what it does, and the local variable that holds its tape.

By ids, because the hash of a code object takes a microsecond.
"""

_depth: Callable[[Any], int] = getattr(type(threading.RLock()), "_recursion_count", lambda lock: 2)
"""How often this thread holds a lock.

CPython before 3.11.5 does not tell; the number 2 makes `busy_frame` search the stack.
"""


def busy(what: str, tape: str = "self") -> Callable[[Function], Function]:
    """Return a decorator: a tape must not change while the function runs.

    Parameters
    ----------
    what : str
        What it does, for messages.
    tape : str
        The local variable that holds the tape.
    """

    def register(function: Function) -> Function:
        """Note the code of the function."""
        BUSY[id(function.__code__)] = what, tape
        return function

    return register


def busy_frame(tape: Any, frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame, from `frame` on, of a function that relies on the tape.

    None if there is none, or if the lock of the tape, which the caller holds, was taken only once.
    """
    if _depth(tape.lock) == 1:
        return None
    while frame is not None and not (
        id(frame.f_code) in BUSY and frame.f_locals.get(BUSY[id(frame.f_code)][1]) is tape
    ):
        frame = frame.f_back
    return frame


def activity(frame: FrameType) -> str:
    """Return what the function of a frame does, for messages."""
    return BUSY[id(frame.f_code)][0]
