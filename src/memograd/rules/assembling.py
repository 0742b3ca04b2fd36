"""Rules of ops that insert elements, or assemble several arrays."""

from math import prod
from typing import Any

import numpy as np

from .broadcasting import unbroadcast
from .indexing import scatter, untake
from .operand_shapes import Shapes
from .pure_registration import linear, rule
from .registration import RULES, set_traits
from .shaping import part_of_concatenation
from .traits import Structure


def output_cotangents(g: Any) -> Any:
    """Return the cotangents of the outputs as a tuple.

    An op over several arrays that is called with one array has one output, not a tuple.
    """
    return g if isinstance(g, tuple) else (g,)


def unpad(g: Any, shape: Any, pad_width: Any, mode: Any) -> Any:
    """Return the transpose of `pad`: copies are added to the elements that they copy."""
    inner = tuple(
        slice(before, before + n) for (before, _), n in zip(pad_width or (), shape, strict=True)
    )
    if mode == "constant":
        return g[inner]
    origin = np.pad(np.reshape(np.arange(prod(shape)), shape), pad_width, mode)
    return np.reshape(scatter(g, (prod(shape),), origin), shape)


def unpad_values(g: Any, pad_width: Any, shape: Any) -> Any:
    """Return the cotangent of the values that `pad` adds at both ends of each axis.

    The corners belong to later axes.
    """
    sides = []
    for k, (before, after) in enumerate(pad_width):
        inner = g[
            (slice(None),) * (k + 1)
            + tuple(slice(m, g.shape[j] - n) for j, (m, n) in enumerate(pad_width) if j > k)
        ]
        lead = (slice(None),) * k
        sides += [
            np.sum(inner[(*lead, slice(0, before))]),
            np.sum(inner[(*lead, slice(g.shape[k] - after, None))]),
        ]
    return unbroadcast(np.reshape(np.stack(sides), (len(pad_width), 2)), shape)


def length_along(shape: Any, axis: Any) -> int:
    """Return the number of elements along `axis`; for None, of all axes."""
    return prod(shape) if axis is None else int(shape[axis])


def number_insertions(whole: int, n: int, obj: Any) -> Any:
    """Return 0 for each old element along the axis of an `insert`, else its number.

    The result of the insertion into n elements has `whole` elements. Inserted ones count from 1.
    """
    return np.insert(np.zeros(n, int), obj, 1 + np.arange(whole - n))


def uninsert(g: Any, shape: Any, obj: Any, axis: Any) -> Any:
    """Return the cotangent of the array into which `insert` inserts."""
    k = axis or 0
    old = np.flatnonzero(np.equal(number_insertions(g.shape[k], length_along(shape, axis), obj), 0))
    return np.reshape(np.take(g, old, k), shape)


def uninsert_values(g: Any, shape: Any, values_shape: Any, obj: Any, axis: Any) -> Any:
    """Return the cotangent of the inserted values.

    For a single index, NumPy takes values along their first axis.
    """
    k, n = axis or 0, length_along(shape, axis)
    d = np.take(g, np.argsort(number_insertions(g.shape[k], n, obj), kind="stable")[n:], k)
    return unbroadcast(
        np.moveaxis(d, k, 0) if np.ndim(obj) == 0 and not isinstance(obj, slice) else d,
        values_shape,
    )


def unresize(g: Any, shape: Any) -> Any:
    """Return the cotangent of the array that `resize` repeats."""
    n = prod(shape)
    return (
        np.reshape(scatter(np.ravel(g), (n,), np.arange(prod(g.shape)) % n), shape)
        if n
        else np.zeros(shape, g.dtype)
    )


def unblock(g: Any, k: int, xs_shape: Any, nest: Any) -> Any:
    """Return the block of `g` that came from operand k."""
    if 0 in xs_shape[k]:
        return np.zeros(xs_shape[k], g.dtype)
    mine = np.argwhere(
        RULES[np.block].run([np.full(s, j == k) for j, s in enumerate(xs_shape)], {"nest": nest})
    )
    return np.reshape(
        g[
            tuple(
                slice(int(low), int(high) + 1) for low, high in zip(mine[0], mine[-1], strict=True)
            )
        ],
        xs_shape[k],
    )


