"""Derivatives of mpmath's functions by central differences in many digits: the numbers that the sweep compares with.

A difference with a step of 1e-15 has a truncation error near 1e-30 of the derivative; the working precision is raised by as many
digits as three differences cancel.
"""

from collections.abc import Callable, Sequence
from itertools import product
from math import log10
from typing import Any

import mpmath
from mpmath import mp

DIGITS = 50
STENCILS = {
    0: {0: 1.0},
    1: {-1: -0.5, 1: 0.5},
    2: {-1: 1.0, 0: -2.0, 1: 1.0},
    3: {-2: -0.5, -1: 1.0, 1: -1.0, 2: 0.5},
}


class NoReferenceError(ArithmeticError):
    """There is no derivative at this point: a pole, a kink, an end of the domain."""


def step(x: float, others: Sequence[Any]) -> float:
    """Return the step of the differences at x; at 0, by the smallest of the other arguments."""
    size = abs(x) or min((abs(a) for a in others if a), default=1.0)
    return 1e-15 * (size if size <= 1 or (size > 1e20 and x) else 1.0)


class Differences:
    """Partial derivatives of one function at one point, from values that are computed once."""

    def __init__(self, f: Callable[..., Any], args: Sequence[Any], varied: Sequence[int]) -> None:
        self.f, self.args, self.varied = f, args, varied
        self.known: dict[tuple[int, ...], Any] = {}
        self.noise = mpmath.mpf(0)
        steps = {k: step(args[k], [args[j] for j in varied]) for k in varied}
        self.steps = {k: mpmath.mpf(h) for k, h in steps.items()}
        self.digits = int(
            DIGITS + 3 * max(log10(max(abs(args[k]), 1.0) / h) for k, h in steps.items())
        )

    def at(self, offsets: tuple[int, ...]) -> Any:
        """Return the function at so many steps from the point."""
        if offsets not in self.known:
            xs = [a if isinstance(a, int) else mpmath.mpf(a) for a in self.args]
            for k, n in zip(self.varied, offsets, strict=True):
                xs[k] = xs[k] + n * self.steps[k]
            y = self.f(*xs)
            if isinstance(y, mpmath.mpc):
                if abs(y.imag) > abs(y.real) * mpmath.mpf(10) ** -(self.digits - 20):
                    raise NoReferenceError
                y = y.real
            if not mpmath.isfinite(y):
                raise NoReferenceError
            self.known[offsets] = y
        return self.known[offsets]

    def partial(self, orders: Sequence[int]) -> Any:
        """Return the derivative of these orders, by argument."""
        with mp.workdps(self.digits):
            total = size = mpmath.mpf(0)
            scale = mpmath.mpf(1)
            for k, n in zip(self.varied, orders, strict=True):
                scale *= self.steps[k] ** n
            for picks in product(*(STENCILS[n].items() for n in orders)):
                weight = 1.0
                for _, w in picks:
                    weight *= w
                term = weight * self.at(tuple(o for o, _ in picks))
                total, size = total + term, size + abs(term)
            if abs(total) < size * mpmath.mpf(10) ** (10 - self.digits):
                self.noise = max(self.noise, size * mpmath.mpf(10) ** (10 - self.digits) / scale)
                return mpmath.mpf(0)  # equal numbers, up to rounding
            total /= scale
            return total

    def by(self, *ks: int) -> Any:
        """Return the derivative by these arguments, one after the other."""
        return self.partial([ks.count(k) for k in self.varied])


def as_float(x: Any) -> float:
    """Return the nearest float; infinity beyond the range."""
    try:
        return float(x)
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")


def sensitivity(args: Sequence[Any], slopes: dict[int, Any]) -> float:
    """Return Σ |xᵢ ∂g/∂xᵢ|, the change of g by a relative change of the arguments."""
    return as_float(sum((abs(mpmath.mpf(args[k]) * d) for k, d in slopes.items()), mpmath.mpf(0)))


Entry = tuple[float, float]
"""A derivative and its sensitivity."""


def derivatives(case: Any, args: Sequence[Any]) -> dict[str, Entry]:
    """Return the derivatives of the first and second order, `"0"` by argument 0, `"01"` by 0 and 1, with their sensitivities."""
    varied = case.varied
    made: dict[str, Entry] = {}
    whole = None if case.value is None or case.slopes else Differences(case.value, args, varied)
    used = [] if whole is None else [whole]
    for k in varied:
        own = None if whole is not None else Differences(case.slopes[k], args, varied)
        read = (lambda *ks, k=k: whole.by(k, *ks)) if own is None else own.by
        used += [] if own is None else [own]
        made[str(k)] = (as_float(read()), sensitivity(args, {j: read(j) for j in varied}))
        for m in varied:
            if f"{m}{k}" not in made:
                made[f"{k}{m}"] = (
                    as_float(read(m)),
                    sensitivity(args, {j: read(m, j) for j in varied}),
                )
    floor = as_float(max(d.noise for d in used) * mpmath.mpf(10) ** 14)
    return {name: (value, size + floor) for name, (value, size) in made.items()}
