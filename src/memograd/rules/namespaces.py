"""Modules in place of a library's, whose functions take lists of nodes, too.

NumPy dispatches on the arguments of a call, but not on the items of lists. The functions made here
do: a node in a list records the call, and the list becomes one operand.

See Also
--------
memograd.rules.node_lists : The operand.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import numpy as np

from .node_lists import LISTS, find_node
from .registration import RULES
from .static_queries import STATIC_QUERIES
from .ufunc_methods import UFUNC_METHODS

TakeOver = Callable[..., Any]
"""`take_over(node, args, kwargs)`: call that a node takes over, as by a protocol of NumPy's."""


def attribute_of(library: Any, name: str, namespace: dict[str, Any]) -> Any:
    """Return an attribute of a library's module for the module in its place.

    It is stored in the namespace, so that Python looks it up once.
    """
    own = found = getattr(library, name)
    if isinstance(own, np.ufunc):
        found = ufunc_of_lists(own)
    elif callable(own) and not isinstance(own, type) and is_recorded(own):
        found = function_of_lists(own)
    if found is not own:  # pickles find it so; and what NumPy's text shows is not taken for ours
        package, _, module = namespace["__name__"].partition(".")
        found.__module__, found.__qualname__ = package, f"{module}.{name}"
    if not name.startswith("_"):
        namespace[name] = found
    return found


def is_recorded(f: Any) -> bool:
    """Return whether a function of nodes is recorded, or answered from the program."""
    return f in RULES or f in STATIC_QUERIES


def function_of_lists(own: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that dispatches on nodes in lists, too.

    The argument of a function of a list of arrays may be an iterator.
    """
    found = looking_into_lists(
        own, lambda node, args, kwargs: node.__array_function__(own, (), args, kwargs)
    )
    if own not in RULES or RULES[own].pulls.each is None:
        return found

    @wraps(own)
    def function(*args: Any, **kwargs: Any) -> Any:
        """Call the function; an iterator is converted to a list."""
        if args and isinstance(args[0], Iterator):
            args = (list(args[0]), *args[1:])
        return found(*args, **kwargs)

    return function


def ufunc_of_lists(own: np.ufunc) -> Callable[..., Any]:
    """Return a function with a ufunc's attributes that dispatches on nodes in lists, too."""

    def take_over_by(method: str) -> TakeOver:
        return lambda node, args, kwargs: node.__array_ufunc__(own, method, *args, **kwargs)

    function = looking_into_lists(own, take_over_by("__call__"))
    for name in dir(own):
        if not name.startswith("_"):
            found = getattr(own, name)
            if name in UFUNC_METHODS or name == "at":
                found = looking_into_lists(found, take_over_by(name))
            setattr(function, name, found)
    return function


def looking_into_lists(own: Callable[..., Any], take_over: TakeOver) -> Callable[..., Any]:
    """Return a function that dispatches on nodes in lists among its arguments."""

    @wraps(own)
    def function(*args: Any, **kwargs: Any) -> Any:
        """Call `take_over` of a node in a list, or the library's function if there is none."""
        for a in args:
            if isinstance(a, LISTS) and (node := find_node(a)) is not None:
                return take_over(node, args, kwargs)
        if kwargs:
            for a in kwargs.values():
                if isinstance(a, LISTS) and (node := find_node(a)) is not None:
                    return take_over(node, args, kwargs)
        return own(*args, **kwargs)

    return function
