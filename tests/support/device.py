"""A stand-in for CuPy where there is no GPU: arrays that no NumPy array may meet, and that are never converted silently.

As CuPy's, they dispatch by `__array_ufunc__` and `__array_function__`, take Python's and NumPy's scalars, and raise where NumPy asks for
their numbers or where an array of NumPy's stands beside them.
"""

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class Device(NDArrayOperatorsMixin):
    """An array that is elsewhere; `get()` fetches its numbers."""

    def __init__(self, a):
        self._a = np.asarray(a)

    def get(self):
        """The numbers, as an array of NumPy's."""
        return self._a.copy()

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Use .get().")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if any(
            hasattr(x, "__array_ufunc__") and not isinstance(x, Device | np.ndarray | np.generic)
            for x in inputs
        ):
            return NotImplemented
        if method == "at":
            return ufunc.at(inside(inputs[0]), indices(inputs[1]), inside(inputs[2]))
        return wrapped(
            getattr(ufunc, method)(
                *map(inside, inputs), **{name: inside(x) for name, x in kwargs.items()}
            )
        )

    def __array_function__(self, func, types, args, kwargs):
        if not all(issubclass(kind, Device | np.ndarray) for kind in types):
            return NotImplemented
        if func is np.asarray:
            return Device(args[0])
        return wrapped(func(*map(inside, args), **{name: inside(x) for name, x in kwargs.items()}))

    def __getitem__(self, key):
        return wrapped(self._a[indices(key)])

    def __setitem__(self, key, value):
        self._a[indices(key)] = inside(value)

    def __bool__(self):
        return bool(self._a)

    def __float__(self):
        return float(self._a)

    def __len__(self):
        return len(self._a)

    def copy(self):
        return Device(self._a.copy())

    def astype(self, dtype):
        return Device(self._a.astype(dtype))

    shape, dtype, ndim = (
        property(lambda self, name=name: getattr(self._a, name))
        for name in ("shape", "dtype", "ndim")
    )
    size, nbytes = (
        property(lambda self, name=name: getattr(self._a, name)) for name in ("size", "nbytes")
    )
    T = property(lambda self: Device(self._a.T))

    def reshape(self, *shape):
        return Device(self._a.reshape(*shape))

    sum, max, min, mean, prod, any, all = (
        lambda self, f=f, **kwargs: f(self, **kwargs)
        for f in (np.sum, np.max, np.min, np.mean, np.prod, np.any, np.all)
    )

    def __repr__(self):
        return f"device({self._a!r})"


def inside(x):
    """What the device computes with: its own arrays and scalars, in lists too; an array of NumPy's is refused."""
    if isinstance(x, Device):
        return x._a
    if isinstance(x, np.ndarray) and x.ndim:
        raise TypeError(
            "Unsupported type <class 'numpy.ndarray'>: an array of NumPy's met one of the device's."
        )
    return type(x)(map(inside, x)) if type(x) in (list, tuple) else x


def indices(key):
    """An index; arrays of NumPy's may stand in it, and are sent to the device."""
    return (
        tuple(map(indices, key))
        if isinstance(key, tuple)
        else key._a
        if isinstance(key, Device)
        else key
    )


def wrapped(y):
    """A result as the device's; 0-d too."""
    if isinstance(y, tuple | list):
        return type(y)(map(wrapped, y)) if not hasattr(y, "_fields") else type(y)(*map(wrapped, y))
    return Device(y) if isinstance(y, np.ndarray | np.generic) else y
