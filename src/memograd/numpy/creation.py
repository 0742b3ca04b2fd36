"""Functions of NumPy's that make arrays, and do not dispatch: compositions of those that do."""

from collections.abc import Callable
from typing import Any

import numpy as _np

from ..errors import RefusedError
from ..rules.node_lists import holds_node, stack_lists, stack_nodes

__all__ = [
    "array",
    "asarray",
    "asanyarray",
    "asarray_chkfinite",
    "ascontiguousarray",
    "asfortranarray",
    "c_",
    "full",
    "full_like",
    "geomspace",
    "linspace",
    "logspace",
    "r_",
]
"""The names that are not NumPy's own."""


def cast(x: Any, dtype: Any) -> Any:
    """Convert x to a dtype; None leaves it as it is."""
    return x if dtype is None or x.dtype == dtype else _np.astype(x, _np.dtype(dtype))


def array(object: Any, dtype: Any = None, *, ndmin: int = 0, **kwargs: Any) -> Any:
    """``np.array``; lists with nodes in them are recorded stacks.

    Parameters
    ----------
    object : array_like
        A node, or a pytree of lists of nodes and numbers.
    dtype : dtype, optional
    ndmin : int
        Axes of length 1 are put in front until there are as many.
    **kwargs
        NumPy's others; of no effect where a node is among `object`, whose value never changes in
        place.

    Examples
    --------
    >>> import memograd as mg, memograd.numpy as np
    >>> a = mg.Tape().leaf(2.0)
    >>> m = np.array([[a, 1.0], [0.0, a * a]])
    >>> float(mg.grad(np.linalg.det(m.value) * 0 + m[0, 0] * m[1, 1], a))
    12.0
    """
    if not holds_node(object):
        return _np.array(object, dtype, ndmin=ndmin, **kwargs)
    x = cast(stack_nodes(object), dtype)
    return _np.reshape(x, (1,) * (ndmin - x.ndim) + x.shape) if ndmin > x.ndim else x


def _converter(own: Callable[..., Any]) -> Callable[..., Any]:
    """Return a converter of NumPy's, which hands nodes on as they are."""

    def converter(a: Any, dtype: Any = None, **kwargs: Any) -> Any:
        return cast(stack_nodes(a), dtype) if holds_node(a) else own(a, dtype, **kwargs)

    converter.__name__ = converter.__qualname__ = own.__name__
    converter.__doc__ = f"""``np.{own.__name__}``; nodes stay nodes, and lists of them are stacked.

    Examples
    --------
    >>> import memograd as mg, memograd.numpy as np
    >>> a = mg.Tape().leaf(2.0)
    >>> np.{own.__name__}([a, 1.0]).value
    array([2., 1.])
    """
    return converter


asarray, asanyarray, asarray_chkfinite = (
    _converter(_np.asarray),
    _converter(_np.asanyarray),
    _converter(_np.asarray_chkfinite),
)
ascontiguousarray, asfortranarray = (
    _converter(_np.ascontiguousarray),
    _converter(_np.asfortranarray),
)


