"""Cancellation of cotangents that are 0 in exact arithmetic.

For example, the cotangent of the maximum in logsumexp is 1 - sum(e)/sum(e). Each value is written
as a polynomial in others, as far as sums, products, quotients and broadcasts go; exponents may be
negative. A factor that is constant along the axes of a sum stands before it. A derivative whose
polynomial is 0 becomes 0; values that only it needs are not computed, and nothing adds it.

A variable is a value with the places of its axes, counted from the last one, without axes of length
1. So transposes, and reshapes that only add or drop axes of length 1, move places alone.

The pass is not exact: rounding left some 1e-16 of the largest term. It removes only what a quotient
cancels. `y - y` is 0 in the tape as well, but NaN where y is infinite, and so it stays.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...arrays.values import is_inexact
from ...program.steps import Operand
from ..ir import Graph, GraphBuilder, Instruction, operands
from ..op_traits import axes_of
from .reshapes import RESHAPES, permutation_of


class Variable(NamedTuple):
    """Value whose axes lie at some places, counted from the last one."""

    value: Any
    """Number of an instruction, or the key of a sum."""
    places: tuple[int, ...]


Monomial = tuple[tuple[Variable, int], ...]
"""Variables with their exponents, in order of their keys."""
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
    if not any(i.op is np.divide for i in graph.instructions.values()):
        return graph  # no power becomes 0 without a quotient
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
        return {((Variable(n, places_of(self.graph.instructions[n].shape)), 1),): 1.0}

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
    if a is None or len(instruction.args) > 1 or instruction.kwargs.keys() - {"axis", "keepdims"}:
        return None
    reduced = {k - len(shape): shape[k] for k in axes if shape[k] != 1}
    total: Polynomial = {}
    for product, c in a.items():
        inner = tuple(f for f in product if not reduced.keys().isdisjoint(f[0].places))
        outer = tuple(factor for factor in product if factor not in inner)
        rest = forms.times(outer, ((_sum_variable(inner, reduced), 1),)) if inner else outer
        total[rest] = total.get(rest, 0.0) + (
            c if inner else c * float(np.prod(list(reduced.values())))
        )
    result = {product: c for product, c in total.items() if c != 0}
    if instruction.kwargs.get("keepdims"):
        return result
    left = [k - len(shape) for k in range(len(shape)) if k not in axes]
    return _move(result, {k: m - len(left) for m, k in enumerate(left)})


def _sum_variable(product: Monomial, reduced: dict[int, int]) -> Variable:
    """Return the variable of a sum of a monomial, alike for equal sums wherever their axes lie."""
    lengths = {k: reduced[k] for k in sorted(reduced)}
    left = sorted({k for variable, _ in product for k in variable.places}.difference(reduced))
    own = {k: m for m, k in enumerate((*left, *lengths))}
    factors = ((x.value, tuple(own[k] for k in x.places), power) for x, power in product)
    key = "sum", tuple(sorted(factors, key=repr)), tuple(lengths.values())
    return Variable(key, tuple(left))


def places_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the places of the axes that are not of length 1, counted from the last axis."""
    return tuple(k - len(shape) for k, n in enumerate(shape) if n != 1)


def _move(polynomial: Polynomial, places: Mapping[int, int]) -> Polynomial:
    """Return a polynomial whose variables have their axes at other places."""
    return {
        tuple(sorted((_move_factor(f, places) for f in product), key=repr)): c
        for product, c in polynomial.items()
    }


def _move_factor(factor: tuple[Variable, int], places: Mapping[int, int]) -> tuple[Variable, int]:
    (value, old), power = factor
    return Variable(value, tuple(places[k] for k in old)), power


def _reshape_polynomial(forms: Polynomials, n: int, instruction: Instruction) -> Polynomial | None:
    """Return the polynomial of a reshape that only adds or drops axes of length 1."""
    a, shape = forms.of(instruction.args[0]), forms.shape(instruction.args[0])
    lengths = [tuple(k for k in s if k != 1) for s in (shape, instruction.shape)]
    if a is None or lengths[0] != lengths[1]:
        return None
    return _move(a, dict(zip(places_of(shape), places_of(instruction.shape), strict=True)))


def _transpose_polynomial(
    forms: Polynomials, n: int, instruction: Instruction
) -> Polynomial | None:
    a, ndim = forms.of(instruction.args[0]), len(instruction.shape)
    if a is None:
        return None
    order = permutation_of(instruction)
    return _move(a, {k - ndim: m - ndim for m, k in enumerate(order)})


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
    np.transpose: _transpose_polynomial,
    **dict.fromkeys(RESHAPES, _reshape_polynomial),
}
