"""Dask arrays: which ops are lazy on them, forms of those that Dask lacks, and refusals.

Dask looks up NumPy's functions by name and computes, with a warning, those that it lacks. Nothing
may be computed before the user requests it, so an op is checked before it runs.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from ..errors import ChunksError
from ..text import op_name
from .dask_chunks import (
    as_shape_tuple,
    broadcast_chunks,
    dask_array,
    full_chunks,
    has_unknown_length,
    rechunk,
    scatter_chunks,
    to_chunks,
)
from .kinds import KindShape, LazyKind, register_kind


def broadcast_dask(array: Any, shape: Any) -> Any:
    """Run ``np.broadcast_to`` on a Dask array, in the chunks that the shape knows."""
    if type(shape) is KindShape:
        return broadcast_chunks(array, shape)
    return dask_array().broadcast_to(array, as_shape_tuple(shape))


def svd_dask(a: Any, full_matrices: bool = True) -> Any:
    """Run ``np.linalg.svd`` on a Dask array; Dask has the economic form only."""
    if full_matrices and a.shape[0] != a.shape[1]:
        raise ChunksError(
            f"np.linalg.svd of a Dask array of shape {a.shape} is economic. Ask for that: "
            f"full_matrices=False."
        )
    return dask_array().linalg.svd(a)


DASK_FORMS: dict[Any, Any] = {
    np.astype: lambda x, dtype, **_: x.astype(dtype),
    np.copy: lambda a, **_: a.copy(),
    np.matrix_transpose: lambda x: np.swapaxes(x, -1, -2),
    np.broadcast_to: broadcast_dask,
    np.linalg.svd: svd_dask,
    np.linalg.cholesky: lambda a: dask_array().linalg.cholesky(a, lower=True),
    np.reshape: lambda a, shape: a.reshape(shape),
    np.ravel: lambda a: a.ravel(),
    np.take: lambda a, indices, axis=None: dask_array().take(
        a if axis is not None else a.ravel(), np.asarray(indices), axis or 0
    ),
}
"""Dask forms of the functions that Dask lacks, or whose signatures differ from NumPy's."""


@cache
def has_lazy_form(op: Any) -> bool:
    """Return whether Dask has a lazy form of a function; of ours, their traits tell.

    Dask looks for the same name in its own module, then in a table of aliases.
    """
    module, name = getattr(op, "__module__", None) or "", getattr(op, "__name__", "")
    if op in DASK_FORMS or module.split(".")[0] not in ("numpy", "scipy"):
        return True
    if isinstance(op, np.ufunc):
        return op.nout == 1 or hasattr(dask_array().ufunc, name)
    namespace: Any = dask_array()
    for part in module.split(".")[1:]:
        namespace = getattr(namespace, part, None)
    return getattr(namespace, name, op) is not op or op in dask_array().core._HANDLED_FUNCTIONS


class DaskKind(LazyKind):
    """Kind of Dask's arrays; the layout of their shapes is their chunks."""

    forms = DASK_FORMS

    def recognises(self, cls: type) -> bool:
        """Return whether a class is Dask's array or derived from it."""
        return any(
            base.__name__ == "Array" and base.__module__ == "dask.array.core"
            for base in cls.__mro__
        )

    def layout(self, a: Any) -> Any:
        """Return the chunks of an array."""
        return a.chunks

    def full(self, shape: KindShape, number: Any, dtype: Any) -> Any:
        """Return a lazy array in the chunks of a shape."""
        return full_chunks(shape, number, dtype)

    def conform(self, shape: KindShape, g: Any) -> Any:
        """Return a cotangent in the chunks of its node."""
        return rechunk(shape, g)

    def fit(self, shape: KindShape, a: Any) -> Any:
        """Return a NumPy or Dask array in the chunks of a leaf."""
        return to_chunks(shape, a)

    def equal(self, a: Any, b: Any) -> bool:
        """Return whether both have one name, which Dask derives from the computation."""
        return bool(a.name == b.name)

    def owners(self, a: Any) -> list[Any]:
        """Return no objects: a task graph owns no memory."""
        return []

    def from_numpy(self, a: np.ndarray, like: Any) -> Any:
        """Return a NumPy array as it is: Dask takes both."""
        return a

    def getitem(self, a: Any, key: tuple[Any, ...]) -> Any:
        """Return ``a[key]``; Dask takes lists of integers, but no tuples."""
        return a[tuple(list(part) if isinstance(part, tuple) else part for part in key)]

    def scatter(self, g: Any, shape: Any, key: tuple[Any, ...]) -> Any:
        """Return lazy zeros with `g` added at an index; where a shape has no chunks, Dask's."""
        if type(shape) is not KindShape:
            shape = as_shape_tuple(shape)
            chunks = dask_array().core.normalize_chunks("auto", shape, dtype=g.dtype)
            shape = KindShape(shape, self, chunks)
        return scatter_chunks(dask_array().asarray(g), shape, key)

    def broadcast(self, g: Any, shape: KindShape) -> Any:
        """Broadcast a cotangent in the chunks of its operand."""
        return broadcast_chunks(g, shape)

    def check_op(self, rule: Any, k: int, a: Any) -> None:
        """Raise unless an op runs lazily on the array as its operand k.

        Raises
        ------
        ChunksError
            Dask would compute an argument, or the derivative needs a shape that Dask does not know.
        """
        name = op_name(rule.op)
        operand = f" as operand {k}" if k else ""
        computes = rule.traits.dask_computes or (k and rule.traits.dask_computes_others)
        if computes or not has_lazy_form(rule.op):
            raise ChunksError(
                f"{name} is not recorded on a Dask array{operand}: Dask would compute it, and "
                f"nothing is computed unless it is requested. Write it with other functions, or "
                f"make a leaf of x.value.compute()."
            )
        if has_unknown_length(a.shape) and rule.reads_shape(k):
            raise ChunksError(
                f"{name} met a Dask array of shape {a.shape}, whose chunks have unknown lengths, "
                f"and its derivative needs them. Call compute_chunk_sizes() on it before it "
                f"comes in; in place of a mask, take np.where(mask, x, 0)."
            )

    def describe(self, a: Any) -> str:
        """Return the shape and the number of chunks as text."""
        return f"{a.shape}, {a.npartitions} {'chunk' if a.npartitions == 1 else 'chunks'}"

    def elementwise(self, f: Callable[..., Any], *args: Any) -> Any:
        """Return the lazy array of an elementwise function."""
        return dask_array().core.elemwise(f, *args)

    def persist(self, arrays: list[Any]) -> list[Any]:
        """Return arrays whose chunks the scheduler computes and keeps."""
        return list(import_module("dask").persist(*arrays))

    def is_computed_later(self, a: Any) -> bool:
        """Return whether the graph has more than the chunks."""
        return len(a.dask.layers) > 1


register_kind(DaskKind())
