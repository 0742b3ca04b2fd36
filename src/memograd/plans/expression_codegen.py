"""Code generation for one instruction, as a Python expression.

Operators and methods stand in the place of functions, which are slower, where they give the same
bits.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.values import canonicalize, dtype_of, shape_of
from ..errors import ValueChangedError
from ..program.steps import Operand
from ..rules.indexing import getitem, masked, output, scatter
from ..rules.registration import rule_of
from .ir import Instruction
from .machine.machine import machine_result
from .op_traits import KERNELS, is_own, is_scalar, is_steady, traits_in_plan

INDICES = {getitem: 1, masked: 1, np.take: 1, scatter: 2}
"""From an op to the first of its arguments that are indices."""

MODULES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft}


def check_result(y: Any, shape: Any, dtype: Any) -> Any:
    """Return a result, or raise if its shape or dtype is not the recorded one."""
    y = canonicalize(y)
    if shape_of(y) != shape or dtype_of(y) != dtype:
        raise ValueChangedError(
            f"A step that gave {dtype} {shape} when it was recorded gave {dtype_of(y)} "
            f"{shape_of(y)}. Shape and dtype are part of "
            f"the plan: record it anew with values like these, or write it with np.where."
        )
    return y


def protect_arguments(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a user's function that cannot write to its arguments: they may be the caller's."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return f(*map(_read_only, args), **kwargs)

    return call


def _read_only(a: Any) -> Any:
    if type(a) is np.ndarray and a.flags.writeable:
        a = a.view()
        a.flags.writeable = False
    return a


class ExpressionWriter:
    """Writer of instructions as expressions.

    It collects the constants and functions that they name.

    Attributes
    ----------
    namespace : dict
        What the text needs to be run.
    """

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.namespace: dict[str, Any] = {"np": np}
        self._known: dict[Any, str] = {}
        self._functions: dict[Any, str] = {}

    def constant(self, a: Any) -> str:
        """Return a constant as text: its literal if that is exact, else a name for it."""
        if type(a) in (int, bool, str, type(None)) or (type(a) is float and math.isfinite(a)):
            return repr(a)
        if type(a) is tuple:
            return f"({', '.join(map(self.constant, a))}{',' * (len(a) == 1)})"
        if type(a) is slice:
            return (
                f"slice({self.constant(a.start)}, {self.constant(a.stop)}, {self.constant(a.step)})"
            )
        if a is Ellipsis:
            return "..."
        if isinstance(a, np.dtype) and a.isbuiltin == 1:
            return f"np.{a!r}"
        return self._named(a)

    def index(self, a: Any) -> str:
        """Return a part of an index as text; a name for its array, if it is a list.

        NumPy would convert a list of 200 numbers anew at each call: 5.8 in place of 2.0 µs.
        """
        if type(a) is not tuple:
            return self.constant(a)
        array = np.asarray(a)
        array = array if array.dtype == bool else array.astype(np.intp)
        array.flags.writeable = False
        key = array.dtype, array.shape, array.tobytes()
        if key not in self._known:
            self._known[key] = self.bind(f"c{len(self._known)}", array)
        return self._known[key]

    def _named(self, a: Any) -> str:
        key = (type(a), a.dtype, a.tobytes()) if isinstance(a, np.generic) else id(a)
        if key not in self._known:
            self._known[key] = self.bind(f"c{len(self._known)}", a)
        return self._known[key]

    def bind(self, name: str, value: Any) -> str:
        """Bind a value to a name like the given one, and return that name."""
        name = self.fresh_name(name)
        self.namespace[name] = value
        return name

    def fresh_name(self, name: str) -> str:
        """Return an unused name like the given one."""
        while name in self.taken or name in self.namespace:
            name += "_"
        return name

    def function(self, op: Any) -> str:
        """Return the text for a function that takes the arguments in canonical form."""
        if op not in self._functions:
            self._functions[op] = self._function(op)
        return self._functions[op]

    def _function(self, op: Any) -> str:
        compute, name = (
            op if op in KERNELS else rule_of(op).compute_with,
            getattr(op, "__name__", "op"),
        )
        if compute is op:
            for prefix, module in MODULES.items():
                if getattr(module, name, None) is op:
                    return f"{prefix}.{name}"
        if is_own(op):
            compute = protect_arguments(compute)
        elif compute is op:  # a recorded op looks for nodes first: 0.6 µs, as an op on a short row
            compute = getattr(op, "unrecorded", op)
        return self.bind(name if name.isidentifier() else "op", compute)

    def write(
        self, instruction: Instruction, variable: Callable[[int], str], out: str | None = None
    ) -> str:
        """Return an instruction as an expression.

        `out` names the variable whose memory it reuses.
        """
        first_index = INDICES.get(instruction.op, len(instruction.args))
        args = [
            variable(a) if type(a) is Operand else (self.constant, self.index)[k >= first_index](a)
            for k, a in enumerate(instruction.args)
        ]
        if out is not None:  # a ufunc, with no keyword but its order, which is that of `out`
            return f"{self.function(instruction.op)}({', '.join([*args, f'out={out}'])})"
        kwargs = [f"{name}={self.constant(a)}" for name, a in instruction.kwargs.items()]
        text = self._call(instruction, args, kwargs)
        if not is_steady(instruction.op) or (
            type(instruction.dtype) is tuple and not is_scalar(instruction)
        ):
            self.namespace["fixed"] = check_result
            shape, dtype = map(self.constant, (instruction.shape, instruction.dtype))
            return f"fixed({text}, {shape}, {dtype})"
        return f"{text}[()]" if instruction.shape == () and not is_scalar(instruction) else text

    def _call(self, instruction: Instruction, args: list[str], kwargs: list[str]) -> str:
        op = instruction.op
        traits = traits_in_plan(op)
        if traits.operator is not None and not kwargs and len(args) == 2:
            text = f"{args[0]} {traits.operator} {args[1]}"
            pythons = instruction.shape == () and any(type(a) is complex for a in instruction.args)
            # complex * np.float64 is a Python complex
            return f"np.{instruction.dtype.type.__name__}({text})" if pythons else text
        if op is np.negative and not kwargs:
            return f"-{args[0]}"
        on_array = bool(args) and type(instruction.args[0]) is Operand
        if traits.is_method and on_array and len(args) == 1 + (op is np.astype):
            return f"{args[0]}.{op.__name__}({', '.join([*args[1:], *kwargs])})"
        if op in EXPRESSION_FORMS and on_array:
            written = EXPRESSION_FORMS[op](self, instruction, args)
            if written is not None:
                return written
        return f"{self.function(op)}({', '.join([*args, *kwargs])})"


def _write_transpose(writer: ExpressionWriter, instruction: Instruction, args: list[str]) -> str:
    axes, ndim = instruction.kwargs.get("axes"), len(instruction.shape)
    if axes is None:
        return f"{args[0]}.T"
    if tuple(axes) == (*range(ndim - 2), ndim - 1, ndim - 2):
        return f"{args[0]}.mT"
    return f"{args[0]}.transpose({writer.constant(axes)})"


def _write_reshape(
    writer: ExpressionWriter, instruction: Instruction, args: list[str]
) -> str | None:
    return (
        f"{args[0]}.reshape({writer.constant(instruction.shape)})"
        if instruction.kwargs.get("order", "C") == "C"
        else None
    )


def _swapaxes(writer: ExpressionWriter, instruction: Instruction, args: list[str]) -> str:
    axes = (writer.constant(instruction.kwargs[name]) for name in ("axis1", "axis2"))
    return f"{args[0]}.swapaxes({', '.join(axes)})"


def _write_getitem(writer: ExpressionWriter, instruction: Instruction, args: list[str]) -> str:
    parts = [
        _write_part(writer, a) if type(a) is slice else text
        for a, text in zip(instruction.args[1:], args[1:], strict=True)
    ]
    return f"{args[0]}[{', '.join(parts) or '()'}]"


def _write_part(writer: ExpressionWriter, part: slice) -> str:
    bounds = [
        "" if bound is None else writer.constant(bound)
        for bound in (part.start, part.stop, part.step)
    ]
    return ":".join(bounds[: 2 if part.step is None else 3])


def _write_list_call(writer: ExpressionWriter, instruction: Instruction, args: list[str]) -> str:
    kwargs = "".join(f", {name}={writer.constant(a)}" for name, a in instruction.kwargs.items())
    return f"np.{instruction.op.__name__}(({', '.join(args)},){kwargs})"


def _write_output(writer: ExpressionWriter, instruction: Instruction, args: list[str]) -> str:
    return f"{args[0]}[{args[1]}]"


EXPRESSION_FORMS: dict[Any, Callable[[ExpressionWriter, Instruction, list[str]], str | None]] = {
    np.transpose: _write_transpose,
    np.reshape: _write_reshape,
    np.ravel: _write_reshape,
    np.squeeze: _write_reshape,
    np.expand_dims: _write_reshape,
    np.swapaxes: _swapaxes,
    getitem: _write_getitem,
    masked: _write_getitem,
    output: _write_output,
    machine_result: _write_output,
    np.concatenate: _write_list_call,
    np.stack: _write_list_call,
}
"""Writers for ops on arrays that are neither operators, methods nor plain calls in the source."""
