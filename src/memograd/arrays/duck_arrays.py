"""Arrays of other libraries: a value may be one, if NumPy's functions dispatch on it.

None of these libraries is imported here. What memograd makes of a shape alone, zeros or a cotangent
that is laid out again, has to be of the same kind, or the next rule would mix two: so the shape of
such an array knows its kind, as that of a Dask array knows its chunks.
"""

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from .sparse_scatter import is_sparse, scatter_sparse

ARRAY_KINDS: dict[type, bool] = {}
"""For each class that was met: whether its instances are arrays of another library."""

LIKES: dict[type, Any] = {}
"""For each of those, an array without elements, for NumPy to dispatch on."""


class Watcher(Protocol):
    """Who wants to know what becomes of them."""

    def met(self, kind: type) -> None:
        """An array of a class that nobody had seen yet."""

    def filled(self, like: Any, d: Any) -> None:
        """The cotangent of a sparse node is dense."""


WATCHERS: list[Watcher] = []


def is_foreign(a: Any) -> bool:
    """Return whether `a` is an array of another library, on which NumPy's functions dispatch.

    >>> is_foreign(np.zeros(2)), is_foreign([1.0])
    (False, False)
    """
    known = ARRAY_KINDS.get(type(a))
    return known if known is not None else _met(type(a))


def _met(kind: type) -> bool:
    ours = issubclass(kind, np.ndarray | np.generic) or hasattr(kind, "__memograd_record__")
    ARRAY_KINDS[kind] = found = (
        not ours and hasattr(kind, "__array_function__") and hasattr(kind, "__array_ufunc__")
    )
    for watcher in WATCHERS if found else ():
        watcher.met(kind)
    return found


class Foreign(tuple[int, ...]):
    """Shape of an array of another library: a tuple like any other that knows the kind of array,
    too.
    """

    like: Any

    def __new__(cls, shape: Iterable[int], like: Any) -> "Foreign":
        """Return the shape of an array of the kind of `like`."""
        made = super().__new__(cls, shape)
        made.like = like
        return made

    def __reduce__(self) -> Any:
        return Foreign, (tuple(self), self.like)

    def full(self, number: Any, dtype: Any) -> Any:
        """Return an array of this shape that is `format_number` everywhere: a dense one, where a
        sparse one would have no zeros to leave out.
        """
        if is_sparse(self.like) and number:
            return np.full(tuple(self), number, dtype)[()]
        return np.full_like(self.like, number, dtype=dtype, shape=tuple(self))

    def conform(self, d: Any) -> Any:
        """Return a cotangent of this shape.

        That of a sparse array may be dense, where its rule makes it so; one number takes no memory.
        """
        if is_sparse(self.like) and isinstance(d, np.ndarray) and any(d.strides):
            for watcher in WATCHERS:
                watcher.filled(self.like, d)
        return d


def scatter_duck(g: Any, shape: tuple[int, ...], key: tuple[Any, ...]) -> Any:
    """Return zeros of a shape with `g` added at `key`, where either is of another library; no zero
    is stored where either is sparse.
    """
    like = shape.like if type(shape) is Foreign else g
    if is_sparse(like):
        return scatter_sparse(like, tuple(shape), g, key)
    total = np.zeros_like(like, dtype=g.dtype, shape=tuple(shape))
    np.add.at(total, key, g)
    return total


def as_kind_of(g: Any, a: np.ndarray) -> Any:
    """`a`, which a rule made of numbers alone, such that it may stand beside `g`: on the same
    device.

    Dask's arrays and sparse ones take NumPy's as they are. A node of such an array has its kind in
    its shape.
    """
    like = g if is_foreign(g) else getattr(g.shape, "like", None)
    return (
        a
        if like is None or is_sparse(like) or hasattr(like, "chunks")
        else np.asarray(a, like=like)
    )


def foreign_shape(y: Any) -> Foreign:
    """Return the shape of an array of another library."""
    like = LIKES.get(type(y))
    if like is None:
        like = LIKES[type(y)] = np.zeros_like(y, shape=(0,))
    return Foreign(y.shape, like)
