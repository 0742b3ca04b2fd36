"""Conversions of nodes: which values may leave a program, and the error for the others.

A conversion, such as ``float(x)`` or ``np.asarray(x)``, gives a value and forgets the node. What is
computed from it afterwards has no derivative by that node. Whether that is right depends on the
mode in which the tape records, on the node, and on the kind of conversion; :func:`converts`
decides, and :func:`refusal` says what to do instead.
"""

import math
import operator
import re
from collections.abc import Callable
from sys import _getframe
from typing import Any, NamedTuple

import numpy as np

from ..arrays.values import is_inexact
from ..errors import MemogradError, RefusedAttributeError, RefusedError
from ..program.steps import Operand, Steps
from ..program.trace_state import set_current_tape
from ..rules.registration import RULES
from ..text import describe
from .conversion_advice import alternative, caller_of, swallows_errors
from .mode import IMMEDIATE
from .recorder import Handle, Recorder


class Conversion(NamedTuple):
    """Conversion of a node to something else.

    Attributes
    ----------
    name : str
        What it is called in messages.
    convert : callable
        Applied to the node's value.
    instead : str
        What to write, where the user's line does not say it.
    is_step : bool
        Whether the result is piecewise constant in the value, so that no derivative is lost.
    """

    name: str
    convert: Callable[..., Any]
    instead: str
    is_step: bool = False


def _to_item(value: Any, *args: Any) -> Any:
    return np.asarray(value).item(*args)


def _to_list(value: Any) -> Any:
    return np.asarray(value).tolist()


def _to_array(value: Any, *args: Any, **kwargs: Any) -> Any:
    return np.asarray(value, *args, **kwargs)


INTEGRAL_KINDS = "Use np.floor, np.round or np.astype(x, int), which give a node."
USUAL = (
    "Use NumPy's functions in place of methods of arrays and of math, np.stack for lists of nodes, "
    "memograd.scipy for SciPy's functions."
)

TRUTH = Conversion("A truth value, as in `if`, `and`, `in` or `max(a, b)`,", bool, "", is_step=True)
BY_NODE = (
    "A node is indexed by nodes, x[i]; of an array a, write "
    "np.sum(np.where(np.arange(len(a)) == i, a, 0))."
)
INDEX = Conversion("An index", operator.index, BY_NODE, is_step=True)
INT = Conversion("int()", int, INTEGRAL_KINDS, is_step=True)
ROUND = Conversion("round()", round, INTEGRAL_KINDS, is_step=True)
FLOOR = Conversion("math.floor()", math.floor, INTEGRAL_KINDS, is_step=True)
CEIL = Conversion("math.ceil()", math.ceil, INTEGRAL_KINDS, is_step=True)
TRUNC = Conversion("math.trunc()", int, INTEGRAL_KINDS, is_step=True)
FLOAT = Conversion("float()", float, USUAL)
COMPLEX = Conversion("complex()", complex, f"Write x + 0j. {USUAL}")
ARRAY = Conversion("np.asarray()", _to_array, USUAL)
ITEM = Conversion(
    ".item()",
    _to_item,
    "Leave it out: a node of one item is a number already, and x[i] is an item.",
)
TOLIST = Conversion(".tolist()", _to_list, "list(x) gives the items as nodes.")
FORMAT = Conversion("A text with a format", format, "Format the value: f'{x.value:.3f}'.")
DLPACK = Conversion("DLPack", np.array, USUAL)  # a copy: who gets it may write to it
CONSTANT = Conversion("A constant", lambda value: value, USUAL)

MEMORY = frozenset({"__dlpack__", "__dlpack_device__"})
"""Attributes by which an array gives up its memory, and holds it meanwhile; others do not hold what
a tape may evict.
"""


def convert(node: Handle, conversion: Conversion, *args: Any, **kwargs: Any) -> Any:
    """Return what a conversion makes of a node's value; raise if it is refused.

    Raises
    ------
    RefusedError
        The value would leave a program that is kept, or take a derivative with it.
    """
    if converts(node, conversion):
        return conversion.convert(node.value, *args, **kwargs)
    if conversion in (ARRAY, FLOAT, COMPLEX) and swallows_errors(_getframe(1).f_back):
        return _for_comparison(node, conversion)
    if node.tape.mode.guards and conversion.is_step:
        return node.tape.guard(node.id, conversion)
    raise refusal(node, conversion)


def _for_comparison(node: Handle, conversion: Conversion) -> Any:
    """Return what ``np.array_equal`` compares: the value, or objects that refuse to be compared.

    That function answers False to any error of a conversion, but not to one of a comparison.
    """
    if node.tape.mode.converts:  # the answer is a truth value: no derivative is lost
        return conversion.convert(node.value)
    return np.full(node.attributes["shape"], Incomparable(refusal(node, conversion)), object)


