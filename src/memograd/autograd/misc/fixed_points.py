"""Fixed points, and their derivatives by the implicit function theorem."""

from collections.abc import Callable
from typing import Any

from ..differential_operators import make_vjp
from ..primitives import defvjp, primitive
from ..vector_spaces import vspace


@primitive
def fixed_point(
    f: Callable[[Any], Callable[[Any], Any]], a: Any, x0: Any, distance: Any, tol: float
) -> Any:
    """Return x = f(a)(x), iterated from x0 until ``distance(x, f(a)(x))`` is at most `tol`.

    Its derivative by a is that of the fixed point itself, not that of the iteration.

    Examples
    --------
    >>> from memograd.autograd import grad
    >>> def babylonian(a):
    ...     return lambda x: 0.5 * (x + a / x)
    >>> root = lambda a: fixed_point(babylonian, a, 1.0, lambda x, y: abs(x - y), 1e-9)
    >>> float(root(4.0)), float(grad(root)(4.0))
    (2.0, 0.25)
    """
    step = f(a)
    before, x = x0, step(x0)
    while distance(x, before) > tol:
        before, x = x, step(x)
    return x


def _cotangent_of_parameter(
    x: Any, f: Any, a: Any, x0: Any, distance: Any, tol: float
) -> Callable[[Any], Any]:
    """Return the VJP by a: g (I − ∂f/∂x)⁻¹ ∂f/∂a, the first factor a fixed point, too."""

    def accumulation(given: Any) -> Callable[[Any], Any]:
        """Return the map whose fixed point is g (I − ∂f/∂x)⁻¹."""
        a, x, g = given
        pull, space = make_vjp(f(a))(x)[0], vspace(x)
        return lambda w: space.add(pull(w), g)

    def pull_a(g: Any) -> Any:
        """Pull a cotangent of x back to a."""
        w = fixed_point(accumulation, (a, x, g), vspace(x0).zeros(), distance, tol)
        return make_vjp(lambda a: f(a)(x))(a)[0](w)

    return pull_a


defvjp(fixed_point, None, _cotangent_of_parameter, None)
