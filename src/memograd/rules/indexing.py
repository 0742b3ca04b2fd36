"""Rules of indexing: the cotangent is added at the index, so that repeated indices accumulate.

The rules of ops whose shape depends on values (`masked`, `compress`, `extract`, `trim_zeros`) read
`y`, so that a change of the shape is detected.

Conventions
-----------
`piecewise` applies each function to all of x, whereas NumPy applies it to the elements that are
selected. If a function gives NaN or an infinite derivative elsewhere, give it a safe x there, as
for `where`.
"""

import math
from typing import Any

import numpy as np

from ..arrays.kinds import kind_for, kind_of
from ..arrays.values import find_out_of_range, full
from ..errors import IntegerRangeError
from .broadcasting import unbroadcast
from .pure_registration import constant, elementwise, linear, rule
from .registration import op, set_traits
from .traits import Batching, Storage, Structure

PLAIN_INDEX_TYPES = {int, np.int64, slice, type(None), type(Ellipsis)}
"""Types of index parts that take no element twice; boolean masks take none twice either."""


@op
def getitem(x: Any, *key: Any) -> Any:
    """Return ``x[key]``.

    The parts of the key are operands, so that nodes of integers and booleans may be among them.
    """
    if type(x) is np.ndarray or (kind := kind_of(x)) is None:
        return x[key]
    return kind.getitem(x, key)


@op
def masked(x: Any, *key: Any) -> Any:
    """Return ``x[key]`` with a boolean array in the key.

    The shape depends on values, so the rule reads the output, and an assignment verifies it.
    """
    if type(x) is np.ndarray or (kind := kind_of(x)) is None:
        return x[key]
    return kind.getitem(x, key)


@op
def replace(x: Any, v: Any, *key: Any) -> Any:
    """Return `x` with `v` at `key`; if the key takes an element twice, the last write counts."""
    whole = x.dtype.kind in "iu"
    if (
        whole
        and (beyond := find_out_of_range(v if hasattr(v, "dtype") else np.asarray(v), x.dtype))
        is not None
    ):
        raise IntegerRangeError(
            f"x.at[i].set(v) was given {beyond}, which the {x.dtype} of x does not hold. Give "
            f"integers "
            f"that fit, or take x.astype(dtype) of a wider dtype first."
        )
    kind = kind_of(x)
    y = np.array(x) if kind is None else kind.copy(x)
    y[key] = v
    return y


@op
def last_writes(shape: Any, *key: Any) -> Any:
    """Return the mask of the elements of an assigned value that are not overwritten."""
    writers = np.zeros(shape, int)
    order = np.reshape(np.arange(writers[key].size), writers[key].shape)
    writers[key] = order
    return writers[key] == order


def takes_once(part: Any) -> bool:
    """Return whether a part of an index takes no element twice, whatever its values.

    Masks and parts that are no arrays take none twice.
    """
    if type(part) in PLAIN_INDEX_TYPES:
        return True
    return np.shape(part) == () or np.dtype(bool) == getattr(part, "dtype", None)


def cotangent_of_assignment(g: Any, shape: Any, key: tuple[Any, ...]) -> Any:
    """Return the cotangent of a value that is assigned at `key`.

    Overwritten elements have none.
    """
    taken = getitem(g, *key)
    if all(map(takes_once, key)):
        return taken
    last = last_writes(shape, *key)
    return taken if isinstance(last, np.ndarray) and last.all() else np.where(last, taken, 0)


@op
def scatter(g: Any, shape: Any, *key: Any) -> Any:
    """Return zeros of `shape` with `g` added at `key`: the transpose of `getitem`."""
    if type(shape) is not tuple or type(g) is not np.ndarray:
        kind = kind_for(g, shape)
        if kind is not None:
            return kind.scatter(g, shape, key)
    total = np.zeros(shape, g.dtype)
    if PLAIN_INDEX_TYPES.issuperset(map(type, key)) or all(
        np.asarray(part).dtype == bool for part in key if type(part) not in PLAIN_INDEX_TYPES
    ):
        total[key] = g
    else:
        _add_at(total, key, g)
    return total


MAX_COLUMNS = 16
"""Width of rows up to which adding column by column is faster: 11 times for 3, 4 times for 16."""


