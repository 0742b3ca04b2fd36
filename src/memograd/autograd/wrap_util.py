"""Operators on functions of one argument, for functions of several."""

from collections.abc import Callable
from typing import Any

from .conventions import call_named, check_argnum


def unary_to_nary(unary_operator: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operator on functions of several arguments, given one on functions of one.

    Parameters
    ----------
    unary_operator : callable
        ``operator(f, x, ...)``, of a function of one argument and a point.

    Returns
    -------
    callable
        ``operator(f, argnum=0, ...)``: called with f's arguments, it applies the operator to f as a
        function of argument `argnum`, or of the tuple of several.

    Examples
    --------
    >>> double = unary_to_nary(lambda f, x: f(2 * x))
    >>> double(pow, 1)(3, 2)
    81
    """

    def nary_operator(fun: Callable[..., Any], argnum: Any = 0, *more: Any, **named: Any) -> Any:
        """Apply the operator to `fun` as a function of some arguments."""
        check_argnum(argnum)

        def call_at(*args: Any, **kwargs: Any) -> Any:
            """Apply the operator at the arguments."""

            def unary(x: Any) -> Any:
                """Call `fun` with x in its place."""
                given = list(args)
                for k, part in (
                    [(argnum, x)] if type(argnum) is int else zip(argnum, x, strict=True)
                ):
                    given[k] = part
                return fun(*given, **kwargs)

            unary.__name__ = getattr(fun, "__name__", "function")
            x = args[argnum] if type(argnum) is int else tuple(args[k] for k in argnum)
            return unary_operator(unary, x, *more, **named)

        return call_named(nary_operator.__name__, fun, argnum, call_at)

    nary_operator.__name__ = getattr(unary_operator, "__name__", "operator")
    nary_operator.__doc__ = unary_operator.__doc__
    return nary_operator
