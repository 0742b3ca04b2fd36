"""Lists and tuples of nodes in place of an array: each is recorded as one stack."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..arrays.values import PLAIN_TYPES, as_input
from ..errors import RaggedListError

Record = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]

LISTS = (list, tuple)
"""Types that NumPy converts to an array item by item."""


def find_node(x: Any) -> Any:
    """Return x if it is a node or a batch, else the first one in nested lists, else None."""
    if not isinstance(x, LISTS):
        return x if hasattr(type(x), "__memograd_record__") else None
    if PLAIN_TYPES.issuperset(map(type, x)):
        return None
    return next((node for node in map(find_node, x) if node is not None), None)


def holds_node(x: Any) -> bool:
    """Return whether x is a node, or nested lists that hold one."""
    return find_node(x) is not None


def is_list_of_nodes(x: Any) -> bool:
    """Return whether x is a list or a tuple that contains a node."""
    return isinstance(x, LISTS) and find_node(x) is not None


def stack_nodes(x: Any, record: Record | None = None) -> Any:
    """Return x as an operand: nested lists in which there are nodes are stacked, level by level.

    Parameters
    ----------
    x : array_like
        A node, or nested lists of nodes and numbers.
    record : callable, optional
        ``record(op, args, kwargs)`` records the stacks; by default that of the first node in x.

    Raises
    ------
    RaggedListError
        The items of a list have several shapes.

    Examples
    --------
    >>> import memograd as mg
    >>> a = mg.Tape().leaf(2.0)
    >>> stack_nodes([[a, 1.0], (0.0, a)]).value
    array([[2., 1.],
           [0., 2.]])
    """
    node = find_node(x)
    if node is None:
        return as_input(x)
    if node is x:
        return x
    record = record or node.__memograd_record__
    items = [stack_nodes(item, record) for item in x]
    shapes = list(dict.fromkeys(tuple(item.shape) for item in items))
    if len(shapes) > 1:
        raise RaggedListError(
            f"A {type(x).__name__} in which there are nodes makes an array if all its items have "
            f"one shape, but here are {shapes[0]} and {shapes[1]}. Give items of the same shape, "
            f"or join what you mean with np.concatenate."
        )
    return record(np.stack, (items,), {})


def stack_lists(args: Iterable[Any], record: Record | None = None) -> tuple[Any, ...]:
    """Return arguments with a stack in place of each list that contains nodes."""
    return tuple(stack_nodes(a, record) if is_list_of_nodes(a) else a for a in args)
