"""Functions that are recorded as one op, and their derivatives, in autograd's form.

A function of any signature becomes one: lists, None, functions and keywords among its arguments, a
pytree of arrays as its result. See :mod:`memograd.rules.structured_calls`.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from itertools import count
from typing import Any

from ..errors import NoRuleError, RegistrationError
from ..rules.registration import RULES, define_push, general_op
from ..tape.node import Node
from ..text import op_name
from .vector_spaces import vspace

Maker = Callable[..., Callable[[Any], Any]]

primitive_vjps: dict[Any, Callable[..., Any]] = {}
"""For each primitive, ``vjps(argnums, ans, args, kwargs)``, as for :func:`defvjp_argnums`."""

primitive_jvps: dict[Any, Callable[..., Any]] = {}
"""For each primitive, ``jvps(argnums, gs, ans, args, kwargs)``, as for :func:`defjvp_argnums`."""


def primitive(f_raw: Callable[..., Any]) -> Any:
    """Return a function that is recorded as one op; its derivatives follow by :func:`defvjp`.

    Parameters
    ----------
    f_raw : callable
        A plain NumPy function of any signature. It may use no nodes but its arguments.

    Examples
    --------
    >>> import numpy as np
    >>> from memograd.autograd import grad
    >>> @primitive
    ... def logsumexp(x):
    ...     return np.log(np.sum(np.exp(x)))
    >>> defvjp(logsumexp, lambda ans, x: lambda g: g * np.exp(x - ans))
    >>> grad(logsumexp)(np.zeros(2))
    array([0.5, 0.5])
    """

    def pull(k: Any, g: Any, y: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the cotangent of argument k by the VJP that is defined now."""
        (d,) = _rules_of(primitive_vjps, recorded)((k,), y, args, kwargs)(g)
        return d

    recorded = general_op(f_raw, pull)
    recorded.fun = f_raw
    return recorded


def _rules_of(known: dict[Any, Callable[..., Any]], fun: Any) -> Callable[..., Any]:
    if fun not in known:
        raise NoRuleError(
            f"{op_name(fun)} is a primitive without a derivative. Give it one: "
            f"defvjp({op_name(fun)}, lambda ans, *args, **kwargs: lambda g: ...)."
        )
    return known[fun]


