"""Registration of pure ops of NumPy, SciPy and memograd.

A pure op gives equal bits for equal operands and has no side effects. A plan runs it once for equal
steps, and once for all calls if its operands are constant. Ops that users register run as often as
they were recorded.

See Also
--------
memograd.rules.registration : The registration functions, and those that users call.
"""

from collections.abc import Callable
from typing import Any

from . import registration
from .registration import RULES


def _for_pure_ops(registration_function: Callable[..., None]) -> Callable[..., None]:
    """Return the registration function of the same kind for pure ops."""

    def register(op: Any, *args: Any, **pulls: Any) -> None:
        """Register a pure op."""
        registration_function(op, *args, **pulls)
        RULES[op].pure = True

    return register


elementwise = _for_pure_ops(registration.elementwise)
linear = _for_pure_ops(registration.linear)
multilinear = _for_pure_ops(registration.multilinear)
rule = _for_pure_ops(registration.rule)


def constant(*ops: Any) -> None:
    """Register pure ops through which no derivative passes."""
    registration.constant(*ops)
    for op in ops:
        RULES[op].pure = True
