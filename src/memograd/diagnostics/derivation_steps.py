"""Lines of a worked derivation, which its text, LaTeX and HTML show."""

from collections.abc import Callable
from typing import NamedTuple

from ..drawing.player_steps import MAX_TERMS_SHOWN

Rows = list[list[str]]
"""Elements of a small matrix; empty for another array."""


class Value(NamedTuple):
    """Line of the forward phase: `name = formula = value`; a leaf has no formula.

    Attributes
    ----------
    name, formula, value : str
        Parts of the line.
    rows : list of list of str
        Elements of the value if it is a small matrix.
    """

    name: str
    formula: str
    value: str
    rows: Rows


class Local(NamedTuple):
    """Local derivative ∂c/∂n of a real scalar by another: `∂c/∂n = formula = value`."""

    consumer: str
    formula: str
    value: str


class Equation(NamedTuple):
    """Chain-rule step.

    Attributes
    ----------
    name : str
        Name of n, if the left side is ∂L/∂n.
    consumers : tuple of str
        Name of c for each term ∂L/∂c · ∂c/∂n; it may be L itself. Empty if ∂L/∂n was known.
    formula : str
        Sum of the terms as the rules state them, of arrays and of a direct use by L.
    numbers : str
        Terms in numbers, unless they say no more than the sum.
    value : str
        Sum of the terms.
    rows : list of list of str
        Elements of the sum if it is a small matrix.
    locals : tuple of Local
        Local derivatives, of scalars.
    known : tuple of str
        Name of c for each ∂L/∂c that was read from the table.
    """

    name: str
    consumers: tuple[str, ...]
    formula: str
    numbers: str
    value: str
    rows: Rows
    locals: tuple[Local, ...]
    known: tuple[str, ...]


def terms_of(e: Equation, output: str, ratio: Callable[[str, str], str], times: str) -> list[str]:
    """Return the terms ∂L/∂c · ∂c/∂n of an equation, of which a direct one is ∂L/∂n alone.

    Parameters
    ----------
    e : Equation
        Its consumers are not empty.
    output : str
        Name of L.
    ratio : callable
        Returns the derivative of one name by another.
    times : str
        Sign between the factors.
    """
    return [
        ratio(c, e.name) if c == output else ratio(output, c) + times + ratio(c, e.name)
        for c in e.consumers[:MAX_TERMS_SHOWN]
    ]


def is_direct(e: Equation, output: str) -> bool:
    """Return whether L itself is the only consumer."""
    return e.consumers == (output,)
