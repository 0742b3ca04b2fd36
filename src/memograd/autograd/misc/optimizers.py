"""Stochastic gradient descent, RMSprop and Adam, on pytrees of arrays.

Each takes ``grad(x, i)``, the start, and ``callback(x, i, gradient)``, which is called before each
step.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from .flatten import flatten

Gradient = Callable[[Any, int], Any]
Callback = Callable[[Any, int, Any], Any]
Step = Callable[[Any, Any, int], Any]


def on_pytrees(optimizer: Callable[..., Any]) -> Callable[..., Any]:
    """Return an optimizer of pytrees, given one of vectors."""

    @wraps(optimizer)
    def optimize(
        grad: Gradient, x0: Any, callback: Callback | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Flatten the start, optimize, and give the pytree back."""
        start, unflatten = flatten(x0)

        def gradient(x: Any, i: int) -> Any:
            return flatten(grad(unflatten(x), i))[0]

        def report(x: Any, i: int, g: Any) -> None:
            if callback is not None:
                callback(unflatten(x), i, unflatten(g))

        return unflatten(optimizer(gradient, start, report, *args, **kwargs))

    return optimize


def descend(grad: Gradient, x: Any, callback: Callback, num_iters: int, step: Step) -> Any:
    """Return x after `num_iters` steps ``x = step(x, gradient, i)``."""
    for i in range(num_iters):
        g = grad(x, i)
        callback(x, i, g)
        x = step(x, g, i)
    return x


@on_pytrees
def sgd(
    grad: Gradient,
    x: Any,
    callback: Callback,
    num_iters: int = 200,
    step_size: float = 0.1,
    mass: float = 0.9,
) -> Any:
    """Return the point that gradient descent with momentum reaches.

    Examples
    --------
    >>> from memograd.autograd import grad
    >>> gradient = grad(lambda x: np.sum((x - 1.0) ** 2))
    >>> bool(np.allclose(sgd(lambda x, i: gradient(x), np.zeros(2)), 1.0, atol=1e-3))
    True
    """
    velocity = np.zeros(len(x))

    def step(x: Any, g: Any, i: int) -> Any:
        """Return the next point."""
        nonlocal velocity
        velocity = mass * velocity - (1.0 - mass) * g
        return x + step_size * velocity

    return descend(grad, x, callback, num_iters, step)


@on_pytrees
def rmsprop(
    grad: Gradient,
    x: Any,
    callback: Callback,
    num_iters: int = 100,
    step_size: float = 0.1,
    gamma: float = 0.9,
    eps: float = 1e-8,
) -> Any:
    """Return the point that RMSprop reaches: steps over the root of the mean square of gradients.

    References
    ----------
    T. Tieleman, G. Hinton: Lecture 6.5, Neural Networks for Machine Learning (2012).
    """
    square = np.ones(len(x))

    def step(x: Any, g: Any, i: int) -> Any:
        """Return the next point."""
        nonlocal square
        square = square * gamma + g**2 * (1 - gamma)
        return x - step_size * g / (np.sqrt(square) + eps)

    return descend(grad, x, callback, num_iters, step)


@on_pytrees
def adam(
    grad: Gradient,
    x: Any,
    callback: Callback,
    num_iters: int = 100,
    step_size: float = 0.001,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
) -> Any:
    """Return the point that Adam reaches.

    References
    ----------
    D. P. Kingma, J. Ba: Adam: A Method for Stochastic Optimization (2015), algorithm 1.
    """
    first, second = np.zeros(len(x)), np.zeros(len(x))

    def step(x: Any, g: Any, i: int) -> Any:
        """Return the next point."""
        nonlocal first, second
        first = (1 - b1) * g + b1 * first
        second = (1 - b2) * g**2 + b2 * second
        unbiased = first / (1 - b1 ** (i + 1)), second / (1 - b2 ** (i + 1))
        return x - step_size * unbiased[0] / (np.sqrt(unbiased[1]) + eps)

    return descend(grad, x, callback, num_iters, step)
