"""Cancellation of cotangents that are 0 in exact arithmetic.

For example, the cotangent of the maximum in logsumexp is 1 - sum(e)/sum(e). Each value is written
as a polynomial in others, as far as sums, products, quotients and broadcasts go; exponents may be
negative. A factor that is constant along the axes of a sum stands before it. A derivative whose
polynomial is 0 becomes 0; values that only it needs are not computed, and nothing adds it.

The pass is not exact: rounding left some 1e-16 of the largest term. It removes only what a quotient
cancels. `y - y` is 0 in the tape as well, but NaN where y is infinite, and so it stays.
"""

from typing import Any

import numpy as np

from ...arrays.values import is_inexact
from ...program.steps import Operand
from ..ir import Graph, GraphBuilder, Instruction, operands
from ..op_traits import axes_of

Monomial = tuple[tuple[Any, int], ...]
"""Factors with their exponents, in order of their keys."""
Polynomial = dict[Monomial, float]
"""Monomials with their coefficients."""

MAX_TERMS = 6
"""Largest number of terms of a polynomial, and of factors of a monomial.

A longer one becomes a variable of its own.
"""

MAX_COEFFICIENT = 1e300
"""Coefficients up to which nothing overflows. Larger ones, and NaN, become variables."""


def cancel_cotangents(graph: Graph) -> Graph:
    """Replace derivatives that cancel by zeros."""
    forms, builder, zeros = Polynomials(graph), GraphBuilder(graph), set[int]()
    for n, instruction in builder:
        rest = _without(zeros, builder, instruction) if n in graph.derivatives else None
        if forms.vanishes(n):
            zero = builder.bind(np.broadcast_to(instruction.dtype.type(0), instruction.shape))
            builder.replace(n, zero)
            zeros.add(zero)
        elif rest is not None:
            builder.replace(n, rest)
        else:
            builder.emit(n, instruction)
    return builder.build()


def _without(zeros: set[int], builder: GraphBuilder, instruction: Instruction) -> Operand | None:
    """Return the other term of a sum with a derivative that vanished."""
    if instruction.op is not np.add or not zeros.intersection(operands(instruction)):
        return None
    a, b = instruction.args
    rest = b if a in zeros else a
    same = (
        type(rest) is Operand
        and builder.instructions[rest].shape == instruction.shape
        and builder.instructions[rest].dtype == instruction.dtype
    )
    return rest if same else None


