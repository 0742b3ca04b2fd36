"""Array kinds: what the library must know of arrays that are not NumPy's.

Each kind is an instance of :class:`ArrayKind` that its module registers. Everything else asks
:func:`kind_of`, and the shape of a node, so a kind is added in one module of this folder. No
library is imported for it: a caller that passes an array has imported the array's library.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray


class ArrayKind:
    """Kind of arrays on which NumPy's functions dispatch, such as those on a device.

    The methods serve any such array; a kind that needs something else overrides them.

    Attributes
    ----------
    is_lazy : bool
        Whether the arrays are computations whose numbers are not known yet.
    forms : dict of callable to callable
        Own forms of ops, which take the arguments of the op.
    """

    is_lazy = False
    forms: ClassVar[dict[Any, Callable[..., Any]]] = {}

    def __reduce__(self) -> Any:
        return kind_of_class, (type(self),)

    def recognises(self, cls: type) -> bool:
        """Return whether the instances of a class are of this kind."""
        return hasattr(cls, "__array_function__") and hasattr(cls, "__array_ufunc__")

    def class_name(self, cls: type) -> str:
        """Return the name of a class in messages: its library and its name."""
        return f"{cls.__module__.partition('.')[0]}.{cls.__name__}"

    def wrap(self, a: Any) -> Any:
        """Return a given array in the form in which the tape records it."""
        return a

    def unwrap(self, a: Any) -> Any:
        """Return a recorded array in the form in which it was given."""
        return a

    def layout(self, a: Any) -> Any:
        """Return what the shape of an array must know, so that others are made like it.

        That is an array without elements, one for each class: it keeps no array that came in.
        """
        like = EMPTY_ARRAYS.get(type(a))
        if like is None:
            like = EMPTY_ARRAYS[type(a)] = np.zeros_like(a, shape=(0,))
        return like

    def full(self, shape: "KindShape", number: Any, dtype: Any) -> Any:
        """Return an array of a shape filled with `number`."""
        return np.full_like(shape.layout, number, dtype=dtype, shape=tuple(shape))

    def conform(self, shape: "KindShape", g: Any) -> Any:
        """Return a cotangent in the layout of its node; here any will do."""
        return g

    def fit(self, shape: "KindShape", a: Any) -> Any:
        """Return a value for a leaf of this shape; None if it is of another class."""
        return a if type(a) is type(shape.layout) else None

    def held_name(self, shape: "KindShape") -> str:
        """Return the name of the class of the arrays of a shape."""
        return self.class_name(type(shape.layout))

    def copy(self, a: Any) -> Any:
        """Return a copy that later writes into `a` do not change."""
        return a.copy()

    def equal(self, a: Any, b: Any) -> bool:
        """Return whether two arrays of one class are known to have equal bits."""
        return False

    def owners(self, a: Any) -> list[Any]:
        """Return the objects that own the memory of an array."""
        return [memory_owner(a)]

    def from_numpy(self, a: np.ndarray, like: Any) -> Any:
        """Return an array of NumPy's so that one op can take it together with `like`."""
        return np.asarray(a, like=like)

    def getitem(self, a: Any, key: tuple[Any, ...]) -> Any:
        """Return ``a[key]``."""
        return a[key]

    def scatter(self, g: Any, shape: Any, key: tuple[Any, ...]) -> Any:
        """Return zeros of a shape with `g` added at an index."""
        like = shape.layout if type(shape) is KindShape else g
        total = np.zeros_like(like, dtype=g.dtype, shape=tuple(shape))
        np.add.at(total, key, g)
        return total

    def broadcast(self, g: Any, shape: "KindShape") -> Any:
        """Broadcast a cotangent to the shape of its operand."""
        return np.broadcast_to(g, shape)

    def check_op(self, rule: Any, k: int, a: Any) -> None:
        """Raise if an op with this rule cannot run on `a` as its operand k."""


class LazyKind(ArrayKind):
    """Kind of arrays that are computations, which a scheduler runs when the user asks for it."""

    is_lazy = True

    def describe(self, a: Any) -> str:
        """Return an array in a few characters, without its numbers."""
        raise NotImplementedError

    def elementwise(self, f: Callable[..., Any], *args: Any) -> Any:
        """Return the lazy array of an elementwise function of arrays and numbers."""
        raise NotImplementedError

    def persist(self, arrays: list[Any]) -> list[Any]:
        """Return arrays whose numbers the scheduler keeps."""
        raise NotImplementedError

    def is_computed_later(self, a: Any) -> bool:
        """Return whether an array is computed from others when it is asked for."""
        raise NotImplementedError


class KindShape(tuple[int, ...]):
    """Shape of an array that is not NumPy's: a tuple that knows the kind and the layout.

    Zeros and cotangents are built from shapes alone, and must be of the kind of their node.
    """

    kind: ArrayKind
    layout: Any

    def __new__(cls, shape: Iterable[int], kind: ArrayKind, layout: Any) -> "KindShape":
        """Return the shape of an array of a kind and layout."""
        instance = super().__new__(cls, shape)
        instance.kind, instance.layout = kind, layout
        return instance

    def __reduce__(self) -> Any:
        return KindShape, (tuple(self), self.kind, self.layout)


