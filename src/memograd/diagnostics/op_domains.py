"""Domains of ops, and the ops that saturate or overflow."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..rules.ufunc_methods import log_sum, log_sum2
from ..text import op_name


class Domain(NamedTuple):
    """Domain of an op: deciding operand, its bad values, the condition as code, a safe value."""

    operand: int
    bad: Callable[[Any], Any]
    good: str
    safe: float = 1.0


def size_at_least(most: float) -> Callable[[Any], Any]:
    """Return a predicate: whether the absolute value of an operand is at least `most`."""
    return lambda a: np.greater_equal(np.absolute(a), most)


def at_most(bound: float) -> Callable[[Any], Any]:
    """Return a predicate: whether an operand is at most `bound`."""
    return lambda a: np.less_equal(np.real(a), bound)


def equals_zero(a: Any) -> Any:
    """Return whether an operand is zero."""
    return np.equal(a, 0)


DOMAINS: dict[str, Domain] = {
    "np.log": Domain(0, at_most(0), "{} > 0"),
    "np.log2": Domain(0, at_most(0), "{} > 0"),
    "np.log10": Domain(0, at_most(0), "{} > 0"),
    "np.log1p": Domain(0, at_most(-1), "{} > -1", 0.0),
    "np.sqrt": Domain(0, at_most(0), "{} > 0"),
    "np.cbrt": Domain(0, equals_zero, "{} != 0"),
    "np.divide": Domain(1, equals_zero, "{} != 0"),
    "np.reciprocal": Domain(0, equals_zero, "{} != 0"),
    "np.power": Domain(0, at_most(0), "{} > 0"),
    "np.float_power": Domain(0, at_most(0), "{} > 0"),
    "np.remainder": Domain(1, equals_zero, "{} != 0"),
    "np.arcsin": Domain(0, size_at_least(1), "np.abs({}) < 1", 0.0),
    "np.arccos": Domain(0, size_at_least(1), "np.abs({}) < 1", 0.0),
    "np.arctanh": Domain(0, size_at_least(1), "np.abs({}) < 1", 0.0),
    "np.arccosh": Domain(0, at_most(1), "{} > 1", 2.0),
    "special.xlogy": Domain(1, at_most(0), "{} > 0"),
    "special.logit": Domain(
        0, lambda a: np.logical_or(at_most(0)(a), size_at_least(1)(a)), "(0 < {0}) & ({0} < 1)", 0.5
    ),
    "special.gammaln": Domain(0, at_most(0), "{} > 0"),
    "special.gamma": Domain(0, at_most(0), "{} > 0"),
}
"""Domains of ops, by name: those of SciPy are registered late."""

EXPONENTIALS = {"np.exp", "np.exp2", "np.expm1", "np.sinh", "np.cosh", "special.exp10"}
"""Ops that overflow or underflow for operands of moderate size; 0 is a safe operand."""

SATURATING = {
    "np.tanh",
    "np.arctan",
    "special.expit",
    "special.erf",
    "special.erfc",
    "special.ndtr",
    "special.log_expit",
    "special.log_ndtr",
    "softmax",
    "log_softmax",
    "np.maximum",
    "np.minimum",
    "np.fmax",
    "np.fmin",
    "np.clip",
    "np.logaddexp",
    "np.logaddexp2",
    "logsumexp",
    op_name(log_sum),
    op_name(log_sum2),
    "np.max",
    "np.min",
}
"""Ops that are flat, or nearly so, on a part of their domain."""


def domain_of(op: Any) -> Domain | None:
    """Return the domain of an op; None if the table has none."""
    name = op_name(op)
    if name in EXPONENTIALS:
        return Domain(0, size_at_least(np.inf), "{} < 700", 0.0)
    return DOMAINS.get(name)
