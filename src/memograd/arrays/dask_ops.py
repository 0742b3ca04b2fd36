"""Ops on Dask arrays: which are lazy, how those are written that Dask lacks, and which are refused
because Dask would compute.

Dask runs NumPy's functions by names of its own, and what it does not know it computes, with a
warning. Nothing is computed that nobody asked for, so that is found out before an op is run.
"""

from functools import cache
from typing import Any

import numpy as np

from ..errors import ChunksError
from ..text import op_name
from .dask_arrays import Chunked, as_shape, dask_array, is_chunked, is_unknown


def log_of_sum(a: Any, axis: Any, keepdims: bool = False, where: Any = True, b: Any = 1) -> Any:
    """Return the logarithm of a sum of b·exp(a), of which NumPy has only a ufunc's method and SciPy
    a function that computes.
    """
    a = a if where is True else np.where(where, a, -np.inf)
    top = np.max(a, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    y = np.log(np.sum(b * np.exp(a - top), axis=axis, keepdims=True)) + top
    return y if keepdims else np.sum(y, axis=axis)


def getitem_dask(x: Any, key: tuple[Any, ...]) -> Any:
    """``x[key]`` of a Dask array, which takes lists, but no tuples, for integers to pick."""
    return x[tuple(list(part) if isinstance(part, tuple) else part for part in key)]


def dask_broadcast_to(array: Any, shape: Any) -> Any:
    """``np.broadcast_to``, in the chunks of the shape where it knows some."""
    return (
        shape.broadcast_cotangent(array)
        if type(shape) is Chunked
        else dask_array().broadcast_to(array, as_shape(shape))
    )


def economic_svd(a: Any, full_matrices: bool = True) -> Any:
    """``np.linalg.svd``, of which Dask has the economic form alone."""
    if full_matrices and a.shape[0] != a.shape[1]:
        raise ChunksError(
            f"np.linalg.svd of a Dask array of shape {a.shape} is economic. Ask for that: "
            f"full_matrices=False."
        )
    return dask_array().linalg.svd(a)


def check_lazy(rule: Any, args: list[Any]) -> None:
    """Raise if an op would compute a Dask array among its arguments, or if its derivative needs a
    shape that Dask does not know.
    """
    for k, a in enumerate(args):
        if not is_chunked(a):
            continue
        name = op_name(rule.op)
        if not runs_lazily(rule.op) or (k and rule.op in FIRST_ALONE):
            raise ChunksError(
                f"{name} is not recorded on a Dask array{f' as operand {k}' if k else ''}: Dask "
                f"would compute it, and nothing is computed "
                f"that nobody asked for. Write it with other functions, or make a leaf of "
                f"x.value.compute()."
            )
        if is_unknown(a.shape) and rule.reads_shape(k):
            raise ChunksError(
                f"{name} met a Dask array of shape {a.shape}, whose chunks have unknown "
                f"lengths, and its derivative needs them. Call "
                f"compute_chunk_sizes() on it before it comes in; in place of a mask, take "
                f"np.where(mask, x, 0)."
            )


DASK_FORMS: dict[Any, Any] = {
    np.astype: lambda x, dtype, **_: x.astype(dtype),
    np.copy: lambda a, **_: a.copy(),
    np.matrix_transpose: lambda x: np.swapaxes(x, -1, -2),
    np.broadcast_to: dask_broadcast_to,
    np.linalg.svd: economic_svd,
    np.linalg.cholesky: lambda a: dask_array().linalg.cholesky(a, lower=True),
    np.reshape: lambda a, shape: a.reshape(shape),
    np.ravel: lambda a: a.ravel(),
    np.take: lambda a, indices, axis=None: dask_array().take(
        a if axis is not None else a.ravel(), np.asarray(indices), axis or 0
    ),
}
"""Functions that Dask lacks, or calls otherwise than NumPy: how they are written for it."""


def lazy_form(op: Any, compute: Any) -> Any:
    """`compute`, which runs `op`, in the form that suits its first argument."""
    if op not in DASK_FORMS:
        return compute
    form = DASK_FORMS[op]
    return lambda *args, **kwargs: (form if is_chunked(args[0]) else compute)(*args, **kwargs)


@cache
def runs_lazily(op: Any) -> bool:
    """Return whether Dask has a form of `op`, found as Dask finds it: under the same name in its
    own module, or by a table of aliases.
    """
    module, name = getattr(op, "__module__", None) or "", getattr(op, "__name__", "")
    if op in EAGER:
        return False
    if module in ("memograd.rules.special", "memograd.rules.special_stable"):
        return name in ("logsumexp", "softmax", "log_softmax")
    if op in DASK_FORMS or module.split(".")[0] not in ("numpy", "scipy"):
        return True
    if isinstance(op, np.ufunc):
        return op.nout == 1 or hasattr(dask_array().ufunc, name)
    found: Any = dask_array()
    for part in module.split(".")[1:]:
        found = getattr(found, part, None)
    return getattr(found, name, op) is not op or op in dask_array().core._HANDLED_FUNCTIONS


EAGER: frozenset[Any] = frozenset(
    {
        np.median,
        np.nanmedian,
        np.quantile,
        np.nanquantile,
        np.percentile,
        np.nanpercentile,
        np.full_like,
        np.linspace,
        np.delete,
        np.cov,
        np.ediff1d,
    }
)
"""What Dask has a form of, but one that computes, that is another function than NumPy's, or whose
derivative would compute.
"""


FIRST_ALONE: frozenset[Any] = frozenset({np.diff, np.pad, np.insert})
"""Functions of which Dask computes the arguments after the first."""
