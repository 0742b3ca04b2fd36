"""NumPy for nodes under autograd's name: :mod:`memograd.numpy`, with autograd's `where`."""

import memograd.numpy as _numpy

from ..mirrors import mirror
from . import fft, linalg, numpy_boxes, numpy_vjps, numpy_wrapper, random
from .selection import where

OWN = ["fft", "linalg", "numpy_boxes", "numpy_vjps", "numpy_wrapper", "random", "where"]
"""The names that are not those of :mod:`memograd.numpy`."""

__all__ = ["fft", "linalg", "numpy_boxes", "numpy_vjps", "numpy_wrapper", "random", "where"]
__all__ += [name for name in _numpy.__all__ if name not in OWN]


__getattr__, __dir__ = mirror(__name__, _numpy)