EMPTY_ARRAYS: dict[type, Any] = {}
"""Array without elements for each class: the `like` on which NumPy dispatches."""

KINDS: list[ArrayKind] = []
"""Registered kinds; the last is asked first, because a kind that extends another comes later."""

KINDS_IN_USE: set[ArrayKind] = set()
"""Kinds of which an array was met: programs of NumPy's arrays alone need not check their ops."""


class KindsByClass(dict[type, ArrayKind | None]):
    """Kind of the instances of each class that was met; None for NumPy's and what is no array."""

    def __missing__(self, cls: type) -> ArrayKind | None:
        own = issubclass(cls, np.ndarray | np.generic) or hasattr(cls, "__memograd_record__")
        kind = None if own else next((k for k in reversed(KINDS) if k.recognises(cls)), None)
        self[cls] = kind
        if kind is not None:
            KINDS_IN_USE.add(kind)
        return kind


KINDS_BY_CLASS = KindsByClass()


def register_kind(kind: ArrayKind) -> None:
    """Register a kind of arrays; it is asked before those that are registered already."""
    KINDS.append(kind)
    KINDS_BY_CLASS.clear()


def kind_of_class(cls: type[ArrayKind]) -> ArrayKind:
    """Return the registered kind of a class, whose arrays a pickle brings in."""
    kind = next(kind for kind in KINDS if type(kind) is cls)
    KINDS_IN_USE.add(kind)
    return kind


def kind_of(a: Any) -> ArrayKind | None:
    """Return the kind of an array; None for NumPy's arrays and for what is no array.

    >>> kind_of(np.zeros(2)), kind_of([1.0])
    (None, None)
    """
    return KINDS_BY_CLASS[type(a)]


def lazy_kind(*args: Any) -> LazyKind | None:
    """Return the kind of the first lazy array among the arguments.

    >>> lazy_kind(np.zeros(2), 1.0)
    """
    for a in args:
        kind = KINDS_BY_CLASS[type(a)]
        if kind is not None and isinstance(kind, LazyKind):
            return kind
    return None


def memory_owner(a: Any) -> Any:
    """Return the object that owns the memory of an array, which may be a view of views."""
    while (base := a.obj if isinstance(a, memoryview) else getattr(a, "base", None)) is not None:
        a = base
    return a


def kind_for(g: Any, shape: Any) -> ArrayKind | None:
    """Return the kind of an array of `shape` that is made of `g`.

    That is the kind of a lazy `g`; else that of the shape, if it knows one.
    """
    kind = kind_of(g)
    if type(shape) is not KindShape or (kind is not None and kind.is_lazy):
        return kind
    return shape.kind


def wrap(a: Any) -> Any:
    """Return a given array in the form in which the tape records it."""
    kind = kind_of(a)
    return a if kind is None else kind.wrap(a)


def unwrap(a: Any) -> Any:
    """Return a recorded array in the form in which it was given."""
    kind = kind_of(a)
    return a if kind is None else kind.unwrap(a)


def as_kind_of(g: Any, a: np.ndarray) -> Any:
    """Return the NumPy array `a` in the kind of `g`, so that one op can take both.

    `g` is an array or a node, whose shape knows its kind.
    """
    kind = kind_of(g)
    if kind is not None:
        return kind.from_numpy(a, g)
    shape = g.shape
    return shape.kind.from_numpy(a, shape.layout) if type(shape) is KindShape else a


def full_as(g: Any, shape: Any, number: int) -> Any:
    """Return an array of a shape filled with `number`, of the kind and dtype of `g`.

    >>> full_as(np.zeros(2, np.float32), (1, 2), 1)
    array([[1., 1.]], dtype=float32)
    """
    return as_kind_of(g, np.full(shape, number, g.dtype))


def with_forms(op: Any, compute: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that runs a kind's own form of an op on its arrays, else `compute`."""
    forms = dict[ArrayKind | None, Any]({k: k.forms[op] for k in KINDS if op in k.forms})
    if not forms:
        return compute

    def run(*args: Any, **kwargs: Any) -> Any:
        """Run the form of the first argument's kind."""
        if type(args[0]) is not ndarray:  # spares NumPy's arrays two look-ups: 80 ns
            return forms.get(kind_of(args[0]), compute)(*args, **kwargs)
        return compute(*args, **kwargs)

    return run


def check_op(rule: Any, args: list[Any]) -> None:
    """Raise if an op cannot run on one of its operands; a kind says which ops its arrays have."""
    for k, a in enumerate(args):
        kind = kind_of(a)
        if kind is not None:
            kind.check_op(rule, k, a)


register_kind(ArrayKind())
