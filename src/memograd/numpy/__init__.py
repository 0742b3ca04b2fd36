"""NumPy, with the functions that do not dispatch by themselves.

Write ``import memograd.numpy as np``; nothing else changes.

Almost all of NumPy hands a call over to the nodes among its arguments. Two things it does not do
are done here; without a node the functions are NumPy's.

1. **Lists of nodes.** Where a function takes an array, ``np.sum([a[0], 3 * a[1]])``,
   ``np.linalg.norm((a, b))``, ``np.add.reduce([a, b])``, it takes a list or a tuple in which there
   are nodes, numbers and arrays of one shape, nested as deep as you like: it is recorded as
   ``np.stack`` of its items. Functions of a list of arrays, such as ``np.stack`` itself, also take
   an iterator. This module's functions look into the lists; NumPy's own do not, unless another
   argument is a node: ``np.dot(x, [a, b])``, ``x * [a, b]``. So ``np.ones(2) * [a, b]``, of an
   array and a list, is refused, with the advice to write ``np.multiply`` or ``np.stack``.
2. **Functions that make arrays.** ``np.array([a, b])``, ``np.r_[a, b]``, ``np.linspace(a, b)``
   stand here as compositions of functions that are recorded.

Items of several shapes raise :class:`memograd.errors.RaggedListError`; nodes of several tapes,
:class:`memograd.errors.OtherTapeError`.

Examples
--------
>>> import memograd as mg, memograd.numpy as np
>>> x = mg.Tape().leaf([3.0, 4.0])
>>> mg.grad(np.linalg.norm([x[0], 2.0 * x[1]]) ** 2, x)
array([ 6., 32.])
"""

import importlib
from typing import Any

import numpy as _np

from ..rules.namespaces import attribute_of
from .creation import *  # noqa: F403
from .creation import __all__ as OWN  # noqa: N812

INNER = ("fft", "linalg")
"""The modules of NumPy's that take lists of nodes, too."""

__all__ = [*(name for name in _np.__all__ if name not in OWN), *OWN]


# NumPy's names come into this namespace, `any` and `sum` too: no other function stands here.


def __getattr__(name: str) -> Any:
    if name in INNER:
        return importlib.import_module(f"{__name__}.{name}")
    return attribute_of(_np, name, globals())


def __dir__() -> list[str]:
    return sorted({*dir(_np), *OWN})
