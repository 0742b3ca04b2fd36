"""What counts as a value: how arrays come in, stay unchanged, compare, and go out."""

from typing import Any

import numpy as np

from ..errors import ArrayKindError
from .axis_labels import labels_of
from .dask_arrays import Chunked, is_chunked
from .duck_arrays import foreign_shape, is_foreign
from .scipy_sparse import unwrap, wrap_matrix

DOUBLE = np.dtype(np.float64)

_INTEGER_TYPES = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def canonicalize(y: Any) -> Any:
    """Return a result as it is kept: 0-d arrays are scalars, arrays are read-only, tuples are
    settled item by item.
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
    """Return the shape of a value, with its chunks or its kind where it has one; a tuple of shapes
    where it is a tuple.
    """
    if type(y) is np.ndarray:
        return y.shape
    if isinstance(y, tuple):
        return tuple(map(shape_of, y))
    if is_chunked(y):
        return Chunked(y.shape, y.chunks)
    return foreign_shape(y) if is_foreign(y) else y.shape


def full(shape: Any, number: Any, dtype: Any) -> Any:
    """Return an array that is `format_number` everywhere, in chunks or of a kind where the shape
    knows them.
    """
    if shape == () and type(shape) is tuple:
        return dtype.type(number)  # the seed of every table is one
    return (
        canonicalize(np.full(shape, number, dtype))
        if type(shape) is tuple
        else shape.full(number, dtype)
    )


def strip_wrappers(a: Any) -> Any:
    """Return a table with labels as its numbers, a sparse array of SciPy's as one that dispatches;
    anything else is what it is.
    """
    return np.asarray(a) if labels_of(a) is not None else wrap_matrix(a)


def as_input(value: Any) -> Any:
    """Return a value that is given, as an array; one of another library is one already."""
    if type(value) is np.ndarray:
        return value
    if type(value) in PLAIN_TYPES:
        return np.asarray(value)
    if isinstance(value, list | tuple):
        check_items(value)
        return np.asarray(value)
    value = value if isinstance(value, np.ndarray) else strip_wrappers(value)
    return value if is_foreign(value) else as_ndarray(np.asanyarray(value))


PLAIN_TYPES = frozenset(
    {float, int, bool, complex, str, np.float64, np.float32, np.int64, np.ndarray}
)
"""What NumPy may make an array of without its being looked at."""


def check_items(items: Any) -> None:
    """Raise if a list, or one in it, holds an array that NumPy would take for a plain one."""
    if not PLAIN_TYPES.issuperset(map(type, items)):
        for item in items:
            if isinstance(item, list | tuple):
                check_items(item)
            elif isinstance(item, np.ndarray):
                as_ndarray(item)


def as_ndarray(a: np.ndarray) -> np.ndarray:
    """Return an array as a plain one; refused where it is of a class that has a meaning of its own,
    which would be lost.

    >>> type(plain(np.zeros(2)))
    <class 'numpy.ndarray'>
    """
    if type(a) is np.ndarray:
        return a
    if type(a) is np.memmap:
        return np.asarray(a)
    name = f"{type(a).__module__.partition('.')[0]}.{type(a).__qualname__}"
    if isinstance(a, np.ma.MaskedArray):
        advice = "which has no mask here. Give a.filled(v), a.compressed(), or a.data, with its mask in np.where"
    elif isinstance(a, np.matrix):
        advice = "whose * and ** are products of matrices. Give np.asarray(a), and write @"
    else:
        advice = "a subclass of np.ndarray whose own meaning, such as units, would be lost. Give the numbers that you mean: np.asarray(a)"
    raise ArrayKindError(f"An array of shape {a.shape} is a {name}, {advice}.")


def exceeding(y: Any, dtype: Any) -> Any:
    """Return the first integer among the elements of `y` that `dtype` does not hold; None where all
    fit, or where dtypes are no integers.

    >>> exceeding(np.array([1, 300]), np.dtype(np.int8)), exceeding(np.array([1.5]), np.dtype(np.int8))
    (300, None)
    """
    if y.dtype.kind not in "iu" or dtype.kind not in "iu" or np.can_cast(y.dtype, dtype):
        return None
    if is_foreign(y):
        return (
            f"an element of {y.dtype}"  # of a graph or of another library's array it is not known
        )
    info = np.iinfo(dtype)
    found = y[(y < info.min) | (y > info.max)]
    return int(found.flat[0]) if found.size else None


def dtype_of(y: Any) -> Any:
    """Return the dtype of a value; a tuple of dtypes where it is a tuple."""
    return tuple(map(dtype_of, y)) if isinstance(y, tuple) else y.dtype


def inexact(dtype: Any) -> bool:
    """Return whether values of this dtype, or of one of these dtypes, have derivatives."""
    return any(map(inexact, dtype)) if type(dtype) is tuple else dtype.kind in "fc"


def frozen_copy(value: Any) -> Any:
    """Return an array as it enters: in C order, read-only, and nobody else's; one that nobody can
    write to is kept as it is.

    The copy of a Dask array is the same graph: setting items of the one gives it another, and
    leaves that of the other.
    """
    if isinstance(value, np.ndarray):
        if not value.flags.writeable and not _writeable_below(value):
            return canonicalize(value)
    elif is_foreign(value):
        return value.copy()
    return canonicalize(np.array(value, order="C", copy=True))


def _writeable_below(a: np.ndarray) -> bool:
    base = a.base
    while isinstance(base, np.ndarray | memoryview):
        if isinstance(base, np.ndarray) and base.flags.writeable:
            return True
        base = base.base if isinstance(base, np.ndarray) else base.obj
    return base is not None  # a buffer of somebody else's, such as a bytearray


def seal_array(value: Any) -> Any:
    """Return a value that can be handed out view by view: nobody can make it writeable again, not
    even through a view's `base`.

    An array that owns its numbers can always be made writeable; one that borrows them from a
    read-only buffer cannot.
    """
    if type(value) is np.ndarray:
        return value if isinstance(value.base, memoryview) else np.asarray(value.data)
    return tuple(map(seal_array, value)) if isinstance(value, tuple) else value


def owners_of(array: Any) -> list[Any]:
    """Return the objects whose buffers an array, or each in a tuple, lies in; none for a Dask
    array, which is a graph.
    """
    if isinstance(array, tuple):
        return [owner for item in array for owner in owners_of(item)]
    if is_chunked(array):
        return []
    owner = array
    while (
        below := owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)
    ) is not None:
        owner = below
    return [owner]


def export(value: Any) -> Any:
    """Return a value as it leaves: a view of a sealed array."""
    return readonly_view(seal_array(value))


def readonly_view(value: Any) -> Any:
    """Return a view of a sealed array, or of each in a tuple; of another library's a copy, whose
    items may be set.
    """
    if type(value) is np.ndarray:
        return value.view()
    if isinstance(value, tuple):
        return tuple(map(readonly_view, value))
    return unwrap(value.copy()) if is_foreign(value) else value


def bitwise_equal(a: Any, b: Any) -> bool:
    """Return whether two values are equal in dtype, shape and bits: −0.0 is not 0.0, and a NaN
    equals the same NaN.

    Dask arrays are equal if their names are: Dask names a graph by what it computes, and nobody
    computes it for this. Those of other libraries are never known to be equal.

    >>> same(np.float64(0.0), np.float64(-0.0)), same(np.float64(np.nan), np.float64(np.nan))
    (False, True)
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
    if is_chunked(a):
        return bool(a.name == b.name)
    if not isinstance(a, np.ndarray | np.generic):
        return False
    return a.dtype == b.dtype and a.shape == b.shape and _same_bits(np.asarray(a), np.asarray(b))


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype.kind == "c":
        return _same_bits(a.real, b.real) and _same_bits(a.imag, b.imag)
    if a.size == 0:
        return True
    whole = _INTEGER_TYPES.get(a.dtype.itemsize)
    if whole is None:
        return bool(np.array_equal(_long_bytes(a), _long_bytes(b)))
    first = (0,) * a.ndim
    if a[first] != b[first] and a[first] == a[first]:
        return False
    return bool(np.array_equal(a.view(whole), b.view(whole)))


def _long_bytes(a: np.ndarray) -> np.ndarray:
    """Return the bytes of long doubles, without the padding that x86 lays behind its ten."""
    used = 10 if np.finfo(a.dtype).nmant == 63 else a.dtype.itemsize
    return (
        np.ascontiguousarray(a).reshape(-1).view(np.uint8).reshape(-1, a.dtype.itemsize)[:, :used]
    )
