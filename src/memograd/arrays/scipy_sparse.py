"""SciPy sparse arrays, wrapped so that NumPy's functions dispatch on them.

SciPy's classes have operators and methods, but not NumPy's dispatch protocols. The tape records
each as a :class:`Matrix` in CSR format and returns SciPy arrays to the user.
"""

import operator
from collections.abc import Callable, Iterable
from sys import modules
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..errors import SparseError
from ..text import op_name
from .kinds import register_kind
from .sparse_arrays import SparseKind

SCIPY = "scipy.sparse"


def is_matrix(a: Any) -> bool:
    """Return whether `a` is a SciPy sparse array or sparse matrix."""
    return SCIPY in modules and bool(modules[SCIPY].issparse(a))


def wrap_matrix(a: Any) -> Any:
    """Return a SciPy sparse array as a :class:`Matrix`; anything else as it is."""
    return Matrix(modules[SCIPY].csr_array(a)) if is_matrix(a) else a


def unwrap(a: Any) -> Any:
    """Return the SciPy array in a :class:`Matrix`; anything else as it is."""
    return a.scipy if type(a) is Matrix else a


class MatrixKind(SparseKind):
    """Kind of SciPy's sparse arrays and matrices, and of the :class:`Matrix` around each."""

    def recognises(self, cls: type) -> bool:
        """Return whether a class is one of SciPy's, or :class:`Matrix`."""
        library = modules.get(SCIPY)
        bases = [getattr(library, name, Matrix) for name in ("sparray", "spmatrix")]
        return issubclass(cls, (Matrix, *bases))

    def class_name(self, cls: type) -> str:
        """Return the name of the class that users see in the place of :class:`Matrix`."""
        return "scipy.csr_array"

    def wrap(self, a: Any) -> Any:
        """Return a SciPy array as a :class:`Matrix`."""
        return wrap_matrix(a)

    def unwrap(self, a: Any) -> Any:
        """Return the SciPy array in a :class:`Matrix`."""
        return unwrap(a)


class Matrix(NDArrayOperatorsMixin):
    """SciPy sparse array in CSR format with NumPy's dispatch protocols.

    NumPy's functions run as SciPy's operators and methods on the attribute `scipy`.
    """

    __slots__ = ("scipy",)

    def __init__(self, scipy: Any) -> None:
        self.scipy = scipy

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        f = SPARSE_FORMS.get(ufunc)
        if f is None and hasattr(unwrap(inputs[0]), ufunc.__name__):
            f = operator.methodcaller(ufunc.__name__)
        if method != "__call__" or kwargs or f is None:
            raise _missing_error(ufunc)
        return wrap_matrix(f(*map(unwrap, inputs)))

    def __array_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        f = SPARSE_FORMS.get(func)
        if f is None:
            raise _missing_error(func)
        return wrap_matrix(f(*map(unwrap, args), **kwargs))

    def __getitem__(self, key: Any) -> Any:
        return wrap_matrix(self.scipy[key])

    def __reduce__(self) -> Any:
        return Matrix, (self.scipy,)

    shape = property(lambda self: self.scipy.shape)
    dtype = property(lambda self: self.scipy.dtype)
    ndim = property(lambda self: self.scipy.ndim)
    nnz = property(lambda self: self.scipy.nnz)
    coords = property(lambda self: self.scipy.tocoo().coords)
    data = property(lambda self: self.scipy.data)
    T = property(lambda self: wrap_matrix(self.scipy.T))

    @property
    def nbytes(self) -> int:
        """Bytes of the stored elements and their indices."""
        return int(self.scipy.data.nbytes + self.scipy.indices.nbytes + self.scipy.indptr.nbytes)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Return ``np.sum`` of the matrix; plans print sums as methods."""
        return np.sum(self, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]

    def reshape(self, *shape: Any) -> "Matrix":
        """Return the matrix in another shape."""
        return Matrix(self.scipy.reshape(*shape))

    def copy(self) -> "Matrix":
        """Return a copy."""
        return Matrix(self.scipy.copy())

    def astype(self, dtype: Any) -> "Matrix":
        """Return a copy with another dtype."""
        return Matrix(self.scipy.astype(dtype))

    def from_coordinates(self, coords: Any, data: Any, shape: Any) -> "Matrix":
        """Return a matrix with data at coordinates; duplicates of a coordinate are summed."""
        return Matrix(modules[SCIPY].coo_array((data, tuple(coords)), tuple(shape)).tocsr())


def _missing_error(f: Any) -> SparseError:
    """Return the error for a function that SciPy lacks."""
    return SparseError(
        f"SciPy has no {op_name(f)} of sparse arrays, or not with these arguments. Write it "
        f"with @, *, + and np.sum, take an array of the library `sparse`, "
        f"or give X.toarray() if it may be dense."
    )


def _multiply_elements(a: Any, b: Any) -> Any:
    """Multiply element by element; `*` of SciPy's matrices is the matrix product."""
    return a.multiply(b) if is_matrix(a) else b.multiply(a)


def _empty_like(a: Any, _: Any = 0, dtype: Any = None, shape: Any = None) -> Any:
    """Return a matrix of zeros, none of them stored."""
    return modules[SCIPY].csr_array(a.shape if shape is None else shape, dtype=dtype or a.dtype)


def _sum_matrix(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """Sum over an axis, with `keepdims`, which SciPy lacks."""
    # before 1.16, SciPy takes no tuples
    one = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
    y = a.sum(axis=None if isinstance(one, tuple) and len(one) == a.ndim else one)
    return np.expand_dims(y, axis) if keepdims and axis is not None else y


SPARSE_FORMS: dict[Any, Callable[..., Any]] = {
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
"""SciPy forms of functions.

Beside these, a sparse array has methods with a ufunc's name for unary functions that map 0 to 0.
"""

register_kind(MatrixKind())
