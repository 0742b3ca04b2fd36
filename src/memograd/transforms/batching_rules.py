"""Batching rules: how each function works on all rows of a batch at once.

The rows lie along an additional first axis. So axes are counted from the end, functions of the last
axes are called unchanged, and shapes and indices get the batch axis in front. Elementwise functions
need no rule, because :mod:`memograd.transforms.batched_array` broadcasts their operands row by row.
A function without a rule works row by row.
"""

from functools import reduce
from math import prod
from string import ascii_letters
from types import EllipsisType, NoneType
from typing import Any

import numpy as np

from ..rules.assembling import dstack_shape, roll_range
from ..rules.call_binding import parameters_of
from ..rules.fft import axes_of_transform
from ..rules.indexing import getitem, masked, replace, scatter, undiagonal
from ..rules.linalg import cj, contraction_axes, mT, spell_einsum
from ..rules.registration import traits_of
from ..rules.shaping import column_stack_shape, vstack_shape
from ..rules.traits import Batching, Structure
from ..tape.node import shape_dummy
from .batched_array import (
    BATCHING_RULES,
    RULE_MAKERS,
    BatchedArray,
    BatchingRule,
    align_rows,
    axes_in,
    batches,
    broadcast_rows,
    rows_in,
    rows_of_batch,
    rows_or_self,
    run_op,
)

INTEGER_KINDS = (int, np.integer)


def has_batching_rule(op: Any) -> bool:
    """Return whether an op runs on all rows of a batch at once."""
    traits = traits_of(op)
    is_elementwise = traits.structure is Structure.ELEMENTWISE
    return op in BATCHING_RULES or traits.batching is not None or is_elementwise


# axes by number


def axes_from_end(axis: Any, ndim: int) -> Any:
    """Return axes counted from the end of `ndim` axes; None stands for all of them."""
    if axis is None:
        return tuple(range(-ndim, 0))
    if isinstance(axis, INTEGER_KINDS):
        return int(axis) - ndim if axis >= 0 else int(axis)
    return tuple(axes_from_end(k, ndim) for k in axis)


def by_axes(op: Any) -> BatchingRule:
    """Make the batching rule of a unary function with axes in the keywords of its trait `axes`."""
    defaults, names = parameters_of(op), traits_of(op).axes

    def form(x: Any, *others: Any, **kw: Any) -> Any:
        """Return the batch of results."""
        said = {name: axes_from_end(kw.get(name, defaults[name]), x.ndim) for name in names}
        return NotImplemented if others else batches(run_op(op, (x.values,), {**kw, **said}))

    return form


def by_axis_or_flat(op: Any) -> BatchingRule:
    """Make the batching rule of a function along one axis, or of all elements without one."""
    default = parameters_of(op)["axis"]

    def form(x: Any, *others: Any, axis: Any = default, **kw: Any) -> Any:
        """Return the batch of results."""
        x, axis = (np.ravel(x), 0) if axis is None else (x, axis)
        return batches(run_op(op, (x.values, *others), {**kw, "axis": axes_from_end(axis, x.ndim)}))

    return form


def fft_axes(op: Any) -> BatchingRule:
    """Make the batching rule of a Fourier transform over axes: given, the last `len(s)`, or all."""
    form = by_axes(op)
    return lambda x, s=None, axes=None, **kw: form(
        x, axes=axes_of_transform(x.ndim, s, axes), **kw, **({} if s is None else {"s": s})
    )


def joining(op: Any, more: int) -> BatchingRule:
    """Make the batching rule of a function that joins a list; its result has `more` axes.

    Each item of the list is repeated for all rows.
    """

    def form(*xs: Any, axis: Any = 0, **kw: Any) -> Any:
        """Return the batch of results."""
        xs, axis = (tuple(map(np.ravel, xs)), 0) if axis is None else (xs, axis)
        m = rows_in(xs)
        return batches(
            run_op(
                op,
                tuple(rows_of_batch(x, m) for x in xs),
                {**kw, "axis": axes_from_end(axis, axes_in(xs[0]) + more)},
            )
        )

    return form


def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """Roll each row; one rolled flat gets its shape again."""
    return (
        np.reshape(np.roll(np.ravel(a), shift, 0), a.shape)
        if axis is None
        else BatchedArray(np.roll(a.values, shift, axes_from_end(axis, a.ndim)))
    )