def _add_at(total: Any, key: Any, g: Any) -> None:
    """Add `g` at a key with arrays to `total`, which is 0, in the order of the key.

    NumPy's `add.at` takes 1 ns for a number at a place, but 15 ns for one in a row.
    """
    arrays = [part for part in key if type(part) not in PLAIN_INDEX_TYPES]
    index = np.asarray(arrays[0])
    if len(arrays) > 1 or index.ndim != 1 or index.dtype.kind != "i" or not index.size:
        np.add.at(total, key, g)
    elif _takes_each_once(index):
        total[key] = g + np.zeros((), g.dtype)  # -0.0 becomes 0.0
    elif len(key) == 1 and total.ndim == 2 and total.shape[1] <= MAX_COLUMNS:
        for k in range(total.shape[1]):
            np.add.at(total[:, k], index, g[:, k])
    else:
        np.add.at(total, key, g)


MOST_PLACES = 16
"""Places for each index up to which they are counted."""


def _takes_each_once(index: Any) -> bool:
    """Return whether an index is seen to have no place twice.

    Negative places may be others' in disguise. Counts up to a place far beyond the number of
    indices would take longer than adding.
    """
    is_dense = index.min() >= 0 and index.max() <= MOST_PLACES * index.size
    return bool(is_dense and np.bincount(index).max() == 1)


@op
def untrimmed(x: Any, trim: str = "fb", axis: Any = None) -> Any:
    """Return the mask of the elements that `trim_zeros` keeps."""
    kept = np.ones(x.shape, bool)
    for k in range(x.ndim) if axis is None else np.atleast_1d(axis) % x.ndim:
        some = np.any(x, axis=tuple(j for j in range(x.ndim) if j != k), keepdims=True)
        if "f" in trim.lower():
            kept = kept & np.logical_or.accumulate(some, axis=k)
        if "b" in trim.lower():
            kept = kept & np.flip(np.logical_or.accumulate(np.flip(some, k), axis=k), k)
    return kept


@op
def output(values: Any, k: int) -> Any:
    """Return output number k of an op with several outputs."""
    return values[k]


def one_output_cotangent(g: Any, shapes: Any, dtypes: Any, k: int) -> Any:
    """Return the cotangent of a tuple of outputs of which number k alone has one."""
    return tuple(
        g if j == k else full(s, 0, d)
        for j, (s, d) in enumerate(zip(shapes, dtypes, strict=True))
    )


def wrap_indices(indices: Any, n: int, mode: str) -> Any:
    """Return indices as `take` and `choose` read them: wrapped or clipped, by the mode."""
    return (
        indices
        if mode == "raise"
        else np.remainder(indices, n)
        if mode == "wrap"
        else np.clip(indices, 0, n - 1)
    )


def untake(g: Any, shape: Any, indices: Any, axis: Any, mode: str = "raise") -> Any:
    """Return the transpose of `take`: `g` added at the indices."""
    indices = wrap_indices(indices, math.prod(shape) if axis is None else shape[axis], mode)
    if axis is None:
        return np.reshape(scatter(g, (math.prod(shape),), indices), shape)
    return scatter(g, shape, *(slice(None),) * (axis % len(shape)), indices)


def untake_along(g: Any, shape: Any, indices: Any, axis: Any) -> Any:
    """Return the transpose of `take_along_axis`: `g` added at the indices."""
    if axis is None:
        return untake(g, shape, indices, None)
    key = list(np.ix_(*map(range, shape)))
    key[axis] = indices
    return scatter(g, shape, *key)


def where_chosen(g: Any, k: int, xs: Any, mode: str = "raise") -> Any:
    """Return `g` where choice k is taken, counted from 1; operand 0 is the index."""
    return np.where(np.equal(wrap_indices(xs[0], len(xs) - 1, mode), k - 1), g, 0)


def where_selected(g: Any, k: int, xs: Any) -> Any:
    """Return `g` where condition k is the first that holds.

    For the default, it is `g` where no condition holds.
    """
    n = len(xs) // 2
    mine = xs[k - n] if k < 2 * n else True
    for earlier in xs[: k - n]:
        mine = np.logical_and(mine, np.logical_not(earlier))
    return np.where(mine, g, 0)


