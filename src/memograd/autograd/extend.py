"""What autograd's `extend` holds: primitives, their derivatives, vector spaces."""

from typing import Any

from .conventions import missing
from .core import INSTEAD
from .primitives import (
    def_linear,
    defjvp,
    defjvp_argnum,
    defjvp_argnums,
    defvjp,
    defvjp_argnum,
    defvjp_argnums,
    notrace_primitive,
    primitive,
)
from .tracer import INSTEAD as OF_TRACER
from .tracer import Box
from .vector_spaces import VSpace, vspace

__all__ = [
    "Box",
    "VSpace",
    "def_linear",
    "defjvp",
    "defjvp_argnum",
    "defjvp_argnums",
    "defvjp",
    "defvjp_argnum",
    "defvjp_argnums",
    "notrace_primitive",
    "primitive",
    "vspace",
]


def __getattr__(name: str) -> Any:
    missing("extend", name, INSTEAD | OF_TRACER)
