"""Cotangents that cancel: what flows to the maximum in logsumexp is 1 - sum(e)/sum(e), which is 0 in exact arithmetic.

Each value is written as a sum of products of others, its *form*, as far as sums, products, quotients and broadcasts go. A factor
that is the same along the axes of a sum stands before it. A derivative whose form has no term left is 0, what only it needs is
not computed, and it is not added to others. Not exact: rounding left some 1e-16 of the largest term there. Only where a quotient
cancels: `y - y` is 0 in the tape as well, but NaN where y is infinite, and stays as it is.
"""

from typing import Any

import numpy as np

from ...arrays.values import inexact
from ...program.steps import Operand
from ..ir import Graph, GraphBuilder, Instruction, operands
from ..op_traits import axes_of

Monomial = tuple[tuple[Any, int], ...]
"""Factors, each with its power, in order of their keys."""
Polynomial = dict[Monomial, float]
"""Products with their coefficients."""

MAX_TERMS = 6
"""Terms of a form, and factors of a product; what is longer is looked at as one value."""

MAX_COEFFICIENT = 1e300
"""Coefficients up to which nothing overflows; larger ones, and NaN, are not looked into."""


def cancel_cotangents(graph: Graph) -> Graph:
    """The slice with zeros for the derivatives that cancel."""
    forms, draft, zeros = Polynomials(graph), GraphBuilder(graph), set[int]()
    for n, step in draft:
        rest = _without(zeros, draft, step) if n in graph.derivatives else None
        if forms.vanishes(n):
            zero = draft.bind(np.broadcast_to(step.dtype.type(0), step.shape))
            draft.replace(n, zero)
            zeros.add(zero)
        elif rest is not None:
            draft.replace(n, rest)
        else:
            draft.keep(n, step)
    return draft.build()


def _without(zeros: set[int], draft: GraphBuilder, step: Instruction) -> Operand | None:
    """The other term of a sum with a derivative that vanished."""
    if step.op is not np.add or not zeros.intersection(operands(step)):
        return None
    a, b = step.args
    rest = b if a in zeros else a
    same = type(rest) is Operand and draft.steps[rest].shape == step.shape and draft.steps[rest].dtype == step.dtype
    return rest if same else None


class Polynomials:
    """The forms of the steps of a slice, each found when it is asked for."""

    def __init__(self, graph: Graph) -> None:
        self.slice = graph
        self.forms: dict[int, Polynomial] = {}
        self.shapes: dict[Any, tuple[int, ...]] = {}
        self.summed: set[int] = set()  # derivatives made of sums: without a sum, nothing cancels that was not alike before
        self.reduced: set[int] = set()  # steps in whose form a value was divided by itself
        self._reduces = False

    def vanishes(self, n: int) -> bool:
        """Whether the next step is a derivative that is 0."""
        step = self.slice.steps[n]
        if n not in self.slice.derivatives or step.op not in POLYNOMIAL_RULES or not inexact(step.dtype):
            return False
        if step.op is not np.sum and self.summed.isdisjoint(operands(step)):
            return False
        self.summed.add(n)
        return not self.form(n) and n in self.reduced

    def form(self, n: int) -> Polynomial:
        """The form of a step, and on the way of those that it is made of."""
        stack = [n]
        while stack:
            step = self.slice.steps[stack[-1]]
            written = POLYNOMIAL_RULES.get(step.op) if not isinstance(step.dtype, tuple) else None
            missing = [a for a in operands(step) if a not in self.forms] if written is not None else []
            if missing:
                stack += missing
            else:
                m = stack.pop()
                self._reduces = not self.reduced.isdisjoint(operands(step))
                self.forms[m] = self._bound_form(m, written(self, m, step) if written is not None else None)
                if self._reduces:
                    self.reduced.add(m)
        return self.forms[n]

    def _bound_form(self, n: int, found: Polynomial | None) -> Polynomial:
        """A form; the step itself, where it can be written no further."""
        if found is not None and len(found) <= MAX_TERMS and all(len(p) <= MAX_TERMS and 0 < abs(c) < MAX_COEFFICIENT for p, c in found.items()):
            return found
        self.shapes[n] = self.slice.steps[n].shape
        return {((n, 1),): 1.0}

    def times(self, p: Monomial, q: Monomial, sign: int = 1) -> Monomial:
        """The product of two products, or their quotient."""
        powers = dict(p)
        for key, power in q:
            powers[key] = powers.get(key, 0) + sign * power
        left = {key: power for key, power in powers.items() if power}
        self._reduces |= len(left) < len(powers)
        return tuple(sorted(left.items(), key=repr))

    def of(self, a: Any) -> Polynomial | None:
        """The form of an argument."""
        if type(a) is Operand:
            return self.forms[a]
        return _number_polynomial(a)

    def shape(self, a: Any) -> tuple[int, ...]:
        """The shape of an argument."""
        return tuple(self.slice.steps[a].shape) if type(a) is Operand else np.shape(a)


