"""Nodes as autograd's `tracer` sees its boxes: what is one, and which value it has.

`primitive` and `notrace_primitive` stand here under autograd's names.
"""

from typing import Any

from ..tape.node import Node as Box
from .conventions import missing
from .primitives import notrace_primitive, primitive

__all__ = ["Box", "getval", "isbox", "notrace_primitive", "primitive"]

OTHERWISE = "Use mg.Tape, which records a program that can be looked at."
INSTEAD = {
    "Node": OTHERWISE,
    "TraceStack": OTHERWISE,
    "box_type_mappings": OTHERWISE,
    "find_top_boxed_args": OTHERWISE,
    "new_box": OTHERWISE,
    "register_notrace": "Use notrace_primitive.",
    "toposort": "Use networkx.topological_sort of tape.graph.",
    "trace": "Use make_vjp or make_jvp.",
    "trace_primitives_map": OTHERWISE,
    "trace_stack": OTHERWISE,
}


def __getattr__(name: str) -> Any:
    missing("tracer", name, INSTEAD)


def isbox(x: Any) -> bool:
    """Return whether x is a node."""
    return isinstance(x, Box)


def getval(x: Any) -> Any:
    """Return the value of a node; anything else as it is.

    No derivative passes through the value. While a program is recorded for reuse, by
    :func:`memograd.functional.compiled` or :mod:`memograd.optimize`, it is refused.

    Examples
    --------
    >>> from memograd.autograd import grad
    >>> float(grad(lambda x: getval(x) * x)(3.0))
    3.0
    """
    return x.value if isinstance(x, Box) else x
