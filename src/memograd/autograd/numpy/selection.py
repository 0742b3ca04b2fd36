"""`where` with autograd's conventions: it takes keywords, and gives Python's numbers."""

from typing import Any

import numpy as np

import memograd.numpy as _numpy

from ...arrays.pytrees import tree_leaves
from ...errors import RefusedError
from ...tape.node import Node


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """Choose by a condition as ``np.where``, with autograd's conventions.

    Parameters
    ----------
    condition, x, y
        As NumPy's, also by name; without x and y, the places where the condition holds. Where none
        of them is an array or a node, the result is a Python number or list.

    Examples
    --------
    >>> where(condition=[True, False], x=1.0, y=[2.0, 3.0])
    [1.0, 3.0]
    """
    if (x is None) != (y is None):
        raise RefusedError("np.where chooses between x and y, but got one of them. Give both.")
    if x is None:
        return np.where(condition)
    chosen = np.where(*(_numpy.asarray(a) for a in (condition, x, y)))
    given = tree_leaves((condition, x, y))
    plain = not any(isinstance(a, np.ndarray | np.generic | Node) for a in given)
    return chosen.tolist() if plain else chosen
