"""`numpy.fft` for nodes, as :mod:`memograd.numpy` has it."""

import memograd.numpy as _numpy

from ..mirrors import mirror

__getattr__, __dir__ = mirror(__name__, _numpy.fft)
