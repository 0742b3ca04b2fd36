"""Values: conversion of inputs, read-only storage, comparison, and export to the user."""

from typing import Any

import numpy as np

from ..errors import RefusedError
from .axis_labels import labels_of
from .kinds import KindShape, kind_of, memory_owner, wrap

DOUBLE = np.dtype(np.float64)

_INTEGER_TYPES = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def canonicalize(y: Any) -> Any:
    """Return a result in the form in which memory keeps it.

    0-d arrays become scalars, arrays become read-only, and tuples are converted item by item.
    """
    if type(y) is np.ndarray:
        if y.ndim == 0:
            return y[()]
        y.flags.writeable = False
        return y
    if isinstance(y, np.generic):
        return y
    if isinstance(y, tuple | list):
        items = map(canonicalize, y)
        return type(y)(*items) if hasattr(y, "_fields") else tuple(items)
    if isinstance(y, np.ndarray):
        return canonicalize(as_ndarray(y))
    return y if hasattr(y, "dtype") else canonicalize(np.asarray(y))


def shape_of(y: Any) -> Any:
    """Return the shape of a value; a tuple of shapes for a tuple.

    The shape of an array that is not NumPy's knows its kind.
    """
    if type(y) is np.ndarray:
        return y.shape
    if isinstance(y, tuple):
        return tuple(map(shape_of, y))
    kind = kind_of(y)
    return y.shape if kind is None else KindShape(y.shape, kind, kind.layout(y))


def full(shape: Any, number: Any, dtype: Any) -> Any:
    """Return an array filled with `number`, of the kind and layout that the shape knows."""
    if type(shape) is not tuple:
        return shape.kind.full(shape, number, dtype)
    if shape == ():
        return dtype.type(number)  # the seed of every table of cotangents is such a scalar
    return canonicalize(np.full(shape, number, dtype))


def strip_wrappers(a: Any) -> Any:
    """Return the array of a labelled table, or an array of another kind as the tape records it.

    Anything else is returned as it is.
    """
    return np.asarray(a) if labels_of(a) is not None else wrap(a)


def as_input(value: Any) -> Any:
    """Return a given value as an array; an array of another library is returned as it is."""
    if type(value) is np.ndarray:
        return value
    if type(value) in PLAIN_TYPES:
        return np.asarray(value)
    if isinstance(value, list | tuple):
        check_items(value)
        return np.asarray(value)
    value = value if isinstance(value, np.ndarray) else strip_wrappers(value)
    return as_ndarray(np.asanyarray(value)) if kind_of(value) is None else value


PLAIN_TYPES = frozenset(
    {float, int, bool, complex, str, np.float64, np.float32, np.int64, np.ndarray}
)
"""Types that NumPy may convert to an array without a check of their items."""


def check_items(items: Any) -> None:
    """Raise if a nested list holds an array of a subclass whose meaning NumPy would drop."""
    if not PLAIN_TYPES.issuperset(map(type, items)):
        for item in items:
            if isinstance(item, list | tuple):
                check_items(item)
            elif isinstance(item, np.ndarray):
                as_ndarray(item)


def as_ndarray(a: np.ndarray) -> np.ndarray:
    """Return an array as an instance of `np.ndarray` itself.

    Raises
    ------
    RefusedError
        The array is of a subclass whose meaning would be lost: masked, a matrix, with units.

    Examples
    --------
    >>> type(as_ndarray(np.zeros(2)))
    <class 'numpy.ndarray'>
    """
    if type(a) is np.ndarray:
        return a
    if type(a) is np.memmap:
        return np.asarray(a)
    name = f"{type(a).__module__.partition('.')[0]}.{type(a).__qualname__}"
    if isinstance(a, np.ma.MaskedArray):
        advice = (
            "which has no mask here. Give a.filled(v), a.compressed(), or a.data, "
            "with its mask in np.where"
        )
    elif isinstance(a, np.matrix):
        advice = "whose * and ** are products of matrices. Give np.asarray(a), and write @"
    else:
        advice = (
            "a subclass of np.ndarray whose own meaning, such as units, would be lost. "
            "Give the numbers that you mean: np.asarray(a)"
        )
    raise RefusedError(f"An array of shape {a.shape} is a {name}, {advice}.")


def find_out_of_range(y: Any, dtype: Any) -> Any:
    """Return the first integer in `y` that is outside the range of `dtype`.

    Returns None if all fit, or if one of the dtypes is not an integer one.

    >>> find_out_of_range(np.array([1, 300]), np.dtype(np.int8))
    300
    >>> find_out_of_range(np.array([1.5]), np.dtype(np.int8))
    """
    if y.dtype.kind not in "iu" or dtype.kind not in "iu" or np.can_cast(y.dtype, dtype):
        return None
    if kind_of(y) is not None:  # the elements of a lazy array are not known, so none can be named
        return f"an element of {y.dtype}"
    info = np.iinfo(dtype)
    outside = y[(y < info.min) | (y > info.max)]
    return int(outside.flat[0]) if outside.size else None


