"""Rules of ops that move elements: the cotangent moves back."""

from typing import Any

import numpy as np

from ..errors import ValueChangedError
from .broadcasting import unbroadcast
from .indexing import scatter
from .operand_shapes import Shapes
from .pure_registration import constant, linear
from .registration import op, set_traits
from .traits import Batching, Storage, Structure


def inverse_permutation(axes: Any) -> Any:
    """Return the axes that undo a transpose; None undoes None."""
    return (
        None if axes is None else tuple(int(k) for k in np.argsort([k % len(axes) for k in axes]))
    )


def reshape_cotangent(g: Any, shape: Any, order: Any) -> Any:
    """Return `g` in a shape; the default order is not passed, because Dask has no other."""
    return np.reshape(g, shape) if order == "C" else np.reshape(g, shape, order=order)


def part_of_concatenation(g: Any, k: int, shapes: Shapes, axis: Any) -> Any:
    """Return the part of a concatenation that came from operand k."""
    if axis is None:
        start, stop = shapes.starts(None)[k : k + 2]
        return np.reshape(g[start:stop], shapes[k])
    axis %= len(shapes[k])
    start, stop = shapes.starts(axis)[k : k + 2]
    return g[(slice(None),) * axis + (slice(start, stop),)]


def stack_layer(g: Any, k: int, axis: int) -> Any:
    """Return the layer of a stack that came from operand k."""
    return g[(slice(None),) * (axis % len(g.shape)) + (k,)]


def vstack_shape(shape: Any) -> Any:
    """Return the shape with which an operand of `vstack` is stacked."""
    return (1, 1, *shape)[-max(2, len(shape)) :]


def column_stack_shape(shape: Any) -> Any:
    """Return the shape with which an operand of `column_stack` is stacked."""
    return (*shape, 1, 1)[: max(2, len(shape))]


@op
def repeated(n: int, repeats: Any) -> Any:
    """Return for each element of a repetition the index of the repeated element, out of `n`."""
    return np.repeat(np.arange(n), repeats)


def hstack_shape(shape: Any) -> Any:
    """Return the shape with which an operand of `hstack` is stacked."""
    return shape or (1,)


def unrepeat(g: Any, shape: Any, repeats: Any, axis: Any) -> Any:
    """Return the sums of `g` over the repetitions of each element."""
    if axis is None:
        size = int(np.prod(shape, dtype=int))
        return np.reshape(unrepeat(g, (size,), repeats, 0), shape)
    axis %= len(shape)
    origin = repeated(shape[axis], repeats)
    if origin.shape[0] != g.shape[axis]:
        raise ValueChangedError(
            f"np.repeat gave {g.shape[axis]} elements along axis {axis} when it was recorded, "
            f"but its repeats "
            f"now ask for {origin.shape[0]}. Its shape is part of the program: record it anew "
            f"with the new repeats."
        )
    return scatter(g, shape, *(slice(None),) * axis, origin)


def untile(g: Any, shape: Any, reps: Any) -> Any:
    """Return the sum of `g` over the tiles."""
    reps = tuple(np.atleast_1d(reps))
    most = max(len(reps), len(shape))
    reps, full = (1,) * (most - len(reps)) + reps, (1,) * (most - len(shape)) + tuple(shape)
    tiled = np.reshape(g, [n for pair in zip(reps, full, strict=True) for n in pair])
    return np.reshape(np.sum(tiled, axis=tuple(range(0, 2 * most, 2))), shape)


# one to one
linear(np.reshape,          a=lambda g, a_shape, shape, order="C": reshape_cotangent(g, a_shape, order))
linear(np.ravel,            a=lambda g, a_shape, order="C": reshape_cotangent(g, a_shape, order))
linear(np.transpose,        a=lambda g, axes=None: np.transpose(g, inverse_permutation(axes)))
linear(np.matrix_transpose, x=lambda g: np.swapaxes(g, -1, -2))
linear(np.swapaxes,         a=lambda g, axis1, axis2: np.swapaxes(g, axis1, axis2))
linear(np.moveaxis,         a=lambda g, source, destination: np.moveaxis(g, destination, source))
linear(np.squeeze,          a=lambda g, a_shape, axis=None: np.reshape(g, a_shape))
linear(np.expand_dims,      a=lambda g, a_shape, axis: np.reshape(g, a_shape))
linear(np.flip,             m=lambda g, axis=None: np.flip(g, axis))
linear(np.fliplr,           m=lambda g: np.fliplr(g))
linear(np.flipud,           m=lambda g: np.flipud(g))
linear(np.roll,             a=lambda g, shift, axis=None: np.roll(g, np.negative(shift), axis))
linear(np.rot90,            m=lambda g, k=1, axes=(0, 1): np.rot90(g, -k, axes))
linear(np.triu,             m=lambda g, m_shape, k=0: unbroadcast(np.triu(g, k), m_shape))
linear(np.tril,             m=lambda g, m_shape, k=0: unbroadcast(np.tril(g, k), m_shape))
linear(np.astype,           x=lambda g: g, dtype=None)
linear(np.copy,             a=lambda g: g)

