"""SciPy's sparse arrays, such that NumPy's functions dispatch on them: by themselves they have
operators and methods alone.

On the tape each is a :class:`Matrix`, in CSR form; what goes out is SciPy's again.
"""

import operator
from collections.abc import Callable, Iterable
from sys import modules
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..errors import SparseError
from ..text import op_name

SCIPY = "scipy.sparse"


def is_matrix(a: Any) -> bool:
    """Return whether `a` is a sparse array, or sparse matrix, of SciPy's."""
    return SCIPY in modules and bool(modules[SCIPY].issparse(a))


def wrap_matrix(a: Any) -> Any:
    """Return a sparse array of SciPy's as a :class:`Matrix`; anything else is what it is."""
    return Matrix(modules[SCIPY].csr_array(a)) if is_matrix(a) else a


def unwrap(a: Any) -> Any:
    """Return what SciPy or NumPy call an array."""
    return a.scipy if type(a) is Matrix else a


def kind_name(kind: type) -> str:
    """Return how a class of arrays is called in messages: by its library and its name."""
    return (
        "scipy.csr_array"
        if kind is Matrix
        else f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
    )


class Matrix(NDArrayOperatorsMixin):
    """Sparse array of SciPy's, `scipy`, with an array's protocols: NumPy's functions of it are
    SciPy's operators and methods.
    """

    __slots__ = ("scipy",)

    def __init__(self, scipy: Any) -> None:
        self.scipy = scipy

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        f = UFUNCS.get(ufunc) or (
            operator.methodcaller(ufunc.__name__)
            if hasattr(unwrap(inputs[0]), ufunc.__name__)
            else None
        )
        if method != "__call__" or kwargs or f is None:
            raise _missing(ufunc)
        return wrap_matrix(f(*map(unwrap, inputs)))

    def __array_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        f = FUNCTIONS.get(func)
        if f is None:
            raise _missing(func)
        return wrap_matrix(f(*map(unwrap, args), **kwargs))

    def __getitem__(self, key: Any) -> Any:
        return wrap_matrix(self.scipy[key])

    def __reduce__(self) -> Any:
        return Matrix, (self.scipy,)

    # the facts

    shape = property(lambda self: self.scipy.shape)
    dtype = property(lambda self: self.scipy.dtype)
    ndim = property(lambda self: self.scipy.ndim)
    nnz = property(lambda self: self.scipy.nnz)
    coords = property(lambda self: self.scipy.tocoo().coords)
    data = property(lambda self: self.scipy.data)
    T = property(lambda self: wrap_matrix(self.scipy.T))

    @property
    def nbytes(self) -> int:
        """Bytes of what is stored."""
        return int(self.scipy.data.nbytes + self.scipy.indices.nbytes + self.scipy.indptr.nbytes)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """``np.sum`` of it; plans write it so."""
        return np.sum(self, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]

    def reshape(self, *shape: Any) -> "Matrix":
        """``np.reshape_rows`` of it."""
        return Matrix(self.scipy.reshape(*shape))

    def copy(self) -> "Matrix":
        """Return the same, in memory of its own."""
        return Matrix(self.scipy.copy())

    def astype(self, dtype: Any) -> "Matrix":
        """Return the same, in another dtype."""
        return Matrix(self.scipy.astype(dtype))

    def from_coordinates(self, coords: Any, data: Any, shape: Any) -> "Matrix":
        """Another one, of what stands at these coordinates; what stands at one of them twice adds
        up.
        """
        return Matrix(modules[SCIPY].coo_array((data, tuple(coords)), tuple(shape)).tocsr())


def _missing(f: Any) -> SparseError:
    return SparseError(
        f"SciPy has no {op_name(f)} of sparse arrays, or not with these arguments. Write it "
        f"with @, *, + and np.sum, take an array of the "
        f"library `sparse`, or give X.toarray() if it may be dense."
    )


# what SciPy has, by NumPy's names


def _multiply_elements(a: Any, b: Any) -> Any:
    """Element by element; to SciPy's matrices `*` means another product."""
    return a.multiply(b) if is_matrix(a) else b.multiply(a)


def _empty_like(a: Any, _: Any = 0, dtype: Any = None, shape: Any = None) -> Any:
    return modules[SCIPY].csr_array(a.shape if shape is None else shape, dtype=dtype or a.dtype)


def _sum_matrix(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
    y = a.sum(axis=axis)
    return np.expand_dims(y, axis) if keepdims and axis is not None else y


UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: _multiply_elements,
    np.divide: operator.truediv,
    np.matmul: operator.matmul,
    np.negative: operator.neg,
    np.positive: operator.pos,
    np.absolute: abs,
    np.square: lambda a: a.multiply(a),
    np.power: lambda a, n: a.power(n),
    np.conjugate: lambda a: a.conj(),
}
"""Beside these, whatever is a method of a sparse array under a ufunc's own name: functions of one
operand that leave zero zero.
"""

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: _sum_matrix,
    np.mean: lambda a, axis=None: a.mean(axis=axis),
    np.transpose: lambda a, axes=None: a.transpose(axes),
    np.reshape: lambda a, shape: a.reshape(shape),
    np.dot: operator.matmul,
    np.diagonal: lambda a, offset=0: a.diagonal(offset),
    np.trace: lambda a, offset=0: a.trace(offset),
    np.shape: lambda a: a.shape,
    np.result_type: lambda *xs: np.result_type(*(x.dtype if is_matrix(x) else x for x in xs)),
    np.real: lambda a: a.real,
    np.imag: lambda a: a.imag,
    np.full_like: _empty_like,
    np.zeros_like: lambda a, dtype=None, shape=None: _empty_like(a, 0, dtype, shape),
}
