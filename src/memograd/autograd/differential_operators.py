"""autograd's operators on functions, each a few lines over :mod:`memograd.functional`.

`argnum` is the position of the argument to differentiate by, or a tuple or list of several; then
the answer is a tuple. Arrays of integers are differentiated as floats.
"""

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from .. import functional
from ..arrays.pytrees import describe_tree, tree_leaves
from ..errors import NotDifferentiableError
from .conventions import Argnum, call_named, check_argnum, with_inexact, writeable
from .core import make_jvp as core_jvp
from .core import make_vjp as core_vjp
from .primitives import defvjp_argnum, primitive
from .vector_spaces import vspace
from .wrap_util import unary_to_nary

make_vjp = unary_to_nary(core_vjp)
make_jvp = unary_to_nary(core_jvp)


def _as_real_scalar(y: Any, fun: Any, operator: str) -> Any:
    """Return the result of `fun` as a real scalar, if it is one real number in any shape."""
    shape = getattr(y, "shape", None)
    if shape == () and y.dtype.kind != "c":
        return y
    if isinstance(y, list | tuple | dict) or np.iscomplexobj(y) or np.size(y) != 1:
        what = describe_tree(y) if shape is None else f"{y.dtype} {shape}"
        raise NotDifferentiableError(
            f"{operator} is that of a real number, but {_name(fun)} gave {what}. Use jacobian or "
            f"elementwise_grad; holomorphic_grad for a complex number."
        )
    return np.reshape(y, ()) if shape else y


