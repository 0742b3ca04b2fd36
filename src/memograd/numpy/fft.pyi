"""Types of :mod:`memograd.numpy.fft`; see those of :mod:`memograd.numpy`."""

from numpy.fft import fftfreq as fftfreq
from numpy.fft import rfftfreq as rfftfreq

from . import _NodeFunction

fft: _NodeFunction
fft2: _NodeFunction
fftn: _NodeFunction
fftshift: _NodeFunction
hfft: _NodeFunction
ifft: _NodeFunction
ifft2: _NodeFunction
ifftn: _NodeFunction
ifftshift: _NodeFunction
ihfft: _NodeFunction
irfft: _NodeFunction
irfft2: _NodeFunction
irfftn: _NodeFunction
rfft: _NodeFunction
rfft2: _NodeFunction
rfftn: _NodeFunction
