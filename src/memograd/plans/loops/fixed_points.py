"""Fixed points as one node, with the derivative of the implicit function theorem.

At x = f(x, p), ∂x/∂p = (1 - f_x)⁻¹ f_p. The pull solves w = g + f_xᵀ w by the same iteration, which
converges where that of f does, and as fast; then the cotangent of p is f_pᵀ w. Tangents are the
fixed point of the loop that carries them along.

References
----------
A. Griewank, A. Walther: Evaluating Derivatives (2nd ed., 2008), chapter 15.
B. Christianson: Reverse accumulation and attractive fixed points, Optimization Methods and Software
3 (1994) 311-326.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...arrays.pytrees import tree_leaves, tree_map, tree_unflatten
from ...errors import LoopError
from ...program.trace_state import TapeSearch
from ...rules.control import stop_gradient
from ...text import printable
from .bodies import Body, fit, inexact_positions, inputs_with_tangents
from .ops import Dual, run_fixed_point
from .state_loops import StateLoop
from .tracing import (
    all_or_nothing,
    as_begin,
    as_operand,
    check_count,
    check_state,
    record_loop,
    tape_of_nodes,
    trace_step,
)


class FixedPoint(StateLoop):
    """Iteration of a body up to its fixed point.

    Attributes
    ----------
    tol : float
        Largest change of an element at which the iteration ends, relative to its size or to 1.
    max_steps : int
        Limit for the number of steps.
    """

    op = staticmethod(run_fixed_point)

    def __init__(self, body: Body, state: int, tol: float, max_steps: int) -> None:
        super().__init__(body, state)
        self.tol, self.max_steps = tol, max_steps

    def __repr__(self) -> str:
        return "<fixed point>"

    def run(self, xs: Sequence[Any]) -> tuple[Any, ...]:
        """Return the fixed point."""
        arrays = list(map(fit, xs))
        rest = arrays[self.state :]
        return tuple(self._iterate(lambda x: self.body.run([*x, *rest]), arrays[: self.state]))

    def pull(
        self, xs: Sequence[Any], g: dict[int, Any], wanted: tuple[int, ...]
    ) -> tuple[Any, ...]:
        """Return the cotangents of the wanted operands; zeros for the initial state."""
        floats = tuple(k for k in inexact_positions(self.body.inputs) if k < self.state)
        facts, operands = self.inputs(), [*self.run(xs), *map(fit, xs[self.state :])]
        seed = [fit(g[k]) if k in g else np.zeros(*facts[k])[()] for k in floats]
        through = self.body.vjp(floats, floats).run

        def following(w: list[Any]) -> list[Any]:
            """Return g + f_xᵀ w."""
            return [a + b for a, b in zip(seed, through([*operands, *w]), strict=True)]

        w = self._iterate(following, seed)
        others = tuple(k for k in wanted if k >= self.state)
        pulled = self.body.vjp(floats, others).run([*operands, *w]) if others else []
        found = dict(zip(others, pulled, strict=True))
        return tuple(found[k] if k in found else np.zeros(*facts[k]) for k in wanted)

    def carry_tangents(self, moving: tuple[int, ...]) -> Dual:
        """Return the iteration that carries tangents."""
        inputs, width = inputs_with_tangents(self.body, self.state, moving)
        body = self.body.with_tangents(inputs, inputs[:width])
        return Dual(FixedPoint(body, width, self.tol, self.max_steps), inputs, inputs[:width])

    def _iterate(self, f: Callable[[list[Any]], list[Any]], x: list[Any]) -> list[Any]:
        """Return the fixed point of f, from x on."""
        for _ in range(self.max_steps):
            following = list(map(fit, f(x)))
            if is_close(following, x, self.tol):
                return following
            x = following
        raise not_converged(self.max_steps, x)


def is_close(a: list[Any], b: list[Any], tol: float) -> bool:
    """Return whether no element differs by more than the tolerance."""
    return all(
        np.all(np.abs(x - y) <= tol * np.maximum(1.0, np.abs(x))) for x, y in zip(a, b, strict=True)
    )


def not_converged(max_steps: int, state: Any) -> LoopError:
    """Return the error for an iteration that came to its limit."""
    return LoopError(
        f"A fixed point was not reached after {max_steps} steps; the state is "
        f"{printable(repr(state))}. Check that the function contracts, or allow a larger tol= or "
        f"max_steps=."
    )


def fixed_point(
    f: Callable[[Any], Any], x0: Any, *, tol: float = 1e-12, max_steps: int = 10_000
) -> Any:
    """Iterate a function to its fixed point x = f(x), as one node.

    Parameters
    ----------
    f : callable
        ``f(x)`` gives the next x, of the same structure, shapes and dtypes. It may close over
        nodes, by which the fixed point is differentiated. It is run once with nodes, and may not
        branch on values. It must contract near the fixed point.
    x0 : Node, array_like, or pytree of them
        Where to begin. The fixed point does not depend on it, and has no derivative by it.
    tol : float
        Largest change of an element at which the iteration ends, relative to its size or to 1.
    max_steps : int
        Limit for the number of steps.

    Returns
    -------
    Node or array, or pytree of them
        The fixed point.

    Raises
    ------
    LoopError
        It was not reached, or `f` gives a state of another form.
    RefusedError
        `f` branches on a value, or reads one.

    Notes
    -----
    The derivative is that of the implicit function theorem, to the tolerance, and not that of the
    steps. Its cost and its memory do not grow with the number of steps that led to the fixed point.

    References
    ----------
    B. Christianson: Reverse accumulation and attractive fixed points (1994).

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> a = mg.Tape().leaf(0.5, name="a")
    >>> x = mg.fixed_point(lambda x: a * np.cos(x), 0.0)
    >>> round(float(x.value), 10), round(float(mg.grad(x, a)), 10)
    (0.4501836113, 0.7394815923)
    """
    max_steps = check_count("max_steps", max_steps, 1)
    tape = tape_of_nodes(x0)
    if tape is None:
        begin = tree_map(as_begin, x0)
        found, tape = TapeSearch().run(lambda: iterate_arrays(f, begin, tol, max_steps))
        if tape is None:
            return found
    with all_or_nothing(tape):
        traced = trace_step(
            lambda x, _: (f(x), None), x0, None, tape, "mg.fixed_point", hoists=True
        )
        loop = FixedPoint(traced.body, len(traced.begin), tol, max_steps)
        begin = [stop_gradient(x) for x in traced.begin]
        return tree_unflatten(x0, record_loop(tape, loop, (*begin, *traced.nodes)))


def iterate_arrays(f: Callable[[Any], Any], x: Any, tol: float, max_steps: int) -> Any:
    """Iterate on arrays alone, where nothing is recorded."""
    for _ in range(max_steps):
        following = f(x)
        check_state("mg.fixed_point", x, following)
        following = tree_map(as_operand, following)
        if is_close(tree_leaves(following), tree_leaves(x), tol):
            return following
        x = following
    raise not_converged(max_steps, x)
