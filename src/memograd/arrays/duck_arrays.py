"""Duck arrays: arrays of other libraries on which NumPy's functions dispatch.

None of these libraries is imported here. Zeros and cotangents that are built from a shape alone
must be of the same kind as the node, so the shape of a duck array knows its kind, as that of a
Dask array knows its chunks.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from .sparse_scatter import is_sparse, scatter_sparse

ARRAY_KINDS: dict[type, bool] = {}
"""Whether the instances of a class are duck arrays, for each class that was recorded."""

EMPTY_ARRAYS: dict[type, Any] = {}
"""Array without elements for each class of duck arrays: the `like` on which NumPy dispatches."""


def is_duck_array(a: Any) -> bool:
    """Return whether `a` is a duck array.

    >>> is_duck_array(np.zeros(2)), is_duck_array([1.0])
    (False, False)
    """
    known = ARRAY_KINDS.get(type(a))
    return known if known is not None else _register_class(type(a))


def _register_class(kind: type) -> bool:
    """Return whether a new class is one of duck arrays, and remember it."""
    own = issubclass(kind, np.ndarray | np.generic) or hasattr(kind, "__memograd_record__")
    dispatches = hasattr(kind, "__array_function__") and hasattr(kind, "__array_ufunc__")
    ARRAY_KINDS[kind] = is_duck = dispatches and not own
    return is_duck


class DuckShape(tuple[int, ...]):
    """Shape of a duck array: a tuple with an attribute `like`, an empty array of its kind."""

    like: Any

    def __new__(cls, shape: Iterable[int], like: Any) -> "DuckShape":
        """Return the shape of an array of the kind of `like`."""
        instance = super().__new__(cls, shape)
        instance.like = like
        return instance

    def __reduce__(self) -> Any:
        return DuckShape, (tuple(self), self.like)

    def full(self, number: Any, dtype: Any) -> Any:
        """Return an array of this shape filled with `number`.

        It is of this kind, except that a sparse array without zeros is dense instead.
        """
        if is_sparse(self.like) and number:
            return np.full(tuple(self), number, dtype)[()]
        return np.full_like(self.like, number, dtype=dtype, shape=tuple(self))

    def conform(self, d: Any) -> Any:
        """Return a cotangent unchanged: any kind of array will do."""
        return d


def scatter_duck(g: Any, shape: tuple[int, ...], key: tuple[Any, ...]) -> Any:
    """Return zeros with `g` added at `key`, of the kind of the shape or else of `g`.

    The result is sparse if that kind is.
    """
    like = shape.like if type(shape) is DuckShape else g
    if is_sparse(like):
        return scatter_sparse(like, tuple(shape), g, key)
    total = np.zeros_like(like, dtype=g.dtype, shape=tuple(shape))
    np.add.at(total, key, g)
    return total


def as_kind_of(g: Any, a: np.ndarray) -> Any:
    """Return the NumPy array `a` in the kind of `g`, so that one op can take both.

    `g` is an array or a node, whose shape knows its kind. Dask and sparse arrays accept NumPy
    arrays as they are; others, such as those on a device, do not.
    """
    like = g if is_duck_array(g) else getattr(g.shape, "like", None)
    if like is None or is_sparse(like) or hasattr(like, "chunks"):
        return a
    return np.asarray(a, like=like)


def duck_shape(y: Any) -> DuckShape:
    """Return the shape of a duck array, with its kind."""
    like = EMPTY_ARRAYS.get(type(y))
    if like is None:
        like = EMPTY_ARRAYS[type(y)] = np.zeros_like(y, shape=(0,))
    return DuckShape(y.shape, like)
