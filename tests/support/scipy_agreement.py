"""What the tests of memograd.scipy share: a function of nodes against SciPy's, and against central differences."""

from collections.abc import Callable
from typing import Any

import numpy as np

import memograd as mg


def agree(
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    xs: list[Any],
    second: bool = True,
    rtol: float = 1e-10,
) -> None:
    """Values are SciPy's; gradients and Hessian products are those of central differences."""
    tape = mg.Tape()
    nodes = [tape.leaf(x) for x in xs]
    y, want = ours(*nodes), theirs(*xs)
    assert isinstance(y, mg.Node)
    np.testing.assert_allclose(y.value, want, rtol=rtol, atol=1e-12)
    weight = np.cos(np.arange(np.size(want)) + 1.0).reshape(np.shape(want))
    mg.check.check_grad(np.sum(np.real(y * weight) + np.imag(y)), nodes, rtol=1e-6, atol=1e-7)
    if second:
        L = lambda *xs: np.sum(np.real(ours(*xs) * weight) ** 2)  # noqa: E731
        ts, h, ks = [np.cos(x) for x in xs], 1e-5, range(len(xs))
        g = mg.functional.grad(L, argnums=tuple(ks))
        up, down = (
            g(*(x + h * t for x, t in zip(xs, ts, strict=True))),
            g(*(x - h * t for x, t in zip(xs, ts, strict=True))),
        )
        for got, a, b in zip(mg.functional.hvp(L, xs, ts), up, down, strict=True):
            np.testing.assert_allclose(got, (a - b) / (2 * h), rtol=1e-5, atol=1e-5)
