"""memograd: a lazy, memoized, dynamic-programming gradient solver for NumPy code.

A networkx DiGraph holds the ops that NumPy code applied. `grad(L, target)` computes only the
derivatives it needs, keeps each ∂L/∂node in a table, and can log every visit, store, read and drop.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import MemogradError
from .rules.control import stop_gradient
from .rules.registration import constant, elementwise, linear, multilinear, op, rule
from .solver.events import Event
from .solver.gradients import grad
from .solver.log import Log
from .solver.symbolic import grad_node
from .solver.table_view import table
from .tape.node import Node
from .tape.tape import Tape

if TYPE_CHECKING:
    from . import baselines, check, functional, optimize
    from .archive import load, save
    from .diagnostics.derivation import derive
    from .diagnostics.dry_run import preview
    from .diagnostics.explanations import explain
    from .diagnostics.provenance import why
    from .drawing import draw, player
    from .jacobians.api import hessian, jacobian
    from .jacobians.report import JacobianReport
    from .plans.executable import Plan, plan
    from .solver.dask_persist import persist
    from .transforms.products import hvp, jvp, vjp

__version__ = "0.1.0"

__all__ = [
    "Event",
    "Log",
    "MemogradError",
    "Node",
    "Plan",
    "JacobianReport",
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
    "vjp",
    "why",
]

LATER = {
    "baselines": "",
    "check": "",
    "functional": "",
    "optimize": "",
    "derive": "diagnostics.derivation",
    "explain": "diagnostics.explanations",
    "preview": "diagnostics.dry_run",
    "why": "diagnostics.provenance",
    "Plan": "plans.executable",
    "plan": "plans.executable",
    "draw": "drawing",
    "player": "drawing",
    "hessian": "jacobians.api",
    "jacobian": "jacobians.api",
    "JacobianReport": "jacobians.report",
    "save": "archive",
    "load": "archive",
    "vjp": "transforms.products",
    "jvp": "transforms.products",
    "hvp": "transforms.products",
    "persist": "solver.dask_persist",
}
"""Public names that are imported when first used, each with its module; empty for a module itself.

So a program does not pay for parts that it does not use.
"""


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{LATER[name] or name}", __name__)
    return getattr(module, name) if LATER[name] else module


def __dir__() -> list[str]:
    return sorted({*globals(), *LATER})