def full(shape: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    """``np.full``; the fill value may be a node.

    Examples
    --------
    >>> import memograd as mg, memograd.numpy as np
    >>> a = mg.Tape().leaf(2.0)
    >>> float(mg.grad(np.sum(np.full((2, 3), a)), a))
    6.0
    """
    if not holds_node(fill_value):
        return _np.full(shape, fill_value, dtype, **kwargs)
    return cast(_np.broadcast_to(stack_nodes(fill_value), shape), dtype)


def full_like(
    a: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None, **kwargs: Any
) -> Any:
    """``np.full_like``; the fill value may be a node.

    Examples
    --------
    >>> import memograd as mg, memograd.numpy as np
    >>> a = mg.Tape().leaf(2.0)
    >>> float(mg.grad(np.sum(np.full_like([1.0, 2.0, 3.0], a)), a))
    3.0
    """
    if not holds_node(fill_value):
        given = {} if shape is None else {"shape": shape}
        (a,) = stack_lists((a,))
        return _np.full_like(a, fill_value, dtype, **given, **kwargs)
    like = stack_nodes(a)
    return full(
        like.shape if shape is None else shape, fill_value, like.dtype if dtype is None else dtype
    )


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    **kwargs: Any,
) -> Any:
    """``np.linspace``; its ends may be nodes.

    Parameters are NumPy's.

    Examples
    --------
    >>> import memograd as mg, memograd.numpy as np
    >>> stop = mg.Tape().leaf(2.0)
    >>> np.linspace(0.0, stop, 5).value
    array([0. , 0.5, 1. , 1.5, 2. ])
    >>> float(mg.grad(np.sum(np.linspace(0.0, stop, 5)), stop))
    2.5
    """
    if not (holds_node(start) or holds_node(stop)):
        own: Any = _np.linspace
        return own(start, stop, num, endpoint, retstep, dtype, axis, **kwargs)
    start, stop = stack_nodes(start), stack_nodes(stop)
    pieces = num - 1 if endpoint else num
    step = (stop - start) / (pieces if pieces else _np.nan)
    k = _np.reshape(_np.arange(num), (num,) + (1,) * step.ndim)
    y = k * (step if pieces else stop - start) + start
    y = _np.where(k == pieces, stop, y) if endpoint and num > 1 else y
    y = cast(_np.moveaxis(y, 0, axis) if axis else y, dtype)
    return (y, step) if retstep else y


def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """``np.logspace``; its ends and its base may be nodes.

    Examples
    --------
    >>> import memograd as mg, memograd.numpy as np
    >>> stop = mg.Tape().leaf(2.0)
    >>> np.logspace(0.0, stop, 3).value
    array([  1.,  10., 100.])
    """
    if not any(map(holds_node, (start, stop, base))):
        return _np.logspace(start, stop, num, endpoint, base, dtype, axis)
    base = _np.expand_dims(stack_nodes(base), axis) if _np.ndim(base) else base
    return cast(_np.power(base, linspace(start, stop, num, endpoint, axis=axis)), dtype)


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """``np.geomspace``; its ends may be nodes, of one sign.

    Examples
    --------
    >>> import memograd as mg, memograd.numpy as np
    >>> stop = mg.Tape().leaf(4.0)
    >>> np.geomspace(1.0, stop, 3).value
    array([1., 2., 4.])
    """
    if not (holds_node(start) or holds_node(stop)):
        return _np.geomspace(start, stop, num, endpoint, dtype, axis)
    start, stop = stack_nodes(start), stack_nodes(stop)
    k = linspace(0.0 * start, _np.log(stop / start), num, endpoint, axis=axis)
    lead = _np.expand_dims(start, axis) if start.ndim else start
    return cast(lead * _np.exp(k), dtype)


class Joined:
    """``np.r_`` and ``np.c_``, which also join nodes.

    Examples
    --------
    >>> import memograd as mg, memograd.numpy as np
    >>> a = mg.Tape().leaf([1.0, 2.0])
    >>> np.r_[a, 3.0].value
    array([1., 2., 3.])
    >>> np.c_[a, a].shape
    (2, 2)
    """

    def __init__(self, own: Any, columns: bool) -> None:
        self.own, self.columns = own, columns

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not any(map(holds_node, parts)):
            return self.own[key]
        if any(isinstance(part, str) for part in parts):
            raise RefusedError(
                "A directive such as '0,2' in np.r_ or np.c_ does not go with nodes. Use "
                "np.concatenate, np.stack or np.column_stack."
            )
        return _np.concatenate([self._arrange(part) for part in parts], -1 if self.columns else 0)

    def _arrange(self, part: Any) -> Any:
        x = self.own[part] if isinstance(part, slice) else stack_nodes(part)
        if self.columns and len(x.shape) < 2:
            return _np.reshape(x, (-1, 1))
        return x if len(x.shape) else _np.reshape(x, (1,))


r_, c_ = Joined(_np.r_, columns=False), Joined(_np.c_, columns=True)