def _scalar_with_result(fun: Callable[..., Any], operator: str) -> Callable[..., tuple[Any, Any]]:
    """Return a function that gives fun's result as a real scalar, and beside it as it is."""

    def scalar(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Call `fun`; return its result as a real scalar, and what stands beside it."""
        y = fun(*args, **kwargs)
        return _as_real_scalar(y, fun, operator), y

    scalar.__name__ = _name(fun)
    return scalar


def _name(fun: Any) -> str:
    return getattr(fun, "__name__", "function")


def grad(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]:
    """Return the function that gives the gradient of `fun`, a real scalar.

    Parameters
    ----------
    fun : callable
        Of arrays or pytrees of them; it gives one real number, in an array of any shape.
    argnum : int, or tuple or list of int
        By which positional arguments to differentiate.

    Returns
    -------
    callable
        Called as `fun` is; gives the gradient in the pytree and shapes of the argument.

    Raises
    ------
    RefusedError
        `argnum` is something else; or `fun` converts a number that depends on the argument, so that
        its derivative would be lost.
    NotDifferentiableError
        The call has no such argument, it holds no numbers, or `fun` gives no real scalar.

    Examples
    --------
    >>> import memograd.autograd.numpy as np
    >>> from memograd.autograd import grad
    >>> grad(lambda x, y: np.sum(x * x) * y, argnum=[0, 1])(np.array([1.0, 2.0]), 3.0)
    (array([ 6., 12.]), np.float64(5.0))
    """
    check_argnum(argnum)
    gradient_of = functional.grad(_scalar_with_result(fun, "grad"), argnum, has_aux=True)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        return writeable(gradient_of(*with_inexact(args, argnum), **kwargs)[0])

    return call_named("grad", fun, argnum, gradient)  # type: ignore[no-any-return]


def value_and_grad(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., tuple[Any, Any]]:
    """Return the function that gives ``(fun(x), gradient)``, as `scipy.optimize` takes it.

    Parameters and errors are those of :func:`grad`.

    Examples
    --------
    >>> value_and_grad(lambda x: x * x)(3.0)
    (np.float64(9.0), np.float64(6.0))
    """
    check_argnum(argnum)
    both_of = functional.value_and_grad(
        _scalar_with_result(fun, "value_and_grad"), argnum, has_aux=True
    )

    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Return the value and the gradient."""
        (_, y), g = both_of(*with_inexact(args, argnum), **kwargs)
        return writeable(y), writeable(g)

    return call_named("value_and_grad", fun, argnum, both)  # type: ignore[no-any-return]


def elementwise_grad(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]:
    """Return the function that gives the column sums of the Jacobian of `fun`.

    That is the derivative of each entry, where `fun` acts entry by entry. Parameters and errors are
    those of :func:`grad`; `fun` gives real arrays of any shape.

    Examples
    --------
    >>> import memograd.autograd.numpy as np
    >>> elementwise_grad(np.square)(np.array([1.0, 2.0]))
    array([2., 4.])
    """

    def total(*args: Any, **kwargs: Any) -> Any:
        """Return the sum of all entries of the result."""
        leaves = tree_leaves(fun(*args, **kwargs))
        if any(map(np.iscomplexobj, leaves)):
            raise NotDifferentiableError(
                f"elementwise_grad is that of real numbers, but {_name(fun)} gave complex ones. "
                f"Use holomorphic_grad of each, or jacobian of np.real and np.imag."
            )
        return sum(np.sum(y) if np.shape(y) else y for y in leaves)

    check_argnum(argnum)
    gradient_of = functional.grad(total, argnum)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        return writeable(gradient_of(*with_inexact(args, argnum), **kwargs))

    return call_named("elementwise_grad", fun, argnum, gradient)  # type: ignore[no-any-return]


def jacobian(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]:
    """Return the function that gives the Jacobian of `fun`, of shape ``(*y.shape, *x.shape)``.

    Parameters and errors are those of :func:`grad`; `fun` gives arrays of any shape. With several
    arguments or results, there is one Jacobian for each: see :func:`memograd.functional.jacobian`.

    Examples
    --------
    >>> import memograd.autograd.numpy as np
    >>> jacobian(np.cumsum)(np.array([1.0, 2.0]))
    array([[1., 0.],
           [1., 1.]])
    """
    check_argnum(argnum)
    matrices_of = functional.jacobian(fun, argnum)

    def matrices(*args: Any, **kwargs: Any) -> Any:
        return writeable(matrices_of(*with_inexact(args, argnum), **kwargs))

    return call_named("jacobian", fun, argnum, matrices)  # type: ignore[no-any-return]


def hessian(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]:
    """Return the function that gives the Hessian of `fun`: the Jacobian of its Jacobian.

    Parameters and errors are those of :func:`jacobian`.

    Examples
    --------
    >>> hessian(lambda x: x[0] * x[0] * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    check_argnum(argnum)
    matrices_of = functional.hessian(fun, argnum)

    def matrices(*args: Any, **kwargs: Any) -> Any:
        return writeable(matrices_of(*with_inexact(args, argnum), **kwargs))

    return call_named("hessian", fun, argnum, matrices)  # type: ignore[no-any-return]


@unary_to_nary
def deriv(fun: Callable[..., Any], x: Any) -> Any:
    """Return the derivative of `fun` in the direction of ones, in forward mode.

    Examples
    --------
    >>> float(deriv(np.sin)(0.0))
    1.0
    """
    return core_jvp(fun, x)(vspace(x).ones())[1]


@unary_to_nary
def holomorphic_grad(fun: Callable[..., Any], x: Any) -> Any:
    """Return the complex derivative of `fun`, which is holomorphic: ∂f/∂z.

    For a real x it is the gradient of the real part.

    Examples
    --------
    >>> complex(holomorphic_grad(lambda z: z * z)(1.0 + 2.0j))
    (2+4j)
    """
    return grad(lambda z: np.real(fun(z)))(x)


def grad_named(fun: Callable[..., Any], argname: str) -> Callable[..., Any]:
    """Return the function that gives the gradient of `fun` by the parameter of a name.

    Examples
    --------
    >>> float(grad_named(lambda x, y: x * y, "y")(2.0, 3.0))
    2.0
    """
    return grad(fun, list(signature(fun).parameters).index(argname))


def multigrad_dict(fun: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Return the function that gives the gradients by all parameters, in a dict by their names.

    Examples
    --------
    >>> gradients = multigrad_dict(lambda x, y=2.0: x * y)(3.0)
    >>> {name: float(g) for name, g in gradients.items()}
    {'x': 2.0, 'y': 3.0}
    """
    form = signature(fun)

    def gradients(*args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the gradients by the names of the parameters."""
        bound = form.bind(*args, **kwargs)
        bound.apply_defaults()

        def of_arguments(arguments: dict[str, Any]) -> Any:
            """Call `fun` with its arguments in a dict."""
            bound.arguments = arguments
            return fun(*bound.args, **bound.kwargs)

        of_arguments.__name__ = _name(fun)
        return grad(of_arguments)(dict(bound.arguments))  # type: ignore[no-any-return]

    return gradients


@unary_to_nary
def make_hvp(fun: Callable[..., Any], x: Any) -> tuple[Callable[[Any], Any], Any]:
    """Return the function from v to the product of the Hessian with v, and the gradient.

    Examples
    --------
    >>> product, gradient = make_hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    >>> product(np.array([1.0, 0.0])), gradient
    (array([6., 0.]), array([ 3., 12.]))
    """
    return core_vjp(grad(fun), x)


def hessian_tensor_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """Return the function of fun's arguments and a tensor that gives the product with the Hessian.

    Examples
    --------
    >>> hessian_tensor_product(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """

    def product(*args: Any, **kwargs: Any) -> Any:
        """Return the product with the last argument."""
        *given, tensor = args
        return make_jvp(grad(fun, argnum), argnum)(*given, **kwargs)(tensor)[1]

    return call_named("hessian_tensor_product", fun, argnum, product)  # type: ignore[no-any-return]


hessian_vector_product = hessian_tensor_product


def tensor_jacobian_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """Return the function of fun's arguments and a tensor that gives its product with the Jacobian.

    The tensor is product_with_result with all its axes, which are the first ones of fun's result.

    Examples
    --------
    >>> tensor_jacobian_product(np.square)(np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    array([ 2., 40.])
    """

    def product_with_result(*args: Any, **kwargs: Any) -> Any:
        """Return the tensor contracted with the result."""
        *given, tensor = args
        return np.tensordot(tensor, fun(*given, **kwargs), np.ndim(tensor))

    return jacobian(product_with_result, argnum)


vector_jacobian_product = tensor_jacobian_product


@unary_to_nary
def make_jvp_reversemode(fun: Callable[..., Any], x: Any) -> Callable[[Any], Any]:
    """Return the function from a tangent of x to that of ``fun(x)``."""
    jvp = core_jvp(fun, x)
    return lambda v: jvp(v)[1]


def half_square(x: Any) -> Any:
    """Return half the sum of squares along the last axis."""
    return 0.5 * np.sum(x**2, axis=-1)


def make_ggnvp(
    f: Callable[..., Any], g: Callable[[Any], Any] = half_square, f_argnum: int = 0
) -> Callable[..., Any]:
    """Return the function that gives the product with the generalized Gauss-Newton matrix of g ∘ f.

    It is Jᵀ H J v, with the Jacobian J of f and the Hessian H of g.

    References
    ----------
    N. N. Schraudolph: Fast Curvature Matrix-Vector Products for Second-Order Gradient Descent,
    Neural Computation 14 (2002).

    Examples
    --------
    >>> float(make_ggnvp(np.sin)(0.0)(3.0))
    3.0
    """

    def product_at(f: Callable[..., Any], x: Any) -> Callable[[Any], Any]:
        """Return the function from v to the product at x."""
        pull, y = core_vjp(f, x)
        push, curve = core_jvp(f, x), core_vjp(grad(g), y)[0]
        return lambda v: pull(curve(push(v)[1]))

    return unary_to_nary(product_at)(f, f_argnum)  # type: ignore[no-any-return]


@unary_to_nary
def grad_and_aux(fun: Callable[..., Any], x: Any) -> tuple[Any, Any]:
    """Return the gradient of the first of fun's two results, and the second.

    Examples
    --------
    >>> grad_and_aux(lambda x: (x * x, 'beside'))(3.0)
    (np.float64(6.0), 'beside')
    """

    def scalar(x: Any) -> tuple[Any, Any]:
        """Call `fun`; return its result as a real scalar, and what stands beside it."""
        y, aux = fun(x)
        return _as_real_scalar(y, fun, "grad_and_aux"), aux

    g, aux = functional.grad(scalar, has_aux=True)(*with_inexact((x,), 0))
    return writeable(g), writeable(aux)


def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fun` as one op, which keeps nothing of what it computes in between.

    Its derivative runs it again. It may use no nodes but its arguments.

    References
    ----------
    A. Griewank, A. Walther: Evaluating Derivatives (2nd ed., 2008), chapter 12.

    Examples
    --------
    >>> float(grad(checkpoint(lambda x: np.sin(x) * x))(0.0))
    0.0
    """
    recorded = primitive(fun)
    defvjp_argnum(
        recorded, lambda argnum, y, args, kwargs: make_vjp(fun, argnum)(*args, **kwargs)[0]
    )
    return recorded  # type: ignore[no-any-return]
