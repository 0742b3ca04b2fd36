"""Python's containers, and its questions about types, asked of what a node stands for.

Lists, tuples and dicts of nodes are plain ones here: autograd's own containers are Python's.
"""

import builtins
from typing import Any

import numpy as np

from ..tape.node import Node

__all__ = ["DictBox", "SequenceBox", "dict", "isinstance", "list", "tuple", "type"]

dict, list, tuple = builtins.dict, builtins.list, builtins.tuple


class SequenceBox:
    """autograd's box of a list or tuple, of which there is none here: they stay as they are."""


class DictBox:
    """autograd's box of a dict, of which there is none here: a dict stays as it is."""


def type(x: Any) -> Any:
    """Return the type of x; for a node, that of the array or the number that it stands for.

    Examples
    --------
    >>> from memograd.autograd import grad
    >>> _ = grad(lambda x: print(type(x).__name__) or x)(1.0)
    float64
    """
    if not builtins.isinstance(x, Node):
        return builtins.type(x)
    return np.ndarray if x.shape else x.dtype.type


def isinstance(x: Any, kind: Any) -> bool:
    """Return whether x is of a type, or of one of a tuple; of a node, what it stands for."""
    if builtins.isinstance(x, Node):
        return issubclass(type(x), kind)
    return builtins.isinstance(x, kind)
