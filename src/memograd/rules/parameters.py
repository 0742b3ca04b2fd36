"""Parameters of functions, read from their code objects.

They are read for each rule and each op when memograd is imported. `inspect.signature` is slower,
because it makes and checks an object for each parameter.
"""

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

NO_DEFAULT: Any = inspect.Parameter.empty
"""Default of a parameter without a default."""

ORDINARY, REST, BY_NAME, OTHERS = "ordinary", "rest", "by name", "others"
"""Kinds of parameters: `a`, `*xs`, `b` after a star, `**kwargs`."""

PARAMETER_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: ORDINARY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD: ORDINARY,
    inspect.Parameter.VAR_POSITIONAL: REST,
    inspect.Parameter.KEYWORD_ONLY: BY_NAME,
    inspect.Parameter.VAR_KEYWORD: OTHERS,
}


class Parameter(NamedTuple):
    """One parameter of a function."""

    name: str
    kind: str
    default: Any = NO_DEFAULT


def parameters(f: Callable[..., Any]) -> list[Parameter]:
    """Return the parameters of a function, in the order of its signature.

    >>> [(p.name, p.kind) for p in parameters(lambda g, *xs, axis=None: g)]
    [('g', 'ordinary'), ('xs', 'rest'), ('axis', 'by name')]
    """
    inner: Any = f
    while not hasattr(inner, "__signature__") and hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    if type(inner) is FunctionType and not hasattr(inner, "__signature__"):
        return _of_code(inner)
    return [
        Parameter(p.name, PARAMETER_KINDS[p.kind], p.default)
        for p in signature(f).parameters.values()
    ]


def signature(f: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a function as `inspect.signature` does, also in NumPy before 2.4.

    Raises
    ------
    ValueError
        `f` is a C function without a signature; the text is Python's.

    >>> str(signature(np.where))
    '(condition, x=None, y=None, /)'
    """
    try:
        return inspect.signature(f)
    except ValueError:
        from .numpy_signatures import SIGNATURES, of_ufunc

        inner: Any = inspect.unwrap(f)
        if isinstance(inner, np.ufunc):
            return of_ufunc(inner)
        name = getattr(inner, "__name__", None)
        if name not in SIGNATURES or inspect.unwrap(getattr(np, name, type(None))) is not inner:
            raise
        return inspect.signature(SIGNATURES[name])


def _of_code(f: FunctionType) -> list[Parameter]:
    code, defaults, by_name = f.__code__, f.__defaults__ or (), f.__kwdefaults__ or {}
    first, last = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    names, others = code.co_varnames[:last], iter(code.co_varnames[last:])
    values = (*(NO_DEFAULT,) * (first - len(defaults)), *defaults)
    found = [Parameter(name, ORDINARY, value) for name, value in zip(names, values, strict=False)]
    if code.co_flags & inspect.CO_VARARGS:
        found.append(Parameter(next(others), REST))
    found += [Parameter(name, BY_NAME, by_name.get(name, NO_DEFAULT)) for name in names[first:]]
    if code.co_flags & inspect.CO_VARKEYWORDS:
        found.append(Parameter(next(others), OTHERS))
    return found
