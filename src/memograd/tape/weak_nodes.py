"""Nodes that stand for Python numbers, which take the precision of the arrays that they meet.

NumPy distinguishes them from its own scalars: ``np.float32(1) + 1.0`` is a float32, but
``np.float32(1) + np.float64(1)`` is a float64. A leaf holds a float64, so that a trace that is
replayed with other numbers has to remember which of its inputs were Python numbers.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..arrays.values import bitwise_equal, dtype_of
from ..errors import RefusedError
from ..rules.registration import rule_of
from ..rules.static_queries import STATIC_QUERIES
from ..text import op_name
from .node import Node, shape_dummy

PYTHON_NUMBERS = (bool, int, float, complex)
"""Python's own numbers. What an operator makes of them and a weak node is weak."""


def _weak_binary(name: str) -> Callable[["WeakNode", Any], Any]:
    """Return an operator whose result is weak if both sides are."""

    def method(self: "WeakNode", other: Any) -> Any:
        """Record the call of this method."""
        y = getattr(Node, name)(self, other)
        return (
            WeakNode(y.tape, y.id)
            if type(other) is WeakNode or type(other) in PYTHON_NUMBERS
            else y
        )

    return method


def _weak_unary(name: str) -> Callable[["WeakNode"], Any]:
    """Return an operator, or a method without arguments, whose result is weak."""

    def method(self: "WeakNode") -> Any:
        """Record the call of this method."""
        y = getattr(strong(self), name)
        y = y() if callable(y) and not isinstance(y, Node) else y
        return WeakNode(y.tape, y.id)

    return method


class WeakNode(Node):
    """Handle of a node that stands for a Python float or complex number.

    Python's operators with other Python numbers give weak nodes, as they give Python numbers;
    NumPy's functions give strong ones.
    """

    __slots__ = ()

    def __memograd_apply__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record an op on strong nodes of the precision that NumPy computes in."""
        wide = tuple(map(strong, args))
        dtype = np.result_type(
            *[
                unit_of(a)
                if isinstance(a, WeakNode)
                else _dtype_or_number(a, isinstance(op, np.ufunc))
                for a in args
            ]
        )
        narrow = tuple(
            _cast_operand(strong(a), dtype) if isinstance(a, WeakNode) else a for a in args
        )
        if "dtype" in kwargs or all(
            a.dtype == b.dtype for a, b in zip(narrow, wide, strict=True) if isinstance(b, Node)
        ):
            return self.tape.record(op, wide, kwargs)
        if isinstance(op, np.ufunc):
            return self.tape.record(op, narrow, kwargs)
        return self.tape.record(
            op, self._choose_precision(op, args, (narrow, wide), kwargs), kwargs
        )

    def _choose_precision(
        self,
        op: Any,
        args: tuple[Any, ...],
        choices: tuple[tuple[Any, ...], ...],
        kwargs: dict[str, Any],
    ) -> tuple[Any, ...]:
        """Return the operands for which `op` gives what it gives for Python numbers.

        Functions promote their arguments in different ways, so that it is tried.
        """
        run = rule_of(op).run
        wanted = run(map(_value_of_weak, args), kwargs)
        if _precision_property(dtype_of(wanted)) == _precision_property(self.dtype):
            choices = choices[::-1]  # where both give the same, the wide ones lose nothing later
        found = [(operands, run(map(_value_of_weak, operands), kwargs)) for operands in choices]
        alike = [(operands, y) for operands, y in found if dtype_of(y) == dtype_of(wanted)]
        if not alike:
            raise RefusedError(
                f"{op_name(op)} gives {dtype_of(wanted)} of a Python number and "
                f"{dtype_of(found[-1][1])} of a NumPy one, so that a compiled function cannot "
                f"replay it with other numbers. Give np.{self.dtype}(s) in the place of the "
                f"number s."
            )
        return next((operands for operands, y in alike if bitwise_equal(y, wanted)), alike[0][0])

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__":  # np.add.outer and its like make arrays of Python's numbers
            inputs = tuple(map(strong, inputs))
        return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)

    def __array_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if func in STATIC_QUERIES:
            return func(
                *map(_static_fact, args), **{name: _static_fact(a) for name, a in kwargs.items()}
            )
        return super().__array_function__(func, types, args, kwargs)

    __add__, __radd__, __sub__, __rsub__ = map(
        _weak_binary, ("__add__", "__radd__", "__sub__", "__rsub__")
    )
    __mul__, __rmul__, __truediv__, __rtruediv__ = map(
        _weak_binary, ("__mul__", "__rmul__", "__truediv__", "__rtruediv__")
    )
    __floordiv__, __rfloordiv__, __mod__, __rmod__ = map(
        _weak_binary, ("__floordiv__", "__rfloordiv__", "__mod__", "__rmod__")
    )
    __pow__, __rpow__ = map(_weak_binary, ("__pow__", "__rpow__"))
    __neg__, __pos__, __abs__, conjugate = map(
        _weak_unary, ("__neg__", "__pos__", "__abs__", "conjugate")
    )
    real, imag = property(_weak_unary("real")), property(_weak_unary("imag"))

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self


def unit_of(a: WeakNode) -> Any:
    """Return a Python number of the kind that a weak node stands for."""
    return 1j if a.dtype.kind == "c" else 1.0


def strong(a: Any) -> Any:
    """Return the plain handle of a weak node; anything else as it is."""
    return Node(a.tape, a.id) if isinstance(a, WeakNode) else a


def _cast_operand(a: Node, dtype: Any) -> Any:
    """Return a real or complex node in the precision of `dtype`, unless it is narrower already."""
    if a.dtype.kind == "f":
        dtype = _precision_property(dtype)
    return a.astype(dtype) if dtype.itemsize < a.dtype.itemsize else a


def _precision_property(dtype: Any) -> Any:
    """Return the dtype of the real part; of a tuple of dtypes, of the first."""
    first = dtype[0] if isinstance(dtype, tuple) else dtype
    return np.zeros((), first).real.dtype


def _dtype_or_number(a: Any, exact: bool) -> Any:
    """Return what stands for an argument when dtypes are promoted: its dtype, or a Python number.

    Integers count in ufuncs alone: among the arguments of other functions they may be indices.
    """
    dtype = getattr(a, "dtype", None)
    if isinstance(dtype, np.dtype):
        return dtype if exact or dtype.kind in "fc" else np.bool
    return a if exact and type(a) in PYTHON_NUMBERS else np.bool


def _static_fact(a: Any) -> Any:
    """Return what stands for an argument when NumPy is asked about shapes and dtypes."""
    return unit_of(a) if isinstance(a, WeakNode) else shape_dummy(a)


def _value_of_weak(a: Any) -> Any:
    """Return the value of an argument during the trace: the Python number of a weak node."""
    if not isinstance(a, Node):
        return a
    value = a.tape.state.value(a.id)
    return value.item() if isinstance(a, WeakNode) else value
