"""scipy.signal: `convolve` for nodes; everything else is SciPy's own."""

from typing import Any

import numpy as np

from ..rules.indexing import scatter
from ..rules.pure_registration import multilinear
from ..rules.registration import op, set_traits
from ..rules.traits import Structure
from ..text import import_scipy

_signal = import_scipy("scipy.signal")

__all__ = ["convolve"]


def __getattr__(name: str) -> Any:
    return getattr(_signal, name)


def __dir__() -> list[str]:
    return sorted({*dir(_signal), *__all__})


@op
def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """Convolve two arrays as ``scipy.signal.convolve`` does.

    The call is recorded if a node is among the arguments.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import signal
    >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> mg.grad(np.sum(signal.convolve(x, [1.0, 10.0], mode="valid")), x)
    array([10., 11.,  1.])
    """
    return _signal.convolve(in1, in2, mode, method)


def whole(g: Any, a: Any, b: Any, mode: str) -> Any:
    """Embed `g`, the cotangent of a convolution of shapes a and b, in that of the full one."""
    if mode == "full" or not a:
        return g
    full = tuple(m + n - 1 for m, n in zip(a, b, strict=True))
    begin = [(n - k) // 2 for n, k in zip(full, g.shape, strict=True)]
    return scatter(g, full, *(slice(s, s + k) for s, k in zip(begin, g.shape, strict=True)))


def pull_convolution(g: Any, other: Any, a: Any, b: Any, mode: str, method: str) -> Any:
    """Return the cotangent of one operand: `g` correlated with the other."""
    return convolve(whole(g, a, b, mode), np.flip(other), "valid" if a else "full", method)


multilinear(
    convolve,
    in1=lambda g, in1_shape, in2, in2_shape, mode="full", method="auto": pull_convolution(
        g, in2, in1_shape, in2_shape, mode, method
    ),
    in2=lambda g, in1, in1_shape, in2_shape, mode="full", method="auto": pull_convolution(
        g, in1, in1_shape, in2_shape, mode, method
    ),
)
set_traits(convolve, structure=Structure.STENCIL)
