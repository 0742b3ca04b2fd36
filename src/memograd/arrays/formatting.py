"""Short text of an array: its numbers if it has only a few, else its shape and largest element."""

from typing import Any

import numpy as np

from .kinds import LazyKind, kind_of


def format_array(a: Any, digits: int = 4, max_elements: int = 4, gap: str = ", ") -> str:
    """Return an array in a few characters.

    Parameters
    ----------
    a : array or tuple of arrays
        The array. A lazy array is not computed, and numbers that are elsewhere are not fetched.
    digits : int
        Number of significant digits of an element.
    max_elements : int
        Largest size of an array of NumPy's whose elements are shown; a scalar is always shown.
    gap : str
        Text between the shape and the largest element of a larger array.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> format_array(np.float64(1 / 3)), format_array(np.arange(3.0))
    ('0.3333', '[0, 1, 2]')
    >>> format_array(np.full((3, 4), -0.5))
    '(3, 4), |max| 0.5'
    """
    if isinstance(a, tuple):
        return "; ".join(format_array(part, digits, max_elements, gap) for part in a)
    kind = kind_of(a)
    if isinstance(kind, LazyKind):
        return kind.describe(a)
    if kind is not None:
        return f"{a.shape}{gap}{kind.class_name(type(a))}"
    if a.shape != () and a.size > max_elements:
        if a.dtype.kind == "b":
            return f"{a.shape}{gap}{np.count_nonzero(a)} true"
        return f"{a.shape}{gap}|max| {np.max(np.abs(a), initial=0):.3g}"
    precision = f".{digits}g" if a.dtype.kind in "fc" else ""
    return np.array2string(
        np.asarray(a), formatter={"all": lambda x: format(x, precision)}, separator=", "
    ).replace("\n", "")


MAX_ROWS_SHOWN = 6
"""Number of rows and of columns up to which a matrix is shown in rows."""


def matrix_rows(a: Any, digits: int = 4) -> list[list[str]]:
    """Return a small matrix as rows of numbers; nothing for any other array.

    Examples
    --------
    >>> matrix_rows(np.array([[1.0, 0.5], [-2.0, 1 / 3]]))
    [['1', '0.5'], ['-2', '0.3333']]
    >>> matrix_rows(np.ones(3)), matrix_rows(np.ones((2, 99)))
    ([], [])
    """
    if not isinstance(a, np.ndarray) or a.ndim != 2 or a.size == 0 or max(a.shape) > MAX_ROWS_SHOWN:
        return []
    return [[format_array(x, digits) for x in row] for row in a]


MAX_ELEMENTS_LISTED = 256
"""Size up to which an array that :func:`format_array` abbreviates is listed in full."""


def format_elements(a: Any, digits: int = 4) -> str:
    """Return all elements of an array in rows, if it is abbreviated on a line and not large.

    Examples
    --------
    >>> print(format_elements(np.array([[1.0, 0.5, 2.0], [-2.0, 1 / 3, 0.0]])))
    [[1, 0.5, 2],
     [-2, 0.3333, 0]]
    >>> format_elements(np.ones(2)), format_elements(np.ones(1000))
    ('', '')
    """
    if not isinstance(a, np.ndarray) or not 4 < a.size <= MAX_ELEMENTS_LISTED:
        return ""
    return np.array2string(
        a, formatter={"all": lambda x: format_array(x, digits)}, separator=", ", max_line_width=200
    )
