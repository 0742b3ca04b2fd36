"""memograd: a lazy, memoized, dynamic-programming gradient solver for NumPy code.

A networkx DiGraph holds the ops that NumPy code applied. `grad(L, target)` computes only the derivatives it needs, keeps
each ∂L/∂node in a table, and can log every visit, store, read and drop.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import baselines, check, functional
from .accumulation import hvp, jvp, vjp
from .drawing import draw, player, to_dot, to_mermaid
from .errors import MemogradError
from .foresight import preview
from .log import Event, Log
from .node import Node
from .reasons import why
from .registry import constant, elementwise, linear, multilinear, op, rule
from .solver import grad, grad_node
from .tableview import table
from .tape import Tape

if TYPE_CHECKING:
    from .replay import Plan, plan

__version__ = "0.1.0"

__all__ = [
    "Event",
    "Log",
    "MemogradError",
    "Node",
    "Plan",
    "Tape",
    "__version__",
    "baselines",
    "check",
    "constant",
    "draw",
    "elementwise",
    "functional",
    "grad",
    "grad_node",
    "hvp",
    "jvp",
    "linear",
    "multilinear",
    "op",
    "player",
    "preview",
    "plan",
    "rule",
    "table",
    "to_dot",
    "to_mermaid",
    "vjp",
    "why",
]

LATER = {"Plan": "replay", "plan": "replay"}
"""What comes in when it is first asked for, and its room: a program that does not use it does not pay for it."""


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(import_module(f".{LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
