"""Batches: m arrays of one shape, which a VJP rule processes in one call.

A rule is plain NumPy on its cotangent `g`. If `g` is a `BatchedArray`, its m rows lie along an
additional first axis. Each function that the rule calls works on all rows at once if it has a
batching rule in :mod:`memograd.transforms.batching_rules`; otherwise that function alone works row
by row. So one recursion computes a single cotangent or all rows of a Jacobian, on arrays and on
nodes.
"""

from collections.abc import Callable, Iterable
from math import prod
from typing import Any

import numpy as np

from ..errors import RefusedError
from ..rules.indexing import getitem, masked
from ..rules.registration import rule_of
from ..rules.static_queries import STATIC_QUERIES
from ..rules.traits import Batching, Structure
from ..rules.ufunc_methods import UFUNC_METHODS
from ..tape.node import Node, is_boolean_index, shape_dummy

BatchingRule = Callable[..., Any]
"""Of an op's call in canonical form, in which batches stand: the batch of its results."""

BATCHING_RULES: dict[Any, BatchingRule] = {}
"""For each op that has one. A rule may give NotImplemented: it has no way for such a call."""

RULE_MAKERS: dict[Batching, Callable[[Any], BatchingRule]] = {}
"""For each trait `batching`, the function that makes the rule of an op."""


def _binary(op: Any) -> Callable[["BatchedArray", Any], Any]:
    return lambda self, other: apply_batched(op, (self, other), {})


def _right_batch_operator(op: Any) -> Callable[["BatchedArray", Any], Any]:
    return lambda self, other: apply_batched(op, (other, self), {})


def _method(op: Any) -> Callable[..., Any]:
    """Return an array method that calls the NumPy function of the same name."""
    return lambda self, *args, **kwargs: op(self, *args, **kwargs)


def _refusing(what: str) -> Callable[..., Any]:
    """Return a method that refuses a conversion which only a single array has."""

    def refuse(self: "BatchedArray", *args: Any, **kwargs: Any) -> Any:
        raise RefusedError(
            f"{what} was asked of a batch of rows, in a line that is given many cotangents at "
            f"once. Write the line with NumPy's "
            f"functions, np.where in the place of `if`, so that it works on all of them."
        )

    return refuse


