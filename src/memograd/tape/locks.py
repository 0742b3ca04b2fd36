"""Locks of tapes, which a forked process finds free if it does not hold them itself."""

import os
import threading
import weakref
from typing import Any

_LOCKS: set[weakref.ref[Any]] = set()
"""The locks of all tapes."""


def make_lock() -> Any:
    """Return a reentrant lock for a tape."""
    lock = threading.RLock()
    _LOCKS.add(weakref.ref(lock, _LOCKS.discard))
    return lock


def _free_locks() -> None:
    """Free, in the child of a fork, the locks that threads held which the child does not have.

    Such a thread was not stopped while it wrote a node; what else it left half-done is as after an
    interrupt.
    """
    for ref in list(_LOCKS):
        if (lock := ref()) is not None and not lock._is_owned():
            lock._at_fork_reinit()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_free_locks)
