"""Functions of single matrices, applied to stacks of them."""

from collections.abc import Callable
from typing import Any

import numpy as np


def over_stacks(f: Callable[..., Any], cores: tuple[int, ...], *arrays: Any) -> Any:
    """Apply a function to each entry of stacks, which broadcast against one another.

    SciPy's own functions do so from version 1.16 on, some of them later.

    Parameters
    ----------
    f : callable
        Function of single vectors or matrices, giving one array.
    cores : tuple of int
        For each array, the number of its last axes that belong to one entry.
    *arrays : array
        The stacks.

    Returns
    -------
    array
        The results, stacked along the same axes.

    Examples
    --------
    >>> import numpy as np
    >>> from memograd.scipy.stacks import over_stacks
    >>> over_stacks(np.dot, (1, 1), np.ones((2, 3)), np.array([1.0, 2.0, 3.0]))
    array([6., 6.])
    """
    leads = [a.shape[: a.ndim - core] for a, core in zip(arrays, cores, strict=True)]
    if not any(leads):
        return f(*arrays)
    lead = np.broadcast_shapes(*leads)
    inner = [a.shape[a.ndim - core :] for a, core in zip(arrays, cores, strict=True)]
    whole = [np.broadcast_to(a, lead + core) for a, core in zip(arrays, inner, strict=True)]
    if 0 in lead:
        single = f(*(np.ones(core, a.dtype) for a, core in zip(arrays, inner, strict=True)))
        return np.zeros(lead + single.shape, single.dtype)
    results = np.stack([f(*(a[i] for a in whole)) for i in np.ndindex(lead)])
    return np.reshape(results, lead + results.shape[1:])
