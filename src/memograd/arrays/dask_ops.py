"""Ops on Dask arrays: which are lazy, replacements for those that Dask lacks, and refusals.

Dask looks up NumPy's functions by name and computes, with a warning, those that it lacks. Nothing
may be computed before the user requests it, so an op is checked before it runs.
"""

from functools import cache
from typing import Any

import numpy as np

from ..errors import ChunksError
from ..text import op_name
from .dask_arrays import ChunkedShape, as_shape_tuple, dask_array, has_unknown_length, is_dask_array


def log_of_sum(a: Any, axis: Any, keepdims: bool = False, where: Any = True, b: Any = 1) -> Any:
    """Return the logarithm of the sum of b·exp(a), lazily.

    NumPy has only a method of a ufunc for it, and SciPy's function computes Dask arrays.

    Parameters
    ----------
    a : array
        The exponents.
    axis : int, tuple of int or None
        The axes to sum over.
    keepdims : bool
        Whether the summed axes stay, with length 1.
    where : array of bool or True
        The elements to include.
    b : array
        The factors of the exponentials.

    Returns
    -------
    array
        The logarithm, of the kind of `a`.
    """
    a = a if where is True else np.where(where, a, -np.inf)
    top = np.max(a, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    y = np.log(np.sum(b * np.exp(a - top), axis=axis, keepdims=True)) + top
    return y if keepdims else np.sum(y, axis=axis)


def getitem_dask(x: Any, key: tuple[Any, ...]) -> Any:
    """Return ``x[key]`` of a Dask array, which accepts lists of integers but not tuples."""
    return x[tuple(list(part) if isinstance(part, tuple) else part for part in key)]


def dask_broadcast_to(array: Any, shape: Any) -> Any:
    """Run ``np.broadcast_to`` on a Dask array, in the chunks that the shape knows."""
    if type(shape) is ChunkedShape:
        return shape.broadcast_cotangent(array)
    return dask_array().broadcast_to(array, as_shape_tuple(shape))


def svd_dask(a: Any, full_matrices: bool = True) -> Any:
    """Run ``np.linalg.svd`` on a Dask array; Dask has the economic form only."""
    if full_matrices and a.shape[0] != a.shape[1]:
        raise ChunksError(
            f"np.linalg.svd of a Dask array of shape {a.shape} is economic. Ask for that: "
            f"full_matrices=False."
        )
    return dask_array().linalg.svd(a)


def check_lazy(rule: Any, args: list[Any]) -> None:
    """Raise unless an op runs lazily on the Dask arrays among its arguments.

    Raises
    ------
    ChunksError
        Dask would compute an argument, or the derivative needs a shape that Dask does not know.
    """
    for k, a in enumerate(args):
        if not is_dask_array(a):
            continue
        name = op_name(rule.op)
        operand = f" as operand {k}" if k else ""
        computes = rule.traits.dask_computes or (k and rule.traits.dask_computes_others)
        if computes or not runs_lazily(rule.op):
            raise ChunksError(
                f"{name} is not recorded on a Dask array{operand}: Dask would compute it, and "
                f"nothing is computed that nobody asked for. Write it with other functions, or "
                f"make a leaf of x.value.compute()."
            )
        if has_unknown_length(a.shape) and rule.reads_shape(k):
            raise ChunksError(
                f"{name} met a Dask array of shape {a.shape}, whose chunks have unknown lengths, "
                f"and its derivative needs them. Call compute_chunk_sizes() on it before it "
                f"comes in; in place of a mask, take np.where(mask, x, 0)."
            )


DASK_FORMS: dict[Any, Any] = {
    np.astype: lambda x, dtype, **_: x.astype(dtype),
    np.copy: lambda a, **_: a.copy(),
    np.matrix_transpose: lambda x: np.swapaxes(x, -1, -2),
    np.broadcast_to: dask_broadcast_to,
    np.linalg.svd: svd_dask,
    np.linalg.cholesky: lambda a: dask_array().linalg.cholesky(a, lower=True),
    np.reshape: lambda a, shape: a.reshape(shape),
    np.ravel: lambda a: a.ravel(),
    np.take: lambda a, indices, axis=None: dask_array().take(
        a if axis is not None else a.ravel(), np.asarray(indices), axis or 0
    ),
}
"""Dask forms of the functions that Dask lacks, or whose signatures differ from NumPy's."""


def lazy_form(op: Any, compute: Any) -> Any:
    """Return a function that runs the Dask form of `op` on Dask arrays, else `compute`."""
    if op not in DASK_FORMS:
        return compute
    form = DASK_FORMS[op]
    return lambda *args, **kwargs: (form if is_dask_array(args[0]) else compute)(*args, **kwargs)


@cache
def runs_lazily(op: Any) -> bool:
    """Return whether Dask has a lazy form of `op`.

    Dask looks for the same name in its own module, then in a table of aliases.
    """
    module, name = getattr(op, "__module__", None) or "", getattr(op, "__name__", "")
    if module in ("memograd.rules.special", "memograd.rules.special_stable"):
        return name in ("logsumexp", "softmax", "log_softmax")
    if op in DASK_FORMS or module.split(".")[0] not in ("numpy", "scipy"):
        return True
    if isinstance(op, np.ufunc):
        return op.nout == 1 or hasattr(dask_array().ufunc, name)
    namespace: Any = dask_array()
    for part in module.split(".")[1:]:
        namespace = getattr(namespace, part, None)
    return getattr(namespace, name, op) is not op or op in dask_array().core._HANDLED_FUNCTIONS
