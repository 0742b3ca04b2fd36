"""`scipy.signal` for nodes, as :mod:`memograd.scipy` has it, with autograd's `convolve`."""

from ...scipy import signal as _own
from ..mirrors import mirror
from .convolution import convolve

__all__ = ["convolve"]

__getattr__, __dir__ = mirror(__name__, _own)