class BatchedArray:
    """Batch of m arrays of one shape, which a VJP rule processes as one array.

    Attributes
    ----------
    values : array or Node
        Of shape ``(m, *shape)``.
    """

    __slots__ = ("values",)

    def __init__(self, values: Any) -> None:
        self.values = values

    def __repr__(self) -> str:
        return f"<memograd batch: {len(self.values)} rows, {self.dtype} {self.shape}>"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of each row."""
        return self.values.shape[1:]  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        """Dtype of each row."""
        return self.values.dtype

    @property
    def ndim(self) -> int:
        """Number of axes of each row."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements of each row."""
        return prod(self.shape)

    # NumPy's protocols, and ours

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            return apply_batched(ufunc, inputs, kwargs)
        meant = UFUNC_METHODS[method](ufunc) if method in UFUNC_METHODS else None
        return NotImplemented if meant is None else meant(*inputs, **kwargs)

    def __array_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if func in STATIC_QUERIES:
            return func(*map(shape_dummy, args), **kwargs)
        return self.__memograd_record__(func, args, kwargs)

    def __memograd_record__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return apply_batched(op, *rule_of(op).bind(args, kwargs))

    def __memograd_apply__(
        self, op: Any, operands: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        """Apply an op to a canonical call; the tape calls this for batches beside nodes."""
        return apply_batched(op, operands, keywords)

    # operators

    __add__, __radd__ = _binary(np.add), _right_batch_operator(np.add)
    __sub__, __rsub__ = _binary(np.subtract), _right_batch_operator(np.subtract)
    __mul__, __rmul__ = _binary(np.multiply), _right_batch_operator(np.multiply)
    __truediv__, __rtruediv__ = _binary(np.divide), _right_batch_operator(np.divide)
    __matmul__, __rmatmul__ = _binary(np.matmul), _right_batch_operator(np.matmul)
    __pow__, __rpow__ = _binary(np.power), _right_batch_operator(np.power)

    def __neg__(self) -> Any:
        return apply_batched(np.negative, (self,), {})

    def __getitem__(self, key: Any) -> Any:
        parts = key if type(key) is tuple else (key,)
        return apply_batched(
            masked if any(map(is_boolean_index, parts)) else getitem, (self, *parts), {}
        )

    def __len__(self) -> int:
        return self.shape[0]

    __array__, __bool__, __float__ = (
        _refusing("np.asarray()"),
        _refusing("A truth value"),
        _refusing("float()"),
    )

    # array methods

    sum, mean, reshape, ravel, squeeze, swapaxes = map(
        _method, (np.sum, np.mean, np.reshape, np.ravel, np.squeeze, np.swapaxes)
    )
    transpose, conj, astype, repeat, take = map(
        _method, (np.transpose, np.conj, np.astype, np.repeat, np.take)
    )
    cumsum, diagonal, trace, dot, copy = map(
        _method, (np.cumsum, np.diagonal, np.trace, np.dot, np.copy)
    )
    T, real, imag = (
        property(_method(np.transpose)),
        property(_method(np.real)),
        property(_method(np.imag)),
    )
    mT = property(_method(np.matrix_transpose))


def apply_batched(op: Any, operands: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Apply an op to operands that include batches: by its batching rule, or row by row."""
    rule = BATCHING_RULES.get(op)
    if rule is None:
        traits = rule_of(op).traits
        if traits.structure is Structure.ELEMENTWISE:
            return batches(run_op(op, broadcast_rows(operands), keywords))
        if traits.batching is None:
            return apply_row_by_row(op, operands, keywords)
        rule = BATCHING_RULES[op] = RULE_MAKERS[traits.batching](op)
    result = rule(*operands, **keywords)
    return apply_row_by_row(op, operands, keywords) if result is NotImplemented else result


def run_op(op: Any, operands: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Apply an op to a canonical call: batch it, record it or compute it, by its operands."""
    kinds = {type(x): x for x in operands}
    if BatchedArray in kinds:
        return apply_batched(op, operands, keywords)
    if Node in kinds:
        tape = kinds[Node].tape
        return tape.record(op, operands, tape.bind_keywords(op, keywords))
    return rule_of(op).run(operands, keywords)


def batches(y: Any) -> Any:
    """Wrap stacked results, each as a batch."""
    return tuple(map(BatchedArray, y)) if isinstance(y, tuple | list) else BatchedArray(y)


def apply_row_by_row(op: Any, operands: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Apply the op to one row after the other."""
    m = rows_in(operands)
    ys = [
        run_op(op, tuple(x.values[i] if type(x) is BatchedArray else x for x in operands), keywords)
        for i in range(m)
    ]
    if isinstance(ys[0], tuple | list):
        return tuple(BatchedArray(np.stack(y)) for y in zip(*ys, strict=True))
    return BatchedArray(np.stack(ys))


# what forms are made of


def rows_in(operands: Iterable[Any]) -> int:
    """Return the number of rows of the batches among the operands."""
    return next(len(x.values) for x in operands if type(x) is BatchedArray)


def rows_or_self(x: Any) -> Any:
    """Return all rows of a batch as one array; anything else as it is."""
    return x.values if type(x) is BatchedArray else x


def axes_in(x: Any) -> int:
    """Return the number of axes of an operand."""
    return x.ndim if hasattr(x, "ndim") else np.ndim(x)


def align_rows(x: Any, ndim: int) -> Any:
    """Insert axes of length 1 into a batch's rows, to broadcast against `ndim` axes."""
    if type(x) is not BatchedArray:
        return x
    return (
        x.values
        if x.ndim >= ndim
        else np.reshape(x.values, (len(x.values), *(1,) * (ndim - x.ndim), *x.shape))
    )


def broadcast_rows(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """Align the operands such that they broadcast against each other, row by row."""
    ndim = max(map(axes_in, operands))
    return tuple(align_rows(x, ndim) for x in operands)


def rows_of_batch(x: Any, m: int) -> Any:
    """Return the rows of a batch; m equal ones of anything else."""
    return x.values if type(x) is BatchedArray else np.broadcast_to(x, (m, *np.shape(x)))