class Polynomials:
    """Polynomials of the values of a graph, each computed on request."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.forms: dict[int, Polynomial] = {}
        self.shapes: dict[Any, tuple[int, ...]] = {}
        # Derivatives that contain sums: without a sum, no new terms cancel.
        self.summed: set[int] = set()
        # Instructions in whose polynomial a quotient cancelled.
        self.reduced: set[int] = set()
        self._reduces = False

    def vanishes(self, n: int) -> bool:
        """Return whether the next instruction is a derivative that is 0."""
        instruction = self.graph.instructions[n]
        if (
            n not in self.graph.derivatives
            or instruction.op not in POLYNOMIAL_RULES
            or not is_inexact(instruction.dtype)
        ):
            return False
        if instruction.op is not np.sum and self.summed.isdisjoint(operands(instruction)):
            return False
        self.summed.add(n)
        return not self.form(n) and n in self.reduced

    def form(self, n: int) -> Polynomial:
        """Return the polynomial of an instruction, after those of its operands."""
        stack = [n]
        while stack:
            instruction = self.graph.instructions[stack[-1]]
            written = (
                POLYNOMIAL_RULES.get(instruction.op)
                if not isinstance(instruction.dtype, tuple)
                else None
            )
            missing = (
                [a for a in operands(instruction) if a not in self.forms]
                if written is not None
                else []
            )
            if missing:
                stack += missing
            else:
                m = stack.pop()
                self._reduces = not self.reduced.isdisjoint(operands(instruction))
                self.forms[m] = self._bound_form(
                    m, written(self, m, instruction) if written is not None else None
                )
                if self._reduces:
                    self.reduced.add(m)
        return self.forms[n]

    def _bound_form(self, n: int, result: Polynomial | None) -> Polynomial:
        """Return a polynomial; the value itself, if it is too long or not known."""
        if (
            result is not None
            and len(result) <= MAX_TERMS
            and all(len(p) <= MAX_TERMS and 0 < abs(c) < MAX_COEFFICIENT for p, c in result.items())
        ):
            return result
        self.shapes[n] = self.graph.instructions[n].shape
        return {((n, 1),): 1.0}

    def times(self, p: Monomial, q: Monomial, sign: int = 1) -> Monomial:
        """Return the product of two monomials; for `sign=-1`, their quotient."""
        powers = dict(p)
        for key, power in q:
            powers[key] = powers.get(key, 0) + sign * power
        left = {key: power for key, power in powers.items() if power}
        self._reduces |= len(left) < len(powers)
        return tuple(sorted(left.items(), key=repr))

    def of(self, a: Any) -> Polynomial | None:
        """Return the polynomial of an argument."""
        if type(a) is Operand:
            return self.forms[a]
        return _number_polynomial(a)

    def shape(self, a: Any) -> tuple[int, ...]:
        """Return the shape of an argument."""
        return tuple(self.graph.instructions[a].shape) if type(a) is Operand else np.shape(a)


def _number_polynomial(a: Any) -> Polynomial | None:
    """Return the polynomial of a constant; None for 0, infinity and NaN, since `0*x` may be NaN."""
    return (
        {(): float(a)}
        if isinstance(a, int | float | np.floating) and 0 < abs(float(a)) < MAX_COEFFICIENT
        else None
    )


def _constant_polynomial(forms: Polynomials, n: int, instruction: Instruction) -> Polynomial | None:
    return _number_polynomial(forms.graph.bound.get(n))


def _addition_polynomial(forms: Polynomials, n: int, instruction: Instruction) -> Polynomial | None:
    if (
        instruction.op is np.subtract
        and type(instruction.args[0]) is float
        and instruction.args[0] == 0
    ):
        return _negation_polynomial(forms, n, instruction._replace(args=instruction.args[1:]))
    a, b = map(forms.of, instruction.args)
    if a is None or b is None:
        return None
    total, sign = dict(a), -1 if instruction.op is np.subtract else 1
    for product, c in b.items():
        total[product] = total.get(product, 0.0) + sign * c
    return {product: c for product, c in total.items() if c != 0}


def _product_polynomial(forms: Polynomials, n: int, instruction: Instruction) -> Polynomial | None:
    a, b = map(forms.of, instruction.args)
    if a is None or b is None or len(a) * len(b) > MAX_TERMS:
        return None
    total: Polynomial = {}
    for p, c in a.items():
        for q, d in b.items():
            if c * d == 0:
                return None  # an underflow
            product = forms.times(p, q)
            total[product] = total.get(product, 0.0) + c * d
    return {product: c for product, c in total.items() if c != 0}


def _quotient_polynomial(forms: Polynomials, n: int, instruction: Instruction) -> Polynomial | None:
    a, b = map(forms.of, instruction.args)
    if a is None or b is None or (len(b) != 1 and a):
        return None
    return {forms.times(p, q, -1): c / d for p, c in a.items() for q, d in b.items()}


def _negation_polynomial(forms: Polynomials, n: int, instruction: Instruction) -> Polynomial | None:
    a = forms.of(instruction.args[0])
    return None if a is None else {product: -c for product, c in a.items()}


def _operand_polynomial(forms: Polynomials, n: int, instruction: Instruction) -> Polynomial | None:
    return forms.of(instruction.args[0])


def _sum_polynomial(forms: Polynomials, n: int, instruction: Instruction) -> Polynomial | None:
    a, shape = forms.of(instruction.args[0]), forms.shape(instruction.args[0])
    axes = axes_of(instruction.kwargs.get("axis"), len(shape))
    whole = instruction.kwargs.get("keepdims") is True or len(axes) == len(shape)
    if (
        a is None
        or not whole
        or len(instruction.args) > 1
        or instruction.kwargs.keys() - {"axis", "keepdims"}
    ):
        return None
    reduced = {k - len(shape): shape[k] for k in axes}
    total: Polynomial = {}
    for product, c in a.items():
        inner = tuple((key, power) for key, power in product if _varies(forms.shapes[key], reduced))
        outer = tuple(factor for factor in product if factor not in inner)
        rest = (
            forms.times(outer, ((_sum_key(forms, inner, reduced, instruction.shape), 1),))
            if inner
            else outer
        )
        total[rest] = total.get(rest, 0.0) + (
            c if inner else c * float(np.prod(list(reduced.values())))
        )
    return {product: c for product, c in total.items() if c != 0}


def _varies(shape: tuple[int, ...], reduced: dict[int, int]) -> bool:
    """Return whether a factor of this shape varies along the summed axes, counted from the last."""
    return any(-k <= len(shape) and shape[k] != 1 for k in reduced)


def _sum_key(
    forms: Polynomials, product: Monomial, reduced: dict[int, int], shape: tuple[int, ...]
) -> Any:
    """Return the key of a sum of a monomial, alike for equal sums."""
    key = ("sum", product, tuple(reduced.items()))
    forms.shapes[key] = tuple(shape)
    return key


POLYNOMIAL_RULES: dict[Any, Any] = {
    None: _constant_polynomial,
    np.ones: lambda forms, n, instruction: {(): 1.0},
    np.zeros: lambda forms, n, instruction: {},
    np.add: _addition_polynomial,
    np.subtract: _addition_polynomial,
    np.multiply: _product_polynomial,
    np.divide: _quotient_polynomial,
    np.negative: _negation_polynomial,
    np.broadcast_to: _operand_polynomial,
    np.sum: _sum_polynomial,
}