def notrace_primitive(f_raw: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is called with the values of its nodes, and not recorded.

    No derivative passes through it. While a program is recorded for reuse, by
    :func:`memograd.functional.compiled` or :mod:`memograd.optimize`, taking a value is refused.

    Examples
    --------
    >>> import numpy as np
    >>> from memograd.autograd import grad
    >>> rounded = notrace_primitive(np.round)
    >>> float(grad(lambda x: x * rounded(x))(2.2))
    2.0
    """

    @wraps(f_raw)
    def on_values(*args: Any, **kwargs: Any) -> Any:
        return f_raw(*(a.value if isinstance(a, Node) else a for a in args), **kwargs)

    return on_values


def defvjp_argnums(fun: Any, vjpmaker: Callable[..., Any]) -> None:
    """Define the derivatives of a primitive by several arguments at once.

    Parameters
    ----------
    fun : callable
        A primitive.
    vjpmaker : callable
        ``vjpmaker(argnums, ans, args, kwargs)`` gives a function from the cotangent of the result
        to the cotangents of those arguments.

    Examples
    --------
    >>> from memograd.autograd import grad
    >>> f = primitive(lambda x: x * x)
    >>> defvjp_argnums(f, lambda ks, ans, args, kwargs: lambda g: (2 * g * args[0],))
    >>> float(grad(f)(3.0))
    6.0
    """
    if not hasattr(fun, "applied") and getattr(fun, "__wrapped__", fun) in RULES:
        raise RegistrationError(
            f"{op_name(fun)} has a rule of memograd's own. Define the derivative of "
            f"primitive({op_name(fun)}), and call that."
        )
    primitive_vjps[fun] = vjpmaker


def defvjp_argnum(fun: Any, vjpmaker: Callable[..., Any]) -> None:
    """Define the derivatives of a primitive by ``vjpmaker(argnum, ans, args, kwargs)``.

    Examples
    --------
    >>> from memograd.autograd import grad
    >>> f = primitive(lambda x: x * x)
    >>> defvjp_argnum(f, lambda k, ans, args, kwargs: lambda g: 2 * g * args[0])
    >>> float(grad(f)(3.0))
    6.0
    """

    def of_all(argnums: Iterable[int], ans: Any, args: Any, kwargs: Any) -> Any:
        """Apply the maker to each argument."""
        pulls = [vjpmaker(k, ans, args, kwargs) for k in argnums]
        return lambda g: [pull(g) for pull in pulls]

    defvjp_argnums(fun, of_all)


def defvjp(fun: Any, *vjpmakers: Maker | None, argnums: Iterable[int] | None = None) -> None:
    """Define the derivatives of a primitive, one for each argument.

    Parameters
    ----------
    fun : callable
        A primitive.
    *vjpmakers : callable or None
        ``vjpmaker(ans, *args, **kwargs)`` gives the function from the cotangent of the result to
        that of the argument; None where no derivative passes.
    argnums : iterable of int, optional
        Which arguments they are for; the first ones, if it is not given.

    Examples
    --------
    >>> from memograd.autograd import grad
    >>> f = primitive(lambda x: x * x)
    >>> defvjp(f, lambda ans, x: lambda g: 2 * g * x)
    >>> float(grad(f)(3.0))
    6.0
    """
    makers = dict(zip(count() if argnums is None else argnums, vjpmakers, strict=False))

    def of_argument(argnum: int, ans: Any, args: Any, kwargs: Any) -> Callable[[Any], Any]:
        """Apply the maker of one argument."""
        maker = _maker_for(makers, fun, argnum)
        return (lambda g: None) if maker is None else maker(ans, *args, **kwargs)

    defvjp_argnum(fun, of_argument)


def _maker_for(makers: dict[int, Any], fun: Any, argnum: int) -> Any:
    if argnum not in makers:
        raise NoRuleError(
            f"{op_name(fun)} has no derivative by argument {argnum}. Name it in defvjp, or None "
            f"for it if no derivative passes."
        )
    return makers[argnum]


def defjvp_argnums(fun: Any, jvpmaker: Callable[..., Any]) -> None:
    """Define the tangent of a primitive by ``jvpmaker(argnums, gs, ans, args, kwargs)``.

    It is not needed: without it the tangent is that of the transposed VJP.

    Examples
    --------
    >>> from memograd.autograd import make_jvp
    >>> f = primitive(lambda x: x * x)
    >>> defvjp(f, lambda ans, x: lambda g: 2 * g * x)
    >>> defjvp_argnums(f, lambda ks, gs, ans, args, kwargs: 2 * gs[0] * args[0])
    >>> float(make_jvp(f)(3.0)(1.0)[1])
    6.0
    """
    primitive_jvps[fun] = jvpmaker
    if not hasattr(fun, "applied"):
        return  # as in autograd, a function that is no primitive is traced, whatever is defined

    def push(tangents: dict[int, Any], ans: Any, args: Any, kwargs: Any) -> Any:
        return primitive_jvps[fun](tuple(tangents), tuple(tangents.values()), ans, args, kwargs)

    define_push(fun, push)


def defjvp_argnum(fun: Any, jvpmaker: Callable[..., Any]) -> None:
    """Define the tangent of a primitive by ``jvpmaker(argnum, g, ans, args, kwargs)``, summed.

    Examples
    --------
    >>> from memograd.autograd import make_jvp
    >>> f = primitive(lambda x: x * x)
    >>> defvjp(f, lambda ans, x: lambda g: 2 * g * x)
    >>> defjvp_argnum(f, lambda k, g, ans, args, kwargs: 2 * g * args[0])
    >>> float(make_jvp(f)(3.0)(1.0)[1])
    6.0
    """

    def of_all(argnums: Iterable[int], gs: Iterable[Any], ans: Any, args: Any, kwargs: Any) -> Any:
        """Apply the maker to each argument."""
        space = vspace(ans)
        total: Any = space.zeros()
        for k, g in zip(argnums, gs, strict=True):
            total = space.add(total, jvpmaker(k, g, ans, args, kwargs))
        return total

    defjvp_argnums(fun, of_all)


def defjvp(fun: Any, *jvpfuns: Any, argnums: Iterable[int] | None = None) -> None:
    """Define the tangent of a primitive, one term for each argument.

    Parameters
    ----------
    fun : callable
        A primitive.
    *jvpfuns : callable, "same" or None
        ``jvpfun(g, ans, *args, **kwargs)`` gives what the tangent `g` of the argument adds to that
        of the result; "same", if `fun` is linear in it; None where no derivative passes.
    argnums : iterable of int, optional
        Which arguments they are for; the first ones, if it is not given.

    Examples
    --------
    >>> from memograd.autograd import make_jvp
    >>> f = primitive(lambda x: x * x)
    >>> defvjp(f, lambda ans, x: lambda g: 2 * g * x)
    >>> defjvp(f, lambda g, ans, x: 2 * g * x)
    >>> float(make_jvp(f)(3.0)(1.0)[1])
    6.0
    """
    pushes = dict(zip(count() if argnums is None else argnums, jvpfuns, strict=False))

    def of_argument(argnum: int, g: Any, ans: Any, args: Any, kwargs: Any) -> Any:
        """Apply the maker of one argument."""
        push = _maker_for(pushes, fun, argnum)
        if push == "same":
            return fun(*args[:argnum], g, *args[argnum + 1 :], **kwargs)
        return vspace(ans).zeros() if push is None else push(g, ans, *args, **kwargs)

    defjvp_argnum(fun, of_argument)


def def_linear(fun: Any) -> None:
    """Define the tangent of a primitive that is linear in each of its arguments.

    Examples
    --------
    >>> from memograd.autograd import make_jvp
    >>> f = primitive(lambda x: 3 * x)
    >>> defvjp(f, lambda ans, x: lambda g: 3 * g)
    >>> def_linear(f)
    >>> float(make_jvp(f)(2.0)(1.0)[1])
    3.0
    """
    defjvp_argnum(
        fun,
        lambda k, g, ans, args, kwargs: fun(*args[:k], g, *args[k + 1 :], **kwargs),
    )
