"""NumPy's functions, with autograd's `where`."""

from typing import Any

import memograd.numpy as _numpy

from ..mirrors import mirror
from .selection import where

__all__ = ["where"]

mirrored, __dir__ = mirror(__name__, _numpy)


def __getattr__(name: str) -> Any:
    if name == "wrap_namespace":
        raise AttributeError(
            "memograd.autograd.numpy.numpy_wrapper has no wrap_namespace: functions that dispatch "
            "need no wrapper. Wrap the others one by one, with memograd.autograd.extend.primitive."
        )
    return mirrored(name)