def transpose_rows(a: Any, axes: Any = None) -> Any:
    """Transpose each row; the batch axis stays in front."""
    order = range(a.ndim)[::-1] if axes is None else [k % a.ndim for k in axes]
    return BatchedArray(np.transpose(a.values, (0, *(k + 1 for k in order))))


# on the last axes


def as_it_is(op: Any) -> BatchingRule:
    """Make the batching rule of a function of the last axes, or one that moves no element."""
    return lambda x, *others, **kw: batches(run_op(op, (x.values, *others), kw))


def on_vectors(op: Any) -> BatchingRule:
    """Make the batching rule of a vector product along the last axes unless others are given."""
    return lambda a, b, **kw: (
        NotImplemented if kw else batches(run_op(op, broadcast_rows((a, b)), kw))
    )


# shapes and indices


def as_shape(shape: Any) -> tuple[int, ...]:
    """Return a shape as a tuple, also if it is given as one number."""
    return (int(shape),) if isinstance(shape, INTEGER_KINDS) else tuple(shape)


def reshape_rows(a: Any, shape: Any, order: str = "C") -> Any:
    """Reshape each row, in C order."""
    return (
        BatchedArray(np.reshape(a.values, (len(a.values), *as_shape(shape))))
        if order == "C"
        else NotImplemented
    )


def broadcast_to(a: Any, shape: Any) -> Any:
    """Broadcast each row to the shape."""
    shape = as_shape(shape)
    return BatchedArray(np.broadcast_to(align_rows(a, len(shape)), (len(a.values), *shape)))


def tile(a: Any, reps: Any) -> Any:
    """Tile along each row's axes; the shorter of shape and repeats is padded with ones."""
    reps = as_shape(reps)
    return BatchedArray(
        np.tile(align_rows(a, len(reps)), (1, *reps) if len(reps) > a.ndim else reps)
    )


def pad(a: Any, *values: Any, pad_width: Any, **kw: Any) -> Any:
    """Pad each row; nothing is added along the batch axis."""
    return (
        NotImplemented
        if values
        else BatchedArray(np.pad(a.values, ((0, 0), *(pad_width or ())), **kw))
    )


def has_separate_arrays(key: tuple[Any, ...]) -> bool:
    """Return whether an index separates its arrays, so that NumPy puts their axes first."""
    points = [k for k, part in enumerate(key) if type(part) not in (slice, NoneType, EllipsisType)]
    arrays = any(not isinstance(key[k], INTEGER_KINDS) or isinstance(key[k], bool) for k in points)
    return arrays and points[-1] - points[0] >= len(points)


def index_rows(op: Any) -> BatchingRule:
    """Make the batching rule of `getitem` and `masked`."""
    return lambda x, *key: (
        NotImplemented
        if has_separate_arrays(key)
        else BatchedArray(op(x.values, slice(None), *key))
    )


def ndim_of_index(shape: Any, key: tuple[Any, ...]) -> int:
    """Return the number of axes of what an index takes out of an array of `shape`."""
    return len(np.broadcast_to(np.False_, shape)[tuple(map(shape_dummy, key))].shape)


def add_rows_at(g: Any, shape: Any, *key: Any) -> Any:
    """Add each row's elements into zeros of its own."""
    return (
        NotImplemented
        if has_separate_arrays(key)
        else BatchedArray(scatter(g.values, (len(g.values), *as_shape(shape)), slice(None), *key))
    )


def put_at(x: Any, v: Any, *key: Any) -> Any:
    """Put each row's elements into a copy of `x`, or of its own row of it."""
    if has_separate_arrays(key):
        return NotImplemented
    return BatchedArray(
        replace(
            rows_of_batch(x, rows_in((x, v))),
            align_rows(v, ndim_of_index(np.shape(x), key)),
            slice(None),
            *key,
        )
    )


def take_along(a: Any, indices: Any, axis: Any = -1) -> Any:
    """Take along an axis, by the same indices for all rows."""
    a, axis = (np.ravel(a), 0) if axis is None else (a, axis)
    return BatchedArray(
        np.take_along_axis(a.values, np.expand_dims(indices, 0), axes_from_end(axis, a.ndim))
    )