def _number_polynomial(a: Any) -> Polynomial | None:
    """The form of a constant; 0, infinity and NaN are left: `0*x` is not what it seems."""
    return {(): float(a)} if isinstance(a, int | float | np.floating) and 0 < abs(float(a)) < MAX_COEFFICIENT else None


def _constant_polynomial(forms: Polynomials, n: int, step: Instruction) -> Polynomial | None:
    return _number_polynomial(forms.slice.bound.get(n))


def _addition_polynomial(forms: Polynomials, n: int, step: Instruction) -> Polynomial | None:
    if step.op is np.subtract and type(step.args[0]) is float and step.args[0] == 0:
        return _negation_polynomial(forms, n, step._replace(args=step.args[1:]))
    a, b = map(forms.of, step.args)
    if a is None or b is None:
        return None
    total, sign = dict(a), -1 if step.op is np.subtract else 1
    for product, c in b.items():
        total[product] = total.get(product, 0.0) + sign * c
    return {product: c for product, c in total.items() if c != 0}


def _product_polynomial(forms: Polynomials, n: int, step: Instruction) -> Polynomial | None:
    a, b = map(forms.of, step.args)
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


def _quotient_polynomial(forms: Polynomials, n: int, step: Instruction) -> Polynomial | None:
    a, b = map(forms.of, step.args)
    if a is None or b is None or (len(b) != 1 and a):
        return None
    return {forms.times(p, q, -1): c / d for p, c in a.items() for q, d in b.items()}


def _negation_polynomial(forms: Polynomials, n: int, step: Instruction) -> Polynomial | None:
    a = forms.of(step.args[0])
    return None if a is None else {product: -c for product, c in a.items()}


def _operand_polynomial(forms: Polynomials, n: int, step: Instruction) -> Polynomial | None:
    return forms.of(step.args[0])


def _sum_polynomial(forms: Polynomials, n: int, step: Instruction) -> Polynomial | None:
    a, shape = forms.of(step.args[0]), forms.shape(step.args[0])
    axes = axes_of(step.kwargs.get("axis"), len(shape))
    whole = step.kwargs.get("keepdims") is True or len(axes) == len(shape)
    if a is None or not whole or len(step.args) > 1 or step.kwargs.keys() - {"axis", "keepdims"}:
        return None
    reduced = {k - len(shape): shape[k] for k in axes}
    total: Polynomial = {}
    for product, c in a.items():
        inner = tuple((key, power) for key, power in product if _varies(forms.shapes[key], reduced))
        outer = tuple(factor for factor in product if factor not in inner)
        rest = forms.times(outer, ((_sum_key(forms, inner, reduced, step.shape), 1),)) if inner else outer
        total[rest] = total.get(rest, 0.0) + (c if inner else c * float(np.prod(list(reduced.values()))))
    return {product: c for product, c in total.items() if c != 0}


def _varies(shape: tuple[int, ...], reduced: dict[int, int]) -> bool:
    """Whether a factor of this shape is not the same all along the axes that are summed, counted from the last."""
    return any(-k <= len(shape) and shape[k] != 1 for k in reduced)


def _sum_key(forms: Polynomials, product: Monomial, reduced: dict[int, int], shape: tuple[int, ...]) -> Any:
    """The key of a sum of a product, alike for equal sums."""
    key = ("sum", product, tuple(reduced.items()))
    forms.shapes[key] = tuple(shape)
    return key


POLYNOMIAL_RULES: dict[Any, Any] = {
    None: _constant_polynomial,
    np.ones: lambda forms, n, step: {(): 1.0},
    np.zeros: lambda forms, n, step: {},
    np.add: _addition_polynomial,
    np.subtract: _addition_polynomial,
    np.multiply: _product_polynomial,
    np.divide: _quotient_polynomial,
    np.negative: _negation_polynomial,
    np.broadcast_to: _operand_polynomial,
    np.sum: _sum_polynomial,
}
