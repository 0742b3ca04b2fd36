"""Where the sweep of accuracy evaluates: lists of numbers, and what a case of the sweep is.

Numbers within the range of float32 are rounded to float32, so that one reference serves both dtypes; the others, and a few with
all digits of float64, are left out in float32.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


def rounded(*numbers: float) -> list[float]:
    """Return the numbers, as float32 has them where it can."""
    with np.errstate(over="ignore"):
        narrow = [float(np.float32(x)) for x in numbers]
    return [
        y if np.isfinite(y) and (y != 0 or x == 0) else x
        for x, y in zip(numbers, narrow, strict=True)
    ]


FULL = [0.12345678901234567, 1.3579246801357924, 7.6543210987654321]
"""Numbers with all digits of float64."""
UP = (
    rounded(
        1e-100, 1e-30, 1e-8, 1e-3, 0.1, 0.4, 0.7, 1.0, 1.5, 2.7, 5.0, 9.0, 20.0, 50.0, 88.0, 300.0
    )
    + FULL
)
FAR = rounded(1e4, 1e8, 1e15)
P = UP + FAR
P0 = [0.0, *P]
R = P0 + [-x for x in P]
NEAR = [0.0, *UP, *(-x for x in UP)]
"""Both signs, up to 300."""
MID = [0.0, *UP[:13], *UP[-3:], *(-x for x in UP[:13])]
"""Both signs, up to 20."""
UNIT = rounded(1e-100, 1e-30, 1e-8, 1e-3, 0.1, 0.25, 0.5, 0.7, 0.9, 0.99, 0.999999) + [
    1 - 2.0**-24,
    1 - 2.0**-50,
    FULL[0],
]
UNIT01 = [0.0, *UNIT, 1.0]
INNER = [0.0, *UNIT, *(-x for x in UNIT)]
"""Between -1 and 1."""
FEW = rounded(1e-30, 1e-8, 0.3, 1.5, 4.0, 40.0, 1e4) + FULL[1:2]
FEWS = [0.0, *FEW, *(-x for x in FEW)]
FEW_FAR = FEW + rounded(1e10, 1e15)


@dataclass(frozen=True)
class Case:
    """One function of the sweep.

    Attributes
    ----------
    name : str
        How the table calls it.
    call : callable
        The op, or a function of several; its result is one array.
    columns : sequence of sequences
        The numbers for each argument; every combination is evaluated.
    value : callable or None
        The function in mpmath's numbers. None where `slopes` are given.
    slopes : dict from int to callable
        By argument, the derivative in mpmath's numbers, where it is simpler than the function or the function has none.
    by : tuple of int or None
        The arguments to differentiate by; None for all.
    tol : dict
        Bounds other than the default, by (order, dtype): the bound and the reason.
    """

    name: str
    call: Callable[..., Any]
    columns: Sequence[Sequence[Any]]
    value: Callable[..., Any] | None = None
    slopes: dict[int, Callable[..., Any]] = field(default_factory=dict)
    by: tuple[int, ...] | None = None

    @property
    def varied(self) -> tuple[int, ...]:
        """The arguments to differentiate by."""
        if self.slopes:
            return tuple(self.slopes)
        return tuple(range(len(self.columns))) if self.by is None else self.by