def diag(a: Any, k: int = 0) -> Any:
    """Take each matrix' diagonal, or put each vector on one."""
    return np.diagonal(a, k) if a.ndim == 2 else undiagonal(a, (len(a) + abs(k),) * 2, k)


def lower_mask(shape: tuple[int, ...], k: int) -> Any:
    """Return the mask of a matrix up to diagonal k; a vector is a matrix of equal rows."""
    n, m = (*shape, *shape)[-2:]
    return np.tri(n, m, k, dtype=bool)


# products, and equations


def single(a: Any, b: Any, shape: tuple[int, ...]) -> Any:
    """Return rows of `shape` from one product of the last axis of all rows of `a` with `b`."""
    m, n = len(a.values), a.shape[-1]
    return BatchedArray(
        np.reshape(np.reshape(a.values, (m * prod(a.shape[:-1]), n)) @ b, (m, *shape))
    )


def matmul(a: Any, b: Any) -> Any:
    """Multiply all rows in one product if the other factor is a single one, as it mostly is."""
    m, n = axes_in(a), axes_in(b)
    if type(b) is not BatchedArray and n <= 2:
        return single(a, b, (*a.shape[:-1], *b.shape[1:]))
    if type(a) is not BatchedArray and m == 2 and b.shape[1:] in ((), (1,)):
        return single(np.ravel(b), mT(a), (a.shape[0], *b.shape[1:]))
    y = BatchedArray(
        np.matmul(*broadcast_rows((a if m > 1 else a[None], b if n > 1 else b[:, None])))
    )
    y = y if n > 1 else y[..., 0]
    return y if m > 1 else y[(..., 0) if n == 1 else (..., 0, slice(None))]


def dot(a: Any, b: Any) -> Any:
    """Multiply numbers, matrices or tensors, by how many axes there are."""
    m, n = axes_in(a), axes_in(b)
    if not m or not n:
        return a * b
    return np.matmul(a, b) if m <= 2 and n <= 2 else np.tensordot(a, b, (m - 1, max(n - 2, 0)))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Contract each row; the batch axis is one more that is not summed over."""
    of_a, of_b = contraction_axes(axes, axes_in(a), axes_in(b))
    if type(a) is type(b):
        return NotImplemented
    if type(a) is BatchedArray:
        return BatchedArray(np.tensordot(a.values, b, ([k + 1 for k in of_a], of_b)))
    return BatchedArray(
        np.moveaxis(
            np.tensordot(a, b.values, (of_a, [k + 1 for k in of_b])), axes_in(a) - len(of_a), 0
        )
    )


def einsum(*xs: Any, subscripts: str, **kw: Any) -> Any:
    """Sum with one more letter, for the batch axis."""
    inputs, out = spell_einsum(subscripts, [axes_in(x) for x in xs])
    own = next(x for x in ascii_letters if x not in ",".join((out, *inputs)))
    terms = [
        own + term if type(x) is BatchedArray else term for term, x in zip(inputs, xs, strict=True)
    ]
    return BatchedArray(np.einsum(f"{','.join(terms)}->{own}{out}", *map(rows_or_self, xs), **kw))


def solve(a: Any, b: Any) -> Any:
    """Solve for all rows' right-hand sides side by side, if the matrix is one for all."""
    if type(a) is not BatchedArray and axes_in(a) == 2 and b.ndim <= 2:
        columns = np.moveaxis(b.values, 0, -1)
        flat = np.reshape(columns, (columns.shape[0], prod(columns.shape[1:])))
        return BatchedArray(np.moveaxis(np.reshape(np.linalg.solve(a, flat), columns.shape), -1, 0))
    y: Any = BatchedArray(
        np.linalg.solve(*broadcast_rows((a, b if axes_in(b) > 1 else b[:, None])))
    )
    return y if axes_in(b) > 1 else y[..., 0]


RULE_MAKERS.update(
    {
        Batching.AXES: by_axes,
        Batching.AXIS_OR_FLAT: by_axis_or_flat,
        Batching.TRANSFORM_AXES: fft_axes,
        Batching.UNCHANGED: as_it_is,
        Batching.VECTORS: on_vectors,
    }
)

