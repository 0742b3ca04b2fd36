"""Text of the call that made a node, as Python code."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.formatting import format_array
from ..program.steps import Operand, Step
from ..rules.indexing import getitem, masked
from ..rules.registration import RULES, traits_of
from ..text import op_name, printable

MAX_ELEMENTS_SHOWN = 4
"""Size up to which the elements of a constant are shown; else its shape."""


def format_step(step: Step, name: Callable[[int], str]) -> str:
    """Return the call that made a node, such as ``x > 0`` or ``np.log(x)``.

    Parameters
    ----------
    step : Step
        Record of the call; its op is not None.
    name : callable
        Returns the name of an operand.
    """
    return format_call(step.op, [format_argument(a, name) for a in step.args], step.kwargs)


def format_call(op: Any, args: list[str], kwargs: dict[str, Any]) -> str:
    """Return a call of an op as Python code, with an operator where the op has one."""
    symbol = traits_of(op).symbol
    if symbol is not None and len(args) == 2 and not kwargs:
        return f"{args[0]} {symbol} {args[1]}"
    if op in (getitem, masked):
        return f"{args[0]}[{', '.join(args[1:])}]"
    listed = [f"[{', '.join(args)}]"] if RULES[op].pulls.each is not None else args
    named = (f"{key}={format_argument(a, str)}" for key, a in kwargs.items())
    return f"{op_name(op)}({', '.join([*listed, *named])})"


def format_argument(a: Any, name: Callable[[int], str]) -> str:
    """Return an argument in a few characters: a node's name, a number, or the kind of a constant.

    >>> format_argument(np.ones(2), str), format_argument(np.ones(20), str)
    ('[1, 1]', 'a constant of shape (20,)')
    """
    if type(a) is Operand:
        return name(a)
    if isinstance(a, type):
        return a.__name__
    if np.ndim(a) == 0 or not isinstance(a, np.ndarray):
        return printable(repr(a) if isinstance(a, str) else str(a), 20)
    return format_array(a) if a.size <= MAX_ELEMENTS_SHOWN else f"a constant of shape {a.shape}"
