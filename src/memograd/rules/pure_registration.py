"""The five words of :mod:`.registry`, for functions of NumPy, SciPy and memograd.

What is registered here is pure: equal operands give equal bits, and nothing else happens. A plan
runs such an op once for equal steps, and where its operands are constant, once for all calls. What
users register is run as often as it was recorded.
"""

from collections.abc import Callable
from typing import Any

from . import registration
from .registration import RULES


def _pure(word: Callable[..., None]) -> Callable[..., None]:
    """Return a word that registers a pure op."""

    def register(op: Any, *args: Any, **lines: Any) -> None:
        """Register a pure op."""
        word(op, *args, **lines)
        RULES[op].pure = True

    return register


elementwise = _pure(registration.elementwise)
linear = _pure(registration.linear)
multilinear = _pure(registration.multilinear)
rule = _pure(registration.rule)


def constant(*ops: Any) -> None:
    """Register pure ops through which no derivative passes."""
    registration.constant(*ops)
    for op in ops:
        RULES[op].pure = True
