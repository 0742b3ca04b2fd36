"""Interrupts at any line of memograd's own code, as Ctrl-C may bring them."""

import sys


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

    Python handles signals, and runs the collector, at calls, at jumps back and where objects are made: between lines, but
    not within the one line that tests the counter and writes a node.
    """
    left = count

    def trace(frame, event, arg):
        nonlocal left
        if "memograd" not in frame.f_code.co_filename:
            return None
        if event == "line":
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
