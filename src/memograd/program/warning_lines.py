"""Warnings of NumPy that name the line of the user, as they do where arrays are computed.

NumPy warns at the line of Python that called it, which is the same one of the tape's for all ops. A
guard around each op, such as `np.errstate`, takes 0.4 times as long as the op itself. So nothing
guards it: a filter turns the warnings of floating-point errors that name the module of tapes, or
that of the memory, into exceptions, which cost nothing until one is raised. Then the op runs again
in a frame that Python takes for one of the user's function. Its warning passes through the user's
filters: it is shown, once for each line of the user's, or raised, or ignored.

A filter that is set after the import, such as ``warnings.simplefilter("always")``, comes first.
Then the warning is shown with the line of the tape's. So are those of the rules of derivatives,
which run in many modules: they name the rule.
"""

import warnings
from collections.abc import Callable
from sys import _getframe
from types import FunctionType
from typing import Any, Protocol

from .source_location import user_frame

FLOATING_POINT_ERRORS = "(divide by zero|overflow|underflow|invalid value) encountered in "

_CALL = (lambda f, args, kwargs: f(*args, **kwargs)).__code__


def raise_warnings_in(module: str) -> None:
    """Have NumPy's warnings of floating-point errors raised, not shown, in a module."""
    warnings.filterwarnings("error", FLOATING_POINT_ERRORS, RuntimeWarning, f"{module}$")


def is_own_warning(error: BaseException) -> bool:
    """Return whether an exception is a warning that NumPy gave to the frame that caught it."""
    traceback = error.__traceback__
    return type(error) is RuntimeWarning and traceback is not None and traceback.tb_next is None


class Computes(Protocol):
    """Rule of an op, as far as it computes; `compute` takes no keywords, and is faster."""

    compute: Callable[..., Any]
    compute_with: Callable[..., Any]


def compute_at_user_line(rule: Computes, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return an op of arrays, called by a frame with the file, line and module of the user.

    Parameters
    ----------
    rule : Computes
        The rule of an op that NumPy has written in C.
    args, kwargs
        Its arguments.
    """
    f = rule.compute_with if kwargs else rule.compute
    frame = user_frame(_getframe(1))
    if frame is None:
        return f(*args, **kwargs)
    place = frame.f_code
    code = _CALL.replace(
        co_filename=place.co_filename, co_name=place.co_name, co_firstlineno=frame.f_lineno
    )
    return FunctionType(code, frame.f_globals)(f, args, kwargs)
