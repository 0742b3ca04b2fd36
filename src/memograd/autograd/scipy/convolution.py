"""Convolution along some axes, with others contracted, as autograd has it."""

from typing import Any

import numpy as np

from ...errors import RefusedError
from ...scipy import signal as _own

Axes = tuple[list[int], list[int]]


def convolve(A: Any, B: Any, axes: Any = None, dot_axes: Any = ((), ()), mode: str = "full") -> Any:
    """Convolve along some axes, and contract others.

    Parameters
    ----------
    A, B : array_like
        The operands.
    axes : pair of sequences of int, optional
        Axes of A and of B along which to convolve, in pairs; all of them if not given.
    dot_axes : pair of sequences of int
        Axes of A and of B that are multiplied and summed, in pairs.
    mode : {"full", "valid", "same"}
        Which part of the convolution; "same" is of the size of A.

    Returns
    -------
    array
        Its axes are the other ones of A, the other ones of B, and those of the convolution.

    Examples
    --------
    >>> images, kernels = np.ones((5, 3, 8, 8)), np.ones((3, 4, 2, 2))
    >>> y = convolve(images, kernels, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid")
    >>> y.shape, float(y[0, 0, 0, 0])
    ((5, 4, 7, 7), 12.0)
    """
    if axes is None and not dot_axes[0]:
        return _own.convolve(A, B, mode=mode)
    along: Axes = (list(range(np.ndim(A))),) * 2 if axes is None else axes
    sizes = [(np.shape(A)[i], np.shape(B)[j]) for i, j in zip(*along, strict=True)]
    if mode == "valid" and any(m < n for m, n in sizes):
        if any(m > n for m, n in sizes):
            raise RefusedError(
                f"mode='valid' takes one operand that is the larger one along each axis, but the "
                f"sizes are {sizes}."
            )
        return _swap_others(convolve(B, A, along[::-1], dot_axes[::-1], mode), A, along, dot_axes)
    windows, labels = _windows(A, along[0], sizes, mode)
    return _contract(windows, labels, B, along, dot_axes)


def _windows(A: Any, axes: list[int], sizes: Any, mode: str) -> tuple[Any, list[int]]:
    """Return the parts of A that meet B, on new last axes; and the labels of the others."""
    margins = [(0, 0)] * np.ndim(A)
    for axis, (_, n) in zip(axes, sizes, strict=True):
        margins[axis] = {
            "full": (n - 1, n - 1),
            "same": (n - 1 - (n - 1) // 2, (n - 1) // 2),
            "valid": (0, 0),
        }[mode]
    padded = np.pad(A, margins) if mode != "valid" else A
    for axis, (_, n) in zip(axes, sizes, strict=True):
        places = np.arange(np.shape(padded)[axis] - n + 1)[:, None] + np.arange(n)[::-1]
        padded = np.moveaxis(np.take(padded, places, axis), axis + 1, -1)
    return padded, list(range(np.ndim(A)))


def _contract(windows: Any, labels: list[int], B: Any, along: Axes, dot_axes: Any) -> Any:
    """Return the products of windows with B, summed over the windows and the contracted axes."""
    first = len(labels)
    inside = [first + k for k in range(len(along[0]))]
    others = [first + len(inside) + k for k in range(np.ndim(B))]
    for label, axis in zip(inside, along[1], strict=True):
        others[axis] = label
    for i, j in zip(*dot_axes, strict=True):
        others[j] = labels[i]
    kept = [k for k in labels if k not in (*along[0], *dot_axes[0])]
    kept += [a for j, a in enumerate(others) if j not in (*along[1], *dot_axes[1])]
    return np.einsum(windows, [*labels, *inside], B, others, [*kept, *along[0]])


def _swap_others(y: Any, A: Any, along: Axes, dot_axes: Any) -> Any:
    """Return a convolution of B with A, with the other axes of A before those of B."""
    of_a = np.ndim(A) - len(along[0]) - len(dot_axes[0])
    of_b = np.ndim(y) - of_a - len(along[0])
    order = [*range(of_b, of_b + of_a), *range(of_b), *range(of_a + of_b, np.ndim(y))]
    return np.transpose(y, order)