def dtype_of(y: Any) -> Any:
    """Return the dtype of a value; a tuple of dtypes for a tuple."""
    return tuple(map(dtype_of, y)) if isinstance(y, tuple) else y.dtype


def is_inexact(dtype: Any) -> bool:
    """Return whether a dtype, or one in a tuple of dtypes, is real or complex floating point."""
    return any(map(is_inexact, dtype)) if type(dtype) is tuple else dtype.kind in "fc"


def frozen_copy(value: Any) -> Any:
    """Return a read-only copy of an array in C order; the array itself if it is immutable.

    An array is immutable if it and all its bases are read-only. The copy of a Dask array shares
    the task graph: setting items of the original replaces the graph of the original only.
    """
    if isinstance(value, np.ndarray):
        if not value.flags.writeable and not _has_writeable_base(value):
            return canonicalize(value)
    elif (kind := kind_of(value)) is not None:
        return kind.copy(value)
    if type(value) is np.ndarray:  # its method is faster than the function, which parses keywords
        return canonicalize(value.copy())
    return canonicalize(np.array(value, order="C", copy=True))


def _has_writeable_base(a: np.ndarray) -> bool:
    """Return whether the memory of `a` can be written through one of its bases."""
    base = a.base
    while isinstance(base, np.ndarray | memoryview):
        if isinstance(base, np.ndarray) and base.flags.writeable:
            return True
        base = base.base if isinstance(base, np.ndarray) else base.obj
    return base is not None  # a foreign buffer, such as a bytearray, may be writeable


def seal_array(value: Any) -> Any:
    """Return a value whose views cannot be made writeable, not even through their `base`.

    An array that owns its memory can always be made writeable again; an array over a read-only
    buffer cannot.
    """
    if type(value) is np.ndarray:
        return value if isinstance(value.base, memoryview) else np.asarray(value.data)
    return tuple(map(seal_array, value)) if isinstance(value, tuple) else value


def owners_of(array: Any) -> list[Any]:
    """Return the objects that own the memory of an array, or of each array in a tuple.

    A lazy array has no owner.
    """
    if isinstance(array, tuple):
        return [owner for item in array for owner in owners_of(item)]
    kind = kind_of(array)
    return [memory_owner(array)] if kind is None else kind.owners(array)


def export(value: Any) -> Any:
    """Return a value in the form that the user gets: a read-only view of a sealed array."""
    return readonly_view(seal_array(value))


def readonly_view(value: Any) -> Any:
    """Return a view of a sealed array, or of each in a tuple.

    Arrays of other libraries are copied, because they have no read-only flag.
    """
    if type(value) is np.ndarray:
        return value.view()
    if isinstance(value, tuple):
        return tuple(map(readonly_view, value))
    kind = kind_of(value)
    return value if kind is None else kind.unwrap(kind.copy(value))


def bitwise_equal(a: Any, b: Any) -> bool:
    """Return whether two values are equal in dtype, shape and bits.

    −0.0 differs from 0.0, and a NaN equals a NaN of the same bits. Arrays of other libraries count
    as different unless they are one object, or their kind knows better without computing anything.

    >>> bitwise_equal(np.float64(0.0), np.float64(-0.0))
    False
    >>> bitwise_equal(np.float64(np.nan), np.float64(np.nan))
    True
    """
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if type(a) is np.float64:
        if a == b:
            return bool(a != 0 or np.signbit(a) == np.signbit(b))
        return bool(a != a and b != b and a.tobytes() == b.tobytes())
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(bitwise_equal, a, b))
    if not isinstance(a, np.ndarray | np.generic):
        kind = kind_of(a)
        return kind is not None and kind.equal(a, b)
    return a.dtype == b.dtype and a.shape == b.shape and _same_bits(np.asarray(a), np.asarray(b))


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two arrays of one dtype and shape have the same bits."""
    if a.dtype.kind == "c":
        return _same_bits(a.real, b.real) and _same_bits(a.imag, b.imag)
    if a.size == 0:
        return True
    unsigned = _INTEGER_TYPES.get(a.dtype.itemsize)
    if unsigned is None:
        return bool(np.array_equal(_long_bytes(a), _long_bytes(b)))
    first = (0,) * a.ndim
    if a[first] != b[first] and a[first] == a[first]:  # most arrays that differ do so at once
        return False
    return bool(np.array_equal(a.view(unsigned), b.view(unsigned)))


def _long_bytes(a: np.ndarray) -> np.ndarray:
    """Return the bytes of long doubles without padding: on x86 only ten of each are used."""
    used = 10 if np.finfo(a.dtype).nmant == 63 else a.dtype.itemsize
    flat = np.ascontiguousarray(a).reshape(-1)
    return flat.view(np.uint8).reshape(-1, a.dtype.itemsize)[:, :used]
