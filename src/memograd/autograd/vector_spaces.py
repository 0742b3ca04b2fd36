"""Vector spaces of arrays and of pytrees of them, as autograd's `vspace` describes them.

A cotangent, a tangent and a value of one argument are in one space.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..arrays.pytrees import children, tree_leaves, tree_map, tree_unflatten, with_children
from ..errors import NotDifferentiableError
from ..tape.node import Node
from ..text import printable
from .conventions import shape_of

REGISTERED: dict[type, Callable[[Any], Any]] = {}
"""Spaces that a program registered, by the type of the value."""


class VSpace:
    """Space of the values that have the structure, shapes and dtypes of one.

    Attributes
    ----------
    shape : tuple of int, or pytree of VSpace
        Of an array, its shape; of a pytree, the spaces of its children.
    size : int
        Number of real coordinates: a complex number has two.
    iscomplex : bool
        Whether it is a space of complex arrays.

    Examples
    --------
    >>> VSpace({'a': np.ones(2), 'b': 1.0j}).size
    4
    """

    def __init__(self, value: Any) -> None:
        self._leaves = [_facts(a) for a in tree_leaves(value)]
        self._nest = tree_unflatten(value, range(len(self._leaves)))

    @classmethod
    def register(cls, value_type: type, maker: Callable[[Any], Any] | None = None) -> None:
        """Let :func:`vspace` of a value of this type give ``maker(value)``."""
        REGISTERED[value_type] = cls if maker is None else maker

    @property
    def shape(self) -> Any:
        """Shape of an array, or the spaces of the children of a pytree."""
        if type(self._nest) is int:
            return self._leaves[0][0]
        inner: Any = children(self.zeros())
        return with_children(self._nest, {key: vspace(a) for key, a in inner.items()})

    @property
    def dtype(self) -> Any:
        """Dtype of an array."""
        return self._leaves[0][1]

    @property
    def ndim(self) -> int:
        """Number of axes of an array."""
        return len(self.shape)

    @property
    def iscomplex(self) -> bool:
        """Return whether it is a space of complex arrays."""
        return type(self._nest) is int and self.dtype.kind == "c"

    @property
    def size(self) -> int:
        """Number of real coordinates."""
        return sum(
            int(np.prod(shape)) * (2 if dtype.kind == "c" else 1) for shape, dtype in self._leaves
        )

    def _fill(self, make: Callable[[Any, Any], Any]) -> Any:
        if type(self._nest) is int:  # one array
            return make(*self._leaves[0])
        return tree_map(lambda k: make(*self._leaves[k]), self._nest)

    def zeros(self) -> Any:
        """Return the zero of the space."""
        return self._fill(np.zeros)

    def ones(self) -> Any:
        """Return the sum of the standard basis: ones, or 1 + 1j."""
        return self._fill(lambda shape, dtype: np.full(shape, _unit(dtype), dtype))

    def randn(self) -> Any:
        """Return a sample of the standard normal distribution, by NumPy's global generator."""
        return self._fill(_normal)

    def standard_basis(self) -> Iterator[Any]:
        """Yield the vectors with one real coordinate 1 and the others 0."""
        for k, (shape, dtype) in enumerate(self._leaves):
            for place in np.ndindex(*shape):
                for unit in (1.0, 1.0j) if dtype.kind == "c" else (1.0,):
                    leaves = tree_leaves(self.zeros())
                    leaves[k] = np.zeros(shape, dtype)
                    leaves[k][place] = unit
                    yield tree_unflatten(self._nest, leaves)

    def add(self, x: Any, y: Any) -> Any:
        """Return x + y."""
        return self._by_leaf(np.add, x, y)

    def mut_add(self, x: Any, y: Any) -> Any:
        """Return x + y; nothing is changed in place, and None stands for zero."""
        return y if x is None else self.add(x, y)

    def scalar_mul(self, x: Any, a: Any) -> Any:
        """Return a · x."""
        return tree_map(lambda part: part * a, x)

    def covector(self, x: Any) -> Any:
        """Return the conjugate of x, whose sum of products with y is the inner product."""
        return tree_map(np.conj, x)

    def inner_prod(self, x: Any, y: Any) -> Any:
        """Return the real part of Σ x̄ · y."""
        products = zip(tree_leaves(x), tree_leaves(y), strict=True)
        return sum(np.real(np.sum(np.conj(a) * b)) for a, b in products)

    def _by_leaf(self, f: Callable[..., Any], *nests: Any) -> Any:
        return tree_unflatten(self._nest, map(f, *map(tree_leaves, nests)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VSpace) and (self._nest, self._leaves) == (
            other._nest,
            other._leaves,
        )

    def __hash__(self) -> int:
        return hash(tuple(self._leaves))

    def __repr__(self) -> str:
        return f"VSpace({self._fill(lambda shape, dtype: f'{dtype} {shape}')})"


def _facts(a: Any) -> tuple[tuple[int, ...], Any]:
    dtype = a.dtype if isinstance(a, np.ndarray | np.generic | Node) else np.asarray(a).dtype
    if dtype.kind not in "fc" and not (isinstance(a, np.ndarray | Node) and dtype.kind in "iub"):
        raise NotDifferentiableError(
            f"{printable(repr(a))}, a {type(a).__name__}, is in no vector space. Give a float, a "
            f"complex number, or an array of them."
        )
    return shape_of(a), dtype


def _unit(dtype: Any) -> Any:
    return 1.0 + 1.0j if dtype.kind == "c" else 1.0


def _normal(shape: tuple[int, ...], dtype: Any) -> Any:
    x = np.asarray(np.random.randn(*shape))
    if dtype.kind == "c":
        x = x + 1.0j * np.asarray(np.random.randn(*shape))
    return x.astype(dtype)


def vspace(value: Any) -> Any:
    """Return the vector space of a value.

    Raises
    ------
    NotDifferentiableError
        It is no float, no complex number, and no array or pytree of them.

    Examples
    --------
    >>> space = vspace({"w": np.zeros((2, 3)), "b": 1.0})
    >>> space.size, space.zeros()["w"].shape
    (7, (2, 3))
    """
    maker = REGISTERED.get(type(value))
    return VSpace(value) if maker is None else maker(value)
