"""Rules of Fourier transforms.

Fourier transforms are linear, and the matrices of complex ones are symmetric, so that the cotangent
gets the same transform. A real transform omits the redundant half of a complex one. Its cotangent
is padded with zeros before it is transformed, and a real operand gets the real part. An inverse
real transform counts each element of the stored half twice, except the first and a middle one.
"""

from typing import Any

import numpy as np

from .pure_registration import linear
from .registration import set_traits
from .traits import Batching, Structure


def pad_or_cut(g: Any, shape: Any) -> Any:
    """Cut or zero-pad `g` to `shape`."""
    for k, n in enumerate(shape):
        if g.shape[k] > n:
            g = g[(slice(None),) * k + (slice(n),)]
        elif g.shape[k] < n:
            g = np.concatenate(
                [g, np.zeros((*g.shape[:k], n - g.shape[k], *g.shape[k + 1 :]), g.dtype)], k
            )
    return g


def last_axis(a_shape: Any, s: Any, axes: Any) -> tuple[int, int]:
    """Return the axis that a real transform halves, and its length before."""
    axis = -1 if axes is None else axes[-1]
    return axis, int(a_shape[axis] if s is None or s[-1] in (None, -1) else s[-1])


def axes_of_transform(ndim: int, s: Any, axes: Any) -> list[int]:
    """Return the transformed axes: `axes` if given, else the last `len(s)`, else all."""
    return list(axes) if axes is not None else list(range(-(ndim if s is None else len(s)), 0))


def full_transform(g: Any, a_shape: Any, s: Any, axes: Any, norm: Any) -> Any:
    """Return the complex transform of `g`, whose last transformed axis holds one half."""
    _, n = last_axis(a_shape, s, axes)
    axes = axes_of_transform(len(a_shape), s, axes)
    return pad_or_cut(np.fft.fftn(g, [*(g.shape[k] for k in axes[:-1]), n], axes, norm), a_shape)


def double_half(g: Any, a_shape: Any, axis: int, n: int) -> Any:
    """Return the first half of `g` along `axis`, with elements doubled that represent two.

    The full length of the axis is n. The result has the shape of the operand.
    """
    times = np.full(n // 2 + 1, 2.0, np.finfo(g.dtype).dtype)
    times[0] = 1
    times[(n + 1) // 2 :] = 1
    axis %= len(a_shape)
    half = g[(slice(None),) * axis + (slice(n // 2 + 1),)]
    return pad_or_cut(half * np.reshape(times, (-1, *(1,) * (len(a_shape) - axis - 1))), a_shape)


def half_inverse(g: Any, a_shape: Any, s: Any, axes: Any, norm: Any) -> Any:
    """Return the inverse transform of `g` as the cotangent of an operand that stores one half."""
    axes = axes_of_transform(len(a_shape), s, axes)
    return double_half(np.fft.ifftn(g, axes=axes, norm=norm), a_shape, axes[-1], g.shape[axes[-1]])


def as_one_axis(n: Any) -> Any:
    """Return the argument `s` of a transform over one axis, given its length n."""
    return None if n is None else (n,)


# complex
linear(np.fft.fft,    a=lambda g, a_shape, n=None, axis=-1, norm=None: pad_or_cut(np.fft.fft(g, None, axis, norm), a_shape))
linear(np.fft.ifft,   a=lambda g, a_shape, n=None, axis=-1, norm=None: pad_or_cut(np.fft.ifft(g, None, axis, norm), a_shape))
linear(np.fft.fft2,   a=lambda g, a_shape, s=None, axes=(-2, -1), norm=None: pad_or_cut(np.fft.fftn(g, None, axes, norm), a_shape))
linear(np.fft.ifft2,  a=lambda g, a_shape, s=None, axes=(-2, -1), norm=None: pad_or_cut(np.fft.ifftn(g, None, axes, norm), a_shape))
linear(np.fft.fftn,   a=lambda g, a_shape, s=None, axes=None, norm=None:
                      pad_or_cut(
                      np.fft.fftn(g, None, axes_of_transform(len(a_shape), s, axes), norm),
                      a_shape))
linear(np.fft.ifftn,  a=lambda g, a_shape, s=None, axes=None, norm=None:
                      pad_or_cut(
                      np.fft.ifftn(g, None, axes_of_transform(len(a_shape), s, axes), norm),
                      a_shape))

# real
linear(np.fft.rfft,   a=lambda g, a_shape, n=None, axis=-1, norm=None: full_transform(g, a_shape, as_one_axis(n), (axis,), norm))
linear(np.fft.rfft2,  a=lambda g, a_shape, s=None, axes=(-2, -1), norm=None: full_transform(g, a_shape, s, axes, norm))
linear(np.fft.rfftn,  a=lambda g, a_shape, s=None, axes=None, norm=None: full_transform(g, a_shape, s, axes, norm))
linear(np.fft.irfft,  a=lambda g, a_shape, n=None, axis=-1, norm=None: half_inverse(g, a_shape, as_one_axis(n), (axis,), norm))
linear(np.fft.irfft2, a=lambda g, a_shape, s=None, axes=(-2, -1), norm=None: half_inverse(g, a_shape, s, axes, norm))
linear(np.fft.irfftn, a=lambda g, a_shape, s=None, axes=None, norm=None: half_inverse(g, a_shape, s, axes, norm))
linear(np.fft.hfft,   a=lambda g, a_shape, n=None, axis=-1, norm=None:
                      double_half(np.fft.fft(g, None, axis, norm), a_shape, axis, g.shape[axis]))
linear(np.fft.ihfft,  a=lambda g, a_shape, n=None, axis=-1, norm=None:
                      pad_or_cut(
                      np.fft.ifft(g, last_axis(a_shape, as_one_axis(n), (axis,))[1], axis, norm),
                      a_shape))

# order
linear(np.fft.fftshift,  x=lambda g, axes=None: np.fft.ifftshift(g, axes))
linear(np.fft.ifftshift, x=lambda g, axes=None: np.fft.fftshift(g, axes))

# traits
set_traits(np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft,
           structure=Structure.ALONG_AXIS, axes=("axis",), batching=Batching.AXES)
set_traits(np.fft.fft2, np.fft.ifft2, np.fft.rfft2, np.fft.irfft2, structure=Structure.DENSE,
           axes=("axes",), batching=Batching.AXES)
set_traits(np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn, structure=Structure.DENSE,
           axes=("axes",), batching=Batching.TRANSFORM_AXES)
set_traits(np.fft.fftshift, np.fft.ifftshift, structure=Structure.MOVEMENT, axes=("axes",),
           batching=Batching.AXES)