def unmesh(g: Any, k: int, shapes: Any, indexing: str) -> Any:
    """Return the cotangent of a coordinate of `meshgrid`: summed over the other axes."""
    swapped = indexing == "xy" and len(shapes) > 1 and k < 2
    own = 1 - k if swapped else k
    return np.reshape(
        np.sum(g[k], axis=tuple(j for j in range(len(shapes)) if j != own)), shapes[k]
    )


def roll_range(a_shape: Any, axis: int, start: int) -> tuple[int, int]:
    """Return the old and the new position of the axis that `rollaxis` moves."""
    n = len(a_shape)
    axis, start = axis % n, start + n if start < 0 else start
    return axis, start - (axis < start)


def dstack_shape(shape: Any) -> Any:
    """Return the shape with which an operand of `dstack` is stacked."""
    return {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}.get(len(shape), shape)


# around and between
rule(np.pad,                a=lambda g, a_shape, pad_width, mode="constant", reflect_type="even": unpad(g, a_shape, pad_width, mode),
                            constant_values=lambda g, pad_width, constant_values_shape: unpad_values(g, pad_width, constant_values_shape),
                            push={"a": lambda t, pad_width, mode="constant": np.pad(t, pad_width, mode)})
linear(np.append,           arr=lambda g, arr_shape, values_shape, axis=None: part_of_concatenation(g, 0, Shapes((arr_shape, values_shape)), axis),
                            values=lambda g, arr_shape, values_shape, axis=None: part_of_concatenation(g, 1, Shapes((arr_shape, values_shape)), axis))
linear(np.delete,           arr=lambda g, arr_shape, obj, axis=None:
                            untake(g, arr_shape, np.delete(np.arange(length_along(arr_shape, axis)),
                            obj), axis))
linear(np.insert,           arr=lambda g, arr_shape, obj, axis=None: uninsert(g, arr_shape, obj, axis),
                            values=lambda g, arr_shape, values_shape, obj, axis=None:
                            uninsert_values(g, arr_shape, values_shape, obj, axis))
linear(np.resize,           a=lambda g, a_shape: unresize(g, a_shape), new_shape=None)
linear(np.rollaxis,         a=lambda g, a_shape, axis, start=0: np.moveaxis(g, *roll_range(a_shape, axis, start)[::-1]))
linear(np.dsplit,           a=lambda g, indices_or_sections: np.concatenate(g, 2))

# several arrays
linear(np.block,            each=unblock)
linear(np.dstack,           each=lambda g, k, xs_shape: np.reshape(part_of_concatenation(g, k, xs_shape.change_each(dstack_shape), 2), xs_shape[k]))
linear(np.broadcast_arrays, each=lambda g, k, xs_shape: unbroadcast(output_cotangents(g)[k], xs_shape[k]))
linear(np.meshgrid,         each=lambda g, k, xs_shape, indexing="xy", sparse=False: unmesh(g, k, xs_shape, indexing))
linear(np.ix_,              each=lambda g, k, xs_shape: np.reshape(g[k], xs_shape[k]))
for at_least in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
    linear(at_least,        each=lambda g, k, xs_shape: np.reshape(output_cotangents(g)[k], xs_shape[k]))

# traits
set_traits(np.pad, np.append, np.delete, np.insert, np.resize, np.rollaxis, np.dsplit, np.block,
           np.dstack, np.broadcast_arrays, np.meshgrid, np.ix_, np.atleast_1d, np.atleast_2d,
           np.atleast_3d, structure=Structure.MOVEMENT)
set_traits(np.delete, dask_computes=True)
set_traits(np.pad, np.insert, dask_computes_others=True)
