"""Absent cotangents: structural zeros for outputs of an op on which L does not depend.

The rule of an op with several outputs adds one term for the cotangent of each output. If L does not
depend on an output, its term must be left out: as a product it would be 0 · ∞ where the derivative
of that output is infinite. So the solver passes an `Absent` for that cotangent. A product with it
is absent, and a sum with it is the other term. Functions that are not known to keep zeros get an
array of zeros. A rule never returns an absent cotangent.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .registration import RULES, Read, Rule, VJPRule

ANNIHILATED: dict[Any, tuple[int, ...]] = {np.multiply: (0, 1), np.divide: (0,)}
"""Positions at which an absent operand makes the result of an op absent."""

SUMS: dict[Any, Callable[[Any], Any]] = {np.add: lambda b: b, np.subtract: lambda b: -b}
"""Sums of two operands, each with the result if the first one is absent."""

LINEAR = frozenset(
    {np.add, np.subtract, np.where, np.negative, np.positive, np.conjugate, np.real, np.imag}
)
"""Elementwise functions that are jointly linear in the operands with derivatives."""


class Absent(np.ndarray):
    """Zeros that stand for the cotangent of an output on which L does not depend."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs and ufunc in RULES:
            return apply_to_absent(ufunc, inputs, {})
        return getattr(ufunc, method)(*map(present, inputs), **kwargs)

    def __array_function__(
        self, func: Any, types: Any, args: Iterable[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        if func in RULES:
            return apply_to_absent(func, *RULES[func].bind(tuple(args), dict(kwargs)))
        return func(*map(present, args), **kwargs)

    def __memograd_record__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return apply_to_absent(op, *RULES[op].bind(args, kwargs))

    def __memograd_apply__(
        self, op: Any, operands: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        """Apply an op to a call in canonical form that includes an absent cotangent."""
        return apply_to_absent(op, operands, keywords)

    def __getitem__(self, key: Any) -> Any:
        return absent(super().__getitem__(key))  # an item of an array would be a number


def absent(zeros: Any) -> Any:
    """Return zeros as an absent cotangent; arrays of other kinds are returned unchanged."""
    return np.asarray(zeros).view(Absent) if isinstance(zeros, np.ndarray | np.generic) else zeros


def present(x: Any) -> Any:
    """Return ordinary zeros for absent cotangents, in lists too; other values unchanged."""
    if type(x) is Absent:
        return x.view(np.ndarray)
    return type(x)(map(present, x)) if type(x) in (list, tuple) else x


def apply_to_absent(op: Any, operands: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Apply an op to a call in canonical form that includes an absent cotangent."""
    missing = [k for k, x in enumerate(operands) if type(x) is Absent]
    if op in SUMS and len(missing) == 1 and all(map(has_shape, operands)):
        return remaining(op, operands, missing[0])
    if is_annihilated(RULES[op], operands, missing):
        with np.errstate(all="ignore"):
            return as_absent(RULES[op].run(stand_ins(RULES[op], operands), keywords))
    return RULES[op].run(
        tuple(map(present, operands)), {name: present(x) for name, x in keywords.items()}
    )


def remaining(op: Any, operands: tuple[Any, ...], k: int) -> Any:
    """Return the term of a sum whose other term, at position k, is absent."""
    other = SUMS[op](operands[1]) if k == 0 else operands[0]
    shape = np.broadcast_shapes(operands[0].shape, operands[1].shape)
    return other if other.shape == shape else np.broadcast_to(other, shape)


def is_annihilated(rule: Rule, operands: tuple[Any, ...], missing: list[int]) -> bool:
    """Return whether the absent operands alone make the result zero."""
    if not missing or not all(
        isinstance(x, int | float | complex) or has_shape(x)
        for k, x in enumerate(operands)
        if rule.pulls[k,]
    ):
        return False
    if rule.op in ANNIHILATED:
        return any(k in missing for k in ANNIHILATED[rule.op])
    if rule.kind == "multilinear":
        return True
    if rule.kind == "linear" or rule.op in LINEAR:
        return all(k in missing or is_zero(x) for k, x in enumerate(operands) if rule.pulls[k,])
    return False


def is_zero(x: Any) -> bool:
    """Return whether a value is the Python number zero."""
    return type(x) in (int, float) and x == 0


def has_shape(x: Any) -> bool:
    """Return whether a value is a NumPy array, a node or a batch."""
    return isinstance(x, np.ndarray | np.generic) or hasattr(type(x), "__memograd_record__")


def stand_ins(rule: Rule, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the operands with memory-free zeros in place of those that have derivatives."""
    return tuple(
        absent_zeros_like(x) if rule.pulls[k,] and has_shape(x) else x
        for k, x in enumerate(operands)
    )


def absent_zeros_like(x: Any) -> Any:
    """Return zeros of the shape and dtype of an array, a node or a batch.

    They are one number, broadcast.
    """
    return np.broadcast_to(np.zeros((), x.dtype), x.shape)


def as_absent(y: Any) -> Any:
    """Return a zero result, or a tuple of such, as absent."""
    return tuple(map(as_absent, y)) if isinstance(y, tuple | list) else absent(absent_zeros_like(y))


def partial(rule: VJPRule, unread: frozenset[int]) -> VJPRule:
    """Return the rule of an op with several outputs for absent cotangents of some of them.

    `unread` are the numbers of those outputs.
    """

    def pull(g: Any, c: int, k: int, steps: Any, read: Read) -> Any:
        """Return the contribution of a consumer to the cotangent of an operand."""
        d = rule.pull(
            tuple(absent(d) if j in unread else d for j, d in enumerate(g)), c, k, steps, read
        )
        return np.zeros(d.shape, d.dtype) if type(d) is Absent else d

    return VJPRule(rule.fn, pull, rule.reads, rule.reads_output)