BATCHING_RULES[np.concatenate] = joining(np.concatenate, 0)
BATCHING_RULES[np.stack] = joining(np.stack, 1)
BATCHING_RULES[np.rollaxis] = lambda a, axis, start=0: np.moveaxis(
    a, *roll_range(a.shape, axis, start)
)
BATCHING_RULES[np.roll] = roll
BATCHING_RULES[np.transpose] = transpose_rows

# shapes and indices
BATCHING_RULES[np.reshape] = reshape_rows
BATCHING_RULES[np.ravel] = lambda a, order="C": np.reshape(a, -1, order=order)
BATCHING_RULES[np.squeeze] = lambda a, axis=None: np.reshape(
    a, np.squeeze(shape_dummy(a), axis).shape
)
BATCHING_RULES[np.expand_dims] = lambda a, axis: np.reshape(
    a, np.expand_dims(shape_dummy(a), axis).shape
)
BATCHING_RULES[np.broadcast_to] = broadcast_to
BATCHING_RULES[np.tile] = tile
BATCHING_RULES[getitem] = index_rows(getitem)
BATCHING_RULES[masked] = index_rows(masked)
BATCHING_RULES[scatter] = add_rows_at
BATCHING_RULES[replace] = put_at
BATCHING_RULES[np.take_along_axis] = take_along
BATCHING_RULES[np.diag] = diag
BATCHING_RULES[np.diagflat] = lambda v, k=0: np.diag(np.ravel(v), k)
BATCHING_RULES[np.tril] = lambda m, k=0: np.where(lower_mask(m.shape, k), m, 0)
BATCHING_RULES[np.triu] = lambda m, k=0: np.where(lower_mask(m.shape, k - 1), 0, m)
BATCHING_RULES[np.fliplr] = lambda m: np.flip(m, 1)
BATCHING_RULES[np.flipud] = lambda m: np.flip(m, 0)
BATCHING_RULES[np.pad] = pad
BATCHING_RULES[np.append] = lambda arr, values, axis=None: np.concatenate([arr, values], axis)
BATCHING_RULES[np.vstack] = lambda *xs: np.concatenate(
    [np.reshape(x, vstack_shape(np.shape(x))) for x in xs], 0
)
BATCHING_RULES[np.hstack] = lambda *xs: np.concatenate(
    [np.reshape(x, np.shape(x) or (1,)) for x in xs], int(axes_in(xs[0]) > 1)
)
BATCHING_RULES[np.dstack] = lambda *xs: np.concatenate(
    [np.reshape(x, dstack_shape(np.shape(x))) for x in xs], 2
)
BATCHING_RULES[np.column_stack] = lambda *xs: np.concatenate(
    [np.reshape(x, column_stack_shape(np.shape(x))) for x in xs], 1
)
BATCHING_RULES[np.vsplit] = lambda a, indices_or_sections: np.split(a, indices_or_sections, 0)
BATCHING_RULES[np.hsplit] = lambda a, indices_or_sections: np.split(
    a, indices_or_sections, int(a.ndim > 1)
)
BATCHING_RULES[np.dsplit] = lambda a, indices_or_sections: np.split(a, indices_or_sections, 2)

# products, and equations
BATCHING_RULES[np.matmul] = BATCHING_RULES[np.linalg.matmul] = matmul
BATCHING_RULES[np.dot] = dot
BATCHING_RULES[np.tensordot] = BATCHING_RULES[np.linalg.tensordot] = tensordot
BATCHING_RULES[np.einsum] = einsum
BATCHING_RULES[np.inner] = lambda a, b: (
    np.tensordot(a, b, (-1, -1)) if axes_in(a) and axes_in(b) else a * b
)
BATCHING_RULES[np.outer] = BATCHING_RULES[np.linalg.outer] = lambda a, b: (
    np.ravel(a)[:, None] * np.ravel(b)
)
BATCHING_RULES[np.vdot] = lambda a, b: np.sum(cj(np.ravel(a)) * np.ravel(b))
BATCHING_RULES[np.matvec] = lambda a, b: np.matmul(a, b[..., None])[..., 0]
BATCHING_RULES[np.vecmat] = lambda a, b: np.matmul(cj(a)[..., None, :], b)[..., 0, :]
BATCHING_RULES[np.linalg.multi_dot] = lambda *xs: reduce(np.matmul, xs)
BATCHING_RULES[np.linalg.solve] = solve
