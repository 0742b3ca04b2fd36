"""memograd: a lazy, memoized, dynamic-programming gradient solver for NumPy code.

A networkx DiGraph holds the ops that NumPy code applied. `grad(L, target)` computes only the derivatives it needs, keeps
each ∂L/∂node in a table, and can log every visit, store, read and drop.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import MemogradError
from .log import Event, Log
from .node import Node
from .registry import constant, elementwise, linear, multilinear, op, rule
from .rules.stopping import stop_gradient
from .solver import grad, grad_node
from .tableview import table
from .tape import Tape

if TYPE_CHECKING:
    from . import baselines, check, functional, optimize
    from .accumulation import hvp, jvp, vjp
    from .archive import load, save
    from .derivation import derive
    from .drawing import draw, player, to_dot, to_graphml, to_mermaid, to_node_link
    from .explaining import explain
    from .foresight import preview
    from .guarding import guard
    from .jacobians import hessian, jacobian
    from .persistence import persist
    from .reasons import why
    from .replay import Plan, plan
    from .tally import Tally

__version__ = "0.1.0"

__all__ = [
    "Event",
    "Log",
    "MemogradError",
    "Node",
    "Plan",
    "Tally",
    "Tape",
    "__version__",
    "baselines",
    "check",
    "constant",
    "derive",
    "draw",
    "elementwise",
    "explain",
    "functional",
    "grad",
    "grad_node",
    "guard",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "linear",
    "load",
    "multilinear",
    "op",
    "optimize",
    "persist",
    "player",
    "preview",
    "plan",
    "rule",
    "stop_gradient",
    "save",
    "table",
    "to_dot",
    "to_graphml",
    "to_mermaid",
    "to_node_link",
    "vjp",
    "why",
]

LATER = {
    "baselines": "", "check": "", "functional": "", "optimize": "",
    "derive": "derivation", "explain": "explaining", "preview": "foresight", "why": "reasons", "Plan": "replay", "plan": "replay",
    "draw": "drawing", "player": "drawing", "to_dot": "drawing", "to_graphml": "drawing", "to_mermaid": "drawing",
    "to_node_link": "drawing",
    "hessian": "jacobians", "jacobian": "jacobians", "Tally": "tally",
    "save": "archive", "load": "archive", "vjp": "accumulation", "jvp": "accumulation", "hvp": "accumulation",
    "persist": "persistence", "guard": "guarding",
}  # fmt: skip
"""What comes in when it is first asked for, and its room, where it is not one itself: who does not use it does not pay for it."""


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = LATER[name]
    return getattr(import_module(f".{room}", __name__), name) if room else import_module(f".{name}", __name__)


def __dir__() -> list[str]:
    return sorted({*globals(), *LATER})
