"""Checks of derivatives against central differences, in autograd's form."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from ..errors import CheckError
from .core import make_jvp, make_vjp
from .vector_spaces import vspace
from .wrap_util import unary_to_nary

TOL = RTOL = EPS = 1e-6
"""Tolerances, absolute and relative to the sum, and the step of the differences."""


def scalar_close(a: Any, b: Any) -> bool:
    """Return whether two numbers agree within an absolute or a relative tolerance."""
    return bool(abs(a - b) < TOL or abs(a - b) < RTOL * abs(a + b))


def make_numerical_jvp(f: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
    """Return the function from a direction to the central difference of f along it."""
    space, image = vspace(x), vspace(f(x))

    def jvp(v: Any) -> Any:
        """Return the difference quotient along v."""
        there, back = (f(space.add(x, space.scalar_mul(v, h))) for h in (EPS / 2, -EPS / 2))
        return image.scalar_mul(image.add(there, image.scalar_mul(back, -1.0)), 1 / EPS)

    return jvp


def check_equivalent(x: Any, y: Any) -> None:
    """Raise unless two values are of one space, and agree in a random direction."""
    space = vspace(x)
    if space != vspace(y):
        raise CheckError(f"{x!r} is in {space}, but {y!r} in {vspace(y)}. They should be alike.")
    v = space.randn()
    if not scalar_close(space.inner_prod(x, v), space.inner_prod(y, v)):
        raise CheckError(f"{x!r} and {y!r} differ by more than {TOL}. They should be equal.")


def check_jvp(f: Callable[[Any], Any], x: Any) -> None:
    """Compare the tangent of f in a random direction with its central difference."""
    v = vspace(x).randn()
    check_equivalent(make_jvp(f, x)(v)[1], make_numerical_jvp(f, x)(v))


def check_vjp(f: Callable[[Any], Any], x: Any) -> None:
    """Compare the product of a random cotangent with a direction, by f's VJP and by differences."""
    pull, y = make_vjp(f, x)
    space, image = vspace(x), vspace(y)
    v, w = space.randn(), image.randn()
    d = space.covector(pull(image.covector(w)))
    if vspace(d) != space:
        raise CheckError(f"The cotangent {d!r} is in {vspace(d)}, but its primal in {space}.")
    found, expected = space.inner_prod(v, d), image.inner_prod(w, make_numerical_jvp(f, x)(v))
    if not scalar_close(found, expected):
        raise CheckError(
            f"(VJP) check of {getattr(f, '__name__', f)} failed at {x!r}: it gives {found} in a "
            f"random direction, central differences {expected}. Check the rules of its ops."
        )


CHECKS = {"fwd": check_jvp, "rev": check_vjp}


@unary_to_nary
def check_grads(
    f: Callable[[Any], Any], x: Any, modes: Sequence[str] = ("fwd", "rev"), order: int = 2
) -> None:
    """Compare derivatives of f, and derivatives of these, with central differences.

    Parameters
    ----------
    f : callable
        Of one array or pytree; given as ``check_grads(f, argnum, ...)(*args)``, of several.
    x : array_like, or pytree of them
        Where.
    modes : sequence of {"fwd", "rev"}
        Forward or reverse mode, or both.
    order : int
        Up to which derivative.

    Raises
    ------
    CheckError
        They differ.

    Examples
    --------
    >>> import memograd.autograd.numpy as np
    >>> check_grads(np.sin)(0.5)
    """
    for mode in modes:
        CHECKS[mode](f, x)
        if order > 1:
            v = vspace(x if mode == "fwd" else f(x)).randn()
            further = {"fwd": _tangent_of, "rev": _cotangent_of}[mode](f)
            check_grads(further, (0, 1), modes, order=order - 1)(x, v)


def _tangent_of(f: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def tangent(x: Any, v: Any) -> Any:
        return make_jvp(f, x)(v)[1]

    tangent.__name__ = f"jvp_{getattr(f, '__name__', f)}"
    return tangent


def _cotangent_of(f: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def cotangent(x: Any, g: Any) -> Any:
        return make_vjp(f, x)[0](g)

    cotangent.__name__ = f"vjp_{getattr(f, '__name__', f)}"
    return cotangent


def combo_check(fun: Callable[..., Any], *checked: Any, **how: Any) -> Callable[..., None]:
    """Return a function of lists of arguments that checks `fun` at every combination of them."""

    def check_all(*lists: Sequence[Any], **named: Sequence[Any]) -> None:
        for args in product(*lists):
            for values in product(*named.values()):
                keywords = dict(zip(named, values, strict=True))
                check_grads(fun, *checked, **how)(*args, **keywords)

    return check_all


__all__ = [
    "EPS",
    "RTOL",
    "TOL",
    "check_equivalent",
    "check_grads",
    "check_jvp",
    "check_vjp",
    "combo_check",
    "make_numerical_jvp",
    "scalar_close",
]
