"""The five words of :mod:`.registry`, for functions of NumPy, SciPy and memograd.

What is registered here is pure: equal operands give equal bits, and nothing else happens. A plan
runs such an op once for equal steps, and where its operands are constant, once for all calls. What
users register is run as often as it was recorded.
"""

from collections.abc import Callable
from typing import Any

from . import registry
from .registry import RULES


def _pure(word: Callable[..., None]) -> Callable[..., None]:
    """A word that registers a pure op."""

    def register(op: Any, *args: Any, **lines: Any) -> None:
        word(op, *args, **lines)
        RULES[op].pure = True

    return register


elementwise = _pure(registry.elementwise)
linear = _pure(registry.linear)
multilinear = _pure(registry.multilinear)
rule = _pure(registry.rule)


def constant(*ops: Any) -> None:
    """Register pure ops through which no derivative passes."""
    registry.constant(*ops)
    for op in ops:
        RULES[op].pure = True
