"""Text of the call that made a node, as Python code."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..arrays.formatting import format_array
from ..program.steps import Operand, Step
from ..rules.indexing import getitem, masked
from ..rules.registration import RULES, traits_of
from ..text import op_name, printable

MAX_ELEMENTS_SHOWN = 4
"""Size up to which the elements of a constant are shown; else its shape."""

LOGICAL, COMPARISON, SUM, PRODUCT, POWER, ATOM = range(6)
"""Ranks of operators: a lower one binds less tightly. A name or a call is an atom."""

RANKS = {
    **dict.fromkeys(("&", "|"), LOGICAL),
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), COMPARISON),
    **dict.fromkeys(("+", "-"), SUM),
    **dict.fromkeys(("*", "/", "@"), PRODUCT),
    "**": POWER,
}
"""Rank of each operator that :attr:`Traits.symbol` names."""


class Formula(NamedTuple):
    """Text of an expression, and the rank of its outermost operator."""

    text: str
    rank: int = ATOM

    def within(self, rank: int) -> str:
        """Return the text as an operand of an operator: in brackets if it binds less tightly."""
        return self.text if self.rank >= rank else f"({self.text})"


def format_step(step: Step, name: Callable[[int], str]) -> str:
    """Return the call that made a node, such as ``x > 0`` or ``np.log(x)``.

    Parameters
    ----------
    step : Step
        Record of the call; its op is not None.
    name : callable
        Returns the name of an operand.
    """
    return write_step(step, lambda n: Formula(name(n))).text


def format_call(op: Any, args: list[str], kwargs: dict[str, Any]) -> str:
    """Return a call of an op as Python code, with an operator where the op has one."""
    return write_call(op, list(map(Formula, args)), kwargs).text


def write_step(step: Step, formula: Callable[[int], Formula]) -> Formula:
    """Return the call that made a node as a formula of its operands' formulas."""
    args = [formula(a) if type(a) is Operand else write_constant(a) for a in step.args]
    return write_call(step.op, args, step.kwargs)


def write_call(op: Any, args: list[Formula], kwargs: dict[str, Any]) -> Formula:
    """Return a call of an op as a formula, with the fewest brackets that keep its meaning."""
    symbol = traits_of(op).symbol
    if symbol is not None and len(args) == 2 and not kwargs:
        return write_operator(symbol, *args)
    if op is np.negative and not kwargs:
        return negate(args[0])
    if op is np.transpose and not kwargs:
        return Formula(f"{args[0].within(ATOM)}.T")
    texts = [a.text for a in args]
    if op in (getitem, masked):
        return Formula(f"{args[0].within(ATOM)}[{', '.join(texts[1:])}]")
    listed = [f"[{', '.join(texts)}]"] if RULES[op].pulls.each is not None else texts
    named = (f"{key}={format_argument(a, str)}" for key, a in kwargs.items())
    return Formula(f"{op_name(op)}({', '.join([*listed, *named])})")


def write_operator(symbol: str, a: Formula, b: Formula) -> Formula:
    """Return two formulas with an operator between them."""
    rank = RANKS[symbol]
    left = a.within(rank + (rank in (COMPARISON, POWER)))
    right = f"({b.text})" if is_negative(b) else b.within(rank + (symbol != "+"))
    return Formula(f"{left} {symbol} {right}", rank)


def is_negative(a: Formula) -> bool:
    """Return whether a formula begins with a minus sign."""
    return a.text.startswith("-")


def negate(a: Formula) -> Formula:
    """Return a formula with a minus sign in front; in front of a product, it needs no brackets."""
    text = f"({a.text})" if is_negative(a) else a.within(PRODUCT)
    return Formula(f"-{text}", PRODUCT)


def write_constant(a: Any) -> Formula:
    """Return a constant as a formula; a negative number binds as its sign does."""
    text = format_argument(a, str)
    return Formula(text, PRODUCT if text.startswith("-") else ATOM)


def format_argument(a: Any, name: Callable[[int], str]) -> str:
    """Return an argument in a few characters: a node's name, a number, or the kind of a constant.

    >>> format_argument(np.ones(2), str), format_argument(np.ones(20), str)
    ('[1, 1]', 'a constant of shape (20,)')
    """
    if type(a) is Operand:
        return name(a)
    if isinstance(a, type):
        return a.__name__
    if a is Ellipsis:
        return "..."
    if isinstance(a, slice):
        bounds = ["" if bound is None else str(bound) for bound in (a.start, a.stop, a.step)]
        return ":".join(bounds[: 2 if a.step is None else 3])
    if not isinstance(a, np.ndarray) or a.ndim == 0:
        return printable(repr(a) if isinstance(a, str) else str(a), 20)
    return format_array(a) if a.size <= MAX_ELEMENTS_SHOWN else f"a constant of shape {a.shape}"