def undiagonal(g: Any, shape: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return zeros of `shape` with `g` along a diagonal."""
    rows, columns = np.nonzero(np.eye(shape[axis1], shape[axis2], offset))
    rest = [n for k, n in enumerate(shape) if k not in (axis1 % len(shape), axis2 % len(shape))]
    total = scatter(g, (*rest, shape[axis1], shape[axis2]), Ellipsis, rows, columns)
    return np.moveaxis(total, (-2, -1), (axis1, axis2))


linear(getitem,            x=lambda g, x_shape, *key: scatter(g, x_shape, *key))
rule(masked,               x=lambda g, x_shape, y, *key: scatter(g, x_shape, *key), push={"x": lambda t, *key: getitem(t, *key)})
linear(replace,            x=lambda g, *key: replace(g, 0.0, *key),
                           v=lambda g, x_shape, v_shape, *key: unbroadcast(cotangent_of_assignment(g, x_shape, key), v_shape))
linear(scatter,            h=lambda g, *key: getitem(g, *key), shape=None)
linear(np.take,            a=lambda g, a_shape, indices, axis=None, mode="raise": untake(g, a_shape, indices, axis, mode),
                           indices=None)
rule(np.compress,          condition=None,
                           a=lambda g, condition, a_shape, y, axis=None: untake(g, a_shape, np.flatnonzero(condition), axis),
                           push={"a": lambda t, condition, axis=None: np.compress(condition, t, axis)})
rule(np.extract,           condition=None,
                           arr=lambda g, condition, arr_shape, y: untake(g, arr_shape, np.flatnonzero(condition), None),
                           push={"arr": lambda t, condition: np.extract(condition, t)})
rule(np.trim_zeros,        filt=lambda g, filt, filt_shape, y, trim="fb", axis=None:
                           scatter(np.ravel(g), filt_shape, untrimmed(filt, trim, axis)))
elementwise(np.choose,     each=where_chosen)
elementwise(np.select,     each=where_selected)
elementwise(np.piecewise,  each=where_selected)
linear(np.take_along_axis, a=lambda g, a_shape, indices, axis=-1: untake_along(g, a_shape, indices, axis), indices=None)
linear(np.diagonal,        a=lambda g, a_shape, offset=0, axis1=0, axis2=1: undiagonal(g, a_shape, offset, axis1, axis2))
linear(np.diagflat,        v=lambda g, v_shape, k=0: np.reshape(np.diagonal(g, k), v_shape))
linear(np.diag,            a=lambda g, a_shape, k=0: np.diagonal(g, k) if len(a_shape) == 1 else undiagonal(g, a_shape, k))
rule(output,               values=lambda g, values_shape, values_dtype, k: one_output_cotangent(g, values_shape, values_dtype, k), k=None,
                           push={"values": lambda t, k: t[k]})

constant(np.diag_indices_from, np.tril_indices_from, np.triu_indices_from, np.ravel_multi_index, np.unravel_index,
         untrimmed, last_writes)

# traits
set_traits(getitem, replace, scatter, output, np.take, np.take_along_axis, np.diagonal, np.diagflat,
           np.diag, structure=Structure.MOVEMENT)
set_traits(masked, np.compress, np.extract, np.trim_zeros, structure=Structure.DENSE,
           value_dependent=True)
set_traits(np.diag_indices_from, np.tril_indices_from, np.triu_indices_from,
           structure=Structure.CREATION)
set_traits(np.ravel_multi_index, np.unravel_index, structure=Structure.SAME_PLACE)
set_traits(untrimmed, last_writes, structure=Structure.DENSE)
set_traits(replace, scatter, storage=Storage.NEW)
set_traits(getitem, storage=Storage.EITHER, copies_numbers=True)
set_traits(getitem, masked, replace, np.take, np.take_along_axis, np.compress, np.extract,
           np.diagonal, np.diag, np.choose, np.select, np.piecewise, selects=True)
set_traits(np.take, axes=("axis",), batching=Batching.AXIS_OR_FLAT)
set_traits(np.diagonal, axes=("axis1", "axis2"), batching=Batching.AXES, storage=Storage.VIEW)