# many from one
linear(np.broadcast_to,     a=lambda g, a_shape, shape: unbroadcast(g, a_shape))
linear(np.full_like,        a=None, fill_value=lambda g, fill_value_shape: unbroadcast(g, fill_value_shape),
                            push={"fill_value": lambda t: t})
linear(np.tile,             a=lambda g, a_shape, reps: untile(g, a_shape, reps))
linear(np.repeat,           a=lambda g, a_shape, repeats, axis=None: unrepeat(g, a_shape, repeats, axis),
                            repeats=None)
linear(np.split,            a=lambda g, indices_or_sections, axis=0: np.concatenate(g, axis))
linear(np.array_split,      a=lambda g, indices_or_sections, axis=0: np.concatenate(g, axis))
linear(np.vsplit,           a=lambda g, indices_or_sections: np.concatenate(g, 0))
linear(np.hsplit,           a=lambda g, indices_or_sections: np.concatenate(g, min(1, len(g[0].shape) - 1)))
linear(np.unstack,          a=lambda g, axis=0: np.stack(g, axis))

# one from many
linear(np.concatenate,      each=lambda g, k, xs_shape, axis=0: part_of_concatenation(g, k, xs_shape, axis))
linear(np.stack,            each=lambda g, k, axis=0: stack_layer(g, k, axis))
linear(np.vstack,           each=lambda g, k, xs_shape: np.reshape(part_of_concatenation(g, k, xs_shape.change_each(vstack_shape), 0), xs_shape[k]))
linear(np.column_stack,     each=lambda g, k, xs_shape: np.reshape(part_of_concatenation(g, k, xs_shape.change_each(column_stack_shape), 1), xs_shape[k]))
linear(np.hstack,           each=lambda g, k, xs_shape:
                            np.reshape(
                            part_of_concatenation(
                            g, k, xs_shape.change_each(hstack_shape), min(1, len(g.shape) - 1)),
                            xs_shape[k]))

constant(repeated)

# traits
set_traits(np.reshape, np.ravel, np.transpose, np.matrix_transpose, np.swapaxes, np.moveaxis,
           np.squeeze, np.expand_dims, np.flip, np.fliplr, np.flipud, np.roll, np.rot90, np.triu,
           np.tril, np.broadcast_to, np.tile, np.repeat, np.split, np.array_split, np.vsplit,
           np.hsplit, np.unstack, np.concatenate, np.stack, np.vstack, np.column_stack, np.hstack,
           structure=Structure.MOVEMENT)
set_traits(np.astype, np.copy, np.full_like, structure=Structure.SAME_PLACE)
set_traits(repeated, structure=Structure.CREATION)
set_traits(np.copy, np.concatenate, np.stack, storage=Storage.NEW)
set_traits(np.squeeze, np.expand_dims, np.transpose, np.matrix_transpose, np.swapaxes, np.moveaxis,
           np.flip, np.fliplr, np.flipud, np.broadcast_to, storage=Storage.VIEW)
set_traits(np.reshape, np.ravel, storage=Storage.EITHER)
set_traits(np.reshape, np.ravel, np.squeeze, np.expand_dims, np.transpose, keeps_density=True)
set_traits(np.stack, np.concatenate, np.reshape, np.ravel, np.squeeze, np.expand_dims, np.transpose,
           np.broadcast_to, copies_numbers=True)
set_traits(np.repeat, value_dependent=True)
set_traits(np.full_like, reads_shape_only=True, dask_computes=True)
set_traits(np.astype, is_method=True)
set_traits(np.copy, np.astype, np.matrix_transpose, batching=Batching.UNCHANGED)
set_traits(np.flip, np.split, np.array_split, np.unstack, axes=("axis",), batching=Batching.AXES)
set_traits(np.repeat, axes=("axis",), batching=Batching.AXIS_OR_FLAT)
set_traits(np.rot90, axes=("axes",), batching=Batching.AXES)
set_traits(np.swapaxes, axes=("axis1", "axis2"), batching=Batching.AXES)
set_traits(np.moveaxis, axes=("source", "destination"), batching=Batching.AXES)