class Incomparable:
    """Item in the place of a refused value: comparing it raises the refusal."""

    __slots__ = ("error",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, error: RefusedError) -> None:
        self.error = error

    def __eq__(self, other: object) -> bool:
        raise self.error


def converts(node: Handle, conversion: Conversion) -> bool:
    """Return whether a conversion is allowed: in an immediate form, and no derivative is lost."""
    return node.tape.mode.converts and (conversion.is_step or not is_differentiated(node))


def is_differentiated(node: Handle) -> bool:
    """Return whether a derivative that is being computed runs through a node."""
    inputs = frozenset(node.tape.differentiated)  # a copy: another thread may begin a run
    return bool(inputs) and depends(node.tape.state.steps, node.id, inputs)


def depends(steps: Steps, n: int, inputs: frozenset[int]) -> bool:
    """Return whether a path of differentiable uses leads from one of `inputs` to n."""
    first, seen, stack = min(inputs), {n}, [n] if is_inexact(steps[n].dtype) else []
    while stack:
        c = stack.pop()
        if c in inputs:
            return True
        pulls = RULES[steps[c].op].pulls
        for k, o in enumerate(steps[c].args):
            if (
                type(o) is Operand
                and o >= first
                and o not in seen
                and pulls[k,]
                and is_inexact(steps[o].dtype)
            ):
                seen.add(o)
                stack.append(o)
    return False


def memory_of(node: Handle, name: str) -> Any:
    """Return a DLPack attribute of a node's value."""
    return getattr(convert(node, DLPACK), name)


def refusal(node: Handle, conversion: Conversion) -> RefusedError:
    """Return the error of a conversion: what, where, by whom, the harm, what to write instead."""
    mode, caller = node.tape.mode, caller_of(_getframe(1))
    if caller.name.rpartition(".")[2] in conversion.name:  # x.item() was asked by x.item
        caller = caller._replace(name="")
    advice = [alternative(caller) or conversion.instead, mode.hint]
    if conversion is FORMAT:  # a text is for people to read: its value is always meant
        advice = [conversion.instead] if mode.value_readable else [mode.hint]
    error = RefusedAttributeError if conversion is DLPACK else RefusedError
    said = f"{conversion.name} was asked of {describe(node.attributes)}{caller}: {mode.loss}."
    return error(" ".join(filter(None, [said, *advice])))


def check_value_readable(node: Handle) -> None:
    """Raise if a node's value may not be read: what is recorded for reuse would freeze it."""
    mode = node.tape.mode
    if not mode.value_readable:
        said = (
            f"The value of {describe(node.attributes)} was read{caller_of(_getframe(1))}: "
            f"{mode.loss}."
        )
        raise RefusedError(f"{said} {mode.hint}")


def check_leaving(y: Handle, form: str) -> None:
    """Raise if the derivative of y, as arrays, would leave a trace that goes on."""
    mode = y.tape.mode
    if mode.value_readable and not is_differentiated(y):
        return
    said = (
        f"memograd.{form} of {describe(y.attributes)} gives arrays, and was asked "
        f"for{caller_of(_getframe(1))}"
    )
    loss = IMMEDIATE.loss if mode.value_readable else mode.loss
    raise RefusedError(
        f"{said}: {loss}. Use memograd.functional.{form}, which gives nodes inside such a function."
    )


class raise_refusals:  # noqa: N801  (used as a function)
    """Raise refusals as they are in a block that runs a user's function on nodes of a tape.

    NumPy raises a ValueError from a refusal that is raised while an item of an array is set; the
    refusal is raised in its place. Where ``.value`` is refused, errors that advise it say so.
    """

    __slots__ = ("tape",)

    def __init__(self, tape: Recorder) -> None:
        self.tape = tape

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, MemogradError):
            mode, text = self.tape.mode, str(error)
            if not mode.value_readable and mode.hint not in text and re.search(r"\.value\b", text):
                error.args = (f"{text} But no value may be read here. {mode.hint}",)
        elif isinstance(error, ValueError) and isinstance(error.__cause__, RefusedError):
            raise error.__cause__.with_traceback(error.__traceback__) from None


class run_traced(raise_refusals):  # noqa: N801  (used as a function)
    """Record on a tape as the current trace in a block, and raise refusals as they are.

    One block for both takes half the time of two: half a microsecond, a tenth of recording an op.
    """

    __slots__ = ("outer",)

    def __enter__(self) -> None:
        self.outer = set_current_tape(self.tape)

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        set_current_tape(self.outer)
        if error is not None:
            super().__exit__(kind, error, traceback)
