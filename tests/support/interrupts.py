"""Interrupts at any line of memograd's own code, as Ctrl-C may bring them."""

import sys
from linecache import getline

UNDISTURBED = "values[n], steps[n], self._next = "
"""What the statement that writes a node begins with."""


class Interrupt(BaseException):
    pass


def interrupted_at(count, act):
    """Run `act`, interrupted at its line number `count` inside memograd; False where it has fewer lines."""
    left = count

    def trace(frame, event, arg):
        nonlocal left
        if "memograd" not in frame.f_code.co_filename:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                raise Interrupt
        return trace

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    except Interrupt:
        return True
    finally:
        sys.settrace(old)
    return False


def called_at(count, act, callback):
    """Run `act`, and call `callback` at its line number `count` inside memograd, as a signal may; False where it has fewer lines.

    Python handles signals, and runs the collector, at calls, at jumps back and where objects are made: not before the one
    statement that writes a node, which follows the last test without any of these.
    """
    left = count

    def trace(frame, event, arg):
        nonlocal left
        if "memograd" not in frame.f_code.co_filename:
            return None
        if event == "line" and UNDISTURBED not in getline(frame.f_code.co_filename, frame.f_lineno):
            left -= 1
            if left == 0:
                callback()
        return trace

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(old)
    return left <= 0
